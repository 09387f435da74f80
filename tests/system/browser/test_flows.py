"""What people do at the pages, clicked through with gates and servers behind them."""

import re
import statistics
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import needs
from tests.support.chromium import SCREENS, THEMES, person
from tests.support.postgres import can_run, postgres
from tests.system.browser.evening import (
    PIN,
    STAFF,
    SUPERVISOR,
    Evening,
    an_evening,
    closing_server,
    open_link,
    seconds_until_shown,
)
from tests.system.network import Server, until

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.timeout(180)]
ADMISSIONS = 7
COUNTED = {"inside, at least": "inside", "admitted": "admitted", "expected": "expected",
           "not there yet": "no_show", "refused": "refused"}  # fmt: skip


def test_from_a_lane_to_tonight(evening: Evening, browser: Browser) -> None:
    """A link made at a lane, a PIN, Tonight; an admission at a lane is on it while it is open."""
    with person(browser, evening.server.url, "phone") as at:
        at.open("/")
        assert at.path == "/web/sign-in"
        assert at.page.get_by_label("PIN").count() == 0, "a PIN alone is not enough"
        open_link(at, evening.lane_link("North"))
        at.sign_in(STAFF, PIN)
        assert at.path == "/web/tonight"
        took_s = [seconds_until_shown(at, evening, "South") for _n in range(ADMISSIONS)]
        print(
            f"\nshown after {statistics.median(took_s):.2f} s (median), {max(took_s):.2f} s at most"
        )
        at.press("Sign out")
        at.page.get_by_text("You are signed out.").wait_for()


def test_numbers_are_those_of_the_report(evening: Evening, browser: Browser) -> None:
    """To the person: what is inside, came, is expected, is missing, was refused."""
    with evening.signed_in(browser) as at:
        evening.settled()
        at.open("/web/tonight")
        numbers = evening.report("North")["event"]
        shown = {word: at.number(heading) for heading, word in COUNTED.items()}
        assert shown == {word: numbers[word] for word in COUNTED.values()}
        assert shown["inside"] > 0
        assert shown["refused"] == 2


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("theme", THEMES)
def test_on_every_screen(evening: Evening, browser: Browser, screen: str, theme: str) -> None:
    """Phone and desktop, light and dark: live, nothing has to be pushed aside, and a picture."""
    with evening.signed_in(browser, screen=screen, color_scheme=theme) as at:
        assert seconds_until_shown(at, evening, "North") < 10
        paper = at.page.locator("html").evaluate("html => getComputedStyle(html).backgroundColor")
        is_dark = max(int(part) for part in re.findall(r"\d+", paper)) < 128
        assert is_dark == (theme == "dark")
        for name in ("tonight", "wall"):
            at.open(f"/web/{name}")
            assert not at.is_too_wide()
            at.picture(f"{name}-{screen}-{theme}")


def test_a_read_only_link(evening: Evening, browser: Browser) -> None:
    """Counts, live, and nothing that is for others; when it is ended the page leads out."""
    with evening.signed_in(browser, "counts", "phone") as at:
        assert at.path == "/web/tonight"
        expect(at.page.get_by_text("A read-only link: counts, and no names.")).to_be_visible()
        seconds_until_shown(at, evening, "North")
        menu = at.page.locator("nav a").all_inner_texts()
        assert menu == ["Tonight"]
        listed = evening.run("serve", "--server-dir", str(evening.server.folder), "--web-links")
        found = re.search(r"^([0-9a-f]{12})  link .* counts Mia$", listed, re.MULTILINE)
        assert found is not None
        evening.run("serve", "--server-dir", str(evening.server.folder), "--web-end", found[1])
        at.page.reload()
        assert at.path == "/web/sign-in"


def test_without_script(evening: Evening, browser: Browser) -> None:
    """The same pages, whole: link, PIN, numbers, language and contrast, the way out."""
    with person(browser, evening.server.url, "phone", java_script_enabled=False) as at:
        open_link(at, evening.lane_link("South"))
        at.may_fail = True
        at.sign_in(SUPERVISOR, "999999")
        at.page.get_by_role("alert").wait_for()
        at.may_fail = False
        at.sign_in(SUPERVISOR, PIN)
        before = at.number("admitted")
        evening.admit("South")
        until(lambda: at.page.reload() is not None and at.number("admitted") == before + 1)
        at.picture("tonight-phone-no-script")
        at.page.get_by_label("Language").select_option("zh_CN")
        at.page.get_by_label("Contrast").select_option("high")
        at.press("Show it so")
        html = at.page.locator("html")
        assert (html.get_attribute("lang"), html.get_attribute("class")) == ("zh-CN", "high")
        at.picture("tonight-phone-zh-high")
        at.page.locator("footer form[action='/web/sign-out'] button").click()
        assert at.path == "/web/sign-in"


def test_a_server_that_is_killed_and_comes_back(tmp_path: Path, browser: Browser) -> None:
    """The page says how old it is, goes on by itself, and shows what came meanwhile."""
    with (
        an_evening(tmp_path, gates=("North",)) as evening,
        evening.signed_in(browser, screen="phone") as at,
    ):
        evening.admit("North")
        at.wait_for(".figure.large .number", "1")
        at.may_fail = True
        evening.server.kill()
        old = at.page.locator("#age.old")
        old.wait_for()
        assert re.search(r"Nothing heard from the server for \d+ s\.", old.inner_text())
        at.picture("tonight-phone-old")
        evening.admit("North", 3)
        assert at.number("inside, at least") == 1
        evening.server.start()
        back_s = time.monotonic()
        at.wait_for(".figure.large .number", "4", 60_000)
        expect(at.page.locator("#age.old")).to_have_count(0)
        print(f"\nagain live {time.monotonic() - back_s:.1f} s after the server was")
        at.may_fail = False
        seconds_until_shown(at, evening, "North")


@pytest.mark.postgres
def test_two_browsers_at_two_servers(tmp_path: Path, browser: Browser) -> None:
    """Over one PostgreSQL: each shows live what came in at the other; a session is good at both."""
    needs(can_run(), "PostgreSQL (apt install postgresql)")
    with (
        postgres() as url,
        an_evening(tmp_path, "--database", url, gates=("North",)) as evening,
        closing_server(Server(tmp_path / "other", "--database", url)) as other,
        evening.signed_in(browser, screen="phone") as at,
        evening.signed_in(browser, "counts") as elsewhere,
    ):
        elsewhere.open("/web/wall", other.url)
        for count in (1, 2, 3):
            evening.admit("North")
            at.wait_for(".figure.large .number", str(count))
            elsewhere.wait_for(".figure.huge .number", str(count))
        at.open("/web/tonight", other.url)
        assert at.number("inside, at least") == 3
        at.press("Sign out")
        at.open("/web/tonight")
        assert at.path == "/web/sign-in"


def test_cookies_under_tls(tmp_path: Path, browser: Browser) -> None:
    """No script reads them, no other site has them sent, and nothing without TLS sees them."""
    from tests.sync.server.test_serve import serving  # noqa: PLC0415  its fixtures are its own

    with serving(tmp_path / "server", "--self-signed") as server:
        link = Evening.run("serve", "--server-dir", str(server.folder), "--web-link", "Mia",
                            "--web-kind", "organiser", "--url", server.url).split()[-1]  # fmt: skip
        with person(browser, server.url, ignore_https_errors=True) as at:
            open_link(at, link)
            assert at.path == "/web/tonight"
            kept = {one["name"]: one for one in at.context.cookies() if "session" in one["name"]}
            (cookie,) = kept.values()
            assert list(kept) == ["__Host-gate-session"]
            assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")
            assert at.page.evaluate("document.cookie") == ""
            at.page.locator("#age", has_text="live").wait_for()

"""Every page that there is, by eye of a machine: axe, widths, strangers' texts that do nothing."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.support.chromium import SCREENS, Person, person
from tests.support.inert import HOSTILE
from tests.support.web_routes import ANYBODY, WebRoute, names_asked, pages
from tests.system.browser.evening import Evening
from tests.system.network import EVENT

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.timeout(240)]
LOOKS = (("light", "normal"), ("dark", "normal"), ("dark", "high"))
"""Theme and contrast; a high one is the same in both themes."""
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
         "resultTypes": ["violations"]}  # fmt: skip


def violations(at: Person) -> list[str]:
    """What axe finds on the page that is open, a line for each place."""
    found: dict[str, Any] = Axe().run(at.page, options=RULES).response
    return [
        f"{at.path} {one['id']}: {node['target'][0]} {node.get('failureSummary', '')}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def shown(evening: Evening, at: Person) -> Iterator[WebRoute]:
    """Every page, opened one after the other by the organiser."""
    known = {"device": evening.gates["North"].folder.device_id(), "ticket": "t1",
             "secret": evening.link("counts").rpartition("/")[2]}  # fmt: skip
    for route in pages():
        at.may_fail = True  # a page that says "there is none" is one, too
        at.open(route.address(known))
        at.may_fail = False
        yield route


@pytest.mark.parametrize(("theme", "contrast"), LOOKS)
@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing(
    evening: Evening, browser: Browser, screen: str, theme: str, contrast: str
) -> None:
    """WCAG 2.2 AA and good practice, in both themes and in high contrast; nothing is too wide."""
    with evening.signed_in(browser, screen=screen, color_scheme=theme) as at:
        at.open(f"/web/look?contrast={contrast}&language=en&to=/web/tonight")
        found = []
        for route in shown(evening, at):
            found += violations(at)
            if at.is_too_wide():
                found.append(f"{route.path}: too wide")
            at.picture(f"every{route.path.replace('/', '-')}-{screen}-{theme}-{contrast}")
        assert found == []


def test_axe_finds_nothing_before_sign_in(evening: Evening, browser: Browser) -> None:
    """Where a browser is not known, and where it asks for the PIN, once more after a wrong one."""
    with person(browser, evening.server.url, "phone") as at:
        at.open("/web/sign-in")
        found = violations(at)
        at.page.goto(evening.lane_link("North"))
        found += violations(at)
        at.page.locator("main button.main").click()
        found += violations(at)
        at.may_fail = True
        at.sign_in("Nobody", "999999")
        at.page.get_by_role("alert").wait_for()
        assert found + violations(at) == []


def test_axe_would_find_something(evening: Evening, browser: Browser) -> None:
    """A mutation: a button that nothing is said of."""
    with evening.signed_in(browser) as at:
        at.page.locator("main").evaluate(
            "main => main.insertAdjacentHTML('beforeend', '<button></button>')"
        )
        assert any("button-name" in one for one in violations(at))


@pytest.mark.parametrize("text", HOSTILE[:3], ids=range(3))
def test_what_strangers_write_does_nothing(evening: Evening, browser: Browser, text: str) -> None:
    """Of tickets, zones and codes, and in the address: no dialog, request, error or way away."""
    seen = "".join(c for c in text if c.isprintable())[:60]
    of_ticket = dict.fromkeys(("holder", "note", "seats", "order", "attention"), seen)
    code = f"{seen} of nobody's"
    rows = [{"code": code, "type": "A", "id": "hostile", **of_ticket}]
    evening.server.admin("POST", f"/events/{EVENT}/tickets", {"tickets": rows})
    profiles = {"North": {"zone": seen[:40], "zone_capacity": 9}}
    evening.say({"settings": {"profiles": profiles}})
    evening.scan("North", text)
    with evening.signed_in(browser) as at:
        for route in shown(evening, at):
            if route.level is not ANYBODY:
                at.may_fail = True
                said = urlencode(dict.fromkeys(names_asked() - {"language"}, seen))
                at.open(f"{route.address({'ticket': 'hostile'})}?{said}")
                at.may_fail = False
            assert at.page.url.startswith(at.url)
            assert at.page.locator("iframe, object, base, img[src='x']").count() == 0

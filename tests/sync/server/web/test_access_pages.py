"""Who may: operators, tokens, webhooks, links, browsers and the log, for the organiser alone."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from gate.clock import read_wall_ms
from gate.core.event_settings import OperatorRow
from gate.core.place import Role
from gate.operators import find, is_pin_of
from sync.server import audit, events, organisers
from sync.server.database import reading
from sync.server.devices import ID_DIGITS, hash_of
from sync.server.organisers import Right
from sync.server.web.links import Kind
from tests.support.central import Central, central
from tests.support.web import PIN, Browser, add_operators, browser, link, signed_in

HOSTILE = "<script>alert(1)</script>\"'><img src=x>"
PATHS = ("operators", "browsers", "tokens", "webhooks", "log")
WHY = {"why": "because"}


@asynccontextmanager
async def organiser(running: Central) -> AsyncIterator[Browser]:
    """The browser of the organiser."""
    async with browser(running.app) as at:
        await at.open_link(await link(running, Kind.ORGANISER, "Mia"))
        yield at


def operators(running: Central) -> tuple[OperatorRow, ...]:
    with reading(running.engine) as connection:
        return events.row_of(connection, "show").settings.operators or ()


def newest_row(running: Central) -> audit.Row:
    with reading(running.engine) as connection:
        return audit.newest(connection, "show", 1)[0]


async def do(at: Browser, page: str, act: str, **fields: str) -> int:
    """Send a form of a page, with a reason; the answer is the status."""
    await at.get(f"/web/{page}")
    return (await at.send(f"/web/{page}/{act}", **(WHY | fields))).status_code


async def test_they_are_the_organisers(tmp_path: Path) -> None:
    """No supervisor sees them, or is led to them."""
    async with central(tmp_path) as running, signed_in(running) as at:
        for path in PATHS:
            assert f'href="/web/{path}"' not in (await at.get("/web/tonight")).text
            assert (await at.get(f"/web/{path}")).status_code == 403
        await at.get("/web/tonight")
        answer = await at.send("/web/operators/put", name="Eve", role="supervisor", pin=PIN,
                               again=PIN, **WHY)  # fmt: skip
        assert answer.status_code == 403
        assert find(operators(running), "Eve") is None


async def test_an_operator_is_added_changed_and_removed(tmp_path: Path) -> None:
    """With role and PIN; without a PIN the old one stays; removed, they are signed out."""
    async with central(tmp_path) as running, organiser(running) as at:
        new = {"name": "Ann", "role": "supervisor", "pin": PIN, "again": PIN}
        assert await do(at, "operators", "put", **new) == 200
        assert is_pin_of(find(operators(running), "Ann"), PIN)
        row = newest_row(running)
        assert (row.act, row.about) == ("settings", "operator put Ann supervisor: because")
        assert row.who.endswith(" Mia")
        async with browser(running.app) as hers:
            await hers.open_link(await link(running, Kind.BROWSER))
            assert (await hers.sign_in("Ann")).url.path == "/web/tonight"
            assert await do(at, "operators", "put", name="ann", role="staff") == 200
            found = find(operators(running), "Ann")
            assert found is not None
            assert found.role is Role.STAFF
            assert is_pin_of(found, PIN)
            assert (await hers.get("/web/settings")).status_code == 403
            assert await do(at, "operators", "remove", name="Ann") == 200
            assert operators(running) == ()
            assert (await hers.get("/web/tonight")).url.path == "/web/sign-in"
        assert PIN not in "".join(row.about for row in rows(running))


def rows(running: Central) -> list[audit.Row]:
    with reading(running.engine) as connection:
        return audit.newest(connection, "show", 1000)


@pytest.mark.examples(2)
@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Ann", "role": "staff"},
        {"name": "Ann", "role": "staff", "pin": PIN, "again": "other"},
        {"name": "Ann", "role": "owner", "pin": PIN, "again": PIN},
        {"name": "Ann", "role": "staff", "pin": "1111", "again": "1111"},
        {"name": "", "role": "staff", "pin": PIN, "again": PIN},
        {"name": "Ann", "role": "staff", "pin": PIN, "again": PIN, "why": ""},
    ],
    ids=["no PIN", "two PINs", "no role", "easy", "no name", "no reason"],
)
async def test_what_is_no_operator_is_said(tmp_path: Path, fields: dict[str, str]) -> None:
    """And nobody is added."""
    async with central(tmp_path) as running, organiser(running) as at:
        assert await do(at, "operators", "put", **fields) == 422
        assert operators(running) == ()


async def test_a_token_is_made_rolled_and_ended(tmp_path: Path) -> None:
    """Shown once; it may what was ticked, of this event; those of others are not its page's."""
    async with central(tmp_path) as running, organiser(running) as at:
        made = {"name": "Box office", "right-counts": "yes", "days": "7"}
        assert await do(at, "tokens", "make", **made) == 200
        secret = shown(at)
        assert await asks(running, secret) == (200, 403)
        page = (await at.get("/web/tokens")).text
        assert secret not in page
        id_ = re.search(r"<code>([0-9a-f]{12})</code>", page)
        assert id_
        assert await do(at, "tokens", "roll", token=id_[1]) == 200
        assert await asks(running, shown(at)) == (200, 403)
        assert await do(at, "tokens", "end", token=id_[1]) == 200
        assert newest_row(running).about == f"{id_[1]} Box office: because"
        assert await asks(running, secret) == (401, 401)
        assert await do(at, "tokens", "make", name="x", days="7") == 422
        assert await do(at, "tokens", "make", name="x", days="7000") == 422
        make = partial(organisers.make, name="All", event="", rights={Right.ADMINISTER},
                       now_ms=read_wall_ms())  # fmt: skip
        _secret, of_all = await running.server.write(make)
        assert of_all.id not in (await at.get("/web/tokens")).text
        assert await do(at, "tokens", "end", token=of_all.id) == 404


def shown(at: Browser) -> str:
    """The secret that the page shows, this once."""
    found = re.search(r'<code class="secret">([^<]+)</code>', at.page)
    assert found
    return found[1]


async def asks(running: Central, token: str) -> tuple[int, int]:
    """What a token opens: devices, and the log."""
    headers = {"Authorization": f"Bearer {token}"}
    paths = ("/v1/events/show/devices", "/v1/audit?event=show")
    first, second = [await running.http.get(path, headers=headers) for path in paths]
    return first.status_code, second.status_code


async def test_a_webhook_is_made_tried_and_ended(tmp_path: Path) -> None:
    """Its secret is shown once; where it may not be it is not made."""
    async with central(tmp_path) as running, organiser(running) as at:
        url = "https://192.0.2.1/told"
        assert await do(at, "webhooks", "make", url="http://127.0.0.1/") == 422
        made = {"url": "https://203.0.114.9/told", "kind-admission": "yes"}
        assert await do(at, "webhooks", "make", **made) == 200, url
        secret = shown(at)
        assert secret.startswith("whsec_")
        page = (await at.get("/web/webhooks")).text
        assert secret not in page
        assert "0 waiting" in page
        found = re.search(r'name="webhook" value="([0-9a-f]+)"', page)
        assert found
        assert newest_row(running).about == f"{found[1]} admission: because"
        assert await do(at, "webhooks", "end", webhook=found[1]) == 200
        assert made["url"] not in (await at.get("/web/webhooks")).text
        assert await do(at, "webhooks", "ping", webhook=found[1]) == 404


async def test_browsers_sessions_and_links_are_listed_and_ended(tmp_path: Path) -> None:
    """A read-only link shows counts until it is ended; so does whoever is signed in."""
    async with central(tmp_path) as running, organiser(running) as at:
        await add_operators(running, {"Ann": Role.SUPERVISOR})
        made = {"name": "Press", "kind": "counts", "hours": "6"}
        assert await do(at, "browsers", "link", **made) == 200
        address = shown(at)
        assert address.startswith("https://gate.example/web/link/")
        secret = address.rpartition("/")[2]
        async with browser(running.app) as press, browser(running.app) as hers:
            await press.open_link(secret)
            await hers.open_link(await link(running, Kind.BROWSER, "Her phone"))
            await hers.sign_in("Ann")
            page = (await at.get("/web/browsers")).text
            assert secret not in page
            for words in ("Press", "Her phone", "supervisor", "this is you", "counts only"):
                assert words in page
            ids = re.findall(r'name="id" value="([0-9a-f]+)"', page)
            for other in (press, hers):
                assert (await other.get("/web/tonight")).url.path == "/web/tonight"
            for id_ in ids:
                if id_ not in own(running, at):
                    await do(at, "browsers", "end", id=id_)
            for other in (press, hers):
                assert (await other.get("/web/tonight")).url.path == "/web/sign-in"
        assert await do(at, "browsers", "end", id="0" * 12) == 404
        assert await do(at, "browsers", "link", name="x", kind="organiser", hours="1") == 422


def own(running: Central, at: Browser) -> set[str]:
    """Ids of the organiser's own session and browser."""
    secrets = [one.value or "" for one in at.http.cookies.jar]
    return {hash_of(secret)[:ID_DIGITS] for secret in secrets}


async def test_the_log_is_read_a_page_at_a_time(tmp_path: Path) -> None:
    """The newest first, of this event alone, whatever stands in it."""
    async with central(tmp_path) as running, organiser(running) as at:

        def note(connection: object, event: str, about: str) -> None:
            audit.note(connection, audit.CONSOLE, "tried", 1, event=event, about=about)  # type: ignore[arg-type]

        for n in range(60):
            await running.server.write(partial(note, event="show", about=f"number-{n}."))
        await running.server.write(partial(note, event="other", about="elsewhere"))
        await running.server.write(partial(note, event="show", about=HOSTILE))
        page = (await at.get("/web/log")).text
        assert page.index("number-59.") < page.index("number-58.")
        assert "alert(1)" in page
        for bad in ("elsewhere", "<script>alert", "number-5."):
            assert bad not in page
        older = re.search(r"/web/log\?before=\d+", page)
        assert older
        page = (await at.get(older[0])).text
        assert "number-5." in page
        assert "number-59." not in page
        for odd in ("x", "-1", "9" * 30):
            assert (await at.get(f"/web/log?before={odd}")).status_code == 200


async def test_what_people_are_called_is_only_text(tmp_path: Path) -> None:
    """Names of operators, tokens, links, browsers and programs run nothing."""
    async with central(tmp_path) as running, organiser(running) as at:
        name = HOSTILE[:40]
        put = {"name": name, "role": "staff", "pin": PIN, "again": PIN, "why": HOSTILE}
        assert await do(at, "operators", "put", **put) == 200
        token = {"name": HOSTILE, "right-counts": "yes", "days": "7"}
        assert await do(at, "tokens", "make", **token) == 200
        assert await do(at, "browsers", "link", name=name, kind="counts", hours="6") == 200
        async with browser(running.app) as other:
            other.http.headers["User-Agent"] = HOSTILE
            await other.open_link(await link(running, Kind.BROWSER, HOSTILE))
        for path in PATHS:
            page = (await at.get(f"/web/{path}")).text
            assert path == "webhooks" or "alert(1)" in page, path
            for bad in ("<script>alert", "<img src=x"):
                assert bad not in page, path


async def test_the_event_has_another_zone_and_end(tmp_path: Path) -> None:
    """What was written otherwise is stated, and no end alone that would drop names at once."""
    async with central(tmp_path) as running, organiser(running) as at:
        now = {"was-time_zone": "Asia/Shanghai", "was-keep_days": "30", "keep_days": "30",
               "was-isolated_hours": "0", "isolated_hours": "12"}  # fmt: skip
        fields = now | {"time_zone": "Europe/Berlin", "ends": "2031-08-02"}
        assert await do(at, "settings", "event", **fields) == 200
        with reading(running.engine) as connection:
            row = events.row_of(connection, "show")
        assert (row.time_zone, row.isolated_hours, row.keep_days) == ("Europe/Berlin", 12, 30)
        shown_now = {"ends": "2031-08-02 23:59:59", "time_zone": "Europe/Berlin"}
        page = (await at.get("/web/settings/event")).text
        for text in shown_now.values():
            assert f'value="{text}"' in page
        was = {f"was-{name}": text for name, text in shown_now.items()}
        for wrong in ({"ends": "2020-01-01"}, {"ends": "soon"}, {"time_zone": "Mars"},
                      {"keep_days": "-1"}, {"isolated_hours": "many"}):  # fmt: skip
            said = shown_now | was | {"why": "x"} | wrong
            await at.get("/web/settings/event")
            answer = await at.send("/web/settings/event", **said)
            assert answer.status_code == 422, wrong
        with reading(running.engine) as connection:
            assert events.row_of(connection, "show") == row


async def test_supervisors_do_not_end_an_event(tmp_path: Path) -> None:
    """By an end names are dropped for good: that is the organiser's."""
    async with central(tmp_path) as running, signed_in(running) as at:
        assert "/web/settings/event" not in (await at.get("/web/settings")).text
        await at.get("/web/settings")
        answer = await at.send("/web/settings/event", ends="2031-08-02", why="x")
        assert answer.status_code == 403

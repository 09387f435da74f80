"""Who is let in to the pages: by links, by PINs, for how long, and what wrong ones cost whom."""

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from gate.clock import read_wall_ms
from gate.core.place import Role
from sync.server import audit
from sync.server import tables as t
from sync.server.database import reading
from sync.server.settings import PagesBy
from sync.server.web import links, sessions
from sync.server.web.links import Kind
from tests.support.central import Central, central, create_central, stop_limits
from tests.support.web import PIN, add_operators, browser, link, signed_in


def acts(running: Central) -> list[str]:
    with reading(running.engine) as connection:
        return [row.act for row, _hash in audit.rows(connection)]


async def test_a_supervisor_signs_in_at_a_paired_browser(tmp_path: Path) -> None:
    """By a link, once, and then name and PIN; both are in the audit log."""
    async with central(tmp_path) as running, signed_in(running) as at:
        assert "Signed in: Ann" in at.page
        assert {"web pair", "web sign-in"} <= set(acts(running))


async def test_a_pin_alone_is_not_enough(tmp_path: Path) -> None:
    """A browser that was never paired is asked for none, and one that is sent is not looked at."""
    async with central(tmp_path) as running, browser(running.app) as at:
        await add_operators(running, {"Ann": Role.SUPERVISOR})
        assert "not known yet" in (await at.get("/web/sign-in")).text
        answer = await at.send("/web/sign-in", name="Ann", pin=PIN)
        assert "not known yet" in answer.text
        assert (await at.get("/web/tonight")).url.path == "/web/sign-in"


async def test_a_link_pairs_one_browser(tmp_path: Path) -> None:
    """The second to open it is told that it was used; to look at it uses nothing."""
    async with central(tmp_path) as running:
        secret = await link(running, Kind.BROWSER)
        async with browser(running.app) as first, browser(running.app) as second:
            await second.get(f"/web/link/{secret}")
            await first.open_link(secret)
            answer = await second.open_link(secret)
        assert answer.status_code == 410
        assert running.count(t.web_browser) == 1


async def test_a_link_ends(tmp_path: Path) -> None:
    """One that is over, and one that never was, open nothing."""
    async with central(tmp_path) as running, browser(running.app) as at:
        secret = await link(running, Kind.BROWSER)
        await running.server.write(lambda c: c.execute(update(t.web_link).values(ends_ms=1)))
        assert (await at.open_link(secret)).status_code == 410
        assert (await at.open_link("x" * 32)).status_code == 404
        assert running.count(t.web_browser) == 0


async def test_the_organiser_signs_in_by_the_link_alone(tmp_path: Path) -> None:
    """Whoever opens the link of the server's machine needs no operator to be there yet."""
    async with central(tmp_path) as running, browser(running.app) as at:
        answer = await at.open_link(await link(running, Kind.ORGANISER, ""))
        assert answer.url.path == "/web/tonight"
        assert "Signed in: organiser" in answer.text


@pytest.mark.examples(1)
@pytest.mark.parametrize(("pin", "status"), [("730165", 403), ("1357", 422), ("", 422)])
async def test_a_wrong_pin_opens_nothing(tmp_path: Path, pin: str, status: int) -> None:
    """Nor does one of fewer than six digits, though it be the operator's own."""
    async with central(tmp_path) as running, browser(running.app) as at:
        await add_operators(running, {"Ann": Role.SUPERVISOR}, "1357" if len(pin) == 4 else PIN)
        await at.open_link(await link(running, Kind.BROWSER))
        assert (await at.sign_in("Ann", pin)).status_code == status
        assert running.count(t.web_session) == 0


async def test_wrong_tries_slow_down_that_browser_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three even the right PIN has to wait there; the operator signs in elsewhere at once."""
    now_ms = [read_wall_ms()]
    monkeypatch.setattr("sync.server.web.sign_in.read_wall_ms", lambda: now_ms[0])
    async with central(tmp_path) as running:
        await add_operators(running, {"Ann": Role.SUPERVISOR})
        async with browser(running.app, "10.0.0.1") as bad, browser(running.app, "10.0.0.2") as own:
            await bad.open_link(await link(running, Kind.BROWSER))
            await own.open_link(await link(running, Kind.BROWSER))
            for _n in range(3):
                assert (await bad.sign_in("Ann", "999999x")).status_code == 403
            now_ms[0] += 500
            answer = await bad.sign_in("Ann")
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
            assert (await own.sign_in("Ann")).url.path == "/web/tonight"
        with reading(running.engine) as connection:
            kept = connection.execute(t.web_browser.select()).all()
        assert sorted(row.wrong for row in kept) == [0, 3]


async def test_an_address_that_tries_much_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from ever new browsers; another address does not."""
    stop_limits(monkeypatch)
    async with central(tmp_path) as running:
        await add_operators(running, {"Ann": Role.SUPERVISOR})
        statuses = []
        for _n in range(6):
            async with browser(running.app, "10.0.0.1") as at:
                await at.open_link(await link(running, Kind.BROWSER))
                statuses += [(await at.sign_in("Ann", "999999x")).status_code for _m in range(2)]
        assert statuses == [403] * 10 + [429] * 2
        async with browser(running.app, "10.0.0.2") as other:
            await other.open_link(await link(running, Kind.BROWSER))
            assert (await other.sign_in("Ann")).url.path == "/web/tonight"


async def test_waits_grow_and_end(tmp_path: Path) -> None:
    """They double from two seconds to a quarter of an hour; a right PIN forgets them."""
    async with central(tmp_path) as running:
        secret = await link(running, Kind.BROWSER)
        now_ms = read_wall_ms()
        with running.engine.begin() as connection:
            kept = links.use(connection, secret, now_ms)
            _cookie, made = sessions.pair(connection, kept, "", now_ms)
            waits = []
            for _n in range(14):
                assert sessions.count_try(connection, made.id, now_ms) == 0
                query = select(t.web_browser.c.waits_until_ms)
                until_ms = connection.execute(query).scalar_one()
                waits.append((until_ms - now_ms) // 1000)
                now_ms = until_ms
        assert waits[:6] == [0, 0, 2, 4, 8, 16]
        assert waits[-1] == 900


async def test_sessions_end(tmp_path: Path) -> None:
    """When they were left for two hours, after an evening, and when somebody ends them."""
    async with central(tmp_path) as running, signed_in(running) as at:
        hour_ms = 3_600_000
        for values in ({"seen_ms": read_wall_ms() - 2 * hour_ms}, {"ends_ms": read_wall_ms() - 1}):
            change = t.web_session.update().values(**values)
            await running.server.write(partial(Connection.execute, statement=change))
            assert (await at.get("/web/tonight")).url.path == "/web/sign-in"
            await at.sign_in("Ann")
        assert (await at.get("/web/tonight")).url.path == "/web/tonight"
        await at.send("/web/sign-out")
        assert (await at.get("/web/tonight")).url.path == "/web/sign-in"
        assert running.count(t.web_session) == 0


async def test_an_operator_who_is_gone_is_signed_out(tmp_path: Path) -> None:
    """So is one with a new PIN; one with another role has that from then on."""
    async with central(tmp_path) as running, signed_in(running) as at:
        for change in ({"Bob": Role.STAFF}, {"Ann": Role.SUPERVISOR}):
            await add_operators(running, change, "864209" if "Ann" in change else PIN)
            assert (await at.get("/web/tonight")).url.path == "/web/sign-in"


async def test_a_revoked_browser_signs_nobody_in(tmp_path: Path) -> None:
    """And whoever was signed in at it is out."""
    async with central(tmp_path) as running, signed_in(running) as at:
        with reading(running.engine) as connection:
            (found,) = sessions.browsers(connection, "show", read_wall_ms())
        await running.server.write(partial(sessions.end_browser, event="show", browser=found.id))
        assert "not known yet" in (await at.get("/web/tonight")).text


async def test_a_read_only_link_shows_counts_until_it_ends(tmp_path: Path) -> None:
    """Several may open it, none sees more; ended, it and all that came by it is over at once."""
    async with central(tmp_path) as running:
        secret = await link(running, Kind.COUNTS, "the press")
        async with browser(running.app) as one, browser(running.app) as two:
            for at in (one, two):
                assert (await at.open_link(secret)).url.path == "/web/tonight"
            with reading(running.engine) as connection:
                (found,) = links.good(connection, "show", read_wall_ms())
            end = partial(links.end, event="show", id_=found.id, now_ms=read_wall_ms())
            await running.server.write(end)
            for at in (one, two):
                assert (await at.get("/web/tonight")).url.path == "/web/sign-in"
            assert (await one.open_link(secret)).status_code == 410


async def test_cookies_are_for_this_site_only(tmp_path: Path) -> None:
    """No script reads them, no other site sends them, nothing without TLS carries them."""
    async with central(tmp_path) as running, browser(running.app) as at:
        at.http.follow_redirects = False
        answer = await at.open_link(await link(running, Kind.ORGANISER))
        cookies = answer.headers.get_list("set-cookie")
        assert len(cookies) == 2
        for one in cookies:
            assert one.startswith("__Host-gate-")
            assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(one.split("; "))


async def test_without_tls_nothing_is_shown(tmp_path: Path) -> None:
    """But where nobody can listen in, or where it was said to be meant."""
    async with central(tmp_path) as running:
        answer = await running.http.get("/web/sign-in")
        assert answer.status_code == 403
        assert "https only" in answer.text
        app = create_central(running.engine, tmp_path, pages=PagesBy.NOTHING)
        async with browser(app) as at, app.router.lifespan_context(app):
            assert (await at.get("/web/sign-in")).status_code == 404


async def test_two_servers_share_browsers_and_sessions(tmp_path: Path) -> None:
    """Signed in at one process, one is signed in at the other, and out at both."""
    async with central(tmp_path) as running, signed_in(running) as at:
        other = create_central(running.engine, tmp_path / "other")
        async with other.router.lifespan_context(other), browser(other) as there:
            there.http.cookies = at.http.cookies
            assert (await there.get("/web/tonight")).url.path == "/web/tonight"
            await there.send("/web/sign-out")
            assert (await at.get("/web/tonight")).url.path == "/web/sign-in"

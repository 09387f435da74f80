"""Pages of ``gate serve`` as a command: who is shown them, links made and ended, two processes."""

import re
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection

from gate.clock import read_wall_ms
from gate.core.place import Role
from sync.server.settings import PagesBy
from sync.server.web.links import Kind
from tests.conftest import needs
from tests.support.central import central, create_central, open_central
from tests.support.postgres import can_run, postgres
from tests.support.programs import run
from tests.support.web import add_operators, browser, link
from tests.sync.server.test_serve import serving

HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.5"}
PLAIN = {"X-Forwarded-Proto": "http", "X-Forwarded-For": "203.0.113.5"}


def status(url: str, headers: dict[str, str] | None = None) -> int:
    return httpx.get(f"{url}/web/sign-in", headers=headers, trust_env=False).status_code


def test_on_this_machine_pages_are_shown(tmp_path: Path) -> None:
    """By plain HTTP, as nobody can listen in; the first page is what the address leads to."""
    with serving(tmp_path / "server") as server:
        assert status(server.url) == 200
        answer = httpx.get(server.url, trust_env=False)
        assert answer.headers["location"] == "/web/tonight"


@pytest.mark.parametrize(
    ("flags", "https", "plain"),
    [
        (("--proxy", "127.0.0.1"), 200, 403),
        (("--proxy", "127.0.0.1", "--pages", "on"), 200, 200),
        (("--pages", "off"), 404, 404),
    ],
)
def test_elsewhere_pages_want_tls(
    tmp_path: Path, flags: tuple[str, ...], https: int, plain: int
) -> None:
    """Here or at the proxy; unless somebody has said that it is meant."""
    with serving(tmp_path / "server", *flags) as server:
        assert (status(server.url, HTTPS), status(server.url, PLAIN)) == (https, plain)


def serve(folder: Path, *arguments: str) -> str:
    ran = run("serve", "--server-dir", str(folder), *arguments, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_links_are_made_listed_and_ended_at_the_machine(tmp_path: Path) -> None:
    """What was ended opens nothing, at once and at the server that runs."""
    with serving(tmp_path / "server") as server:
        assert "/web/link/" not in server.told, "a link is for people, not for a log"
        made = serve(server.folder, "--web-link", "Press", "--web-kind", "counts")
        address = made.split()[-1]
        with httpx.Client(trust_env=False, follow_redirects=True) as http:
            assert http.post(address).url.path == "/web/tonight"
            listed = serve(server.folder, "--web-links")
            assert re.search(r"^[0-9a-f]{12}  link .* counts Press$", listed, re.MULTILINE)
            assert "session" in listed
            serve(server.folder, "--web-end", listed.split()[0])
            assert http.get(f"{server.url}/web/tonight").url.path == "/web/sign-in"
            assert http.post(address).status_code == 410
        assert serve(server.folder, "--web-links") == ""
        gone = run("serve", "--server-dir", str(server.folder), "--web-end", "0" * 12, timeout=60)
        assert gone.returncode == 2
        assert "web end" in serve(server.folder, "--audit", "-")


@pytest.mark.postgres
async def test_two_processes_on_one_postgresql_share_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paired at one, signed in at the other, out at both; tries are counted together."""
    now_ms = read_wall_ms()
    monkeypatch.setattr("sync.server.web.sign_in.read_wall_ms", lambda: now_ms)
    needs(can_run(), "PostgreSQL (apt install postgresql)")
    with postgres() as url:
        engine, other = open_central(url), open_central(url)
        there = create_central(other, tmp_path / "other", pages=PagesBy.TLS)
        async with (
            central(tmp_path / "one", engine=engine) as running,
            there.router.lifespan_context(there),
            browser(running.app) as at,
            browser(there) as elsewhere,
        ):
            event = {"id": "show", "time_zone": "Asia/Shanghai"}
            await running.admin("POST", "/events", json=event)
            await add_operators(running, {"Ann": Role.SUPERVISOR})
            await at.open_link(await link(running, Kind.BROWSER))
            elsewhere.http.cookies = at.http.cookies
            for one in (at, elsewhere, at):
                assert (await one.sign_in("Ann", "999999x")).status_code == 403
            assert (await elsewhere.sign_in("Ann")).status_code == 429
            waited = "UPDATE web_browser SET waits_until_ms = 0"
            await running.server.write(partial(Connection.exec_driver_sql, statement=waited))
            assert (await elsewhere.sign_in("Ann")).url.path == "/web/tonight"
            at.http.cookies = elsewhere.http.cookies
            assert (await at.get("/web/tonight")).url.path == "/web/tonight"
            await at.send("/web/sign-out")
            assert (await elsewhere.get("/web/tonight")).url.path == "/web/sign-in"
        engine.dispose()
        other.dispose()

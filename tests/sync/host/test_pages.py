"""The pages of a venue without a server: at its host, by the same ways in, of its own folder."""

import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette

from gate.core.event_settings import OperatorRow
from gate.core.place import Role
from gate.core.verdict import Scan
from gate.errors import UsageError
from gate.lane.lane import Lane
from gate.operators import make_operator
from gate.reports.ticket_import import import_files
from gate.storage import venue_host
from gate.storage.folder import Folder
from sync.host import pages
from sync.host.folder_numbers import FolderSource
from sync.server import audit
from sync.server.database import reading
from sync.server.web.links import Kind
from tests.support.web import PIN, browser
from tests.system.network import free_port, until


def operators() -> Sequence[OperatorRow]:
    return [make_operator("Ann", Role.SUPERVISOR, PIN, b"0" * 16)]


def app_of(host: Folder, engine: Engine) -> Starlette:
    """The pages of a host."""
    return pages.create_pages(engine, FolderSource(host, operators), needs_tls=True)


@pytest.fixture
def host(venue: Folder) -> Folder:
    """The host of a venue, with tickets."""
    venue_host.create(venue, "Summer fair", "Main", "Europe/Berlin")
    return venue


async def test_a_supervisor_signs_in_at_the_host(host: Folder, lane: Lane) -> None:
    """By a link and the host's own operators; what was admitted is there."""
    for code in ("GOOD001", "GOOD002", "NONE"):
        lane.admit(Scan(code))
    engine = pages.open_web(host)
    app = app_of(host, engine)
    async with app.router.lifespan_context(app), browser(app) as at:
        secret, _made = pages.make_link(host, Kind.BROWSER, "Mia", 0)
        await at.open_link(secret)
        assert "Summer fair" in at.page
        assert (await at.sign_in("Ann", "999999x")).status_code == 403
        answer = await at.sign_in("Ann")
        assert answer.url.path == "/web/tonight"
        assert '<p class="number">2</p><h2>inside' in answer.text
        assert (await at.get("/web/wall")).status_code == 200
    with reading(engine) as connection:
        acts = [row.act for row, _hash in audit.rows(connection)]
        assert list(audit.findings(connection)) == []
    engine.dispose()
    assert acts == ["web link made", "web pair", "web sign-in failed", "web sign-in"]


def test_a_gate_that_is_no_host_makes_no_link(venue: Folder) -> None:
    """It says where one is made."""
    with pytest.raises(UsageError):
        pages.make_link(venue, Kind.COUNTS, "", 0)
    assert not venue.web.exists()


def ask(url: str, context: ssl.SSLContext | bool = True) -> int:
    try:
        return httpx.get(f"{url}/web/sign-in", verify=context, timeout=5).status_code
    except httpx.TransportError:
        return 0


def test_pages_are_shown_meanwhile(host: Folder) -> None:
    """While the worker works, and no longer."""
    place = f"127.0.0.1:{free_port()}"
    with pages.shown(host, place, operators, import_files):
        until(lambda: ask(f"http://{place}") == 200)
    assert ask(f"http://{place}") == 0


def test_from_outside_they_are_shown_by_tls_only(host: Folder) -> None:
    """With a certificate of its own, made at the first time."""
    port = free_port()
    with pages.shown(host, f"0.0.0.0:{port}", operators, import_files):
        trusting = ssl.create_default_context(cafile=_made(host))
        until(lambda: ask(f"https://127.0.0.1:{port}", trusting) == 200)
        assert ask(f"http://127.0.0.1:{port}") == 0
    assert pages.address("192.168.1.5:8473", "") == "https://192.168.1.5:8473"


def _made(host: Folder) -> Path:
    return host.path / "server.crt"


def test_a_port_that_is_taken_hinders_nothing(host: Folder) -> None:
    """The worker goes on without pages."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pages.shown(host, f"127.0.0.1:{taken.getsockname()[1]}", operators, import_files):
            pass
    with pages.shown(host, "nowhere", operators, import_files):
        pass

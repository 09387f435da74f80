"""A host's pages say to its gates what the command line there says."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from gate.core.event_settings import OperatorRow
from gate.core.place import Role
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.operators import make_operator
from gate.storage import outgoing, venue_host
from gate.storage.folder import Folder
from gate.storage.outgoing import Outgoing
from gate.storage.ticket_filling import MemberRow
from sync.host import pages
from sync.host.folder_numbers import FolderSource
from sync.server import audit
from sync.server.database import reading
from sync.server.web.links import Kind
from tests.support.web import PIN, Browser, browser

OTHER = "c" * 16


def operators() -> Sequence[OperatorRow]:
    return [make_operator("Ann", Role.SUPERVISOR, PIN, b"0" * 16)]


@pytest.fixture
def host(venue: Folder) -> Folder:
    """The host of a venue, with tickets and another gate."""
    venue_host.create(venue, "Summer fair", "Main", "Europe/Berlin")
    venue_host.publish(venue, MemberRow(OTHER, "West", "ab" * 32, "enrolled"))
    return venue


@asynccontextmanager
async def organiser(host: Folder) -> AsyncIterator[Browser]:
    """The organiser's browser at the host's pages."""
    engine = pages.open_web(host)
    app = pages.create_pages(engine, FolderSource(host, operators), needs_tls=True)
    async with app.router.lifespan_context(app), browser(app) as at:
        secret, _made = pages.make_link(host, Kind.ORGANISER, "Mia", 0)
        await at.open_link(secret)
        yield at
    with reading(engine) as connection:
        assert list(audit.findings(connection)) == []
    engine.dispose()


def newest_row(host: Folder) -> audit.Row:
    engine = pages.open_web(host)
    with reading(engine) as connection:
        found = audit.newest(connection, "venue", 1)[0]
    engine.dispose()
    return found


async def test_the_host_shows_its_gates(host: Folder, lane: Lane) -> None:
    """Itself with who works there; and where new ones are taken in."""
    lane.admit(Scan("GOOD001"))
    async with organiser(host) as at:
        page = (await at.get("/web/gates")).text
        assert "shows this page" in page
        assert "gate venue invite NAME" in page
        assert (await at.get("/web/new-gates")).status_code == 404
        own = host.device_id()
        assert "Revoke it" not in (await at.get(f"/web/gates/{own}")).text
        await at.get(f"/web/gates/{own}/revoke")
        answer = await at.send(f"/web/gates/{own}/revoke", why="x", sure="yes")
        assert answer.status_code in (403, 422)
        assert venue_host.devices(host)[own].state == "enrolled"


async def test_what_the_host_says_waits_for_its_gates(host: Folder) -> None:
    """Settings and profiles as at the command line, a message for the lane; each in the log."""
    async with organiser(host) as at:
        await at.get("/web/settings/change?part=profiles&name=West")
        fields = {"part": "profiles", "name": "West", "zone": "Hall", "why": "moved"}
        await at.send("/web/settings/change", **fields)
        assert venue_host.venue_event(host).settings.profiles == {"West": {"zone": "Hall"}}
        assert newest_row(host).about == "profiles West zone=Hall: moved"
        await at.get("/web/gates")
        await at.send("/web/gates/message", text="Doors at eight")
        assert [one for _path, one in outgoing.waiting(host)] == [Outgoing("Doors at eight")]
        assert newest_row(host).act == "message"


async def test_the_hosts_own_operators_are_not_lost(host: Folder) -> None:
    """Where the venue begins to state operators, those that were shown are among them."""
    async with organiser(host) as at:
        await at.get("/web/operators")
        fields = {"name": "Bo", "role": "staff", "pin": PIN, "again": PIN, "why": "new"}
        await at.send("/web/operators/put", **fields)
        stated = venue_host.venue_event(host).settings.operators or ()
        assert {one.name for one in stated} == {"Ann", "Bo"}


async def test_another_gate_is_retired_and_revoked(host: Folder) -> None:
    """As far as the host knows of it; what was revoked is not brought back."""
    async with organiser(host) as at:
        await at.get("/web/gates")
        for state in ("retired", "enrolled"):
            await at.send(f"/web/gates/{OTHER}/state", state=state, why="x")
            assert venue_host.devices(host)[OTHER].state == state, at.page
            await at.get("/web/gates")
        await at.send(f"/web/gates/{OTHER}/revoke", why="stolen", sure="yes")
        assert venue_host.devices(host)[OTHER].state == "revoked"
        await at.get("/web/gates")
        answer = await at.send(f"/web/gates/{OTHER}/state", state="enrolled", why="x")
        assert answer.status_code == 422
        assert newest_row(host).about == f"{OTHER}: stolen"

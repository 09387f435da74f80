"""Lists of a venue without a server, in a browser at its host: as far as its folder knows."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from gate.core.event_settings import OperatorRow
from gate.core.place import Role
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.operators import make_operator
from gate.reports.ticket_import import import_files
from gate.storage import venue_host
from gate.storage.folder import Folder
from gate.storage.peer_store import PeerStore
from gate.storage.tickets import Tickets
from sync.host import folder_lists, pages
from sync.host.folder_lists import FolderLists
from sync.host.folder_numbers import FolderSource
from sync.server import audit
from sync.server.database import reading
from sync.server.web.links import Kind
from tests.support.central import Maker
from tests.support.web import PIN, Browser, browser
from tests.sync.server.web.test_lists import Desk, number


def operators() -> Sequence[OperatorRow]:
    return [make_operator("Ann", Role.SUPERVISOR, PIN, b"0" * 16)]


@asynccontextmanager
async def signed_in(host: Folder) -> AsyncIterator[Browser]:
    """Ann, at the host's pages."""
    venue_host.create(host, "Summer fair", "Main", "Europe/Berlin")
    engine = pages.open_web(host)
    lists = FolderLists(host, engine, import_files, 10.0)
    app = pages.create_pages(engine, FolderSource(host, operators), needs_tls=True, lists=lists)
    async with app.router.lifespan_context(app), browser(app) as at:
        secret, _made = pages.make_link(host, Kind.BROWSER, "Mia", 0)
        await at.open_link(secret)
        await at.sign_in("Ann")
        yield at
    engine.dispose()


def hear(venue: Folder, count: int) -> Maker:
    """Another gate lets so many in."""
    maker = Maker("1" * 16)
    with closing(PeerStore(venue)) as peer_store:
        made = [maker.make(ticket=f"far-{n}", gate="Far") for n in range(count)]
        assert peer_store.intake.accept(made, maker.device).new == count
    return maker


async def test_people_and_entries_are_those_of_all_gates_that_were_heard(
    venue: Folder, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own and the others', each once, page by page."""
    monkeypatch.setattr(folder_lists, "PAGE", 2)
    monkeypatch.setattr("sync.server.web.journal_pages.SHOWN", 2)
    for code in ("GOOD001", "GOOD002", "NONE"):
        lane.admit(Scan(code))
    hear(venue, 3)
    async with signed_in(venue) as at:
        page = (await at.get("/web/lists/people/inside")).text
        assert "5 people" in page
        seen, path = [], "/web/journal"
        while path:
            page = (await at.get(path)).text
            seen += re.findall(r'ticket=([\w-]+)"', page)
            found = re.search(r'<a href="(/web/journal\?before=[\d.]+)" rel="next">', page)
            path = found[1] if found else ""
        assert sorted(one for one in seen if one.startswith("far")) == ["far-0", "far-1", "far-2"]
        assert len(seen) == len(set(seen)) == 5
        lines = (await at.get("/web/journal/jsonl")).text.splitlines()
        acts = [json.loads(line)["act"] for line in lines]
        assert (acts.count("admission"), acts.count("refusal")) == (5, 1)
        assert (await at.get("/web/journal?outcome=refuse")).text.count("<tr>") == 2


async def test_a_list_is_taken_in_at_the_host(venue: Folder) -> None:
    """By the same way as at a server; the tickets are the folder's, who did it is in its log."""
    async with signed_in(venue) as at:
        it = Desk(at)
        await it.send("code,name,ticket type\nNEW-000001,Ann Lee,Extra\n")
        page = await it.act("check", kind="MEETING_TICKET")
        assert number(page, "new") == 1
        assert "Europe/Berlin" in page
        page = await it.act("take", why="sold at the door")
        assert "Taken in" in page
        assert not [one for one in venue.lists.rglob("*") if one.is_file()]
        engine = pages.open_web(venue)
        with reading(engine) as connection:
            rows = [row for row, _hash in audit.rows(connection) if row.act == "list"]
        engine.dispose()
        assert [row.about.partition(": ")[2] for row in rows] == ["sold at the door"]
    with closing(Tickets(venue)) as tickets:
        tickets.refresh()
        assert [one.holder for one in tickets.search("Ann Lee")] == ["Ann Lee"]


def test_what_was_sent_goes_with_the_event(tmp_path: Path) -> None:
    """Files that wait are where `gate wipe` deletes them."""
    folder = Folder(tmp_path / "data")
    folder.create()
    engine = pages.open_web(folder)
    lists = FolderLists(folder, engine, import_files, 10.0)
    assert lists.uploads == folder.lists
    engine.dispose()

"""Conflicts, anomalies and tickets at the host of a venue without a server."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from gate.config import Config
from gate.core.event_settings import OperatorRow
from gate.core.place import Role
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.operators import make_operator
from gate.storage import venue_host
from gate.storage.folder import Folder
from sync.host import pages
from sync.host.folder_numbers import FolderSource
from sync.host.folder_review import FolderReview
from sync.server import audit
from sync.server.database import reading
from sync.server.http import Denied
from sync.server.web.links import Kind
from tests.support.venue import FixedClock
from tests.support.web import PIN, Browser, browser
from tests.sync.server.web.test_review_pages import forms, sent
from tests.system.neighbours import carry, neighbour


def operators() -> Sequence[OperatorRow]:
    return [make_operator("Ann", Role.SUPERVISOR, PIN, b"0" * 16)]


@pytest.fixture
def south(tmp_path: Path, clock: FixedClock) -> Iterator[Lane]:
    """A lane at the south gate that hears nobody."""
    with neighbour(tmp_path / "south", clock) as lane:
        yield lane


@pytest.fixture
async def at(venue: Folder) -> AsyncIterator[Browser]:
    """A browser at which a supervisor is signed in to the host's pages."""
    venue_host.create(venue, "Summer fair", "Main", "Europe/Berlin")
    engine = pages.open_web(venue)
    app = pages.create_pages(engine, FolderSource(venue, operators), needs_tls=True)
    async with app.router.lifespan_context(app), browser(app) as made:
        secret, _made = pages.make_link(venue, Kind.BROWSER, "Mia", 0)
        await made.open_link(secret)
        await made.sign_in("Ann")
        yield made
    engine.dispose()


async def test_a_conflict_is_shown_and_settled_at_a_lane(
    at: Browser, venue: Folder, lane: Lane, south: Lane
) -> None:
    """Both sides, as far as the host has heard; only a lane writes entries."""
    assert south.admit(Scan("NAMED1")).is_green
    assert lane.admit(Scan("NAMED1")).is_green
    carry(south._folder, venue)
    page = (await at.get("/web/conflicts")).text
    for shown in ("José Ångström", "North", "South", "1 too many", "Settled at a lane: F3."):
        assert shown in page
    assert forms(page, "/web/conflicts/settle") == []
    for act in ("settle", "confirm"):
        answer = await at.send(f"/web/conflicts/{act}", ticket="named-1", undo="x:1", why="x")
        assert answer.status_code == 409
        await at.get("/web/conflicts")
    story = (await at.get("/web/tickets/of/named-1")).text
    assert "1 too many" in story
    assert "2/1" in story


async def test_a_ticket_is_found_told_and_blocked(at: Browser, venue: Folder, lane: Lane) -> None:
    """By name; the host states the block, and its lane refuses. It is in the host's log."""
    lane.admit(Scan("NAMED1"))
    await at.get("/web/tickets")
    assert (await at.send("/web/tickets/find", find="angstrom")).url.path.endswith("/named-1")
    done = await sent(at, "/web/tickets/block", "/web/tickets/of/named-1", why="banned")
    assert "banned (Ann" in done.text
    assert lane.admit(Scan("NAMED1")).reason == "blocked_at_door"
    stale = await at.send("/web/tickets/free", ticket="named-1", seen="another", why="x")
    assert stale.status_code == 409
    done = await sent(at, "/web/tickets/free", "/web/tickets/of/named-1", why="a mistake")
    assert "blocked at the door since" not in done.text
    engine = pages.open_web(venue)
    with reading(engine) as connection:
        acts = [row.act for row, _hash in audit.rows(connection)][-2:]
    engine.dispose()
    assert acts == ["block", "free"]
    assert (await at.get("/web/tickets/of/none")).status_code == 404


async def test_a_word_is_news_to_open_pages(venue: Folder, at: Browser) -> None:
    """It changes the tickets' file alone."""
    source = FolderSource(venue, operators)
    before = await source.version("venue")
    assert before == await source.version("venue")
    await sent(at, "/web/tickets/note", "/web/tickets/of/named-1", note="see the office")
    assert before != await source.version("venue")
    source.close()


async def test_anomalies_of_the_folder(at: Browser, lane: Lane, clock: FixedClock) -> None:
    """The same rules; what one rests on is read from the folder's files."""
    for _again in range(5):
        lane.admit(Scan("VOID1"))
        clock.wall_ms += 900_000
        clock.boot_ms += 900_000
    page = (await at.get("/web/anomalies")).text
    assert "void, again and again" in page
    (path,) = set(re.findall(r'href="(/web/anomalies/[0-9a-f]{16})"', page))
    told = (await at.get(path)).text
    assert "Ticket cancelled" in told
    assert "/web/tickets/of/void-1" in told


async def test_a_folder_without_tickets(tmp_path: Path) -> None:
    """Nothing is found in it, and nothing fails."""
    folder = Folder(tmp_path / "empty")
    folder.path.mkdir()
    source = FolderSource(folder, operators)
    review = FolderReview(source, Config())
    assert (await review.find("venue", "x")).lines == []
    assert (await review.matters("venue")).matters == []
    with pytest.raises(Denied):
        await review.past("venue", "x")
    source.close()


async def test_a_venue_that_has_no_tickets_yet(tmp_path: Path) -> None:
    """Says what is to be done, and that no database is broken."""
    folder = Folder(tmp_path / "new")
    folder.path.mkdir()
    venue_host.create(folder, "Summer fair", "Main", "Europe/Berlin")
    source = FolderSource(folder, operators)
    with pytest.raises(Denied) as denied:
        await FolderReview(source, Config()).find("venue", "x")
    assert "gate import" in denied.value.problem.reason
    source.close()

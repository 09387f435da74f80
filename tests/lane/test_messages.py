"""A message is an entry of its sender's journal; who has read it is one of the reader's."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from gate.core.entry import Act
from gate.core.place import Role
from gate.errors import OperatorError, UsageError
from gate.lane.inbox import Inbox
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.storage import outgoing
from gate.storage.audit import audit_journal
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder
from gate.storage.messages import NewMessages, sent
from gate.storage.outgoing import Outgoing
from gate.text.message_words import message_line, read_by
from tests.lane.test_hostile import is_harmless
from tests.reports.test_report import ZONE
from tests.support.lanes import journal_of
from tests.support.venue import FixedClock
from tests.system.neighbours import carry, enrol, neighbour

BOSS = Operator("boss", Role.SUPERVISOR)


@pytest.fixture
def south(tmp_path: Path, clock: FixedClock) -> Iterator[Lane]:
    """Another gate, whose supervisor sends."""
    with neighbour(tmp_path / "south", clock) as lane:
        lane.open()
        yield lane


@pytest.fixture
def inbox(lane: Lane, venue: Folder, clock: FixedClock) -> Inbox:
    """North's, which is open."""
    enrol(venue)
    lane.open()
    inbox = Inbox(venue, lane, clock)
    assert inbox.look() == []
    return inbox


def texts(inbox: Inbox) -> list[str]:
    return [message.note for message in inbox.look()]


def test_it_reaches_whom_it_is_for_once(
    inbox: Inbox, venue: Folder, south: Lane, clock: FixedClock
) -> None:
    """All gates, or those named; not again at the next look."""
    clock.pass_seconds(60)
    south.send_message("evacuate", (), BOSS)
    south.send_message("Gate East closes", ["East"], BOSS)
    south.send_message("come here", ["East", "north"], BOSS)
    carry(south._folder, venue)
    assert texts(inbox) == ["evacuate", "come here"]
    assert texts(inbox) == []


def test_a_message_of_before_the_opening_is_history(
    lane: Lane, venue: Folder, south: Lane, clock: FixedClock
) -> None:
    """Whether it was here already or comes only now; so is one that comes an hour late."""
    enrol(venue)
    south.send_message("old", (), BOSS)
    carry(south._folder, venue)
    south.send_message("old, and late", (), BOSS)
    clock.pass_seconds(1800)
    lane.open()
    inbox = Inbox(venue, lane, clock)
    assert texts(inbox) == []
    south.send_message("new", (), BOSS)
    carry(south._folder, venue)
    # No worker has compared the clocks: half an hour is no hour.
    assert texts(inbox) == ["old, and late", "new"]
    south.send_message("an hour late", (), BOSS)
    clock.pass_seconds(3601)
    carry(south._folder, venue)
    assert texts(inbox) == []


def test_only_a_supervisor_sends(lane: Lane, venue: Folder) -> None:
    """And only what can be one; nothing of it is in the journal."""
    lane.open()
    with pytest.raises(OperatorError):
        lane.send_message("party", (), Operator("kim", Role.STAFF))
    for text in ("", "x" * 201):
        with pytest.raises(UsageError, match="cannot be sent"):
            lane.send_message(text, (), BOSS)
    assert [entry.act for entry in journal_of(venue)] == [Act.LANE_OPENED]


def test_who_has_read_it_where_and_when_is_in_the_journal(
    inbox: Inbox, lane: Lane, venue: Folder, south: Lane, clock: FixedClock
) -> None:
    """And stands beside the message, at whoever looks; no ticket's history is touched by it."""
    south.send_message("evacuate \x1b[2J\u202e", (), BOSS)
    carry(south._folder, venue)
    (message,) = inbox.look()
    clock.pass_seconds(5)
    lane.sign_in(Operator("kim", Role.STAFF))
    lane.acknowledge(message.name)
    lane.acknowledge(message.name)
    carry(venue, south._folder)
    for folder in (venue, south._folder):
        with Fleet(folder) as fleet:
            (one,) = sent(fleet)
        assert read_by(one, ZONE) == ["read at North by kim, 12:26:45"]
        line = message_line(one.message, ZONE)
        assert line == ("Message from boss, South, 12:26, to all gates: evacuate \\x1b[2J\\u202e")
        assert is_harmless(line)
    acts = [entry.act for entry in journal_of(venue)]
    assert acts == [Act.LANE_OPENED, Act.SIGN_IN, Act.ACKNOWLEDGEMENT, Act.ACKNOWLEDGEMENT]
    assert audit_journal(venue.journal).findings == []


def test_on_a_full_disk_people_go_first(
    inbox: Inbox, lane: Lane, venue: Folder, south: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message is not sent, and says why; one is read without an entry, and people go in."""
    south.send_message("evacuate", (), BOSS)
    carry(south._folder, venue)
    (message,) = inbox.look()
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1))
    with pytest.raises(UsageError, match="disk is full"):
        lane.send_message("x", (), BOSS)
    lane.acknowledge(message.name)
    assert [entry.act for entry in journal_of(venue)] == [Act.LANE_OPENED]


def test_another_peer_store_in_its_place_is_read_from_its_start(
    venue: Folder, south: Lane, lane: Lane
) -> None:
    """One that was damaged begins anew, with fewer rows: what is in it is not said twice."""
    lane.open()
    new = NewMessages(venue)
    new.look()
    for n in range(5):
        south.send_message(f"m{n}", (), BOSS)
    carry(south._folder, venue)
    assert len(new.look()) == 5
    for path in venue.path.glob("peers.db*"):
        path.unlink()
    with neighbour(venue.path.parent / "west", FixedClock(), "West") as west:
        west.send_message("from west", (), BOSS)
        carry(west._folder, venue)
    assert [message.note for message in new.look()] == ["from west"]


def test_what_the_host_leaves_is_sent_by_its_lane(venue: Folder) -> None:
    """In the order of their names; what nobody can read is gone, and holds nothing up."""
    outgoing.leave(venue, Outgoing("evacuate", ("East",)))
    (venue.path / "message-zz.json").write_bytes(b"\xff{")
    ((path, message),) = outgoing.waiting(venue)
    assert message == Outgoing("evacuate", ("East",))
    assert list(venue.path.glob("message-*.json")) == [path]


def test_mutation_a_message_without_a_supervisor_s_check_is_sent(
    lane: Lane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were nobody asked who they are, staff would send: the test above would see it."""
    monkeypatch.setattr("gate.lane.messages.require_supervisor", lambda _who: None)
    lane.send_message("party", (), Operator("kim", Role.STAFF))
    assert journal_of(venue)[-1].act is Act.MESSAGE

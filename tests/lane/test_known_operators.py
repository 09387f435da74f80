"""Whoever may work at a gate may do so while its tickets cannot be read."""

import sqlite3
import stat
from contextlib import closing

import pytest

from gate.config import Config
from gate.core.event_settings import EventSettings, OperatorRow
from gate.core.place import Role
from gate.errors import GateError, OperatorError
from gate.lane import known_operators
from gate.lane.lane import Lane
from gate.lane.lane_settings import LaneSettings
from gate.lane.operators import Operators
from gate.lane.post import Operator
from gate.operators import make_operator
from gate.reports.wipe import wipe
from gate.storage.event import EventRow, event_row, put_event
from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica
from gate.storage.revocation import revoke
from tests.system.neighbours import enrol

KIM = make_operator("Kim", Role.STAFF, "4711x", b"1" * 16)
BOSS = make_operator("Boss", Role.SUPERVISOR, "8052y", b"2" * 16)


def state(folder: Folder, *operators: OperatorRow) -> None:
    """What the feed would have brought."""
    event = EventRow("show", "Show", "UTC", settings=EventSettings(operators=operators))
    with closing(sqlite3.connect(live_replica(folder))) as replica, replica:
        put_event(replica, event)


def look(folder: Folder, lane: Lane, settings: LaneSettings) -> None:
    """What keeps house beside a lane does every two seconds."""
    if (event := event_row(folder)) is not None:
        settings.follow(lane, event)


@pytest.fixture
def gate(venue: Folder) -> Folder:
    """An enrolled gate whose event has two operators."""
    enrol(venue)
    state(venue, KIM, BOSS)
    return venue


@pytest.fixture
def settings(gate: Folder, lane: Lane) -> LaneSettings:
    """Of a lane that has looked once."""
    settings = LaneSettings(Config(), gate)
    look(gate, lane, settings)
    return settings


def damage(folder: Folder) -> bytes:
    """Make the tickets unreadable; the answer is what they were."""
    live = live_replica(folder)
    kept = live.read_bytes()
    live.write_bytes(b"\xff" * 8192)
    return kept


@pytest.mark.usefixtures("settings")
def test_they_are_let_in_on_damaged_tickets(gate: Folder) -> None:
    """By name and PIN, with their roles; nobody else is, and wrong PINs are counted."""
    damage(gate)
    operators = Operators(gate)
    assert operators.identify("kim", "4711x") == ("Kim", Role.STAFF)
    assert operators.check("Boss", "8052y") is Role.SUPERVISOR
    for name, pin in (("Kim", "8052y"), ("Eve", "4711x")):
        with pytest.raises(OperatorError):
            operators.check(name, pin)
    gate.pointer.unlink()
    assert operators.names() == [("Boss", Role.SUPERVISOR), ("Kim", Role.STAFF)]


def test_without_the_file_nobody_is(gate: Folder, lane: Lane) -> None:
    """The mutation beside the test above: nothing was kept. A file that is damaged is as none."""
    assert event_row(gate) is not None
    damage(gate)
    with pytest.raises(GateError):
        Operators(gate).check("Kim", "4711x")
    gate.known_operators.write_bytes(b"[{]")
    with pytest.raises(GateError):
        Operators(gate).check("Kim", "4711x")
    assert not lane.is_revoked


def test_the_tickets_have_the_last_word(gate: Folder, lane: Lane, settings: LaneSettings) -> None:
    """Who was withdrawn meanwhile is signed out by the next tickets that can be read."""
    kept = damage(gate)
    with pytest.raises(GateError):
        look(gate, lane, settings)
    lane.sign_in(Operator("Kim", Operators(gate).check("Kim", "4711x")))
    live_replica(gate).write_bytes(kept)
    state(gate, BOSS)
    look(gate, lane, settings)
    assert lane.operator is None
    with pytest.raises(OperatorError):
        Operators(gate).check("Kim", "4711x")
    damage(gate)
    assert Operators(gate).names() == [("Boss", Role.SUPERVISOR)]


def test_the_file_is_private_and_written_when_it_changes(
    gate: Folder, lane: Lane, settings: LaneSettings
) -> None:
    """Its owner's alone; it is not written again for what it has."""
    before = gate.known_operators.stat()
    assert stat.S_IMODE(before.st_mode) == 0o600
    for one in (settings, LaneSettings(Config(), gate)):
        look(gate, lane, one)
    assert gate.known_operators.stat().st_ino == before.st_ino


def test_a_gate_on_its_own_knows_none(gate: Folder) -> None:
    """What is left of an event that it belonged to is nothing to it."""
    known_operators.keep(gate, [KIM])
    gate.enrolment.unlink()
    assert Operators(gate).names() == []


@pytest.mark.usefixtures("settings")
def test_they_are_forgotten_on_revocation(gate: Folder) -> None:
    """And not kept again by a lane that had read them just before."""
    revoke(gate, lambda _marks: ())
    assert not gate.known_operators.exists()
    known_operators.keep(gate, [KIM])
    assert not gate.known_operators.exists()


@pytest.mark.usefixtures("settings")
def test_they_are_forgotten_at_a_wipe(gate: Folder, lane: Lane) -> None:
    """With all else of the event."""
    lane.close()
    wipe(gate, None)
    assert not gate.known_operators.exists()

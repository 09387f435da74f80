"""A code of another list of the gate: its name is said, and nothing else comes of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.core.outcome import Outcome, Reason
from gate.core.place import HouseRules, Place
from gate.core.verdict import Scan
from gate.lane.identity import Identity
from gate.lane.lane import Lane
from gate.lane.other_lists import OtherLists
from gate.storage.code_look_up import Match
from gate.storage.folder import Folder
from gate.storage.gate_lists import beside, place_of
from gate.storage.tickets import Tickets
from tests.support.lanes import journal_of
from tests.support.lists import make_list
from tests.support.venue import FixedClock

TYPE = {"id": "SHOW", "kind": "MEETING_TICKET", "title": "Winter Gala"}


@pytest.fixture
def lane(tmp_path: Path, clock: FixedClock) -> Iterator[Lane]:
    """A lane of the list Arena, beside which the gate has Zelt."""
    base = Folder(tmp_path / "gate")
    arena = make_list(base, "a", "Arena", [TYPE, {"type": "SHOW", "id": "1", "code": "ARENA1"}])
    make_list(base, "z", "Zelt", [TYPE, {"type": "SHOW", "id": "1", "code": "ZELT1"}])
    lane = Lane(arena, clock, Place("North"), HouseRules(), others=beside(arena))
    lane.open()
    yield lane
    lane.close()


def test_it_is_refused_as_any_unknown_code(lane: Lane, tmp_path: Path) -> None:
    """The entry says no more of it than of a stranger's code, and that list's journal nothing."""
    named, nobody = lane.admit(Scan("ZELT1")), lane.admit(Scan("NOBODY1"))
    assert (named.outcome, named.reason) == (Outcome.REFUSE, Reason.UNKNOWN)
    assert (named.other_list, nobody.other_list) == ("Zelt", "")
    assert named.ticket is None
    base = Folder(tmp_path / "gate")
    first, second = journal_of(place_of(base, "a"))[-2:]
    assert (first.ticket, first.flags, first.note) == (second.ticket, second.flags, second.note)
    assert not place_of(base, "z").journal.exists()


def test_a_known_code_asks_no_other_list(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong there, it is let in."""

    def broken(*_: object) -> str:
        raise AssertionError

    monkeypatch.setattr(OtherLists, "whose", broken)
    assert lane.admit(Scan("ARENA1")).outcome is Outcome.ADMIT


def test_another_list_that_is_damaged_changes_no_verdict(lane: Lane, tmp_path: Path) -> None:
    """It names nothing; the code stays unknown, and is no fault of this list."""
    zelt = place_of(Folder(tmp_path / "gate"), "z")
    for path in zelt.path.glob("tickets-*.db"):
        path.write_bytes(b"nonsense" * 1000)
    verdict = lane.admit(Scan("ZELT1"))
    assert (verdict.outcome, verdict.reason) == (Outcome.REFUSE, Reason.UNKNOWN)
    assert verdict.other_list == ""


def test_a_list_that_is_let_decide_would_be_seen(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation: where the two lists are read as one, a stranger is let in."""
    monkeypatch.setattr("gate.lane.admission.identify", _identity_of_any_list)
    assert lane.admit(Scan("ZELT1")).outcome is Outcome.ADMIT


def _identity_of_any_list(
    _scan: Scan, _match: Match, tickets: Tickets, _repair: object, *, is_repeat: bool
) -> Identity:
    return Identity(tickets.get("1"), is_by_code=not is_repeat)

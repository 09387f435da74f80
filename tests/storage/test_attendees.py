"""Lists of people: who is on them, in which order, how believed, and in which forms."""

import csv
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gate.cli.main import main
from gate.core.place import Direction, Place, Role
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.lane.operators import Operators
from gate.reports import report
from gate.storage import attendees, presence
from gate.storage.attendees import LIST_NAMES, Attendee, AttendeeList, ListName, SortedAttendees
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder
from gate.storage.tickets import Tickets
from gate.text import attendee_forms
from tests.conftest import MakeLane
from tests.support.lanes import BOSS
from tests.support.venue import TICKETS, FixedClock, fill
from tests.system.neighbours import carry, enrol, known, neighbour, say

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def south(tmp_path: Path, clock: FixedClock) -> Iterator[Lane]:
    """A lane at the south gate that hears nobody."""
    with neighbour(tmp_path / "south", clock) as lane:
        yield lane


def a_list(
    folder: Folder, name: ListName, clock: FixedClock, *, show_names: bool = True
) -> AttendeeList:
    return attendees.gather(folder, name, clock.read(), 10.0, show_names=show_names)


def on(folder: Folder, name: ListName, clock: FixedClock) -> list[Attendee]:
    with closing(a_list(folder, name, clock)) as found:
        return list(found.sorted)


def printed(found: AttendeeList, form: str) -> str:
    return "".join(attendee_forms.FORMS[form](found, ZONE))  # type: ignore[index]


def test_lists_are_what_the_figures_count(
    lane: Lane, south: Lane, venue: Folder, clock: FixedClock
) -> None:
    """Inside, admitted, expected and no-show: own and others' entries, parties, crew, undos."""
    for code in ("GOOD001", "GOOD002", "GROUP1", "NAMED1"):
        lane.admit(Scan(code))
    south.admit(Scan("GROUP1", persons=2))
    south.admit(Scan("NAMED2"))
    south.admit(Scan("GOOD003"))
    south.undo()
    south.count_people(3, Direction.IN)
    lane.count_people(1, Direction.OUT)
    carry(south._folder, venue)
    clock.pass_seconds(60)
    lane.direction = Direction.OUT
    lane.admit(Scan("GOOD002"))
    with Fleet(venue) as fleet:
        numbers = report.venue_overview(venue, fleet, clock.wall_ms)
    with closing(a_list(venue, "inside", clock)) as found:
        inside = {one.ticket: one.people for one in found.sorted}
        assert found.without_ticket == {"": 2}
        assert sum(inside.values()) + 2 == numbers.inside
        assert numbers.without_ticket == 2
    assert inside == {"good-1": 1, "group-": 3, "named-1": 1, "named-2": 1}
    assert len(on(venue, "admitted", clock)) == numbers.used_tickets == 5
    assert len(on(venue, "expected", clock)) == numbers.expected == len(TICKETS) - 1
    assert len(on(venue, "no-show", clock)) == numbers.no_show


def test_what_one_file_knows_alone_is_not_enough(
    lane: Lane, south: Lane, venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who came in here and went out there is not inside; mutation: without the fold they are."""
    lane.admit(Scan("GOOD001"))
    carry(venue, south._folder)
    clock.pass_seconds(60)
    south.direction = Direction.OUT
    south.admit(Scan("GOOD001"))
    carry(south._folder, venue)
    assert on(venue, "inside", clock) == []
    folded = presence._folded
    monkeypatch.setattr(
        presence,
        "_folded",
        lambda fleet, ticket: (
            presence._states(fleet.own, [ticket]).get(ticket) or folded(fleet, ticket)
        ),
    )
    assert [one.ticket for one in on(venue, "inside", clock)] == ["good-1"]


def test_what_another_took_back_counts(
    lane: Lane, south: Lane, venue: Folder, clock: FixedClock
) -> None:
    """An undo elsewhere is a claim: the guest is on the list until it is confirmed."""
    admitted = lane.admit(Scan("GOOD001")).entry
    carry(venue, south._folder)
    south.undo(admitted, BOSS, "wrong guest")
    carry(south._folder, venue)
    assert [one.ticket for one in on(venue, "inside", clock)] == ["good-1"]
    lane.undo(admitted, BOSS, "so it was")
    assert on(venue, "inside", clock) == []
    assert on(venue, "admitted", clock) == []


def test_by_zone_and_by_name(make_lane: MakeLane, venue: Folder, clock: FixedClock) -> None:
    """Of the inside it is the zone in which they were last seen; the nameless come last."""
    lane = make_lane(place=Place(gate="Pit gate", zone="Pit"))
    for code in ("GOOD001", "NAMED2", "NAMED1"):
        lane.admit(Scan(code))
    lane._post.place = Place(gate="North", zone="Floor")
    lane.admit(Scan("GOOD002"))
    found = [(one.zone, one.holder, one.gate) for one in on(venue, "inside", clock)]
    assert found == [
        ("Floor", "", "North"),
        ("Pit", "José Ångström", "Pit gate"),
        ("Pit", "李小龙", "Pit gate"),
        ("Pit", "", "Pit gate"),
    ]


def test_the_inside_are_read_without_all_tickets(
    lane: Lane, venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 11: only tickets whose state says so are looked at, however many were sold."""
    lane.admit(Scan("GOOD001"))

    def never(*_args: object) -> Iterator[object]:
        raise AssertionError

    monkeypatch.setattr(Tickets, "listed", never)
    assert len(on(venue, "inside", clock)) == len(on(venue, "admitted", clock)) == 1
    with pytest.raises(AssertionError):
        on(venue, "expected", clock)


def test_pages_make_no_difference(
    lane: Lane, south: Lane, venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read two by two it is the same list."""
    for n in range(9):
        (lane if n % 2 else south).admit(Scan(f"GOOD{n:03d}"))
    carry(south._folder, venue)
    whole = [on(venue, name, clock) for name in LIST_NAMES]
    monkeypatch.setattr(presence, "PAGE", 2)
    assert [on(venue, name, clock) for name in LIST_NAMES] == whole
    assert len(whole[0]) == 9


def test_sorting_spills_to_a_file_of_its_own() -> None:
    """Rows of a long list are not kept in memory, and are gone with it."""
    rows = (Attendee("", f"{n % 977:05d}", "", "", f"t{n}", 1, None, "") for n in range(30_000))
    found = SortedAttendees(rows)
    pages = found._connection.execute("PRAGMA cache_size").fetchone()[0]
    assert pages <= 2000, "kilobytes or pages: a few MB at the most"
    assert [one.holder for one in found][:2] == ["00000", "00000"]
    found.close()
    with pytest.raises(sqlite3.ProgrammingError):
        found.zones()


def test_what_is_not_heard_is_said_on_top(lane: Lane, venue: Folder, clock: FixedClock) -> None:
    """A silent gate makes the list incomplete, in every form; its last contact is on it."""
    enrol(venue)
    lane.admit(Scan("NAMED1"))
    say(venue, clock, known("b" * 8, clock, ago_s=3600))
    with closing(a_list(venue, "inside", clock)) as found:
        assert not found.is_complete
        words = "NOT COMPLETE: South not heard"
        assert printed(found, "table").startswith(words)
        assert words in printed(found, "csv").splitlines()[1]
        page = printed(found, "html")
        assert page.index(words) < page.index("Who is inside ·") < page.index("José")
        told = json.loads(printed(found, "json"))
        assert (told["is_complete"], told["unheard"]) == (False, ["South"])
        assert "South: last heard 11:26:40" in printed(found, "table").replace(" (open)", "")


def test_alone_and_never_in_a_venue_it_is_complete(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """A gate on its own knows all there is."""
    lane.admit(Scan("NAMED1"))
    with closing(a_list(venue, "inside", clock)) as found:
        assert found.is_complete
        assert "NOT COMPLETE" not in printed(found, "table")


def test_names_are_hidden_where_the_event_hides_them(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """In no form is there one, nor are they sorted by what is not shown."""
    lane.admit(Scan("NAMED1"))
    with closing(a_list(venue, "inside", clock, show_names=False)) as found:
        for form in attendee_forms.FORMS:
            assert "José" not in printed(found, form)
            assert "named-1" in printed(found, form)


def test_strangers_write_no_formula_and_no_page(
    make_lane: MakeLane, folder: Folder, clock: FixedClock
) -> None:
    """A name is text in a spreadsheet, on a page and on a terminal (laws 10)."""
    fill(folder, [{
        "code": "EVIL", "type": "SHOW", "id": "evil-1",
        "holder": "=cmd|'/c calc'!A1<script>\x1b[2J", "seats": ["+1", "@2"], "zone": "-3+4",
    }])  # fmt: skip
    lane = make_lane(folder=folder)
    lane.admit(Scan("EVIL"))
    with closing(a_list(folder, "inside", clock)) as found:
        rows = list(csv.DictReader(io.StringIO(printed(found, "csv"))))
        (guest,) = [one for one in rows if one["what"] == "ticket"]
        assert guest["name"].startswith("'=cmd")
        assert (guest["zone"], guest["seat"][:3]) == ("'-3+4", "'+1")
        assert "<script>" not in printed(found, "html")
        for form in attendee_forms.FORMS:
            assert "\x1b" not in printed(found, form)


def test_every_csv_is_made_of_defused_rows() -> None:
    """No export writes CSV by itself: only ``gate/text/spreadsheet`` has the writer."""
    root = Path(attendees.__file__).parents[2]
    writers = {
        str(path.relative_to(root))
        for package in ("gate", "sync")
        for path in (root / package).rglob("*.py")
        if re.search(r"csv\.(writer|DictWriter)", path.read_text(encoding="utf-8"))
    }
    assert writers == {"gate/text/spreadsheet.py"}


def test_a_fallback_list_has_boxes(lane: Lane, venue: Folder, clock: FixedClock) -> None:
    """Whoever is in already is ticked."""
    lane.admit(Scan("NAMED1"))
    with closing(a_list(venue, "expected", clock)) as found:
        page = "".join(attendee_forms.as_html(found, ZONE, is_fallback=True))
    assert page.count("☑") == 1
    assert page.count("☐") == len(TICKETS) - 2
    assert "gate import --paper" in page


@pytest.mark.examples(2)
@pytest.mark.parametrize("form", ["table", "csv", "html", "json"])
def test_at_the_command_line_a_supervisor_is_asked(
    form: str,
    lane: Lane,
    venue: Folder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By name and PIN; staff see no names; without operators nobody is asked, and it says so."""
    lane.admit(Scan("NAMED1"))
    command = ["report", "--list", "inside", "--format", form, "--data-dir", str(venue.path)]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert "Ångström" in out
    assert "no operators" in err
    Operators(venue).add("boss", Role.SUPERVISOR, "80521x")
    Operators(venue).add("kim", Role.STAFF, "47119x")
    for typed in ("kim\n47119x\n", "boss\nwrong\n", ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        assert main(command) != 0
        assert "Ångström" not in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO("boss\n80521x\n"))
    assert main(command) == 0
    assert "Ångström" in capsys.readouterr().out

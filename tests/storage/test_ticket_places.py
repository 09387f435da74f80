"""For which places there are tickets, and what a gate that was told of none says."""

from pathlib import Path

from gate.config import load
from gate.core.event_settings import EventSettings
from gate.reports.ticket_import import import_files
from gate.settings import own_settings, settings_of
from gate.storage.folder import Folder
from gate.storage.ticket_places import TicketPlaces, ticket_places
from gate.text.settings_words import unplaced_line
from tests.support.venue import NOW_MS, write_rows


def imported(
    folder: Folder, tickets: list[dict[str, object]], types: list[dict[str, object]]
) -> None:
    """A gate with these."""
    files = [folder.path.with_name("types.jsonl"), folder.path.with_name("tickets.jsonl")]
    for file, rows in zip(files, (types, tickets), strict=True):
        write_rows(file, rows)
    import_files(folder, files, built_ms=NOW_MS)


def test_every_kind_of_place_is_found(tmp_path: Path) -> None:
    """In tickets and in their types."""
    folder = Folder(tmp_path / "gate")
    imported(
        folder,
        [
            {"code": "C1", "type": "S", "entrance": "West"},
            {"code": "C2", "type": "S", "entrance": "East", "zone": "B"},
            {"code": "C3", "type": "M", "screening_room": "2"},
            {"code": "C4", "type": "F", "gate": "B7"},
        ],
        [
            {"id": "S", "kind": "meeting", "locations": [7, 8]},
            {"id": "M", "kind": "movie"},
            {"id": "F", "kind": "boarding", "flight": "VG1", "gate": "B6"},
        ],
    )
    assert ticket_places(folder) == TicketPlaces(
        ("B6", "B7", "East", "West"), ("B",), ("2",), ("VG1",), ("7", "8")
    )


def test_tickets_for_anywhere_are_for_no_place(tmp_path: Path) -> None:
    """Then nobody needs to say where a gate is."""
    folder = Folder(tmp_path / "gate")
    imported(folder, [{"code": "C1", "type": "S"}], [{"id": "S", "kind": "meeting"}])
    assert ticket_places(folder) == TicketPlaces()


def test_a_gate_that_was_told_nothing_says_so() -> None:
    """What comes of it depends on whether the event has profiles; a gate with a place is quiet."""
    places = TicketPlaces(entrances=("East", "West"), zones=("\x1b[31m",))
    own = load(environment={})
    line = unplaced_line(own_settings(own), places)
    assert line.startswith("nobody has said where this gate is, so it lets in")
    assert "entrance East, West" in line
    assert "\x1b" not in line
    stated = EventSettings(profiles={"North": {}})
    assert "wait" in unplaced_line(settings_of(own, stated, "d", "South"), places)
    assert unplaced_line(settings_of(own, stated, "d", "North"), places) == ""
    assert unplaced_line(own_settings(load(environment={}, settings=["gate.zone=A"])), places) == ""
    assert unplaced_line(own_settings(own), TicketPlaces()) == ""

"""A gate with several lists, each with tickets of its own."""

from collections.abc import Sequence

from gate.reports.ticket_import import import_files
from gate.storage import enrolment
from gate.storage.enrolment import Enrolment
from gate.storage.folder import Folder
from gate.storage.gate_lists import GateList, gate_lists, place_of
from tests.support.venue import NOW_MS, Row, write_rows


def make_list(base: Folder, event: str, name: str, rows: Sequence[Row] = ()) -> Folder:
    """A list that this gate is enrolled for, with these types and tickets."""
    folder = place_of(base, event)
    folder.create()
    if rows:
        source = write_rows(folder.path / "tickets.jsonl", rows)
        import_files(folder, [source], built_ms=NOW_MS - 3_600_000)
        source.unlink()
    enrolled = Enrolment("https://server.example", "credential", event, name, "North")
    enrolment.save(folder, enrolled)
    return folder


def named(base: Folder, name: str) -> GateList:
    """The list that people call so."""
    return next(one for one in gate_lists(base) if one.name == name)

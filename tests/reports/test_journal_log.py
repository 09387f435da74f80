"""The journal as text, CSV and JSON Lines."""

import csv
import hashlib
import itertools
import json
from zoneinfo import ZoneInfo

import pytest

from gate.core.place import Role
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.reports.journal_log import Filter, lines
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.text.journal_lines import CSV_COLUMNS
from tests.conftest import MakeLane
from tests.support.venue import NOW_MS, FixedClock

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def worked(make_lane: MakeLane, clock: FixedClock) -> Lane:
    lane = make_lane()
    lane.open()
    lane.sign_in(Operator("kim", Role.STAFF))
    lane.admit(Scan("GOOD001", "QRCode", "camera"))
    clock.pass_seconds(60)
    lane.admit(Scan("GOOD001"))
    lane.admit(Scan("\x1b[31mEVIL"))
    lane.admit_by_hand("named-1", Operator("boss", Role.SUPERVISOR), 'phone "dead"\x1b[2J')
    return lane


def test_text_is_one_safe_line_an_entry(worked: Lane, venue: Folder) -> None:
    """Time, outcome, reason, ticket, gate, operator; nothing that moves a cursor."""
    told = list(lines(venue, Filter(), "text", ZONE))
    assert len(told) == 6
    assert told[2].startswith("2026-12-23 12:26:40 ADMIT      admitted good-1 North kim")
    assert "code#" in told[4]
    assert not any("\x1b" in line or "EVIL" in line for line in told)


def test_what_was_typed_by_hand_is_seen(lane: Lane, venue: Folder) -> None:
    """In text by a word, in CSV as the source."""
    lane.admit_typed("GOOD001")
    lane.admit(Scan("GOOD002", source="keyboard"))
    first, second = lines(venue, Filter(), "text", ZONE)
    assert "admitted good-1 typed North" in first
    assert "typed" not in second
    rows = list(csv.DictReader(lines(venue, Filter(), "csv", ZONE)))
    assert [row["source"] for row in rows] == ["hand", "keyboard"]


def test_csv_has_a_header_and_every_column(worked: Lane, venue: Folder) -> None:
    """It reads back with the standard reader, quotes and all."""
    rows = list(csv.DictReader(lines(venue, Filter(), "csv", ZONE)))
    assert set(rows[0]) == set(CSV_COLUMNS)
    assert rows[5]["note"].startswith('phone "dead"')
    assert rows[5]["flags"] == "manual"


def test_json_lines_are_the_entries_as_hashed(worked: Lane, venue: Folder) -> None:
    """Each line's SHA-256 is what the next line names as its predecessor."""
    told = list(lines(venue, Filter(), "jsonl", ZONE))
    for before, after in itertools.pairwise(told):
        assert json.loads(after)["prev"] == hashlib.sha256(before.encode()).hexdigest()
    reader = JournalReader(venue.journal)
    assert told == [body for _row, body in reader.bodies()]
    reader.close()


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Filter(outcome="refuse"), 2),
        (Filter(reason="already_used"), 1),
        (Filter(act="admission"), 2),
        (Filter(ticket="good-1"), 2),
        (Filter(operator="boss"), 1),
        (Filter(gate="South"), 0),
        (Filter(since_ms=NOW_MS + 1), 3),
        (Filter(until_ms=NOW_MS + 1), 3),
        (Filter(outcome="refuse", operator="kim"), 2),
    ],
)
def test_filters(worked: Lane, venue: Folder, wanted: Filter, count: int) -> None:
    """Each filter leaves what fits."""
    assert len(list(lines(venue, wanted, "text", ZONE))) == count


def test_following_brings_what_comes(worked: Lane, venue: Folder) -> None:
    """New entries appear, also in a folder whose journal is not there yet."""
    turns = iter(["GOOD005", "GOOD006"])

    def sleep(_seconds: float) -> None:
        code = next(turns, None)
        if code is None:
            raise KeyboardInterrupt
        worked.admit(Scan(code))

    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        told.extend(lines(venue, Filter(outcome="admit"), "text", ZONE, follow=True, sleep=sleep))
    assert [line.split()[4] for line in told] == ["good-1", "named-1", "good-5", "good-6"]


def test_following_an_empty_folder_waits(folder: Folder) -> None:
    """No journal yet is nothing to tell, not a fault."""

    def sleep(_seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(lines(folder, Filter(), "text", ZONE, follow=True, sleep=sleep))
    assert list(lines(folder, Filter(), "text", ZONE)) == []

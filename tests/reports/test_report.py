"""Counts that follow from the journal, however they are shown."""

import csv
import io
import json
from zoneinfo import ZoneInfo

import pytest

from gate.core.outcome import Flag
from gate.core.place import Direction, HouseRules, Place, Role, UnpaidPolicy
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.reports import journal_log, report
from gate.reports.journal_log import Filter
from gate.reports.report import GROUPS, Group, Overview
from gate.storage.folder import Folder
from tests.conftest import MakeLane
from tests.support.venue import NOW_MS, TICKETS, FixedClock, fill

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def evening(make_lane: MakeLane, clock: FixedClock) -> Lane:
    """Three in, a group of three, one out, one undone, four refused at two gates."""
    lane = make_lane()
    lane.sign_in(Operator("kim", Role.STAFF))
    for code in ("GOOD001", "GOOD002", "GOOD003", "GROUP1"):
        lane.admit(Scan(code))
    lane.next_person(2)
    for code in ("NOBODY", "NOBODY", "VOID1"):
        lane.admit(Scan(code))
    clock.pass_seconds(20 * 60)
    lane._post.place = Place(gate="South")
    lane.sign_out()
    lane.admit(Scan("GOOD001"))
    lane.admit(Scan("GOOD004"))
    lane.undo()
    lane.direction = Direction.OUT
    lane.admit(Scan("GOOD002"))
    lane.idle()
    return lane


def test_the_overview(evening: Lane, venue: Folder) -> None:
    """Issued, expected, used, no-show, in, out, inside, refused, annulled."""
    assert report.overview(venue) == Overview(
        issued=len(TICKETS),
        expected=len(TICKETS) - 1,
        used_tickets=4,
        no_show=len(TICKETS) - 5,
        admitted=6,
        exited=1,
        inside=5,
        refused=4,
        annulled=1,
    )


def test_codes_that_were_typed_by_hand_are_counted(evening: Lane, venue: Folder) -> None:
    """Good and bad ones; in every form of the report."""
    evening.admit_typed("GOOD009")
    evening.admit_typed("VOID1")
    numbers = report.in_full(report.overview(venue), venue)
    assert numbers.by_hand == 2
    assert report.in_full(report.overview(venue), venue, everywhere=True).by_hand == 2
    assert "typed by hand" in report.as_table(numbers, {})
    assert json.loads(report.as_json(numbers, {}))["event"]["by_hand"] == 2


def test_what_was_paid_at_the_gate_is_counted_by_who_took_the_money(
    make_lane: MakeLane, venue: Folder
) -> None:
    """Each ticket once, and none that was undone or was not paid for after all."""
    family = {"code": "FIVE1", "type": "GROUP", "id": "five-1", "status": "unpaid"}
    fill(venue, [family, *({**family, "code": f"DUE{n}", "id": f"due-{n}"} for n in range(4))])
    lane = make_lane(rules=HouseRules(unpaid=UnpaidPolicy.ASK))
    for operator, code, yes in (
        ("kim", "DUE0", True), ("kim", "DUE1", False), ("lee", "DUE1", True),
        ("lee", "FIVE1", True), ("lee", "DUE3", True),
    ):  # fmt: skip
        lane.sign_in(Operator(operator, Role.STAFF))
        lane.admit(Scan(code))
        lane.answer(yes=yes)
    lane.undo()
    lane.sign_out()
    lane.admit(Scan("DUE2"))
    lane.answer(yes=True)
    lane.next_person(4)
    paid = report.paid_here(venue)
    assert paid == {"": 1, "kim": 1, "lee": 2}
    numbers = report.in_full(report.overview(venue), venue)
    assert numbers.paid_here == 4
    told = json.loads(report.as_json(numbers, {}, paid))
    assert told["paid_here"] == {"-": 1, "kim": 1, "lee": 2}
    assert "operator,lee,paid_here,2" in report.as_csv(numbers, {}, paid)
    assert report.as_table(numbers, {}, paid).splitlines()[-1].split() == ["lee", "2"]
    _head, line = journal_log.lines(venue, Filter(operator="kim", act="admission"), "csv", ZONE)
    assert Flag.PAID_HERE in line


def test_an_empty_folder_counts_nothing(folder: Folder) -> None:
    """No tickets, no journal, no fault."""
    assert report.overview(folder) == Overview()
    assert report.grouped(folder, "gate", ZONE) == []
    assert report.rates(folder, NOW_MS) == report.Rates(0, 0, 0, 0)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("gate", [("North", 8, 6, 0, 3), ("South", 3, 0, 1, 1)]),
        ("type", [("no ticket", 2, 0, 0, 2), ("Family", 2, 3, 0, 0), ("Winter Gala", 7, 3, 1, 2)]),
        ("outcome", [("admit", 6, 6, 0, 0), ("exit", 1, 0, 1, 0), ("refuse", 4, 0, 0, 4)]),
        ("operator", [("-", 3, 0, 1, 1), ("kim", 8, 6, 0, 3)]),
        ("quarter", [("2026-12-23 12:15", 8, 6, 0, 3), ("2026-12-23 12:45", 3, 0, 1, 1)]),
    ],
)
def test_by_group(
    evening: Lane, venue: Folder, by: Group, expected: list[tuple[str, int, int, int, int]]
) -> None:
    """Scans, people in, people out and refusals by each side of a scan."""
    lines = report.grouped(venue, by, ZONE)
    assert [(x.name, x.scans, x.admitted, x.exited, x.refused) for x in lines] == expected


def test_every_group_adds_up_to_the_same(evening: Lane, venue: Folder) -> None:
    """However it is cut, the whole stays the whole."""
    numbers = report.overview(venue)
    for by in GROUPS:
        lines = report.grouped(venue, by, ZONE)
        assert sum(line.admitted for line in lines) == numbers.admitted
        assert sum(line.refused for line in lines) == numbers.refused
        assert sum(line.exited for line in lines) == numbers.exited


def test_rates(evening: Lane, venue: Folder, clock: FixedClock) -> None:
    """People in this minute, in 15 minutes, and the best quarter so far."""
    now = report.rates(venue, clock.wall_ms)
    assert (now.last_minute, now.last_quarter, now.peak_quarter) == (0, 0, 6)
    then = report.rates(venue, NOW_MS + 30_000)
    assert (then.last_minute, then.last_quarter) == (0, 6)
    assert report.rates(venue, NOW_MS).last_minute == 6


def test_the_three_forms_say_the_same(evening: Lane, venue: Folder) -> None:
    """Table, CSV and JSON hold the same numbers."""
    numbers = report.overview(venue)
    groups = {"gate": report.grouped(venue, "gate", ZONE)}
    told = json.loads(report.as_json(numbers, groups))
    assert told["event"]["admitted"] == 6
    assert told["gate"][0]["name"] == "North"
    rows = list(csv.DictReader(io.StringIO(report.as_csv(numbers, groups))))
    assert {"group": "event", "name": "", "counted": "inside", "value": "5"} in rows
    assert {"group": "gate", "name": "South", "counted": "exited", "value": "1"} in rows
    table = report.as_table(numbers, groups)
    assert "inside now" in table
    assert all(len(line) <= 100 for line in table.splitlines())


def test_wide_names_line_up(evening: Lane, venue: Folder) -> None:
    """Ideographs take two cells, and control characters none at all."""
    line = report.Line("北门\x1b[31m", 1, 2, 3, 4, 5)
    last = report.as_table(Overview(), {"gate": [line]}).splitlines()[-1]
    assert "\x1b" not in last
    assert last.endswith("         1         2         3         4         5")

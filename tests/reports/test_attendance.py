"""What became of tickets by card and day, on paper and by hand."""

import csv
import io
import json
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from gate.core.entry import Act
from gate.core.ticket import Kind, Status, Ticket, TicketType
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.reports import fleet_report
from gate.reports.attendance import DayCount, count_days
from gate.storage.figures import first_uses
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder
from tests.support.venue import FixedClock
from tests.system.neighbours import carry, neighbour

ZONE = ZoneInfo("Asia/Shanghai")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp())


TYPE = TicketType(
    "p1",
    Kind.MEETING,
    "Gala",
    time_zone="Asia/Shanghai",
    begin=at("2026-12-01"),
    end=at("2026-12-05") - 1,
)
SOLD = Ticket("t", TYPE, issued_at=at("2026-12-01T23:59:59"), claimed_at=at("2026-12-02T00:00:00"))
NOW = at("2026-12-10")


def test_each_thing_is_counted_on_its_day() -> None:
    """Issue, claim, gift and use on their days; what was good and not used expires, once."""
    tickets = [
        replace(SOLD, id="used", gifted_at=at("2026-12-03")),
        replace(SOLD, id="missed", begin_time=at("2026-12-04T20:00")),
        replace(SOLD, id="void", status=Status.REVOKED),
        replace(SOLD, id="waiting", status=Status.UNCLAIMED, claimed_at=None),
        replace(SOLD, id="early", type=replace(TYPE, id="p2", title="", end=NOW + 9)),
    ]
    days = count_days(tickets, {"used": at("2026-12-04T19:00"), "stranger": 1}, NOW)
    assert days == {
        ("Gala", "p1", "2026-12-01"): DayCount(issued=4),
        ("Gala", "p1", "2026-12-02"): DayCount(claimed=3),
        ("Gala", "p1", "2026-12-03"): DayCount(gifted=1),
        ("Gala", "p1", "2026-12-04"): DayCount(redeemed=1, expired=1, no_show=1),
        ("p2", "p2", "2026-12-01"): DayCount(issued=1),
        ("p2", "p2", "2026-12-02"): DayCount(claimed=1),
    }


def test_a_ticket_nobody_dates_is_counted_without_a_day() -> None:
    """Imported tickets need not say when they were issued."""
    bare = Ticket("t", TicketType("S", Kind.SCENIC, time_zone="Asia/Shanghai"))
    assert count_days([bare], {}, NOW) == {("S", "S", ""): DayCount(issued=1)}


def test_two_cards_of_one_title_are_two_lines(lane: Lane, venue: Folder, clock: FixedClock) -> None:
    """A title may be used twice; their numbers are told apart, on paper by the end of the id."""
    other = replace(TYPE, id="p1-of-sunday")
    days = count_days([SOLD, replace(SOLD, id="u", type=other)], {}, NOW)
    assert [(line.card, counted.issued) for line, counted in days.items() if counted.issued] == [
        ("p1", 1), ("p1-of-sunday", 1),
    ]  # fmt: skip
    seen = replace(fleet_report.look(venue, clock.read(), 10.0), days=days)
    table = fleet_report.as_table(seen, ZONE).splitlines()
    assert sum(line.startswith("Gala p1 ") for line in table) == 3
    assert sum(line.startswith("Gala f-sunday ") for line in table) == 3
    rows = list(csv.DictReader(io.StringIO(fleet_report.as_csv(seen))))
    assert {row["name"] for row in rows if row["group"] == "card"} >= {
        "p1 2026-12-01", "p1-of-sunday 2026-12-01",
    }  # fmt: skip


def test_the_first_use_that_stands_counts(lane: Lane, venue: Folder, clock: FixedClock) -> None:
    """Of two gates the earlier one, and what was undone anywhere does not count."""
    with neighbour(venue.path.parent / "south", clock) as south:
        assert south.admit(Scan("GOOD001")).is_green
        clock.pass_seconds(61)
        assert lane.admit(Scan("GOOD001")).is_green
        assert lane.admit(Scan("GOOD007")).is_green
        carry(south._folder, venue)
        with Fleet(venue) as seen:
            first = first_uses(seen)
            facts = seen.facts("good-1")
        earliest = min(fact.at_ms for fact in facts if fact.act is Act.ADMISSION) // 1000
        assert first["good-1"] == earliest
        assert len(first) == 2


def test_the_report_tells_them(lane: Lane, venue: Folder, clock: FixedClock) -> None:
    """Table, CSV and JSON have a line for each card and day."""
    lane.admit(Scan("GOOD001"))
    seen = fleet_report.look(venue, clock.read(), 10.0)
    told = json.loads(fleet_report.as_json(seen))["cards"]
    used = [line for line in told if line["redeemed"]]
    assert [line["redeemed"] for line in used] == [1]
    assert (
        sum(line["issued"] for line in told)
        == json.loads(fleet_report.as_json(seen))["event"]["issued"]
    )
    table = fleet_report.as_table(seen, ZONE)
    assert any(used[0]["day"] in line and used[0]["card"] in line for line in table.splitlines())
    rows = list(csv.DictReader(io.StringIO(fleet_report.as_csv(seen))))
    name = f"{used[0]['id']} {used[0]['day']}"
    assert {"group": "card", "name": name, "counted": "redeemed", "value": "1"} in rows

"""What strangers wrote is no formula in any export; and a mad clock ends no report."""

import csv
import datetime as dt
import io
from contextlib import closing
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.local_time import moment_of
from gate.core.place import Place
from gate.core.verdict import Scan
from gate.reports import fleet_report, journal_log, report
from gate.reports.fleet_report import as_csv, as_table, look
from gate.reports.journal_log import Filter
from gate.storage.folder import Folder
from gate.storage.peer_store import PeerStore
from gate.text import spreadsheet
from gate.text.spreadsheet import row
from sync.server import audit
from tests.conftest import MakeLane
from tests.support.central import Maker
from tests.support.programs import run
from tests.support.venue import FixedClock, fill

SHANGHAI = ZoneInfo("Asia/Shanghai")
FORMULAS = [
    '=HYPERLINK("http://evil.example";"x")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1",
    "＝1+1", "＋1", "－1", "＠x", " =1", "\u3000=1", "\ufeff=1", "\x00=1", "\u200b=1",
]  # fmt: skip


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would run it, as its own way of reading goes."""
    return cell.lstrip(" \t\r\n\u3000\ufeff\u200b\0")[:1] in tuple("=+-@＝＋－＠")


def is_number(cell: str) -> bool:
    return cell.removeprefix("-").isdecimal()


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_text(text: str) -> None:
    """It begins with an apostrophe, and holds nothing that moves a cursor."""
    (found,) = cells(row(["a", text, 7]))
    assert found[1].startswith("'") or not is_formula(found[1])
    assert found[1].isprintable() or "\u3000" in found[1]
    assert (found[0], found[2]) == ("a", "7")


@given(st.text())
def test_no_text_at_all_is_a_formula(text: str) -> None:
    """Nor does any break out of its cell or its row."""
    found = cells(row(["a", text, -7, None, 1.5, True]))
    assert len(found) == 1
    assert not is_formula(found[0][1])
    assert found[0][2:] == ["-7", "", "1.5", "True"]


@pytest.fixture
def hostile(folder: Folder, make_lane: MakeLane, clock: FixedClock) -> Folder:
    """A venue where types, gates, operators and notes are formulas, here and elsewhere."""
    bad = FORMULAS[0]
    fill(folder, [{"id": bad, "kind": "meeting", "title": bad},
                  {"code": "BAD1", "type": bad, "id": bad}])  # fmt: skip
    lane = make_lane(folder=folder, place=Place(bad))
    lane.admit(Scan("BAD1"))
    lane.admit(Scan("NOBODY"))
    lane.close()
    return folder


def exports(folder: Folder) -> dict[str, str]:
    """Every CSV that there is."""
    groups = {name: report.grouped(folder, name, SHANGHAI) for name in ("gate", "type", "operator")}
    seen = look(folder, FixedClock().read(), 10)
    return {
        "report": report.as_csv(report.overview(folder), groups),
        "venue": as_csv(seen),
        "log": "\n".join(journal_log.lines(folder, Filter(), "csv", SHANGHAI)),
    }


def formulas(folder: Folder) -> set[str]:
    return {
        name
        for name, text in exports(folder).items()
        if any(is_formula(cell) for line in cells(text) for cell in line if not is_number(cell))
    }


def test_no_export_holds_one(hostile: Folder) -> None:
    """Nor does the journal as a spreadsheet, the venue's report, or the counts."""
    assert all("HYPERLINK" in text for text in exports(hostile).values())
    assert formulas(hostile) == set()


def test_without_the_one_function_all_do(hostile: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutation beside the test above."""
    monkeypatch.setattr(spreadsheet, "_cell", lambda value: value)
    assert formulas(hostile) == {"report", "venue", "log"}


@pytest.mark.parametrize("module", [report, fleet_report, journal_log, audit])
def test_there_is_no_other_way_to_write_csv(module: object) -> None:
    """Whoever exports goes through it."""
    assert "csv" not in vars(module)


def hear(folder: Folder, at_ms: int) -> None:
    """Another gate admits two at a time that its clock made up: one of them twice, with us."""
    maker = Maker("1" * 16)
    made = [maker.make(ticket=ticket, at_ms=at_ms) for ticket in ("good-1", "good-2")]
    with closing(PeerStore(folder)) as peer_store:
        assert peer_store.intake.accept(made, maker.device).new == len(made)


MAD = [2**53 - 1, 1 - 2**53, 253_402_300_800_000, -62_135_596_800_001, 9_000_000_000_000_000]


@pytest.mark.parametrize("at_ms", MAD)
def test_a_report_survives_a_mad_clock(venue: Folder, make_lane: MakeLane, at_ms: int) -> None:
    """Another gate's times are shown as they are, the year 287396 too, and nothing else changes."""
    lane = make_lane()
    lane.admit(Scan("GOOD001"))
    lane.close()
    hear(venue, at_ms)
    seen = look(venue, FixedClock().read(), 10)
    told = as_table(seen, SHANGHAI)
    assert moment_of(at_ms // 1000, SHANGHAI).day in told
    assert as_csv(seen)
    for by in report.GROUPS:
        assert report.grouped(venue, by, SHANGHAI, everywhere=True)


@pytest.mark.parametrize(("at", "day"), [
    (2**53 // 1000, "287396-10-12"), (-(2**53) // 1000, "-283457-03-21"), (0, "1970-01-01"),
    (-1, "1970-01-01"), (1_798_000_000, "2026-12-23"), (-62_135_596_801, "0001-01-01"),
    (-62_135_596_801 - 86_400, "0000-12-31"),
])  # fmt: skip
def test_days_of_any_year(at: int, day: str) -> None:
    """By the Gregorian calendar, on the clocks of the zone."""
    assert moment_of(at, SHANGHAI).day == day


@given(st.integers(-62_135_500_000, 253_402_200_000))
def test_they_are_the_days_of_everybody_s_calendar(at: int) -> None:
    """As far as that goes, in a zone without changes."""
    told = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=at)
    moment = moment_of(at, ZoneInfo("UTC"))
    assert (moment.day, moment.shown.time()) == (f"{told.year:04}-{told:%m-%d}", told.time())


def test_the_command_survives_it(venue: Folder, make_lane: MakeLane) -> None:
    """``gate report --venue`` as a process, over entries of a device whose clock was mad."""
    lane = make_lane()
    lane.admit(Scan("GOOD001"))
    lane.close()
    hear(venue, 2**53 - 1)
    for more in ((), ("--format", "csv"), ("--format", "json")):
        ran = run("report", "--venue", "--data-dir", str(venue.path), *more, timeout=60)
        assert ran.returncode == 0, ran.stderr
        assert "unforeseen" not in ran.stderr
        assert more or "287396-10-12" in ran.stdout

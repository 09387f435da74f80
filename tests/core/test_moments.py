"""Nothing about time is assumed (law 17): zones have names, ends are inclusive, no date is 1970.

The folders in ``tests/times`` are inputs that went wrong at doors.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import i18n
from gate.cli.main import main
from gate.cli.options import moment_ms
from gate.config import Config, load
from gate.core import validity
from gate.core.entry import Act
from gate.core.history import History, Movement
from gate.core.local_time import first_at, last_at, same_clock
from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction, HouseRules, Place
from gate.core.ticket import Kind, Ticket, TicketType, WeeklyHours
from gate.core.validity import is_open, term
from gate.core.verdict import Scan, Verdict
from gate.errors import ImportFault
from gate.lane.lane import Lane
from gate.lists.intake import Imported, Wanted
from gate.reports.checks.finding import Status
from gate.reports.doctor import Check, examine
from gate.reports.lookup import look_up, tell
from gate.reports.ticket_import import import_files
from gate.storage import moments
from gate.storage.event import EventRow
from gate.storage.folder import Folder
from gate.storage.moments import BadMoment, Side, second_of
from gate.storage.row_values import BadRow
from gate.storage.ticket_rows import TypeTimes, changed_body, ticket_body, type_body
from gate.storage.tickets import Tickets
from gate.text import zones
from gate.text.times import age_or_time, clock_time
from gate.text.verdict_words import explain
from gate.text.zones import LaneZone, Source, machine_zone, zone_of
from gate.ui.tui.app import GateApp
from gate.ui.tui.screens.questions import TimeQuestion
from gate.ui.tui.status import Part, status_of
from tests.support.paths import DATA
from tests.support.programs import run
from tests.support.venue import NOW_MS, FixedClock

CASES = DATA / "times"
BERLIN = ZoneInfo("Europe/Berlin")
KEY = bytes(32)


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp())


@pytest.fixture
def machine_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts this machine into another zone."""

    def put(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield put
    os.environ["TZ"] = "Asia/Shanghai"
    time.tzset()


def bring(folder: Folder, case: str, **options: bool | str) -> Imported:
    files = [CASES / case / "types.csv", CASES / case / "tickets.csv"]
    wanted = Wanted(**options)  # type: ignore[arg-type]
    return import_files(folder, files, wanted, built_ms=1_700_000_000_000)


@contextmanager
def lane_at(
    folder: Folder, moment: int, rules: HouseRules | None = None
) -> Iterator[tuple[Lane, FixedClock]]:
    clock = FixedClock(moment * 1000)
    clock.boot_id = f"boot-{moment}"
    lane = Lane(folder, clock, Place("North"), rules or HouseRules(), Direction.IN)
    try:
        yield lane, clock
    finally:
        lane.close()


class TestZoneNobodyNamed:
    """The machine's own zone, or the event's, and everybody says which."""

    def test_the_machines_zone_is_taken_and_named(
        self, folder: Folder, machine_in: Callable[[str], None],
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        """18:00-03:00 at a machine in Berlin is Berlin's, and import says so."""
        machine_in("Europe/Berlin")
        case = CASES / "zone-nobody-named"
        files = [str(case / "types.csv"), str(case / "tickets.csv")]
        assert main(["--data-dir", str(folder.path), "import", *files]) == 0
        assert "times taken as Europe/Berlin (this machine's zone)" in capsys.readouterr().out
        with lane_at(folder, at("2026-12-31 20:10")) as (lane, _clock):
            assert lane.admit(Scan("B-1")).outcome is Outcome.ADMIT

    def test_a_machine_nobody_has_set_is_said_plainly(
        self, folder: Folder, machine_in: Callable[[str], None],
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        """UTC is what a machine has before somebody sets it: import and doctor ask about it."""
        machine_in("UTC")
        case = CASES / "zone-nobody-named"
        files = [str(case / "types.csv"), str(case / "tickets.csv")]
        assert main(["--data-dir", str(folder.path), "import", *files]) == 0
        told = capsys.readouterr()
        assert "times taken as UTC" in told.out
        assert "zone was never set" in told.err
        found = checks(Config(), folder)["time zone"]
        assert (found.status, "nobody has set one" in found.detail) == (Status.WARN, True)

    @pytest.mark.parametrize("name", ["auto", ""])
    def test_auto_and_empty_are_the_machines(
        self, folder: Folder, machine_in: Callable[[str], None], name: str
    ) -> None:
        """What config.toml leaves open is what the machine has."""
        machine_in("America/New_York")
        found = zone_of(Config(time_zone=name), folder)
        assert (found.name, found.source) == ("America/New_York", Source.MACHINE)

    def test_flag_beats_event_beats_file(self, folder: Folder, tmp_path: Path) -> None:
        """An enrolled gate's file is not read for the zone where the event says one."""
        file = tmp_path / "config.toml"
        file.write_text('time_zone = "Asia/Tokyo"\n')
        assert zone_of(load(file, {}), folder).name == "Asia/Tokyo"
        folder.enrolment.write_text('{"time_zone": "Europe/Berlin"}')
        found = zone_of(load(file, {}), folder)
        assert (found.name, found.source) == ("Europe/Berlin", Source.EVENT)
        for config in (
            load(file, {"GATE_TIME_ZONE": "Asia/Dubai"}),
            load(file, {}, ["time_zone=Asia/Dubai"]),
        ):
            found = zone_of(config, folder)
            assert (found.name, found.source) == ("Asia/Dubai", Source.SETTING)

    def test_a_zone_this_machine_does_not_know_is_told(self, folder: Folder) -> None:
        """Its times are told in the next one that is known, and doctor warns."""
        folder.enrolment.write_text('{"time_zone": "Mars/Olympus"}')
        found = zone_of(Config(), folder)
        assert (found.source, found.unknown) == (Source.MACHINE, "Mars/Olympus")
        assert checks(Config(), folder)["time zone"].status is Status.WARN

    def test_a_machine_without_a_zone_of_a_name(
        self, machine_in: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Rules in TZ have no name: what the clock shows is never told by another's."""
        machine_in("XYZ-5:17")
        assert machine_zone() == ("UTC", False)
        machine_in("Europe/Berlin")
        monkeypatch.setattr(zones, "_named", lambda: "")
        copy = Path(str(TZPATH[0]), "Europe/Berlin")
        if copy.exists():
            monkeypatch.setattr(zones, "_LOCALTIME", copy)
            assert same_clock(machine_zone().info, BERLIN, NOW_MS // 1000)

    def test_doctor_warns_where_machine_and_type_differ(
        self, folder: Folder, machine_in: Callable[[str], None]
    ) -> None:
        """The clock is told in the lane's zone, by name; who differs is named."""
        machine_in("Asia/Shanghai")
        bring(folder, "repeated-hour")
        config = load(None, {}, ["time_zone=America/New_York"])
        found = checks(config, folder, NOW_MS)
        assert "2026-12-22 23:26:40 America/New_York" in found["clock"].detail
        zone = found["time zone"]
        assert zone.status is Status.WARN
        assert "Asia/Shanghai: this machine" in zone.detail
        assert "Europe/Berlin: fix, sat, spr, 1 more" in zone.detail

    def test_doctor_is_content_where_clocks_show_the_same(
        self, folder: Folder, machine_in: Callable[[str], None]
    ) -> None:
        """Vienna's clocks show what Berlin's do."""
        machine_in("Europe/Vienna")
        bring(folder, "repeated-hour")
        assert checks(Config(), folder)["time zone"].status is Status.OK

    def test_a_lane_at_work_follows_the_event(self, folder: Folder) -> None:
        """What the event says anew is taken between scans, unless the zone was set by hand."""
        folder.enrolment.write_text('{"time_zone": "Europe/Berlin"}')
        lane, fixed = (
            LaneZone(Config(), folder),
            LaneZone(load(None, {}, ["time_zone=UTC"]), folder),
        )
        told: list[str] = []
        lane.on_change = lambda zone: told.append(zone.in_words())
        for said in ("Europe/Berlin", "Asia/Tokyo", "Nowhere/Nowhere", ""):
            for one in (lane, fixed):
                one.follow(EventRow("show", "Show", said))
        assert (lane.info.key, fixed.info.key) == ("Asia/Tokyo", "UTC")
        assert told == ["Asia/Tokyo (the event's zone)"]


def checks(config: Config, folder: Folder, at_ms: int = NOW_MS) -> dict[str, Check]:
    return {one.name: one for one in examine(config, folder, FixedClock(at_ms), camera=False)}


class TestDatesInSilence:
    """A date that cannot be is a mistake, and an end is its last second."""

    def test_the_file_is_refused_by_line_and_reason(self, folder: Folder) -> None:
        """Numbers that are no Unix seconds, and an end before its begin."""
        with pytest.raises(ImportFault) as caught:
            bring(folder, "dates-in-silence", time_zone="Europe/Berlin")
        told = caught.value.message
        for line in (
            "types.csv:3: begin: 20261128 is no time",
            "types.csv:4: begin: 46387 looks like a spreadsheet's number",
            "types.csv:5: end: 2027 is no time",
            "types.csv:6: end 2026-11-01 03:00 is before begin 2026-12-31 18:00",
        ):
            assert line in told
        assert not folder.pointer.exists()

    def test_skip_bad_leaves_them_out_and_says_so(
        self, folder: Folder, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Four types and their tickets; the exit code without it is not 0."""
        case = CASES / "dates-in-silence"
        command = ["--data-dir", str(folder.path), "import", str(case / "types.csv"),
                   str(case / "tickets.csv")]  # fmt: skip
        assert main(command) == 1
        capsys.readouterr()
        assert main([*command, "--skip-bad"]) == 0
        told = capsys.readouterr()
        assert "8 bad rows left out" in told.out
        assert "types.csv:3: begin: 20261128" in told.err

    @pytest.mark.parametrize(
        ("code", "last"), [("day-1", "2026-11-29 23:59:59"), ("late-1", "2026-12-31 23:59:59")]
    )
    def test_an_end_is_inclusive_to_its_last_second(
        self, folder: Folder, code: str, last: str
    ) -> None:
        """A date alone is the whole day, a minute the whole minute; the next second is too late."""
        bring(folder, "dates-in-silence", time_zone="Europe/Berlin", skip_bad=True)
        with lane_at(folder, at(last)) as (lane, clock):
            clock.pass_seconds(0.999)
            assert lane.admit(Scan(code)).outcome is Outcome.ADMIT
            clock.pass_seconds(0.001)
            assert lane.admit(Scan(code, deliberate=True)).reason is Reason.TOO_LATE

    @pytest.mark.parametrize(
        ("stated", "told"),
        [
            ("20261231", "a date is written like"),
            (20261231, "a date is written like"),
            ("2027", "a date is written like"),
            ("46387", "spreadsheet"),
            (46387, "spreadsheet"),
            ("46387.75", "neither"),
            ("0", "cannot be Unix seconds"),
            (-5, "cannot be Unix seconds"),
            (86_400, "spreadsheet"),
            (1_798_737_000_000, "milliseconds"),
            ("1798737000000", "milliseconds"),
            ("202612311930", "cannot be Unix seconds"),
            ("20261231193000", "cannot be Unix seconds"),
            ("2026-W53-4", "neither"),
            ("20261231T1930", "neither"),
            ("2026-365", "neither"),
            ("2026-12-31T19", "neither"),
            ("31.12.2026", "neither"),
            ("12/31/2026", "neither"),
            ("2026-02-30", "there is no such time"),
            ("2026-12-31 24:30", "there is no such time"),
            ("2026-12-31 23:59:60", "there is no such time"),
            ("1970-01-01 00:00", "before the year 2000"),
            ("0001-01-01T00:00:00Z", "before the year 2000"),
            ("1899-12-30", "before the year 2000"),
            ("\u0662\u0660\u0662\u0666-12-31", "neither"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("side", [Side.BEGIN, Side.END])
    def test_what_cannot_be_is_a_mistake(self, stated: int | str, told: str, side: Side) -> None:
        """Nothing is taken for Unix seconds of 1970, and nothing is guessed."""
        with pytest.raises(BadMoment) as caught:
            second_of(stated, BERLIN, side)
        assert told in str(caught.value)

    @pytest.mark.parametrize(
        ("stated", "begin", "end"),
        [
            ("2026-12-31", "2026-12-31 00:00", "2026-12-31 23:59:59"),
            ("2026-12-31 19:30", "2026-12-31 19:30", "2026-12-31 19:30:59"),
            ("2026-12-31T19:30", "2026-12-31 19:30", "2026-12-31 19:30:59"),
            ("2026-12-31 19:30:15", "2026-12-31 19:30:15", "2026-12-31 19:30:15"),
            ("2026-12-31 19:30:15.999", "2026-12-31 19:30:15", "2026-12-31 19:30:15"),
            ("2026-12-31T18:30Z", "2026-12-31 19:30", "2026-12-31 19:30:59"),
            ("2026-12-31 18:30:00+0000", "2026-12-31 19:30", "2026-12-31 19:30:00"),
            ("2026-12-31 24:00", "2027-01-01 00:00", "2026-12-31 23:59:59"),
            ("2027-01-01 00:00", "2027-01-01 00:00", "2027-01-01 00:00:59"),
            ("2026-10-25 02:30", "2026-10-25 00:30+00:00", "2026-10-25 01:30:59+00:00"),
            ("2026-03-29 02:30", "2026-03-29 01:00+00:00", "2026-03-29 00:59:59+00:00"),
        ],
    )  # fmt: skip
    def test_begin_and_end_of_what_is_written(self, stated: str, begin: str, end: str) -> None:
        """First and last second whose clock in Berlin shows it."""

        def meant(text: str) -> int:
            moment = datetime.fromisoformat(text)
            return int(moment.timestamp()) if moment.tzinfo else at(text)

        assert second_of(stated, BERLIN, Side.BEGIN) == meant(begin)
        assert second_of(stated, BERLIN, Side.END) == meant(end)

    def test_for_ever_is_a_time(self) -> None:
        """The last day there is, as other systems write it, in every zone."""
        for name in ("Pacific/Honolulu", "Pacific/Kiritimati", "UTC"):
            for text in ("9999-12-31", "9999-12-31 23:59:59", "9999-12-31T23:59:59Z"):
                found = second_of(text, ZoneInfo(name), Side.END)
                assert moments.MAX_TIME - 86_400 < found <= moments.MAX_TIME

    @pytest.mark.parametrize(
        ("row", "told"),
        [
            ({"begin": 1_798_737_000, "end": 1_798_736_999}, "end 1798736999 is before begin"),
            ({"begin": "2026-12-31", "end": "2026-12-30"}, "is before begin"),
            ({"end": 46387}, "end: 46387 looks like"),
            ({"departure_time": "2026-12-31"}, "wants a time of day"),
            ({"boarding_time": "2026-12-31 12:00", "departure_time": "2026-12-31 11:00"},
             "departure_time 2026-12-31 11:00 is before boarding_time"),
        ],
    )  # fmt: skip
    def test_types_that_cannot_be(self, row: dict[str, object], told: str) -> None:
        """The same at the file and at the API: they state rows alike."""
        with pytest.raises(BadRow) as caught:
            type_body({"id": "T", "kind": "meeting", **row}, "UTC")
        assert told in str(caught.value)

    @pytest.mark.parametrize(
        ("row", "told"),
        [
            ({"begin_time": "2026-12-31 19:00", "end_time": "2026-12-31 18:00"}, "is before"),
            ({"begin_time": "2027-01-05"}, "after the end of its type"),
            ({"end_time": "2026-11-29"}, "before the begin of its type"),
            ({"show_time": "2026-12-31"}, "wants a time of day"),
        ],
    )
    def test_tickets_that_could_never_be_good(self, row: dict[str, str], told: str) -> None:
        """A ticket is checked against its type, stated whole or changed."""
        types = {"T": TypeTimes("UTC", at("2026-12-01"), at("2026-12-31 23:59:59"))}
        with pytest.raises(BadRow) as caught:
            ticket_body({"code": "C", "type": "T", **row}, types.get, KEY)
        assert told in str(caught.value)
        kept = ticket_body({"code": "C", "type": "T"}, types.get, KEY)
        with pytest.raises(BadRow) as caught:
            changed_body(kept.body, row, types.get)
        assert told in str(caught.value)

    def test_an_end_at_midnight_is_taken_and_mentioned(self, folder: Folder) -> None:
        """It is the beginning of its day, and a spreadsheet's way to write the day itself."""
        types = folder.path / "types.csv"
        types.write_text("id,kind,end\na,meeting,2026-11-29 00:00:00\nb,meeting,2026-11-29\n")
        done = import_files(folder, [types], Wanted(time_zone="UTC"))
        assert done.notes == [
            (
                "types.csv:2: end: 2026-11-29 00:00:00 is the beginning of that day; "
                "the whole day is 2026-11-29"
            )
        ]

    def test_hours_may_end_at_24(self) -> None:
        """The last minute of the day counts whole, and there is none after it."""
        body = type_body({"id": "T", "kind": "scenic", "weekly": "Mon 09:00-24:00"}, "UTC").body
        assert '"end":1439' in body
        for wrong in ("Mon 24:00-09:00", "Mon 09:00-24:01", "Mon 09:75-10:00"):
            with pytest.raises(BadRow):
                type_body({"id": "T", "kind": "scenic", "weekly": wrong}, "UTC")

    def test_a_type_says_its_zone_wherever_it_goes(self) -> None:
        """No reader has to assume one."""
        for zone in ("Asia/Shanghai", "UTC", "Europe/Berlin"):
            body = type_body({"id": "T", "kind": "scenic"}, zone).body
            assert f'"time_zone":"{zone}"' in body


class TestRepeatedHour:
    """What the clocks show twice lasts until the second, and no words contradict themselves."""

    @pytest.mark.parametrize("code", ["S-1001", "F-1001"])
    def test_the_second_hour_counts(self, folder: Folder, code: str) -> None:
        """02:10 for the second time is before 02:30 for the second time; 02:31 is after."""
        bring(folder, "repeated-hour")
        for moment, outcome in (
            (at("2027-10-31 02:30:59", fold=1), Outcome.ADMIT),
            (at("2027-10-31 02:31", fold=1), Outcome.REFUSE),
        ):
            with lane_at(folder, moment) as (lane, _clock):
                said = lane.admit(Scan(code, deliberate=True))
            late = (Reason.TOO_LATE, Reason.OUTSIDE_HOURS)
            assert (said.outcome, said.reason in late) == (outcome, outcome is Outcome.REFUSE)

    @pytest.mark.parametrize("code", ["P-1001", "W-1001"])
    def test_what_begins_in_the_gap_begins_when_it_ends(self, folder: Folder, code: str) -> None:
        """02:30 is not shown that night: the doors open at 03:00, the next second."""
        bring(folder, "repeated-hour")
        gap = at("2027-03-28 03:00")
        with lane_at(folder, gap - 1) as (lane, clock):
            assert lane.admit(Scan(code)).outcome is Outcome.REFUSE
            clock.pass_seconds(1)
            assert lane.admit(Scan(code)).outcome is Outcome.ADMIT

    @pytest.mark.parametrize(
        ("code", "fact"),
        [
            ("F-1001", "Good until 02:30 CET; now it is 02:40 CET."),
            ("S-1001", "Sat 22:00-02:30; now it is 02:40 CET."),
        ],
    )
    def test_it_is_told_which_of_the_two(self, folder: Folder, code: str, fact: str) -> None:
        """An hour that comes twice has a name."""
        bring(folder, "repeated-hour")
        with lane_at(folder, at("2027-10-31 02:40", fold=1)) as (lane, _clock):
            assert explain(lane.admit(Scan(code)), lane.place, BERLIN).fact == fact

    def test_offsets_tell_where_names_do_not(self) -> None:
        """Some zones change their clocks and not their name, others have only numbers."""
        lord_howe = ZoneInfo("Australia/Lord_Howe")
        first, second = (at("2026-04-05 01:45", lord_howe, fold) for fold in (0, 1))
        assert second - first == 1800
        told = [clock_time(moment * 1000, lord_howe) for moment in (first, second)]
        assert told == ["01:45 UTC+1100", "01:45 UTC+1030"]

    def test_the_same_minute_is_told_by_the_second(self) -> None:
        """Unix seconds end within a minute: "until 23:59; now it is 23:59" says nothing."""
        end = at("2026-12-31 23:59:00")
        kind = TicketType("T", Kind.MEETING, time_zone="Europe/Berlin", end=end)
        said = Verdict(Outcome.REFUSE, Reason.TOO_LATE, Direction.IN, end * 1000 + 20_000,
                       Ticket("t", kind), bound_at=end)  # fmt: skip
        assert explain(said, Place(), BERLIN).fact == "Good until 23:59:00; now it is 23:59:20."


@lru_cache(maxsize=1024)
def _changes(name: str) -> tuple[int, ...]:
    """The hours (Unix seconds) of 2020 to 2030 at whose end a zone's offset is another."""
    zone = ZoneInfo(name)
    start, found = at("2020-01-01", ZoneInfo("UTC")), []
    day = 86_400
    for n in range(365 * 10):
        low = start + n * day
        if _offset(zone, low) != _offset(zone, low + day):
            found += [
                h
                for h in range(low, low + day, 3600)
                if _offset(zone, h) != _offset(zone, h + 3600)
            ]
    return tuple(found)


def _offset(zone: ZoneInfo, moment: int) -> timedelta | None:
    return datetime.fromtimestamp(moment, zone).utcoffset()


ZONES = sorted(available_timezones() - {"localtime"})


def holds(name: str, wall: datetime) -> None:
    """The law: first and last second whose clock shows a wall time, by looking at every minute."""
    zone = ZoneInfo(name)
    first, last = first_at(wall, zone), last_at(wall, zone)
    shown = [
        moment
        for moment in range(first - 6 * 3600, last + 6 * 3600, 60)
        if _wall(zone, moment) == wall
    ]
    if shown:
        assert (first, last) == (shown[0], shown[-1])
    else:
        assert last == first - 1
        assert _wall(zone, last) < wall < _wall(zone, first)


def _wall(zone: ZoneInfo, moment: int) -> datetime:
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None)


@given(name=st.sampled_from(ZONES), chance=st.integers(0, 10**6), minutes=st.integers(-180, 180))
def test_ends_are_inclusive_in_every_zone(name: str, chance: int, minutes: int) -> None:
    """Around every change of the clocks a wall time lasts until it is shown no more (law 17)."""
    changes = _changes(name)
    base = changes[chance % len(changes)] if changes else at("2026-06-01") + chance
    near = datetime.fromtimestamp(base, ZoneInfo(name)).replace(tzinfo=None, second=0)
    holds(name, near + timedelta(minutes=minutes))


@given(name=st.sampled_from(ZONES), chance=st.integers(0, 10**6), side=st.sampled_from([0, 1]))
def test_days_are_whole_in_every_zone(name: str, chance: int, side: int) -> None:
    """A date alone, and a term of one day, are the seconds whose clock shows that date."""
    zone, changes = ZoneInfo(name), _changes(name)
    base = changes[chance % len(changes)] if changes else at("2026-06-01") + chance * 60
    day = datetime.fromtimestamp(base + side * 86_400, zone).date()
    begin = second_of(day.isoformat(), zone, Side.BEGIN)
    end = second_of(day.isoformat(), zone, Side.END)
    for moment, is_in in ((begin - 1, False), (begin, True), (end, True), (end + 1, False)):
        assert (datetime.fromtimestamp(moment, zone).date() == day) is is_in
    kind = TicketType("T", Kind.SCENIC, time_zone=name, term_days=1)
    assert term(kind, base) == term(kind, term(kind, base)[1])


@given(name=st.sampled_from(ZONES), chance=st.integers(0, 10**6), end=st.integers(0, 1439))
def test_hours_last_until_they_are_shown_no_more(name: str, chance: int, end: int) -> None:
    """Weekly hours are open to the last second whose clock shows their end."""
    zone, changes = ZoneInfo(name), _changes(name)
    base = changes[chance % len(changes)] if changes else at("2026-06-01") + chance * 60
    day = datetime.fromtimestamp(base, zone).replace(tzinfo=None, hour=0, minute=0, second=0)
    kind = TicketType("T", Kind.SCENIC, time_zone=name,
                      weekly=(WeeklyHours(day.isoweekday(), 0, end),))  # fmt: skip
    last = last_at(day + timedelta(minutes=end, seconds=59), zone)
    if _wall(zone, last).date() == day.date():
        assert is_open(kind, last)
        assert not is_open(kind, last + 1)


MUTATIONS = {
    "an end that comes twice ends with the first": "last_at",
    "a wall time in the gap is moved by the gap": "first_at",
}


def _naive(wall: datetime, zone: ZoneInfo) -> int:
    return int(wall.replace(tzinfo=zone).timestamp())


@pytest.mark.parametrize("broken", MUTATIONS)
def test_the_property_sees_when_the_law_is_broken(
    monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """With either mutation the property fails for Berlin's nights."""
    walls = [datetime(2027, 10, 31, 2, 30), datetime(2027, 3, 28, 2, 30)]
    for wall in walls:
        holds("Europe/Berlin", wall)
    monkeypatch.setitem(globals(), MUTATIONS[broken], _naive)
    with pytest.raises(AssertionError):
        for wall in walls:
            holds("Europe/Berlin", wall)


def test_the_lane_sees_when_the_law_is_broken(
    monkeypatch: pytest.MonkeyPatch, folder: Folder
) -> None:
    """With ends of the first hour only, a guest of the second is sent away."""
    for module in (moments, validity):
        monkeypatch.setattr(module, "last_at", _naive)
    bring(folder, "repeated-hour")
    with lane_at(folder, at("2027-10-31 02:10", fold=1)) as (lane, _clock):
        for code in ("S-1001", "F-1001"):
            assert lane.admit(Scan(code)).outcome is Outcome.REFUSE


def test_the_import_sees_when_numbers_are_believed(
    monkeypatch: pytest.MonkeyPatch, folder: Folder
) -> None:
    """With any number for Unix seconds, the refused file is taken but for one row."""
    monkeypatch.setattr(moments, "_number", lambda number, _text: number)
    with pytest.raises(ImportFault) as caught:
        bring(folder, "dates-in-silence", time_zone="Europe/Berlin")
    assert "types.csv:4" not in caught.value.message


class TestWords:
    """Times of a ticket are told on the clock of its type."""

    def test_another_zone_is_named(self) -> None:
        """A Berlin type's 12:00 is 12:00 at a lane in Shanghai, and both clocks are told."""
        kind = TicketType(
            "T", Kind.MEETING, time_zone="Europe/Berlin", begin=at("2026-12-23 12:00")
        )
        said = Verdict(Outcome.REFUSE, Reason.TOO_EARLY, Direction.IN, NOW_MS, Ticket("t", kind))
        fact = explain(said, Place(), ZoneInfo("Asia/Shanghai")).fact
        assert fact == "Good from 12:00; now it is 05:26 in Europe/Berlin, 12:26 here."
        assert explain(said, Place(), BERLIN).fact == "Good from 12:00; now it is 05:26."
        hours = replace(kind, weekly=(WeeklyHours(3, 720, 780),))
        said = replace(said, reason=Reason.OUTSIDE_HOURS, ticket=Ticket("t", hours))
        fact = explain(said, Place(), ZoneInfo("Asia/Shanghai")).fact
        assert fact == "Wed 12:00-13:00; now it is 05:26 in Europe/Berlin, 12:26 here."

    def test_a_zone_nobody_knows_is_no_fault(self) -> None:
        """What a newer server knows must not take the screen away from an older gate."""
        kind = TicketType("T", Kind.BOARDING, time_zone="Mars/Olympus", begin=NOW_MS // 1000 + 60,
                          boarding_time=NOW_MS // 1000)  # fmt: skip
        said = Verdict(Outcome.REFUSE, Reason.TOO_EARLY, Direction.IN, NOW_MS, Ticket("t", kind))
        assert "Good from 05:27" in explain(said, Place(), BERLIN).fact

    def test_too_early_names_when_this_gate_lets_in(self, folder: Folder) -> None:
        """Begin minus the gate's tolerance: who comes back then is let in then."""
        bring(folder, "zone-nobody-named", time_zone="Europe/Berlin")
        rules = HouseRules(early_s=1800, late_s=600)
        with lane_at(folder, at("2026-12-31 17:10"), rules) as (lane, clock):
            fact = explain(lane.admit(Scan("B-1")), lane.place, BERLIN).fact
            assert fact == "Let in here from 17:30 (good from 18:00); now it is 17:10."
            clock.pass_seconds(20 * 60)
            assert lane.admit(Scan("B-1")).outcome is Outcome.ADMIT
        with lane_at(folder, at("2027-01-01 03:11"), rules) as (lane, _clock):
            fact = explain(lane.admit(Scan("B-1")), lane.place, BERLIN).fact
            assert fact == "Let in here until 03:10 (good until 03:00); now it is 03:11."

    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({}, "North, 12:20 (6 min ago)"),
            ({"clock_trusted": False}, "North, 2026-12-23 12:20 (clock not trusted)"),
            ({"at_ms": 86_400_000}, "North, 2026-12-23 12:20"),
            ({"at_ms": NOW_MS + 20786 * 86_400_000}, "North, 2026-12-23 12:20"),
        ],
    )  # fmt: skip
    def test_no_age_across_a_doubted_clock(self, changes: dict[str, object], told: str) -> None:
        """Neither "20786 days ago" nor "0 s ago": the time itself, with its date."""
        first = Movement("d.i", 1, 1, NOW_MS - 360_000, Act.ADMISSION, "North", "", 1)
        kind = TicketType("T", Kind.MEETING, time_zone="Asia/Shanghai")
        said = Verdict(Outcome.REFUSE, Reason.ALREADY_USED, Direction.IN, NOW_MS,
                       Ticket("t", kind), History(1, 1, 1, first, first))  # fmt: skip
        said = replace(said, **changes)  # type: ignore[arg-type]
        shanghai = ZoneInfo("Asia/Shanghai")
        assert explain(said, Place(), shanghai).fact == f"In at {told}"
        doubted = replace(first, trusted=False, at_ms=1000)
        said = replace(said, history=History(1, 1, 1, doubted, doubted), at_ms=NOW_MS)
        fact = explain(said, Place(), shanghai).fact
        assert fact == "In at North, 1970-01-01 08:00 (clock not trusted)"
        same = explain(replace(said, reason=Reason.SAME_TICKET), Place(), shanghai).fact
        assert same == "Done already, 1970-01-01 08:00."

    def test_a_doubted_clock_goes_into_the_history(self, folder: Folder) -> None:
        """A lane at 1970 admits with a flag; later nobody counts days from then."""
        types = folder.path / "types.csv"
        types.write_text("id,kind\nA,meeting\n")
        tickets = folder.path / "tickets.csv"
        tickets.write_text("code,type\nC-1,A\n")
        import_files(folder, [types, tickets], built_ms=NOW_MS)
        with lane_at(folder, 90_000) as (lane, clock):
            assert lane.admit(Scan("C-1")).is_green
            clock.wall_ms, clock.boot_id = NOW_MS + 60_000, "boot-2"
            fact = explain(lane.admit(Scan("C-1")), lane.place, BERLIN).fact
        assert fact == "In at North, 1970-01-02 02:00 (clock not trusted)"
        (found,) = look_up(folder, "C-1").found
        lines = tell(found, BERLIN)
        assert any(line.startswith("1970-01-02 02:00 (clock not trusted) North") for line in lines)

    def test_lookup_tells_the_types_zone(self, folder: Folder) -> None:
        """With dates, and the zone's name where it is not the lane's."""
        bring(folder, "zone-nobody-named", time_zone="Europe/Berlin")
        (found,) = look_up(folder, "B-1").found
        told = "good from 2026-12-31 18:00 until 2027-01-01 03:00"
        assert told in tell(found, BERLIN)
        assert f"{told} (Europe/Berlin)" in tell(found, ZoneInfo("Asia/Tokyo"))

    def test_ages_of_lists(self) -> None:
        """A list that is newer than the clock has a time, no age."""
        assert age_or_time(NOW_MS - 60_000, NOW_MS, BERLIN) == "1 min ago"
        assert age_or_time(NOW_MS, 1000, BERLIN) == "2026-12-23 05:26"
        assert age_or_time(NOW_MS - 60_000, NOW_MS, BERLIN, trusted=False) == "2026-12-23 05:25"


def test_the_types_of_an_import_are_counted_by_zone(folder: Folder) -> None:
    """So that import can say which zones the file itself has named."""
    assert bring(folder, "repeated-hour", time_zone="UTC").zones == {"Europe/Berlin": 4}
    tickets = Tickets(folder)
    tickets.refresh()
    assert {kind.time_zone for kind in tickets.types()} == {"Europe/Berlin"}
    tickets.close()
    i18n.use("en")


def test_scan_names_the_zone_at_its_start(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first verdict it is said in which zone times are told, and who says so."""
    bring(folder, "zone-nobody-named", time_zone="Europe/Berlin")
    monkeypatch.setenv("GATE_LANGUAGE", "en")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    ran = run("scan", "--plain", "--camera", "off", "--data-dir", str(folder.path), input_="B-1\n",
              timeout=60)  # fmt: skip
    assert ran.stdout.splitlines()[1] == "# times: Europe/Berlin (this machine's zone)"


@pytest.mark.asyncio
async def test_the_screen_names_the_zone(make_lane: Callable[..., Lane], venue: Folder) -> None:
    """In the status line, and it follows the event."""
    app = GateApp(make_lane(), load(None, {}, ["time_zone=Europe/Berlin"]), venue)
    assert status_of(app)[Part.ZONE] == "Europe/Berlin"
    assert app.clock_text() == "05:26:40"


def test_the_journal_is_printed_until_the_last_second(folder: Folder) -> None:
    """``gate log --until 2026-11-29`` holds that whole day."""
    assert moment_ms("2026-11-29", BERLIN, Side.BEGIN) == at("2026-11-29") * 1000
    assert moment_ms("2026-11-29", BERLIN, Side.END) == at("2026-11-30") * 1000
    assert moment_ms(None, BERLIN, Side.END) is None


@pytest.mark.parametrize(
    ("clock", "answer"),
    [("2027-10-31 00:25", "2027-10-31 00:30"), ("2027-10-31 01:35", "2027-10-31 01:30")],
)
def test_a_supervisors_watch_is_read_as_the_nearer_hour(clock: str, answer: str) -> None:
    """Of the two 02:30 of that night the one that is nearer to what the clock shows is meant."""
    utc = ZoneInfo("UTC")
    given: list[int | None] = []
    question = TimeQuestion("What time is it?", at(clock, utc) * 1000, BERLIN)
    question.finish = given.append  # type: ignore[method-assign, assignment]
    question.answer(["2027-10-31 02:30"])
    assert given == [at(answer, utc) * 1000]

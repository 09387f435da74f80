"""After the event: what a gate lets go of by itself, whose clock it believes, what doctor says."""

import datetime
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gate.cli.main import main
from gate.config import Config
from gate.core.outcome import Outcome
from gate.core.place import HouseRules, Place
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.reports.checks.finding import Status
from gate.reports.doctor import Check, examine
from gate.storage.event import EventRow, event_row, put_event
from gate.storage.folder import Folder, Lock
from gate.storage.replica_file import live_replica
from gate.storage.tickets import Tickets
from sync.worker.owned_files import OwnedFiles
from tests.support.venue import NOW, NOW_MS, FixedClock
from tests.sync.server.test_persons import holding
from tests.system.network import Device, Server, until

DAY_S = 86_400
NAME, TERM = "ngström", "angstrom"
"""As it stands in the list, without its beginning, and as it is found by."""


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_LANGUAGE", "en")


@pytest.fixture
def files(venue: Folder, clock: FixedClock) -> Iterator[OwnedFiles]:
    """Of a gate whose event ended long ago by its own clock; no server is there."""
    made = OwnedFiles(venue, clock)
    connection = made.feed.file.connection()
    assert connection is not None
    put_event(connection, EventRow("e", "Gala", "UTC", NOW - 40 * DAY_S, 30))
    yield made
    made.close()


def has_names(folder: Folder) -> bool:
    return bool(holding(folder.path, NAME, TERM))


class TestWhoseClock:
    """A wrong clock must not end an event that goes on."""

    def test_our_own_while_nobody_scans(self, files: OwnedFiles, venue: Folder) -> None:
        """A gate that is put away forgets by itself."""
        assert has_names(venue)
        files.drop_if_over(None)
        assert not has_names(venue)

    @pytest.mark.parametrize("is_set_by_others", [False, True])
    def test_our_own_while_a_lane_is_at_work(
        self, files: OwnedFiles, venue: Folder, clock: FixedClock, *, is_set_by_others: bool
    ) -> None:
        """Only one that others set is believed then."""
        clock.synchronised = is_set_by_others
        lane = Lane(venue, clock, Place("North"), HouseRules())
        with closing(Lock(venue)), closing(lane):
            lane.open()
            files.drop_if_over(None)
            assert has_names(venue) is not is_set_by_others
            outcome = lane.admit(Scan("GOOD001")).outcome
            assert outcome is (Outcome.HOLD if is_set_by_others else Outcome.ADMIT)

    def test_the_servers_counts_whatever_ours_shows(
        self, files: OwnedFiles, venue: Folder, clock: FixedClock
    ) -> None:
        """Also while a lane is at work, with a clock that stands in the past."""
        clock.jump_seconds(-100 * DAY_S)
        files.drop_if_over(None)
        assert has_names(venue)
        lane = Lane(venue, clock, Place("North"), HouseRules())
        with closing(Lock(venue)), closing(lane):
            lane.open()
            files.drop_if_over(ahead_ms=NOW_MS - clock.wall_ms)
        assert not has_names(venue)

    def test_its_word_is_enough(self, files: OwnedFiles, venue: Folder, clock: FixedClock) -> None:
        """Whoever numbers the tickets says that they were dropped."""
        clock.jump_seconds(-100 * DAY_S)
        connection = files.feed.file.connection()
        assert connection is not None
        put_event(connection, EventRow("e", "Gala", "UTC", dropped_ms=NOW_MS))
        files.drop_if_over(None)
        assert not has_names(venue)

    @pytest.mark.parametrize(("days", "is_kept"), [(29, True), (30, False)])
    def test_when(
        self, files: OwnedFiles, venue: Folder, clock: FixedClock, days: int, *, is_kept: bool
    ) -> None:
        """So many days after the end, and not a second before."""
        clock.jump_seconds(-40 * DAY_S + days * DAY_S)
        files.drop_if_over(None)
        assert has_names(venue) is is_kept
        clock.jump_seconds(-1)
        files.drop_if_over(None)
        assert has_names(venue) is is_kept


def doctor(folder: Folder, clock: FixedClock) -> Check:
    found = examine(Config(retention_days=0), folder, clock, camera=False)
    return next(one for one in found if one.name == "retention")


class TestDoctor:
    """What ``gate doctor`` says of it."""

    @pytest.mark.parametrize(
        ("event", "status", "told"),
        [
            (EventRow("e", "E", "UTC"), Status.OK, "nobody has said when the event ends"),
            (EventRow("e", "E", "UTC", NOW, 30), Status.OK, "dropped after 2027-01-22"),
            (EventRow("e", "E", "UTC", NOW - 40 * DAY_S, 30), Status.WARN, "dropped after"),
            (EventRow("e", "E", "UTC", NOW, 30, NOW_MS), Status.OK, "codes were dropped"),
        ],
        ids=["no end", "kept", "overdue", "dropped"],
    )
    def test_it(
        self, venue: Folder, clock: FixedClock, event: EventRow, status: Status, told: str
    ) -> None:
        """Until when names and codes are here, and whether they are for too long."""
        venue.enrolment.write_text("{}")
        with closing(OwnedFiles(venue, clock)) as files:
            connection = files.feed.file.connection()
            assert connection is not None
            put_event(connection, event)
        found = doctor(venue, clock)
        assert found.status is status, found
        assert told in found.detail
        assert bool(found.hint) is (status is Status.WARN)

    def test_a_gate_of_no_event(self, venue: Folder, clock: FixedClock) -> None:
        """Where tickets come from a file nobody says an end."""
        assert doctor(venue, clock).status is Status.SKIP


class TestHost:
    """A venue without a server has its end from its host."""

    def test_its_end(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """It travels as the zone does, neither undoes the other, and a slip of the pen is asked."""
        where = ["--data-dir", str(tmp_path / "host")]
        assert main(["venue", "create", "--time-zone", "Europe/Berlin", *where]) == 0
        assert main(["event", "set", "ends=2099-08-02", *where]) == 0
        assert "dropped after 2099-09-0" in capsys.readouterr().out
        assert main(["event", "set", "time_zone=Asia/Tokyo", *where]) == 0
        folder = Folder(tmp_path / "host")
        event = event_row(folder)
        assert event is not None
        end_s = round(datetime.datetime(2099, 8, 2, 21, 59, 59, tzinfo=datetime.UTC).timestamp())
        assert (event.time_zone, event.ends_s, event.keep_days) == ("Asia/Tokyo", end_s, 30)
        assert main(["event", "set", "ends=2020-08-02", *where]) == 2
        assert "at once" in capsys.readouterr().err
        assert main(["event", "set", "ends=soon", *where]) == 2
        assert event_row(folder) == event
        assert main(["event", "set", "ends=2020-08-02", "keep_days=1", *where]) == 0
        assert main(["event", "set", "ends=never", *where]) == 0
        assert "nobody has said" in capsys.readouterr().out


@pytest.mark.timeout(120)
def test_server_and_gate_forget_by_themselves(tmp_path: Path) -> None:
    """As processes: the end is said, and afterwards no file of either has a name; counts stay."""
    with closing(Server(tmp_path / "server")) as server:
        rows = {
            "types": [{"id": "A", "kind": "meeting"}],
            "tickets": [{"code": f"C{n}", "type": "A", "id": f"t{n}", "holder": f"Quill {n}"}
                        for n in range(30)],
        }  # fmt: skip
        server.admin("POST", "/events/default/tickets", rows)
        with closing(Device(tmp_path / "gate", server, "North")) as gate:
            assert gate.once().returncode == 0
            assert gate.open().admit(Scan("C1")).outcome is Outcome.ADMIT
            gate.shut()
            assert gate.once().returncode == 0
            for folder in (server.folder, gate.folder.path):
                assert holding(folder, "Quill 1")
            day = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=9)).date()
            said = {"ends": day.isoformat(), "keep_days": 7}
            server.admin("PATCH", "/events/default", said)
            server.kill()
            server.start()
            until(lambda: not holding(server.folder, "Quill 1"))
            ran = gate.once()
            assert (ran.returncode, "Traceback" in ran.stderr) == (0, False)
            assert holding(gate.folder.path, "Quill") == []
            assert server.admin("GET", "/events/default/counts")["admitted"] == 1
            with closing(Tickets(gate.folder)) as tickets:
                assert tickets.get("t1") is not None
            assert live_replica(gate.folder).exists()
            assert gate.open().admit(Scan("C2")).outcome is Outcome.HOLD

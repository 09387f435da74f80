"""The event's time zone: somebody says it, it travels to the gates, and it can be changed."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from gate.cli.main import main
from gate.config import Config
from gate.storage import venue_host
from gate.storage.certificates import Authority
from gate.storage.enrolment import load
from gate.storage.event import EventRow, event_zone
from gate.storage.folder import Folder
from gate.storage.host_feed import HostFeed
from gate.storage.ticket_feed import TicketFeed
from gate.text.zones import Source, zone_of
from sync.server import events, feed, issuing
from sync.server.database import in_transaction, open_database, reading
from sync.server.takeover import Host, take_over
from tests.support.central import Central, Maker, central
from tests.support.programs import run
from tests.support.terminal import Terminal
from tests.support.venue import NOW_MS
from tests.sync.server.test_serve import enrol, make_events, serving

OTHER = "f" * 16


@pytest.fixture(autouse=True)
def _english_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_LANGUAGE", "en")


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    """A server with one event."""
    async with central(tmp_path / "server") as made:
        yield made


def zones(folder: Path) -> dict[str, str]:
    engine = open_database(f"sqlite:///{folder / 'central.db'}")
    with reading(engine) as connection:
        found = {str(one["id"]): str(one["time_zone"]) for one in events.all_events(connection)}
    engine.dispose()
    return found


class TestServe:
    """A server's own zone is nobody's venue."""

    @pytest.mark.parametrize("flags", [[], ["--event", "gala"]])
    def test_an_event_is_not_made_without_a_zone(self, tmp_path: Path, flags: list[str]) -> None:
        """Where nobody can be asked, --time-zone is wanted, and nothing is made."""
        ran = run("serve", "--server-dir", str(tmp_path / "s"), "--listen", "127.0.0.1:0", *flags,
                  timeout=60)  # fmt: skip
        assert ran.returncode == 2
        assert "in which time zone is the event" in ran.stderr
        assert "--time-zone Europe/Berlin" in ran.stderr
        assert zones(tmp_path / "s") == {}

    def test_the_flag_says_it(self, tmp_path: Path) -> None:
        """The event has it from then on, and the server says so at its start."""
        with serving(tmp_path / "s", "--event", "gala", "--time-zone", "Europe/Berlin") as server:
            assert "Times of gala: Europe/Berlin" in server.told
        assert zones(tmp_path / "s") == {"gala": "Europe/Berlin"}

    @pytest.mark.timeout(120)
    def test_at_a_terminal_it_is_asked_for(self, tmp_path: Path) -> None:
        """Until the answer is a zone."""
        at = Terminal("serve", "--server-dir", str(tmp_path / "s"), "--listen", "127.0.0.1:0",
                      "--event", "gala", size=(200, 50), TZ="UTC")  # fmt: skip
        try:
            at.wait(lambda text: "In which time zone is the event gala" in text, 30)
            at.type("Berlin\r")
            at.wait(lambda text: "'Berlin' is no time zone" in text, 30)
            at.type("Europe/Berlin\r")
            at.wait(lambda text: "Times of gala: Europe/Berlin" in text, 30)
        finally:
            at.process.terminate()
            at.process.wait(20)
        assert zones(tmp_path / "s") == {"gala": "Europe/Berlin"}

    def test_it_can_be_changed(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:  # fmt: skip
        """By a command, which tells what keeps its own; another name than a zone's is refused."""
        make_events(tmp_path / "s", "gala")
        engine = open_database(f"sqlite:///{tmp_path / 's' / 'central.db'}")
        kinds = [{"id": "A", "kind": "meeting"}]
        in_transaction(engine, lambda c: issuing.issue(c, "gala", issuing.Issue(kinds)))
        engine.dispose()
        where = ["--server-dir", str(tmp_path / "s")]
        assert main(["event", "set", "time_zone=Mars/X", *where]) == 2
        capsys.readouterr()
        assert main(["event", "set", "time_zone=Asia/Tokyo", *where]) == 0
        told = capsys.readouterr()
        assert "time_zone=Asia/Tokyo" in told.out.splitlines()
        assert "1 ticket type keeps its own zone" in told.err
        assert zones(tmp_path / "s") == {"gala": "Asia/Tokyo"}

    @pytest.mark.timeout(120)
    def test_it_reaches_the_gates(self, tmp_path: Path) -> None:
        """With the enrolment, with the tickets, and whenever it changes."""
        gate = Folder(tmp_path / "gate")
        with serving(tmp_path / "s", "--time-zone", "Europe/Berlin") as server:
            assert enrol(gate.path, server.link()) == (0, "")
            kept = load(gate)
            assert kept is not None
            assert kept.time_zone == "Europe/Berlin"
            found = zone_of(Config(time_zone="America/New_York"), gate)
            assert (found.name, found.source) == ("Europe/Berlin", Source.EVENT)
            ran = run("event", "set", "time_zone=Asia/Tokyo", "--server-dir", str(server.folder),
                      timeout=60)  # fmt: skip
            assert ran.returncode == 0, ran.stderr
            ran = run("sync", "--once", "--data-dir", str(gate.path), timeout=60)
            assert ran.returncode == 0, ran.stderr
            assert zone_of(Config(), gate).name == "Asia/Tokyo"
            ran = run("import", "--data-dir", str(gate.path), "x.csv", timeout=60)
            assert ran.returncode == 1


class TestApi:
    """What the organiser's backend says."""

    @pytest.mark.asyncio
    async def test_an_event_wants_a_zone(self, running: Central) -> None:
        """None is made for it."""
        answer = await running.admin("POST", "/events", json={"id": "second"})
        assert answer.status_code == 422
        assert "time_zone" in answer.json()["reason"]

    @pytest.mark.asyncio
    async def test_it_can_be_changed(self, running: Central) -> None:
        """Once is a change of the feed, the same again is none."""
        maker = Maker(OTHER)
        await running.enrol(maker)
        rows = {"types": [{"id": "A", "kind": "meeting"}]}
        await running.admin("POST", "/events/show/tickets", json=rows)
        with reading(running.engine) as connection:
            before = feed.cursor_of(connection, "show")
        for _n in range(2):
            asked = {"time_zone": "Europe/Berlin"}
            answer = await running.admin("PATCH", "/events/show", json=asked)
            assert answer.status_code == 200, answer.text
            said = answer.json()
            assert (said["time_zone"], said["types_elsewhere"]) == ("Europe/Berlin", 1)
        answer = await running.get(maker, f"/changes?cursor={before}")
        assert [(one["kind"], one["ref"]) for one in answer.json()["changes"]] == [
            ("event", "show")
        ]
        wrong = await running.admin("PATCH", "/events/show", json={"time_zone": "Mars/X"})
        nowhere = await running.admin("PATCH", "/events/no", json={"time_zone": "UTC"})
        assert (wrong.status_code, nowhere.status_code) == (422, 404)
        stranger = await running.http.patch("/v1/events/show", json={"time_zone": "UTC"})
        assert stranger.status_code == 401

    @pytest.mark.examples(1)
    @pytest.mark.asyncio
    @pytest.mark.parametrize(
        ("row", "told"),
        [
            ({"end": "20261231"}, "a date is written like 2026-12-31"),
            ({"end": 46387}, "spreadsheet"),
            ({"begin": 1_798_737_000_000}, "milliseconds"),
            ({"begin": "2026-12-31 18:00", "end": "2026-11-01"}, "is before begin"),
        ],
    )
    async def test_dates_that_cannot_be(
        self, running: Central, row: dict[str, object], told: str
    ) -> None:
        """The API is as strict as the import, and names the row."""
        rows = {"types": [{"id": "A", "kind": "meeting", **row}]}
        answer = await running.admin("POST", "/events/show/tickets", json=rows)
        assert answer.status_code == 422
        assert answer.json()["reason"].startswith("types[0]: ")
        assert told in answer.json()["reason"]

    @pytest.mark.asyncio
    async def test_an_end_at_midnight_is_mentioned(self, running: Central) -> None:
        """It is taken as it stands."""
        rows = {"types": [{"id": "A", "kind": "meeting", "end": "2026-12-31T00:00"}]}
        answer = await running.admin("POST", "/events/show/tickets", json=rows)
        assert answer.json()["notes"][0].startswith("types[0]: end: 2026-12-31T00:00 is the begin")


class TestVenueWithoutServer:
    """The host says it, and all its gates follow."""

    def test_the_host_says_it(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """By a flag, else as its machine stands; changed later by a command."""
        at = ["--data-dir", str(tmp_path / "host")]
        assert main([*at, "venue", "create", "--time-zone", "Europe/Berlin"]) == 0
        assert "times: Europe/Berlin (set by hand)" in capsys.readouterr().out
        host = Folder(tmp_path / "host")
        assert event_zone(host) == "Europe/Berlin"
        assert main([*at, "event", "set", "time_zone=Nowhere"]) == 2
        assert main([*at, "event", "set", "time_zone=Asia/Tokyo"]) == 0
        assert zone_of(Config(time_zone="UTC"), host).name == "Asia/Tokyo"
        types = tmp_path / "types.csv"
        types.write_text("id,kind,end\nA,meeting,2026-12-31\n")
        assert main([*at, "import", str(types)]) == 0
        assert "times taken as Asia/Tokyo (the event's zone)" in capsys.readouterr().out
        assert event_zone(host) == "Asia/Tokyo"

    def test_it_is_a_change_that_others_can_follow(self, tmp_path: Path) -> None:
        """Sealed as every change is; the same again is none."""
        host = Folder(tmp_path / "host")
        venue_host.create(host, "Gala", "North", "Europe/Berlin")
        with closing(TicketFeed(host)) as feed:
            before = feed.cursor
            assert venue_host.set_zone(host, "Asia/Tokyo") == feed.event()
            after = feed.cursor
            assert after != before
            venue_host.set_zone(host, "Asia/Tokyo")
            assert feed.cursor == after

    def test_a_server_that_takes_over_keeps_it(self, tmp_path: Path) -> None:
        """The venue has said it; without, the server asks for it."""
        folder = Folder(tmp_path / "host")
        kept = venue_host.create(folder, "Gala", "North", "Europe/Berlin")
        host = Host(folder, "Gala", venue_host.authority(kept))
        (tmp_path / "s").mkdir()
        engine = open_database(f"sqlite:///{tmp_path / 's' / 'central.db'}")
        in_transaction(engine, lambda c: take_over(c, host, event="gala", now_ms=NOW_MS))
        engine.dispose()
        assert zones(tmp_path / "s") == {"gala": "Europe/Berlin"}

    def test_a_gate_of_it_has_what_the_event_says(self, tmp_path: Path) -> None:
        """From the tickets, or until they come from the answer at enrolment."""
        gate = Folder(tmp_path / "gate")
        gate.create()
        gate.enrolment.write_text('{"url": "", "credential": "", "time_zone": "Asia/Tokyo"}')
        assert event_zone(gate) == "Asia/Tokyo"
        with closing(TicketFeed(gate)) as feed:
            HostFeed(feed, Authority.mint()).begin(NOW_MS, EventRow("v", "Gala", "Europe/Berlin"))
        assert event_zone(gate) == "Europe/Berlin"

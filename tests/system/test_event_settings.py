"""What is said once at the server is so at every gate: gates and server as processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import DataTable

from gate.cli.exit_codes import OK
from gate.clock import SystemClock
from gate.config import Config
from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction, Role
from gate.core.verdict import Scan
from gate.errors import OperatorError
from gate.lane.lane import Lane
from gate.lane.lane_settings import LaneSettings
from gate.lane.operators import Operators
from gate.lane.post import Operator
from gate.storage.event import event_row
from gate.storage.folder import Folder
from tests.support.programs import run
from tests.support.screen import running
from tests.system.network import EVENT, Device, Server, until

COUNT = 5


class Gate:
    """A device at work that follows what its event says, as ``gate scan`` does."""

    def __init__(self, path: Path, server: Server, name: str) -> None:
        self.device = Device(path, server, name)
        assert self.device.once().returncode == 0
        self.lane: Lane = self.device.open()
        self.settings = LaneSettings(Config(), self.device.folder)
        now = self.settings.current
        self.lane.go_by(now.place, now.rules, now.config.gate.direction)
        self.device.start()

    def look(self) -> None:
        event = event_row(self.device.folder)
        assert event is not None
        self.settings.follow(self.lane, event)

    @property
    def entrance(self) -> str:
        self.look()
        return self.lane.place.entrance

    def scan(self, code: str) -> tuple[Outcome, Reason]:
        verdict = self.lane.admit(Scan(code, source="keyboard"))
        return verdict.outcome, verdict.reason


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "server")
    server.issue(20)
    rows = [{"code": f"W{n}", "type": "A", "id": f"w{n}", "entrance": "West"} for n in range(9)]
    server.admin("POST", f"/events/{EVENT}/tickets", {"tickets": rows})
    profiles = {f"G{n}": {"entrance": "West"} for n in range(COUNT - 1)}
    profiles["G0"]["direction"] = "both"
    say(server, {"rules": {"alone": "admit"}, "profiles": profiles})
    yield server
    server.close()


@pytest.fixture
def gates(tmp_path: Path, server: Server) -> Iterator[list[Gate]]:
    made = [Gate(tmp_path / f"g{n}", server, f"G{n}") for n in range(COUNT)]
    yield made
    for gate in made:
        gate.device.close()


def say(server: Server, settings: object) -> None:
    server.admin("PATCH", f"/events/{EVENT}", {"settings": settings})


def operator(server: Server, *arguments: str, pin: str = "") -> None:
    told = run("operator", *arguments, "--server-dir", str(server.folder), input_=pin, timeout=60)
    assert told.returncode == OK, told.stderr


@pytest.mark.timeout(180)
def test_set_once_and_changed_in_the_middle_of_the_evening(
    server: Server, gates: list[Gate]
) -> None:
    """Five gates; one has no profile, one is offline while it changes and hears of it later."""
    *told, untold = gates
    assert [gate.entrance for gate in told] == ["West"] * (COUNT - 1)
    ways = [Direction.BOTH, Direction.IN, Direction.IN, Direction.IN]
    assert [gate.lane.direction for gate in told] == ways
    assert gates[0].scan("W0") == (Outcome.ADMIT, Reason.ADMITTED)
    assert untold.scan("W1") == (Outcome.HOLD, Reason.PLACE_UNKNOWN)
    assert untold.scan("C000001") == (Outcome.ADMIT, Reason.ADMITTED)

    offline = told[-1]
    offline.device.kill()
    profiles = {f"G{n}": {"entrance": "East", "direction": "in"} for n in range(COUNT - 1)}
    say(server, {"profiles": profiles, "assigned": {untold.device.folder.device_id(): "G1"}})
    until(lambda: [gate.entrance for gate in gates] == ["East"] * 3 + ["West", "East"])
    assert [gate.lane.direction for gate in gates[:3]] == [Direction.IN] * 3
    assert untold.scan("W2") == (Outcome.REFUSE, Reason.WRONG_ENTRANCE)
    assert untold.lane.place.gate == "G1"
    assert offline.scan("W3") == (Outcome.ADMIT, Reason.ADMITTED)

    offline.device.start()
    until(lambda: offline.entrance == "East")
    assert offline.scan("W4") == (Outcome.REFUSE, Reason.WRONG_ENTRANCE)


@pytest.mark.timeout(180)
@pytest.mark.long
def test_a_guest_is_asked_once_at_one_gate_for_all(tmp_path: Path, server: Server) -> None:
    """Stated at the server, asked at a gate, known at the other, read at the server alone."""
    pair = {"id": "PAIR", "kind": "meeting", "use_limit": 2, "party_size": 2}
    rows = {"types": [pair], "tickets": [{"code": "P1", "type": "PAIR", "id": "p1"}]}
    server.admin("POST", f"/events/{EVENT}/tickets", rows)
    say(server, {"rules": {"questions": [{"id": "meal", "text": "Which meal?"}]}})
    first, second = (Gate(tmp_path / f"q{n}", server, f"Q{n}") for n in range(2))
    try:
        assert first.scan("P1") == (Outcome.ASK, Reason.ANSWERS)
        assert first.lane.fill_in("soup").outcome is Outcome.ADMIT

        def journal() -> list[dict[str, Any]]:
            path = f"/events/{EVENT}/journal?ticket=p1"
            return list(server.admin("GET", path)["entries"])

        until(lambda: len(journal()) == 1)
        assert journal()[0]["answers"] == {"meal": "soup"}
        until(lambda: second.lane.check("P1", "keyboard").history.used == 1)
        assert second.scan("P1") == (Outcome.ADMIT, Reason.ADMITTED)
    finally:
        first.device.close()
        second.device.close()


@pytest.mark.timeout(180)
@pytest.mark.long
def test_an_operator_is_added_once_and_withdrawn_everywhere(
    server: Server, gates: list[Gate]
) -> None:
    """Signed in anywhere; who is withdrawn is signed out. Wrong PINs lock at one gate only."""
    first, second = gates[:2]
    operator(server, "add", "Kim", "--role", "supervisor", pin="80521\n")
    here, there = Operators(first.device.folder), Operators(second.device.folder)

    def may(operators: Operators) -> bool:
        try:
            return operators.check("kim", "80521") is Role.SUPERVISOR
        except OperatorError:
            return False

    until(lambda: may(here) and may(there))
    for _ in range(5):
        with pytest.raises(OperatorError):
            here.check("Kim", "nope")
    assert not may(here)
    assert may(there)
    second.lane.sign_in(Operator("Kim", Role.SUPERVISOR))
    operator(server, "remove", "kim")

    def is_out() -> bool:
        second.look()
        return second.lane.operator is None

    until(is_out)
    assert not may(there)
    assert there.names() == []


async def on_f3(folder: Folder) -> list[str]:
    """Of which tickets F3 lists a conflict, once it lists any."""
    async with running(folder, SystemClock()) as screen:
        await screen.press("f3")
        table = screen.app.screen.query_one("#conflict-table", DataTable)
        await screen.until(lambda: table.row_count > 0)
        return [str(table.get_row_at(n)[0]) for n in range(table.row_count)]


@pytest.mark.timeout(180)
@pytest.mark.long
async def test_one_too_many_by_a_rule_is_a_conflict(tmp_path: Path, server: Server) -> None:
    """Gates that do not hear each other let in once each; together again F3 says so."""
    many = {"id": "MANY", "kind": "meeting", "use_limit": 5, "party_size": 5}
    rows = {"types": [many], "tickets": [{"code": "M1", "type": "MANY", "id": "m1"}]}
    server.admin("POST", f"/events/{EVENT}/tickets", rows)
    once = {"<": [{"var": "entries_number"}, 1]}
    say(server, {"rules": {"rule": once}})
    gates = [Gate(tmp_path / f"r{n}", server, f"R{n}") for n in range(2)]

    def conflicts() -> list[dict[str, Any]]:
        return list(server.admin("GET", f"/events/{EVENT}/conflicts"))

    try:
        for gate in gates:
            gate.look()
            gate.device.kill()
        for gate in gates:
            assert gate.scan("M1") == (Outcome.ADMIT, Reason.ADMITTED)
            again = gate.lane.admit(Scan("M1", source="keyboard", deliberate=True))
            assert again.reason is Reason.RULE
        assert conflicts() == []
        for gate in gates:
            gate.device.start()
        until(lambda: [one["ticket"] for one in conflicts()] == ["m1"])
        until(lambda: {one.lane.check("M1", "keyboard").history.used for one in gates} == {2})
        for gate in gates:
            gate.device.shut()
            assert await on_f3(gate.device.folder) == ["m1"]
    finally:
        for gate in gates:
            gate.device.close()

"""``gate message`` reaches gates as processes, over the LAN and by the server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.cli.exit_codes import OK
from gate.clock import SystemClock
from gate.core.entry import Act, Entry
from gate.lane.inbox import Inbox
from gate.storage import outgoing
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder, Lock
from gate.storage.messages import sent
from tests.support.lanes import journal_of
from tests.support.programs import run
from tests.system.lan import Venue
from tests.system.network import Device, Server, until


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[Venue]:
    """Two gates without a server; the first is the host."""
    venue = Venue(tmp_path, 2)
    yield venue
    venue.close()


def came(inbox: Inbox) -> list[Entry]:
    """What comes next."""
    found: list[Entry] = []

    def is_there() -> bool:
        found.extend(inbox.look())
        return bool(found)

    until(is_there)
    return found


def read_at(folder: Folder) -> list[str]:
    with Fleet(folder) as venue:
        return [one.gate for message in sent(venue) for one in message.acknowledgements]


@pytest.mark.timeout(120)
def test_from_the_host_to_a_gate_and_back(gates: Venue) -> None:
    """No server: it travels as an entry of the host's, and where it was read comes back."""
    host, gate = gates.gates
    gates.start()
    lane = gate.lane()
    inbox = Inbox(gate.folder, lane, SystemClock())
    inbox.look()
    told = run("message", "evacuate", "--data-dir", str(host.folder.path), timeout=60)
    assert told.returncode == OK, told.stderr
    assert [entry.act for entry in journal_of(host.folder)] == [Act.MESSAGE]
    (message,) = came(inbox)
    assert (message.note, message.device) == ("evacuate", host.device)
    lane.acknowledge(message.name)
    gate.nudge()
    until(lambda: read_at(host.folder) == [lane.place.gate])


def test_while_the_host_s_lane_is_open_it_is_left_for_it(gates: Venue) -> None:
    """It alone writes the journal. A gate that is no host does not send by command."""
    host, gate = gates.gates
    lock = Lock(host.folder)
    told = run("message", "x", "--gate", "G1", "--data-dir", str(host.folder.path), timeout=60)
    lock.close()
    assert told.returncode == OK, told.stderr
    ((_path, left),) = outgoing.waiting(host.folder)
    assert left == outgoing.Outgoing("x", ("G1",))
    told = run("message", "x", "--data-dir", str(gate.folder.path), timeout=60)
    assert told.returncode != OK
    assert "host or the server" in told.stderr
    told = run("message", "x" * 201, "--data-dir", str(host.folder.path), timeout=60)
    assert told.returncode != OK


@pytest.mark.timeout(120)
def test_from_the_server_to_the_gates_that_are_named(tmp_path: Path) -> None:
    """It is an entry of the server's own, and in its audit log."""
    server = Server(tmp_path / "server")
    server.issue(5)
    devices = [Device(tmp_path / name, server, name) for name in ("East", "West")]
    try:
        inboxes = []
        for device in devices:
            assert device.once().returncode == 0
            lane = device.open()
            inboxes.append(Inbox(device.folder, lane, SystemClock()))
            inboxes[-1].look()
            device.start()
        folder = str(server.folder)
        for text, gates in (("first", ("--gate", "west")), ("second", ())):
            told = run("message", text, *gates, "--server-dir", folder, timeout=60)
            assert told.returncode == OK, told.stderr
        east, west = inboxes
        assert [message.note for message in came(east)] == ["second"]
        found = came(west)
        until(lambda: found.extend(west.look()) or len(found) == 2)  # type: ignore[func-returns-value]
        assert [message.note for message in found] == ["first", "second"]
        assert {message.device for message in found} == {"central"}
        audited = str(server.admin("GET", "/audit"))
        assert "message" in audited
    finally:
        for device in devices:
            device.close()
        server.close()

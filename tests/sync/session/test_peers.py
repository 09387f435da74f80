"""What is remembered of other gates, and of those that they say they hear."""

from contextlib import closing
from pathlib import Path
from typing import Any

from gate.clock import SystemClock
from gate.storage.device_key import DeviceKey
from gate.storage.folder import Folder
from gate.storage.peer_store import PeerStore
from sync.session.watermarks import Watermarks
from sync.transport.lan_stream import Connected, Link, MessageReceived
from sync.wire import Heartbeat, PeerMessage
from sync.worker.peers import PeerSet

NEIGHBOUR, THIRD = "1" * 16, "2" * 16


class NoLan:
    """Nobody is there."""

    def send(self, _words: object) -> None:
        pass

    def know(self, _places: object) -> None:
        pass


def test_only_devices_there_are_were_heard(tmp_path: Path) -> None:
    """A gate tells whom it hears; ids that it makes up are not kept, however many they are."""
    folder = Folder(tmp_path / "gate")
    folder.create()
    lan: Any = NoLan()
    keys = {NEIGHBOUR: "ab" * 32, THIRD: "cd" * 32}
    with closing(PeerStore(folder)) as peer_store:
        gates = PeerSet(
            peer_store,
            DeviceKey(folder),
            lan,
            SystemClock(),
            lambda device: keys.get(device, ""),
            watermarks=Watermarks(peer_store.entries.lacking),
        )
        socket: Any = None
        link = Link(NEIGHBOUR, keys[NEIGHBOUR], "", False, socket, 0.0)
        gates.receive(Connected(link))
        for n in range(3):
            made_up = {f"{n}{m:015x}": "" for m in range(100)}
            gates.receive(
                MessageReceived(
                    link, PeerMessage(heartbeat=Heartbeat(connected={THIRD: "", **made_up}))
                )
            )
        assert gates.heard_boot_ms(NEIGHBOUR) is not None
        assert gates.heard_boot_ms(THIRD) is not None
        assert set(gates._heard_ms) == {NEIGHBOUR, THIRD}

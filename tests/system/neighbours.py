"""Other devices of the same event, without a network: their journals carried over by hand."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gate.core.event_device import DeviceReport
from gate.core.place import HouseRules, Place
from gate.lane.lane import Lane
from gate.storage import sync_status
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.storage.peer_store import PeerStore
from gate.storage.sync_status import DeviceStatus as Known
from gate.storage.sync_status import SyncStatus
from tests.support.venue import FixedClock, fill


@contextmanager
def neighbour(path: Path, clock: FixedClock, gate: str = "South") -> Iterator[Lane]:
    """A lane at another gate, with the same tickets."""
    folder = Folder(path)
    if not folder.path.exists():
        folder.create()
        fill(folder)
    lane = Lane(folder, clock, Place(gate=gate), HouseRules())
    try:
        yield lane
    finally:
        lane.close()


def bodies(folder: Folder) -> list[bytes]:
    """The entries of a folder's own journal."""
    reader = JournalReader(folder.journal)
    found = [body.encode() for _row, body in reader.bodies(limit=100_000)]
    reader.close()
    return found


def carry(source: Folder, target: Folder) -> None:
    """Let a device hear all that another one has written."""
    peer_store = PeerStore(target)
    peer_store.intake.accept(bodies(source), source.device_id())
    peer_store.close()


def enrol(folder: Folder) -> None:
    """Make a folder look as if its device were enrolled."""
    folder.enrolment.write_text("{}", encoding="utf-8")


def known(device: str, clock: FixedClock, *, ago_s: float | None = 0.0, **more: object) -> Known:
    """Another lane as the sync worker tells of it, heard and held so long ago by the server."""
    report = {name: more.pop(name) for name in DeviceReport.__struct_fields__ if name in more}
    said = {"device": device, "name": "South", "active": True} | more
    said["report"] = DeviceReport(**report)  # type: ignore[arg-type]
    if ago_s is not None:
        said["central_boot_ms"] = said["central_held_boot_ms"] = clock.boot_ms - int(ago_s * 1000)
    return Known(**said)  # type: ignore[arg-type]


def say(
    folder: Folder, clock: FixedClock, *lanes: Known, ago_s: float = 0.0, **more: object
) -> None:
    """Be the sync worker: say that the server was heard so long ago, and what it told."""
    heard = clock.boot_ms - int(ago_s * 1000)
    with closing(PeerStore(folder)) as peer_store:
        store = peer_store.file.store
    said = {
        "boot_id": clock.boot_id,
        "boot_ms": clock.boot_ms,
        "server": "https://central.example",
        "server_boot_ms": heard,
        "tickets_boot_ms": heard,
        "link": "stream" if ago_s < 10 else "",
        "lanes": lanes,
        "store": store,
    } | more
    sync_status.write(folder, SyncStatus(**said))  # type: ignore[arg-type]

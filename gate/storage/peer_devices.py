"""What is known of the other devices: the server's word on them, and their own on their lanes."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

import msgspec

from gate.core import entry_codec
from gate.core.entry import WATCHES, Act, Entry, device_of
from gate.core.replication import Carried
from gate.core.retirement import RETIREMENTS, newest, stands
from gate.storage.disowned import Disowned
from gate.storage.own_journal import LANES, OwnJournal
from gate.storage.peers_file import PeersFile

T = TypeVar("T")


class _Made(NamedTuple):
    """The newest entry of a branch."""

    origin: str
    seq: int
    hlc: int


class _Lane(NamedTuple):
    """What another device last said of its lane, and when."""

    hlc: int
    is_open: bool
    watches: bool


class PeerDevices:
    """The event's devices, by the server and by everybody's entries."""

    def __init__(self, file: PeersFile, journal: OwnJournal, disowned: Disowned) -> None:
        self._file = file
        self._journal = journal
        self._disowned = disowned
        self._lanes: dict[str, _Lane] = {}
        self._read_lanes()
        self.look_again()

    def put(self, devices: Mapping[str, object]) -> None:
        """Keep what the server says of the event's devices."""
        with self._file.writing():
            self._file.connection.executemany(
                "INSERT INTO device VALUES (?, ?) "
                "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                [(id_, msgspec.json.encode(device).decode()) for id_, device in devices.items()],
            )

    def received(self, kind: type[T]) -> list[T]:
        """What the server last said of the event's devices."""
        with self._file.reading():
            rows = self._file.connection.execute("SELECT body FROM device ORDER BY id")
            return [msgspec.json.decode(row[0], type=kind) for row in rows]

    def with_lanes(self) -> list[str]:
        """Every other device that has said so of its lane."""
        return list(self._lanes)

    def is_open(self, device: str) -> bool | None:
        """Whether a device's lane was open by its newest word on that; ``None``: it has none."""
        if device == self._journal.device:
            return self._journal.is_open()
        found = self._lanes.get(device)
        return None if found is None else found.is_open

    def watches(self, device: str) -> bool:
        """Whether another device only watches, by its newest word on its lane."""
        found = self._lanes.get(device)
        return found is not None and found.watches

    def closed_beside_us(self, device: str) -> bool:
        """Whether a device closed its lane, as its newest word on it, while this one was open."""
        found = self._lanes.get(device)
        return found is not None and not found.is_open and self._journal.was_open(found.hlc)

    def retirement(self, device: str, now_ms: int) -> Entry | None:
        """The word by which a device is retired, if it has done nothing since."""
        retirement = self._retirements.get(device)
        if retirement is None:
            return None
        with self._file.reading():
            rows = self._file.connection.execute(
                "SELECT origin, seq, hlc FROM tip WHERE origin > ? AND origin < ?",
                (f"{device}.", f"{device}/"),
            )
            return retirement if stands(retirement, (_Made(*row) for row in rows), now_ms) else None

    def note(self, taken: Iterable[Carried]) -> None:
        """Entries of others were taken; their rows are committed."""
        taken = list(taken)
        if any(one.entry.device in self._disowned for one in taken):
            self.look_again()
        for one in taken:
            if one.entry.act in LANES:
                e = one.entry
                self._note_lane(e.device, e.hlc, e.act, watches=WATCHES in e.flags)
            if one.entry.act in RETIREMENTS and self._disowned.counts(one):
                self.note_retirement(entry_codec.decode(one.body))

    def note_retirement(self, retirement: Entry) -> None:
        """A device was retired, or is in service again."""
        known = self._retirements.get(retirement.target)
        self._retirements |= newest([retirement] if known is None else [retirement, known])

    def look_again(self) -> None:
        """What counts of the others' entries may have changed."""
        query = "SELECT body FROM counted WHERE act IN ('retirement', 'reinstatement')"
        with self._file.reading():
            rows = self._file.connection.execute(query)
            theirs = newest(entry_codec.decode(body) for (body,) in rows)
        self._retirements = newest([*theirs.values(), *self._journal.retirements])

    def _read_lanes(self) -> None:
        with self._file.reading():
            rows = self._file.connection.execute(
                "SELECT origin, json_extract(body, '$.hlc'), act, "
                f"coalesce(json_extract(body, '$.flags'), '') LIKE '%\"{WATCHES}\"%' FROM entry "
                "WHERE act IN ('lane_opened', 'lane_closed')"
            )
            for origin, hlc, act, watches in rows:
                self._note_lane(device_of(origin), hlc, act, watches=bool(watches))

    def _note_lane(self, device: str, hlc: int, act: str, *, watches: bool) -> None:
        known = self._lanes.get(device)
        if device != self._journal.device and (known is None or hlc >= known.hlc):
            is_open = act == Act.LANE_OPENED
            self._lanes[device] = _Lane(hlc, is_open, watches and not is_open)

"""Others' entries on their way into ``peers.db``: which are believed, and how many are taken."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from gate.core.allowance import MOST, Allowance, Meter, fresh
from gate.core.entry import device_of
from gate.core.intake import read_bodies, within_frame
from gate.core.replication import DIGITS, Have, Intake, own_or_vouched
from gate.core.signed_tip import Rejected, SignedTip
from gate.storage.held_entries import HeldEntries
from gate.storage.peer_devices import PeerDevices
from gate.storage.peer_folds import PeerFolds
from gate.storage.peers_file import PeersFile
from gate.storage.room import has_room
from gate.storage.signed_tips import SignedTips

Verify = Callable[[SignedTip], bool]
"""Whether a signed tip is its device's word."""


@dataclass(slots=True)
class Taken:
    """What became of a frame's entries."""

    new: int = 0
    """Entries that were not held before."""
    rejected: list[Rejected] = field(default_factory=list)
    gaps: set[str] = field(default_factory=set)
    """Origins of which something before what came is not held."""
    touched: frozenset[str] = frozenset()
    """Origins of which anything believable came, new or not."""
    later: frozenset[str] = frozenset()
    """Devices of which more came than may be taken in now."""
    is_full: bool = False
    """There is no room: nothing was taken in."""


class PeerIntake:
    """The one way by which others' entries come in."""

    def __init__(
        self,
        file: PeersFile,
        entries: HeldEntries,
        folds: PeerFolds,
        devices: PeerDevices,
        signed_tips: SignedTips,
        *,
        have: Callable[[], Have],
    ) -> None:
        """``have`` is what this device holds by now, its own journal's newest included."""
        self._file = file
        self._entries = entries
        self._folds = folds
        self._devices = devices
        self._signed_tips = signed_tips
        self._have = have
        self.is_full = False
        """Whether the last that came found no room."""
        with file.reading():
            rows = file.connection.execute("SELECT device, remaining, at_ms, taken FROM allowance")
            self._allowances = {device: Allowance(*kept) for device, *kept in rows}

    def accept(
        self,
        raw: Iterable[bytes],
        sender: str | None,
        signed_tips: Iterable[SignedTip] = (),
        verify: Verify = lambda _tip: False,
        *,
        by: str = "",
        now_ms: int | None = None,
    ) -> Taken:
        """Take in another node's entries; durable (against a crash) when this returns.

        ``sender`` is the device they came from; ``None`` is the server, which is believed. What
        the device ``by`` brings is limited by each maker's allowance as of ``now_ms``, this
        device's clock; without a moment it is not, as what the server has taken is within limits.
        """
        self.is_full = not has_room(self._file.path)
        if self.is_full:
            return Taken(is_full=True)
        carried, rejected = read_bodies(raw if now_ms is None else within_frame(raw))
        signed_tips = list(signed_tips)
        meter = None if now_ms is None else Meter(self.allowance, now_ms)
        if meter is not None:
            # Before anything that costs more: a flood brings signatures too.
            spent = meter.spent({device_of(one.entry.origin) for one in carried}, by)
            carried = [one for one in carried if device_of(one.entry.origin) not in spent]
            signed_tips = [one for one in signed_tips if device_of(one.origin) not in spent]
        if sender is not None:
            signed_tips = [one for one in signed_tips if verify(one)]
            vouched = {(one.origin, one.seq, one.hash) for one in signed_tips}
            carried = own_or_vouched(carried, sender, vouched)
        later = frozenset(meter.later) if meter is not None else frozenset()
        if not carried:
            return Taken(rejected=rejected, later=later)
        have = self._have()
        tips = {o: have.get(o, frozenset()) for o in {one.entry.origin for one in carried}}
        intake = Intake(tips, self._entries.hashes_at, meter)
        with self._file.writing():
            for one in carried:
                intake.offer(one)
            self._keep(intake, signed_tips)
            if meter is not None:
                self._put_allowances(meter.drawn)
        self._entries.note(intake)
        self._devices.note(intake.taken)
        if meter is not None:
            self._allowances |= meter.drawn
        return Taken(len(intake.taken), rejected, intake.gaps, frozenset(tips), later)

    def allowance(self, device: str) -> Allowance:
        """What may still be taken in of a device."""
        return self._allowances.get(device) or fresh()

    def spent(self) -> set[str]:
        """Devices of which all was taken in that ever is."""
        return {device for device, one in self._allowances.items() if one.taken >= MOST}

    def _keep(self, intake: Intake, signed_tips: list[SignedTip]) -> None:
        self._put_entries(intake)
        self._folds.add(intake)
        self._put_tips(intake)
        whole_hashes = self._entries.whole_hashes
        held = [one for one in signed_tips if one.hash in whole_hashes(one.origin, one.seq)]
        self._signed_tips.put_within(held, self._entries.tips | intake.tips)

    def _put_entries(self, intake: Intake) -> None:
        run = self._file.connection.execute
        for one in intake.taken:
            entry = one.entry
            run(
                "INSERT OR IGNORE INTO entry (origin, seq, hash, body) VALUES (?, ?, ?, ?)",
                (entry.origin, entry.seq, bytes.fromhex(one.hash), one.body.decode()),
            )
            if entry.seq == 1:
                run(
                    "INSERT OR IGNORE INTO origin VALUES (?, ?, ?)",
                    (entry.origin, entry.follows, entry.prev),
                )

    def _put_tips(self, intake: Intake) -> None:
        newest = {(one.entry.origin, one.hash[:DIGITS]): one for one in intake.taken}
        for origin in {one.entry.origin for one in intake.taken}:
            before, after = self._entries.tips.get(origin, frozenset()), intake.tips[origin]
            self._file.connection.executemany(
                "DELETE FROM tip WHERE origin = ? AND seq = ? AND substr(hex(hash), 1, ?) = ?",
                [(origin, tip.seq, DIGITS, tip.hash.upper()) for tip in before - after],
            )
            for tip in after - before:
                one_ = newest.get((origin, tip.hash))
                if one_ is not None:
                    self._file.connection.execute(
                        "INSERT OR IGNORE INTO tip VALUES (?, ?, ?, ?)",
                        (origin, bytes.fromhex(one_.hash), tip.seq, one_.entry.hlc),
                    )

    def _put_allowances(self, drawn: Mapping[str, Allowance]) -> None:
        self._file.connection.executemany(
            "INSERT OR REPLACE INTO allowance VALUES (?, ?, ?, ?)",
            [(device, *left) for device, left in drawn.items()],
        )

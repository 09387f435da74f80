"""What the worker says of how things stand: to the lane by a file, to server and gates by a report.

Whatever a run ends with is said there, too.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from gate import __version__
from gate.core.clock_error import Measured
from gate.core.event_device import DeviceReport
from gate.core.hlc import Reading
from gate.errors import GateError
from gate.i18n import _
from gate.storage import sync_status
from gate.storage.own_health import OwnHealth
from gate.storage.peer_store import PeerStore
from gate.storage.sync_status import SyncStatus
from sync.session.send_window import unacked
from sync.worker.lan_link import LanLink
from sync.worker.owned_files import OwnedFiles
from sync.worker.peer_clocks import by_peers
from sync.worker.server_contact import ServerContact
from sync.worker.surroundings import Surroundings
from sync.worker.ticket_sources import TicketSources

WRITE_EVERY_S = 1.0
"""How often it is written even if nothing is new."""
WRITE_HELD_EVERY_S = 0.25
"""How often at most it is said that more is known to be held."""
COMPARE_PEERS_EVERY_MS = 5000
NOTE_HEARD_MS = 30_000
"""How exactly it is known after a restart when somebody was last heard."""


class StatusWriter:
    """The one writer of ``sync.json``."""

    def __init__(
        self,
        files: OwnedFiles,
        around: Surroundings,
        contact: ServerContact,
        sources: TicketSources,
        lan: LanLink | None,
        *,
        gate: str,
        notify: Callable[[SyncStatus], None],
    ) -> None:
        """``notify`` is called with whatever is written that is new, but for the end of a run."""
        self._files = files
        self._now_s = around.now_s
        self._contact = contact
        self._sources = sources
        self._lan = lan
        self._gate = gate
        self._notify = notify
        self._health = OwnHealth(files.folder)
        self._written = SyncStatus()
        self._written_s = float("-inf")
        self._written_version = 0
        """Of the watermarks."""
        self._noted_boot_ms = -NOTE_HEARD_MS
        self._by_peers: tuple[Measured, ...] = ()
        self._peers_boot_ms = -COMPARE_PEERS_EVERY_MS

    def unacked(self) -> int:
        """Own entries that the server does not hold; where there is none, no other gate."""
        peer_store = self._files.peer_store
        if self._contact.url:
            return unacked(peer_store, peer_store.receipts.acked())
        return self._lan.peers.unacked() if self._lan and self._files.directory.are_known() else 0

    def report(self) -> DeviceReport:
        """How this device is, as server and other gates are told."""
        reading, clock = self._files.clock.read(), self._contact.clock
        offset_ms, error_ms = self._contact.offset.ahead_ms, self._contact.offset.error_ms
        if clock is not None:
            # Others put theirs right by it, so it has to be as it is by now.
            offset_ms = clock.zero_ms + reading.boot_ms - reading.wall_ms
            error_ms = clock.error_at(reading.boot_ms)
        return DeviceReport(
            version=__version__,
            gate=self._gate,
            unacked=self.unacked(),
            cursor=self._files.feed.cursor,
            offset_ms=offset_ms,
            error_ms=error_ms,
            quarantined=self._files.peer_store.quarantine.count(),
            health=self._health.read(reading, self._sources.current_ms),
        )

    def write(self) -> None:
        """Say how things stand, if that is new or was last said a while ago."""
        reading = self._files.clock.read()
        status = self._status(reading)
        contacts = (status.server_boot_ms, *(lane.lan_boot_ms for lane in status.lanes))
        newest = max((ms for ms in contacts if ms is not None), default=None)
        if newest is not None and newest > self._noted_boot_ms + NOTE_HEARD_MS:
            self._noted_boot_ms = newest
            heard_ms = reading.wall_ms - (reading.boot_ms - newest)
            sync_status.note_heard(self._files.folder, heard_ms)
        is_due = reading.boot_ms - self._written.boot_ms >= WRITE_EVERY_S * 1000
        if is_due or status != replace(self._written, boot_ms=0):
            self._write(replace(status, boot_ms=reading.boot_ms))
            self._notify(status)

    def write_held_if_due(self) -> None:
        """Say only of what everything is held by now: often, and so at little cost."""
        is_due = self._now_s() - self._written_s >= WRITE_HELD_EVERY_S
        if not is_due or self._files.watermarks.version == self._written_version:
            return
        lanes = self._files.directory.held(self._written.lanes)
        store = self._files.peer_store.file.store
        self._write(replace(self._written, lanes=lanes, store=store))

    @contextmanager
    def until_the_end(self) -> Iterator[None]:
        """Whatever this ends with is said to whoever asks how things are."""
        try:
            yield
            self.write()
        except Exception as fault:
            why = _message_of(fault)
            self._contact.lose(why)
            # Whoever started it is told the fault itself.
            self._notify = lambda _status: None
            try:
                self.write()
            except Exception:  # noqa: BLE001  the first fault is the one to tell of
                # What is damaged may be what there would be to tell of.
                boot_id = self._files.clock.read().boot_id
                last = replace(self._written, boot_id=boot_id, link="", last_error=why)
                sync_status.write(self._files.folder, last)
            raise

    def _status(self, reading: Reading) -> SyncStatus:
        files, peer_store, contact = self._files, self._files.peer_store, self._contact
        fault = self._sources.fault
        status = SyncStatus(
            boot_id=reading.boot_id,
            server=contact.url,
            server_boot_ms=contact.heard_ms,
            tickets_boot_ms=self._sources.current_ms,
            link="" if contact.is_silent(reading.boot_ms) else contact.link,
            ahead_ms=contact.offset.ahead_ms,
            error_ms=contact.offset.error_ms,
            clocks=self._clocks(reading),
            unacked=self.unacked(),
            quarantined=peer_store.quarantine.count(),
            alarms=alarmed(peer_store),
            twins=tuple(sorted(files.directory.twins())),
            floods=tuple(peer_store.floods()),
            is_full=peer_store.intake.is_full or self._sources.is_full(),
            last_error=contact.last_error or (fault.message if fault else ""),
            health=self._health.read(reading, self._sources.current_ms),
            lanes=files.directory.lanes(self._lan.peers if self._lan else None, reading.wall_ms),
            knows_members=files.directory.are_all_known(),
            opened_boot_ms=peer_store.journal.opened_boot_ms(reading.boot_id),
            store=peer_store.file.store,
            is_complete=peer_store.file.is_complete,
            upstream=contact.upstream,
            upstream_boot_ms=contact.upstream_boot_ms,
        )
        return status if self._lan is None else _with_lan(status, self._lan)

    def _clocks(self, reading: Reading) -> tuple[Measured, ...]:
        """What the true time is, by the server's clock and, now and then, the other gates'."""
        own = () if self._contact.clock is None else (self._contact.clock,)
        if reading.boot_ms - self._peers_boot_ms >= COMPARE_PEERS_EVERY_MS:
            self._peers_boot_ms = reading.boot_ms
            self._by_peers = by_peers(self._lan.peers, reading) if self._lan else ()
        return (*own, *self._by_peers)

    def _write(self, status: SyncStatus) -> None:
        self._written_s = self._now_s()
        self._written_version = self._files.watermarks.version
        sync_status.write(self._files.folder, status)
        self._written = status


def _with_lan(status: SyncStatus, lan: LanLink) -> SyncStatus:
    guard = lan.transport.guard
    return replace(
        status,
        twins=tuple(sorted({*status.twins, *guard.twins})),
        connected_peers=len(lan.peers.connected),
        unauthorised=guard.unauthorised,
        last_unauthorised=guard.last_unauthorised,
    )


def alarmed(peer_store: PeerStore) -> tuple[str, ...]:
    """Which devices were cloned, restored or rolled back, this one last."""
    found = sorted({alarm.device for alarm in peer_store.alarms()})
    if peer_store.entries.pulled_back() and peer_store.device not in found:
        found.append(peer_store.device)
    return tuple(found)


def _message_of(fault: Exception) -> str:
    if isinstance(fault, GateError):
        return fault.message
    unforeseen = _("unforeseen fault: {kind}: {detail}")
    return unforeseen.format(kind=type(fault).__name__, detail=str(fault)[:200])

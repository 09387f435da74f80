"""What one worker owns: the files of a folder that only it writes, and what they tell of others."""

import logging

from gate.clock import Clock
from gate.errors import BusyError, GateError
from gate.storage.bundle_import import take_waiting
from gate.storage.device_key import DeviceKey
from gate.storage.event_end import drop_personal
from gate.storage.folder import Folder, Lock
from gate.storage.peer_store import PeerStore
from gate.storage.ticket_feed import TicketFeed
from gate.storage.venue_host import take_requests
from sync.session.watermarks import Watermarks
from sync.worker.device_directory import DeviceDirectory

log = logging.getLogger(__name__)


class OwnedFiles:
    """The peer store and the ticket replica of a folder, from opening to ``close``."""

    def __init__(self, folder: Folder, clock: Clock) -> None:
        self.folder = folder
        self.clock = clock
        self.peer_store = PeerStore(folder)
        self.feed = TicketFeed(folder)
        self.key = DeviceKey(folder)
        self.watermarks = Watermarks(self.peer_store.entries.lacking)
        self.directory = DeviceDirectory(self.peer_store, self.feed, self.watermarks)

    def close(self) -> None:
        """Let go of them."""
        self.peer_store.close()
        self.feed.close()

    def checkpoint(self) -> None:
        """Keep their logs short."""
        self.peer_store.file.checkpoint()
        self.feed.checkpoint()

    def take_inbox(self) -> None:
        """Take in what other programs have left here: journals by hand, a host's wishes."""
        self.peer_store.look_after_files()
        if take_requests(self.folder, self.feed, self.clock.read().wall_ms):
            self.directory.look_again()
        for came in take_waiting(self.folder, self.peer_store):
            if isinstance(came, GateError):
                log.warning("inbox: %s", came.message)
            else:
                log.info("inbox: %s entries of device %s", came.entries, came.device)

    def drop_if_over(self, ahead_ms: int | None) -> None:
        """Let go of names and codes so long after the event's end.

        The source of the tickets has said so, or its clock has, which is ``ahead_ms`` ahead of
        ours. Ours alone is believed where it is set by others, or while nobody scans here: a wrong
        one would end an event that goes on.
        """
        event = self.feed.event()
        if event is None or not (event.dropped_ms or event.keeps_until_ms):
            return
        wall_ms, until_ms = self.clock.read().wall_ms, event.keeps_until_ms
        source_ms = self.feed.position().as_of_ms
        if ahead_ms is not None:
            source_ms = max(source_ms, wall_ms + ahead_ms)
        is_over = bool(event.dropped_ms) or source_ms >= until_ms
        is_sure = self.clock.is_synchronised() or _is_free(self.folder)
        if not is_over and not (wall_ms >= until_ms and is_sure):
            return
        if drop_personal(self.feed.file, wall_ms):
            log.info("the event is over: names and codes were dropped")


def _is_free(folder: Folder) -> bool:
    """Whether no lane is at work here."""
    try:
        Lock(folder).close()
    except BusyError:
        return False
    return True

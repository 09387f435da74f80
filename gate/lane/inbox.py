"""The messages that are to be read at a lane: for it, and come since it was opened."""

from gate.clock import Clock
from gate.core.entry import Entry
from gate.core.hlc import Reading
from gate.core.message import is_for, is_news, sent_ms
from gate.lane.lane import Lane
from gate.storage.connectivity import Connectivity
from gate.storage.folder import Folder
from gate.storage.messages import NewMessages
from gate.storage.naming import enrolled_name


class Inbox:
    """Follows the journals, from the opening of the lane on."""

    def __init__(self, folder: Folder, lane: Lane, clock: Clock) -> None:
        self._folder, self._lane, self._clock = folder, lane, clock
        self._device = folder.device_id()
        self._new = NewMessages(folder)
        self._opened_boot_ms = clock.read().boot_ms

    def look(self) -> list[Entry]:
        """What is to be read here and was not there at the last look. Raises StoreError."""
        found = self._new.look()
        if not found:
            return []
        names = {self._lane.place.gate, enrolled_name(self._folder)}
        now, connectivity = self._clock.read(), self._lane.connectivity()
        return [
            one for one in found if is_for(one, names) and self._is_news(one, now, connectivity)
        ]

    def _is_news(self, message: Entry, now: Reading, connectivity: Connectivity) -> bool:
        fresh = connectivity.sync_status
        ahead_ms = None
        if message.device == self._device:
            ahead_ms = 0
        elif not fresh.server:
            lanes = {lane.device: lane for lane in fresh.lanes}
            ahead_ms = lanes[message.device].report.offset_ms if message.device in lanes else None
        sent = sent_ms(message, fresh.ahead_ms, ahead_ms)
        # By the clock as it is now, whatever was set since the opening.
        opened_ms = now.wall_ms - (now.boot_ms - self._opened_boot_ms)
        return is_news(message, sent, opened_ms, now.wall_ms)

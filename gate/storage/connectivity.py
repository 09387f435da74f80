"""How this lane stands: whose entries it holds, as of when, and what its verdicts are worth."""

import os
from dataclasses import dataclass

from gate.core.coverage import Coverage, Hysteresis, coverage, may_have_opened
from gate.core.hlc import Reading
from gate.core.outcome import Basis
from gate.storage.folder import Folder, is_there
from gate.storage.peers import is_file_of
from gate.storage.sync_status import NOTHING, SyncStatus, SyncStatusReader

CLOCK_SLACK_MS = 60_000
"""So much a clock may be set back without a doubt about how long nobody was heard."""
HEARD_WITHIN_S = 10.0
"""All that other lanes did must be held up to a moment this lately, unless the configuration says
otherwise."""


@dataclass(frozen=True, slots=True)
class Connectivity:
    """Whose entries this lane holds, and how fresh everything is, at one moment."""

    boot_ms: int
    """The moment, by this device's boot clock."""
    coverage: Coverage
    sync_status: SyncStatus
    is_enrolled: bool
    """Whether it belongs to a server or a venue."""

    @property
    def age_ms(self) -> int | None:
        """The age of ``coverage`` at the moment."""
        return self.coverage.age_ms(self.boot_ms)


NOBODY_HEARD = Connectivity(0, Coverage(Basis.ONLY), NOTHING, is_enrolled=False)
"""Nobody has been asked yet."""


class ConnectivityReader:
    """Follows the sync worker's word; cheap enough to ask before every scan."""

    def __init__(
        self,
        folder: Folder,
        heard_within_s: float = HEARD_WITHIN_S,
        hysteresis: Hysteresis | None = None,
    ) -> None:
        self._memberships = (str(folder.enrolment), str(folder.membership))
        self._venue = str(folder.venue)
        self._heard = str(folder.heard)
        self._folder = folder
        self._sync_status = SyncStatusReader(folder)
        self._within_ms = round(heard_within_s * 1000)
        self._hysteresis = hysteresis or Hysteresis()

    def read(self, reading: Reading, store: str | None = None) -> Connectivity:
        """How the lane stands now.

        ``store`` is the peer store it has open; without it, whatever is there to be opened.
        """
        status = self._sync_status.read(reading.boot_id)
        is_enrolled = bool(status.server) or any(map(is_there, self._memberships))
        if status is NOTHING:
            # An enrolled device that has heard nothing cannot know who else is at work.
            found = Coverage(Basis.ALONE if is_enrolled else Basis.ONLY)
            found = self._hysteresis.settle(found, reading.boot_ms)
            return Connectivity(reading.boot_ms, found, NOTHING, is_enrolled)
        found = coverage(status.lanes, reading.boot_ms, self._within_ms)
        if status.lanes and not (status.is_complete and self._is_read(status.store, store)):
            # What is read here is not what the worker speaks of, or lacks what closed lanes did.
            found = Coverage(Basis.ALONE, found.unheard, is_refetching=True)
        if (
            found.basis is Basis.ONLY
            and is_enrolled
            and not self._is_noticed(status, reading.boot_ms)
        ):
            found = _in_the_dark(status)
        found = self._hysteresis.settle(found, reading.boot_ms)
        return Connectivity(reading.boot_ms, found, status, is_enrolled)

    def list_as_of_ms(self, connectivity: Connectivity, at_ms: int, stated_ms: int) -> int | None:
        """As of when the ticket list is, by the lane's clock; ``None`` while it is current.

        ``stated_ms`` is what the list says of itself, by its source's clock; 0: it says nothing.
        The answer is 0 when nobody knows. A list of one's own is as current as it can be.
        """
        if not connectivity.is_enrolled or is_there(self._venue):
            return None
        fresh = connectivity.sync_status
        known = [stated_ms - (fresh.ahead_ms or 0)] if stated_ms else []
        if fresh.tickets_boot_ms is not None:
            age_ms = connectivity.boot_ms - fresh.tickets_boot_ms
            if age_ms <= self._within_ms:
                return None
            known.append(at_ms - age_ms)
        return max(known, default=0)

    def unheard_ms(self, connectivity: Connectivity, wall_ms: int) -> int | None:
        """For how long neither the server nor another gate was heard, by this device's clocks.

        ``wall_ms`` is its own clock as it is. ``None`` where that cannot be told: the clock is
        behind the last time that somebody was heard. Whoever needs to hear nobody is at 0.
        """
        if not connectivity.is_enrolled or is_there(self._venue):
            return 0
        fresh = connectivity.sync_status
        in_boot = [fresh.server_boot_ms, *(lane.lan_boot_ms for lane in fresh.lanes)]
        newest = max((ms for ms in in_boot if ms is not None), default=None)
        if newest is not None:
            return max(0, connectivity.boot_ms - newest)
        noted = [ms for path in (self._heard, *self._memberships) if (ms := _changed_ms(path))]
        since_ms = max(noted, default=0)
        return wall_ms - since_ms if wall_ms >= since_ms - CLOCK_SLACK_MS else None

    def _is_read(self, named: str, store: str | None) -> bool:
        """Whether the peer store that the worker speaks of is the one that is read here."""
        if not named or store is not None:
            # Without a name, what the worker writes is where nobody can read it.
            return bool(named) and named == store
        try:
            return is_file_of(named, self._folder.peers.stat())
        except OSError:
            return False

    def _is_noticed(self, status: SyncStatus, now_boot_ms: int) -> bool:
        """Whether anybody would have told by now that another lane has opened."""
        in_boot = [status.server_boot_ms, *(lane.lan_boot_ms for lane in status.lanes)]
        newest = max((ms for ms in in_boot if ms is not None), default=None)
        return newest is not None and now_boot_ms - newest <= self._within_ms


def _changed_ms(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns // 1_000_000  # noqa: PTH116  before every scan, so the quick way
    except OSError:
        return 0


def _in_the_dark(status: SyncStatus) -> Coverage:
    # Nobody would have told that a closed lane has opened since it was heard.
    if not status.knows_members and status.server_boot_ms is None:
        return Coverage(Basis.ALONE)
    unsure = tuple(
        lane
        for lane in status.lanes
        if lane.state == "enrolled" and may_have_opened(lane, status.opened_boot_ms)
    )
    return Coverage(Basis.ALONE, unsure) if unsure else Coverage(Basis.ONLY)

"""What a lane's verdicts are worth just now: whom it has heard, and how old its list is."""

import threading
from dataclasses import replace

from gate.core.coverage import Hysteresis
from gate.core.hlc import Reading
from gate.core.outcome import Basis
from gate.storage.connectivity import Connectivity, ConnectivityReader
from gate.storage.folder import Folder
from gate.storage.tickets import Tickets

ISOLATED_TOLD_MS = 60_000
"""Nobody was heard for so long: from then on is told when that ends."""


class LaneBasis:
    """Follows the sync worker's word, for verdicts and for the screen alike."""

    def __init__(self, folder: Folder, tickets: Tickets, heard_within_s: float) -> None:
        self.holds_from_ms: int | None = None
        """From which moment on everybody is held, as ``look_ahead`` has found."""
        self._tickets = tickets
        # What is shown is what is written, and looking at it keeps it up to date between scans.
        hysteresis = Hysteresis()
        self._decided = ConnectivityReader(folder, heard_within_s, hysteresis)
        self._shown = ConnectivityReader(folder, heard_within_s, hysteresis)
        self._showing = threading.Lock()

    def read(self, reading: Reading, store: str, *, is_whole: bool) -> Connectivity:
        """What a verdict of this moment goes by, with that peer store open.

        ``is_whole`` says whether all is held that this lane itself ever did.
        """
        return _honest(self._decided.read(reading, store), is_whole=is_whole)

    def shown(self, reading: Reading, *, is_whole: bool) -> Connectivity:
        """The same for the screen; for any thread."""
        with self._showing:
            return _honest(self._shown.read(reading), is_whole=is_whole)

    def left_ms(self, connectivity: Connectivity, wall_ms: int) -> int | None:
        """For how long people may still be let in; ``None`` where nothing bounds that now."""
        unheard_ms = self._decided.unheard_ms(connectivity, wall_ms)
        if unheard_ms is not None and unheard_ms < ISOLATED_TOLD_MS:
            return None
        limit_ms = self._tickets.replica.isolated_ms()
        if not limit_ms:
            return None
        return 0 if unheard_ms is None else max(0, limit_ms - unheard_ms)

    def look_ahead(self, reading: Reading, at_ms: int) -> None:
        """See from when on everybody is held if nobody is heard; a reading is at ``at_ms``."""
        left_ms = self.left_ms(self._decided.read(reading), reading.wall_ms)
        self.holds_from_ms = None if left_ms is None else at_ms + left_ms

    def list_as_of_ms(self, connectivity: Connectivity, at_ms: int) -> int | None:
        """As of when the ticket list is, while it is not current."""
        stated_ms = (
            int(self._tickets.replica.meta("as_of_ms") or 0) or self._tickets.replica.built_ms
        )
        return self._decided.list_as_of_ms(connectivity, at_ms, stated_ms)


def _honest(connectivity: Connectivity, *, is_whole: bool) -> Connectivity:
    """A lane that does not know all that it did itself is sure of nothing."""
    if is_whole or connectivity.coverage.basis is Basis.ALONE:
        return connectivity
    alone = replace(connectivity.coverage, basis=Basis.ALONE, held_boot_ms=None)
    return replace(connectivity, coverage=alone)

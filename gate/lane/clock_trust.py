"""The time a lane goes by, and whether rules about time may go by it."""

from gate.clock import PROGRAM_BUILT_MS, Clock
from gate.core.hlc import Reading, is_trusted
from gate.storage.entries import newest_trusted
from gate.storage.journal import Journal
from gate.storage.tickets import Tickets


class ClockTrust:
    """The device's clock, put right by a supervisor's watch, and how far it is believed.

    No true clock is below the floor: the newest of the program, the tickets and the journal. A jump
    since the anchor, the last reading that was believed, needs an explanation.
    """

    def __init__(self, clock: Clock, tickets: Tickets) -> None:
        self.offset_ms = 0
        """What is added to the device's clock."""
        self._clock = clock
        self._tickets = tickets
        self._floor_ms = PROGRAM_BUILT_MS
        self._anchor: Reading | None = None
        self._confirmed_boot = ""
        """In which boot a supervisor has set it, if any."""

    def read(self) -> Reading:
        """The device's clocks as they are."""
        return self._clock.read()

    def now_ms(self) -> int:
        """The time it is, Unix milliseconds."""
        return self.at_ms(self.read())

    def at_ms(self, reading: Reading) -> int:
        """The moment of a reading, Unix milliseconds."""
        return reading.wall_ms + self.offset_ms

    def judge(self, reading: Reading) -> bool:
        """Whether rules about time may refuse anybody at this reading."""
        trusted = self._is_trusted(reading, self._anchor)
        if not trusted and self._clock.is_synchronised():
            trusted = self._is_trusted(reading, None)
        if trusted:
            self._anchor = reading
        return trusted

    def set(self, wall_ms: int) -> None:
        """Believe a watch: this moment is ``wall_ms``."""
        reading = self.read()
        self.offset_ms = wall_ms - reading.wall_ms
        self._anchor = reading
        self._confirmed_boot = reading.boot_id

    def recall(self, journal: Journal, reading: Reading) -> None:
        """Go on where the newest entry that was believed has left off."""
        trusted = newest_trusted(journal.connection, journal.path)
        if trusted is None:
            return
        newest = trusted.entry
        self._floor_ms = max(self._floor_ms, newest.at_ms)
        if trusted.boot_id == reading.boot_id:
            self.offset_ms = newest.offset_ms
            self._anchor = Reading(newest.at_ms - newest.offset_ms, newest.boot_ms, reading.boot_id)
            self._confirmed_boot = reading.boot_id if newest.offset_ms else ""

    def _is_trusted(self, reading: Reading, anchor: Reading | None) -> bool:
        return is_trusted(
            reading,
            offset_ms=self.offset_ms,
            floor_ms=max(self._floor_ms, self._tickets.replica.built_ms),
            anchor=anchor,
            confirmed=self._confirmed_boot == reading.boot_id,
        )

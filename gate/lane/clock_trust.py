"""The time a lane goes by, how far it is believed, and how far it may be off."""

from collections.abc import Iterable

from gate.clock import PROGRAM_BUILT_MS, Clock
from gate.core.clock_error import (
    TIME_SERVER_ERROR_MS,
    WATCH_ERROR_MS,
    Measured,
    Source,
    TrueTime,
    true_time,
)
from gate.core.hlc import Reading, is_trusted
from gate.storage.entries import Trusted
from gate.storage.tickets import Tickets

LOOK_EVERY_MS = 10_000


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
        self._measured: dict[Source, Measured] = {}
        self._looked_boot_ms = -LOOK_EVERY_MS
        """When it was last seen whether a time server keeps the machine's clock."""

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

    def learn(self, measured: Iterable[Measured]) -> None:
        """Take in what was measured in this boot; of each source the newest is kept."""
        for one in measured:
            held = self._measured.get(one.source)
            if held is None or one.boot_ms >= held.boot_ms:
                self._measured[one.source] = one

    def true_time(self, reading: Reading, *, is_believed: bool) -> TrueTime | None:
        """What the time is by who knows it, with its bound; ``None``: nobody does.

        ``is_believed`` is what ``judge`` says of the reading. What no true clock can be is not
        believed of anybody, nor are other gates' clocks where this one's is not: machines that
        lost the time together agree.
        """
        self._look_for_time_server(reading, is_believed=is_believed)
        known = true_time(
            (
                one
                for one in self._measured.values()
                if is_believed or one.source is not Source.PEERS
            ),
            reading.boot_ms,
        )
        is_possible = known is not None and known.latest_ms >= self._least_ms()
        return known if is_possible else None

    def _look_for_time_server(self, reading: Reading, *, is_believed: bool) -> None:
        if reading.boot_ms - self._looked_boot_ms < LOOK_EVERY_MS:
            return
        self._looked_boot_ms = reading.boot_ms
        if is_believed and self._clock.is_synchronised():
            zero_ms = reading.wall_ms - reading.boot_ms
            self._measured[Source.TIME_SERVER] = Measured(
                Source.TIME_SERVER, zero_ms, TIME_SERVER_ERROR_MS, reading.boot_ms
            )

    def set(self, wall_ms: int) -> None:
        """Believe a watch: this moment is ``wall_ms``."""
        reading = self.read()
        self.offset_ms = wall_ms - reading.wall_ms
        self._anchor = reading
        self._confirmed_boot = reading.boot_id
        self._watched(wall_ms, reading.boot_ms)

    def recall(self, trusted: Trusted | None, reading: Reading) -> None:
        """Go on where the newest entry whose clock was believed has left off."""
        if trusted is None:
            return
        newest = trusted.entry
        self._floor_ms = max(self._floor_ms, newest.at_ms)
        if trusted.boot_id == reading.boot_id:
            self.offset_ms = newest.offset_ms
            self._anchor = Reading(newest.at_ms - newest.offset_ms, newest.boot_ms, reading.boot_id)
            self._confirmed_boot = reading.boot_id if newest.offset_ms else ""
            if newest.offset_ms:
                self._watched(newest.at_ms, newest.boot_ms)

    def _watched(self, wall_ms: int, boot_ms: int) -> None:
        """A supervisor has read a watch, when the boot clock showed ``boot_ms``."""
        self._measured[Source.WATCH] = Measured(
            Source.WATCH, wall_ms - boot_ms, WATCH_ERROR_MS, boot_ms
        )

    def _least_ms(self) -> int:
        return max(self._floor_ms, self._tickets.replica.built_ms)

    def _is_trusted(self, reading: Reading, anchor: Reading | None) -> bool:
        return is_trusted(
            reading,
            offset_ms=self.offset_ms,
            floor_ms=self._least_ms(),
            anchor=anchor,
            confirmed=self._confirmed_boot == reading.boot_id,
        )

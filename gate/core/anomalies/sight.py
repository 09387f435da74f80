"""What the rules see of an entry: less than it says, so that an evening's fit into memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from sys import intern

import msgspec

from gate.core.entry import CENTRAL, Act, device_of
from gate.core.entry_codec import NoEntryError
from gate.core.outcome import Reason
from gate.core.place import Direction
from gate.core.verdict import PAPER

BY_HAND = frozenset({PAPER, "manual"})
"""Sources of what no code was shown for."""
DRIFT_MS = 1_000
"""What a clock may have gone wrong since it was compared: 12 hours at 20 ppm."""


class Told(msgspec.Struct, gc=False):
    """What the rules need of what was signed."""

    party: int | None = None


class Sight(msgspec.Struct, gc=False):
    """The fields of an entry that the rules look at, by the names that they have there."""

    origin: str
    seq: int
    act: Act
    at_ms: int
    boot_ms: int
    trusted: bool = True
    offset_ms: int = 0
    gate: str = ""
    direction: Direction | None = None
    operator: str = ""
    ticket: str = ""
    code: str = ""
    reason: Reason | None = None
    persons: int = 0
    flags: tuple[str, ...] = ()
    target: str = ""
    source: str = ""
    server_ahead_ms: int | None = None
    server_error_ms: int | None = None
    signed: Told | None = None
    """Of a ticket that was in no list at that gate."""

    @property
    def name(self) -> str:
        """The entry's name."""
        return f"{self.origin}:{self.seq}"

    @property
    def device(self) -> str:
        """The device that made it."""
        return device_of(self.origin)

    @property
    def takes_back(self) -> bool:
        """Whether it is an undo that counts; see ``gate.core.history.counts_at_once``."""
        maker = device_of(self.target)
        return self.act is Act.ANNULMENT and self.device in (CENTRAL, maker)


_decoder = msgspec.json.Decoder(Sight)


def read_sight(body: bytes | str) -> Sight:
    """What an entry's body shows. Raises NoEntryError."""
    try:
        sight = _decoder.decode(body)
    except (TypeError, ValueError) as error:
        raise NoEntryError(str(error)) from error
    # An evening has many entries and few of these.
    sight.origin, sight.gate = intern(sight.origin), intern(sight.gate)
    sight.operator = intern(sight.operator)
    return sight


@dataclass(frozen=True, slots=True)
class Clock:
    """How a device's clock stands to ours, for entries that were never compared with a server's."""

    ahead_ms: int
    """How far ours is ahead of it."""
    error_ms: int


Clocks = Mapping[str, Clock]
"""By device."""


def bounds(sight: Sight, clocks: Clocks) -> tuple[int, int] | None:
    """Between which moments of one clock it was made; ``None`` where no clock can tell."""
    ahead_ms, error_ms = sight.server_ahead_ms, sight.server_error_ms
    if (ahead_ms is None or error_ms is None) and (clock := clocks.get(sight.device)) is not None:
        ahead_ms, error_ms = clock.ahead_ms, clock.error_ms
    if not sight.trusted or ahead_ms is None or error_ms is None:
        return None
    at_ms, error_ms = sight.at_ms - sight.offset_ms + ahead_ms, error_ms + DRIFT_MS
    return at_ms - error_ms, at_ms + error_ms

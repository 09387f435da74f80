"""What is known of the way to the server: whether it is open, heard, and how its clock stands."""

from dataclasses import dataclass, field
from typing import Literal

from gate.core.clock_error import Measured, Source
from gate.core.hlc import Reading
from gate.core.upstream_state import UpstreamState
from sync.session.clock_offset import ServerOffset

SILENCE_S = 15.0
"""A stream on which nothing came for so long is gone, whatever the network says."""
HEARD_LATELY_S = 10.0


@dataclass(slots=True)
class ServerContact:
    """Kept by the server link; where there is no server, none was ever heard."""

    url: str = ""
    """Empty: there is no server."""
    poll_s: float = 2.0
    """How long after the last answer it is asked again where there is no stream."""
    link: Literal["", "stream", "poll"] = ""
    last_error: str = ""
    heard_ms: int | None = None
    """When it last answered, by this device's boot clock."""
    offset: ServerOffset = field(default_factory=ServerOffset)
    clock: Measured | None = None
    """The same measurement against this device's boot clock, which nobody sets."""

    upstream: UpstreamState | None = None
    """How the system stood that the tickets live in, by its last word of the event's devices."""
    upstream_boot_ms: int = 0

    def measured(self, before_ms: int, came: Reading, server_ms: int, now_s: float) -> None:
        """What was asked at ``before_ms`` of this clock was answered by ``came``."""
        if not self.offset.measured(before_ms, came.wall_ms, server_ms, now_s):
            return
        assert self.offset.ahead_ms is not None
        assert self.offset.error_ms is not None
        zero_ms = came.wall_ms + self.offset.ahead_ms - came.boot_ms
        self.clock = Measured(Source.SERVER, zero_ms, self.offset.error_ms, came.boot_ms)

    def is_answering(self, now_ms: int) -> bool:
        """Whether it has answered lately."""
        return self.heard_ms is not None and now_ms - self.heard_ms < HEARD_LATELY_S * 1000

    def is_silent(self, now_ms: int) -> bool:
        """Whether nothing came from it for so long that there is no connection.

        It may not have been looked at yet: this process may have been stopped.
        """
        most_ms = (SILENCE_S + 2 * self.poll_s) * 1000
        return self.heard_ms is None or now_ms - self.heard_ms > most_ms

    def lose(self, why: str) -> None:
        """There is no connection any more."""
        self.link, self.last_error = "", why

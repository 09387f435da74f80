"""What is known of the way to the server: whether it is open, heard, and how its clock stands."""

from dataclasses import dataclass, field
from typing import Literal

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

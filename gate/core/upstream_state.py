"""How the system stands that an event's tickets live in, as its server tells the gates."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from gate.core.limits import Count, Name

SILENT_MS: Final = 5 * 60_000
"""Away, or behind with what it is to be told, for longer than this somebody should look."""
MOST_SAID: Final = 400


class UpstreamState(Struct, frozen=True, omit_defaults=True):
    """An upstream at one moment. Ages are milliseconds before that."""

    kind: Name
    is_complete: bool = False
    """Whether every ticket that there was is here."""
    done: Count = 0
    total: Count = 0
    heard_ago_ms: Count | None = None
    """``None``: it has never answered."""
    waiting: Count = 0
    """Entries that it is still to be told."""
    oldest_ago_ms: Count = 0
    failed: Count = 0
    """Entries that it did not take."""
    why_failed: Annotated[str, Meta(max_length=MOST_SAID)] = ""
    """Why it did not take the newest of them."""
    missing: Count = 0
    """Tickets that it does not have any more, and that wait for a person's word."""
    error: Annotated[str, Meta(max_length=MOST_SAID)] = ""
    """What is wrong now, and what to do; empty: nothing."""
    is_stopped: bool = False
    """Whether a person has to do something before it is asked again."""

    @property
    def is_stuck(self) -> bool:
        """Whether somebody has to look: what heals by itself soon is not told as trouble."""
        is_away = bool(self.error) and (self.heard_ago_ms or SILENT_MS) >= SILENT_MS
        is_behind = bool(self.waiting) and self.oldest_ago_ms >= SILENT_MS
        return self.is_stopped or is_away or is_behind or bool(self.missing)

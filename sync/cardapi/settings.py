"""What the card API was told at the server's start."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CardSettings:
    """What the card API was told at the server's start."""

    account_per_s: float = 1000.0
    """Calls with one access token."""
    account_burst: float = 4000.0
    callback_to: tuple[str, ...] = ()
    """Hosts (``host``, ``host:port``) that callbacks may be at though they are not public."""
    runs_jobs: bool = True
    """Whether this process follows journals and tells callbacks, or leaves that to others."""

"""What the card API was told at the server's start."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CardSettings:
    """What the card API was told at the server's start."""

    account_per_s: float = 1000.0
    """Calls with one access token."""
    account_burst: float = 4000.0

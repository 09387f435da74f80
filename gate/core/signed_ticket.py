"""What a ticket's code says of it by a signature, and the keys of an event that may sign one.

Times are Unix seconds.
"""

from dataclasses import dataclass
from enum import StrEnum


class Scheme(StrEnum):
    """How a code carries its signature."""

    COSE = "cose"
    """Our own: a CWT (RFC 8392) in a COSE_Sign1 (RFC 9052)."""
    PRETIX = "pretix_sig1"


class KeyState(StrEnum):
    """What codes that a key has signed are worth."""

    SIGNING = "signing"
    """New codes are signed by it."""
    RETIRED = "retired"
    """It signs no more; what it has signed is good."""
    REVOKED = "revoked"
    """It may be in other hands: what it has signed proves nothing."""


@dataclass(frozen=True, slots=True)
class EventKey:
    """The public half of a key that signs tickets of an event; it travels in the feed."""

    id: str
    scheme: Scheme
    public: str
    """Ed25519 public key, hex."""
    state: KeyState = KeyState.SIGNING
    begin: int | None = None
    end: int | None = None
    """First and last second in which a code may go by its signature alone; ``None``: no bound."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed of one ticket. ``None`` and empty mean that its type says it."""

    ticket: str
    type: str
    event: str = ""
    key: str = ""
    """Id of the key that proves it."""
    begin: int | None = None
    end: int | None = None
    seats: tuple[str, ...] = ()
    zone: str = ""
    entrance: str = ""
    uses: int | None = None
    party: int | None = None
    issue: int = 0
    """Counts the codes that a ticket was given; a lower one than the ticket's was replaced."""
    by_type: tuple[str, ...] = ()
    """Which of ``uses`` and ``party`` the code leaves to its type: an entry has what that was."""

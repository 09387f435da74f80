"""Command cards: signed codes that do at a lane what a key does, and never admit anybody.

A card is ``VGC1`` and then, in Base32 (RFC 4648) without padding, what it says and the Ed25519
signature (RFC 8032) of that by the event's authority: one byte of format, two of the issue, one of
the command, and a name in UTF-8. All of it is letters and digits that every scanner types. A photo
of a card is as good as the card.
"""

import base64
import binascii
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PREFIX = "VGC1"
"""What a card begins with, for readers that look at nothing else of other codes."""
_FORMAT = 1
_HEAD_BYTES, _SIGNATURE_BYTES = 4, 64
LONGEST_NAME = 40
"""In characters."""
MOST_LENGTH = len(PREFIX) + (_HEAD_BYTES + 4 * LONGEST_NAME + _SIGNATURE_BYTES + 4) // 5 * 8
LEAST_LENGTH = len(PREFIX) + ((_HEAD_BYTES + _SIGNATURE_BYTES) * 8 + 4) // 5 - 4
"""Of what a scanner types of one, which may lose up to four characters."""
LAST_ISSUE = 65_535


class Command(IntEnum):
    """What a card does. The numbers are on cards that were printed."""

    TURN_IN = 1
    TURN_OUT = 2
    TURN_BOTH = 3
    TURN_CHECK = 4
    READ = 5
    """The message that is shown was read."""
    LOOK_HARD = 6
    SIGN_IN = 7
    """Of an operator by name, who then types the PIN."""
    CLOSE = 8


@dataclass(frozen=True, slots=True)
class CommandCard:
    """What one card says."""

    command: Command
    issue: int
    """Cards of another issue than the event's are not in force."""
    name: str = ""
    """Of the operator, for a sign-in."""


def message_of(card: CommandCard) -> bytes:
    """What an event's authority signs of a card. Raises ValueError for what no card can say."""
    name = card.name
    if (card.command is Command.SIGN_IN) != bool(name) or len(name) > LONGEST_NAME:
        message = f"no card for {card.command.name} with the name {name!r}"
        raise ValueError(message)
    return b"venue-gate command card\n" + _content(card)


def text_of(card: CommandCard, signature: bytes) -> str:
    """The text of a card that was signed."""
    packed = base64.b32encode(_content(card) + signature).decode().rstrip("=")
    return PREFIX + packed


def read(text: str, key: Ed25519PublicKey, issue: int) -> CommandCard | None:
    """What a card in force says; ``None`` for any other text, and while ``issue`` is 0.

    Letters of the other case are a scanner's; any other writing of the same card is none.
    """
    # No other alphabet: some of its letters are capitals of ours in the other case.
    plain = text.strip().upper() if text.isascii() else ""
    if not issue or not plain.startswith(PREFIX) or len(plain) > MOST_LENGTH:
        return None
    packed = plain.removeprefix(PREFIX)
    try:
        data = base64.b32decode(packed + "=" * (-len(packed) % 8))
        card = _card(data[:-_SIGNATURE_BYTES])
        signature = data[-_SIGNATURE_BYTES:]
        key.verify(signature, message_of(card))
    except (binascii.Error, ValueError, InvalidSignature):
        return None
    return card if card.issue == issue and text_of(card, signature) == plain else None


def _content(card: CommandCard) -> bytes:
    head = bytes((_FORMAT, *card.issue.to_bytes(2), card.command))
    return head + card.name.encode()


def _card(content: bytes) -> CommandCard:
    """Raises ValueError for anything but what ``_content`` makes."""
    if len(content) < _HEAD_BYTES or content[0] != _FORMAT:
        message = "no command card"
        raise ValueError(message)
    issue, command = int.from_bytes(content[1:3]), Command(content[3])
    return CommandCard(command, issue, content[_HEAD_BYTES:].decode())

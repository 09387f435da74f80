"""Command cards at a lane: which are in force here, and that one showing is one command."""

import logging
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gate.core.place import Direction
from gate.credential.command_cards import PREFIX, Command, CommandCard, read
from gate.errors import GateError
from gate.storage.feed_signatures import key_of
from gate.storage.folder import Folder

log = logging.getLogger(__name__)

TURNS = {
    Command.TURN_IN: Direction.IN,
    Command.TURN_OUT: Direction.OUT,
    Command.TURN_BOTH: Direction.BOTH,
    Command.TURN_CHECK: Direction.CHECK,
}
"""Which way a card turns the lane."""


class CommandCards:
    """The cards of the event that a device belongs to, by the key of its authority."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._key: Ed25519PublicKey | None = None

    def read(self, text: str, issue: int) -> CommandCard | None:
        """What a card of an issue says; ``None`` for any other text, or where there is no venue."""
        if not issue or text.strip()[: len(PREFIX)].upper() != PREFIX:
            return None
        key = self._authority()
        return None if key is None else read(text, key, issue)

    def _authority(self) -> Ed25519PublicKey | None:
        if self._key is None:
            # TLS comes with it, which no lane needs that reads no cards.
            from gate.storage.certificates import load_membership  # noqa: PLC0415

            try:
                membership = load_membership(self._folder)
                self._key = key_of(membership.authority) if membership else None
            except (GateError, ValueError) as fault:
                log.warning("command cards: %s", fault)
        return self._key


class Showings:
    """Cards that are held up: each is carried out once, until it was away for long enough."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._seen: dict[str, int] = {}

    def is_new(self, text: str, away_ms: int) -> bool:
        """Whether a card is held up anew, now that it was read."""
        now_ms = self._now_ms()
        seen = self._seen.get(text)
        self._seen = {text: now_ms}
        return seen is None or now_ms - seen >= away_ms

"""Command cards at a lane: which are in force here, and that one showing is one command."""

import logging
from collections.abc import Callable
from itertools import chain

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gate.core.place import Direction
from gate.credential import parse
from gate.credential.command_cards import LEAST_LENGTH, PREFIX, Command, CommandCard, read
from gate.credential.repair import repairs
from gate.credential.signed import is_signed
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

    def read(self, text: str, issue: int, *, is_typed: bool = False) -> CommandCard | None:
        """What a card of an issue says; ``None`` for any other text, or where there is no venue.

        A scanner that types wrongly (``is_typed``) is put right: the signature proves what of all
        that it may have meant is a card.
        """
        code = parse(text).code if issue else ""
        is_typed = is_typed and not is_signed(code)
        if len(code) < LEAST_LENGTH or not (is_typed or _begins(code)):
            return None
        key = self._authority()
        if key is None:
            return None
        meant = (one for _flaws, one in repairs(code, (PREFIX,))) if is_typed else ()
        cards = (read(one, key, issue) for one in chain((code,), meant) if _begins(one))
        return next((card for card in cards if card is not None), None)

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


def _begins(code: str) -> bool:
    return code[: len(PREFIX)].upper() == PREFIX


class Showings:
    """Cards that are held up: each is carried out once, until it was away for long enough."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._seen: dict[str, int] = {}

    def is_new(self, text: str, away_ms: int) -> bool:
        """Whether a card is held up anew, now that it was read."""
        now_ms = self._now_ms()
        recent = {one: at for one, at in self._seen.items() if now_ms - at < away_ms}
        self._seen = recent | {text: now_ms}
        return text not in recent

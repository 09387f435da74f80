"""Command cards: nothing but what the event's authority signed for this issue is one."""

import base64
import os
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.credential import command_cards
from gate.credential.command_cards import (
    LONGEST_NAME,
    MOST_LENGTH,
    Command,
    CommandCard,
    message_of,
    read,
    text_of,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
CARDS = [
    *(CommandCard(command, 7) for command in Command if command is not Command.SIGN_IN),
    CommandCard(Command.SIGN_IN, 7, "Kim"),
    CommandCard(Command.SIGN_IN, 65_535, "李" * LONGEST_NAME),
]
EXAMPLES = int(os.environ.get("GATE_TEST_EXAMPLES", "12"))


def printed(card: CommandCard, key: Ed25519PrivateKey = KEY) -> str:
    return text_of(card, key.sign(message_of(card)))


@pytest.mark.parametrize("card", CARDS, ids=str)
def test_a_card_says_what_was_signed(card: CommandCard) -> None:
    """A card is read as it was made, in letters that every scanner types, in either case."""
    text = printed(card)
    assert read(text, KEY.public_key(), card.issue) == card
    assert read(f" {text.lower()}\r", KEY.public_key(), card.issue) == card
    assert text.isalnum()
    assert text.isascii()
    assert len(text) <= MOST_LENGTH


def test_bytes_of_a_card() -> None:
    """A card is laid out as its module says; put together here by hand."""
    content = bytes((1, 0, 7, 7)) + b"Kim"
    signature = KEY.sign(b"venue-gate command card\n" + content)
    text = "VGC1" + base64.b32encode(content + signature).decode().rstrip("=")
    assert read(text, KEY.public_key(), 7) == CommandCard(Command.SIGN_IN, 7, "Kim")


CARD = CommandCard(Command.CLOSE, 7)


def by_hand(content: bytes) -> str:
    signature = KEY.sign(b"venue-gate command card\n" + content)
    return "VGC1" + base64.b32encode(content + signature).decode().rstrip("=")


NO_CARDS = {
    "another event's key": printed(CARD, OTHER),
    "an issue that is over": printed(CommandCard(Command.CLOSE, 6)),
    "the issue to come": printed(CommandCard(Command.CLOSE, 8)),
    "cut": printed(CARD)[:-1],
    "longer": printed(CARD) + "A",
    "padded": printed(CARD) + "=",
    "without its beginning": printed(CARD)[4:],
    "signed for something else": "VGC1"
    + base64.b32encode(bytes((1, 0, 7, 8)) + KEY.sign(bytes((1, 0, 7, 8)))).decode().rstrip("="),
    "another format": by_hand(bytes((2, 0, 7, 8))),
    "a command that is none": by_hand(bytes((1, 0, 7, 99))),
    "a name where none belongs": by_hand(bytes((1, 0, 7, 8)) + b"Kim"),
    "a sign-in of nobody": by_hand(bytes((1, 0, 7, 7))),
    "a name that is no text": by_hand(bytes((1, 0, 7, 7)) + b"\xff"),
    "a name that is too long": by_hand(bytes((1, 0, 7, 7)) + b"x" * 41),
    "empty": "",
    "only its beginning": "VGC1",
}


@pytest.mark.parametrize("text", NO_CARDS.values(), ids=NO_CARDS)
def test_no_card(text: str) -> None:
    """Whatever else it is, it does nothing."""
    assert read(text, KEY.public_key(), 7) is None


def test_off() -> None:
    """While the event reads none, a good card is none either."""
    assert read(printed(CommandCard(Command.CLOSE, 0)), KEY.public_key(), 0) is None


def test_only_one_writing() -> None:
    """Bits that Base32 leaves over are no second card: every other last letter is refused."""
    text = printed(CARD)
    others = {text[:-1] + letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"} - {text}
    assert not any(read(other, KEY.public_key(), 7) for other in others)


def test_no_mutated_card_is_read() -> None:
    """Of any number of changed cards none is one."""
    by = random.Random(8032)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    for _n in range(EXAMPLES * 20):
        card = by.choice(CARDS)
        text = list(printed(card))
        for _flip in range(by.randrange(1, 4)):
            text[by.randrange(len(text))] = by.choice(letters)
        changed = "".join(text)
        assert changed == printed(card) or read(changed, KEY.public_key(), card.issue) is None


@settings(max_examples=EXAMPLES * 20, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=150).map(
    lambda data: "VGC1" + base64.b32encode(data).decode().rstrip("=")))  # fmt: skip
def test_any_text(text: str) -> None:
    """No text breaks the reader, and none is a card."""
    assert read(text, KEY.public_key(), 7) is None


@pytest.mark.parametrize(
    "card",
    [
        CommandCard(Command.SIGN_IN, 1),
        CommandCard(Command.CLOSE, 1, "Kim"),
        CommandCard(Command.SIGN_IN, 1, "x" * 41),
    ],
)
def test_what_no_card_can_say(card: CommandCard) -> None:
    """Nothing is signed that would not be read."""
    with pytest.raises(ValueError, match="no card"):
        message_of(card)


def test_mutation_signature_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the signature not looked at, another event's card would be read."""

    class Gullible:
        def verify(self, _signature: bytes, _message: bytes) -> None:
            pass

    assert read(NO_CARDS["another event's key"], Gullible(), 7) == CARD  # type: ignore[arg-type]
    monkeypatch.setattr(command_cards, "text_of", lambda _card, _signature: "")
    assert read(printed(CARD), KEY.public_key(), 7) is None

"""From scanned text to what it proves. Pure, and never trusting: a code is hostile input."""

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from gate.core.outcome import Reason

MAX_BYTES = 4096
"""Longer codes are refused unread."""

FRAMING = "".join(
    chr(number)
    for first, last in (
        (0x00, 0x20), (0x7F, 0xA0), (0xAD, 0xAD), (0x61C, 0x61C), (0x1680, 0x1680),
        (0x180E, 0x180E), (0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x206F), (0x3000, 0x3000),
        (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
        (0xE0001, 0xE0001), (0xE0020, 0xE007F),
    )
    for number in range(first, last + 1)
)  # fmt: skip
"""Around a code it is the scanner's: white space, controls (STX, EOT, …) and what nobody can see.

Unicode's separators, controls and format characters without a shape of their own.
"""

KEY_BYTES = 32
HASH_BYTES = 16

_SYMBOLOGY_PREFIX = re.compile(r"\]([A-Za-z][0-9A-Za-z])")
"""AIM symbology identifier (ISO/IEC 15424), which scanners put before the text when told to."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a code says once its wrapping is taken off."""

    code: str
    """Text to look up; empty when there is a problem."""
    problem: Reason | None = None
    aim: str = ""
    """The scanner's word on the symbology: AIM's letter and modifier, such as ``C1``."""


def parse(text: str) -> Credential:
    """Take a scanner's wrapping off the text; refuse what cannot be a code.

    Surrounding white space and what cannot be seen go, and an AIM prefix; everything else stays as
    it was printed.
    """
    code, aim = text.strip(FRAMING), ""
    if code.startswith("]") and len(code) > 3 and (named := _SYMBOLOGY_PREFIX.match(code)):
        code, aim = code[3:].strip(FRAMING), named[1]
    try:
        is_code = 0 < len(code) <= MAX_BYTES and len(code.encode()) <= MAX_BYTES
    except UnicodeEncodeError:
        is_code = False
    return Credential(code, None, aim) if is_code else Credential("", Reason.UNREADABLE)


def code_hash(key: bytes, code: str) -> bytes:
    """The keyed BLAKE2b (RFC 7693) by which a replica knows a code without holding it."""
    return hashlib.blake2b(
        code.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES, key=key
    ).digest()


DIGIT, UPPER, LOWER = "0", "A", "a"
"""Classes of characters; a sign stands for itself, a letter beyond ASCII for its neighbourhood."""
WIDE = "\uff7f"
"""The class of full-width letters and digits."""


def alphabet_of(codes: Iterable[str]) -> str:
    """The classes of the characters that some codes are made of, sorted.

    Classes instead of characters: this is kept beside a ticket, and must not help to guess its
    code.
    """
    return "".join(sorted({_class_of(character) for code in codes for character in code}))


def has_other_than(alphabet: str, text: str) -> bool:
    """Whether a text has a character of a class that an alphabet lacks."""
    return any(_class_of(character) not in alphabet for character in text)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of some codes without knowing them."""

    lengths: frozenset[int]
    """In characters."""
    alphabet: str
    """Classes of their characters."""

    def fits(self, text: str) -> bool:
        """Whether a text may be one of the codes."""
        return len(text) in self.lengths and not has_other_than(self.alphabet, text)


def shape_of(codes: Collection[str]) -> str:
    """The shape of some codes as it is kept beside a ticket: ``16:0A``, ``8,12:0``."""
    lengths = sorted({len(code) for code in codes})
    return f"{','.join(map(str, lengths))}:{alphabet_of(codes)}"


def read_shape(text: str) -> Shape | None:
    """What ``shape_of`` has written; ``None`` for anything else."""
    lengths, colon, alphabet = text.partition(":")
    try:
        return Shape(frozenset(map(int, lengths.split(","))), alphabet) if colon else None
    except ValueError:
        return None


def _class_of(character: str) -> str:
    if not character.isascii():
        return chr(ord(character) | 0x7F)
    if character.isdecimal():
        return DIGIT
    if character.isalpha():
        return UPPER if character.isupper() else LOWER
    return character

"""From scanned text to what it proves. Pure, and never trusting: a code is hostile input."""

import hashlib
import re
from dataclasses import dataclass

from gate.domain.model import Reason

MAX_BYTES = 4096
"""Longer codes are refused unread."""

WHITE_SPACE = " \t\r\n\0"
"""Around a code it is the scanner's."""

KEY_BYTES = 32
HASH_BYTES = 16

_SYMBOLOGY_PREFIX = re.compile(r"\](?:[CEILQde]|[A-Za-z])[0-9A-Za-z]")
"""AIM symbology identifier (ISO/IEC 15424), which scanners put before the text when told to."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a code says once its wrapping is taken off."""

    code: str
    """Text to look up; empty when there is a problem."""
    problem: Reason | None = None


def parse(text: str) -> Credential:
    """Take a scanner's wrapping off the text; refuse what cannot be a code.

    Surrounding white space and an AIM prefix go; everything else stays as it was printed.
    """
    code = text.strip(WHITE_SPACE)
    if _SYMBOLOGY_PREFIX.match(code) and len(code) > 3:
        code = code[3:]
    try:
        is_code = 0 < len(code) <= MAX_BYTES and len(code.encode()) <= MAX_BYTES
    except UnicodeEncodeError:
        is_code = False
    return Credential(code) if is_code else Credential("", Reason.UNREADABLE)


def code_hash(key: bytes, code: str) -> bytes:
    """The keyed BLAKE2b (RFC 7693) by which a replica knows a code without holding it."""
    return hashlib.blake2b(
        code.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES, key=key
    ).digest()

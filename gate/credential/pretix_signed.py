"""Signed codes of pretix (``pretix_sig1``): base64 backwards of a signed protobuf, by Ed25519.

Base64 has several spellings of the same bytes, so whoever copies a code can make another text of
it: a text that is not the one that pretix itself makes of what it says proves nothing.
"""

from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gate.core.signed_ticket import EventKey, Scheme
from gate.credential.signed import is_good

_END: Final = "AQA"
"""How every one ends: version 1, and a payload of less than 256 bytes."""
_SHORTEST, _LONGEST = 96, 512
_SIGNATURE_BYTES: Final = 64
_VARINT, _BYTES = 0, 2


@dataclass(frozen=True, slots=True)
class PretixSigned:
    """What pretix says in a code; 0 means nothing. It names no ticket: the text is its name."""

    item: int
    variation: int = 0
    subevent: int = 0
    begin: int = 0
    end: int = 0
    """First and last second (Unix) of its validity."""

    @property
    def type_id(self) -> str:
        """Id of the ticket type that stands for item, variation and date."""
        variation = f"-{self.variation}" if self.variation else ""
        return f"{self.item}{variation}" + (f"@{self.subevent}" if self.subevent else "")


def is_pretix_signed(text: str) -> bool:
    """Whether a text is to be one of these codes; nothing is proved by that."""
    return _SHORTEST <= len(text) <= _LONGEST and text.endswith(_END)


def proved(text: str, keys: Iterable[EventKey]) -> tuple[PretixSigned, EventKey] | None:
    """What a code says and the key that proves it, be it revoked; ``None`` for any other text."""
    parts = _parts(text) if is_pretix_signed(text) else None
    if parts is None or text_of(*parts) != text:
        return None
    payload, signature = parts
    for key in keys:
        if key.scheme is Scheme.PRETIX and is_good(key, signature, payload):
            signed = _read(payload)
            return None if signed is None else (signed, key)
    return None


def text_of(payload: bytes, signature: bytes) -> str:
    """The code of what was signed, in the one form that pretix gives it."""
    lengths = len(payload).to_bytes(2, "big") + len(signature).to_bytes(2, "big")
    return b64encode(b"\x01" + lengths + payload + signature).decode()[::-1]


def _parts(text: str) -> tuple[bytes, bytes] | None:
    """Payload and signature."""
    try:
        content = b64decode(text[::-1])
    except (NoBase64, ValueError):
        return None
    payload, signature = content[5:-_SIGNATURE_BYTES], content[-_SIGNATURE_BYTES:]
    return (payload, signature) if payload else None


def _read(payload: bytes) -> PretixSigned | None:
    """The fields of a protobuf that we know; ``None`` where it is none, or names no item."""
    found = dict.fromkeys(range(2, 7), 0)
    at = 0
    try:
        while at < len(payload):
            tag, at = _varint(payload, at)
            number, kind = tag >> 3, tag & 7
            value, at = _varint(payload, at)
            if kind == _BYTES:
                at += value
            elif kind != _VARINT:
                return None
            elif number in found:
                found[number] = value
    except IndexError:
        return None
    is_whole = at == len(payload) and all(value < 2**53 for value in found.values())
    return PretixSigned(*found.values()) if is_whole and found[2] else None


def _varint(payload: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends. Raises IndexError where the bytes end within it."""
    value = shift = 0
    while True:
        byte = payload[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise IndexError

"""Codes that prove themselves: a CWT (RFC 8392) in a COSE_Sign1 (RFC 9052) by Ed25519, in Base32.

All that is not the ticket's is fixed, byte by byte, so that a code has one form and a reader no
choice: there is no other algorithm, no other order, no second spelling of a number. What was signed
is not even decoded before its signature was found good. ``docs/protocol.md`` has the bytes.
"""

import hashlib
import re
from base64 import b32encode
from collections.abc import Iterable
from typing import Any, Final

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from gate.core.signed_ticket import EventKey, Scheme, Signed

KEY_ID_BYTES: Final = 4
_HEAD: Final = bytes.fromhex("8449a201270444")
"""An array of four; the protected header, 9 bytes: {1 (alg): -8 (EdDSA), 4 (kid): 4 bytes …."""
_UNPROTECTED: Final = b"\xa0"
_LENGTH_ENDS: Final = {b"\x58": 3, b"\x59": 4}
"""Where the payload begins behind those two: its length is in the head's byte, or follows it."""
_SIGNATURE_HEAD: Final = b"\x58\x40"
_SIGNATURE_BYTES: Final = 64
PREFIX: Final = b32encode(_HEAD).decode().rstrip("=")[: len(_HEAD) * 8 // 5]
"""How every signed code begins."""
_BASE32: Final = re.compile("[A-Z2-7]+")
_DIGITS: Final = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHIJKLMNOPQRSTUV"
)
"""What Base32 calls the digits 0 to 31, and what ``int`` does."""
MOST_CHARACTERS: Final = 279
"""What a QR code of version 8 holds of capitals and digits, at its lowest level of correction."""

_SUB, _AUD, _EXP, _NBF, _CTI = 2, 3, 4, 5, 7
"""Claims of RFC 8392: ticket as text, event, last and first second, ticket as bytes."""
_OURS: Final = -65537
"""Our one claim, of those for private use; its parts are below."""
_TYPE, _SEATS, _ZONE, _ENTRANCE, _USES, _PARTY, _ISSUE = range(1, 8)


class TooLongError(ValueError):
    """More was to be signed than a small symbol holds."""


def key_id(public: bytes) -> str:
    """The id (hex) of a key: how the SHA-256 of its public half begins."""
    return hashlib.sha256(public).digest()[:KEY_ID_BYTES].hex()


def sign(private: Ed25519PrivateKey, signed: Signed) -> str:
    """The code of a ticket; ``signed.key`` is not looked at. Raises TooLongError."""
    payload = _payload(signed)
    protected = _protected(key_id(private.public_key().public_bytes_raw()))
    signature = private.sign(_to_be_signed(protected, payload))
    code = _text(_HEAD[:2] + protected + _tail(payload, signature))
    if len(code) > MOST_CHARACTERS:
        message = f"{len(code)} characters"
        raise TooLongError(message)
    return code


def is_signed(text: str) -> bool:
    """Whether a text is to be one of these codes; nothing is proved by that."""
    return text.startswith(PREFIX)


def proved(text: str, keys: Iterable[EventKey]) -> tuple[Signed, EventKey] | None:
    """What a code says and the key that proves it, be it revoked; ``None`` for any other text."""
    content = _bytes(text) if is_signed(text) and len(text) <= MOST_CHARACTERS else None
    if content is None or not content.startswith(_HEAD):
        return None
    body = len(_HEAD) + KEY_ID_BYTES
    named, protected, rest = content[len(_HEAD) : body].hex(), content[2:body], content[body:]
    possible = [key for key in keys if key.scheme is Scheme.COSE and key.id == named]
    payload = _payload_of(rest) if possible else None
    if payload is None:
        return None
    message, signature = _to_be_signed(protected, payload), _signature(rest)
    for key in possible:
        if is_good(key, signature, message) and (signed := _read(payload, key.id)) is not None:
            return signed, key
    return None


def is_good(key: EventKey, signature: bytes, message: bytes) -> bool:
    """Whether a signature of a message is that key's."""
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public))
        public.verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _text(content: bytes) -> str:
    return b32encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes | None:
    """The bytes of a text in the one form that they have."""
    if not _BASE32.fullmatch(text):
        return None
    size, spare = divmod(len(text) * 5, 8)
    number = int(text.translate(_DIGITS), 32)
    return (number >> spare).to_bytes(size, "big") if _is_one_form(number, spare) else None


def _is_one_form(number: int, spare: int) -> bool:
    """Whether the bits that are no byte's are fewer than a character's, and none is set."""
    return spare < 5 and not number & ((1 << spare) - 1)


def _protected(key: str) -> bytes:
    return _HEAD[2:] + bytes.fromhex(key)


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """The Sig_structure of RFC 9052, 4.4."""
    return b"\x84\x6aSignature1" + _string(protected) + b"\x40" + _string(payload)


def _tail(payload: bytes, signature: bytes) -> bytes:
    return _UNPROTECTED + _string(payload) + _SIGNATURE_HEAD + signature


def _string(content: bytes) -> bytes:
    """A byte string in CBOR; by hand, for an encoder that is set up anew costs ten times that."""
    size = len(content)
    if size < 24:
        return bytes((0x40 + size,)) + content
    head = bytes((0x58, size)) if size < 256 else b"\x59" + size.to_bytes(2, "big")
    return head + content


def _payload_of(rest: bytes) -> bytes | None:
    """The payload between the headers and the signature, if all is where it has to be."""
    begin = _LENGTH_ENDS.get(rest[1:2], 2)
    payload, signature = rest[begin : -len(_SIGNATURE_HEAD) - _SIGNATURE_BYTES], _signature(rest)
    return payload if rest == _tail(payload, signature) else None


def _signature(content: bytes) -> bytes:
    return content[-_SIGNATURE_BYTES:]


def _payload(signed: Signed) -> bytes:
    ours = {
        _TYPE: signed.type, _SEATS: list(signed.seats), _ZONE: signed.zone,
        _ENTRANCE: signed.entrance, _USES: signed.uses, _PARTY: signed.party,
        _ISSUE: signed.issue,
    }  # fmt: skip
    claims: dict[int, Any] = {
        **_named(signed.ticket), _AUD: signed.event, _EXP: signed.end, _NBF: signed.begin,
        _OURS: {name: value for name, value in ours.items() if value},
    }  # fmt: skip
    stated = {name: value for name, value in claims.items() if value not in (None, "")}
    return cbor2.dumps(stated, canonical=True)


def _named(ticket: str) -> dict[int, Any]:
    """A ticket's id as the claim that is shorter: ids in hex are bytes."""
    try:
        number = bytes.fromhex(ticket)
    except ValueError:
        return {_SUB: ticket}
    return {_CTI: number} if number.hex() == ticket else {_SUB: ticket}


def _read(payload: bytes, key: str) -> Signed | None:
    """What was signed; ``None`` where it is not what ``sign`` makes of that."""
    try:
        claims = cbor2.loads(payload)
        ours = claims[_OURS]
        ticket = claims[_CTI].hex() if _CTI in claims else claims[_SUB]
        signed = Signed(
            ticket=ticket, type=ours[_TYPE], event=claims[_AUD], key=key,
            begin=claims.get(_NBF), end=claims.get(_EXP), seats=tuple(ours.get(_SEATS, ())),
            zone=ours.get(_ZONE, ""), entrance=ours.get(_ENTRANCE, ""), uses=ours.get(_USES),
            party=ours.get(_PARTY), issue=ours.get(_ISSUE, 0),
        )  # fmt: skip
        is_ours = _is_typed(signed) and _payload(signed) == payload
    except (cbor2.CBORError, ValueError, TypeError, LookupError, AttributeError, OverflowError):
        return None
    return signed if is_ours else None


def _is_typed(signed: Signed) -> bool:
    texts = (signed.ticket, signed.type, signed.event, signed.zone, signed.entrance, *signed.seats)
    numbers = (signed.begin, signed.end, signed.uses, signed.party, signed.issue)
    return all(type(one) is str for one in texts) and all(
        one is None or (type(one) is int and abs(one) < 2**53) for one in numbers
    )

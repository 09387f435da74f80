"""Entries as bytes: the form that is hashed, kept, shown to peers, and never encoded twice."""

import hashlib
from dataclasses import MISSING, fields
from typing import Any

import msgspec

from gate.domain.model import Entry

_FIELDS = tuple(
    (field.name, None if field.default is MISSING else field.default) for field in fields(Entry)
)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """The entry as JSON without the fields that say nothing."""
    said: dict[str, Any] = {}
    for name, default in _FIELDS:
        value = getattr(entry, name)
        if value != default:
            said[name] = value
    try:
        return _encoder.encode(said)
    except UnicodeEncodeError:
        return _encoder.encode({name: _encodable(value) for name, value in said.items()})


def decode(body: bytes | str) -> Entry:
    """The entry that a body says. Unknown fields of newer versions are passed over.

    Raises ValueError when the bytes are no entry.
    """
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ValueError(str(error)) from error


def digest(body: bytes) -> bytes:
    """What the next entry names as its predecessor: SHA-256 of the body."""
    return hashlib.sha256(body).digest()


def _encodable(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value

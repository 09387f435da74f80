"""Entries as bytes: the form that is hashed, kept, shown to peers, and never encoded twice."""

import hashlib
from dataclasses import MISSING, fields, replace
from enum import StrEnum
from operator import attrgetter
from typing import Any

import msgspec

from gate.domain.model import Entry

_NAMES = tuple(field.name for field in fields(Entry))
_DEFAULTS = tuple(None if f.default is MISSING else f.default for f in fields(Entry))
_values = attrgetter(*_NAMES)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """The entry as JSON without the fields that say nothing.

    Raises UnicodeEncodeError when a text is no Unicode; see ``clean``.
    """
    said = zip(_NAMES, _values(entry), _DEFAULTS, strict=True)
    return _encoder.encode({name: value for name, value, default in said if value != default})


def clean(entry: Entry) -> Entry:
    """The entry with question marks for what is no Unicode, such as a badly typed note."""
    return replace(entry, **{name: _clean(getattr(entry, name)) for name in _NAMES})


def _clean(value: Any) -> Any:
    is_text = isinstance(value, str) and not isinstance(value, StrEnum)
    return value.encode("utf-8", "replace").decode() if is_text else value


class NoEntryError(ValueError):
    """Bytes that no device can have meant as an entry."""


def decode(body: bytes | str) -> Entry:
    """The entry that a body says. Unknown fields of newer versions are passed over.

    Raises NoEntryError when the bytes are no entry.
    """
    try:
        entry = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise NoEntryError(str(error)) from error
    # An entry that gives uses back would let two people in; only annulments do, by name.
    if entry.uses < 0 or entry.persons < 0 or entry.count < 0 or entry.seq < 0 or entry.hlc < 0:
        msg = "a number below 0"
        raise NoEntryError(msg)
    return entry


def digest(body: bytes) -> bytes:
    """What the next entry names as its predecessor: SHA-256 of the body."""
    return hashlib.sha256(body).digest()

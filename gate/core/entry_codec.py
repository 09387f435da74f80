"""Entries as bytes: the form that is hashed, kept, shown to peers, and never encoded twice."""

import hashlib
from dataclasses import MISSING, fields, replace
from enum import StrEnum
from operator import attrgetter
from typing import Any, cast, get_type_hints

import msgspec

from gate.core.entry import Entry

MAX_ENTRY = 16 * 1024
"""Longest body of an entry, in bytes. A verdict's is below 1 KiB; one that settles a conflict names
every admission of it."""
MAX_NOTE = 2000
"""Longest note, in bytes of UTF-8: 500 characters of any script."""
_NAMES = tuple(field.name for field in fields(Entry))
_values = attrgetter(*_NAMES)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)
_types = get_type_hints(Entry)
_Glance = msgspec.defstruct(
    "Glance",
    [
        (f.name, _types[f.name]) if f.default is MISSING else (f.name, _types[f.name], f.default)
        for f in fields(Entry)
    ],
    namespace={"name": Entry.name, "device": Entry.device},
    frozen=True,
    gc=False,
    omit_defaults=True,
)
"""An entry's fields and no more: made, read and written many times as quickly as the dataclass."""
_glancer = msgspec.json.Decoder(_Glance)


def encode(entry: Entry) -> bytes:
    """The entry as JSON without the fields that say nothing.

    Raises UnicodeEncodeError when a text is no Unicode; see ``clean``.
    """
    return _encoder.encode(_Glance(*_values(entry)))


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
    return _checked(body, _decoder)


def glance(body: bytes | str) -> Entry:
    """As ``decode``, for those who only look at the fields: no dataclass, and ten times as quick.

    Never equal to what ``decode`` gives.
    """
    return _checked(body, cast("msgspec.json.Decoder[Entry]", _glancer))


class _Link(msgspec.Struct, gc=False):
    prev: str = ""


_linker = msgspec.json.Decoder(_Link)


def prev_of(body: bytes | str) -> str:
    """The hash of the entry before; the body is one that is held, and nothing else of it is read.

    Raises DecodeError.
    """
    return _linker.decode(body).prev


def _checked(body: bytes | str, decoder: "msgspec.json.Decoder[Entry]") -> Entry:
    try:
        entry = decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, TypeError) as error:
        raise NoEntryError(str(error)) from error
    # An entry that gives uses back would let two people in; only annulments do, by name.
    if entry.uses < 0 or entry.persons < 0 or entry.count < 0 or entry.seq < 0 or entry.hlc < 0:
        msg = "a number below 0"
        raise NoEntryError(msg)
    return entry


def digest(body: bytes) -> bytes:
    """What the next entry names as its predecessor: SHA-256 of the body."""
    return hashlib.sha256(body).digest()

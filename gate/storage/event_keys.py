"""The keys that sign tickets of the event, as rows of a replica: public halves only."""

import sqlite3
from functools import lru_cache

import msgspec

from gate.core.signed_ticket import EventKey
from gate.storage import checksums

_key = msgspec.json.Decoder(EventKey)
_encode = msgspec.json.Encoder().encode


def key_body(key: EventKey) -> bytes:
    """A key as a change of the feed states it."""
    return _encode(key)


@lru_cache(maxsize=64)
def read_key(body: bytes | str) -> EventKey:
    """The same, read. Raises DecodeError."""
    return _key.decode(body)


def put_key(connection: sqlite3.Connection, key: EventKey) -> None:
    """Add a key, or state it anew."""
    body = key_body(key)
    connection.execute(
        "INSERT OR REPLACE INTO event_key VALUES (?, ?, ?)",
        (key.id, body.decode(), checksums.of_named(key.id, body)),
    )


def keys_of(connection: sqlite3.Connection) -> list[EventKey]:
    """Every key of the event, in the order of their ids. Raises WrongChecksum."""
    keys = []
    for id_, body, total in connection.execute("SELECT id, body, sum FROM event_key ORDER BY id"):
        checksums.require(total, checksums.of_named, id_, str(body).encode())
        keys.append(read_key(body))
    return keys

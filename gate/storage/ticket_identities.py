"""What tickets are known by beside their codes: a table of its own, for several may share one.

Each identity is a keyed hash, and stands a second time in its ticket's row, by which a row found
here is checked, and in the blocks of codes, by which it is known that none is missing.
"""

import sqlite3
from collections.abc import Iterable

import msgspec

from gate.storage import checksums


class _Stated(msgspec.Struct):
    identities: tuple[str, ...] = ()


_stated = msgspec.json.Decoder(_Stated)
_MARK = '"identities":['


def identities_in(body: str) -> frozenset[bytes]:
    """The identities (keyed hashes) of a kept ticket."""
    if _MARK not in body:
        return frozenset()
    return frozenset(map(bytes.fromhex, _stated.decode(body).identities))


def put_identities(
    connection: sqlite3.Connection, number: int, before: str, body: str, *, makes_blocks: bool
) -> None:
    """Know the ticket in row ``number`` by what ``body`` has, and no more by what ``before`` had.

    ``makes_blocks`` is of who will write all blocks anew. Raises WrongChecksum.
    """
    had, has = identities_in(before), identities_in(body)
    if had == has:
        return
    connection.executemany(
        "DELETE FROM identity WHERE hash = ? AND ticket = ?",
        [(hashed, number) for hashed in had - has],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO identity VALUES (?, ?)", [(hashed, number) for hashed in has - had]
    )
    if not makes_blocks:
        checksums.drop_codes(connection, _of_nobody(connection, had - has))
        checksums.add_codes(connection, has - had)


def rows_of(connection: sqlite3.Connection, hashed: bytes, most: int) -> list[int]:
    """The rows of at most so many tickets that are known by an identity."""
    query = "SELECT ticket FROM identity WHERE hash = ? ORDER BY ticket LIMIT ?"
    return [number for (number,) in connection.execute(query, (hashed, most))]


def _of_nobody(connection: sqlite3.Connection, hashes: Iterable[bytes]) -> list[bytes]:
    return [hashed for hashed in hashes if not rows_of(connection, hashed, 1)]

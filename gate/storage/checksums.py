"""What shows that a row of the ticket replica is as it was written, or that there is none.

A row has the CRC-32 (ISO 3309) of its content, begun with the key by which it is found: another
row in its place does not pass. A code that is not found is unknown only if the blocks lack it too:
there the first bytes of every code's hash stand a second time, in a table of their own.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import merge
from itertools import groupby
from typing import Any, TypeVar
from zlib import crc32

Row = TypeVar("Row", bound="tuple[Any, ...]")

BUCKET_BYTES = 2
"""Codes whose hashes begin with the same so many bytes are in one block."""
TAIL_BYTES = 4
"""Of a hash so many bytes more are kept: of 5 million codes, one unknown in 56 million has them."""


class WrongChecksum(ValueError):
    """Bytes that are not the ones that were written."""


def of_code(hashed: bytes, row: int, state: str) -> int:
    """The checksum of a code: whose it is, and whether it opens a gate."""
    return crc32(state.encode(), crc32(hashed, row & 0xFFFFFFFF))


def of_ticket(row: int, body: bytes) -> int:
    """The checksum of a ticket."""
    return crc32(body, row & 0xFFFFFFFF)


def of_named(name: str, content: bytes) -> int:
    """The checksum of what is found by a name, such as a ticket type."""
    return crc32(content, crc32(name.encode()))


def of_text(name: str, *texts: str) -> int:
    """The same, of texts: a remark in ``meta``, what is told of a device."""
    return of_named(name, "\n".join(texts).encode())


def of_block(bucket: int, tails: bytes) -> int:
    """The checksum of a block of codes."""
    return crc32(tails, bucket)


def require(total: object, of: Callable[..., object], *content: Any) -> None:
    """Raise WrongChecksum unless the content is what that is the checksum ``of``."""
    try:
        is_same = of(*content) == total
    except (TypeError, ValueError, AttributeError):
        is_same = False  # not even of the kind that was written
    if not is_same:
        msg = f"wrong checksum {of.__name__}"
        raise WrongChecksum(msg)


def ascending(rows: list[Row], after: Any) -> list[Row]:
    """A page of rows that begins behind a key, each with its key in front.

    Raises WrongChecksum where they do not ascend: whoever goes on behind the last row of a damaged
    tree may come to where it was before, again and again.
    """
    for key, *_rest in rows:
        if not key > after:
            msg = "rows out of order"
            raise WrongChecksum(msg)
        after = key
    return rows


def read_meta(connection: sqlite3.Connection) -> dict[str, str]:
    """What a replica says of itself. Raises WrongChecksum."""
    rows = connection.execute("SELECT key, value, sum FROM meta").fetchall()
    for key, value, total in rows:
        require(total, of_text, key, value)
    return {key: value for key, value, _total in rows}


def put_meta(connection: sqlite3.Connection, values: Mapping[str, object]) -> None:
    """Have a replica say something of itself."""
    rows = [(key, str(value), of_text(key, str(value))) for key, value in values.items()]
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", rows)


def names_code(connection: sqlite3.Connection, hashed: bytes) -> bool:
    """Whether the blocks have a code. Raises WrongChecksum."""
    bucket, tail = _place(hashed)
    return tail in _tails(_read(connection, bucket))


def add_codes(connection: sqlite3.Connection, hashes: Iterable[bytes]) -> None:
    """Put codes into the blocks, in the transaction that puts them into their table.

    Raises WrongChecksum.
    """
    for bucket, places in groupby(sorted(map(_place, hashes)), lambda place: place[0]):
        block = _read(connection, bucket)
        tails = {*_tails(block), *(tail for _bucket, tail in places)}
        if len(tails) * TAIL_BYTES > len(block):
            connection.execute("INSERT OR REPLACE INTO code_block VALUES (?, ?, ?)",
                               _block(bucket, tails))  # fmt: skip


def drop_codes(connection: sqlite3.Connection, hashes: Iterable[bytes]) -> None:
    """Take codes out of the blocks: from then on they are unknown. Raises WrongChecksum."""
    for bucket, places in groupby(sorted(map(_place, hashes)), lambda place: place[0]):
        tails = {*_tails(_read(connection, bucket))} - {tail for _bucket, tail in places}
        connection.execute("DELETE FROM code_block WHERE bucket = ?", (bucket,))
        if tails:
            connection.execute("INSERT INTO code_block VALUES (?, ?, ?)", _block(bucket, tails))


def make_blocks(connection: sqlite3.Connection) -> None:
    """Write all blocks anew, of all codes there are and all that they name."""
    connection.execute("DELETE FROM code_block")
    codes, identities = (
        connection.execute(f"SELECT hash FROM {table} ORDER BY hash")
        for table in ("code", "identity")
    )
    places = (_place(hashed) for (hashed,) in merge(codes, identities))
    connection.executemany(
        "INSERT INTO code_block VALUES (?, ?, ?)",
        (
            _block(bucket, (tail for _bucket, tail in group))
            for bucket, group in groupby(places, lambda place: place[0])
        ),
    )


def _place(hashed: bytes) -> tuple[int, bytes]:
    """In which block a hash is, and as what."""
    bucket = int.from_bytes(hashed[:BUCKET_BYTES])
    return bucket, hashed[BUCKET_BYTES : BUCKET_BYTES + TAIL_BYTES]


def _block(bucket: int, tails: Iterable[bytes]) -> tuple[int, int, bytes]:
    content = b"".join(sorted(set(tails)))
    return bucket, of_block(bucket, content), content


def _read(connection: sqlite3.Connection, bucket: int) -> bytes:
    row = connection.execute(
        "SELECT sum, tails FROM code_block WHERE bucket = ?", (bucket,)
    ).fetchone()
    if row is None:
        return b""
    total, content = row
    require(total, of_block, bucket, content)
    return bytes(content)


def _tails(block: bytes) -> Iterator[bytes]:
    return (block[at : at + TAIL_BYTES] for at in range(0, len(block), TAIL_BYTES))

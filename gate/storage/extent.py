"""How much a journal holds, and which of its entries its device signs for others to believe it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gate.core import entry_codec
from gate.storage.journal_reader import JournalReader

PAGE = 500
MARK_EVERY = 250
"""At least so often an entry is signed, so that a long journal can be believed piece by piece."""


class Mark(NamedTuple):
    """An entry for the device to sign: with it, it vouches for its chain up to there."""

    origin: str
    seq: int
    hash: str


@dataclass(slots=True)
class Extent:
    """What a journal held at a moment."""

    entries: int = 0
    last_row: int = 0
    last_hash: str = ""
    marks: list[Mark] = field(default_factory=list)


def measure(reader: JournalReader) -> Extent:
    """Read a journal through, up to its newest entry of now."""
    extent = Extent()
    newest = None
    for row, body in rows(reader, reader.newest_row()):
        entry = reader.decode(body)
        mark = Mark(entry.origin, entry.seq, entry_codec.digest(body.encode()).hex())
        if newest is not None and (newest.origin != mark.origin or not newest.seq % MARK_EVERY):
            extent.marks.append(newest)
        newest, extent.last_row, extent.last_hash = mark, row, mark.hash
        extent.entries += 1
    if newest is not None:
        extent.marks.append(newest)
    return extent


def rows(reader: JournalReader, last_row: int) -> Iterator[tuple[int, str]]:
    """Row number and entry as it is hashed, up to a row."""
    row = 0
    while page := reader.bodies(row, PAGE):
        for row, body in page:
            if row > last_row:
                return
            yield row, body

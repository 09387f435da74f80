"""What is whole of a journal file that is damaged: every entry is proved by its own hash.

The hash stands before the entry in its row (SQLite's record format), so entries are found in the
bytes of the file and of its log, whatever became of the pages that lead to them. Those that SQLite
still finds are taken too: long ones are spread over several pages.
"""

import os
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

from gate.core import entry_codec
from gate.errors import StoreError
from gate.storage.checksums import ascending
from gate.storage.entries import JournalTip, Whole
from gate.storage.folder import successor, sync_folder
from gate.storage.journal import Journal
from gate.storage.sqlite import UNREADABLE, faults, open_reader

HASH_BYTES = 32
ENDS_TRIED = 64
"""Where an entry ends is where its hash is right: so many closing braces are tried."""
PAGE = 500
UNKNOWN = "unknown"
"""The start that is told as lost where nothing tells how far the journal went."""
MOST = 10_000_000
"""Entries of one start, at most: a greater number is no number that was given."""

_NAMES = (
    "SELECT origin, seq, hash FROM entry",
    "SELECT origin, last, NULL FROM missing",
    "SELECT origin, seq, NULL FROM ended",
)
_ENTRIES = (
    "SELECT id, CAST(body AS BLOB), hash FROM entry WHERE id > ? ORDER BY id LIMIT ?",
    "SELECT id, CAST(body AS BLOB), hash FROM orphan WHERE id > ? ORDER BY id LIMIT ?",
)

_BEGINS = re.compile(rb'\{"origin":"')


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What became of a damaged journal."""

    path: Path
    """The file that goes on."""
    kept: int
    """Entries that go on in it."""
    orphans: int
    """Whole entries after a lost one: they count here, and cannot be told before that is found."""
    lost: int
    """At least; where a journal went on to is not always known."""


def whole_entries(path: Path, opened: sqlite3.Connection | None = None) -> list[Whole]:
    """The entries of a journal file that are whole, by origin and number.

    ``opened`` is a connection that has the file open, be it without a name by now.
    """
    found: dict[bytes, bytes] = {}
    for part in (path, path.with_name(f"{path.name}-wal")):
        with suppress(OSError):
            found.update(_carved(part.read_bytes()))
    if opened is not None:
        found.update(readable_entries(opened))
    else:
        with suppress(StoreError), closing(open_reader(path)) as connection:
            found.update(readable_entries(connection))
    whole = []
    for hashed, body in found.items():
        with suppress(entry_codec.NoEntryError):
            whole.append(Whole(entry_codec.decode(body), body, hashed))
    return sorted(whole, key=lambda one: (one.entry.origin, one.entry.seq))


def _carved(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    for match in _BEGINS.finditer(content):
        start = end = match.start()
        hashed = content[max(0, start - HASH_BYTES) : start]
        for _n in range(ENDS_TRIED):
            end = content.find(b"}", end) + 1
            if not end:
                break
            if entry_codec.digest(content[start:end]) == hashed:
                yield hashed, content[start:end]
                break


def readable_entries(connection: sqlite3.Connection) -> Iterator[tuple[bytes, bytes]]:
    """Whole entries that SQLite still finds, each after its hash, to the first broken page."""
    for query in _ENTRIES:
        after = 0
        with suppress(*UNREADABLE):
            while rows := ascending(connection.execute(query, (after, PAGE)).fetchall(), after):
                after = rows[-1][0]
                for _row, body, hashed in rows:
                    if isinstance(body, bytes) and entry_codec.digest(body) == hashed:
                        yield hashed, body


def go_on(
    old: Path, device: str, head: JournalTip | None = None, opened: sqlite3.Connection | None = None
) -> Salvaged:
    """Write what is whole of a damaged journal into the file that takes its place.

    ``head`` is where the journal ended, if that is known. Raises StoreError when the disk does not
    take it.
    """
    whole = [one for one in whole_entries(old, opened) if one.entry.device == device]
    chains = _chains(whole)
    kept = sorted((one for chain in chains.values() for one in chain), key=lambda w: w.entry.hlc)
    known = {one.hash for one in kept}
    orphans = [one for one in whole if one.hash not in known]
    tip = max(whole, key=lambda one: one.entry.hlc, default=None)
    is_end_known = head is not None
    heads = [head, _ended(old, opened)]
    if tip is not None:
        heads.append(JournalTip(tip.entry.origin, tip.entry.seq, tip.hash.hex(), tip.entry.hlc))
    head = max((h for h in heads if h is not None), key=lambda h: h.hlc, default=None)
    ends, is_read_whole = _ends(old, opened, device, whole)
    if head is not None:
        ends[head.origin] = max(head.seq, ends.get(head.origin, 0))
    if head is None or not (is_read_whole or is_end_known):
        ends[f"{device}.{UNKNOWN}"] = 1
    missing = _missing(chains, orphans, ends)
    new = successor(old)
    part = new.with_name(f"{new.stem}.part")
    with faults(part):
        for left in (part, Path(f"{part}-wal"), Path(f"{part}-shm")):
            left.unlink(missing_ok=True)
    with closing(Journal(part, device)) as journal:
        journal.adopt(kept, orphans, missing, head or JournalTip())
    with faults(new):
        os.replace(part, new)
        sync_folder(new.parent)
    return Salvaged(
        new, len(kept), len(orphans), sum(last - first + 1 for _o, first, last in missing)
    )


def _ended(path: Path, opened: sqlite3.Connection | None) -> JournalTip | None:
    """Where the journal before this one ended, if that was damaged too."""
    query = "SELECT origin, seq, hash, hlc FROM ended"
    with suppress(StoreError, *UNREADABLE), ExitStack() as stack:
        connection = opened or stack.enter_context(closing(open_reader(path)))
        for origin, seq, hashed, hlc in connection.execute(query):
            if isinstance(seq, int) and isinstance(hlc, int):
                return JournalTip(str(origin), seq, str(hashed), hlc)
    return None


def _chains(whole: Iterable[Whole]) -> dict[str, list[Whole]]:
    """Of each origin the longest line from its first entry on."""
    by_origin: dict[str, list[Whole]] = defaultdict(list)
    for one in whole:
        by_origin[one.entry.origin].append(one)
    return {origin: _chain(those) for origin, those in by_origin.items()}


def _chain(those: list[Whole]) -> list[Whole]:
    before = {one.hash.hex(): one for one in those}
    longest: list[Whole] = []
    length: dict[bytes, int] = {}
    for one in those:  # by number: what it follows has been looked at
        follows = before.get(one.entry.prev)
        is_first = one.entry.seq == 1
        length[one.hash] = 1 if is_first else length.get(follows.hash, 0) + 1 if follows else 0
    tip = max(those, key=lambda one: one.entry.seq * (length[one.hash] == one.entry.seq))
    while length.get(tip.hash) == tip.entry.seq:
        longest.append(tip)
        follows = before.get(tip.entry.prev)
        if tip.entry.seq == 1 or follows is None:
            break
        tip = follows
    return longest[::-1]


def _ends(
    path: Path, opened: sqlite3.Connection | None, device: str, whole: Iterable[Whole]
) -> tuple[dict[str, int], bool]:
    """Up to which number each origin went, and whether that could be read to the end.

    The names of rows that are not whole, what a start says it follows, and what this journal
    lacked from its beginning because the one before it was damaged.
    """
    known = {one.hash for one in whole}
    follows = [(one.entry.follows.rpartition(":")[::2]) for one in whole if one.entry.follows]
    found: dict[str, int] = {}
    rows: list[tuple[object, object, object]] = [
        (o, int(n), None) for o, n in follows if n.isdecimal()
    ]
    read = 0
    with suppress(StoreError), ExitStack() as stack:
        connection = opened or stack.enter_context(closing(open_reader(path)))
        for query in _NAMES:
            with suppress(*UNREADABLE):
                rows.extend(connection.execute(query))
                read += 1
    for origin, seq, hashed in rows:
        is_ours = str(origin).startswith(f"{device}.") and hashed not in known
        if is_ours and isinstance(seq, int) and 0 < seq < MOST:
            found[str(origin)] = max(seq, found.get(str(origin), 0))
    return found, read == len(_NAMES)


def _missing(
    chains: Mapping[str, list[Whole]], orphans: Iterable[Whole], ends: Mapping[str, int]
) -> list[tuple[str, int, int]]:
    """The numbers that are known to have been given up to the ``ends``, and are nowhere here."""
    there: dict[str, set[int]] = defaultdict(set)
    for origin, end in ends.items():
        there[origin].add(end + 1)
    for one in (*orphans, *(one for chain in chains.values() for one in chain)):
        there[one.entry.origin].add(one.entry.seq)
    missing = []
    for origin, numbers in there.items():
        after = 0
        for number in sorted(numbers):
            if number > after + 1:
                missing.append((origin, after + 1, number - 1))
            after = number
    return missing

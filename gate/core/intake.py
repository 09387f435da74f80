"""What of a frame can be an entry at all, and what is sent with entries."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from gate.core import entry_codec
from gate.core.entry_codec import MAX_ENTRY, MAX_NOTE
from gate.core.limits import FRAME_BYTES, HEAD_EVERY
from gate.core.replication import DIGITS, Carried, Linked, Step, vouching
from gate.core.signed_tip import Rejected, SignedTip

_ORIGIN = re.compile(r"[0-9a-z]{1,32}\.[0-9a-f]{1,31}")


_MOST = 2**53


MAX_PERSONS = 1_000_000
"""Most people or uses in one entry."""


def within_frame(raw: Iterable[bytes]) -> Iterator[bytes]:
    """The entries that a frame may have, by their bytes: so many that they fit into the next one.

    A run that is longer could be taken on its maker's last head, and never be passed on.
    """
    size = 0
    for body in raw:
        size += len(body)
        if size > FRAME_BYTES:
            return
        yield body


def read_bodies(raw: Iterable[bytes]) -> tuple[list[Carried], list[Rejected]]:
    """The entries of a frame, and those that no device can have meant."""
    carried, rejected = [], []
    for body in raw:
        digest = entry_codec.digest(body).hex()
        try:
            body.decode()
            entry = entry_codec.glance(body)
        except (entry_codec.NoEntryError, UnicodeDecodeError) as error:
            rejected.append(Rejected("", 0, str(error)[:200], digest))
            continue
        one = Carried(entry, bytes(body), digest)
        wrong = "too long" if len(body) > MAX_ENTRY else _wrong(one)
        if wrong:
            rejected.append(Rejected(entry.origin[:200], min(entry.seq, 2**53), wrong, digest))
        else:
            carried.append(one)
    return carried, rejected


def _wrong(one: Carried) -> str:
    """What no device of ours can have meant, and what not every database could hold."""
    entry = one.entry
    if not _is_origin(entry.origin):
        return "no origin"
    fits = (
        0 < entry.seq < _MOST
        and -_MOST < entry.at_ms < _MOST
        and -_MOST < entry.boot_ms < _MOST
        and entry.hlc < 2**63
        and -_MOST < (entry.code_ms or 0) < _MOST
        and entry.persons <= MAX_PERSONS
        and entry.uses <= MAX_PERSONS
        and entry.count <= MAX_PERSONS
    )
    if not fits:
        return "out of range"
    if len(entry.note.encode()) > MAX_NOTE:
        return "note too long"
    return "no text" if b"\\u0000" in one.body else ""


@lru_cache(maxsize=4096)
def _is_origin(text: str) -> bool:
    return _ORIGIN.fullmatch(text) is not None


def step_of(seq: int, hash_: str, body: str) -> Step:
    """An entry as a step of its branch."""
    return Step(seq, hash_[:DIGITS], entry_codec.prev_of(body)[:DIGITS])


def signed_tips_for(
    batch: Iterable[Linked], held: Callable[[str, int, int], Iterable[SignedTip]]
) -> list[SignedTip]:
    """The signed heads to send with entries, given those held of an origin between two numbers."""
    batch = list(batch)
    numbers: dict[str, list[int]] = defaultdict(list)
    for one in batch:
        numbers[one.origin].append(one.seq)
    found = [
        head
        for origin, seqs in sorted(numbers.items())
        for head in held(origin, min(seqs), max(seqs))
    ]
    chosen = vouching(batch, {head.hash for head in found}, HEAD_EVERY)
    return [head for head in found if head.hash in chosen]

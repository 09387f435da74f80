"""Whether pretix and we say the same of an evening, entry for entry; by no code of the push."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, select

from gate.core import entry_codec
from gate.core.entry import Act, Entry
from gate.core.history import annulled
from sync.server import tables as central
from sync.server.database import reading
from sync.upstream import tables
from sync.upstream.pretix.pretix import KIND

Row = Mapping[str, Any]
TYPES = {Act.ADMISSION: "entry", Act.EXIT: "exit"}


class Ours(NamedTuple):
    """What the server has of an event's tickets."""

    entries: Sequence[Entry]
    not_taken: frozenset[str]
    """Entries of which the server says that pretix did not take them."""


def ours(engine: Engine, event: str) -> Ours:
    """The entries of tickets that stand in the server's database."""
    e, u = central.entry.c, tables.upstream_entry.c
    with reading(engine) as connection:
        bodies = connection.execute(
            select(e.body).where(e.event == event, e.ticket != "").where(central.COUNTS)
        ).scalars()
        entries = [entry_codec.decode(body) for body in bodies]
        failed = select(u.entry).where(u.event == event, u.state == "failed")
        return Ours(entries, frozenset(connection.execute(failed).scalars()))


def differences(mine: Ours, theirs: Sequence[Row], *, may_forget: bool = False) -> list[str]:
    """What pretix's check-ins of a list and our entries do not agree on; nothing waits any more.

    ``may_forget``: pretix was restored, and nobody tells it again what did not count anyway.
    """
    by_nonce: dict[str, list[Row]] = {}
    for row in theirs:
        by_nonce.setdefault(row["nonce"], []).append(row)
    undone = annulled(mine.entries)
    late = {one.target for one in mine.entries if one.name in mine.not_taken} - {""}
    ours_there: set[str] = set()
    found: list[str] = []
    for entry in mine.entries:
        if entry.source == KIND or entry.act not in (*TYPES, Act.REFUSAL):
            continue
        names = [entry.name, *(f"{entry.name}#{n + 1}" for n in range(1, entry.persons))]
        ours_there.update(names)
        stands = (
            entry.act is not Act.REFUSAL
            and entry.name not in mine.not_taken
            and (entry.name not in undone or entry.name in late)
        )
        for name in names:
            rows = by_nonce.get(name, [])
            if rows or stands or not may_forget:
                found += _of_one(name, entry, rows, stands=stands)
    return found + list(_of_others(mine, undone, theirs, ours_there))


def _of_one(name: str, entry: Entry, rows: Sequence[Row], *, stands: bool) -> Iterator[str]:
    wanted = (TYPES[entry.act], entry.ticket, entry.at_ms) if entry.act in TYPES else None
    good = [row for row in rows if row["ok"]]
    if len(good) != stands:
        yield f"{name} {entry.act} of {entry.ticket}: counts {len(good)} times there, {stands} here"
    if not rows:
        yield f"{name} {entry.act} of {entry.ticket}: pretix knows nothing of it"
    for row in good:
        has = (row["type"], f"p{row['position']}", row["at_ms"])
        if has != wanted:
            yield f"{name}: {has} there, {wanted} here"


def _of_others(
    mine: Ours, undone: set[str], theirs: Sequence[Row], ours_there: set[str]
) -> Iterator[str]:
    """The other fleet's: what counts there is one entry here, and nothing else is."""
    there = Counter(
        (row["type"], f"p{row['position']}", row["at_ms"])
        for row in theirs
        if row["ok"] and row["nonce"] not in ours_there
    )
    here = Counter(
        (TYPES[one.act], one.ticket, one.at_ms)
        for one in mine.entries
        if one.source == KIND and one.act in TYPES and one.name not in undone
    )
    for one in sorted((there - here) + (here - there)):
        yield f"of the other fleet {one}: {there[one]} there, {here[one]} here"

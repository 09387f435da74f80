"""What an upstream is to be told: one row for each entry, written as the journal is followed.

The row stays when it was told. Before an entry is told its row says that this is being tried, so
that after a lost answer or a crash nobody takes it for untold: told and then undone, it must never
be told again. An undo that comes before that withdraws it. Every function works in the transaction
it is handed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, func, select, update

from gate.core import entry_codec
from gate.core.entry import CHECK_OUT, Act, Entry
from gate.core.history import counts_at_once
from sync.server import journals, ticket_store, unseen
from sync.server import tables as central
from sync.server.answers import answers_of
from sync.server.prepared import in_parts, put
from sync.upstream import links
from sync.upstream import tables as t
from sync.upstream.links import Link
from sync.upstream.seam import NEVER_MS, Answer, Due, Movement, Schedule, Told, Upstream

PAGE: Final = 100
"""Entries in one transaction: gates that push meanwhile wait for it."""
_ACTS: Final = (Act.ADMISSION, Act.EXIT, Act.ANNULMENT, Act.REFUSAL)


class State(StrEnum):
    """How an entry stands with the upstream."""

    WAITING = "waiting"
    TRYING = "trying"
    """It may have been told: nobody has heard the answer."""
    UNDONE = "undone"
    """It was undone before it was told, and waits to be told as such."""
    TOLD = "told"
    FAILED = "failed"
    """It was told, and not taken; never told again."""
    WITHDRAWN = "withdrawn"
    """There is nothing to tell any more."""


class Row(NamedTuple):
    """The next that is to be told."""

    name: str
    state: State
    due: Due
    device: str
    """Which of our devices began to tell it, or told what it takes back; empty: none did."""


def behind(connection: Connection) -> list[str]:
    """Linked events in which something happened that nobody has followed yet."""
    s, u = central.stream.c, t.upstream.c
    query = select(s.event).join_from(central.stream, t.upstream, u.event == s.event)
    return list(connection.execute(query.where(s.entries > u.followed)).scalars())


def follow(connection: Connection, event: str, kinds: Mapping[str, Upstream], now_ms: int) -> bool:
    """Make rows of an event's next entries, due when its upstream says; whether there are more."""
    newest, _head = journals.lock(connection, event)
    where = t.upstream.c.event == event
    link = links.find(connection, event)
    if link is None or link.kind not in kinds:
        # It was ended meanwhile, or is another program's.
        return False
    followed = connection.execute(select(t.upstream.c.followed).where(where)).scalar_one()
    e = central.entry.c
    acts = [act.value for act in _ACTS]
    rows = connection.execute(
        select(e.number, e.body)
        .where(e.event == event, e.number > followed, e.act.in_(acts), e.ticket != "")
        .where(central.COUNTS)
        .order_by(e.number)
        .limit(PAGE)
    ).all()
    for row in rows:
        entry = entry_codec.decode(row.body)
        # A check-out is kept by each system itself, at the same moment.
        is_theirs = entry.source in (link.kind, CHECK_OUT)
        if not (is_theirs or _is_unseen(connection, event, entry)):
            when = kinds[link.kind].schedule(connection, link, entry, now_ms)
            if when is not None:
                _take(connection, event, row.number, entry, when)
    upto = int(rows[-1].number) if len(rows) == PAGE else newest
    connection.execute(update(t.upstream).where(where).values(followed=upto))
    return upto < newest


def _is_unseen(connection: Connection, event: str, entry: Entry) -> bool:
    """Whether its ticket is not known yet: what it did is told as that ticket's (``unseen``)."""
    is_signed = entry.signed is not None or entry.source == unseen.SOURCE
    return is_signed and ticket_store.find_ticket(connection, event, entry.ticket) is None


def _take(connection: Connection, event: str, number: int, entry: Entry, when: Schedule) -> None:
    state = State.WAITING
    if entry.act is Act.ANNULMENT:
        if not counts_at_once(entry):
            return
        target = _state_of(connection, event, entry.target)
        if target in (State.WAITING, State.UNDONE):
            _set(connection, event, entry.target, State.UNDONE)
            state = State.WITHDRAWN
        elif target not in (State.TOLD, State.TRYING):
            # It never came there, or was never to.
            state = State.WITHDRAWN
    is_late = int(entry.act is Act.REFUSAL)
    row = (
        event, entry.name, is_late, number, entry.ticket, state.value, when.due_ms, "", "",
        when.ends_ms,
    )  # fmt: skip
    put(connection, t.upstream_entry, [row], "number")


def next_due(connection: Connection, link: Link, now_ms: int) -> Row | None:
    """The first that is to be told by now: what ends first, and of one ticket what came first."""
    c = t.upstream_entry.c
    other = t.upstream_entry.alias("earlier")
    earlier = (
        select(other.c.entry)
        .where(other.c.event == c.event, other.c.ticket == c.ticket, other.c.state.in_(t.OPEN))
        .where(other.c.is_late == c.is_late, other.c.number < c.number)
        .exists()
    )
    row = connection.execute(
        select(c.entry, c.state, c.number, c.device)
        .where(c.event == link.event, t.IS_OPEN, c.due_ms <= now_ms, ~earlier)
        .order_by(c.is_late, c.ends_ms, c.number)
        .limit(1)
    ).first()
    if row is None:
        return None
    e = central.entry.c
    body = connection.execute(
        select(e.body).where(e.event == link.event, e.number == row.number)
    ).scalar_one()
    state, entry = State(row.state), entry_codec.decode(body)
    given = answers_of(connection, link.event, [entry]).get(entry.name, {})
    device = row.device or _device_of(connection, link.event, entry.target)
    due = Due(entry, state is State.UNDONE, given, was_tried=state is State.TRYING)
    return Row(row.entry, state, due, device)


def begin(connection: Connection, event: str, row: Row, device: str = "") -> bool:
    """Keep that a device is telling an entry now; no, if it was undone or told meanwhile."""
    c = t.upstream_entry.c
    state = State.TRYING if row.state is State.WAITING else row.state
    done = connection.execute(
        update(t.upstream_entry)
        .where(c.event == event, c.entry == row.name, c.state == row.state.value)
        .values(state=state.value, device=device)
    )
    return bool(done.rowcount)


def give_back(connection: Connection, event: str, row: Row) -> None:
    """Nothing of an entry arrived: it is as if it had not been tried this time."""
    if row.state is State.WAITING:
        _postpone(connection, event, row.name)


def settle(connection: Connection, event: str, row: Row, told: Told, now_ms: int) -> None:
    """Keep how telling an entry went."""
    if told.answer is Answer.LATER:
        _postpone(
            connection, event, row.name,
            due_ms=now_ms + round(told.again_s * 1000), error=told.why,
        )  # fmt: skip
        return
    state = State.TOLD if told.answer is Answer.TAKEN else State.FAILED
    _set(connection, event, row.name, state, told.why)


def compare(
    connection: Connection, event: str, tickets: Sequence[str], theirs: Sequence[Movement]
) -> None:
    """Tell again what an upstream does not have any more of what it took: it was restored.

    ``theirs`` is all that it has of what our gates did on these tickets. What it still has of an
    entry that was undone is undone there again.
    """
    have = Counter((one.ticket, one.act, one.at_ms) for one in theirs)
    c, e = t.upstream_entry.c, central.entry.c
    for some in in_parts(tickets):
        rows = connection.execute(
            select(c.entry, c.state, e.body)
            .join_from(
                t.upstream_entry, central.entry, and_(e.event == event, e.number == c.number)
            )
            .where(c.event == event, c.ticket.in_(some), c.is_late == 0)
        ).all()
        told = {row.entry: entry_codec.decode(row.body) for row in rows if row.state == State.TOLD}
        undone = {entry_codec.decode(row.body).target for row in rows} - {""}
        for name, entry in told.items():
            of = told.get(entry.target, entry)
            there = have[of.ticket, of.act, of.at_ms]
            is_undo = entry.act is Act.ANNULMENT
            if there if is_undo else name not in undone and there < max(1, entry.persons):
                _set(connection, event, name, State.WAITING)


class Backlog(NamedTuple):
    """How much is still to be told, and what was not taken."""

    waiting: int
    failed: int
    oldest_ms: int
    """When the first of what waits was due; 0: nothing waits."""
    why: str
    """Why the newest that failed was not taken, or what of one that was taken was not."""
    ends_ms: int
    """When the first of what waits will be too late; 0: never."""


def backlog(connection: Connection, event: str) -> Backlog:
    """How an upstream is behind with what it is to be told."""
    c = t.upstream_entry.c
    waiting, oldest, ends_ms = connection.execute(
        select(func.count(), func.min(c.due_ms), func.min(c.ends_ms)).where(
            c.event == event, t.IS_OPEN
        )
    ).one()
    failed = (c.event == event, t.IS_FAILED)
    count = connection.execute(
        select(func.count()).select_from(t.upstream_entry).where(*failed)
    ).scalar_one()
    why = connection.execute(
        select(c.error).where(c.event == event, t.HAS_ERROR).order_by(c.number.desc()).limit(1)
    ).scalar()
    ends_ms = 0 if ends_ms in (None, NEVER_MS) else int(ends_ms)
    return Backlog(int(waiting), int(count), int(oldest or 0), why or "", ends_ms)


class NotTaken(NamedTuple):
    """An entry that the upstream did not take, or took in no way that it shows."""

    entry: Entry
    number: int
    why: str


def not_taken(connection: Connection, event: str, limit: int = 200) -> list[NotTaken]:
    """Those entries of an event, the newest first."""
    c, e = t.upstream_entry.c, central.entry.c
    rows = connection.execute(
        select(e.body, c.number, c.error)
        .join_from(t.upstream_entry, central.entry, (e.event == c.event) & (e.number == c.number))
        .where(c.event == event, t.IS_FAILED)
        .order_by(c.number.desc())
        .limit(limit)
    )
    return [NotTaken(entry_codec.decode(row.body), int(row.number), row.error) for row in rows]


def _device_of(connection: Connection, event: str, name: str) -> str:
    c = t.upstream_entry.c
    found = connection.execute(select(c.device).where(c.event == event, c.entry == name)).scalar()
    return found or ""


def _state_of(connection: Connection, event: str, name: str) -> State | None:
    c = t.upstream_entry.c
    found = connection.execute(select(c.state).where(c.event == event, c.entry == name)).scalar()
    return None if found is None else State(found)


def _postpone(connection: Connection, event: str, name: str, **fields: Any) -> None:
    """It was certainly not told: an undo that comes now withdraws it."""
    c = t.upstream_entry.c
    connection.execute(
        update(t.upstream_entry)
        .where(c.event == event, c.entry == name, c.state == State.TRYING.value)
        .values(state=State.WAITING.value, **fields)
    )


def _set(connection: Connection, event: str, name: str, state: State, why: str = "") -> None:
    c = t.upstream_entry.c
    connection.execute(
        update(t.upstream_entry)
        .where(c.event == event, c.entry == name)
        .values(state=state.value, error=why)
    )

"""A list on its way into an event: kept beside the event's tables until all of it is stated there.

It is put there some rows at a time, accepted in one short transaction, and from then on stated some
rows at a time, by whoever took it in or, where that one died, by the next server that starts. So it
comes whole or not at all, and nobody who has something to write waits for more than a few rows.
Meanwhile its codes are nobody else's.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import takewhile
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from gate.clock import read_wall_ms
from gate.core.ticket import Status
from gate.errors import ImportFault
from gate.i18n import _
from gate.storage.ticket_rows import TicketBody
from sync.server import erasing, feed, issuing, ticket_store
from sync.server import tables as t
from sync.server.aside import packed_codes, with_codes
from sync.server.database import Job, in_transaction, reading
from sync.server.prepared import in_parts, put

log = logging.getLogger(__name__)
T = TypeVar("T")

AT_ONCE = 500
"""Rows in one transaction: a tenth of a second."""
LEAST_PAUSE_S = 0.02
STALE_MS = 3_600_000
"""A list that was begun so long ago and never accepted is nobody's any more."""
_GONE, _TYPE, _TICKET = "gone", "type", "ticket"


class Writer:
    """Writes in short transactions, and makes way for others after each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def do(self, job: Job[T]) -> T:
        """Do a job; then wait for as long as it took."""
        began = time.monotonic()
        done = in_transaction(self._engine, job)
        # SQLite lets whoever comes first go on, not whoever has waited longest.
        time.sleep(max(LEAST_PAUSE_S, time.monotonic() - began))
        return done


class PendingList:
    """The one list that is on its way into an event."""

    def __init__(self, writer: Writer, event: str) -> None:
        """Begin one; what is left of another is stated if it was accepted, and else forgotten."""
        self._writer = writer
        self._event = event
        self._token = secrets.token_hex(8)
        self._rows = 0
        while not writer.do(self._begin):
            finish(writer, event)
        self._clear()

    def add_types(self, rows: Iterable[dict[str, Any]]) -> None:
        """Rows of types, as they are stated."""
        self._add([(_TYPE, "", msgspec.json.encode(row).decode(), "{}") for row in rows])

    def add_gone(self, ids: Sequence[str], status: Status) -> None:
        """Tickets that are to be of that status."""
        self._add([(_GONE, id_, status.value, "{}") for id_ in ids])

    def add(self, tickets: Sequence[TicketBody], *, frees_codes: bool) -> None:
        """Tickets, at most ``AT_ONCE``. Raises ImportFault where somebody has their codes."""
        rows = [(_TICKET, one.id, one.body, packed_codes(one)) for one in tickets]

        def check(connection: Connection) -> None:
            put(
                connection,
                t.pending_code,
                [(self._event, hashed, one.id) for one in tickets for hashed in one.codes],
                "ticket",
            )
            wanted = {hashed: one.id for one in tickets for hashed in one.codes}
            owners = ticket_store.owners_of(connection, self._event, list(wanted))
            if not frees_codes and any(owner != wanted[hashed] for hashed, owner in owners):
                raise ImportFault(
                    _("this code belongs to another ticket already"),
                    _("Somebody stated it meanwhile. Nothing was imported: try again."),
                )

        self._add(rows, check)

    def accept(self, connection: Connection, *, frees_codes: bool) -> None:
        """From now on it comes whole. Raises ImportFault where another list took its place."""
        self._require_mine(connection)
        where = t.pending_list.c.event == self._event
        values = {"is_accepted": 1, "frees_codes": int(frees_codes)}
        connection.execute(update(t.pending_list).where(where).values(**values))

    def drop(self) -> None:
        """It is not to be stated after all; one that was accepted stays."""
        self._clear()
        c = t.pending_list.c
        mine = (c.event == self._event, c.token == self._token, c.is_accepted == 0)
        self._writer.do(lambda connection: connection.execute(delete(t.pending_list).where(*mine)))

    def _begin(self, connection: Connection) -> bool:
        """Take the place of a list that was not accepted; whether there is no other."""
        c = t.pending_list.c
        query = select(c.is_accepted).where(c.event == self._event).with_for_update()
        if connection.execute(query).scalar():
            return False
        mine = (self._event, self._token, read_wall_ms(), 0, 0)
        fields = ("token", "begun_ms", "is_accepted", "frees_codes")
        put(connection, t.pending_list, [mine], *fields)
        return True

    def _add(
        self,
        rows: Sequence[tuple[str, str, str, str]],
        check: Callable[[Connection], None] = lambda _connection: None,
    ) -> None:
        for some in in_parts(rows, AT_ONCE):
            first = self._rows
            self._rows += len(some)
            numbered = [(self._event, first + n, *row) for n, row in enumerate(some)]

            def job(connection: Connection, numbered: list[tuple[Any, ...]] = numbered) -> None:
                self._require_mine(connection)
                put(connection, t.pending, numbered)
                check(connection)

            self._writer.do(job)

    def _clear(self) -> None:
        """Forget what is beside the tables, as long as nobody else has begun."""

        def some(connection: Connection) -> bool:
            return self._is_mine(connection) and _clear_some(connection, self._event)

        while self._writer.do(some):
            pass

    def _is_mine(self, connection: Connection) -> bool:
        c = t.pending_list.c
        query = select(c.token, c.is_accepted).where(c.event == self._event)
        return connection.execute(query.with_for_update()).first() == (self._token, 0)

    def _require_mine(self, connection: Connection) -> None:
        if not self._is_mine(connection):
            raise ImportFault(
                _("another list of this event is being taken in"), _("Nothing was imported.")
            )


def finish(writer: Writer, event: str, stopping: threading.Event | None = None) -> None:
    """State what is left of an accepted list."""
    while writer.do(partial(_state_some, event=event)):
        if stopping is not None and stopping.is_set():
            return


def resume(engine: Engine, stopping: threading.Event) -> None:
    """At a server's start: state what was accepted, and forget what never was."""
    c = t.pending_list.c
    try:
        with reading(engine) as connection:
            left = connection.execute(select(c.event, c.is_accepted, c.begun_ms)).all()
        for event, is_accepted, begun_ms in left:
            if is_accepted:
                log.info("list: the rest of %s is stated", event)
                finish(Writer(engine), event, stopping)
            elif begun_ms < read_wall_ms() - STALE_MS:
                PendingList(Writer(engine), event).drop()
    except SQLAlchemyError as error:
        # The next list, or the next start, goes on.
        log.error("list: its rest cannot be stated: %s", type(error).__name__)


def _state_some(connection: Connection, event: str) -> bool:
    """State the next rows of an accepted list; whether there may be more."""
    c = t.pending.c
    of_list = t.pending_list.c.event == event
    accepted = (of_list, t.pending_list.c.is_accepted == 1)
    if connection.execute(select(t.pending_list.c.event).where(*accepted)).first() is None:
        return False
    feed.lock(connection, event)
    frees = connection.execute(select(t.pending_list.c.frees_codes).where(*accepted)).scalar()
    rows = connection.execute(
        select(c.n, c.kind, c.ref, c.body, c.codes)
        .where(c.event == event)
        .order_by(c.n)
        .limit(AT_ONCE)
    ).all()
    if not rows or frees is None:
        connection.execute(delete(t.pending_list).where(*accepted))
        return False
    run = list(takewhile(lambda row: row.kind == rows[0].kind, rows))
    erased = set(erasing.which_erased(connection, event, [row.ref for row in run]))
    kept = [row for row in run if row.ref not in erased]
    _state(connection, event, kept, frees_codes=bool(frees))
    _forget(connection, event, run[-1].n, [row.ref for row in run])
    return True


def _state(connection: Connection, event: str, rows: Sequence[Any], *, frees_codes: bool) -> None:
    if not rows:
        return
    stated = _issue_of(rows)
    if frees_codes:
        _free_codes(connection, event, stated.ready)
    try:
        # What is wrong is found before anything is written.
        issuing.issue(connection, event, stated)
    except issuing.Bad as bad:
        if len(rows) == 1 or isinstance(bad, issuing.Over):
            log.warning("list: %d rows left out: %s", len(rows), bad.errors[0])
            return
        for row in rows:
            _state(connection, event, [row], frees_codes=frees_codes)


def _issue_of(rows: Sequence[Any]) -> issuing.Issue:
    kind = rows[0].kind
    if kind == _GONE:
        return issuing.Issue(changes=[{"id": row.ref, "status": row.body} for row in rows])
    if kind == _TYPE:
        return issuing.Issue(types=[msgspec.json.decode(row.body) for row in rows])
    return issuing.Issue(ready=[_ticket_of(row) for row in rows])


def _free_codes(connection: Connection, event: str, tickets: Sequence[TicketBody]) -> None:
    """Let these tickets have their codes, whosever they were before."""
    wanted = {hashed: one.id for one in tickets for hashed in one.codes}
    for hashed, owner in list(ticket_store.owners_of(connection, event, list(wanted))):
        if owner != wanted[hashed]:
            ticket_store.release(connection, event, hashed)


def _clear_some(connection: Connection, event: str) -> bool:
    """Forget some rows, from the last one on: what was stated is not looked at again."""
    c = t.pending.c
    query = select(c.n, c.ref).where(c.event == event).order_by(c.n).limit(AT_ONCE)
    rows = connection.execute(query).all()
    if rows:
        _forget(connection, event, rows[-1].n, [row.ref for row in rows])
    return bool(rows)


def _forget(connection: Connection, event: str, last: int, tickets: Sequence[str]) -> None:
    c, k = t.pending.c, t.pending_code.c
    connection.execute(delete(t.pending).where(c.event == event, c.n <= last))
    for some in in_parts(tickets):
        connection.execute(delete(t.pending_code).where(k.event == event, k.ticket.in_(some)))


def _ticket_of(row: Any) -> TicketBody:
    return with_codes(row.codes, row.ref, ticket_store.type_of(row.body), row.body)

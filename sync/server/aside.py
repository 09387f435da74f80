"""A list that was read and checked, put aside until it is stated: in a file that nobody sees."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from gate.core.ticket import CodeState
from gate.credential.rotating import Secrets
from gate.i18n import _
from gate.storage.row_values import BadRow
from gate.storage.ticket_rows import TicketBody


class Aside:
    """Types, tickets and the ids of tickets that are to go; a million do not fit in memory."""

    def __init__(self) -> None:
        self.types: list[dict[str, Any]] = []
        """Rows, as they are stated."""
        # Without a name SQLite keeps it in a file of its own, which goes with the connection.
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._file.execute(
            "CREATE TABLE ticket (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type_id TEXT, "
            "body TEXT, codes TEXT)"
        )
        self._file.execute("CREATE TABLE code (hash BLOB PRIMARY KEY, ticket TEXT) WITHOUT ROWID")
        self._file.execute("CREATE TABLE gone (id TEXT PRIMARY KEY)")
        self._file.execute("BEGIN")

    def close(self) -> None:
        """Forget it."""
        self._file.close()

    def put(self, ticket: TicketBody) -> None:
        """Put a ticket aside. Raises BadRow where it, or its code, was in the lists before."""
        if self.has(ticket.id):
            raise BadRow(_("this ticket has been in these files before"))
        for hashed in ticket.codes:
            if self._file.execute("SELECT 1 FROM code WHERE hash = ?", (hashed,)).fetchone():
                raise BadRow(_("this code belongs to another ticket already"))
        self._file.execute(
            "INSERT INTO ticket (id, type_id, body, codes) VALUES (?, ?, ?, ?)",
            (ticket.id, ticket.type_id, ticket.body, packed_codes(ticket)),
        )
        self._file.executemany(
            "INSERT INTO code VALUES (?, ?)", [(hashed, ticket.id) for hashed in ticket.codes]
        )

    def leave_out(self, ticket: TicketBody) -> None:
        """It is not to be stated after all."""
        self._file.execute("DELETE FROM ticket WHERE id = ?", (ticket.id,))
        self._file.execute("DELETE FROM code WHERE ticket = ?", (ticket.id,))

    def forget(self, ids: list[str]) -> None:
        """Those are as they are to be: that they were in the lists is all that is remembered."""
        self._file.executemany(
            "UPDATE ticket SET body = '', codes = '' WHERE id = ?", ((id_,) for id_ in ids)
        )

    def has(self, id_: str) -> bool:
        """Whether a ticket was in the lists."""
        found = self._file.execute("SELECT 1 FROM ticket WHERE id = ?", (id_,))
        return found.fetchone() is not None

    def tickets(self, most: int) -> Iterator[list[TicketBody]]:
        """All tickets as they came, so many at a time."""
        after = 0
        while rows := self._file.execute(
            "SELECT n, id, type_id, body, codes FROM ticket WHERE n > ? AND body <> '' "
            "ORDER BY n LIMIT ?",
            (after, most),
        ).fetchall():
            after = rows[-1][0]
            yield [with_codes(codes, id_, type_id, body) for _n, id_, type_id, body, codes in rows]

    def put_gone(self, id_: str) -> None:
        """A ticket that is to go."""
        self._file.execute("INSERT INTO gone VALUES (?)", (id_,))

    def gone(self, most: int) -> Iterator[list[str]]:
        """The ids of those, so many at a time."""
        rows = self._file.execute("SELECT id FROM gone ORDER BY id")
        while some := rows.fetchmany(most):
            yield [id_ for (id_,) in some]


class _Codes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept beside a ticket's body."""

    states: dict[str, CodeState]
    """By the code's keyed hash in hex."""
    rotates: Secrets | None = None


_decoder = msgspec.json.Decoder(_Codes)


def packed_codes(ticket: TicketBody) -> str:
    """A ticket's codes, and what makes its texts, as ``with_codes`` reads them."""
    states = {hashed.hex(): state for hashed, state in ticket.codes.items()}
    return msgspec.json.encode(_Codes(states, ticket.rotates)).decode()


def with_codes(packed: str, id_: str, type_id: str, body: str) -> TicketBody:
    """The ticket whose codes were packed."""
    codes = _decoder.decode(packed)
    states = {bytes.fromhex(hashed): state for hashed, state in codes.states.items()}
    return TicketBody(id_, type_id, body, states, rotates=codes.rotates)

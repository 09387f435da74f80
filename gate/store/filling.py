"""How rows get into a replica: the same way from a file, into a snapshot, and by the feed."""

import sqlite3

import msgspec

from gate.domain.model import CodeState
from gate.store.rows import TicketBody
from gate.store.tickets import searchable


class MemberRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device of the venue as all its gates are told of it."""

    id: str
    name: str
    key: str
    """Ed25519 public key, hex."""
    state: str
    """``enrolled``, ``retired`` or ``revoked``."""
    proof: str = ""
    """Of one that was revoked: the authority's signature of that, hex, for the device itself."""
    counts_until: dict[str, list[str]] | None = None
    """Of a device that was disowned, the tips up to which its entries count, by origin; of an
    origin that is not named nothing does. ``None``: all of them count."""


def put_type(connection: sqlite3.Connection, id_: str, body: str) -> None:
    """Add a ticket type, or state it anew."""
    connection.execute(
        "INSERT INTO ticket_type VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        (id_, body),
    )


def row_of(connection: sqlite3.Connection, id_: str) -> int | None:
    """The row number of a ticket, if it is there."""
    found = connection.execute("SELECT row FROM ticket WHERE id = ?", (id_,)).fetchone()
    return None if found is None else int(found[0])


def put_ticket(connection: sqlite3.Connection, number: int | None, ticket: TicketBody) -> int:
    """Add a ticket, or state anew the one in row ``number``; the answer is its row number.

    A code that the ticket had and that is not named any more opens no gate.
    """
    if number is None:
        cursor = connection.execute(
            "INSERT INTO ticket (id, body) VALUES (?, ?)", (ticket.id, ticket.body)
        )
        number = int(cursor.lastrowid or 0)
    else:
        connection.execute("UPDATE ticket SET body = ? WHERE row = ?", (ticket.body, number))
        connection.execute("DELETE FROM holder WHERE rowid = ?", (number,))
        connection.execute(
            "UPDATE code SET state = ? WHERE ticket = ? AND state = ?",
            (CodeState.REPLACED, number, CodeState.LIVE),
        )
    connection.executemany(
        "INSERT INTO code VALUES (?, ?, ?) "
        "ON CONFLICT (hash) DO UPDATE SET state = excluded.state, ticket = excluded.ticket",
        [(hashed, number, state) for hashed, state in ticket.codes.items()],
    )
    if ticket.holder:
        connection.execute(
            "INSERT INTO holder (rowid, name) VALUES (?, ?)", (number, searchable(ticket.holder))
        )
    return number


def erase_ticket(connection: sqlite3.Connection, id_: str, body: str) -> None:
    """Keep a ticket as ``body`` has it, without codes and name; one that is not there is added.

    ``forget_names`` comes after the last.
    """
    number = put_ticket(connection, row_of(connection, id_), TicketBody(id_, "", body, {}, ""))
    connection.execute("DELETE FROM code WHERE ticket = ?", (number,))


def forget_names(connection: sqlite3.Connection) -> None:
    """Write the index of names anew: what was deleted from it stays in its pieces until then."""
    connection.execute("INSERT INTO holder(holder) VALUES ('optimize')")


def put_member(connection: sqlite3.Connection, member: MemberRow) -> None:
    """Add a device of the venue, or state it anew."""
    row = (
        member.id, member.name, member.key, member.state, member.proof, until_to_text(member),
    )  # fmt: skip
    connection.execute("INSERT OR REPLACE INTO member VALUES (?, ?, ?, ?, ?, ?)", row)


def members_of(connection: sqlite3.Connection) -> dict[str, MemberRow]:
    """Every device of the venue, by id."""
    rows = connection.execute(
        "SELECT id, name, key, state, proof, counts_until FROM member ORDER BY id"
    )
    return {
        id_: MemberRow(id_, name, key, state, proof, until_from_text(until))
        for id_, name, key, state, proof, until in rows
    }


def until_to_text(member: MemberRow) -> str:
    """Up to where a device's entries count, as tables keep it; empty: all of them do."""
    return "" if member.counts_until is None else msgspec.json.encode(member.counts_until).decode()


def until_from_text(text: str) -> dict[str, list[str]] | None:
    """As ``until_to_text`` made it."""
    return _until.decode(text) if text else None


_until = msgspec.json.Decoder(dict[str, list[str]])

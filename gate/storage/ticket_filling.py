"""How rows get into a replica: the same way from a file, into a snapshot, and by the feed."""

import sqlite3

import msgspec

from gate.core.ticket import CodeState
from gate.core.ticket_feed import Change
from gate.storage import checksums
from gate.storage.event import EventRow, put_event
from gate.storage.event_keys import put_key, read_key
from gate.storage.ticket_identities import put_identities
from gate.storage.ticket_rows import TicketBody
from gate.storage.ticket_search import put_terms


class MemberRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device of the venue as the feed states it: whether it belongs, by the authority's word."""

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


class _Named(msgspec.Struct):
    type_id: str = ""


_named = msgspec.json.Decoder(_Named)
_member = msgspec.json.Decoder(MemberRow)
_event = msgspec.json.Decoder(EventRow)
_until = msgspec.json.Decoder(dict[str, list[str]])


def put_change(connection: sqlite3.Connection, change: Change) -> None:
    """Put what a change of the feed states. Raises DecodeError, UnicodeError, ValueError."""
    body = bytes(change.body).decode()
    if change.kind == "type":
        put_type(connection, change.ref, body)
    elif change.kind == "device":
        put_member(connection, _member.decode(body))
    elif change.kind == "event":
        put_event(connection, _event.decode(body))
    elif change.kind == "key":
        put_key(connection, read_key(body))
    elif change.kind == "erasure":
        erase_ticket(connection, change.ref, body)
    else:
        named = _named.decode(body)
        codes = {bytes.fromhex(hashed): CodeState(state) for hashed, state in change.codes.items()}
        ticket = TicketBody(change.ref, named.type_id, body, codes)
        put_ticket(connection, row_of(connection, change.ref), ticket)


def put_type(connection: sqlite3.Connection, id_: str, body: str) -> None:
    """Add a ticket type, or state it anew."""
    connection.execute(
        "INSERT OR REPLACE INTO ticket_type VALUES (?, ?, ?)",
        (id_, body, checksums.of_named(id_, body.encode())),
    )


def row_of(connection: sqlite3.Connection, id_: str) -> int | None:
    """The row number of a ticket, if it is there."""
    found = connection.execute("SELECT row FROM ticket WHERE id = ?", (id_,)).fetchone()
    return None if found is None else int(found[0])


def put_ticket(
    connection: sqlite3.Connection,
    number: int | None,
    ticket: TicketBody,
    *,
    makes_blocks: bool = False,
    is_found: bool = True,
) -> int:
    """Add a ticket, or state anew the one in row ``number``; the answer is its row number.

    A code that the ticket had and that is not named any more opens no gate. ``makes_blocks`` is of
    who will call ``make_blocks`` after the last ticket: that is quicker for very many. Not to be
    ``is_found`` by names is for a list that others will make their own index of.
    """
    body, states, is_new = ticket.body.encode(), dict(ticket.codes), number is None
    before = ""
    if number is None:
        (number,) = connection.execute("SELECT coalesce(max(row), 0) + 1 FROM ticket").fetchone()
        connection.execute(
            "INSERT INTO ticket (row, id, body, sum) VALUES (?, ?, ?, ?)",
            (number, ticket.id, ticket.body, checksums.of_ticket(number, body)),
        )
    else:
        (before,) = connection.execute(
            "SELECT body FROM ticket WHERE row = ?", (number,)
        ).fetchone()
        connection.execute(
            "UPDATE ticket SET body = ?, sum = ? WHERE row = ?",
            (ticket.body, checksums.of_ticket(number, body), number),
        )
        had = connection.execute(
            "SELECT hash FROM code WHERE ticket = ? AND state = ?", (number, CodeState.LIVE)
        )
        states = dict.fromkeys((hashed for (hashed,) in had), CodeState.REPLACED) | states
    connection.executemany(
        "INSERT OR REPLACE INTO code VALUES (?, ?, ?, ?)",
        [
            (hashed, number, state, checksums.of_code(hashed, number, state))
            for hashed, state in states.items()
        ],
    )
    if not makes_blocks:
        checksums.add_codes(connection, states)
    put_identities(connection, number, before, ticket.body, makes_blocks=makes_blocks)
    if is_found:
        put_terms(connection, number, ticket.body, is_new=is_new)
    return number


def erase_ticket(connection: sqlite3.Connection, id_: str, body: str) -> None:
    """Keep a ticket as ``body`` has it, without codes and name; one that is not there is added.

    ``merge_terms`` comes after the last.
    """
    number = put_ticket(connection, row_of(connection, id_), TicketBody(id_, "", body, {}))
    had = connection.execute("SELECT hash FROM code WHERE ticket = ?", (number,)).fetchall()
    checksums.drop_codes(connection, (hashed for (hashed,) in had))
    connection.execute("DELETE FROM code WHERE ticket = ?", (number,))


def put_member(connection: sqlite3.Connection, member: MemberRow) -> None:
    """Add a device of the venue, or state it anew."""
    row = (
        member.id, member.name, member.key, member.state, member.proof, until_to_text(member),
    )  # fmt: skip
    connection.execute(
        "INSERT OR REPLACE INTO member VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*row, checksums.of_text(*row)),
    )


def members_of(connection: sqlite3.Connection) -> dict[str, MemberRow]:
    """Every device of the venue, by id. Raises WrongChecksum."""
    members = {}
    query = "SELECT id, name, key, state, proof, counts_until, sum FROM member ORDER BY id"
    for *row, total in connection.execute(query):
        checksums.require(total, checksums.of_text, *row)
        id_, name, key, state, proof, until = row
        members[id_] = MemberRow(id_, name, key, state, proof, until_from_text(until))
    return members


def until_to_text(member: MemberRow) -> str:
    """Up to where a device's entries count, as tables keep it; empty: all of them do."""
    return "" if member.counts_until is None else msgspec.json.encode(member.counts_until).decode()


def until_from_text(text: str) -> dict[str, list[str]] | None:
    """As ``until_to_text`` made it."""
    return _until.decode(text) if text else None

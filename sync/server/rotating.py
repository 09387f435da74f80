"""Tickets whose code rotates: their keys made, and the text that each is to show now.

The feed has the keys sealed with the code, and codes only as hashes; whoever is to say the text of
a moment has to have both, so the server keeps them in a table of its own. Every function works in
the transaction it is handed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, delete, select

from gate.core.ticket import VOID
from gate.credential import parse
from gate.credential.rotating import Current, Secrets, current, made_key
from gate.storage.ticket_rows import TypeTimes, pattern_of
from sync.server import tables as t
from sync.server import ticket_store
from sync.server.prepared import in_parts, put

MARK = '"rotating_keys"'
"""In the body of a kept ticket: its code rotates."""


def with_keys(row: Mapping[str, Any], of: TypeTimes | None, secret: str) -> Mapping[str, Any]:
    """A ticket's row with the keys that its type wants, made where it states none.

    They follow from its code and the event's secret, so that who states the same again
    changes nothing.
    """
    pattern = of.rotating if of is not None else None
    code = row.get("code")
    if pattern is None or row.get("rotating_keys") or not isinstance(code, str) or not code:
        return row
    plain = parse(code).code
    keys = [made_key(secret.encode(), plain, n).hex() for n in range(pattern.values)]
    return {**row, "rotating_keys": keys}


def secret_of(connection: Connection, event: str) -> str:
    """What an event makes keys of where none are stated."""
    query = select(t.event.c.authority_key).where(t.event.c.id == event)
    return str(connection.execute(query).scalar_one())


def keep(connection: Connection, event: str, stated: Mapping[str, Secrets | None]) -> None:
    """Keep what makes the texts of some tickets, and let go of it where they rotate no more."""
    rows = [
        (event, ticket, one.code, "|".join(key.hex() for key in one.keys))
        for ticket, one in stated.items()
        if one is not None
    ]
    forget(connection, event, [ticket for ticket, one in stated.items() if one is None])
    put(connection, t.rotating, rows, "code", "secrets")


def forget(connection: Connection, event: str, tickets: Iterable[str]) -> None:
    """Let go of what makes the texts of some tickets."""
    c = t.rotating.c
    for some in in_parts(sorted(tickets)):
        connection.execute(delete(t.rotating).where(c.event == event, c.ticket.in_(some)))


def code_of(connection: Connection, event: str, ticket: str, now_ms: int) -> Current | None:
    """The text that a ticket is to show at a moment; ``None``: it has none, or is good no more."""
    found = ticket_store.find_ticket(connection, event, ticket)
    pattern = pattern_of(found.type) if found is not None else None
    if found is None or pattern is None or found.status in VOID:
        return None
    secrets = secrets_held(connection, event, ticket)
    if secrets is None or len(secrets.keys) < pattern.values:
        return None
    return current(pattern, secrets.code, secrets.keys, now_ms)


def secrets_held(connection: Connection, event: str, ticket: str) -> Secrets | None:
    """What makes the text of a ticket; ``None`` where it does not rotate, or that is not known."""
    c = t.rotating.c
    query = select(c.code, c.secrets).where(c.event == event, c.ticket == ticket)
    row = connection.execute(query).first()
    return None if row is None else Secrets(row[0], tuple(map(bytes.fromhex, row[1].split("|"))))

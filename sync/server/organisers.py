"""The organiser's tokens: each for an event or for all, with its rights and its end.

Only hashes are kept. Every function works in the transaction it is handed. The server's own token
(``admin.token``) is none of these: it may do everything and has no end.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from gate.i18n import _
from sync.server import tables as t
from sync.server.devices import ID_DIGITS, hash_of, need_event
from sync.server.http import Denied

ADMIN: Final = "admin"
"""Key in ``meta`` of the hash of the admin token."""
DAYS: Final = 90
"""How long a token is good where nobody says."""
OVERLAP_S: Final = 86_400
"""How long a token that was rolled is good beside its successor."""


class Right(StrEnum):
    """What a token may be good for; none includes another."""

    COUNTS = "counts"
    """Read numbers and devices: nobody's name."""
    NAMES = "names"
    """Read what names people: conflicts with their operators, a person's data."""
    TICKETS = "tickets"
    """State ticket types and tickets, void them, settle conflicts."""
    ADMINISTER = "administer"
    """Devices, links, settings, tokens, erasure, the audit log."""


ALL_RIGHTS: Final = frozenset(Right)


@dataclass(frozen=True, slots=True)
class Organiser:
    """Somebody with a token."""

    id: str
    """The first digits of its hash: they name it, and open nothing."""
    name: str
    event: str
    """Empty: all events."""
    rights: frozenset[Right]
    ends_ms: int
    """0: never."""
    made_ms: int = 0
    used_ms: int = 0
    """When it was last used, as of which at most an hour is missing; 0: never."""

    @property
    def who(self) -> str:
        """As the audit log calls it."""
        return f"{self.id} {self.name}".strip()

    @property
    def text(self) -> str:
        """As the audit log has it: not the token itself, but what it is good for."""
        return f"{self.who}: {' '.join(sorted(self.rights))}"

    def reaches(self, event: str) -> bool:
        """Whether an event is among its own."""
        return self.event in ("", event)


ROOT: Final = Organiser("admin", "", "", ALL_RIGHTS, 0)
"""Whoever has the server's own token."""


def make(
    connection: Connection,
    name: str,
    event: str,
    rights: Collection[Right],
    now_ms: int,
    *,
    lifetime_s: int = DAYS * 86_400,
) -> tuple[str, Organiser]:
    """A new token, shown this once, and what it is good for. Raises Denied."""
    if event:
        need_event(connection, event)
    if not rights:
        raise Denied(422, "invalid", _("A token needs a right: counts, names, tickets, administer"))
    token = secrets.token_urlsafe(32)
    hashed = hash_of(token)
    ends_ms = now_ms + lifetime_s * 1000
    connection.execute(
        insert(t.organiser).values(
            id=hashed[:ID_DIGITS],
            hash=hashed,
            name=name,
            event=event,
            rights=" ".join(sorted(rights)),
            made_ms=now_ms,
            ends_ms=ends_ms,
            used_ms=0,
        )
    )
    return token, Organiser(
        hashed[:ID_DIGITS], name, event, frozenset(rights), ends_ms, now_ms
    )  # fmt: skip


def roll(
    connection: Connection, id_: str, now_ms: int, *, overlap_s: int = OVERLAP_S
) -> tuple[str, Organiser]:
    """A new token in the place of one that is good; both are until the old one's time is up.

    Raises Denied when there is none that is good.
    """
    old = need(connection, id_, now_ms)
    made = make(
        connection, old.name, old.event, old.rights, now_ms,
        lifetime_s=(old.ends_ms - old.made_ms) // 1000,
    )  # fmt: skip
    _end(connection, id_, min(old.ends_ms, now_ms + overlap_s * 1000))
    return made


def end(connection: Connection, id_: str, now_ms: int) -> Organiser:
    """Make a token good for nothing. Raises Denied when there is none that is good."""
    old = need(connection, id_, now_ms)
    _end(connection, id_, now_ms)
    return old


def _end(connection: Connection, id_: str, at_ms: int) -> None:
    connection.execute(update(t.organiser).where(t.organiser.c.id == id_).values(ends_ms=at_ms))


def need(connection: Connection, id_: str, now_ms: int) -> Organiser:
    """The token of that id. Raises Denied when there is none that is good."""
    c = t.organiser.c
    row = connection.execute(select(t.organiser).where(c.id == id_, c.ends_ms > now_ms)).first()
    if row is None:
        raise Denied(404, "no_token", _("There is no such token that is good."))
    return _organiser(row)


def with_token(connection: Connection, hashed: str) -> Organiser | None:
    """Whose token has that hash, be it over or not."""
    row = connection.execute(select(t.organiser).where(t.organiser.c.hash == hashed)).first()
    return None if row is None else _organiser(row)


def good(connection: Connection, now_ms: int, event: str = "") -> list[Organiser]:
    """Every token that is good now, of an event if one is named."""
    c = t.organiser.c
    query = select(t.organiser).where(c.ends_ms > now_ms).order_by(c.made_ms, c.id)
    if event:
        query = query.where(c.event == event)
    return [_organiser(row) for row in connection.execute(query)]


def check_reach(organiser: Organiser, event: str) -> None:
    """Raises Denied unless an event is among those that a token is for."""
    if not organiser.reaches(event):
        raise Denied(403, "other_event", _("This token is for another event."))


def note_use(connection: Connection, id_: str, now_ms: int) -> None:
    """Keep when a token was used."""
    connection.execute(update(t.organiser).where(t.organiser.c.id == id_).values(used_ms=now_ms))


def _organiser(row: Row[tuple[str, ...]]) -> Organiser:
    rights = frozenset(Right(one) for one in row.rights.split())
    return Organiser(
        row.id, row.name, row.event, rights, row.ends_ms, row.made_ms, row.used_ms
    )  # fmt: skip


def admin_hash(connection: Connection) -> str:
    """SHA-256 of the admin token, hex; empty before the first start."""
    query = select(t.meta.c.value).where(t.meta.c.key == ADMIN)
    return str(connection.execute(query).scalar() or "")


def put_admin_hash(connection: Connection, hashed: str) -> None:
    """Keep the hash of the admin token."""
    connection.execute(delete(t.meta).where(t.meta.c.key == ADMIN))
    connection.execute(insert(t.meta).values(key=ADMIN, value=hashed))

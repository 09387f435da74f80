"""Taking devices in: one-time tokens for them, as links, and a credential for each that brings one.

Only hashes of tokens and credentials are kept. Every function works in the transaction it is
handed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from gate.core.enrolment import Enrol, Enrolled
from gate.i18n import _
from gate.storage.enrolment_link import new_token
from gate.storage.ticket_filling import MemberRow
from sync.server import devices, feed
from sync.server import tables as t
from sync.server.devices import ID_DIGITS, State, hash_of, need_event
from sync.server.http import Denied

WITHDRAWN = "withdrawn"
"""Stands in the place of the device that used a token."""


def mint_token(
    connection: Connection, event: str, name: str, now_ms: int, lifetime_s: int = 86_400
) -> tuple[str, int]:
    """Make a one-time token for a device to be called ``name``; and when it expires."""
    need_event(connection, event)
    token, expires_ms = new_token(), now_ms + lifetime_s * 1000
    old = now_ms - 30 * 86_400_000
    connection.execute(delete(t.token).where(t.token.c.expires_ms < old))
    connection.execute(
        insert(t.token).values(
            hash=hash_of(token), event=event, name=name, expires_ms=expires_ms, used_by=""
        )
    )
    return token, expires_ms


@dataclass(frozen=True, slots=True)
class Link:
    """A token that was made and not used yet."""

    id: str
    """The first digits of its hash: they name it, and open nothing."""
    name: str
    expires_ms: int


def link_id(token: str) -> str:
    """By what a token is named where itself must not stand."""
    return hash_of(token)[:ID_DIGITS]


def links_text(some: Sequence[Link]) -> str:
    """Links as the audit log has them."""
    return " ".join(one.id for one in some)


def links(connection: Connection, event: str, now_ms: int) -> list[Link]:
    """The tokens of the event that a device can still enrol with, the first to expire first."""
    need_event(connection, event)
    c = t.token.c
    rows = connection.execute(
        select(c.hash, c.name, c.expires_ms)
        .where(c.event == event, c.used_by == "", c.expires_ms > now_ms)
        .order_by(c.expires_ms, c.hash)
    )
    return [Link(hashed[:ID_DIGITS], name, expires_ms) for hashed, name, expires_ms in rows]


def withdraw(connection: Connection, event: str, id_or_name: str, now_ms: int) -> list[Link]:
    """Make unused tokens good for nothing: the one of that id, or all for that name.

    Raises Denied when there is none.
    """
    c = t.token.c
    open_ = links(connection, event, now_ms)
    meant = [one for one in open_ if one.id == id_or_name] or [
        one for one in open_ if one.name == id_or_name
    ]
    for one in meant:
        connection.execute(
            update(t.token)
            .where(c.event == event, c.hash.startswith(one.id), c.used_by == "")
            .values(used_by=WITHDRAWN)
        )
    if not meant:
        raise Denied(404, "no_token", _("There is no such link that could still be used."))
    return meant


def enrol(connection: Connection, asked: Enrol, now_ms: int) -> Enrolled:
    """A credential for a token; the device's old credential stops working. Raises Denied."""
    hashed, c = hash_of(asked.token), t.token.c
    token = connection.execute(
        select(c.event, c.name, c.expires_ms, c.used_by).where(c.hash == hashed)
    ).first()
    if token is None:
        raise Denied(403, "wrong_token", _("This enrolment token is not one of this server's."))
    event, name, expires_ms, used_by = token
    if used_by == WITHDRAWN:
        raise Denied(
            403, "withdrawn_token", _("This enrolment token was withdrawn. Ask for another.")
        )
    if used_by:
        raise Denied(403, "used_token", _("This enrolment token has been used. Ask for another."))
    if expires_ms <= now_ms:
        raise Denied(403, "expired_token", _("This enrolment token has expired. Ask for another."))
    # Before any other row, as whoever takes in entries does: two that wait must wait alike.
    at = feed.lock(connection, event)
    if devices.state_of(connection, asked.device) == State.REVOKED:
        raise Denied(
            403,
            "revoked",
            _("This device was revoked, for good. Wipe it (gate wipe): then it is a new one."),
        )
    taken = connection.execute(
        update(t.token).where(c.hash == hashed, c.used_by == "").values(used_by=asked.device)
    )
    if taken.rowcount != 1:
        raise Denied(403, "used_token", _("This enrolment token has been used. Ask for another."))
    named = devices.names_of(connection, event)
    name = asked.name.strip() or name or named.get(asked.device) or _unnamed(named)
    if not name.isprintable():
        raise Denied(422, "invalid", _("A name is letters that can be seen."))
    member = MemberRow(asked.device, name, asked.key, State.ENROLLED.value)
    credential = devices.add_member(connection, event, at, member, now_ms)
    row = connection.execute(
        select(t.event.c.name, t.event.c.time_zone).where(t.event.c.id == event)
    ).one()
    authority = feed.authority_of(connection, event)
    certificate = authority.issue(asked.device, asked.key)
    return Enrolled(credential, event, row[0], name, row[1], authority.certificate, certificate)


def _unnamed(named: Mapping[str, str]) -> str:
    """What a gate is called that nobody has named: two are not called the same."""
    taken, number = set(named.values()), 1
    while (name := _("Gate {n}").format(n=number)) in taken:
        number += 1
    return name

"""The event's devices at the server: one-time tokens, credentials, and who may still come.

Only hashes of tokens and credentials are kept. Every function works in the transaction it is
handed.
"""

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from gate.core.disowning import Effect
from gate.core.enrolment import Enrol, Enrolled
from gate.core.model import device_of
from gate.core.replication import tips_to_text
from gate.i18n import _
from gate.storage.ticket_filling import MemberRow, until_from_text, until_to_text
from sync.server import disowned, feed, intake
from sync.server import tables as t
from sync.server.http import Denied

LINK_DIGITS = 12
ADMIN = "admin"
"""Key in ``meta`` of the hash of the admin token."""


WITHDRAWN = "withdrawn"
"""Stands in the place of the device that used a token."""


class State(StrEnum):
    """How a device stands."""

    ENROLLED = "enrolled"
    RETIRED = "retired"
    """Not at work; what it still has to tell is taken."""
    REVOKED = "revoked"
    """Stolen or lost; nothing is told to it nor taken from it."""


ACTS = {State.RETIRED: "retire", State.ENROLLED: "unretire", State.REVOKED: "revoke"}
"""What the audit log calls bringing a device into a state."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device as its row says."""

    id: str
    event: str
    name: str
    public_key: str
    credential: str
    """SHA-256 of it, hex."""
    state: str
    enrolled_ms: int
    heard_ms: int
    """0 until it was heard."""
    lane_open: bool
    report: str
    """JSON of ``protocol.Report``, as it was last flushed."""
    is_disowned: bool
    """Whether not all of what it did counts."""
    twin_ms: int
    """When two machines were last seen to use its credential; 0: never."""
    stamp: str = ""
    """JSON of ``protocol.AskStamp``, by a clock of whichever server it told; empty: none."""

    @property
    def is_active(self) -> bool:
        """Whether its lane can be admitting people."""
        return self.lane_open and self.state == State.ENROLLED


def hash_of(secret: str) -> str:
    """What is kept of a token or credential."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def mint_token(
    connection: Connection, event: str, name: str, now_ms: int, lifetime_s: int = 86_400
) -> tuple[str, int]:
    """Make a one-time token for a device to be called ``name``; and when it expires."""
    need_event(connection, event)
    token, expires_ms = secrets.token_urlsafe(32), now_ms + lifetime_s * 1000
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
    return hash_of(token)[:LINK_DIGITS]


def tell_links(some: Sequence[Link]) -> str:
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
    return [Link(hashed[:LINK_DIGITS], name, expires_ms) for hashed, name, expires_ms in rows]


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
    if _state_of(connection, asked.device) == State.REVOKED:
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
    named = names_of(connection, event)
    name = asked.name.strip() or name or named.get(asked.device) or _unnamed(named)
    if not name.isprintable():
        raise Denied(422, "invalid", _("A name is letters that can be seen."))
    member = MemberRow(asked.device, name, asked.key, State.ENROLLED.value)
    credential = _admit(connection, event, at, member, now_ms)
    row = connection.execute(
        select(t.event.c.name, t.event.c.time_zone).where(t.event.c.id == event)
    ).one()
    authority = feed.authority_of(connection, event)
    certificate = authority.issue(asked.device, asked.key)
    return Enrolled(credential, event, row[0], name, row[1], authority.certificate, certificate)


def _state_of(connection: Connection, device: str) -> str:
    query = select(t.device.c.state).where(t.device.c.id == device)
    return str(connection.execute(query).scalar() or "")


def _unnamed(named: Mapping[str, str]) -> str:
    """What a gate is called that nobody has named: two are not called the same."""
    taken, number = set(named.values()), 1
    while (name := _("Gate {n}").format(n=number)) in taken:
        number += 1
    return name


def take(connection: Connection, event: str, members: Sequence[MemberRow], now_ms: int) -> None:
    """Know devices that have not enrolled here: others may bring what they did. Raises Denied."""
    for member in members:
        # Nobody is given the credential.
        _admit(connection, event, feed.lock(connection, event), member, now_ms)


def _admit(
    connection: Connection, event: str, at: feed.FeedHead, member: MemberRow, now_ms: int
) -> str:
    """Keep a device and let all gates hear of it; the answer is its new credential."""
    credential = secrets.token_urlsafe(32)
    said: dict[str, str | int] = {
        "name": member.name,
        "public_key": member.key,
        "credential": hash_of(credential),
        "state": member.state,
        "enrolled_ms": now_ms,
        "counts_until": until_to_text(member),
        "twin_ms": 0,
    }
    _put_device(connection, event, member.id, said)
    _tell(connection, event, at, member)
    return credential


def _put_device(
    connection: Connection, event: str, device: str, said: Mapping[str, str | int]
) -> None:
    d = t.device.c
    before = connection.execute(select(d.event).where(d.id == device)).first()
    if before is None:
        connection.execute(
            insert(t.device).values(
                id=device, event=event, heard_ms=0, lane_open=0, report="{}", stamp="", **said
            )
        )
    elif before[0] == event:
        connection.execute(update(t.device).where(d.id == device).values(**said))
    else:
        raise Denied(
            409,
            "other_event",
            _("This device's folder belongs to another event. Use another folder."),
        )


def set_state(connection: Connection, event: str, device: str, state: State) -> bool:
    """Retire, bring back or revoke a device, the last for good; whether that is new.

    Raises Denied when there is none, or it is revoked.
    """
    at, member = _locked(connection, event, device)
    if member.state == State.REVOKED and state is not State.REVOKED:
        raise Denied(
            409, "revoked", _("This device was revoked, for good. A new link makes a new device.")
        )
    if member.state == state:
        return False
    _set(connection, event, device, state=state.value)
    _tell(connection, event, at, _member(connection, event, device))
    return True


def disown(
    connection: Connection, event: str, device: str, from_ms: int, *, only_tell: bool = False
) -> Effect:
    """Let what a revoked device did from a moment on have no effect any more; what changes by it.

    The moment is by the times that the device has written down. Again with another moment, it is
    that one. With ``only_tell`` nothing is changed. Raises Denied when there is no such device, or
    it is not revoked.
    """
    at, member = _locked(connection, event, device)
    if member.state != State.REVOKED:
        raise Denied(
            409, "not_revoked", _("Only a revoked device can be disowned. Revoke it first.")
        )
    if only_tell:
        return disowned.foresee(connection, event, device, from_ms)
    until = disowned.tips_before(connection, event, device, from_ms)
    member = msgspec.structs.replace(member, counts_until=tips_to_text(until))
    _set(connection, event, device, counts_until=until_to_text(member))
    _tell(connection, event, at, member)
    return intake.disown(connection, event, device, until)


def _locked(connection: Connection, event: str, device: str) -> tuple[feed.FeedHead, MemberRow]:
    """The event's feed and one of its devices, changed by nobody else until the transaction ends.

    Raises Denied when there is no such device.
    """
    d = t.device.c
    known = select(d.id).where(d.event == event, d.id == device)
    if connection.execute(known).first() is None:
        raise Denied(404, "no_device", _("There is no such device."))
    return feed.lock(connection, event), _member(connection, event, device)


def _set(connection: Connection, event: str, device: str, **values: str) -> None:
    d = t.device.c
    connection.execute(update(t.device).where(d.event == event, d.id == device).values(**values))


def _member(connection: Connection, event: str, device: str) -> MemberRow:
    """A device that is there; nobody else changes it until the transaction ends."""
    d = t.device.c
    query = select(d.id, d.name, d.public_key, d.state, d.counts_until)
    row = connection.execute(query.where(d.event == event, d.id == device).with_for_update()).one()
    return _member_of(connection, event, row)


def _member_of(connection: Connection, event: str, row: Any) -> MemberRow:
    id_, name, key, state, until = row
    member = MemberRow(id_, name, key, state, counts_until=until_from_text(until))
    if state != State.REVOKED:
        return member
    proof = feed.authority_of(connection, event).revocation(id_)
    return msgspec.structs.replace(member, proof=proof)


def _tell(connection: Connection, event: str, at: feed.FeedHead, member: MemberRow) -> None:
    """Let all gates hear of it by the feed, those too that only other gates reach."""
    body = msgspec.json.encode(member).decode()
    feed.append(connection, event, at, [("device", member.id, body, {})])


def members(connection: Connection, event: str) -> list[MemberRow]:
    """Every device of the event as its gates are told of it."""
    d = t.device.c
    query = select(d.id, d.name, d.public_key, d.state, d.counts_until).where(d.event == event)
    return [_member_of(connection, event, row) for row in connection.execute(query)]


def all_devices(connection: Connection) -> list[Device]:
    """Every device of every event."""
    d = t.device.c
    rows = connection.execute(
        select(
            d.id, d.event, d.name, d.public_key, d.credential, d.state, d.enrolled_ms,
            d.heard_ms, d.lane_open, d.report, d.counts_until, d.twin_ms, d.stamp,
        ).order_by(d.id)
    )  # fmt: skip
    return [Device(*row[:8], bool(row[8]), row[9], bool(row[10]), row[11], row[12]) for row in rows]


def names_of(connection: Connection, event: str) -> dict[str, str]:
    """What the event's devices are called."""
    rows = connection.execute(
        select(t.device.c.id, t.device.c.name).where(t.device.c.event == event)
    )
    return {row[0]: row[1] for row in rows}


def name_of(names: Mapping[str, str], origin: str) -> str:
    """What the maker of an entry is called; its id when it never enrolled here."""
    device = device_of(origin)
    return names.get(device, device)


def put_heard(connection: Connection, heard: Sequence[tuple[str, int, str, str]]) -> None:
    """Keep when devices were heard, what they reported, their stamps; never older over newer."""
    if heard:
        # In order, so that two servers that write at once cannot wait for each other.
        connection.execute(
            _PUT_HEARD,
            [{"b_id": i, "b_ms": ms, "b_report": r, "b_stamp": s} for i, ms, r, s in sorted(heard)],
        )


def put_twins(connection: Connection, devices: Collection[str], now_ms: int) -> None:
    """Keep that two machines were seen to use the credential of some devices."""
    for device in sorted(devices):
        where = t.device.c.id == device
        connection.execute(update(t.device).where(where).values(twin_ms=now_ms))


_PUT_HEARD = (
    update(t.device)
    .where(t.device.c.id == bindparam("b_id"), t.device.c.heard_ms < bindparam("b_ms"))
    .values(heard_ms=bindparam("b_ms"), report=bindparam("b_report"), stamp=bindparam("b_stamp"))
)


def need_event(connection: Connection, event: str) -> None:
    """Raises Denied when there is no such event."""
    if connection.execute(select(t.event.c.id).where(t.event.c.id == event)).first() is None:
        raise Denied(404, "no_event", _("There is no such event."))


def admin_hash(connection: Connection) -> str:
    """SHA-256 of the admin token, hex; empty before the first start."""
    query = select(t.meta.c.value).where(t.meta.c.key == ADMIN)
    return str(connection.execute(query).scalar() or "")


def put_admin_hash(connection: Connection, hashed: str) -> None:
    """Keep the hash of the admin token."""
    connection.execute(delete(t.meta).where(t.meta.c.key == ADMIN))
    connection.execute(insert(t.meta).values(key=ADMIN, value=hashed))

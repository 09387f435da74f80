"""The event's devices at the server: how each stands, and what the gates are told of it.

Only hashes of credentials are kept. Every function works in the transaction it is handed.
"""

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, insert, select, update

from gate.core.disowning import Effect
from gate.core.entry import device_of
from gate.core.replication import tips_to_text
from gate.i18n import _
from gate.storage.ticket_filling import MemberRow, until_from_text, until_to_text
from sync.server import disowned, feed, intake
from sync.server import tables as t
from sync.server.http import Denied

ID_DIGITS = 12
"""Of a hash, so many name what it is of."""


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
    """A device as its row says, with what the server tells nobody: its credential, its event."""

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


def state_of(connection: Connection, device: str) -> str:
    """How a device stands, of whichever event; empty when there is none."""
    query = select(t.device.c.state).where(t.device.c.id == device)
    return str(connection.execute(query).scalar() or "")


def add_members(
    connection: Connection, event: str, members: Sequence[MemberRow], now_ms: int
) -> None:
    """Know devices that have not enrolled here: others may bring what they did. Raises Denied."""
    for member in members:
        # Nobody is given the credential.
        add_member(connection, event, feed.lock(connection, event), member, now_ms)


def add_member(
    connection: Connection, event: str, at: feed.FeedHead, member: MemberRow, now_ms: int
) -> str:
    """Keep a device and state it in the feed; the answer is its new credential."""
    credential = secrets.token_urlsafe(32)
    fields: dict[str, str | int] = {
        "name": member.name,
        "public_key": member.key,
        "credential": hash_of(credential),
        "state": member.state,
        "enrolled_ms": now_ms,
        "counts_until": until_to_text(member),
        "twin_ms": 0,
    }
    _put_device(connection, event, member.id, fields)
    _state(connection, event, at, member)
    return credential


def _put_device(
    connection: Connection, event: str, device: str, fields: Mapping[str, str | int]
) -> None:
    d = t.device.c
    before = connection.execute(select(d.event).where(d.id == device)).first()
    if before is None:
        connection.execute(
            insert(t.device).values(
                id=device, event=event, heard_ms=0, lane_open=0, report="{}", stamp="", **fields
            )
        )
    elif before[0] == event:
        connection.execute(update(t.device).where(d.id == device).values(**fields))
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
    _state(connection, event, at, _member(connection, event, device))
    return True


def disown(connection: Connection, event: str, device: str, from_ms: int) -> Effect:
    """Let what a revoked device did from a moment on have no effect any more; what changes by it.

    The moment is by the times that the device has written down. Again with another moment, it is
    that one. Raises Denied when there is no such device, or it is not revoked.
    """
    at, member = _locked_revoked(connection, event, device)
    until = disowned.tips_before(connection, event, device, from_ms)
    member = msgspec.structs.replace(member, counts_until=tips_to_text(until))
    _set(connection, event, device, counts_until=until_to_text(member))
    _state(connection, event, at, member)
    return intake.disown(connection, event, device, until)


def would_disown(connection: Connection, event: str, device: str, from_ms: int) -> Effect:
    """What ``disown`` would change, which is not done. Raises Denied as that does."""
    _locked_revoked(connection, event, device)
    return disowned.foresee(connection, event, device, from_ms)


def _locked_revoked(
    connection: Connection, event: str, device: str
) -> tuple[feed.FeedHead, MemberRow]:
    at, member = _locked(connection, event, device)
    if member.state != State.REVOKED:
        raise Denied(
            409, "not_revoked", _("Only a revoked device can be disowned. Revoke it first.")
        )
    return at, member


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


def _state(connection: Connection, event: str, at: feed.FeedHead, member: MemberRow) -> None:
    """State a device in the feed, for all gates: those too that only other gates reach."""
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


def put_reports(connection: Connection, reports: Sequence[tuple[str, int, str, str]]) -> None:
    """Keep when devices were heard, what they reported, their stamps; never older over newer."""
    if reports:
        # In order, so that two servers that write at once cannot wait for each other.
        connection.execute(
            _PUT_REPORTS,
            [
                {"b_id": i, "b_ms": ms, "b_report": r, "b_stamp": s}
                for i, ms, r, s in sorted(reports)
            ],
        )


def put_twins(connection: Connection, ids: Collection[str], now_ms: int) -> None:
    """Keep that two machines were seen to use the credential of some devices."""
    for device in sorted(ids):
        where = t.device.c.id == device
        connection.execute(update(t.device).where(where).values(twin_ms=now_ms))


_PUT_REPORTS = (
    update(t.device)
    .where(t.device.c.id == bindparam("b_id"), t.device.c.heard_ms < bindparam("b_ms"))
    .values(heard_ms=bindparam("b_ms"), report=bindparam("b_report"), stamp=bindparam("b_stamp"))
)


def need_event(connection: Connection, event: str) -> None:
    """Raises Denied when there is no such event."""
    if connection.execute(select(t.event.c.id).where(t.event.c.id == event)).first() is None:
        raise Denied(404, "no_event", _("There is no such event."))

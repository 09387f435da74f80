"""The webhooks of an event: where they are, what they have chosen, and how they stand.

Every function works in the transaction it is handed.
"""

import base64
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import httpx
import msgspec
from msgspec import Meta
from sqlalchemy import Connection, delete, func, insert, literal, select, update

from gate.i18n import _
from sync.server import devices, feed, journals
from sync.server import tables as t
from sync.server.devices import need_event
from sync.server.http import Denied
from sync.server.webhooks import outbox
from sync.server.webhooks.delivery import NotAllowed, check
from sync.server.webhooks.outbox import NewEvent, State
from sync.server.webhooks.payloads import CHOSEN, Kind, Message, posted

CHANNEL: Final = "webhooks"
SECRET_PREFIX: Final = "whsec_"
"""What stands before the key in base64, as Standard Webhooks has it."""
KEY_BYTES: Final = 32
MOST: Final = 20
"""Webhooks of one event."""
MOST_WAITING: Final = 100_000
"""Messages that wait for one webhook: what comes beyond is counted, and not kept."""


class NewWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the event's webhook is, and what it is to be told."""

    url: Annotated[str, Meta(min_length=1, max_length=1024)]
    kinds: Annotated[list[Kind], Meta(max_length=len(Kind))] = []
    """Empty: all of them."""


class WebhookLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A webhook, and how telling it goes; ``secret`` is shown once, when it is made."""

    id: str
    url: str
    kinds: list[Kind]
    made_ms: int
    waiting: int = 0
    """Messages that it has not taken yet."""
    failed: int = 0
    """Messages that were given up in the last seven days."""
    delivered_ms: int = 0
    """When it last took one; 0: never."""
    failed_ms: int = 0
    """When it last took none, and why."""
    error: str = ""
    missed: int = 0
    """Messages that were not kept for it because too many waited."""
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook as it is kept."""

    id: str
    event: str
    url: str
    kinds: frozenset[Kind]
    secret: str
    made_ms: int
    delivered_ms: int = 0
    failed_ms: int = 0
    error: str = ""
    missed: int = 0

    @property
    def text(self) -> str:
        """As the audit log has it: not where it is, for a secret may stand in that."""
        return f"{self.id} {' '.join(sorted(self.kinds))}"


def check_url(url: str, callback_to: Collection[str]) -> None:
    """Raises Denied when that is nowhere to call, whatever its name resolves to."""
    try:
        check(httpx.URL(url), [one.casefold() for one in callback_to])
    except (NotAllowed, httpx.InvalidURL, ValueError) as error:
        reason = _("The server does not call this address: {why}. See --callback-to.")
        raise Denied(422, "webhook", reason.format(why=error)) from error


def make(
    connection: Connection, event: str, url: str, kinds: Collection[Kind], now_ms: int
) -> Webhook:
    """Another webhook, which is told of all that happens from now on. Raises Denied."""
    need_event(connection, event)
    entries, changes = journals.lock(connection, event)
    others = of_event(connection, event)
    if len(others) >= MOST:
        reason = _("An event has at most {most} webhooks.").format(most=MOST)
        raise Denied(409, "too_many", reason)
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    chosen = frozenset(kinds or CHOSEN) - {Kind.PING}
    if not chosen:
        raise Denied(422, "invalid", _("A ping is always told: choose another kind."))
    made = Webhook(secrets.token_hex(6), event, url, chosen, SECRET_PREFIX + key, now_ms)
    values = {name: getattr(made, name) for name in _NAMES}
    values["kinds"] = " ".join(sorted(chosen))
    connection.execute(insert(t.webhook).values(**values))
    if not others:
        _begin(connection, event, entries, changes)
    return made


_NAMES = tuple(column.name for column in t.webhook.columns)
_STANDING = tuple(column.name for column in t.webhook_standing.columns)


def _begin(connection: Connection, event: str, entries: int, changes: int) -> None:
    """Nothing of what was before is told."""
    _end(connection, event)
    epoch, _head = feed.position_of(connection, event)
    connection.execute(
        insert(t.webhook_followed).values(
            event=event, entries=entries, epoch=epoch, changes=changes
        )
    )
    d, kind = t.device.c, literal(Kind.DEVICE_REVOKED.value)
    known = select(d.event, kind, d.id, literal(0)).where(
        d.event == event, d.state == devices.State.REVOKED.value
    )
    connection.execute(insert(t.webhook_standing).from_select(_STANDING, known))


def _end(connection: Connection, event: str) -> None:
    for table in (t.webhook_followed, t.webhook_standing):
        connection.execute(delete(table).where(table.c.event == event))


def remove(connection: Connection, event: str, id_: str) -> Webhook:
    """End a webhook; what waits for it is told nobody any more. Raises Denied."""
    need_event(connection, event)
    journals.lock(connection, event)
    gone = need(connection, event, id_)
    connection.execute(delete(t.webhook).where(t.webhook.c.id == id_))
    outbox.forget_recipient(connection, id_)
    if not of_event(connection, event):
        _end(connection, event)
    return gone


def find(connection: Connection, id_: str) -> Webhook | None:
    """The webhook of that id."""
    row = connection.execute(select(t.webhook).where(t.webhook.c.id == id_)).first()
    return None if row is None else _webhook(row)


def need(connection: Connection, event: str, id_: str) -> Webhook:
    """The webhook of that id and event. Raises Denied."""
    found = find(connection, id_)
    if found is None or found.event != event:
        raise Denied(404, "no_webhook", _("There is no such webhook."))
    return found


def of_event(connection: Connection, event: str) -> list[Webhook]:
    """Every webhook of an event, the oldest first."""
    c = t.webhook.c
    query = select(t.webhook).where(c.event == event).order_by(c.made_ms, c.id)
    return [_webhook(row) for row in connection.execute(query)]


def events(connection: Connection) -> list[str]:
    """Events that have any."""
    return list(connection.execute(select(t.webhook_followed.c.event)).scalars())


def _webhook(row: Any) -> Webhook:
    values = {name: getattr(row, name) for name in _NAMES}
    # One that a newer program knows is passed over.
    kinds = frozenset(Kind(one) for one in row.kinds.split() if one in list(Kind))
    return Webhook(**{**values, "kinds": kinds})


def lines(connection: Connection, event: str) -> list[WebhookLine]:
    """Every webhook of an event, and how telling it goes."""
    need_event(connection, event)
    return [line_of(one, _counts(connection, one.id)) for one in of_event(connection, event)]


def line_of(
    one: Webhook, counts: Mapping[State, int] | None = None, *, secret: str = ""
) -> WebhookLine:
    """A webhook as the organiser is told of it; ``counts`` of what it has not taken."""
    counts = counts or {}
    return WebhookLine(
        id=one.id, url=one.url, kinds=sorted(one.kinds), made_ms=one.made_ms,
        waiting=counts.get(State.WAITING, 0), failed=counts.get(State.FAILED, 0),
        delivered_ms=one.delivered_ms, failed_ms=one.failed_ms, error=one.error,
        missed=one.missed, secret=secret,
    )  # fmt: skip


def _counts(connection: Connection, id_: str) -> dict[State, int]:
    c = t.outbox.c
    query = select(c.state, func.count()).where(c.recipient == id_).group_by(c.state)
    return {State(state): count for state, count in connection.execute(query)}


def note_try(connection: Connection, id_: str, why_not: str, now_ms: int) -> None:
    """Keep how telling it went; ``why_not`` is empty where it took what it was told."""
    fields = {"failed_ms": now_ms, "error": why_not} if why_not else {"delivered_ms": now_ms}
    connection.execute(update(t.webhook).where(t.webhook.c.id == id_).values(**fields))


def publish(connection: Connection, event: str, messages: Sequence[Message], now_ms: int) -> None:
    """Have messages told to all webhooks of an event that have chosen their kinds."""
    for webhook in of_event(connection, event) if messages else ():
        chosen = [one for one in messages if one.kind in webhook.kinds]
        room = MOST_WAITING - _counts(connection, webhook.id).get(State.WAITING, 0) if chosen else 0
        kept, missed = chosen[: max(0, room)], chosen[max(0, room) :]
        outbox.put(connection, CHANNEL, _new_events(webhook, kept, now_ms))
        if missed:
            c = t.webhook.c
            more = update(t.webhook).where(c.id == webhook.id)
            connection.execute(more.values(missed=c.missed + len(missed)))


def _new_events(webhook: Webhook, messages: Iterable[Message], now_ms: int) -> list[NewEvent]:
    return [
        NewEvent(
            recipient=webhook.id,
            line=f"{webhook.id} {one.line}",
            due_ms=now_ms,
            body=posted(webhook.event, one, now_ms),
        )
        for one in messages
    ]

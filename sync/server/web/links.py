"""Links that open the pages: one pairs a browser, once; another shows counts until its end.

Only hashes are kept. Every function works in the transaction it is handed.
"""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from gate.core import web_link
from gate.i18n import _
from gate.storage.device_key import is_good_link
from gate.text.printable import printable
from sync.server import tables as t
from sync.server.devices import ID_DIGITS, State, hash_of
from sync.server.http import Denied

HOUR_MS: Final = 3_600_000
PATH: Final = "/web/link/"
"""Of a server's address, with the secret after it."""
_KEPT_MS: Final = 30 * 24 * HOUR_MS
"""How long one that is over is kept, so that whoever opens it is told why it opens nothing."""

_AHEAD_MS: Final = 300_000
"""So far a lane's clock may be ahead of the server's."""


class Kind(StrEnum):
    """What a link does."""

    BROWSER = "browser"
    """Pairs the browser that opens it, once: operators sign in there."""
    ORGANISER = "organiser"
    """The same, and whoever opens it is the organiser."""
    COUNTS = "counts"
    """Whoever has it sees counts, and nobody's name."""


HOURS: Final = {Kind.BROWSER: 1, Kind.ORGANISER: 24, Kind.COUNTS: 24}
"""For how long each is good, where nobody says."""


@dataclass(frozen=True, slots=True)
class WebLink:
    """A link as it is known afterwards."""

    id: str
    event: str
    kind: Kind
    name: str
    made_by: str
    made_ms: int
    ends_ms: int
    used_ms: int

    @property
    def text(self) -> str:
        """As the audit log has it."""
        return f"{self.kind} {self.id} {self.name}".strip()


def make(
    connection: Connection,
    event: str,
    kind: Kind,
    *,
    name: str,
    made_by: str,
    now_ms: int,
    hours: int = 0,
) -> tuple[str, WebLink]:
    """A new secret, shown this once, and what is known of it; 0 hours: as is usual for its kind."""
    secret, ends_ms = secrets.token_urlsafe(24), now_ms + (hours or HOURS[kind]) * HOUR_MS
    link = WebLink(link_id(secret), event, kind, name, made_by, now_ms, ends_ms, 0)
    put(connection, secret, link)
    return secret, link


def link_id(secret: str) -> str:
    """By what a link is named where its secret must not stand."""
    return hash_of(secret)[:ID_DIGITS]


def put(connection: Connection, secret: str, link: WebLink) -> None:
    """Keep a link that somebody has made, and forget those that were over long before."""
    old_ms = link.made_ms - _KEPT_MS
    connection.execute(delete(t.web_link).where(t.web_link.c.ends_ms < old_ms))
    connection.execute(
        insert(t.web_link).values(
            id=link.id, hash=hash_of(secret), event=link.event, kind=link.kind.value,
            name=link.name, made_by=link.made_by, made_ms=link.made_ms, ends_ms=link.ends_ms,
            used_ms=link.used_ms,
        )
    )  # fmt: skip


def find(connection: Connection, secret: str) -> WebLink | None:
    """The link with that secret, be it good or not."""
    c = t.web_link.c
    return _one(connection, c.hash == hash_of(secret)) or _of_lane(connection, secret)


def _of_lane(connection: Connection, secret: str) -> WebLink | None:
    """A link that a supervisor made at a lane, while its device belongs here."""
    lane, c = web_link.parse(secret), t.device.c
    if lane is None:
        return None
    query = select(c.event, c.name, c.public_key).where(c.id == lane.device)
    device = connection.execute(query.where(c.state == State.ENROLLED.value)).first()
    if device is None or not is_good_link(lane, device.public_key):
        return None
    made_ms = lane.made_s * 1000
    made_by = f"{lane.device} {lane.name}".strip()
    ends_ms = made_ms + web_link.GOOD_FOR_S * 1000
    name = printable(device.name, 40)
    return WebLink(
        link_id(secret), device.event, Kind.BROWSER, name, made_by, made_ms, ends_ms, 0
    )  # fmt: skip


def with_id(connection: Connection, event: str, id_: str) -> WebLink | None:
    """An event's link of that id."""
    c = t.web_link.c
    return _one(connection, (c.event == event) & (c.id == id_))


def check(link: WebLink | None, now_ms: int) -> WebLink:
    """The link, if it opens anything now. Raises Denied with the reason why it does not."""
    if link is None:
        raise Denied(404, "wrong_link", _("This link is not one of this server's."))
    if link.made_ms > now_ms + _AHEAD_MS:
        reason = _("This link is of a time to come: the clock of the lane is wrong.")
        raise Denied(410, "early_link", reason)
    if link.ends_ms <= now_ms:
        raise Denied(410, "expired_link", _("This link has come to its end. Ask for another."))
    if link.used_ms and link.kind is not Kind.COUNTS:
        raise Denied(410, "used_link", _("This link has been used. Ask for another."))
    return link


def use(connection: Connection, secret: str, now_ms: int) -> WebLink:
    """Open a link; only once where it is good for one browser. Raises Denied."""
    link, c = check(find(connection, secret), now_ms), t.web_link.c
    if with_id(connection, link.event, link.id) is None:
        put(connection, secret, link)
    once = (c.used_ms == 0,) if link.kind is not Kind.COUNTS else ()
    done = connection.execute(
        update(t.web_link).where(c.id == link.id, c.ends_ms > now_ms, *once).values(used_ms=now_ms)
    )
    if done.rowcount != 1:
        raise Denied(410, "used_link", _("This link has been used. Ask for another."))
    return link


def end(connection: Connection, event: str, id_: str, now_ms: int) -> WebLink:
    """Make a link good for nothing, and end what came by it. Raises Denied."""
    link, c = with_id(connection, event, id_), t.web_link.c
    if link is None:
        raise Denied(404, "no_link", _("There is no such link."))
    connection.execute(update(t.web_link).where(c.id == id_).values(ends_ms=now_ms))
    connection.execute(delete(t.web_session).where(t.web_session.c.link == id_))
    return link


def good(connection: Connection, event: str, now_ms: int) -> list[WebLink]:
    """An event's links that still open something, the newest first."""
    c = t.web_link.c
    query = (
        select(t.web_link)
        .where(c.event == event, c.ends_ms > now_ms, (c.used_ms == 0) | (c.kind == Kind.COUNTS))
        .order_by(c.made_ms.desc(), c.id)
    )
    return [_link(row) for row in connection.execute(query)]


def _one(connection: Connection, where: ColumnElement[bool]) -> WebLink | None:
    row = connection.execute(select(t.web_link).where(where)).first()
    return None if row is None else _link(row)


def _link(row: Row[Any]) -> WebLink:
    return WebLink(
        row.id, row.event, Kind(row.kind), row.name, row.made_by, row.made_ms, row.ends_ms,
        row.used_ms,
    )  # fmt: skip

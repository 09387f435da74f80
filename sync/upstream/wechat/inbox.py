"""Pushes as they came: each kept once, before WeChat is answered, until what follows is drawn.

Every function works in the transaction it is handed.
"""

import re
from collections.abc import Collection
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from sync.server.devices import hash_of
from sync.server.prepared import insert_into
from sync.server.tables import outbox
from sync.server.webhooks import outbox as deliveries
from sync.server.webhooks.outbox import NewEvent
from sync.upstream import links
from sync.upstream.links import Link
from sync.upstream.wechat import accounts
from sync.upstream.wechat import tables as t
from sync.upstream.wechat.accounts import KIND, Account
from sync.upstream.wechat.pushes import Push, Received

CHANNEL: Final = "wechat"
"""Of the server's outbox, by which pushes are passed on."""
_ALL: Final = 1 << 31
_WORD: Final = re.compile(r"[^][<>\\\s\"]+")
"""What stands in an element of a push that is passed on."""
KEPT_MS: Final = 2 * 86_400_000
"""So long a push is known again when it comes once more."""


class Passed(msgspec.Struct, frozen=True):
    """A push that is passed on."""

    appid: str
    xml: str


class Waiting(NamedTuple):
    """A push of which nothing follows yet."""

    digest: str
    received_ms: int
    push: Push


def take(connection: Connection, account: Account, received: Received, now_ms: int) -> bool:
    """Keep a push, and have it passed on; no, if its signature stood under another body before."""
    p, push = t.push.c, received.push
    # A message is told from others by what it says; an event by what happened.
    digest = push.digest if push.event else f"{push.created_s} {hash_of(received.xml)}"
    of_account = p.appid == account.appid
    if connection.execute(select(p.digest).where(of_account, p.digest == digest)).first():
        return True
    if not account.aes_key:
        other = select(p.digest).where(of_account, p.nonce == received.nonce)
        if connection.execute(other).first():
            return False
    row = insert_into(connection, t.push).values(
        appid=account.appid, digest=digest, nonce=received.nonce, created_s=push.created_s,
        received_ms=now_ms, is_done=int(not push.card_id),
        body=msgspec.json.encode(push).decode() if push.card_id else "",
    )  # fmt: skip
    if not connection.execute(row.on_conflict_do_nothing()).rowcount:
        # At another process at this moment.
        return True
    accounts.note(connection, account.appid, pushed_ms=now_ms)
    if account.relay:
        body = msgspec.json.encode(Passed(account.appid, received.xml)).decode()
        line = f"{account.appid} {push.code or push.card_id or push.openid}"
        new = NewEvent(recipient=account.appid, line=line, due_ms=now_ms, body=body)
        deliveries.put(connection, CHANNEL, [new])
    for link in of_account_links(connection, account.appid):
        links.wake(connection, link.event)
    return True


def of_account_links(connection: Connection, appid: str) -> list[Link]:
    """The links to an account."""
    return [one for one in links.every(connection) if (one.kind, one.account) == (KIND, appid)]


def waiting(connection: Connection, appid: str, most: int) -> list[Waiting]:
    """Pushes of which nothing follows yet, by WeChat's time."""
    p = t.push.c
    rows = connection.execute(
        select(p.digest, p.received_ms, p.body)
        .where(p.appid == appid, p.is_done == 0)
        .order_by(p.created_s, p.received_ms)
        .limit(most)
    )
    return [Waiting(row.digest, row.received_ms, _push.decode(row.body)) for row in rows]


def is_waiting(connection: Connection, appid: str, before_ms: int) -> bool:
    """Whether there is a push that came after that."""
    p = t.push.c
    query = select(func.count()).where(p.appid == appid, p.is_done == 0, p.received_ms >= before_ms)
    return bool(connection.execute(query).scalar_one())


def done(connection: Connection, appid: str, digest: str) -> None:
    """What follows from a push was drawn: what it said is not needed any more."""
    p = t.push.c
    where = (p.appid == appid, p.digest == digest)
    connection.execute(update(t.push).where(*where).values(is_done=1, body=""))


def forget_people(
    connection: Connection, appid: str, codes: Collection[str], openids: Collection[str]
) -> None:
    """Forget what still waits, here or to be passed on, of some codes and persons."""
    names = {*codes, *openids}
    for one in waiting(connection, appid, _ALL):
        push = one.push
        if names & {push.code, push.old_code, push.openid}:
            done(connection, appid, one.digest)
    c = outbox.c
    for row in connection.execute(select(c.id, c.body).where(*_passed_on(appid))):
        if not names.isdisjoint(_WORD.findall(row.body)):
            connection.execute(delete(outbox).where(c.id == row.id))


def forget_account(connection: Connection, appid: str) -> None:
    """Forget whatever came for an account, and what of it was to be passed on."""
    connection.execute(delete(t.push).where(t.push.c.appid == appid))
    connection.execute(delete(outbox).where(*_passed_on(appid)))


def _passed_on(appid: str) -> tuple[ColumnElement[bool], ...]:
    return (outbox.c.channel == CHANNEL, outbox.c.recipient == appid)


def forget_old(connection: Connection, now_ms: int) -> None:
    """Forget pushes that nobody sends again."""
    p = t.push.c
    connection.execute(delete(t.push).where(p.is_done == 1, p.received_ms < now_ms - KEPT_MS))


_push = msgspec.json.Decoder(Push)

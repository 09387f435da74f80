"""What is kept of people whose tickets live at WeChat, and how it is found, told and taken away.

Every function works in the transaction it is handed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, delete, or_, select

from sync.server.part import Key, PersonalData, Subject
from sync.upstream import links
from sync.upstream.wechat import accounts, inbox
from sync.upstream.wechat import tables as t
from sync.upstream.wechat.accounts import KIND


def _of(event: str, subject: Subject) -> Any:
    c = t.code.c
    theirs = or_(c.ticket.in_(sorted(subject.tickets)), c.openid.in_(sorted(subject.openids)))
    return (c.event == event, theirs)


def _people(connection: Connection, event: str) -> Iterable[str]:
    c = t.code.c
    query = select(c.openid).where(c.event == event, c.openid != "").distinct()
    return list(connection.execute(query).scalars())


def _held(connection: Connection, event: str, subject: Subject) -> Mapping[str, Any]:
    rows = connection.execute(select(t.code).where(*_of(event, subject))).mappings()
    return {"wechat_codes": [dict(row) for row in rows]}


def _erase(connection: Connection, event: str, subject: Subject) -> int:
    """Its tickets were erased, and are not stated again whatever WeChat says of them."""
    where = (t.reading.c.event == event, t.reading.c.name.in_(sorted(subject.openids)))
    connection.execute(delete(t.reading).where(*where))
    return connection.execute(delete(t.code).where(*_of(event, subject))).rowcount


def _end(connection: Connection, event: str, _after: Key) -> Key:
    """An event that is over needs no codes; an account that has no other event goes with it."""
    link = links.find(connection, event)
    accounts.forget_event(connection, event)
    if link is not None and link.kind == KIND:
        others = inbox.of_account_links(connection, link.account)
        if all(one.event == event for one in others):
            accounts.remove(connection, link.account)
    return None


PERSONAL = PersonalData(
    finders={},
    people=_people,
    held=_held,
    erase=_erase,
    drops=(_end,),
)

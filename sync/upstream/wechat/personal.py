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
from sync.upstream.wechat.mapping import State


def _of(event: str, subject: Subject) -> Any:
    c = t.code.c
    theirs = or_(c.ticket.in_(sorted(subject.tickets)), c.openid.in_(sorted(subject.openids)))
    return (c.event == event, theirs)


def _by_openid(connection: Connection, event: str, openid: str) -> Subject:
    """Everything of a person; what was given on is the friend's ticket now."""
    c = t.code.c
    of = (c.event == event, c.openid == openid)
    if connection.execute(select(c.code).where(*of).limit(1)).first() is None:
        return Subject()
    mine = select(c.ticket).where(*of, c.state != State.GIVEN.value)
    return Subject(frozenset(connection.execute(mine).scalars()), frozenset([openid]))


def _by_code(connection: Connection, event: str, code: str) -> Subject:
    c = t.code.c
    query = select(c.ticket).where(c.event == event, c.code == code)
    return Subject(frozenset(connection.execute(query).scalars()))


def _people(connection: Connection, event: str) -> Iterable[str]:
    c = t.code.c
    query = select(c.openid).where(c.event == event, c.openid != "").distinct()
    return list(connection.execute(query).scalars())


def _held(connection: Connection, event: str, subject: Subject) -> Mapping[str, Any]:
    rows = connection.execute(select(t.code).where(*_of(event, subject))).mappings()
    return {"wechat_codes": [dict(row) for row in rows]}


def _erase(connection: Connection, event: str, subject: Subject) -> int:
    """Its tickets were erased, and are not stated again whatever WeChat says of them."""
    codes = set(connection.execute(select(t.code.c.code).where(*_of(event, subject))).scalars())
    names = (t.reading.c.event == event, t.reading.c.name.in_(sorted(codes | subject.openids)))
    connection.execute(delete(t.reading).where(*names))
    link = links.find(connection, event)
    if link is not None and link.kind == KIND:
        inbox.forget_people(connection, link.account, codes, subject.openids)
    return connection.execute(delete(t.code).where(*_of(event, subject))).rowcount


def _end(connection: Connection, event: str, _after: Key) -> Key:
    """An event that is over needs no codes; an account that has no other event goes with it."""
    link = links.find(connection, event)
    if link is not None and link.kind == KIND:
        others = inbox.of_account_links(connection, link.account)
        if all(one.event == event for one in others):
            inbox.forget_account(connection, link.account)
            accounts.remove(connection, link.account)
        else:
            c = t.code.c
            codes = connection.execute(select(c.code).where(c.event == event)).scalars()
            inbox.forget_people(connection, link.account, set(codes), ())
    accounts.forget_event(connection, event)
    return None


PERSONAL = PersonalData(
    finders={"openid": _by_openid, "code": _by_code},
    people=_people,
    held=_held,
    erase=_erase,
    drops=(_end,),
)

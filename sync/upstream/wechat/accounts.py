"""Accounts at WeChat: their secret, where they are, how they push, and the token all processes use.

Every function works in the transaction it is handed.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Connection, delete, insert, select, update

from sync.server.prepared import put as put_rows
from sync.upstream.wechat import tables as t

T = TypeVar("T")
KIND: Final = "wechat"
WECHAT: Final = "https://api.weixin.qq.com"


class Store(Protocol):
    """The database, as a server or somebody at its console has it."""

    async def read(self, job: Callable[..., T], *arguments: Any) -> T:
        """Have something read."""
        ...

    async def write(self, job: Callable[[Connection], T]) -> T:
        """Have something written."""
        ...


@dataclass(frozen=True, slots=True)
class Account:
    """One appid."""

    appid: str
    url: str = WECHAT
    """Without a slash at its end."""
    secret: str = field(default="", repr=False)
    key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    """Tickets' ids are made with it, so that they tell nothing of their codes."""
    push_token: str = field(default="", repr=False)
    """By which pushes are signed."""
    aes_key: str = field(default="", repr=False)
    """EncodingAESKey; empty: pushes come as plain text."""
    relay: str = ""
    """Where pushes are passed on to; empty: nowhere."""
    token: str = field(default="", repr=False)
    token_ends_ms: int = 0
    forced_ms: int = 0
    """When a token was last made anew by force."""
    pushed_ms: int = 0
    """When a push was last taken in; 0: never."""


_FIELDS: Final = tuple(Account.__dataclass_fields__)


def put(connection: Connection, account: Account) -> None:
    """Keep an account in the place of the one with its appid."""
    connection.execute(delete(t.account).where(t.account.c.appid == account.appid))
    values = {name: getattr(account, name) for name in _FIELDS}
    connection.execute(insert(t.account).values(**values))


def find(connection: Connection, appid: str) -> Account | None:
    """The account of that appid."""
    row = connection.execute(select(t.account).where(t.account.c.appid == appid)).first()
    return None if row is None else Account(**{name: getattr(row, name) for name in _FIELDS})


def note(connection: Connection, appid: str, **fields: Any) -> None:
    """Keep some of an account's fields."""
    where = t.account.c.appid == appid
    connection.execute(update(t.account).where(where).values(**fields))


def remove(connection: Connection, appid: str) -> None:
    """Forget an account that no event is linked to."""
    connection.execute(delete(t.account).where(t.account.c.appid == appid))


def forget_event(connection: Connection, event: str) -> None:
    """Forget the codes of an event, and what was to be read for it."""
    for table in (t.code, t.reading):
        connection.execute(delete(table).where(table.c.event == event))


def ask_for(connection: Connection, event: str, kind: str, names: list[tuple[str, str]]) -> None:
    """Have persons (``openid``) or codes (``code``, with their card) read."""
    put_rows(connection, t.reading, [(event, kind, *one) for one in names])

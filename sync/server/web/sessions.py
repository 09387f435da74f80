"""Browsers that were paired, and who is signed in at them: rows that all server processes share.

Only hashes of cookies are kept. Every function works in the transaction it is handed.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from gate.core.event_settings import OperatorRow
from gate.operators import find
from sync.server import tables as t
from sync.server.devices import ID_DIGITS, hash_of
from sync.server.web.level import OF_ROLE, Level, Visitor
from sync.server.web.links import HOUR_MS, WebLink

IDLE_MS: Final = 2 * HOUR_MS
ABSOLUTE_MS: Final = 16 * HOUR_MS
"""An evening with what comes before and after it."""
BROWSER_MS: Final = 180 * 24 * HOUR_MS
SEEN_EVERY_MS: Final = 60_000
"""How exactly it is written down when a session was used last."""
FREE_TRIES: Final = 3
FIRST_WAIT_MS, LONGEST_WAIT_MS = 2_000, 900_000
_AGENT_LENGTH: Final = 120


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser that operators may sign in at."""

    id: str
    event: str
    name: str
    agent: str
    made_ms: int
    ends_ms: int
    wrong: int
    waits_until_ms: int


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in, as a list shows it."""

    id: str
    browser: str
    link: str
    level: str
    who: str
    made_ms: int
    seen_ms: int
    ends_ms: int


def pair(connection: Connection, link: WebLink, agent: str, now_ms: int) -> tuple[str, Browser]:
    """Take a browser in; the answer begins with the secret of its cookie."""
    secret = secrets.token_urlsafe(32)
    hashed = hash_of(secret)
    c = t.web_browser.c
    connection.execute(delete(t.web_browser).where(c.ends_ms < now_ms))
    browser = Browser(
        hashed[:ID_DIGITS], link.event, link.name, agent[:_AGENT_LENGTH], now_ms,
        now_ms + BROWSER_MS, 0, 0,
    )  # fmt: skip
    connection.execute(
        insert(t.web_browser).values(
            id=browser.id, hash=hashed, event=browser.event, name=browser.name,
            agent=browser.agent, made_ms=now_ms, ends_ms=browser.ends_ms, wrong=0, waits_until_ms=0,
        )
    )  # fmt: skip
    return secret, browser


def browser_with(connection: Connection, secret: str, now_ms: int) -> Browser | None:
    """The browser whose cookie that is, while it is good."""
    c = t.web_browser.c
    query = select(*_BROWSER).where(c.hash == hash_of(secret), c.ends_ms > now_ms)
    row = connection.execute(query).first() if secret else None
    return None if row is None else Browser(*row)


def browsers(connection: Connection, event: str, now_ms: int) -> list[Browser]:
    """An event's browsers, the newest first."""
    c = t.web_browser.c
    query = select(*_BROWSER).where(c.event == event, c.ends_ms > now_ms)
    return [Browser(*row) for row in connection.execute(query.order_by(c.made_ms.desc(), c.id))]


def has_any(connection: Connection, event: str) -> bool:
    """Whether any browser was ever taken in for an event."""
    c = t.web_browser.c
    return connection.execute(select(c.id).where(c.event == event).limit(1)).first() is not None


def count_try(connection: Connection, browser: str, now_ms: int) -> int:
    """Count a PIN as wrong, until it has shown to be right; for how many ms it has to wait.

    Counted before it is looked at: tries at once, at several servers, are so many tries.
    """
    c = t.web_browser.c
    query = select(c.wrong, c.waits_until_ms).where(c.id == browser).with_for_update()
    wrong, waits_until_ms = connection.execute(query).one()
    if waits_until_ms > now_ms:
        return int(waits_until_ms - now_ms)
    wrong += 1
    until_ms = now_ms + _wait_after_ms(wrong)
    connection.execute(
        update(t.web_browser).where(c.id == browser).values(wrong=wrong, waits_until_ms=until_ms)
    )
    return 0


def _wait_after_ms(wrong: int) -> int:
    """How long a browser has to wait after so many wrong tries."""
    if wrong < FREE_TRIES:
        return 0
    return min(FIRST_WAIT_MS << min(wrong - FREE_TRIES, 20), LONGEST_WAIT_MS)


def begin(
    connection: Connection,
    event: str,
    level: Level,
    who: str,
    now_ms: int,
    *,
    browser: str = "",
    link: str = "",
    ends_ms: int = 0,
    proof: str = "",
) -> tuple[str, Visitor]:
    """Sign somebody in; the answer begins with the secret of the cookie."""
    secret = secrets.token_urlsafe(32)
    hashed = hash_of(secret)
    ends_ms = ends_ms or now_ms + ABSOLUTE_MS
    connection.execute(delete(t.web_session).where(t.web_session.c.ends_ms < now_ms))
    connection.execute(
        insert(t.web_session).values(
            id=hashed[:ID_DIGITS], hash=hashed, event=event, browser=browser, link=link,
            level=level.name, who=who, proof=proof, made_ms=now_ms, seen_ms=now_ms, ends_ms=ends_ms,
        )
    )  # fmt: skip
    if browser:
        right = update(t.web_browser).where(t.web_browser.c.id == browser)
        connection.execute(right.values(wrong=0, waits_until_ms=0))
    return secret, Visitor(hashed[:ID_DIGITS], event, level, who, ends_ms, browser)


def proof_of(operator: OperatorRow) -> str:
    """What a session remembers of an operator: another PIN is another proof."""
    return hash_of(f"{operator.salt} {operator.hash}")


def visitor_with(
    connection: Connection, secret: str, now_ms: int
) -> tuple[Visitor, str, int] | None:
    """Whose cookie that is, the proof of the PIN, and when it was used last.

    ``None`` where the session, the browser or the link has come to its end, or was left for long.
    """
    c = t.web_session.c
    row = connection.execute(select(t.web_session).where(c.hash == hash_of(secret))).first()
    if row is None or row.ends_ms <= now_ms:
        return None
    if row.browser and not _is_paired(connection, row.browser, now_ms):
        return None
    if not row.link and row.seen_ms <= now_ms - IDLE_MS:
        return None
    visitor = Visitor(row.id, row.event, Level[row.level], row.who, row.ends_ms, row.browser)
    return visitor, row.proof, row.seen_ms


def level_now(
    visitor: Visitor, proof: str, operators: Sequence[OperatorRow] | None
) -> Level | None:
    """What an operator may by now; ``None`` where the event has no such operator any more."""
    if not proof:
        return visitor.level
    operator = find(operators or (), visitor.name)
    if operator is None or proof_of(operator) != proof:
        return None
    return OF_ROLE[operator.role]


def note_seen(connection: Connection, session: str, now_ms: int) -> None:
    """Keep that a session was used."""
    c = t.web_session.c
    connection.execute(update(t.web_session).where(c.id == session).values(seen_ms=now_ms))


def sessions(connection: Connection, event: str, now_ms: int) -> list[Session]:
    """Who is signed in to an event's pages, the newest first."""
    c = t.web_session.c
    columns = (c.id, c.browser, c.link, c.level, c.who, c.made_ms, c.seen_ms, c.ends_ms)
    query = (
        select(*columns)
        .where(c.event == event, c.ends_ms > now_ms)
        .where((c.link != "") | (c.seen_ms > now_ms - IDLE_MS))
        .order_by(c.made_ms.desc(), c.id)
    )
    return [Session(*row) for row in connection.execute(query)]


def end(connection: Connection, event: str, session: str) -> bool:
    """Sign one session out; whether there was one."""
    c = t.web_session.c
    gone = connection.execute(delete(t.web_session).where(c.event == event, c.id == session))
    return bool(gone.rowcount)


def end_browser(connection: Connection, event: str, browser: str) -> bool:
    """Let a browser sign nobody in any more, and sign out who is; whether there was one."""
    c = t.web_browser.c
    gone = connection.execute(delete(t.web_browser).where(c.event == event, c.id == browser))
    if gone.rowcount:
        connection.execute(delete(t.web_session).where(t.web_session.c.browser == browser))
    return bool(gone.rowcount)


def _is_paired(connection: Connection, browser: str, now_ms: int) -> bool:
    c = t.web_browser.c
    query = select(c.id).where(c.id == browser, c.ends_ms > now_ms)
    return connection.execute(query).first() is not None


_BROWSER = tuple(
    t.web_browser.c[name]
    for name in (
        "id", "event", "name", "agent", "made_ms", "ends_ms", "wrong", "waits_until_ms",
    )
)  # fmt: skip

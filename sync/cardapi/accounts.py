"""Accounts of the card API: secrets, access tokens with their life and quotas, testers.

Every function works in the transaction it is handed. Of secrets and tokens only hashes are kept;
a stable token that has to be told again is derived from the account's key.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from gate.errors import UsageError
from gate.i18n import _
from gate.text.printable import printable
from sync.cardapi import tables as t
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.projection import EAST_8_S, day_of
from sync.server import tables as central
from sync.server.devices import hash_of
from sync.server.prepared import insert_into

LIFE_S = 7200
OVERLAP_S = 300
"""An old token of ``/cgi-bin/token`` lives on for so long; a stable one is renewed so early."""
TOKENS_A_DAY = 2000
STABLE_A_MINUTE, STABLE_A_DAY = 10_000, 500_000
FORCED_A_DAY, FORCED_EVERY_S = 20, 30
CLEARED_A_MONTH = 10
_APPID = re.compile(r"wx[0-9a-f]{16}")
_TESTERS = 10


class Review(StrEnum):
    """Whether cards are approved at once or wait for a person."""

    AUTOMATIC = "automatic"
    HELD = "held"


class Mode(StrEnum):
    """How event pushes are sent: as they are, encrypted, or both in one body."""

    PLAIN = "plain"
    COMPATIBLE = "compatible"
    SAFE = "safe"


@dataclass(frozen=True, slots=True)
class Account:
    """Who speaks the card API with us, and where its events go."""

    appid: str
    event: str
    secret: str
    """SHA-256 of the secret, hex."""
    key: str
    """32 random bytes, hex: stable tokens and encrypted codes are made with it."""
    original_id: str
    """``ToUserName`` of the event pushes."""
    review: Review = Review.AUTOMATIC
    events: tuple[str, ...] = ()
    """Other events that its cards may name."""
    addresses: tuple[str, ...] = ()
    """From where tokens may be asked for; empty: from anywhere."""
    callback: str = ""
    callback_token: str = ""
    aes_key: str = ""
    """EncodingAESKey, 43 characters."""
    mode: Mode = Mode.PLAIN
    grace_s: int = 120
    """How long a gate's redemption waits for an undo before it is told."""
    early_s: int = 0
    """How long before its time ``code/consume`` uses a ticket, as gates let in early."""
    late_s: int = 0
    created_ms: int = 0


_NAMES = tuple(column.name for column in t.account.columns)
LISTS = ("events", "addresses")
"""Fields of several words, kept with blanks between them."""


def create(connection: Connection, event: str, now_ms: int) -> tuple[Account, str]:
    """A new account and its secret, which is told this once. Raises UsageError."""
    _need_event(connection, event)
    secret = secrets.token_hex(16)
    account = Account(
        appid=f"wx{secrets.token_hex(8)}",
        event=event,
        secret=hash_of(secret),
        key=secrets.token_hex(32),
        original_id=f"gh_{secrets.token_hex(6)}",
        created_ms=now_ms,
    )
    connection.execute(insert(t.account).values(**_columns(account)))
    return account, secret


def adopt(connection: Connection, appid: str, secret: str, event: str, now_ms: int) -> Account:
    """The account of an appid at WeChat, by its own secret: its backend changes its address only.

    Raises UsageError.
    """
    _need_event(connection, event)
    if _APPID.fullmatch(appid) is None:
        raise UsageError(_("{appid} is no appid").format(appid=printable(appid[:32])), "wx…")
    if find(connection, appid) is not None:
        return change(connection, appid, {"secret": hash_of(secret)})
    key, original_id = secrets.token_hex(32), f"gh_{secrets.token_hex(6)}"
    account = Account(appid, event, hash_of(secret), key, original_id, created_ms=now_ms)
    connection.execute(insert(t.account).values(**_columns(account)))
    return account


def words(account: Account, secret: str) -> str:
    """How a backend gets in, in a line for whoever made the account; the secret is nowhere else."""
    line = _("Card API account of {event}: appid {appid}, secret {secret} (shown this once)")
    return line.format(event=printable(account.event), appid=account.appid, secret=secret)


def _columns(account: Account) -> dict[str, Any]:
    columns = {name: getattr(account, name) for name in _NAMES}
    return columns | {name: " ".join(columns[name]) for name in LISTS}


def _account(row: Any) -> Account:
    columns = {name: getattr(row, name) for name in _NAMES}
    return Account(
        **{
            **columns,
            **{name: tuple(columns[name].split()) for name in LISTS},
            "review": Review(row.review),
            "mode": Mode(row.mode),
        }
    )


def _need_event(connection: Connection, event: str) -> None:
    if not connection.execute(
        select(central.event.c.id).where(central.event.c.id == event)
    ).first():
        raise UsageError(_("there is no event {id}").format(id=event), _("Name one with --event."))


def find(connection: Connection, appid: str) -> Account | None:
    """The account of that appid."""
    row = connection.execute(select(t.account).where(t.account.c.appid == appid)).first()
    return None if row is None else _account(row)


def every(connection: Connection) -> list[Account]:
    """All accounts, the oldest first."""
    query = select(t.account).order_by(t.account.c.created_ms, t.account.c.appid)
    return [_account(row) for row in connection.execute(query)]


def change(connection: Connection, appid: str, fields: Mapping[str, Any]) -> Account:
    """Set some of an account's fields, already checked. Raises UsageError."""
    for event in (*fields.get("events", ()), *([fields["event"]] if "event" in fields else [])):
        _need_event(connection, event)
    where = t.account.c.appid == appid
    if fields:
        columns = {k: " ".join(v) if k in LISTS else v for k, v in fields.items()}
        connection.execute(update(t.account).where(where).values(**columns))
    found = find(connection, appid)
    if found is None:
        raise UsageError(_("there is no account {appid}").format(appid=appid[:32]), "")
    return found


class Grant(msgspec.Struct, frozen=True):
    """What the token routes answer."""

    access_token: str
    expires_in: int


def _checked(connection: Connection, params: Mapping[str, Any], address: str) -> Account:
    """The account whose appid and secret came. Raises Refused."""
    if params.get("grant_type") != "client_credential":
        raise Refused(Errcode.BAD_GRANT_TYPE)
    appid, secret = params.get("appid"), params.get("secret")
    if not appid:
        raise Refused(Errcode.NO_APPID)
    if not secret:
        raise Refused(Errcode.NO_SECRET)
    account = None
    if isinstance(appid, str) and _APPID.fullmatch(appid):
        # Whoever asks for one account's tokens at once stands in line.
        query = select(t.account).where(t.account.c.appid == appid).with_for_update()
        row = connection.execute(query).first()
        account = None if row is None else _account(row)
    if account is None:
        raise Refused(Errcode.BAD_APPID)
    hashed = hash_of(secret) if isinstance(secret, str) and len(secret) <= 200 else ""
    if not hmac.compare_digest(hashed, account.secret):
        raise Refused(Errcode.BAD_SECRET)
    if account.addresses and address not in account.addresses:
        raise Refused(Errcode.NOT_THIS_ADDRESS)
    return account


def fresh_token(
    connection: Connection, params: Mapping[str, Any], address: str, now_ms: int
) -> Grant:
    """``/cgi-bin/token``: a new token; the one before lives on for five minutes. Raises Refused."""
    account = _checked(connection, params, address)
    _spend(connection, account.appid, "token", day_of(now_ms // 1000), most=TOKENS_A_DAY)
    _end(connection, account.appid, "token", now_ms + OVERLAP_S * 1000)
    return _grant(connection, account, "token", now_ms)


def stable_token(
    connection: Connection, params: Mapping[str, Any], address: str, now_ms: int
) -> Grant:
    """``/cgi-bin/stable_token``: the same token until five minutes before its end. Raises Refused.

    Forced, it is a new one and the one before is dead at once.
    """
    account = _checked(connection, params, address)
    appid, day = account.appid, day_of(now_ms // 1000)
    _spend(connection, appid, "stable", day, most=STABLE_A_DAY)
    _spend(
        connection,
        appid,
        "stable_minute",
        now_ms // 60_000,
        most=STABLE_A_MINUTE,
        over=Errcode.TOO_OFTEN,
    )
    c = t.access_token.c
    newest = connection.execute(
        select(c.serial, c.made_ms, c.ends_ms)
        .where(c.appid == appid, c.kind == "stable")
        .order_by(c.made_ms.desc(), c.ends_ms.desc())
        .limit(1)
    ).first()
    if params.get("force_refresh") in (True, "true", 1):
        q = t.quota.c
        last = connection.execute(
            select(func.max(q.period)).where(q.appid == appid, q.name == "forced_at")
        ).scalar()
        if last is not None and now_ms - last < FORCED_EVERY_S * 1000:
            raise Refused(Errcode.TOO_OFTEN, f"force_refresh, every {FORCED_EVERY_S} s")
        _spend(connection, appid, "forced", day, most=FORCED_A_DAY)
        _spend(connection, appid, "forced_at", now_ms, most=1)
        _end(connection, appid, "stable", now_ms)
    elif newest is not None and newest.ends_ms - now_ms > OVERLAP_S * 1000:
        left_s = (newest.ends_ms - now_ms) // 1000
        return Grant(_stable(account, newest.serial), left_s)
    return _grant(connection, account, "stable", now_ms)


def _grant(connection: Connection, account: Account, kind: str, now_ms: int) -> Grant:
    serial = secrets.token_hex(16)
    token = _stable(account, serial) if kind == "stable" else secrets.token_urlsafe(96)
    c = t.access_token.c
    connection.execute(
        delete(t.access_token).where(c.appid == account.appid, c.ends_ms < now_ms - LIFE_S * 1000)
    )
    connection.execute(
        insert(t.access_token).values(
            hash=hash_of(token),
            appid=account.appid,
            kind=kind,
            serial=serial if kind == "stable" else "",
            made_ms=now_ms,
            ends_ms=now_ms + LIFE_S * 1000,
        )
    )
    return Grant(token, LIFE_S)


def _stable(account: Account, serial: str) -> str:
    made = hmac.digest(bytes.fromhex(account.key), f"token:{serial}".encode(), hashlib.sha512)
    return f"{serial}{made.hex()}"


def _end(connection: Connection, appid: str, kind: str, ends_ms: int) -> None:
    c = t.access_token.c
    connection.execute(
        update(t.access_token)
        .where(c.appid == appid, c.kind == kind, c.ends_ms > ends_ms)
        .values(ends_ms=ends_ms)
    )


def _spend(
    connection: Connection,
    appid: str,
    name: str,
    period: int,
    *,
    most: int,
    over: Errcode = Errcode.DAILY_QUOTA,
) -> None:
    """Count one call of a period. Raises Refused beyond ``most``."""
    c = t.quota.c
    row = insert_into(connection, t.quota).values(appid=appid, name=name, period=period, used=1)
    upsert = row.on_conflict_do_update(
        index_elements=[c.appid, c.name, c.period], set_={"used": c.used + 1}
    )
    used = connection.execute(upsert.returning(c.used)).scalar_one()
    if used == 1:
        connection.execute(
            delete(t.quota).where(c.appid == appid, c.name == name, c.period < period)
        )
    if used > most:
        raise Refused(over)


def clear_quota(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Mapping[str, Any]:
    """``clear_quota``: the account's calls are counted from none again. Raises Refused."""
    if params.get("appid") != account.appid:
        raise Refused(Errcode.BAD_APPID)
    day = time.gmtime(now_ms // 1000 + EAST_8_S)
    month, cleared = day.tm_year * 12 + day.tm_mon, "cleared"
    _spend(
        connection, account.appid, cleared, month, most=CLEARED_A_MONTH,
        over=Errcode.NO_MORE_CLEARING,
    )  # fmt: skip
    c = t.quota.c
    connection.execute(
        delete(t.quota).where(c.appid == account.appid, c.name.not_in((cleared, "forced_at")))
    )
    return {}


def with_token(connection: Connection, token: str, now_ms: int) -> Account:
    """The account that an access token opens. Raises Refused."""
    if not token:
        raise Refused(Errcode.NO_TOKEN)
    if len(token) > 512:
        raise Refused(Errcode.BAD_TOKEN)
    row = connection.execute(_BY_TOKEN, {"hash": hash_of(token)}).first()
    if row is None:
        raise Refused(Errcode.BAD_CREDENTIAL)
    if row.ends_ms <= now_ms:
        raise Refused(Errcode.TOKEN_EXPIRED)
    return _account(row)


_BY_TOKEN = (
    select(t.account, t.access_token.c.ends_ms)
    .join_from(t.access_token, t.account, t.account.c.appid == t.access_token.c.appid)
    .where(t.access_token.c.hash == bindparam("hash"))
)


def set_testers(connection: Connection, account: Account, names: Sequence[str]) -> None:
    """Replace the list of those who may try unapproved cards. Raises Refused."""
    if len(set(names)) > _TESTERS:
        raise Refused(Errcode.BAD_PARAMETER, f"at most {_TESTERS} testers")
    c = t.tester.c
    connection.execute(delete(t.tester).where(c.appid == account.appid))
    rows = [{"appid": account.appid, "openid": name} for name in dict.fromkeys(names)]
    if rows:
        connection.execute(insert(t.tester), rows)


def is_tester(connection: Connection, appid: str, openid: str) -> bool:
    """Whether a person is on the account's list of testers."""
    return connection.execute(_TESTER, {"appid": appid, "openid": openid}).first() is not None


_TESTER = select(t.tester.c.openid).where(
    t.tester.c.appid == bindparam("appid"), t.tester.c.openid == bindparam("openid")
)

"""The codes of linked events as they stand at WeChat, and what every push, look and call changes.

A code that is changed is *unstated* until the gates have it as a ticket: ``pull`` states it. Pushes
come late, twice and in any order, so each carries WeChat's time, and an older one changes nothing
that a newer one has said. Every function works in the transaction it is handed.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, insert, select, update

from gate.core.history import fold
from sync.server import erasing, journals
from sync.upstream import tables as seam
from sync.upstream.wechat import accounts
from sync.upstream.wechat import tables as t
from sync.upstream.wechat.accounts import Account
from sync.upstream.wechat.mapping import STATES, Code, State
from sync.upstream.wechat.pushes import Push

_FIELDS: Final = tuple(Code.__dataclass_fields__)


def find(connection: Connection, appid: str, card_id: str, code: str) -> Code | None:
    """A code of a card; where no card is named, the account's only one of that text."""
    c = t.code.c
    query = select(t.code).where(c.appid == appid, c.code == code)
    rows = connection.execute(query.where(c.card_id == card_id) if card_id else query).all()
    return _code(rows[0]) if len(rows) == 1 else None


def of_ticket(connection: Connection, event: str, ticket: str) -> Code | None:
    """The code that a ticket goes by now."""
    c = t.code.c
    query = select(t.code).where(c.event == event, c.ticket == ticket, c.next_code == "")
    row = connection.execute(query.order_by(c.state == State.GIVEN.value, c.code)).first()
    return None if row is None else _code(row)


def old_codes(connection: Connection, event: str, ticket: str, now: str) -> list[str]:
    """The codes that a ticket went by before."""
    c = t.code.c
    query = select(c.code).where(c.event == event, c.ticket == ticket, c.code != now)
    return list(connection.execute(query.order_by(c.claimed_s, c.code)).scalars())


def unstated(connection: Connection, event: str, most: int) -> list[Code]:
    """Codes that tickets go by now and that the gates do not have as they are."""
    c = t.code.c
    query = select(t.code).where(c.event == event, c.is_stated == 0, c.next_code == "")
    return [_code(row) for row in connection.execute(query.order_by(c.ticket).limit(most))]


def state(connection: Connection, codes: Sequence[Code]) -> None:
    """The gates have them as they were read; what was changed since is stated again."""
    c = t.code.c
    for one in codes:
        where = (c.appid == one.appid, c.card_id == one.card_id, c.code == one.code)
        as_read = update(t.code).where(*where, c.changed == one.changed)
        connection.execute(as_read.values(is_stated=1))


def unstate(connection: Connection, event: str, cards: Sequence[str]) -> None:
    """Have all codes of some cards stated again."""
    c = t.code.c
    where = (c.event == event, c.card_id.in_(cards))
    connection.execute(update(t.code).where(*where).values(is_stated=0, changed=c.changed + 1))


def ticket_id(account: Account, card_id: str, code: str) -> str:
    """A ticket's id, by the first code that it went by: the same whoever makes it, and no hint."""
    key, text = bytes.fromhex(account.key), f"{card_id} {code}".encode()
    return "w" + hmac.digest(key, text, hashlib.sha256).hex()[:20]


def needs_other(connection: Connection, account: Account, push: Push) -> bool:
    """Whether a push tells of a gift whose giver's code is not known here yet."""
    if not push.old_code:
        return False
    return find(connection, account.appid, push.card_id, push.old_code) is None


def take_push(connection: Connection, account: Account, event: str, push: Push) -> None:
    """Draw what follows from a push about a card of an event."""
    known = find(connection, account.appid, push.card_id, push.code)
    if known is None and _is_erased(
        connection, account, event, push.card_id, push.code, push.old_code
    ):
        return
    if push.event == "user_get_card":
        _claim(connection, account, event, push, known)
        return
    if known is None:
        if push.event not in (*_STATES, "user_consume_card"):
            return
        # Its claim was lost, or comes later.
        known = _new(account, event, push.card_id, push.code, push.openid)
        _add(connection, known)
    if push.event == "user_consume_card":
        _use(connection, known, push)
    elif push.event in _STATES:
        new = State.HELD if push.is_returned else _STATES[push.event]
        _set_state(connection, known, new, push.created_s)


_STATES: Final = {"user_gifting_card": State.GIFTING, "user_del_card": State.DELETED}


def _claim(
    connection: Connection, account: Account, event: str, push: Push, known: Code | None
) -> None:
    """Somebody has a card, out of a sale or from a friend."""
    at_s = push.created_s
    if push.old_code:
        give_on(connection, account, event, push.card_id, old_code=push.old_code,
                new_code=push.code, openid=push.openid, at_s=at_s)  # fmt: skip
    elif known is None:
        made = _new(account, event, push.card_id, push.code, push.openid)
        _add(connection, replace(made, claimed_s=at_s, state_s=at_s))
    else:
        claimed = replace(
            known, openid=push.openid or known.openid, claimed_s=known.claimed_s or at_s
        )
        if at_s >= known.state_s and known.state is not State.GIVEN:
            # Who had deleted a card may take it again.
            claimed = replace(claimed, state=State.HELD, state_s=at_s)
        _keep(connection, known, claimed)


def give_on(
    connection: Connection,
    account: Account,
    event: str,
    card_id: str,
    *,
    old_code: str,
    new_code: str,
    openid: str = "",
    at_s: int = 0,
) -> None:
    """A ticket goes by another code from now on: given to a friend, or the code was changed."""
    old = find(connection, account.appid, card_id, old_code)
    if old is None:
        old = _new(account, event, card_id, old_code, "")
        _add(connection, old)
    if old.next_code:
        return
    new = find(connection, account.appid, card_id, new_code)
    if new is None:
        is_boarding = bool(old.attributes.get("checked_in"))
        # A friend checks in anew: neither name nor picture of the giver is theirs.
        attributes = {} if is_boarding and openid else old.attributes
        carried = replace(
            old, code=new_code, state=State.HELD, openid=openid or old.openid, next_code="",
            gifted_s=at_s if openid else old.gifted_s, attributes=attributes, state_s=at_s,
        )  # fmt: skip
        _add(connection, carried)
    else:
        # It came first, as a ticket of its own: what the old one has done counts there.
        _keep(connection, new, replace(new, gifted_s=new.gifted_s or at_s))
    given = replace(old, state=State.GIVEN, next_code=new_code)
    if new is not None and new.ticket != old.ticket:
        given = replace(given, ticket=new.ticket)
        _carry_uses(connection, old, new)
    _keep(connection, old, given)
    if not old.claimed_s:
        # From when on it is good only WeChat knows.
        accounts.ask_for(connection, event, "code", [(new_code, card_id)])


def _carry_uses(connection: Connection, old: Code, new: Code) -> None:
    facts = journals.facts_of(connection, old.event, old.ticket)
    history = fold(facts)
    if history.used and history.first is not None:
        use_elsewhere(connection, new, history.first.at_ms, old.ticket)


def _use(connection: Connection, known: Code, push: Push) -> None:
    """It was used: by us, if it says which entry of ours that was; else by somebody else.

    One that says nothing, while a try of ours has no answer, may be either: the next try tells.
    """
    if push.outer_str and _is_entry_of(connection, known, push.outer_str):
        _keep(connection, known, replace(known, ours=push.outer_str))
        return
    is_proof = bool(push.outer_str) or not push.by.startswith("FROM_API")
    if is_proof:
        # That a lost answer was a yes was only likely.
        known = replace(known, ours="")
    elif known.ours or _is_being_told(connection, known):
        return
    use_elsewhere(connection, known, push.created_s * 1000, push.by)


def use_elsewhere(connection: Connection, known: Code, at_ms: int, by: str) -> None:
    """It was used at WeChat, and not by us: an entry of the server's is made of it, once."""
    kept = find(connection, known.appid, known.card_id, known.code) or known
    if not (known.ours or kept.theirs):
        note = f"WeChat {by}".rstrip()
        used = replace(
            # One use is all that a code has.
            kept, ours="", theirs=f"use {kept.ticket}", theirs_ms=at_ms, theirs_note=note
        )  # fmt: skip
        _keep(connection, kept, used)


def use_here(connection: Connection, known: Code, entry: str) -> None:
    """It is used at WeChat by an entry of ours."""
    kept = find(connection, known.appid, known.card_id, known.code) or known
    if not kept.theirs:
        _keep(connection, kept, replace(kept, ours=entry))


def take_look(
    connection: Connection,
    account: Account,
    event: str,
    code: tuple[str, str],
    *,
    answer: Mapping[str, Any],
    now_ms: int,
    starts_after_days: int = 0,
) -> None:
    """Draw what follows from ``code/get`` without ``check_consume``; ``code`` is card and text.

    ``starts_after_days`` are those of its card, after which one that was claimed begins to be good.
    """
    card_id, text = code
    known = find(connection, account.appid, card_id, text)
    of_card = answer.get("card") or {}
    if known is None:
        if _is_erased(connection, account, event, card_id, text):
            return
        known = _new(account, event, card_id, text, "")
        _add(connection, known)
    if known.next_code:
        return
    # The company's WeChat has status and all within the card.
    status = str(answer.get("user_card_status") or of_card.get("user_card_status") or "")
    looked = replace(
        known,
        state=STATES.get(status, known.state),
        openid=str(answer.get("openid") or known.openid),
        claimed_s=known.claimed_s or max(0, _begin(of_card) - starts_after_days * 86_400),
        state_s=now_ms // 1000,
    )
    _keep(connection, known, looked)
    if status == "CONSUMED" and not _is_being_told(connection, looked):
        use_elsewhere(connection, looked, now_ms, "")


def _begin(of_card: Mapping[str, Any]) -> int:
    begin = of_card.get("begin_time")
    return begin if isinstance(begin, int) else 0


def lose(connection: Connection, known: Code, now_ms: int) -> None:
    """WeChat does not know it any more: given on, and nobody has told us to which code."""
    kept = find(connection, known.appid, known.card_id, known.code) or known
    if not kept.next_code:
        _set_state(connection, kept, State.GIVEN, now_ms // 1000)


def void(connection: Connection, known: Code, now_ms: int) -> None:
    """It was made unavailable."""
    _set_state(connection, known, State.UNAVAILABLE, now_ms // 1000)


def describe(connection: Connection, known: Code, attributes: Mapping[str, Any]) -> None:
    """A call has stated something of it that WeChat does not tell again."""
    _keep(connection, known, replace(known, attributes=attributes))


def add(
    connection: Connection, account: Account, event: str, card_id: str, code: str
) -> Code | None:
    """A code of which nothing else is known yet; ``None``: its ticket was erased."""
    if _is_erased(connection, account, event, card_id, code):
        return None
    made = _new(account, event, card_id, code, "")
    _add(connection, made)
    return made


def _is_erased(
    connection: Connection, account: Account, event: str, card_id: str, *texts: str
) -> bool:
    """Whether a person had a ticket erased that began with one of these codes."""
    tickets = {ticket_id(account, card_id, text) for text in texts if text}
    return bool(erasing.which_erased(connection, event, tickets))


def _set_state(connection: Connection, known: Code, new: State, at_s: int) -> None:
    is_final = known.state in (State.UNAVAILABLE, State.GIVEN)
    if at_s >= known.state_s and not is_final:
        _keep(connection, known, replace(known, state=new, state_s=at_s))


def _is_entry_of(connection: Connection, known: Code, name: str) -> bool:
    c = seam.upstream_entry.c
    where = (c.event == known.event, c.entry == name, c.ticket == known.ticket)
    return connection.execute(select(c.entry).where(*where)).first() is not None


def _is_being_told(connection: Connection, known: Code) -> bool:
    """Whether an entry of ours may have used it, and nobody has heard the answer yet."""
    c = seam.upstream_entry.c
    where = (c.event == known.event, c.ticket == known.ticket, c.state == "trying")
    return connection.execute(select(c.entry).where(*where)).first() is not None


def _new(account: Account, event: str, card_id: str, code: str, openid: str) -> Code:
    ticket = ticket_id(account, card_id, code)
    return Code(account.appid, card_id, code, event, ticket, openid=openid)


def _add(connection: Connection, code: Code) -> None:
    connection.execute(insert(t.code).values(**_values(replace(code, changed=1, is_stated=False))))


def _keep(connection: Connection, before: Code, after: Code) -> None:
    if after == before:
        return
    c = t.code.c
    where = (c.appid == before.appid, c.card_id == before.card_id, c.code == before.code)
    changed = replace(after, changed=before.changed + 1, is_stated=False)
    connection.execute(update(t.code).where(*where).values(**_values(changed)))


def _values(code: Code) -> dict[str, Any]:
    values = {name: getattr(code, name) for name in _FIELDS}
    return values | {
        "state": code.state.value,
        "is_stated": int(code.is_stated),
        "attributes": msgspec.json.encode(code.attributes).decode(),
    }


def _code(row: Any) -> Code:
    values = {name: getattr(row, name) for name in _FIELDS}
    attributes = msgspec.json.decode(row.attributes)
    is_stated = bool(row.is_stated)
    return Code(
        **values | {"state": State(row.state), "attributes": attributes, "is_stated": is_stated}
    )

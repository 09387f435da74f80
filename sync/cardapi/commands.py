"""``gate cards`` and ``gate tickets``: what is done at the server's own database."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, select

from gate.clock import read_wall_ms
from gate.errors import UsageError
from gate.i18n import _
from gate.text.printable import printable
from sync.cardapi import accounts
from sync.cardapi import tables as t
from sync.cardapi.admin import review
from sync.cardapi.card import Card
from sync.cardapi.issued_codes import cards_of, issued_code_of
from sync.cardapi.orders import codes_of
from sync.cardapi.part import card_part
from sync.cardapi.projection import DEAD, IssuedCode
from sync.server import audit, signing
from sync.server.database import database_of, default_folder, in_transaction, open_database, reading
from sync.server.prepared import in_parts

if TYPE_CHECKING:
    from sync.cardapi.render import Drawn


@dataclass(frozen=True, slots=True)
class Where:
    """The server whose database is meant."""

    database: str = ""
    folder: Path | None = None


@contextmanager
def _opened(where: Where) -> Iterator[Engine]:
    database = database_of(where.folder or default_folder(), where.database)
    engine = open_database(database, (card_part(),), must_exist=True)
    try:
        yield engine
    finally:
        engine.dispose()


def list_cards(where: Where) -> int:
    """Every card, one a line."""
    with _opened(where) as engine, reading(engine) as connection:
        c = t.card.c
        ids = connection.execute(select(c.card_id).order_by(c.created_s, c.card_id)).scalars()
        for card in cards_of(connection, list(ids)).values():
            title = printable(card.base["title"], 40)
            left = f"{card.quantity}/{card.total}"
            line = f"{card.card_id}  {card.status}  {card.kind}  {card.event}  {left}  {title}"
            sys.stdout.write(line + "\n")
    return 0


def review_cards(where: Where, card_ids: Sequence[str], reason: str | None) -> int:
    """Approve cards, or reject them for a reason. Raises UsageError."""
    with _opened(where) as engine:
        for card_id in card_ids:
            job = partial(review, card_id=card_id, reason=reason, now_ms=read_wall_ms())
            act = "card approved" if reason is None else "card rejected"
            noted = audit.noted(
                job, audit.CONSOLE, act, read_wall_ms(), about=lambda card: card.card_id
            )
            card = in_transaction(engine, noted)
            sys.stdout.write(f"{card.card_id}  {card.status}\n")
    return 0


def new_account(where: Where, event: str) -> int:
    """Another account; its secret is told this once. Raises UsageError."""
    make = partial(accounts.create, event=event, now_ms=read_wall_ms())
    noted = audit.noted(
        make,
        audit.CONSOLE,
        "account made",
        read_wall_ms(),
        event=event,
        about=lambda made: made[0].appid,
    )
    with _opened(where) as engine:
        account, secret = in_transaction(engine, noted)
    sys.stdout.write(accounts.words(account, secret) + "\n")
    return 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tickets are to be drawn, and how."""

    codes: Sequence[str] = ()
    card: str = ""
    order: str = ""
    symbology: str = ""
    out: Path = Path()
    """A PNG, SVG or HTML file; for several pictures, a folder."""
    form: str = "png"
    is_signed: bool = False
    """Whether the codes are to prove themselves."""


def render(where: Where, wanted: Wanted) -> int:
    """Draw tickets, each to a file of its own or all on a sheet. Raises UsageError, StoreError."""
    from sync.cardapi.render import drawn, write  # noqa: PLC0415  heavy

    with _opened(where) as engine, reading(engine) as connection:
        found = _find(connection, wanted)
        texts = _signed(connection, found) if wanted.is_signed else {}
    if not found:
        raise UsageError(_("there are no such tickets"), _("Name codes, --card or --order."))
    # By the ticket's id: codes are strangers' text, and no names for files.
    pictures = [
        (issued.ticket, _drawn_as(drawn(card, issued, wanted.symbology), texts.get(issued.ticket)))
        for card, issued in found
    ]
    write(pictures, wanted.out, wanted.form)
    line = _("{count} tickets drawn: {file}").format(count=len(pictures), file=wanted.out)
    sys.stdout.write(line + "\n")
    return 0


def _signed(connection: Connection, found: Sequence[tuple[Card, IssuedCode]]) -> dict[str, str]:
    """The signed codes of tickets, by id; each is signed for its card's event."""
    by_event: dict[str, list[str]] = {}
    for card, issued in found:
        by_event.setdefault(card.event, []).append(issued.ticket)
    return {
        ticket: code
        for event, ids in by_event.items()
        for ticket, code in zip(ids, signing.codes(connection, event, ids), strict=True)
    }


def _drawn_as(one: "Drawn", text: str | None) -> "Drawn":
    return one if text is None else replace(one, text=text)


def _find(connection: Connection, wanted: Wanted) -> list[tuple[Card, IssuedCode]]:
    c = t.issued_code.c
    query = select(t.issued_code).where(c.state.not_in(DEAD)).order_by(c.card_id, c.code)
    if wanted.card:
        query = query.where(c.card_id == wanted.card)
    codes = list(wanted.codes)
    if wanted.order:
        codes += codes_of(connection, wanted.order)
    if not codes and not wanted.card:
        return []
    rows: list[Any] = []
    if codes:
        for some in in_parts(codes):
            rows += connection.execute(query.where(c.code.in_(some))).all()
    else:
        rows = list(connection.execute(query).all())
    cards = cards_of(connection, {row.card_id for row in rows})
    return [(cards[row.card_id], issued_code_of(row)) for row in rows]

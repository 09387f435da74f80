"""Pages on which people find cards to take (``landingpage``, ``mpnews``), each with its QR code.

Every function works in the transaction it is handed. What a page offers are offers like those of
``card/qrcode/create``: they end, and so does the page.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, func, select

from sync.cardapi import cards
from sync.cardapi import tables as t
from sync.cardapi.accounts import Account
from sync.cardapi.card import Card, CardStatus
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.fields import Field, choice, each, flag, need, parts, read_fields, text
from sync.cardapi.fields import card_id as read_card_id
from sync.cardapi.issued_codes import find_card, need_card
from sync.server.prepared import insert_into

PATH: Final = "/cgi-bin/landingpage"
SCENES: Final = (
    "SCENE_NEAR_BY", "SCENE_MENU", "SCENE_QRCODE", "SCENE_ARTICLE", "SCENE_H5", "SCENE_IVR",
    "SCENE_CARD_CUSTOM_CELL",
)  # fmt: skip
MOST: Final = 1000
"""Pages of one account at a time."""
LIFE_S: Final = 365 * 86400


class Shelf(msgspec.Struct, frozen=True):
    """One card on a page."""

    card_id: str
    ticket: str
    """Of the offer that its QR code is."""
    thumb_url: str = ""


class Page(msgspec.Struct, frozen=True):
    """What a page shows."""

    title: str
    shelves: list[Shelf]
    banner: str = ""
    can_share: bool = True
    scene: str = ""


_PAGE: Final = (
    need("banner", text(1024)),
    need("can_share", flag),
    need("scene", choice(SCENES)),
    need(
        "card_list",
        each(parts((need("card_id", read_card_id), Field("thumb_url", text(1024)))), most=10),
    ),
)
_TITLE: Final = text(128)


def create(
    connection: Connection,
    account: Account,
    params: Mapping[str, Any],
    now_ms: int,
    public_url: str = "",
) -> dict[str, Any]:
    """``card/landingpage/create``; ``public_url`` is where people reach us. Raises Refused."""
    # The table of the documentation calls it page_title, some libraries title.
    title = params.get("page_title") or params.get("title")
    if not title:
        raise Refused(Errcode.NO_FIELD, "page_title")
    title = _TITLE("page_title", title)
    asked = read_fields(_PAGE, params)
    if not asked["card_list"]:
        raise Refused(Errcode.NO_FIELD, "card_list")
    for one in asked["card_list"]:
        _need_offerable(connection, account, one["card_id"])
    page_id = _next_id(connection, account)
    shelves = [
        Shelf(
            one["card_id"],
            _offer(connection, account, one["card_id"], now_ms),
            one.get("thumb_url", ""),
        )
        for one in asked["card_list"]
    ]
    page = Page(title, shelves, asked["banner"], asked["can_share"], asked["scene"])
    token = secrets.token_urlsafe(24)
    _put(connection, account, page_id, page, token=token, now_ms=now_ms)
    return {"url": f"{public_url}{PATH}/{token}", "page_id": page_id}


def as_news(
    connection: Connection,
    account: Account,
    params: Mapping[str, Any],
    now_ms: int,
    public_url: str = "",
) -> dict[str, Any]:
    """``card/mpnews/gethtml``: what embeds a card in an article. Raises Refused.

    A card has one such page, however often it is asked for.
    """
    card = _need_offerable(connection, account, params.get("card_id"))
    said = f"mpnews:{card.card_id}".encode()
    token = hmac.digest(bytes.fromhex(account.key), said, hashlib.sha256).hex()[:32]
    if find(connection, token, now_ms // 1000) is None:
        page_id = _next_id(connection, account)
        # One that has ended is in the way until it is forgotten.
        connection.execute(delete(t.landing_page).where(t.landing_page.c.token == token))
        shelf = Shelf(card.card_id, _offer(connection, account, card.card_id, now_ms))
        page = Page(str(card.base["title"]), [shelf])
        _put(connection, account, page_id, page, token=token, now_ms=now_ms)
    url = escape(f"{public_url}{PATH}/{token}")
    return {
        "content": f'<iframe class="res_iframe card_iframe js_editor_card" '
        f'data-src="{url}" src="{url}"></iframe>'
    }


def _need_offerable(connection: Connection, account: Account, card_id: Any) -> Card:
    """A card that whoever comes may take. Raises Refused."""
    card = need_card(connection, account, {"card_id": card_id})
    if card.status is CardStatus.DELETE:
        raise Refused(Errcode.BAD_CARD_STATUS)
    if card.is_custom and not card.is_deposit:
        raise Refused(Errcode.NOT_THIS_CARD, "its codes are to be handed over first")
    if card.base.get("bind_openid"):
        raise Refused(Errcode.NOT_THIS_CARD, "bind_openid")
    return card


def _offer(connection: Connection, account: Account, card_id: str, now_ms: int) -> str:
    """The ticket of an offer for whoever comes. Raises Refused."""
    one = {"action_name": "QR_CARD", "action_info": {"card": {"card_id": card_id}}}
    return str(cards.create_qrcode(connection, account, one, now_ms)["ticket"])


def _next_id(connection: Connection, account: Account) -> int:
    """The number of the account's next page. Raises Refused when it has too many."""
    # Who numbers pages of one account stands in line.
    connection.execute(
        select(t.account.c.appid).where(t.account.c.appid == account.appid).with_for_update()
    )
    c = t.landing_page.c
    query = select(func.count(), func.max(c.page_id)).where(c.appid == account.appid)
    count, last = connection.execute(query).one()
    if count >= MOST:
        raise Refused(Errcode.DAILY_QUOTA, f"at most {MOST} pages")
    return int(last or 0) + 1


def _put(
    connection: Connection, account: Account, page_id: int, page: Page, *, token: str, now_ms: int
) -> None:
    row = insert_into(connection, t.landing_page).values(
        token=token,
        appid=account.appid,
        page_id=page_id,
        body=msgspec.json.encode(page).decode(),
        ends_s=now_ms // 1000 + LIFE_S,
    )
    # Another process may have made the same card's page meanwhile.
    connection.execute(row.on_conflict_do_nothing())


def find(connection: Connection, token: str, now_s: int) -> Page | None:
    """The page of that token, while it lasts."""
    c = t.landing_page.c
    query = select(c.body).where(c.token == token, c.ends_s >= now_s)
    row = None if "\0" in token else connection.execute(query).first()
    return None if row is None else msgspec.json.decode(row.body, type=Page)


def shown(connection: Connection, token: str, now_s: int) -> str | None:
    """The page as HTML: every card that can still be taken, with its QR code."""
    page = find(connection, token, now_s)
    if page is None:
        return None
    offered = [
        (card, shelf)
        for shelf in page.shelves
        if cards.is_offered(connection, shelf.ticket, now_s)
        and (card := find_card(connection, shelf.card_id)) is not None
        and card.status is not CardStatus.DELETE
    ]
    return _html(page, offered)


def _html(page: Page, offered: Sequence[tuple[Card, Shelf]]) -> str:
    """No sentence of ours stands in it: all words are the organiser's."""
    title = escape(page.title)
    parts_ = [f"<h1>{title}</h1>"]
    if page.banner:
        parts_.append(f'<img src="{escape(page.banner)}" alt="" width="320">')
    for card, shelf in offered:
        name, brand = escape(str(card.base["title"])), escape(str(card.base["brand_name"]))
        thumb = f'<img src="{escape(shelf.thumb_url)}" alt="" width="80">' * bool(shelf.thumb_url)
        code = f"/cgi-bin/showqrcode?ticket={escape(shelf.ticket)}"
        parts_.append(
            f"<section><h2>{name}</h2><p>{brand}</p>{thumb}"
            f'<p><img src="../..{code}" alt="{name}" width="240"></p></section>'
        )
    return (
        '<!doctype html><html><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title></head><body>{''.join(parts_)}</body></html>"
    )


def forget(connection: Connection, now_s: int) -> None:
    """Remove pages that have ended."""
    connection.execute(delete(t.landing_page).where(t.landing_page.c.ends_s < now_s))

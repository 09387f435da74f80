"""What the organiser asks about accounts and cards: routes behind the server's admin token."""

import re
import time
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gate.errors import UsageError
from gate.language import _
from sync.central import edge, journals
from sync.central.edge import Denied, reply
from sync.central.server import Server
from sync.protocol import PREFIX
from sync.wechat import accounts, callback, cards
from sync.wechat.accounts import Account, Mode, Review
from sync.wechat.card import Card, CardStatus
from sync.wechat.clockwork import Clockwork
from sync.wechat.crypto import is_aes_key
from sync.wechat.holdings import find_card
from sync.wechat.outgoing import NotAllowed

SMALL = 16 * 1024
_TOKEN = re.compile(r"[A-Za-z0-9]{3,32}")
_Address = Annotated[str, Meta(max_length=64, pattern=r"^[0-9A-Fa-f.:]+$")]
_Event = Annotated[str, Meta(min_length=1, max_length=64)]


class NewAccount(msgspec.Struct, forbid_unknown_fields=True):
    """Asks for an account."""

    event: _Event


class Change(msgspec.Struct, forbid_unknown_fields=True):
    """What is to change in an account; what is not named stays."""

    event: _Event | UnsetType = UNSET
    events: list[_Event] | UnsetType = UNSET
    review: Review | UnsetType = UNSET
    addresses: list[_Address] | UnsetType = UNSET
    callback: Annotated[str, Meta(max_length=1024)] | UnsetType = UNSET
    callback_token: Annotated[str, Meta(max_length=32)] | UnsetType = UNSET
    aes_key: Annotated[str, Meta(max_length=43)] | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET
    grace_s: Annotated[int, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    early_s: Annotated[int, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    late_s: Annotated[int, Meta(ge=0, le=86_400)] | UnsetType = UNSET


class Rejection(msgspec.Struct, forbid_unknown_fields=True):
    """Why a card is rejected."""

    reason: Annotated[str, Meta(max_length=1000)] = ""


_new = msgspec.json.Decoder(NewAccount)
_change = msgspec.json.Decoder(Change)
_rejection = msgspec.json.Decoder(Rejection)


class CardAdmin:
    """The organiser's routes of the ticket system."""

    def __init__(self, server: Server, clockwork: Clockwork) -> None:
        self._server = server
        self._clockwork = clockwork

    def routes(self) -> list[BaseRoute]:
        """Accounts, and the review of cards."""
        return [
            Route(f"{PREFIX}/accounts", self.accounts, methods=["GET"]),
            Route(f"{PREFIX}/accounts", self.new_account, methods=["POST"]),
            Route(f"{PREFIX}/accounts/{{appid}}", self.change, methods=["POST"]),
            Route(f"{PREFIX}/cards/{{card}}/approve", self.approve, methods=["POST"]),
            Route(f"{PREFIX}/cards/{{card}}/reject", self.reject, methods=["POST"]),
        ]

    async def accounts(self, request: Request) -> Response:
        """Every account, without its secrets."""
        self._server.check_admin(request)
        found = await self._server.read(accounts.every)
        return reply([_shown(account) for account in found])

    async def new_account(self, request: Request) -> Response:
        """A new account; its secret is told this once."""
        self._server.check_admin(request)
        asked = edge.decode(_new, await self._body(request))
        make = partial(accounts.create, event=asked.event, now_ms=_now_ms())
        account, secret = await self._try(make)
        return reply(_shown(account) | {"secret": secret}, 201)

    async def change(self, request: Request) -> Response:
        """Change an account; a callback is verified by the handshake first."""
        self._server.check_admin(request)
        asked = edge.decode(_change, await self._body(request))
        appid = request.path_params["appid"]
        before = await self._server.read(accounts.find, appid)
        if before is None:
            raise Denied(404, "no_account", _("There is no such account."))
        fields = {
            name: value
            for name, value in msgspec.structs.asdict(asked).items()
            if value is not UNSET
        }
        await self._check(before, fields)
        return reply(_shown(await self._try(partial(accounts.change, appid=appid, fields=fields))))

    async def _check(self, before: Account, fields: dict[str, Any]) -> None:
        token = fields.get("callback_token", before.callback_token)
        url = fields.get("callback", before.callback)
        aes_key = fields.get("aes_key", before.aes_key)
        if aes_key and not is_aes_key(aes_key):
            raise Denied(422, "invalid", _("aes_key is 43 letters and digits."))
        if fields.get("mode", before.mode) is not Mode.PLAIN and not aes_key:
            raise Denied(422, "invalid", _("Encrypted pushes need an aes_key."))
        if not url or not {"callback", "callback_token"} & fields.keys():
            return
        if not _TOKEN.fullmatch(token):
            raise Denied(422, "invalid", _("A callback token is 3 to 32 letters or digits."))
        try:
            is_heard = await callback.answers(self._clockwork.http, url, token)
        except NotAllowed as error:
            reason = _("The server does not call this address: {why}. See --callback-to.")
            raise Denied(422, "callback", reason.format(why=error)) from error
        if not is_heard:
            reason = _("The callback did not give echostr back: nothing was changed.")
            raise Denied(422, "callback", reason)

    async def approve(self, request: Request) -> Response:
        """Approve a card that waits for review."""
        self._server.check_admin(request)
        await self._body(request)
        return await self._review(request, None)

    async def reject(self, request: Request) -> Response:
        """Reject one, for a reason."""
        self._server.check_admin(request)
        asked = edge.decode(_rejection, await self._body(request) or b"{}")
        return await self._review(request, asked.reason)

    async def _review(self, request: Request, reason: str | None) -> Response:
        job = partial(review, card_id=request.path_params["card"], reason=reason, now_ms=_now_ms())
        card = await self._try(job)
        return reply({"card_id": card.card_id, "status": card.status.value})

    async def _try(self, job: Any) -> Any:
        try:
            return await self._server.write(job)
        except UsageError as error:
            raise Denied(422, "invalid", f"{error.message}. {error.hint}".strip()) from error

    async def _body(self, request: Request) -> bytes:
        return await edge.read_body(request, SMALL, self._server.settings.body_s)


def review(connection: Connection, card_id: str, reason: str | None, now_ms: int) -> Card:
    """Approve a card, or reject it for a reason. Raises UsageError."""
    card = find_card(connection, card_id)
    if card is None:
        raise UsageError(_("there is no card {card}").format(card=card_id[:32]), "")
    journals.lock(connection, card.event)
    card = find_card(connection, card_id) or card
    account = accounts.find(connection, card.appid)
    assert account is not None
    if card.status is CardStatus.DELETE:
        raise UsageError(_("card {card} was deleted").format(card=card_id), "")
    return cards.review(connection, account, card, now_ms, refuse_reason=reason)


def _shown(account: Account) -> dict[str, Any]:
    return {
        "appid": account.appid,
        "event": account.event,
        "original_id": account.original_id,
        "events": list(account.events),
        "review": account.review.value,
        "addresses": list(account.addresses),
        "callback": account.callback,
        "mode": account.mode.value,
        "grace_s": account.grace_s,
        "early_s": account.early_s,
        "late_s": account.late_s,
        "created_ms": account.created_ms,
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

"""What the organiser asks about accounts and cards: routes behind the server's admin token."""

import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.errors import UsageError
from gate.i18n import _, sentences
from sync.cardapi import accounts, callback, cards
from sync.cardapi.accounts import Account, Mode, Review
from sync.cardapi.card import Card, CardStatus
from sync.cardapi.issued_codes import find_card
from sync.push_crypto import is_aes_key
from sync.server import http, journals
from sync.server.http import Denied, reply
from sync.server.organiser_requests import OrganiserRequests, organiser
from sync.server.organisers import Right, check_reach
from sync.server.server import Server
from sync.server.webhooks.delivery import NotAllowed
from sync.wire import PREFIX

T = TypeVar("T")
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

    def __init__(self, server: Server) -> None:
        self._server = server
        self._requests = OrganiserRequests(server)

    def routes(self) -> list[BaseRoute]:
        """Accounts, and the review of cards."""
        accounts_, card = f"{PREFIX}/accounts", f"{PREFIX}/cards/{{card}}"
        wanted = (
            ("GET", accounts_, self._list),
            ("POST", accounts_, self._create),
            ("POST", f"{accounts_}/{{appid}}", self._change),
            ("POST", f"{card}/approve", self._approve),
            ("POST", f"{card}/reject", self._reject),
        )
        return [
            self._requests.route(method, path, Right.ADMINISTER, handler)
            for method, path, handler in wanted
        ]

    async def _list(self, request: Request) -> Response:
        """Every account that the token is for, without its secrets."""
        found = await self._server.read(accounts.every)
        return reply([_shown(account) for account in found if _is_reached(request, account)])

    async def _create(self, request: Request) -> Response:
        """A new account; its secret is shown this once."""
        asked = await self._requests.body(request, _new)
        check_reach(organiser(request), asked.event)
        make = partial(accounts.create, event=asked.event, now_ms=read_wall_ms())
        account, secret = await self._try(
            request, make, "account made", event=asked.event, about=lambda made: made[0].appid
        )
        return reply(_shown(account) | {"secret": secret}, 201)

    async def _change(self, request: Request) -> Response:
        """Change an account; a callback is verified by the handshake first."""
        asked = await self._requests.body(request, _change)
        appid = request.path_params["appid"]
        before = await self._server.read(accounts.find, appid)
        if before is None or not _is_reached(request, before):
            raise Denied(404, "no_account", _("There is no such account."))
        fields = {
            name: value
            for name, value in msgspec.structs.asdict(asked).items()
            if value is not UNSET
        }
        for event in (*fields.get("events", ()), fields.get("event", before.event)):
            check_reach(organiser(request), event)
        await self._check(before, fields)
        change = partial(accounts.change, appid=appid, fields=fields)
        about = f"{appid} {' '.join(sorted(fields))}"
        changed = await self._try(
            request, change, "account changed", event=before.event, about=about
        )
        return reply(_shown(changed))

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
            is_answered = await callback.answers(self._server.deliveries.http, url, token)
        except NotAllowed as error:
            reason = _("The server does not call this address: {why}. See --callback-to.")
            raise Denied(422, "callback", reason.format(why=error)) from error
        if not is_answered:
            reason = _("The callback did not give echostr back: nothing was changed.")
            raise Denied(422, "callback", reason)

    async def _approve(self, request: Request) -> Response:
        """Approve a card that waits for review."""
        await self._requests.raw_body(request)
        return await self._review(request, None)

    async def _reject(self, request: Request) -> Response:
        """Reject one, for a reason."""
        asked = http.decode(_rejection, await self._requests.raw_body(request) or b"{}")
        return await self._review(request, asked.reason)

    async def _review(self, request: Request, reason: str | None) -> Response:
        card_id = request.path_params["card"]
        found = await self._server.read(find_card, card_id)
        event = found.event if found else ""
        if found is not None:
            check_reach(organiser(request), event)
        job = partial(review, card_id=card_id, reason=reason, now_ms=read_wall_ms())
        act = "card approved" if reason is None else "card rejected"
        card = await self._try(request, job, act, event=event, about=card_id)
        self._server.publish_changes(event)
        return reply({"card_id": card.card_id, "status": card.status.value})

    async def _try(
        self,
        request: Request,
        job: Callable[[Connection], T],
        act: str,
        *,
        event: str,
        about: str | Callable[[T], str],
    ) -> T:
        try:
            return await self._requests.write(request, job, act, event=event, about=about)
        except UsageError as error:
            raise Denied(422, "invalid", sentences(error.message, error.hint)) from error


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


def _is_reached(request: Request, account: Account) -> bool:
    """Whether all that an account is for is among the token's own."""
    return all(organiser(request).reaches(one) for one in (account.event, *account.events))


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

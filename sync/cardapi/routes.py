"""The card API's routes: HTTP 200 whatever happens, what happened in ``errcode``."""

import io
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import msgspec
import segno
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gate.clock import read_wall_ms
from gate.errors import StoreError
from sync.cardapi import (
    accounts,
    api_tickets,
    cards,
    claims,
    codes,
    counts,
    gifts,
    landing_pages,
    orders,
    other_kinds,
    updates,
)
from sync.cardapi.accounts import Account, Grant
from sync.cardapi.admin import CardAdmin
from sync.cardapi.app_routes import AppRoutes
from sync.cardapi.background_jobs import CardJobs
from sync.cardapi.elsewhere import Elsewhere, Upstream, whose
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.settings import CardSettings
from sync.server import http
from sync.server.callers import OF_BACKEND, prove
from sync.server.devices import hash_of
from sync.server.http import Denied, reply
from sync.server.limits import Buckets
from sync.server.server import Server
from sync.wire import PREFIX

log = logging.getLogger(__name__)
LARGEST = 1024 * 1024
"""Longest body, in bytes: a hundred codes, or the longest texts a card has, many times over."""
_ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[0-7][0-9a-fA-F])")
_OK = {"errcode": 0, "errmsg": "ok"}
Job = Callable[[Connection, Account, Mapping[str, Any], int], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API."""

    path: str
    do: Callable[..., Mapping[str, Any]]
    """A ``Job``, which is handed what it needs beside."""
    is_read: bool = False
    by_get: bool = False
    """It states what it states in its address."""
    needs_url: bool = False
    """It answers with an address of ours."""


CALLS = (
    Call("/card/code/consume", codes.consume),
    Call("/card/code/get", codes.get, is_read=True),
    Call(f"{PREFIX}/claims", claims.claim),
    Call("/card/create", cards.create),
    Call("/card/get", cards.get, is_read=True),
    Call("/card/batchget", cards.batch_get, is_read=True),
    Call("/card/update", cards.change),
    Call("/card/modifystock", cards.modify_stock),
    Call("/card/delete", cards.remove),
    Call("/card/qrcode/create", cards.create_qrcode, needs_url=True),
    Call("/card/landingpage/create", landing_pages.create, needs_url=True),
    Call("/card/mpnews/gethtml", landing_pages.as_news, needs_url=True),
    Call("/card/testwhitelist/set", cards.testers),
    Call("/card/getcolors", cards.colors, is_read=True, by_get=True),
    Call("/card/code/decrypt", codes.decrypt, is_read=True),
    Call("/card/code/update", codes.change),
    Call("/card/code/unavailable", codes.make_unavailable),
    Call("/card/code/deposit", codes.deposit),
    Call("/card/code/getdepositcount", codes.deposit_count, is_read=True),
    Call("/card/code/checkcode", codes.check, is_read=True),
    Call("/card/user/getcardlist", codes.card_list, is_read=True),
    Call("/card/meetingticket/updateuser", updates.update_meeting),
    Call("/card/movieticket/updateuser", updates.update_movie),
    Call("/card/boardingpass/checkin", updates.check_in),
    Call("/datacube/getcardbizuininfo", counts.overview, is_read=True),
    Call("/datacube/getcardcardinfo", other_kinds.no_figures, is_read=True),
    Call("/datacube/getcardmembercardinfo", other_kinds.no_figures, is_read=True),
    Call("/datacube/getcardmembercarddetail", other_kinds.no_figures, is_read=True),
    Call("/cgi-bin/ticket/getticket", api_tickets.get, by_get=True),
    Call("/cgi-bin/clear_quota", accounts.clear_quota),
    Call(f"{PREFIX}/actions", codes.act),
    Call(f"{PREFIX}/gifts", gifts.give),
    Call(f"{PREFIX}/orders", orders.order),
    Call(f"{PREFIX}/refunds", orders.refund),
)
_REFUSED = tuple(
    Call(path, other_kinds.Refusal(code), is_read=True, by_get=True)
    for path, code in other_kinds.REFUSED.items()
)


class CardApi:
    """The routes, the organiser's with them, and the background jobs that go with both."""

    def __init__(
        self, server: Server, settings: CardSettings, upstream: Upstream | None = None
    ) -> None:
        self._server = server
        self._upstream = upstream
        self._tokens = Buckets(settings.account_per_s, settings.account_burst)
        self.jobs = CardJobs(server)

    async def start(self) -> None:
        """Begin with what is done by the clock."""
        await self.jobs.start()

    async def stop(self) -> None:
        """Stop it."""
        await self.jobs.stop()

    def routes(self) -> list[BaseRoute]:
        """The most asked first."""
        return [*self._calls(), *CardAdmin(self._server).routes()]

    def _calls(self) -> list[BaseRoute]:
        """Every route takes any method, because also a wrong one is answered with an errcode."""
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        found = [
            Route(call.path, partial(self._answer_call, call), methods=methods)
            for call in (*CALLS, *_REFUSED)
        ]
        return [
            *found,
            Route("/cgi-bin/token", self.token, methods=methods),
            Route("/cgi-bin/stable_token", self.stable_token, methods=methods),
            Route("/cgi-bin/showqrcode", self.show_qrcode),
            *AppRoutes(self._server, self._answer, self._body, self._upstream).routes(methods),
            *(
                Route(f"/{room}/{{rest:path}}", self.nowhere, methods=methods)
                for room in ("card", "cgi-bin", "datacube", "membercard")
            ),
        ]

    async def _answer_call(self, call: Call, request: Request) -> Response:
        async def work() -> Mapping[str, Any]:
            if request.method != "POST" and not call.by_get:
                raise Refused(Errcode.NEED_POST)
            token = request.query_params.get("access_token", "")
            if self._tokens.take(hash_of(token)):
                raise Refused(Errcode.TOO_OFTEN)
            params: Mapping[str, Any] = dict(request.query_params)
            if not call.by_get:
                params = await self._body(request)
            answer = await self._do(call, token, params, self._server.public_url(request))
            if isinstance(answer, Elsewhere):
                return await self._go_on(request, answer, None if call.by_get else params)
            prove(request, hash_of(token), OF_BACKEND)
            return answer

        return await self._answer(request, work)

    async def _do(
        self, call: Call, token: str, params: Mapping[str, Any], public_url: str
    ) -> Mapping[str, Any] | Elsewhere:
        now_ms = read_wall_ms()
        do: Job = call.do
        if do is codes.consume:
            do = partial(codes.consume, memory=self._server.memory)
        if call.needs_url:
            do = partial(call.do, public_url=public_url)
        upstream = None if call.path.startswith(PREFIX) else self._upstream
        job = partial(_work, do=do, token=token, params=params, now_ms=now_ms, upstream=upstream)
        done = await (self._server.read(job) if call.is_read else self._server.write(job))
        if isinstance(done, Refused):
            raise done
        if isinstance(done, Elsewhere):
            return done
        if not call.is_read:
            # Most accounts have one. What else a call has changed is found a moment later.
            for event in {done.account.event, *done.account.events}:
                self._server.publish_changes(event)
        return done.answer

    async def _go_on(
        self, request: Request, elsewhere: Elsewhere, read: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """What is answered where the account's cards live; our own token stays here.

        ``read`` is the body, where it was read before.
        """
        is_get = request.method == "GET"
        if is_get:
            read = {k: v for k, v in request.query_params.items() if k != "access_token"}
        elif read is None:
            read = await self._body(request)
        return await elsewhere.upstream.forward(
            elsewhere.appid, request.url.path, read, is_get=is_get
        )

    async def _body(self, request: Request) -> Mapping[str, Any]:
        body = await http.read_body(request, LARGEST, self._server.settings.body_s)
        if not body.strip():
            raise Refused(Errcode.EMPTY_BODY)
        if request.url.path.startswith("/card/") and _ESCAPED.search(body):
            raise Refused(Errcode.ESCAPED)
        try:
            params = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as error:
            raise Refused(Errcode.NOT_JSON) from error
        if not isinstance(params, dict):
            raise Refused(Errcode.NOT_JSON, "an object is wanted")
        return params

    async def _answer(
        self, request: Request, work: Callable[[], Any], head: Mapping[str, Any] = _OK
    ) -> Response:
        """What came of it; ``head`` is what a call that is done says first: tokens, nothing."""
        headers: Mapping[str, str] = {}
        try:
            answer = await work()
            body = {**head, **answer}
        except Refused as refused:
            body = _error(self._slow_down(request, refused))
        except Denied as denied:
            code = _DENIED.get(denied.status, Errcode.BUSY)
            body = _error(Refused(code, denied.problem.error))
            # Such as that the connection ends, because the rest of the body was not read.
            headers = denied.headers
        except DataError:
            body = _error(Refused(Errcode.BAD_PARAMETER))
        except (SQLAlchemyError, StoreError) as error:
            log.error("%s: %s", request.url.path, type(error).__name__)
            body = _error(Refused(Errcode.BUSY))
        except Exception as error:
            log.error("%s: %s", request.url.path, type(error).__name__, exc_info=error)
            body = _error(Refused(Errcode.BUSY))
        response = reply(body)
        response.headers.update(headers)
        return response

    def _slow_down(self, request: Request, refused: Refused) -> Refused:
        """Whoever guesses secrets, tokens or signatures has to wait."""
        if refused.code not in _GUESSES:
            return refused
        try:
            self._server.callers.check_address(request)
        except Denied:
            return Refused(Errcode.TOO_OFTEN)
        return refused

    async def token(self, request: Request) -> Response:
        """``GET /cgi-bin/token``."""

        async def work() -> Mapping[str, Any]:
            if request.method != "GET":
                raise Refused(Errcode.NEED_GET)
            params = dict(request.query_params)
            return await self._grant(request, accounts.fresh_token, params)

        return await self._answer(request, work, {})

    async def stable_token(self, request: Request) -> Response:
        """``POST /cgi-bin/stable_token``."""

        async def work() -> Mapping[str, Any]:
            if request.method != "POST":
                raise Refused(Errcode.NEED_POST)
            params = await self._body(request)
            return await self._grant(request, accounts.stable_token, params)

        return await self._answer(request, work, {})

    async def _grant(
        self,
        request: Request,
        ask: Callable[[Connection, Mapping[str, Any], str, int], Grant],
        params: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        address = request.client.host if request.client else ""
        now_ms = read_wall_ms()

        def work(connection: Connection) -> Grant | Refused:
            try:
                return ask(connection, params, address, now_ms)
            except Refused as refused:
                # A value, so that what was counted is kept.
                return refused

        granted = await self._server.write(work)
        if isinstance(granted, Refused):
            raise granted
        return msgspec.structs.asdict(granted)

    async def show_qrcode(self, request: Request) -> Response:
        """The picture of a QR code that offers a card."""
        ticket = request.query_params.get("ticket", "")
        is_open = partial(cards.is_offered, ticket=ticket, now_s=read_wall_ms() // 1000)
        # Nobody has an own text drawn here: whoever looks needs no token.
        if not await self._server.read(is_open):
            return reply(_error(Refused(Errcode.BAD_ACTION_INFO, "ticket")))
        picture = io.BytesIO()
        segno.make(cards.link(ticket), micro=False).save(picture, kind="png", scale=8)
        return Response(picture.getvalue(), media_type="image/png")

    async def nowhere(self, request: Request) -> Response:
        """Calls that this server does not know."""

        async def work() -> Mapping[str, Any]:
            path, token = request.url.path, request.query_params.get("access_token", "")
            if self._upstream is not None and token and path.startswith(_FORWARDED):
                job = partial(whose, token=token, now_ms=read_wall_ms(), upstream=self._upstream)
                found = await self._server.read(job)
                if isinstance(found, Elsewhere):
                    return await self._go_on(request, found)
            raise Refused(Errcode.BAD_URL)

        return await self._answer(request, work)


_FORWARDED = ("/card/", "/datacube/")
"""Where calls lie that go on whatever they are."""


class _Done(NamedTuple):
    """What a call has come to, and whose it was."""

    account: Account
    answer: Mapping[str, Any]


def _work(
    connection: Connection,
    *,
    do: Job,
    token: str,
    params: Mapping[str, Any],
    now_ms: int,
    upstream: Upstream | None,
) -> _Done | Refused | Elsewhere:
    try:
        account = accounts.with_token(connection, token, now_ms)
        if upstream is not None and upstream.forwards(connection, account.appid):
            return Elsewhere(upstream, account.appid)
        return _Done(account, do(connection, account, params, now_ms))
    except Refused as refused:
        # A value: an exception would undo what others do in the same commit.
        return refused


def _error(refused: Refused) -> dict[str, Any]:
    return {"errcode": refused.code.value, "errmsg": refused.text}


_GUESSES = frozenset(
    {Errcode.BAD_CREDENTIAL, Errcode.BAD_SECRET, Errcode.BAD_APPID, Errcode.BAD_CARD_EXT}
)
_DENIED = {
    413: Errcode.TOO_LONG,
    415: Errcode.NOT_JSON,
    400: Errcode.NOT_JSON,
    422: Errcode.BAD_PARAMETER,
}
"""How the server's own refusals are called here; all others are "busy, try again"."""

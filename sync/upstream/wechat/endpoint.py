"""Where WeChat pushes to: checked, kept, answered at once; what follows is drawn afterwards."""

import logging
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from gate.clock import read_wall_ms
from gate.i18n import _
from gate.text.printable import printable
from sync.server import http
from sync.server.http import Denied
from sync.server.server import Server
from sync.upstream.wechat import accounts, inbox, pushes
from sync.upstream.wechat.accounts import Account
from sync.upstream.wechat.pushes import NotWeChat

log = logging.getLogger(__name__)
PATH: Final = "/wechat/push"
LARGEST: Final = 64 * 1024
"""Longest push, in bytes."""
SUCCESS: Final = "success"
_LONGEST: Final = 64
"""Longest appid."""


class Endpoint:
    """The routes of one server process."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def routes(self) -> list[BaseRoute]:
        """The one address of each account."""
        path = f"{PATH}/{{appid}}"
        return [
            Route(path, self.greet, methods=["GET"]),
            Route(path, self.receive, methods=["POST"]),
        ]

    async def greet(self, request: Request) -> Response:
        """The handshake by which WeChat makes sure of an address."""
        account, query = await self._account(request), dict(request.query_params)
        if not pushes.is_signed(account, query, read_wall_ms() // 1000):
            raise self._denied(request)
        return PlainTextResponse(query.get("echostr", ""))

    async def receive(self, request: Request) -> Response:
        """One push; it is on disk when WeChat is answered, and else WeChat comes again."""
        account = await self._account(request)
        body = await http.read_body(request, LARGEST, self._server.settings.body_s)
        now_ms = read_wall_ms()
        try:
            received = pushes.receive(account, request.query_params, body, now_ms // 1000)
        except NotWeChat as error:
            raise self._denied(request) from error
        job = partial(inbox.take, account=account, received=received, now_ms=now_ms)
        if not await self._server.write(job):
            raise self._denied(request, "another push under a signature that was used")
        return PlainTextResponse(SUCCESS)

    async def _account(self, request: Request) -> Account:
        appid = request.path_params["appid"]
        is_one = len(appid) <= _LONGEST and appid.isascii() and appid.isalnum()
        account = await self._server.read(accounts.find, appid) if is_one else None
        if account is None:
            raise self._denied(request, "no such account")
        return account

    def _denied(self, request: Request, why: str = "not signed as WeChat signs") -> Denied:
        """The same for whoever has no business here; whoever guesses has to wait.

        It is logged as often as somebody is answered so: who has to wait is in no line.
        """
        self._server.callers.check_address(request)
        appid = printable(request.path_params["appid"], _LONGEST)
        log.warning("account=%s from=%s refused a push: %s", appid, http.address_of(request), why)
        return Denied(403, "not_wechat", _("This is not signed as WeChat signs."))

"""The organiser's routes about webhooks: made, listed with how telling them goes, tried, ended."""

import time
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from sync.api.administration import Pong
from sync.server.http import reply
from sync.server.operation import NOTHING, Operation
from sync.server.organiser_requests import OrganiserRequests
from sync.server.organisers import Right
from sync.server.server import Server
from sync.server.webhooks import registered
from sync.server.webhooks.registered import NewWebhook, WebhookLine, line_of
from sync.server.webhooks.signed import ping
from sync.wire import PREFIX

_new_webhook = msgspec.json.Decoder(NewWebhook)


class WebhookRoutes:
    """Who is told by the server what happens in an event."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._requests = OrganiserRequests(server)

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        route, webhooks = self._requests.route, f"{PREFIX}/events/{{event}}/webhooks"
        webhook, right = f"{webhooks}/{{webhook}}", Right.ADMINISTER
        return [
            route("GET", webhooks, right, self._list, Operation(list[WebhookLine])),
            route("POST", webhooks, right, self._create,
                  Operation(WebhookLine, NewWebhook, status=201,
                            problems={409: "too_many", 422: "webhook"})),
            route("DELETE", webhook, right, self._remove,
                  Operation(WebhookLine, problems={404: "no_webhook"})),
            route("POST", f"{webhook}/ping", right, self._ping,
                  Operation(Pong, NOTHING, problems={404: "no_webhook"})),
        ]  # fmt: skip

    async def _list(self, request: Request) -> Response:
        """Every webhook of the event, what waits for it, and how the last try went."""
        return reply(await self._requests.read(request, registered.lines))

    async def _create(self, request: Request) -> Response:
        """Another webhook, which is told what happens from now on. Its secret is shown once."""
        event = request.path_params["event"]
        asked = await self._requests.body(request, _new_webhook)
        registered.check_url(asked.url, self._server.settings.callback_to)
        make = partial(
            registered.make, event=event, url=asked.url, kinds=asked.kinds, now_ms=read_wall_ms()
        )
        made = await self._requests.write(
            request, make, "webhook made", event=event, about=lambda made: made.text
        )
        return reply(line_of(made, secret=made.secret), 201)

    async def _remove(self, request: Request) -> Response:
        """End a webhook: it is told nothing any more, not even what waits for it."""
        event, id_ = request.path_params["event"], request.path_params["webhook"]
        gone = await self._requests.write(
            request, partial(registered.remove, event=event, id_=id_), "webhook ended",
            event=event, about=id_,
        )  # fmt: skip
        return reply(line_of(gone))

    async def _ping(self, request: Request) -> Response:
        """Send a webhook something at once, and say what came of it."""
        await self._requests.raw_body(request)
        id_ = request.path_params["webhook"]
        webhook = await self._requests.read(request, partial(registered.need, id_=id_))
        begun_s = time.monotonic()
        why_not = await ping(self._server.deliveries.http, webhook)
        took_ms = int((time.monotonic() - begun_s) * 1000)
        note = partial(registered.note_try, id_=id_, why_not=why_not, now_ms=read_wall_ms())
        await self._server.write(note)
        return reply(Pong(not why_not, took_ms, why_not))

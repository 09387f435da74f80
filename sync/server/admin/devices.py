"""The organiser's routes about devices: asked in by a link, retired, shut out, disowned."""

from collections.abc import Sequence
from functools import partial

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.core.disowning import Effect
from sync.api.administration import DeviceLine, Disown, FromMs, NewToken, Token
from sync.server import devices, enrolment, http
from sync.server.devices import State, need_event
from sync.server.enrolment import Link
from sync.server.http import check_name, reply
from sync.server.operation import Operation, Parameter
from sync.server.organiser_requests import OrganiserRequests
from sync.server.organisers import Right
from sync.server.part import Part, look_again
from sync.server.server import Server
from sync.wire import PREFIX

_disown = msgspec.json.Decoder(Disown)
_new_token = msgspec.json.Decoder(NewToken)
_STATE = Operation(DeviceLine, problems={404: "no_device", 409: "revoked"})
_DISOWN = {400: "malformed", 404: "no_device", 409: "not_revoked", 422: "invalid"}
_FROM = Parameter(
    "from_ms", FromMs, "From which moment on nothing would count, by the device's own times."
)


class DeviceRoutes:
    """Devices of an event, and the tokens by which new ones enrol."""

    def __init__(self, server: Server, parts: Sequence[Part]) -> None:
        self._server = server
        self._requests = OrganiserRequests(server)
        self._parts = parts

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        route, event = self._requests.route, f"{PREFIX}/events/{{event}}"
        tokens, device = f"{event}/tokens", f"{event}/devices/{{device}}"
        return [
            route("POST", tokens, Right.ADMINISTER, self._new_token,
                  Operation(Token, NewToken, status=201)),
            route("GET", tokens, Right.ADMINISTER, self._links, Operation(list[Link])),
            route("POST", f"{tokens}/{{token}}/withdraw", Right.ADMINISTER, self._withdraw,
                  Operation(list[Link], problems={404: "no_token"})),
            route("GET", f"{event}/devices", Right.COUNTS, self._list,
                  Operation(list[DeviceLine])),
            route("POST", f"{device}/retire", Right.ADMINISTER, self._retire, _STATE),
            route("POST", f"{device}/unretire", Right.ADMINISTER, self._unretire, _STATE),
            route("POST", f"{device}/revoke", Right.ADMINISTER, self._revoke, _STATE),
            route("GET", f"{device}/disown", Right.ADMINISTER, self._would_disown,
                  Operation(Effect, query=[_FROM], problems=_DISOWN)),
            route("POST", f"{device}/disown", Right.ADMINISTER, self._disown,
                  Operation(Effect, Disown, problems=_DISOWN)),
        ]  # fmt: skip

    async def _new_token(self, request: Request) -> Response:
        """A one-time token with which a device enrols."""
        event = request.path_params["event"]
        asked = await self._requests.body(request, _new_token)
        check_name(asked.name)
        mint = partial(
            enrolment.mint_token,
            event=event,
            name=asked.name,
            now_ms=read_wall_ms(),
            lifetime_s=asked.lifetime_s,
        )
        token, expires_ms = await self._requests.write(
            request, mint, "invite", event=event, about=lambda made: enrolment.link_id(made[0])
        )
        return reply(Token(token, expires_ms), 201)

    async def _links(self, request: Request) -> Response:
        """The tokens that a device can still enrol with."""
        links = partial(enrolment.links, now_ms=read_wall_ms())
        return reply(await self._requests.read(request, links))

    async def _withdraw(self, request: Request) -> Response:
        """Make a token that was not used yet good for nothing."""
        event = request.path_params["event"]
        withdraw = partial(
            enrolment.withdraw,
            event=event,
            id_or_name=request.path_params["token"],
            now_ms=read_wall_ms(),
        )
        gone = await self._requests.write(
            request, withdraw, "withdraw", event=event, about=enrolment.links_text
        )
        return reply(gone)

    async def _list(self, request: Request) -> Response:
        """Every device of the event."""
        event = request.path_params["event"]
        await self._server.read(need_event, event)
        await self._server.device_cache.refresh()
        return reply(self._server.device_cache.lines(event))

    async def _retire(self, request: Request) -> Response:
        """A lane that is not at work any more: nobody waits to hear from it."""
        return await self._set_state(request, State.RETIRED)

    async def _unretire(self, request: Request) -> Response:
        """A retired lane is at work again."""
        return await self._set_state(request, State.ENROLLED)

    async def _revoke(self, request: Request) -> Response:
        """A stolen or lost device: its credential stops working at once."""
        return await self._set_state(request, State.REVOKED)

    async def _set_state(self, request: Request, state: State) -> Response:
        server, event = self._server, request.path_params["event"]
        device = request.path_params["device"]
        await self._requests.write(
            request,
            partial(devices.set_state, event=event, device=device, state=state),
            devices.ACTS[state],
            event=event,
            about=lambda is_new: device if is_new else None,
        )
        await server.device_cache.refresh()
        server.streams.cut_revoked()
        server.publish_changes(event)
        found = [line for line in server.device_cache.lines(event) if line.id == device]
        return reply(found[0])

    async def _would_disown(self, request: Request) -> Response:
        """What would change if a revoked device were disowned, from ``from_ms`` on."""
        text = request.query_params.get("from_ms", "0")
        asked = http.decode(_disown, f'{{"from_ms":{text}}}'.encode())
        event, device = request.path_params["event"], request.path_params["device"]
        foresee = partial(devices.would_disown, event=event, device=device, from_ms=asked.from_ms)
        return reply(await self._server.read(foresee))

    async def _disown(self, request: Request) -> Response:
        """What a revoked device did from ``from_ms`` on has no effect any more."""
        server, event = self._server, request.path_params["event"]
        device = request.path_params["device"]
        asked = await self._requests.body(request, _disown)

        def disown(connection: Connection) -> Effect:
            changes = devices.disown(connection, event, device, asked.from_ms)
            look_again(self._parts, connection, event, changes)
            return changes

        about = f"{device} from {asked.from_ms}"
        changes = await self._requests.write(request, disown, "disown", event=event, about=about)
        await server.device_cache.refresh()
        server.publish_changes(event)
        return reply(changes)

"""WeChat as the seam and the card API see it, and as a part of the server."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.core.entry import Entry
from sync.server.background_jobs import BackgroundJobs
from sync.server.migrations import written_in
from sync.server.part import Part
from sync.server.server import Server
from sync.upstream.links import Link
from sync.upstream.seam import Due, Page, Schedule, Told
from sync.upstream.wechat import accounts, inbox, personal, push
from sync.upstream.wechat.client import WeChatClient
from sync.upstream.wechat.endpoint import Endpoint
from sync.upstream.wechat.forwarding import Forwarding
from sync.upstream.wechat.pull import WeChatPull
from sync.upstream.wechat.push import WeChatPush
from sync.upstream.wechat.relay import Relay

TIDY_EVERY_S = 3600.0


class WeChat:
    """All accounts at WeChat; it works once its part is mounted on a server."""

    def __init__(self, client: Callable[[Server], WeChatClient] = WeChatClient) -> None:
        """``client`` makes the way to WeChat."""
        self._client = client
        self._mounted: _Mounted | None = None

    @property
    def part(self) -> Part:
        """What is mounted on the server, before the upstreams that it is one of."""
        return Part(
            name="wechat",
            migrations=written_in(Path(__file__).parent / "migrations"),
            prepare=lambda _connection, _event, _now_ms: (),
            # What was told stays told.
            look_again=lambda _connection, _event, _tickets: None,
            personal=personal.PERSONAL,
            mount=self._mount,
        )

    def _mount(self, server: Server) -> "_Mounted":
        self._mounted = _Mounted(server, self._client(server))
        return self._mounted

    @property
    def _at_work(self) -> "_Mounted":
        assert self._mounted is not None
        return self._mounted

    def forwards(self, connection: Connection, appid: str) -> bool:
        """Whether an account's calls go on to WeChat."""
        return accounts.find(connection, appid) is not None

    async def forward(
        self, appid: str, path: str, params: Mapping[str, Any], *, is_get: bool
    ) -> Mapping[str, Any]:
        """What WeChat answers to the organiser's call."""
        return await self._at_work.forwarding.call(appid, path, params, is_get=is_get)

    async def forward_form(
        self, appid: str, path: str, content: bytes, content_type: str
    ) -> Mapping[str, Any]:
        """What WeChat answers to a form of the organiser's."""
        return await self._at_work.forwarding.call_by_form(appid, path, content, content_type)

    def schedule(
        self, connection: Connection, link: Link, entry: Entry, now_ms: int
    ) -> Schedule | None:
        """When WeChat is told of an entry."""
        return push.schedule(connection, link, entry, now_ms)

    async def pull(
        self,
        link: Link,
        *,
        is_busy: bool,
        ours: frozenset[str],  # noqa: ARG002
        again: frozenset[str],  # noqa: ARG002
    ) -> Page:
        """What pushes said, and what was asked. Raises AwayError, StoppedError."""
        return await self._at_work.pull.next_page(link, is_busy=is_busy)

    async def push(self, link: Link, due: Due) -> Told:
        """Tell one entry. Raises AwayError, StoppedError."""
        return await self._at_work.push.tell(link, due)

    async def close(self) -> None:
        """Close what is open."""
        await self._at_work.client.close()


class _Mounted:
    """The same on one server process."""

    def __init__(self, server: Server, client: WeChatClient) -> None:
        self._server = server
        self.client = client
        self.pull = WeChatPull(server, self.client)
        self.push = WeChatPush(server, self.client, self.pull)
        self.forwarding = Forwarding(server, self.client)
        self._jobs = BackgroundJobs("wechat")

    def routes(self) -> Sequence[BaseRoute]:
        """Where WeChat pushes to."""
        return Endpoint(self._server).routes()

    async def start(self) -> None:
        """Begin to listen."""
        self._server.deliveries.open_channel(inbox.CHANNEL, Relay(self._server))
        if self._server.settings.runs_jobs:
            self._jobs.run(self._tidy, TIDY_EVERY_S)

    async def stop(self) -> None:
        """Stop listening; who tells WeChat has stopped before."""
        await self._jobs.stop()

    async def _tidy(self) -> bool:
        await self._server.write(partial(inbox.forget_old, now_ms=read_wall_ms()))
        return False

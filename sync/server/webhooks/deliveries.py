"""What waits in the outbox is delivered: by every channel, a few at a time, to its end."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

import httpx
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gate.clock import read_wall_ms
from gate.errors import StoreError
from sync.server.background_jobs import BackgroundJobs
from sync.server.http import Denied
from sync.server.webhooks import outbox
from sync.server.webhooks.delivery import WebhookDelivery, client
from sync.server.webhooks.outbox import OutboxEvent

if TYPE_CHECKING:
    from sync.server.server import Server

log = logging.getLogger(__name__)
EVERY_S = 0.25
TIDY_EVERY_S = 3600.0
AT_ONCE, AT_ONCE_EACH = 64, 16
"""How many deliveries are under way at a time, in all and to one recipient."""


class Channel(Protocol):
    """A way of telling."""

    @property
    def again_ms(self) -> Sequence[int]:
        """How long after each failed try the next may be: when all are used up, it is given up."""
        ...

    async def deliver(self, event: OutboxEvent) -> str:
        """Tell one event; the answer is why it was not taken, empty when it was."""
        ...

    def note(self, connection: Connection, event: OutboxEvent, why_not: str, now_ms: int) -> None:
        """Keep how that went, in the transaction that settles it."""
        ...


class Deliveries:
    """The deliveries of one server process."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._channels: dict[str, Channel] = {}
        self._http: httpx.AsyncClient | None = None
        self._jobs = BackgroundJobs("deliveries")
        self._under_way: dict[asyncio.Task[None], str] = {}

    @property
    def http(self) -> httpx.AsyncClient:
        """The client that backends are reached with."""
        assert self._http is not None
        return self._http

    @http.setter
    def http(self, client: httpx.AsyncClient) -> None:
        self._http = client

    def open_channel(self, name: str, channel: Channel) -> None:
        """Deliver what waits for that channel from now on."""
        self._channels[name] = channel

    async def start(self) -> None:
        """Begin to deliver, where this process does."""
        self._http = client(WebhookDelivery(self._server.settings.callback_to))
        if self._server.settings.runs_jobs:
            self._jobs.run(self.deliver, EVERY_S)
            self._jobs.run(self.tidy, TIDY_EVERY_S)

    async def stop(self) -> None:
        """Stop; what was on its way is delivered again by whoever takes it next."""
        await self._jobs.stop()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()

    async def tidy(self) -> bool:
        """Forget what nobody took."""
        await self._server.write(partial(outbox.forget_failed, now_ms=read_wall_ms()))
        return False

    async def deliver(self) -> bool:
        """Begin to deliver what is due, as much as goes at once; whether there may be more."""
        room = AT_ONCE - len(self._under_way)
        if room <= 0:
            return False
        each = Counter(self._under_way.values())
        busy = [recipient for recipient, count in each.items() if count >= AT_ONCE_EACH]
        most = AT_ONCE_EACH - max((n for n in each.values() if n < AT_ONCE_EACH), default=0)
        ids = await self._server.read(
            outbox.due, list(self._channels), read_wall_ms(), min(room, most), busy
        )
        if not ids:
            return False
        taken = await self._server.write(partial(outbox.lease, ids=ids, now_ms=read_wall_ms()))
        for event in taken:
            task = asyncio.create_task(self._deliver(event))
            self._under_way[task] = event.recipient
            task.add_done_callback(self._finish)
        return bool(taken)

    async def settled(self) -> None:
        """Wait for what is under way."""
        for task in list(self._under_way):
            await task

    def _finish(self, task: "asyncio.Task[None]") -> None:
        self._under_way.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("delivery: %s", type(error).__name__, exc_info=error)

    async def _deliver(self, event: OutboxEvent) -> None:
        channel = self._channels[event.channel]
        with suppress(SQLAlchemyError, StoreError, Denied):
            # Where the database is away the lease runs out, and it is told again.
            why_not = await channel.deliver(event)
            await self._server.write(partial(_settle, channel, event, why_not, read_wall_ms()))


def _settle(
    channel: Channel, event: OutboxEvent, why_not: str, now_ms: int, connection: Connection
) -> None:
    channel.note(connection, event, why_not, now_ms)
    outbox.settle(connection, event, now_ms, was_delivered=not why_not, again_ms=channel.again_ms)

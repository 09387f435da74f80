"""What the server does by itself: follows journals, ends overdue gifts, delivers to callbacks.

What there is to do stands in tables, so a restart forgets nothing; several servers of one database
may all run it, and each thing is done by one of them.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import httpx
from sqlalchemy.exc import SQLAlchemyError

from gate.clock import read_wall_ms
from gate.errors import StoreError
from sync.cardapi import accounts, callback, cards, gifts, redemption_consumer, webhook_outbox
from sync.cardapi.settings import CardSettings
from sync.cardapi.webhook_delivery import WebhookDelivery
from sync.cardapi.webhook_outbox import WebhookEvent
from sync.server.http import Denied
from sync.server.server import Server

log = logging.getLogger(__name__)
EVERY_S = 0.25
SLOWLY_S = 5.0
AT_ONCE, AT_ONCE_EACH = 64, 16
"""How many deliveries are under way at a time, in all and of one account."""


class BackgroundJobs:
    """The tasks of one server process."""

    def __init__(self, server: Server, settings: CardSettings) -> None:
        self._server = server
        self._settings = settings
        self._http: httpx.AsyncClient | None = None
        self._loops: list[asyncio.Task[None]] = []
        self._deliveries: dict[asyncio.Task[None], str] = {}

    @property
    def http(self) -> httpx.AsyncClient:
        """The client that callbacks are reached with."""
        assert self._http is not None
        return self._http

    async def start(self) -> None:
        """Begin to work."""
        self._http = callback.client(WebhookDelivery(self._settings.callback_to))
        if not self._settings.runs_jobs:
            return
        self._loops = [
            asyncio.create_task(self._keep_on(step, every_s))
            for step, every_s in (
                (self.follow, EVERY_S),
                (self.deliver, EVERY_S),
                (self.end_gifts, SLOWLY_S),
                (self.tidy, 3600.0),
            )
        ]

    async def stop(self) -> None:
        """Stop; what was on its way is delivered again by whoever takes it next."""
        tasks = [*self._loops, *self._deliveries]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()

    async def _keep_on(self, step: Callable[[], Awaitable[bool]], every_s: float) -> None:
        while True:
            has_more = False
            try:
                has_more = await step()
            except (SQLAlchemyError, StoreError, Denied) as error:
                log.error("card jobs: %s", type(error).__name__)
            except Exception as error:  # One bad row must not stop it for all.
                log.error("card jobs: %s", type(error).__name__, exc_info=error)
            await asyncio.sleep(0 if has_more else every_s)

    async def follow(self) -> bool:
        """Draw the consequences of new entries; whether there are more."""
        has_more = False
        for event in await self._server.read(redemption_consumer.behind):
            job = partial(redemption_consumer.follow, event=event, now_ms=read_wall_ms())
            has_more |= await self._server.write(job) == redemption_consumer.PAGE
        return has_more

    async def end_gifts(self) -> bool:
        """Give back what was not taken in time."""
        for card_id, code in await self._server.read(gifts.overdue, read_wall_ms() // 1000):
            job = partial(gifts.time_out, card_id=card_id, code=code, now_ms=read_wall_ms())
            event = await self._server.write(job)
            if event is not None:
                self._server.publish_changes(event)
        return False

    async def tidy(self) -> bool:
        """Forget what nobody took, and what nobody can take any more."""
        await self._server.write(partial(cards.forget_offers, now_s=read_wall_ms() // 1000))
        await self._server.write(partial(webhook_outbox.forget_failed, now_ms=read_wall_ms()))
        return False

    async def deliver(self) -> bool:
        """Begin to deliver what is due, as much as goes at once; whether there may be more."""
        room = AT_ONCE - len(self._deliveries)
        if room <= 0:
            return False
        each = Counter(self._deliveries.values())
        busy = [appid for appid, count in each.items() if count >= AT_ONCE_EACH]
        most = AT_ONCE_EACH - max((n for n in each.values() if n < AT_ONCE_EACH), default=0)
        ids = await self._server.read(webhook_outbox.due, read_wall_ms(), min(room, most), busy)
        if not ids:
            return False
        taken = await self._server.write(
            partial(webhook_outbox.lease, ids=ids, now_ms=read_wall_ms())
        )
        for notice in taken:
            task = asyncio.create_task(self._deliver(notice))
            self._deliveries[task] = notice.appid
            task.add_done_callback(self._finish)
        return bool(taken)

    def _finish(self, task: "asyncio.Task[None]") -> None:
        self._deliveries.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("delivery to a callback: %s", type(error).__name__, exc_info=error)

    async def _deliver(self, notice: WebhookEvent) -> None:
        with suppress(SQLAlchemyError, StoreError, Denied):
            # Where the database is away the lease runs out, and it is told again.
            account = await self._server.read(accounts.find, notice.appid)
            is_delivered = False
            if account is not None and account.callback:
                is_delivered = await callback.deliver(self.http, account, notice.body)
            await self._server.write(
                partial(
                    webhook_outbox.settle,
                    notice=notice,
                    now_ms=read_wall_ms(),
                    was_delivered=is_delivered,
                )
            )
            if not is_delivered:
                log.warning(
                    "callback of %s did not take %s, try %d",
                    notice.appid, notice.body.event, notice.tries,
                )  # fmt: skip

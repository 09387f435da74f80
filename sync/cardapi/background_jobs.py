"""What the card API does by itself: follows journals, ends overdue gifts, tells callbacks."""

import logging
from functools import partial

from sqlalchemy import Connection

from gate.clock import read_wall_ms
from sync.cardapi import (
    accounts,
    api_tickets,
    callback,
    cards,
    gifts,
    landing_pages,
    redemption_consumer,
)
from sync.cardapi.webhook_outbox import CHANNEL, body_of
from sync.server.background_jobs import BackgroundJobs
from sync.server.server import Server
from sync.server.webhooks.outbox import OutboxEvent

log = logging.getLogger(__name__)
EVERY_S = 0.25
SLOWLY_S = 5.0
TIDY_EVERY_S = 3600.0


class CardJobs:
    """The tasks of one server process."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._jobs = BackgroundJobs("card jobs")

    async def start(self) -> None:
        """Begin to work."""
        self._server.deliveries.open_channel(CHANNEL, Callbacks(self._server))
        if self._server.settings.runs_jobs:
            self._jobs.run(self.follow, EVERY_S)
            self._jobs.run(self.end_gifts, SLOWLY_S)
            self._jobs.run(self.tidy, TIDY_EVERY_S)

    async def stop(self) -> None:
        """Stop."""
        await self._jobs.stop()

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
        """Forget what nobody can take any more."""
        await self._server.write(partial(_forget, now_ms=read_wall_ms()))
        return False


def _forget(connection: Connection, now_ms: int) -> None:
    cards.forget_offers(connection, now_ms // 1000)
    landing_pages.forget(connection, now_ms // 1000)
    api_tickets.forget(connection, now_ms)


class Callbacks:
    """The accounts' callbacks as a channel of the outbox."""

    again_ms = (1_000, 5_000)

    def __init__(self, server: Server) -> None:
        self._server = server

    async def deliver(self, event: OutboxEvent) -> str:
        """Tell one event to an account's callback; why it was not taken, empty when it was."""
        account = await self._server.read(accounts.find, event.recipient)
        body = body_of(event.body)
        http = self._server.deliveries.http
        if account is not None and account.callback and await callback.deliver(http, account, body):
            return ""
        log.warning(
            "callback of %s did not take %s, try %d", event.recipient, body.event, event.tries
        )
        return "not taken"

    def note(self, connection: Connection, event: OutboxEvent, why_not: str, now_ms: int) -> None:
        """Nothing is kept: the log has it."""

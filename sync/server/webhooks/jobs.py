"""What the server does by itself for webhooks: follows what happens, and looks what has turned."""

from functools import partial
from typing import TYPE_CHECKING, Final

from gate.clock import read_wall_ms
from sync.server.background_jobs import BackgroundJobs
from sync.server.webhooks import consumer, registered, standing
from sync.server.webhooks.registered import CHANNEL
from sync.server.webhooks.signed import SignedWebhooks
from sync.server.webhooks.standing import Heard

if TYPE_CHECKING:
    from sync.server.server import Server

EVERY_S: Final = 0.25
LOOK_EVERY_S: Final = 2.0


class WebhookJobs:
    """The tasks of one server process."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._jobs = BackgroundJobs("webhook jobs")

    async def start(self) -> None:
        """Begin to work, where this process does."""
        self._since_ms = read_wall_ms()
        self._server.deliveries.open_channel(CHANNEL, SignedWebhooks(self._server))
        if self._server.settings.runs_jobs:
            self._jobs.run(self.follow, EVERY_S)
            self._jobs.run(self.look, LOOK_EVERY_S)

    async def stop(self) -> None:
        """Stop."""
        await self._jobs.stop()

    async def follow(self) -> bool:
        """Make messages of what happened; whether there is more."""
        has_more = False
        for event in await self._server.read(consumer.behind):
            job = partial(consumer.follow, event=event, now_ms=read_wall_ms())
            has_more |= await self._server.write(job)
        return has_more

    async def look(self) -> bool:
        """Tell what has turned."""
        reports = self._server.device_cache.reports
        heard = Heard({id_: reports.heard_ms(id_) for id_ in reports.rows}, self._since_ms)
        for event in await self._server.read(registered.events):
            job = partial(standing.look, event=event, heard=heard, now_ms=read_wall_ms())
            await self._server.write(job)
        return False

"""What the routes share: the database, who may come, what is new, and the running parts."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection

from gate.clock import read_wall_ms
from gate.core.health import Worry
from gate.core.upstream_state import UpstreamState
from gate.errors import StoreError
from sync.server import devices
from sync.server.access import Access
from sync.server.anomalies import EventAnomalies
from sync.server.callers import Callers
from sync.server.device_cache import READ_EVERY_S, DeviceCache
from sync.server.exchange import Exchange
from sync.server.head_cache import Memory
from sync.server.metrics import Metrics
from sync.server.push_batches import PushBatches
from sync.server.seen_twins import SeenTwins
from sync.server.settings import Settings
from sync.server.snapshot import Snapshots
from sync.server.stream import Streams
from sync.server.tip_cache import TipCache
from sync.server.webhooks.deliveries import Deliveries
from sync.server.webhooks.jobs import WebhookJobs

log = logging.getLogger(__name__)
T = TypeVar("T")
HEARD_WITHIN_MS = 60_000
"""Of whom numbers are told to Prometheus."""


class Server:
    """One process of the central server, between its start and its end."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings
        self.metrics = Metrics()
        self.access = Access(engine)
        self.device_cache = DeviceCache(partial(self.read, devices.all_devices))
        self.tip_cache = TipCache(self.read)
        self.twins = SeenTwins(self.device_cache)
        self.callers = Callers(settings, self.access, self.device_cache, self.twins)
        self.anomalies = EventAnomalies()
        self.exchange = Exchange(self)
        self.streams = Streams(self)
        self.snapshots = Snapshots(engine, settings.folder / "snapshots")
        self.taking_list = asyncio.Lock()
        """Held while a list of tickets is read: one at a time."""
        self.deliveries = Deliveries(self)
        self.webhooks = WebhookJobs(self)
        self._keeper: asyncio.Task[None] | None = None
        self.upstream_state: Callable[[str], UpstreamState | None] = lambda _event: None
        """How the system stands that an event's tickets live in; ``None`` where there is none."""
        self.metrics.watch("gate_streams", "Connected streams", lambda: self.streams.connected)
        self.metrics.watch("gate_devices_heard", "Devices heard in the last minute", self._heard)
        self.metrics.watch_each(
            "gate_devices_not_well", "Those of them that say that a part of theirs is not well",
            "part", {worry: partial(self._worried, worry) for worry in Worry},
        )  # fmt: skip

    async def start(self) -> None:
        """Begin to work."""
        commit = self.access.start()
        self.memory = Memory(self.engine)
        self.push_batches = PushBatches(commit, self.memory)
        self._keeper = asyncio.create_task(self._keep_on())
        await self.deliveries.start()
        await self.webhooks.start()

    async def stop(self) -> None:
        """Finish what is waiting, and stop."""
        await self.webhooks.stop()
        await self.deliveries.stop()
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        await self.streams.stop()
        await self.snapshots.stop()
        if self._keeper is not None:
            with suppress(SQLAlchemyError):
                await self.keep()
                await self.callers.failed.keep(self.access, every_s=0)
        await self.access.stop()

    async def read(self, job: Callable[..., T], *arguments: Any) -> T:
        """Have something read, in a short transaction of its own, beside the event loop."""
        return await self.access.read(job, *arguments)

    async def write(self, job: Callable[[Connection], T]) -> T:
        """Have something written; on disk when this returns."""
        return await self.access.write(job)

    def publish_changes(self, event: str) -> None:
        """The feed of an event went on here: let connected devices have it now."""
        self.tip_cache.forget(event)
        self.streams.wake(event, {})

    def public_url(self, asking: HTTPConnection) -> str:
        """Where the server is reached, without a slash at its end.

        As it was given at its start, or else as whoever asks has reached it.
        """
        return self.settings.url or str(asking.base_url).rstrip("/")

    async def keep(self) -> None:
        """Write down what was seen of devices since this was last done."""
        await self.twins.keep(self.write)
        reports = self.device_cache.reports.to_keep()
        if reports:
            await self.write(partial(devices.put_reports, reports=reports))

    async def _keep_on(self) -> None:
        while True:
            try:
                await self.keep()
                await self.callers.failed.keep(self.access)
                await self.device_cache.refresh()
                self.streams.cut_revoked()
                self.streams.note_twins()
            except (SQLAlchemyError, StoreError) as error:
                log.error("devices cannot be read or written: %s", type(error).__name__)
            await asyncio.sleep(READ_EVERY_S)

    def _heard(self) -> float:
        return self.device_cache.reports.heard_since(read_wall_ms() - HEARD_WITHIN_MS)

    def _worried(self, worry: Worry) -> float:
        return self.device_cache.reports.worried_since(read_wall_ms() - HEARD_WITHIN_MS, worry)

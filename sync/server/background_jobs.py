"""Tasks that run by themselves, each again and again: what fails is logged and tried again.

What there is to do stands in tables, so a restart forgets nothing; several servers of one database
may all run it, and each thing is done by one of them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

from gate.errors import GateError
from sync.server.http import Denied

log = logging.getLogger(__name__)
Step = Callable[[], Awaitable[bool]]
"""Does some of the work; whether there is more of it now."""


class BackgroundJobs:
    """The tasks of one part of a server process."""

    def __init__(self, name: str) -> None:
        """``name`` is how the log calls them."""
        self._name = name
        self._tasks: list[asyncio.Task[None]] = []

    def run(self, step: Step, every_s: float) -> None:
        """Begin to do a step whenever so many seconds are over, and at once while there is more."""
        self._tasks.append(asyncio.create_task(self._keep_on(step, every_s)))

    async def stop(self) -> None:
        """End them all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _keep_on(self, step: Step, every_s: float) -> None:
        while True:
            has_more = False
            try:
                has_more = await step()
            except (SQLAlchemyError, GateError, OSError, Denied) as error:
                log.error("%s: %s", self._name, type(error).__name__)
            except Exception as error:  # One bad row must not stop it for all.
                log.error("%s: %s", self._name, type(error).__name__, exc_info=error)
            await asyncio.sleep(0 if has_more else every_s)

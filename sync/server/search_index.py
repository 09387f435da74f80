"""The task that reads the terms of tickets that were stated, beside a server's other work."""

import asyncio
from functools import partial
from typing import Final

from sync.server import ticket_search
from sync.server.background_jobs import BackgroundJobs
from sync.server.server import Server

EVERY_S: Final = 5.0
BETWEEN_S: Final = 0.05
"""Between two steps: pushes do not wait behind a list of a million."""


class SearchIndex:
    """The task of one server process; several of one database may all run it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._jobs = BackgroundJobs("search")

    async def start(self) -> None:
        """Begin to look."""
        self._jobs.run(self._look, EVERY_S)

    async def stop(self) -> None:
        """Stop; what is left is read at the next start, or before a search."""
        await self._jobs.stop()

    async def _look(self) -> bool:
        for event in await self._server.read(ticket_search.waiting):
            await self._read_on(event)
        return False

    async def _read_on(self, event: str) -> None:
        step = partial(ticket_search.read_on, event=event, most=ticket_search.A_STEP)
        while await self._server.write(step):
            await asyncio.sleep(BETWEEN_S)

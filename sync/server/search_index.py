"""The task that reads the terms of tickets that were stated, beside a server's other work."""

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from gate.errors import GateError
from sync.server import ticket_search
from sync.server.http import Denied
from sync.server.server import Server

log = logging.getLogger(__name__)
EVERY_S: Final = 5.0
BETWEEN_S: Final = 0.05
"""Between two steps: pushes do not wait behind a list of a million."""


class SearchIndex:
    """The task of one server process; several of one database may all run it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._keep_on())

    async def stop(self) -> None:
        """Stop; what is left is read at the next start, or before a search."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _keep_on(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                for event in await self._server.read(ticket_search.waiting):
                    await self._read_on(event)
            except (SQLAlchemyError, GateError, OSError, Denied) as error:
                log.error("search: %s", type(error).__name__)

    async def _read_on(self, event: str) -> None:
        step = partial(ticket_search.read_on, event=event, most=ticket_search.A_STEP)
        while await self._server.write(step):
            await asyncio.sleep(BETWEEN_S)

"""Whether the server can do its work: its database takes what is written, and has room for more."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from gate.clock import read_wall_ms
from gate.errors import StoreError
from gate.i18n import _
from gate.storage.room import RESERVED_BYTES
from sync.server import tables as t

ANSWER_S = 5.0
"""How long a write may take."""
KEPT_S = 1.0
"""How long what was found is believed: whoever asks more often costs no write."""
_KEY = "ready"


class Readiness:
    """What there is against it, looked at when somebody asks."""

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        write: Callable[[Callable[[Connection], Any]], Awaitable[Any]],
    ) -> None:
        database = engine.url.database if engine.dialect.name == "sqlite" else None
        # PostgreSQL's disk is not ours to look at; that it takes a row is.
        self._folders = {folder, Path(database or folder / "none").parent}
        self._write = write
        self._why_not, self._looked_s = "", float("-inf")
        self._looking = asyncio.Lock()

    async def why_not(self) -> str:
        """Why it is not ready, for whoever looks after it; empty: it is."""
        async with self._looking:
            if time.monotonic() - self._looked_s > KEPT_S:
                self._why_not = await self._look()
                self._looked_s = time.monotonic()
            return self._why_not

    async def _look(self) -> str:
        for folder in self._folders:
            try:
                if shutil.disk_usage(folder).free < RESERVED_BYTES:
                    return _("The server's disk is full.")
            except OSError:
                return _("The server's disk cannot be read.")
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._write(_write_anything)
        except (SQLAlchemyError, StoreError, TimeoutError):
            return _("The server's database cannot be written.")
        return ""


def _write_anything(connection: Connection) -> None:
    connection.execute(delete(t.meta).where(t.meta.c.key == _KEY))
    value = str(read_wall_ms())
    connection.execute(insert(t.meta).values(key=_KEY, value=value))

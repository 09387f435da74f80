"""The database as the event loop uses it: read beside it, written by the thread that commits."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, IntegrityError

from gate.i18n import _
from sync.server.database import GroupCommit, reading
from sync.server.http import Denied, unstorable

T = TypeVar("T")
READERS = 4
UNSTORABLE = (DataError, OverflowError, UnicodeError)
"""What databases say of numbers and texts that they cannot hold."""


class Writer:
    """The way from the event loop to the thread that commits."""

    def __init__(self, commit: GroupCommit) -> None:
        self._commit = commit

    async def do(self, job: Callable[[Connection], T]) -> T:
        """Have a job done; what it may not store is denied."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        # Not asyncio.wrap_future: whoever stops waiting must not cancel what others wait for.
        self._commit.submit(job).add_done_callback(
            lambda future: loop.call_soon_threadsafe(pass_on, future, done)
        )
        try:
            return await done
        except UNSTORABLE as error:
            raise unstorable() from error
        except IntegrityError as error:
            raise Denied(409, "busy", _("Something else changed this just now.")) from error


def pass_on(future: "Future[T]", done: "asyncio.Future[T]") -> None:
    """Give what became of a job to whoever waits for it; called in the event loop."""
    if done.done():
        return
    error = future.exception()
    if error is None:
        done.set_result(future.result())
    else:
        done.set_exception(error)


class Access:
    """A few threads that read, and, from the start on, one that commits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._readers = ThreadPoolExecutor(READERS, "read")
        self._commit: GroupCommit | None = None

    def start(self) -> GroupCommit:
        """Begin to write."""
        self._commit = GroupCommit(self._engine)
        self._writer = Writer(self._commit)
        return self._commit

    async def stop(self) -> None:
        """Finish what is waiting."""
        if self._commit is not None:
            await asyncio.to_thread(self._commit.close)
        self._readers.shutdown()

    async def read(self, job: Callable[..., T], *arguments: Any) -> T:
        """Have something read, in a short transaction of its own, beside the event loop."""
        return await self.beside(self._read, job, arguments)

    def _read(self, job: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        with reading(self._engine) as connection:
            return job(connection, *arguments)

    async def write(self, job: Callable[[Connection], T]) -> T:
        """Have something written; on disk when this returns."""
        # What it denies is said in the language of whoever asks.
        context = copy_context()
        return await self._writer.do(lambda connection: context.run(job, connection))

    async def beside(self, job: Callable[..., T], *arguments: Any) -> T:
        """Have something done that would hold the event loop up."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, copy_context().run, job, *arguments)

"""The server's database: opened, and written by one thread that commits for many at once.

Group commit: whoever waits for the disk waits together. Each job still happens whole or not at all.
"""

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from platformdirs import user_data_path
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gate.errors import StoreError, UsageError
from gate.i18n import _
from gate.storage.sqlite import faults
from sync.server.migrations import migrate
from sync.server.part import Part

T = TypeVar("T")
Job = Callable[[Connection], T]
BATCH = 128
"""Jobs in one commit at most: beyond about 100 the processor is the limit, not the disk."""
RETRIES = 5
_SERIALISATION = {"40001", "40P01"}
"""PostgreSQL: could not serialise, deadlock detected. Both are told to try again."""


def default_folder() -> Path:
    """The server's own folder, where none is named."""
    return user_data_path("venue-gate", appauthor=False) / "server"


def database_of(folder: Path, named: str = "") -> str:
    """The address of the database: the one that was named, or the one in the server's folder."""
    return named or f"sqlite:///{folder.resolve() / 'central.db'}"


def open_database(url: str, parts: Sequence[Part] = (), *, must_exist: bool = False) -> Engine:
    """Open and migrate the database, made when it is not there, with the tables of parts.

    Raises StoreError when it cannot be used, UsageError when it is not there and must be.
    """
    try:
        file = file_of(url)
        if file is not None:
            if must_exist and not file.exists():
                raise UsageError(
                    _("{folder}: there is no server's database here").format(folder=file.parent),
                    _("Name it with --server-dir or --database."),
                )
            _keep_private(file)
        engine = create_engine(url, **_options(url))
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_immediate)
        with engine.begin() as connection:
            start_alone(connection)
            migrate(connection, parts)
    except ModuleNotFoundError as error:
        raise StoreError(
            _("no driver for this database: {detail}").format(detail=error),
            _("Install it with: pip install 'venue-gate[postgres]'"),
        ) from error
    except SQLAlchemyError as error:
        raise StoreError(
            _("the database cannot be used: {detail}").format(detail=_short(error)),
            _("Is it running, and is the address right?"),
        ) from error
    return engine


def start_alone(connection: Connection) -> None:
    """Wait for other servers that start on this database; they wait until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7203351)")


def file_of(url: str) -> Path | None:
    """The file of an SQLite database; ``None`` for any other, and for one in memory."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite" or address.database in (None, "", ":memory:"):
        return None
    return Path(address.database)


def _keep_private(file: Path) -> None:
    """Let nobody else read the database: every event's private key is in it."""
    with faults(file):
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        # SQLite makes the log and its index with the mode of the file; older ones stay as they are.
        for one in (file, *(file.with_name(file.name + tail) for tail in ("-wal", "-shm"))):
            with suppress(FileNotFoundError):
                if one.stat().st_mode & 0o077:
                    _close_to_others(one)


def _close_to_others(file: Path) -> None:
    try:
        file.chmod(0o600)
    except PermissionError as error:
        raise StoreError(
            _("{file} belongs to another user").format(file=file),
            _("Run it as that user, or give them all to yourself: chown -R USER FOLDER"),
        ) from error


def _options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"connect_args": {"check_same_thread": False, "timeout": 10}, "pool_size": 8}
    return {"pool_size": 8, "pool_pre_ping": True}


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # Transactions are begun by us: Python's own would begin them too late.
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL", "synchronous = FULL", "mmap_size = 0", "cache_size = -65536",
        "wal_autocheckpoint = 4000",
        # What was erased is overwritten, not only unlinked.
        "secure_delete = ON",
    ):  # fmt: skip
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    is_reader = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if is_reader else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A short transaction that only reads."""
    with engine.connect().execution_options(reads_only=True) as connection:
        yield connection


def scrub(engine: Engine) -> None:
    """Leave nothing of what was erased in SQLite's log: its old pages are in no file after this."""
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()


@dataclass(slots=True)
class _Waiting:
    job: Callable[[Connection], Any]
    done: "Future[Any]"


class GroupCommit:
    """The one writer of this process. Jobs from any thread, committed together."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="commit", daemon=True)
        self._thread.start()

    def submit(self, job: Job[T]) -> "Future[T]":
        """Have a job done; its future is done once it is on disk."""
        waiting = _Waiting(job, Future())
        self._queue.put(waiting)
        return waiting.done

    def do(self, job: Job[T]) -> T:
        """Have a job done and wait for it."""
        return self.submit(job).result()

    def close(self) -> None:
        """Finish what is waiting."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            first = self._queue.get()
            batch = []
            while first is not None:
                batch.append(first)
                if len(batch) >= BATCH or self._queue.empty():
                    break
                first = self._queue.get()
            stopping = first is None
            if batch:
                self._commit(batch)
        self._hang_up()

    def _commit(self, waiting: Sequence[_Waiting]) -> None:
        batch = [one for one in waiting if one.done.set_running_or_notify_cancel()]
        if batch:
            self._do(batch)

    def _do(self, batch: Sequence[_Waiting]) -> None:
        try:
            answers = self._in_transaction(
                lambda connection: [one.job(connection) for one in batch]
            )
        except Exception as error:  # noqa: BLE001  whoever waits is told
            if len(batch) == 1:
                batch[0].done.set_exception(error)
                return
            # One bad job must not take the others down.
            for one in batch:
                self._do([one])
            return
        for one, answer in zip(batch, answers, strict=True):
            one.done.set_result(answer)

    def _in_transaction(self, job: Job[T]) -> T:
        """As ``in_transaction``, on a connection that is kept while nothing goes wrong."""

        def do() -> T:
            if self._connection is None:
                self._connection = self._engine.connect()
            try:
                with self._connection.begin():
                    return job(self._connection)
            except BaseException:
                self._hang_up()
                raise

        return _again(do)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def in_transaction(engine: Engine, job: Job[T]) -> T:
    """Do a job in a transaction of its own, again when the database asks for that."""

    def do() -> T:
        with engine.begin() as connection:
            return job(connection)

    return _again(do)


def _again(do: Callable[[], T]) -> T:
    for _attempt in range(RETRIES - 1):
        try:
            return do()
        except DBAPIError as error:
            if not _may_try_again(error):
                raise
    return do()


def _may_try_again(error: DBAPIError) -> bool:
    # A connection that has died meanwhile has committed nothing of a job that was still at work;
    # one that dies in the commit itself leaves that open, and taking entries in twice does no harm.
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or state in _SERIALISATION


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:300]

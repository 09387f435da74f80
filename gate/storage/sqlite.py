"""How every SQLite file of the data folder is opened, and how its errors reach people."""

import errno
import os
import secrets
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple

from gate.core.entry_codec import NoEntryError
from gate.errors import BusyError, DamagedError, FullError, StoreError
from gate.i18n import _
from gate.storage.checksums import WrongChecksum

Synchronous = Literal["FULL", "NORMAL"]
SQLITE_VERSION = sqlite3.sqlite_version_info
SQLITE_NEEDED = (3, 38, 0)
"""First SQLite with JSON built in."""
SQLITE_FIXED = (3, 51, 3)
"""First SQLite without the WAL-reset bug; one writer a file keeps clear of it before that."""

CACHE_KB = 16 * 1024
"""Enough for the indexes of an evening's journal: a scan then reads nothing from the disk."""

BUSY_TIMEOUT_S = 5.0
"""How long another program may hold a file before it is a fault."""

_SYNCHRONOUS_LEVEL = {"NORMAL": 1, "FULL": 2}

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
_FULL_ERRNO = {errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_WRONG = (NoEntryError, WrongChecksum, UnicodeDecodeError)
"""The last where SQLite's own words quote what is damaged, and where a text file is."""
_OTHER_THAN_WRITTEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What comes of a row that has something else where there was a number, or nothing at all."""
UNREADABLE = (sqlite3.Error, *_WRONG, *_OTHER_THAN_WRITTEN)
"""What reading on in a damaged file raises, to whoever takes what is whole of it."""
_SAYS_DAMAGED = ("malformed JSON", "unsupported file format")
"""What was written as JSON, and a schema of a number that there is not: both without a code."""
_WRITTEN_AS, _FORMATS = 18, (1, 2)
"""Where the header says how the file is to be written, and all ways that there are
(https://www.sqlite.org/fileformat.html, 1.3.3); any other one is open to readers alone."""
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def open_writer(path: Path, synchronous: Synchronous) -> sqlite3.Connection:
    """Open a file as its one writer, in WAL mode, with explicit transactions.

    Raises StoreError when the file system does not give the durability that was asked for.
    """
    with faults(path):
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_S)
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            level = connection.execute("PRAGMA synchronous").fetchone()[0]
            connection.execute("PRAGMA mmap_size = 0")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        except BaseException:
            connection.close()
            raise
    if mode != "wal" or level != _SYNCHRONOUS_LEVEL[synchronous]:
        connection.close()
        raise StoreError(
            _("{file} cannot be written durably here").format(file=path.name),
            _("Put the data folder on a local disk (not on a network or memory file system)."),
        )
    return connection


class Readable(NamedTuple):
    """A file that was opened to read."""

    connection: sqlite3.Connection
    uri: str
    """As what it can be attached to another connection of this process."""


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a file to read only. The file must exist; its folder may be read-only."""
    return open_readable(path).connection


def open_readable(path: Path) -> Readable:
    """The same, and what to attach it as."""
    with faults(path):
        uri = f"{path.resolve().as_uri()}?mode=ro"
        if not _lacks_index(path):
            return Readable(_connect(uri), uri)
        if _is_read_only(path) and not _has_log(path):
            uri = f"{path.resolve().as_uri()}?immutable=1"
            return Readable(_connect(uri), uri)
        uri = f"file:venue-gate-{secrets.token_hex(8)}?mode=memory&cache=shared"
        return Readable(_copied(path, uri), uri)


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S)
    connection.execute("PRAGMA mmap_size = 0")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def _lacks_index(path: Path) -> bool:
    """Whether SQLite would have to make the index of the log to read, and cannot.

    Whoever writes has it made: so nobody does.
    """
    has_index = path.with_name(f"{path.name}-shm").exists()
    return not has_index and not os.access(path.resolve().parent, os.W_OK)


def _has_log(path: Path) -> bool:
    """Whether something waits in the log: a copy shows it, the file alone does not."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def _is_read_only(path: Path) -> bool:
    """Whether nobody can begin to write meanwhile."""
    return sys.platform != "win32" and bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _copied(path: Path, uri: str) -> sqlite3.Connection:
    """The file and what waits in its log, in memory."""
    with tempfile.TemporaryDirectory(prefix="venue-gate-") as folder:
        copy = Path(folder, path.name)
        shutil.copyfile(path, copy)
        if _has_log(path):
            shutil.copyfile(path.with_name(f"{path.name}-wal"), f"{copy}-wal")
        with closing(sqlite3.connect(copy, isolation_level=None)) as source:
            connection = _connect(uri)
            source.backup(connection)
    connection.execute("PRAGMA query_only = ON")
    return connection


@contextmanager
def writing(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Everything within happens together, or not at all."""
    with faults(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def checkpoint(connection: sqlite3.Connection, path: Path) -> None:
    """Move the log into the database file; for idle moments."""
    with faults(path):
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def scrub(connection: sqlite3.Connection, path: Path) -> None:
    """Leave nothing of what was erased in the log, unless a reader needs it: then later."""
    with faults(path):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


FileId = tuple[int, int]
"""Device and inode: the file itself, whatever name it has."""


def file_id(path: Path) -> FileId | None:
    """Which file has the name now; ``None``: none has."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Presence:
    """Sees that a name goes on to stand for the file that is open, and that nobody cuts it."""

    def __init__(self, path: Path, suffix: str = "") -> None:
        self._path = path
        self._name = f"{path}{suffix}"  # looked at before every scan
        self._inode, self._size = self._look()

    def require(self) -> None:
        """Raise DamagedError when another file has the name, or none, or it is shorter."""
        inode, size = self._look()
        if inode != self._inode or size < self._size:
            # What is written now would be written into a file without a name.
            raise DamagedError(
                _("{file} was removed, replaced or cut while it was in use").format(
                    file=self._path.name
                ),
                _("Nobody but the program may change its files."),
                self._path,
            )
        self._size = size

    def _look(self) -> tuple[int, int]:
        try:
            found = os.stat(self._name)  # noqa: PTH116  as above, so the quick way
        except OSError:
            return 0, 0
        return found.st_ino, found.st_size


class faults:  # noqa: N801  reads as a statement: with faults(path)
    """Turn SQLite's and the system's errors into faults that name the file and say what to do."""

    __slots__ = ("_path",)
    _has_our_schema = False
    _kinds: tuple[type[Exception], ...] = (OSError, sqlite3.Error, *_WRONG)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, self._kinds):
            raise _fault(error, self._path, has_our_schema=self._has_our_schema) from error


class row_faults(faults):  # noqa: N801  as above
    """The same where all that is done is to read rows, which we wrote.

    What goes wrong with what is in them does so because something else is in them now.
    """

    __slots__ = ()
    _kinds = (OSError, *UNREADABLE)


class cache_faults(row_faults):  # noqa: N801  as above
    """The same for a file that can be had again: what it says of itself is not believed.

    A statement of ours fails only where the schema is not the one that we made. Where it is made by
    two at once that is not so, which costs this file nothing: another takes its place.
    """

    __slots__ = ()
    _has_our_schema = True


def _is_of_no_format(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        header = file.read(_WRITTEN_AS + 1)
        return len(header) > _WRITTEN_AS and header[_WRITTEN_AS] not in _FORMATS
    return False


def _fault(error: Exception, path: Path, *, has_our_schema: bool = False) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    name, detail = path.name, str(error)
    if isinstance(error, OSError):
        detail = error.strerror or detail
    # Text that is no UTF-8 is told without a code.
    is_wrong = isinstance(error, sqlite3.OperationalError) and not code
    is_wrong = is_wrong or (has_our_schema and code == sqlite3.SQLITE_ERROR)
    is_wrong = is_wrong or detail in _SAYS_DAMAGED
    is_wrong = is_wrong or (code == sqlite3.SQLITE_READONLY and _is_of_no_format(path))
    if code in _DAMAGED or is_wrong or isinstance(error, (*_WRONG, *_OTHER_THAN_WRITTEN)):
        return DamagedError(
            _("{file} is damaged: {detail}").format(file=name, detail=detail),
            _("Call a supervisor. The file is kept; use another device, then run: gate verify"),
            path,
        )
    if code in _BUSY:
        return BusyError(
            _("{file} is in use by another program").format(file=name),
            _("Close whatever else has this file open and scan again."),
        )
    if code in _FULL or (isinstance(error, OSError) and error.errno in _FULL_ERRNO):
        return FullError(
            _("cannot write {file}: {detail}").format(file=name, detail=detail),
            _("Call a supervisor. The disk is full or read-only; see: gate doctor"),
        )
    return StoreError(
        _("cannot use {file}: {detail}").format(file=name, detail=detail),
        _("Call a supervisor, and run: gate doctor"),
    )

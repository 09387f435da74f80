"""Databases of both kinds for tests of what is mounted on a server: SQLite, and PostgreSQL."""

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine

from sync.server import events
from sync.server.database import file_of, in_transaction, open_database
from sync.server.part import Part
from tests.conftest import needs
from tests.support import postgres
from tests.support.venue import NOW_MS

DATABASES = [
    "sqlite",
    pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.long]),
]
_MADE = "made"
"""The database that is copied for each test."""


@dataclass(frozen=True)
class Place:
    """Where a test's server and its database are."""

    path: Path
    url: str
    parts: Sequence[Part]

    def engine(self) -> Engine:
        """The database, with the event ``show``."""
        file = file_of(self.url)
        if file is not None and not file.exists():
            shutil.copy(_made(self.parts), file)
        return open_database(self.url, self.parts)


_files: dict[tuple[str, ...], Path] = {}
"""An SQLite database with an event, to be copied, by the names of its parts."""


def _made(parts: Sequence[Part]) -> Path:
    names = tuple(part.name for part in parts)
    if names not in _files:
        folder = Path(tempfile.mkdtemp(prefix="venue-gate-place-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        with_event(f"sqlite:///{folder}/central.db", parts).dispose()
        _files[names] = folder / "central.db"
    return _files[names]


def with_event(url: str, parts: Sequence[Part]) -> Engine:
    """A server's database with the event ``show``."""
    engine = open_database(url, parts)
    in_transaction(engine, lambda c: events.create_event(c, "show", "", "Asia/Shanghai", NOW_MS))
    return engine


def in_folder(path: Path, parts: Sequence[Part]) -> Place:
    """A folder with a database of its own in it."""
    return Place(path, f"sqlite:///{path}/central.db", parts)


def asked_for(request: pytest.FixtureRequest, path: Path, parts: Sequence[Part]) -> Place:
    """The place of a fixture's parameter; a PostgreSQL is that of the fixture ``cluster``."""
    if request.param == "sqlite":
        return in_folder(path, parts)
    return copied(request.getfixturevalue("cluster"), path, parts)


def copied(url: str, path: Path, parts: Sequence[Part]) -> Place:
    """A folder, and a database of its own in a cluster."""
    name = f"d{uuid4().hex}"
    create(url, name, _MADE)
    return Place(path, url.replace("/postgres", f"/{name}"), parts)


@contextmanager
def cluster(parts: Sequence[Part]) -> Iterator[str]:
    """A PostgreSQL with an event's database that is to be copied; the address of its own."""
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    with postgres.postgres() as url:
        create(url, _MADE)
        with_event(url.replace("/postgres", f"/{_MADE}"), parts).dispose()
        yield url


def create(url: str, name: str, like: str = "template0") -> None:
    """Make a database of a cluster, as a copy of another."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {like}")
    engine.dispose()

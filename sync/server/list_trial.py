"""A copy of an event's tickets in which a list is tried: what it would change, and no gate waits.

A list that is taken in holds the event's feed until its end; to look through one must not.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, insert, select

from sync.server import tables as t
from sync.server.database import open_database, reading

PREFIX: Final = "list-trial-"
"""Of the folder that has it; what a server that was killed has left goes with its lists."""
_ROWS: Final = 5000
_TABLES: Final = (t.stream, t.ticket_type, t.ticket, t.code, t.voided, t.erased)
"""What stating tickets goes by."""


@contextmanager
def trial(engine: Engine, event: str, folder: Path) -> Iterator[Engine]:
    """A database that has one event as it is now, and that nobody else sees."""
    place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
    try:
        copy = open_database(f"sqlite:///{place / 'trial.db'}")
        try:
            _fill(engine, event, copy)
            yield copy
        finally:
            copy.dispose()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _fill(engine: Engine, event: str, copy: Engine) -> None:
    with reading(engine) as source, copy.begin() as target:
        for table in (t.event, *_TABLES):
            key = table.c.id if table is t.event else table.c.event
            found = source.execution_options(yield_per=_ROWS).execute(
                select(table).where(key == event)
            )
            for rows in found.mappings().partitions():
                target.execute(insert(table), [dict(row) for row in rows])

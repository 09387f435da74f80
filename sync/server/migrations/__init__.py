"""How the server's database is made, and one of an older version brought up to this program.

A step is written down in SQL for each kind of database, in a file with its number, and never
changes once a version is out: ``tables`` says what there is now, the steps how it came to be. Steps
are only added to. ``tests/sync/server/test_migrations.py`` holds them against ``tables``, and takes
the next one from a stored database.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, inspect, select

from gate.errors import StoreError
from gate.i18n import _
from sync.server.part import Migration, Part
from sync.server.tables import meta

_VERSION = "version"


def written_in(folder: Path) -> tuple[Migration, ...]:
    """The steps in a folder: ``001.sqlite.sql``, ``001.postgresql.sql`` and so on."""
    numbers = sorted({int(path.name.split(".")[0]) for path in folder.glob("*.sql")})
    return tuple(partial(_run, folder, number) for number in numbers)


def _run(folder: Path, number: int, connection: Connection) -> None:
    script = (folder / f"{number:03}.{connection.dialect.name}.sql").read_text(encoding="utf-8")
    for statement in script.split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)


MIGRATIONS = written_in(Path(__file__).parent)
"""What makes a database of version n one of version n + 1."""


def migrate(connection: Connection, parts: Sequence[Part] = ()) -> None:
    """Bring a database, and the tables of parts in it, up to this program.

    Raises StoreError when it is of a newer one.
    """
    _bring_up(connection, _VERSION, MIGRATIONS)
    for part in parts:
        _bring_up(connection, f"{_VERSION} {part.name}", part.migrations)


def _bring_up(connection: Connection, key: str, steps: Sequence[Migration]) -> None:
    """Take the steps that are missing to the version that ``meta`` has under that key."""
    version = 0
    if inspect(connection).has_table("meta"):
        row = connection.execute(select(meta.c.value).where(meta.c.key == key)).first()
        version = int(row[0]) if row else 0
    if version > len(steps):
        raise StoreError(
            _("the server's database is of a newer version of this program"),
            _("Install the newer version; the database is left as it is."),
        )
    for step in steps[version:]:
        step(connection)
    if version < len(steps):
        connection.execute(meta.delete().where(meta.c.key == key))
        connection.execute(meta.insert().values(key=key, value=str(len(steps))))

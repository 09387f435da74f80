"""Server databases of every released version are brought up to date; newer ones are refused."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, select

from gate.errors import StoreError
from sync.cardapi import accounts
from sync.cardapi import tables as cards
from sync.server import events, migrations, tables
from sync.server.database import open_database
from sync.upstream import tables as upstreams
from tests.conftest import needs
from tests.support.central import TABLES, open_central
from tests.support.paths import DATA
from tests.support.postgres import can_run, postgres
from tests.support.venue import NOW_MS

STORED = DATA / "0.2" / "central.sql"
"""Written by version 0.2: an event, its ticket type, two tickets, and a card API account."""


def stored(tmp_path: Path) -> str:
    """The address of a database as that version left it."""
    with closing(sqlite3.connect(tmp_path / "central.db")) as connection:
        connection.executescript(STORED.read_text(encoding="utf-8"))
    return f"sqlite:///{tmp_path}/central.db"


def options_of(of_index: dict[str, object] | None) -> list[tuple[str, str]]:
    """What a database says of an index besides, such as of which rows it is."""
    return sorted((name, str(value)) for name, value in (of_index or {}).items())


def seen(engine: Engine) -> dict[str, object]:
    """Every table with its columns, key and indexes, as the database itself tells them."""
    found = inspect(engine)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
            found.get_pk_constraint(table)["constrained_columns"],
            sorted(
                (i["name"], i["column_names"], i["unique"], options_of(i.get("dialect_options")))
                for i in found.get_indexes(table)
            ),
            sorted(str(u["column_names"]) for u in found.get_unique_constraints(table)),
        )
        for table in found.get_table_names()
    }


def same_as_tables(migrated: str, created: str) -> None:
    made = open_central(migrated)
    engine = create_engine(created)
    for metadata in (tables.metadata, cards.metadata, upstreams.metadata):
        metadata.create_all(engine)
    assert seen(made) == seen(engine)
    assert set(seen(made)) == {table.name for table in TABLES}
    made.dispose()
    engine.dispose()


def test_the_steps_make_what_the_tables_say(tmp_path: Path) -> None:
    """A table that is changed without a step is seen here, on SQLite."""
    same_as_tables(f"sqlite:///{tmp_path}/steps.db", f"sqlite:///{tmp_path}/tables.db")


@pytest.mark.postgres
@pytest.mark.long
def test_the_steps_make_what_the_tables_say_on_postgresql() -> None:
    """The same on PostgreSQL."""
    needs(can_run(), "PostgreSQL (apt install postgresql)")
    with postgres() as steps, postgres() as created:
        same_as_tables(steps, created)


def test_a_database_of_version_0_2_goes_on(tmp_path: Path) -> None:
    """Opened twice: what is in it is there, and its tables are those of a new one."""
    new = open_central(f"sqlite:///{tmp_path}/new.db")
    for _again in range(2):
        engine = open_central(
            stored(tmp_path) if not _again else f"sqlite:///{tmp_path}/central.db"
        )
        with engine.connect() as connection:
            assert [event["id"] for event in events.all_events(connection)] == ["show"]
            assert len(accounts.every(connection)) == 1
        assert seen(engine) == seen(new)
        engine.dispose()
    new.dispose()


def test_what_callbacks_had_not_heard_goes_on_waiting(tmp_path: Path) -> None:
    """What a card API of version 0.2 had in its own table is in the outbox, in its order."""
    url = stored(tmp_path)
    with closing(sqlite3.connect(tmp_path / "central.db")) as connection:
        connection.executemany(
            "INSERT INTO webhook_event VALUES (?, 'wx1', 'line', 'waiting', 5, 0, ?, 'e', ?)",
            [(7, 1, "first"), (9, 0, "second")],
        )
        connection.commit()
    engine = open_central(url)
    with engine.connect() as connection_:
        o = tables.outbox.c
        rows = connection_.execute(
            select(o.channel, o.recipient, o.line, o.tries, o.entry, o.body).order_by(o.id)
        ).all()
    engine.dispose()
    assert [tuple(row) for row in rows] == [
        ("cards", "wx1", "line", 1, "e", "first"),
        ("cards", "wx1", "line", 0, "e", "second"),
    ]


def test_the_next_step_is_taken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the stored database by the step alone: what the tables say by then makes nothing."""
    folder = tmp_path / "steps"
    shutil.copytree(Path(str(migrations.__file__)).parent, folder)
    next_one = len(migrations.MIGRATIONS) + 1
    (folder / f"{next_one:03}.sqlite.sql").write_text("ALTER TABLE event ADD COLUMN colour TEXT;\n")
    url = stored(tmp_path)
    monkeypatch.setattr(migrations, "MIGRATIONS", migrations.written_in(folder))
    for _again in range(2):
        engine = open_central(url)
        columns = {column["name"] for column in inspect(engine).get_columns("event")}
        with engine.connect() as connection:
            version = select(tables.meta.c.value).where(tables.meta.c.key == "version")
            assert connection.execute(version).scalar_one() == str(next_one)
        engine.dispose()
        assert "colour" in columns


def test_a_server_database_is_made_once(tmp_path: Path) -> None:
    """Opened again, it is left as it is."""
    url = f"sqlite:///{tmp_path}/central.db"
    engine = open_database(url)
    assert set(inspect(engine).get_table_names()) == set(tables.metadata.tables)
    with engine.begin() as connection:
        events.create_event(connection, "show", "Show", "UTC", NOW_MS)
    engine.dispose()
    engine = open_database(url)
    with engine.connect() as connection:
        assert [event["id"] for event in events.all_events(connection)] == ["show"]
    engine.dispose()


@pytest.mark.parametrize("key", ["version", "version cards"])
def test_a_newer_server_database_is_refused(tmp_path: Path, key: str) -> None:
    """By an older program, or by an older part, in one line, and unchanged."""
    url = f"sqlite:///{tmp_path}/central.db"
    engine = open_central(url)
    with engine.begin() as connection:
        newer = tables.meta.update().where(tables.meta.c.key == key).values(value="999")
        assert connection.execute(newer).rowcount == 1
    engine.dispose()
    with pytest.raises(StoreError, match="newer version"):
        open_central(url)

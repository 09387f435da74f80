"""Files and databases of every released version are brought up to date; newer ones are refused."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect, select
from sqlite_utils import Database

from gate.core import entry_codec
from gate.core.model import Outcome, Reason, Scan
from gate.errors import StoreError
from gate.storage.audit import audit_journal
from gate.storage.folder import Folder
from gate.storage.sqlite import open_reader
from sync.cardapi import accounts
from sync.server import tables, ticket_table
from sync.server.database import open_database
from tests.conftest import MakeLane
from tests.support.central import TABLES, open_central
from tests.support.paths import DATA
from tests.support.venue import NOW_MS

OLD_JOURNAL = DATA / "journal_0_1.sql"
"""Written by version 0.1.0: opened, three admitted, two refused, one undone, closed."""


def test_a_journal_of_version_0_1_goes_on(venue: Folder, make_lane: MakeLane) -> None:
    """Its entries stay, byte for byte, and count; what version 0.2 added is there."""
    (venue.path / "device").write_text("bfeb0d91a5a6ac24\n")
    with closing(sqlite3.connect(venue.journal)) as connection:
        connection.executescript(OLD_JOURNAL.read_text())
        assert not {"entry_resolutions", "entry_lane"} & _indexes(Database(connection))
        kept = connection.execute("SELECT * FROM entry ORDER BY id").fetchall()
    assert len(kept) == 8
    lane = make_lane()
    lane.open()
    again = lane.admit(Scan("GOOD001", deliberate=True))
    assert (again.outcome, again.reason) == (Outcome.REFUSE, Reason.ALREADY_USED)
    assert lane.admit(Scan("GOOD003")).is_green
    assert lane.admit(Scan("PASS1")).is_green
    assert (lane.totals().admitted, lane.totals().refused) == (4, 3)
    with closing(open_reader(venue.journal)) as connection:
        now = connection.execute("SELECT * FROM entry ORDER BY id").fetchall()
        assert {"entry_resolutions", "entry_lane"} <= _indexes(Database(connection))
    assert now[:8] == kept
    assert entry_codec.decode(now[8][4]).follows == "bfeb0d91a5a6ac24.24aaaa67dfb17162:8"
    assert entry_codec.decode(now[-1][4]).ordinal == 1, "after the one that was undone"
    lane.close()
    audit = audit_journal(venue.journal)
    assert (audit.findings, audit.entries) == ([], len(now) + 1)


def _indexes(db: Database) -> set[str]:
    return {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}


def test_a_server_database_is_made_once(tmp_path: Path) -> None:
    """Opened again, it is left as it is."""
    url = f"sqlite:///{tmp_path}/central.db"
    engine = open_database(url)
    assert set(inspect(engine).get_table_names()) == set(tables.metadata.tables)
    with engine.begin() as connection:
        ticket_table.create_event(connection, "show", "Show", "UTC", NOW_MS)
    engine.dispose()
    engine = open_database(url)
    with engine.connect() as connection:
        assert [event["id"] for event in ticket_table.events(connection)] == ["show"]
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


def test_a_server_database_of_before_the_card_api_goes_on(tmp_path: Path) -> None:
    """Its events stay, and the card API's tables are there; several migrations run in order."""
    url = f"sqlite:///{tmp_path}/central.db"
    engine = open_database(url)
    with engine.begin() as connection:
        ticket_table.create_event(connection, "show", "Show", "UTC", NOW_MS)
        tables.voided.drop(connection)
        connection.execute(
            tables.meta.update().where(tables.meta.c.key == "version").values(value="1")
        )
    engine.dispose()
    engine = open_central(url)
    assert set(inspect(engine).get_table_names()) == {table.name for table in TABLES}
    with engine.connect() as connection:
        assert [event["id"] for event in ticket_table.events(connection)] == ["show"]
    engine.dispose()


def test_a_server_database_with_the_card_api_among_its_own_tables_goes_on(tmp_path: Path) -> None:
    """Servers once counted its tables with theirs: they are taken over with all that is in them."""
    url = f"sqlite:///{tmp_path}/central.db"
    engine = open_central(url)
    with engine.begin() as connection:
        ticket_table.create_event(connection, "show", "Show", "UTC", NOW_MS)
        account, _secret = accounts.create(connection, "show", NOW_MS)
        count = tables.meta.delete().where(tables.meta.c.key == "version cards")
        assert connection.execute(count).rowcount == 1
        versions = select(tables.meta.c.value).where(tables.meta.c.key == "version")
        assert connection.execute(versions).scalar_one() == "3", "as those servers counted"
    engine.dispose()
    for _again in range(2):
        engine = open_central(url)
        with engine.connect() as connection:
            assert accounts.every(connection) == [account]
        engine.dispose()

"""Files of a data folder of every released version are brought up to date."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from gate.core import entry_codec
from gate.core.outcome import Outcome, Reason
from gate.core.verdict import Scan
from gate.storage import schema
from gate.storage.audit import audit_journal
from gate.storage.folder import Folder
from gate.storage.peer_store import PeerStore
from gate.storage.sqlite import open_reader
from gate.storage.tickets import Tickets
from tests.conftest import MakeLane
from tests.support.paths import DATA

STORED = DATA / "0.2"
"""Written by version 0.2: an evening of one lane (three tickets, a refusal twice, an undo), three
entries of another gate, and the tickets of ``tests.support.venue``."""


def stored(path: Path, name: str) -> Path:
    """A database as that version left it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((STORED / f"{name}.sql").read_text(encoding="utf-8"))
    return path


def schema_of(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {sql for (sql,) in rows}


def test_a_journal_of_version_0_2_goes_on(venue: Folder, make_lane: MakeLane) -> None:
    """Its entries stay, byte for byte, and count."""
    (venue.path / "device").write_text("bfeb0d91a5a6ac24\n")
    stored(venue.journal, "journal")
    with closing(open_reader(venue.journal)) as connection:
        kept = connection.execute("SELECT * FROM entry ORDER BY id").fetchall()
    assert len(kept) == 9
    lane = make_lane()
    lane.open()
    again = lane.admit(Scan("GOOD001", deliberate=True))
    assert (again.outcome, again.reason) == (Outcome.REFUSE, Reason.ALREADY_USED)
    assert lane.admit(Scan("GOOD004")).is_green
    lane.close()
    with closing(open_reader(venue.journal)) as connection:
        now = connection.execute("SELECT * FROM entry ORDER BY id").fetchall()
    assert now[: len(kept)] == kept
    newest = entry_codec.decode(kept[-1][4])
    assert entry_codec.decode(now[len(kept)][4]).follows == newest.name
    audit = audit_journal(venue.journal)
    assert (audit.findings, audit.entries) == ([], len(now))


def test_a_peer_store_of_version_0_2_goes_on(venue: Folder, make_lane: MakeLane) -> None:
    """What others did is known, and nobody goes in on it again."""
    stored(venue.peers, "peers")
    with closing(PeerStore(venue)) as store:
        assert {tip.seq for tips in store.have().values() for tip in tips} == {3}
    lane = make_lane()
    assert lane.admit(Scan("GOOD007")).reason is Reason.ALREADY_USED


def test_tickets_of_version_0_2_open_gates(folder: Folder) -> None:
    """As a folder of that version has them."""
    folder.create()
    shutil.copy(STORED / "tickets.sqlite", folder.path / "tickets-ab-1.db")
    folder.pointer.write_text("tickets-ab-1.db")
    with closing(Tickets(folder)) as tickets:
        assert [ticket.id for ticket in tickets.codes.match("GOOD001").tickets] == ["good-1"]
        assert tickets.codes.match("NOBODYS").tickets == ()


@pytest.mark.parametrize("name", ["journal", "peers"])
def test_a_stored_file_has_the_schema_of_a_new_one(tmp_path: Path, name: str) -> None:
    """A change of the tables without a step of its own would be seen here."""
    steps: Migrations = getattr(schema, name)
    old, new = stored(tmp_path / "old.db", name), tmp_path / "new.db"
    for path in (old, new):
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            steps.apply(Database(connection))
    assert schema_of(old) == schema_of(new)

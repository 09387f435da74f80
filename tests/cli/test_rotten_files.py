"""Every command that reads what was done says in a line that it cannot, where it cannot."""

import sqlite3
from contextlib import closing

import pytest

from gate.cli.main import main
from gate.core.verdict import Scan
from gate.storage.folder import Folder
from gate.storage.peer_store import PeerStore
from tests.conftest import MakeLane
from tests.support.central import Maker

COMMANDS = [
    "doctor",
    "log",
    "log --outcome refuse",
    "lookup GOOD001",
    "preflight",
    "report",
    "report --anomalies",
    "report --answers",
    "report --by quarter",
    "report --list inside",
    "report --venue",
    "sync status",
    "verify",
]
ROTS = {
    "no body": "NULL",
    "an unknown word": "replace(replace(body, '\"admit\"', '\"admjt\"'), '\"lane_', '\"lame_')",
    "no time": "json_remove(body, '$.hlc')",
    "a time in words": "json_set(body, '$.hlc', 'late')",
    "no moment": "json_remove(body, '$.at_ms')",
}


@pytest.fixture
def night(venue: Folder, make_lane: MakeLane) -> Folder:
    """Some went in here, and some elsewhere."""
    lane = make_lane()
    lane.open()
    for n in range(3):
        lane.admit(Scan(f"GOOD{n:03d}"))
    lane.close()
    maker = Maker()
    with closing(PeerStore(venue)) as store:
        store.intake.accept(maker.run(3), None)
        store.file.checkpoint()
    return venue


@pytest.mark.parametrize("rot", ROTS.values(), ids=ROTS)
@pytest.mark.parametrize("file", ["journal", "peers"])
def test_no_command_meets_what_it_did_not_foresee(
    night: Folder, capsys: pytest.CaptureFixture[str], file: str, rot: str
) -> None:
    """Whichever of all entries a page of the file was about."""
    path = night.journal if file == "journal" else night.peers
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        sql = "SELECT sql FROM sqlite_master WHERE name = 'entry'"
        (made,) = connection.execute(sql).fetchone()
        connection.execute("PRAGMA writable_schema = ON")
        loose = made.replace("body TEXT NOT NULL", "body TEXT")
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'entry'", (loose,))
        connection.commit()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(f"UPDATE entry SET body = {rot}").rowcount
        connection.commit()
    for command in COMMANDS:
        main([*command.split(), "--data-dir", str(night.path)])
        said = capsys.readouterr().err
        assert "unforeseen" not in said, command
        assert "Traceback" not in said, command

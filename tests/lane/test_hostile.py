"""Hostile input: never a green, never a traceback, never an escape sequence on a terminal."""

import io
import json
import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlite_utils import Database

from gate.core.outcome import Outcome, Reason
from gate.core.place import HouseRules, Place
from gate.core.verdict import Scan
from gate.credential import parse
from gate.errors import GateError
from gate.lane.lane import Lane
from gate.reports import report
from gate.reports.journal_log import Filter, lines
from gate.reports.lookup import look_up, tell
from gate.storage import schema
from gate.storage.audit import audit_journal
from gate.storage.folder import Folder
from gate.text.verdict_line import verdict_line
from gate.ui.plain import Plain
from tests.support.venue import TICKETS, FixedClock, Row, fill

ZONE = ZoneInfo("Asia/Shanghai")
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=[]), max_size=200)
NASTY = st.one_of(
    ANY_TEXT,
    st.sampled_from(
        [
            "\x1b[2J\x1b[H", "\x9b31m", "\x1b]0;x\x07", "a\0b", "\ud800", "\udcff", "x" * 5000,
            "票" * 2000, "\u202eGOOD001", "GOOD001'; DROP TABLE ticket;--", "%s%n", "[red]x[/]",
            "GOOD001\0", "good001", "GOOD 001", "/undo", "\x1a", "\x03",
        ]
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    """One lane for all examples: hostile input must not spoil it for the next."""
    folder = Folder(tmp_path_factory.mktemp("hostile"))
    folder.create()
    fill(folder)
    lane = Lane(folder, FixedClock(), Place("North"), HouseRules())
    yield lane
    lane.close()


def is_harmless(text: str) -> bool:
    return all(unicodedata.category(c)[0] != "C" or c in "\u200c\u200d" for c in text)


CODES = {str(row["code"]) for row in TICKETS}


@given(NASTY)
@example("GOOD001\0")
@example("good001")
@example("\u202eGOOD001x")
def test_no_code_that_nobody_issued_is_green(lane: Lane, text: str) -> None:
    """Any text is refused as unknown or unreadable and printed harmlessly."""
    if unicodedata.normalize("NFKC", parse(text).code).upper() in CODES:
        return
    verdict = lane.admit(Scan(text, text[:20], "camera"))
    assert verdict.outcome is Outcome.REFUSE
    assert verdict.reason in (Reason.UNKNOWN, Reason.UNREADABLE)
    out = io.StringIO()
    Plain(lane, ZONE, out=out).show(verdict)
    assert is_harmless(out.getvalue().removesuffix("\n"))


def test_after_all_that_a_good_ticket_goes_in(lane: Lane) -> None:
    """The same lane still works, and its journal is sound."""
    for text in ("\x1b[2J", "\ud800", "x" * 5000, "GOOD001'; DROP TABLE ticket;--"):
        lane.admit(Scan(text))
    assert lane.admit(Scan("GOOD010")).is_green
    assert audit_journal(lane._folder.journal).findings == []


@given(st.binary(max_size=300))
def test_no_bytes_are_green(lane: Lane, data: bytes) -> None:
    """Bytes that are no text come as surrogates or as Latin-1; neither is a ticket."""
    for text in (data.decode("utf-8", "surrogateescape"), data.decode("latin-1")):
        assert lane.admit(Scan(text)).outcome is Outcome.REFUSE


@given(name=NASTY, note=NASTY, gate=NASTY)
def test_names_notes_and_gates_are_harmless_everywhere(
    tmp_path_factory: pytest.TempPathFactory, name: str, note: str, gate: str
) -> None:
    """A hostile ticket at a hostile gate, in the line, the log, the lookup and the report."""
    folder = Folder(tmp_path_factory.mktemp("names"))
    folder.create()
    row = {"code": "H1", "type": "SHOW", "id": "h1", "holder": name[:500], "attention": note[:500],
           "seats": [gate[:500]]}  # fmt: skip
    clean: Row = {
        key: value.encode("utf-8", "replace").decode() if isinstance(value, str) else
        [seat.encode("utf-8", "replace").decode() for seat in value]
        for key, value in row.items()
    }  # fmt: skip
    fill(folder, [clean])
    lane = Lane(folder, FixedClock(), Place(gate), HouseRules())
    verdict = lane.admit(Scan("H1"))
    assert verdict.outcome in (Outcome.ADMIT, Outcome.ATTENTION)
    assert is_harmless(verdict_line(verdict, lane.place, ZONE))
    lane.close()
    for line in lines(folder, Filter(), "text", ZONE):
        assert is_harmless(line)
    for found in look_up(folder, "H1").found:
        assert all(is_harmless(line) for line in tell(found, ZONE))
    table = report.as_table(report.overview(folder), {"gate": report.grouped(folder, "gate", ZONE)})
    assert all(is_harmless(line) for line in table.splitlines())


def test_without_the_escaping_an_escape_reaches_the_line(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation: what ``printable`` does is what keeps a terminal safe."""
    monkeypatch.setattr("gate.text.verdict_line.printable", lambda text, *_limit: text)
    place = Place("\x1b[2Jgate")
    assert not is_harmless(verdict_line(lane.admit(Scan("GOOD002")), place, ZONE))


def entry_text(**said: object) -> str:
    """An entry about ticket good-1, with whatever it is made to say."""
    base = {"origin": "a.b", "seq": 1, "prev": "", "at_ms": 1, "boot_ms": 1, "hlc": 1}
    return json.dumps(base | {"ticket": "good-1"} | said)


JSON_ISH = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "{}", "[]", "null", "", '{"act":"admission"}', '{"id":1}', '{"origin":5}',
            entry_text(act="admission", uses=-9, persons=-9),
            entry_text(act="exit", at_ms=99999999999999999),
            entry_text(act="annulment", target="x"),
            entry_text(act="admission", hlc=-1),
        ]
    ),
)  # fmt: skip


def journal_with(folder: Folder, path: Path, body: str, migrations: object) -> bool:
    """Put a row into a journal file; whether SQLite took it."""
    connection = sqlite3.connect(path)
    getattr(migrations, "apply")(Database(connection))  # noqa: B009
    body = body.encode("utf-8", "replace").decode()
    try:
        connection.execute(
            "INSERT INTO entry (origin, seq, hash, body) VALUES ('a.b', 1, x'00', ?)", (body,)
        )
        row = connection.execute("SELECT max(id) FROM entry").fetchone()[0]
        connection.execute("INSERT INTO state VALUES ('good-1', 1, 1, 1, ?, ?)", (row, row))
        connection.commit()
    except sqlite3.DatabaseError:
        return False  # what SQLite itself declines cannot be in the file
    finally:
        connection.close()
    return True


@given(JSON_ISH)
def test_no_journal_row_makes_a_green_or_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, body: str
) -> None:
    """Garbage in the journal is a HOLD or a refusal for its ticket, and a finding for the audit."""
    folder = Folder(tmp_path_factory.mktemp("rows"))
    folder.create()
    fill(folder)
    if not journal_with(folder, folder.journal, body, schema.journal):
        return
    lane = Lane(folder, FixedClock(), Place("North"), HouseRules())
    assert not lane.admit(Scan("GOOD001")).is_green
    lane.close()
    for tool in (
        lambda: list(lines(folder, Filter(), "text", ZONE)),
        lambda: list(lines(folder, Filter(), "csv", ZONE)),
        lambda: report.overview(folder),
        lambda: audit_journal(folder.journal),
        lambda: look_up(folder, "GOOD001").found,
    ):
        with suppress(GateError):
            tool()
    assert audit_journal(folder.path / "journal.db").problems > 0


@given(JSON_ISH)
def test_no_peers_row_makes_a_second_green(
    tmp_path_factory: pytest.TempPathFactory, body: str
) -> None:
    """A ticket used here stays used, whatever somebody wrote into the peers' file."""
    folder = Folder(tmp_path_factory.mktemp("peers"))
    folder.create()
    fill(folder)
    clock = FixedClock()
    lane = Lane(folder, clock, Place("North"), HouseRules())
    assert lane.admit(Scan("GOOD001")).is_green
    journal_with(folder, folder.peers, body, schema.peers)
    clock.pass_seconds(60)
    verdict = lane.admit(Scan("GOOD001"))
    assert verdict.outcome in (Outcome.REFUSE, Outcome.HOLD)
    assert lane.admit(Scan("GOOD002")).is_green
    lane.close()


@given(JSON_ISH)
def test_no_ticket_row_makes_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, body: str
) -> None:
    """A ticket file that is not what we wrote holds its own tickets only."""
    folder = Folder(tmp_path_factory.mktemp("tickets"))
    folder.create()
    fill(folder)
    replica = next(folder.path.glob("tickets-*.db"))
    connection = sqlite3.connect(replica)
    is_changed = False
    try:
        body = body.encode("utf-8", "replace").decode()
        connection.execute("UPDATE ticket SET body = ? WHERE id = 'good-1'", (body,))
        is_changed = True
    except sqlite3.DatabaseError:
        pass  # what SQLite itself declines cannot be in the file
    connection.commit()
    connection.close()
    lane = Lane(folder, FixedClock(), Place("North"), HouseRules())
    verdict = lane.admit(Scan("GOOD001"))
    assert verdict.is_green is not is_changed
    assert lane.admit(Scan("GOOD002")).is_green
    lane.close()

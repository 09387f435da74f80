"""The journal: named, chained, counted, and never half written."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate.core import entry_codec
from gate.core.entry import Act, Entry
from gate.core.history import History
from gate.core.outcome import Outcome, Reason
from gate.errors import DamagedError, FullError, StoreError
from gate.storage.audit import audit_journal
from gate.storage.journal import Journal
from gate.storage.journal_reader import JournalReader

DEVICE = "0123456789abcdef"
FRESH = History()


def draft(act: Act = Act.ADMISSION, ticket: str = "t1", **more: Any) -> Entry:
    moves = act in (Act.ADMISSION, Act.EXIT)
    said: dict[str, Any] = {
        "persons": 1 if moves else 0,
        "uses": 1 if act is Act.ADMISSION else 0,
    } | more
    base = {"ticket": ticket, "gate": "North"}
    return Entry("", 0, "", act, at_ms=1_000_000, boot_ms=5, hlc=0, **(base | said))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path, DEVICE, "boot-1")
    yield journal
    journal.close()


def add(journal: Journal, *drafts: Entry) -> list[Entry]:
    with journal.transaction():
        return [append(journal, d) for d in drafts]


def append(journal: Journal, made: Entry, past: History | None = None) -> Entry:
    """Link an entry and keep it, decided on the present history unless another is given."""
    if past is None:
        past = journal.history(made.ticket) or FRESH
    ordinal = past.redemptions if made.act is Act.ADMISSION else None
    link = journal.link(made.at_ms)
    return journal.append(replace(made, ordinal=ordinal, **link._asdict()), past)


def test_entries_are_named_and_chained(journal: Journal) -> None:
    """Numbers run from 1 within an incarnation and each entry names its predecessor's hash."""
    first, second = add(journal, draft(), draft(ticket="t2"))
    assert (first.seq, second.seq) == (1, 2)
    assert first.origin == second.origin
    assert first.origin.startswith(DEVICE + ".")
    assert first.prev == ""
    assert second.prev == entry_codec.digest(entry_codec.encode(first)).hex()
    assert second.hlc > first.hlc


def test_a_restart_is_a_new_incarnation_that_names_the_old(path: Path) -> None:
    """The first entry after a start carries where the device's journal ended before."""
    journal = Journal(path, DEVICE)
    (old,) = add(journal, draft())
    journal.close()
    journal = Journal(path, DEVICE)
    (new,) = add(journal, draft(ticket="t2"))
    journal.close()
    assert new.origin != old.origin
    assert (new.seq, new.follows) == (1, old.name)
    assert new.prev == entry_codec.digest(entry_codec.encode(old)).hex()
    assert audit_journal(path).problems == 0


def test_an_incarnation_is_minted_only_with_an_entry(path: Path) -> None:
    """Opening and closing leaves no trace in the chain."""
    journal = Journal(path, DEVICE)
    (old,) = add(journal, draft())
    journal.close()
    Journal(path, DEVICE).close()
    journal = Journal(path, DEVICE)
    (new,) = add(journal, draft(ticket="t2"))
    journal.close()
    assert new.follows == old.name


def test_a_failed_transaction_leaves_nothing(journal: Journal) -> None:
    """Rows, numbers and counts all go back together."""
    add(journal, draft())
    before = (journal.head, vars(journal.totals).copy())

    class Interruption(Exception):
        pass

    with pytest.raises(Interruption), journal.transaction():
        append(journal, draft(ticket="t2"))
        raise Interruption
    assert (journal.head, vars(journal.totals)) == before
    assert journal.history("t2") is None
    (following,) = add(journal, draft(ticket="t3"))
    assert following.seq == 2


def test_one_use_is_guarded_even_when_the_decision_was_stale(journal: Journal) -> None:
    """A second admission decided on an old history does not get in."""
    add(journal, draft())
    with pytest.raises(StoreError, match="UNIQUE"), journal.transaction():
        append(journal, draft(), past=FRESH)


def test_without_unique_a_stale_decision_gets_in(journal: Journal) -> None:
    """Mutation: dropping the index lets the stale second admission through."""
    add(journal, draft())
    journal._connection.execute("DROP INDEX entry_facts")
    with journal.transaction():
        append(journal, draft(), past=FRESH)
    assert journal._connection.execute("SELECT count(*) FROM entry").fetchone() == (2,)


def test_an_exit_first_is_no_first_admission(journal: Journal) -> None:
    """The first admission is the first admission, whatever came before it."""
    _exit, admission = add(journal, draft(Act.EXIT), draft())
    history = journal.history("t1")
    assert history is not None
    assert history.first is not None
    assert (history.first.seq, history.last) == (admission.seq, history.first)


def test_history_follows_admission_exit_and_annulment(journal: Journal) -> None:
    """What is materialised is what the entries fold to."""
    admission, _exit = add(journal, draft(), draft(Act.EXIT))
    history = journal.history("t1")
    assert history is not None
    assert (history.used, history.inside, history.redemptions) == (1, 0, 1)
    add(journal, draft(Act.ANNULMENT, target=admission.name))
    history = journal.history("t1")
    assert history is not None
    assert (history.used, history.inside, history.redemptions) == (0, 0, 1)
    assert journal.totals.admitted == 0
    (again,) = add(journal, draft())
    assert again.ordinal == 1


def test_totals_survive_a_restart(path: Path) -> None:
    """The numbers kept in memory are the numbers on disk."""
    journal = Journal(path, DEVICE)
    refusal = draft(Act.REFUSAL, outcome=Outcome.REFUSE, reason=Reason.UNKNOWN, persons=0)
    add(journal, draft(zone="A"), draft(ticket="t2", zone="B"), draft(Act.EXIT, zone="A"), refusal)
    before = journal.totals
    journal.close()
    journal = Journal(path, DEVICE)
    assert (before.admitted, before.exited, before.refused, before.inside) == (2, 1, 1, 1)
    assert vars(journal.totals) == vars(before)
    journal.close()


@pytest.mark.parametrize(
    ("tampering", "finding"),
    [
        ("UPDATE entry SET body = replace(body, 'North', 'South') WHERE id = 2", "not what was"),
        ("UPDATE entry SET hash = zeroblob(32) WHERE id = 2", "not what was hashed"),
        ("DELETE FROM entry WHERE id = 2", "does not follow"),
        ("UPDATE entry SET seq = 9 WHERE id = 3", "calls itself"),
        ("UPDATE entry SET body = '{}' WHERE id = 2", "cannot be read"),
        ("UPDATE state SET used = 0 WHERE ticket = 't1'", "history of ticket t1"),
        ("INSERT INTO state VALUES ('ghost', 1, 1, 1, NULL, NULL)", "nobody scanned"),
        ("UPDATE tally SET admitted = admitted + 1", "count of"),
        ("DELETE FROM tally", "missing"),
    ],
)
def test_the_audit_finds_tampering(
    journal: Journal, path: Path, tampering: str, finding: str
) -> None:
    """Whatever is changed behind the journal's back is told."""
    add(journal, draft(), draft(ticket="t2"), draft(ticket="t3"))
    assert audit_journal(path).findings == []
    journal._connection.execute(tampering)
    assert any(finding in told for told in audit_journal(path).findings)


def test_the_reader_pages_through_entries(journal: Journal, path: Path) -> None:
    """Pages come oldest first and join without gap or repeat."""
    made = add(journal, *(draft(ticket=f"t{n}") for n in range(25)))
    reader = JournalReader(path)
    seen: list[Entry] = []
    row = 0
    while page := reader.page(after=row, limit=10):
        seen += [entry for _row, entry in page]
        row = page[-1][0]
    assert seen == made
    assert reader.newest(3) == made[:-4:-1]
    reader.close()


def test_a_file_that_is_no_database_is_kept_and_told(path: Path) -> None:
    """A damaged journal is never replaced by a new one."""
    path.write_bytes(b"this is not a database, whatever it is" * 200)
    before = path.read_bytes()
    with pytest.raises(DamagedError) as caught:
        Journal(path, DEVICE)
    assert "journal.db" in caught.value.message
    assert caught.value.hint
    assert path.read_bytes() == before


def test_a_half_overwritten_journal_is_told(path: Path) -> None:
    """Pages of noise in the middle are found when they are read."""
    journal = Journal(path, DEVICE)
    add(journal, *(draft(ticket=f"t{n}") for n in range(200)))
    journal.close()
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 8)
    with pytest.raises(DamagedError):
        opened = Journal(path, DEVICE)
        try:
            add(opened, *(draft(ticket=f"n{n}") for n in range(50)))
        finally:
            opened._connection.close()


def test_a_full_database_says_so(journal: Journal) -> None:
    """SQLITE_FULL becomes a fault with a hint, and the journal goes on when there is room again."""
    add(journal, draft())
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(FullError) as caught:
        add(journal, *(draft(ticket=f"t{n}") for n in range(200)))
    assert "gate doctor" in caught.value.hint
    journal._connection.execute("PRAGMA max_page_count = 1000000")
    assert add(journal, draft(ticket="later"))[0].seq == 2


def test_the_journal_insists_on_full_sync(journal: Journal) -> None:
    """Law 1 rests on this setting, so it is checked after every opening."""
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_unknown_fields_of_a_newer_version_are_passed_over() -> None:
    """An entry of a later version reads, and its bytes stay as its maker hashed them."""
    body = entry_codec.encode(draft())[:-1] + b',"invented_later":[1,2]}'
    assert entry_codec.decode(body) == draft()


def test_text_that_is_no_unicode_is_written_all_the_same(journal: Journal) -> None:
    """A note with a lone surrogate does not stop the lane."""
    (entry,) = add(journal, draft(note="caf\udce9", gate="\ud800"))
    assert (entry.note, entry.gate) == ("caf?", "?")
    assert journal.find(entry.name) == entry


def test_a_body_leaves_out_what_says_nothing() -> None:
    """Also where the value was made at run time, and is not the very object of the default."""
    nothing = "says nothing".replace("says nothing", "")
    number = int("-300") + 300
    said = draft(note=nothing, flags=tuple([nothing][:number]), count=number, offset_ms=number)
    assert entry_codec.encode(said) == entry_codec.encode(draft())
    body = json.loads(entry_codec.encode(said))
    assert {"note", "flags", "count", "offset_ms", "trusted", "basis"}.isdisjoint(body)
    assert {"origin", "seq", "prev", "act", "at_ms", "boot_ms", "hlc"} <= body.keys()
    assert json.loads(entry_codec.encode(replace(said, trusted=False, prev="")))["trusted"] is False


def test_entry_bytes_are_stable() -> None:
    """What is hashed does not depend on the order of anything at run time."""
    body = entry_codec.encode(draft(flags=("alone",)))
    assert body == entry_codec.encode(entry_codec.decode(body))
    with closing(sqlite3.connect(":memory:")) as db:
        row = db.execute("SELECT json_extract(?, '$.act')", (body.decode(),)).fetchone()
    assert row == ("admission",)

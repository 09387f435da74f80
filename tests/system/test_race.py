"""Law 2: one ticket, one use, one device: exactly one green, whatever the threads and processes."""

import random
import sqlite3
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from gate.core.outcome import Outcome
from gate.core.place import HouseRules, Place
from gate.core.verdict import Scan
from gate.errors import BusyError
from gate.lane.lane import Lane
from gate.reports.ticket_import import import_files
from gate.storage.audit import audit_journal
from gate.storage.folder import Folder, Lock
from gate.storage.journal import Journal
from tests.support.programs import CONTEXT
from tests.support.venue import TYPES, FixedClock, write_rows
from tests.system.race_worker import TICKETS, fight

pytestmark = pytest.mark.system

PROCESSES = 4


ATTEMPTS = 8
"""How often a mutation may win a race by luck, on a machine that has other things to do."""


@pytest.fixture
def race(tmp_path: Path) -> Folder:
    """A folder with 300 single-use tickets."""
    return make_race(tmp_path)


def make_race(path: Path) -> Folder:
    path.mkdir(exist_ok=True)
    folder = Folder(path / "race")
    rows = [{"code": f"RACE{n:03d}", "type": "SHOW", "id": f"r{n}"} for n in range(TICKETS)]
    import_files(folder, [write_rows(path / "race.jsonl", [TYPES[0], *rows])], built_ms=1)
    folder.device_id()
    return folder


def test_eight_threads_at_one_lane(race: Folder) -> None:
    """Eight threads scan the same 300 tickets: 300 greens."""
    lane = Lane(race, FixedClock(), Place("Race"), HouseRules(rescan_s=0))

    def scan_all(seed: int) -> list[Outcome]:
        codes = [f"RACE{n:03d}" for n in range(TICKETS)]
        random.Random(seed).shuffle(codes)
        return [lane.admit(Scan(code)).outcome for code in codes]

    with ThreadPoolExecutor(8) as pool:
        outcomes = [outcome for said in pool.map(scan_all, range(8)) for outcome in said]
    lane.close()
    assert outcomes.count(Outcome.ADMIT) == TICKETS
    assert Outcome.HOLD not in outcomes
    assert audit_journal(race.journal).findings == []


def run(race: Folder, mode: str) -> tuple[list[str], list[str]]:
    # A process for each, that has done nothing before and does nothing after.
    with ProcessPoolExecutor(PROCESSES, mp_context=CONTEXT, max_tasks_per_child=1) as pool:
        started = [pool.submit(fight, race, seed, mode) for seed in range(PROCESSES)]
        said = [one.result(100) for one in started]
    return [g for greens, _holds in said for g in greens], [h for _g, holds in said for h in holds]


@pytest.mark.long
def test_four_processes_fight_for_the_folder(race: Folder) -> None:
    """Gates take turns with the lock; each ticket is green once."""
    greens, holds = run(race, "locked")
    assert (len(greens), len(set(greens)), holds) == (TICKETS, TICKETS, [])
    assert audit_journal(race.journal).findings == []


def test_even_where_locks_do_not_hold(race: Folder) -> None:
    """On a file system that ignores locks the transaction still makes each ticket green once."""
    greens, _holds = run(race, "unlocked")
    assert len(greens) == len(set(greens))
    assert audit_journal(race.journal).findings == []


@pytest.mark.long
def test_deciding_outside_the_transaction_needs_the_unique_index(tmp_path: Path) -> None:
    """Mutation: a stale decision is stopped by the index alone, as a HOLD instead of a green."""
    for attempt in range(ATTEMPTS):
        greens, holds = run(make_race(tmp_path / str(attempt)), "decide-outside")
        assert len(greens) == len(set(greens))
        if any("UNIQUE" in hold for hold in holds):
            return
    pytest.fail("no two of them ever decided at once")


@pytest.mark.long
def test_without_transaction_and_index_tickets_are_green_twice(tmp_path: Path) -> None:
    """Mutation: with both defences gone there are more greens than tickets."""
    for attempt in range(ATTEMPTS):
        race = make_race(tmp_path / str(attempt))
        Journal(race.journal, race.device_id()).close()
        connection = sqlite3.connect(race.journal)
        connection.execute("DROP INDEX entry_facts")
        connection.commit()
        connection.close()
        greens, _holds = run(race, "no-unique")
        if len(greens) > len(set(greens)):
            return
    pytest.fail("no two of them ever decided at once")


def test_a_second_gate_is_told_who_has_the_folder(race: Folder) -> None:
    """The lock names the process and what to do, and frees the folder when closed."""
    first = Lock(race)
    with pytest.raises(BusyError) as caught:
        Lock(race)
    assert "another gate" in caught.value.message
    assert "--data-dir" in caught.value.hint
    first.close()
    Lock(race).close()

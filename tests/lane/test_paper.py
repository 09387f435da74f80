"""Ticks on a printed list: taken in once, at the stated time, and nothing of them is lost."""

import io
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gate.cli.main import main
from gate.core.entry import Act, Entry
from gate.core.outcome import Flag, Reason
from gate.core.place import Role
from gate.core.verdict import PAPER, Scan
from gate.errors import OperatorError, UsageError
from gate.lane import paper
from gate.lane.lane import Lane
from gate.lane.operators import Operators
from gate.lane.paper import Tick
from gate.reports.paper_list import read_paper
from gate.storage.audit import audit_journal
from gate.storage.conflicts import find_conflicts
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder, Lock
from gate.storage.matters import Watch
from tests.support.lanes import BOSS, KIM, decided, journal_of
from tests.support.venue import NOW_MS, FixedClock
from tests.system.neighbours import carry, neighbour

ZONE = ZoneInfo("Asia/Shanghai")
AT_MS = NOW_MS - 3_600_000


def of_paper(folder: Folder) -> list[Entry]:
    return [entry for entry in journal_of(folder) if entry.source == PAPER]


def read(tmp_path: Path, text: str) -> tuple[list[tuple[int, Tick]], list[int]]:
    path = tmp_path / "ticks.csv"
    path.write_text(text, encoding="utf-8")
    found = read_paper(path, NOW_MS, ZONE)
    return found.ticks, [number for number, _why in found.bad]


def test_a_tick_is_an_admission(lane: Lane, venue: Folder) -> None:
    """By a supervisor, at the stated time, which is a watch's; the ticket is used from then on."""
    taken = lane.take_from_paper(Tick("good-1", "11:26", AT_MS), BOSS)
    assert (taken.is_new, taken.against) == (True, None)
    (entry,) = of_paper(venue)
    assert (entry.act, entry.operator, entry.note) == (Act.ADMISSION, "boss", "11:26")
    assert (entry.at_ms, entry.trusted, entry.flags) == (AT_MS, False, (Flag.CLOCK_NOT_TRUSTED,))
    assert decided(lane, "GOOD001")[1] is Reason.ALREADY_USED
    assert lane.totals().inside == 1
    lane.close()
    assert audit_journal(venue.journal).findings == []


def test_twice_changes_nothing(lane: Lane, venue: Folder) -> None:
    """The same list again, or an undone tick again, adds no entry."""
    tick = Tick("good-1", "11:26", AT_MS)
    lane.take_from_paper(tick, BOSS)
    assert not lane.take_from_paper(tick, BOSS).is_new
    lane.undo(of_paper(venue)[0].name, BOSS, "wrong line")
    assert not lane.take_from_paper(tick, BOSS).is_new
    assert len(of_paper(venue)) == 1


def test_a_tick_that_is_not_known_again_is_noticed(
    lane: Lane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: where nobody looks for it, the second time makes a second admission."""
    monkeypatch.setattr(paper, "_is_of", lambda *_args: False)
    for _again in range(2):
        lane.take_from_paper(Tick("good-1", "11:26", AT_MS), BOSS)
    assert len(of_paper(venue)) == 2


def test_another_gate_takes_no_tick_again(
    lane: Lane, venue: Folder, tmp_path: Path, clock: FixedClock
) -> None:
    """Whoever has heard of it knows it, too."""
    tick = Tick("good-1", "11:26", AT_MS)
    lane.take_from_paper(tick, BOSS)
    with neighbour(tmp_path / "south", clock) as south:
        carry(venue, south._folder)
        assert not south.take_from_paper(tick, BOSS).is_new


def test_what_was_used_already_is_a_conflict(lane: Lane, venue: Folder) -> None:
    """Two people went in on one ticket: both stand, and a supervisor looks into it."""
    lane.admit(Scan("GOOD001"))
    watch = Watch(venue)
    assert watch.look() == frozenset()
    taken = lane.take_from_paper(Tick("good-1", "11:26", AT_MS), BOSS)
    assert (taken.is_new, taken.against) == (True, Reason.ALREADY_USED)
    with Fleet(venue) as fleet:
        assert [found.ticket for found in find_conflicts(fleet)] == ["good-1"]
    assert watch.look() == {"good-1"}
    assert Watch(venue).look() == {"good-1"}
    lane.resolve("good-1", BOSS, "saw both")
    assert watch.look() == frozenset()


def test_what_the_rules_have_against_it_is_kept(lane: Lane, venue: Folder) -> None:
    """A cancelled ticket that was ticked is in, irregular, and says why."""
    taken = lane.take_from_paper(Tick("void-1", "11:26", AT_MS), BOSS)
    assert taken.against is Reason.REVOKED
    (entry,) = of_paper(venue)
    assert (entry.act, entry.overruled) == (Act.ADMISSION, Reason.REVOKED)


def test_time_rules_refuse_nobody(lane: Lane) -> None:
    """A watch is no trusted clock, and who was ticked came in."""
    for ticket in ("early-1", "late-1"):
        assert lane.take_from_paper(Tick(ticket, "11:26", AT_MS), BOSS).against is None


def test_only_a_supervisor_may(lane: Lane, venue: Folder) -> None:
    """And nobody's tick leaves no trace."""
    with pytest.raises(OperatorError):
        lane.take_from_paper(Tick("good-1"), KIM)
    assert lane.take_from_paper(Tick("nobody"), BOSS).ticket is None
    lane.open()
    assert of_paper(venue) == []


def test_what_people_type(tmp_path: Path) -> None:
    """A heading, any of three separators, times of day or whole, several people, doubles."""
    ticks, bad = read(
        tmp_path,
        "\ufeffticket,time\nk3f9ab,11:26\nk3f9ab;11.26\n# a note\n\nabc123\t2026-12-22 09:05\t3\n"
        "late00,23:59\nnow000,\n",
    )
    assert bad == []
    assert [tick for _number, tick in ticks] == [
        Tick("k3f9ab", "11:26", AT_MS - 40_000),
        Tick("k3f9ab", "11.26", AT_MS - 40_000),
        Tick("abc123", "2026-12-22 09:05", 1_797_901_500_000, 3),
        Tick("late00", "23:59", 1_797_955_140_000),
        Tick("now000"),
    ]
    twice, _bad = read(tmp_path, "k3f9ab,11:26\nk3f9ab,11:26\n")
    assert [tick.note for _number, tick in twice] == ["11:26", "11:26 #2"]


@pytest.mark.parametrize(
    "line", ["abc123,yesterday", "abc123,2027-01-01 00:00", "abc123,11:26,0", "abc123,25:00",
             "abc123,11:26,1,x"],
)  # fmt: skip
def test_a_line_that_cannot_be_is_told(tmp_path: Path, line: str) -> None:
    """By its number; the others are taken."""
    ticks, bad = read(tmp_path, f"k3f9ab,11:26\n{line}\n")
    assert (len(ticks), bad) == (1, [2])


def test_at_the_command_line(
    venue: Folder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A supervisor is asked; a lane at work is not disturbed; what is left out is named."""
    path = tmp_path / "ticks.csv"
    path.write_text("named-1,2026-11-01 11:26\nvoid-1\nnobody,\n", encoding="utf-8")
    command = ["import", "--paper", str(path), "--data-dir", str(venue.path)]
    assert main(command) != 0
    assert "gate operator add" in capsys.readouterr().err
    Operators(venue).add("boss", Role.SUPERVISOR, "80521x")

    def run() -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO("boss\n80521x\n"))
        code = main(command)
        return code, *capsys.readouterr()

    lock = Lock(venue)
    assert run()[0] != 0
    lock.close()
    assert not venue.journal.exists()
    code, out, err = run()
    assert code == 1
    assert "2 admitted from paper, 0 were taken in before" in out
    assert "line 2: Ticket cancelled" in out
    assert "line 3: no ticket" in err
    code, out, err = run()
    assert "0 admitted from paper, 2 were taken in before" in out
    assert len(of_paper(venue)) == 2
    assert journal_of(venue)[-1].act is Act.LANE_CLOSED


def test_what_is_no_list(tmp_path: Path) -> None:
    """A picture of the list is not the list."""
    path = tmp_path / "list.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(UsageError):
        read_paper(path, NOW_MS, ZONE)

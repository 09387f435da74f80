"""The device's own journal as the sync worker follows it."""

from contextlib import closing
from pathlib import Path

from gate.core.verdict import Scan
from gate.storage.folder import Folder
from gate.storage.own_journal import OwnJournal
from tests.support.venue import FixedClock
from tests.system.neighbours import neighbour


def test_each_entry_is_found_once(tmp_path: Path, clock: FixedClock) -> None:
    """Whoever follows it again is told of what came since, and of nothing else."""
    path = tmp_path / "south"
    with neighbour(path, clock) as lane, closing(OwnJournal(Folder(path))) as journal:
        lane.admit(Scan("GOOD001"))
        assert journal.follow().is_longer
        tip, version = journal.tip, journal.version
        assert not journal.follow().is_longer
        assert (journal.tip, journal.version) == (tip, version)
        admitted = lane.admit(Scan("GOOD002"))
        assert journal.follow().is_longer
        assert journal.tip.startswith(admitted.entry)
        assert journal.version == version + 1


def test_the_lane_is_as_it_last_said(tmp_path: Path, clock: FixedClock) -> None:
    """Open from its opening on, and closed since its end; before anything was read, unknown."""
    path = tmp_path / "south"
    with neighbour(path, clock) as lane, closing(OwnJournal(Folder(path))) as journal:
        assert (journal.is_open(), journal.was_open(2**62)) == (None, False)
        lane.open()
        journal.follow()
        assert journal.is_open()
        assert [journal.was_open(hlc) for hlc in (0, 2**62)] == [False, True]
        lane.close()
        journal.follow()
        assert (journal.is_open(), journal.was_open(2**62)) == (False, False)


def test_without_a_journal_nothing_is_found(tmp_path: Path) -> None:
    """A gate that never scanned has none, and what is asked of it has its answer for that."""
    folder = Folder(tmp_path / "south")
    folder.create()
    with closing(OwnJournal(folder)) as journal:
        assert not journal.follow().is_longer
        assert not journal.is_read
        assert journal.read(lambda _connection: "something", "nothing") == "nothing"
        assert (journal.tip, journal.tips) == ("", {})

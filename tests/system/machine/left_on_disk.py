"""What a machine's disk holds after a cut, read by the program's own readers."""

import subprocess
from pathlib import Path

from gate.core.entry import Act, Entry
from gate.storage.audit import audit_journal
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.storage.tickets import Tickets
from tests.system.machine.image import DATA
from tests.system.machine.volatile_disk import VolatileDisk


def left_on(disk: VolatileDisk, into: Path, *, is_honest: bool = True) -> Folder:
    """The data folder as after the next start, the disk's own log replayed.

    AssertionError when the journal is not whole. ``is_honest`` off is the mutation.
    """
    into.mkdir()
    image = into / "disk.img"
    disk.keep_as(image, is_honest=is_honest)
    checked = subprocess.run(
        ["e2fsck", "-fy", str(image)], capture_output=True, text=True, check=False
    )
    assert checked.returncode in (0, 1), checked.stdout
    subprocess.run(
        ["debugfs", "-R", f"rdump {DATA} {into}", str(image)], capture_output=True, check=True
    )
    image.unlink()
    folder = Folder(into / Path(DATA).name)
    if folder.journal.exists():
        audit = audit_journal(folder.journal)
        assert not audit.findings, audit.findings
    return folder


def entries(folder: Folder) -> list[Entry]:
    """The journal, the oldest entry first; nothing where none was begun."""
    if not folder.journal.exists():
        return []
    journal = JournalReader(folder.journal)
    try:
        return [entry for _row, entry in journal.page(0, 100_000)]
    finally:
        journal.close()


def let_in(folder: Folder) -> list[int]:
    """The guests of whom the journal says that they came in, in its order."""
    tickets = Tickets(folder)
    try:
        found = {ticket.id: int(ticket.holder[-4:]) for ticket in tickets.every()}
    finally:
        tickets.close()
    return [found[entry.ticket] for entry in entries(folder) if entry.act is Act.ADMISSION]

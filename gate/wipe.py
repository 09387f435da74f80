"""Forgetting: tickets, names and journal go, but never before the journal is somewhere else."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gate.errors import BusyError, UsageError
from gate.language import _
from gate.store import entries
from gate.store.folder import Folder, Lock, sync_folder
from gate.store.journal import JournalReader
from gate.store.sqlite import faults
from gate.store.tickets import FILE_NAME

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Wiped:
    """What was done."""

    entries: int
    files: int


def wipe(folder: Folder, export: Path | None, *, unsent: int | None = None) -> Wiped:
    """Write the journal to ``export``, read it back, and delete the event's data.

    The file holds the entries byte for byte as they are hashed, a line each. It may be left out
    when a server has said that it holds every entry: ``unsent`` is then 0. Operators and the
    device's id stay; its credential and key go. Raises UsageError when there are entries and no
    place to put them, or when the file is there already.
    """
    lock = Lock(folder)
    try:
        sync_lock = Lock(folder, "sync")
    except BusyError:
        lock.close()
        raise
    try:
        is_safe = unsent == 0 and export is None
        count = _export(folder, export) if folder.journal.exists() and not is_safe else 0
        files = 0
        rooms = [room for room in (folder.inbox, folder.shared) if room.is_dir()]
        inside = [path for room in rooms for path in room.iterdir()]
        for path in sorted([*folder.path.iterdir(), *inside]):
            if path.parent in rooms or _is_data(path):
                _overwrite(path)
                os.unlink(path)
                files += 1
        sync_folder(folder.path)
        return Wiped(count, files)
    finally:
        sync_lock.close()
        lock.close()


def _export(folder: Folder, export: Path | None) -> int:
    reader = JournalReader(folder.journal)
    try:
        newest = reader.newest_row()
        if not newest:
            return 0
        if export is None:
            raise UsageError(
                _("the journal has {count} entries that are nowhere else").format(count=newest),
                _("Say where to keep them: gate wipe --export FILE"),
            )
        if export.exists():
            raise UsageError(
                _("{file} is there already").format(file=export),
                _("Nothing was wiped. Choose another name."),
            )
        with faults(export), export.open("xb") as file:
            row = 0
            while page := reader.bodies(row, PAGE):
                file.writelines(body.encode() + b"\n" for _row, body in page)
                row = page[-1][0]
            file.flush()
            os.fsync(file.fileno())
        sync_folder(export.absolute().parent)
        return _read_back(export, reader)
    finally:
        reader.close()


def _read_back(export: Path, reader: JournalReader) -> int:
    """Count the exported entries, each compared with the hash the journal has of it."""
    row = count = 0
    with faults(export), export.open("rb") as file:
        while page := reader.hashes(row, PAGE):
            for row, kept in page:  # noqa: B007  the last row is where the next page begins
                line = file.readline().removesuffix(b"\n")
                if entries.digest(line) != kept:
                    raise UsageError(
                        _("{file} does not hold what the journal holds").format(file=export),
                        _("Nothing was wiped. Is the disk full? Try another place."),
                    )
                count += 1
    return count


_NAMES = {
    "journal.db", "peers.db", "tickets.current", "gate.log", "sync.log", "invite.log",
    "sync.json", "sync.now",
    "server.json", "member.json", "venue.json", "device.key",
}  # fmt: skip


def _is_data(path: Path) -> bool:
    name = path.name
    for suffix in ("-wal", "-shm", "-journal"):
        name = name.removesuffix(suffix)
    return (
        name in _NAMES
        or name.startswith(("gate.log.", "sync.log.", "invite.log."))
        or name.endswith(".part")
        or FILE_NAME.fullmatch(name) is not None
    )


def _overwrite(path: Path) -> None:
    # Helps on plain disks; flash keeps old blocks, which docs/operating.md says.
    with suppress(OSError), path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        while size > 0:
            size -= file.write(bytes(min(size, 1 << 20)))
        os.fsync(file.fileno())

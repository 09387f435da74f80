"""Forgetting: tickets, names and journal go, but never before the journal is somewhere else."""

import os
from dataclasses import dataclass
from pathlib import Path

from gate.core import entry_codec
from gate.errors import BusyError, UsageError
from gate.i18n import _
from gate.storage.folder import Folder, Lock, sync_folder
from gate.storage.forgetting import delete, is_of_event
from gate.storage.journal_reader import JournalReader
from gate.storage.revocation import is_revoked
from gate.storage.sqlite import faults

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Wiped:
    """What was done."""

    entries: int
    files: int


def wipe(folder: Folder, export: Path | None, *, unacked: int | None = None) -> Wiped:
    """Write the journal to ``export``, read it back, and delete the event's data.

    The file holds the entries byte for byte as they are hashed, a line each. It may be left out
    when a server has said that it holds every entry: ``unacked`` is then 0. The device's id stays,
    but for one that was revoked; credential, key and operators go. Raises UsageError when there are
    entries and no place to put them, or when the file is there already.
    """
    lock = Lock(folder)
    try:
        sync_lock = Lock(folder, "sync")
    except BusyError:
        lock.close()
        raise
    try:
        is_safe = unacked == 0 and export is None
        count = _export(folder, export) if folder.journal.exists() and not is_safe else 0
        # A device that was revoked is never taken back: what comes after it is another one.
        ends = {"device"} if is_revoked(folder) else set()
        return Wiped(count, delete(folder, lambda name: name in ends or is_of_event(name)))
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
                if entry_codec.digest(line) != kept:
                    raise UsageError(
                        _("{file} does not hold what the journal holds").format(file=export),
                        _("Nothing was wiped. Is the disk full? Try another place."),
                    )
                count += 1
    return count

"""What of a data folder goes when an event is forgotten, or when its device was revoked."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

from gate.storage import outgoing
from gate.storage.folder import Folder, sync_folder
from gate.storage.replica_file import FILE_NAME
from gate.storage.sqlite import faults

_JOURNAL_AND_LOGS = ("journal.db", "gate.log", "sync.log", "invite.log")
_NAMES = {
    *_JOURNAL_AND_LOGS,
    "peers.db", "tickets.current", "sync.json", "lane.json", "sync.now", "sync.heard",
    "server.json", "member.json", "venue.json", "device.key", "operators.json",
    "operators.known.json", "revoked.json", "guests.key", "web.db", "server.crt", "server.key",
}  # fmt: skip


# What took the place of one that was damaged.
_NUMBERED = re.compile(r"(journal|peers)-[0-9]+\.db")


def is_of_event(name: str) -> bool:
    """Whether a file belongs to the event: all but the device's id, its scanners and the locks."""
    name = _of_database(name)
    return (
        name in _NAMES
        or _NUMBERED.fullmatch(name) is not None
        or name.startswith(("gate.log.", "sync.log.", "invite.log."))
        or any(fnmatch(name, pattern) for pattern in outgoing.PATTERNS)
        or name.endswith((".part", ".damaged"))
        or FILE_NAME.fullmatch(name) is not None
    )


def is_of_others(name: str) -> bool:
    """Whether a file has names, codes or keys: all of the event but journal, logs, revocation."""
    plain = _of_database(name)
    keeps = plain == "revoked.json" or plain.startswith(_JOURNAL_AND_LOGS)
    keeps = keeps or (plain.startswith("journal-") and _NUMBERED.fullmatch(plain) is not None)
    return is_of_event(name) and not keeps


def delete(folder: Folder, is_meant: Callable[[str], bool]) -> int:
    """Delete those files, and all that waits or was packed for others; how many there were.

    Raises StoreError when one cannot be deleted; then the others are deleted all the same.
    """
    rooms = [
        room for room in (folder.inbox, folder.lists, folder.shared, folder.boot) if room.is_dir()
    ]
    inside = [path for room in rooms for path in room.iterdir()]
    files, failed = 0, None
    for path in sorted([*folder.path.iterdir(), *inside]):
        if path.parent in rooms or is_meant(path.name):
            try:
                _overwrite(path)
                os.unlink(path)
                files += 1
            except OSError as error:
                failed = (path, error)
    sync_folder(folder.path)
    if failed is not None:
        with faults(failed[0]):
            raise failed[1]
    return files


def _of_database(name: str) -> str:
    for suffix in ("-wal", "-shm", "-journal"):
        name = name.removesuffix(suffix)
    return name


def _overwrite(path: Path) -> None:
    # Helps on plain disks; flash keeps old blocks, which docs/data.md says.
    with suppress(OSError), path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        while size > 0:
            size -= file.write(bytes(min(size, 1 << 20)))
        os.fsync(file.fileno())

"""A person's word that the sync worker is to try now, whoever started it and whatever it waits for.

A file whose time is all that counts; nothing in it is read.
"""

import os

from gate.storage.folder import Folder
from gate.storage.sqlite import faults


def try_now(folder: Folder) -> None:
    """Have the folder's sync worker try now. Raises StoreError when that cannot be written."""
    with faults(folder.nudge):
        folder.nudge.write_bytes(b"")


class Nudges:
    """Sees that somebody has said so; cheap enough to ask four times a second."""

    def __init__(self, folder: Folder) -> None:
        self._path = str(folder.nudge)
        self._stamp = self._read()

    def is_new(self) -> bool:
        """Whether it was said since this was last asked."""
        before, self._stamp = self._stamp, self._read()
        return self._stamp != before

    def _read(self) -> tuple[int, int] | None:
        try:
            stat = os.stat(self._path)  # noqa: PTH116  asked again and again
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino

"""Room on the disk: what others did and tickets stop before the lane's own journal has to."""

import shutil
from pathlib import Path

from gate.errors import FullError
from gate.i18n import _

RESERVED_BYTES = 128 * 1024 * 1024
"""What is left free by all but the lane, in bytes: twice what it needs for refusals too."""


def has_room(path: Path, more: int = 0) -> bool:
    """Whether so many more bytes can be written beside a file without touching what is reserved."""
    return shutil.disk_usage(path.parent).free - more >= RESERVED_BYTES


def require_room(path: Path, more: int) -> None:
    """Raises FullError unless there is room for so many bytes beside a file."""
    if not has_room(path, more):
        need = (more + RESERVED_BYTES) // 2**20
        message = _("{folder}: there is no room for {n} MB").format(folder=path.parent, n=need)
        raise FullError(message, _("Make room on the disk; it goes on by itself."))

"""What of this device's files was found damaged, for the process that mends it and for people.

One small file for each kind of file, with the newest find. Losing it costs nothing: whoever reads
the damage finds it again.
"""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from gate.clock import read_wall_ms
from gate.errors import DamagedError
from gate.storage.folder import Folder

TICKETS, PEERS, JOURNAL = KINDS = ("tickets", "peers", "journal")


class Damage(msgspec.Struct, frozen=True):
    """A file that was found damaged, and what became of it."""

    file: str
    """Its name; it is not opened again."""
    why: str
    at_ms: int
    """When it was found, Unix milliseconds by this device's clock."""
    cursor: str = ""
    """How far the feed of tickets was: nothing older takes its place."""
    mended_ms: int = 0
    """When another file had taken its place; 0: not yet."""
    lost: int = 0
    """Entries of the journal that could not be read any more."""


_decoder = msgspec.json.Decoder(Damage)


def found(folder: Folder, kind: str, fault: DamagedError, cursor: str = "") -> None:
    """Note a damaged file, unless that one is known; a disk without room for it is no fault."""
    assert fault.file is not None
    known = read(folder, kind)
    if known is None or known.file != fault.file.name:
        write(folder, kind, Damage(fault.file.name, fault.message, read_wall_ms(), cursor))


def mended(folder: Folder, kind: str, lost: int = 0) -> None:
    """Note that another file has taken the place of the damaged one."""
    known = read(folder, kind)
    if known is not None and not known.mended_ms:
        made = msgspec.structs.replace(known, mended_ms=read_wall_ms(), lost=lost)
        write(folder, kind, made)


def read(folder: Folder, kind: str) -> Damage | None:
    """The newest find of a kind, mended or not."""
    try:
        return _decoder.decode(_path(folder, kind).read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeError):
        return None


def unmended(folder: Folder, kind: str) -> Damage | None:
    """The newest find of a kind that is not mended."""
    known = read(folder, kind)
    return None if known is None or known.mended_ms else known


def every(folder: Folder) -> list[Damage]:
    """The newest find of every kind, those first that are not mended."""
    found = [damage for kind in KINDS if (damage := read(folder, kind)) is not None]
    return sorted(found, key=lambda one: one.mended_ms > 0)


def write(folder: Folder, kind: str, damage: Damage) -> None:
    """Put a find in place of the one before."""
    path = _path(folder, kind)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with suppress(OSError):
        part.write_bytes(msgspec.json.encode(damage))
        os.replace(part, path)


def _path(folder: Folder, kind: str) -> Path:
    return folder.path / f"{kind}.damaged"

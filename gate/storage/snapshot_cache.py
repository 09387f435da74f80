"""Ready replicas on disk, packed once for all who ask, and made anew when they are too old."""

import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import zstandard

from gate.core.ticket_feed import Checkpoint, Cursor, File, Snapshot
from gate.storage.folder import sync_folder, write_durably
from gate.storage.replica_file import FILE_NAME

KEPT = 2
"""Snapshots of an event that stay, so that a download begun on the older one can go on."""
LATE_CHANGES, LATE_SHARE, LATE_MOST = 1000, 0.05, 50_000
"""A snapshot is good while fewer changes than this, or than this share of tickets, came since.

Never more than the last: whoever begins with it would soon have to begin anew.
"""
CHUNK = 64 * 1024
_NAME = re.compile(r"tickets-([0-9a-f]+)-([0-9]+)\.db")


class CachedSnapshot(msgspec.Struct, frozen=True):
    """A snapshot on disk, and how many tickets it has."""

    snapshot: Snapshot
    tickets: int = 0


_kept = msgspec.json.Decoder(CachedSnapshot)


def pack(
    source: Path,
    directory: Path,
    cursor: Cursor,
    tickets: int,
    checkpoint: Callable[[File], Checkpoint],
) -> Snapshot:
    """Pack a finished replica for others to fetch. Raises OSError when the disk is full.

    ``checkpoint`` is the authority's word for a file.
    """
    name = f"tickets-{cursor.epoch}-{cursor.seq}.db"
    part = source.with_suffix(".zst.part")
    try:
        size, digest = _compress(source, part)
        packed_bytes = part.stat().st_size
        sealed = checkpoint(File(digest, size, packed_bytes))
        snapshot = Snapshot(name, str(cursor), size, digest, packed_bytes, sealed)
        keep(part, directory, CachedSnapshot(snapshot, tickets))
    finally:
        part.unlink(missing_ok=True)
    return snapshot


def keep(part: Path, directory: Path, kept: CachedSnapshot) -> None:
    """Let others fetch a packed file too. Raises OSError when that cannot be."""
    name = kept.snapshot.name
    os.replace(part, _file(directory, name))
    sync_folder(directory)
    # Last: whoever finds this finds the whole file too.
    write_durably(directory / f"{name}.json", msgspec.json.encode(kept))
    _forget_older(directory)


def find(directory: Path, cursor: Cursor, *, any_age: bool = False) -> Snapshot | None:
    """The newest kept snapshot that is still good enough to begin with at ``cursor``.

    ``any_age`` is for who cannot make a newer one.
    """
    best: tuple[int, Snapshot] | None = None
    for side in directory.glob("tickets-*.db.json"):
        match = _NAME.match(side.name)
        if match is None or match[1] != cursor.epoch or not int(match[2]) <= cursor.seq:
            continue
        kept = _read_kept(side)
        if kept is None:
            continue
        late = cursor.seq - int(match[2])
        is_good = any_age or late <= min(max(LATE_CHANGES, LATE_SHARE * kept.tickets), LATE_MOST)
        if is_good and _file(directory, kept.snapshot.name).exists():
            best = max(best or (-1, kept.snapshot), (int(match[2]), kept.snapshot), key=_first)
    return best[1] if best else None


def forget_before(directory: Path, seq: int) -> None:
    """Remove what was packed before that change of the feed, of whatever life of it."""
    for path in (*directory.glob("tickets-*.db.json"), *directory.glob("tickets-*.db.zst")):
        match = _NAME.match(path.name)
        if match is None or int(match[2]) < seq:
            path.unlink(missing_ok=True)


def get(directory: Path, name: str) -> tuple[Path, Snapshot] | None:
    """The packed file of that name and what it holds, if there is one."""
    path = _file(directory, name)
    if not FILE_NAME.fullmatch(name) or not path.is_file():
        return None
    kept = _read_kept(directory / f"{name}.json")
    return (path, kept.snapshot) if kept else None


def _compress(source: Path, target: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), source.stat().st_size
    packer = zstandard.ZstdCompressor(level=3).compressobj(size=size)
    with source.open("rb") as file, target.open("wb") as out:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            out.write(packer.compress(chunk))
        out.write(packer.flush())
        out.flush()
        os.fsync(out.fileno())
    return size, digest.hexdigest()


def _file(directory: Path, name: str) -> Path:
    return directory / f"{name}.zst"


def _order(path: Path) -> tuple[int, int]:
    match = _NAME.match(path.name)
    return (path.stat().st_mtime_ns, int(match[2]) if match else 0)


def _forget_older(directory: Path) -> None:
    sides = sorted(directory.glob("tickets-*.db.json"), key=_order, reverse=True)
    for side in sides[KEPT:]:
        side.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            _file(directory, side.name.removesuffix(".json")).unlink()


def _read_kept(side: Path) -> CachedSnapshot | None:
    try:
        return _kept.decode(side.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None


def _first(one: tuple[int, Snapshot]) -> int:
    return one[0]

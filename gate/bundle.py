"""This device's journal as one file that a USB stick can carry to another device.

The first line says what it is, then come the entries byte for byte as they are hashed, a line each;
the last line is the SHA-256 (hex) of everything before it.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import IO, Any

import msgspec

from gate.errors import UsageError
from gate.language import _
from gate.store.extent import Mark, measure, rows
from gate.store.folder import Folder, sync_folder
from gate.store.journal import JournalReader
from gate.store.sqlite import faults


class Header(msgspec.Struct):
    """The first line."""

    device: str
    gate: str
    entries: int
    last_hash: str
    heads: Sequence[Any] = ()
    """Signed marks; none when the device has no key."""
    venue_gate_bundle: int = 1


def write_bundle(
    folder: Folder,
    path: Path,
    gate: str,
    sign: Callable[[Sequence[Mark]], Sequence[Any]] = lambda _marks: (),
) -> int:
    """Write the whole journal into a new file; the answer is the number of entries.

    What is written is durable when this returns. Raises UsageError when there is nothing to write
    or something in the way.
    """
    if path.exists():
        raise UsageError(_("{file} is there already").format(file=path), _("Choose another name."))
    if not folder.journal.exists():
        raise UsageError(_("no journal yet"), _("Nothing was written."))
    reader = JournalReader(folder.journal)
    part = path.with_name(f"{path.name}.part")
    try:
        # Read once before: the first line says how much there is, and the lane may be writing on.
        extent = measure(reader)
        header = Header(
            folder.device_id(), gate, extent.entries, extent.last_hash, sign(extent.marks)
        )
        with faults(path):
            with part.open("wb") as file:
                _write(file, header, _bodies(reader, extent.last_row))
            os.replace(part, path)
            sync_folder(path.absolute().parent)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    finally:
        reader.close()
    return extent.entries


def _bodies(reader: JournalReader, last_row: int) -> Iterator[bytes]:
    return (body.encode() for _row, body in rows(reader, last_row))


def _write(file: IO[bytes], header: Header, bodies: Iterator[bytes]) -> None:
    digest = hashlib.sha256()
    for line in chain((msgspec.json.encode(header),), bodies):
        digest.update(line + b"\n")
        file.write(line + b"\n")
    file.write(digest.hexdigest().encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())

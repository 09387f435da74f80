"""This device's journal as one file that a USB stick can carry to another device.

The first line says what it is, then come the entries byte for byte as they are hashed, a line each;
the last line is the SHA-256 (hex) of everything before it.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path
from typing import IO, Annotated

import msgspec

from gate.core.limits import Count, Hex, Name
from gate.core.signed_tip import SignedTip
from gate.errors import UsageError
from gate.i18n import _
from gate.storage.device_key import DeviceKey
from gate.storage.entries import Whole
from gate.storage.extent import MARK_EVERY, Mark, measure, rows
from gate.storage.folder import Folder, sync_folder
from gate.storage.journal_reader import JournalReader
from gate.storage.revocation import heads_of, is_revoked
from gate.storage.salvage import whole_entries
from gate.storage.sqlite import faults

VERSION = 1


class Header(msgspec.Struct):
    """The first line."""

    device: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]
    gate: Name
    entries: Count
    last_hash: Hex
    venue_gate_bundle: int
    """The version of the form."""
    signed_tips: list[SignedTip] = []
    """Signed marks; none when the device has no key."""
    salvaged: bool = False
    """Whether entries between these may be lost."""


def sign(folder: Folder, marks: Sequence[Mark]) -> list[SignedTip]:
    """This device's word on entries of its own; none when it was never given a key."""
    if is_revoked(folder):
        # Its key is gone; this it signed before.
        return msgspec.convert(heads_of(folder), list[SignedTip])
    if not (folder.path / "device.key").exists():
        return []
    key = DeviceKey(folder)
    return [key.sign(*mark) for mark in marks]


Sign = Callable[[Folder, Sequence[Mark]], list[SignedTip]]


def write_bundle(
    folder: Folder,
    path: Path,
    gate: str,
    sign: Sign = sign,
) -> int:
    """Write the whole journal into a new file; the answer is the number of entries.

    What is written is durable when this returns. Raises UsageError when there is nothing to write
    or something in the way.
    """
    _require_unused(path)
    if not folder.journal.exists():
        raise UsageError(_("no journal yet"), _("Nothing was written."))
    with closing(JournalReader(folder.journal)) as reader:
        # Read once before: the first line says how much there is, and the lane may be writing on.
        extent = measure(reader)
        header = Header(
            folder.device_id(),
            gate,
            extent.entries,
            extent.last_hash,
            VERSION,
            sign(folder, extent.marks),
        )
        _write_durably(path, header, _bodies(reader, extent.last_row))
    return extent.entries


def write_salvaged(
    folder: Folder,
    path: Path,
    gate: str,
    sign: Sign = sign,
) -> int:
    """Write every entry that is whole in any journal file of the folder, damaged or not.

    As ``write_bundle`` does, and with the same answer.
    """
    _require_unused(path)
    device, found = folder.device_id(), dict[bytes, Whole]()
    for file in sorted(folder.path.glob("journal*.db")):
        found |= {one.hash: one for one in whole_entries(file) if one.entry.device == device}
    whole = sorted(found.values(), key=lambda one: (one.entry.origin, one.entry.seq))
    if not whole:
        raise UsageError(_("no entry is whole"), _("Nothing was written."))
    marks, newest = [], None
    for one in whole:
        mark = Mark(one.entry.origin, one.entry.seq, one.hash.hex())
        # Signed is where something is lost after it, too.
        goes_on = newest is not None and newest.hash == one.entry.prev
        if newest is not None and not (goes_on and newest.seq % MARK_EVERY):
            marks.append(newest)
        newest = mark
    assert newest is not None
    header = Header(
        device,
        gate,
        len(whole),
        newest.hash,
        VERSION,
        sign(folder, [*marks, newest]),
        salvaged=True,
    )
    _write_durably(path, header, (one.body for one in whole))
    return len(whole)


def _require_unused(path: Path) -> None:
    if path.exists():
        raise UsageError(_("{file} is there already").format(file=path), _("Choose another name."))


def _write_durably(path: Path, header: Header, bodies: Iterator[bytes]) -> None:
    part = path.with_name(f"{path.name}.part")
    try:
        with faults(path):
            with part.open("wb") as file:
                _write(file, header, bodies)
            os.replace(part, path)
            sync_folder(path.absolute().parent)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


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

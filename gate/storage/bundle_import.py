"""Journals that come by USB stick: looked at whole, then taken in like what comes over a wire."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from gate.core import entry_codec
from gate.core.entry import Entry, device_of
from gate.core.entry_codec import MAX_ENTRY
from gate.core.intake import read_bodies
from gate.core.limits import MAX_ENTRIES
from gate.core.replication import DIGITS
from gate.core.signed_tip import SignedTip
from gate.errors import BusyError, ImportFault
from gate.i18n import _
from gate.storage.bundle import VERSION, Header
from gate.storage.device_key import DeviceKey, verifier
from gate.storage.folder import Folder, Lock, sync_folder
from gate.storage.peer_store import PeerStore
from gate.storage.peers import PeerStoreReader
from gate.storage.revocation import require_not_revoked
from gate.storage.room import require_room
from gate.storage.sqlite import faults

SUFFIX = ".bundle"
MAX_HEADER = 16 * 1024 * 1024
"""Longest first line: signed heads for ten million entries."""

Progress = Callable[[int, int], None]
"""Called now and then with the entries taken in and the entries there are."""


_header = msgspec.json.Decoder(Header)


@dataclass(slots=True)
class ImportedBundle:
    """What a bundle brought."""

    device: str
    gate: str
    entries: int
    new: int = 0
    """Entries that were not held before."""
    waiting: int = 0
    """Salvaged entries that cannot be taken in before the ones that they follow are held."""
    waits: bool = False
    """Whether the file lies in the inbox, for the running sync worker to take in."""


def import_bundle(folder: Folder, path: Path, progress: Progress | None = None) -> ImportedBundle:
    """Take a bundle into ``peers.db``, or hand it to the sync worker that is running.

    Raises ImportFault when the file is not whole or not what it says, or when its device is none
    of the event's.
    """
    require_not_revoked(folder)
    folder.create()
    header = check(path)
    try:
        lock = Lock(folder, "sync")
    except BusyError:
        _put_into_inbox(folder, path, header)
        return ImportedBundle(header.device, header.gate, header.entries, waits=True)
    try:
        peer_store = PeerStore(folder)
        try:
            return take(folder, peer_store, path, progress)
        finally:
            peer_store.close()
    finally:
        lock.close()


def take_waiting(folder: Folder, peer_store: PeerStore) -> Iterator[ImportedBundle | ImportFault]:
    """Take in what lies in the inbox; for the sync worker, which owns ``peer_store``.

    A file that cannot be taken in is told of and set aside, with ``.bad`` after its name.
    """
    if not folder.inbox.is_dir():
        return
    for path in sorted(folder.inbox.glob(f"*{SUFFIX}")):
        if peer_store.looked_into.get(path.name) == peer_store.entries.version:
            continue
        try:
            brought = take(folder, peer_store, path)
        except ImportFault as fault:
            with faults(path):
                path.replace(path.with_name(f"{path.name}.bad"))
            yield fault
        else:
            if brought.waiting:
                # What they follow may yet be heard of.
                peer_store.looked_into[path.name] = peer_store.entries.version
            else:
                with faults(path):
                    path.unlink()
            yield brought


def check(path: Path) -> Header:
    """Read a bundle to its end. Raises ImportFault unless it is whole, unaltered and one chain."""
    with _opened(path) as file:
        first, header = _read_header(file, path)
        digest = hashlib.sha256(first)
        last_hash = None
        for body, entry in _entries(file, path, header.entries):
            digest.update(body + b"\n")
            if device_of(entry.origin) != header.device:
                raise _broken(path, _("it holds entries of another device"))
            if last_hash is not None and entry.prev != last_hash and not header.salvaged:
                raise _broken(path, _("an entry is missing"))
            last_hash = entry_codec.digest(body).hex()
        if file.readline(66) != digest.hexdigest().encode() + b"\n" or file.read(1):
            raise _broken(path, _("it is not whole, or was altered"))
    if (last_hash or "") != header.last_hash:
        raise _broken(path, _("it is not whole, or was altered"))
    return header


def take(
    folder: Folder, peer_store: PeerStore, path: Path, progress: Progress | None = None
) -> ImportedBundle:
    """Take in a bundle, frame by frame, by the rules of the exchange; see ``import_bundle``."""
    header = check(path)
    require_room(folder.peers, path.stat().st_size)
    brought = ImportedBundle(header.device, header.gate, header.entries)
    # An enrolled device knows the others' keys, and believes nobody without a signature.
    sender, signed_tips = header.device, dict[tuple[str, int], SignedTip]()
    if folder.enrolment.exists():
        sender, signed_tips = "", _vouched(folder, header)
    done = 0
    with _opened(path) as file:
        _read_header(file, path)
        for frame in _frames(file, path, header.entries):
            named = [
                signed_tips[e.origin, e.seq]
                for _body, e in frame
                if (e.origin, e.seq) in signed_tips
            ]
            taken = peer_store.intake.accept(
                [body for body, _e in frame], sender, named, _is_vouched
            )
            body, last = frame[-1]
            held = peer_store.entries.hashes_at(last.origin, last.seq)
            is_held = entry_codec.digest(body).hex()[:DIGITS] in held
            if not is_held and not header.salvaged:
                raise _broken(path, _("its device has not signed all of it"))
            brought.new += taken.new
            brought.waiting += 0 if is_held else len(frame)
            done += len(frame)
            if progress is not None:
                progress(done, header.entries)
    return brought


def _vouched(folder: Folder, header: Header) -> dict[tuple[str, int], SignedTip]:
    """The heads that are the device's own word, by the key the server has told."""
    key = _key_of(folder, header.device)
    if not key:
        raise ImportFault(
            _("{device}: no device of this event, as far as the server has told").format(
                device=header.device
            ),
            _("Let this gate reach the server once, then import again."),
        )
    verify = verifier(lambda device: key if device == header.device else "")
    return {(head.origin, head.seq): head for head in header.signed_tips if verify(head)}


def _key_of(folder: Folder, device: str) -> str:
    if device == folder.device_id():
        return DeviceKey(folder).public
    peers = PeerStoreReader(folder)
    try:
        found = peers.device(device)
    finally:
        peers.close()
    return "" if found is None else found.key


def _is_vouched(_head: SignedTip) -> bool:
    """Only heads that were verified before are handed over."""
    return True


def _frames(file: IO[bytes], path: Path, count: int) -> Iterator[list[tuple[bytes, Entry]]]:
    """The entries in batches that each end where a device signs: at an end, or at every 250th."""
    frame: list[tuple[bytes, Entry]] = []
    for body, entry in _entries(file, path, count):
        last = frame[-1][1] if frame else entry
        goes_on = last.origin == entry.origin and entry.seq <= last.seq + 1
        if frame and (not goes_on or last.seq % MAX_ENTRIES == 0):
            yield frame
            frame = []
        frame.append((body, entry))
    if frame:
        yield frame


def _entries(file: IO[bytes], path: Path, count: int) -> Iterator[tuple[bytes, Entry]]:
    for _n in range(count):
        line = file.readline(MAX_ENTRY + 2)
        body = line.removesuffix(b"\n")
        if body == line or len(body) > MAX_ENTRY:
            raise _broken(path, _("it is not whole, or was altered"))
        carried, rejected = read_bodies([body])
        if rejected:
            raise _broken(path, rejected[0].reason)
        yield body, carried[0].entry


def _read_header(file: IO[bytes], path: Path) -> tuple[bytes, Header]:
    first = file.readline(MAX_HEADER + 1)
    try:
        header = _header.decode(first)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ImportFault(
            _("{file}: no journal of a venue gate").format(file=path.name),
            _("Write one with: gate log --bundle FILE"),
        ) from error
    if header.venue_gate_bundle != VERSION:
        raise ImportFault(
            _("{file}: written by a newer version").format(file=path.name),
            _("Update this device, then import again."),
        )
    return first, header


def _broken(path: Path, detail: str) -> ImportFault:
    return ImportFault(
        _("{file}: {detail}").format(file=path.name, detail=detail),
        _("Write it once more with: gate log --bundle FILE"),
    )


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise ImportFault(
            _("cannot read {file}: {detail}").format(file=path.name, detail=error.strerror), ""
        ) from error


def _put_into_inbox(folder: Folder, path: Path, header: Header) -> None:
    """Leave a durable copy for the sync worker; the same bundle twice is one file."""
    name = f"{header.device}-{header.last_hash[:16] or 'empty'}{SUFFIX}"
    inbox = folder.inbox
    part = inbox / f"{name}.part"
    with faults(part):
        inbox.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.path)
        with path.open("rb") as source, part.open("wb") as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
        part.replace(inbox / name)
        sync_folder(inbox)

"""The data folder: its file names, its device id, its lock, and small files that survive a cut."""

import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import IO

from gate.errors import BusyError, DamagedError, StoreError
from gate.i18n import _
from gate.storage.sqlite import faults

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


_NUMBER = re.compile(r"-([0-9]{1,9})\.db$")


class Folder:
    """One venue, one event: where all its files are.

    It has a property for each of them, so that no other module spells a file's name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def journal(self) -> Path:
        """This device's own journal, written by the gate."""
        return newest(self.path / "journal.db")

    @property
    def peers(self) -> Path:
        """The other devices' journals, written by the sync worker."""
        return newest(self.path / "peers.db")

    @cached_property
    def pointer(self) -> Path:
        """Names the live ticket replica."""
        return self.path / "tickets.current"

    @cached_property
    def membership(self) -> Path:
        """What makes this device a member of its venue; absent while it belongs to none."""
        return self.path / "member.json"

    @cached_property
    def enrolment(self) -> Path:
        """How to reach the central server; there once the device is enrolled."""
        return self.path / "server.json"

    @cached_property
    def sync_status(self) -> Path:
        """What the sync worker last heard; good for this boot only."""
        return self._of_boot / "sync.json"

    @cached_property
    def lane_status(self) -> Path:
        """How the lane's readers and clock are; good for this boot only."""
        return self._of_boot / "lane.json"

    @cached_property
    def boot(self) -> Path:
        """A link into memory, where there is one, for what is good for this boot only."""
        return self.path / "boot"

    @cached_property
    def _of_boot(self) -> Path:
        # Decided once: while a process lives its files stay where others find them.
        return self.boot if self.boot.is_dir() else self.path

    @cached_property
    def inbox(self) -> Path:
        """Where journals that came by USB stick wait for the sync worker."""
        return self.path / "inbox"

    @cached_property
    def web(self) -> Path:
        """Who may see this host's pages: links, browsers, sessions, and who did what there."""
        return self.path / "web.db"

    @cached_property
    def venue(self) -> Path:
        """The venue's own key; there where this gate is the host of a venue without a server."""
        return self.path / "venue.json"

    @cached_property
    def shared(self) -> Path:
        """Copies of the ticket replica, packed for other gates to fetch."""
        return self.path / "shared"

    @cached_property
    def lists(self) -> Path:
        """Lists of people that were exported here: with names, so they go when those do."""
        return self.path / "lists"

    @cached_property
    def operators(self) -> Path:
        """Who may work here, with their hashed PINs."""
        return self.path / "operators.json"

    @cached_property
    def known_operators(self) -> Path:
        """The event's operators as a lane last read them."""
        return self.path / "operators.known.json"

    @cached_property
    def revocation(self) -> Path:
        """That this device was revoked; there from then on."""
        return self.path / "revoked.json"

    @cached_property
    def fixes(self) -> Path:
        """What is wrong with this device's scanners."""
        return self.path / "scanner.json"

    @cached_property
    def setup_answers(self) -> Path:
        """What the technician answered when this machine was set up."""
        return self.path / "setup.json"

    @cached_property
    def setup_written(self) -> Path:
        """What was written on this machine, with what was there before."""
        return self.path / "setup-written.json"

    @cached_property
    def setup_drafts(self) -> Path:
        """Files of this machine that wait for whoever may put them into their places."""
        return self.path / "setup"

    @cached_property
    def nudge(self) -> Path:
        """When a person last wanted the sync worker to try."""
        return self.path / "sync.now"

    @cached_property
    def heard(self) -> Path:
        """Empty; its time of change is when the server or another gate was last heard."""
        return self.path / "sync.heard"

    @cached_property
    def log(self) -> Path:
        """What the program did, for whoever looks after it."""
        return self.path / "gate.log"

    def create(self) -> None:
        """Make the folder if it is not there, and see to it that nobody else can read it.

        Raises StoreError where that cannot be.
        """
        with faults(self.path):
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_private(self.path)

    def device_id(self) -> str:
        """The id this folder gives its device, minted when first asked for."""
        path = self.path / "device"
        with faults(path):
            try:
                device = path.read_text("ascii", errors="replace").strip()
            except FileNotFoundError:
                device = secrets.token_hex(8)
                write_durably(path, (device + "\n").encode())
        if len(device) != 16 or not all(c in "0123456789abcdef" for c in device):
            raise DamagedError(
                _("{file} does not hold a device id").format(file=path),
                _("Restore the file from a backup of this folder, or start with a new folder."),
            )
        return device


ROOMS = ("inbox", "lists", "shared", "snapshots", "setup")
"""Folders in a data folder that are ours throughout."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private(path: Path) -> None:
    """Take from all but their owner what they may do with a data folder and its files.

    Whatever the umask was, and whoever copied it here. Raises StoreError where another user owns
    something of it, or the file system keeps it open. Windows has no such modes: nothing is done.
    """
    for one in not_private(path):
        try:
            found = _closed(one)
        except FileNotFoundError:
            # What is done away with while we look.
            continue
        if found.st_uid != os.geteuid():
            raise StoreError(
                _("{file} belongs to another user").format(file=one),
                _("Run it as that user, or give them all to yourself: chown -R USER FOLDER"),
            )
        # Into a closed folder nobody else comes, whatever a read-only disk says of the files in it.
        if one == path and found.st_mode & _OTHERS:
            raise StoreError(
                _("{file} can be read by other users").format(file=one),
                _("Use a folder of its own, on a disk that knows owners (not FAT)."),
            )


def _closed(path: Path) -> os.stat_result:
    """What a file is like after the try to close it to others; a sticky folder is everybody's."""
    found = path.lstat()
    if found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX:
        # On a disk that cannot: it is seen from what it is like afterwards.
        with suppress(OSError):
            path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
    return path.lstat()


def not_private(path: Path) -> Iterator[Path]:
    """What of a data folder others may read, or own."""
    if sys.platform == "win32":
        return
    for one in _all_of(path):
        try:
            found = one.lstat()
        except FileNotFoundError:
            continue
        is_open = found.st_mode & _OTHERS and not stat.S_ISLNK(found.st_mode)
        if is_open or found.st_uid != os.geteuid():
            yield one


def _all_of(path: Path) -> Iterator[Path]:
    yield path
    with faults(path):
        inside = sorted(path.iterdir())
    for one in inside:
        if one.is_file():
            yield one
        elif one.name in ROOMS and not one.is_symlink():
            yield from (one, *sorted(one.rglob("*")))


def newest(first: Path) -> Path:
    """The file of a kind that counts: the one with the greatest number.

    One that was damaged stays where it is, for whoever has it open, and the next takes its place.
    """
    found = {
        int(match[1]): path
        for path in first.parent.glob(f"{first.stem}-*{first.suffix}")
        if (match := _NUMBER.search(path.name))
    }
    return found[max(found)] if found else first


def successor(path: Path) -> Path:
    """What takes the place of a file."""
    stem, number = path.stem, 1
    if match := _NUMBER.search(path.name):
        stem, number = stem[: match.start()], int(match[1])
    return path.with_name(f"{stem}-{number + 1}{path.suffix}")


class Lock:
    """Keeps a second process of the same kind out of the folder until closed."""

    def __init__(self, folder: Folder, name: str = "gate", wait_s: float = 0.0) -> None:
        self._path = folder.path / f"{name}.lock"
        with faults(self._path):
            self._file: IO[str] = self._path.open("a+", encoding="ascii", errors="replace")
        patience_until = time.monotonic() + wait_s
        while not (is_ours := _try_lock(self._file)) and time.monotonic() < patience_until:
            time.sleep(0.02)
        if not is_ours:
            self._file.seek(0)
            holder = self._file.read(20).strip()
            self._file.close()
            message = _("another gate is using {folder} (process {process})")
            if name == "sync":
                message = _("another sync worker is using {folder} (process {process})")
            raise BusyError(
                message.format(folder=folder.path, process=holder or "?"),
                _("Close it first, or give this one its own folder with --data-dir."),
            )
        with suppress(OSError):  # the number is only for people
            self._file.truncate(0)
            self._file.write(f"{os.getpid()}\n")
            self._file.flush()

    def close(self) -> None:
        """Let others in."""
        self._file.close()


def is_locked(folder: Folder, name: str) -> bool:
    """Whether a process of that kind is at work in the folder."""
    try:
        Lock(folder, name).close()
    except BusyError:
        return True
    return False


def write_durably(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put a whole new content in place of a small file; after a power cut it is old or new."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    sync_folder(path.parent)


def is_there(path: str) -> bool:
    """Whether a file is there: for what is looked for before every scan.

    Mostly it is not, and then this is three times as quick as the usual way, which raises and
    catches an error.
    """
    return os.access(path, os.F_OK)


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(file: IO[str]) -> bool:
    try:
        if sys.platform == "win32":
            # Past the end of the text, so that the holder's number stays readable.
            file.seek(1024)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

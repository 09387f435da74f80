"""Follows the feed of tickets to its end, from the server or from another gate."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import zstandard

from gate.core.ticket_feed import Cursor, ResyncNeeded, Snapshot
from gate.errors import DamagedError
from gate.i18n import _
from gate.storage import snapshot_cache
from gate.storage.folder import Folder
from gate.storage.room import require_room
from gate.storage.snapshot_cache import CachedSnapshot
from gate.storage.sqlite import faults
from gate.storage.ticket_feed import Position, TicketFeed
from sync.transport.http_client import ServerClient, ServerUnreachable

FAR_BEHIND = 50_000
"""More changes than these cost more than a new snapshot."""
CHUNK = 64 * 1024
"""Larger pieces are new memory each time: in a thread they cost more than unpacking does."""

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is."""


class Elsewhere(Protocol):
    """Has something done that waits for a network, and answers with what came of it."""

    def __call__(self, work: Callable[[], T]) -> T:
        """Do it."""


class FeedFollower:
    """Brings one folder's replica up to its source."""

    def __init__(
        self,
        folder: Folder,
        feed: TicketFeed,
        elsewhere: Elsewhere,
        progress: Progress,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._folder = folder
        self._feed = feed
        self._elsewhere = elsewhere
        self._progress = progress
        self._is_stopping = is_stopping

    def follow(self, source: ServerClient, head: str, *, is_gate: bool = False) -> None:
        """Read on to the end; ``head`` is where that is, by the source's word.

        Raises ServerFault when the source fails, DamagedError when what it gave is no feed, or not
        newer tickets though another gate offered them, FullError when there is no room for them.
        """
        if not is_gate and self._is_worth_a_snapshot(head):
            self._begin_anew(source, is_gate=False, is_needed=False)
        while not self._is_stopping():
            cursor = self._feed.cursor
            page = self._elsewhere(partial(source.changes, cursor)) if cursor else None
            if page is None:
                self._begin_anew(source, is_gate=is_gate)
                continue
            if page.changes:
                self._feed.apply(page)
            if not page.more:
                return

    def _is_worth_a_snapshot(self, head: str) -> bool:
        is_far = changes_between(self._feed.cursor, head) > FAR_BEHIND
        return is_far or self._feed.remembered.is_much()

    def _begin_anew(self, source: ServerClient, *, is_gate: bool, is_needed: bool = True) -> None:
        snapshot = self._elsewhere(source.snapshot)
        self._feed.authority.check_snapshot(snapshot)
        is_older = not is_needed and not self._feed.is_behind(snapshot.cursor)
        if is_older and not self._feed.remembered.holds(snapshot.cursor):
            return
        # The server may have been set back; a gate that offers older tickets is only behind.
        if is_gate and not is_newer(snapshot, self._feed.position()):
            raise DamagedError(_("the tickets that another gate offers are older than ours"), "")
        fetched = self._folder.path / f"{snapshot.name}.{snapshot.sha256[:16]}.zst.part"
        for left in self._folder.path.glob("tickets-*.part"):
            if left != fetched:
                left.unlink(missing_ok=True)
        part = self._folder.path / f"{snapshot.name}.part"
        with faults(fetched):
            come = fetched.stat().st_size if fetched.exists() else 0
            require_room(fetched, snapshot.packed_bytes - come + snapshot.bytes)
        progress = partial(self._progress, _("fetching tickets"))

        def fetch() -> None:
            source.download(snapshot, fetched, progress)
            unpack(fetched, part, snapshot)

        try:
            self._elsewhere(fetch)
            if not is_older:
                self._feed.install(part, snapshot)
            with faults(self._folder.shared):
                self._folder.shared.mkdir(mode=0o700, exist_ok=True)
                snapshot_cache.keep(fetched, self._folder.shared, CachedSnapshot(snapshot))
            if is_older:
                # Whoever asks here begins with the file that was fetched; this gate is further on.
                self._feed.remembered.forget(snapshot.cursor)
        except ServerUnreachable:
            # What has come is kept: the next attempt goes on from there.
            raise
        except BaseException:
            fetched.unlink(missing_ok=True)
            raise
        finally:
            part.unlink(missing_ok=True)


def unpack(packed: Path, part: Path, snapshot: Snapshot) -> None:
    """Unpack a fetched replica and check it. Raises DamagedError when it is not what was meant."""
    digest = hashlib.sha256()
    size = 0
    with faults(part), packed.open("rb") as source, part.open("wb") as target:
        try:
            with zstandard.ZstdDecompressor().stream_reader(source) as reader:
                while chunk := reader.read(CHUNK):
                    size += len(chunk)
                    if size > snapshot.bytes:
                        break
                    digest.update(chunk)
                    target.write(chunk)
        except zstandard.ZstdError:
            size = -1
    if size != snapshot.bytes or digest.hexdigest() != snapshot.sha256:
        raise DamagedError(
            _("the tickets that were fetched are damaged"), _("They will be fetched again.")
        )


def changes_between(cursor: str, head: str) -> int:
    """How many changes the feed has between two cursors of one life of its source; else 0."""
    try:
        here, there = Cursor.parse(cursor), Cursor.parse(head)
    except ResyncNeeded:
        return 0
    return there.seq - here.seq if here.epoch == there.epoch else 0


def offers_newer(cursor: str, as_of_ms: int, mine: Position) -> bool:
    """Whether a gate says that its tickets are newer: by number, or after a restore by time."""
    try:
        theirs = Cursor.parse(cursor)
    except ResyncNeeded:
        return False
    try:
        here = Cursor.parse(mine.cursor)
    except ResyncNeeded:
        return True
    if theirs.epoch == here.epoch:
        return theirs.seq > here.seq
    return as_of_ms > mine.as_of_ms


def is_newer(snapshot: Snapshot, mine: Position) -> bool:
    """Whether it is, by the word of the authority."""
    as_of_ms = snapshot.checkpoint.as_of_ms
    return as_of_ms > mine.as_of_ms or offers_newer(snapshot.cursor, as_of_ms, mine)

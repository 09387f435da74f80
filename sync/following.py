"""Follows the feed of tickets to its end, from the server or from another gate."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import zstandard

from gate.errors import DamagedError
from gate.language import _
from gate.store.folder import Folder
from gate.store.sqlite import faults
from sync.client import Client, ServerUnreachable
from sync.cursor import Cursor, ResyncNeeded
from sync.feed import Feed, Position
from sync.protocol import Snapshot

FAR_BEHIND = 50_000
"""More changes than these cost more than a new snapshot."""
CHUNK = 1024 * 1024

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is."""


class Elsewhere(Protocol):
    """Has something done that waits for a network, and answers with what came of it."""

    def __call__(self, work: Callable[[], T]) -> T:
        """Do it."""


class Follower:
    """Brings one folder's replica up to its source."""

    def __init__(
        self, folder: Folder, feed: Feed, elsewhere: Elsewhere, progress: Progress
    ) -> None:
        self._folder = folder
        self._feed = feed
        self._elsewhere = elsewhere
        self._progress = progress
        self.is_stopping = False

    def follow(self, source: Client, head: str, as_of_ms: int) -> None:
        """Read on to the end; ``as_of_ms`` is its source's clock as it said that ``head`` is new.

        Raises ServerFault when the source fails, DamagedError when what it gave is no feed.
        """
        if changes_between(self._feed.cursor, head) > FAR_BEHIND:
            self._begin_anew(source)
        while not self.is_stopping:
            cursor = self._feed.cursor
            page = self._elsewhere(partial(source.changes, cursor)) if cursor else None
            if page is None:
                self._begin_anew(source)
                continue
            if page.changes:
                self._feed.apply(page, as_of_ms)
            if not page.more:
                return

    def _begin_anew(self, source: Client) -> None:
        snapshot = self._elsewhere(source.snapshot)
        packed = self._folder.path / f"{snapshot.name}.{snapshot.sha256[:16]}.zst.part"
        for left in self._folder.path.glob("tickets-*.part"):
            if left != packed:
                left.unlink(missing_ok=True)
        part = self._folder.path / f"{snapshot.name}.part"
        progress = partial(self._progress, _("fetching tickets"))

        def fetch() -> None:
            source.download(snapshot, packed, progress)
            unpack(packed, part, snapshot)

        try:
            self._elsewhere(fetch)
            self._feed.install(part, snapshot.name)
        except ServerUnreachable:
            # What has come is kept: the next attempt goes on from there.
            raise
        except BaseException:
            packed.unlink(missing_ok=True)
            raise
        finally:
            part.unlink(missing_ok=True)
        packed.unlink(missing_ok=True)


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


def is_newer(cursor: str, as_of_ms: int, mine: Position) -> bool:
    """Whether another's tickets are newer than ours: by number, or after a restore by time."""
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

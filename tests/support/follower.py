"""A gate's folder that has its tickets of a server in this process, by snapshot and by feed."""

import io
from contextlib import closing
from pathlib import Path

import zstandard
from sqlalchemy import Engine

from gate.storage import snapshot_cache
from gate.storage.certificates import Membership, save_membership
from gate.storage.folder import Folder
from gate.storage.ticket_feed import TicketFeed
from sync.server import feed, snapshot
from sync.server.database import in_transaction
from tests.support.venue import NOW_MS
from tests.system.neighbours import enrol


class Follower:
    """A folder as a sync worker keeps it, whenever it is told to."""

    def __init__(self, engine: Engine, event: str, path: Path) -> None:
        self.engine, self.event = engine, event
        self.folder = Folder(path)
        self.folder.create()
        enrol(self.folder)
        authority = in_transaction(engine, lambda c: feed.authority_of(c, event).certificate)
        save_membership(self.folder, Membership(self.folder.device_id(), "", authority))
        self._install()

    def _install(self) -> None:
        directory = self.folder.path.with_suffix(".snapshots")
        made = snapshot.build(self.engine, self.event, directory)
        packed = snapshot_cache.get(directory, made.name)
        assert packed is not None
        part = self.folder.path / "fetched.part"
        with packed[0].open("rb") as file:
            reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(file.read()))
            part.write_bytes(reader.read())
        with closing(TicketFeed(self.folder)) as followed:
            followed.install(part, made)

    def follow(self) -> None:
        """Read the feed to its end."""
        with closing(TicketFeed(self.folder)) as followed:
            while True:
                cursor = followed.cursor
                page = in_transaction(
                    self.engine,
                    lambda c, cursor=cursor: feed.changes(c, self.event, cursor, NOW_MS),  # type: ignore[misc]
                )
                if not page.changes:
                    return
                followed.apply(page)

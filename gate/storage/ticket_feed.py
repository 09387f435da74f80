"""The write side of the ticket replica: a snapshot is a new file, the feed goes on from it.

A page of changes and the cursor that says so are one transaction, so no change is ever skipped.
Nothing is taken in without the signature of the venue's authority, whoever brought it.
"""

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from gate.core.signed_ticket import EventKey
from gate.core.ticket_feed import (
    Changes,
    Cursor,
    ResyncNeeded,
    Snapshot,
    chain_hash,
    is_before,
)
from gate.errors import DamagedError
from gate.i18n import _
from gate.storage import damage, snapshot_cache
from gate.storage.checksums import WrongChecksum, put_meta, read_meta
from gate.storage.event import EventRow, event_of
from gate.storage.event_keys import keys_of
from gate.storage.feed_authority import FeedAuthority, not_signed
from gate.storage.folder import Folder
from gate.storage.remembered_changes import RememberedChanges, forget_named, remember_changes
from gate.storage.replica_file import ReplicaFile, chain_hash_here, fetched_again, open_replica
from gate.storage.sqlite import faults, open_reader, scrub, writing
from gate.storage.ticket_filling import MemberRow, members_of, put_change
from gate.storage.ticket_search import A_STEP, AT_ONCE, is_whole, merge_terms, read_on

log = logging.getLogger(__name__)


class Position(NamedTuple):
    """How far a replica is."""

    cursor: str
    """Empty when it needs a snapshot first."""
    as_of_ms: int
    """As of which moment of its source's clock it is complete; 0: it is of no venue's source."""


NOWHERE = Position("", 0)


class TicketFeed:
    """The feed as far as the live replica has read it; of the sync worker only."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.file = ReplicaFile(folder)
        self.authority = FeedAuthority(folder)
        self.remembered = RememberedChanges(self.file)
        self._members: dict[str, MemberRow] = {}
        """As they were last read of a replica that was sound."""

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()

    @property
    def cursor(self) -> str:
        """How far the replica has read the feed; empty when it needs a snapshot first."""
        return self.position().cursor

    def position(self) -> Position:
        """How far the replica is, and as of when; one that is damaged needs a snapshot."""
        meta = self.file.read(read_meta, None)
        if meta is None:
            return NOWHERE
        found = Position(meta.get("cursor", ""), int(meta.get("as_of_ms", 0)))
        lost, name = damage.unmended(self._folder, damage.TICKETS), self.file.path.name
        if lost is not None and lost.file == name:
            return NOWHERE
        if lost is not None and not is_before(found.cursor, lost.cursor):
            damage.mended(self._folder, damage.TICKETS)
            log.info("tickets: %s has taken the place of %s", name, lost.file)
        self.file.sound_cursor = found.cursor
        return found

    def floor(self) -> str:
        """The cursor behind which nothing is taken: that of a replica that was damaged."""
        lost = damage.unmended(self._folder, damage.TICKETS)
        return "" if lost is None else lost.cursor

    def is_behind(self, cursor: str) -> bool:
        """Whether a cursor of the same life of the feed is further on."""
        here, there = Cursor.parse(self.cursor), Cursor.parse(cursor)
        return here.epoch == there.epoch and here.seq < there.seq

    def members(self) -> dict[str, MemberRow]:
        """Every device of the venue that the feed has stated, by id."""
        self._members = self.file.read(members_of, self._members)
        return self._members

    def event(self) -> EventRow | None:
        """What the feed states of the event, if it does."""
        return self.file.read(event_of, None)

    def event_keys(self) -> list[EventKey]:
        """Every key that may sign tickets, as the feed has stated it."""
        return self.file.read(keys_of, [])

    def apply(self, page: Changes) -> None:
        """Take in a page of changes and its cursor together.

        Raises DamagedError when the page does not go on from here, cannot be read, or is not as
        the venue's authority signed it.
        """
        try:
            self._take(page)
        except DamagedError as fault:
            self.file.damaged(fault)
            raise

    def _take(self, page: Changes) -> None:
        connection = self.file.require()
        erased = [one for one in page.changes if one.kind == "erasure"]
        if erased:
            # Before it is taken in: after a power cut nobody would do it.
            snapshot_cache.forget_before(self._folder.shared, erased[-1].seq)
        with writing(connection, self.file.path):
            meta = read_meta(connection)
            _check_follows(meta, page)
            chained = chain_hash_here(meta)
            try:
                for change in page.changes:
                    chained = chain_hash(chained, change)
                    put_change(connection, change)
            except WrongChecksum:
                raise
            except (msgspec.DecodeError, UnicodeError, ValueError) as error:
                message = _("a change of tickets cannot be read: {detail}")
                raise DamagedError(message.format(detail=error), fetched_again()) from error
            end = self.authority.checked(page.checkpoint, page.cursor, chained.hex())
            remember_changes(connection, page.changes, end)
            put_meta(connection, {"cursor": page.cursor, "chain_hash": end.chain_hash})
            if end.as_of_ms:
                put_meta(connection, {"built_ms": end.as_of_ms, "as_of_ms": end.as_of_ms})
            if erased:
                merge_terms(connection)
                forget_named(connection, {one.ref for one in erased})
        if erased:
            scrub(connection, self.file.path)

    def read_names(self) -> bool:
        """Have some more tickets found by name, seat and order; whether that left some.

        A list comes without an index of them: for idle moments, again and again.
        """
        return self.file.read(self._read_names, nothing=False)

    def _read_names(self, connection: sqlite3.Connection) -> bool:
        if is_whole(connection):
            return False
        with writing(connection, self.file.path):
            return read_on(connection, A_STEP)

    def checkpoint(self) -> None:
        """Move the log into the database file, and look into that; for idle moments."""
        self.file.checkpoint(lambda anew: (read_meta(anew), members_of(anew)))

    def install(self, part: Path, snapshot: Snapshot) -> None:
        """Make a file whose hash was found right the live replica.

        Raises DamagedError when it is no ticket file, or not one of the venue's authority.
        """
        self.authority.check_snapshot(snapshot)
        meta = check_replica(part)
        end = snapshot.checkpoint
        if (meta["cursor"], chain_hash_here(meta).hex()) != (snapshot.cursor, end.chain_hash):
            raise not_signed()
        begin_here(part)
        self.file.go_live(part, snapshot.name)


def begin_here(path: Path) -> None:
    """A new replica can be followed from where it was made on, not from before."""
    with closing(open_replica(path)) as connection, writing(connection, path):
        meta = read_meta(connection)
        as_of_ms = meta.get("as_of_ms", meta["built_ms"])
        put_meta(connection, {"base": meta["cursor"], "as_of_ms": as_of_ms})
        connection.execute("DELETE FROM change")
        read_on(connection, AT_ONCE)


def check_replica(path: Path) -> dict[str, str]:
    """What a file says of itself. Raises DamagedError when it is no replica."""
    connection = open_reader(path)
    try:
        with faults(path):
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            meta = read_meta(connection)
    finally:
        connection.close()
    try:
        bytes.fromhex(meta["key"])
        int(meta["built_ms"]), int(meta.get("as_of_ms", 0))
        Cursor.parse(meta["cursor"])
        chain_hash_here(meta)
    except (KeyError, ValueError, ResyncNeeded):
        found = "no meta"
    if found != "ok":
        message = _("{file} is no ticket file").format(file=path.name)
        raise DamagedError(message, fetched_again())
    return meta


def _check_follows(meta: Mapping[str, str], page: Changes) -> None:
    """Raises DamagedError unless the page has every change from here to where it says."""
    try:
        here, end = Cursor.parse(meta["cursor"]), Cursor.parse(page.cursor)
    except (ResyncNeeded, KeyError) as error:
        raise _not_next() from error
    numbers = [one.seq for one in page.changes]
    is_next = bool(numbers) and numbers == list(range(here.seq + 1, end.seq + 1))
    if end.epoch != here.epoch or not is_next or end.id != page.changes[-1].id:
        raise _not_next()


def _not_next() -> DamagedError:
    message = _("the changes do not go on from the tickets that are here")
    return DamagedError(message, fetched_again())

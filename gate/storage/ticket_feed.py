"""The write side of the ticket replica: a snapshot is a new file, the feed goes on from it.

A page of changes and the cursor that says so are one transaction, so no change is ever skipped.
Nothing is taken in without the word of the venue's authority, whoever brought it. What was applied
is remembered as it was told, so that others can follow the feed here.
"""

import logging
import os
import secrets
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlite_utils import Database

from gate.core.model import CodeState
from gate.core.ticket_feed import (
    FIRST_HASH,
    Change,
    ChangeKind,
    Changes,
    Checkpoint,
    Cursor,
    ResyncNeeded,
    Snapshot,
    chain_hash,
)
from gate.credential import KEY_BYTES
from gate.errors import BusyError, DamagedError
from gate.i18n import _
from gate.storage import damage, schema, snapshot_cache
from gate.storage.certificates import Authority, load_membership
from gate.storage.checksums import WrongChecksum, of_ticket, put_meta, read_meta
from gate.storage.event import EventRow, event_of, put_event
from gate.storage.feed_signatures import is_good, key_of
from gate.storage.folder import Folder, Lock, sync_folder, write_durably
from gate.storage.sqlite import (
    Presence,
    cache_faults,
    checkpoint,
    faults,
    open_reader,
    open_writer,
    scrub,
    writing,
)
from gate.storage.ticket_filling import (
    MemberRow,
    erase_ticket,
    forget_names,
    members_of,
    put_member,
    put_ticket,
    put_type,
    row_of,
)
from gate.storage.ticket_rows import TicketBody, bare_body
from gate.storage.tickets import FILE_NAME, is_before, live_replica

log = logging.getLogger(__name__)
T = TypeVar("T")

REMEMBERED: Final = 50_000
"""Changes that are worth remembering for others, at least; twice as many are too many."""

OWN_CHANGES: Final = "FULL"
"""What others said is fetched again after a power cut; what the host says nobody else can say."""


class Position(NamedTuple):
    """How far a replica is."""

    cursor: str
    """Empty when it needs a snapshot first."""
    as_of_ms: int
    """As of which moment of its source's clock it is complete; 0: it is of no venue's source."""


@dataclass(slots=True)
class _Known:
    """What was last read of a replica that was sound."""

    position: Position = field(default_factory=lambda: Position("", 0))
    members: dict[str, MemberRow] = field(default_factory=dict)


class _Named(msgspec.Struct):
    type_id: str = ""
    holder: str = ""


_named = msgspec.json.Decoder(_Named)
_member = msgspec.json.Decoder(MemberRow)
_event = msgspec.json.Decoder(EventRow)
_encode = msgspec.json.Encoder().encode


class TicketFeed:
    """The live replica, written by the sync worker only."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._key: Ed25519PublicKey | None = None
        self._connection: sqlite3.Connection | None = None
        self._path = folder.pointer
        self._stamp: tuple[int, int] | None = None
        self._presence: Presence | None = None
        self._known = _Known()

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            with faults(self._path):
                self._connection.close()
        self._connection = None

    def found(self, fault: DamagedError) -> None:
        """Take the replica for damaged: it is good to look into, and needs a snapshot."""
        if fault.file is not None:
            if damage.read(self._folder, damage.TICKETS) is None:
                log.error("tickets: %s", fault.message)
            damage.found(self._folder, damage.TICKETS, fault, self._known.position.cursor)

    def _read(self, read: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        """Read of the live replica; ``nothing`` where there is none, or it is damaged there."""
        try:
            connection = self._live()
            if connection is None:
                return nothing
            with cache_faults(self._path):
                return read(connection)
        except DamagedError as fault:
            self.found(fault)
            return nothing

    @property
    def cursor(self) -> str:
        """How far the replica has read the feed; empty when it needs a snapshot first."""
        return self.position().cursor

    def position(self) -> Position:
        """How far the replica is, and as of when; one that is damaged needs a snapshot."""
        nowhere = Position("", 0)
        meta = self._read(_meta, None)
        if meta is None:
            return nowhere
        found = Position(meta.get("cursor", ""), int(meta.get("as_of_ms", 0)))
        lost = damage.unmended(self._folder, damage.TICKETS)
        if lost is not None and lost.file == self._path.name:
            return nowhere
        if lost is not None and not is_before(found.cursor, lost.cursor):
            damage.mended(self._folder, damage.TICKETS)
            log.info("tickets: %s has taken the place of %s", self._path.name, lost.file)
        self._known.position = found
        return found

    def floor(self) -> str:
        """The cursor behind which nothing is taken: that of a replica that was damaged."""
        lost = damage.unmended(self._folder, damage.TICKETS)
        return "" if lost is None else lost.cursor

    def members(self) -> dict[str, MemberRow]:
        """Every device of the venue that the feed has told of, by id."""
        self._known.members = self._read(members_of, self._known.members)
        return self._known.members

    def event(self) -> EventRow | None:
        """What the event has said of itself, if it has."""
        return self._read(event_of, None)

    def remembers_much(self) -> bool:
        """Whether a new snapshot would be worth its while: so much was told since the last."""
        meta = self._read(_meta, None)
        return meta is not None and _remembers_much(meta)

    def is_behind(self, cursor: str) -> bool:
        """Whether a cursor of the same life of the feed is further on."""
        here, there = Cursor.parse(self.cursor), Cursor.parse(cursor)
        return here.epoch == there.epoch and here.seq < there.seq

    def remembers(self, cursor: str) -> bool:
        """Whether the change that a cursor names can still be told to others."""
        connection, at = self._live(), Cursor.parse(cursor)
        if connection is None:
            return False
        query = "SELECT 1 FROM change WHERE seq = ? AND id = ?"
        with faults(self._path):
            return connection.execute(query, (at.seq, at.id)).fetchone() is not None

    def forget(self, cursor: str) -> None:
        """Remember no changes up to a cursor: who needs them takes a snapshot."""
        connection = self._live()
        if connection is None:
            raise _no_file()
        with writing(connection, self._path):
            _forget(connection, Cursor.parse(cursor))

    def apply(self, page: Changes) -> None:
        """Take in a page of changes and its cursor together.

        Raises DamagedError when the page does not go on from here, cannot be read, or is not as
        the venue's authority told it.
        """
        try:
            self._take(page)
        except DamagedError as fault:
            self.found(fault)
            raise

    def _take(self, page: Changes) -> None:
        connection = self._live()
        if connection is None:
            raise _no_file()
        erased = [one for one in page.changes if one.kind == "erasure"]
        if erased:
            # Before it is taken in: after a power cut nobody would do it.
            snapshot_cache.forget_before(self._folder.shared, erased[-1].seq)
        with writing(connection, self._path):
            meta = _meta(connection)
            _check_follows(meta, page)
            linked = _link_here(meta)
            try:
                for change in page.changes:
                    linked = chain_hash(linked, change)
                    _apply(connection, change)
            except WrongChecksum:
                raise
            except (msgspec.DecodeError, UnicodeError, ValueError) as error:
                told = _("a change of tickets cannot be read: {detail}")
                raise DamagedError(told.format(detail=error), _again()) from error
            end = self._checked(page.checkpoint, page.cursor, linked.hex())
            connection.executemany(
                "INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?)", _rows(page.changes, end)
            )
            _put_meta(connection, cursor=page.cursor, link=end.link)
            if end.as_of_ms:
                _put_meta(connection, built_ms=end.as_of_ms, as_of_ms=end.as_of_ms)
            if erased:
                forget_names(connection)
                _forget_told(connection, {one.ref for one in erased})
        if erased:
            scrub(connection, self._path)

    def append(
        self, kind: ChangeKind, ref: str, body: bytes, authority: Authority, now_ms: int
    ) -> None:
        """Make a change of this gate's own; only for the host of a venue without a server.

        It is on disk when this returns. Raises BusyError while tickets are imported: what is
        changed meanwhile would be lost.
        """
        lock = Lock(self._folder, "import")
        try:
            connection = self._live()
            if connection is None:
                raise _no_file()
            with faults(self._path):
                connection.execute(f"PRAGMA synchronous = {OWN_CHANGES}")
                meta = _meta(connection)
            here = Cursor.parse(meta["cursor"])
            made = here._replace(seq=here.seq + 1, id=secrets.token_hex(8))
            change = Change(made.seq, made.id, kind, ref, msgspec.Raw(body))
            end = authority.checkpoint(str(made), chain_hash(_link_here(meta), change), now_ms)
            self.apply(Changes([change], str(made), checkpoint=end))
            _forget_older(connection, self._path)
        finally:
            lock.close()

    def begin(self, now_ms: int, event: EventRow) -> None:
        """See to it that there is a replica, be it without tickets, for the host to change."""
        connection = self._live()
        if connection is not None:
            with writing(connection, self._path):
                put_event(connection, event)
            return
        cursor = Cursor(secrets.token_hex(8), 0, "")
        part = self._folder.path / "begin.part"
        with faults(part):
            part.unlink(missing_ok=True)
        with closing(open_writer(part, "NORMAL")) as connection, faults(part):
            schema.tickets.apply(Database(connection))
            put_event(connection, event)
            _put_meta(
                connection,
                key=secrets.token_hex(KEY_BYTES),
                epoch=cursor.epoch,
                seq=cursor.seq,
                cursor=str(cursor),
                built_ms=now_ms,
            )
        self._go_live(part, f"tickets-{cursor.epoch}-{cursor.seq}.db")

    def check(self, snapshot: Snapshot) -> None:
        """Raises DamagedError when a snapshot is not what the venue's authority has made."""
        if not FILE_NAME.fullmatch(snapshot.name):
            told = _("{name!r} is no name of a ticket file")
            raise DamagedError(told.format(name=snapshot.name[:80]), "")
        end = self._checked(snapshot.checkpoint, snapshot.cursor, snapshot.checkpoint.link)
        said = (snapshot.sha256, snapshot.bytes, snapshot.packed_bytes)
        if (end.content, end.bytes, end.packed_bytes) != said:
            raise _not_sealed()

    def install(self, part: Path, snapshot: Snapshot) -> None:
        """Make a file whose hash was found right the live replica.

        Raises DamagedError when it is no ticket file, or not one of the venue's authority.
        """
        self.check(snapshot)
        meta = _check(part)
        if (meta["cursor"], _link_here(meta).hex()) != (snapshot.cursor, snapshot.checkpoint.link):
            raise _not_sealed()
        self._go_live(part, snapshot.name)

    def _go_live(self, part: Path, name: str) -> None:
        _begin_here(part)
        self.close()
        with faults(part):
            descriptor = os.open(part, os.O_RDWR)
            os.fsync(descriptor)
            os.close(descriptor)
            lost = damage.read(self._folder, damage.TICKETS)
            path = _unused(self._folder.path / name, "" if lost is None else lost.file)
            for left in (f"{part}-wal", f"{part}-shm", f"{path}-wal", f"{path}-shm"):
                with suppress(FileNotFoundError):
                    os.unlink(left)
            os.replace(part, path)
            sync_folder(self._folder.path)
            write_durably(self._folder.pointer, (path.name + "\n").encode())

    def drop(self, now_ms: int) -> bool:
        """Let go of names, codes and whatever else is personal; whether there was any.

        For after the event's end. What counts, conflicts and reports are made of stays; packed
        copies and older replicas go, the last only where no lane may have them open.
        """
        connection = self._live()
        if connection is None:
            return False
        _remove_older(self._folder, self._path)
        with faults(self._path):
            meta = _meta(connection)
        if meta.get("bare_ms"):
            return False
        with faults(self._folder.path):
            snapshot_cache.forget_before(self._folder.shared, Cursor.parse(meta["cursor"]).seq + 1)
            for left in self._folder.path.glob("tickets-*.part"):
                left.unlink(missing_ok=True)
        connection.create_function("bare_body", 1, bare_body, deterministic=True)
        connection.create_function("sum_of", 2, _sum_of, deterministic=True)
        with writing(connection, self._path):
            connection.execute(
                "UPDATE ticket SET body = bare_body(body), sum = sum_of(row, bare_body(body))"
            )
            connection.execute("DELETE FROM code")
            connection.execute("DELETE FROM code_block")
            connection.execute("DELETE FROM holder")
            connection.execute("INSERT INTO holder(holder) VALUES ('rebuild')")
            _forget(connection, Cursor.parse(meta["cursor"]))
            # No hash of a code that the journal has can be tried by it any more.
            _put_meta(connection, bare_ms=now_ms, key=secrets.token_hex(KEY_BYTES))
        scrub(connection, self._path)
        return True

    def checkpoint(self) -> None:
        """Move the log into the database file, and look into that; for idle moments."""
        if self._connection is not None:
            try:
                checkpoint(self._connection, self._path)
                # One that was just opened has no page in memory: what the next start would meet.
                with cache_faults(self._path), closing(open_reader(self._path)) as anew:
                    _meta(anew)
                    members_of(anew)
            except DamagedError as fault:
                self.found(fault)

    def _checked(self, end: Checkpoint | None, cursor: str, linked: str) -> Checkpoint:
        if end is None or (end.cursor, end.link) != (cursor, linked):
            raise _not_sealed()
        if self._key is None:
            membership = load_membership(self._folder)
            if membership is None:
                raise _not_sealed()
            self._key = key_of(membership.authority)
        if not is_good(end, self._key):
            raise _not_sealed()
        return end

    def _live(self) -> sqlite3.Connection | None:
        """The file the pointer names: an import may have named another."""
        try:
            stat = self._folder.pointer.stat()
        except FileNotFoundError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if self._connection is None or stamp != self._stamp:
            self.close()
            self._path = live_replica(self._folder)
            self._connection, self._stamp = _open(self._path), stamp
            self._presence = Presence(self._path)
        elif self._presence is not None:
            self._presence.require()
        return self._connection


def _remove_older(folder: Folder, live: Path) -> None:
    """Remove replicas that were live once, unless a lane is at work: it may have one open."""
    with faults(folder.path):
        older = [p for p in folder.path.glob("tickets-*.db*") if not p.name.startswith(live.name)]
    if not older:
        return
    try:
        lock = Lock(folder)
    except BusyError:
        return
    try:
        with faults(folder.path):
            for path in older:
                path.unlink(missing_ok=True)
    finally:
        lock.close()


def _sum_of(row: int, body: str) -> int:
    return of_ticket(row, body.encode())


def _open(path: Path) -> sqlite3.Connection:
    connection = open_writer(path, "NORMAL")
    try:
        with faults(path):
            # What is erased is overwritten, not only unlinked.
            connection.execute("PRAGMA secure_delete = ON").fetchall()
            schema.tickets.apply(Database(connection))
    except BaseException:
        connection.close()
        raise
    return connection


def _unused(path: Path, lost: str) -> Path:
    """A name that no file has, nor had the one that was ``lost``: the lane may have it open."""
    while path.exists() or path.name == lost:
        stem, _dash, number = path.stem.rpartition("-")
        path = path.with_name(f"{stem}-{int(number) + 1}.db")
    return path


def _check_follows(meta: dict[str, str], page: Changes) -> None:
    """Raises DamagedError unless the page has every change from here to where it says."""
    try:
        here, end = Cursor.parse(meta["cursor"]), Cursor.parse(page.cursor)
    except (ResyncNeeded, KeyError) as error:
        raise _not_next() from error
    told = [one.seq for one in page.changes]
    is_next = bool(told) and told == list(range(here.seq + 1, end.seq + 1))
    if end.epoch != here.epoch or not is_next or end.id != page.changes[-1].id:
        raise _not_next()


def _rows(changes: Sequence[Change], end: Checkpoint) -> list[tuple[object, ...]]:
    """The changes as they are remembered; the last with the checkpoint."""
    signed = [None] * (len(changes) - 1) + [_encode(end).decode()]
    return [
        (one.seq, one.id, one.kind, one.ref, bytes(one.body).decode(),
         _encode(one.codes).decode(), said)
        for one, said in zip(changes, signed, strict=True)
    ]  # fmt: skip


def _link_here(meta: Mapping[str, str]) -> bytes:
    return bytes.fromhex(meta.get("link", FIRST_HASH.hex()))


def _no_file() -> DamagedError:
    return DamagedError(_("there is no ticket file to change"), _again())


def _not_next() -> DamagedError:
    return DamagedError(_("the changes do not go on from the tickets that are here"), _again())


def _apply(connection: sqlite3.Connection, change: Change) -> None:
    body = bytes(change.body).decode()
    if change.kind == "type":
        put_type(connection, change.ref, body)
    elif change.kind == "device":
        put_member(connection, _member.decode(body))
    elif change.kind == "event":
        put_event(connection, _event.decode(body))
    elif change.kind == "erasure":
        erase_ticket(connection, change.ref, body)
    else:
        named = _named.decode(body)
        codes = {bytes.fromhex(hashed): CodeState(state) for hashed, state in change.codes.items()}
        ticket = TicketBody(change.ref, named.type_id, body, codes, named.holder)
        put_ticket(connection, row_of(connection, change.ref), ticket)


def _remembers_much(meta: Mapping[str, str]) -> bool:
    return Cursor.parse(meta["cursor"]).seq - Cursor.parse(meta["base"]).seq > 2 * REMEMBERED


def _forget_older(connection: sqlite3.Connection, path: Path) -> None:
    """Keep what the host remembers within its bound; who is behind takes a new snapshot of it."""
    with writing(connection, path):
        meta = _meta(connection)
        if _remembers_much(meta):
            end = Cursor.parse(meta["cursor"])
            found = "SELECT seq, id FROM change WHERE seq = ?"
            seq, id_ = connection.execute(found, (end.seq - REMEMBERED,)).fetchone()
            _forget(connection, Cursor(end.epoch, seq, id_))


def _forget_told(connection: sqlite3.Connection, tickets: Collection[str]) -> None:
    """Remember nothing up to the last that was told of some tickets while they had names."""
    marks = ", ".join("?" * len(tickets))
    found = connection.execute(
        f"SELECT seq, id FROM change WHERE kind = 'ticket' AND ref IN ({marks}) "
        "ORDER BY seq DESC LIMIT 1",
        tuple(tickets),
    ).fetchone()
    if found is not None:
        epoch = Cursor.parse(_meta(connection)["cursor"]).epoch
        _forget(connection, Cursor(epoch, *found))


def _forget(connection: sqlite3.Connection, base: Cursor) -> None:
    connection.execute("DELETE FROM change WHERE seq <= ?", (base.seq,))
    _put_meta(connection, base=str(base))


def _meta(connection: sqlite3.Connection) -> dict[str, str]:
    return read_meta(connection)


def _put_meta(connection: sqlite3.Connection, **said: str | int) -> None:
    put_meta(connection, said)


def _check(path: Path) -> dict[str, str]:
    """What a file says of itself. Raises DamagedError when it is no replica."""
    connection = open_reader(path)
    try:
        with faults(path):
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            meta = _meta(connection)
    finally:
        connection.close()
    try:
        bytes.fromhex(meta["key"])
        int(meta["built_ms"]), int(meta.get("as_of_ms", 0))
        Cursor.parse(meta["cursor"])
        _link_here(meta)
    except (KeyError, ValueError, ResyncNeeded):
        found = "no meta"
    if found != "ok":
        raise DamagedError(_("{file} is no ticket file").format(file=path.name), _again())
    return meta


def _begin_here(path: Path) -> None:
    """A fetched replica can be followed from where it was made on, not from before."""
    with closing(_open(path)) as connection, writing(connection, path):
        meta = _meta(connection)
        as_of_ms = meta.get("as_of_ms", meta["built_ms"])
        _put_meta(connection, base=meta["cursor"], as_of_ms=as_of_ms)
        connection.execute("DELETE FROM change")


def _not_sealed() -> DamagedError:
    told = _("these tickets are not as the venue's authority told them")
    return DamagedError(told, _again())


def _again() -> str:
    return _("It will be fetched again.")

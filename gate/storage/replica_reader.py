"""The live ticket replica, open to read: the pointer is followed, and no row believed unchecked."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, TypeVar

import msgspec

from gate.core.event_settings import EventSettings, type_as_stated
from gate.core.ticket import Ticket, TicketType
from gate.core.ticket_feed import is_before
from gate.errors import DamagedError, StoreError
from gate.i18n import _
from gate.storage import damage
from gate.storage.checksums import WrongChecksum, of_named, of_text, of_ticket, read_meta, require
from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica
from gate.storage.sqlite import cache_faults, faults, open_reader

Decoded = TypeVar("Decoded")
_ticket = msgspec.json.Decoder(Ticket)
_settings = msgspec.json.Decoder(EventSettings)
_SETTINGS = "SELECT sum, value FROM meta WHERE key = 'settings'"
_type = msgspec.json.Decoder(TicketType)

# How far the replica is comes with the ticket: the worker may write between two statements.
POSITION = "(SELECT sum || ' ' || value FROM meta WHERE key = 'cursor')"
TICKET = """
    k.row, CAST(k.body AS BLOB), k.sum, t.id, CAST(t.body AS BLOB), t.sum,
    (SELECT sum FROM meta WHERE key = 'settings')"""
"""The columns that ``checked`` makes a ticket of."""
COLUMNS = 7
"""So many they are."""
OF_TYPE = "LEFT JOIN ticket_type t ON t.id = k.type_id"
_BARE = "SELECT key, value, sum FROM meta WHERE key IN ('bare_ms', 'dropped_ms')"
_META = "SELECT value, sum FROM meta WHERE key = ?"
_BY_ID = f"SELECT {TICKET}, {POSITION} FROM ticket k {OF_TYPE} WHERE k.id = ?"
_TYPE_BY_ID = f"""
SELECT CAST(body AS BLOB), sum, (SELECT sum FROM meta WHERE key = 'settings'), {POSITION}
FROM ticket_type WHERE id = ?
"""


class ReplicaReader:
    """The file that the pointer names, as it was when last followed."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._stamp: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        self._path = folder.pointer
        self._pointer = str(folder.pointer)  # looked at before every scan
        self.key = b""
        """Under which codes are hashed."""
        self.built_ms = 0
        """When the replica was made, Unix milliseconds: no true clock is earlier."""
        self.cursor = ""
        """How far the list in which was last looked has read the feed; empty for none."""
        self._checked_cursor: str | None = None
        """The cursor as it was read last, with its checksum."""
        self._settings_total: int | None = None
        self._settings = EventSettings()
        """What the event states in this file, with its checksum there."""
        self._opened = 0
        """How many files were opened so far."""
        self._moment: tuple[int, int] | None = None
        """What ``changes`` has said at this moment, where all is looked up at one."""
        self._floor = ""
        """How far the replica was that this one takes the place of."""

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._stamp = None

    def refresh(self) -> None:
        """Follow the pointer if it moved. Raises StoreError when there are no tickets."""
        try:
            stat = os.stat(self._pointer)  # noqa: PTH116  before every scan, so the quick way
        except OSError as error:
            self.close()
            if isinstance(error, FileNotFoundError):
                raise self.no_tickets() from None
            with faults(self._folder.pointer):
                raise
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._stamp or self._connection is None:
            self._open(stamp)

    @property
    def position(self) -> str:
        """Feed position, ``epoch:seq``, of the list in which was last looked; empty for none."""
        return self.cursor.rpartition(":")[0]

    @property
    def life(self) -> str:
        """The epoch of the feed that the list came by."""
        return self.cursor.partition(":")[0]

    def connection(self) -> sqlite3.Connection:
        """The open file. Raises StoreError when there are no tickets."""
        if self._connection is None:
            self.refresh()
        assert self._connection is not None
        return self._connection

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """What is looked up within is of one moment, and the file is locked once for all of it.

        Raises StoreError when there are no tickets.
        """
        connection = self.connection()
        with self.reading():
            connection.execute("BEGIN")
            try:
                yield
            finally:
                self._moment = None
                # A fault may have ended it.
                if connection.in_transaction:
                    connection.execute("COMMIT")

    def changes(self) -> tuple[int, int]:
        """Another value whenever somebody has written into the file, or it is another file."""
        if self._moment is not None:
            return self._moment
        with self.reading():
            connection = self.connection()
            found = self._opened, connection.execute("PRAGMA data_version").fetchone()[0]
        if connection.in_transaction:
            self._moment = found
        return found

    def reading(self) -> cache_faults:
        """Errors within are faults that name the file, which can be had again."""
        return cache_faults(self._path)

    def meta(self, key: str) -> str:
        """A remark of whoever built the replica; empty when there is none."""
        with self.reading():
            row = self.connection().execute(_META, (key,)).fetchone()
            if row is None:
                return ""
            value, total = row
            require(total, of_text, key, value)
            return str(value)

    def ticket(self, id_: str) -> Ticket | None:
        """The ticket of that id."""
        with self.reading():
            row = self.connection().execute(_BY_ID, (id_,)).fetchone()
            if row is None:
                return None
            found = self.checked(row)
            if found.id != id_:
                msg = "wrong id"
                raise WrongChecksum(msg)
            self.follow(row[COLUMNS])
        return found

    def ticket_type(self, id_: str) -> TicketType | None:
        """The ticket type of that id."""
        with self.reading():
            row = self.connection().execute(_TYPE_BY_ID, (id_,)).fetchone()
            if row is None:
                return None
            body, total, settings_total, position = row
            require(total, of_named, id_, body)
            self.follow(position)
            return _type.decode(type_as_stated(body, id_, self._stated(settings_total)))

    def isolated_ms(self) -> int:
        """For how long the event lets a gate go on that hears nobody; 0: without an end."""
        return int(self.meta("isolated_hours") or 0) * 3_600_000

    def is_bare(self) -> bool:
        """Whether names and codes were dropped, here or where the tickets come from."""
        with self.reading():
            rows = self.connection().execute(_BARE).fetchall()
            for key, value, total in rows:
                require(total, of_text, key, value)
        return any(value not in ("", "0") for _key, value, _total in rows)

    def no_tickets(self) -> StoreError:
        """The fault that there are none, with what to do."""
        if self._connection is not None and self.is_bare():
            hint = _("The event is over. For the next one use a new folder, with --data-dir.")
            return StoreError(_("the tickets' codes were dropped after the event"), hint)
        hint = _("Import some with: gate import FILE")
        if self._folder.enrolment.exists():
            hint = _("They come from the server or the other gates as soon as these have some.")
        return StoreError(_("no tickets on this device"), hint)

    def checked(self, row: tuple[Any, ...], state: str = "") -> Ticket:
        """The ticket of a row. Raises WrongChecksum."""
        return self.checked_as(_ticket, row, state)

    def checked_as(
        self, decoder: "msgspec.json.Decoder[Decoded]", row: tuple[Any, ...], state: str = ""
    ) -> Decoded:
        """What a decoder makes of the ticket of a row. Raises WrongChecksum."""
        number, body, total, type_id, kind, type_total, settings_total = row[:COLUMNS]
        require(total, of_ticket, number, body)
        require(type_total, of_named, type_id, kind)
        kind = type_as_stated(kind, type_id, self._stated(settings_total))
        # The type is spliced in as a member, so that one decoding makes both.
        try:
            lead = b'{"code_state":"' + state.encode() + b'","type":' if state else b'{"type":'
            return decoder.decode(lead + kind + b"," + body[1:])
        except (msgspec.DecodeError, UnicodeError, TypeError) as error:
            raise WrongChecksum(str(error)) from error

    def _stated(self, total: int | None) -> EventSettings:
        """What the event states, by the checksum that it had beside a row. Raises WrongChecksum."""
        if total != self._settings_total:
            row = self.connection().execute(_SETTINGS).fetchone() or (None, "{}")
            if row[0] is not None:
                require(row[0], of_text, "settings", row[1])
            # They may be newer than the row by now: as if it had been asked for a moment later.
            self._settings_total, self._settings = row[0], _settings.decode(row[1])
        return self._settings

    def follow(self, found: str | None) -> None:
        """Note how far the replica is, as ``POSITION`` has found it. Raises WrongChecksum."""
        if found == self._checked_cursor:
            return
        total, _space, cursor = str(found).partition(" ")
        require(total, _of_cursor, cursor)
        if self._floor and is_before(cursor, self._floor):
            raise StoreError(
                _("the tickets are being fetched again"), _("Wait a moment, then scan again.")
            )
        self._checked_cursor, self.cursor = found, cursor

    def _open(self, stamp: tuple[int, int]) -> None:
        self.close()
        path = live_replica(self._folder)
        connection = open_reader(path)
        try:
            with cache_faults(path):
                meta = read_meta(connection)
            self.key = bytes.fromhex(meta["key"])
            self.built_ms = int(meta["built_ms"])
            self.cursor, self._checked_cursor = meta.get("cursor", ""), None
            lost = damage.unmended(self._folder, damage.TICKETS)
            self._settings_total, self._settings = None, EventSettings()
            self._floor = lost.cursor if lost is not None and lost.file != path.name else ""
        except (KeyError, ValueError) as error:
            connection.close()
            raise DamagedError(
                _("{file} is no ticket file").format(file=path.name),
                _("Import the tickets again with: gate import FILE"),
                path,
            ) from error
        except StoreError:
            connection.close()
            raise
        self._connection, self._path, self._stamp = connection, path, stamp
        self._opened += 1


def _of_cursor(cursor: str) -> str:
    return str(of_text("cursor", cursor))


def event_key(folder: Folder) -> bytes:
    """The event's key; empty where a folder has no tickets that can be read."""
    reader = ReplicaReader(folder)
    with closing(reader), suppress(StoreError):
        reader.refresh()
    return reader.key

"""The feed of a venue without a server: its host changes its own replica, and signs that."""

import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Final

import msgspec
from sqlite_utils import Database

from gate.core.door import told_body, with_word
from gate.core.signed_ticket import Signed
from gate.core.ticket import DoorWord
from gate.core.ticket_feed import Change, ChangeKind, Changes, Cursor, chain_hash
from gate.credential import KEY_BYTES
from gate.storage import schema
from gate.storage.certificates import Authority
from gate.storage.checksums import put_meta, read_meta
from gate.storage.event import EventRow, put_event
from gate.storage.folder import Lock
from gate.storage.replica_file import chain_hash_here
from gate.storage.sqlite import faults, open_writer, writing
from gate.storage.ticket_feed import TicketFeed, begin_here

OWN_CHANGES: Final = "FULL"
"""What others sent is fetched again after a power cut; what the host states nobody else can."""

_Stated = tuple[bytes, dict[str, str]]
"""The body of a change, and the codes it names by keyed hash with their states."""


class HostFeed:
    """The host's word on its venue; for whoever holds the folder's ``sync`` lock."""

    def __init__(self, feed: TicketFeed, authority: Authority) -> None:
        self._feed = feed
        self._authority = authority

    def begin(self, now_ms: int, event: EventRow) -> None:
        """See to it that there is a replica, be it without tickets, for the host to change."""
        file = self._feed.file
        connection = file.connection()
        if connection is not None:
            with writing(connection, file.path):
                put_event(connection, event)
            return
        cursor = Cursor(secrets.token_hex(8), 0, "")
        part = file.folder.path / "begin.part"
        with faults(part):
            part.unlink(missing_ok=True)
        meta = {
            "key": secrets.token_hex(KEY_BYTES),
            "epoch": cursor.epoch,
            "seq": cursor.seq,
            "cursor": str(cursor),
            "built_ms": now_ms,
        }
        with closing(open_writer(part, "NORMAL")) as connection, faults(part):
            schema.tickets.apply(Database(connection))
            put_event(connection, event)
            put_meta(connection, meta)
        begin_here(part)
        file.go_live(part, f"tickets-{cursor.epoch}-{cursor.seq}.db")

    def append(self, kind: ChangeKind, ref: str, body: bytes, now_ms: int) -> None:
        """Make a change of the host's own.

        It is on disk when this returns. Raises BusyError while tickets are imported: what is
        changed meanwhile would be lost.
        """
        self._append(kind, ref, lambda _connection, _position: (body, {}), now_ms)

    def put_word(self, ticket: str, word: DoorWord, now_ms: int, said: Signed | None) -> None:
        """Let a word of the venue's on a ticket stand, where it changes anything.

        Raises as ``append``. Of a ticket that is not there any more nothing is said, but where its
        code has told of it (``said``).
        """

        def stated(connection: sqlite3.Connection, position: str) -> _Stated | None:
            row = connection.execute("SELECT row, body FROM ticket WHERE id = ?", (ticket,))
            found = row.fetchone()
            before = found[1] if found else told_body(said) if said else ""
            body = with_word(before, word, position) if before else ""
            if body == before:
                return None
            number = found[:1] if found else (None,)
            codes = connection.execute("SELECT hash, state FROM code WHERE ticket = ?", number)
            return body.encode(), {hashed.hex(): state for hashed, state in codes}

        self._append("ticket", ticket, stated, now_ms)

    def _append(
        self,
        kind: ChangeKind,
        ref: str,
        stated: Callable[[sqlite3.Connection, str], _Stated | None],
        now_ms: int,
    ) -> None:
        """Make a change of what is stated at its position, if that is anything."""
        feed, file = self._feed, self._feed.file
        lock = Lock(file.folder, "import")
        try:
            connection = file.require()
            with faults(file.path):
                connection.execute(f"PRAGMA synchronous = {OWN_CHANGES}")
                meta = read_meta(connection)
            here = Cursor.parse(meta["cursor"])
            made = here._replace(seq=here.seq + 1, id=secrets.token_hex(8))
            with faults(file.path):
                found = stated(connection, f"{made.epoch}:{made.seq}")
            if found is None:
                return
            body, codes = found
            change = Change(made.seq, made.id, kind, ref, msgspec.Raw(body), codes)
            chained = chain_hash(chain_hash_here(meta), change)
            end = self._authority.checkpoint(str(made), chained, now_ms)
            feed.apply(Changes([change], str(made), checkpoint=end))
            feed.remembered.forget_older()
        finally:
            lock.close()

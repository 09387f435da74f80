"""This device's own journal as the sync worker reads it, in whichever file it goes on."""

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from gate.core import entry_codec
from gate.core.entry import Act, Entry, device_of
from gate.core.replication import DIGITS, Start, Tip, tip_name
from gate.core.retirement import RETIREMENTS
from gate.errors import DamagedError, StoreError
from gate.storage import damage
from gate.storage.checksums import WrongChecksum
from gate.storage.folder import Folder, successor
from gate.storage.sqlite import UNREADABLE, FileId, file_id, open_reader, row_faults

T = TypeVar("T")
LANES = (Act.LANE_OPENED, Act.LANE_CLOSED)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Followed:
    """What the gate has written since the journal was last followed."""

    is_longer: bool = False
    """Whether it has written anything."""
    annulled: set[str] = field(default_factory=set)
    """Tickets of which something was annulled."""
    retirements: list[Entry] = field(default_factory=list)
    """Retirements and reinstatements, the oldest first."""


class OwnJournal:
    """The journal that the gate writes, followed: read only, and never on from damage."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.device = folder.device_id()
        self.path = folder.journal
        self.file: FileId | None = None
        """Which file was opened last; ``None``: none was yet."""
        self._connection: sqlite3.Connection | None = None
        self._has_rot = False
        """Whether it is damaged, and no other goes on yet."""
        self.orphans: list[bytes] = []
        """Entries that follow one that was lost, as the gate has kept them."""
        self.row = 0
        """Up to which row it was followed."""
        self.version = 0
        """Goes up when it was found longer."""
        self.tips: dict[str, Tip] = {}
        """The newest entry of each origin."""
        self.tip = ""
        """The newest entry of all when it was last followed, as ``tip_name`` names it; empty while
        there is none."""
        self.starts: dict[str, Start] = {}
        self.retirements: list[Entry] = []
        """Retirements and reinstatements made here."""
        self._lane: list[Entry] = []
        """Each opening and closing of this device's own lane, the oldest first."""

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    @property
    def is_read(self) -> bool:
        """Whether its file is there, and open."""
        return self._connection is not None

    def has_made(self, origin: str) -> bool:
        """Whether an origin is one of this device."""
        return device_of(origin) == self.device

    def read(self, read: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        """What is found in the journal; ``nothing`` while there is no sound one.

        What is damaged is not read on: the lane is told, and goes on in another file.
        """
        connection = self._opened()
        if connection is None:
            return nothing
        try:
            with row_faults(self.path):
                return read(connection)
        except DamagedError as fault:
            log.error("journal: %s", fault.message)
            damage.found(self._folder, damage.JOURNAL, fault)
            self.close()
            self._has_rot = True
            return nothing

    def follow(self) -> Followed:
        """Look for entries the gate has written."""
        found = Followed()
        self.read(lambda connection: self._read_on(connection, found), None)
        self.version += found.is_longer
        return found

    def look_for_another(self) -> None:
        """If another file is the journal now, let go of the one before and all that was read in it.

        What takes the place of a damaged one has the next number. But where one was lost while no
        lane had it open, the lane has begun anew, under the same number or from the first. While
        there is none at all, what is open has entries that may still be told.
        """
        if file_id(self._folder.journal) in (None, self.file):
            return
        self.close()
        self.path, self.file, self._has_rot = self._folder.journal, None, False
        self.row, self.tips, self.tip, self.starts = 0, {}, "", {}
        self._lane, self.retirements, self.orphans = [], [], []

    def is_open(self) -> bool | None:
        """Whether the lane is open by its newest word on that; ``None``: it has none."""
        return self._lane[-1].act is Act.LANE_OPENED if self._lane else None

    def was_open(self, hlc: int) -> bool:
        """Whether the lane was open at a hybrid logical time."""
        before = next((own for own in reversed(self._lane) if own.hlc < hlc), None)
        return before is not None and before.act is Act.LANE_OPENED

    def opened_boot_ms(self, boot_id: str) -> int | None:
        """When the lane was opened in this boot; ``None`` while it is not open."""
        newest = self._lane[-1] if self._lane else None
        if newest is None or newest.act is not Act.LANE_OPENED or newest.boot_id != boot_id:
            return None
        return newest.boot_ms

    def _read_on(self, connection: sqlite3.Connection, found: Followed) -> None:
        for row, origin, seq, hash_, act, ticket, follows, body in connection.execute(
            "SELECT id, origin, seq, coalesce(CAST(hash AS BLOB), x''), act, ticket, "
            "json_extract(body, '$.follows'), "
            "CASE WHEN act IN ('lane_opened', 'lane_closed', 'retirement', "
            "'reinstatement') THEN body END "
            "FROM entry WHERE id > ? ORDER BY id",
            (self.row,),
        ):
            if not (isinstance(origin, str) and isinstance(seq, int)):
                msg = "an entry has no name"
                raise WrongChecksum(msg)
            if seq == 1:
                self.starts[origin] = Start(origin, follows or "")
            self.tips[origin] = Tip(seq, hash_.hex()[:DIGITS])
            self.tip = tip_name(origin, self.tips[origin])
            self.row, found.is_longer = row, True
            if act == Act.ANNULMENT:
                found.annulled.add(ticket)
            elif act in LANES:
                self._lane.append(entry_codec.decode(body))
            elif act in RETIREMENTS:
                found.retirements.append(entry_codec.decode(body))
                self.retirements.append(found.retirements[-1])

    def _opened(self) -> sqlite3.Connection | None:
        if file_id(self.path) != self.file or successor(self.path).exists():
            self.look_for_another()
        if self._connection is None and not self._has_rot and self.path.exists():
            # Looked at before: should another file be opened than this one, the next look sees it.
            self.file = file_id(self.path)
            try:
                self._connection = open_reader(self.path)
                query = "SELECT CAST(body AS BLOB) FROM orphan ORDER BY origin, seq"
                self.orphans = [body for (body,) in self._connection.execute(query)]
            except (StoreError, *UNREADABLE):
                # The gate has not made its tables yet; or it finds itself what is wrong with them.
                self.close()
        return self._connection

"""The write side of ``peers.db``: what the sync worker has heard.

One connection in one thread writes ``peers.db``; the device's own journal is only read. Entries and
what says they are held (the tips) are one transaction: after a power cut they are both there or
both gone, and are fetched again.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
from sqlite_utils import Database

from gate.core import entry_codec
from gate.core.allowance import MOST, Allowance, Meter, fresh
from gate.core.disowning import counted
from gate.core.history import fold
from gate.core.intake import read_bodies, step_of, within_frame
from gate.core.limits import FRAME_BYTES, HEAD_EVERY, MAX_ENTRIES
from gate.core.model import FACTS, Act, Entry, device_of
from gate.core.replication import (
    DIGITS,
    Alarm,
    Carried,
    Have,
    Intake,
    Span,
    Start,
    Step,
    Tip,
    alarms,
    flooding,
    frame_of,
    gather,
    joined,
    own_or_vouched,
    read_tip,
    tip_name,
    tips_from_text,
    tips_to_text,
)
from gate.core.retirement import RETIREMENTS, newest, stands
from gate.core.signed_tip import Rejected, SignedTip
from gate.core.tally import TALLY_COUNTS, TALLY_KEY, scan_row, taken_back, tally_key
from gate.errors import DamagedError, StoreError
from gate.i18n import _
from gate.storage import damage, schema
from gate.storage.checksums import require
from gate.storage.folder import Folder, successor
from gate.storage.journal import look_over, read_entry, read_facts, remember
from gate.storage.peers import has_successor, store_of
from gate.storage.room import has_room
from gate.storage.sqlite import (
    FileId,
    Presence,
    cache_faults,
    checkpoint,
    faults,
    file_id,
    open_reader,
    open_writer,
    writing,
)
from gate.storage.ticket_filling import MemberRow

_TALLY_UPSERT = (
    f"INSERT INTO tally VALUES ({', '.join('?' * (1 + len(TALLY_KEY) + len(TALLY_COUNTS)))}) "
    f"ON CONFLICT DO UPDATE SET {', '.join(f'{c} = {c} + excluded.{c}' for c in TALLY_COUNTS)}"
)

log = logging.getLogger(__name__)
T = TypeVar("T")
_LANES = (Act.LANE_OPENED, Act.LANE_CLOSED)
LOOKED_OVER = 5000
"""So many entries are read anew in an idle moment."""
QUARANTINED_OF_ONE = 1000
"""Refused entries kept of what one other has brought; a flood of them must not fill the disk."""
QUARANTINED = 5000
"""And of what all have."""
Verify = Callable[[SignedTip], bool]
"""Whether a signed head is its device's word."""


@dataclass(slots=True)
class Taken:
    """What became of a frame's entries."""

    new: int = 0
    """Entries that were not held before."""
    refused: list[Rejected] = field(default_factory=list)
    gaps: set[str] = field(default_factory=set)
    """Origins of which something before what came is not held."""
    touched: frozenset[str] = frozenset()
    """Origins of which anything believable came, new or not."""
    later: frozenset[str] = frozenset()
    """Devices of which more came than may be taken in now."""
    is_full: bool = False
    """There is no room: nothing was taken in."""


def _whole(rows: Iterable[tuple[int, str, bytes]]) -> list[tuple[int, bytes]]:
    """Numbers and bodies of entries. Raises WrongChecksum when one is not what was hashed."""
    found = []
    for seq, body, hashed in rows:
        raw = body.encode()
        require(hashed, entry_codec.digest, raw)
        found.append((seq, raw))
    return found


_BEGINS = """
SELECT seq, json_extract(body, '$.prev') FROM entry AS e WHERE origin = ? AND seq > 1
AND NOT EXISTS (
    SELECT 1 FROM entry AS before WHERE before.origin = e.origin AND before.seq = e.seq - 1
    AND lower(hex(before.hash)) = json_extract(e.body, '$.prev')
)
"""
"""Of an origin, what follows an entry that is not in the same file."""


class _Made(NamedTuple):
    """The newest entry of a branch."""

    origin: str
    seq: int
    hlc: int


class PeerStore:
    """All entries this device holds: its own journal, read, and ``peers.db``, written."""

    def __init__(self, folder: Folder, path: Path | None = None) -> None:
        """``path`` is for a peer store that is still made."""
        self._folder = folder
        self.device = folder.device_id()
        self._path = path or folder.peers
        self._connection = open_writer(self._path, "NORMAL")
        self._presence = Presence(self._path)
        self._journal: sqlite3.Connection | None = None
        self._journal_path = folder.journal
        self._journal_file: FileId | None = None
        """Which file was opened last as the journal; ``None``: none was yet."""
        self._has_rot = False
        """Whether this device's journal is damaged, and no other goes on yet."""
        self._orphans: list[bytes] = []
        self._journal_row = 0
        self._own: dict[str, Tip] = {}
        self.own_tip = ""
        """The newest entry of this device's journal when it was last followed, as ``tip_name``
        names it; empty while there is none."""
        self._own_lane: list[Entry] = []
        """Each opening and closing of this device's own lane, the oldest first."""
        try:
            with cache_faults(self._path):
                schema.peers.apply(Database(self._connection))
        except BaseException:
            self._connection.close()
            raise
        self._steps: list[Step] = []
        self._steps_as_of = ("", 0, 0)
        self.own_version = 0
        """Goes up when this device's own journal was found longer."""
        self.version = 0
        """Goes up when entries of others were taken."""
        self._looked_over = 0
        self._orphans_at = -1
        self._joined_at: Path | None = None
        """The journal that what came back of this device's own is known to follow."""
        self.looked_into: dict[str, int] = {}
        """Salvaged journals in the inbox, each with the ``version`` when it was looked into."""
        self._allowances: dict[str, Allowance] = {}
        self._alarms_as_of = (-1, -1)
        self._alarms: list[Alarm] = []
        self._floods: list[str] = []
        self.is_full = False
        """Whether the last that came found no room."""
        self._rooted: set[str] = set()
        """Origins before which nothing of their device is lacking."""
        self._read_all()

    def _read_all(self) -> None:
        """Read what is kept in memory of the peer store."""
        self._lanes: dict[str, tuple[int, bool]] = self._read_lanes()
        self._own_words: list[Entry] = []
        """Retirements and reinstatements of this device's own journal."""
        self._retirements: dict[str, Entry] = self._read_retirements()
        self._disowned: dict[str, Have] = self._read_disowned()
        """Up to where the entries of disowned devices count, by device and origin."""
        self._tips: Have = self._read_tips()
        self._allowances = self._read_allowances()
        self._quarantined = self._count_quarantined()
        self._starts: dict[str, Start] = self._read_starts()
        with faults(self._path):
            self._store = store_of(self._connection, self._path)
            query = "SELECT is_complete FROM store"
            self.is_complete = bool(self._connection.execute(query).fetchone()[0])
            """Whether all that somebody else held was fetched since the file was made."""

    def close(self) -> None:
        """Let go of both files."""
        with faults(self._path):
            self._connection.close()
        if self._journal is not None:
            self._journal.close()

    def have(self) -> Have:
        """What this device holds, own and heard."""
        self.follow_journal()
        return joined(self._tips, self._own, self._has_successor)

    def own_have(self) -> Have:
        """What is in this device's own journal."""
        self.follow_journal()
        return {origin: frozenset({tip}) for origin, tip in self._own.items()}

    def follow_journal(self) -> bool:
        """Look for entries the gate has written; whether there were any."""
        journal = self._opened_journal()
        if journal is None:
            return False
        before = self._journal_row
        annulments: set[str] = set()
        with self._reading_journal():
            for row, origin, seq, hash_, act, ticket, follows, body in journal.execute(
                "SELECT id, origin, seq, coalesce(CAST(hash AS BLOB), x''), act, ticket, "
                "json_extract(body, '$.follows'), "
                "CASE WHEN act IN ('lane_opened', 'lane_closed', 'retirement', "
                "'reinstatement') THEN body END "
                "FROM entry WHERE id > ? ORDER BY id",
                (before,),
            ):
                if seq == 1:
                    self._starts[origin] = Start(origin, follows or "")
                self._own[origin] = Tip(seq, hash_.hex()[:DIGITS])
                self.own_tip = tip_name(origin, self._own[origin])
                self._journal_row = row
                if act == Act.ANNULMENT:
                    annulments.add(ticket)
                elif act in _LANES:
                    self._own_lane.append(entry_codec.decode(body))
                elif act in RETIREMENTS:
                    self._own_words.append(entry_codec.decode(body))
                    self._note_retirement(self._own_words[-1])
        if annulments:
            with writing(self._connection, self._path):
                for ticket in annulments:
                    self._take_back(ticket)
        is_longer = self._journal_row > before
        self.own_version += is_longer
        return is_longer

    @property
    def store(self) -> str:
        """Which peer store this writes, as ``store_of`` names it.

        Empty once its file is gone, or another is in its place: nobody reads then what is written.
        """
        try:
            is_there = store_of(self._connection, self._path) == self._store
        except (OSError, sqlite3.Error):
            return ""
        return self._store if is_there else ""

    def complete(self) -> None:
        """All that somebody else held has been fetched."""
        if not self.is_complete:
            with writing(self._connection, self._path):
                self._connection.execute("UPDATE store SET is_complete = 1")
            self.is_complete = True

    def lacking(self, tip: str) -> int:
        """How many entries of a device are not held, up to the one that a tip names; 0 for none.

        More may be lacking than is counted, but never when it is 0: an entry is held with its
        origin before it, and each origin's first names what the device had done before it.
        """
        passed = []
        while tip:
            origin, newest = read_tip(tip)
            tips = self._tips.get(origin, frozenset())
            if newest not in tips and newest.hash not in self.hashes_at(origin, newest.seq):
                held = max((one.seq for one in tips if one.seq < newest.seq), default=0)
                return max(1, newest.seq - held)
            if origin in self._rooted:
                break
            passed.append(origin)
            tip = self._before(origin)
        self._rooted.update(passed)
        return 0

    def _before(self, origin: str) -> str:
        """The tip of the incarnation before an origin; empty: it is the device's first."""
        query = "SELECT follows, prev FROM origin WHERE origin = ?"
        with faults(self._path):
            row = self._connection.execute(query, (origin,)).fetchone()
        if row is None or not row[0]:
            return ""
        before, _colon, seq = row[0].partition(":")
        is_number = seq.isascii() and seq.isdecimal() and len(seq) < 16
        return tip_name(before, Tip(int(seq) if is_number else 0, row[1][:DIGITS]))

    def is_open(self, device: str) -> bool | None:
        """Whether a device's lane was open by its newest word on that; ``None``: it has none."""
        if device == self.device:
            return self._own_lane[-1].act is Act.LANE_OPENED if self._own_lane else None
        found = self._lanes.get(device)
        return None if found is None else found[1]

    def opened_boot_ms(self, boot_id: str) -> int | None:
        """When this device's own lane was opened in this boot; ``None`` while it is not open."""
        newest = self._own_lane[-1] if self._own_lane else None
        if newest is None or newest.act is not Act.LANE_OPENED or newest.boot_id != boot_id:
            return None
        return newest.boot_ms

    def closed_beside_us(self, device: str) -> bool:
        """Whether a device closed its lane, as its newest word on it, while this one was open."""
        hlc, is_open = self._lanes.get(device, (0, True))
        before = next((own for own in reversed(self._own_lane) if own.hlc < hlc), None)
        return not is_open and before is not None and before.act is Act.LANE_OPENED

    def retirement(self, device: str, now_ms: int) -> Entry | None:
        """The word by which a device is retired, if it has done nothing since."""
        word = self._retirements.get(device)
        if word is None:
            return None
        with faults(self._path):
            rows = self._connection.execute(
                "SELECT origin, seq, hlc FROM tip WHERE origin > ? AND origin < ?",
                (f"{device}.", f"{device}/"),
            ).fetchall()
        return word if stands(word, (_Made(*row) for row in rows), now_ms) else None

    def devices_with_lanes(self) -> list[str]:
        """Every other device that has said so of its lane."""
        return list(self._lanes)

    def hashes_at(self, origin: str, seq: int) -> frozenset[str]:
        """Hashes of the entries held under a name, as tips name them."""
        return frozenset(hash_[:DIGITS] for hash_ in self.whole_hashes(origin, seq))

    def whole_hashes(self, origin: str, seq: int) -> set[str]:
        """Hashes of the entries held under a name, hex."""
        query = "SELECT hash FROM entry WHERE origin = ? AND seq = ?"
        with faults(self._path):
            found = {row[0] for row in self._connection.execute(query, (origin, seq))}
        journal = self._opened_journal()
        if journal is not None and device_of(origin) == self.device:
            with self._reading_journal():
                found |= {row[0] for row in journal.execute(query, (origin, seq))}
        return {hash_.hex() for hash_ in found if isinstance(hash_, bytes)}

    def steps(self, origin: str) -> list[Step]:
        """Every entry held of an origin, by number: to be asked only where it has branches."""
        as_of = (origin, self.version, self._journal_row)
        if as_of != self._steps_as_of:
            query = "SELECT seq, lower(hex(hash)), body FROM entry WHERE origin = ?"
            with faults(self._path):
                rows = self._connection.execute(query, (origin,)).fetchall()
            journal = self._opened_journal()
            if journal is not None and device_of(origin) == self.device:
                with self._reading_journal():
                    rows += journal.execute(query, (origin,)).fetchall()
            self._steps = sorted(step_of(*row) for row in rows)
            self._steps_as_of = as_of
        return self._steps

    def bodies(self, spans: Iterable[Span], limit: int = MAX_ENTRIES) -> tuple[list[bytes], bool]:
        """The entries of the spans, as many as fit into a frame, and whether there are more."""
        return frame_of(spans, self._span, most=limit, most_bytes=FRAME_BYTES)

    def _span(self, span: Span, limit: int) -> Iterator[bytes]:
        query = (
            "SELECT seq, body, hash FROM entry WHERE origin = ? AND seq > ? ORDER BY seq LIMIT ?"
        )
        bound = (span.origin, span.after, limit)
        with cache_faults(self._path):
            rows = _whole(self._connection.execute(query, bound))
        journal = self._opened_journal()
        if journal is not None and device_of(span.origin) == self.device:
            with self._reading_journal():
                rows += _whole(journal.execute(query, bound))
        for _seq, body in sorted(dict.fromkeys(rows)):
            yield body

    def accept(
        self,
        raw: Iterable[bytes],
        sender: str | None,
        signed_tips: Iterable[SignedTip] = (),
        verify: Verify = lambda _head: False,
        *,
        by: str = "",
        now_ms: int | None = None,
    ) -> Taken:
        """Take in another node's entries; durable (against a crash) when this returns.

        ``sender`` is the device they came from; ``None`` is the server, which is believed. What
        the device ``by`` brings is limited by each maker's allowance as of ``now_ms``, this
        device's clock; without a moment it is not, as what the server has taken is within limits.
        """
        self.is_full = not has_room(self._path)
        if self.is_full:
            return Taken(is_full=True)
        carried, refused = read_bodies(raw if now_ms is None else within_frame(raw))
        signed_tips = list(signed_tips)
        meter = None if now_ms is None else Meter(self._allowance, now_ms)
        if meter is not None:
            # Before anything that costs more: a flood brings signatures too.
            spent = meter.spent({device_of(one.entry.origin) for one in carried}, by)
            carried = [one for one in carried if device_of(one.entry.origin) not in spent]
            signed_tips = [head for head in signed_tips if device_of(head.origin) not in spent]
        if sender is not None:
            signed_tips = [head for head in signed_tips if verify(head)]
            vouched = {(head.origin, head.seq, head.hash) for head in signed_tips}
            carried = own_or_vouched(carried, sender, vouched)
        later = frozenset(meter.later) if meter is not None else frozenset()
        if not carried:
            return Taken(refused=refused, later=later)
        have = self.have()
        tips = {o: have.get(o, frozenset()) for o in {one.entry.origin for one in carried}}
        intake = Intake(tips, self.hashes_at)
        with writing(self._connection, self._path):
            for one in carried:
                is_new_origin = not intake.tips[one.entry.origin]
                if intake.offer(one) and meter is not None:
                    meter.draw(one.entry.origin, len(one.body), is_new_origin=is_new_origin)
            self._keep(intake, signed_tips)
            if meter is not None:
                self._put_allowances(meter.drawn)
        self._note_taken(intake)
        if meter is not None:
            self._allowances |= meter.drawn
        return Taken(len(intake.taken), refused, intake.gaps, frozenset(tips), later)

    def _note_taken(self, intake: Intake) -> None:
        self._tips.update({o: intake.tips[o] for o in {one.entry.origin for one in intake.taken}})
        if any(one.entry.device in self._disowned for one in intake.taken):
            self._retirements = newest([*self._read_retirements().values(), *self._own_words])
        for one in intake.taken:
            if one.entry.seq == 1:
                self._starts[one.entry.origin] = Start(one.entry.origin, one.entry.follows)
            if one.entry.act in _LANES and one.entry.device != self.device:
                self._note_lane(one.entry.device, one.entry.hlc, one.entry.act == Act.LANE_OPENED)
            if one.entry.act in RETIREMENTS and self._counts(one):
                self._note_retirement(entry_codec.decode(one.body))
        self.version += bool(intake.taken)

    def _keep(self, intake: Intake, signed_tips: list[SignedTip]) -> None:
        run = self._connection.execute
        facts: dict[str, None] = {}
        for one in intake.taken:
            entry = one.entry
            run(
                "INSERT OR IGNORE INTO entry (origin, seq, hash, body) VALUES (?, ?, ?, ?)",
                (entry.origin, entry.seq, bytes.fromhex(one.hash), one.body.decode()),
            )
            if entry.seq == 1:
                run(
                    "INSERT OR IGNORE INTO origin VALUES (?, ?, ?)",
                    (entry.origin, entry.follows, entry.prev),
                )
            if entry.act in FACTS and entry.ticket:
                facts[entry.ticket] = None
        touched = {one.entry.origin for one in intake.taken if one.entry.device in self._disowned}
        changed = {device_of(o) for o in sorted(touched) if self._flag(o, intake.tips[o])}
        for one in intake.taken:
            if self._counts(one) and one.entry.device not in changed:
                self._count(one.entry)
        for ticket in facts:
            self._remember(ticket)
        for device in changed:
            self._fold_anew(device)
        self._put_tips(intake)
        held = [h for h in signed_tips if h.hash in self.whole_hashes(h.origin, h.seq)]
        self._put_heads(held, self._tips | intake.tips)

    def disown(self, members: Iterable[MemberRow]) -> None:
        """Let entries of disowned devices count no further than the feed says, and no less.

        Whatever folds from them follows, in one transaction with what is remembered of the feed.
        """
        wanted = {
            row.id: tips_from_text(row.counts_until)
            for row in members
            if row.counts_until is not None and row.id != self.device
        }
        changed = [
            device
            for device in sorted({*wanted, *self._disowned})
            if wanted.get(device) != self._disowned.get(device)
        ]
        if not changed:
            return
        before, self._disowned = self._disowned, wanted
        try:
            with writing(self._connection, self._path):
                for device in changed:
                    self._put_disowned(device)
                    for origin, tips in self._tips.items():
                        if device_of(origin) == device:
                            self._flag(origin, tips)
                    self._fold_anew(device)
        except BaseException:
            self._disowned = before
            raise
        self._retirements = newest([*self._read_retirements().values(), *self._own_words])

    def _put_disowned(self, device: str) -> None:
        run = self._connection.execute
        run("DELETE FROM disowning WHERE device = ?", (device,))
        if device in self._disowned:
            text = msgspec.json.encode(tips_to_text(self._disowned[device])).decode()
            run("INSERT INTO disowning VALUES (?, ?)", (device, text))

    def _flag(self, origin: str, tips: frozenset[Tip]) -> bool:
        """Note which entries of an origin do not count.

        The answer is whether any of those counts, or counts no more, that may be counted already.
        """
        run, until = self._connection.execute, self._disowned.get(device_of(origin))
        held = "(SELECT id FROM entry WHERE origin = ?)"
        before = {
            row[0] for row in run(f"SELECT entry FROM disowned WHERE entry IN {held}", (origin,))
        }
        gone: set[int] = set()
        if until is not None and len(tips) <= 1:
            last = max((tip.seq for tip in until.get(origin, ())), default=0)
            found = run("SELECT id FROM entry WHERE origin = ? AND seq > ?", (origin, last))
            gone = {row[0] for row in found}
        elif until is not None:
            rows = run(
                "SELECT id, seq, lower(hex(hash)), body FROM entry WHERE origin = ? ORDER BY seq",
                (origin,),
            ).fetchall()
            steps = [step_of(*row[1:]) for row in rows]
            counting = counted(steps, until.get(origin, ()))
            gone = {
                row[0] for row, step in zip(rows, steps, strict=True) if step.hash not in counting
            }
        self._connection.executemany(
            "DELETE FROM disowned WHERE entry = ?", [(row,) for row in before - gone]
        )
        self._connection.executemany(
            "INSERT INTO disowned VALUES (?)", [(row,) for row in gone - before]
        )
        return len(tips) > 1 and before != gone

    def _counts(self, one: Carried) -> bool:
        if one.entry.device not in self._disowned:
            return True
        found = self._connection.execute(
            "SELECT 1 FROM counted WHERE origin = ? AND seq = ? AND hash = ?",
            (one.entry.origin, one.entry.seq, bytes.fromhex(one.hash)),
        )
        return found.fetchone() is not None

    def _fold_anew(self, device: str) -> None:
        """Derive again whatever folds from a device's entries."""
        run, of_device = self._connection.execute, (f"{device}.", f"{device}/")
        run("DELETE FROM tally WHERE device = ?", (device,))
        run("DELETE FROM taken_back WHERE name > ? AND name < ?", of_device)
        query = "SELECT body FROM counted WHERE origin > ? AND origin < ? ORDER BY id"
        for (body,) in run(query, of_device):
            self._count(entry_codec.decode(body))
        tickets = run(
            "SELECT DISTINCT ticket FROM entry WHERE origin > ? AND origin < ? "
            "AND act IN ('admission', 'exit', 'annulment') AND ticket != ''",
            of_device,
        ).fetchall()
        for (ticket,) in tickets:
            self._remember(ticket)

    def _remember(self, ticket: str) -> None:
        """Materialise what the other devices did on a ticket."""
        facts = read_facts(self._connection, ticket)
        history = fold(facts)
        if facts:
            # Also what has moved nobody: it may be an undo of what is in this device's journal.
            remember(self._connection, ticket, history)
        else:
            self._connection.execute("DELETE FROM state WHERE ticket = ?", (ticket,))
        keep = "INSERT OR IGNORE INTO claimed VALUES (?)"
        forget = "DELETE FROM claimed WHERE ticket = ?"
        self._connection.execute(keep if history.claims else forget, (ticket,))
        self._take_back(ticket)

    def _read_disowned(self) -> dict[str, Have]:
        with faults(self._path):
            rows = self._connection.execute("SELECT device, counts_until FROM disowning").fetchall()
        return {
            device: tips_from_text(msgspec.json.decode(text, type=dict[str, list[str]]))
            for device, text in rows
        }

    def _count(self, entry: Entry) -> None:
        # What an annulment takes back is counted by ``_take_back``, once.
        at, counts = scan_row(entry, self.find)
        self._connection.execute(_TALLY_UPSERT, (at.device, *tally_key(at), *counts))

    def _take_back(self, ticket: str) -> None:
        """Count each annulled movement out once, whoever annulled it and whatever came first."""
        heard, own = read_facts(self._connection, ticket), self._own_facts(ticket)
        for entry, counts in taken_back([*heard, *own]):
            if entry in own and any(e.target == entry.name for e in own):
                continue  # the journal has counted that itself
            if self._connection.execute(
                "INSERT OR IGNORE INTO taken_back VALUES (?)", (entry.name,)
            ).rowcount:
                self._connection.execute(_TALLY_UPSERT, (entry.device, *tally_key(entry), *counts))

    def _own_facts(self, ticket: str) -> list[Entry]:
        journal = self._opened_journal()
        found: list[Entry] = []
        if journal is not None:
            with self._reading_journal():
                found = read_facts(journal, ticket)
        return found

    def _put_tips(self, intake: Intake) -> None:
        newest = {}
        for one in intake.taken:
            newest[one.entry.origin, one.hash[:DIGITS]] = one
        for origin in {one.entry.origin for one in intake.taken}:
            before, after = self._tips.get(origin, frozenset()), intake.tips[origin]
            self._connection.executemany(
                "DELETE FROM tip WHERE origin = ? AND seq = ? AND substr(hex(hash), 1, ?) = ?",
                [(origin, tip.seq, DIGITS, tip.hash.upper()) for tip in before - after],
            )
            for tip in after - before:
                one_ = newest.get((origin, tip.hash))
                if one_ is not None:
                    self._connection.execute(
                        "INSERT OR IGNORE INTO tip VALUES (?, ?, ?, ?)",
                        (origin, bytes.fromhex(one_.hash), tip.seq, one_.entry.hlc),
                    )

    def find(self, name: str) -> Entry | None:
        """The entry of that name, from wherever it is held."""
        journal = self._opened_journal()
        with cache_faults(self._path):
            found = read_entry(self._connection, name)
        if found is None and journal is not None:
            with self._reading_journal():
                found = read_entry(journal, name)
        return found

    def alarms(self) -> list[Alarm]:
        """Which devices were cloned, restored or rolled back, by what is held here."""
        self._look_at_alarms()
        return self._alarms

    def floods(self) -> list[str]:
        """Which devices have more taken in than any that works, by what is held here."""
        self._look_at_alarms()
        return self._floods

    def _look_at_alarms(self) -> None:
        self.follow_journal()
        as_of = self.version, self._journal_row
        if as_of != self._alarms_as_of:
            self._alarms = alarms(self._starts.values(), self.have())
            spent = {d for d, one in self._allowances.items() if one.taken >= MOST}
            self._floods = sorted(spent.union(flooding(self.have())))
            self._alarms_as_of = as_of

    def pulled_back(self) -> bool:
        """Whether others held entries of this device that its journal lacks.

        Then it was restored from a backup, or has a clone.
        """
        with faults(self._path):
            row = self._connection.execute(
                "SELECT 1 FROM entry WHERE origin >= ? AND origin < ? LIMIT 1",
                (self.device + ".", self.device + "/"),
            ).fetchone()
        return row is not None

    def signed_tips(self, origin: str, first: int, last: int) -> list[SignedTip]:
        """The signed heads held of an origin's entries from ``first`` to ``last``."""
        with faults(self._path):
            rows = self._connection.execute(
                "SELECT origin, seq, hash, signature FROM signed_tip "
                "WHERE origin = ? AND seq BETWEEN ? AND ?",
                (origin, first, last),
            ).fetchall()
        return [SignedTip(*row) for row in rows]

    def put_heads(self, signed_tips: Iterable[SignedTip]) -> None:
        """Keep signed heads: this device's own, or those of entries that are held."""
        with writing(self._connection, self._path):
            self._put_heads(list(signed_tips), self._tips)

    def _put_heads(self, signed_tips: list[SignedTip], tips: Have) -> None:
        self._connection.executemany(
            "INSERT OR IGNORE INTO signed_tip VALUES (?, ?, ?, ?)",
            [(head.origin, head.seq, head.hash, head.signature) for head in signed_tips],
        )
        # A newer head vouches for what an older one did, unless that is of another branch; and
        # every so often one is kept to end a frame.
        self._connection.executemany(
            "DELETE FROM signed_tip WHERE origin = ? AND seq < ? AND seq % ? != 0",
            [
                (head.origin, head.seq, HEAD_EVERY)
                for head in signed_tips
                if len(tips.get(head.origin, ())) <= 1
            ],
        )

    def receipts(self) -> Have:
        """What the server said it holds of this device's own origins."""
        with faults(self._path):
            return gather(self._connection.execute("SELECT origin, seq, hash FROM receipt"))

    def put_receipts(self, receipts: Have) -> None:
        """Keep what the server says it holds; it may be less than before, after its restore."""
        with writing(self._connection, self._path):
            for origin, tips in receipts.items():
                if device_of(origin) != self.device:
                    continue
                self._connection.execute("DELETE FROM receipt WHERE origin = ?", (origin,))
                self._connection.executemany(
                    "INSERT INTO receipt VALUES (?, ?, ?)",
                    [(origin, tip.hash, tip.seq) for tip in tips],
                )

    def quarantine(self, refused: Iterable[Rejected], at_ms: int, by: str = "") -> None:
        """Keep what was refused, for people to see: what ``by`` has brought, or the server ours."""
        rows = [(at_ms, by, r.origin, r.seq, r.reason, r.hash) for r in refused]
        room = QUARANTINED - sum(self._quarantined.values())
        room = min(room, QUARANTINED_OF_ONE - self._quarantined.get(by, 0))
        if room <= 0:
            return
        with writing(self._connection, self._path):
            self._connection.executemany(
                "INSERT OR IGNORE INTO quarantine (at_ms, bringer, origin, seq, reason, hash) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                rows[:room],
            )
        self._quarantined = self._count_quarantined()

    def quarantined(self) -> int:
        """How many entries were refused, by the server or by us."""
        return sum(self._quarantined.values())

    def refused_by_server(self) -> list[Rejected]:
        """What the server will not have of what is held here."""
        with faults(self._path):
            rows = self._connection.execute(
                "SELECT origin, seq, reason, hash FROM quarantine WHERE bringer = '' ORDER BY id"
            )
            return [Rejected(*row) for row in rows]

    def _count_quarantined(self) -> dict[str, int]:
        """By who has brought it; the server's refusals under an empty name."""
        with faults(self._path):
            return dict(
                self._connection.execute(
                    "SELECT bringer, count(*) FROM quarantine GROUP BY bringer"
                )
            )

    def _put_allowances(self, drawn: Mapping[str, Allowance]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO allowance VALUES (?, ?, ?, ?)",
            [(device, *left) for device, left in drawn.items()],
        )

    def _allowance(self, device: str) -> Allowance:
        return self._allowances.get(device) or fresh()

    def _read_allowances(self) -> dict[str, Allowance]:
        with faults(self._path):
            rows = self._connection.execute("SELECT device, remaining, at_ms, taken FROM allowance")
            return {device: Allowance(*kept) for device, *kept in rows}

    def put_devices(self, devices: Mapping[str, object]) -> None:
        """Keep what the server says of the event's devices."""
        with writing(self._connection, self._path):
            self._connection.executemany(
                "INSERT INTO device VALUES (?, ?) "
                "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                [(id_, msgspec.json.encode(device).decode()) for id_, device in devices.items()],
            )

    def devices(self, kind: type[T]) -> list[T]:
        """What the server last said of the event's devices."""
        with faults(self._path):
            rows = self._connection.execute("SELECT body FROM device ORDER BY id").fetchall()
        return [msgspec.json.decode(row[0], type=kind) for row in rows]

    def checkpoint(self) -> None:
        """Move the log into the database file, and look into that; for idle moments.

        Raises DamagedError when an entry is not there as it was written, or the file itself.
        """
        self._presence.require()
        checkpoint(self._connection, self._path)
        # One that was just opened has no page in memory: what the next start would meet.
        with cache_faults(self._path), closing(open_reader(self._path)) as anew:
            self._looked_over = look_over(anew, self._looked_over, LOOKED_OVER)
            if not self._looked_over:
                anew.execute("SELECT origin, seq FROM tip ORDER BY origin, seq").fetchall()

    def _has_successor(self, origin: str, tip: Tip) -> bool:
        with faults(self._path):
            return has_successor(self._connection, origin, tip)

    def _read_tips(self) -> Have:
        with faults(self._path):
            return gather(self._connection.execute("SELECT origin, seq, hash FROM tip"))

    def _note_lane(self, device: str, hlc: int, is_open: bool) -> None:
        if hlc >= self._lanes.get(device, (0, False))[0]:
            self._lanes[device] = (hlc, is_open)

    def _note_retirement(self, word: Entry) -> None:
        known = self._retirements.get(word.target)
        self._retirements |= newest([word] if known is None else [word, known])

    def _read_retirements(self) -> dict[str, Entry]:
        query = "SELECT body FROM counted WHERE act IN ('retirement', 'reinstatement')"
        with faults(self._path):
            rows = self._connection.execute(query).fetchall()
        return newest(entry_codec.decode(body) for (body,) in rows)

    def _read_lanes(self) -> dict[str, tuple[int, bool]]:
        lanes: dict[str, tuple[int, bool]] = {}
        with faults(self._path):
            rows = self._connection.execute(
                "SELECT origin, json_extract(body, '$.hlc'), act FROM entry "
                "WHERE act IN ('lane_opened', 'lane_closed')"
            ).fetchall()
        for origin, hlc, act in rows:
            device = device_of(origin)
            if device != self.device and hlc >= lanes.get(device, (0, False))[0]:
                lanes[device] = (hlc, act == Act.LANE_OPENED)
        return lanes

    def _read_starts(self) -> dict[str, Start]:
        with faults(self._path):
            rows = self._connection.execute("SELECT origin, follows FROM origin").fetchall()
        return {row[0]: Start(*row) for row in rows}

    def _opened_journal(self) -> sqlite3.Connection | None:
        is_as_it_was = file_id(self._journal_path) == self._journal_file
        if not is_as_it_was or successor(self._journal_path).exists():
            self._look_for_journal()
        if self._journal is None and not self._has_rot and self._journal_path.exists():
            # Looked at before: should another file be opened than this one, the next look sees it.
            self._journal_file = file_id(self._journal_path)
            try:
                self._journal = open_reader(self._journal_path)
                query = "SELECT CAST(body AS BLOB) FROM orphan ORDER BY origin, seq"
                self._orphans = [body for (body,) in self._journal.execute(query)]
            except (StoreError, sqlite3.Error):
                # The gate has not made its tables yet.
                self._let_go_of_journal()
        return self._journal

    def _look_for_journal(self) -> None:
        """If another file is the journal now, let go of the one before and all that was read in it.

        What takes the place of a damaged one has the next number. But where one was lost while no
        lane had it open, the lane has begun anew, under the same number or from the first. While
        there is none at all, what is open has entries that may still be told.
        """
        if file_id(self._folder.journal) in (None, self._journal_file):
            return
        self._let_go_of_journal()
        self._journal_path, self._journal_file = self._folder.journal, None
        self._has_rot, self._joined_at = False, None
        self._journal_row, self._own, self._own_lane, self.own_tip = 0, {}, [], ""
        self._own_words, self._retirements = [], self._read_retirements()
        self._starts = self._read_starts()
        # These are as of a row, and the new journal may have as many.
        self._steps_as_of, self._alarms_as_of = ("", 0, 0), (-1, -1)

    def _let_go_of_journal(self) -> None:
        if self._journal is not None:
            self._journal.close()
        self._journal = None

    @contextmanager
    def _reading_journal(self) -> Iterator[None]:
        """What is damaged is not read on: the lane is told, and goes on in another file."""
        try:
            with faults(self._journal_path):
                yield
        except DamagedError as fault:
            log.error("journal: %s", fault.message)
            damage.found(self._folder, damage.JOURNAL, fault)
            self._let_go_of_journal()
            self._has_rot = True

    def _is_torn(self) -> bool:
        """Whether what came back of this device's own entries hangs on some that are lost.

        Others would be told its end, and take what is before that for held.
        """
        for origin in self._tips:
            if device_of(origin) == self.device:
                with faults(self._path):
                    begins = self._connection.execute(_BEGINS, (origin,)).fetchall()
                if any(prev not in self.whole_hashes(origin, seq - 1) for seq, prev in begins):
                    return True
        return False

    def look_after_files(self) -> None:
        """Take what could not be taken before. Raises DamagedError when the peer store is damaged.

        That may have been found by whoever reads it.
        """
        self._presence.require()
        told = damage.unmended(self._folder, damage.PEERS)
        if told is not None and told.file == self._path.name:
            raise DamagedError(told.why, "", self._path)
        # Of those with numbers the newest counts, however many are between.
        self._look_for_journal()
        self.follow_journal()
        if self._joined_at != self._journal_path and self._journal is not None:
            if self._is_torn():
                raise DamagedError(
                    _("{file} goes on where this gate's journal has a gap").format(
                        file=self._path.name
                    ),
                    "", self._path,
                )  # fmt: skip
            self._joined_at = self._journal_path
        if self._orphans and self.version != self._orphans_at:
            # Entries after a lost one: they follow it once others have told it.
            self._orphans_at = self.version
            self.accept(self._orphans, None)

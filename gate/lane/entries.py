"""The lane's entries: each made at one moment, and kept with others in one transaction."""

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypedDict

from gate.core.clock_error import TrueTime
from gate.core.entry import MOVEMENTS, Act, Entry
from gate.core.history import History
from gate.core.hlc import Reading, latest_believable
from gate.core.outcome import Flag, Outcome, Reason
from gate.core.signed_ticket import Signed
from gate.core.ticket import Ticket
from gate.core.verdict import Scan, Verdict
from gate.credential.sealed_answers import seal_answers
from gate.errors import StoreError
from gate.lane.basis import LaneBasis
from gate.lane.clock_trust import ClockTrust
from gate.lane.files import LaneFiles
from gate.lane.post import Post
from gate.lane.repeats import Repeat, Repeats
from gate.storage.connectivity import NOBODY_HEARD, Connectivity
from gate.storage.folder import Folder
from gate.storage.journal import Journal
from gate.storage.revocation import require_not_revoked

log = logging.getLogger(__name__)

RESERVED_BYTES = 64 * 1024 * 1024
"""Below this much free disk only movements of people are written."""

_ACTS = {
    Outcome.ADMIT: Act.ADMISSION,
    Outcome.ATTENTION: Act.ADMISSION,
    Outcome.EXIT: Act.EXIT,
    Outcome.REFUSE: Act.REFUSAL,
    Outcome.HOLD: Act.HOLD,
    Outcome.RESCAN: Act.RESCAN,
    Outcome.VALID: Act.CHECK,
}


class _Answers(TypedDict, total=False):
    """What an admission keeps of the event's questions."""

    answered: tuple[str, ...]
    answers: str


@dataclass(frozen=True, slots=True)
class Moment:
    """When a transaction happens, and what the lane is worth then."""

    reading: Reading
    at_ms: int
    trusted: bool
    true_time: TrueTime | None = None
    """What the time is by who knows it."""
    connectivity: Connectivity = NOBODY_HEARD


@dataclass
class Entries:
    """Makes the lane's entries and appends them to its journal."""

    files: LaneFiles
    post: Post
    clock: ClockTrust
    basis: LaneBasis
    repeats: Repeats = field(default_factory=Repeats)
    now: Moment = Moment(Reading(0, 0, ""), 0, trusted=False)
    """The moment of the transaction, or of the last one."""
    _known_hlc: int = 0

    @contextmanager
    def transaction(self) -> Iterator[Journal]:
        """What is appended within is on disk afterwards, or nothing of it.

        Raises StoreError, and RevokedError on a device that was revoked.
        """
        journal = self.files.journal()
        self.now = self._look()
        try:
            with journal.transaction():
                # Looked at while the journal is held: what was revoked meanwhile is complete.
                require_not_revoked(self.files.folder)
                yield journal
        except BaseException:
            self.repeats.clear()
            raise
        self.files.totals = journal.totals

    def append_verdict(
        self, verdict: Verdict, scan: Scan, own: History, *, operator: str = "", note: str = ""
    ) -> Entry | None:
        """Keep what was decided on this device's history of the ticket.

        The answer is ``None`` where nothing is kept: of a question, for nothing has happened yet,
        and where the disk has room for movements only, and this is none.
        """
        act = _ACTS.get(verdict.outcome)
        if act is None:
            return None
        if act not in MOVEMENTS and is_disk_short(self.files.folder):
            return None
        self.flush_repeats()
        last = verdict.history.last
        entry = self.make(
            act,
            verdict,
            scan,
            operator=operator,
            note=note,
            ordinal=own.redemptions if act is Act.ADMISSION else None,
            known_hlc=last.hlc if last else 0,
        )
        return self.files.journal().append(entry, past=own)

    def append_unknown(
        self, verdict: Verdict, scan: Scan, code: str, likeness: Callable[[], tuple[Flag, ...]]
    ) -> Entry | None:
        """Keep that a code is nobody's, or only count it; ``code`` is its keyed hash in hex.

        ``likeness`` says how far it is like real ones, and is only asked where that is kept.
        """
        boot_ms = self.now.reading.boot_ms
        if self.repeats.count(code, boot_ms) or is_disk_short(self.files.folder):
            return None
        self.flush_repeats(everything=self.repeats.is_full)
        entry = replace(self.make(_ACTS[verdict.outcome], verdict, scan), code=code)
        if entry.reason is Reason.UNKNOWN and not entry.flags:
            # A list that is not current, or a scanner that is not believed, says nothing of it.
            entry = replace(entry, flags=likeness())
        self.files.journal().append(entry)
        self.repeats.add(Repeat(code, entry.name, verdict.outcome, verdict.reason, boot_ms))
        return entry

    def append_event(self, act: Act, operator: str = "") -> None:
        """Keep, in a transaction of its own, what is no scan's."""
        with self.transaction() as journal:
            journal.append(self.make(act, operator=operator))

    def flush_repeats(self, *, everything: bool = False) -> None:
        """Keep how often unknown codes came again, once their minute is over."""
        for repeat in self.repeats.take(self.now.reading.boot_ms, everything=everything):
            entry = replace(
                self.make(Act.REPEAT),
                code=repeat.code,
                target=repeat.entry,
                count=repeat.count,
                outcome=repeat.outcome,
                reason=repeat.reason,
            )
            self.files.journal().append(entry)

    def make(
        self,
        act: Act,
        verdict: Verdict | None = None,
        scan: Scan | None = None,
        *,
        operator: str = "",
        note: str = "",
        ordinal: int | None = None,
        known_hlc: int = 0,
    ) -> Entry:
        """The entry that comes next in the journal, made now."""
        now, post = self.now, self.post
        ticket = verdict.ticket if verdict else None
        known_hlc = max(self._mergeable(known_hlc), self._greatest_known())
        link = self.files.journal().link(now.at_ms, known_hlc)
        return Entry(
            origin=link.origin,
            seq=link.seq,
            prev=link.prev,
            act=act,
            at_ms=now.at_ms,
            boot_ms=now.reading.boot_ms,
            hlc=link.hlc,
            follows=link.follows,
            boot_id=link.boot_id,
            version=link.version,
            trusted=now.trusted,
            offset_ms=self.clock.offset_ms,
            basis=verdict.basis if verdict else now.connectivity.coverage.basis,
            basis_age_ms=verdict.basis_age_ms if verdict else now.connectivity.age_ms,
            gate=post.place.gate,
            zone=post.place.zone,
            direction=verdict.direction if verdict else post.direction,
            operator=operator or (post.operator.name if post.operator else ""),
            ticket=ticket.id if ticket else "",
            ticket_type=ticket.type.id if ticket else "",
            outcome=verdict.outcome if verdict else None,
            reason=verdict.reason if verdict else None,
            overruled=verdict.overruled if verdict else None,
            uses=verdict.uses if verdict else 0,
            persons=verdict.persons if verdict else 0,
            ordinal=ordinal,
            flags=verdict.flags if verdict else (),
            note=note,
            source=scan.source if scan else "",
            symbology=scan.symbology if scan else "",
            code_ms=verdict.code_ms if verdict else None,
            **self._answers(act, ticket, scan),
            server_ahead_ms=now.connectivity.sync_status.ahead_ms,
            server_error_ms=now.connectivity.sync_status.error_ms,
            position=self.files.tickets.replica.position,
            signed=_signed(ticket),
        )

    def _answers(self, act: Act, ticket: Ticket | None, scan: Scan | None) -> _Answers:
        if act is not Act.ADMISSION or ticket is None or scan is None or not scan.given:
            return _Answers()
        sealed = seal_answers(self.files.tickets.replica.key, ticket.id, scan.given)
        return _Answers(answered=tuple(scan.given), answers=sealed)

    def _look(self) -> Moment:
        reading, files = self.clock.read(), self.files
        files.peers.refresh()
        connectivity = self.basis.read(reading, files.peers.store, is_whole=files.is_whole)
        at_ms, trusted = self.clock.at_ms(reading), self.clock.judge(reading)
        self.clock.learn(connectivity.sync_status.clocks)
        known = self.clock.true_time(reading, is_believed=trusted)
        return Moment(reading, at_ms, trusted, known, connectivity)

    def _mergeable(self, hlc: int) -> int:
        return hlc if hlc <= latest_believable(self.now.at_ms) else 0

    def _greatest_known(self) -> int:
        try:
            greatest = self.files.peers.greatest_hlc(self.now.at_ms)
            self._known_hlc = max(self._known_hlc, greatest)
        except StoreError as fault:
            # Who reads the ticket's past meets the same fault; a lane must be able to close.
            log.warning("heard of others: %s", fault.message)
        return self._known_hlc


def _signed(ticket: Ticket | None) -> Signed | None:
    """What is kept of a ticket that others may not have either.

    Its type says how often it may be used where its code does not; who has no type has that.
    """
    if ticket is None or ticket.signed is None:
        return None
    stated = {"uses": ticket.uses, "party": ticket.party}
    by_type = tuple(name for name, value in stated.items() if value is None)
    said = ticket.signed
    return replace(said, uses=ticket.use_limit, party=ticket.party_size, by_type=by_type)


def is_disk_short(folder: Folder) -> bool:
    """Whether the room that is left is for movements of people."""
    return shutil.disk_usage(folder.path).free < RESERVED_BYTES

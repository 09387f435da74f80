"""The lane: parse, look up, decide, append. The one place that turns a fault into HOLD.

Nothing here opens a socket. Every verdict that lets a person in is on disk before it is returned.
All files of the lane belong to one thread; whoever has a scan hands it over and waits.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from gate.clock import PROGRAM_BUILT_MS, Clock
from gate.core.coverage import Hysteresis
from gate.core.history import annulled, claims, conflict, counts_at_once, entry_order, fold
from gate.core.hlc import MAX_AHEAD_MS, Reading, is_trusted
from gate.core.hlc import wall_ms as hlc_wall_ms
from gate.core.irregular import irregular
from gate.core.model import (
    HAND,
    MOVEMENTS,
    Act,
    Basis,
    Context,
    Direction,
    Entry,
    Flag,
    History,
    HouseRules,
    Outcome,
    Place,
    Reason,
    Role,
    Scan,
    ScannerProof,
    Ticket,
    Verdict,
)
from gate.core.rules import decide, overrule
from gate.credential.repair import Flaws
from gate.credential.scanners import NO_READING
from gate.credential.scanners import Reading as ScannerReading
from gate.errors import (
    DamagedError,
    GateError,
    OperatorError,
    RevokedError,
    StoreError,
    UsageError,
)
from gate.i18n import _
from gate.lane.scanner_repair import TYPING, Proposed, ScannerRepair
from gate.storage import damage, salvage
from gate.storage.connectivity import HEARD_WITHIN_S, NOBODY_HEARD, Connectivity, ConnectivityReader
from gate.storage.folder import Folder
from gate.storage.journal import Journal, Totals
from gate.storage.peers import PeerStoreReader
from gate.storage.revocation import is_revoked, require_not_revoked
from gate.storage.scanner_fixes import Fix
from gate.storage.tickets import Match, Tickets

log = logging.getLogger(__name__)

REPEAT_WINDOW_MS = 60_000
"""Within this time the same unknown code is one entry, then a count."""
REPEATS_KEPT = 10_000
RESERVED_BYTES = 64 * 1024 * 1024
"""Below this much free disk only movements of people are written."""

ISOLATED_TOLD_MS = 60_000
"""Nobody was heard for so long: from then on is told when that ends."""
TIPS_NAMED = 16
"""Of how many starts of a device a retirement names the newest entry; more do not matter."""

_ACTS = {
    Outcome.ADMIT: Act.ADMISSION,
    Outcome.ATTENTION: Act.ADMISSION,
    Outcome.EXIT: Act.EXIT,
    Outcome.REFUSE: Act.REFUSAL,
    Outcome.HOLD: Act.HOLD,
    Outcome.RESCAN: Act.RESCAN,
    Outcome.VALID: Act.CHECK,
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Operator:
    """Who is at the lane, once their PIN was right."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo took back."""

    target: Entry
    ticket: Ticket | None
    is_claim: bool = False
    """Whether it counts only once the gate that did it, or the server, confirms it."""


@dataclass(frozen=True, slots=True)
class Undoable:
    """What an undo would take back now."""

    target: Entry
    ticket: Ticket | None
    needs_supervisor: bool
    """Whether the grace time is over."""


@dataclass(frozen=True, slots=True)
class _Now:
    """The moment a transaction happens at."""

    reading: Reading
    at_ms: int
    trusted: bool
    standing: Connectivity = NOBODY_HEARD


@dataclass(frozen=True, slots=True)
class _Identity:
    """Whose ticket a scan is, and how that is known."""

    ticket: Ticket | None = None
    problem: Reason | None = None
    rivals: tuple[Ticket, ...] = ()
    reading: ScannerReading = NO_READING

    def told_in(self, verdict: Verdict) -> Verdict:
        """The verdict with what was undone, would explain the text, or is in its way."""
        reading, proposal = self.reading, self.reading.proposal
        if not (reading.flaws or proposal or reading.ended or self.rivals):
            return verdict
        proof = None
        flaws = reading.flaws if reading.is_new else ()
        if proposal is not None:
            flaws = proposal.flaws
            proof = ScannerProof.KEY if proposal.shows else ScannerProof.SUPERVISOR
        return replace(
            verdict,
            flags=(*verdict.flags, Flag.REPAIRED) if reading.flaws else verdict.flags,
            rivals=self.rivals,
            scanner_flaws=tuple(map(str, flaws)),
            scanner_proof=proof,
            ended_flaws=tuple(map(str, reading.ended)),
        )


@dataclass(slots=True)
class _Repeat:
    name: str
    outcome: Outcome
    reason: Reason
    since_ms: int
    count: int = 0


class Lane:
    """One device at one gate. Its methods may be called from any thread."""

    def __init__(
        self,
        folder: Folder,
        clock: Clock,
        place: Place,
        rules: HouseRules,
        direction: Direction = Direction.IN,
        *,
        heard_within_s: float = HEARD_WITHIN_S,
    ) -> None:
        self.place = place
        self.rules = rules
        self.direction = direction
        self.operator: Operator | None = None
        self._folder = folder
        self._clock = clock
        self._device = folder.device_id()
        self._tickets = Tickets(folder)
        self._peers = PeerStoreReader(folder)
        self._heard_hlc = 0
        # What is shown is what is written, and looking at it keeps it up to date between scans.
        hysteresis = Hysteresis()
        self._standings = ConnectivityReader(folder, heard_within_s, hysteresis)
        self._shown_standings = ConnectivityReader(folder, heard_within_s, hysteresis)
        self._showing = threading.Lock()
        self._journal: Journal | None = None
        self._is_whole = True
        self._totals = Totals()
        self._anchor: Reading | None = None
        self._floor_ms = PROGRAM_BUILT_MS
        self._offset_ms = 0
        self._confirmed_boot = ""
        self._now = _Now(clock.read(), 0, trusted=False)
        self._repeats: dict[str, _Repeat] = {}
        self._last: tuple[Scan, Verdict] | None = None
        self._last_movement = ""
        self._undo_refusals: dict[tuple[str, str], int] = {}
        self._repair = ScannerRepair(folder, self._tickets)
        self._holding_from_ms: int | None = None
        self._is_closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lane")

    def submit(self, scan: Scan) -> "Future[Verdict]":
        """Decide a scan without waiting for it."""
        return self._thread.submit(self._admit, scan)

    def admit(self, scan: Scan) -> Verdict:
        """Decide a scan. Never raises: a fault is a HOLD that says what to do."""
        return self.submit(scan).result()

    def look_up(self, scan: Scan) -> "Future[Ticket | None]":
        """The ticket that a scan's code belongs to here. Nothing is decided by it.

        The future raises GateError on a fault; deciding the scan will say what is wrong.
        """
        return self._thread.submit(self._ticket_of, scan)

    def knows(self, text: str) -> bool:
        """Whether a scanner's text is some ticket's code here; a fault is no."""
        try:
            return self.look_up(Scan(text, source="keyboard")).result() is not None
        except GateError as fault:
            log.warning("looking up: %s", fault.message)
            return False

    def check(self, text: str, source: str) -> Verdict:
        """Say what a code would be worth here; nothing is redeemed or recorded."""
        return self._do(lambda: self._check(Scan(text, source=source)))

    def admit_typed(self, code: str) -> Verdict:
        """Decide a code that a person has typed. Raises UsageError where that is not done."""
        self.require_hand_codes()
        return self.admit(Scan(code, source=HAND))

    def require_hand_codes(self) -> None:
        """Raise UsageError where codes may not be typed by hand."""
        if not self.rules.hand_codes:
            raise UsageError(
                _("codes are not typed by hand at this event"),
                _("Look the guest up by name (F4), or call a supervisor."),
            )

    def next_person(self, persons: int = 1, *, ticket: str = "") -> Verdict:
        """Let more people through on the ticket that was scanned last, because a key was pressed.

        ``ticket`` is the one that whoever pressed it saw. Raises UsageError when no ticket was
        scanned, or another one since.
        """
        return self._do(lambda: self._next_person(persons, ticket))

    def admit_by_hand(self, ticket: str, operator: Operator, note: str) -> Verdict:
        """Decide for a ticket that was found by search instead of by its code."""
        if self.rules.find_admits is Role.SUPERVISOR:
            _require_supervisor(operator)
        return self._do(lambda: self._by_hand(ticket, operator, _require_note(note)))

    def override(self, supervisor: Operator, note: str, *, ticket: str = "") -> Verdict:
        """Admit the ticket that was just refused or held; ``ticket`` is the one that was shown.

        Raises UsageError when there is nothing to overrule, or another ticket came since.
        """
        _require_supervisor(supervisor)
        return self._do(lambda: self._override(supervisor, _require_note(note), ticket))

    def undoable(self) -> Undoable:
        """This lane's last admission or exit, which ``undo`` would take back.

        Raises UsageError when there is none that stands.
        """
        return self._do(self._undoable)

    def undo(self, target: str = "", supervisor: Operator | None = None, note: str = "") -> Undone:
        """Annul an admission or exit: the lane's last one, or the one that is named.

        Within the grace time at this lane anybody may; later only a supervisor, with a reason.
        Raises UsageError when there is nothing to annul, OperatorError when it takes a supervisor.
        """
        return self._do(lambda: self._undo(target, supervisor, note))

    def resolve(self, ticket: str, supervisor: Operator, note: str) -> Entry:
        """Record that a supervisor has looked into a conflict or irregular admissions of a ticket.

        Nobody is undone by it. Raises UsageError when there is neither.
        """
        _require_supervisor(supervisor)
        return self._do(lambda: self._resolve(ticket, supervisor, _require_note(note)))

    def retire(self, device: str, supervisor: Operator, note: str, *, back: bool = False) -> Entry:
        """Record that another device is not waited for any more, or with ``back`` that it is.

        Raises UsageError for this device itself.
        """
        _require_supervisor(supervisor)
        act = Act.REINSTATEMENT if back else Act.RETIREMENT
        return self._do(lambda: self._retire(act, device, supervisor, _require_note(note)))

    def scanner_proposal(self) -> Proposed:
        """What would explain the last typed text, and what it takes to believe it.

        Raises UsageError when nothing would.
        """
        proposed = self._do(self._repair.proposed)
        if proposed is None:
            raise UsageError(
                _("nothing explains the last text"),
                _("Scan with the scanner that types wrongly first."),
            )
        return proposed

    def believe(self, proposed: Proposed, supervisor: Operator | None = None) -> None:
        """Undo from now on what would explain a scanner's text.

        Raises OperatorError when it takes a supervisor, StoreError when it cannot be written.
        """
        self._do(lambda: self._believe(proposed, supervisor))

    def scanner_tested(self, source: str, flaws: Flaws) -> None:
        """Undo from now on what the test code has shown. Raises StoreError."""
        self._do(lambda: self._repair.tested(source, flaws))

    def scanner_plugged(self, source: str, device: str) -> bool:
        """Say which scanner is at an input; whether what was believed of another has ended."""
        return self._do(lambda: self._repair.plugged(source, device))

    def scanner_fixes(self) -> Mapping[str, Fix]:
        """What is put right of the scanners from the start, by input."""
        return self._do(self._repair.saved)

    def sign_in(self, operator: Operator) -> None:
        """Name the operator in every entry from now on."""
        self._do(lambda: self._sign_in(operator))

    def sign_out(self) -> None:
        """Nobody is at the lane."""
        self._do(self._sign_out)

    def note_failed_sign_in(self, name: str) -> None:
        """Record that somebody gave a wrong PIN."""
        self._do(lambda: self._append_event(Act.SIGN_IN_FAILED, name))

    def set_clock(self, wall_ms: int, supervisor: Operator) -> None:
        """Believe the supervisor's watch: from now on this moment is ``wall_ms``."""
        _require_supervisor(supervisor)
        self._do(lambda: self._set_clock(wall_ms, supervisor))

    def now_ms(self) -> int:
        """The time the lane goes by, Unix milliseconds."""
        return self._clock.read().wall_ms + self._offset_ms

    def clock_is_trusted(self) -> bool:
        """Whether rules about time may refuse anybody just now."""
        return self._judge(self._clock.read())

    def standing(self) -> Connectivity:
        """Whom this lane has heard just now."""
        with self._showing:
            return self._honest(self._shown_standings.read(self._clock.read()))

    def open(self) -> None:
        """Say in the journal that the lane is at work. Raises StoreError when it cannot be."""
        self._do(self._open)

    def idle(self) -> None:
        """Use a quiet moment: write counts of repeats, tidy the log, open new tickets."""
        self._do(self._idle)

    def close(self) -> None:
        """Say that the lane stops, and let go of the files; once closed it stays closed."""
        if not self._is_closed:
            self._is_closed = True
            self._do(self._close)
            self._thread.shutdown()

    @property
    def is_revoked(self) -> bool:
        """Whether this device was revoked: then every scan is answered STOP, for good."""
        return is_revoked(self._folder)

    @property
    def holds_from_ms(self) -> int | None:
        """From which moment on the lane holds everybody, if it goes on hearing nobody.

        ``None`` while somebody is heard, or where the event bounds nothing.
        """
        return self._holding_from_ms

    def totals(self) -> Totals:
        """What this device has counted so far."""
        return self._totals

    def tickets_built_ms(self) -> int:
        """When the ticket replica was made, Unix milliseconds; 0 while there is none."""
        return self._tickets.built_ms

    @property
    def last_verdict(self) -> Verdict | None:
        """What was last said here."""
        return None if self._last is None else self._last[1]

    def require_next(self) -> Ticket:
        """On which ticket more people would go in now. Raises UsageError when there is none."""
        if self._last is None or self._last[1].ticket is None:
            raise UsageError(_("no ticket to let more people in on"), _("Scan the ticket first."))
        if self._last[0].source == "manual":
            raise UsageError(_("this was admitted by hand"), _("Use the lookup screen again."))
        return self._last[1].ticket

    def require_refusal(self) -> tuple[Ticket, Reason]:
        """What an override would overrule now. Raises UsageError when there is nothing."""
        refused = self.last_verdict
        if refused is None or refused.outcome not in (Outcome.REFUSE, Outcome.HOLD):
            raise UsageError(_("nothing was refused"), _("Scan the ticket first."))
        if refused.ticket is None:
            raise UsageError(
                _("there is no ticket to admit on"),
                _("A code nobody issued cannot be overruled; look the guest up by name."),
            )
        return refused.ticket, refused.reason

    def _do(self, work: Callable[[], T]) -> T:
        return self._thread.submit(work).result()

    def _admit(self, scan: Scan) -> Verdict:
        started_ns = scan.started_ns or time.perf_counter_ns()
        try:
            verdict = self._decide(scan, started_ns)
        except RevokedError:
            verdict = self._refuse_all(started_ns)
        except GateError as fault:
            log.error("hold: %s", fault.message)
            verdict = self._hold(fault.message, self._mending(fault), started_ns)
        except Exception:
            log.exception("hold: unforeseen fault")
            verdict = self._hold(
                _("unforeseen fault"),
                _("Call a supervisor. The log has the details."),
                started_ns,
            )
        self._last = (scan, verdict)
        _log_verdict(verdict, self.place.gate)
        return verdict

    def _decide(self, scan: Scan, started_ns: int) -> Verdict:
        require_not_revoked(self._folder)
        self._tickets.refresh()
        with self._transaction():
            match = self._tickets.match(scan.text, scan.raw, scan.symbology)
            identity = self._identified(scan, match)
            ticket = identity.ticket
            context = self._context_of(identity)
            own, history = self._histories(ticket)
            verdict = decide(ticket, history, scan, context)
            verdict = identity.told_in(verdict)
            if ticket is None:
                entry = self._append_unknown(verdict, scan, match.hashed.hex())
            else:
                entry = self._append(verdict, scan, own)
        return self._recorded(verdict, entry, started_ns)

    def _identified(self, scan: Scan, match: Match) -> "_Identity":
        """Whose ticket a scan is: as it stands, spelled otherwise, or as its scanner means it."""
        identity = _as_it_stands(match)
        if identity.problem is not None or scan.source not in TYPING:
            return identity
        is_repeat = match.hashed.hex() in self._repeats
        reading = self._repair.read(scan.source, scan.text, match, is_repeat=is_repeat)
        if reading.rival:
            both = (self._tickets.get(reading.ticket), self._tickets.get(reading.rival))
            rivals = tuple(ticket for ticket in both if ticket is not None)
            return _Identity(problem=Reason.TWO_TICKETS, rivals=rivals)
        ticket = self._tickets.ticket_of(reading.meant) if reading.meant else match.ticket
        return _Identity(ticket, reading=reading)

    def _believe(self, proposed: Proposed, supervisor: Operator | None) -> None:
        if supervisor is not None:
            _require_supervisor(supervisor)
        elif proposed.proof is ScannerProof.SUPERVISOR:
            raise OperatorError(
                _("this takes a supervisor"),
                _("Or scan the test code: gate doctor --scanner"),
            )
        self._repair.believe(proposed, is_sure=supervisor is not None)
        log.info(
            "scanner at %s: believed %s, by %s",
            proposed.source,
            " ".join(map(str, proposed.flaws)),
            "supervisor" if supervisor else "staff",
        )

    def _context_of(self, identity: "_Identity", direction: Direction | None = None) -> Context:
        context = self._context(identity.problem)
        if identity.ticket is None and identity.problem is None:
            context = replace(context, list_as_of_ms=self._list_as_of_ms())
        return context if direction is None else replace(context, direction=direction)

    def _peeked(self, scan: Scan, match: Match) -> "_Identity":
        """Whose ticket a scan is, without learning anything of its scanner."""
        identity = _as_it_stands(match)
        if identity.ticket or identity.problem is not None or scan.source not in TYPING:
            return identity
        believed = self._repair.peek(scan.source, scan.text)
        return _Identity(self._tickets.get(believed) if believed else None)

    def _ticket_of(self, scan: Scan) -> Ticket | None:
        self._tickets.refresh()
        match = self._tickets.match(scan.text, scan.raw, scan.symbology)
        return self._peeked(scan, match).ticket

    def _check(self, scan: Scan) -> Verdict:
        started_ns = time.perf_counter_ns()
        try:
            require_not_revoked(self._folder)
            self._tickets.refresh()
            with self._transaction():
                match = self._tickets.match(scan.text, scan.raw, scan.symbology)
                identity = self._peeked(scan, match)
                context = self._context_of(identity, direction=Direction.CHECK)
                _own, history = self._histories(identity.ticket)
                verdict = identity.told_in(decide(identity.ticket, history, scan, context))
        except RevokedError:
            return self._refuse_all(started_ns)
        except GateError as fault:
            log.error("checking: %s", fault.message)
            return self._hold(fault.message, fault.hint, started_ns)
        return replace(verdict, latency_ms=_milliseconds_since(started_ns))

    def _next_person(self, persons: int, seen: str) -> Verdict:
        _require_same(self.require_next(), seen)
        assert self._last is not None
        return self._admit(
            replace(
                self._last[0], persons=persons, deliberate=True, started_ns=time.perf_counter_ns()
            )
        )

    def _by_hand(self, ticket_id: str, operator: Operator, note: str) -> Verdict:
        started_ns = time.perf_counter_ns()
        scan = Scan("", source="manual", deliberate=True)
        self._tickets.refresh()
        with self._transaction():
            context = self._context()
            ticket = self._tickets.get(ticket_id)
            own, history = self._histories(ticket)
            verdict = decide(ticket, history, scan, context)
            verdict = replace(verdict, flags=(*verdict.flags, Flag.MANUAL))
            entry = self._append(verdict, scan, own, operator=operator.name, note=note)
        verdict = self._recorded(verdict, entry, started_ns)
        self._last = (scan, verdict)
        return verdict

    def _override(self, supervisor: Operator, note: str, seen: str) -> Verdict:
        ticket, refused = self.require_refusal()
        _require_same(ticket, seen)
        started_ns = time.perf_counter_ns()
        scan = Scan("", source="manual", deliberate=True)
        with self._transaction():
            context = self._context()
            own, history = self._histories(ticket)
            verdict = overrule(ticket, history, scan, context, refused)
            entry = self._append(verdict, scan, own, operator=supervisor.name, note=note)
        verdict = self._recorded(verdict, entry, started_ns)
        self._last = (scan, verdict)
        return verdict

    def _undoable(self) -> Undoable:
        with self._transaction() as journal:
            target = journal.find(self._last_movement_in(journal))
            if target is None:
                raise _nothing_to_undo()
            facts = [*journal.facts(target.ticket), *self._peers.facts(target.ticket)]
            self._require_standing(target, facts)
            in_grace = self._is_in_grace(target)
        return Undoable(target, self._tickets.get(target.ticket), needs_supervisor=not in_grace)

    def _last_movement_in(self, journal: Journal) -> str:
        if not self._last_movement and (found := journal.last_movement()) is not None:
            self._last_movement = found.name
        return self._last_movement

    def _is_in_grace(self, target: Entry) -> bool:
        return 0 <= self._now.at_ms - target.at_ms <= self.rules.undo_grace_s * 1000

    def _undo(self, target_name: str, supervisor: Operator | None, note: str) -> Undone:
        try:
            return self._annul(target_name, supervisor, note)
        except (UsageError, OperatorError):
            self._note_refused_undo(target_name or self._last_movement, supervisor, note)
            raise

    def _note_refused_undo(self, target: str, supervisor: Operator | None, note: str) -> None:
        operator = supervisor.name if supervisor else ""
        boot_ms = self._clock.read().boot_ms
        since_ms = self._undo_refusals.get((target, operator))
        if since_ms is not None and boot_ms - since_ms < REPEAT_WINDOW_MS:
            return
        with self._transaction() as journal:
            if not self._disk_is_short():
                entry = self._entry(Act.UNDO_REFUSED, operator=operator, note=note.strip())
                journal.append(replace(entry, target=target))
        self._undo_refusals = {(target, operator): boot_ms}

    def _annul(self, target_name: str, supervisor: Operator | None, note: str) -> Undone:
        if supervisor is not None:
            _require_supervisor(supervisor)
            _require_note(note)
        with self._transaction() as journal:
            name = target_name or self._last_movement_in(journal)
            own = journal.find(name) if name else None
            target = own or (self._peers.find(name) if name else None)
            if target is None or target.act not in MOVEMENTS:
                raise _nothing_to_undo()
            facts = [*journal.facts(target.ticket), *self._peers.facts(target.ticket)]
            self._require_standing(target, facts)
            in_grace = own is not None and self._is_in_grace(target)
            if supervisor is None and not in_grace:
                raise OperatorError(
                    _("too late to undo without a supervisor"),
                    _("A supervisor can undo it on the lookup screen (F4)."),
                )
            entry = self._entry(
                Act.ANNULMENT,
                operator=supervisor.name if supervisor else "",
                note=note,
                heard_hlc=max(fact.hlc for fact in facts),
            )
            entry = journal.append(
                replace(
                    entry,
                    ticket=target.ticket,
                    ticket_type=target.ticket_type,
                    target=target.name,
                )
            )
        self._totals = journal.totals
        self._last = None
        log.info("undone %s by %s", target.name, "supervisor" if supervisor else "staff")
        return Undone(target, self._tickets.get(target.ticket), not counts_at_once(entry))

    def _require_standing(self, target: Entry, facts: list[Entry]) -> None:
        """Raise UsageError where an undo of ``target`` would say nothing new."""
        if target not in facts:
            raise UsageError(_("what this device did counts no more"), "")
        if target.name in annulled(facts):
            raise UsageError(_("this has been undone already"), "")
        if any(one.target == target.name and one.device == self._device for one in claims(facts)):
            raise UsageError(
                _("this gate has undone it already"),
                _("It counts once the gate that did it, or the server, confirms it."),
            )

    def _resolve(self, ticket_id: str, supervisor: Operator, note: str) -> Entry:
        self._tickets.refresh()
        with self._transaction() as journal:
            ticket = self._tickets.get(ticket_id)
            facts = [*journal.facts(ticket_id), *self._peers.facts(ticket_id)]
            use_limit, party_size = (ticket.use_limit, ticket.party_size) if ticket else (1, 1)
            found = conflict(facts, use_limit, party_size)
            strange = irregular(facts, ticket.voids, self._tickets.life) if ticket else None
            admissions = {e.name: e for e in found.admissions} if found else {}
            admissions |= {e.entry.name: e.entry for e in strange.admissions} if strange else {}
            claimed = claims(facts)
            if not (admissions or claimed):
                raise UsageError(
                    _("there is no conflict about this ticket"),
                    _("An undo elsewhere may have ended it."),
                )
            entry = self._entry(
                Act.RESOLUTION,
                operator=supervisor.name,
                note=note,
                heard_hlc=max(fact.hlc for fact in facts),
            )
            entry = replace(
                entry,
                ticket=ticket_id,
                ticket_type=next(iter([*admissions.values(), *claimed])).ticket_type,
                covers=tuple(
                    e.name for e in sorted([*admissions.values(), *claimed], key=entry_order)
                ),
            )
            entry = journal.append(entry)
        log.info("conflict settled by %s", entry.name)
        return entry

    def _retire(self, act: Act, device: str, supervisor: Operator, note: str) -> Entry:
        if device == self._device:
            raise UsageError(_("this is this device itself"), _("Close its lane instead."))
        with self._transaction() as journal:
            entry = self._entry(act, operator=supervisor.name, note=note)
            covers = tuple(self._peers.tips_of(device)[:TIPS_NAMED])
            entry = journal.append(replace(entry, target=device, covers=covers))
        log.info("%s of device %s by %s", act, device, entry.name)
        return entry

    def _sign_in(self, operator: Operator) -> None:
        self.operator = operator
        self._append_event(Act.SIGN_IN)

    def _sign_out(self) -> None:
        if self.operator is not None:
            self._append_event(Act.SIGN_OUT)
        self.operator = None

    def _set_clock(self, wall_ms: int, supervisor: Operator) -> None:
        reading = self._clock.read()
        self._offset_ms = wall_ms - reading.wall_ms
        self._anchor = reading
        self._confirmed_boot = reading.boot_id
        self._append_event(Act.CLOCK_SET, supervisor.name)

    def _open(self) -> None:
        try:
            self._append_event(Act.LANE_OPENED)
        except DamagedError as fault:
            self._mending(fault)
            self._append_event(Act.LANE_OPENED)
        self._tickets.refresh()

    def _append_event(self, act: Act, operator: str = "") -> None:
        with self._transaction() as journal:
            journal.append(self._entry(act, operator=operator))

    def _idle(self) -> None:
        if self.is_revoked:
            # What is deleted is not to be held on to.
            self._tickets.close()
            self._peers.close()
            return
        # New tickets are opened before somebody waits for it; what is wrong, the next scan says.
        with suppress(GateError):
            self._tickets.refresh()
            self._look_whether_isolated()
        if self._journal is None:
            return
        try:
            with self._transaction() as journal:
                self._flush_repeats(everything=False)
            journal.checkpoint()
            journal.look_over()
            told = damage.unmended(self._folder, damage.JOURNAL)
            if told is not None and told.file == journal.path.name:
                # The sync worker has met it.
                raise DamagedError(told.why, "", journal.path)  # noqa: TRY301
        except DamagedError as fault:
            log.error("idle: %s", fault.message)
            self._mending(fault)
            if self._journal is None:
                self._opened()
        self._is_whole = self._has_all_it_wrote()

    def _close(self) -> None:
        try:
            if self._journal is not None:
                with self._transaction() as journal:
                    self._flush_repeats(everything=True)
                    journal.append(self._entry(Act.LANE_CLOSED))
                journal.close()
        except GateError as fault:
            log.error("closing: %s", fault.message)
        self._journal = None
        self._tickets.close()
        self._peers.close()

    @contextmanager
    def _transaction(self) -> Iterator[Journal]:
        journal = self._opened()
        self._now = self._look_at_clock()
        try:
            with journal.transaction():
                # Looked at while the journal is held: what was revoked meanwhile is complete.
                require_not_revoked(self._folder)
                yield journal
        except BaseException:
            # What is counted here may not have been written after all.
            self._repeats.clear()
            raise

    def _opened(self) -> Journal:
        if self._journal is None:
            reading = self._clock.read()
            journal = Journal(self._folder.journal, self._device, reading.boot_id)
            self._recall_clock(journal, reading)
            self._journal = journal
            self._totals = journal.totals
            self._is_whole = not journal.missing or self._has_all_it_wrote()
        return self._journal

    def _recall_clock(self, journal: Journal, reading: Reading) -> None:
        newest = journal.last_trusted()
        if newest is None:
            return
        self._floor_ms = max(self._floor_ms, newest.at_ms)
        if journal.boot_of(newest.origin) == reading.boot_id:
            self._offset_ms = newest.offset_ms
            self._anchor = Reading(newest.at_ms - newest.offset_ms, newest.boot_ms, reading.boot_id)
            self._confirmed_boot = reading.boot_id if newest.offset_ms else ""

    def _context(self, problem: Reason | None = None) -> Context:
        return Context(
            at_ms=self._now.at_ms,
            device=self._device,
            direction=self.direction,
            place=self.place,
            rules=self.rules,
            clock_trusted=self._now.trusted,
            basis=self._now.standing.coverage.basis,
            basis_age_ms=self._now.standing.age_ms,
            zone_inside=self._totals.inside_by_zone.get(self.place.zone, 0),
            problem=problem,
            is_isolated=self._left_ms(self._now.standing, self._now.reading.wall_ms) == 0,
        )

    def _left_ms(self, standing: Connectivity, wall_ms: int) -> int | None:
        """For how long people may still be let in; ``None`` where nothing bounds that now."""
        unheard_ms = self._standings.unheard_ms(standing, wall_ms)
        if unheard_ms is not None and unheard_ms < ISOLATED_TOLD_MS:
            return None
        limit_ms = self._tickets.isolated_ms()
        if not limit_ms:
            return None
        return 0 if unheard_ms is None else max(0, limit_ms - unheard_ms)

    def _look_whether_isolated(self) -> None:
        reading = self._clock.read()
        left_ms = self._left_ms(self._standings.read(reading), reading.wall_ms)
        self._holding_from_ms = None if left_ms is None else self.now_ms() + left_ms

    def _list_as_of_ms(self) -> int | None:
        """As of when the ticket list is, while it is not current."""
        told_ms = int(self._tickets.meta("as_of_ms") or 0) or self._tickets.built_ms
        return self._standings.list_as_of_ms(self._now.standing, self._now.at_ms, told_ms)

    def _has_all_it_wrote(self) -> bool:
        """Whether what its journal lost, where it was damaged, has come back from the others."""
        lost = self._opened().missing
        return all(self._peers.find(f"{origin}:{last}") for origin, _first, last in lost)

    def _look_at_clock(self) -> _Now:
        reading = self._clock.read()
        at_ms = reading.wall_ms + self._offset_ms
        self._peers.refresh()
        standing = self._honest(self._standings.read(reading, self._peers.store))
        return _Now(reading, at_ms, self._judge(reading), standing)

    def _honest(self, standing: Connectivity) -> Connectivity:
        """A lane that does not know all that it did itself is sure of nothing."""
        if self._is_whole or standing.coverage.basis is Basis.ALONE:
            return standing
        alone = replace(standing.coverage, basis=Basis.ALONE, held_boot_ms=None)
        return replace(standing, coverage=alone)

    def _judge(self, reading: Reading) -> bool:
        trusted = self._is_trusted(reading, self._anchor)
        if not trusted and self._clock.is_synchronised():
            trusted = self._is_trusted(reading, None)
        if trusted:
            self._anchor = reading
        return trusted

    def _is_trusted(self, reading: Reading, anchor: Reading | None) -> bool:
        return is_trusted(
            reading,
            offset_ms=self._offset_ms,
            floor_ms=max(self._floor_ms, self._tickets.built_ms),
            anchor=anchor,
            confirmed=self._confirmed_boot == reading.boot_id,
        )

    def _histories(self, ticket: Ticket | None) -> tuple[History, History]:
        """What the ticket did at this device, and what it did anywhere."""
        if ticket is None:
            return History(), History()
        journal = self._opened()
        own, theirs = journal.history(ticket.id), self._peers.history(ticket.id)
        orphans = journal.orphans(ticket.id)
        if not orphans and (own is None or theirs is None):
            return own or History(), own or theirs or History()
        everybody = [*journal.facts(ticket.id), *self._peers.facts(ticket.id), *orphans]
        return own or History(), fold(everybody)

    def _append(
        self, verdict: Verdict, scan: Scan, own: History, *, operator: str = "", note: str = ""
    ) -> Entry | None:
        act = _ACTS[verdict.outcome]
        if act not in MOVEMENTS and self._disk_is_short():
            return None
        self._flush_repeats(everything=False)
        last = verdict.history.last
        entry = self._entry(
            act,
            verdict,
            scan,
            operator=operator,
            note=note,
            ordinal=own.redemptions if act is Act.ADMISSION else None,
            heard_hlc=last.hlc if last else 0,
        )
        return self._opened().append(entry, past=own)

    def _append_unknown(self, verdict: Verdict, scan: Scan, code: str) -> Entry | None:
        boot_ms = self._now.reading.boot_ms
        known = self._repeats.get(code)
        if known is not None and boot_ms - known.since_ms < REPEAT_WINDOW_MS:
            known.count += 1
            return None
        if self._disk_is_short():
            return None
        self._flush_repeats(everything=len(self._repeats) >= REPEATS_KEPT)
        entry = replace(self._entry(_ACTS[verdict.outcome], verdict, scan), code=code)
        self._opened().append(entry)
        self._repeats[code] = _Repeat(entry.name, verdict.outcome, verdict.reason, boot_ms)
        return entry

    def _flush_repeats(self, *, everything: bool) -> None:
        boot_ms = self._now.reading.boot_ms
        over = [
            code
            for code, repeat in self._repeats.items()
            if everything or boot_ms - repeat.since_ms >= REPEAT_WINDOW_MS
        ]
        for code in over:
            repeat = self._repeats.pop(code)
            if repeat.count:
                entry = replace(
                    self._entry(Act.REPEAT),
                    code=code,
                    target=repeat.name,
                    count=repeat.count,
                    outcome=repeat.outcome,
                    reason=repeat.reason,
                )
                self._opened().append(entry)

    def _entry(
        self,
        act: Act,
        verdict: Verdict | None = None,
        scan: Scan | None = None,
        *,
        operator: str = "",
        note: str = "",
        ordinal: int | None = None,
        heard_hlc: int = 0,
    ) -> Entry:
        """The entry that comes next in the journal, made now."""
        ticket = verdict.ticket if verdict else None
        standing = self._now.standing
        heard_hlc = max(self._mergeable(heard_hlc), self._greatest_heard())
        link = self._opened().link(self._now.at_ms, heard_hlc)
        return Entry(
            origin=link.origin,
            seq=link.seq,
            prev=link.prev,
            act=act,
            at_ms=self._now.at_ms,
            boot_ms=self._now.reading.boot_ms,
            hlc=link.hlc,
            follows=link.follows,
            boot_id=link.boot_id,
            version=link.version,
            trusted=self._now.trusted,
            offset_ms=self._offset_ms,
            basis=verdict.basis if verdict else standing.coverage.basis,
            basis_age_ms=verdict.basis_age_ms if verdict else standing.age_ms,
            gate=self.place.gate,
            zone=self.place.zone,
            direction=verdict.direction if verdict else self.direction,
            operator=operator or (self.operator.name if self.operator else ""),
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
            server_ahead_ms=standing.freshness.ahead_ms,
            server_error_ms=standing.freshness.error_ms,
            position=self._tickets.position,
        )

    def _recorded(self, verdict: Verdict, entry: Entry | None, started_ns: int) -> Verdict:
        self._totals = self._opened().totals
        if entry is not None and entry.act in MOVEMENTS:
            self._last_movement = entry.name
        return replace(
            verdict,
            entry="" if entry is None else entry.name,
            latency_ms=_milliseconds_since(started_ns),
        )

    def _refuse_all(self, started_ns: int) -> Verdict:
        return Verdict(
            outcome=Outcome.REFUSE,
            reason=Reason.GATE_REVOKED,
            direction=self.direction,
            at_ms=self.now_ms(),
            latency_ms=_milliseconds_since(started_ns),
        )

    def _hold(self, message: str, hint: str, started_ns: int) -> Verdict:
        return Verdict(
            outcome=Outcome.HOLD,
            reason=Reason.FAULT,
            direction=self.direction,
            at_ms=self.now_ms(),
            hint=f"{message}. {hint}" if hint else message,
            latency_ms=_milliseconds_since(started_ns),
        )

    def _mending(self, fault: GateError) -> str:
        """Have mended what mends itself; the answer is what the operator does meanwhile."""
        if not isinstance(fault, DamagedError) or fault.file is None:
            return fault.hint
        is_fetched = self._now.standing.is_enrolled
        kind = next((k for k in damage.KINDS if fault.file.name.startswith(k)), "")
        if kind == damage.JOURNAL:
            return self._begin_journal_anew(fault)
        if kind:
            damage.found(self._folder, kind, fault, self._tickets.cursor)
        if kind and is_fetched:
            return _("It is fetched again by itself: scan on, this one again in a moment.")
        return fault.hint

    def _begin_journal_anew(self, fault: DamagedError) -> str:
        """Go on in a new file with what is whole; the answer is what the operator does."""
        assert fault.file is not None
        damage.found(self._folder, damage.JOURNAL, fault)
        before, self._journal = self._journal, None
        opened = None if before is None else before.connection
        head = None if before is None else before.head
        try:
            found = salvage.go_on(fault.file, self._device, head, opened)
        except StoreError as worse:
            log.error("salvaging: %s", worse.message)
            return fault.hint
        finally:
            if before is not None:
                with suppress(StoreError):
                    before.close()
        damage.mended(self._folder, damage.JOURNAL, found.lost)
        log.error(
            "%s goes on in %s: entries kept=%s after-a-lost-one=%s lost=%s",
            fault.file.name, found.path.name, found.kept, found.orphans, found.lost,
        )  # fmt: skip
        return _("The journal goes on in a new file. Scan again, and tell a supervisor.")

    def _mergeable(self, hlc: int) -> int:
        ahead_ms = hlc_wall_ms(hlc) - self._now.at_ms
        return hlc if ahead_ms <= MAX_AHEAD_MS else 0

    def _greatest_heard(self) -> int:
        try:
            self._heard_hlc = max(self._heard_hlc, self._peers.greatest_hlc(self._now.at_ms))
        except StoreError as fault:
            # Who reads the ticket's past meets the same fault; a lane must be able to close.
            log.warning("heard of others: %s", fault.message)
        return self._heard_hlc

    def _disk_is_short(self) -> bool:
        return shutil.disk_usage(self._folder.path).free < RESERVED_BYTES


def _as_it_stands(match: Match) -> _Identity:
    """Whose ticket a text is in its lossless spellings, whatever its scanner may mean."""
    problem = match.credential.problem
    if problem is None and len(match.tickets) > 1:
        return _Identity(problem=Reason.AMBIGUOUS, rivals=match.tickets)
    return _Identity(match.ticket, problem)


def _milliseconds_since(started_ns: int) -> float:
    return (time.perf_counter_ns() - started_ns) / 1e6


def _require_supervisor(operator: Operator) -> None:
    if operator.role is not Role.SUPERVISOR:
        raise OperatorError(
            _("this takes a supervisor"), _("A supervisor signs in with name and PIN.")
        )


def _require_same(ticket: Ticket, seen: str) -> None:
    if seen and seen != ticket.id:
        raise UsageError(
            _("another ticket was scanned meanwhile"), _("Look at the screen, then press again.")
        )


def _nothing_to_undo() -> UsageError:
    return UsageError(_("nothing to undo"), _("Only the last admission or exit can be undone."))


def _require_note(note: str) -> str:
    if not note.strip():
        raise UsageError(_("a reason is needed"), _("Write a few words: they go into the journal."))
    return note.strip()


def _log_verdict(verdict: Verdict, gate: str) -> None:
    log.info(
        "verdict gate=%r outcome=%s reason=%s ticket=%s entry=%s ms=%.1f",
        gate,
        verdict.outcome,
        verdict.reason,
        verdict.ticket.id[:4] + "…" if verdict.ticket else "-",
        verdict.entry or "-",
        verdict.latency_ms or 0.0,
    )

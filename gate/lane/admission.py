"""One scan in, one durable verdict out: parse, look up, decide, append.

Nothing here opens a socket. Every verdict that lets a person in is on disk before it is returned.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gate.core.answers import BadAnswerError, is_too_much, read_answer
from gate.core.candidates import meant
from gate.core.check_out import last_one
from gate.core.entry import Entry
from gate.core.history import History
from gate.core.organisers_rule import rule_of
from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction
from gate.core.rules import decide
from gate.core.ticket import Ticket
from gate.core.time_rules import span_of
from gate.core.validity import zone_of
from gate.core.verdict import Context, Scan, Verdict
from gate.errors import GateError, RevokedError, UsageError
from gate.i18n import _, sentences
from gate.lane.basis import LaneBasis
from gate.lane.clock_trust import ClockTrust
from gate.lane.entries import Entries
from gate.lane.files import LaneFiles
from gate.lane.identity import Identity, identify, peek
from gate.lane.other_lists import OtherLists
from gate.lane.post import Operator, Post
from gate.lane.scanner_repair import ScannerRepair

log = logging.getLogger(__name__)

_MANUAL = "manual"
"""The source of what was decided without any code."""

SKIP = "-"
"""What is typed to leave questions unanswered."""
ASKED_FOR_S = 60
"""How long a question may be answered."""

Rule = Callable[[Ticket | None, History, Scan, Context], Verdict]
Decide = Callable[[Scan, int], tuple[Scan, Verdict]]
"""Decides a scan that began at a ``perf_counter_ns``; answers also with the scan that it was."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided of a scan, and how the same is decided once a question is answered."""

    scan: Scan
    verdict: Verdict
    decide: Decide
    boot_ms: int
    """When, by the boot clock."""


@dataclass
class Admission:
    """Decides scans; the one place that turns a fault into HOLD."""

    files: LaneFiles
    entries: Entries
    post: Post
    clock: ClockTrust
    basis: LaneBasis
    repair: ScannerRepair
    others: OtherLists
    last: Decided | None = None
    """What was decided last, until it is undone."""
    on_decided: Callable[[Verdict], object] = lambda _verdict: None
    """Called with what was decided of a guest, once it is on disk; it must wait for nothing."""

    def admit(self, scan: Scan) -> Verdict:
        """Decide a scan. Never raises: a fault is a HOLD that says what to do."""
        return self._carry_out(scan, self._decide)

    def answer(self, *, yes: bool, seen: str, question: Reason | None) -> Verdict:
        """Decide anew what asked a question, if it is the one that was seen, with its answer.

        What is wrong by now is refused, and a fault is a HOLD. Raises UsageError.
        """
        asked = self._asked()
        if asked is None or question not in (None, asked.verdict.reason):
            raise UsageError(_("no question waits for an answer"), _("Scan the ticket again."))
        if asked.verdict.ticket is not None:
            require_same(asked.verdict.ticket, seen)
        answers = {**asked.scan.answers, asked.verdict.reason: yes}
        return self._decide_anew(asked, answers=answers)

    def fill_in(self, typed: str, *, seen: str, question: str) -> Verdict:
        """Decide anew what asked one of the event's questions, with what was typed as its answer.

        ``SKIP`` leaves this one and the rest unanswered, where that is allowed. Raises UsageError;
        what asked goes on asking then, but where it was another one.
        """
        asked = self._asked()
        about = asked.verdict.asked if asked is not None else None
        if asked is None or about is None or question not in ("", about.id):
            raise UsageError(_("no question waits for an answer"), _("Scan the ticket again."))
        if asked.verdict.ticket is not None:
            require_same(asked.verdict.ticket, seen)
        if typed.strip() == SKIP and self.post.rules.skip_questions:
            return self._decide_anew(asked, skips=True)
        try:
            given = {**asked.scan.given, about.id: read_answer(about, typed)}
        except BadAnswerError as bad:
            raise UsageError(_("this is no answer to the question"), "") from bad
        if is_too_much(given):
            raise UsageError(_("the answers are too long"), _("A shorter one."))
        return self._decide_anew(asked, given=given)

    def _decide_anew(self, asked: Decided, **more: Any) -> Verdict:
        self.last = None
        scan = replace(asked.scan, started_ns=time.perf_counter_ns(), **more)
        return self._carry_out(scan, asked.decide)

    def sharing(self) -> tuple[Ticket, ...]:
        """The tickets of which one is to be chosen. Raises UsageError where there are none."""
        last = self.last
        if last is None or last.verdict.reason is not Reason.SEVERAL:
            raise _none_to_choose()
        return last.verdict.rivals

    def drop_question(self) -> None:
        """Nobody answers what was asked: nothing has happened, and the next scan asks anew."""
        if self._asked() is not None:
            self.last = None

    def _carry_out(self, scan: Scan, decide: Decide) -> Verdict:
        started_ns = scan.started_ns or time.perf_counter_ns()
        try:
            scan, verdict = decide(scan, started_ns)
        except RevokedError:
            verdict = self._refuse_all(started_ns)
        except GateError as fault:
            log.error("hold: %s", fault.message)
            is_enrolled = self.entries.now.connectivity.is_enrolled
            hint = self.files.mend(fault, is_enrolled=is_enrolled)
            verdict = self._hold(fault.message, hint, started_ns)
        except Exception:
            log.exception("hold: unforeseen fault")
            verdict = self._hold(
                _("unforeseen fault"),
                _("Call a supervisor. The log has the details."),
                started_ns,
            )
        if verdict.reason is Reason.UNKNOWN:
            # Only now: it changes nothing of what was decided.
            other = self.others.whose(scan, self.post.rules.formats)
            verdict = replace(verdict, other_list=other)
        self._remember(scan, verdict, decide)
        _log_verdict(verdict, self.post.place.gate)
        return verdict

    def check(self, scan: Scan) -> Verdict:
        """What a scan would be worth; nothing is redeemed or recorded. A fault is a HOLD."""
        started_ns = time.perf_counter_ns()
        try:
            self.files.refresh()
            with self.entries.transaction():
                identity = peek(scan, self.files.tickets, self.repair, self.post.rules.formats)
                identity = self._meant(identity, scan)
                context = replace(self.context(identity), direction=Direction.CHECK)
                _own, history = self.histories(identity.ticket)
                verdict = identity.explain(decide(identity.ticket, history, scan, context))
        except RevokedError:
            return self._refuse_all(started_ns)
        except GateError as fault:
            log.error("checking: %s", fault.message)
            return self._hold(fault.message, fault.hint, started_ns)
        return replace(verdict, latency_ms=_milliseconds_since(started_ns))

    def ticket_of(self, scan: Scan) -> Ticket | None:
        """The ticket that a scan's code belongs to; nothing is decided. Raises GateError."""
        self.files.tickets.refresh()
        identity = peek(scan, self.files.tickets, self.repair, self.post.rules.formats)
        return identity.ticket or next(iter(identity.sharing), None)

    def is_like_another(self, scan: Scan) -> bool:
        """Whether a number of retail may be misread off another ticket than its own."""
        ticket = self.ticket_of(scan)
        return ticket is not None and self.files.tickets.codes.is_like_another(scan.text, ticket.id)

    def choose(self, ticket_id: str) -> Verdict:
        """Decide anew what several tickets share, on the one that was chosen of those seen.

        Raises UsageError where something else was scanned meanwhile.
        """
        last = self.last
        if last is None or ticket_id not in (one.id for one in self.sharing()):
            raise _none_to_choose()
        self.last = None
        scan = replace(last.scan, chosen=ticket_id, started_ns=time.perf_counter_ns())
        return self._carry_out(scan, last.decide)

    def require_next(self) -> Ticket:
        """On which ticket more people would go in now. Raises UsageError when there is none."""
        return self._require_scan()[1]

    def next_person(self, persons: int, seen: str) -> Verdict:
        """Let more people through on the ticket that was scanned last, if it was that one.

        What its type asks it asks of them, too. Raises UsageError.
        """
        scan, ticket = self._require_scan()
        require_same(ticket, seen)
        return self.admit(
            replace(
                scan,
                persons=persons,
                deliberate=True,
                answers={},
                given={},
                skips=False,
                started_ns=time.perf_counter_ns(),
            )
        )

    def decide_manually(
        self, find: Callable[[], Ticket | None], rule: Rule, operator: Operator, note: str
    ) -> Verdict:
        """Decide by ``rule`` on a ticket that a person has named. Raises GateError.

        ``find`` gets it as it is now, for an answer may come later.
        """

        def decide(scan: Scan, started_ns: int) -> tuple[Scan, Verdict]:
            ticket = find()
            with self.entries.transaction():
                own, history = self.histories(ticket)
                verdict = rule(ticket, history, scan, self.context(Identity(ticket)))
                entry = self.entries.append_verdict(
                    verdict, scan, own, operator=operator.name, note=note
                )
            return scan, _recorded(verdict, entry, started_ns)

        scan = Scan("", source=_MANUAL, deliberate=True)
        scan, verdict = decide(scan, time.perf_counter_ns())
        self._remember(scan, verdict, decide)
        return verdict

    def _decide(self, scan: Scan, started_ns: int) -> tuple[Scan, Verdict]:
        files, entries = self.files, self.entries
        files.refresh()
        with entries.transaction():
            formats = self.post.rules.formats
            match = files.tickets.codes.match(scan.text, scan.raw, scan.symbology, formats)
            code = match.hashed.hex()
            identity = identify(
                scan, match, files.tickets, self.repair, is_repeat=code in entries.repeats
            )
            identity = self._meant(identity, scan)
            scan = self._as_asked(scan, identity.ticket)
            if identity.rotating is not None and scan.read_ms is None:
                scan = replace(scan, read_ms=entries.now.at_ms)
            own, history = self.histories(identity.ticket)
            verdict = decide(identity.ticket, history, scan, self.context(identity))
            verdict = identity.explain(verdict)
            if identity.ticket is None:
                likeness = partial(files.tickets.codes.likeness, match.credential.code)
                entry = entries.append_unknown(verdict, scan, code, likeness)
            else:
                entry = entries.append_verdict(verdict, scan, own)
        return scan, _recorded(verdict, entry, started_ns)

    def _meant(self, identity: Identity, scan: Scan) -> Identity:
        """Whose ticket it is, where several share the code; within a transaction."""
        if not identity.sharing:
            return identity
        asked = self._asked()
        if asked is not None and not scan.deliberate:
            scan = replace(scan, chosen=scan.chosen or asked.scan.chosen)
        inside = {one.id: self.histories(one)[1].inside for one in identity.sharing}
        found = meant(identity.sharing, inside, scan, self.context(identity))
        if len(found) > 1:
            return replace(identity, problem=Reason.SEVERAL, rivals=found)
        return replace(identity, ticket=found[0])

    def _as_asked(self, scan: Scan, ticket: Ticket | None) -> Scan:
        """A second reading of what is being asked about is the same scan, not the next person."""
        asked = self._asked()
        about = asked.verdict.ticket if asked is not None else None
        if asked is None or about is None or ticket is None or scan.deliberate:
            return scan
        if about.id != ticket.id:
            return scan
        first = asked.scan
        return replace(
            scan,
            persons=first.persons,
            deliberate=first.deliberate,
            answers=first.answers,
            given=first.given,
            skips=first.skips,
            chosen=first.chosen,
        )

    def _remember(self, scan: Scan, verdict: Verdict, decide: Decide) -> None:
        self.last = Decided(scan, verdict, decide, self.entries.now.reading.boot_ms)
        self.on_decided(verdict)

    def _asked(self) -> Decided | None:
        """What waits for an answer, if the lane still goes the way it went then."""
        last = self.last
        if last is None or last.verdict.outcome is not Outcome.ASK:
            return None
        is_late = self.clock.read().boot_ms - last.boot_ms > ASKED_FOR_S * 1000
        return None if is_late or last.verdict.direction is not self.post.direction else last

    def histories(self, ticket: Ticket | None) -> tuple[History, History]:
        """What the ticket did here, and anywhere, as far as the rules for it have to know."""
        if ticket is None:
            return self.files.histories(None)
        rules, now = self.post.rules, self.entries.now
        out = None
        if rules.exit_all_at:
            span = span_of(now.true_time, now.at_ms, is_trusted=now.trusted)
            out = last_one(rules.exit_all_at, zone_of(ticket.type), now.at_ms, span)
            self.files.check_out(out.at_ms)
        needs_all = bool(rule_of(ticket, rules) or rules.questions)
        return self.files.histories(ticket, timed=needs_all, out=out)

    def context(self, identity: Identity) -> Context:
        """What a decision made now may depend on; within a transaction."""
        now, post, basis = self.entries.now, self.post, self.basis
        ticket = identity.ticket
        needs_list = ticket.signed is not None if ticket else identity.problem is None
        now_ms = now.true_time.at_ms if now.true_time is not None else now.at_ms
        return Context(
            at_ms=now.at_ms,
            device=self.files.device,
            direction=post.direction,
            place=post.place,
            rules=post.rules,
            clock_trusted=now.trusted,
            true_time=now.true_time,
            rotation=identity.rotation(now_ms, self.files.newest_code_ms),
            basis=now.connectivity.coverage.basis,
            basis_age_ms=now.connectivity.age_ms,
            zone_inside=self.files.totals.inside_zone(post.place.zone),
            problem=identity.problem,
            legs=identity.legs if post.rules.formats.boarding_passes else (),
            is_isolated=basis.left_ms(now.connectivity, now.reading.wall_ms) == 0,
            list_as_of_ms=basis.list_as_of_ms(now.connectivity, now.at_ms) if needs_list else None,
        )

    def _require_scan(self) -> tuple[Scan, Ticket]:
        """The scan of a ticket that was decided last, and the ticket."""
        ticket = self.last.verdict.ticket if self.last is not None else None
        if self.last is None or ticket is None:
            raise UsageError(_("no ticket to let more people in on"), _("Scan the ticket first."))
        if self.last.scan.source == _MANUAL:
            raise UsageError(_("this was admitted by hand"), _("Use the lookup screen again."))
        return self.last.scan, ticket

    def _refuse_all(self, started_ns: int) -> Verdict:
        return self._without_ticket(Outcome.REFUSE, Reason.GATE_REVOKED, started_ns)

    def _hold(self, message: str, hint: str, started_ns: int) -> Verdict:
        hint = sentences(message, hint) if hint else message
        return self._without_ticket(Outcome.HOLD, Reason.FAULT, started_ns, hint)

    def _without_ticket(
        self, outcome: Outcome, reason: Reason, started_ns: int, hint: str = ""
    ) -> Verdict:
        return Verdict(
            outcome=outcome,
            reason=reason,
            direction=self.post.direction,
            at_ms=self.clock.now_ms(),
            hint=hint,
            latency_ms=_milliseconds_since(started_ns),
        )


def _none_to_choose() -> UsageError:
    return UsageError(_("no ticket waits to be chosen"), _("Scan the code again."))


def require_same(ticket: Ticket, seen: str) -> None:
    """Raise UsageError unless a ticket is the one that was seen, if any is named."""
    if seen and seen != ticket.id:
        raise UsageError(
            _("another ticket was scanned meanwhile"), _("Look at the screen, then press again.")
        )


def _recorded(verdict: Verdict, entry: Entry | None, started_ns: int) -> Verdict:
    return replace(
        verdict,
        entry="" if entry is None else entry.name,
        latency_ms=_milliseconds_since(started_ns),
    )


def _milliseconds_since(started_ns: int) -> float:
    return (time.perf_counter_ns() - started_ns) / 1e6


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

"""What a person does to what was decided: admit by hand, overrule, undo, settle, retire.

Each is a new entry that names who did it and, but for an undo in time, why.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gate.core.entry import COUNTS, MOVEMENTS, Act, Entry
from gate.core.history import (
    History,
    annulled,
    claims,
    conflict,
    counts_at_once,
    entry_order,
    limits,
)
from gate.core.irregular import irregular
from gate.core.outcome import Flag, Outcome, Reason
from gate.core.place import Role
from gate.core.rules import decide, overrule
from gate.core.ticket import Ticket
from gate.core.verdict import Context, Scan, Verdict
from gate.errors import OperatorError, UsageError
from gate.i18n import _
from gate.lane.admission import Admission, require_same
from gate.lane.door_count import DoorCount
from gate.lane.entries import Entries, is_disk_short
from gate.lane.files import LaneFiles
from gate.lane.post import Operator, Post, require_supervisor
from gate.lane.repeats import REPEAT_WINDOW_MS
from gate.storage.entries import newest_movement

log = logging.getLogger(__name__)

TIPS_NAMED = 16
"""Of how many starts of a device a retirement names the newest entry; more do not matter."""


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


@dataclass
class Corrections:
    """Carries out what an operator or a supervisor wants; what is not allowed raises."""

    files: LaneFiles
    entries: Entries
    post: Post
    admission: Admission
    door_count: DoorCount
    _refused: tuple[str, str] | None = None
    """The last refused undo that got an entry: of what, and by whom."""
    _refused_boot_ms: int = 0

    def admit_by_hand(self, ticket_id: str, operator: Operator, note: str) -> Verdict:
        """Decide for a ticket that was found by search instead of by its code."""
        if self.post.rules.find_admits is Role.SUPERVISOR:
            require_supervisor(operator)
        note = _require_note(note)

        def find() -> Ticket | None:
            self.files.refresh()
            return self.files.tickets.get(ticket_id)

        def flagged(
            ticket: Ticket | None, history: History, scan: Scan, context: Context
        ) -> Verdict:
            verdict = decide(ticket, history, scan, context)
            return replace(verdict, flags=(*verdict.flags, Flag.MANUAL))

        return self.admission.decide_manually(find, flagged, operator, note)

    def require_refusal(self) -> tuple[Ticket, Reason]:
        """What an override would overrule now. Raises UsageError when there is nothing."""
        last = self.admission.last
        if last is None or last.verdict.outcome not in (Outcome.REFUSE, Outcome.HOLD):
            raise UsageError(_("nothing was refused"), _("Scan the ticket first."))
        refused = last.verdict
        if refused.ticket is None:
            raise UsageError(
                _("there is no ticket to admit on"),
                _("A code nobody issued cannot be overruled; look the guest up by name."),
            )
        return refused.ticket, refused.reason

    def override(self, supervisor: Operator, note: str, seen: str) -> Verdict:
        """Admit the ticket that was just refused or held, if it is the one that was seen."""
        require_supervisor(supervisor)
        note = _require_note(note)
        ticket, refused = self.require_refusal()
        require_same(ticket, seen)
        return self.admission.decide_manually(
            lambda: ticket,
            lambda _ticket, history, scan, context: overrule(
                ticket, history, scan, context, refused
            ),
            supervisor,
            note,
        )

    def undoable(self) -> Undoable:
        """What moved people here last, if it stands."""
        with self.entries.transaction() as journal:
            target = newest_movement(journal.connection)
            if target is None:
                raise _nothing_to_undo()
            if target.act in COUNTS:
                self.door_count.require_standing(target)
            else:
                self._require_standing(target, self.files.facts(target.ticket))
            in_grace = self._is_in_grace(target)
        ticket = self.files.ticket_of(target)
        return Undoable(target, ticket, needs_supervisor=not in_grace)

    def undo(self, named: str, supervisor: Operator | None, note: str) -> Undone:
        """Take a movement or count back: the one that is named, or this lane's last.

        A refusal is an entry.
        """
        try:
            return self._annul(named, supervisor, note)
        except (UsageError, OperatorError):
            self._note_refused_undo(named, supervisor, note)
            raise

    def resolve(self, ticket_id: str, supervisor: Operator, note: str) -> Entry:
        """Record that a supervisor has looked into what is wrong about a ticket."""
        require_supervisor(supervisor)
        note = _require_note(note)
        self.files.refresh()
        with self.entries.transaction() as journal:
            facts = self.files.facts(ticket_id)
            matters = self._matters(ticket_id, facts)
            if not matters:
                raise UsageError(
                    _("there is no conflict about this ticket"),
                    _("An undo elsewhere may have ended it."),
                )
            entry = self.entries.make(
                Act.RESOLUTION,
                operator=supervisor.name,
                note=note,
                known_hlc=max(fact.hlc for fact in facts),
            )
            entry = journal.append(
                replace(
                    entry,
                    ticket=ticket_id,
                    ticket_type=matters[0].ticket_type,
                    covers=tuple(one.name for one in sorted(matters, key=entry_order)),
                )
            )
        log.info("conflict settled by %s", entry.name)
        return entry

    def retire(self, device: str, supervisor: Operator, note: str, *, back: bool) -> Entry:
        """Record that another device is not waited for any more, or with ``back`` that it is."""
        require_supervisor(supervisor)
        note = _require_note(note)
        if device == self.files.device:
            raise UsageError(_("this is this device itself"), _("Close its lane instead."))
        act = Act.REINSTATEMENT if back else Act.RETIREMENT
        with self.entries.transaction() as journal:
            entry = self.entries.make(act, operator=supervisor.name, note=note)
            covers = tuple(self.files.peers.tips_of(device)[:TIPS_NAMED])
            entry = journal.append(replace(entry, target=device, covers=covers))
        log.info("%s of device %s by %s", act, device, entry.name)
        return entry

    def _annul(self, named: str, supervisor: Operator | None, note: str) -> Undone:
        if supervisor is not None:
            require_supervisor(supervisor)
            _require_note(note)
        with self.entries.transaction() as journal:
            own = journal.find(named) if named else newest_movement(journal.connection)
            if own is not None and own.act in COUNTS:
                return self._take_count_back(own, supervisor, note)
            target = own or (self.files.peers.find(named) if named else None)
            if target is None or target.act not in MOVEMENTS:
                raise _nothing_to_undo()
            facts = self.files.facts(target.ticket)
            self._require_standing(target, facts)
            if supervisor is None and (own is None or not self._is_in_grace(target)):
                raise _too_late(_("A supervisor can undo it on the lookup screen (F4)."))
            entry = self.entries.make(
                Act.ANNULMENT,
                operator=supervisor.name if supervisor else "",
                note=note,
                known_hlc=max(fact.hlc for fact in facts),
            )
            entry = journal.append(
                replace(
                    entry,
                    ticket=target.ticket,
                    ticket_type=target.ticket_type,
                    target=target.name,
                )
            )
        self.admission.last = None
        log.info("undone %s by %s", target.name, "supervisor" if supervisor else "staff")
        ticket = self.files.ticket_of(target)
        return Undone(target, ticket, not counts_at_once(entry))

    def _take_count_back(self, count: Entry, supervisor: Operator | None, note: str) -> Undone:
        self.door_count.require_standing(count)
        if supervisor is None and not self._is_in_grace(count):
            raise _too_late(
                _("A supervisor can undo it with name and PIN, or count the other way.")
            )
        self.door_count.take_back(count, supervisor.name if supervisor else "", note)
        return Undone(count, None)

    def _note_refused_undo(self, named: str, supervisor: Operator | None, note: str) -> None:
        """Keep that an undo was refused, the same within a minute once."""
        operator = supervisor.name if supervisor else ""
        with self.entries.transaction() as journal:
            last = None if named else newest_movement(journal.connection)
            target = named if last is None else last.name
            boot_ms = self.entries.now.reading.boot_ms
            is_same = self._refused == (target, operator)
            if is_same and boot_ms - self._refused_boot_ms < REPEAT_WINDOW_MS:
                return
            if not is_disk_short(self.files.folder):
                entry = self.entries.make(Act.UNDO_REFUSED, operator=operator, note=note.strip())
                journal.append(replace(entry, target=target))
        self._refused, self._refused_boot_ms = (target, operator), boot_ms

    def _is_in_grace(self, target: Entry) -> bool:
        age_ms = self.entries.now.at_ms - target.at_ms
        return 0 <= age_ms <= self.post.rules.undo_grace_s * 1000

    def _require_standing(self, target: Entry, facts: Sequence[Entry]) -> None:
        """Raise UsageError where an undo of ``target`` would say nothing new."""
        if target not in facts:
            raise UsageError(_("what this device did counts no more"), "")
        if target.name in annulled(facts):
            raise UsageError(_("this has been undone already"), "")
        device = self.files.device
        if any(one.target == target.name and one.device == device for one in claims(facts)):
            raise UsageError(
                _("this gate has undone it already"),
                _("It counts once the gate that did it, or the server, confirms it."),
            )

    def _matters(self, ticket_id: str, facts: Sequence[Entry]) -> list[Entry]:
        """What a supervisor may have to settle: conflicting and irregular admissions, claims."""
        ticket = self.files.tickets.get(ticket_id)
        good_for = limits(ticket, facts, self.files.tickets.replica.ticket_type)
        found = conflict(facts, *good_for)
        strange = (
            irregular(facts, ticket.voids, self.files.tickets.replica.life) if ticket else None
        )
        admissions = {e.name: e for e in found.admissions} if found else {}
        admissions |= {e.entry.name: e.entry for e in strange.admissions} if strange else {}
        return [*admissions.values(), *claims(facts)]


def _nothing_to_undo() -> UsageError:
    return UsageError(_("nothing to undo"), _("Only the last admission or exit can be undone."))


def _too_late(hint: str) -> OperatorError:
    return OperatorError(_("too late to undo without a supervisor"), hint)


def _require_note(note: str) -> str:
    if not note.strip():
        raise UsageError(_("a reason is needed"), _("Write a few words: they go into the journal."))
    return note.strip()

"""Admissions that were ticked on a printed list while no gate worked, taken in afterwards.

Whoever was ticked is in already: so every tick is an admission. What the rules have against it is
kept with it; what was used already is a conflict, as between gates that did not hear each other.
"""

import logging
from dataclasses import dataclass, replace

from gate.core.entry import Act, Entry
from gate.core.history import KNOWINGLY
from gate.core.outcome import Reason
from gate.core.place import Direction
from gate.core.rules import decide, overrule
from gate.core.ticket import Ticket
from gate.core.verdict import PAPER, Scan
from gate.lane.admission import Admission
from gate.lane.entries import Entries
from gate.lane.files import LaneFiles
from gate.lane.identity import Identity
from gate.lane.post import Operator, require_supervisor
from gate.storage.short_ids import by_short_id

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick, as somebody typed it."""

    ticket: str
    """A ticket's id, or the beginning of it that was printed."""
    note: str = "-"
    """The time as it was typed, and which of several such ticks: by this it is known again."""
    at_ms: int | None = None
    """When that was, by somebody's watch; ``None``: nobody wrote it down."""
    people: int = 1


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of a tick."""

    ticket: Ticket | None
    """``None``: nobody's, and nothing was recorded."""
    is_new: bool = False
    """Whether it was not taken in before."""
    against: Reason | None = None
    """What the lane would have refused it for."""


@dataclass
class PaperList:
    """Takes ticks in, each in a transaction of its own."""

    files: LaneFiles
    entries: Entries
    admission: Admission

    def take(self, tick: Tick, supervisor: Operator) -> TakenIn:
        """Keep a tick as an admission at the time that was stated, once. Raises GateError."""
        require_supervisor(supervisor)
        self.files.refresh()
        ticket = self._find(tick.ticket)
        if ticket is None:
            return TakenIn(None)
        with self.entries.transaction() as journal:
            if any(_is_of(tick, fact) for fact in self.files.facts(ticket.id)):
                return TakenIn(ticket)
            own, history = self.admission.histories(ticket)
            scan = Scan("", source=PAPER, persons=tick.people, deliberate=True)
            at_ms = self.entries.now.at_ms if tick.at_ms is None else tick.at_ms
            # A person's watch, and a person's word: it refuses nobody for the time.
            context = replace(
                self.admission.context(Identity(ticket)),
                at_ms=at_ms,
                direction=Direction.IN,
                clock_trusted=False,
            )
            verdict, against = decide(ticket, history, scan, context), None
            if not verdict.is_green:
                against = verdict.reason
                verdict = overrule(ticket, history, scan, context, against)
                if against in KNOWINGLY:
                    # Nobody at the paper knew of the other use: that is a conflict.
                    verdict = replace(verdict, overruled=None)
            entry = self.entries.make(
                Act.ADMISSION,
                verdict,
                scan,
                operator=supervisor.name,
                note=tick.note,
                ordinal=own.redemptions,
                known_hlc=history.last.hlc if history.last else 0,
            )
            journal.append(replace(entry, at_ms=at_ms, trusted=False), past=own)
        log.info("from paper: %s", entry.name)
        return TakenIn(ticket, is_new=True, against=against)

    def _find(self, typed: str) -> Ticket | None:
        for form in dict.fromkeys((typed, typed.lower(), typed.upper())):
            found = self.files.tickets.get(form) or by_short_id(self.files.tickets, form)
            if found is not None:
                return found
        return None


def _is_of(tick: Tick, fact: Entry) -> bool:
    """Whether an entry is what a tick became before, here or at another gate."""
    return fact.act is Act.ADMISSION and fact.source == PAPER and fact.note == tick.note

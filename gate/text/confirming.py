"""Who or what a key would change, said before it does; keys that take a second press (law 14)."""

import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

from gate.core.entry import COUNTS, Act, Entry
from gate.core.place import Direction
from gate.core.ticket import Ticket
from gate.core.verdict import Verdict
from gate.i18n import _, ngettext
from gate.text.open_question import Answer, OpenQuestion
from gate.text.outcome_words import DIRECTION_WORDS
from gate.text.printable import printable
from gate.text.ticket_words import describe
from gate.text.times import clock_time

AGAIN_S = 5.0
"""Within this time a second press does what the first has named."""
TURNS = (Direction.IN, Direction.OUT, Direction.BOTH, Direction.CHECK)
"""The order in which the direction key goes round."""
_ARROWS = {
    Direction.IN: (">>>", ">>>"),
    Direction.OUT: ("<<<", "<<<"),
    Direction.BOTH: ("<<<", ">>>"),
    Direction.CHECK: ("===", "==="),
}
"""Told apart without colour and in any font."""


class Again:
    """A key that takes two: the first names what it would do, the second does exactly that."""

    def __init__(
        self, within_s: float = AGAIN_S, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._within_s = within_s
        self._now = now
        self._asked: tuple[object, float] | None = None

    def is_second(self, what: object) -> bool:
        """Whether the same was named a moment ago; if not, it counts as named now."""
        now, asked = self._now(), self._asked
        if asked is not None and asked[0] == what and now - asked[1] <= self._within_s:
            self._asked = None
            return True
        self._asked = (what, now)
        return False

    def forget(self) -> None:
        """Something else is on the screen now: whatever was named is not meant any more."""
        self._asked = None


class OnScreen:
    """What a person sees just now: a key acts at once on that, and on nothing else (law 14).

    What is not shown is named by the first press and done by the second.
    """

    def __init__(self) -> None:
        self._shown: Verdict | None = None
        self._again = Again()
        self.question = OpenQuestion()
        """What is asked just now, if anything is."""

    def show(self, verdict: Verdict | None) -> bool:
        """Note what is shown from now on; ``None`` is no verdict.

        Says whether it only asks again what was asked already.
        """
        self._shown = verdict
        is_same = self.question.show(verdict)
        if verdict is not None and not is_same:
            self._again.forget()
        return is_same

    def may_count(self, ticket: Ticket) -> bool:
        """Whether a key may count another person on a ticket; if not, it counts as named now."""
        return self._shows(ticket) or self._again.is_second(("next", ticket.id))

    def may_undo(self, entry: str) -> bool:
        """Whether a key may undo an entry, by its name; if not, it counts as named now."""
        is_shown = self._shown is not None and self._shown.entry == entry
        return is_shown or self._again.is_second(("undo", entry))

    def may_turn(self, direction: Direction) -> bool:
        """Whether a key may turn the lane that way; if not, it counts as named now."""
        return self._again.is_second(direction)

    def may_answer(self, answer: Answer, *, may_be_scanned: bool) -> bool:
        """Whether a key may answer; what may be a scanner's has to come twice."""
        return not may_be_scanned or self._again.is_second(answer)

    def _shows(self, ticket: Ticket) -> bool:
        shown = self._shown.ticket if self._shown else None
        return shown is not None and shown.id == ticket.id


def next_turn(direction: Direction) -> Direction:
    """Which way the direction key would turn the lane."""
    return TURNS[(TURNS.index(direction) + 1) % len(TURNS)]


def way(direction: Direction) -> str:
    """The direction in large words between arrows, for frames and lines."""
    left, right = _ARROWS[direction]
    return f"{left} {_(DIRECTION_WORDS[direction]).upper()} {right}"


def guest(ticket: Ticket | None, *, show_names: bool) -> str:
    """Person and ticket in one line."""
    if ticket is None:
        return _("a ticket that is not in the list")
    holder = printable(ticket.holder, 40) if show_names else ""
    name = " · ".join(part for part in (holder, describe(ticket)) if part)
    return f"{name} [{printable(ticket.id, 12)}]"


def without_ticket(persons: int) -> str:
    """People who were counted without a ticket, or are to be."""
    line = ngettext("{n} person without a ticket", "{n} people without a ticket", persons)
    return line.format(n=persons)


def people_question(direction: Direction) -> str:
    """What is asked of whoever counts people without a ticket; no sign means that direction."""
    question = _("People without a ticket: how many, then Enter? {way}; +2 is in, -2 is out.")
    return question.format(way=way(direction))


def movement(
    entry: Entry, ticket: Ticket | None, time_zone: ZoneInfo, now_ms: int, *, show_names: bool
) -> str:
    """Person, ticket, time and gate of an admission, exit or count in one line."""
    is_out = entry.act in (Act.EXIT, Act.COUNT_OUT)
    words = _("{guest}, out at {when}, {gate}") if is_out else _("{guest}, in at {when}, {gate}")
    return words.format(
        guest=without_ticket(entry.persons)
        if entry.act in COUNTS
        else guest(ticket, show_names=show_names),
        when=clock_time(entry.at_ms, time_zone, near_ms=now_ms),
        gate=printable(entry.gate, 24),
    )

"""Who or what a key would change, said before it does; keys that take a second press (law 14)."""

import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

from gate.core.entry import Act, Entry
from gate.core.place import Direction
from gate.core.ticket import Ticket
from gate.i18n import _
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
    told = " · ".join(part for part in (holder, describe(ticket)) if part)
    return f"{told} [{printable(ticket.id, 12)}]"


def movement(
    entry: Entry, ticket: Ticket | None, time_zone: ZoneInfo, now_ms: int, *, show_names: bool
) -> str:
    """Person, ticket, time and gate of an admission or exit in one line."""
    told = _("{guest}, out at {when}, {gate}") if entry.act is Act.EXIT else ""
    return (told or _("{guest}, in at {when}, {gate}")).format(
        guest=guest(ticket, show_names=show_names),
        when=clock_time(entry.at_ms, time_zone, near_ms=now_ms),
        gate=printable(entry.gate, 24),
    )

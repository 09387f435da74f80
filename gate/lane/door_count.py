"""People who come without a ticket, crew, press, walk-ins: counted at the door, in or out.

They belong to the attendance as everybody does; no ticket's history knows of them.
"""

import logging
import re
from dataclasses import dataclass, replace

from gate.core.entry import Act, Entry
from gate.core.place import Direction
from gate.errors import UsageError
from gate.i18n import _
from gate.lane.entries import Entries
from gate.storage.entries import is_count_undone

log = logging.getLogger(__name__)

MOST = 999
"""People in one count: more are a slip of a finger."""
_NUMBER = re.compile(r"([+-]?)([0-9]{0,3})")


@dataclass
class DoorCount:
    """Keeps counts of people without a ticket, and takes them back."""

    entries: Entries

    def count(self, persons: int, direction: Direction) -> Entry:
        """Keep that so many went in, or out. Raises UsageError."""
        if not 1 <= persons <= MOST:
            raise _no_number()
        is_out = direction is Direction.OUT
        with self.entries.transaction() as journal:
            entry = self.entries.make(Act.COUNT_OUT if is_out else Act.COUNT_IN)
            way = Direction.OUT if is_out else Direction.IN
            entry = journal.append(replace(entry, direction=way, persons=persons))
        log.info("counted without a ticket: %s %s by %s", persons, way, entry.name)
        return entry

    def require_standing(self, count: Entry) -> None:
        """Raise UsageError where a count was taken back already; within a transaction."""
        if is_count_undone(self.entries.files.journal().connection, count):
            raise UsageError(_("this has been undone already"), "")

    def take_back(self, count: Entry, operator: str, note: str) -> Entry:
        """Keep that a count of this device's was wrong; within a transaction.

        It counts at the gate and in the zone in which the people were counted.
        """
        entry = self.entries.make(Act.COUNT_UNDONE, operator=operator, note=note)
        return self.entries.files.journal().append(
            replace(
                entry,
                target=count.name,
                persons=count.persons,
                direction=count.direction,
                gate=count.gate,
                zone=count.zone,
            )
        )


def people_of(text: str, way: Direction) -> tuple[int, Direction]:
    """How many people somebody typed, and which way: ``+`` is in, ``-`` out, neither is ``way``.

    Nothing typed is one person. Raises UsageError.
    """
    found = _NUMBER.fullmatch(text.strip())
    if found is None or int(found[2] or 1) == 0:
        raise _no_number()
    ways = {"+": Direction.IN, "-": Direction.OUT, "": way}
    return int(found[2] or 1), ways[found[1]]


def way_of(lane: Direction) -> Direction:
    """Which way a lane counts people without a ticket if nobody says."""
    return Direction.OUT if lane is Direction.OUT else Direction.IN


def _no_number() -> UsageError:
    return UsageError(
        _("how many people is a number from 1 to {most}").format(most=MOST),
        _("-2 counts two people out, +2 two in."),
    )

"""Keeps that everybody went out at the time of day that was said, where no server does.

Of a venue one node writes it: its server, else its host, else the gate on its own. A lane
decides by the time itself and needs none of it (``gate.core.check_out``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from gate.core.check_out import Inside, inside_of, last_one, latest
from gate.core.entry import CHECK_OUT, Act, Entry
from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction
from gate.core.ticket import Ticket
from gate.core.time_rules import span_of
from gate.core.validity import zone_of
from gate.lane.entries import Entries
from gate.lane.files import LaneFiles
from gate.lane.post import Post
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder
from gate.storage.presence import with_any

A_TIME = 50
"""Tickets in one transaction: whoever is scanned meanwhile waits for it."""
AGAIN_MS = 3_600_000
"""What came late is looked for so often."""


@dataclass
class CheckOuts:
    """Writes a lane's check-outs."""

    files: LaneFiles
    entries: Entries
    post: Post

    def keep(self, tickets: Sequence[str]) -> int:
        """Keep of some tickets who went out at the last check-out; of how many anybody did."""
        kept = 0
        self.files.refresh()
        with self.entries.transaction() as journal:
            for id_ in tickets:
                facts = self.files.facts(id_)
                ticket = self.files.tickets.get(id_) or self.files.tickets.told(facts)
                found = self._inside(ticket, facts) if ticket is not None else None
                if ticket is None or found is None:
                    continue
                inside, at_ms = found
                own, everywhere = self.files.histories(ticket)
                known = everywhere.last.hlc if everywhere.last is not None else 0
                entry = replace(
                    self.entries.make(Act.EXIT, known_hlc=known),
                    at_ms=at_ms, direction=Direction.OUT, outcome=Outcome.EXIT,
                    reason=Reason.EXITED, ticket=ticket.id, ticket_type=ticket.type.id,
                    persons=inside.persons, zone=inside.zone, operator="", source=CHECK_OUT,
                )  # fmt: skip
                journal.append(entry, past=own)
                kept += 1
        return kept

    def _inside(self, ticket: Ticket, facts: Sequence[Entry]) -> tuple[Inside, int] | None:
        """Who is to be kept as gone, and when they went; nobody while the time is in doubt."""
        at, now = self.post.rules.exit_all_at, self.entries.now
        if not at:
            return None
        span = span_of(now.true_time, now.at_ms, is_trusted=now.trusted)
        out = last_one(at, zone_of(ticket.type), now.at_ms, span)
        inside = None if out.in_doubt else inside_of(facts, out.at_ms)
        return None if inside is None else (inside, out.at_ms)


@dataclass
class DueCheckOuts:
    """When a check-out is to be kept by this device, and of which tickets."""

    folder: Folder
    _looked: tuple[int, int] = (0, 0)
    """The check-out that was looked at last, and when."""

    def tickets(self, at: str, zone: ZoneInfo, now_ms: int) -> Iterator[Sequence[str]]:
        """Tickets on which anybody may be inside since before the last check-out, a few at a time.

        Raises StoreError.
        """
        if not at or not _writes(self.folder):
            return
        moment = latest(at, zone, now_ms)
        if self._looked[0] == moment and now_ms - self._looked[1] < AGAIN_MS:
            return
        with Fleet(self.folder) as fleet:
            ids = [one.ticket for one in with_any(fleet, "inside")]
        yield from (ids[at : at + A_TIME] for at in range(0, len(ids), A_TIME))
        self._looked = (moment, now_ms)


def _writes(folder: Folder) -> bool:
    """Whether it is this device that writes the check-outs of its venue."""
    is_on_its_own = folder.venue.exists() or not folder.membership.exists()
    return is_on_its_own and not folder.enrolment.exists()

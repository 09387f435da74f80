"""A lane's work from opening to closing: who is at it, its quiet moments, its end."""

import logging
from contextlib import suppress
from dataclasses import dataclass, replace

from gate.core.entry import WATCHES, Act, Entry
from gate.core.ticket import Ticket
from gate.errors import DamagedError, GateError, UsageError
from gate.i18n import _
from gate.lane.basis import LaneBasis
from gate.lane.clock_trust import ClockTrust
from gate.lane.entries import Entries, is_disk_short
from gate.lane.files import LaneFiles
from gate.lane.post import Operator, Post, require_supervisor
from gate.storage.entries import is_watching
from gate.storage.revocation import is_revoked

log = logging.getLogger(__name__)


@dataclass
class Shift:
    """What the journal has of a lane beside scans and their corrections, and when that is kept."""

    files: LaneFiles
    entries: Entries
    post: Post
    clock: ClockTrust
    basis: LaneBasis
    stays_closed: bool = False
    """Whether this lane is not opened: then there is nothing to say when it ends."""

    def open(self) -> None:
        """Say in the journal that the lane is at work; a damaged one is begun anew."""
        # No true clock is before the tickets: the first entry has to know them.
        with suppress(GateError):
            self.files.tickets.refresh()
        try:
            self.entries.append_event(Act.LANE_OPENED)
        except DamagedError as fault:
            self._mend(fault)
            self.entries.append_event(Act.LANE_OPENED)
        self.files.tickets.refresh()

    def watch(self) -> None:
        """Say in the journal, once, that this device only watches: its lane stays closed."""
        self.stays_closed = True
        with self.entries.transaction() as journal:
            if not is_watching(journal.connection):
                journal.append(replace(self.entries.make(Act.LANE_CLOSED), flags=(WATCHES,)))

    def idle(self) -> None:
        """Write counts of repeats, tidy and check the journal, open new tickets."""
        if is_revoked(self.files.folder):
            # What is deleted is not to be held on to.
            self.files.let_go_of_others()
            return
        # New tickets are opened before somebody waits for it; what is wrong, the next scan says.
        with suppress(GateError):
            self.files.tickets.refresh()
            self.basis.look_ahead(self.clock.read(), self.clock.now_ms())
        if not self.files.is_open:
            return
        try:
            with self.entries.transaction():
                self.entries.flush_repeats()
            self.files.tidy()
        except DamagedError as fault:
            log.error("idle: %s", fault.message)
            self._mend(fault)
        self.files.look_whether_whole()

    def close(self) -> None:
        """Say that the lane stops, and let go of the files; a fault is only logged."""
        try:
            if self.files.is_open and not self.stays_closed:
                with self.entries.transaction() as journal:
                    self.entries.flush_repeats(everything=True)
                    journal.append(self.entries.make(Act.LANE_CLOSED))
        except GateError as fault:
            log.error("closing: %s", fault.message)
        self.files.close()

    def sign_in(self, operator: Operator) -> None:
        """Name the operator in every entry from now on."""
        self.post.operator = operator
        self.entries.append_event(Act.SIGN_IN)

    def sign_out(self) -> None:
        """Nobody is at the lane."""
        if self.post.operator is not None:
            self.entries.append_event(Act.SIGN_OUT)
        self.post.operator = None

    def note_failed_sign_in(self, name: str) -> None:
        """Record that somebody gave a wrong PIN."""
        self.entries.append_event(Act.SIGN_IN_FAILED, name)

    def sign_off(self, name: str, gates: int, not_green: str) -> Entry:
        """Record who signs off how many gates; not where the disk is for people's movements."""
        if is_disk_short(self.files.folder):
            raise UsageError(
                _("the disk is full: only people's movements are written"),
                _("Free some space, then sign again."),
            )
        with self.entries.transaction() as journal:
            entry = self.entries.make(Act.SIGN_OFF, operator=name, note=not_green)
            return journal.append(replace(entry, count=gates))

    def note_no_passage(self, name: str) -> tuple[Entry, Ticket | None] | None:
        """Record that nobody was seen going through on a movement of this journal."""
        if is_disk_short(self.files.folder):
            return None
        with self.entries.transaction() as journal:
            target = journal.find(name)
            if target is None:
                return None
            journal.append(replace(self.entries.make(Act.NO_PASSAGE), target=name))
        return target, self.files.ticket_of(target)

    def set_clock(self, wall_ms: int, supervisor: Operator) -> None:
        """Believe the supervisor's watch: this moment is ``wall_ms``."""
        require_supervisor(supervisor)
        self.clock.set(wall_ms)
        self.entries.append_event(Act.CLOCK_SET, supervisor.name)

    def _mend(self, fault: DamagedError) -> None:
        self.files.mend(fault, is_enrolled=self.entries.now.connectivity.is_enrolled)

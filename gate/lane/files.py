"""A lane's files: the journal it writes, and the tickets and other journals it reads beside it.

All belong to the lane's one thread. What mends itself of a damaged one is begun here.
"""

import logging
from contextlib import suppress

from gate.core.entry import Entry
from gate.core.history import History, fold, with_answered, with_times
from gate.core.ticket import Ticket
from gate.errors import DamagedError, GateError, StoreError
from gate.i18n import _
from gate.lane.clock_trust import ClockTrust
from gate.storage import damage, salvage
from gate.storage.entries import newest_trusted
from gate.storage.folder import Folder
from gate.storage.journal import Journal
from gate.storage.peers import PeerStoreReader
from gate.storage.revocation import require_not_revoked
from gate.storage.tickets import Tickets
from gate.storage.totals import Totals

log = logging.getLogger(__name__)


class LaneFiles:
    """What one lane holds open, and what its journal and the others' say together."""

    def __init__(self, folder: Folder, tickets: Tickets, clock: ClockTrust) -> None:
        self.folder = folder
        self.device = folder.device_id()
        self.tickets = tickets
        self.peers = PeerStoreReader(folder)
        self.totals = Totals()
        """What this device has counted so far."""
        self.is_whole = True
        """Whether all that this device ever did is held, here or by the others."""
        self._clock = clock
        self._journal: Journal | None = None

    @property
    def is_open(self) -> bool:
        """Whether the journal has been opened."""
        return self._journal is not None

    def journal(self) -> Journal:
        """The journal, opened if it is not yet. Raises StoreError."""
        if self._journal is None:
            reading = self._clock.read()
            journal = Journal(self.folder.journal, self.device, reading.boot_id)
            self._clock.recall(newest_trusted(journal.connection, journal.path), reading)
            self._journal = journal
            self.totals = journal.totals
            self.is_whole = not journal.lost.missing or self._has_all_it_wrote(journal)
        return self._journal

    def refresh(self) -> None:
        """Follow the ticket replica. Raises StoreError where there is none, and RevokedError."""
        require_not_revoked(self.folder)
        self.tickets.refresh()

    def histories(self, ticket: Ticket | None, *, timed: bool = False) -> tuple[History, History]:
        """What the ticket did at this device, and what it did anywhere.

        ``timed``: and when, and what was asked then.
        """
        if ticket is None:
            return History(), History()
        own, everywhere = self._histories(ticket)
        if timed and everywhere.redemptions:
            orphans = self.journal().lost.orphans(ticket.id)
            facts = [*self.facts(ticket.id), *orphans]
            everywhere = with_answered(with_times(everywhere, facts), facts)
        return own, everywhere

    def _histories(self, ticket: Ticket) -> tuple[History, History]:
        journal = self.journal()
        own, theirs = journal.history(ticket.id), self.peers.history(ticket.id)
        orphans = journal.lost.orphans(ticket.id)
        if not orphans and (own is None or theirs is None):
            return own or History(), own or theirs or History()
        return own or History(), fold([*self.facts(ticket.id), *orphans])

    def ticket_of(self, entry: Entry) -> Ticket | None:
        """The ticket that an entry is about, as the list has it or else its code did then."""
        return self.tickets.get(entry.ticket) or self.tickets.told([entry])

    def newest_code_ms(self, ticket: str) -> int | None:
        """The newest rotating code that passed anywhere, as far as is held; Unix milliseconds."""
        known = (self.journal().newest_code_ms(ticket), self.peers.newest_code_ms(ticket))
        return max((ms for ms in known if ms is not None), default=None)

    def facts(self, ticket: str) -> list[Entry]:
        """Every entry, of any device, that the ticket's history folds from."""
        return [*self.journal().facts(ticket), *self.peers.facts(ticket)]

    def tidy(self) -> None:
        """Use a quiet moment for the journal that is open.

        Raises DamagedError for damage that is met, by now by the sync worker too.
        """
        journal = self.journal()
        journal.checkpoint()
        journal.look_over()
        met = damage.unmended(self.folder, damage.JOURNAL)
        if met is not None and met.file == journal.path.name:
            raise DamagedError(met.why, "", journal.path)

    def look_whether_whole(self) -> None:
        """See whether what the journal lost has come back from the others."""
        self.is_whole = self._has_all_it_wrote(self.journal())

    def mend(self, fault: GateError, *, is_enrolled: bool) -> str:
        """Have mended what mends itself; the answer is what the operator does meanwhile."""
        if not isinstance(fault, DamagedError) or fault.file is None:
            return fault.hint
        kind = next((k for k in damage.KINDS if fault.file.name.startswith(k)), "")
        if kind == damage.JOURNAL:
            return self._begin_journal_anew(fault)
        if kind:
            damage.found(self.folder, kind, fault, self.tickets.replica.cursor)
        if kind and is_enrolled:
            return _("It is fetched again by itself: scan on, this one again in a moment.")
        return fault.hint

    def let_go_of_others(self) -> None:
        """Close what is only read here."""
        self.tickets.close()
        self.peers.close()

    def close(self) -> None:
        """Close everything."""
        journal, self._journal = self._journal, None
        if journal is not None:
            with suppress(StoreError):
                journal.close()
        self.let_go_of_others()

    def _begin_journal_anew(self, fault: DamagedError) -> str:
        """Go on in a new file with what is whole; the answer is what the operator does."""
        assert fault.file is not None
        damage.found(self.folder, damage.JOURNAL, fault)
        before, self._journal = self._journal, None
        opened = None if before is None else before.connection
        head = None if before is None else before.head
        try:
            found = salvage.go_on(fault.file, self.device, head, opened)
        except StoreError as worse:
            log.error("salvaging: %s", worse.message)
            return fault.hint
        finally:
            if before is not None:
                with suppress(StoreError):
                    before.close()
        damage.mended(self.folder, damage.JOURNAL, found.lost)
        log.error(
            "%s goes on in %s: entries kept=%s after-a-lost-one=%s lost=%s",
            fault.file.name, found.path.name, found.kept, found.orphans, found.lost,
        )  # fmt: skip
        return _("The journal goes on in a new file. Scan again, and tell a supervisor.")

    def _has_all_it_wrote(self, journal: Journal) -> bool:
        return all(
            self.peers.find(f"{origin}:{last}") for origin, _first, last in journal.lost.missing
        )

"""What folds from the others' entries in ``peers.db``: counts, and what each ticket did."""

from collections.abc import Iterable, Mapping

from gate.core import entry_codec
from gate.core.entry import FACTS, Entry, device_of
from gate.core.history import fold
from gate.core.replication import Have, Intake
from gate.core.tally import TALLY_KEY, scan_row, taken_back, tally_key
from gate.storage.disowned import Disowned
from gate.storage.entries import read_facts
from gate.storage.held_entries import HeldEntries
from gate.storage.histories import remember
from gate.storage.own_journal import OwnJournal
from gate.storage.peers_file import PeersFile
from gate.storage.totals import tally_upsert

_TALLY_UPSERT = tally_upsert(1 + len(TALLY_KEY))
"""Others' counts are by device too."""


class PeerFolds:
    """Derived rows; whoever changes entries has them follow in the same transaction."""

    def __init__(
        self, file: PeersFile, journal: OwnJournal, entries: HeldEntries, disowned: Disowned
    ) -> None:
        self._file = file
        self._journal = journal
        self._entries = entries
        self._disowned = disowned

    def add(self, intake: Intake) -> None:
        """Let what was taken count, within the transaction that has put its entries in."""
        taken = intake.taken
        touched = {one.entry.origin for one in taken if one.entry.device in self._disowned}
        changed = {
            device_of(origin)
            for origin in sorted(touched)
            if self._disowned.flag(origin, intake.tips[origin])
        }
        for one in taken:
            if self._disowned.counts(one) and one.entry.device not in changed:
                self._count(one.entry)
        facts = [one.entry.ticket for one in taken if one.entry.act in FACTS]
        for ticket in dict.fromkeys(filter(None, facts)):
            self._remember(ticket)
        for device in changed:
            self._fold_anew(device)

    def take_back(self, tickets: Iterable[str]) -> None:
        """This device's journal has annulled something of tickets."""
        with self._file.writing():
            for ticket in tickets:
                self._take_back(ticket, read_facts(self._file.connection, ticket))

    def disown(self, until: Mapping[str, Have]) -> bool:
        """Let entries of disowned devices count up to there; whether that was news.

        Whatever folds from them follows, in one transaction with what is remembered of the feed.
        """
        changed = self._disowned.differing(until)
        if not changed:
            return False
        with self._disowned.replaced(until), self._file.writing():
            for device in changed:
                self._disowned.put(device)
                for origin, tips in self._entries.tips.items():
                    if device_of(origin) == device:
                        self._disowned.flag(origin, tips)
                self._fold_anew(device)
        return True

    def _fold_anew(self, device: str) -> None:
        """Derive again whatever folds from a device's entries."""
        run, of_device = self._file.connection.execute, (f"{device}.", f"{device}/")
        run("DELETE FROM tally WHERE device = ?", (device,))
        run("DELETE FROM taken_back WHERE name > ? AND name < ?", of_device)
        query = "SELECT body FROM counted WHERE origin > ? AND origin < ? ORDER BY id"
        for (body,) in run(query, of_device):
            self._count(entry_codec.decode(body))
        tickets = run(
            "SELECT DISTINCT ticket FROM entry WHERE origin > ? AND origin < ? "
            "AND act IN ('admission', 'exit', 'annulment') AND ticket != ''",
            of_device,
        ).fetchall()
        for (ticket,) in tickets:
            self._remember(ticket)

    def _remember(self, ticket: str) -> None:
        """Materialise what the other devices did on a ticket."""
        connection = self._file.connection
        facts = read_facts(connection, ticket)
        history = fold(facts)
        if facts:
            # Also what has moved nobody: it may be an undo of what is in this device's journal.
            remember(connection, ticket, history)
        else:
            connection.execute("DELETE FROM state WHERE ticket = ?", (ticket,))
        keep = "INSERT OR IGNORE INTO claimed VALUES (?)"
        forget = "DELETE FROM claimed WHERE ticket = ?"
        connection.execute(keep if history.claims else forget, (ticket,))
        self._take_back(ticket, facts)

    def _count(self, entry: Entry) -> None:
        # What an annulment takes back is counted by ``_take_back``, once.
        at, counts = scan_row(entry, self._entries.find)
        self._file.connection.execute(_TALLY_UPSERT, (at.device, *tally_key(at), *counts))

    def _take_back(self, ticket: str, theirs: list[Entry]) -> None:
        """Count each annulled movement out once, whoever annulled it and whatever came first."""
        run = self._file.connection.execute
        own: list[Entry] = self._journal.read(lambda journal: read_facts(journal, ticket), [])
        for entry, counts in taken_back([*theirs, *own]):
            if entry in own and any(e.target == entry.name for e in own):
                continue  # the journal has counted that itself
            if run("INSERT OR IGNORE INTO taken_back VALUES (?)", (entry.name,)).rowcount:
                run(_TALLY_UPSERT, (entry.device, *tally_key(entry), *counts))

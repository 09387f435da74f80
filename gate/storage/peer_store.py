"""The write side of ``peers.db``: what the sync worker has heard.

One connection in one thread writes ``peers.db``; the device's own journal is only read. Entries and
what says they are held (the tips) are one transaction: after a power cut they are both there or
both gone, and are fetched again.
"""

from collections.abc import Iterable
from pathlib import Path

from gate.core.replication import Alarm, Have, alarms, flooding, tips_from_text
from gate.errors import DamagedError
from gate.i18n import _
from gate.storage import damage
from gate.storage.disowned import Disowned
from gate.storage.folder import Folder
from gate.storage.held_entries import HeldEntries
from gate.storage.own_journal import OwnJournal
from gate.storage.peer_devices import PeerDevices
from gate.storage.peer_folds import PeerFolds
from gate.storage.peer_intake import PeerIntake
from gate.storage.peers_file import PeersFile
from gate.storage.quarantine import Quarantine
from gate.storage.receipts import Receipts
from gate.storage.signed_tips import SignedTips
from gate.storage.sqlite import FileId
from gate.storage.ticket_filling import MemberRow


class PeerStore:
    """All that this device holds, put together: its own journal, read, and ``peers.db``, written.

    Its own methods are what takes more than one of the parts.
    """

    def __init__(self, folder: Folder, path: Path | None = None) -> None:
        """``path`` is for a peer store that is still made."""
        self._folder = folder
        self.journal = OwnJournal(folder)
        self.device = self.journal.device
        self.file = PeersFile(path or folder.peers)
        try:
            self._disowned = Disowned(self.file)
            self.entries = HeldEntries(self.file, self.journal)
            self.devices = PeerDevices(self.file, self.journal, self._disowned)
            self.signed_tips = SignedTips(self.file, self.entries)
            self.receipts = Receipts(self.file, self.device)
            self.quarantine = Quarantine(self.file)
            self._folds = PeerFolds(self.file, self.journal, self.entries, self._disowned)
            self.intake = PeerIntake(
                self.file,
                self.entries,
                self._folds,
                self.devices,
                self.signed_tips,
                have=self.have,
            )
        except BaseException:
            self.file.close()
            raise
        self._orphans_at = -1
        self._joined_at: FileId | None = None
        """The journal that what came back of this device's own is known to follow."""
        self.looked_into: dict[str, int] = {}
        """Salvaged journals in the inbox, each with the version of the entries when it was looked
        into."""
        self._alarms_as_of: tuple[object, ...] = ()
        self._followed: FileId | None = None
        self._alarms: list[Alarm] = []
        self._floods: list[str] = []

    def close(self) -> None:
        """Let go of both files."""
        self.file.close()
        self.journal.close()

    def have(self) -> Have:
        """What this device holds, own and heard."""
        self.follow_journal()
        return self.entries.have()

    def own_have(self) -> Have:
        """What is in this device's own journal."""
        self.follow_journal()
        return {origin: frozenset({tip}) for origin, tip in self.journal.tips.items()}

    def follow_journal(self) -> bool:
        """Look for entries the gate has written; whether there were any."""
        followed = self.journal.follow()
        if self._followed != self.journal.file:
            # Words that only the journal before had count no more.
            self._followed = self.journal.file
            self.devices.look_again()
        for retirement in followed.retirements:
            self.devices.note_retirement(retirement)
        if followed.annulled:
            self._folds.take_back(followed.annulled)
        return followed.is_longer

    def disown(self, members: Iterable[MemberRow]) -> None:
        """Let entries of disowned devices count no further than the feed says, and no less."""
        until = {
            row.id: tips_from_text(row.counts_until)
            for row in members
            if row.counts_until is not None and row.id != self.device
        }
        if self._folds.disown(until):
            self.devices.look_again()

    def alarms(self) -> list[Alarm]:
        """Which devices were cloned, restored or rolled back, by what is held here."""
        self._look_at_alarms()
        return self._alarms

    def floods(self) -> list[str]:
        """Which devices have more taken in than any that works, by what is held here."""
        self._look_at_alarms()
        return self._floods

    def look_after_files(self) -> None:
        """Take what could not be taken before. Raises DamagedError when the peer store is damaged.

        That may have been found by whoever reads it.
        """
        self.file.presence.require()
        found = damage.unmended(self._folder, damage.PEERS)
        if found is not None and found.file == self.file.path.name:
            raise DamagedError(found.why, "", self.file.path)
        # Of those with numbers the newest counts, however many are between.
        self.journal.look_for_another()
        self.follow_journal()
        self._require_untorn()
        if self.journal.orphans and self.entries.version != self._orphans_at:
            # Entries after a lost one: they follow it once others have told it.
            self._orphans_at = self.entries.version
            self.intake.accept(self.journal.orphans, None)

    def _require_untorn(self) -> None:
        if self._joined_at == self.journal.file or not self.journal.is_read:
            return
        if self.entries.is_torn():
            raise DamagedError(
                _("{file} goes on where this gate's journal has a gap").format(
                    file=self.file.path.name
                ),
                "", self.file.path,
            )  # fmt: skip
        self._joined_at = self.journal.file

    def _look_at_alarms(self) -> None:
        self.follow_journal()
        as_of = self.entries.version, self.journal.file, self.journal.row
        if as_of != self._alarms_as_of:
            have = self.entries.have()
            self._alarms = alarms(self.entries.starts(), have)
            self._floods = sorted(self.intake.spent().union(flooding(have)))
            self._alarms_as_of = as_of

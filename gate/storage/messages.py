"""Messages in the journals of all devices: new ones for a lane, and what became of each."""

from dataclasses import dataclass

from gate.core.entry import Act, Entry
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder

_NEW = """
SELECT body FROM counted
WHERE act IN ('message', 'acknowledgement') AND act = 'message'
AND id > :after AND id <= :newest ORDER BY id
"""
_ALL = """
SELECT body FROM counted WHERE act IN ('message', 'acknowledgement') ORDER BY id DESC LIMIT :most
"""
MOST_READ = 500
"""Of each journal so many of the newest messages and acknowledgements are read for a table."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message, and who has read it."""

    message: Entry
    acknowledgements: tuple[Entry, ...] = ()
    """The first of each device."""


class NewMessages:
    """Follows the journals for messages, from where they end at the first look."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._rows: tuple[int, int] | None = None
        self._seen: set[str] = set()

    def look(self) -> list[Entry]:
        """Messages that came since the last look. Raises StoreError."""
        with Fleet(self._folder) as venue:
            rows, before = venue.newest_rows(), self._rows
            if before is None:
                self._rows = rows
                return []
            found: list[Entry] = []
            for file, after, newest in zip(venue.files, before, rows, strict=True):
                # Another file may have taken the place of one that was damaged.
                bounds = {"after": after if after <= newest else 0, "newest": newest}
                found += file.entries(_NEW, bounds)
            self._rows = rows
            new = [entry for entry in found if entry.name not in self._seen]
            self._seen |= {entry.name for entry in new}
            return new


def sent(venue: Fleet) -> list[Sent]:
    """The newest messages of anybody, the newest first, each with who has read it."""
    found = [one for file in venue.files for one in file.entries(_ALL, {"most": MOST_READ})]
    found.sort(key=lambda entry: (entry.hlc, entry.origin, entry.seq))
    read: dict[str, dict[str, Entry]] = {}
    for entry in found:
        if entry.act is Act.ACKNOWLEDGEMENT:
            read.setdefault(entry.target, {}).setdefault(entry.device, entry)
    return [
        Sent(entry, tuple(read.get(entry.name, {}).values()))
        for entry in reversed(found)
        if entry.act is Act.MESSAGE
    ]

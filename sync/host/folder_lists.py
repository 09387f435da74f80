"""People, entries and lists of a venue without a server, from its host's folder."""

import asyncio
import heapq
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine

from gate.clock import SystemClock, read_wall_ms
from gate.core import entry_codec
from gate.core.entry import Entry
from gate.lists.intake import Imported, Wanted
from gate.storage.attendees import AttendeeList, ListName, gather
from gate.storage.fleet import Fleet, JournalFile
from gate.storage.folder import Folder
from gate.storage.sqlite import faults
from sync.server import audit, stories
from sync.server.database import in_transaction
from sync.server.web.list_source import EntryPage, Progress, Who

PAGE = 50
LOOKED_AT = 2000
"""Entries that one request decodes, at most: a page may be short, and say where to go on."""
_AT_ONCE = 500
_BACK = "SELECT id, body FROM entry WHERE id < :at ORDER BY id DESC LIMIT :most"
_ON = "SELECT id, body FROM entry WHERE id > :at ORDER BY id LIMIT :most"
_LAST = 1 << 62


class ImportFiles(Protocol):
    """Takes lists into a folder (``reports.ticket_import``)."""

    def __call__(
        self,
        folder: Folder,
        paths: list[Path],
        wanted: Wanted,
        *,
        progress: Callable[[int, int], None],
    ) -> Imported:
        """All or nothing. Raises GateError."""
        ...


class FolderLists:
    """What the pages ask, from journal, peer store and tickets; each answer opens them anew."""

    def __init__(
        self, folder: Folder, web: Engine, import_files: ImportFiles, heard_within_s: float
    ) -> None:
        """``web`` has the audit log of this host's pages."""
        self._folder = folder
        self._web = web
        self._import_files = import_files
        self._heard_within_s = heard_within_s
        self._taking = asyncio.Lock()

    @property
    def taking(self) -> asyncio.Lock:
        """One list at a time is read."""
        return self._taking

    @property
    def uploads(self) -> Path:
        """Among the lists of people, which go with the event."""
        self._folder.lists.mkdir(mode=0o700, exist_ok=True)
        return self._folder.lists

    def attendees(self, event: str, name: ListName) -> AttendeeList:  # noqa: ARG002  there is but one
        """A list of people, as far as the host knows."""
        now = SystemClock().read()
        return gather(self._folder, name, now, self._heard_within_s, show_names=True)

    def page(self, event: str, wanted: stories.Wanted, before: str) -> EntryPage:  # noqa: ARG002
        """Entries of this device and of the others, each file's newest first."""
        places = _places(before)
        found: list[Entry] = []
        with Fleet(self._folder) as fleet:
            newest_first = heapq.merge(
                *(_read(file, n, _BACK, places[n]) for n, file in enumerate(fleet.files)),
                key=lambda one: one[2].hlc,
                reverse=True,
            )
            for number, row, entry in islice(newest_first, LOOKED_AT):
                places[number] = row
                if wanted.has(entry):
                    found.append(entry)
                if len(found) == PAGE:
                    break
            has_more = any(
                file.rows(_BACK, {"at": places[n], "most": 1}) for n, file in enumerate(fleet.files)
            )
        return EntryPage(found, ".".join(map(str, places)) if has_more else "")

    def entries(self, event: str, wanted: stories.Wanted) -> Iterator[Entry]:  # noqa: ARG002
        """Every entry that is wanted, by the hybrid logical clock."""
        with Fleet(self._folder) as fleet:
            in_order = heapq.merge(
                *(_read(file, n, _ON, 0) for n, file in enumerate(fleet.files)),
                key=lambda one: one[2].hlc,
            )
            yield from (entry for _n, _row, entry in in_order if wanted.has(entry))

    def device_names(self, event: str) -> dict[str, str]:  # noqa: ARG002  there is but one
        """What the venue's devices are called, by id."""
        with Fleet(self._folder) as fleet:
            rows = fleet.peers.rows("SELECT id, json_extract(body, '$.name') FROM device")
            names = {str(id_): str(name or "") for id_, name in rows}
            return {fleet.device: ""} | names

    def take_in(
        self, event: str, path: Path, wanted: Wanted, who: Who | None, progress: Progress
    ) -> Imported:
        """Take a list into the folder; afterwards the audit log says who did it and why."""
        imported = self._import_files(self._folder, [path], wanted, progress=progress)
        about = who.about(imported) if who else None
        if who is not None and about is not None:
            actor, now_ms = who.actor, read_wall_ms()

            def note(connection: Connection) -> None:
                audit.note(connection, actor, "list", now_ms, event=event, about=about)

            in_transaction(self._web, note)
        return imported

    def taken_in(self, event: str) -> None:
        """The worker finds the new tickets by itself."""


def _places(before: str) -> list[int]:
    """Where a page goes on in each file."""
    parts = before.split(".")
    if len(parts) == 2 and all(p.isascii() and p.isdecimal() and len(p) < 19 for p in parts):
        return [int(part) for part in parts]
    return [_LAST, _LAST]


def _read(file: JournalFile, number: int, query: str, at: int) -> Iterator[tuple[int, int, Entry]]:
    """The rows of a file, page by page: its number, the row's, and the entry."""
    while rows := file.rows(query, {"at": at, "most": _AT_ONCE}):
        for row, body in rows:
            with faults(Path(file.uri)):
                entry = entry_codec.decode(body)
            yield number, row, entry
        at = rows[-1][0]

"""The numbers of a venue without a server, from its host's folder: as far as the host knows."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from contextvars import copy_context
from typing import TypeVar

import msgspec

from gate.clock import read_wall_ms
from gate.core.event_settings import OperatorRow
from gate.core.ticket import EXPECTED
from gate.storage import venue_host
from gate.storage.event import EventRow, event_row
from gate.storage.figures import used_tickets
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica
from gate.storage.tickets import Tickets
from sync.server.web.numbers import SIDES, Numbers, Tallied

T = TypeVar("T")
EVENT = "venue"
"""What its one event is called where it has no id."""
_LINES = f"""
    SELECT {", ".join(SIDES)}, sum(entries), sum(admitted), sum(exited), sum(annulled)
    FROM tally GROUP BY {", ".join(SIDES)}
"""
_MINUTES = "SELECT minute, sum(admitted) FROM tally WHERE admitted != 0 GROUP BY minute"


class FolderSource:
    """What the pages ask, from journal, peer store and tickets; read in a thread of its own."""

    def __init__(self, folder: Folder, operators: Callable[[], Sequence[OperatorRow]]) -> None:
        self.folder = folder
        self._operators = operators
        self._thread = ThreadPoolExecutor(1, "pages")

    def close(self) -> None:
        """Read no more."""
        self._thread.shutdown()

    async def event(self, event: str) -> EventRow | None:
        """What the venue says of itself; there is but one event."""
        return await self.beside(self._event) if event == EVENT else None

    async def version(self, event: str) -> str:  # noqa: ARG002  there is but one
        """How its files were last written."""
        return await self.beside(self._version)

    async def numbers(self, event: str) -> Numbers:  # noqa: ARG002  there is but one
        """What was counted until now at every gate that was heard."""
        return await self.beside(self._numbers)

    async def beside(self, job: Callable[[], T]) -> T:
        """Have the folder read by the thread that does, in the language of whoever asks."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, copy_context().run, job)

    def _event(self) -> EventRow:
        found = event_row(self.folder) or EventRow(EVENT, "", "")
        operators = tuple(self._operators())
        settings = msgspec.structs.replace(found.settings, operators=operators)
        name = found.name or venue_host.load(self.folder).name
        return msgspec.structs.replace(found, id=EVENT, name=name, settings=settings)

    def _version(self) -> str:
        folder, seen = self.folder, []
        tickets = (live_replica(folder),) if folder.pointer.exists() else ()
        for file in (folder.journal, folder.peers, folder.pointer, *tickets):
            for path in (file, file.with_name(f"{file.name}-wal")):
                with suppress(FileNotFoundError):
                    found = path.stat()
                    seen.append(f"{found.st_mtime_ns}:{found.st_size}")
        return " ".join(seen)

    def _numbers(self) -> Numbers:
        at_ms, tallied = read_wall_ms(), Tallied()
        with Fleet(self.folder) as fleet:
            for file in fleet.files:
                tallied.add(file.rows(_LINES))
                tallied.add_minutes(file.rows(_MINUTES))
            used = used_tickets(fleet)
        issued, expected, titles = self._census()
        return tallied.numbers(at_ms, issued, expected, used, titles)

    def _census(self) -> tuple[int, int, dict[str, str]]:
        """Issued, expected, and the titles of the types."""
        if not self.folder.pointer.exists():
            return 0, 0, {}
        with closing(Tickets(self.folder)) as tickets:
            lines = tickets.census()
        expected = sum(line.tickets for line in lines if line.status in EXPECTED)
        titles = {line.type_id: line.title for line in lines}
        return sum(line.tickets for line in lines), expected, titles

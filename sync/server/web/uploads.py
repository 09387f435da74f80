"""Lists that were sent by a browser and are not taken in yet: each a file, and what is known of it.

One that nobody looks at any more is forgotten and its file deleted, as is what a process that was
killed has left.
"""

import asyncio
import logging
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DataError, SQLAlchemyError

from gate.errors import GateError
from gate.i18n import _
from gate.lists.intake import Imported
from gate.lists.preview import Sheet, preview
from gate.lists.rows import Reading
from sync.server.http import Denied, unavailable, unstorable
from sync.server.web.columns_form import Choices, charset_named
from sync.server.web.list_source import ListSource, Who
from sync.server.web.multipart import forget

log = logging.getLogger(__name__)
PREFIX: Final = "web-list-"
FORGOTTEN_S: Final = 1800.0
"""How long a list waits for somebody to look at it."""
OF_EVENT: Final = 4
"""Lists of one event that wait at the same time, at most."""


class Stage(StrEnum):
    """How far a list has come."""

    SENT = "sent"
    """Its columns are known; nobody has looked through its rows."""
    CHECKING = "checking"
    CHECKED = "checked"
    TAKING = "taking"
    TAKEN = "taken"


@dataclass(slots=True)
class Upload:
    """A list on its way in."""

    id: str
    event: str
    path: Path
    time_zone: str
    choices: Choices = field(default_factory=Choices)
    stage: Stage = Stage.SENT
    understood: list[Sheet] = field(default_factory=list)
    """Its columns as they are understood without anybody's word."""
    sheets: list[Sheet] = field(default_factory=list)
    """The same with it."""
    fault: str = ""
    """What is wrong with the whole of it."""
    imported: Imported | None = None
    """What came of looking through it, or of taking it in."""
    done: int = 0
    of: int = 0
    forgets: asyncio.TimerHandle | None = None

    @property
    def is_busy(self) -> bool:
        """Whether it is at work."""
        return self.stage in (Stage.CHECKING, Stage.TAKING)

    @property
    def can_be_taken(self) -> bool:
        """Whether every row of it was looked at, and nothing was wrong."""
        found = self.imported
        is_checked = self.stage is Stage.CHECKED and not self.fault
        return is_checked and found is not None and not found.bad and found.is_change

    @property
    def percent(self) -> int:
        """How much of it was read, while it is at work."""
        return min(99, 100 * self.done // self.of) if self.of else 0


class Uploads:
    """The lists that wait at this process."""

    def __init__(self, source: ListSource) -> None:
        self._source = source
        self._waiting: dict[str, Upload] = {}
        self._working: set[asyncio.Task[None]] = set()
        for left in source.uploads.glob(f"{PREFIX}*"):
            # Of a process that was killed: names and codes are in it.
            shutil.rmtree(left, ignore_errors=True)

    def check_room(self, event: str) -> None:
        """Raises Denied when too many lists of an event wait."""
        if sum(one.event == event for one in self._waiting.values()) >= OF_EVENT:
            reason = _("Other lists wait to be taken in. Take one in, or put one aside, first.")
            raise Denied(409, "busy", reason)

    async def add(self, event: str, path: Path, time_zone: str) -> Upload:
        """A file came; its rows are looked through at once."""
        upload = Upload(secrets.token_hex(16), event, path, time_zone)
        self._waiting[upload.id] = upload
        self.touch(upload)
        await self.choose(upload, Choices())
        return upload

    def get(self, event: str, id_: str) -> Upload:
        """A list that waits. Raises Denied."""
        upload = self._waiting.get(id_)
        if upload is None or upload.event != event:
            raise Denied(404, "not_found", _("This list is not here any more. Send it again."))
        self.touch(upload)
        return upload

    def all_of(self, event: str) -> list[Upload]:
        """Those of an event, the first that came first."""
        return [one for one in self._waiting.values() if one.event == event]

    def touch(self, upload: Upload) -> None:
        """Somebody looks at it."""
        if upload.forgets is not None:
            upload.forgets.cancel()
        loop = asyncio.get_running_loop()
        upload.forgets = loop.call_later(FORGOTTEN_S, self._abandon, upload)

    def drop(self, upload: Upload) -> None:
        """Forget a list, and its file. Raises Denied while it is at work."""
        if upload.is_busy:
            raise Denied(409, "busy", _("It is being read. Wait for its end."))
        if upload.forgets is not None:
            upload.forgets.cancel()
        self._waiting.pop(upload.id, None)
        _delete(upload)

    async def choose(self, upload: Upload, choices: Choices) -> None:
        """Read its columns as somebody says, and begin to look through its rows."""
        _check_idle(upload)
        upload.choices, upload.fault, upload.imported = choices, "", None
        upload.stage = Stage.CHECKING
        by_itself = Reading(charset=charset_named(choices.charset))
        try:
            upload.understood = await asyncio.to_thread(preview, upload.path, by_itself)
            upload.sheets = await asyncio.to_thread(preview, upload.path, choices.reading)
        except GateError as fault:
            upload.sheets = []
            upload.stage, upload.fault = Stage.SENT, _sentences(fault)
            return
        if not any(sheet.says_who for sheet in upload.sheets):
            upload.stage = Stage.SENT
            return
        self._begin(upload, None, lambda: None)

    def take(self, upload: Upload, who: Who) -> None:
        """Begin to take a list in. Raises Denied where it has not been found good."""
        _check_idle(upload)
        if not upload.can_be_taken:
            raise Denied(409, "not_checked", _("This list cannot be taken in as it is."))
        upload.stage = Stage.TAKING
        self._begin(upload, who, lambda: self._source.taken_in(upload.event))

    def _begin(self, upload: Upload, who: Who | None, done: Callable[[], None]) -> None:
        upload.done, upload.of = 0, upload.path.stat().st_size
        # It goes on, and comes to its end, whether or not anybody looks at the page.
        task = asyncio.create_task(self._work(upload, who, done))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _work(self, upload: Upload, who: Who | None, done: Callable[[], None]) -> None:
        try:
            async with self._source.taking:
                found = await asyncio.to_thread(self._read, upload, who)
        except GateError as fault:
            upload.fault = _sentences(fault)
        except Denied as denied:
            upload.fault = denied.problem.reason
        except SQLAlchemyError as error:
            away = unstorable() if isinstance(error, DataError) else unavailable()
            upload.fault = away.problem.reason
        except Exception as error:  # noqa: BLE001  whoever waits is told; what it says is for no log
            log.error("list: %s", type(error).__name__)
            upload.fault = _("The server failed. It is written in its log.")
        else:
            upload.imported = found
        if who is not None and not upload.fault:
            upload.stage = Stage.TAKEN
            _delete(upload)
            done()
        else:
            upload.stage = Stage.CHECKED
        self.touch(upload)

    def _read(self, upload: Upload, who: Who | None) -> Imported:
        def progress(done: int, of: int) -> None:
            upload.done, upload.of = done, of

        wanted = upload.choices.wanted(upload.time_zone, dry_run=who is None)
        return self._source.take_in(upload.event, upload.path, wanted, who, progress)

    def _abandon(self, upload: Upload) -> None:
        if upload.is_busy:
            self.touch(upload)
        else:
            self.drop(upload)


def _check_idle(upload: Upload) -> None:
    if upload.is_busy or upload.stage is Stage.TAKEN:
        raise Denied(409, "busy", _("It is being read, or was taken in already."))


def _delete(upload: Upload) -> None:
    if upload.path.parent.exists():
        forget(upload.path)


def _sentences(fault: GateError) -> str:
    return "\n".join(filter(None, (fault.message, fault.hint)))

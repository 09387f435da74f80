"""A list of tickets in the body of one request: kept in a file, then taken in, with its progress.

The answer is one JSON object a line. The last one has what came of it, or ``error``: by then the
status of the answer has long been sent.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Final, Literal

import msgspec
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from gate.clock import read_wall_ms
from gate.errors import GateError
from gate.i18n import _
from gate.lists.charset import named_charset
from gate.lists.columns import stated_columns
from gate.lists.dates import DayOrder
from gate.lists.intake import Imported, Wanted
from gate.lists.rows import Reading
from sync.server import audit
from sync.server.audit import Actor
from sync.server.database import Job
from sync.server.devices import need_event
from sync.server.http import Denied, address_of, cut, unavailable, unstorable
from sync.server.operation import Body, Operation, Parameter
from sync.server.organiser_requests import organiser
from sync.server.server import Server
from sync.server.ticket_lists import audit_text, import_lists

MAX_BYTES: Final = 256 * 1024 * 1024
"""Longest list: some three million tickets."""
WITHIN_S: Final = 900.0
"""How long its body may take in all."""
EVERY_S: Final = 1.0
"""How often the progress is said."""
_PREFIX: Final = "list-"
LINES: Final = "application/x-ndjson"
_SWITCH = Literal["", "0", "1"]
_PARAMETERS: Final = (
    Parameter("file", str, "The list's name, by which it is known what it is: guests.xlsx"),
    Parameter("map", str, "FIELD=COLUMN, such as holder=Full name", is_list=True),
    Parameter("dates", DayOrder, "In which order its dates are written."),
    Parameter("charset", str, "In which characters it is written."),
    Parameter("type", str, "The ticket type of rows that name none."),
    Parameter("kind", str, "The kind of types that are made."),
    Parameter("cancel_missing", _SWITCH, "1: tickets that the list does not have are void."),
    Parameter("skip_bad", _SWITCH, "1: rows that cannot be taken are left out and named."),
    Parameter("replace", _SWITCH, "1: tickets that the list does not have are deleted."),
    Parameter("dry_run", _SWITCH, "1: say what would come of it, and do nothing."),
)
_QUERY: Final = frozenset(one.name for one in _PARAMETERS)
UPLOAD: Final = Operation(
    Body(LINES, "A JSON object a line: the progress, in the last line what came of it."),
    Body("application/octet-stream", "The file, as docs/importing.md takes it."),
    query=_PARAMETERS,
)
"""What the route says of itself."""


class ListUpload:
    """Takes lists in, one at a time: each holds the event's feed until it is done."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._busy = server.taking_list
        for left in server.settings.folder.glob(f"{_PREFIX}*"):
            # Of a server that was killed: names and codes are in it.
            shutil.rmtree(left, ignore_errors=True)

    async def answer(self, request: Request) -> Response:
        """Take the body in as a list of tickets, all or nothing."""
        event = request.path_params["event"]
        name, wanted = _wanted(request)
        await self._server.read(need_event, event)
        if self._busy.locked():
            raise Denied(409, "busy", _("Another list is being taken in. Try again later."))
        await self._busy.acquire()
        try:
            path = await self._kept(request, name)
        except BaseException:
            self._busy.release()
            raise
        at = [0, path.stat().st_size]

        def progress(done: int, total: int) -> None:
            at[:] = done, total

        job = partial(self._take_in, event, path, wanted, _noting(request, event), progress)
        # It goes on, and comes to its end, whether or not anybody reads the answer.
        working = asyncio.create_task(asyncio.to_thread(job))
        working.add_done_callback(lambda done: self._end(event, path, done))
        return StreamingResponse(_lines(working, at), media_type=LINES)

    async def _kept(self, request: Request, name: str) -> Path:
        """The body in a file, in a folder of its own. Raises Denied."""
        settings = self._server.settings
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=settings.folder)) / name
        try:
            async with asyncio.timeout(WITHIN_S):
                with path.open("wb") as file:
                    await _copy(request, file, settings.body_s)
        except TimeoutError as error:
            _forget(path)
            raise cut(408, "slow", _("The body took too long.")) from error
        except ClientDisconnect as error:
            _forget(path)
            raise cut(400, "cut", _("The connection ended within the body.")) from error
        except BaseException:
            _forget(path)
            raise
        return path

    def _take_in(
        self,
        event: str,
        path: Path,
        wanted: Wanted,
        within: Callable[[Job[Imported]], Job[Imported]],
        progress: Callable[[int, int], None],
    ) -> Imported:
        folder = self._server.settings.folder
        return import_lists(
            self._server.engine, event, folder, [path], wanted, within=within, progress=progress
        )

    def _end(self, event: str, path: Path, done: "asyncio.Task[Imported]") -> None:
        """Make way for the next list."""
        if not done.cancelled():
            # Looked at, though nobody may read the answer: what it says of rows is for no log.
            done.exception()
        _forget(path)
        self._busy.release()
        self._server.publish_changes(event)


async def _copy(request: Request, file: BinaryIO, pause_s: float) -> None:
    """Write a body to a file as it comes; ``pause_s`` is how long nothing may come."""
    size, parts = 0, aiter(request.stream())
    while True:
        async with asyncio.timeout(pause_s):
            part = await anext(parts, None)
        if part is None:
            return
        size += len(part)
        if size > MAX_BYTES:
            reason = _("The body is longer than {limit} bytes.").format(limit=MAX_BYTES)
            raise cut(413, "too_large", reason)
        await asyncio.to_thread(file.write, part)


async def _lines(working: "asyncio.Task[Imported]", at: list[int]) -> AsyncIterator[bytes]:
    """The progress now and then, and what came of it."""
    while not (await asyncio.wait([working], timeout=EVERY_S))[0]:
        yield _line({"done": at[0], "of": at[1]})
    yield _line(_outcome(working))


def _outcome(working: "asyncio.Task[Imported]") -> dict[str, Any]:
    error = working.exception()
    if error is None:
        return _summary(working.result())
    if isinstance(error, SQLAlchemyError):
        error = unstorable() if isinstance(error, DataError) else unavailable()
    if isinstance(error, Denied):
        return {"error": error.problem.error, "reason": error.problem.reason}
    if isinstance(error, GateError):
        reason = "\n".join(filter(None, (error.message, error.hint)))
        return {"error": "bad_rows", "reason": reason}
    raise error


def _summary(imported: Imported) -> dict[str, Any]:
    return {
        "types": imported.types,
        "tickets": imported.tickets,
        "by_type": imported.by_type,
        "new": imported.new,
        "changed": imported.changed,
        "guests": imported.people,
        "missing": imported.missing,
        "cancelled": imported.cancelled,
        "bad": imported.bad,
        "errors": imported.errors,
        "notes": imported.notes,
        "zones": imported.zones,
        "lists": [
            {
                "name": one.name,
                "written": one.written,
                "columns": dict(one.columns),
                "left_out": one.left_out,
            }
            for one in imported.lists
        ],
    }


def _noting(request: Request, event: str) -> Callable[[Job[Imported]], Job[Imported]]:
    who = Actor(organiser(request).who, address_of(request))
    now_ms = read_wall_ms()
    return lambda job: audit.noted(job, who, "list", now_ms, event=event, about=audit_text)


def _wanted(request: Request) -> tuple[str, Wanted]:
    """The name of the list, and how it is to be taken in, as the query says. Raises Denied."""
    query = request.query_params
    if unknown := query.keys() - _QUERY:
        raise _invalid(_("there is no such parameter: {name}").format(name=", ".join(unknown)))
    try:
        reading = Reading(
            stated_columns(query.getlist("map")),
            DayOrder(query["dates"]) if "dates" in query else None,
            named_charset(query["charset"]) if "charset" in query else None,
        )
    except GateError as fault:
        raise _invalid(fault.message) from fault
    except ValueError as error:
        raise _invalid(_("dates is one of dmy, mdy, ymd")) from error
    name = PurePath(query.get("file", "list.csv").replace("\\", "/")).name
    if not name or not name.isprintable() or len(name.encode()) > 200:
        raise _invalid(_("file is no name of a file"))
    wanted = Wanted(
        reading=reading,
        type_id=query.get("type", ""),
        make_kind=query.get("kind", ""),
        skip_bad=_is_set(query.get("skip_bad", "")),
        replace=_is_set(query.get("replace", "")),
        cancel_missing=_is_set(query.get("cancel_missing", "")),
        dry_run=_is_set(query.get("dry_run", "")),
    )
    if wanted.cancel_missing and (wanted.skip_bad or wanted.replace):
        raise _invalid(_("cancel_missing goes with neither skip_bad nor replace"))
    return name, wanted


def _is_set(word: str) -> bool:
    if word not in ("", "0", "1"):
        raise _invalid(_("0 or 1 is meant, not {found}").format(found=word[:40]))
    return word == "1"


def _invalid(reason: str) -> Denied:
    return Denied(422, "invalid", reason)


def _line(answer: dict[str, Any]) -> bytes:
    return msgspec.json.encode(answer) + b"\n"


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.parent.rmdir()

"""News for open pages: one reader for an event, however many pages are open, and none for none.

A page is sent anew whole parts of itself, made once for all who see the same. It is told now and
then that there is nothing new, so that it can say when it was last heard of.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from gate import i18n
from gate.errors import StoreError
from gate.i18n import _
from gate.storage.event import EventRow
from sync.server.http import Denied
from sync.server.web import guard
from sync.server.web.level import Level
from sync.server.web.looks import Look
from sync.server.web.numbers import Numbers
from sync.server.web.paced import Paced
from sync.server.web.pages import Pages, Visit
from sync.transport.listening import ENDING

log = logging.getLogger(__name__)
MOST, OF_SESSION = 200, 8
"""Pages that are told news, in all and of one session; the others are as they were loaded."""
LOOK_EVERY_S: Final = 0.25
AGAIN_S: Final = 10.0
"""Read again although nothing came: a pace falls by itself."""
BEAT_S: Final = 5.0
CHECK_S: Final = 30.0
"""How often it is looked whether who has a page open still may."""


@dataclass(frozen=True, slots=True)
class State:
    """What was read of an event."""

    serial: int
    """Grows with each reading."""
    event: EventRow
    numbers: Numbers


Contents = Callable[[State], dict[str, Any]]


class Readings:
    """The newest reading of each event; one at a time is made of each."""

    def __init__(self, pages: Pages) -> None:
        self._source = pages.source
        self._serials = itertools.count(1)
        self._paced = Paced(self._read)

    async def state(self, event: str) -> State:
        """How the event is now, or was a moment ago. Raises Denied when there is none."""
        return await self._paced.newest(event)

    def wait_s(self, event: str) -> float:
        """How long until a reading is another one."""
        return self._paced.wait_s(event)

    async def _read(self, event: str) -> State:
        row = await self._source.event(event)
        if row is None:
            raise Denied(404, "no_event", _("There is no such event."))
        return State(next(self._serials), row, await self._source.numbers(event))


class _Channel:
    """The open pages of one event, and the task that reads for them."""

    def __init__(self, live: "Live", event: str) -> None:
        self._live = live
        self._event = event
        self._news = asyncio.Event()
        self._texts: dict[tuple[str, Look], str] = {}
        self.state: State | None = None
        self.open = 0
        self._task = asyncio.create_task(self._read())

    async def news(self, after: int, within_s: float) -> State | None:
        """The newest reading, once it is another than ``after``; ``None``: not in that time."""
        if self.state is None or self.state.serial <= after:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), within_s)
        state = self.state
        return state if state is not None and state.serial > after else None

    def text(self, view: str, look: Look, state: State) -> str:
        """A view of what was read last, made once for all who see the same."""
        key = (view, look)
        if key not in self._texts:
            self._texts[key] = self._live.text(view, look, state)
        return self._texts[key]

    async def stop(self) -> None:
        """Read no more."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _read(self) -> None:
        version, read_s = "", float("-inf")
        while True:
            try:
                newest = await self._live.pages.source.version(self._event)
                if newest != version or time.monotonic() - read_s > AGAIN_S:
                    # Whatever comes while it is read is another version then.
                    await asyncio.sleep(self._live.readings.wait_s(self._event))
                    newest = await self._live.pages.source.version(self._event)
                    state = await self._live.readings.state(self._event)
                    version, read_s = newest, time.monotonic()
                    self._tell(state)
            except (SQLAlchemyError, StoreError, Denied) as error:
                log.error("live: %s", type(error).__name__)
                await asyncio.sleep(1)
            await asyncio.sleep(LOOK_EVERY_S)

    def _tell(self, state: State) -> None:
        self.state, self._texts = state, {}
        self._news.set()
        self._news = asyncio.Event()


class Live:
    """Every event with open pages."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.readings = Readings(pages)
        self._views: dict[str, tuple[str, Contents]] = {}
        self._channels: dict[str, _Channel] = {}
        self._of_session: dict[str, int] = {}

    @property
    def open(self) -> int:
        """How many pages are told news."""
        return sum(channel.open for channel in self._channels.values())

    def routes(self) -> list[BaseRoute]:
        """The one that stays open."""
        return [self.pages.open("/live", self._live)]

    def add_view(self, name: str, template: str, contents: Contents) -> None:
        """A page whose parts are the same for all who may see it, but for language and contrast."""
        self._views[name] = (template, contents)

    def text(self, view: str, look: Look, state: State) -> str:
        """The parts of a page, each with its id."""
        template, contents = self._views[view]
        with i18n.speaking(look.language):
            with_event = {"event": state.event} | contents(state)
        return self.pages.text("", look, template, with_event)

    async def _live(self, request: Request) -> Response:
        """Parts of a page, as they change; of one that has no view, that something has changed."""
        visit = await self.pages.visit(request, Level.COUNTS, touches=False)
        session = visit.visitor.session
        if self.open >= MOST or self._of_session.get(session, 0) >= OF_SESSION:
            reason = _("Too many pages are open. Close some.")
            raise Denied(503, "too_many_pages", reason, {"Retry-After": "10"})
        view = request.query_params.get("view", "")[:20]
        return StreamingResponse(
            self._stream(visit, view if view in self._views else ""),
            # A proxy must not wait for more of it.
            headers={"X-Accel-Buffering": "no"},
            media_type="text/event-stream",
        )

    async def _stream(self, visit: Visit, view: str) -> AsyncIterator[str]:
        event, session = visit.visitor.event, visit.visitor.session
        channel = self._channels.get(event)
        if channel is None:
            channel = self._channels[event] = _Channel(self, event)
        channel.open += 1
        self._of_session[session] = self._of_session.get(session, 0) + 1
        try:
            async for text in self._messages(visit, view, channel):
                yield text
        finally:
            channel.open -= 1
            self._of_session[session] -= 1
            if not self._of_session[session]:
                del self._of_session[session]
            if not channel.open and self._channels.get(event) is channel:
                del self._channels[event]
                await channel.stop()

    async def _messages(self, visit: Visit, view: str, channel: _Channel) -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        serial, checked_s = 0, time.monotonic()
        ending = visit.request.scope.get("state", {}).get(ENDING)
        while not (ending and ending.is_set()):
            if time.monotonic() - checked_s > CHECK_S:
                checked_s = time.monotonic()
                if not await self._may_go_on(visit):
                    yield _message("over", "")
                    return
            state = await channel.news(serial, BEAT_S if ending is None else 1.0)
            if state is None:
                yield _message("beat", "")
                continue
            is_first, serial = serial == 0, state.serial
            if view:
                yield _message("parts", channel.text(view, visit.look, state))
            elif not is_first:
                yield _message("changed", str(serial))

    async def _may_go_on(self, visit: Visit) -> bool:
        secret = guard.cookie(visit.request, guard.SESSION)
        try:
            found = await self.pages.visitor(secret)
        except (SQLAlchemyError, StoreError):
            # Nobody is sent away because a database is.
            return True
        return found is not None


def _message(kind: str, text: str) -> str:
    """A server-sent event: a line break begins a new line of its data, and nothing else can."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {kind}\n{lines}\n"

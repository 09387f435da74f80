"""Calls the other gates wherever they may be listening, until they are heard."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Collection
from functools import partial

from websockets.asyncio.connection import Connection
from websockets.exceptions import InvalidStatus, WebSocketException

from gate import __version__
from sync.session.twins import RUN_HEADER
from sync.transport.lan_http import proof_in
from sync.transport.lan_stream import STREAM, STREAM_OPTIONS, member_at
from sync.transport.places import Place, Places, Rank
from sync.transport.server_stream import call_there

log = logging.getLogger(__name__)

CALL_S = 4.0
"""How long a call may take until both have shown who they are."""
CALLS = 64
"""How many places are called at a time."""


class Dialler:
    """The calls that are under way, in one loop's thread."""

    def __init__(
        self,
        places: Places,
        tls: ssl.SSLContext,
        run: str,
        now_s: Callable[[], float],
        *,
        follow: Callable[[Connection], Awaitable[None]],
        expelled: Callable[[str], None],
    ) -> None:
        """``follow`` takes over a stream to its end; ``expelled`` is told what proves it."""
        self._places = places
        self._tls = tls
        self._run = run
        self._now_s = now_s
        self._follow = follow
        self._expelled = expelled
        self._calls: dict[str, asyncio.Task[None]] = {}

    def call_who_is_due(self, connected: Collection[str], now_s: float) -> None:
        """Begin to call those that are not connected, as far as it is time to."""
        for place in self._places.due(connected, now_s):
            if len(self._calls) >= CALLS:
                return
            if place.at not in self._calls:
                task = asyncio.ensure_future(self._reach(place))
                self._calls[place.at] = task
                task.add_done_callback(partial(self._end_call, place))

    def close(self) -> None:
        """Call nobody any more."""
        for task in list(self._calls.values()):
            task.cancel()

    def _end_call(self, place: Place, task: "asyncio.Task[None]") -> None:
        self._calls.pop(place.at, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("lan: unforeseen fault with %s", place.at, exc_info=error)
            self._places.fail(place, self._now_s())

    async def _reach(self, place: Place) -> None:
        try:
            socket = await call_there(
                f"wss://{place.at}{STREAM}",
                ssl=self._tls,
                open_timeout=CALL_S,
                proxy=None,
                user_agent_header=f"venue-gate/{__version__}",
                additional_headers={RUN_HEADER: self._run},
                **STREAM_OPTIONS,
            )
        except (OSError, TimeoutError, WebSocketException, ValueError) as error:
            if isinstance(error, InvalidStatus) and (proof := proof_in(error.response)):
                self._expelled(proof)
            # What strangers announce is not worth a line.
            if place.failures == 0 and place.rank > Rank.ANNOUNCED:
                log.info("lan: %s cannot be reached: %s", place.at, error)
            self._places.fail(place, self._now_s())
            return
        # Whoever listens there is known by its certificate, whatever was thought before.
        member = member_at(socket)
        if member is not None:
            self._places.prove(place, member[0], self._now_s())
        await self._follow(socket)

"""HTTP as uvicorn speaks it, for strangers: bounded where uvicorn itself waits or buffers for ever.

Connections on which nothing is asked are closed, and what comes without being a request or the body
of one is cut off.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from sync.transport.listening import CONNECTION
from sync.wire import MAX_FRAME

ASK_S: Final = 20.0
"""How long a connection may take, from its first byte or from its opening, to ask something."""
HEAD_BYTES: Final = 64 * 1024
"""As much may come without completing a request's head or bringing a byte of its body."""
UNREAD_BYTES: Final = 2 * MAX_FRAME
"""As much may wait for a WebSocket's other end to read it."""
PIECES: Final = 4096
"""Into so many a message may be cut."""
PIPELINED: Final = 16
"""Requests that may wait behind the one that is being answered."""

if TYPE_CHECKING:
    Base = H11Protocol
else:
    Base = object


class _RequestTimeout(Base):
    """Requests have to come to the point."""

    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has called."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Something has come: part of a request, or all of it."""
        super().data_received(data)
        if not self._is_waiting():
            self._settle()
        elif self._overdue is None:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """They have hung up."""
        self._settle()
        _close(self.app_state)
        super().connection_lost(exc)

    def _is_waiting(self) -> bool:
        # A stream has a protocol of its own from its first word on.
        is_ours = self.transport.get_protocol() is self
        return is_ours and (self.cycle is None or self.cycle.response_complete)

    def _expect(self) -> None:
        self._overdue = self.loop.call_later(ASK_S, self._hang_up)

    def _settle(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
        self._overdue = None

    def _hang_up(self) -> None:
        self._overdue = None
        if self._is_waiting():
            self.transport.close()


class RequestTimeoutH11(_RequestTimeout, H11Protocol):
    """With h11, which bounds what it buffers itself."""


HttpProtocol: type[asyncio.Protocol] = RequestTimeoutH11
"""What HTTP is spoken with here."""

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ImportError:
    pass
else:

    class RequestTimeoutHttpTools(_RequestTimeout, HttpToolsProtocol):  # type: ignore[misc]
        """With httptools, which buffers whatever comes."""

        _useless = 0
        """Bytes since the last that were of use."""

        def data_received(self, data: bytes) -> None:
            """Something has come."""
            self._useless += len(data)
            super().data_received(data)
            if self._useless > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("Too much that is no request.")

        def on_message_begin(self) -> None:
            """A request begins."""
            if len(self.pipeline) >= PIPELINED:
                reason = "too many requests at once"
                raise ValueError(reason)
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            """Its head is here."""
            self._useless = 0
            super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            """Some of its body is."""
            self._useless = 0
            super().on_body(body)

    HttpProtocol = RequestTimeoutHttpTools


class Stream(WebSocketsSansIOProtocol):
    """A WebSocket that buffers no more than a message either way, and tells of its end."""

    def handle_ping(self) -> None:
        """Answer, unless the other end asks and asks and never reads an answer."""
        if self.transport.get_write_buffer_size() > UNREAD_BYTES:
            self.transport.abort()
        else:
            super().handle_ping()

    def handle_cont(self, event: Frame) -> None:
        """One more piece of a message; what is bounded else is its length only."""
        if len(self.frames) >= PIECES:
            self.transport.abort()
        else:
            super().handle_cont(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        _close(self.app_state)
        super().connection_lost(exc)


def _close(state: dict[str, object]) -> None:
    connection = state.get(CONNECTION)
    if connection is not None:
        connection.close()  # type: ignore[attr-defined]

"""Connections on which nothing is asked are closed: uvicorn itself waits for headers for ever."""

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as Http
else:
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Http
    except ImportError:
        from uvicorn.protocols.http.h11_impl import H11Protocol as Http

ASK_S: Final = 20.0
"""How long a connection may take, from its first byte or from its opening, to ask something."""


class Prompt(Http):
    """HTTP whose requests have to come to the point."""

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

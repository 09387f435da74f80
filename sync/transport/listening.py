"""A port to listen on, and a server on it until it is told to stop."""

import asyncio
import errno
import logging
import signal
import socket
from types import FrameType
from typing import Any

import uvicorn

from gate.errors import BusyError, StoreError, UsageError
from gate.i18n import _
from sync.transport.connections import Connection, Connections

log = logging.getLogger(__name__)
HANDSHAKE_S = 10.0
"""How long TLS may take, from the first byte or none at all."""
HANG_UP_S = 3.0
"""How long the other end may take to say that it has hung up too."""
CONNECTION, ENDING = "connection", "ending"
"""Under these names requests carry, in their state, whose connection they came on, and an event
that is set when the server ends: an answer without an end comes to one by that."""


def place(stated: str) -> tuple[str, int]:
    """Host and port as they were stated. Raises UsageError."""
    host, colon, port = stated.rpartition(":")
    if not (colon and port.isascii() and port.isdecimal() and int(port) < 65536):
        raise UsageError(
            _("{text!r} is nowhere to listen").format(text=stated), _("Like this: 127.0.0.1:8470")
        )
    return host.strip("[]"), int(port)


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises BusyError, StoreError."""
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, *_rest, where = found[0]
        return socket.create_server(where[:2], family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise BusyError(
                _("port {port} is in use by another program").format(port=port),
                _("Stop it, or listen elsewhere with --listen HOST:PORT."),
            ) from error
        raise StoreError(
            _("cannot listen on {host}: {detail}").format(host=host, detail=error.strerror), ""
        ) from error


class Server(uvicorn.Server):
    """Uvicorn, but for who gets a connection: it accepts without bound and waits long for TLS."""

    def __init__(
        self, config: uvicorn.Config, listener: socket.socket, connections: Connections
    ) -> None:
        super().__init__(config)
        self._listener = listener
        self._connections = connections
        self._accepting: asyncio.Task[None] | None = None
        self._welcoming: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept."""
        await super().startup(sockets=sockets or [])
        self._listener.setblocking(False)  # noqa: FBT003  socket's own
        self._accepting = asyncio.create_task(self._accept())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nobody more, and let those that are here come to an end."""
        self._ending.set()
        for task in (self._accepting, *self._welcoming):
            if task is not None:
                task.cancel()
        self._listener.close()
        await super().shutdown(sockets)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(self._listener)
            except OSError as error:
                if error.errno != errno.ECONNABORTED:
                    # No more files, or no memory: there will be.
                    log.warning("cannot accept a connection: %s", error.strerror)
                    self._connections.make_room()
                    await asyncio.sleep(0.1)
                continue
            task = asyncio.create_task(self._welcome(accepted, address[0]))
            self._welcoming.add(task)
            task.add_done_callback(self._welcoming.discard)

    async def _welcome(self, accepted: socket.socket, address: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        before = self._connections.ended
        connection = self._connections.open(address, task.cancel)
        if self._connections.ended > before:
            log.warning("too many connections of strangers: hung up on one, for %s", address)
        try:
            transport = await self._connect(accepted, connection)
        except (OSError, TimeoutError) as error:
            connection.close()
            log.warning("no connection with %s: %s", address, type(error).__name__)
        except asyncio.CancelledError:
            connection.close()
            raise
        else:
            connection.hang_up = transport.abort

    async def _connect(
        self, accepted: socket.socket, connection: Connection
    ) -> asyncio.WriteTransport:
        loop, config = asyncio.get_running_loop(), self.config
        protocol = config.http_protocol_class(  # type: ignore[call-arg]
            config=config,
            server_state=self.server_state,
            app_state={**self.lifespan.state, CONNECTION: connection, ENDING: self._ending},
            _loop=loop,
        )
        tls: dict[str, Any] = {}
        if config.ssl is not None:
            tls = {
                "ssl": config.ssl,
                "ssl_handshake_timeout": HANDSHAKE_S,
                "ssl_shutdown_timeout": HANG_UP_S,
            }
        try:
            transport, _protocol = await loop.connect_accepted_socket(
                lambda: protocol, accepted, **tls
            )
        except BaseException:
            accepted.close()
            raise
        return transport


def run(server: Server) -> bool:
    """Serve until a signal or the server itself ends it; whether it ever began."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn ends well on both, and then raises the signal once more for whoever started it.
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run()
    finally:
        for number, kept in before.items():
            signal.signal(number, kept)
    return server.started

"""A port to listen on, and a server on it until it is told to stop."""

import errno
import signal
import socket
from types import FrameType

import uvicorn

from gate.errors import BusyError, StoreError, UsageError
from gate.language import _


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


def run(server: uvicorn.Server, listener: socket.socket) -> bool:
    """Serve until a signal or the server itself ends it; whether it ever began."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn ends well on both, and then raises the signal once more for whoever started it.
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[listener])
    finally:
        for number, kept in before.items():
            signal.signal(number, kept)
    return server.started

"""Connections as the system gives them: how many there may be, and sockets that are counted."""

import logging
import socket
from contextlib import suppress
from typing import Any

from sync.transport.connections import Connection, Connections

try:
    import resource
except ImportError:  # Windows has no such limit.
    resource = None  # type: ignore[assignment]

log = logging.getLogger(__name__)


def raise_file_limit() -> int:
    """Let this process open as many files as it may; how many (a connection is one)."""
    if resource is None:
        return 8192  # What Windows' C library allows at most.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return 2**20 if soft == resource.RLIM_INFINITY else soft


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there, or on every address of either kind. Raises OSError."""
    if host:
        flags = socket.AI_PASSIVE
        (family, *_kind, at), *_others = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=flags
        )
        return socket.create_server(at[:2], family=family)
    if socket.has_dualstack_ipv6():
        with suppress(OSError):
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


class Listener(socket.socket):
    """A listening socket that counts whom it accepts, for a loop that accepts by itself."""

    def __init__(self, listening: socket.socket, connections: Connections) -> None:
        super().__init__(
            listening.family, listening.type, listening.proto, fileno=listening.detach()
        )
        self._connections = connections
        self._open: dict[Any, _Accepted] = {}

    def accept(self) -> tuple[socket.socket, Any]:
        """The next one who calls."""
        plain, address = super().accept()
        accepted = _Accepted(plain.family, plain.type, plain.proto, fileno=plain.detach())
        before = self._connections.ended
        accepted.connection = self._connections.open(address[0], accepted.hang_up)
        if self._connections.ended > before:
            log.warning("too many connections of strangers: hung up on one, for %s", address[0])
        accepted.forget = lambda: self._forget(address, accepted)
        self._open[address] = accepted
        return accepted, address

    def prove(self, address: object, name: str, most: int) -> None:
        """Whoever calls from there (host, port) belongs here, and may have so many connections."""
        accepted = self._open.get(address)
        if accepted is None or accepted.connection is None:
            return
        if accepted.connection.prove(name, most):
            log.warning("too many connections of %s: hung up on its oldest", name)

    def _forget(self, address: object, accepted: "_Accepted") -> None:
        # The same port may have called again before the end of its last call was read.
        if self._open.get(address) is accepted:
            del self._open[address]


class _Accepted(socket.socket):
    connection: Connection | None = None
    forget: Any = None

    def hang_up(self) -> None:
        # Whoever reads from it meets its end, in the middle of a handshake too.
        with suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        super().close()
        if self.connection is not None:
            self.connection.close()
            self.forget()

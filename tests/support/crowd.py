"""Callers who take a place and say nothing."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def crowd(host: str, port: int, count: int) -> Iterator[list[socket.socket]]:
    """So many connections, the oldest first."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection((host, port), 10)) for _n in range(count)
        ]


def still_there(idle: list[socket.socket]) -> int:
    """How many of them have not been hung up on."""
    left = 0
    for one in idle:
        one.setblocking(False)
        try:
            left += one.recv(1) != b""
        except BlockingIOError:
            left += 1
        except OSError:
            pass
    return left

"""How many connections strangers may hold, and who makes way."""

import asyncio
import socket

import pytest

from sync.transport.accepting import Listener, raise_file_limit
from sync.transport.connections import Connection, Connections, source_of


class Calls:
    """Who calls, and whom that ended."""

    def __init__(self, connections: Connections) -> None:
        self.connections, self.ended = connections, list[str]()

    def open(self, name: str, address: str) -> Connection:
        return self.connections.open(address, lambda: self.ended.append(name))


def test_of_one_address_the_oldest_stranger_makes_way() -> None:
    """Others' connections stay, and whoever has just come."""
    calls = Calls(Connections(10, 2))
    calls.open("other", "10.0.0.1")
    for name in ("first", "second", "third"):
        calls.open(name, "10.0.0.2")
    assert calls.ended == ["first"]
    assert len(calls.connections) == 3


def test_of_all_the_oldest_stranger_makes_way() -> None:
    """However many addresses an attacker has."""
    calls = Calls(Connections(3, 2))
    for n in range(5):
        calls.open(f"{n}", f"10.0.0.{n}")
    assert calls.ended == ["0", "1"]


def test_whoever_has_proved_itself_is_not_counted() -> None:
    """200 gates behind one address, among 5,000 that only hold a place."""
    calls = Calls(Connections(100, 20))
    for n in range(5000):
        calls.open("stranger", "10.0.0.1")
        if n % 25 == 0:
            calls.open("gate", "10.0.0.1").prove(f"gate {n}", 1)
    assert "gate" not in calls.ended
    assert len(calls.connections) == 20


def test_one_that_has_ended_makes_room() -> None:
    """And ending twice, or after it was ended, changes nothing."""
    calls = Calls(Connections(2, 1))
    for n in range(10):
        connection = calls.open(f"{n}", "10.0.0.1")
        connection.close()
        connection.close()
        connection.prove("gate", 1)
    assert calls.ended == []
    first = calls.open("first", "10.0.0.1")
    calls.open("second", "10.0.0.1")
    first.close()
    assert calls.ended == ["first"]
    assert len(calls.connections) == 1


def test_of_one_credential_the_oldest_connection_makes_way() -> None:
    """Who has stolen it opens thousands; others', and who came on a kept connection, stay."""
    calls = Calls(Connections(10, 10))
    calls.open("other", "10.0.0.1").prove("other", 2)
    shared = calls.open("a proxy's", "10.0.0.9")
    for name in ("thief", "other", "thief", "thief", "other"):
        shared.prove(name, 2)
    for n in range(1000):
        is_one_too_many = calls.open(f"{n}", "10.0.0.2").prove("thief", 2)
        assert is_one_too_many == (n >= 2)
    assert calls.ended == [f"{n}" for n in range(998)]
    shared.close()
    calls.open("again", "10.0.0.1").prove("other", 2)
    assert len(calls.ended) == 998
    assert len(calls.connections) == 0


def test_an_exempt_address_is_bounded_by_all_only() -> None:
    """A proxy's, behind which everybody is."""
    calls = Calls(Connections(5, 1, lambda address: address == "10.0.0.9"))
    for n in range(6):
        calls.open(f"{n}", "10.0.0.9")
    assert calls.ended == ["0"]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "a socket of this machine", False),
    ],
)
def test_who_has_a_network_of_addresses_is_one(one: str, other: str, *, is_same: bool) -> None:
    """A /64 of IPv6 is one subscriber's; whatever else is no address counts as it is."""
    assert (source_of(one) == source_of(other)) == is_same


async def test_a_listener_counts_whom_it_accepts() -> None:
    """The oldest is hung up on, one that was proved stays, and whoever has gone is not counted."""
    connections = Connections(3, 3)
    listener = Listener(socket.create_server(("127.0.0.1", 0)), connections)
    at = listener.getsockname()
    came = asyncio.Semaphore(0)

    class Quiet(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            came.release()

    server = await asyncio.get_running_loop().create_server(Quiet, sock=listener)
    callers = []
    for n in range(5):
        callers.append(await asyncio.open_connection(*at))
        await came.acquire()
        if n == 0:
            listener.prove(callers[0][1].get_extra_info("sockname"), "gate", 1)
    assert await callers[1][0].read() == b""
    assert len(connections) == 3
    callers[2][1].close()
    while len(connections) != 2:
        await asyncio.sleep(0.001)
    assert not callers[0][0].at_eof()
    for _reader, writer in callers:
        writer.close()
    server.close()
    await server.wait_closed()


def test_as_many_files_may_be_open_as_the_system_allows() -> None:
    """A connection is a file; what is said to be allowed is."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = min(100, before[1])
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, before[1]))
        assert raise_file_limit() in (before[1], 2**20)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

"""The stream from the server over a network that lets half of things through, or nothing."""

import asyncio
import errno
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from gate.storage.enrolment import Enrolment
from sync.server.invite import self_signed
from sync.transport.http_client import ServerClient, ServerUnreachable
from sync.transport.server_stream import ServerStream
from sync.wire import SyncRequest, SyncRequestStamp, SyncResponse
from tests.system.proxy import Proxy

ANSWER = msgspec.json.encode(SyncResponse())
IN_TIME_S = 10.0
"""Hanging up takes a second where nobody answers; for ever is what must not be."""


class Far:
    """A server that says what the test wants, in a thread of its own."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.came: SimpleQueue[bytes] = SimpleQueue()
        self.redirects = self.asked = 0
        self.says = ANSWER
        self._tls = tls
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)
        self._thread.start()
        assert self._is_ready.wait(IN_TIME_S)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(IN_TIME_S)

    async def _live(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with serve(
            self._answer, "127.0.0.1", 0, ssl=self._tls, process_request=self._ask, close_timeout=1
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._is_ready.set()
            await self._end.wait()

    def _ask(self, _socket: ServerConnection, request: Request) -> Response | None:
        self.asked += 1
        if not self.redirects:
            return None
        return Response(302, "Found", Headers(Location=f"wss://127.0.0.1:{self.port}/elsewhere"))

    async def _answer(self, socket: ServerConnection) -> None:
        async for data in socket:
            assert isinstance(data, bytes)
            self.came.put(data)
            await socket.send(self.says)


class There:
    """A client whose way leads through bad weather."""

    def __init__(self, far: Far, proxy: Proxy, certificate: str) -> None:
        self.far, self.proxy = far, proxy
        url = f"https://127.0.0.1:{proxy.port}"
        enrolment = Enrolment(url, event="show", credential="secret", certificate=certificate)
        self._client = ServerClient(enrolment)
        self.heard: SimpleQueue[SyncResponse] = SimpleQueue()
        self.receive: Callable[[SyncResponse], None] = self.heard.put
        self.gone: SimpleQueue[str] = SimpleQueue()

    def open(self) -> ServerStream:
        return self._client.stream(self.receive, self.gone.put)

    def change(self, **weather: Any) -> None:
        self.proxy.change(lambda now: vars(now).update(weather))


@pytest.fixture
def there(tmp_path: Path) -> Iterator[There]:
    certificate, key = self_signed(tmp_path, "127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    far = Far(tls)
    proxy = Proxy(far.port)
    yield There(far, proxy, certificate.read_text())
    proxy.close()
    far.close()


@contextmanager
def opened(there: There) -> Iterator[ServerStream]:
    stream = there.open()
    try:
        yield stream
    finally:
        closer = threading.Thread(target=stream.close, daemon=True)
        closer.start()
        closer.join(IN_TIME_S)
        assert not closer.is_alive()


def test_what_is_sent_is_answered(there: There) -> None:
    """One after the other; hanging up is told to nobody who did it."""
    with opened(there) as stream:
        for _n in range(3):
            stream.send(SyncRequest())
            assert there.heard.get(timeout=IN_TIME_S) == SyncResponse()
    assert there.gone.empty()
    stream.send(SyncRequest())
    stream.close()


@pytest.mark.parametrize("weather", ["is_torn", "is_half_open"])
def test_hanging_up_waits_for_nobody(there: There, weather: str) -> None:
    """Not for the other half of a record either, half of which has come."""
    with opened(there) as stream:
        there.change(**{weather: True})
        stream.send(SyncRequest())
        if weather == "is_torn":
            there.far.came.get(timeout=IN_TIME_S)
    assert there.heard.empty()


def test_more_than_the_network_takes_waits(there: There) -> None:
    """Whoever sends goes on at once, and hangs up when it has been silent for too long."""
    with opened(there) as stream:
        there.change(is_half_open=True)
        request = SyncRequest(stamp=SyncRequestStamp(0, tip="x" * 100_000))
        for _n in range(200):
            stream.send(request)
    assert there.heard.empty()


def test_a_connection_that_is_cut_is_told_once(there: There) -> None:
    """With a reason; what is sent after it goes nowhere."""
    with opened(there) as stream:
        there.proxy.down()
        assert there.gone.get(timeout=IN_TIME_S)
        stream.send(SyncRequest())
    assert there.gone.empty()


@pytest.mark.parametrize("says", [b"no JSON", b'{"head": 3}', b"\xff"])
def test_what_cannot_be_read_ends_it(there: There, says: bytes) -> None:
    """Why is told."""
    there.far.says = says
    with opened(there) as stream:
        stream.send(SyncRequest())
        assert there.gone.get(timeout=IN_TIME_S)
    assert there.heard.empty()


def test_a_fault_of_ours_ends_it_and_is_logged(
    there: There, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread would be gone, and the stream seem silent."""

    def receive(_answer: SyncResponse) -> None:
        told = "not foreseen"
        raise RuntimeError(told)

    there.receive = receive
    with opened(there) as stream:
        stream.send(SyncRequest())
        assert there.gone.get(timeout=IN_TIME_S) == "not foreseen"
    assert "unforeseen fault" in caplog.text


def test_a_credential_goes_nowhere_else(there: There) -> None:
    """Whoever answers that it is to be asked elsewhere is not followed."""
    there.far.redirects = 1
    with pytest.raises(ServerUnreachable, match="302"):
        there.open()
    assert there.far.asked == 1


def test_nobody_there_is_told_to_whoever_opens(there: There) -> None:
    there.proxy.down()
    with pytest.raises(ServerUnreachable):
        there.open()
    assert there.gone.empty()


def test_no_room_for_another_loop_is_told_to_whoever_opens(
    there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for what never began."""

    def run(coroutine: Coroutine[None, None, None]) -> None:
        coroutine.close()
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(asyncio, "run", run)
    with pytest.raises(ServerUnreachable, match="too many"):
        there.open()

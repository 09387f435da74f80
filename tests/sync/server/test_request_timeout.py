"""Callers who do not come to the point are hung up on; everybody else is served."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode

from sync.server import http, invite, request_timeout
from sync.server.callers import prove
from sync.server.request_timeout import PIPELINED, RequestTimeoutH11, Stream
from sync.transport import listening
from sync.transport.connections import Connections

pytestmark = pytest.mark.system

ASK_S = 0.3
BOUND_S = 30.0
STRANGERS = 8
SPEAKERS: list[type[asyncio.Protocol]] = [RequestTimeoutH11]
with suppress(ImportError):  # it is an extra
    from sync.server.request_timeout import RequestTimeoutHttpTools

    SPEAKERS.append(RequestTimeoutHttpTools)
WHOLE = b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n"


async def _answer(request: Request) -> PlainTextResponse:
    if request.query_params.get("belongs"):
        prove(request, request.query_params["belongs"], STRANGERS)
    await asyncio.sleep(float(request.query_params.get("wait", "0")))
    return PlainTextResponse("here")


async def _echo(stream: WebSocket) -> None:
    await stream.accept()
    with suppress(WebSocketDisconnect):
        while True:
            await stream.send_text(await stream.receive_text())


@asynccontextmanager
async def served(
    speaker: type[asyncio.Protocol], *, framed: bool = True, tls: tuple[Path, Path] | None = None
) -> AsyncIterator[int]:
    """A server of which few strangers may hold a place; the port it listens on."""
    app = Starlette(
        routes=[Route("/", _answer, methods=["GET", "POST"]), WebSocketRoute("/stream", _echo)],
        middleware=[Middleware(http.Framed)] if framed else [],
    )
    certificate, key = tls or (None, None)
    config = uvicorn.Config(
        app, http=speaker, ws=Stream, log_config=None, timeout_keep_alive=30,
        ssl_certfile=certificate, ssl_keyfile=key,
    )  # fmt: skip
    listener = listening.bind("127.0.0.1", 0)
    server = listening.Server(config, listener, Connections(STRANGERS, STRANGERS))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield int(listener.getsockname()[1])
    server.should_exit = True
    await running


@pytest.fixture(params=SPEAKERS, ids=lambda speaker: speaker.__name__)
async def port(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[int]:
    """A server that waits very briefly, with either of what speaks HTTP."""
    monkeypatch.setattr(request_timeout, "ASK_S", ASK_S)
    async with served(request.param) as port:
        yield port


@pytest.fixture(params=SPEAKERS, ids=lambda speaker: speaker.__name__)
async def patient(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    """One that waits as long as it does."""
    async with served(request.param) as port:
        yield port


async def trickle(writer: asyncio.StreamWriter, what: bytes) -> None:
    """A byte now and then, for as long as anybody listens."""
    with suppress(ConnectionError):
        for byte in what:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(ASK_S / 4)


@pytest.mark.parametrize("first", [b"", WHOLE], ids=["at once", "after a request"])
async def test_headers_that_do_not_end_are_not_waited_for(port: int, first: bytes) -> None:
    """Byte by byte, or none at all after the first: the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    if first:
        writer.write(first)
        assert await reader.readuntil(b"here")
    slow = asyncio.create_task(trickle(writer, WHOLE * 20))
    with suppress(ConnectionError):  # a byte was on its way
        assert await asyncio.wait_for(reader.read(), BOUND_S) == b""
    slow.cancel()
    writer.close()


async def test_a_caller_who_says_nothing_is_not_waited_for(port: int) -> None:
    """A connection costs a place; whoever only takes one loses it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await asyncio.wait_for(reader.read(), BOUND_S) == b""
    writer.close()


async def test_a_slow_answer_and_a_pause_are_no_fault(port: int) -> None:
    """Who has asked is answered, however long that takes, and may ask again later."""
    raw = socket.create_connection(("127.0.0.1", port))
    # Before the server can have begun to wait for it.
    raw.sendall(WHOLE.replace(b"/ ", f"/?wait={3 * ASK_S} ".encode(), 1))
    reader, writer = await asyncio.open_connection(sock=raw)
    for request in (b"", WHOLE):
        writer.write(request)
        assert await asyncio.wait_for(reader.readuntil(b"here"), BOUND_S)
        await asyncio.sleep(2 * ASK_S)
    writer.close()


async def test_a_stream_may_be_silent(port: int) -> None:
    """A WebSocket has asked what it wanted."""
    async with connect(f"ws://127.0.0.1:{port}/stream", proxy=None) as stream:
        await asyncio.sleep(3 * ASK_S)
        await stream.send("still here")
        assert await stream.recv() == "still here"


async def asked(port: int, request: bytes) -> bytes:
    """All that is answered until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), BOUND_S)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


SMUGGLED = b"GET /?belongs=gate HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n"
TWO_ENDS = (
    b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % (len(SMUGGLED) + 5),
    b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    b"Content-Length: 5\r\nContent-Length: 6\r\n",
    b"Transfer-Encoding: chunked, identity\r\n",
)


@pytest.mark.parametrize("signed_tips", TWO_ENDS)
async def test_what_may_be_read_as_two_requests_is_refused(
    patient: int, signed_tips: bytes
) -> None:
    """And the connection with it: what stands behind is not answered."""
    begin = b"POST / HTTP/1.1\r\nHost: gate\r\n" + signed_tips + b"\r\n"
    told = await asked(patient, begin + b"0\r\n\r\n" + SMUGGLED)
    assert told.split(b" ")[1] in (b"400", b"501")
    assert b"here" not in told


async def test_a_coding_is_unknown_to_old_http(patient: int) -> None:
    """A proxy of HTTP/1.0 goes by something else than we would."""
    begin = b"POST / HTTP/1.0\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n"
    told = await asked(patient, begin + b"0\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 400 ")


async def test_a_length_and_a_coding_would_be_believed() -> None:
    """By h11 itself: the refusal above is ours."""
    async with served(RequestTimeoutH11, framed=False) as port:
        begin = b"POST / HTTP/1.1\r\nHost: gate\r\n" + TWO_ENDS[0] + b"\r\n"
        assert b"here" in await asked(port, begin + b"0\r\n\r\n" + SMUGGLED)


def long_head() -> bytes:
    return b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 999) for n in range(9999))


def long_line() -> bytes:
    return b"GET / HTTP/1.1\r\nX: " + b"y" * 9_999_999


def long_address() -> bytes:
    return b"GET /" + b"y" * 9_999_999


def long_trailers() -> bytes:
    begin = b"POST / HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    return begin + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 999) for n in range(9999))


@pytest.mark.parametrize("request_", [long_head, long_line, long_address, long_trailers])
async def test_what_is_no_request_is_not_kept(patient: int, request_: Callable[[], bytes]) -> None:
    """10 MB of headers, or of one, or of an address: the connection is closed long before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", patient)
    with suppress(ConnectionError):
        writer.write(request_())
        await asyncio.wait_for(writer.drain(), BOUND_S)
        await asyncio.wait_for(reader.read(), BOUND_S)
    with suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), BOUND_S) == b""
    writer.close()


async def test_without_a_bound_it_would_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """By httptools, whose buffers have none: the one above is needed."""
    monkeypatch.setattr(request_timeout, "HEAD_BYTES", 10**9)
    for speaker in SPEAKERS[1:]:
        async with served(speaker) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(long_line())
            await asyncio.wait_for(writer.drain(), BOUND_S)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(), ASK_S)
            writer.close()


async def test_it_goes_on_when_there_are_no_more_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who came first makes room; whoever comes then is served."""
    loop = asyncio.get_running_loop()
    real, failures = loop.sock_accept, [errno.EMFILE, errno.ENFILE, errno.ECONNABORTED]

    async def accept(listener: object) -> object:
        accepted = await real(listener)  # type: ignore[arg-type]
        if failures:
            accepted[0].close()
            raise OSError(failures.pop(), "no more")
        return accepted

    monkeypatch.setattr(loop, "sock_accept", accept)
    async with served(RequestTimeoutH11) as port:
        for _n in range(3):
            assert await asked(port, SMUGGLED) == b""
        assert b"here" in await asked(port, SMUGGLED)


async def test_requests_in_a_row_are_answered_in_order(patient: int) -> None:
    """Some that were sent at once."""
    told = await asked(patient, WHOLE * (PIPELINED - 1) + SMUGGLED)
    assert told.count(b"here") == PIPELINED


async def test_ten_thousand_requests_at_once_are_not_kept() -> None:
    """While the first is being answered, httptools would read all the others."""
    for speaker in SPEAKERS[1:]:
        async with served(speaker) as port:
            told = await asked(port, b"GET /?wait=0.2 HTTP/1.1\r\n\r\n" * 10_000)
            assert told.count(b"here") <= 1


async def test_strangers_that_only_hold_a_place_make_way(patient: int) -> None:
    """The oldest first; whoever belongs stays, and one more is served."""
    belongs = await asyncio.open_connection("127.0.0.1", patient)
    belongs[1].write(WHOLE.replace(b"/ ", b"/?belongs=other ", 1))
    assert await belongs[0].readuntil(b"here")
    strangers = [await asyncio.open_connection("127.0.0.1", patient) for _n in range(3 * STRANGERS)]
    for reader, _writer in strangers[: 2 * STRANGERS]:
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), BOUND_S) == b""
    assert b"here" in await asked(patient, SMUGGLED)
    belongs[1].write(WHOLE)
    assert await asyncio.wait_for(belongs[0].readuntil(b"here"), BOUND_S)
    for _reader, writer in [*strangers, belongs]:
        writer.close()


async def test_a_stream_that_belongs_stays(patient: int) -> None:
    """One that does not makes way; one that has ended takes no place."""
    async with connect(f"ws://127.0.0.1:{patient}/stream", proxy=None) as strangers:
        for _n in range(STRANGERS):
            async with connect(f"ws://127.0.0.1:{patient}/stream", proxy=None) as other:
                await other.send("here")
                assert await other.recv() == "here"
        await strangers.send("still")
        assert await strangers.recv() == "still"


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x01\x02\x00"], ids=["nothing", "half a hello"])
async def test_tls_that_does_not_come_about_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    """Neither before its first byte nor in its middle; others are served meanwhile."""
    monkeypatch.setattr(listening, "HANDSHAKE_S", ASK_S)
    tls = invite.self_signed(tmp_path, "127.0.0.1")
    async with served(SPEAKERS[-1], tls=tls) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first)
        blank = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        blank.check_hostname, blank.verify_mode = False, ssl.CERT_NONE
        served_, asking = await asyncio.open_connection("127.0.0.1", port, ssl=blank)
        asking.write(SMUGGLED)
        assert b"here" in await served_.read()
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), BOUND_S) == b""
        for one in (writer, asking):
            one.close()


UPGRADE = (
    b"GET /stream HTTP/1.1\r\nHost: gate\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@asynccontextmanager
async def hoarding(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A WebSocket whose client reads nothing but what the test does."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=raw, limit=1024)
    writer.write(UPGRADE)
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    yield reader, writer
    writer.close()


@pytest.mark.examples(1)
@pytest.mark.parametrize(
    ("first", "again", "bound"),
    [
        (Frame(Opcode.PING, bytes(125)), Frame(Opcode.PING, bytes(125)), "UNREAD_BYTES"),
        (Frame(Opcode.TEXT, b"", fin=False), Frame(Opcode.CONT, b"", fin=False), "PIECES"),
    ],
    ids=["pings whose answers nobody reads", "a message of pieces without end"],
)
@pytest.mark.parametrize("is_bounded", [True, False])
async def test_a_stream_buffers_no_more_than_a_message(
    monkeypatch: pytest.MonkeyPatch, first: Frame, again: Frame, bound: str, *, is_bounded: bool
) -> None:
    """It is cut; without the bound it would not be."""
    monkeypatch.setattr(request_timeout, bound, 1000 if is_bounded else 10**12)
    async with served(RequestTimeoutH11) as port, hoarding(port) as (_reader, writer):
        writer.write(first.serialize(mask=True))
        piece = again.serialize(mask=True) * 200
        is_cut = False
        try:
            for _n in range(400):
                writer.write(piece)
                await asyncio.wait_for(writer.drain(), BOUND_S)
                # What was sent last is what the server has read but for one buffer of the system.
                await asyncio.sleep(0)
        except ConnectionError:
            is_cut = True
        assert is_cut == is_bounded

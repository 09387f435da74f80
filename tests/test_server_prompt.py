"""Callers who do not come to the point are hung up on; everybody else is served."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect

from sync.central import prompt
from sync.central.prompt import Prompt
from tests.network import free_port

ASK_S = 0.3
WHOLE = b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n"


async def _answer(request: Request) -> PlainTextResponse:
    await asyncio.sleep(float(request.query_params.get("wait", "0")))
    return PlainTextResponse("here")


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            await socket.send_text(await socket.receive_text())


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server that waits very briefly."""
    monkeypatch.setattr(prompt, "ASK_S", ASK_S)
    app = Starlette(routes=[Route("/", _answer), WebSocketRoute("/stream", _echo)])
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, http=Prompt, log_config=None, timeout_keep_alive=30)
    )
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield port
    server.should_exit = True
    await running


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
    assert await asyncio.wait_for(reader.read(), 20 * ASK_S) == b""
    slow.cancel()
    writer.close()


async def test_a_caller_who_says_nothing_is_not_waited_for(port: int) -> None:
    """A connection costs a place; whoever only takes one loses it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await asyncio.wait_for(reader.read(), 20 * ASK_S) == b""
    writer.close()


async def test_a_slow_answer_and_a_pause_are_no_fault(port: int) -> None:
    """Who has asked is answered, however long that takes, and may ask again later."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asking = WHOLE.replace(b"/ ", f"/?wait={3 * ASK_S} ".encode(), 1)
    for request in (asking, WHOLE):
        writer.write(request)
        assert await asyncio.wait_for(reader.readuntil(b"here"), 20 * ASK_S)
        await asyncio.sleep(2 * ASK_S)
    writer.close()


async def test_a_stream_may_be_silent(port: int) -> None:
    """A WebSocket has asked what it wanted."""
    async with connect(f"ws://127.0.0.1:{port}/stream", proxy=None) as socket:
        await asyncio.sleep(3 * ASK_S)
        await socket.send("still here")
        assert await socket.recv() == "still here"

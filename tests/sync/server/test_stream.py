"""One connected device: how its connection ends."""

import asyncio
import logging
from typing import Any, cast

import pytest

from sync.server.devices import Device
from sync.server.stream import DeviceStream


class Closed:
    """A connection whose other side has closed: uvicorn says so to whoever sends."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.closed: list[tuple[int, str]] = []

    async def send_bytes(self, _frame: bytes) -> None:
        raise self._error

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    async def close(self, code: int, why: str) -> None:
        self.closed.append((code, why))


async def ended(error: Exception) -> Closed:
    stream, websocket = DeviceStream(cast("Device", object()), "run"), Closed(error)
    stream.offer(b"news")
    await asyncio.wait_for(stream.run(cast("Any", websocket), cast("Any", None)), 5)
    return websocket


async def test_who_has_closed_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    """News that meets a closed connection ends the stream, and nothing of it is in the log."""
    with caplog.at_level(logging.INFO):
        websocket = await ended(RuntimeError("Unexpected ASGI message 'websocket.send'"))
    assert (websocket.closed, caplog.records) == ([], [])


async def test_any_other_fault_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """What is wrong with the server itself is in its log, and the device is told to come again."""
    websocket = await ended(ValueError("of ours"))
    assert websocket.closed == [(1011, "fault")]
    assert [record.levelname for record in caplog.records] == ["ERROR"]

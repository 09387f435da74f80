"""A USB 2 device of ours in the machine, plugged in from outside, by QEMU's ``usb-redir``.

To the machine it is a device at its xHCI. What QEMU asks of it comes by the usbredir protocol, in
which this is the *usb-host* (SPICE's ``usb-redirection-protocol.md``, version 0.7).
"""

import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.system.machine.emulator import connected

_HELLO, _CONNECT, _INTERFACES, _ENDPOINTS = 0, 1, 4, 5
_SET_CONFIGURATION, _GET_CONFIGURATION, _CONFIGURATION_STATUS = 6, 7, 8
_SET_ALTERNATE, _GET_ALTERNATE, _ALTERNATE_STATUS = 9, 10, 11
_CANCEL, _CONTROL, _BULK = 21, 100, 101
_FIRST_HEAD, _HEAD = struct.Struct("<III"), struct.Struct("<IIQ")
_CONTROL_HEAD, _BULK_HEAD = struct.Struct("<BBBBHHH"), struct.Struct("<BBHIH")
_CAPABILITIES = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6
"""A version of the device, sizes of packets, ids of 64 bits, lengths of 32: xHCI wants them."""
_SUCCESS, _CANCELLED, _STALL = 0, 1, 4
_HIGH_SPEED, _NO_ENDPOINT, _CONTROL_SIZE = 2, 255, 64
DEVICE, CONFIGURATION, STRING, INTERFACE, ENDPOINT = 1, 2, 3, 4, 5
"""Types of descriptors (USB 2.0, table 9-5)."""
IN = 0x80
"""To the machine, as ``bmRequestType`` and ``bEndpointAddress`` have it."""
_GET_DESCRIPTOR, _GET_STATUS, _CLEAR_HALT = (IN, 6), (IN, 0), (0x02, 1)


@dataclass(frozen=True)
class Setup:
    """A control request (USB 2.0, 9.3)."""

    kind: int
    """``bmRequestType``."""
    request: int
    value: int
    index: int
    length: int


class Function(Protocol):
    """What the device is."""

    @property
    def descriptors(self) -> Mapping[tuple[int, int], bytes]:
        """By type and number, as the machine may ask for them."""

    def control(self, setup: Setup, data: bytes) -> bytes | None:
        """The answer to a request of its class; ``None`` is a stall."""

    def transfers(self) -> Iterator[bytes]:
        """What it sends by its one bulk endpoint from the start on, each when it is due."""


class UsbDevice:
    """One device, in the machine or pulled out."""

    def __init__(self, place: Path, function: Function) -> None:
        """At a machine that was started with ``options(place)``."""
        self._place, self._function = place, function
        self._line: socket.socket | None = None
        self._news = threading.Condition()
        self._wanted: deque[tuple[int, bytes]] = deque()
        """Transfers that the machine waits for: their ids, and what was asked."""
        self._transfers: Iterator[bytes] | None = None

    @staticmethod
    def options(place: Path) -> tuple[str, ...]:
        """QEMU's words for where it is plugged in: a socket of its own name."""
        place.unlink(missing_ok=True)
        name = place.name
        return (
            "-chardev", f"socket,id={name},path={place},server=on,wait=off",
            "-device", f"usb-redir,chardev={name},bus=usb.0",
        )  # fmt: skip

    def plug_in(self) -> None:
        """Plug it in; returns before the machine has taken notice."""
        line = self._line = connected(self._place)
        for run in (self._serve, self._send):
            threading.Thread(target=run, args=(line,), name=self._place.name, daemon=True).start()

    def pull_out(self) -> None:
        """Pull it out, whatever it is sending."""
        with self._news:
            line, self._line = self._line, None
            self._wanted.clear()
            self._transfers = None
            self._news.notify_all()
        assert line is not None
        line.shutdown(socket.SHUT_RDWR)

    def _serve(self, line: socket.socket) -> None:
        """Answer what is asked, until it is pulled out."""
        with line, contextlib.suppress(OSError), line.makefile("rb") as file:
            hello = bytes(64) + struct.pack("<I", _CAPABILITIES)
            line.sendall(_FIRST_HEAD.pack(_HELLO, len(hello), 0) + hello)
            _kind, length, _id = _FIRST_HEAD.unpack(file.read(_FIRST_HEAD.size))
            file.read(length)
            for kind, told in _introduction(self._function):
                self._say(line, kind, 0, told)
            while head := file.read(_HEAD.size):
                kind, length, number = _HEAD.unpack(head)
                self._hear(line, kind, number, file.read(length))

    def _hear(self, line: socket.socket, kind: int, number: int, told: bytes) -> None:
        if kind == _CONTROL:
            self._say(line, kind, number, self._controlled(told))
        elif kind == _BULK:
            with self._news:
                self._wanted.append((number, told))
                self._news.notify_all()
        elif kind == _CANCEL:
            with self._news:
                cancelled = [one for one in self._wanted if one[0] == number]
                for one in cancelled:
                    self._wanted.remove(one)
            for _number, asked in cancelled:
                self._say(line, _BULK, number, _bulk(asked, _CANCELLED))
        elif kind in (_SET_CONFIGURATION, _GET_CONFIGURATION):
            self._say(line, _CONFIGURATION_STATUS, number, bytes((_SUCCESS, 1)))
        elif kind in (_SET_ALTERNATE, _GET_ALTERNATE):
            self._say(line, _ALTERNATE_STATUS, number, bytes((_SUCCESS, told[0], 0)))

    def _controlled(self, told: bytes) -> bytes:
        endpoint, request, kind, _status, value, index, length = _CONTROL_HEAD.unpack_from(told)
        setup = Setup(kind, request, value, index, length)
        if (kind, request) == _GET_DESCRIPTOR:
            answer = self._function.descriptors.get((value >> 8, value & 0xFF))
        elif (kind, request) == _GET_STATUS:
            answer = bytes(2)
        elif (kind, request) == _CLEAR_HALT:
            # So Linux says that it wants no more of a stream.
            with self._news:
                self._transfers = None
            answer = b""
        else:
            answer = self._function.control(setup, told[_CONTROL_HEAD.size :])
        status = _STALL if answer is None else _SUCCESS
        answer = (answer or b"")[:length]
        length = len(answer) if kind & IN else length
        head = _CONTROL_HEAD.pack(endpoint, request, kind, status, value, index, length)
        return head + answer

    def _send(self, line: socket.socket) -> None:
        """Send what it has whenever the machine wants it, until it is pulled out."""
        with contextlib.suppress(OSError):
            while True:
                with self._news:
                    self._news.wait_for(lambda: self._wanted or self._line is not line)
                    if self._line is not line:
                        return
                    transfers = self._transfers = self._transfers or self._function.transfers()
                data = next(transfers)
                with self._news:
                    if (
                        self._line is not line
                        or not self._wanted
                        or self._transfers is not transfers
                    ):
                        continue
                    number, asked = self._wanted.popleft()
                self._say(line, _BULK, number, _bulk(asked, _SUCCESS, data))

    def _say(self, line: socket.socket, kind: int, number: int, told: bytes) -> None:
        with self._news:
            line.sendall(_HEAD.pack(kind, len(told), number) + told)


def _bulk(asked: bytes, status: int, data: bytes = b"") -> bytes:
    endpoint, _status, _low, stream, _high = _BULK_HEAD.unpack_from(asked)
    high, low = divmod(len(data), 1 << 16)
    return _BULK_HEAD.pack(endpoint, status, low, stream, high) + data


def _introduction(function: Function) -> Iterator[tuple[int, bytes]]:
    """What QEMU has to know before the machine asks: interfaces, endpoints, the device."""
    device, configuration = (function.descriptors[kind, 0] for kind in (DEVICE, CONFIGURATION))
    interfaces: list[bytes] = []
    kinds, places, sizes = [_NO_ENDPOINT] * 32, [0] * 32, [0] * 32
    kinds[0] = kinds[16] = 0
    sizes[0] = sizes[16] = _CONTROL_SIZE
    while configuration:
        length, kind = configuration[:2]
        if kind == INTERFACE:
            interfaces.append(configuration[2:3] + configuration[5:8])
        elif kind == ENDPOINT:
            address, attributes, size = struct.unpack_from("<BBH", configuration, 2)
            slot = (address & 0xF) + (16 if address & IN else 0)
            kinds[slot], places[slot], sizes[slot] = attributes & 3, interfaces[-1][0], size
        configuration = configuration[length:]
    fields = (bytes(field).ljust(32, b"\0") for field in zip(*interfaces, strict=True))
    yield _INTERFACES, struct.pack("<I", len(interfaces)) + b"".join(fields)
    yield _ENDPOINTS, bytes((*kinds, *[0] * 32, *places)) + struct.pack("<32H", *sizes)
    yield _CONNECT, bytes((_HIGH_SPEED,)) + device[4:7] + device[8:14]

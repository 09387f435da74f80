"""A USB camera: what a ``UsbDevice`` is that Linux drives by ``uvcvideo``.

USB Video Class 1.1 (USB-IF, "UVC 1.1 Class specification"): a camera terminal with exposure and
focus, Motion JPEG of one size, frames by a bulk endpoint.
"""

import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from tests.system.machine.usb_device import (
    CONFIGURATION,
    DEVICE,
    ENDPOINT,
    IN,
    INTERFACE,
    STRING,
    Setup,
)

WIDTH, HEIGHT = 640, 480
PAYLOAD = 16_384
"""Bytes of a transfer at most: what ``uvcvideo`` asks for at once."""
_VIDEO, _CONTROL_INTERFACE, _STREAMING_INTERFACE = 0x0E, 1, 2
_IS_BULK, _PACKET = 2, 512
_SET_CUR, _GET_CUR, _GET_MIN, _GET_MAX, _GET_RES = 0x01, 0x81, 0x82, 0x83, 0x84
_GET_INFO, _GET_DEF = 0x86, 0x87
_OF_CLASS = 0x21
_TERMINAL, _OUTPUT = 1, 2
_PROBE, _COMMIT = 1, 2
_END_OF_FRAME, _END_OF_HEADER = 0x02, 0x80
_CAN_GET_AND_SET = 0b11


class Control(IntEnum):
    """Selectors of a camera terminal (table A-12); Linux names them as V4L2 does."""

    AUTO_EXPOSURE = 2
    EXPOSURE = 4
    """In 100 us, as V4L2's ``exposure_time_absolute``."""
    FOCUS = 6
    """In mm."""
    AUTO_FOCUS = 8


BY_HAND, BY_APERTURE = 1, 8
"""Modes of exposure (4.2.2.1.2): as it is told, and by the camera with a fixed aperture."""


@dataclass(frozen=True)
class _Range:
    form: str
    minimum: int
    maximum: int
    step: int
    default: int


_RANGES = {
    # Of modes the step is the set of those there are.
    Control.AUTO_EXPOSURE: _Range("<B", 1, 8, BY_HAND | BY_APERTURE, BY_APERTURE),
    Control.EXPOSURE: _Range("<I", 1, 5000, 1, 156),
    Control.FOCUS: _Range("<H", 0, 1000, 10, 300),
    Control.AUTO_FOCUS: _Range("<B", 0, 1, 1, 1),
}
_CONTROLS = 1 << 1 | 1 << 3 | 1 << 5 | 1 << 17
"""Those of the terminal, as its descriptor has them (table 3-6)."""


class UvcCamera:
    """What one camera sees and is told."""

    def __init__(
        self, name: str, serial: str, see: Callable[["UvcCamera"], bytes], *, fps: float = 5.0
    ) -> None:
        """``see`` is asked for each frame, a JPEG of ``WIDTH`` by ``HEIGHT``."""
        self.controls = {control: of.default for control, of in _RANGES.items()}
        """What each stands at."""
        self.frames = 0
        """How many it has seen."""
        self.has_begun = False
        """Whether the next one is the first of a stream."""
        self.hangs = threading.Event()
        """While it is set nothing more comes, though the camera is there."""
        self._texts = ("Venue Gate", name, serial)
        self._see, self._every_s = see, 1 / fps
        self._negotiated = _stream(_streaming_interval(fps))
        self._fps = fps

    @property
    def descriptors(self) -> Mapping[tuple[int, int], bytes]:
        """Of the device, its configuration and its names."""
        texts = {
            (STRING, number): _descriptor(STRING, text.encode("utf-16-le"))
            for number, text in enumerate(self._texts, 1)
        }
        # pid.codes has this product for tests.
        device = struct.pack("<HBBBBHHHBBBB", 0x200, 0xEF, 2, 1, 64, 0x1209, 1, 0x100, 1, 2, 3, 1)
        return texts | {
            (STRING, 0): _descriptor(STRING, b"\x09\x04"),
            (DEVICE, 0): _descriptor(DEVICE, device),
            (CONFIGURATION, 0): _configuration(self._fps),
        }

    def control(self, setup: Setup, data: bytes) -> bytes | None:
        """Of the terminal's controls, and what stream there is; else a stall."""
        if setup.kind & ~IN != _OF_CLASS:
            return None
        interface, entity, selector = setup.index & 0xFF, setup.index >> 8, setup.value >> 8
        if interface == 1 and selector in (_PROBE, _COMMIT):
            return self._streamed(setup.request)
        if entity == _TERMINAL and selector in _RANGES:
            return self._told(Control(selector), setup.request, data)
        return None

    def transfers(self) -> Iterator[bytes]:
        """Frames in payloads, each with its header (2.4.3.3)."""
        due, frame_id = time.monotonic(), 0
        self.has_begun = True
        while True:
            time.sleep(max(0.0, due - time.monotonic()))
            while self.hangs.is_set():
                time.sleep(self._every_s)
            due = max(due, time.monotonic()) + self._every_s
            picture = self._see(self)
            self.frames, self.has_begun = self.frames + 1, False
            frame_id ^= 1
            for begin in range(0, len(picture), PAYLOAD - 2):
                part = picture[begin : begin + PAYLOAD - 2]
                is_last = begin + len(part) == len(picture)
                flags = _END_OF_HEADER | frame_id | (_END_OF_FRAME if is_last else 0)
                yield bytes((2, flags)) + part

    def _streamed(self, request: int) -> bytes | None:
        """There is one stream, so what is asked for does not matter."""
        if request == _GET_INFO:
            return bytes((_CAN_GET_AND_SET,))
        return b"" if request == _SET_CUR else self._negotiated

    def _told(self, control: Control, request: int, data: bytes) -> bytes | None:
        of = _RANGES[control]
        if request == _SET_CUR:
            (self.controls[control],) = struct.unpack(of.form, data)
            return b""
        if request == _GET_INFO:
            return bytes((_CAN_GET_AND_SET,))
        values = {
            _GET_CUR: self.controls[control],
            _GET_MIN: of.minimum,
            _GET_MAX: of.maximum,
            _GET_RES: of.step,
            _GET_DEF: of.default,
        }
        return struct.pack(of.form, values[request]) if request in values else None


def _descriptor(kind: int, content: bytes) -> bytes:
    return bytes((2 + len(content), kind)) + content


def _of_class(kind: int, form: str, *values: int | bytes) -> bytes:
    """A descriptor of the class (CS_INTERFACE)."""
    return _descriptor(0x24, bytes((kind,)) + struct.pack(form, *values))


def _streaming_interval(fps: float) -> int:
    """Time of a frame in 100 ns."""
    return round(1e7 / fps)


def _configuration(fps: float) -> bytes:
    size, interval = WIDTH * HEIGHT * 2, _streaming_interval(fps)
    rate = round(size * 8 * fps)
    terminals = _of_class(
        2, "<BHBBHHHB3s", _TERMINAL, 0x0201, 0, 0, 0, 0, 0, 3, _CONTROLS.to_bytes(3, "little")
    ) + _of_class(3, "<BHBBB", _OUTPUT, 0x0101, 0, _TERMINAL, 0)
    controls = _of_class(1, "<HHIBB", 0x110, 13 + len(terminals), 6_000_000, 1, 1) + terminals
    formats = _of_class(6, "<BBBBBBBB", 1, 1, 1, 1, 0, 0, 0, 0) + _of_class(
        7, "<BBHHIIIIBI", 1, 0, WIDTH, HEIGHT, rate, rate, size, interval, 1, interval
    )
    endpoint = IN | 1
    stream = _of_class(
        1, "<BHBBBBBBBB", 1, 14 + len(formats), endpoint, 0, _OUTPUT, 0, 0, 0, 1, 0
    ) + formats  # fmt: skip
    parts = (
        # Both interfaces are one function (interface association).
        _descriptor(11, bytes((0, 2, _VIDEO, 3, 0, 2)))
        + _descriptor(INTERFACE, bytes((0, 0, 0, _VIDEO, _CONTROL_INTERFACE, 0, 0)))
        + controls
        + _descriptor(INTERFACE, bytes((1, 0, 1, _VIDEO, _STREAMING_INTERFACE, 0, 0)))
        + stream
        + _descriptor(ENDPOINT, struct.pack("<BBHB", endpoint, _IS_BULK, _PACKET, 0))
    )
    return _descriptor(
        CONFIGURATION, struct.pack("<HBBBBB", 9 + len(parts), 2, 1, 0, 0x80, 250)
    ) + parts  # fmt: skip


def _stream(interval: int) -> bytes:
    """The stream that there is (table 4-47)."""
    return struct.pack(
        "<HBBIHHHHHIIIBBBB",
        1, 1, 1, interval, 0, 0, 0, 0, 0, WIDTH * HEIGHT * 2, PAYLOAD, 6_000_000, 0, 0, 0, 0,
    )  # fmt: skip

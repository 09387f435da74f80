"""A played USB camera, as QEMU asks it: here this is QEMU."""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.machine.lens import Lens, Scene
from tests.system.machine.usb_device import CONFIGURATION, DEVICE, IN, UsbDevice
from tests.system.machine.uvc_camera import PAYLOAD, Control, UvcCamera

HELLO, CONNECT, INTERFACES, ENDPOINTS, CANCEL, CONTROL, BULK = 0, 1, 4, 5, 21, 100, 101
OK, CANCELLED, STALL = 0, 1, 4
CLASS, TERMINAL = 0x21, 1 << 8


class Qemu:
    """One end of the line, with what came."""

    def __init__(self, line: socket.socket) -> None:
        self._file = line.makefile("rwb")
        hello = bytes(68)
        self._file.write(struct.pack("<III", HELLO, len(hello), 0) + hello)
        self._file.flush()
        _kind, length, _id = struct.unpack("<III", self._file.read(12))
        self._file.read(length)

    def hear(self) -> tuple[int, int, bytes]:
        """Type, id and content of the next packet; nothing at the end of the line."""
        kind, length, number = struct.unpack("<IIQ", self._file.read(16))
        return kind, number, self._file.read(length)

    def say(self, kind: int, number: int, told: bytes) -> None:
        self._file.write(struct.pack("<IIQ", kind, len(told), number) + told)
        self._file.flush()

    def ask(self, kind: int, request: int, value: int, index: int, data: bytes | int) -> bytes:
        """What is answered to a control request; a stall is ``OSError``."""
        length = data if isinstance(data, int) else len(data)
        head = struct.pack("<BBBBHHH", kind & IN, request, kind, 0, value, index, length)
        self.say(CONTROL, 7, head + (b"" if isinstance(data, int) else data))
        answered, number, told = self.hear()
        assert (answered, number) == (CONTROL, 7)
        if told[3] == STALL:
            raise OSError
        return told[10:]

    def want(self, number: int) -> None:
        """A transfer of the camera's."""
        self.say(BULK, number, struct.pack("<BBHIH", IN | 1, 0, PAYLOAD, 0, 0))

    def is_at_end(self) -> bool:
        return not self._file.read(1)


@pytest.fixture
def camera() -> UvcCamera:
    return UvcCamera("Front camera", "C21", Lens(Scene()).see, fps=100.0)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Path, socket.socket]]:
    path = tmp_path / "front"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(20)
        yield path, listener


@pytest.fixture
def usb(place: tuple[Path, socket.socket], camera: UvcCamera) -> UsbDevice:
    return UsbDevice(place[0], camera)


@pytest.fixture
def qemu(usb: UsbDevice, place: tuple[Path, socket.socket]) -> Iterator[Qemu]:
    usb.plug_in()
    line, _peer = place[1].accept()
    line.settimeout(20)
    with line:
        yield Qemu(line)


def test_it_says_what_it_is(qemu: Qemu, camera: UvcCamera) -> None:
    """Interfaces and endpoints are those of its descriptors, whose lengths are as they say."""
    told = {kind: content for kind, _id, content in (qemu.hear() for _n in range(3))}
    assert told.keys() == {CONNECT, INTERFACES, ENDPOINTS}
    assert struct.unpack_from("<I", told[INTERFACES]) == (2,)
    kinds = told[ENDPOINTS][:32]
    assert [place for place, kind in enumerate(kinds) if kind == 2] == [17]
    configuration = camera.descriptors[CONFIGURATION, 0]
    assert struct.unpack_from("<H", configuration, 2) == (len(configuration),)
    assert qemu.ask(IN, 6, DEVICE << 8, 0, 64) == camera.descriptors[DEVICE, 0]
    assert qemu.ask(IN, 6, CONFIGURATION << 8, 0, 9) == configuration[:9]


def test_its_controls_are_told_and_asked(qemu: Qemu, camera: UvcCamera) -> None:
    """By their selectors; one that there is not is a stall."""
    for _n in range(3):
        qemu.hear()
    qemu.ask(CLASS, 0x01, Control.EXPOSURE << 8, TERMINAL, struct.pack("<I", 77))
    assert camera.controls[Control.EXPOSURE] == 77
    assert qemu.ask(CLASS | IN, 0x81, Control.EXPOSURE << 8, TERMINAL, 4) == b"\x4d\0\0\0"
    with pytest.raises(OSError):  # noqa: PT011  it has no words
        qemu.ask(CLASS | IN, 0x81, 15 << 8, TERMINAL, 1)


def test_frames_come_in_transfers_that_are_wanted(
    qemu: Qemu, usb: UsbDevice, camera: UvcCamera
) -> None:
    """Each a JPEG, the next one told by another bit; none while it hangs, nor when pulled out."""
    for _n in range(3):
        qemu.hear()
    frames: list[bytes] = []
    bits: list[int] = []
    frame, number = b"", 0
    while len(frames) < 2:
        number += 1
        qemu.want(number)
        kind, answered, told = qemu.hear()
        assert (kind, answered, told[1]) == (BULK, number, OK)
        header, flags = told[10:12]
        frame += told[10 + header :]
        if flags & 2:
            frames.append(frame)
            bits.append(flags & 1)
            frame = b""
    assert all(one[:2] == b"\xff\xd8" and one[-2:] == b"\xff\xd9" for one in frames)
    assert sorted(bits) == [0, 1]
    camera.hangs.set()
    qemu.want(1000)
    qemu.say(CANCEL, 1000, b"")
    kind, answered, told = qemu.hear()
    assert (kind, answered, told[1]) == (BULK, 1000, CANCELLED)
    usb.pull_out()
    assert qemu.is_at_end()
    camera.hangs.clear()

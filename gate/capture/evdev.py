"""A USB scanner taken for ourselves: exclusive, whatever has the focus, whatever the layout.

The kernel's input events are decoded here with the US layout that scanners type in, so the host's
layout and Caps Lock do not matter. Opening and grabbing is python-evdev's work (extra ``[usb]``).
"""

import logging
import os
import select
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from gate.capture.hotplug import RETRY_S, Hotplug, detail
from gate.capture.keyboard_wedge import GAP_MS, Wedge
from gate.clock import monotonic_ms
from gate.errors import InputError
from gate.i18n import _

log = logging.getLogger(__name__)

AUTO = "auto"
"""Of the configured device: every scanner that says so by its name."""
SCANNER_WORDS = ("scan", "barcode", "honeywell", "zebra", "symbol", "datalogic", "newland")
"""What scanners call themselves."""
EV_KEY = 1
EVENT = struct.Struct("llHHi")
"""``struct input_event`` of linux/input.h: time, type, code, value."""
_RELEASED, _PRESSED = 0, 1

_LEFT_CTRL, _LEFT_SHIFT, _RIGHT_SHIFT, _LEFT_ALT, _RIGHT_CTRL = 29, 42, 54, 56, 97
_CAPS_LOCK = 58
_MODIFIERS = frozenset({_LEFT_CTRL, _LEFT_SHIFT, _RIGHT_SHIFT, _LEFT_ALT, _RIGHT_CTRL, _CAPS_LOCK})
_SHIFTS = frozenset({_LEFT_SHIFT, _RIGHT_SHIFT})
_CTRLS = frozenset({_LEFT_CTRL, _RIGHT_CTRL})

# Key codes of linux/input-event-codes.h by rows of the US keyboard, plain and shifted.
_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
)
_KEYPAD = dict(zip(range(71, 84), "789-456+1230.", strict=True)) | {55: "*", 98: "/"}
_OTHERS = {57: " ", 15: "\t", 28: "\n", 96: "\n"}

PLAIN = {first + i: key for first, keys, _s in _ROWS for i, key in enumerate(keys)}
PLAIN |= _KEYPAD | _OTHERS
SHIFTED = PLAIN | {first + i: key for first, _p, keys in _ROWS for i, key in enumerate(keys)}


class Keyboard:
    """Turns key events into the characters a US keyboard would type."""

    def __init__(self) -> None:
        self._held: set[int] = set()
        self._caps_lock = False
        self._by_number = ""

    def event(self, kind: int, key: int, value: int) -> str:
        """The characters that one event completes; usually one or none."""
        if kind != EV_KEY:
            return ""
        if value == _RELEASED:
            self._held.discard(key)
            return self._end_number() if key == _LEFT_ALT else ""
        if value != _PRESSED:
            return ""  # a scanner does not mean to repeat
        if key in _MODIFIERS:
            self._held.add(key)
            self._caps_lock ^= key == _CAPS_LOCK
            return ""
        return self._typed(key)

    def _typed(self, key: int) -> str:
        if _LEFT_ALT in self._held and key in _KEYPAD and _KEYPAD[key].isdigit():
            self._by_number += _KEYPAD[key]
            return ""
        plain = PLAIN.get(key, "")
        if self._held & _CTRLS:
            # Ctrl and a key of this column is a control character: Ctrl+] is GS.
            return chr(ord(plain.upper()) & 0x1F) if plain and plain.upper() in _CONTROLS else ""
        shifted = bool(self._held & _SHIFTS) != (self._caps_lock and plain.isalpha())
        return SHIFTED.get(key, "") if shifted else plain

    def _end_number(self) -> str:
        # "Universal" scanners hold Alt and type each character's number on the keypad.
        digits, self._by_number = self._by_number, ""
        return chr(int(digits)) if digits and 0 < int(digits) < 256 else ""


_CONTROLS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]")


def read_keys(
    descriptor: int,
    on_code: Callable[[str], None],
    *,
    gap_ms: int = GAP_MS,
    stopping: threading.Event,
    on_typing: Callable[[], None] | None = None,
) -> None:
    """Read input events from an open device until told to stop.

    ``on_typing`` is called whenever a part of a code has come.

    Raises OSError when the device is gone.
    """
    keyboard, wedge = Keyboard(), Wedge(gap_ms)
    rest, typed_ms, read_ms = b"", 0, 0
    while not stopping.is_set():
        ready, _w, _x = select.select([descriptor], [], [], gap_ms / 1000)
        if not ready:
            for code in wedge.pause(typed_ms + monotonic_ms() - read_ms):
                on_code(code)
            continue
        read = os.read(descriptor, EVENT.size * 64)
        if not read:
            raise OSError(_("the scanner is gone"))
        rest, read_ms = rest + read, monotonic_ms()
        whole = len(rest) - len(rest) % EVENT.size
        for s, us, kind, key, value in EVENT.iter_unpack(rest[:whole]):
            # By the kernel's time of the key: a program that comes late tears no code apart.
            typed_ms = s * 1000 + us // 1000
            for code in wedge.type(keyboard.event(kind, key, value), typed_ms):
                on_code(code)
        rest = rest[whole:]
        if wedge.typed and on_typing is not None:
            on_typing()


class Grabbed(Protocol):
    """What we use of ``evdev.InputDevice``."""

    fd: int
    name: str
    uniq: str
    info: Any
    """Numbers of vendor and product, as the device tells them."""

    def grab(self) -> None:
        """Keep it to ourselves."""

    def close(self) -> None:
        """Let go of the device; the kernel ends the grab with it."""


class EvdevScanner(Hotplug[str, Grabbed]):
    """Keeps scanners grabbed: the one that is named, or, for ``auto``, each that there is.

    ``on_trouble`` hears what keeps all of them from reading, and an empty text once one reads.
    """

    def __init__(
        self,
        device: str,
        on_code: Callable[[str], None],
        on_trouble: Callable[[str], None],
        *,
        gap_ms: int = GAP_MS,
        on_device: Callable[[str], None] | None = None,
        on_typing: Callable[[], None] | None = None,
        open_device: "Callable[[str], Grabbed] | None" = None,
        find: Callable[[], Iterable[str]] | None = None,
        retry_s: float = RETRY_S,
    ) -> None:
        super().__init__("evdev", on_code, on_device, retry_s)
        self._device = device
        self._on_trouble = on_trouble
        self._gap_ms = gap_ms
        self._on_typing = on_typing
        self._grab = open_device or grab
        self._find = find or (plugged if device == AUTO else lambda: (device,))
        self._trouble: str | None = None

    def _found(self) -> dict[str, str]:
        found = {device: device for device in self._find()}
        # Opening none says why there is none.
        return found if found or self._readers else {"": ""}

    def _open(self, seen: str, /) -> Grabbed:
        return self._grab(seen)

    def _begun(self, _seen: str, handle: Grabbed, /) -> None:
        log.info("scanner %s: grabbed", handle.name)
        if self._trouble != "":
            self._trouble = ""
            self._on_trouble("")
        self._comes_from(identity(handle))

    def _read(self, _seen: str, handle: Grabbed, /) -> None:
        read_keys(
            handle.fd,
            partial(self._take_code, identity(handle)),
            gap_ms=self._gap_ms,
            stopping=self._stopping,
            on_typing=self._on_typing,
        )

    def _lost(self, _seen: str, error: OSError | InputError, /) -> None:
        trouble = detail(error)
        with self._lock:
            if self._readers:
                log.info("another scanner than those that read: %s", trouble)
            elif trouble != self._trouble:
                self._trouble = trouble
                log.warning("scanner %s: %s", self._device, trouble)
                self._on_trouble(trouble)


def identity(grabbed: Grabbed) -> str:
    """By which one scanner is told from another: what it says of its make and itself."""
    info = grabbed.info
    return f"{info.vendor:04x}:{info.product:04x} {grabbed.uniq or grabbed.name}"


def grab(device: str) -> "Grabbed":
    """Open a scanner by its path and keep it to ourselves; an empty path is that of none.

    Raises InputError when python-evdev or the device is not there or may not be used.
    """
    if sys.platform != "linux":
        raise InputError(_("grabbing a scanner works on Linux only"))
    try:
        import evdev  # noqa: PLC0415  an extra
    except ImportError as error:
        raise InputError(
            _("python-evdev is not installed"), _("Install it: pip install 'venue-gate[usb]'")
        ) from error
    if not device:
        raise InputError(_("no scanner found"), _("Name it: scanner.evdev = /dev/input/by-id/…"))
    try:
        opened: Grabbed = evdev.InputDevice(device)
        opened.grab()
    except OSError as error:
        raise InputError(
            _("cannot take {device}: {detail}").format(device=device, detail=error.strerror),
            _("Who may use it: group input."),
        ) from error
    return opened


def keyboards(folder: Path = Path("/dev/input/by-id")) -> Iterator[str]:
    """Devices whose stable name says that they type and scan."""
    for path in sorted(folder.glob("*-event-kbd")) if folder.is_dir() else ():
        name = path.name.casefold()
        if any(word in name for word in SCANNER_WORDS):
            yield str(path)


def plugged(inputs: Path = Path("/sys/class/input")) -> Iterator[str]:
    """Devices that type and say that they scan, as they are plugged in now.

    By the kernel's own names: of two scanners of one make without a serial number only one has a
    link in ``by-id``.
    """
    for device in sorted(inputs.glob("event*")):
        says = f"{_line(device / 'device/name')} {_line(device / 'device/uniq')}".casefold()
        if any(word in says for word in SCANNER_WORDS) and _types(device):
            yield f"/dev/input/{device.name}"


def _types(device: Path) -> bool:
    """Whether it has the keys of a code: scanners have another device for their buttons."""
    lowest = _line(device / "device/capabilities/key").rpartition(" ")[2]
    try:
        keys = int(lowest, 16)
    except ValueError:
        return False
    return all(keys >> key & 1 for key in (2, 28))  # 1 and Enter


def _line(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""

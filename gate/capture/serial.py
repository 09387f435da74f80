"""Scanners on a serial port: USB adapters, virtual COM ports, RS-232.

A code ends with CR, LF, Tab or ETX; STX begins one. What was cut off in the middle is dropped, and
never completed by what the scanner reads next.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gate.capture.evdev import SCANNER_WORDS
from gate.capture.hotplug import RETRY_S, Hotplug, detail
from gate.capture.keyboard_wedge import ENDS, GAP_MS, LIMIT, SHORTEST_BURST
from gate.clock import monotonic_ms
from gate.errors import InputError
from gate.i18n import _

log = logging.getLogger(__name__)

AUTO = "auto"
BAUD = 9600
"""What scanners on RS-232 are set to in the factory; a virtual port takes any."""
HALF_MS = 1000
"""A code that comes in pieces further apart was cut off: whoever sends an end always does."""
_STX, _ETX = 0x02, 0x03
_ENDING = frozenset(ord(end) for end in ENDS) | {_ETX}
_WITHIN = frozenset({0x04, 0x1C, 0x1D, 0x1E, 0x1F})
"""Control characters that codes have in them: separators of GS1 and of ISO/IEC 15434."""
_BY_ID = Path("/dev/serial/by-id")


class Frames:
    """Puts codes together from bytes. Times are milliseconds of any steady clock.

    Until an end was seen, a silence of ``gap_ms`` ends a code: the scanner may send no other.
    """

    def __init__(self, gap_ms: int = GAP_MS) -> None:
        self._gap_ms = gap_ms
        self._read = bytearray()
        self._last_ms = 0
        self._has_ends = False
        self._is_too_long = False
        self.noises = 0
        """How often something came that is no text: another speed, or no scanner."""

    @property
    def is_within(self) -> bool:
        """Whether part of a code has come."""
        return bool(self._read) and not self._is_too_long

    def take(self, data: bytes, now_ms: int) -> list[str]:
        """Take bytes as they come; answer with the codes they complete."""
        codes = self.pause(now_ms)
        self._last_ms = now_ms
        for byte in data:
            if byte in _ENDING:
                # Not every end is meant as one: of CR LF the second ends nothing.
                self._has_ends = self._has_ends or bool(self._read)
                codes += self._end()
            elif byte == _STX:
                self._forget()
            elif len(self._read) < LIMIT:
                self._read.append(byte)
            else:
                self._is_too_long = True
        return codes

    def pause(self, now_ms: int) -> list[str]:
        """What a silence has ended: a code, where a scanner ends none otherwise."""
        silent_ms = now_ms - self._last_ms
        if not self._read or silent_ms < (HALF_MS if self._has_ends else self._gap_ms):
            return []
        if self._has_ends or self._is_too_long or len(self._read) < SHORTEST_BURST:
            log.warning("serial scanner: %d bytes without an end dropped", len(self._read))
            self._forget()
            return []
        return self._end()

    def _end(self) -> list[str]:
        read, is_too_long = bytes(self._read), self._is_too_long
        self._forget()
        if not read:
            return []
        text = _text(read)
        if is_too_long or text is None:
            self.noises += 1
            return []
        return [text]

    def _forget(self) -> None:
        self._read.clear()
        self._is_too_long = False


def _text(read: bytes) -> str | None:
    """What bytes stand for: UTF-8, or else ISO 8859-1; ``None`` for what no code can be."""
    if any(byte < 0x20 and byte not in _WITHIN for byte in read):
        return None
    try:
        return read.decode("utf-8")
    except UnicodeDecodeError:
        return None if any(0x7F <= byte < 0xA0 for byte in read) else read.decode("iso8859-1")


class Port(Protocol):
    """What we use of ``serial.Serial``; every method may raise OSError when it is gone."""

    @property
    def in_waiting(self) -> int:
        """How many bytes have come."""

    def read(self, size: int = 1, /) -> bytes:
        """So many bytes, or fewer after the time-out that it was opened with."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True, slots=True)
class PortSeen:
    """A serial port that this machine has."""

    device: str
    """By its stable name where there is one."""
    description: str = ""
    make: str = ""
    """Numbers of vendor and product, and the serial number; empty for what is no USB device."""

    @property
    def identity(self) -> str:
        """By which one scanner is told from another."""
        return self.make or self.device

    @property
    def says_it_scans(self) -> bool:
        """Whether it calls itself a scanner: any other may be somebody's relay or modem."""
        says = f"{self.device} {self.description}".casefold()
        return any(word in says for word in SCANNER_WORDS)


class SerialScanners(Hotplug[PortSeen, Port]):
    """Reads the ports that are named, or, for ``auto``, all that call themselves scanners.

    ``on_trouble`` hears what is wrong, and an empty text once all is well.
    """

    def __init__(
        self,
        wanted: str,
        on_code: Callable[[str], None],
        on_trouble: Callable[[str], None],
        *,
        baud: int = BAUD,
        gap_ms: int = GAP_MS,
        on_device: Callable[[str], None] | None = None,
        on_typing: Callable[[], None] | None = None,
        open_port: Callable[[str, int, float], Port] | None = None,
        find: Callable[[], Iterable[PortSeen]] | None = None,
        retry_s: float = RETRY_S,
    ) -> None:
        super().__init__("serial", on_code, on_device, retry_s)
        self._wanted = names(wanted)
        self._on_trouble, self._on_typing = on_trouble, on_typing
        self._baud, self._gap_ms = baud, gap_ms
        self._open_port = open_port or open_serial
        self._find = find or ports
        self._troubles: dict[str, str] = {}
        self._heard_of: str | None = None

    def _found(self) -> dict[str, PortSeen]:
        try:
            found = [*self._find()]
        except (OSError, InputError) as error:
            self._tell("", detail(error))
            return {}
        if AUTO not in self._wanted:
            known = {port.device: port for port in found}
            return {name: known.get(name, PortSeen(name)) for name in self._wanted}
        scanners = [port for port in found if port.says_it_scans]
        with self._lock:
            is_none = not (scanners or self._readers or self._troubles.keys() - {""})
        self._tell("", _("no serial scanner found") if is_none else "")
        return {port.device: port for port in scanners}

    def _open(self, seen: PortSeen, /) -> Port:
        return self._open_port(seen.device, self._baud, self._gap_ms / 1000)

    def _begun(self, seen: PortSeen, _handle: Port, /) -> None:
        log.info("serial scanner %s: open", seen.device)
        if AUTO in self._wanted:
            # Another one may have come in the place of one that is gone.
            self._troubles.clear()
        self._tell(seen.device, "")
        self._comes_from(seen.identity)

    def _read(self, seen: PortSeen, handle: Port, /) -> None:
        try:
            self._read_codes(seen, handle)
        except (OSError, TypeError) as error:
            # pyserial meets a closed descriptor by a TypeError.
            log.warning("serial scanner %s: %s", seen.device, error)
            raise InputError(_("{device} is gone").format(device=seen.device)) from error

    def _lost(self, seen: PortSeen, error: OSError | InputError, /) -> None:
        self._tell(seen.device, detail(error))

    def _read_codes(self, seen: PortSeen, port: Port) -> None:
        frames, noises = Frames(self._gap_ms), 0
        while not self._stopping.is_set():
            data = port.read(max(1, min(port.in_waiting, 4096)))
            now_ms = monotonic_ms()
            codes = frames.take(data, now_ms) if data else frames.pause(now_ms)
            if frames.noises > noises:
                noises = frames.noises
                self._tell(seen.device, _noise(seen.device, self._baud))
            for code in codes:
                self._tell(seen.device, "")
                self._take_code(seen.identity, code)
            if data and frames.is_within and self._on_typing is not None:
                self._on_typing()

    def _tell(self, device: str, trouble: str) -> None:
        with self._lock:
            if trouble:
                self._troubles[device] = trouble
            else:
                self._troubles.pop(device, None)
            says = " · ".join(self._troubles[name] for name in sorted(self._troubles))
            is_known = bool(self._readers or self._troubles)
            if is_known and says != self._heard_of:
                self._heard_of = says
                self._on_trouble(says)


def _noise(device: str, baud: int) -> str:
    return _("{device} sends what is no text at {baud} baud: scanner.serial_baud").format(
        device=device, baud=baud
    )


def names(wanted: str) -> tuple[str, ...]:
    """The ports that a setting names, with commas between them."""
    return tuple(name for part in wanted.split(",") if (name := part.strip()))


def open_serial(device: str, baud: int, timeout_s: float) -> Port:
    """Open a port for ourselves: 8 bits, no parity, one stop bit.

    Raises InputError when it is not there or may not be used.
    """
    import serial  # noqa: PLC0415  only where one is wanted

    try:
        port: Port = serial.Serial(device, baud, timeout=timeout_s, exclusive=True)
    except (OSError, ValueError) as error:
        if isinstance(error, PermissionError) or getattr(error, "errno", None) == 13:
            hint = _("Who may use it: group dialout.")
        else:
            hint = _("Which there are: gate doctor")
        raise InputError(_("cannot open {device}").format(device=device), hint) from error
    return port


def ports(by_id: Path = _BY_ID) -> list[PortSeen]:
    """The serial ports of this machine: COM3, /dev/cu.usbmodem1, /dev/serial/by-id/…."""
    from serial.tools import list_ports  # noqa: PLC0415  only where one is wanted

    links = sorted(by_id.iterdir()) if by_id.is_dir() else []
    stable = {str(link.resolve()): str(link) for link in links}
    return [
        PortSeen(
            stable.get(port.device, port.device),
            " ".join(part for part in (port.manufacturer, port.product, port.description) if part),
            ""
            if port.vid is None
            else f"{port.vid:04x}:{port.pid or 0:04x} {port.serial_number or port.product or ''}",
        )
        for port in sorted(list_ports.comports(), key=lambda port: str(port.device))
    ]

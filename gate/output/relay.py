"""Relays: on a serial port, at a controller on the LAN, at a pin of the machine.

Each is told to open and to close again. Whatever keeps it from that is an OutputError.
"""

import threading
import urllib.error
import urllib.request
from contextlib import closing, suppress
from http.client import HTTPException
from typing import Any, Protocol
from urllib.parse import urlsplit

from gate.config_tables import Output
from gate.errors import OutputError
from gate.i18n import _

SERIAL, GPIO = "serial:", "gpio:"
_WEB = ("http://", "https://")
_MOST_ANSWER = 4096
"""Bytes of an answer that are read: a controller has little to say."""


class Relay(Protocol):
    """What opens for a guest."""

    def pulse(self, ms: int, ending: threading.Event) -> None:
        """Open for so many milliseconds, or until the lane ends, and close again.

        Raises OutputError.
        """

    def check(self) -> None:
        """Whether it is there; opens nothing. Raises OutputError."""

    def close(self) -> None:
        """Let go of it, closed."""


class SerialRelay:
    """A relay board on a serial port, which takes one command to open and one to close."""

    def __init__(self, port: str, output: Output) -> None:
        self._port, self._baud = port, output.serial_baud
        self._on, self._off = bytes.fromhex(output.serial_on), bytes.fromhex(output.serial_off)
        self._timeout_s = output.timeout_ms / 1000
        self._open: Any = None

    def pulse(self, ms: int, ending: threading.Event) -> None:
        """Open for so long."""
        self._write(self._on)
        try:
            ending.wait(ms / 1000)
        finally:
            self._write(self._off)

    def check(self) -> None:
        """Tell it to be closed: one that a program has left open is closed by that."""
        self._write(self._off)

    def close(self) -> None:
        """Let go of it, closed."""
        if self._open is not None:
            with suppress(OutputError):
                self._write(self._off)
            self._let_go()

    def _write(self, command: bytes) -> None:
        import serial  # noqa: PLC0415  only where one is wanted

        try:
            if self._open is None:
                self._open = serial.Serial(
                    self._port, self._baud, write_timeout=self._timeout_s, exclusive=True
                )
            self._open.write(command)
            self._open.flush()
        except (OSError, ValueError) as error:
            self._let_go()
            raise OutputError(
                _("the relay at {place} does not answer").format(place=self._port),
                _("Is it plugged in? Who may use it: group dialout."),
            ) from error

    def _let_go(self) -> None:
        if self._open is not None:
            with suppress(OSError):
                self._open.close()
        self._open = None


class WebRelay:
    """A controller on the LAN: one request opens, and another may close again."""

    def __init__(self, output: Output) -> None:
        self._on, self._off = output.relay, output.close_url
        self._method = output.http_method
        self._timeout_s = output.timeout_ms / 1000

    def pulse(self, ms: int, ending: threading.Event) -> None:
        """Open for so long; without an address to close it the controller does that itself."""
        fetch(self._on.replace("{ms}", str(ms)), self._timeout_s, self._method)
        if self._off:
            ending.wait(ms / 1000)
            fetch(self._off, self._timeout_s, self._method)

    def check(self) -> None:
        """Whether somebody listens there."""
        import socket  # noqa: PLC0415  only where one is wanted

        place = urlsplit(self._on)
        port = place.port or (443 if place.scheme == "https" else 80)
        try:
            with closing(socket.create_connection((place.hostname or "", port), self._timeout_s)):
                pass
        except OSError as error:
            raise _no_answer(self._on, str(error)) from error

    def close(self) -> None:
        """Nothing is held."""


class PinRelay:
    """A pin of the machine, by gpiozero (extra ``[gpio]``)."""

    def __init__(self, pin: str) -> None:
        self._pin = pin
        self._device: Any = None

    def pulse(self, ms: int, ending: threading.Event) -> None:
        """Open for so long."""
        device = self._taken()
        device.on()
        try:
            ending.wait(ms / 1000)
        finally:
            device.off()

    def check(self) -> None:
        """Take the pin, closed."""
        self._taken()

    def close(self) -> None:
        """Let go of it, closed."""
        if self._device is not None:
            self._device.close()
            self._device = None

    def _taken(self) -> Any:
        if self._device is None:
            pin, is_inverted = pin_of(self._pin)
            self._device = pin_device(
                "DigitalOutputDevice", pin, active_high=not is_inverted, initial_value=False
            )
        return self._device


def relay_of(output: Output) -> Relay:
    """The relay that the configuration names. Raises OutputError for what is none."""
    place = output.relay
    if place.startswith(SERIAL):
        return SerialRelay(place.removeprefix(SERIAL), output)
    if place.startswith(GPIO):
        return PinRelay(place.removeprefix(GPIO))
    if place.startswith(_WEB):
        return WebRelay(output)
    raise OutputError(
        _("output.relay: {place} is no relay").format(place=place),
        _("Like serial:/dev/ttyUSB0, serial:COM5, http://10.0.0.9/open or gpio:17."),
    )


def pin_of(text: str) -> tuple[str, bool]:
    """A pin's name as gpiozero has it, and whether a minus before it says that it is inverted."""
    return text.removeprefix("-"), text.startswith("-")


def pin_device(kind: str, pin: str, **options: Any) -> Any:
    """A device of gpiozero at a pin. Raises OutputError where there is none."""
    try:
        import gpiozero  # noqa: PLC0415  an extra
    except ImportError as error:
        raise OutputError(
            _("gpiozero is not installed"), _("Install it: pip install 'venue-gate[gpio]'")
        ) from error
    try:
        return getattr(gpiozero, kind)(int(pin) if pin.isdecimal() else pin, **options)
    except (gpiozero.GPIOZeroError, ValueError, OSError) as error:
        raise OutputError(
            _("pin {pin} cannot be used: {detail}").format(pin=pin, detail=error),
            _("Who may use it: group gpio."),
        ) from error


def fetch(url: str, timeout_s: float, method: str = "GET") -> bytes:
    """What a controller on the LAN answers, by no proxy. Raises OutputError."""
    asked = urllib.request.Request(url, method=method)  # noqa: S310  http and https only, see above
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(asked, timeout=timeout_s) as answer:
            return bytes(answer.read(_MOST_ANSWER))
    except urllib.error.HTTPError as error:
        error.close()
        raise _no_answer(url, f"HTTP {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise _no_answer(url, str(getattr(error, "reason", error))) from error


def _no_answer(url: str, detail: str) -> OutputError:
    # Without the query: there may be a password in it.
    return OutputError(
        _("{place} does not answer: {detail}").format(place=urlsplit(url).hostname, detail=detail),
        _("Is the controller on, and on this network?"),
    )

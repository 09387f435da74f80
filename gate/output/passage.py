"""What sees a guest go through: a light barrier at a pin, a counter on the LAN, a serial line."""

import threading
import time
from contextlib import suppress
from typing import Any, Protocol

from gate.config_tables import Output
from gate.errors import OutputError
from gate.i18n import _
from gate.output.relay import GPIO, SERIAL, fetch, pin_device, pin_of

POLL_S = 0.2
"""How often a counter on the LAN is asked, and how soon it is noticed that the lane ends."""


class Sensor(Protocol):
    """Tells that somebody has gone through. Every method may raise OutputError."""

    def arm(self) -> None:
        """From now on a passage counts; what was before does not."""

    def wait(self, seconds: float, ending: threading.Event) -> bool:
        """Whether somebody has gone through since it was armed, within so long."""

    def close(self) -> None:
        """Let go of it."""


class PinSensor:
    """A light barrier or contact at a pin, by gpiozero: each time it becomes active counts."""

    def __init__(self, pin: str) -> None:
        self._pin = pin
        self._device: Any = None
        self._passed = threading.Event()

    def arm(self) -> None:
        """From now on a passage counts."""
        if self._device is None:
            pin, is_inverted = pin_of(self._pin)
            # With the pull-up a contact to ground is active; a minus is for the other kind.
            self._device = pin_device("DigitalInputDevice", pin, pull_up=not is_inverted)
            self._device.when_activated = self._passed.set
        self._passed.clear()

    def wait(self, seconds: float, ending: threading.Event) -> bool:
        """Whether somebody has gone through."""
        until = time.monotonic() + seconds
        while not self._passed.wait(max(0.0, min(POLL_S, until - time.monotonic()))):
            if ending.is_set() or time.monotonic() >= until:
                return False
        return True

    def close(self) -> None:
        """Let go of it."""
        if self._device is not None:
            self._device.close()
            self._device = None


class WebSensor:
    """A counter on the LAN: another answer than when it was armed is a passage."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url, self._timeout_s = url, timeout_s
        self._before = b""

    def arm(self) -> None:
        """From now on a passage counts."""
        self._before = fetch(self._url, self._timeout_s)

    def wait(self, seconds: float, ending: threading.Event) -> bool:
        """Whether the counter went on."""
        until = time.monotonic() + seconds
        while fetch(self._url, self._timeout_s) == self._before:
            if time.monotonic() >= until or ending.wait(POLL_S):
                return False
        return True

    def close(self) -> None:
        """Nothing is held."""


class SerialSensor:
    """A line on a serial port: whatever it sends after it was armed is a passage."""

    def __init__(self, port: str, output: Output) -> None:
        self._port, self._baud = port, output.serial_baud
        self._open: Any = None

    def arm(self) -> None:
        """From now on a passage counts."""
        import serial  # noqa: PLC0415  only where one is wanted

        try:
            if self._open is None:
                self._open = serial.Serial(self._port, self._baud, timeout=POLL_S, exclusive=True)
            self._open.reset_input_buffer()
        except (OSError, ValueError) as error:
            raise self._lost() from error

    def wait(self, seconds: float, ending: threading.Event) -> bool:
        """Whether a byte came."""
        until = time.monotonic() + seconds
        try:
            while not self._open.read(1):
                if ending.is_set() or time.monotonic() >= until:
                    return False
        except (OSError, TypeError) as error:
            raise self._lost() from error
        return True

    def close(self) -> None:
        """Let go of it."""
        if self._open is not None:
            with suppress(OSError):
                self._open.close()
        self._open = None

    def _lost(self) -> OutputError:
        self.close()
        return OutputError(
            _("the passage sensor at {place} does not answer").format(place=self._port),
            _("Is it plugged in? Who may use it: group dialout."),
        )


def sensor_of(output: Output) -> Sensor | None:
    """The sensor that the configuration names. Raises OutputError for what is none."""
    place = output.passage
    if not place:
        return None
    if place.startswith(SERIAL):
        return SerialSensor(place.removeprefix(SERIAL), output)
    if place.startswith(GPIO):
        return PinSensor(place.removeprefix(GPIO))
    if place.startswith(("http://", "https://")):
        return WebSensor(place, output.timeout_ms / 1000)
    raise OutputError(
        _("output.passage: {place} is no sensor").format(place=place),
        _("Like serial:/dev/ttyUSB0, http://10.0.0.9/count or gpio:27."),
    )

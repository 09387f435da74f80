"""Relays and sensors at pins, on serial lines and on the LAN, each over the real interface."""

import os
import threading
import tty
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from gate.config import load
from gate.config_tables import Output
from gate.errors import ConfigError, OutputError
from gate.output.passage import PinSensor, sensor_of
from gate.output.relay import relay_of
from gate.reports.checks.finding import Status
from gate.reports.checks.output import turnstile
from tests.conftest import needs

ON, OFF = bytes.fromhex("A00101A2"), bytes.fromhex("A00100A1")


@pytest.fixture
def never() -> threading.Event:
    return threading.Event()


@pytest.fixture
def pins() -> Iterator[Any]:
    """The pins of a machine that has none, by gpiozero's own."""
    Device.pin_factory = MockFactory()
    yield Device.pin_factory
    Device.pin_factory.reset()
    Device.pin_factory = None


@pytest.mark.parametrize(("name", "idle"), [("gpio:17", False), ("gpio:-17", True)])
def test_a_pin_opens_and_closes(pins: Any, never: threading.Event, name: str, idle: bool) -> None:
    """High for so long; with a minus low for so long; at the start and the end it is idle."""
    relay = relay_of(Output(relay=name))
    relay.check()
    pin = pins.pin(17)
    assert pin.state is idle
    relay.pulse(10, never)
    assert [bool(state.state) for state in pin.states][-2:] == [not idle, idle]
    relay.close()


def test_a_pulse_ends_with_the_lane(pins: Any) -> None:
    """Whoever ends the program waits for no pulse, and leaves nothing open."""
    ending = threading.Event()
    ending.set()
    relay = relay_of(Output(relay="gpio:17"))
    relay.pulse(10_000, ending)
    assert not pins.pin(17).state
    relay.close()


def test_a_light_barrier_counts_once_it_is_broken(pins: Any, never: threading.Event) -> None:
    """What was before it was armed does not count."""
    sensor = PinSensor("27")
    sensor.arm()
    pin = pins.pin(27)
    pin.drive_low()
    pin.drive_high()
    sensor.arm()
    assert not sensor.wait(0.05, never)
    threading.Timer(0.02, pin.drive_low).start()
    assert sensor.wait(5, never)
    sensor.close()


def test_a_pin_that_cannot_be_had_is_told(pins: Any) -> None:
    """Two on one pin: the second says so, with what to do."""
    first = relay_of(Output(relay="gpio:17"))
    first.check()
    with pytest.raises(OutputError) as caught:
        relay_of(Output(relay="gpio:17")).check()
    assert caught.value.message.startswith("pin 17 cannot be used")
    first.close()


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """A serial line: the board's end, and the name of ours."""
    needs(hasattr(os, "openpty"), "pseudo terminals")
    board, ours = os.openpty()
    tty.setraw(ours)
    yield board, os.ttyname(ours)
    os.close(board)
    os.close(ours)


def test_a_board_gets_its_commands(line: tuple[int, str], never: threading.Event) -> None:
    """Closed at the start, for whoever ended in the middle of a pulse; then open and closed."""
    board, name = line
    relay = relay_of(Output(relay=f"serial:{name}"))
    relay.check()
    relay.pulse(10, never)
    relay.close()
    heard = b""
    while len(heard) < 4 * len(ON):
        heard += os.read(board, 100)
    assert heard == OFF + ON + OFF + OFF


def test_a_board_that_is_gone_is_told(line: tuple[int, str], never: threading.Event) -> None:
    """And taken again once it is back."""
    relay = relay_of(Output(relay="serial:/dev/nothing-there"))
    with pytest.raises(OutputError, match="does not answer"):
        relay.pulse(10, never)


def test_a_byte_on_a_line_is_a_passage(line: tuple[int, str], never: threading.Event) -> None:
    """What came before it was armed is not."""
    board, name = line
    sensor = sensor_of(Output(passage=f"serial:{name}"))
    assert sensor is not None
    sensor.arm()
    os.write(board, b"1\r\n")
    sensor.arm()
    assert not sensor.wait(0.05, never)
    os.write(board, b"1")
    assert sensor.wait(5, never)
    sensor.close()


class Controller(BaseHTTPRequestHandler):
    """A relay with a counter on the LAN."""

    asked: ClassVar[list[str]]
    status = 200
    count = 0

    def do_GET(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        self.send_response(type(self).status)
        self.end_headers()
        self.wfile.write(str(type(self).count).encode())

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def controller() -> Iterator[tuple[type[Controller], str]]:
    class Fresh(Controller):
        asked: ClassVar[list[str]] = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Fresh)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Fresh, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_controller_is_asked(
    controller: tuple[type[Controller], str], never: threading.Event
) -> None:
    """With the length of the pulse in the address, or with a second request that closes."""
    handler, url = controller
    relay_of(Output(relay=f"{url}/on?ms={{ms}}", pulse_ms=700)).pulse(700, never)
    output = Output(relay=f"{url}/on", close_url=f"{url}/off", http_method="POST")
    relay_of(output).check()
    relay_of(output).pulse(10, never)
    assert handler.asked == ["GET /on?ms=700", "POST /on", "POST /off"]


def test_a_controller_that_refuses_or_is_gone_is_told(
    controller: tuple[type[Controller], str], never: threading.Event
) -> None:
    """By its host; what else is in the address may be a secret."""
    handler, url = controller
    handler.status = 503
    with pytest.raises(OutputError) as caught:
        relay_of(Output(relay=f"{url}/on?key=secret")).pulse(10, never)
    assert caught.value.message == "127.0.0.1 does not answer: HTTP 503"
    gone = relay_of(Output(relay="http://127.0.0.1:9/on", timeout_ms=200))
    for work in (gone.check, lambda: gone.pulse(10, never)):
        with pytest.raises(OutputError, match=r"127\.0\.0\.1 does not answer"):
            work()


def test_a_counter_that_goes_on_is_a_passage(
    controller: tuple[type[Controller], str], never: threading.Event
) -> None:
    """Whatever it answers: another answer than before."""
    handler, url = controller
    sensor = sensor_of(Output(passage=f"{url}/count"))
    assert sensor is not None
    sensor.arm()
    assert not sensor.wait(0.05, never)
    handler.count += 1
    assert sensor.wait(5, never)


def test_the_doctor_looks_and_opens_nothing(controller: tuple[type[Controller], str]) -> None:
    """Somebody listens there; nothing is asked of it but the counter."""
    handler, url = controller
    settings = [f"output.relay={url}/on", f"output.passage={url}/count"]
    assert turnstile(load(None, {}, settings)).status is Status.OK
    assert handler.asked == ["GET /count"]
    assert turnstile(load(None, {}, [])).status is Status.SKIP


def test_commands_are_hexadecimal() -> None:
    """A letter too many is a mistake of the configuration."""
    with pytest.raises(ConfigError, match=r"output\.serial_on: found 'A0X'"):
        load(None, {}, ["output.serial_on=A0X"])

"""What the doctor says of serial ports and of what opens."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp

from gate.capture.serial import PortSeen
from gate.config import load
from gate.config_tables import Output
from gate.output.turnstile import Turnstile
from gate.reports.checks.finding import Finding, Status
from gate.reports.checks.machine import camera, serial_scanner
from gate.reports.doctor import turnstile_at_work

SCANNER = PortSeen("/dev/serial/by-id/usb-Honeywell-if00", "Honeywell 1902")
RELAY = PortSeen("COM7", "USB Serial")


def found(monkeypatch: pytest.MonkeyPatch, wanted: str, *seen: PortSeen) -> Finding:
    monkeypatch.setattr("gate.reports.checks.machine.ports", lambda: list(seen))
    return serial_scanner(load(None, {}, [f"scanner.serial={wanted}"]))


@pytest.mark.parametrize(
    ("symbology", "said"),
    [
        ("Codabar", "This is a Codabar code, which is not switched on here: camera.formats"),
        ("Code128", "In sight and read: Code 128."),
        ("", ""),
    ],
)
def test_what_is_before_the_camera_is_named(tmp_path: Path, symbology: str, said: str) -> None:
    """Whether it is read here or not; an empty picture is well too."""
    frame = np.full((300, 700), 255, np.uint8)
    if symbology:
        kind = getattr(zxingcpp.BarcodeFormat, symbology)
        symbol = np.array(zxingcpp.create_barcode("A123456789B", kind).to_image(scale=3))
        frame[50 : 50 + len(symbol), 50 : 50 + symbol.shape[1]] = symbol
    cv2.imwrite(str(tmp_path / "1.png"), frame)
    finding = camera(load(None, {}, [f"camera.folder={tmp_path}"]))
    assert (finding.status, finding.hint) == (Status.OK, said)


def test_without_any_there_is_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay's port is no scanner's."""
    assert found(monkeypatch, "", RELAY).status is Status.SKIP


def test_a_scanner_that_nobody_reads_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the setting that would."""
    finding = found(monkeypatch, "", RELAY, SCANNER)
    assert (finding.status, finding.detail) == (Status.WARN, SCANNER.device)
    assert finding.hint == "Take it with: scanner.serial = auto"


def test_auto_without_any_names_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scanner may call itself something else: its port can be named."""
    assert found(monkeypatch, "auto", SCANNER).status is Status.OK
    finding = found(monkeypatch, "auto", RELAY)
    assert finding.status is Status.FAIL
    assert finding.hint.endswith("COM7")


def test_a_named_port_has_to_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And to be one that this user may read."""
    assert found(monkeypatch, "COM7", RELAY).status is Status.OK
    finding = found(monkeypatch, "COM7,COM9", RELAY)
    assert (finding.status, finding.detail) == (Status.FAIL, "COM9 is not there")
    port = tmp_path / "ttyUSB0"
    port.touch()
    monkeypatch.setattr("os.access", lambda *_a: False)
    closed = found(monkeypatch, os.fspath(port))
    assert (closed.status, closed.hint) == (Status.FAIL, "Who may use it: group dialout.")


def test_a_turnstile_at_work_says_how_it_is() -> None:
    """The lane has it; nobody opens it a second time to look."""
    assert list(turnstile_at_work(None)) == []
    turnstile = Turnstile(Output(relay="serial:/dev/nothing-there"), print, print)
    (check,) = turnstile_at_work(turnstile)
    assert (check.status, check.detail) == (Status.OK, "opened 0 times")
    turnstile._try("relay", turnstile._relay.check)
    (check,) = turnstile_at_work(turnstile)
    assert check.status is Status.FAIL
    assert "/dev/nothing-there does not answer" in check.detail

"""What the doctor says of serial ports and of what opens."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp
from msgspec.structs import replace

from gate.capture.serial import PortSeen
from gate.config import load
from gate.config_tables import Output
from gate.output.sound import CommandPlayer
from gate.output.turnstile import Turnstile
from gate.reports.checks import sound as sound_checks
from gate.reports.checks.finding import Finding, Status
from gate.reports.checks.machine import camera, serial_scanner
from gate.reports.doctor import examine, turnstile_at_work
from gate.storage import lane_status
from gate.storage.folder import Folder
from gate.storage.lane_status import LaneStatus
from tests.support.venue import FixedClock

SCANNER = PortSeen("/dev/serial/by-id/usb-Honeywell-if00", "Honeywell 1902")
RELAY = PortSeen("COM7", "USB Serial")


def found(monkeypatch: pytest.MonkeyPatch, wanted: str, *seen: PortSeen) -> Finding:
    monkeypatch.setattr("gate.reports.checks.machine.ports", lambda: list(seen))
    return serial_scanner(load(None, {}, [f"scanner.serial={wanted}"]))


@pytest.mark.examples(1)
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


def test_guests_who_do_not_go_through_are_told() -> None:
    """How many, and what to look at once so many in a row are no chance."""
    turnstile = Turnstile(Output(relay="serial:/dev/x", passage="serial:/dev/y"), print, print)
    turnstile.not_passed, turnstile.not_passed_in_row = 5, 2
    (check,) = turnstile_at_work(turnstile)
    assert (check.status, check.detail) == (Status.OK, "opened 0 times, 5 did not go through")
    turnstile.not_passed_in_row = 3
    (check,) = turnstile_at_work(turnstile)
    assert (check.status, check.hint) == (
        Status.WARN,
        "Does it open? Does the sensor see who goes through?",
    )


@pytest.mark.parametrize(
    ("word", "status", "detail"),
    [
        (LaneStatus(turnstile="on"), Status.OK, "turnstile on"),
        (
            LaneStatus(turnstile="broken", turnstile_trouble="it does not answer"),
            Status.FAIL,
            "it does not answer",
        ),
        (
            LaneStatus(turnstile="on", not_passed=4, not_passed_in_row=3),
            Status.WARN,
            "turnstile on, 3 in a row did not go through",
        ),
    ],
)
def test_the_doctor_takes_an_open_lane_s_word(
    folder: Folder, clock: FixedClock, word: LaneStatus, status: Status, detail: str
) -> None:
    """A second program could not even open the relay's port."""
    now = clock.read()
    word = replace(word, boot_id=now.boot_id, boot_ms=now.boot_ms)
    lane_status.write(folder, word)
    config = load(None, {}, ["output.relay=serial:/dev/nothing-there", "camera.device=off"])
    (check,) = [one for one in examine(config, folder, clock) if one.name == "turnstile"]
    assert (check.status, check.detail) == (status, detail)
    lane_status.remove(folder)
    (check,) = [one for one in examine(config, folder, clock) if one.name == "turnstile"]
    assert "/dev/nothing-there does not answer" in check.detail


@pytest.mark.parametrize(
    ("setting", "status", "detail"),
    [
        ("screen.volume=50", Status.OK, "aplay, volume 50"),
        ("screen.sound=bell", Status.OK, "the terminal's bell"),
        ("screen.bell=false", Status.SKIP, "switched off"),
        ("screen.volume=0", Status.SKIP, "switched off"),
    ],
)
def test_what_is_heard_is_told(
    monkeypatch: pytest.MonkeyPatch, setting: str, status: Status, detail: str
) -> None:
    """By what it is played, or that nothing is to be heard."""
    monkeypatch.setattr(sound_checks, "players", lambda: [CommandPlayer(["/usr/bin/aplay"])])
    found = sound_checks.sound(load(None, {}, [setting]))
    assert (found.status, found.detail) == (status, detail)


def test_sound_that_nothing_plays_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bell rings, so the lane works; what to install is told."""
    monkeypatch.setattr(sound_checks, "players", list)
    monkeypatch.setattr("sys.platform", "linux")
    found = sound_checks.sound(load(None, {}, []))
    assert (found.status, found.hint) == (Status.WARN, "Install it: sudo apt install alsa-utils")


def test_sound_that_an_open_lane_could_not_play_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A program is there; what it plays on is not."""
    monkeypatch.setattr(sound_checks, "players", lambda: [CommandPlayer(["/usr/bin/aplay"])])
    assert sound_checks.sound(load(None, {}, []), "on").status is Status.OK
    assert sound_checks.sound(load(None, {}, []), "lost").status is Status.FAIL

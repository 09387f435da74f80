"""Serial scanners: the question, and the rule that gives the lane's user the port."""

from pathlib import Path

import pytest

from gate.capture.evdev import SCANNER_WORDS
from gate.config import Config
from gate.config_tables import Scanner
from gate.errors import UsageError
from gate.reports.checks.finding import Finding, Status
from gate.setup.answers import Answers
from gate.setup.serial_port import RULE, port_rule, scanners_rule
from tests.setup.conftest import Bench
from tests.setup.test_devices import udev_verifies

PORT = "/dev/serial/by-id/usb-Honeywell_Barcode_Scanner_123-if00"


@pytest.mark.parametrize("rule", [port_rule("gate", PORT), scanners_rule("gate")])
def test_udev_understands_the_rules(tmp_path: Path, rule: str) -> None:
    """And not one with a slip in it."""
    file = tmp_path / "70-venue-gate-serial.rules"
    file.write_text(rule)
    assert udev_verifies(file)
    file.write_text(rule.replace("SYMLINK==", "SYMLINC=="))
    assert not udev_verifies(file)


def test_a_port_is_the_users_by_the_name_it_was_named_by() -> None:
    """A stable one stays with its device; what tries modems leaves it alone."""
    by_id, by_kernel = port_rule("gate", PORT), port_rule("gate", "/dev/ttyAMA0")
    assert f'SYMLINK=="{PORT.removeprefix("/dev/")}"' in by_id
    assert 'KERNEL=="ttyAMA0"' in by_kernel
    for rule in (by_id, by_kernel):
        assert rule.startswith('SUBSYSTEM=="tty", ')
        assert rule.endswith('OWNER="gate", MODE="0660", ENV{ID_MM_DEVICE_IGNORE}="1"\n')


@pytest.mark.parametrize("port", ['/dev/tty", RUN+="x', "COM3", "/dev/../etc/passwd", "/dev/tty*"])
def test_what_is_no_port_makes_no_rule(bench: Bench, port: str) -> None:
    """Neither by a function nor by an answer: a rule is for the device that was named."""
    with pytest.raises(UsageError):
        port_rule("gate", port)
    assert not bench.set_up(given=Answers(serial=port, write="yes"))
    assert "serial: found" in bench.said()
    assert not bench.root.joinpath(*RULE).exists()


def test_whatever_says_that_it_scans_is_the_users() -> None:
    """The rule of ``auto`` looks for the lane's own words, in any case."""
    rule = scanners_rule("gate")
    assert rule.count("serial/by-id/*") == len(SCANNER_WORDS)
    assert "[bB][aA][rR][cC][oO][dD][eE]" in rule


def test_other_ports_are_looked_at_and_written(bench: Bench) -> None:
    """As they were answered; with none the rule goes again."""
    looked: list[str] = []

    def ports(config: Config) -> Finding:
        looked.append(config.scanner.serial)
        return Finding(Status.OK, "")

    bench.ports = ports
    place = bench.root.joinpath(*RULE)
    assert bench.set_up(given=Answers(serial=f"auto, {PORT}", autostart="no", write="yes"))
    assert looked == ["", f"auto, {PORT}"]
    rules = place.read_text().splitlines()[1:]
    assert [f"{rule}\n" for rule in rules] == [scanners_rule("gate"), port_rule("gate", PORT)]
    assert f'serial = "auto, {PORT}"' in bench.config_file.read_text()
    assert ("udevadm", "trigger", "--subsystem-match=tty", "--action=change") not in bench.ran
    assert bench.set_up(given=Answers(serial="off", autostart="no", write="yes"))
    assert not place.exists()


def test_a_port_that_is_not_there_is_told_and_kept(bench: Bench) -> None:
    """It may be plugged in later; the exit code says so."""
    bench.ports = lambda config: Finding(
        Status.FAIL if config.scanner.serial else Status.SKIP, "not there"
    )
    assert not bench.set_up(given=Answers(serial=PORT, autostart="no", write="yes"))
    assert "FAIL: not there" in bench.said()
    assert bench.root.joinpath(*RULE).exists()


def test_whatever_scans_may_be_plugged_in_later(bench: Bench) -> None:
    """Of ``auto`` a rule is written and nothing fails, the first time and again."""
    bench.ports = lambda config: Finding(
        Status.FAIL if config.scanner.serial else Status.SKIP, "none says so"
    )
    given = Answers(serial="auto", autostart="no", write="yes")
    assert bench.set_up(given=given)
    assert "WARN: none says so" in bench.said()
    assert bench.root.joinpath(*RULE).exists()
    bench.config = Config(scanner=Scanner(serial="auto"))
    assert bench.set_up(given=given)


def test_a_port_that_the_rule_opens_is_no_failure(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there; whoever sets up may not use it yet."""
    bench.ports = lambda config: Finding(
        Status.FAIL if config.scanner.serial else Status.SKIP, config.scanner.serial
    )
    device = bench.root / "dev/ttyUSB0"
    device.touch()
    given = Answers(serial="/dev/ttyUSB0", autostart="no", write="yes")
    assert not bench.set_up(given=given)
    monkeypatch.setattr("gate.setup.serial_port.os.access", lambda *_a: False)
    assert bench.set_up(given=given)
    assert "gate may use it once what follows is written." in bench.said()
    device.unlink()
    assert not bench.set_up(given=given)

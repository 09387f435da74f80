"""The udev rule, and what the machine's configuration says of its devices."""

import shutil
import subprocess
from pathlib import Path

import pytest

from gate.errors import UsageError
from gate.setup.answers import Answers
from gate.setup.devices import input_rule, names_rule, read_make, scanners
from tests.setup.conftest import SCANNER, Bench


def udev_verifies(rule: Path) -> bool:
    """Whether udev understands a file of rules; skipped where it cannot be asked."""
    udevadm = shutil.which("udevadm")
    if (
        udevadm is None
        or subprocess.run(
            [udevadm, "verify", "--help"], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("this machine has no udevadm that verifies (systemd 254)")
    command = [udevadm, "verify", "--resolve-names=never", str(rule)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_udev_understands_the_rule(tmp_path: Path) -> None:
    """And not one with a slip in it."""
    rule = tmp_path / "70-venue-gate.rules"
    rule.write_text(input_rule("gate", "05e0", "1200"))
    assert udev_verifies(rule)
    rule.write_text(rule.read_text().replace("OWNER=", "OWNED="))
    assert not udev_verifies(rule)
    rule.write_text(names_rule("gate"))
    assert udev_verifies(rule)


def test_the_rule_is_for_one_make_only() -> None:
    """Other keyboards stay root's; the group keeps what it had."""
    comment, rule = input_rule("gate", "05e0", "1200").splitlines()
    assert comment.startswith("#")
    assert rule.split(", ") == [
        'SUBSYSTEM=="input"', 'KERNEL=="event*"', 'ATTRS{id/vendor}=="05e0"',
        'ATTRS{id/product}=="1200"', 'OWNER="gate"', 'MODE="0660"',
    ]  # fmt: skip


def test_whatever_says_that_it_scans_is_the_users(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule of ``auto`` looks for the words that the lane looks for, in any case."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: object())
    rule = tmp_path / "70-venue-gate.rules"
    rule.write_text(names_rule("gate"))
    assert "*[bB][aA][rR][cC][oO][dD][eE]*" in rule.read_text()
    assert bench.set_up(given=Answers(scanner="auto", write="yes"))
    written = bench.root / "etc/udev/rules.d/70-venue-gate.rules"
    assert written.read_text() == rule.read_text()
    assert 'evdev = "auto"' in bench.config_file.read_text()


def test_a_scanner_is_found_with_its_make(bench: Bench) -> None:
    """By the name that stays the same, and the numbers that the kernel has read."""
    assert scanners(bench.machine) == [SCANNER]
    assert read_make(bench.machine, SCANNER) == ("05e0", "1200")


@pytest.mark.parametrize("make", ["05E0\n", '05e0", RUN+="x\n', "\n"])
def test_numbers_that_are_none_make_no_rule(bench: Bench, make: str) -> None:
    """What a device tells of itself is no part of a rule unless it is four hex digits."""
    (bench.root / "sys/class/input/event5/device/id/product").write_text(make)
    with pytest.raises(UsageError, match="does not tell its make"):
        read_make(bench.machine, SCANNER)

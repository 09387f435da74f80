"""A machine with the processor of a Raspberry Pi: its wheels, its start, its plug.

Played where ``GATE_TEST_MACHINE=aarch64`` asks for it: by software it takes half an hour.
"""

import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.system.machine.architecture import AMD64, ARM64, Architecture
from tests.system.machine.asked_for import PLAYED
from tests.system.machine.image import IMPORT_ALL, ROOT, Image, NoImage, make_image, missing
from tests.system.machine.lane_machine import LaneMachine

PATIENCE_S = 3000.0
DEBIANS = {
    "3.11": ("fast", "gpio", "postgres"),
    # Of lgpio there is no wheel for it: python3-lgpio is Debian's, as on the Pi's card.
    "3.13": ("fast", "postgres"),
}
"""The Python of Debian 12 and 13, and of which extras there are wheels."""

pytestmark = [
    pytest.mark.machine,
    pytest.mark.timeout(3 * 3600),
    pytest.mark.xdist_group("machine"),
    pytest.mark.skipif(
        PLAYED != "aarch64",
        reason="GATE_TEST_MACHINE=aarch64 starts a Debian machine of 64-bit ARM",
    ),
]


@pytest.fixture(scope="module")
def image() -> Image:
    """Debian for 64-bit ARM with the program, from the cache where it is there."""
    if lacking := missing(ARM64):
        pytest.skip(f"a machine is made of {lacking}")
    try:
        return make_image(architecture=ARM64)
    except NoImage as error:
        pytest.skip(f"no machine could be made: {error}")


@pytest.mark.parametrize("python", DEBIANS)
def test_every_dependency_has_a_wheel(python: str) -> None:
    """Of what a gate or its server installs, with what that needs; nothing is compiled there."""
    wanted = requirements(DEBIANS[python])
    if trouble := without_a_wheel(wanted, AMD64, python):
        pytest.skip(f"no package index here: {trouble}")
    assert not without_a_wheel(wanted, ARM64, python)


def test_a_dependency_without_a_wheel_is_noticed() -> None:
    """Mutation: python-evdev has none, for which reason it is Debian's."""
    assert "evdev" in without_a_wheel(["evdev>=1.7"], ARM64, "3.11")


def test_it_is_a_lane_and_keeps_what_was_green(
    machine: LaneMachine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From power on to a guest without a hand; no green goes with the power; all of it loads.

    Mutation: on a disk for which FLUSH means nothing greens are lost.
    """
    took = machine.on()
    say(capsys, f"ready after {took:.0f} s")
    guests = machine.let_in_from(2)
    machine.wait_for_green(after=3)
    machine.cut()
    guests.join()
    assert not machine.lost(tmp_path / "cut")
    assert machine.lost(tmp_path / "liar", is_honest=False)
    say(capsys, f"{len(machine.green)} greens")
    again = machine.on()
    say(capsys, f"ready again after {again:.0f} s")
    assert machine.lets_in(max(machine.green) + 5)
    machine.pc.shell.wait(r"root@north:~# ", PATIENCE_S)
    say(capsys, machine.pc.run(IMPORT_ALL, PATIENCE_S).split("aarch64: ")[1].splitlines()[0])


def say(capsys: pytest.CaptureFixture[str], words: str) -> None:
    """Figures for whoever runs it."""
    with capsys.disabled():
        print(f" [{words}] ", end="", flush=True)


def requirements(extras: Sequence[str]) -> list[str]:
    """What the plain program and these extras need, as ``pyproject.toml`` has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    return [*project["dependencies"], *(one for extra in extras for one in optional[extra])]


def without_a_wheel(wanted: Sequence[str], architecture: Architecture, python: str) -> str:
    """What pip says of those that could not be had as wheels; empty: all can."""
    platforms = [word for name in architecture.platforms for word in ("--platform", name)]
    for _again in range(3):
        asked = subprocess.run(
            [
                sys.executable, "-m", "pip", "install", "--quiet", "--dry-run",
                "--ignore-installed", "--target", "unused", "--only-binary=:all:",
                "--python-version", python, *platforms,
                "-c", str(ROOT / "constraints.txt"), *wanted,
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if asked.returncode == 0:
            return ""
        time.sleep(2.0)
    errors = [line for line in asked.stderr.splitlines() if line.startswith("ERROR")]
    return "\n".join(errors) or asked.stderr[-500:]

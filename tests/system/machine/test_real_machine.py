"""A Debian machine under QEMU, looked at from outside: by its console, its disk and its plug.

Software emulation: no speed is a bar here. What of it is played says ``GATE_TEST_MACHINE``.
"""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.system.machine.emulator import until
from tests.system.machine.image import (
    ANSWERS,
    DATA,
    GATE,
    Image,
    code_of,
    guest,
    make_image,
    missing,
)
from tests.system.machine.lane_machine import LONG_S, SCANNER, LaneMachine, mark_of_last_scan

PLAYED = os.environ.get("GATE_TEST_MACHINE", "")
"""Empty: nothing; ``1``: one start and the cuts; ``all``."""
CUTS = int(os.environ.get("GATE_TEST_UNPLUGS", "1"))
SEED = int(os.environ.get("GATE_TEST_SEED", "20261129"))

pytestmark = [
    pytest.mark.machine,
    pytest.mark.timeout(3600 + 1200 * CUTS),
    pytest.mark.xdist_group("machine"),
    pytest.mark.skipif(not PLAYED, reason="GATE_TEST_MACHINE=1 starts a Debian machine, or =all"),
]
on_demand = pytest.mark.skipif(PLAYED != "all", reason="GATE_TEST_MACHINE=all plays it")


@pytest.fixture(scope="module")
def image() -> Image:
    """Debian with the program, from the cache where it is there."""
    lacking = missing()
    needs(not lacking, f"{lacking}, of which a machine is made")
    return make_image()


@pytest.fixture
def machine(image: Image, tmp_path: Path) -> Iterator[LaneMachine]:
    """One that is off."""
    machine = LaneMachine(image, tmp_path, SEED)
    yield machine
    machine.close()


def told(capsys: pytest.CaptureFixture[str], words: str) -> None:
    """Figures for whoever runs it."""
    with capsys.disabled():
        print(f" [{words}] ", end="", flush=True)


def test_what_was_green_outlives_the_power(
    machine: LaneMachine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plug is pulled while scans flow: no green is lost, and the lane is back by itself.

    Mutation: on a disk for which FLUSH means nothing greens are lost.
    """
    chance = random.Random(SEED)
    took, lost_by_liar = [], 0
    for cut in range(CUTS):
        took.append(machine.on())
        before = max(machine.green, default=0)
        guests = machine.let_in_from(before + 2)
        machine.wait_for_green(after=before)
        time.sleep(chance.uniform(0, 8))
        machine.cut()
        guests.join()
        assert not machine.lost(tmp_path / f"cut-{cut}")
        lost_by_liar += bool(machine.lost(tmp_path / f"liar-{cut}", is_honest=False))
    took.append(machine.on())
    machine.scan(max(machine.green))
    until(lambda: mark_of_last_scan(machine.screens[-1]) != "", LONG_S, "an answer")
    assert mark_of_last_scan(machine.screens[-1]) == "X"
    assert lost_by_liar == CUTS
    told(
        capsys,
        f"power on to ready {min(took):.0f} to {max(took):.0f} s, {CUTS} cuts, "
        f"{len(machine.green)} greens, {machine.disk.flushes} flushes, "
        f"{machine.disk.lost} blocks lost in the cache",
    )


@on_demand
def test_setup_leaves_nothing_behind(machine: LaneMachine) -> None:
    """The units are bounded as systemd reads them; after ``--undo`` the files are Debian's."""
    machine.on()
    machine.shell()
    run = machine.pc.run
    exposure = run("systemd-analyze security --no-pager venue-gate-lane | tail -n 1", LONG_S)
    assert "OK" in exposure or "MEDIUM" in exposure, exposure
    assert "0" in run("cat /sys/module/kernel/parameters/consoleblank")
    run(f"su - gate -c '{GATE} --data-dir {DATA} setup --undo --apply'", LONG_S)
    left = run("find /etc -name '*venue-gate*'; grep CHARMAP /etc/default/console-setup", LONG_S)
    assert "venue-gate" not in left
    assert "ISO-8859-15" in left


@on_demand
def test_scanners_come_and_go(machine: LaneMachine) -> None:
    """Typing at the console: pulled out within a code, plugged in again, and another one."""
    machine.on()
    machine.show(1)
    machine.shell()
    machine.type(code_of(2)[:4])
    machine.pull_out(SCANNER)
    machine.plug_in("again", "keyboard-again")
    machine.show(3)
    assert 2 not in machine.look()


@on_demand
def test_scanners_that_are_kept_are_taken_as_they_come(machine: LaneMachine) -> None:
    """``auto`` without any, then one, then another one beside it; the console hears neither."""
    machine.on()
    machine.shell()
    machine.pull_out(SCANNER)
    run = machine.pc.run
    run(f"sed -i s/keyboard/auto/ {ANSWERS}", LONG_S)
    run(f"su - gate -c '{GATE} --data-dir {DATA} setup --apply --answers {ANSWERS}'", LONG_S)
    run("systemctl stop venue-gate-lane; sleep 5; systemctl start venue-gate-lane", LONG_S)
    for number in (1, 2):
        machine.plug_in(f"scan{number}", f"barcode{number}")
        machine.wait_for_grabs(number)
        machine.show(number)


@on_demand
@pytest.mark.parametrize("fault", ["slow", "full", "read-only"])
def test_a_disk_that_fails_never_shows_green(
    machine: LaneMachine, tmp_path: Path, fault: str
) -> None:
    """Slow: green comes as late as the disk; full or read-only: what was green is on the disk."""
    machine.on()
    machine.shell()
    if fault == "slow":
        machine.disk.flush_s = 3.0
    elif fault == "full":
        machine.pc.run(
            "fallocate -l 100G /fill; cat /dev/zero > /fill2; sync", LONG_S, is_well=False
        )
    else:
        machine.disk.fails_writes = True
    began = time.monotonic()
    machine.scan(1)
    if fault == "slow":
        machine.wait_for(guest(1))
        assert time.monotonic() - began > 3.0
    else:
        until(lambda: guest(1) in machine.screen or "WAIT" in machine.screen, LONG_S, "a verdict")
    machine.disk.flush_s = 0.0
    machine.cut()
    machine.disk.fails_writes = False
    assert not machine.lost(tmp_path / "cut")


@on_demand
def test_a_machine_without_a_clock_refuses_nobody_for_the_time(machine: LaneMachine) -> None:
    """1970 at the start, as of a Pi without a battery: the lane is there and says so."""
    machine.on("-rtc", "base=1970-01-01T00:00:00")
    machine.shell()
    machine.pc.run(
        "timedatectl set-ntp false; date -s '1970-01-01 00:10:00'", LONG_S, is_well=False
    )
    machine.scan(1)
    text = machine.wait_for(guest(1))
    assert "STOP" not in text.split("last scans")[0]


@on_demand
def test_the_console_comes_back(machine: LaneMachine, tmp_path: Path) -> None:
    """Ctrl+Alt+F2 is a login, Alt+F1 the lane as it was, and the font has its signs."""
    machine.on()
    machine.press("ctrl", "alt", "f2")
    machine.shell()
    assert "tty2" in machine.pc.run("cat /sys/class/tty/tty0/active")
    machine.press("alt", "f1")
    until(lambda: "tty1" in machine.pc.run("cat /sys/class/tty/tty0/active"), LONG_S, "tty1")
    machine.scan(1)
    assert guest(1) in machine.wait_for(guest(1))
    assert len(machine.screens[-1]) == 24
    assert "Â" not in machine.screen
    assert machine.pc.screendump(tmp_path / "screen.png").stat().st_size

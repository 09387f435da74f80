"""A Debian machine under QEMU, looked at from outside: by its console, its disk and its plug.

Software emulation: no speed is a bar here. What of it is played says ``GATE_TEST_MACHINE``.
"""

import os
import random
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.machine.image import (
    ANSWERS,
    DATA,
    GATE,
    Image,
    NoImage,
    code_of,
    make_image,
    missing,
)
from tests.system.machine.lane_machine import LONG_S, SCANNER, LaneMachine

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
    if lacking := missing():
        pytest.skip(f"a machine is made of {lacking}")
    began = time.monotonic()
    try:
        made = make_image()
    except NoImage as error:
        pytest.skip(f"no machine could be made: {error}")
    print(f" [the image: {time.monotonic() - began:.0f} s] ", end="", flush=True)
    return made


@pytest.fixture
def machine(image: Image, tmp_path: Path) -> Iterator[LaneMachine]:
    """One that is off."""
    machine = LaneMachine(image, tmp_path, SEED)
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def running(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaneMachine]:
    """One that is on, with root's shell, shared by those that leave it as it was."""
    machine = LaneMachine(image, tmp_path_factory.mktemp("running"), SEED)
    try:
        machine.on()
        machine.shell()
        yield machine
    finally:
        machine.close()


@pytest.fixture(scope="module")
def ailing(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaneMachine]:
    """One whose clock begins in 1970, as a Pi's without a battery, and whose disk will fail."""
    machine = LaneMachine(image, tmp_path_factory.mktemp("ailing"), SEED)
    try:
        machine.on("-rtc", "base=1970-01-01T00:00:00")
        machine.shell()
        yield machine
    finally:
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
        told(capsys, f"ready after {took[-1]:.0f} s")
        before = max(machine.green, default=0)
        guests = machine.let_in_from(before + 2)
        machine.wait_for_green(after=before + 3)
        time.sleep(chance.uniform(0, 8))
        machine.cut()
        guests.join()
        told(capsys, f"{len(machine.green)} greens after {machine.pc.age_s:.0f} s")
        assert not machine.lost(tmp_path / f"cut-{cut}")
        lost_by_liar += bool(machine.lost(tmp_path / f"liar-{cut}", is_honest=False))
    took.append(machine.on())
    assert machine.answer(max(machine.green)) == "X"
    assert lost_by_liar == CUTS
    machine.pc.off()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    told(
        capsys,
        f"power on to ready {min(took):.0f} to {max(took):.0f} s, {CUTS} cuts, "
        f"{len(machine.green)} greens, {machine.disk.flushes} flushes, "
        f"{machine.disk.lost} blocks lost in the cache, "
        f"{used.ru_utime + used.ru_stime:.0f} s of CPU with the image",
    )


@on_demand
def test_the_console_comes_back(running: LaneMachine, tmp_path: Path) -> None:
    """Ctrl+Alt+F2 is a login, Alt+F1 the lane as it was, and the font has its signs."""
    running.press("ctrl", "alt", "f2")
    running.wait_for_console(2)
    running.press("alt", "f1")
    running.wait_for_console(1)
    running.show(1)
    assert len(running.screens[-1]) == 24
    assert "Â" not in running.screen
    assert running.pc.screendump(tmp_path / "screen.png").stat().st_size


@on_demand
def test_a_scanner_that_types_comes_and_goes(running: LaneMachine) -> None:
    """Pulled out within a code, plugged in again: nobody comes in by half a code."""
    running.type(code_of(2)[:4])
    running.pull_out(SCANNER)
    running.plug_in(SCANNER, "keyboard")
    running.show(3)
    assert 2 not in running.look()


@on_demand
def test_the_lane_is_started_anew(running: LaneMachine) -> None:
    """By a restart of its unit, and when it was killed: the login does not come between."""
    run = running.pc.run
    for command in ("restart", "kill -s KILL"):
        running.start_anew(command)
        assert "inactive" in run("systemctl is-active getty@tty1", LONG_S, is_well=False)
    run("systemctl stop venue-gate-lane", LONG_S)
    running.wait_for("login:")
    run("systemctl start venue-gate-lane", LONG_S)
    running.wait_for("admitted")


@on_demand
def test_scanners_that_are_kept_are_taken_as_they_come(running: LaneMachine) -> None:
    """``auto`` without any, then one, then another one beside it; the console hears neither."""
    run = running.pc.run
    run(f'sed -i \'s/"keyboard"/"auto"/\' {ANSWERS}', LONG_S)
    run(f"su - gate -c '{GATE} --data-dir {DATA} setup --apply --answers {ANSWERS}'", LONG_S)
    running.start_anew("restart")
    running.pull_out(SCANNER)
    for number in (11, 12):
        running.plug_in(f"scan{number}", f"barcode{number}")
        running.wait_for_grabs(number - 10)
        running.show(number)


@on_demand
def test_setup_leaves_nothing_behind(running: LaneMachine) -> None:
    """The units are bounded as systemd reads them; after ``--undo`` the files are Debian's."""
    run = running.pc.run
    exposure = run("systemd-analyze security --no-pager venue-gate-lane | tail -n 1", LONG_S)
    assert "OK" in exposure or "MEDIUM" in exposure, exposure
    assert "0" in run("cat /sys/module/kernel/parameters/consoleblank", LONG_S)
    run(f"su - gate -c '{GATE} --data-dir {DATA} setup --undo --apply'", LONG_S)
    # The image has a drop-in of its own beside the lane's unit.
    find = "find /etc -name '*venue-gate*' -not -name '*.d'"
    left = run(f"{find}; grep CHARMAP /etc/default/console-setup", LONG_S)
    assert "venue-gate" not in left
    assert "ISO-8859-15" in left


@on_demand
def test_a_machine_without_a_clock_refuses_nobody_for_the_time(ailing: LaneMachine) -> None:
    """At the day on which systemd was built, nor when somebody sets it back to 1970."""
    assert ailing.lets_in(1)
    ailing.pc.run("date -s '1970-01-01 00:10:00'", LONG_S)
    assert ailing.lets_in(2)


@on_demand
def test_green_comes_as_late_as_a_slow_disk(ailing: LaneMachine) -> None:
    """Not before it has answered the flush."""
    ailing.disk.flush_s = 3.0
    began = time.monotonic()
    assert ailing.lets_in(3)
    assert time.monotonic() - began > ailing.disk.flush_s
    ailing.disk.flush_s = 0.0


@on_demand
def test_a_full_disk_still_lets_in(ailing: LaneMachine) -> None:
    """For a while: the lane has kept space back for its entries."""
    fill = "fallocate -l 100G /fill; cat /dev/zero > /fill2; sync; df --output=avail / | tail -n 1"
    assert ailing.pc.run(fill, LONG_S, is_well=False).split()[-1] == "0"
    assert ailing.lets_in(4)


@on_demand
def test_a_disk_that_fails_never_shows_green(ailing: LaneMachine, tmp_path: Path) -> None:
    """Nobody comes in on it, and of who came in before nobody is lost with the power."""
    ailing.disk.fails_writes = True
    ailing.scan(5)
    ailing.wait_for("WAIT")
    ailing.cut()
    ailing.disk.fails_writes = False
    assert ailing.green == {1, 2, 3, 4}
    assert not ailing.lost(tmp_path / "cut")

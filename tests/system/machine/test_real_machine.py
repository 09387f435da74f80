"""A Debian machine under QEMU whose plug is pulled, looked at from outside.

Software emulation: no speed is a bar here. What of it is played says ``GATE_TEST_MACHINE``.
"""

import random
import resource
import time
from pathlib import Path

import pytest

from gate.core.outcome import Reason
from tests.system.machine import asked_for
from tests.system.machine.asked_for import CUTS, SEED
from tests.system.machine.lane_machine import LaneMachine

pytestmark = asked_for.machine


def report(capsys: pytest.CaptureFixture[str], words: str) -> None:
    """Figures for whoever runs it."""
    with capsys.disabled():
        print(f" [{words}] ", end="", flush=True)


def test_what_was_green_outlives_the_power(
    machine: LaneMachine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plug is pulled while scans flow: no green is lost, and the lane is back by itself.

    After each start the last guest who came in is stopped: the ticket is used.
    Mutation: on a disk for which FLUSH means nothing greens are lost.
    """
    chance = random.Random(SEED)
    took: list[float] = []
    lost_by_liar = 0

    def start() -> None:
        took.append(machine.on())
        report(capsys, f"ready after {took[-1]:.0f} s")
        assert not machine.green or machine.refuses(max(machine.green), Reason.ALREADY_USED)

    for cut in range(CUTS):
        start()
        before = max(machine.green, default=0)
        guests = machine.let_in_from(before + 2)
        machine.wait_for_green(after=before + 3)
        time.sleep(chance.uniform(0, 8))
        machine.cut()
        guests.join()
        report(capsys, f"{len(machine.green)} greens after {machine.pc.age_s:.0f} s")
        assert not machine.lost(tmp_path / f"cut-{cut}")
        lost_by_liar += bool(machine.lost(tmp_path / f"liar-{cut}", is_honest=False))
    start()
    assert lost_by_liar == CUTS
    machine.pc.off()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report(
        capsys,
        f"power on to ready {min(took):.0f} to {max(took):.0f} s, {CUTS} cuts, "
        f"{len(machine.green)} greens, {machine.disk.flushes} flushes, "
        f"{machine.disk.lost} blocks lost in the cache, "
        f"{used.ru_utime + used.ru_stime:.0f} s of CPU with the image",
    )

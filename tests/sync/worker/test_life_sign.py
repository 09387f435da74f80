"""A worker that comes to nothing any more ends, and one that works does not."""

import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from gate.lane.lane import Lane
from gate.storage.enrolment import Enrolment, save
from gate.storage.folder import Folder, is_locked
from sync.transport.http_client import ServerClient, ServerUnreachable
from sync.wire import SyncRequest, SyncResponse
from sync.worker.life_sign import EXIT_CODE, LifeSign
from sync.worker.worker import Worker
from tests.support.fake_server import FakeServer, run_while, wait
from tests.support.venue import FixedClock

SPINS = """
import sys
from pathlib import Path
from sync.worker.life_sign import LifeSign

def spin():
    while True:
        pass

with LifeSign(Path(sys.argv[1]), looks=3, every_s=0.05):
    spin()
"""


def test_who_spins_is_ended_with_its_stacks(tmp_path: Path) -> None:
    """Whatever it is in, as long as it is our own program."""
    stacks = tmp_path / "sync.log"
    ran = subprocess.run(
        [sys.executable, "-c", SPINS, os.fspath(stacks)],
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert ran.returncode == EXIT_CODE
    assert "in spin" in stacks.read_text()


def test_who_says_that_it_goes_on_is_not_silent(tmp_path: Path) -> None:
    """However long that takes, and however little is between two looks."""
    life = LifeSign(tmp_path / "log", looks=3)
    for _n in range(5):
        life.sign()
        assert [life.is_silent() for _look in range(4)] == [False, False, False, True]


def test_who_says_nothing_any_more_is_ended_once(tmp_path: Path) -> None:
    """Also where the stacks cannot be written."""
    ended: list[int] = []
    there = threading.Event()

    def end() -> None:
        ended.append(1)
        there.set()

    with LifeSign(tmp_path / "nowhere" / "log", looks=3, every_s=0.01, end=end) as life:
        life.sign()
        assert there.wait(30)
        assert not threading.Event().wait(0.1)
    assert ended == [1]


def away(_ask: SyncRequest) -> SyncResponse:
    raise ServerUnreachable("away")


@pytest.mark.parametrize("answers", [True, False], ids=["server there", "server away"])
def test_a_worker_says_that_it_goes_on(
    venue: Folder, clock: FixedClock, lane: Lane, *, answers: bool
) -> None:
    """While it waits, and while it tries again and again."""
    lane.open()
    server, signs = FakeServer(), [0]
    if not answers:
        server.answers = away

    def sign() -> None:
        signs[0] += 1

    enrolment = Enrolment("http://x", "c", "e")
    worker = Worker(venue, enrolment, cast("ServerClient", server), clock, sign=sign)

    def drive() -> None:
        for _n in range(3):
            goal = signs[0] + 3
            wait(partial(lambda goal: signs[0] >= goal, goal))

    run_while(worker, drive)
    worker.close()
    assert signs[0] > 6


HANGS = """
import sys
from functools import partial
from gate.cli import sync_run
from gate.cli.main import main
from sync.worker.event_pump import EventPump

come, times = EventPump._come, []

def come_to_nothing(pump, wait_s):
    times.append(1)
    while len(times) > 3:
        pass
    return come(pump, wait_s)

EventPump._come = come_to_nothing
sync_run.LifeSign = partial(sync_run.LifeSign, looks=3, every_s=0.05)
sys.exit(main(["sync", "--data-dir", sys.argv[1]]))
"""


def test_gate_sync_ends_where_it_hangs(venue: Folder) -> None:
    """Its log says where that was, and its lock is free for the next one."""
    save(venue, Enrolment("http://127.0.0.1:9", "c", "e"))
    hangs = [sys.executable, "-c", HANGS, os.fspath(venue.path)]
    ran = subprocess.run(hangs, check=False, capture_output=True, timeout=60)
    assert ran.returncode == EXIT_CODE, ran.stderr
    said = (venue.path / "sync.log").read_text()
    assert "no sign of life" in said
    assert "in come_to_nothing" in said
    assert not is_locked(venue, "sync")

"""A lane that is ended from outside says so: in its journal, and to the others."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.core.coverage import Coverage
from gate.core.entry import Act
from gate.core.outcome import Basis
from gate.storage.folder import Folder
from tests.conftest import needs
from tests.ui.test_terminal import acts

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are Unix's", allow_module_level=True)

from tests.support.terminal import Terminal
from tests.system.lan import Member, Venue
from tests.system.network import until

WAYS = ("SIGTERM", "SIGHUP", "window")
PROCESSES = Path("/proc/self/task")


def opened(folder: Folder, *more: str, owns_terminal: bool = True) -> Terminal:
    """``gate scan`` in a terminal, at work."""
    gate = Terminal(
        "scan", "--data-dir", str(folder.path), "--camera", "off", *more,
        owns_terminal=owns_terminal,
    )  # fmt: skip
    gate.wait(lambda text: (", in." if "--plain" in more else "Ready.") in text)
    return gate


def end(gate: Terminal, way: str) -> None:
    """End it in one of the ways."""
    if way == "window":
        gate.hang_up()
    else:
        gate.process.send_signal(getattr(signal, way))


@pytest.fixture
def gates() -> Iterator[list[Terminal]]:
    """Terminals that are closed at the end."""
    made: list[Terminal] = []
    yield made
    for one in made:
        one.close()


@pytest.mark.parametrize("owns_terminal", [True, False], ids=["its own", "somebody's"])
@pytest.mark.parametrize("form", ["--plain", "screen"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.long
def test_a_lane_that_is_ended_from_outside_is_closed(
    gates: list[Terminal], venue: Folder, way: str, form: str, owns_terminal: bool
) -> None:
    """By lines and on the screen, and also where a closed window sends no signal."""
    gate = opened(venue, *([form] if form == "--plain" else []), owns_terminal=owns_terminal)
    gates.append(gate)
    gate.type("GOOD001\r")
    gate.wait(lambda text: "Good ticket" in text)
    end(gate, way)
    assert gate.process.wait(60) == 0
    assert acts(venue) == [Act.LANE_OPENED, Act.ADMISSION, Act.LANE_CLOSED]
    assert "Traceback" not in gate.text


@pytest.mark.long
def test_a_screen_that_hangs_does_not_keep_the_lane_open(
    gates: list[Terminal], venue: Folder
) -> None:
    """Nobody reads what it paints; the lane is closed all the same, within seconds."""
    gate = opened(venue)
    gates.append(gate)
    for n in range(60):
        gate.resize(80 + n % 2 * 40, 24)
        time.sleep(0.05)
    end(gate, "SIGTERM")
    with pytest.raises(subprocess.TimeoutExpired):
        gate.process.wait(2)
    assert gate.process.wait(60) == 0
    assert acts(venue) == [Act.LANE_OPENED, Act.LANE_CLOSED]


@pytest.mark.long
def test_what_was_started_with_nohup_outlives_its_window(
    gates: list[Terminal], venue: Folder
) -> None:
    """The signal that is ignored on purpose stays ignored; SIGTERM ends it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        gate = opened(venue, "--plain")
    finally:
        signal.signal(signal.SIGHUP, before)
    gates.append(gate)
    end(gate, "SIGHUP")
    with pytest.raises(subprocess.TimeoutExpired):
        gate.process.wait(2)
    assert acts(venue) == [Act.LANE_OPENED]
    end(gate, "SIGTERM")
    assert gate.process.wait(60) == 0
    assert acts(venue)[-1] is Act.LANE_CLOSED


@pytest.fixture
def peer_session(tmp_path: Path) -> Iterator[tuple[Member, Member]]:
    """Two gates of a venue without a server; nobody is at work yet."""
    made = Venue(tmp_path, 2)
    yield made.gates[0], made.gates[1]
    made.close()


def worker_of(gate: Terminal) -> int:
    """The process of its sync worker."""
    found: list[int] = []

    def is_there() -> bool:
        tasks = Path(f"/proc/{gate.process.pid}/task").glob("*/children")
        found[:] = [int(pid) for task in tasks for pid in task.read_text().split()]
        return bool(found)

    until(is_there)
    return found[0]


@pytest.mark.parametrize("way", [*WAYS, "SIGTERM for all of it"])
@pytest.mark.long
def test_the_others_hear_that_it_was_closed(
    gates: list[Terminal], peer_session: tuple[Member, Member], way: str
) -> None:
    """Its worker tells it; and the last open lane is the only one, for as long as it works."""
    needs(PROCESSES.exists(), "/proc")
    stays, goes = peer_session
    stays.start()
    lane = stays.lane()
    gate = opened(goes.folder, "--config", str(goes.config_file), "--plain")
    gates.append(gate)
    until(lambda: lane.connectivity().coverage.basis is Basis.LAN)
    if way == "SIGTERM for all of it":
        # As systemd ends a service: the worker is told first, and has to wait for the lane.
        os.kill(worker_of(gate), signal.SIGTERM)
        end(gate, "SIGTERM")
    else:
        end(gate, way)
    gate.process.wait(60)
    until(lambda: lane.connectivity().coverage == Coverage(Basis.ONLY), 20)
    # From here on nobody is heard, and nobody is missed: longer than a lane counts as heard.
    within_s = stays.config().sync.heard_within_s
    until(
        lambda: float(str(stays.told()["boot_ms"])) - heard_ms(stays) > within_s * 1000 + 2000, 60
    )
    assert lane.connectivity().coverage == Coverage(Basis.ONLY)


def heard_ms(member: Member) -> float:
    lanes = member.told()["lanes"]
    assert isinstance(lanes, list)
    return float(lanes[0]["lan_boot_ms"])

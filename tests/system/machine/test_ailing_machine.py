"""A Debian machine whose clock begins in 1970, as a Pi's without a battery, and whose disk fails.

In the order in which they stand: one machine, from its start to its end.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gate.core.outcome import Reason
from gate.text.outcome_words import REASON_WORDS
from tests.system.machine import asked_for
from tests.system.machine.asked_for import SEED
from tests.system.machine.emulator import until
from tests.system.machine.image import TOO_EARLY, Image
from tests.system.machine.lane_machine import LaneMachine
from tests.system.machine.left_on_disk import entries, left_on, let_in
from tests.system.machine.technician import Technician
from tests.system.machine.watched_screen import LONG_S

pytestmark = asked_for.on_demand

DOUBT = "CLOCK NOT TRUSTED"
TIME_SERVER = """
import socket, struct, sys, time
ahead = float(sys.argv[1]) - time.clock_gettime(time.CLOCK_BOOTTIME) + 2208988800
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.bind(("127.0.0.1", 123))
while True:
    asked, who = line.recvfrom(512)
    now = struct.pack(">Q", int((time.clock_gettime(time.CLOCK_BOOTTIME) + ahead) * 2**32))
    head = bytes((0x24, 1, 6, 0xEC)) + bytes(8) + b"TEST"
    line.sendto(head + now + asked[40:48] + now + now, who)
"""
"""An NTP server (RFC 5905) that knows the host's time by the machine's boot clock."""


@pytest.fixture(scope="module")
def ailing(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaneMachine]:
    """The machine."""
    with closing(LaneMachine(image, tmp_path_factory.mktemp("ailing"), SEED)) as machine:
        machine.on("-rtc", "base=1970-01-01T00:00:00")
        yield machine


@pytest.fixture(scope="module")
def technician(ailing: LaneMachine) -> Technician:
    """Who has root's shell of it."""
    return Technician(ailing)


def test_a_machine_without_a_clock_refuses_nobody_for_the_time(
    ailing: LaneMachine, technician: Technician
) -> None:
    """At the day on which systemd was built, nor when somebody sets it back to 1970."""
    assert DOUBT in ailing.screen.text
    assert ailing.lets_in_after_a_look(TOO_EARLY[0], Reason.CLOCK_NOT_TRUSTED)
    technician.run("date -s @86400")
    assert ailing.lets_in_after_a_look(TOO_EARLY[1], Reason.CLOCK_NOT_TRUSTED)


def test_rules_of_time_count_from_when_the_clock_is_set(
    ailing: LaneMachine, technician: Technician
) -> None:
    """By hand while the lane runs; set back again it is not believed again."""
    technician.run(f"date -s @{time.time():.0f}")
    until(lambda: DOUBT not in ailing.screen.text, LONG_S, "a clock that is believed")
    assert ailing.refuses(TOO_EARLY[2], Reason.TOO_EARLY)
    assert ailing.lets_in(1)
    technician.run("date -s @90000")
    ailing.screen.wait_for(DOUBT)
    assert ailing.lets_in_after_a_look(TOO_EARLY[3], Reason.CLOCK_NOT_TRUSTED)


def test_a_time_server_that_is_found_late_is_believed(
    ailing: LaneMachine, technician: Technician
) -> None:
    """``gate setup`` names it, systemd asks it, and the lane believes the clock that it has set."""
    run = technician.run
    run(f"cat > /root/time_server.py << 'END'{TIME_SERVER}END")
    run(f"systemd-run --unit=time-server python3 /root/time_server.py {time.time():.3f}")
    assert "behind what has happened" in technician.set_up(time_server="127.0.0.1")
    until(lambda: DOUBT not in ailing.screen.text, LONG_S, "a clock that is believed")
    run("test -e /run/systemd/timesync/synchronized")
    assert ailing.refuses(TOO_EARLY[4], Reason.TOO_EARLY)
    assert ailing.lets_in(2)


def test_green_comes_as_late_as_a_slow_disk(ailing: LaneMachine) -> None:
    """Not before it has answered the flush."""
    ailing.disk.flush_s = 3.0
    began = time.monotonic()
    assert ailing.lets_in(3)
    assert time.monotonic() - began > ailing.disk.flush_s
    ailing.disk.flush_s = 0.0


def test_a_full_disk_still_lets_in(ailing: LaneMachine, technician: Technician) -> None:
    """For a while: the lane has kept space back for its entries."""
    fill = "fallocate -l 100G /fill; cat /dev/zero > /fill2; sync; df --output=avail / | tail -n 1"
    assert technician.run(fill, is_well=False).split()[-1] == "0"
    assert ailing.lets_in(4)


def test_a_disk_that_fails_never_shows_green(ailing: LaneMachine, tmp_path: Path) -> None:
    """Nobody comes in on it; of who came in before nobody is lost with the power, nor the order."""
    ailing.disk.fails_writes = True
    ailing.scan(5)
    ailing.screen.wait_for(REASON_WORDS[Reason.FAULT])
    ailing.cut()
    ailing.disk.fails_writes = False
    came = [TOO_EARLY[0], TOO_EARLY[1], 1, TOO_EARLY[3], 2, 3, 4]
    assert ailing.green == {*came}
    folder = left_on(ailing.disk, tmp_path / "cut")
    assert let_in(folder) == came
    by_hlc = sorted(entries(folder), key=lambda entry: entry.hlc)
    assert by_hlc == entries(folder)
    assert sorted(by_hlc, key=lambda entry: entry.at_ms) != by_hlc  # the clock orders nothing

"""A Debian machine that is on: its console, its scanners, its loudspeaker, and ``gate setup``."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from gate.output.tones import RATE, Sound, drawn
from tests.support.notes import Samples, notes
from tests.system.machine import asked_for
from tests.system.machine.asked_for import SEED
from tests.system.machine.image import DATA, GAP_S, GATE, Image, code_of
from tests.system.machine.lane_machine import SCANNER, LaneMachine
from tests.system.machine.serial_scanner import SerialScanner
from tests.system.machine.technician import LANE, Technician

pytestmark = asked_for.on_demand

WAV_HEADER, WAV_RATE = 44, 44_100
LEGIBLE = 4.5
"""The ratio that WCAG 2.2 asks of text (1.4.3)."""
PITCH_OFF = 0.12
"""The two nearest of the notes are a quarter apart."""
STX, ETX = b"\x02", b"\x03"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What its loudspeaker has played, a WAV file."""
    return tmp_path_factory.mktemp("sound") / "sound.wav"


@pytest.fixture(scope="module")
def running(
    image: Image, recording: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LaneMachine]:
    """One machine that is shared by those that leave it as it was."""
    with closing(LaneMachine(image, tmp_path_factory.mktemp("running"), SEED)) as machine:
        machine.on(
            "-audiodev", f"wav,id=sound,path={recording},out.frequency={WAV_RATE}",
            "-device", "intel-hda", "-device", "hda-output,audiodev=sound",
        )  # fmt: skip
        yield machine


@pytest.fixture(scope="module")
def technician(running: LaneMachine) -> Technician:
    """Who has root's shell of it."""
    return Technician(running)


def test_the_console_comes_back(
    running: LaneMachine, technician: Technician, tmp_path: Path
) -> None:
    """Ctrl+Alt+F2 is a login, Alt+F1 the lane as it was, and the font has its signs."""
    running.press("ctrl", "alt", "f2")
    technician.wait_for_console(2)
    running.press("alt", "f1")
    technician.wait_for_console(1)
    assert running.lets_in(1)
    assert len(running.screen.rows) == 24
    assert "Â" not in running.screen.text
    picture = running.pc.screendump(tmp_path / "screen.png")
    rows = running.screen.rows
    for words in ("Gate - >>> IN >>>", "Good ticket", "Guest 0001"):
        assert contrast(picture, rows, words) > LEGIBLE, words


def test_a_scanner_that_types_comes_and_goes(running: LaneMachine, technician: Technician) -> None:
    """Pulled out within a code, plugged in again: nobody comes in by half a code."""
    running.type(code_of(2)[:4])
    technician.pull_out(SCANNER)
    technician.plug_in(SCANNER, "keyboard")
    assert running.lets_in(3)
    assert 2 not in running.look()


def test_the_lane_is_started_anew(running: LaneMachine, technician: Technician) -> None:
    """By a restart of its unit, and when it was killed: the login does not come between."""
    for command in ("restart", "kill -s KILL"):
        technician.start_anew(command)
        assert "inactive" in technician.run("systemctl is-active getty@tty1", is_well=False)
    technician.run(f"systemctl stop {LANE}")
    running.screen.wait_for("login:")
    technician.run(f"systemctl start {LANE}")
    running.screen.wait_for("admitted")


def test_a_lane_that_hangs_is_started_anew(running: LaneMachine, technician: Technician) -> None:
    """Its screen's thread stands still and no other: systemd ends it, and its stacks are kept."""
    before = len(running.screen.pictures)
    technician.hang_the_lane()
    technician.wait_for_another_lane(before)
    told = technician.run(f"journalctl -u {LANE} --no-pager --since=-10min")
    assert "Watchdog timeout" in told
    assert "Failed with result 'watchdog'" in told
    assert technician.logged("watchdog: no answer from: screen")
    assert technician.logged("Fatal Python error: Aborted")
    assert running.lets_in(4)


def test_four_sounds_are_heard(running: LaneMachine, recording: Path) -> None:
    """F9 and F7 play them by ALSA, one after the other, and each is the one that was drawn.

    Mutation: in another order they are others.
    """
    wanted = [pitch for sound in Sound for pitch in pitches(drawn_samples(sound), RATE)]
    time.sleep(GAP_S)  # the test before has scanned
    running.press("f9")
    running.screen.wait_for("F6 volume")
    # On a busy host one may be ended by the next before it was begun, and aplay may give up: then
    # the bell rings for a minute.
    played = next(
        one for one in (played_by_f7(running, recording) for _ in range(10)) if is_like(one, wanted)
    )
    assert not is_like(played, wanted[::-1])
    assert any("aplay" in "".join(rows) for rows in running.screen.pictures)
    running.press("esc")
    running.screen.wait_for("admitted")


def test_a_layout_that_is_wrong_for_the_scanner_is_named(
    running: LaneMachine, technician: Technician
) -> None:
    """On a German console a scanner that types as an American keyboard.

    Nobody comes in by a guess; what several codes have established lets in.
    """
    technician.lay_out("de")
    running.scan(21)
    running.screen.wait_for("The scanner types for another keyboard: US, here is German")
    assert 21 not in running.look()

    def comes_in(number: int) -> bool:
        running.scan(number)
        return running.is_soon(lambda: number in running.look())

    assert any(comes_in(number) for number in range(22, 30))


def test_scanners_that_are_kept_are_taken_as_they_come(
    running: LaneMachine, technician: Technician
) -> None:
    """``auto`` without any, then one, then another one beside it; the console hears neither.

    Its layout is another one than the scanners' (German), and does not matter to them.
    """
    technician.set_up(scanner="auto")
    technician.start_anew()
    technician.pull_out(SCANNER)
    for number in (11, 12):
        technician.plug_in(f"scan{number}", f"barcode{number}")
        technician.wait_for_log("grabbed", number - 10)
        assert running.lets_in(number)
    technician.lay_out("us")


def test_the_rules_of_udev_give_scanners_to_the_lane_and_nothing_else(
    running: LaneMachine, technician: Technician
) -> None:
    """What says that it scans is its user's by ``gate setup``, at once and whenever it comes.

    A keyboard stays the machine's, and so does an adapter that says nothing.
    """
    by_id = "/dev/input/by-id/usb-QEMU_QEMU_USB_Keyboard"
    serial = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL"
    scanner = SerialScanner(running.pc, "serial", "scanner13")
    other = SerialScanner(running.pc, "other", "adapter14")
    scanner.plug_in()
    other.plug_in()
    technician.plug_in("typist", "typist")
    assert technician.owner(f"{serial}_scanner13-*") == "root dialout 660"
    technician.set_up(serial="auto")
    assert technician.owner(f"{serial}_scanner13-*") == "gate dialout 660"
    assert technician.owner(f"{by_id}_barcode12-event-kbd") == "gate input 660"
    for device in (f"{serial}_adapter14-*", f"{by_id}_typist-event-kbd"):
        assert technician.owner(device).startswith("root")
    told = technician.run(f"udevadm info $(readlink -f {serial}_scanner13-*)")
    assert "ID_MM_DEVICE_IGNORE=1" in told  # ModemManager sends it nothing
    for one in (scanner, other):
        one.pull_out()
    technician.pull_out("typist")


def test_a_serial_scanner_is_read_as_it_comes(running: LaneMachine, technician: Technician) -> None:
    """By ``gate setup`` alone: with STX and ETX or a line's end; cut off, pulled out, plugged in.

    Its user is in no group for it. Nobody comes in by a half code, nor by two halves.
    """
    technician.set_up(serial="auto")
    assert "dialout" not in technician.run("id gate")
    technician.start_anew()
    technician.begin_log()
    scanner = SerialScanner(running.pc, "serial", "scanner31")
    for turn, (begin, end) in enumerate(((STX, ETX), (b"", b"\r\n")), 1):
        scanner.plug_in()
        technician.wait_for_log("serial scanner .*: open", turn)
        running.wait_for_clear_view()
        scanner.send(begin + code_of(30 + turn).encode() + end)
        assert running.is_soon(lambda: 30 + turn in running.look())  # noqa: B023
        scanner.send(begin + code_of(33).encode()[:-2])
        technician.wait_for_log("without an end dropped", turn)
        scanner.send(code_of(33).encode()[-2:] + end)
        scanner.send(begin + code_of(34).encode()[:-2])
        scanner.pull_out()
    scanner.plug_in()
    technician.wait_for_log("serial scanner .*: open", 3)
    running.wait_for_clear_view()
    scanner.send(code_of(34).encode()[-2:] + ETX)
    scanner.send(STX + code_of(35).encode() + ETX)
    assert running.is_soon(lambda: 35 in running.look())
    assert not {33, 34} & running.look()
    scanner.pull_out()


def test_setup_leaves_nothing_behind(technician: Technician) -> None:
    """The units are bounded as systemd reads them; after ``--undo`` the files are Debian's."""
    exposure = technician.run(f"systemd-analyze security --no-pager {LANE} | tail -n 1")
    assert "OK" in exposure or "MEDIUM" in exposure, exposure
    assert "0" in technician.run("cat /sys/module/kernel/parameters/consoleblank")
    technician.run(f"su - gate -c '{GATE} --data-dir {DATA} setup --undo --apply'")
    # The image has a drop-in of its own beside the lane's unit.
    find = "find /etc -name '*venue-gate*' -not -name '*.d'"
    left = technician.run(f"{find}; grep CHARMAP /etc/default/console-setup")
    assert "venue-gate" not in left
    assert "ISO-8859-15" in left


def contrast(picture: Path, rows: list[str], words: str) -> float:
    """Between the two colours of the words' first row, from 1 to 21, by WCAG's formula."""
    pixels = cv2.imread(str(picture))
    assert pixels is not None
    row, column = next((n, row.index(words)) for n, row in enumerate(rows) if words in row)
    height, width = pixels.shape[0] // len(rows), pixels.shape[1] // 80
    cells = pixels[row * height : (row + 1) * height, column * width :][:, : len(words) * width]
    paper, ink = sorted(luminance(one) for one in np.unique(cells.reshape(-1, 3), axis=0))
    return (ink + 0.05) / (paper + 0.05)


def luminance(blue_green_red: Samples) -> float:
    """How bright a colour of sRGB is, from 0 to 1."""
    share = blue_green_red / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.0722, 0.7152, 0.2126))


def drawn_samples(sound: Sound) -> Samples:
    """As the program has drawn it."""
    return np.frombuffer(drawn(sound)[WAV_HEADER:], "<i2") / 32768.0


def recorded(file: Path, since: int) -> Samples:
    """What was played since the file had so many bytes, as loud as can be."""
    data = file.read_bytes()[since:]
    left: Samples = np.frombuffer(data[: len(data) // 4 * 4], "<i2")[::2] / 32768.0
    loudest: float = np.abs(left).max(initial=0.01)
    quotient: Samples = left / loudest
    return quotient


def pitches(signal: Samples, rate: int) -> list[float]:
    """Of its notes, without what is too short to be one."""
    return [pitch for pitch, long_s in notes(signal, rate) if long_s >= 0.04]


def played_by_f7(machine: LaneMachine, recording: Path) -> list[float]:
    """The notes that the key plays in the time that all four take."""
    before = recording.stat().st_size if recording.exists() else WAV_HEADER
    machine.press("f7")
    time.sleep(15)
    return pitches(recorded(recording, before), WAV_RATE)


def is_like(notes: list[float], wanted: list[float]) -> bool:
    """Whether these are the notes, and no others."""
    return len(notes) == len(wanted) and all(
        abs(one - other) < PITCH_OFF * other for one, other in zip(notes, wanted, strict=True)
    )

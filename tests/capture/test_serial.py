"""Scanners on a serial port: framing, and ports that come and go."""

import os
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace

import pytest

from gate.capture import serial as serial_module
from gate.capture.keyboard_wedge import LIMIT
from gate.capture.serial import HALF_MS, Frames, Port, PortSeen, SerialScanners, open_serial, ports
from gate.config import load
from gate.core.outcome import Outcome
from gate.core.verdict import Verdict
from gate.errors import InputError
from gate.lane.inputs import Inputs
from gate.lane.lane import Lane
from tests.conftest import needs

GAP = 40


def frames_of(*pieces: tuple[int, bytes]) -> list[str]:
    """The codes of pieces that come at moments; afterwards a long silence."""
    frames = Frames(GAP)
    codes = [code for at_ms, data in pieces for code in frames.take(data, at_ms)]
    return codes + frames.pause(10**9)


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (b"GOOD001\r", ["GOOD001"]),
        (b"GOOD001\r\nGOOD002\r\n", ["GOOD001", "GOOD002"]),
        (b"GOOD001\nGOOD002\t", ["GOOD001", "GOOD002"]),
        (b"\x02GOOD001\x03\x02GOOD002\x03", ["GOOD001", "GOOD002"]),
        (b"\x02GOOD001\x03\r\n", ["GOOD001"]),
        (b"noise\x02GOOD001\x03", ["GOOD001"]),
        (b"01012345\x1d21AB\r", ["01012345\x1d21AB"]),
        ("Größe-1\r".encode(), ["Größe-1"]),
        ("Größe-1\r".encode("iso8859-1"), ["Größe-1"]),
        (b"\r\n\r\n", []),
    ],
)
def test_a_code_is_what_stands_between_its_signs(data: bytes, codes: list[str]) -> None:
    """CR, LF, CR LF, Tab and ETX end one, STX begins one; byte by byte or at once."""
    assert frames_of((0, data)) == codes
    assert frames_of(*((n, bytes([byte])) for n, byte in enumerate(data))) == codes


def test_without_an_end_a_silence_ends_a_code() -> None:
    """A scanner that sends no suffix is read too; a few bytes of a plug are no code."""
    assert frames_of((0, b"GOOD"), (GAP - 1, b"001"), (1000, b"GOOD002")) == ["GOOD001", "GOOD002"]
    assert frames_of((0, b"x?")) == []


def cut_off() -> list[str]:
    """A scanner that sends CR loses its power in the middle of a code, and reads another one."""
    return frames_of((0, b"GOOD001\r"), (500, b"GOO"), (500 + HALF_MS, b"VIP-7\r"))


def test_a_code_that_was_cut_off_is_never_completed_by_the_next() -> None:
    """The half is dropped, and is no scan of its own."""
    assert cut_off() == ["GOOD001", "VIP-7"]


def test_mutation_a_half_that_is_kept_spoils_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the limit of time the two are glued together."""
    monkeypatch.setattr("gate.capture.serial.HALF_MS", 10**8)
    assert cut_off() == ["GOOD001", "GOOVIP-7"]


def test_a_million_bytes_without_an_end_are_no_code() -> None:
    """They take no memory, and the next code is read."""
    frames = Frames(GAP)
    assert [frames.take(b"A" * 4096, n) for n in range(1_000_000 // 4096)] == [[]] * 244
    assert len(frames._read) == LIMIT
    assert frames.take(b"\rGOOD001\r", 245) == ["GOOD001"]
    assert frames.noises == 1


def test_what_is_no_text_is_noise() -> None:
    """Another speed makes other bytes: no scan comes of them, and they are counted."""
    frames = Frames(GAP)
    assert frames.take(b"\x00\x86\x9e\x18\r" + b"\x80\x90abc\r", 0) == []
    assert frames.noises == 2
    assert frames.take(b"GOOD001\r", 1) == ["GOOD001"]


class Cable:
    """A pair of pseudo terminals: what a scanner's adapter is, seen from both ends."""

    def __init__(self) -> None:
        self.scanner, adapter = os.openpty()
        tty.setraw(adapter)
        self.device = os.ttyname(adapter)
        self._adapter = adapter
        self._is_in = True

    def type(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.scanner, data) :]

    def pull(self) -> None:
        if self._is_in:
            self._is_in = False
            os.close(self._adapter)
            os.close(self.scanner)


class Bench:
    """Scanners on cables, their codes and troubles as they come."""

    def __init__(self, wanted: str = "auto") -> None:
        self.codes: list[str] = []
        self.troubles: list[str] = []
        self.devices: list[str] = []
        self.news = threading.Condition()
        self.seen: dict[str, Cable] = {}
        self.scanners = SerialScanners(
            wanted,
            lambda code: self._note(self.codes, code),
            lambda trouble: self._note(self.troubles, trouble),
            gap_ms=GAP,
            on_device=lambda device: self._note(self.devices, device),
            open_port=self._open,
            find=lambda: [
                PortSeen(name, "Barcode Scanner", f"0c2e:0b61 {name}") for name in self.seen
            ],
            retry_s=0.02,
        )

    def plug_in(self, name: str = "COM3") -> Cable:
        self.seen[name] = Cable()
        return self.seen[name]

    def unplug(self, name: str = "COM3") -> None:
        self.seen.pop(name).pull()

    def wait(self, ready: Callable[[], bool]) -> None:
        with self.news:
            assert self.news.wait_for(ready, timeout=30), (self.codes, self.troubles)

    def _note(self, notes: list[str], note: str) -> None:
        with self.news:
            notes.append(note)
            self.news.notify_all()

    def _open(self, device: str, baud: int, timeout_s: float) -> Port:
        if device not in self.seen:
            raise InputError(f"cannot open {device}")
        return open_serial(self.seen[device].device, baud, timeout_s)


@pytest.fixture
def bench() -> Iterator[Bench]:
    needs(hasattr(os, "openpty"), "pseudo terminals")
    bench = Bench()
    yield bench
    bench.scanners.stop()
    for cable in bench.seen.values():
        cable.pull()


def test_a_scanner_is_read_pulled_out_and_read_again(bench: Bench) -> None:
    """Without a restart; what had come of a code is not carried over."""
    bench.scanners.start()
    bench.wait(lambda: bench.troubles == ["no serial scanner found"])
    cable = bench.plug_in()
    bench.wait(lambda: bench.troubles[-1] == "")
    cable.type(b"GOOD001\r\nHALF")
    bench.wait(lambda: bench.codes == ["GOOD001"])
    bench.unplug()
    bench.wait(lambda: bench.troubles[-1] == "COM3 is gone")
    cable = bench.plug_in()
    bench.wait(lambda: bench.troubles[-1] == "")
    cable.type(b"GOOD002\r")
    bench.wait(lambda: bench.codes == ["GOOD001", "GOOD002"])
    assert bench.troubles[-1] == ""


def test_several_scanners_are_read_at_once(bench: Bench) -> None:
    """A half code of one does not mix with the other's, and each is named before its codes."""
    left, right = bench.plug_in("COM3"), bench.plug_in("COM4")
    bench.scanners.start()
    bench.wait(lambda: len(bench.devices) == 2)
    left.type(b"LEFT")
    right.type(b"RIGHT-2\r")
    bench.wait(lambda: "RIGHT-2" in bench.codes)
    left.type(b"-1\r")
    bench.wait(lambda: bench.codes[-1] in ("LEFT-1", "-1"))
    assert bench.devices[-1] == "0c2e:0b61 COM3"
    # A busy machine may see a silence, which ends a code too, and before the other one's.
    assert [one for one in bench.codes if one != "RIGHT-2"] in (["LEFT-1"], ["LEFT", "-1"])
    right.type(b"RIGHT-3\r")
    bench.wait(lambda: bench.codes[-1] == "RIGHT-3")
    assert bench.devices[-1] == "0c2e:0b61 COM4"


def test_a_million_bytes_over_a_cable_stop_nobody(bench: Bench) -> None:
    """The thread takes them all, says that it is no text, and reads the next code."""
    cable = bench.plug_in()
    bench.scanners.start()
    bench.wait(lambda: bench.troubles == [""])
    cable.type(b"\x80" * 1_000_000 + b"\r")
    bench.wait(lambda: any("no text" in trouble for trouble in bench.troubles))
    cable.type(b"GOOD001\r")
    bench.wait(lambda: bench.codes == ["GOOD001"])
    assert bench.troubles[-1] == ""


def test_a_named_port_is_read_whatever_it_calls_itself() -> None:
    """With a name by the system, several of them with commas."""
    needs(hasattr(os, "openpty"), "pseudo terminals")
    cable, codes = Cable(), []
    came = threading.Event()

    def take(code: str) -> None:
        codes.append(code)
        came.set()

    troubles: list[str] = []
    wanted = f"{cable.device}, /dev/nothing-there"
    scanners = SerialScanners(wanted, take, troubles.append, gap_ms=GAP, find=list, retry_s=0.02)
    scanners.start()
    try:
        while not came.wait(0.1):
            cable.type(b"GOOD001\r")
    finally:
        scanners.stop()
        cable.pull()
    assert set(codes) == {"GOOD001"}
    assert troubles[-1] == "cannot open /dev/nothing-there"


def test_ports_have_their_stable_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By-id where there is one; only what says that it scans is taken without being named."""
    (tmp_path / "ttyACM0").touch()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-Honeywell_1902-if00").symlink_to(tmp_path / "ttyACM0")
    known = [
        SimpleNamespace(
            device=str(tmp_path / "ttyACM0"), manufacturer="Honeywell", product="1902",
            description="1902", vid=0x0C2E, pid=0x0B61, serial_number="A1",
        ),
        SimpleNamespace(
            device="COM7", manufacturer=None, product=None, description="USB Serial Port",
            vid=None, pid=None, serial_number=None,
        ),
    ]  # fmt: skip
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: known)
    scanner, relay = ports(by_id)
    assert (scanner.device, scanner.make) == (
        str(by_id / "usb-Honeywell_1902-if00"), "0c2e:0b61 A1",
    )  # fmt: skip
    assert scanner.says_it_scans
    assert (relay.device, relay.make, relay.says_it_scans) == ("COM7", "", False)


def test_a_port_that_is_not_there_says_what_to_do() -> None:
    """The hint names the command that lists the ports."""
    with pytest.raises(InputError) as caught:
        open_serial("/dev/nothing-there", serial_module.BAUD, 0.1)
    assert caught.value.hint == "Which there are: gate doctor"


def test_a_lane_takes_what_a_serial_scanner_reads(lane: Lane) -> None:
    """The way of every scan, named by its source; unplugged, the lane's reader is lost."""
    needs(hasattr(os, "openpty"), "pseudo terminals")
    cable, verdicts, troubles = Cable(), SimpleQueue[Verdict](), SimpleQueue[str]()
    config = load(None, {}, ["camera.device=off", f"scanner.serial={cable.device}"])
    inputs = Inputs(lane, config, verdicts.put, on_scanner=troubles.put)
    assert inputs.are_reading
    inputs.start()
    try:
        while inputs.scanner != "on":
            troubles.get(timeout=10)
        cable.type(b"GOOD001\r\n")
        verdict = verdicts.get(timeout=10)
        assert (verdict.outcome, verdict.ticket is not None) == (Outcome.ADMIT, True)
        cable.pull()
        while inputs.scanner != "lost":
            troubles.get(timeout=10)
    finally:
        inputs.stop()
        cable.pull()

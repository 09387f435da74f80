"""A grabbed scanner: input events from a pipe, decoded with the US layout."""

import os
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from gate.capture.evdev import (
    AUTO,
    EV_KEY,
    EVENT,
    PLAIN,
    SHIFTED,
    EvdevScanner,
    Keyboard,
    grab,
    plugged,
)
from gate.errors import InputError
from tests.conftest import needs

CODES = {character: code for code, character in SHIFTED.items()} | {
    character: code for code, character in PLAIN.items() if code not in range(71, 84)
}
SHIFT, CTRL, CAPS, ALT, ENTER, TAB = 42, 29, 58, 56, 28, 15
KEYPAD = {digit: code for code, digit in PLAIN.items() if code in range(71, 84)}


def event(kind: int, code: int, value: int) -> bytes:
    return EVENT.pack(1, 2, kind, code, value)


def press(code: int) -> bytes:
    syn = event(0, 0, 0)
    return event(4, 4, code) + event(EV_KEY, code, 1) + syn + event(EV_KEY, code, 0) + syn


def type_text(text: str) -> bytes:
    out = b""
    for character in text:
        shifted = character not in PLAIN.values()
        out += event(EV_KEY, SHIFT, 1) if shifted else b""
        out += press(CODES[character])
        out += event(EV_KEY, SHIFT, 0) if shifted else b""
    return out


def decode(data: bytes) -> str:
    keyboard = Keyboard()
    return "".join(keyboard.event(k, c, v) for _s, _u, k, c, v in EVENT.iter_unpack(data))


@pytest.mark.parametrize(
    "text",
    [
        "0123456789",
        "abcxyzABCXYZ",
        "https://t.example/v?t=K7-QX_9.Z&x=1#2",
        "!@#$%^&*()_+{}|:\"<>?~`-=[]\\;',./ ",
    ],
)
def test_everything_printable_comes_through(text: str) -> None:
    """The whole US layout, whatever layout the host has."""
    assert decode(type_text(text)) == text


def test_the_layout_of_linux_is_the_table() -> None:
    """A few codes of linux/input-event-codes.h, against slips in the rows."""
    assert {PLAIN[2], PLAIN[11], PLAIN[16], PLAIN[30], PLAIN[44], PLAIN[53]} == set("10qaz/")
    assert (PLAIN[43], PLAIN[41], SHIFTED[12], PLAIN[98], PLAIN[82]) == ("\\", "`", "_", "/", "0")


def test_caps_lock_of_the_scanner_itself_is_followed() -> None:
    """A scanner that presses Caps Lock means it; letters only."""
    assert decode(press(CAPS) + type_text("abc1") + press(CAPS) + type_text("abc1")) == "ABC1abc1"


def test_ctrl_makes_control_characters() -> None:
    """Ctrl+] is GS, as scanners send it."""
    data = event(EV_KEY, CTRL, 1) + press(CODES["]"]) + event(EV_KEY, CTRL, 0)
    assert decode(type_text("01") + data + type_text("17")) == "01\x1d17"


def test_alt_and_a_number_is_that_character() -> None:
    """Scanners in universal mode hold Alt and type the number on the keypad."""
    data = event(EV_KEY, ALT, 1) + b"".join(press(KEYPAD[d]) for d in "065")
    data += event(EV_KEY, ALT, 0)
    assert decode(data) == "A"


def test_repeats_and_unknown_keys_are_nothing() -> None:
    """Auto-repeat, volume keys and mouse movements leave no trace."""
    noise = event(EV_KEY, CODES["a"], 2) + press(115) + event(2, 0, 5) + press(500)
    assert decode(noise) == ""


class Piped:
    """What ``grab`` answers with, but behind it a pipe."""

    name = "test scanner"
    info = SimpleNamespace(vendor=0x0C2E, product=0x0B61)

    def __init__(self, descriptor: int, uniq: str = "") -> None:
        self.fd = descriptor
        self.uniq = uniq
        self.is_open = True

    def grab(self) -> None:
        pass

    def close(self) -> None:
        self.is_open = False
        os.close(self.fd)


class Bench:
    """A scanner on a pipe, its codes and its troubles as they come."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self.troubles: list[str] = []
        self.news = threading.Condition()
        self.plugged: list[Piped] = []
        self.ends: list[int] = []
        self.devices: list[str] = []
        self.scanner = EvdevScanner(
            "test",
            self._code,
            self._trouble,
            gap_ms=40,
            on_device=self._device,
            open_device=self._open,
            retry_s=0.02,
        )

    def plug_in(self, uniq: str = "") -> int:
        reading, writing = os.pipe()
        self.plugged.append(Piped(reading, uniq))
        self.ends.append(writing)
        return writing

    def wait(self, ready: Callable[[], bool]) -> None:
        with self.news:
            assert self.news.wait_for(ready, timeout=30)

    def _open(self, _device: str) -> Piped:
        for piped in self.plugged:
            if piped.is_open:
                return piped
        raise InputError("no scanner found")

    def _code(self, code: str) -> None:
        with self.news:
            self.codes.append(code)
            self.news.notify_all()

    def _device(self, device: str) -> None:
        with self.news:
            self.devices.append(device)
            self.news.notify_all()

    def _trouble(self, trouble: str) -> None:
        with self.news:
            self.troubles.append(trouble)
            self.news.notify_all()


@pytest.fixture
def bench() -> Iterator[Bench]:
    needs(hasattr(os, "fork"), "pipes that can be waited for")
    bench = Bench()
    yield bench
    bench.scanner.stop()
    for end in bench.ends:
        try:
            os.close(end)
        except OSError:
            continue


def test_codes_come_out_of_the_grabbed_device(bench: Bench) -> None:
    """Two codes in one burst, with Enter and Tab for ends."""
    writing = bench.plug_in()
    bench.scanner.start()
    os.write(writing, type_text("Ab-1") + press(ENTER) + type_text("CD2") + press(TAB))
    bench.wait(lambda: bench.codes == ["Ab-1", "CD2"])


def test_a_gap_ends_a_code_and_torn_events_are_joined(bench: Bench) -> None:
    """No suffix, and an event that arrives in two pieces."""
    bench.scanner._gap_ms = 1000  # a busy machine writes the second late
    writing = bench.plug_in()
    bench.scanner.start()
    data = type_text("TORN1")
    os.write(writing, data[:31])
    os.write(writing, data[31:])
    bench.wait(lambda: bench.codes == ["TORN1"])


def at(data: bytes, ms: int) -> bytes:
    """The same events, of another time."""
    return b"".join(
        EVENT.pack(ms // 1000, ms % 1000 * 1000, kind, key, value)
        for _s, _us, kind, key, value in EVENT.iter_unpack(data)
    )


def test_a_busy_machine_tears_no_code_apart(bench: Bench) -> None:
    """What counts is when the kernel had the keys, not when the program came to read them."""
    writing = bench.plug_in()
    late, on_time = type_text("LATE") + press(ENTER), type_text("GAPS") + press(ENTER)
    half = EVENT.size * 10
    os.write(writing, at(late[:half], 5000) + at(late[half:], 5030))
    os.write(writing, at(on_time[:half], 6000) + at(on_time[half:], 6041))
    bench.scanner.start()
    bench.wait(lambda: len(bench.codes) == 2)
    assert bench.codes == ["LATE", "PS"]  # two characters before a silence are a finger's


def test_an_unplugged_scanner_is_told_and_taken_again(bench: Bench) -> None:
    """Lost within a second, grabbed again when it is back, no half code carried over."""
    first = bench.plug_in()
    bench.scanner.start()
    bench.wait(lambda: bench.troubles == [""])
    os.write(first, type_text("HALF"))
    os.close(first)
    bench.wait(lambda: len(bench.troubles) >= 2 and bench.troubles[1] != "")
    second = bench.plug_in()
    bench.wait(lambda: bench.troubles[-1] == "")
    os.write(second, type_text("WHOLE") + press(ENTER))
    bench.wait(lambda: "WHOLE" in bench.codes)
    assert not any("HALFWHOLE" in code for code in bench.codes)


def test_which_scanner_it_is_is_told_before_it_is_read(bench: Bench) -> None:
    """Make and serial number, so that what was believed of another scanner ends with it."""
    first = bench.plug_in("A1")
    bench.scanner.start()
    bench.wait(lambda: bench.devices == ["0c2e:0b61 A1"])
    os.close(first)
    bench.wait(lambda: len(bench.troubles) >= 2)
    second = bench.plug_in("")
    bench.wait(lambda: bench.devices[1:] == ["0c2e:0b61 test scanner"])
    os.write(second, type_text("NEW") + press(ENTER))
    bench.wait(lambda: bench.codes == ["NEW"])


class Hub:
    """Scanners that come and go at a lane that takes each that there is."""

    def __init__(self, find: Callable[["Hub"], Iterable[str]] | None = None) -> None:
        self.heard: list[str] = []
        """Codes and devices, as they came."""
        self.troubles: list[str] = []
        self.news = threading.Condition()
        self.pipes: dict[str, tuple[Piped, int]] = {}
        self.scanner = EvdevScanner(
            AUTO,
            self._heard,
            self._trouble,
            gap_ms=40,
            on_device=lambda device: self._heard(f"[{device.split()[-1]}]"),
            open_device=self._open,
            find=lambda: (find or Hub.there)(self),
            retry_s=0.02,
        )

    def there(self) -> list[str]:
        return [*self.pipes]

    def plug_in(self, name: str) -> int:
        reading, writing = os.pipe()
        self.pipes[name] = (Piped(reading, name), writing)
        return writing

    def pull_out(self, name: str) -> None:
        os.close(self.pipes.pop(name)[1])

    def wait(self, ready: Callable[[], bool]) -> None:
        with self.news:
            assert self.news.wait_for(ready, timeout=30), (self.heard, self.troubles)

    def _open(self, device: str) -> Piped:
        if device not in self.pipes:
            raise InputError("no scanner found")
        return self.pipes[device][0]

    def _heard(self, what: str) -> None:
        with self.news:
            self.heard.append(what)
            self.news.notify_all()

    def _trouble(self, trouble: str) -> None:
        with self.news:
            self.troubles.append(trouble)
            self.news.notify_all()


@pytest.fixture
def hub() -> Iterator[Hub]:
    needs(hasattr(os, "fork"), "pipes that can be waited for")
    hub = Hub()
    yield hub
    hub.scanner.stop()
    for name in hub.there():
        hub.pull_out(name)


def test_scanners_that_come_later_are_taken_without_a_restart(hub: Hub) -> None:
    """None at the start, then two, whose characters never mix; one goes, the other reads on."""
    hub.scanner.start()
    hub.wait(lambda: hub.troubles == ["no scanner found"])
    first = hub.plug_in("A")
    hub.wait(lambda: hub.troubles[1:] == [""])
    second = hub.plug_in("B")
    hub.wait(lambda: hub.heard == ["[A]", "[B]"])
    os.write(first, type_text("FIR"))
    os.write(second, type_text("SECOND") + press(ENTER))
    hub.wait(lambda: hub.heard[2:] == ["SECOND"])
    os.write(first, type_text("ST") + press(ENTER))
    hub.wait(lambda: "ST" in hub.heard[-1])
    assert hub.heard[3:] in (["[A]", "FIRST"], ["[A]", "ST"])  # a busy machine may see a gap
    hub.pull_out("A")
    os.write(second, type_text("AGAIN") + press(ENTER))
    hub.wait(lambda: hub.heard[-2:] == ["[B]", "AGAIN"])
    assert hub.troubles == ["no scanner found", ""]
    hub.pull_out("B")
    hub.wait(lambda: len(hub.troubles) == 3)


def test_scanners_that_are_looked_for_at_the_start_only_stay_away() -> None:
    """Mutation: what was found at first is all there ever is."""
    needs(hasattr(os, "fork"), "pipes that can be waited for")
    looked: list[list[str]] = []

    def once(hub: Hub) -> list[str]:
        with hub.news:
            looked.append(hub.there())
            hub.news.notify_all()
        return looked[0]

    hub = Hub(once)
    hub.scanner.start()
    hub.wait(lambda: bool(hub.troubles))
    hub.plug_in("A")
    seen = len(looked)
    hub.wait(lambda: len(looked) > seen + 3)
    hub.scanner.stop()
    assert not hub.heard
    hub.pull_out("A")


def test_a_scanner_says_so_by_its_name_and_has_keys(tmp_path: Path) -> None:
    """Not other keyboards, not a scanner's buttons; two of one make are two."""
    typing, buttons = "10000 7 ff9f207ac14057ff feffffdfffefffff fffffffffffffffe", "c000000 0 0"
    for event, name, uniq, keys in (
        ("event3", "Dell Keyboard", "", typing),
        ("event5", "Symbol Bar Code Scanner", "", typing),
        ("event6", "Symbol Bar Code Scanner Consumer Control", "", buttons),
        ("event7", "Symbol Bar Code Scanner", "", typing),
        ("event8", "HID 1234:5678", "barcode-2", typing),
    ):
        device = tmp_path / event / "device"
        (device / "capabilities").mkdir(parents=True)
        (device / "name").write_text(f"{name}\n")
        (device / "uniq").write_text(f"{uniq}\n")
        (device / "capabilities/key").write_text(f"{keys}\n")
    (tmp_path / "event9").mkdir()  # going away just now
    assert [*plugged(tmp_path)] == [f"/dev/input/event{n}" for n in (5, 7, 8)]


def test_without_python_evdev_the_hint_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for a grabbed scanner without the extra is told its name."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setitem(sys.modules, "evdev", None)
    with pytest.raises(InputError) as caught:
        grab("")
    assert "[usb]" in caught.value.hint


def test_elsewhere_grabbing_is_declined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows and macOS scan by keyboard."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(InputError, match="Linux"):
        grab("")


def test_the_event_is_the_kernels() -> None:
    """Struct input_event on 64-bit Linux: two longs, two shorts, an int."""
    needs(struct.calcsize("l") == 8, "64-bit longs")
    assert EVENT.size == 24

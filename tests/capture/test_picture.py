"""From frames to codes: weak symbologies speak twice, hostile pictures end nothing."""

import threading
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from gate.capture.camera import Camera, Shot
from gate.capture.hints import Hint
from gate.capture.parts import InParts
from gate.capture.picture import DOUBTS_KEPT, PictureScanner, Preview, Seen
from gate.capture.regions import Frame, Sighted
from gate.capture.switched_off import OffHere
from gate.capture.symbol_readers import Code
from gate.core.symbologies import RETAIL, WEAK, Symbology
from gate.lane.inputs import capture_source
from tests.capture.test_camera import FakeCapture, noisy

CORNERS = ((2, 2), (10, 2), (10, 8), (2, 8))


def code(text: str, symbology: str = "QRCode") -> Code:
    return Code(text, text.encode(), symbology, CORNERS)


class Scripted:
    """A decoder that reads what the script says, frame by frame."""

    def __init__(self, *script: object) -> None:
        self.script = list(script)
        self.full = 0
        self.frames: list[tuple[int, ...]] = []
        self.missed: Frame | None = None
        self.sighted: Sighted | None = None
        self.agreeing: set[str] = set()
        self.asked: list[str] = []

    def read(self, frame: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> list[Code]:
        self.frames.append(frame.shape)
        now = self.script.pop(0) if self.script else []
        if isinstance(now, Exception):
            raise now
        assert isinstance(now, list)
        return now

    @property
    def aside(self) -> OffHere | InParts | None:
        return None

    def agrees(self, _frame: Frame, code: Code) -> bool:
        self.asked.append(code.text)
        return code.text in self.agreeing

    def read_fully(self, frame: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> list[Code]:
        self.full += 1
        return self.read(frame)


class Bench:
    """A picture scanner on a scripted decoder, and what it told."""

    def __init__(self, *script: object, known: str = "", **options: object) -> None:
        self.seen: list[Seen] = []
        self.previews: list[Preview] = []
        self.asked: list[str] = []
        self.reader = Scripted(*script)
        self.capture = FakeCapture(noisy)
        self.scanner = PictureScanner(
            Camera(capture_source("test", self.capture)),
            self.reader,
            self.seen.extend,
            knows=self._knows,
            on_preview=self.previews.append,
            **options,  # type: ignore[arg-type]
        )
        self._known = known

    def _knows(self, seen: Seen) -> bool:
        self.asked.append(seen.text)
        return seen.text == self._known

    def run(self) -> list[str]:
        self.scanner.start()
        until = time.monotonic() + 30
        while self.reader.script and time.monotonic() < until:
            time.sleep(0.005)
        frames = self.scanner.frames
        while self.scanner.frames < frames + 1 and time.monotonic() < until:
            time.sleep(0.005)
        self.scanner.stop()
        return [seen.text for seen in self.seen]


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(*script: object, **options: object) -> Bench:
        made.append(Bench(*script, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.scanner.stop()


def test_a_strong_symbology_is_believed_at_once(bench: Callable[..., Bench]) -> None:
    """A QR code has error correction; one frame is enough."""
    assert bench([code("A")]).run() == ["A"]


@pytest.mark.parametrize("symbology", sorted(WEAK))
def test_a_weak_symbology_must_agree_before_it_is_unknown(
    bench: Callable[..., Bench], symbology: str
) -> None:
    """One garbled reading is nobody's refusal; two frames that agree are."""
    assert bench([code("GARBLED", symbology)], [], [code("OTHER", symbology)]).run() == []
    assert bench([code("A", symbology)], [], [code("A", symbology)]).run() == ["A"]


@pytest.mark.parametrize("symbology", sorted(RETAIL))
def test_a_number_of_retail_must_be_read_in_two_ways(
    bench: Callable[..., Bench], symbology: str
) -> None:
    """The same misreading comes in every frame: only another way to look makes it known."""
    number = code("4006381333931", symbology)
    made = bench(*[[number]] * 5)
    assert made.run() == []
    made = bench(*[[number]] * 3)
    made.reader.agreeing = {number.text}
    assert made.run() == [number.text] * 3
    assert made.reader.asked == [number.text]


def test_a_tickets_number_needs_no_second_look(bench: Callable[..., Bench]) -> None:
    """It is decided in its first frame, unless it may be another ticket's misread."""
    number = code("4006381333931", "EAN13")
    assert bench([number], known=number.text).run() == [number.text]
    made = bench(*[[number]] * 3, known=number.text, is_like_another=lambda _seen: True)
    assert made.run() == []
    made = bench(*[[number]] * 3, known=number.text, is_like_another=lambda _seen: True)
    made.reader.agreeing = {number.text}
    assert made.run() == [number.text] * 3


def anew(hint: OffHere | InParts, _reader: Scripted) -> OffHere | InParts:
    return deepcopy(hint)


def test_what_is_seen_and_no_code_is_told(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A symbology that is off, and parts of a code, are said as what a guest can do is."""
    hints: list[Hint | None] = []
    for hint in (OffHere(Symbology.CODABAR), InParts((1,), 3)):
        made = bench(*[[]] * 8, on_advice=hints.append)
        # Each frame has one of its own, and it is told once.
        monkeypatch.setattr(Scripted, "aside", property(partial(anew, hint)))
        made.run()
        assert hints.pop() == hint
        assert (hints, made.seen) == ([], [])


def test_what_took_several_frames_must_agree_though_it_is_a_ticket(
    bench: Callable[..., Bench],
) -> None:
    """Frames of two tickets may have been added up: only made out again is it believed."""
    gathered = replace(code("T"), frames=3)
    assert bench([gathered], [], known="T").run() == []
    assert bench([gathered], [], [gathered], known="T").run() == ["T"]
    assert bench([gathered], [code("U")], known="T").run() == ["U"]


def test_two_readings_in_one_frame_are_one_opinion(bench: Callable[..., Bench]) -> None:
    """Agreement takes a second frame."""
    assert bench([code("A", "PDF417"), code("A", "PDF417")]).run() == []


def test_a_known_ticket_needs_no_second_frame(bench: Callable[..., Bench]) -> None:
    """What matches a ticket is right."""
    assert bench([code("T", "Code128")], known="T").run() == ["T"]


def test_what_was_agreed_stays_so_and_is_asked_once(bench: Callable[..., Bench]) -> None:
    """The ticket list is not asked on every frame."""
    made = bench([code("T", "Code128")], [code("T", "Code128")], [code("T", "Code128")], known="T")
    assert made.run() == ["T", "T", "T"]
    assert made.asked == ["T"]


def test_doubts_are_few(bench: Callable[..., Bench]) -> None:
    """A striped shirt that reads as ever new codes does not fill the memory."""
    script = [[code(f"N{n}", "Code128")] for n in range(DOUBTS_KEPT * 2)]
    made = bench(*script)
    assert made.run() == []
    assert len(made.scanner._doubts) <= DOUBTS_KEPT


def test_an_old_doubt_is_no_agreement(bench: Callable[..., Bench]) -> None:
    """Two equal misreadings minutes apart are two doubts."""
    made = bench()
    frame = np.zeros((4, 4), np.uint8)
    first = Shot(1, frame, 0)
    late = Shot(2, frame, 3_000_000_000)
    seen = Seen("X", "Code39", 0)
    assert not made.scanner._is_agreed(code("X", "Code39"), first, frame, seen)
    assert not made.scanner._is_agreed(code("X", "Code39"), late, frame, seen)


def test_a_picture_that_breaks_the_decoder_ends_nothing(
    bench: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    """A hostile code that raises costs its own frame only."""
    assert bench(UnicodeDecodeError("x", b"x", 0, 1, "x"), [code("A")]).run() == ["A"]
    assert "decoding failed" in caplog.text


def test_looking_hard_is_for_one_frame(bench: Callable[..., Bench]) -> None:
    """The operator's key spends the full effort once."""
    made = bench([], [], [])
    made.scanner.try_hard()
    made.run()
    assert made.reader.full == 1


@pytest.mark.parametrize(("rotation", "shape"), [(0, (12, 16)), (90, (16, 12)), (180, (12, 16))])
def test_the_picture_is_turned_first(
    bench: Callable[..., Bench], rotation: int, shape: tuple[int, int]
) -> None:
    """A camera mounted on its side sees upright pictures."""
    made = bench([], rotation=rotation)
    made.run()
    assert made.reader.frames[0][:2] == shape


def test_the_preview_is_small_grey_and_has_the_outline(bench: Callable[..., Bench]) -> None:
    """Corners as shares of the picture, so that any size of screen can draw them."""
    made = bench([code("A")], preview_fps=1000)
    made.run()
    preview = made.previews[0]
    assert preview.grey.ndim == 2
    assert preview.outlines[0][0] == (2 / 16, 2 / 12)


def test_previews_are_rare(bench: Callable[..., Bench]) -> None:
    """At 5 fps a run of some frames shows one picture."""
    made = bench(*[[] for _ in range(10)], preview_fps=5)
    made.run()
    assert len(made.previews) <= 2


def test_stopping_stops(bench: Callable[..., Bench]) -> None:
    """The thread ends and the camera is let go."""
    made = bench([])
    made.run()
    assert not made.scanner.is_looking
    assert made.capture.released.wait(2)
    assert not any(thread.name == "camera" for thread in threading.enumerate())

"""From the camera's frames to codes: one thread that looks, decodes, and tells."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gate.capture.camera import Camera, Shot, State
from gate.capture.glimpse import WHOLE, Spot, spot_of
from gate.capture.hints import Guide, Hint
from gate.capture.parts import InParts
from gate.capture.regions import Sighted
from gate.capture.switched_off import OffHere
from gate.core.symbologies import RETAIL, WEAK
from gate.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gate.capture.symbol_readers import Code

log = logging.getLogger(__name__)

AGREE_WITHIN_S = 2.0
DOUBTS_KEPT = 100
PREVIEW_WIDTH = 160
ADVICE_EVERY_S = 0.08
ADVICE_S = 2.0
"""How long advice stands at least, unless a code is read: long enough to be followed."""
_WAIT_S = 0.25


@dataclass(frozen=True, slots=True)
class Seen:
    """One code in one frame."""

    text: str
    symbology: str
    taken_ns: int
    """``time.perf_counter_ns`` when the frame arrived."""
    raw: bytes = b""
    spot: Spot = WHOLE


@dataclass(frozen=True, slots=True)
class Preview:
    """A small grey picture for the screen, and where the codes are in it."""

    grey: "NDArray[np.uint8]"
    outlines: tuple[tuple[tuple[float, float], ...], ...] = ()
    """Corners of each code as shares of width and height."""


class Reader(Protocol):
    """What finds codes in a frame."""

    missed: "NDArray[np.uint8] | None"
    """The last frame in grey, if nothing was read in it and it was worth a look."""

    @property
    def aside(self) -> OffHere | InParts | None:
        """What is in sight, has been read, and is no code to be decided."""

    @property
    def sighted(self) -> Sighted | None:
        """A symbol that was found in it and could not be made out."""

    def read(self, frame: "NDArray[np.uint8]") -> "list[Code]":
        """Look quickly, as on every frame."""

    def read_fully(self, frame: "NDArray[np.uint8]") -> "list[Code]":
        """Look with everything there is."""

    def agrees(self, frame: "NDArray[np.uint8]", code: "Code") -> bool:
        """Whether another way to look says the same of a code in a frame."""


class PictureScanner:
    """Reads codes off a camera until stopped.

    ``on_codes`` is called in the scanner's own thread with all that a frame held, even nothing, and
    may take its time: the next frame looked at is then the newest one. ``on_end`` is called
    there when the source has ended. ``knows`` tells whether a code is a ticket's; a weak symbology
    that says anything else must say it twice, one of retail in two ways. ``is_like_another`` tells
    of a ticket's code whether it may be a misread one of another ticket.
    """

    def __init__(
        self,
        camera: Camera,
        reader: Reader,
        on_codes: Callable[[list[Seen]], None],
        *,
        knows: Callable[[Seen], bool],
        is_like_another: Callable[[Seen], bool] | None = None,
        on_end: Callable[[], None] | None = None,
        on_preview: Callable[[Preview], None] | None = None,
        on_advice: Callable[[Hint | None], None] | None = None,
        preview_fps: float = 5.0,
        rotation: int = 0,
    ) -> None:
        self._camera = camera
        self._reader = reader
        self._on_codes = on_codes
        self._on_end = on_end
        self._knows = knows
        self._is_like_another = is_like_another or (lambda _seen: False)
        self._on_preview = on_preview
        self._on_advice = on_advice
        self._guide = Guide()
        self._advice: Hint | None = None
        self._advice_due = self._advice_until = 0.0
        self._preview_every_s = 1 / preview_fps
        self._preview_due = 0.0
        self._rotation = rotation
        self._doubts: dict[str, Shot] = {}
        self._sure: dict[str, None] = {}
        self._try_hard = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self.frames = 0

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def try_hard(self) -> None:
        """Look at the next frame with everything there is: the operator asked for it."""
        self._try_hard.set()

    def stop(self) -> None:
        """Stop looking. A frame being decoded is finished first."""
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=5.0)
        self._camera.close()

    @property
    def is_looking(self) -> bool:
        """Whether more codes may come: not once a file has ended."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set() and self._camera.state is not State.ENDED:
            shot = self._camera.next_shot(_WAIT_S)
            if shot is not None:
                self._look(shot)
        if self._on_end is not None and not self._stopping.is_set():
            self._on_end()

    def _look(self, shot: Shot) -> None:
        frame = self._upright(shot.frame)
        hard = self._try_hard.is_set()
        self._try_hard.clear()
        try:
            codes = self._reader.read_fully(frame) if hard else self._reader.read(frame)
        except InputError as error:
            log.error("decoding: %s", error.message)
            codes = []
        except Exception:
            # One hostile picture must not end the evening.
            log.exception("decoding failed")
            codes = []
        self.frames += 1
        width = frame.shape[1]
        self._on_codes(
            [
                seen
                for code in codes
                if self._is_agreed(code, shot, frame, seen := _seen(code, shot, width))
            ]
        )
        self._advise(codes)
        self._show(frame, codes)
        if self._camera.source.look is not None:
            self._camera.source.look(frame, bool(codes))

    def _is_agreed(self, code: "Code", shot: Shot, frame: "NDArray[np.uint8]", seen: Seen) -> bool:
        text = code.text
        # Tickets with like codes may have been held up one after the other: no list tells which.
        gathered = code.frames > 1
        if text in self._sure:
            return True
        if code.symbology in RETAIL:
            return self._is_agreed_in_two_ways(code, frame, seen)
        if code.symbology not in WEAK and not gathered:
            return True
        before = self._doubts.get(text)
        if before is None:
            agreed = not gathered and self._knows(seen)
        else:
            near = shot.taken_ns - before.taken_ns <= AGREE_WITHIN_S * 1e9
            agreed = before.number != shot.number and near
        self._doubts.pop(text, None)
        if agreed:
            self._keep_sure(text)
            return True
        self._doubts[text] = shot
        if len(self._doubts) > DOUBTS_KEPT:
            del self._doubts[next(iter(self._doubts))]
        return False

    def _is_agreed_in_two_ways(self, code: "Code", frame: "NDArray[np.uint8]", seen: Seen) -> bool:
        """Whether a second look says so; a frame later it would only repeat the first one."""
        agreed = self._reader.agrees(frame, code)
        if not agreed:
            # A ticket's code waits for that only where it may be another one's.
            agreed = self._knows(seen) and not self._is_like_another(seen)
        if agreed:
            self._keep_sure(code.text)
        return agreed

    def _keep_sure(self, text: str) -> None:
        self._sure[text] = None
        if len(self._sure) > DOUBTS_KEPT:
            del self._sure[next(iter(self._sure))]

    def _advise(self, codes: "list[Code]") -> None:
        """Tell what a guest can do about a code that is seen and not read."""
        now = time.monotonic()
        if self._on_advice is None or now < self._advice_due:
            return
        missed = self._reader.missed
        self._advice_due = now + ADVICE_EVERY_S
        advice: Hint | None = None
        if aside := self._reader.aside:
            advice = aside
        elif codes:
            self._guide.forget()
            self._advice_until = now
        elif missed is not None:
            advice = self._guide.missed(missed, self._reader.sighted)
        if advice == self._advice or (advice is None and now < self._advice_until):
            return
        self._advice, self._advice_until = advice, now + ADVICE_S
        self._on_advice(advice)

    def _upright(self, frame: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
        if self._rotation == 0:
            return frame
        import numpy as np  # noqa: PLC0415  loaded with the camera

        return np.ascontiguousarray(np.rot90(frame, k=-self._rotation // 90))

    def _show(self, frame: "NDArray[np.uint8]", codes: "list[Code]") -> None:
        now = time.monotonic()
        if self._on_preview is None or now < self._preview_due:
            return
        self._preview_due = now + self._preview_every_s
        height, width = frame.shape[:2]
        step = max(1, width // PREVIEW_WIDTH)
        small = frame[::step, ::step]
        # Green stands for grey: it carries most of the light and needs no arithmetic.
        grey = (small if small.ndim == 2 else small[:, :, 1]).copy()
        outlines = tuple(tuple((x / width, y / height) for x, y in code.corners) for code in codes)
        self._on_preview(Preview(grey, outlines))


def _seen(code: "Code", shot: Shot, width: int) -> Seen:
    return Seen(code.text, code.symbology, shot.taken_ns, code.raw, spot_of(code.corners, width))

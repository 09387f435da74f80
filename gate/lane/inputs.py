"""Everything that reads codes, joined to one lane: cameras and scanners at once."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from gate.capture.camera import (
    Camera,
    Capture,
    Source,
    State,
    Wish,
    device_source,
    file_source,
    folder_source,
)
from gate.capture.debounce import Debounce
from gate.capture.decode import Decoder
from gate.capture.evdev import EvdevScanner
from gate.capture.glimpse import Decide, Furniture, Glimpse, Notice
from gate.capture.hints import Advice
from gate.capture.picture import PictureScanner, Preview, Seen
from gate.capture.triggers import Trigger, Triggers
from gate.capture.view import View
from gate.config import Camera as CameraConfig
from gate.config import Config
from gate.core.model import Outcome, Reason, Scan, Ticket, Verdict
from gate.errors import GateError
from gate.i18n import _
from gate.lane.lane import Lane

log = logging.getLogger(__name__)

ASKED_AGAIN_MS = 1000
"""How often the lane is asked anew whose a code is that stays in view."""
ASKED_KEPT = 100
FAULTS_KEPT = 100


class Inputs:
    """Takes codes from every reader, lets ``View`` and ``Triggers`` say which count, asks the lane.

    ``on_verdict`` is called in any thread, once for every scan, after the verdict is durable;
    ``on_notice`` whenever what is to be said beside it changes.
    """

    def __init__(
        self,
        lane: Lane,
        config: Config,
        on_verdict: Callable[[Verdict], None],
        *,
        on_notice: Callable[[Notice | None], None] | None = None,
        on_furniture: Callable[[Furniture], None] | None = None,
        on_preview: Callable[[Preview], None] | None = None,
        on_advice: Callable[[Advice | None], None] | None = None,
        on_camera: Callable[[State, str], None] | None = None,
        on_scanner: Callable[[str], None] | None = None,
        on_aside: Callable[[str, str], None] | None = None,
        source: Source | None = None,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        self._lane = lane
        self._on_verdict = on_verdict
        self._diverted: Callable[[str], None] | None = None
        self._on_notice = on_notice
        self._on_furniture = on_furniture
        self._now_ms = now_ms or _now_ms
        self._on_aside = on_aside
        """Hears what a scanner read while nothing is a scan: code and source."""
        self.paused = False
        """While set, nothing that is read is a scan."""
        self._debounce = Debounce(
            out_of_view_ms=config.debounce.out_of_view_ms,
            camera_ms=config.debounce.camera_ms,
            scanner_ms=config.debounce.scanner_ms,
        )
        self._view = View(self._debounce)
        self._triggers = Triggers(self._debounce, config.scanner.gap_ms)
        self._changed = threading.Condition()
        """Guards the three above; is never held while the lane or the screen is waited for."""
        self._stopping = False
        self._timer = threading.Thread(target=self._keep_time, name="inputs", daemon=True)
        self._telling = threading.Lock()
        self._notice: Notice | None = None
        self._told_furniture: set[str] = set()
        self._faults: dict[str, str] = {}
        self._asked: dict[tuple[str, bytes], tuple[Ticket | None, int]] = {}
        self.picture: PictureScanner | None = None
        self._evdev: EvdevScanner | None = None
        source = source or camera_source(config.camera)
        if source is not None:
            self.picture = PictureScanner(
                Camera(source, on_state=on_camera),
                Decoder(config.camera.formats),
                self.frame,
                knows=lambda seen: self._ticket_of(_scan_of(seen)) is not None,
                on_end=self.end,
                on_preview=on_preview if config.screen.preview else None,
                on_advice=on_advice,
                preview_fps=config.screen.preview_fps,
                rotation=config.camera.rotation,
            )
        if config.scanner.evdev:
            self._evdev = EvdevScanner(
                config.scanner.evdev,
                lambda code: self.scanned(code, "evdev"),
                on_scanner or _ignore,
                gap_ms=config.scanner.gap_ms,
                on_device=lambda device: self._plugged(device, on_scanner or _ignore),
                on_typing=lambda: self.typing("evdev"),
            )

    def start(self) -> None:
        """Begin to read."""
        self._timer.start()
        for reader in (self.picture, self._evdev):
            if reader is not None:
                reader.start()

    def stop(self) -> None:
        """Stop reading; verdicts that were asked for still come, also on what was held back."""
        for reader in (self.picture, self._evdev):
            if reader is not None:
                reader.stop()
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._timer.is_alive():
            self._timer.join()
        self.end()

    @property
    def are_reading(self) -> bool:
        """Whether anything but the keyboard may still bring a code."""
        return self._evdev is not None or (self.picture is not None and self.picture.is_looking)

    def divert(self, to: Callable[[str], None] | None) -> None:
        """Hand what scanners read to somebody else: a test code is no ticket's."""
        self._diverted = to

    def scanned(self, code: str, source: str, *, is_alone: bool = False) -> None:
        """Take a code from a scanner; the verdict comes later.

        ``is_alone`` says that it belongs to no trigger: it came down a pipe, say.
        """
        if self._diverted is not None:
            self._diverted(code)
            return
        if self.paused:
            if self._on_aside is not None:
                self._on_aside(code, source)
            return
        scan = Scan(code, source=source, started_ns=time.perf_counter_ns())
        trigger = None
        if not is_alone:
            with self._changed:
                trigger = self._triggers.line(source, self._now_ms())
        self._lane.look_up(scan).add_done_callback(lambda done: self._typed(trigger, scan, done))

    def typing(self, source: str) -> None:
        """Characters are coming from a scanner, and no whole code yet."""
        with self._changed:
            self._triggers.typing(source, self._now_ms())

    def frame(self, codes: Sequence[Seen]) -> None:
        """Take all codes of one frame; answers when the verdicts are there."""
        glimpses = [_glimpse(seen, self._ticket_of(_scan_of(seen))) for seen in codes]
        with self._changed:
            decides = self._view.frame(glimpses, self._now_ms(), listening=not self.paused)
            if self.paused:
                self._triggers.forget()
        self._carry_out(decides)
        self._tell()

    def end(self) -> None:
        """Nothing more will come: what was held back is decided now."""
        with self._changed:
            now_ms = self._now_ms()
            decides = [] if self.paused else self._view.end(now_ms) + self._triggers.end(now_ms)
        self._carry_out(decides)
        self._tell()

    def tick(self) -> None:
        """Decide what has been held back long enough."""
        with self._changed:
            now_ms = self._now_ms()
            if self.paused:
                self._triggers.forget()
                decides = self._view.frame([], now_ms, listening=False)
            else:
                decides = self._triggers.tick(now_ms) or self._view.tick(now_ms)
        self._carry_out(decides)
        self._tell()

    def meant(self, ticket: str = "") -> bool:
        """A key says that the other ticket is meant too: the one that is named, or none.

        The verdict comes later; answers whether there will be one.
        """
        named = self._notice.ticket if self._notice is not None else None
        if named is None or (ticket and named.id != ticket):
            return False
        with self._changed:
            now_ms = self._now_ms()
            decides = self._view.meant(named.id, now_ms) or self._triggers.meant(named.id, now_ms)
        for decide in decides:
            self._ask(decide)
        self._tell()
        return bool(decides)

    def shown(self) -> None:
        """A verdict has come to be seen just now: it is to stay for long enough."""
        with self._changed:
            self._debounce.shown(self._now_ms())

    def furniture(self) -> list[Furniture]:
        """Unknown codes that lie in the picture and are not decided."""
        with self._changed:
            return self._view.furniture(self._now_ms())

    def _plugged(self, device: str, tell: Callable[[str], None]) -> None:
        if self._lane.scanner_plugged("evdev", device):
            tell(_("Another scanner: nothing is put right of what it types any more."))

    def _typed(self, trigger: Trigger | None, scan: Scan, done: "Future[Ticket | None]") -> None:
        fault = done.exception()
        if fault is not None:
            log.warning("looking up: %s", fault)
        line = Glimpse(scan, None if fault else done.result())
        with self._changed:
            now_ms = self._now_ms()
            if trigger is None:
                decides = self._triggers.alone(line, now_ms)
            else:
                decides = self._triggers.typed(trigger, line, now_ms)
            self._changed.notify_all()
        for decide in decides:
            self._ask(decide)
        self._tell()

    def _ticket_of(self, scan: Scan) -> Ticket | None:
        """Whose a code in view is; asked again now and then, for the tickets may change."""
        now_ms = self._now_ms()
        symbol = (scan.text, scan.raw)
        ticket, asked_ms = self._asked.pop(symbol, (None, -ASKED_AGAIN_MS))
        if now_ms - asked_ms >= ASKED_AGAIN_MS:
            try:
                ticket = self._lane.look_up(scan).result()
            except GateError as fault:
                # Deciding says what is wrong; what is in view already stays what it was.
                log.warning("looking up: %s", fault.message)
            asked_ms = now_ms
        self._asked[symbol] = ticket, asked_ms
        if len(self._asked) > ASKED_KEPT:
            del self._asked[next(iter(self._asked))]
        return ticket

    def _carry_out(self, decides: Sequence[Decide]) -> None:
        """Decide, and wait for the verdicts."""
        for decide in decides:
            self._answered(decide, self._lane.submit(decide.glimpse.scan))

    def _ask(self, decide: Decide) -> None:
        """Decide without waiting."""
        done = self._lane.submit(decide.glimpse.scan)
        done.add_done_callback(lambda done: self._answered(decide, done))

    def _answered(self, decide: Decide, done: "Future[Verdict]") -> None:
        verdict, code = done.result(), decide.glimpse.key
        is_fault = verdict.outcome is Outcome.HOLD and verdict.reason is Reason.FAULT
        with self._changed:
            self._debounce.shown(self._now_ms())
            if verdict.outcome is Outcome.HOLD:
                self._debounce.held(code)
            if is_fault and decide.glimpse.scan.source == "camera":
                self._view.fault(code, self._now_ms())
            elif is_fault:
                # Once the fault is mended, the same ticket held up again is a new scan.
                self._debounce.forget(code)
            is_told = decide.is_again and is_fault and self._faults.get(code) == verdict.hint
            self._faults.pop(code, None)
            if is_fault:
                self._faults = {code: verdict.hint, **self._faults}
                self._faults = dict(list(self._faults.items())[:FAULTS_KEPT])
        if not is_told:
            self._on_verdict(verdict)

    def _tell(self) -> None:
        """Tell what has changed of what is said beside the verdict."""
        with self._telling:
            with self._changed:
                now_ms = self._now_ms()
                notice = self._view.notice(now_ms) or self._triggers.notice(now_ms)
                furniture = self._view.furniture(now_ms)
                self._changed.notify_all()
            if notice != self._notice:
                self._notice = notice
                if self._on_notice is not None:
                    self._on_notice(notice)
            if self._on_furniture is not None:
                for one in furniture:
                    if one.text not in self._told_furniture:
                        self._told_furniture.add(one.text)
                        self._on_furniture(one)

    def _keep_time(self) -> None:
        """The thread that decides what was held back, if no frame does so before."""
        while True:
            with self._changed:
                if self._stopping:
                    return
                now_ms = self._now_ms()
                dues = (self._view.due_ms(now_ms), self._triggers.due_ms(now_ms))
                due_ms = min((due for due in dues if due is not None), default=None)
                if due_ms is None or due_ms > now_ms:
                    wait_s = None if due_ms is None else (due_ms - now_ms) / 1000
                    if self._changed.wait(wait_s):
                        continue
            self.tick()


def _scan_of(seen: Seen) -> Scan:
    return Scan(seen.text, seen.symbology, "camera", started_ns=seen.taken_ns, raw=seen.raw)


def _glimpse(seen: Seen, ticket: Ticket | None) -> Glimpse:
    return Glimpse(_scan_of(seen), ticket, seen.spot)


def camera_source(config: CameraConfig) -> Source | None:
    """The picture source the configuration names; ``None`` when there is to be none."""
    if config.file:
        return file_source(Path(config.file).expanduser())
    if config.folder:
        return folder_source(Path(config.folder).expanduser())
    if config.device in ("", "off"):
        return None
    wish = Wish(config.width, config.height, config.fps, config.fourcc, config.exposure)
    return device_source(config.device, wish)


def capture_source(name: str, capture: Capture) -> Source:
    """A capture that is open already, as a source that ends with it."""
    return Source(name, lambda: (capture, None), is_live=False)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _ignore(_trouble: str) -> None:
    pass

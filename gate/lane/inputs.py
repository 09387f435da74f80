"""Everything that reads codes, joined to one lane: cameras and scanners at once."""

import logging
import time
from collections.abc import Callable, Sequence
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
from gate.capture.decode import Decoder
from gate.capture.evdev import EvdevScanner
from gate.capture.exposure import followed
from gate.capture.glimpse import Furniture, Notice
from gate.capture.hints import Hint
from gate.capture.picture import PictureScanner, Preview, Seen
from gate.capture.serial import SerialScanners
from gate.clock import monotonic_ms
from gate.config import Config
from gate.config_tables import Camera as CameraConfig
from gate.core.verdict import Scan, Verdict
from gate.credential.command_cards import Command, CommandCard
from gate.i18n import _
from gate.lane.command_cards import Showings
from gate.lane.lane import Lane
from gate.lane.selection import Selection

log = logging.getLogger(__name__)


class Inputs:
    """Takes codes from every reader; what is a scan goes to the ``Selection``.

    The callbacks come in any thread. ``on_aside`` gets what a scanner read while nothing is a
    scan: code and source; ``on_command`` what a command card says that is held up anew;
    ``on_scanner`` what is wrong with the scanners of ours alone, and an empty text once all is
    well; ``on_warning`` what somebody has to know once.
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
        on_advice: Callable[[Hint | None], None] | None = None,
        on_camera: Callable[[State, str], None] | None = None,
        on_scanner: Callable[[str], None] | None = None,
        on_warning: Callable[[str], None] | None = None,
        on_aside: Callable[[str, str], None] | None = None,
        on_command: Callable[[CommandCard], None] | None = None,
        source: Source | None = None,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        self.paused = False
        """While set, nothing that is read is a scan."""
        self.selection = Selection(
            lane,
            config,
            on_verdict,
            is_listening=lambda: not self.paused,
            on_notice=on_notice,
            on_furniture=on_furniture,
            now_ms=now_ms,
        )
        self.camera = ""
        """How the camera is, as ``State`` has it; empty without one."""
        self.scanner = ""
        """How scanners of ours alone are: ``on``, or ``lost`` if any is; empty without one."""
        self._troubles: dict[str, str] = {}
        self._told: str | None = None
        self._on_camera, self._on_scanner = on_camera, on_scanner
        self._on_warning = on_warning
        self._lane = lane
        self._on_aside, self._on_command = on_aside, on_command
        self._debounce = config.debounce
        self._showings = Showings(now_ms or monotonic_ms)
        self._diverted: Callable[[str], None] | None = None
        self.picture: PictureScanner | None = None
        self._evdev: EvdevScanner | None = None
        self._serial: SerialScanners | None = None
        source = source or camera_source(config.camera)
        if source is not None:
            self.camera = State.STARTING
            self.picture = PictureScanner(
                Camera(source, on_state=self._camera_is),
                Decoder(config.camera.formats),
                self._frame,
                knows=lambda seen: self.selection.owners.of(seen) is not None,
                is_like_another=self.selection.owners.is_like_another,
                on_end=self.selection.end,
                on_preview=on_preview if config.screen.preview else None,
                on_advice=on_advice,
                preview_fps=config.screen.preview_fps,
                rotation=config.camera.rotation,
            )
        if config.scanner.evdev:
            self._evdev = EvdevScanner(
                config.scanner.evdev,
                lambda code: self.scanned(code, "evdev"),
                lambda trouble: self._scanner_is("evdev", trouble),
                gap_ms=config.scanner.gap_ms,
                on_device=lambda device: self._plugged("evdev", device),
                on_typing=lambda: self.typing("evdev"),
            )
        if config.scanner.serial:
            self._serial = SerialScanners(
                config.scanner.serial,
                lambda code: self.scanned(code, "serial"),
                lambda trouble: self._scanner_is("serial", trouble),
                baud=config.scanner.serial_baud,
                gap_ms=config.scanner.gap_ms,
                on_device=lambda device: self._plugged("serial", device),
                on_typing=lambda: self.typing("serial"),
            )

    def start(self) -> None:
        """Begin to read."""
        self.selection.start()
        for reader in (self.picture, self._evdev, self._serial):
            if reader is not None:
                reader.start()

    def stop(self) -> None:
        """Stop reading; verdicts that were asked for still come, also on what was held back."""
        for reader in (self.picture, self._evdev, self._serial):
            if reader is not None:
                reader.stop()
        self.selection.stop()

    @property
    def are_reading(self) -> bool:
        """Whether anything but the keyboard may still bring a code."""
        has_scanner = self._evdev is not None or self._serial is not None
        return has_scanner or (self.picture is not None and self.picture.is_looking)

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
        card = self._card(code, is_typed=True)
        if card is not None and self._is_command(code, card, self._debounce.scanner_ms):
            return
        if self.paused:
            if self._on_aside is not None:
                self._on_aside(code, source)
            return
        scan = Scan(code, source=source, started_ns=time.perf_counter_ns())
        self.selection.typed(scan, is_alone=is_alone)

    def typing(self, source: str) -> None:
        """Characters are coming from a scanner, and no whole code yet."""
        self.selection.typing(source)

    def meant(self, ticket: str = "") -> bool:
        """A key says that the other ticket is meant too: the one that is named, or none.

        The verdict comes later; answers whether there will be one.
        """
        return self.selection.meant(ticket)

    def shown(self) -> None:
        """A verdict has come to be seen just now: it is to stay for long enough."""
        self.selection.shown()

    def furniture(self) -> list[Furniture]:
        """Unknown codes that lie in the picture and are not decided."""
        return self.selection.furniture()

    def _frame(self, codes: Sequence[Seen]) -> None:
        away_ms = self._debounce.out_of_view_ms
        held = {one.text: card for one in codes if (card := self._card(one.text)) is not None}
        # Of a sheet of cards in one picture nobody says which is meant.
        is_one = len(held) == 1
        cards = {
            code for code, card in held.items()
            if self._is_command(code, card, away_ms, is_meant=is_one)
        }  # fmt: skip
        self.selection.frame([one for one in codes if one.text not in cards])

    def _card(self, code: str, *, is_typed: bool = False) -> CommandCard | None:
        return self._lane.command_card(code, is_typed=is_typed) if self._on_command else None

    def _is_command(
        self, code: str, card: CommandCard, away_ms: int, *, is_meant: bool = True
    ) -> bool:
        """Whether a card counts as one now; it is carried out when it is held up anew.

        While nothing is a scan only somebody who has to sign in first may do so by a card.
        """
        if self._on_command is None:
            return False
        if self.paused and card.command is not Command.SIGN_IN:
            return False
        if self._showings.is_new(code, away_ms) and is_meant:
            log.info("command card: %s", card.command.name)
            self._on_command(card)
        return True

    def _camera_is(self, state: State, detail: str) -> None:
        self.camera = state
        if self._on_camera is not None:
            self._on_camera(state, detail)

    def _scanner_is(self, source: str, trouble: str) -> None:
        self._troubles[source] = trouble
        troubles = " · ".join(filter(None, self._troubles.values()))
        self.scanner = "lost" if troubles else "on"
        before, self._told = self._told, troubles
        # One that comes beside another that is missing tells nothing new.
        if troubles != before and self._on_scanner is not None:
            self._on_scanner(troubles)

    def _plugged(self, source: str, device: str) -> None:
        if self._lane.scanner_plugged(source, device) and self._on_warning is not None:
            self._on_warning(_("Another scanner: nothing is put right of what it types any more."))


def camera_source(config: CameraConfig) -> Source | None:
    """The picture source the configuration names; ``None`` when there is to be none."""
    if config.file:
        return file_source(Path(config.file).expanduser())
    if config.folder:
        return folder_source(Path(config.folder).expanduser())
    if config.device in ("", "off"):
        return None
    by_hand = 0.0 if isinstance(config.exposure, str) else config.exposure
    wish = Wish(config.width, config.height, config.fps, config.fourcc, by_hand)
    source = device_source(config.device, wish)
    return followed(source) if config.exposure == "follow" else source


def capture_source(name: str, capture: Capture) -> Source:
    """A capture that is open already, as a source that ends with it."""
    return Source(name, lambda: (capture, None), is_live=False)

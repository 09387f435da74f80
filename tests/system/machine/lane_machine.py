"""A gate on a virtual machine as somebody sees it who stands before it, and may pull its plug."""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

from gate.core.outcome import Reason
from gate.text.outcome_words import REASON_WORDS
from tests.system.machine.emulator import NoAnswer, Pc, press, type_keys, until
from tests.system.machine.image import GUESTS, Image, code_of, guest
from tests.system.machine.left_on_disk import left_on, let_in
from tests.system.machine.volatile_disk import VolatileDisk
from tests.system.machine.watched_screen import LONG_S, WatchedScreen, answer

SCANNER = "scanner"
READY = "admitted"
"""What the screen of a lane has and no other."""
SOON_S = 20.0
"""So long a guest holds a code up, then once more: a machine that stalls tears a code in two."""


class LaneMachine:
    """One machine, its disk and its scanner, and whom its screen has let in.

    More than ten methods: what is done to it and what guests do are each a few words.
    """

    def __init__(self, image: Image, folder: Path, seed: int) -> None:
        self._image, self._folder = image, folder
        self.disk = VolatileDisk(image.disk, folder, seed)
        self.green: set[int] = set()
        """The guests whom the screen has let in."""
        self.pc: Pc
        self.screen: WatchedScreen

    def on(self, *options: str, boot: str = "") -> float:
        """Power on; the seconds until the lane waits for a guest, without a hand."""
        image = self._image
        self.pc = Pc(
            image.architecture, image.kernel, image.initrd, self.disk.socket, self._folder,
            "-device", f"usb-kbd,id={SCANNER},bus=usb.0,serial=keyboard", *options, boot=boot,
        )  # fmt: skip
        self.screen = WatchedScreen(self.pc)
        self.screen.wait_for(READY)
        return self.pc.age_s

    def cut(self) -> None:
        """Power off, at once."""
        self.look()
        self.pc.off()
        self.disk.cut()

    def close(self) -> None:
        """Throw the machine away."""
        self.pc.off()
        self.disk.close()

    def look(self) -> set[int]:
        """Whom the screen has let in so far."""
        for sign, _reason, number in filter(None, map(answer, self.screen.pictures)):
            self.green |= {number} if sign in "+!" else set()
        return self.green

    def wait_for_green(self, *, after: int) -> None:
        """Until a guest of a higher number is let in."""
        until(lambda: max(self.look(), default=0) > after, LONG_S, "a green", every_s=0.5)

    def scan(self, number: int) -> None:
        """The scanner reads a guest's code."""
        self.type(f"{code_of(number)}\n")

    def let_in_from(self, first: int) -> threading.Thread:
        """Guest after guest, each as soon as the screen has answered the one before."""

        def flow() -> None:
            with contextlib.suppress(OSError, ValueError, NoAnswer):
                for number in range(first, GUESTS):
                    self.show(number)

        thread = threading.Thread(target=flow, name="guests", daemon=True)
        thread.start()
        return thread

    def show(self, number: int) -> None:
        """A guest holds the code up until the screen has answered."""
        for _again in range(20):
            self.scan(number)
            with contextlib.suppress(NoAnswer):
                self.screen.wait_for(guest(number), SOON_S)
                return
        raise NoAnswer(f"{guest(number)}; the screen:\n{self.screen.text}")

    def wait_for_clear_view(self) -> None:
        """Until no trouble of a scanner's is told any more over the line of the last scan."""
        until(lambda: "scanner LOST" not in self.screen.text, LONG_S, "a clear view")

    def lets_in(self, number: int) -> bool:
        """Whether a guest is let in, once the screen has answered."""
        self.show(number)
        return self.is_soon(lambda: number in self.look())

    def refuses(self, number: int, reason: Reason) -> bool:
        """Whether a guest is stopped for this reason, as the screen names both."""
        self.show(number)
        wanted = ("X", REASON_WORDS[reason], number)
        return self.is_soon(lambda: answer(self.screen.rows) == wanted)

    def lets_in_after_a_look(self, number: int, reason: Reason) -> bool:
        """Whether somebody has to look first, for this reason, before the guest comes in."""
        self.show(number)
        wanted = ("!", REASON_WORDS[reason], number)
        return self.is_soon(lambda: answer(self.screen.rows) == wanted and number in self.look())

    def is_soon(self, holds: Callable[[], bool]) -> bool:
        """Whether something comes true while a guest would wait for it."""
        end = time.monotonic() + SOON_S
        while not holds():
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def type(self, text: str) -> None:
        """What the scanner types."""
        type_keys(self.pc.qmp, text)

    def press(self, *keys: str) -> None:
        """A person presses keys together."""
        press(self.pc.qmp, *keys)

    def lost(self, into: Path, *, is_honest: bool = True) -> set[int]:
        """Guests who were let in on the screen, and of whom the disk knows nothing."""
        return self.green - {*let_in(left_on(self.disk, into, is_honest=is_honest))}

"""The scanner wizard of ``gate doctor``: a test code on the screen, and what becomes of it.

What comes out is compared with what is in, so that anything that is wrong is known for certain.
"""

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO

from gate.capture.evdev import EvdevScanner
from gate.capture.keyboard_wedge import Wedge
from gate.capture.serial import SerialScanners
from gate.capture.terminal_code import linear
from gate.clock import monotonic_ms
from gate.config import Config
from gate.credential import parse
from gate.credential.repair import LAYOUT_FLAWS, MOST_LOST, Flaw, Flaws, Kind, undone
from gate.credential.scanners import Established
from gate.credential.spellings import GS
from gate.errors import UsageError
from gate.i18n import _
from gate.storage.folder import Folder
from gate.storage.scanner_fixes import Fix, Fixes
from gate.text.printable import printable
from gate.text.scanner_words import troubles
from gate.text.square_code import square
from gate.text.yes_words import is_yes
from gate.ui.raw_keys import bursts, raw_keys

SQUARE_TEXT = f'Venue aqwzymAQWZYM0123456789-/:=+_?".,!{GS}end'
"""Keys that layouts exchange, of those that every layout has without AltGr."""
LINEAR_TEXT = "aZqy-/1M"
"""Short, for it has to fit on a terminal."""
WAIT_S = 120.0
_CORE = 4
"""A prefix and a suffix may be this long together and more; the code in between must be whole."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a scanner makes of the test code."""

    flaws: Flaws
    is_known: bool = True
    """Whether the flaws explain what came."""
    has_end: bool = True
    """Whether Enter or Tab ended it."""

    @property
    def fix(self) -> Flaws:
        """What may be undone by itself: flaws that lose nothing."""
        lost = any(flaw.kind in _LOST or flaw.detail in ("upper", "lower") for flaw in self.flaws)
        return () if lost or not self.is_known else self.flaws


_LOST = {Kind.GS_LOST, Kind.LOST_FIRST, Kind.LOST_LAST}


def diagnose(typed: str, expected: str, *, has_end: bool = True) -> Finding:
    """What is wrong with the scanner that made ``typed`` of ``expected``."""
    for flaws, text in _straightened(typed):
        for more in _differences(text, expected):
            return Finding((*flaws, *more), has_end=has_end)
    return Finding((), is_known=False, has_end=has_end)


def _straightened(typed: str) -> Iterator[tuple[Flaws, str]]:
    swap = Flaw(Kind.CASE, "swap")
    tried: list[Flaws] = [(), (swap,), *((Flaw(Kind.ALT, width),) for width in "340")]
    tried += [(layout,) for layout in LAYOUT_FLAWS]
    tried += [(swap, layout) for layout in LAYOUT_FLAWS]
    tried += [(Flaw(Kind.ECI),)]
    for flaws in tried:
        text = undone(flaws, typed)
        if text is not None:
            yield flaws, text


def _differences(text: str, expected: str) -> Iterator[Flaws]:
    """How a text can differ from what was expected once its characters are the right ones."""
    without = expected.replace(GS, "")
    forms: list[tuple[str, Flaws]] = [(expected, ())]
    if GS in expected:
        forms.append((without, (Flaw(Kind.GS_LOST, str(expected.index(GS))),)))
        before, after = expected.split(GS)
        at, end = text.find(before), text.find(after)
        if at >= 0 and len(before) < end - at <= len(before) + 6:
            sign = text[at + len(before) : end]
            forms.append((before + sign + after, (Flaw(Kind.GS_AS, sign),)))
    for form, flaws in forms:
        for changed, more in (
            (form, ()),
            (form.upper(), (Flaw(Kind.CASE, "upper"),)),
            (form.lower(), (Flaw(Kind.CASE, "lower"),)),
        ):
            at = text.find(changed)
            if at >= 0:
                yield (*flaws, *more, *_wrapping(text, at, at + len(changed)))
        for n in range(1, min(MOST_LOST, len(form) - _CORE)):
            if text.startswith(form[n:]):
                yield (*flaws, Flaw(Kind.LOST_FIRST, form[:n]))
            if text.endswith(form[:-n]):
                yield (*flaws, Flaw(Kind.LOST_LAST, form[-n:]))


def _wrapping(text: str, first: int, last: int) -> Flaws:
    # An AIM identifier is taken off every code.
    is_aim = first == 3 and parse(text[:3] + "xxxx").code == "xxxx"
    before = (Flaw(Kind.ADDED_FIRST, str(first)),) if first and not is_aim else ()
    after = (Flaw(Kind.ADDED_LAST, str(len(text) - last)),) if len(text) > last else ()
    return (*before, *after)


def check_scanner(config: Config, folder: Folder, out: TextIO, *, is_linear: bool = False) -> bool:
    """Show the test code, take what is scanned, say what is wrong, offer to put it right.

    Answers whether the scanner is fit for the doors. Raises UsageError when nothing was scanned.
    """
    expected = LINEAR_TEXT if is_linear else SQUARE_TEXT
    scanner = config.scanner
    source = "evdev" if scanner.evdev else "serial" if scanner.serial else "keyboard"

    def show() -> None:
        out.write(linear(expected) if is_linear else square(expected))
        out.write(_("Scan this code with the USB scanner. Ctrl+C ends.") + "\n")
        out.flush()

    typed, has_end, device = _typed(config, source, show)
    finding = diagnose(typed, expected, has_end=has_end)
    out.write("\n")
    if not finding.is_known:
        out.write(_("It typed something else altogether: {text}").format(text=printable(typed)))
        out.write("\n" + _("Was it this code? If so, reset the scanner by its manual.") + "\n")
        return False
    for trouble in troubles(finding.flaws):
        out.write(f"- {trouble.what}\n  {trouble.remedy}\n")
    if not finding.has_end:
        out.write("- " + _("The scanner sends no Enter after a code.") + "\n  ")
        out.write(_("Let it send Enter (CR): every code then comes a little sooner.") + "\n")
    if not finding.flaws:
        out.write(_("The scanner types what it reads.") + "\n")
        # Whatever was put right before would now be put wrong.
        Fixes(folder).save(source, None)
        return True
    if not finding.fix:
        out.write(_("This cannot be put right here: the scanner has to be set.") + "\n")
        return False
    return _offer(folder, source, Fix(Established((finding.fix,), is_sure=True), device), out)


def _offer(folder: Folder, source: str, fix: Fix, out: TextIO) -> bool:
    out.write(_("Until then the gate can put it right by itself. Save that? yes/no: "))
    out.flush()
    if not is_yes(sys.stdin.readline(), whole=True):
        return False
    folder.create()
    Fixes(folder).save(source, fix)
    out.write(_("Saved: what the scanner types is put right from now on.") + "\n")
    return True


def _typed(config: Config, source: str, show: Callable[[], None]) -> tuple[str, bool, str]:
    """The first code that comes once the test code is shown; whether something ended it; by whom.

    Which scanner it was is empty where the input does not tell one from another.
    """
    if source == "keyboard":
        return (*_from_keyboard(config.scanner.gap_ms, show), "")
    codes: queue.Queue[str] = queue.Queue()
    devices = [""]
    scanner = _own_scanner(config, source, codes.put, devices.append)
    scanner.start()
    show()
    try:
        return codes.get(timeout=WAIT_S), True, devices[-1]
    except queue.Empty:
        raise _nothing() from None
    finally:
        scanner.stop()


def _own_scanner(
    config: Config, source: str, on_code: Callable[[str], None], on_device: Callable[[str], None]
) -> EvdevScanner | SerialScanners:
    scanner, gap_ms = config.scanner, config.scanner.gap_ms
    if source == "evdev":
        return EvdevScanner(scanner.evdev, on_code, _complain, gap_ms=gap_ms, on_device=on_device)
    return SerialScanners(
        scanner.serial,
        on_code,
        _complain,
        baud=scanner.serial_baud,
        gap_ms=gap_ms,
        on_device=on_device,
    )


def _complain(trouble: str) -> None:
    if trouble:
        sys.stderr.write(f"{printable(trouble)}\n")


def _from_keyboard(gap_ms: int, show: Callable[[], None]) -> tuple[str, bool]:
    descriptor = sys.stdin.fileno()
    until = time.monotonic() + WAIT_S
    with raw_keys(descriptor) as is_terminal:
        show()
        wedge = Wedge(gap_ms if is_terminal else int(WAIT_S * 1000))
        for data in bursts(descriptor, gap_ms, threading.Event()):
            if data == b"\x03":
                raise KeyboardInterrupt
            now_ms = monotonic_ms()
            text = data.decode("utf-8", "replace")
            if ended := wedge.type(text, now_ms) if data else []:
                return ended[0], True
            if paused := wedge.pause(now_ms):
                return paused[0], False
            if time.monotonic() > until:
                break
        if rest := wedge.end():
            return rest[0], False
    raise _nothing()


def _nothing() -> UsageError:
    return UsageError(
        _("nothing was scanned"),
        _("Is the scanner plugged in, and can it read from a screen? Else: --linear"),
    )

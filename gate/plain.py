"""The lane without a screen: one line a verdict, for screen readers, serial consoles and pipes."""

import codecs
import errno
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO
from zoneinfo import ZoneInfo

from gate.domain.model import Basis, Direction, Outcome, Place, ScannerProof, Verdict
from gate.errors import GateError
from gate.lane import Lane
from gate.language import _
from gate.scanner.wedge import Wedge
from gate.scanner_repair import Proposed
from gate.scanner_words import proposal_lines, scanner_line
from gate.words import DIRECTION_WORDS, clock_time, explain, printable, unheard

_NO_GAP_MS = 10**9
"""A pipe may stutter: there only line ends end a code."""

TURNS = (Direction.IN, Direction.OUT, Direction.BOTH, Direction.CHECK)
"""The order in which the direction key goes round."""
BELLS = {Outcome.REFUSE: 3, Outcome.HOLD: 3, Outcome.ATTENTION: 2, Outcome.RESCAN: 0}
"""How often the terminal's bell rings; once for everything else."""

_COMMANDS = {
    b"\x1b[17~": "direction",
    b"\x1b[18~": "next",
    b"\x1b[19~": "look",
    b"\x14": "meant",
    b"\x1a": "undo",
    b"\x13": "scanner",
    b"\x03": "quit",
    b"\x11": "quit",
}
"""F6, F7, F8, Ctrl+T, Ctrl+Z, Ctrl+S, Ctrl+C and Ctrl+Q as terminals send them."""


def verdict_line(
    verdict: Verdict,
    place: Place,
    time_zone: ZoneInfo,
    *,
    show_names: bool = True,
    unheard: str = "",
) -> str:
    """``HH:MM:SS OUTCOME``, then reason, ticket, place and time from scan to verdict."""
    words = explain(verdict, place, time_zone, show_names=show_names, unheard=unheard)
    sentences = (words.rule, words.note, words.fact, words.remedy)
    reason = " ".join(f"{part.removesuffix('.')}." for part in sentences if part)
    ticket = " · ".join(part for part in (words.ticket, words.holder, words.uses) if part)
    number = f"[{printable(verdict.ticket.id, 12)}]" if verdict.ticket else ""
    parts = [
        f"{_clock(verdict.at_ms, time_zone)} {verdict.outcome.name:<9} {reason}",
        " ".join(part for part in (ticket, number) if part) or "-",
        printable(place.gate),
        words.basis,
        f"{verdict.latency_ms or 0:.0f} ms",
    ]
    return " | ".join(part for part in parts if part)


def unheard_at(lane: Lane, verdict: Verdict, time_zone: ZoneInfo) -> str:
    """Which lanes a verdict could not hear of, and since when; empty when that is nobody."""
    if verdict.basis is not Basis.ALONE:
        return ""
    standing = lane.standing()
    return unheard(standing.coverage.unheard, standing.boot_ms, lane.now_ms(), time_zone)


class Plain:
    """Prints verdicts and takes typed codes and a few keys."""

    def __init__(
        self,
        lane: Lane,
        time_zone: ZoneInfo,
        *,
        out: TextIO,
        bell: bool = False,
        show_names: bool = True,
        look_hard: Callable[[], None] | None = None,
        meant: Callable[[], bool] | None = None,
    ) -> None:
        self._lane = lane
        self.time_zone = time_zone
        self._out = out
        self._bell = bell and out.isatty()
        self._show_names = show_names
        self._look_hard = look_hard
        self._meant = meant
        self._writing = threading.Lock()
        self._shown_proposal: Proposed | None = None
        self.quitting = threading.Event()

    def show(self, verdict: Verdict) -> None:
        """Print one verdict; from any thread."""
        bells = "\a" * BELLS.get(verdict.outcome, 1) if self._bell else ""
        line = verdict_line(
            verdict,
            self._lane.place,
            self.time_zone,
            show_names=self._show_names,
            unheard=unheard_at(self._lane, verdict, self.time_zone),
        )
        self.say(bells + line)
        if line := scanner_line(verdict):
            self.say(f"# {line}")

    def say(self, line: str) -> None:
        """Print one line; from any thread."""
        with self._writing:
            try:
                self._out.write(line + "\n")
                self._out.flush()
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                # The terminal is gone, and whoever read it.
                self.quitting.set()

    def command(self, name: str) -> None:
        """Do what a key asks for."""
        try:
            if name == "quit":
                self.quitting.set()
            elif name == "direction":
                turn = (TURNS.index(self._lane.direction) + 1) % len(TURNS)
                self._lane.direction = TURNS[turn]
                self.say(_("# direction: {way}").format(way=_(DIRECTION_WORDS[TURNS[turn]])))
            elif name == "next":
                self.show(self._lane.next_person())
            elif name == "undo":
                undone = self._lane.undo()
                when = clock_time(undone.target.at_ms, self.time_zone)
                self.say(_("# undone: the one of {when}").format(when=when))
            elif name == "scanner":
                self._settle_scanner()
            elif name == "look" and self._look_hard:
                self._look_hard()
            elif name == "meant" and self._meant and not self._meant():
                self.say("# " + _("No other ticket waits."))
        except GateError as fault:
            self.say(f"# {fault.message}. {fault.hint}")

    def _settle_scanner(self) -> None:
        """Show what would explain the last text; the same key again believes it."""
        proposed = self._lane.scanner_proposal()
        if proposed == self._shown_proposal:
            self._lane.believe(proposed)
            self._shown_proposal = None
            self.say(_("# saved: what the scanner types is put right from now on"))
            return
        for line in proposal_lines(proposed, show_names=self._show_names):
            self.say(f"# {line}")
        if proposed.proof is ScannerProof.KEY:
            self._shown_proposal = proposed
            self.say(_("# Ctrl+S again: so it is, put it right from now on"))
        else:
            self.say(_("# A test code settles it: gate doctor --scanner"))

    def type_until_end(
        self,
        descriptor: int,
        on_code: Callable[[str], None],
        gap_ms: int,
        on_typing: Callable[[], None] | None = None,
    ) -> None:
        """Take what is typed into a terminal or comes down a pipe, until its end or the quit key.

        A key alone, with silence on both sides, is a command; within a burst it is part of a code.
        """
        if sys.platform == "win32":
            for line in sys.stdin:
                on_code(line)
            return
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with raw_keys(descriptor) as is_terminal:
            wedge = Wedge(gap_ms if is_terminal else _NO_GAP_MS)
            for data in bursts(descriptor, gap_ms, self.quitting):
                now_ms = time.monotonic_ns() // 1_000_000
                if is_terminal and data in _COMMANDS and not wedge.typed:
                    self.command(_COMMANDS[data])
                    continue
                codes = wedge.type(decoder.decode(data), now_ms) if data else wedge.pause(now_ms)
                for code in codes:
                    on_code(code)
                if data and wedge.typed and on_typing is not None:
                    on_typing()
        for code in wedge.end():
            on_code(code)


def bursts(descriptor: int, gap_ms: int, quitting: threading.Event) -> Iterator[bytes]:
    """What was typed, in pieces; an empty piece is a silence."""
    while not quitting.is_set():
        ready, _w, _x = select.select([descriptor], [], [], gap_ms / 1000)
        if not ready:
            yield b""
            continue
        try:
            data = os.read(descriptor, 4096)
        except OSError:
            # The terminal is gone.
            return
        if not data:
            return
        if data in _COMMANDS and select.select([descriptor], [], [], gap_ms / 1000)[0]:
            # Not alone after all: more of the same code follows.
            data += os.read(descriptor, 4096)
        yield data


@contextmanager
def raw_keys(descriptor: int) -> Iterator[bool]:
    """Take the terminal's keys one by one and unechoed; says whether it is a terminal."""
    if sys.platform == "win32" or not os.isatty(descriptor):
        yield False
        return
    import termios  # noqa: PLC0415  not on Windows

    before = termios.tcgetattr(descriptor)
    raw = termios.tcgetattr(descriptor)
    raw[0] &= ~(termios.ICRNL | termios.IXON)
    raw[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN)
    termios.tcsetattr(descriptor, termios.TCSANOW, raw)
    try:
        yield True
    finally:
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)


def _clock(at_ms: int, time_zone: ZoneInfo) -> str:
    return clock_time(at_ms, time_zone, seconds=True)

"""The pieces of the scan screen: verdict, preview, status, and the ear for typing scanners."""

import time
from functools import lru_cache
from typing import ClassVar

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from gate.capture.keyboard_wedge import GAP_MS, Wedge
from gate.capture.picture import Preview as Picture
from gate.core.model import Outcome
from gate.text.verdict_words import Words
from gate.ui.tui import letters

TYPING_EVERY_MS = 20
"""How often it is told that a scanner goes on typing."""
LARGE_WIDTH, LARGE_HEIGHT = 150, 24
"""A panel of this size draws its word twice as large."""


class VerdictPanel(Static):
    """One panel that changes in place. Colour, shape, word and border each tell the outcome."""

    can_focus = False

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's name for it
        super().__init__("", id=id, markup=False)
        self.outcome: Outcome | None = None
        self._words: Words | None = None
        self._ready = ""

    def show(self, outcome: Outcome, words: Words) -> None:
        """Show a verdict."""
        self.outcome, self._words = outcome, words
        self._restyle(f"-{outcome}")

    def clear(self, ready: str) -> None:
        """Show that the lane is ready."""
        self.outcome, self._words, self._ready = None, None, ready
        self._restyle("")

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._draw()

    def _restyle(self, wanted: str) -> None:
        self.update_classes({f"-{outcome}": f"-{outcome}" == wanted for outcome in Outcome})
        self._draw()

    def _draw(self) -> None:
        width, height = self.content_size
        if self._words is None or self.outcome is None:
            lines = [""] * max(0, (height - 1) // 2) + self._ready.split("\n")
        else:
            lines = _verdict_lines(self.outcome, self._words, width, height)
        self.update("\n".join(_centred(line, width) for line in lines), layout=False)


def _centred(line: str, width: int) -> str:
    # Not by CSS: that would centre each row of a letter by what it happens to end with.
    if cell_len(line) > width:
        line = set_cell_size(line, max(0, width - 1)) + "…"
    return " " * ((width - cell_len(line)) // 2) + line


def _wrapped(line: str, width: int) -> list[str]:
    """A sentence in as many lines as it takes, broken at spaces where there are some."""
    lines, rest = [], line
    while cell_len(rest) > width > 0:
        fits = len(chop_cells(rest, width)[0])
        at = rest.rfind(" ", 1, fits + 1)
        cut = at if at > fits // 2 else fits
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*lines, rest]


def _verdict_lines(outcome: Outcome, words: Words, width: int, height: int) -> list[str]:
    large = width >= LARGE_WIDTH and height >= LARGE_HEIGHT
    told = [
        " · ".join(part for part in (words.rule, words.uses) if part),
        words.note,
        words.fact,
        words.remedy,
        " · ".join(part for part in (words.ticket, words.holder) if part),
        words.basis,
        words.scanner,
    ]
    drawn = _banner(outcome, words.word, width, large=large)
    text = [part for line in told if line for part in _wrapped(line, width)]
    room = height - len(drawn)
    if len(text) > room and words.scanner:
        # Colour, border and symbol still tell the outcome; half a sentence tells nothing.
        drawn = [f"{letters.SYMBOLS[outcome]} {words.word}"]
        room = height - len(drawn)
    text = text[: max(1, room)]
    spare = max(0, room - len(text))
    return [""] * (spare // 3) + drawn + [""] * min(1, spare) + text


def _banner(outcome: Outcome, word: str, width: int, *, large: bool) -> list[str]:
    shape = letters.shape(outcome, large=large)
    gap = "   "
    for text in (word, word.partition(" ")[0]):
        drawn = letters.word(text, large=large)
        if drawn and len(shape[0]) + len(gap) + len(drawn[0]) <= width:
            return [left + gap + right for left, right in zip(shape, drawn, strict=True)]
    if len(shape[0]) + len(gap) + cell_len(word) <= width:
        middle = len(shape) // 2
        pad = " " * cell_len(word)
        return [left + gap + (word if n == middle else pad) for n, left in enumerate(shape)]
    return [f"{letters.SYMBOLS[outcome]} {word}"]


class Preview(Widget):
    """The camera's picture in half blocks: aiming help, in any terminal."""

    GREYS = 32

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's name for it
        super().__init__(id=id)
        self._picture: Picture | None = None
        self._message = ""

    def show(self, picture: Picture) -> None:
        """Show a new picture."""
        self._picture, self._message = picture, ""
        self.refresh()

    def say(self, message: str) -> None:
        """Show a line instead of a picture."""
        self._picture, self._message = None, message
        self.refresh()

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        """As wide as it is told to be."""
        return container.width

    def render_line(self, y: int) -> Strip:
        """One line of cells, each two pixels high."""
        width, height = self.size
        if self._picture is None:
            text = self._message if y == height // 2 else ""
            margin = " " * max(0, (width - cell_len(text)) // 2)
            return Strip([Segment(set_cell_size(margin + text, width), self.rich_style)], width)
        grey = self._picture.grey
        rows, columns = grey.shape
        marks = self._marks(width, height * 2)
        upper = grey[min(rows - 1, 2 * y * rows // (2 * height))]
        lower = grey[min(rows - 1, (2 * y + 1) * rows // (2 * height))]
        segments = []
        for x in range(width):
            column = x * columns // width
            segments.append(
                Segment(
                    "▀",
                    _cell(
                        _level(upper[column]),
                        _level(lower[column]),
                        (x, 2 * y) in marks,
                        (x, 2 * y + 1) in marks,
                    ),
                )
            )
        return Strip(segments, width)

    def _marks(self, width: int, height: int) -> set[tuple[int, int]]:
        marks: set[tuple[int, int]] = set()
        for corners in self._picture.outlines if self._picture else ():
            for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
                steps = max(2, int(max(abs(x1 - x0) * width, abs(y1 - y0) * height)))
                for step in range(steps + 1):
                    share = step / steps
                    marks.add(
                        (
                            min(width - 1, int((x0 + (x1 - x0) * share) * width)),
                            min(height - 1, int((y0 + (y1 - y0) * share) * height)),
                        )
                    )
        return marks


def _level(pixel: int) -> int:
    return int(pixel) * Preview.GREYS // 256


@lru_cache(maxsize=8192)
def _cell(upper: int, lower: int, upper_marked: bool, lower_marked: bool) -> Style:
    return Style(color=_shade(upper, upper_marked), bgcolor=_shade(lower, lower_marked))


def _shade(level: int, marked: bool) -> str:
    grey = level * 255 // (Preview.GREYS - 1)
    return "#19e6b0" if marked else f"#{grey:02x}{grey:02x}{grey:02x}"


class WedgeInput(Static):
    """Takes the bursts of a scanner that types; keeps the focus on the scan screen.

    No code ever fires a key binding: every key is held back for the length of a gap, and only one
    that stands alone is given to the bindings. Within a burst it is part of the code.
    """

    can_focus = True

    class Typed(Message):
        """A scanner has typed a code."""

        def __init__(self, code: str) -> None:
            self.code = code
            super().__init__()

    class Typing(Message):
        """A scanner is typing, and no whole code has come yet."""

    class Acknowledged(Message):
        """Enter or Escape alone: the operator has read what is on the screen."""

    _ACKNOWLEDGE: ClassVar[frozenset[str]] = frozenset({"enter", "escape"})

    def __init__(self, gap_ms: int = GAP_MS, id: str | None = None) -> None:  # noqa: A002
        super().__init__("", id=id, markup=False)
        self._wedge = Wedge(gap_ms)
        self._gap_s = gap_ms / 1000
        self._held: events.Key | None = None
        self._last_key = 0.0
        self._typing_ms = 0
        self._silence: Timer | None = None

    def check_consume_key(self, key: str, character: str | None) -> bool:  # noqa: ARG002
        """Say that what prints is text here, so that no hint promises otherwise."""
        return character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        """Take a key as part of a burst, or hold it until it is known to stand alone."""
        event.stop()
        event.prevent_default()
        now = time.monotonic()
        in_burst = now - self._last_key < self._gap_s
        self._last_key = now
        if self._held is not None:
            held, self._held = self._held, None
            self._take(held)
        if in_burst or (event.character is not None and event.is_printable):
            self._take(event)
        else:
            self._held = event
        self._wait_for_silence()

    def on_paste(self, event: events.Paste) -> None:
        """Take a burst that came as one paste."""
        event.stop()
        self._last_key = time.monotonic()
        self._tell(self._wedge.type(event.text, _now_ms()))
        self._wait_for_silence()

    def _take(self, event: events.Key) -> None:
        character = character_of(event)
        if character:
            now_ms = _now_ms()
            self._tell(self._wedge.type(character, now_ms))
            if self._wedge.typed and now_ms - self._typing_ms >= TYPING_EVERY_MS:
                self._typing_ms = now_ms
                self.post_message(self.Typing())

    def _wait_for_silence(self) -> None:
        if self._silence is not None:
            self._silence.stop()
        self._silence = self.set_timer(self._gap_s, self._end_of_burst)

    async def _end_of_burst(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            await self._alone(held)
        self._tell(self._wedge.pause(_now_ms()))

    async def _alone(self, event: events.Key) -> None:
        if event.key in self._ACKNOWLEDGE:
            self.post_message(self.Acknowledged())
            return
        active = self.screen.active_bindings.get(event.key)
        if active is not None and active.enabled:
            await self.app.run_action(active.binding.action, active.node)

    def _tell(self, codes: list[str]) -> None:
        for code in codes:
            self.post_message(self.Typed(code))


_CONTROL_KEYS = {
    "enter": "\n",
    "tab": "\t",
    "escape": "\x1b",
    "ctrl+backslash": "\x1c",
    "ctrl+right_square_bracket": "\x1d",
    "ctrl+circumflex_accent": "\x1e",
    "ctrl+underscore": "\x1f",
}


def character_of(event: events.Key) -> str:
    """What a key types; terminals name control keys, a code wants their characters."""
    if event.key in _CONTROL_KEYS:
        return _CONTROL_KEYS[event.key]
    _ctrl, plus, letter = event.key.partition("ctrl+")
    if plus and len(letter) == 1 and letter.isascii() and letter.isalpha():
        return chr(ord(letter.upper()) & 0x1F)
    return event.character or ""


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class StatusBar(Static):
    """One line on every screen: where, which way, how late, how sure, what reads."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's name for it
        super().__init__("", id=id, markup=False)
        self._left: list[str] = []
        self._right = ""

    def show(self, left: list[str], right: str) -> None:
        """Show the parts that fit; the clock on the right always does."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self._draw()

    def on_resize(self) -> None:
        """Fit the parts into the new width."""
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        room = width - cell_len(self._right) - 1
        text = ""
        for part in self._left:
            longer = f"{text} · {part}" if text else part
            if cell_len(longer) > room:
                break
            text = longer
        self.update(set_cell_size(text, max(0, room)) + " " + self._right, layout=False)


class KeyHints(Static):
    """One line of keys and what they do, as many as fit."""

    def __init__(self, hints: list[tuple[str, str]], id: str | None = None) -> None:  # noqa: A002
        super().__init__("", id=id, markup=False)
        self._hints = hints

    def on_resize(self) -> None:
        """Show as many as fit."""
        shown: list[str] = []
        room = self.content_size.width
        for key, meaning in self._hints:
            hint = f"{key} {meaning}"
            room -= cell_len(hint) + 2
            if room < -2:
                break
            shown.append(hint)
        self.update("  ".join(shown), layout=False)

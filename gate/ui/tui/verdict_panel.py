"""The panel that tells a verdict: by colour, shape, word and border."""

from rich.cells import cell_len, chop_cells, set_cell_size
from textual.widgets import Static

from gate.core.outcome import Outcome
from gate.core.place import Direction
from gate.text.confirming import way
from gate.text.printable import printable
from gate.text.verdict_words import Words
from gate.ui.tui import letters

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

    def frame(self, direction: Direction, gate: str, venue: str) -> None:
        """Show in the border which way people go, where, and to what."""
        self.update_classes({f"-way-{one}": one is direction for one in Direction})
        self.border_title = f" {printable(gate)} — {way(direction)} "
        turned = "" if direction is Direction.IN else way(direction)
        line = "  ".join(part for part in (printable(venue, 60), turned) if part)
        self.border_subtitle = f" {line} " if line else ""

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
    sentences = [
        " · ".join(part for part in (words.rule, words.uses) if part),
        words.note,
        words.fact,
        words.remedy,
        " · ".join(part for part in (words.ticket, words.holder) if part),
        words.remark,
        words.basis,
        words.scanner,
    ]
    drawn = _banner(outcome, words.word, width, large=large)
    text = [part for line in sentences if line for part in _wrapped(line, width)]
    room = height - len(drawn)
    if len(text) > room and (words.scanner or outcome is Outcome.ASK):
        # Colour, border and symbol still tell the outcome; half a sentence tells nothing.
        drawn = [f"{letters.SYMBOLS[outcome]} {words.word}"]
        room = height - len(drawn)
    if outcome is Outcome.ASK and len(text) < room:
        text.insert(len(_wrapped(sentences[0], width)), "")
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

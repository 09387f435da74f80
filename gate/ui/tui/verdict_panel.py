"""The panel that tells a verdict: by colour, shape, word and border."""

from rich.cells import cell_len
from rich.markup import escape
from textual import events
from textual.message import Message
from textual.widgets import Static

from gate.core.outcome import Outcome
from gate.core.place import Direction
from gate.i18n import _
from gate.text.confirming import way
from gate.text.printable import printable
from gate.text.verdict_words import Words
from gate.ui.tui import letters
from gate.ui.tui.wrapping import wrapped

LARGE_WIDTH, LARGE_HEIGHT = 150, 24
"""A panel of this size draws its word twice as large."""


class VerdictPanel(Static):
    """One panel that changes in place. Colour, shape, word and border each tell the outcome.

    It says all there is: the drawn word gives way to sentences, and what has no room even then is
    read on, page by page.
    """

    can_focus = False

    class Pressed(Message):
        """Somebody has touched or clicked it."""

    def __init__(self, *, halves: bool = True, id: str | None = None) -> None:  # noqa: A002
        super().__init__("", id=id, markup=False)
        self.outcome: Outcome | None = None
        self._words: Words | None = None
        self._ready = ""
        self._page, self._pages = 0, 1
        self._halves = halves
        """Whether the terminal can draw half a cell."""

    def show(self, outcome: Outcome, words: Words) -> None:
        """Show a verdict."""
        self.outcome, self._words = outcome, words
        self._restyle(f"-{outcome}")

    def clear(self, ready: str) -> None:
        """Show that the lane is ready."""
        self.outcome, self._words, self._ready = None, None, ready
        self._restyle("")

    def frame(self, direction: Direction, gate: str, venue: str, of_list: str = "") -> None:
        """Show in the border which way people go, where, and to what.

        ``of_list`` is the list that is scanned, where the gate has several.
        """
        self.update_classes({f"-way-{one}": one is direction for one in Direction})
        at = f" {printable(gate)} — {way(direction)} "
        # A list's name is what is scanned: it is the first thing in the frame.
        named = _(" LIST {list} ·").format(list=escape(of_list)) if of_list else ""
        self.border_title = f"{named}{at}"
        turned = "" if direction is Direction.IN else way(direction)
        line = "  ".join(part for part in (printable(venue, 60), turned) if part)
        self.border_subtitle = f" {line} " if line else ""

    @property
    def lines_wanted(self) -> int:
        """How many lines it takes to draw the word and say everything below it."""
        if self._words is None:
            return 0
        return letters.HEIGHT + len(_text(self._words, self.content_size.width))

    def turn_page(self, step: int = 1) -> bool:
        """Show the next page, or the one before; says whether there is one."""
        page = self._page + step
        if not 0 <= page < self._pages:
            return False
        self._page = page
        self._draw()
        return True

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._draw()

    def on_click(self, event: events.Click) -> None:
        """Say that it was touched."""
        event.stop()
        self.post_message(self.Pressed())

    def _restyle(self, wanted: str) -> None:
        self._page = 0
        self.update_classes({f"-{outcome}": f"-{outcome}" == wanted for outcome in Outcome})
        self._draw()

    def _draw(self) -> None:
        width, height = self.content_size
        if self._words is None or self.outcome is None:
            ready = [part for line in self._ready.split("\n") for part in wrapped(line, width)]
            head, text = [""] * max(0, (height - len(ready)) // 2), ready
        else:
            text = _text(self._words, width)
            large = width >= LARGE_WIDTH and height >= LARGE_HEIGHT
            head = self._banner(self._words.word, width, large=large)
            if len(head) + len(text) > height:
                # Colour, border and symbol still tell the outcome; half a sentence tells nothing.
                head = [f"{letters.SYMBOLS[self.outcome]} {self._words.word}"]
            if self.outcome is Outcome.ASK and len(head) + len(text) < height:
                # The question stands for itself.
                text.insert(len(wrapped(_rule(self._words), width)), "")
            spare = max(0, height - len(head) - len(text))
            head = [""] * (spare // 3) + head + [""] * min(1, spare)
        lines = [*head, *self._paged(text, height - len(head))]
        self.update("\n".join(_centred(line, width) for line in lines), layout=False)

    def _paged(self, text: list[str], room: int) -> list[str]:
        """The lines of this page, with a last one on how to see the others."""
        if len(text) <= room:
            self._page, self._pages = 0, 1
            return text
        room = max(1, room - 1)
        self._pages = -(-len(text) // room)
        self._page = min(self._page, self._pages - 1)
        shown = text[self._page * room : (self._page + 1) * room]
        more = _("{page} of {pages}: Page Down reads on").format(
            page=self._page + 1, pages=self._pages
        )
        return [*shown, *[""] * (room - len(shown)), more]

    def _banner(self, word: str, width: int, *, large: bool) -> list[str]:
        outcome = self.outcome or Outcome.HOLD
        shape = letters.shape(outcome, large=large)
        gap = "   "
        for text in (word, word.partition(" ")[0]):
            drawn = letters.word(text, large=large, halves=self._halves)
            if drawn and len(shape[0]) + len(gap) + len(drawn[0]) <= width:
                return [left + gap + right for left, right in zip(shape, drawn, strict=True)]
        if len(shape[0]) + len(gap) + cell_len(word) <= width:
            middle = len(shape) // 2
            pad = " " * cell_len(word)
            return [left + gap + (word if n == middle else pad) for n, left in enumerate(shape)]
        return [f"{letters.SYMBOLS[outcome]} {word}"]


def _centred(line: str, width: int) -> str:
    # Not by CSS: that would centre each row of a letter by what it happens to end with.
    return " " * ((width - cell_len(line)) // 2) + line


def _rule(words: Words) -> str:
    return " · ".join(part for part in (words.rule, words.uses) if part)


def _text(words: Words, width: int) -> list[str]:
    """Every sentence of a verdict, in as many lines as they take."""
    sentences = [
        _rule(words),
        words.note,
        words.fact,
        words.remedy,
        " · ".join(part for part in (words.ticket, words.holder) if part),
        words.remark,
        words.basis,
        words.scanner,
    ]
    return [part for line in sentences if line for part in wrapped(line, width)]

"""Inputs that a person fills: what a scanner types or reads is never their content (law 14)."""

from textual import events
from textual.message import Message
from textual.widgets import Input

from gate.capture.keyboard_wedge import ENDS, GAP_MS, Bursts, Wedge
from gate.ui.tui.silence import Silence
from gate.ui.tui.wedge_input import character_of

ENTER, TAB = "enter", "tab"
ERASERS = frozenset({"\x7f", "\x08"})


class Field(Input):
    """An input that tells its screen of a scanner's burst instead of taking it as its answer."""

    class Burst(Message):
        """A scanner has typed into a field."""

        def __init__(self, field: "Field", codes: list[str], *, is_ended: bool) -> None:
            self.field = field
            self.codes = codes
            self.is_ended = is_ended
            """Whether the scanner's Enter came; without one it may be a quick paste."""
            super().__init__()

        @property
        def control(self) -> "Field":
            """The field."""
            return self.field

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        password: bool = False,
        max_length: int = 0,
        is_text: bool = True,
        restrict: str | None = None,
        gap_ms: int = GAP_MS,
        id: str | None = None,  # noqa: A002  Textual's name for it
    ) -> None:
        super().__init__(
            value,
            placeholder=placeholder,
            password=password,
            max_length=max_length,
            restrict=restrict,
            id=id,
        )
        self.is_text = is_text
        """Whether what comes as fast as a scan may be the answer, such as words from a paste."""
        self._bursts = Bursts(gap_ms)
        self._silence = Silence(self, gap_ms / 1000, self._end_of_burst)

    def on_key(self, event: events.Key) -> None:
        """Look at how fast it comes before it is the field's."""
        at_ms, character = event.time * 1000, character_of(event)
        if event.key in (ENTER, TAB):
            if code := self._bursts.end(at_ms):
                _take(event)
                self._post_burst([code], is_ended=True)
        elif not character or character in ERASERS:
            self._bursts.forget()
        else:
            # A control character of a code presses no key and edits nothing.
            if not event.is_printable and self._bursts.is_within(at_ms):
                _take(event)
            self._bursts.type(character, at_ms)
            self._silence.begin()

    def on_paste(self, event: events.Paste) -> None:
        """One paste with an end is a scan, without one it is text."""
        if event.text and event.text[-1] in ENDS:
            _take(event)
            self._post_burst(Wedge().type(event.text, 0), is_ended=True)
        else:
            self._bursts.type(event.text, event.time * 1000)

    def _end_of_burst(self) -> None:
        if code := self._bursts.pause():
            self._post_burst([code], is_ended=False)

    def _post_burst(self, codes: list[str], *, is_ended: bool) -> None:
        self._silence.stop()
        if codes:
            self.post_message(self.Burst(self, codes, is_ended=is_ended))


def _take(event: events.Event) -> None:
    event.stop()
    event.prevent_default()

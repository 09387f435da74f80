"""What takes the keys of a scanner that types, and tells them from a person's."""

from typing import ClassVar

from textual import events
from textual.message import Message
from textual.widgets import Static

from gate.capture.keyboard_wedge import GAP_MS, Wedge
from gate.ui.tui.silence import Silence

ALONE_S = 0.4
"""A character after a shorter silence may be the end of a code over which a scanner stuttered."""
TYPING_EVERY_MS = 20
"""How often it is told that a scanner goes on typing."""


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

        def __init__(self, key: str) -> None:
            self.key = key
            super().__init__()

    class Pressed(Message):
        """A character that a person has typed: nothing came shortly before or after it."""

        def __init__(self, character: str, *, may_be_scanned: bool) -> None:
            self.character = character
            self.may_be_scanned = may_be_scanned
            """Whether the scanner here sends no Enter: a code of one character looks the same."""
            super().__init__()

    _ACKNOWLEDGE: ClassVar[frozenset[str]] = frozenset({"enter", "escape"})

    def __init__(self, gap_ms: int = GAP_MS, id: str | None = None) -> None:  # noqa: A002
        super().__init__("", id=id, markup=False)
        self._wedge = Wedge(gap_ms)
        self._gap_ms = gap_ms
        self._held: events.Key | None = None
        self._last_ms = 0
        self._lone = ""
        """The character of a burst that has no other so far, and began after a silence."""
        self._has_no_end = False
        """Whether a code has ended by a silence here."""
        self._typing_ms = 0
        self._silence = Silence(self, gap_ms / 1000, self._end_of_burst)

    def check_consume_key(self, key: str, character: str | None) -> bool:  # noqa: ARG002
        """Say that what prints is text here, so that no hint promises otherwise."""
        return character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        """Take a key as part of a burst, or hold it until it is known to stand alone."""
        event.stop()
        event.prevent_default()
        silence_ms = self._since_last_ms(event)
        in_burst = silence_ms < self._gap_ms
        is_lone = event.is_printable and silence_ms >= max(1000 * ALONE_S, self._gap_ms)
        self._lone = (event.character or "") if is_lone else ""
        if self._held is not None:
            held, self._held = self._held, None
            self._take(held)
        if in_burst or (event.character is not None and event.is_printable):
            self._take(event)
        else:
            self._held = event
        self._silence.begin()

    def on_paste(self, event: events.Paste) -> None:
        """Take a burst that came as one paste."""
        event.stop()
        self._since_last_ms(event)
        self._lone = ""
        self._post_codes(self._wedge.type(event.text, self._last_ms))
        self._silence.begin()

    def _since_last_ms(self, event: events.Key | events.Paste) -> int:
        """How long after the one before it came, not how long after that was heard.

        A busy machine reads late what a scanner typed in time: where an Enter ends a code, no
        silence does that was not heard as one.
        """
        at_ms = round(1000 * event.time)
        if self._silence.is_awaited and not self._has_no_end:
            at_ms = min(at_ms, self._last_ms + self._gap_ms - 1)
        since_ms, self._last_ms = at_ms - self._last_ms, at_ms
        return since_ms

    def _take(self, event: events.Key) -> None:
        character = character_of(event)
        if character:
            self._post_codes(self._wedge.type(character, self._last_ms))
            if self._wedge.typed and self._last_ms - self._typing_ms >= TYPING_EVERY_MS:
                self._typing_ms = self._last_ms
                self.post_message(self.Typing())

    async def _end_of_burst(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            await self._alone(held)
        lone, self._lone = self._lone, ""
        if lone:
            self.post_message(self.Pressed(lone, may_be_scanned=self._has_no_end))
        codes = self._wedge.pause(self._last_ms + self._gap_ms)
        self._has_no_end = self._has_no_end or bool(codes)
        self._post_codes(codes)

    async def _alone(self, event: events.Key) -> None:
        if event.key in self._ACKNOWLEDGE:
            self.post_message(self.Acknowledged(event.key))
            return
        active = self.screen.active_bindings.get(event.key)
        if active is not None and active.enabled:
            await self.app.run_action(active.binding.action, active.node)

    def _post_codes(self, codes: list[str]) -> None:
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

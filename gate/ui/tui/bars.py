"""The lines above and below every screen: how things stand, and which keys there are."""

import re
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.widgets import Static

from gate.ui.tui.status import Status, fitting

_NAMES = {"PgDn": "pagedown", "↑": "up", "↓": "down"}
_BETWEEN = 2


class StatusBar(Static):
    """One line on every screen: where, which way, how late, how sure, what reads."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's name for it
        super().__init__("", id=id, markup=False)
        self._left: Status = {}
        self._right = ""

    def show(self, left: Status, right: str) -> None:
        """Show the parts that fit; the clock on the right always does."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self._draw()

    def on_resize(self) -> None:
        """Fit the parts into the new width."""
        self._draw()

    def _draw(self) -> None:
        room = self.content_size.width - cell_len(self._right) - 1
        text = set_cell_size(fitting(self._left, room), max(0, room))
        self.update(f"{text} {self._right}", layout=False)


class _Target(NamedTuple):
    """Where in the line a key can be pressed by a finger."""

    first: int
    last: int
    key: str


class KeyHints(Static):
    """One line of keys and what they do, as many as fit. Each can be pressed there, too.

    ``more`` is the last one wherever not all fit: the key that shows them all.
    """

    def __init__(
        self,
        hints: list[tuple[str, str]],
        id: str | None = None,  # noqa: A002  Textual's name for it
        more: tuple[str, str] | None = None,
    ) -> None:
        super().__init__("", id=id, markup=False)
        self._hints = hints
        self._more = more
        self._targets: list[_Target] = []

    def on_resize(self) -> None:
        """Show as many as fit."""
        shown: list[str] = []
        self._targets, at = [], 0
        for key, hint in self._fitting(self.content_size.width):
            shown.append(hint)
            self._targets += _targets(key, hint, at)
            at += cell_len(hint) + _BETWEEN
        self.update((" " * _BETWEEN).join(shown), layout=False)

    def _fitting(self, room: int) -> list[tuple[str, str]]:
        """Keys with their hints, as many as there is room for."""
        hints = [(key, f"{key} {meaning}") for key, meaning in self._hints]
        if _width(hints) <= room:
            return hints
        last = [] if self._more is None else [(self._more[0], " ".join(self._more))]
        while hints and _width([*hints, *last]) > room:
            hints.pop()
        return [*hints, *last]

    def on_click(self, event: events.Click) -> None:
        """Press the key that is named there; where several are, the one that was hit."""
        at = event.get_content_offset(self)
        for target in self._targets:
            if at is not None and target.first <= at.x < target.last:
                self.app.simulate_key(target.key)


def _width(hints: list[tuple[str, str]]) -> int:
    return sum(cell_len(hint) + _BETWEEN for _key, hint in hints) - _BETWEEN


def _targets(keys: str, hint: str, at: int) -> list[_Target]:
    """A key alone is pressed anywhere in its hint, of several each where it stands."""
    found = list(re.finditer(r"[↑↓]|[^\s↑↓-]+", keys))
    if len(found) == 1:
        return [_Target(at, at + cell_len(hint), _name(keys))]
    return [_Target(at + one.start(), at + one.end(), _name(one.group())) for one in found]


def _name(key: str) -> str:
    """What Textual calls a key that is written so."""
    if key.startswith("^"):
        return "ctrl+" + key[1:].lower()
    return _NAMES.get(key, key.lower())

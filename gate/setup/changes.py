"""What a path is to be: a file with a content, a link, or nothing."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gate.errors import UsageError
from gate.i18n import _
from gate.storage.sqlite import faults
from gate.text.printable import printable

Command = tuple[str, ...]


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands at a path; a state with neither content nor link is nothing."""

    content: bytes | None = None
    link: str = ""
    mode: int = 0o644

    @property
    def is_nothing(self) -> bool:
        """Whether there is no such file."""
        return self.content is None and not self.link

    def is_same(self, other: "State") -> bool:
        """Whether somebody who reads the path finds the same; the mode is not looked at."""
        return self.content == other.content and self.link == other.link


NOTHING = State()
HEAD = "# Written by gate setup; gate setup --undo takes it away.\n"
"""With what a file of our own begins, for whoever finds it."""


@dataclass(frozen=True, slots=True)
class Change:
    """A path, and what it is to be."""

    path: Path
    becomes: State
    reload: tuple[Command, ...] = ()
    """What makes the running system read it anew, after it was written and after it was undone."""


def file(path: Path, text: str, *reload: Command, mode: int | None = None) -> Change:
    """A file with that text; without ``mode`` it keeps the one that it has, or gets 0644."""
    kept = state_of(path).mode if mode is None else mode
    return Change(path, State(text.encode(), mode=kept), reload)


def link(path: Path, target: str, *reload: Command) -> Change:
    """A link to that target."""
    return Change(path, State(link=target), reload)


def state_of(path: Path) -> State:
    """What stands there now. Raises StoreError, and UsageError for what is no file."""
    with faults(path):
        if path.is_symlink():
            return State(link=str(path.readlink()))
        if path.is_dir():
            raise UsageError(_("{file} is a folder").format(file=path))
        try:
            return State(path.read_bytes(), mode=path.stat().st_mode & 0o777)
        except (FileNotFoundError, NotADirectoryError):
            return NOTHING


def shown(change: Change) -> Iterator[str]:
    """A change in lines: a new file whole, of another one what is different."""
    now, then = state_of(change.path), change.becomes
    if then.is_nothing:
        yield _("{file} goes").format(file=change.path)
    elif then.link:
        yield f"{change.path} -> {then.link}"
    elif now.content is None:
        yield f"{change.path}:"
        yield from (f"    {line}" for line in _lines(then))
    else:
        yield _("{file} changes:").format(file=change.path)
        differences = difflib.unified_diff(_lines(now), _lines(then), n=0, lineterm="")
        yield from (f"    {line}" for line in list(differences)[2:])


def _lines(state: State) -> list[str]:
    text = (state.content or b"").decode("utf-8", "replace")
    return [printable(line, 1000) for line in text.splitlines()]

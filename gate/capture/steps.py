"""Work that can be interrupted: it goes on where it stopped, perhaps at the next frame."""

from collections.abc import Generator
from typing import TypeAlias, TypeVar

_T = TypeVar("_T")

Steps: TypeAlias = Generator[None, None, _T]
"""Yields wherever it can be interrupted, and returns what it is done for."""


def finished(steps: Steps[_T]) -> _T:
    """What all of it comes to, done at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _T = end.value
            return result

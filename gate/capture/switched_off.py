"""Whether a code is in sight whose symbology is not read here: to say so, never to admit by."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from gate.capture.passes import FOR_OTHERS, Scene
from gate.capture.symbol_readers import Code, Name, SymbolReader, look, reader_of
from gate.core.symbologies import ALL, Symbology

EVERY = 12
"""Frames from one look to the next."""
AGREED_S = 2.0
"""Within that two looks must find the same code; so long after the last it counts as in sight."""


@dataclass(frozen=True, slots=True)
class OffHere:
    """A code is in sight, and its symbology is not switched on."""

    symbology: Symbology


class OthersInSight:
    """Looks now and then for the symbologies that are switched off."""

    def __init__(self, on: frozenset[Symbology], now: Callable[[], float]) -> None:
        self._off = ALL - on
        self._now = now
        self._turns = itertools.cycle(FOR_OTHERS)
        self._frames = 0
        self._last: tuple[Symbology, bytes] | None = None
        self._seen_s = 0.0
        self._agreed: Symbology | None = None

    @property
    def found(self) -> OffHere | None:
        """What two looks have agreed on, as long as it may still be there."""
        if self._agreed is None or self._now() - self._seen_s > AGREED_S:
            return None
        return OffHere(self._agreed)

    def is_due(self) -> bool:
        """Count a frame in which nothing was read; whether a look is due since the last one."""
        self._frames += 1
        return bool(self._off) and self._frames >= EVERY

    def glance(self, scene: Scene) -> None:
        """Look quickly, in another way each time."""
        self._frames = 0
        for code in look(next(self._turns), self._reader, scene).values():
            name, now_s = (Symbology(code.symbology), code.raw), self._now()
            is_again = name == self._last and now_s - self._seen_s <= AGREED_S
            self._agreed = name[0] if is_again else None
            self._last, self._seen_s = name, now_s

    def all_in(self, scene: Scene) -> list[Code]:
        """Look in every way, for a picture that stands alone."""
        if not self._off:
            return []
        found: dict[Name, Code] = {}
        for how in FOR_OTHERS:
            found |= look(how, self._reader, scene)
        return list(found.values())

    def forget(self) -> None:
        """Something was read."""
        self._agreed = None

    @cached_property
    def _reader(self) -> SymbolReader:
        return reader_of(self._off)

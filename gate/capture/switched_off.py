"""Whether a code is in sight whose symbology is not read here: to say so, never to admit by."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from gate.capture.passes import FOR_OTHERS, Scene
from gate.capture.steps import finished
from gate.capture.symbol_readers import Code, Name, SymbolReader, look, reader_of
from gate.core.symbologies import ALL, Symbology

EVERY = 12
"""Frames from one look to the next."""
LOOKS = 3
"""Two of so many in a row must find the same code, and as many in vain end it."""
AGREED_S = 5.0
"""However few looks a machine has time for, so long after the last one nothing is in sight."""


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
        self._looks = self._seen_at = 0
        self._seen_s = 0.0
        self._agreed: Symbology | None = None

    @property
    def found(self) -> OffHere | None:
        """What two looks have agreed on, as long as it may still be there."""
        return OffHere(self._agreed) if self._agreed and self._is_fresh() else None

    def is_due(self) -> bool:
        """Count a frame in which nothing was read; whether a look is due since the last one."""
        self._frames += 1
        return bool(self._off) and self._frames >= EVERY

    def glance(self, scene: Scene) -> None:
        """Look quickly, in another way each time."""
        self._frames = 0
        self._looks += 1
        for code in finished(look(next(self._turns), self._reader, scene)).values():
            name = Symbology(code.symbology), code.raw
            self._agreed = name[0] if name == self._last and self._is_fresh() else None
            self._last, self._seen_at, self._seen_s = name, self._looks, self._now()

    def all_in(self, scene: Scene) -> list[Code]:
        """Look in every way, for a picture that stands alone."""
        if not self._off:
            return []
        found: dict[Name, Code] = {}
        for how in FOR_OTHERS:
            found |= finished(look(how, self._reader, scene))
        return list(found.values())

    def forget(self) -> None:
        """Something was read."""
        self._agreed = None

    def _is_fresh(self) -> bool:
        looks, since_s = self._looks - self._seen_at, self._now() - self._seen_s
        return looks < LOOKS and since_s <= AGREED_S

    @cached_property
    def _reader(self) -> SymbolReader:
        return reader_of(self._off)

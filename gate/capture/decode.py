"""Pixels in, codes out: a glance at every frame, rescue passes in turn within a budget of time.

Rescue passes take turns where the glance found nothing new. A frame is hostile input: looking at
it gives codes or none.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from gate.capture import second_look
from gate.capture.camera import load_cv2
from gate.capture.parts import InParts, Parts
from gate.capture.passes import (
    FULLY,
    GLANCE,
    IN_TURN,
    QR,
    THOROUGH,
    Pass,
    Scene,
)
from gate.capture.regions import Frame, Sighted
from gate.capture.switched_off import OffHere, OthersInSight
from gate.capture.symbol_readers import Code, Name, SymbolReader, look, reader_of, second_opinion
from gate.core.symbologies import USUAL, Symbology

if TYPE_CHECKING:
    from gate.capture.qr.reader import QrReader

LEAST_SIDE, MOST_SIDE = 8, 16_000
"""In pixels. Nothing smaller holds a symbol; OpenCV cannot turn much larger ones."""
BUDGET = 4.0
"""What rescue passes may take, in times of the glances at the same frames."""
OF_IDLENESS = 0.5
"""Share of the time until the next frame that they may take as well."""
PLACES = (0, 1, 0, 1, 2)
"""Which of the regions, the densest first, gets its turn."""
REST = 2
"""Frames without a rescue pass after each one, as long as no symbol is in sight."""
TRACKED = 12
"""Frames in a row in which a symbol that is in sight but not made out is gone after."""
EVERYTHING = 16
"""Turns in vain after which a scene has been searched."""
STILL = 10
"""Grey levels that a spot of a scene may change by while nothing moves: noise."""
LOOK_AGAIN = 10
"""Every so many frames a still scene is searched all the same."""


class Decoder:
    """Finds codes in frames. It belongs to one thread, for it remembers what it saw."""

    def __init__(
        self,
        symbologies: Sequence[str] = USUAL,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._symbologies = frozenset(map(Symbology, symbologies))
        self._last: frozenset[Name] = frozenset()
        self._turn = 0
        self._scene: Frame | None = None
        self._vain = 0
        self._now = now
        self._ended: float | None = None
        self._credit_s = 0.0
        self._tracked = 0
        self._rested = 0
        self.missed: Frame | None = None
        """The last frame in grey, if nothing was read in it and it was worth a look."""
        self._parts = Parts(now)
        self.others: list[Code] = []
        """Of the last full look: codes whose symbologies are not read here."""
        self._others = OthersInSight(self._symbologies, now)
        self.aside: OffHere | InParts | None = None
        """What is in sight, has been read, and is no code to be decided."""

    def read(self, frame: Frame) -> list[Code]:
        """Look quickly, as at every frame of a camera."""
        self.missed = None
        grey = _grey(frame)
        if grey is None or self._is_exhausted(grey):
            self.aside = self._others.found
            return []
        began = self._now()
        codes = look(GLANCE, self._reader, Scene(grey))
        glance_s = self._now() - began
        idle_s = began - self._ended if self._ended is not None else 0.0
        # Also beside known codes: a poster in view must not hide a ticket that is harder to read.
        if codes.keys() <= self._last:
            self._credit_s += max(BUDGET * glance_s, OF_IDLENESS * idle_s)
            if not codes and self._others.is_due() and self._credit_s > 0:
                self._look_for_others(grey)
            else:
                codes = self._rescued(grey, codes) | codes
        self._last = frozenset(codes)
        if codes:
            self._vain = 0
            self._others.forget()
        else:
            self.missed = grey
        whole = self._whole(codes)
        self._ended = self._now()
        return whole

    def read_fully(self, frame: Frame) -> list[Code]:
        """Look with everything there is, until nothing is left that looks like a code."""
        self.missed, self.aside, self.others = None, None, []
        grey = _grey(frame)
        if grey is None:
            return []
        # Whatever the whole frame shows at once is taken together, as off a sheet.
        codes = self._looked(GLANCE, Scene(grey)) | self._looked(THOROUGH, Scene(grey))
        scene = _without(codes, grey)
        for how in FULLY:
            if codes and not scene.is_worth_a_look:
                break
            found = self._looked(how, scene)
            if not found.keys() <= codes.keys():
                codes = found | codes
                scene = _without(codes, grey)
        if not codes and self._second is not None:
            codes = look(THOROUGH, self._second, scene)
        self.others = self._others.all_in(_without(codes, grey))
        whole = self._whole(codes)
        if self.others and not codes:
            self.aside = OffHere(Symbology(self.others[0].symbology))
        return whole

    def agrees(self, frame: Frame, code: Code) -> bool:
        """Whether another way to look says the same of a symbol of retail that was read in it."""
        grey = _grey(frame)
        return grey is not None and second_look.agrees(code, grey, self._reader)

    @property
    def parts(self) -> InParts | None:
        """What was seen of a message in parts that is not whole yet."""
        return self._parts.waiting

    @property
    def sighted(self) -> Sighted | None:
        """The QR symbol that the last look had and that could not be made out."""
        return self._qr.sighted if self._qr is not None else None

    def _whole(self, codes: dict[Name, Code]) -> list[Code]:
        """The codes of a frame, with the messages that its parts make whole, and without parts."""
        whole: dict[Name, Code] = {}
        self._parts.waiting = None
        for code in map(self._parts.take, codes.values()):
            if code is not None:
                whole.setdefault(code.name, code)
        self.aside = self._parts.waiting or self._others.found
        return list(whole.values())

    def _look_for_others(self, grey: Frame) -> None:
        """See whether what cannot be read is switched off; this is a rescue pass of the budget."""
        began = self._now()
        self._others.glance(Scene(grey, place=0))
        self._credit_s = min(0.0, self._credit_s - (self._now() - began))

    def _rescued(self, grey: Frame, known: dict[Name, Code]) -> dict[Name, Code]:
        """What the pass whose turn it is finds, if there is time for it."""
        tracks = self.sighted is not None and self._tracked < TRACKED
        self._rested += 1
        looks_again = self._vain >= EVERYTHING
        if not (tracks or looks_again or (self._credit_s > 0 and self._rested > REST)):
            return {}
        self._rested = 0
        began = self._now()
        found: dict[Name, Code] = {}
        scene = self._scene_at(grey, known, tracks)
        for how in (QR,) if tracks else IN_TURN[self._turn % len(IN_TURN)]:
            found |= self._looked(how, scene)
            if not found.keys() <= known.keys():
                break
        self._credit_s = min(0.0, self._credit_s - (self._now() - began))
        if found.keys() <= known.keys():
            # What has been tracked in vain is tracked again only after it was out of sight.
            self._tracked = self._tracked + tracks if self.sighted else 0
            if not tracks:
                self._vain += 1
                self._turn += 1
        else:
            # What has paid is done again at once.
            self._rested, self._tracked = REST, 0
        return found

    def _scene_at(self, grey: Frame, known: dict[Name, Code], tracks: bool) -> Scene:
        """The part of the frame whose turn it is, without the symbols that are known."""
        sighted = self.sighted
        if tracks and sighted is not None:
            return Scene(grey, _regions=[sighted.region])
        scene = _without(known, grey)
        scene.place = PLACES[self._turn % len(PLACES)]
        return scene

    def _looked(self, how: Pass, scene: Scene) -> dict[Name, Code]:
        if how is not QR:
            return look(how, self._reader, scene)
        if self._qr is None:
            return {}
        drawing = self._qr.read(scene.grey, scene.regions)
        if drawing is None:
            return {}
        found = self._reader(drawing.picture, GLANCE)
        return {
            code.name: replace(code, corners=drawing.corners, frames=drawing.frames)
            for code in found
        }

    @cached_property
    def _qr(self) -> "QrReader | None":
        if Symbology.QR not in self._symbologies:
            return None
        from gate.capture.qr.reader import QrReader  # noqa: PLC0415  loaded with OpenCV

        return QrReader()

    @cached_property
    def _reader(self) -> SymbolReader:
        return reader_of(self._symbologies)

    @cached_property
    def _second(self) -> SymbolReader | None:
        return second_opinion(self._reader, self._symbologies)

    def _is_exhausted(self, grey: Frame) -> bool:
        """Whether nothing has moved since every pass looked in vain."""
        cv2 = load_cv2()
        scene = cv2.resize(grey, (160, 90), interpolation=cv2.INTER_AREA)
        if self._scene is None or cv2.norm(scene, self._scene, cv2.NORM_INF) > STILL:
            self._scene, self._vain = scene, 0
        skips = self._vain >= EVERYTHING and (self._vain - EVERYTHING) % LOOK_AGAIN != 0
        self._vain += skips
        return skips


def _without(codes: dict[Name, Code], grey: Frame) -> Scene:
    return Scene(grey, known=[code.corners for code in codes.values()])


def _grey(frame: Frame) -> "Frame | None":
    sides = frame.shape[:2]
    if min(sides) < LEAST_SIDE or max(sides) > MOST_SIDE:
        return None
    if frame.ndim == 2:
        return frame
    cv2 = load_cv2()
    grey: Frame = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    return grey

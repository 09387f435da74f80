"""Pixels in, codes out: a glance at every frame, rescue passes in turn within a budget of time.

Rescue passes take turns where the glance found nothing new. A frame is hostile input: looking at
it gives codes or none.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gate.capture import second_look
from gate.capture.camera import load_cv2
from gate.capture.parts import InParts, Parts
from gate.capture.passes import (
    AZTEC,
    CODE128,
    DATA_MATRIX,
    FULLY,
    GLANCE,
    IN_TURN,
    OWN,
    PDF417,
    QR,
    THOROUGH,
    Pass,
    Scene,
    likeliest,
)
from gate.capture.regions import Frame, Region, Sighted
from gate.capture.steps import Steps, finished
from gate.capture.switched_off import OffHere, OthersInSight
from gate.capture.symbol_readers import Code, Name, SymbolReader, look, reader_of, second_opinion
from gate.core.symbologies import USUAL, Symbology

if TYPE_CHECKING:
    from gate.capture.matrix.reader import MatrixReader

LEAST_SIDE, MOST_SIDE = 8, 16_000
"""In pixels. Nothing smaller holds a symbol; OpenCV cannot turn much larger ones."""
BUDGET = 4.0
"""What rescue passes may take, in times of the glances at the same frames."""
OF_IDLENESS = 0.75
"""Share of the time until the next frame that they may take as well."""
PLACES = (0, 1, 0, 1, 2)
"""Which of the regions, the densest first, gets its turn."""
TRACKED = 12
"""Looks in a row at which a symbol that is in sight but not made out is gone after."""
EVERYTHING = 16
"""Turns in vain after which a scene has been searched."""
STAYS = 2
"""So many frames after its first one a thing is held there, and not one of many that go by."""
LEAST_LOOKS = 2
"""In haste, of a frame: the likeliest one must not keep all others from having their turn."""
STILL = 10
"""Grey levels that a spot of a scene may change by while nothing moves: noise."""
LOOK_AGAIN = 10
"""Every so many frames a still scene is searched all the same."""
AT_ONCE = 0.75
"""What rescue passes take in one frame, in times of its glance; the rest waits for the next one."""
ENLARGED = 0.4
"""Share of a frame's pixels beyond which no region is enlarged: edges cost more than a wall."""
OLDEST = 30
"""Frames after which a look is given up that has not come to its end."""

_Codes = dict[Name, Code]


class Decoder:
    """Finds codes in frames. It belongs to one thread, for it remembers what it saw."""

    def __init__(
        self,
        symbologies: Sequence[str] = USUAL,
        now: Callable[[], float] = time.perf_counter,
        budget: float = BUDGET,
        at_once: float = AT_ONCE,
    ) -> None:
        self._symbologies = frozenset(map(Symbology, symbologies))
        self._last: frozenset[Name] = frozenset()
        self._turn = 0
        self._scene: Frame | None = None
        self._vain = 0
        self._now, self._budget, self._at_once = now, budget, at_once
        self._looking: Steps[_Codes | None] | None = None
        self._age = 0
        self._ended: float | None = None
        self._credit_s = 0.0
        self._tracked = 0
        self._hurries = False
        self._dense: Region | None = None
        self._left: list[Pass] = []
        """Of the turn that was begun in haste, the ways that had no time yet."""
        self._stayed = self._searched = 0
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
        codes = finished(look(GLANCE, self._reader, Scene(grey)))
        glance_s = self._now() - began
        idle_s = began - self._ended if self._ended is not None else 0.0
        # Also beside known codes: a poster in view must not hide a ticket that is harder to read.
        if codes.keys() <= self._last:
            self._credit_s += max(self._budget * glance_s, OF_IDLENESS * idle_s)
            if not codes and self._others.is_due() and self._credit_s > 0:
                self._look_for_others(grey)
            else:
                codes = self._rescued(grey, codes, glance_s) | codes
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
        codes = finished(look(GLANCE, self._reader, Scene(grey)))
        codes = finished(look(THOROUGH, self._reader, Scene(grey))) | codes
        scene = _without(codes, grey)
        for how in FULLY:
            if codes and not scene.is_worth_a_look:
                break
            found = finished(self._looked((how,), scene, codes))
            if not found.keys() <= codes.keys():
                codes = found | codes
                scene = _without(codes, grey)
        if not codes and self._second is not None:
            codes = finished(look(THOROUGH, self._second, scene))
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
        """The matrix symbol that the last look had and that could not be made out."""
        sighted = (reader.sighted for reader in self._readers.values())
        return next((one for one in sighted if one is not None), None)

    def _whole(self, codes: _Codes) -> list[Code]:
        """The codes of a frame, with the messages that its parts make whole, and without parts."""
        whole: _Codes = {}
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
        self._pay_since(began)

    def _pay_since(self, began: float) -> None:
        """Take a rescue pass's time from the budget; what was not spent is not saved up."""
        self._credit_s = min(0.0, self._credit_s - (self._now() - began))

    def _rescued(self, grey: Frame, known: _Codes, glance_s: float) -> _Codes:
        """What the pass whose turn it is finds, if there is time for it."""
        sighted = self.sighted if self._is_to_be_tracked else None
        self._age += 1
        looks_again = self._vain >= EVERYTHING
        if not (looks_again or self._credit_s > 0):
            return {}
        began = self._now()
        found: _Codes | None
        if sighted:
            scene = Scene(grey, found=[sighted.region])
            passes = [how for how, reader in self._readers.items() if reader.sighted]
            found = finished(self._looked(passes, scene, known))
        elif self._stays(grey, known) or self._hurries:
            # What can be read by now is not in an old frame.
            self._looking = None
            found = self._in_haste(grey, known, began + self._credit_s)
        else:
            self._left = []
            if self._looking is None:
                self._looking, self._age = self._turn_at(grey, known), 0
            until = math.inf if looks_again else began + self._at_once * glance_s
            found = self._went_on(self._looking, until)
        self._pay_since(began)
        # What has paid is done again at once.
        self._hurries = found is not None and not found.keys() <= known.keys()
        if found is None:
            return {}
        if self._hurries:
            self._tracked = 0
        else:
            # What has been tracked in vain is tracked again only after it was out of sight.
            self._tracked = self._tracked + (sighted is not None) if self.sighted else 0
            if not sighted:
                self._vain += 1
                self._searched += 1
                self._turn += 1
        return found

    def _went_on(self, looking: Steps[_Codes | None], until: float) -> _Codes | None:
        """What a look has found once it is done; ``None`` if it is not done in time."""
        self._looking = None
        try:
            next(looking)
            while self._now() < until:
                next(looking)
        except StopIteration as end:
            found: _Codes | None = end.value
            return found
        if self._age >= OLDEST:
            return {}
        self._looking = looking
        return None

    def _stays(self, grey: Frame, known: _Codes) -> bool:
        """Whether what is densest has been so at one place for some frames, and may yet be read."""
        scene = _without(known, grey)
        scene.place = 0
        before, self._dense = self._dense, next(iter(scene.regions), None)
        # One frame shows many a thing that the next one shows otherwise, or elsewhere.
        if before is None or self._dense is None or not before.is_much_like(self._dense):
            self._stayed = self._searched = 0
            return False
        self._stayed += 1
        return self._stayed >= STAYS and self._searched < EVERYTHING

    def _in_haste(self, grey: Frame, known: _Codes, until: float) -> _Codes | None:
        """Look in the likeliest way, and in those whose turn it is as far as there is time.

        ``None`` if there was no time for all of them; the next frame gets the others.
        """
        place, densest = PLACES[self._turn % len(PLACES)], self._at(0, grey, known)
        scene = densest if place == 0 else self._at(place, grey, known)
        densest.hurries = scene.hurries = True
        looks = [(how, scene) for how in self._left or IN_TURN[self._turn % len(IN_TURN)]]
        if densest.regions:
            # Whatever has its turn: what stays is most often of the kind that its edges tell.
            first = likeliest(densest.grain_of(densest.regions[0]))
            if scene is densest:
                looks = [one for one in looks if one[0] is not first]
            looks.insert(0, (first, densest))
        self._left = []
        for number, (how, where) in enumerate(looks):
            if number >= LEAST_LOOKS and self._now() >= until:
                self._left = [left for left, _scene in looks[number:]]
                return None
            found = finished(self._looked((how,), where, known))
            if not found.keys() <= known.keys() or self._is_to_be_tracked:
                return found
        return {}

    @property
    def _is_to_be_tracked(self) -> bool:
        """Whether a symbol is in sight that the next frames may give."""
        return self._tracked < TRACKED and self.sighted is not None

    def _turn_at(self, grey: Frame, known: _Codes) -> Steps[_Codes | None]:
        """Look in the ways whose turn it is, beside the symbols that are known."""
        scene = self._at(PLACES[self._turn % len(PLACES)], grey, known)
        yield from scene.looked_over()
        yield
        return (yield from self._looked(IN_TURN[self._turn % len(IN_TURN)], scene, known))

    def _at(self, place: int, grey: Frame, known: _Codes) -> Scene:
        """The region at one of the places, the densest being the first."""
        scene = _without(known, grey)
        scene.pixels, scene.place = round(ENLARGED * grey.size), place
        if place == 0 and self._dense is not None:
            scene.found = [self._dense]
        return scene

    def _looked(self, passes: Iterable[Pass], scene: Scene, known: _Codes) -> Steps[_Codes]:
        """Look in these ways, until one finds what is not known."""
        found: _Codes = {}
        for how in passes:
            own = how in OWN
            looking = self._made_out(how, scene) if own else look(how, self._reader, scene)
            found |= yield from looking
            if not found.keys() <= known.keys():
                break
            yield
        return found

    def _made_out(self, how: Pass, scene: Scene) -> Steps[_Codes]:
        """The symbol that a reader of our own makes out."""
        if how not in self._readers:
            return {}
        drawing = yield from self._readers[how].read(scene.grey, scene.worth(how))
        if drawing is None:
            return {}
        found = finished(look(GLANCE, self._reader, Scene(drawing.picture)))
        return {
            name: replace(code, corners=drawing.corners, frames=drawing.frames)
            for name, code in found.items()
        }

    @cached_property
    def _readers(self) -> "dict[Pass, MatrixReader[Any]]":
        # Loaded with OpenCV.
        from gate.capture.aztec.reader import aztec_reader  # noqa: PLC0415
        from gate.capture.code128.reader import code128_reader  # noqa: PLC0415
        from gate.capture.datamatrix.reader import datamatrix_reader  # noqa: PLC0415
        from gate.capture.pdf417.reader import pdf417_reader  # noqa: PLC0415
        from gate.capture.qr.reader import qr_reader  # noqa: PLC0415

        own: dict[Pass, MatrixReader[Any]] = {
            QR: qr_reader(),
            AZTEC: aztec_reader(),
            PDF417: pdf417_reader(),
            CODE128: code128_reader(),
            DATA_MATRIX: datamatrix_reader(),
        }
        return {how: one for how, one in own.items() if how.symbologies <= self._symbologies}

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


def _without(codes: _Codes, grey: Frame) -> Scene:
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

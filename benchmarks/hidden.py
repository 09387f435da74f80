"""How many tickets are read that something hides: clutter, a dark page, or a missing margin.

The sets are drawn by ``scenes``. Each look sees the same scenes: the camera's loop for one second
of a trembling hand, every other one a single frame.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

from benchmarks import decoders, scenes
from benchmarks.scenes import Clutter, Faults, Page, Random, Scene
from gate.capture.regions import Frame

SECOND = 30
"""Frames of one scene that the camera's loop gets."""
Look = Callable[[Frame], decoders.Read]


@dataclass(frozen=True, slots=True)
class Set:
    """Scenes with one thing in the ticket's way."""

    name: str
    size: int
    least: float = 0.0
    """Share of them that both of our looks are to read."""
    kinds: Sequence[str] = scenes.KINDS
    page: Callable[[Frame, Random], Page] = scenes.light_page
    faults: Callable[[Random], Faults] = scenes.mixed
    clutter: Clutter | None = None
    is_chosen: bool = True
    """Only tickets that full effort reads without clutter, and a glance does not."""
    is_negative: bool = False
    """The frames are turned to their negative before anybody sees them."""

    def drawn(self, seed: str) -> Iterator[Scene]:
        """Its scenes, one after the other."""
        tickets = (
            number for number in count() if not self.is_chosen or self._is_hard(seed, number)
        )
        for number in islice(tickets, self.size):
            scene = self._scene(seed, number, self.clutter)
            yield Scene(~scene.frame, scene.text) if self.is_negative else scene

    def _is_hard(self, seed: str, number: int) -> bool:
        alone = self._scene(seed, number, None)
        return not _reads(decoders.zxing_fast, alone) and _reads(decoders.still, alone)

    def _scene(self, seed: str, number: int, clutter: Clutter | None) -> Scene:
        kind = self.kinds[number % len(self.kinds)]
        name = f"{seed}:{kind}:{self.page.__name__}:{number}".encode()
        rng = np.random.default_rng(list(hashlib.sha256(name).digest()))
        return scenes.scene(kind, self.page, self.faults(rng), rng, clutter)


def _dark(kind: str, least: float = 0.0, *, is_negative: bool = False) -> Set:
    name = f"{kind} on dark" + is_negative * ", the frame in negative"
    return Set(name, 21, least, (kind,), scenes.dark_page, is_chosen=False, is_negative=is_negative)


SETS = (
    Set("alone", 50, 49 / 50),
    Set("beside a poster's code", 50, 45 / 50, clutter=scenes.poster),
    Set("beside fine print", 30, 27 / 30, clutter=scenes.fine_print),
    Set("beside stripes", 30, 26 / 30, clutter=scenes.stripes),
    Set("beside checks", 30, 26 / 30, clutter=scenes.checks),
    _dark("PDF417", 12 / 21),
    _dark("PDF417", is_negative=True),
    *(_dark(kind) for kind in scenes.KINDS if kind != "PDF417"),
    Set("QRCode without margin on black", 24, 1.0, ("QRCode",), scenes.bare_page, scenes.slight,
        is_chosen=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Count:
    """What each look read of one set."""

    of: Set
    read: dict[str, int]
    wrong: frozenset[str]
    """Texts that we read and that are no ticket's."""
    tickets: frozenset[str]


def counted(one: Set, seed: str, peers: Sequence[str], most: int) -> Count:
    """Let everybody look at the scenes of a set, or at the first so many."""
    read = dict.fromkeys(("stream", "still", *peers), 0)
    wrong: set[str] = set()
    drawn = list(islice(one.drawn(seed), most))
    for number, scene in enumerate(drawn):
        for name in read:
            texts = set(_texts(name, scene, number))
            read[name] += scene.text in texts
            if name in ("stream", "still"):
                wrong |= texts - {scene.text, scenes.POSTER}
    return Count(one, read, frozenset(wrong), frozenset(scene.text for scene in drawn))


def is_read(name: str, scene: Scene, seed: int = 0) -> bool:
    """Whether one of the ways to look of ``decoders`` reads a scene; the stream by its second."""
    return scene.text in _texts(name, scene, seed)


def _texts(name: str, scene: Scene, seed: int) -> Iterator[str]:
    look: Look = getattr(decoders, name)
    frames: Iterator[Frame] = iter([scene.frame])
    if name == "stream":
        decoders.reset()
        rng = np.random.default_rng(seed)
        frames = (scenes.trembling(scene.frame, rng) for _n in range(SECOND))
    for frame in frames:
        texts = [text for text, _kind in look(frame)]
        yield from texts
        if scene.text in texts:
            return


def _reads(look: Look, scene: Scene) -> bool:
    return any(text == scene.text for text, _kind in look(scene.frame))

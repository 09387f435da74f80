"""QR symbols that zxing-cpp gives up: layout, correction, equaliser, frames, no inventions."""

import itertools
import random

import cv2
import numpy as np
import pytest
import segno
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from gate.capture.matrix.equaliser import likelihoods
from gate.capture.matrix.placed import Placed
from gate.capture.matrix.plane import Picture
from gate.capture.matrix.reader import FORGET_FRAMES, Drawing, MatrixReader
from gate.capture.qr.bend import Bent, bent
from gate.capture.qr.layout import GREATEST_VERSION, LEVELS, Layout, layout
from gate.capture.qr.masks import MASKS
from gate.capture.qr.message import FIELD, message
from gate.capture.qr.reader import qr_reader
from gate.capture.qr.search import placed
from gate.capture.regions import Frame, Region, evened, regions
from gate.capture.steps import finished
from tests.support.held_up import on_paper, smeared

TEXT = "TKT:K7QX-0001-MEI-LIN"


def modules(text: str, version: int, level: str = "m", mask: int | None = None) -> "np.ndarray":
    symbol = segno.make(
        text, version=version, error=level, mask=mask, micro=False, boost_error=False
    )
    return np.array([list(row) for row in symbol.matrix]) > 0


def held_up(text: str = TEXT, version: int = 3, px: float = 4.0, degrees: float = 12.0) -> Frame:
    """A frame with a symbol of ``px`` pixels a module on white paper, before a grey wall."""
    return on_paper(modules(text, version), 6, px, degrees)


def crumpled(amount: float, version: int = 4) -> Frame:
    """A frame of a symbol on paper whose waves move its modules by ``amount`` of them at most."""
    frame = held_up(version=version, degrees=4)
    px, wave = 4.0, 4.0 * 30
    y, x = np.indices(frame.shape, np.float32)
    across = x + amount * px * np.sin(2 * np.pi * (y / wave + 0.1))
    down = y + amount * px * np.sin(2 * np.pi * (x / wave + 0.35))
    return np.asarray(cv2.remap(frame, across, down, cv2.INTER_LINEAR), np.uint8)


def pushed(at: "np.ndarray", amount: float) -> "np.ndarray":
    """How far ``crumpled`` looks aside at places in pixels."""
    px, wave = 4.0, 4.0 * 30
    across = np.sin(2 * np.pi * ((at[:, 1] - 0.5) / wave + 0.1))
    down = np.sin(2 * np.pi * ((at[:, 0] - 0.5) / wave + 0.35))
    return amount * px * np.stack([across, down], 1)


def true_middles(version: int, degrees: float) -> "tuple[np.ndarray, np.ndarray]":
    """Middles of a symbol's modules, counted in modules, and where ``held_up`` has them."""
    size, px = 4 * version + 17, 4.0
    middles = np.stack(np.meshgrid(*[np.arange(size) + 0.5] * 2), -1).reshape(-1, 2)
    turn = np.asarray(cv2.getRotationMatrix2D((0, 0), degrees, px), np.float64)[:, :2]
    # OpenCV counts from the middle of the first pixel, of which eight are a module.
    return middles, (middles - size / 2 - 1 / 16) @ turn.T + (320.5, 240.5)


def off(
    at: Placed[Layout] | Bent, middles: "np.ndarray", true: "np.ndarray", percentile: float
) -> float:
    """How far from the truth middles are held to be, in modules."""
    return float(np.percentile(np.hypot(*(at.points(middles) - true).T) / 4.0, percentile))


def placed_in(frame: Frame) -> tuple[Placed[Layout], Picture]:
    """The symbol in the middle of a frame, and the picture that it was found in."""
    left, top, side = 200, 120, 240
    picture = evened(frame)
    found = finished(placed(picture[top : top + side, left : left + side]))
    assert found is not None
    return Placed(found.layout, found.corners + np.array([left, top]), found.fit), picture


def zxing(frame: Frame) -> list[str]:
    return [one.text for one in zxingcpp.read_barcodes(frame)]


def read(frame: Frame, reader: MatrixReader[Layout] | None = None) -> str:
    drawing = finished((reader or qr_reader()).read(frame, regions(frame)))
    return said(drawing)


def said(drawing: Drawing | None) -> str:
    return "" if drawing is None else zxing(drawing.picture)[0]


@pytest.mark.examples(5)
@pytest.mark.parametrize("version", range(1, GREATEST_VERSION + 1))
def test_every_version_is_laid_out_as_segno_draws_it(version: int) -> None:
    """Codewords taken from a symbol draw the same symbol, at all levels and masks."""
    of = layout(version)
    for level, mask in itertools.product(LEVELS, MASKS):
        symbol = modules("A1", version, level, mask)
        signs = np.where(symbol, 1, -1).astype(np.float32)
        found = message(signs * 9, of)
        assert found is not None
        assert (found.level, found.mask) == (level, mask)
        drawn = of.drawn(level, mask, found.codewords)
        # At most seven modules at the end belong to no codeword.
        left = np.setdiff1d(np.arange(of.size**2), of.data_at)
        assert (drawn.ravel()[of.data_at] == symbol.ravel()[of.data_at]).all()
        assert (drawn != symbol).ravel()[left].sum() <= 7
        assert (drawn != symbol).sum() <= 7


@given(st.integers(0, 2**32), st.sampled_from("lmqh"))
def test_errors_and_erasures_are_corrected_up_to_the_bound(seed: int, level: str) -> None:
    """Twice the errors and once the erasures may be as many as there are check codewords."""
    rng = random.Random(seed)
    of = layout(2)
    block = of.blocks[level][0]
    found = message(np.where(modules(f"{seed}"[:9], 2, level), 9, -9).astype(np.float32), of)
    assert found is not None
    words = [found.codewords[place] for place in block.places]
    erasures = rng.randint(0, block.checks)
    errors = (block.checks - erasures) // 2
    bad = rng.sample(range(len(words)), erasures + errors)
    broken = list(words)
    for index in bad:
        broken[index] ^= rng.randint(1, 255)
    assert FIELD.correct(broken, block.checks, bad[:erasures]) == (words, errors)


def test_beyond_the_bound_nothing_is_made_up() -> None:
    """Noise is not taken for a message, however its doubts are spread."""
    rng = np.random.default_rng(1)
    for version in (1, 2, 3, 5):
        of = layout(version)
        for _n in range(60):
            noise = rng.normal(0, 4, (of.size, of.size)).astype(np.float32)
            assert message(noise, of) is None


def test_a_smeared_symbol_is_read_that_zxing_cannot_read() -> None:
    """The equaliser learns the smear from the finder patterns and undoes it."""
    frame = smeared(held_up(), length=11, noise=4)
    assert zxing(frame) == []
    assert read(frame) == TEXT


def test_bent_paper_is_read_by_a_map_that_bends() -> None:
    """Waves of a module to either side, dark on light and light on dark."""
    frame = crumpled(1.0)
    assert zxing(frame) == []
    assert read(frame) == TEXT
    assert read(~frame) == TEXT


def test_without_the_map_bent_paper_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: the same frame with four corners alone."""
    monkeypatch.setattr("gate.capture.qr.reader.bent", lambda *_: None)
    assert read(crumpled(1.0)) == ""


@pytest.mark.long
def test_aligned_from_afar_modules_are_taken_for_their_neighbours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Mutation: a map that takes in all modules at once instead of ring after ring."""
    monkeypatch.setattr("gate.capture.qr.bend.RING", 99.0)
    assert read(crumpled(1.0)) == ""


def test_the_map_is_where_the_paper_is() -> None:
    """It finds the middles of modules to a third of one, where four corners are out by more."""
    middles, flat = true_middles(version=4, degrees=4)
    wavy = flat
    for _step in range(20):
        wavy = flat - pushed(wavy, 1.0)
    at, picture = placed_in(crumpled(1.0))
    paper = bent(picture, at)
    assert paper is not None
    assert off(paper, middles, wavy, 95) < 1 / 3 < off(at, middles, wavy, 50)


def test_flat_paper_stays_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map that is grown all the same is as right as the corners were."""
    middles, flat = true_middles(version=4, degrees=4)
    at, picture = placed_in(held_up(version=4, degrees=4))
    monkeypatch.setattr("gate.capture.qr.bend.LEAST_BEND", 0.0)
    paper = bent(picture, at)
    assert paper is not None
    assert off(paper, middles, flat, 95) < 1 / 3


def test_noise_under_the_finder_patterns_is_no_text() -> None:
    """A map can be bent so that noise has edges where a grid has them; nothing is read in it."""
    rng = np.random.default_rng(5)
    grown = 0
    for _n in range(12):
        light = np.where(np.pad(modules(TEXT, 3), 6), 30, 210).astype(np.uint8)
        light[15:33, 15:33] = rng.choice([30, 210], (18, 18))
        large = cv2.resize(light, None, fx=5, fy=5, interpolation=cv2.INTER_NEAREST)
        y, x = np.indices(large.shape, np.float32)
        frame = cv2.remap(large, x + 5 * np.sin(y / 22), y + 4 * np.sin(x / 25), cv2.INTER_LINEAR)
        picture = evened(np.asarray(frame, np.uint8))
        at = finished(placed(picture))
        assert at is not None
        paper = bent(picture, at)
        grown += paper is not None
        assert (
            paper is None
            or message(likelihoods(picture, at.layout.known, paper.points), at.layout) is None
        )
    assert grown


def test_light_on_dark_and_any_turn_are_read() -> None:
    """Dark mode, and a phone held any way round."""
    for degrees in (0, 33, 90, 135, 180, 260):
        frame = held_up(degrees=degrees)
        assert read(frame) == TEXT, degrees
        assert read(~frame) == TEXT, degrees


def test_corners_are_those_of_the_frame() -> None:
    """Where the symbol is, from its own top left on, clockwise."""
    drawing = finished(qr_reader().read(held_up(degrees=0), regions(held_up(degrees=0))))
    assert drawing is not None
    half = 29 * 4 / 2
    corners = [(320 - half, 240 - half), (320 + half, 240 - half), (320 + half, 240 + half)]
    for at, true in zip(drawing.corners, corners, strict=False):
        assert np.hypot(at[0] - true[0], at[1] - true[1]) < 3


def noisy_frames(count: int, text: str = TEXT, noise: float = 75) -> list[Frame]:
    """The same symbol in frames of which each alone is too noisy."""
    return [
        smeared(held_up(text, px=2.4, degrees=10 + n), length=3, noise=noise, seed=n)
        for n in range(count)
    ]


def first_read(frames: list[Frame], reader: MatrixReader[Layout]) -> tuple[int, str]:
    for number, frame in enumerate(frames):
        if text := read(frame, reader):
            return number, text
    return -1, ""


def test_several_frames_say_what_none_of_them_says() -> None:
    """Likelihoods of modules add up over frames in which the symbol is turned differently."""
    frames = noisy_frames(14)
    assert not any(read(frame) for frame in frames)
    reader = qr_reader()
    number, text = first_read(frames, reader)
    assert text == TEXT
    assert number > 0
    # Made out once, it begins anew.
    assert reader._sum is None
    again, text = first_read(frames[number + 1 :], reader)
    assert (text, again > 0) == (TEXT, True)


def test_another_place_is_another_symbol() -> None:
    """Frames are added up only while the symbol stays about where it is."""
    reader = qr_reader()
    first, second = noisy_frames(2)
    read(first, reader)
    read(np.roll(second, 120, axis=1), reader)
    assert reader._sum is not None
    assert reader._sum.frames == 1
    read(np.roll(noisy_frames(3)[2], 120, axis=1), reader)
    assert reader._sum is None or reader._sum.frames == 2


def test_two_tickets_are_never_added_up() -> None:
    """After another ticket of the same version has come, the first one's frames count no more."""
    reader = qr_reader()
    for frame in noisy_frames(2):
        assert read(frame, reader) == ""
    assert reader._sum is not None
    before = reader._sum.ratios
    read(noisy_frames(1, "TKT:OTHER-9999-J-WEBER")[0], reader)
    assert reader._sum is not None
    assert reader._sum.ratios is not before
    assert np.abs(reader._sum.ratios).max() <= 12.0
    # Nor does what was seen a while ago.
    reader._frame += FORGET_FRAMES
    read(noisy_frames(1)[0], reader)
    assert np.abs(reader._sum.ratios).max() <= 12.0


def test_a_symbol_in_sight_is_told_with_its_size() -> None:
    """What cannot be made out can at least be measured."""
    reader = qr_reader()
    frame = noisy_frames(1)[0]
    assert read(frame, reader) == ""
    assert reader.sighted is not None
    assert reader.sighted.module_px == pytest.approx(2.4, rel=0.1)
    place = reader.sighted.region
    assert abs(place.left + place.width / 2 - 320) < 8


def test_nothing_is_found_where_nothing_is() -> None:
    """Neither noise nor stripes nor an empty region raise or say anything."""
    rng = np.random.default_rng(3)
    for frame in (
        rng.integers(0, 255, (240, 320)).astype(np.uint8),
        np.tile(np.repeat(np.array([0, 255], np.uint8), 7), (200, 20)),
        np.zeros((64, 64), np.uint8),
    ):
        whole = Region(0, 0, frame.shape[1], frame.shape[0], 9.0)
        assert finished(qr_reader().read(frame, [whole, *regions(frame)])) is None


def test_the_densest_region_is_the_code() -> None:
    """A code before a wall is found where it is; a wall alone has no region."""
    (region, *_rest) = regions(held_up(degrees=0))
    half = 29 * 4 / 2
    assert abs(region.left - (320 - half)) < 24
    assert abs(region.left + region.width - (320 + half)) < 24
    assert regions(np.full((480, 640), 90, np.uint8)) == []
    assert regions(np.zeros((9, 9), np.uint8)) == []

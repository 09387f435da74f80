"""PDF417 symbols that zxing-cpp gives up: patterns, layout, correction, place, no inventions."""

import random

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gate.capture.decode import Decoder
from gate.capture.matrix.reader import Drawing
from gate.capture.pdf417 import layout as layout_module
from gate.capture.pdf417.layout import FIELD, LEVELS, ROW_PX, Kind, Layout, layout
from gate.capture.pdf417.patterns import CLUSTERS, MODULES, WORDS
from gate.capture.pdf417.reader import made_out, pdf417_reader
from gate.capture.regions import Frame, Region, regions
from gate.capture.steps import finished
from tests.support.held_up import on_paper, smeared, tilted

TEXT = "M1DOE/JOHN            EABC123 YULFRAAC 0834 326J001A0025 100"
SIZES = [(2, 1, 2), (60, 4, 2), (300, 9, 3), (500, 14, 6), (90, 2, 4)]
"""Letters, columns and level of symbols."""


def modules(text: str | bytes, columns: int = 4, level: int = 2) -> NDArray[np.bool_]:
    """A symbol as zxing-cpp draws it, a row each row."""
    barcode = zxingcpp.create_barcode(
        text, zxingcpp.BarcodeFormat.PDF417, columns=columns, ec_level=str(level)
    )
    drawn = np.asarray(barcode.to_image(scale=1, add_quiet_zones=False)) < 128
    return np.asarray(drawn[::ROW_PX])


def layout_of(symbol: NDArray[np.bool_]) -> Layout:
    """The only layout whose known modules are those of the symbol."""
    signs = np.where(symbol, 1, -1)
    rows, columns = len(symbol), symbol.shape[1] // MODULES - 4
    kinds = [kind for level in LEVELS if (kind := Kind(rows, columns, level)).is_possible]
    (of,) = [
        one
        for one in map(layout, kinds)
        if one.known.shape == symbol.shape and (signs == one.known)[one.known != 0].all()
    ]
    return of


def words_of(symbol: NDArray[np.bool_], of: Layout) -> list[int]:
    """What its codewords say, by the table of patterns alone."""
    signs = np.where(symbol, 1.0, -1.0).ravel()[of.data_at]
    row = np.arange(len(signs)) // of.kind.columns
    likeness = np.einsum("wm,wcm->wc", signs, CLUSTERS[row % 3])
    assert (likeness.max(1) == MODULES).all()
    return [int(word) for word in likeness.argmax(1)]


def held_up(text: str = TEXT, px: float = 3.0, degrees: float = 12.0) -> Frame:
    """A frame with a symbol of ``px`` pixels a module on white paper, before a grey wall."""
    return on_paper(np.repeat(modules(text), ROW_PX, 0), 3, px, degrees)


def drawing_of(frame: Frame) -> Drawing | None:
    return finished(pdf417_reader().read(frame, regions(frame)))


def read(frame: Frame) -> list[str]:
    drawing = drawing_of(frame)
    return [] if drawing is None else [one.text for one in zxingcpp.read_barcodes(drawing.picture)]


@pytest.mark.parametrize(("letters", "columns", "level"), SIZES)
def test_every_layout_is_as_zxing_draws_it(letters: int, columns: int, level: int) -> None:
    """Start, stop and row indicators are where they should be, and the codewords are a block."""
    symbol = modules(("Ab1-" * letters)[:letters], columns, level)
    of = layout_of(symbol)
    assert (of.kind.columns, of.kind.level) == (columns, level)
    words = words_of(symbol, of)
    assert FIELD.correct(words, of.kind.checks) == (words, 0)
    assert words[0] == of.kind.words
    drawn = made_out(np.where(symbol, 9, -9).astype(np.float32), of)
    assert drawn is not None
    assert (drawn == np.repeat(symbol, ROW_PX, 0)).all()


def test_every_pattern_is_the_one_that_zxing_draws() -> None:
    """In symbols that show all 929 codewords of each cluster every codeword is where it belongs."""
    rng = np.random.default_rng(1)
    seen: set[tuple[int, int]] = set()
    for _n in range(150):
        symbol = modules(rng.integers(128, 256, 360).astype(np.uint8).tobytes(), 16, 7)
        of = layout_of(symbol)
        words = words_of(symbol, of)
        assert FIELD.correct(words, of.kind.checks) == (words, 0)
        seen |= {(at // of.kind.columns % 3, word) for at, word in enumerate(words)}
        if len(seen) == 3 * WORDS:
            return
    pytest.fail(f"only {len(seen)} patterns were drawn")


@pytest.mark.long
def test_a_pattern_in_the_wrong_place_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two codewords that change places are no block any more."""
    wrong = CLUSTERS.copy()
    wrong[1, [400, 401]] = wrong[1, [401, 400]]
    monkeypatch.setattr(f"{__name__}.CLUSTERS", wrong)
    with pytest.raises(AssertionError):
        test_every_pattern_is_the_one_that_zxing_draws()


@pytest.mark.long
def test_indicators_that_change_sides_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The left indicators are not those of the right."""
    layout.cache_clear()
    real = layout_module.indicators
    monkeypatch.setattr(layout_module, "indicators", lambda kind: real(kind)[::-1])
    with pytest.raises(ValueError, match="unpack"):
        test_every_layout_is_as_zxing_draws_it(60, 4, 2)
    layout.cache_clear()


@given(st.integers(0, 2**32))
def test_errors_and_erasures_are_corrected_up_to_the_bound(seed: int) -> None:
    """Twice the errors and once the erasures may be as many as there are check codewords."""
    rng = random.Random(seed)
    checks = 2 << rng.randint(0, 4)
    data = [rng.randrange(WORDS) for _ in range(rng.randint(checks, 60))]
    words = [*data, *FIELD.checks_of(data, checks)]
    erasures = rng.randint(0, checks)
    errors = (checks - erasures) // 2
    bad = rng.sample(range(len(words)), erasures + errors)
    broken = list(words)
    for index in bad:
        broken[index] = (broken[index] + rng.randrange(1, WORDS)) % WORDS
    assert FIELD.correct(broken, checks, bad[:erasures]) == (words, errors)


def test_beyond_the_bound_nothing_is_made_up() -> None:
    """Noise is not taken for a message, however its doubts are spread and small the symbol is."""
    rng = np.random.default_rng(1)
    for letters, columns, level in SIZES:
        of = layout_of(modules("A" * letters, columns, level))
        for _n in range(15):
            noise = rng.normal(0, 4, of.known.shape).astype(np.float32)
            assert made_out(noise, of) is None


def test_damage_to_the_bound_is_mended_and_beyond_it_is_not_guessed() -> None:
    """Codewords that say nothing are erased; three check codewords are left to tell the truth."""
    symbol = modules(TEXT)
    of = layout_of(symbol)
    rng = np.random.default_rng(2)
    for hidden, is_read in ((of.kind.checks - 3, True), (of.kind.checks + 1, False)):
        signs = np.where(symbol, 9, -9).astype(np.float32).ravel()
        gone = rng.choice(np.arange(1, len(of.data_at)), hidden, replace=False)
        signs[of.data_at[gone]] = rng.normal(0, 0.1, (hidden, MODULES))
        drawn = made_out(signs.reshape(symbol.shape), of)
        assert (drawn is not None) == is_read
        assert drawn is None or (drawn == np.repeat(symbol, ROW_PX, 0)).all()


def test_a_smeared_symbol_is_read_that_zxing_cannot_read() -> None:
    """The equaliser learns the smear from start, stop and row indicators and undoes it."""
    frame = smeared(held_up(degrees=4), length=7, noise=4)
    assert zxingcpp.read_barcodes(frame) == []
    assert read(frame) == [TEXT]
    assert {code.text for code in Decoder(["PDF417"]).read_fully(frame)} == {TEXT}


@pytest.mark.long
def test_an_equaliser_that_learns_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the middle of each module shows does not do for a smeared symbol."""
    monkeypatch.setattr("gate.capture.matrix.equaliser.STIFFNESS", 1e6)
    assert read(smeared(held_up(degrees=4), length=7, noise=4)) == []


def test_light_on_dark_and_any_turn_are_read() -> None:
    """Dark mode, and a paper held any way round."""
    for degrees in (0, 33, 90, 135, 180, 260):
        frame = held_up(degrees=degrees)
        assert read(frame) == [TEXT], degrees
        assert read(~frame) == [TEXT], degrees


def test_a_tilted_symbol_is_read() -> None:
    """Start and stop each have a height of their own."""
    frame = tilted(held_up(px=4.0, degrees=0), [(30, 40), (620, 0), (620, 480), (30, 440)])
    assert read(frame) == [TEXT]


def test_a_thumb_over_a_corner_does_not_matter() -> None:
    """The side that is whole tells how high the hidden one is."""
    frame = held_up(px=4.0, degrees=0)
    right, top = 320 + 2 * 137, 240 - 2 * 33
    cv2.circle(frame, (right + 20, top), 50, (150,), cv2.FILLED)
    assert read(frame) == [TEXT]


def test_corners_are_those_of_the_frame() -> None:
    """Where the symbol is, from its own top left on, clockwise."""
    drawing = drawing_of(held_up(degrees=180))
    assert drawing is not None
    wide, high = 3 * 137 / 2, 3 * 33 / 2
    corners = [(320 + wide, 240 + high), (320 - wide, 240 + high), (320 - wide, 240 - high)]
    for at, true in zip(drawing.corners, corners, strict=False):
        assert np.hypot(at[0] - true[0], at[1] - true[1]) < 3


def test_frames_of_an_approach_add_up() -> None:
    """What each of several frames leaves open, they tell together."""
    frames = [
        smeared(held_up(px=2.0, degrees=3), length=3, noise=70, seed=seed) for seed in range(4)
    ]
    alone = [drawing_of(frame) for frame in frames]
    reader = pdf417_reader()
    drawings = [finished(reader.read(frame, regions(frame))) for frame in frames]
    assert not any(alone)
    (first, *_others) = [drawing for drawing in drawings if drawing is not None]
    assert first.frames > 1
    assert [one.text for one in zxingcpp.read_barcodes(first.picture)] == [TEXT]


def test_nothing_is_found_where_nothing_is() -> None:
    """Neither noise nor stripes nor a symbol with strange codewords raise or say anything."""
    rng = np.random.default_rng(3)
    strange = modules(TEXT)
    strange[:, 2 * MODULES : -2 * MODULES - 1] = rng.random((len(strange), 4 * MODULES)) < 0.5
    for frame in (
        *(rng.integers(0, 255, (240, 320)).astype(np.uint8) for _n in range(8)),
        np.tile(np.repeat(np.array([0, 255], np.uint8), 7), (200, 20)),
        np.zeros((64, 64), np.uint8),
        # Start and stop without end: a roll of them.
        np.repeat(np.where(modules(TEXT)[:1], 30, 220).astype(np.uint8).repeat(2, 1), 900, 0),
        on_paper(np.repeat(strange, ROW_PX, 0), 3, 3.0, 12.0),
    ):
        whole = Region(0, 0, frame.shape[1], frame.shape[0], 9.0)
        assert finished(pdf417_reader().read(frame, [whole, *regions(frame)])) is None

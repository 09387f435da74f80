"""Data Matrix symbols that zxing-cpp gives up: layout, correction, place, no inventions."""

import random

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gate.capture.datamatrix import layout as layout_module
from gate.capture.datamatrix.layout import FIELD, SIZES, Layout, Size, layout
from gate.capture.datamatrix.reader import datamatrix_reader, made_out
from gate.capture.datamatrix.search import placed
from gate.capture.decode import Decoder
from gate.capture.matrix.reader import Drawing
from gate.capture.regions import Frame, Region, evened, regions
from gate.capture.steps import finished
from tests.support.held_up import on_paper, smeared, tilted

TEXT = "TKT-4H7Q2M9XKD"
PAD = 129


def words_of(data: list[int], size: Size) -> list[int]:
    """Codewords of data and those that check them, block by block, as they are dealt out."""
    words = [*data, *[0] * size.checks]
    for at in range(size.blocks):
        block = data[at :: size.blocks]
        words[size.words + at :: size.blocks] = FIELD.checks_of(block, size.checks // size.blocks)
    return words


def modules(text: str, size: Size) -> NDArray[np.bool_]:
    """A symbol of any size: letters as codewords of their own, then a pad and more like it."""
    data = [ord(letter) + 1 for letter in text]
    assert len(data) <= size.words
    for at in range(len(data), size.words):
        # The first pad says that no more comes; the others are spread by the 253-state algorithm.
        spread = PAD + 149 * (at + 1) % 253 + 1
        data.append(PAD if at == len(text) else spread - 254 * (spread > 254))
    return layout(size).drawn(np.array(words_of(data, size)))


def text_of(size: Size) -> str:
    """A text that a symbol of this size just holds, or nearly."""
    return (TEXT * 20)[: max(3, size.words - 2)]


def by_zxing(text: str) -> NDArray[np.bool_]:
    barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.DataMatrix)
    return np.asarray(barcode.to_image(scale=1, add_quiet_zones=False)) < 128


def held_up(text: str = TEXT, px: float = 4.0, degrees: float = 12.0) -> Frame:
    """A frame with a symbol of ``px`` pixels a module on white paper, before a grey wall."""
    return on_paper(by_zxing(text), 2, px, degrees)


def drawing_of(frame: Frame) -> Drawing | None:
    return finished(datamatrix_reader().read(frame, regions(frame)))


def read(frame: Frame) -> list[str]:
    drawing = drawing_of(frame)
    return [] if drawing is None else [one.text for one in zxingcpp.read_barcodes(drawing.picture)]


def named(size: Size) -> str:
    return f"{size.rows}x{size.columns}"


@pytest.mark.parametrize("size", SIZES, ids=named)
def test_zxing_reads_every_layout(size: Size) -> None:
    """A symbol drawn by a layout is one that zxing-cpp reads without an error."""
    light = np.where(np.pad(modules(text_of(size), size), 2), 0, 255).astype(np.uint8)
    (found,) = zxingcpp.read_barcodes(np.kron(light, np.ones((4, 4), np.uint8)))
    assert found.format is zxingcpp.BarcodeFormat.DataMatrix
    assert found.text == text_of(size)


@pytest.mark.parametrize("length", [3, 9, 13, 19, 31, 45, 57, 145, 175])
def test_symbols_of_zxing_are_made_out_as_they_are(length: int) -> None:
    """Codewords that are taken from a drawing are blocks, and draw the same symbol."""
    symbol = by_zxing(("Ab1-" * length)[:length])
    (of,) = (layout(size) for size in SIZES if (size.rows, size.columns) == symbol.shape)
    drawn = made_out(np.where(symbol, 9, -9).astype(np.float32), of)
    assert drawn is not None
    assert (drawn == symbol).all()


@pytest.mark.long
def test_a_corner_that_is_cut_otherwise_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codewords that are taken from the wrong modules are no block that zxing-cpp knows."""
    layout.cache_clear()
    monkeypatch.setattr(layout_module, "_WHOLE", layout_module._WHOLE[::-1])
    with pytest.raises((AssertionError, ValueError)):
        test_zxing_reads_every_layout(SIZES[5])
    layout.cache_clear()


@given(st.integers(0, 2**32), st.sampled_from(SIZES))
def test_damage_is_mended_up_to_the_limit(seed: int, size: Size) -> None:
    """Wrong codewords are put right as long as three check codewords are left in each block."""
    rng = random.Random(seed)
    of = layout(size)
    words = words_of([rng.randrange(256) for _ in range(size.words)], size)
    whole = of.drawn(np.array(words))
    broken = list(words)
    for start in range(size.blocks):
        places = range(start, len(words), size.blocks)
        for at in rng.sample(places, (size.checks // size.blocks - 3) // 2):
            broken[at] ^= rng.randrange(1, 256)
    drawn = made_out(np.where(of.drawn(np.array(broken)), 9, -9).astype(np.float32), of)
    assert drawn is not None
    assert (drawn == whole).all()


def test_beyond_the_bound_nothing_is_made_up() -> None:
    """Noise is not taken for a message, however its doubts are spread and small the symbol is."""
    rng = np.random.default_rng(1)
    for size in SIZES[::2]:
        of = layout(size)
        for _n in range(30):
            noise = rng.normal(0, 4, of.known.shape).astype(np.float32)
            assert made_out(noise, of) is None


@pytest.mark.parametrize("size", SIZES, ids=named)
def test_every_size_is_placed_and_read(size: Size) -> None:
    """Its timing patterns tell which one it is."""
    px = min(5.0, 330 / size.columns)
    assert read(on_paper(modules(text_of(size), size), 2, px, 8)) == [text_of(size)]


def test_a_smeared_symbol_is_read_that_zxing_cannot_read() -> None:
    """The equaliser learns the smear from sides and margin and undoes it."""
    frame = smeared(held_up(px=4.0), length=7, noise=4)
    assert zxingcpp.read_barcodes(frame) == []
    assert read(frame) == [TEXT]
    assert {code.text for code in Decoder(["DataMatrix"]).read_fully(frame)} == {TEXT}


@pytest.mark.long
def test_an_equaliser_that_learns_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the middle of each module shows does not do for a smeared symbol."""
    monkeypatch.setattr("gate.capture.matrix.equaliser.STIFFNESS", 1e6)
    assert read(smeared(held_up(px=4.0), length=7, noise=4)) == []


@pytest.mark.examples(1)
@pytest.mark.parametrize("text", [TEXT, "TICKET-1", "A" * 90], ids=["square", "small", "regions"])
def test_light_on_dark_and_any_turn_are_read(text: str) -> None:
    """Dark mode, and a phone held any way round."""
    for degrees in (0, 33, 90, 135, 180, 260):
        frame = held_up(text, degrees=degrees)
        assert read(frame) == [text], degrees
        assert read(~frame) == [text], degrees


def test_a_tilted_symbol_is_read() -> None:
    """Where timing patterns meet is the fourth corner, wherever perspective puts it."""
    frame = tilted(held_up(px=5.0), [(60, 0), (640, 60), (590, 400), (0, 480)])
    assert read(frame) == [TEXT]


def test_corners_are_those_of_the_frame() -> None:
    """Where the symbol is, from its own top left on, clockwise."""
    drawing = drawing_of(held_up(degrees=0))
    assert drawing is not None
    high, wide = (side * 4 / 2 for side in by_zxing(TEXT).shape)
    corners = [(320 - wide, 240 - high), (320 + wide, 240 - high), (320 + wide, 240 + high)]
    for at, true in zip(drawing.corners, corners, strict=False):
        assert np.hypot(at[0] - true[0], at[1] - true[1]) < 3


def test_nothing_is_found_where_nothing_is() -> None:
    """Neither noise nor stripes, nor two sides without a symbol, raise or say anything."""
    rng = np.random.default_rng(3)
    sides = np.full((240, 320), 200, np.uint8)
    cv2.line(sides, (100, 60), (100, 180), (30,), 6)
    cv2.line(sides, (100, 180), (220, 180), (30,), 6)
    checks = np.kron(np.indices((20, 30)).sum(0) % 2 * 255, np.ones((8, 8))).astype(np.uint8)
    for frame in (
        *(rng.integers(0, 255, (240, 320)).astype(np.uint8) for _n in range(8)),
        np.tile(np.repeat(np.array([0, 255], np.uint8), 7), (200, 20)),
        np.zeros((64, 64), np.uint8),
        sides,
        checks,
    ):
        whole = Region(0, 0, frame.shape[1], frame.shape[0], 9.0)
        assert finished(datamatrix_reader().read(frame, [whole, *regions(frame)])) is None


def test_an_empty_symbol_says_nothing() -> None:
    """Sides around nothing but light are a block without an error, and no message."""
    for size in SIZES:
        of = layout(size)
        assert made_out(np.where(of.known > 0, 9, -9).astype(np.float32), of) is None


@pytest.mark.parametrize("kind", ["QRCode", "AztecCode", "PDF417", "Code128", "MicroQRCode"])
def test_other_symbols_are_none(kind: str) -> None:
    """What has other patterns is neither read nor said to be in sight."""
    barcode = zxingcpp.create_barcode("TICKET-1", getattr(zxingcpp.BarcodeFormat, kind))
    symbol = np.asarray(barcode.to_image(scale=1, add_quiet_zones=False)) < 128
    for degrees in (0, 20, 130):
        reader = datamatrix_reader()
        frame = on_paper(symbol, 4, 3.0, degrees)
        assert finished(reader.read(frame, regions(frame))) is None
        assert reader.sighted is None


def test_a_page_is_not_placed() -> None:
    """Two long sides with light beside them are no symbol where nothing is dashed."""
    page = np.full((480, 640), 90, np.uint8)
    page[150:330, 200:440] = 220
    page[160:320, 210:430] = 30
    assert finished(placed(evened(page[130:350, 180:460]))) is None


@pytest.mark.long
def test_timing_patterns_that_are_not_asked_for_are_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By solid sides and margin alone a page would be a symbol."""
    monkeypatch.setattr("gate.capture.datamatrix.search.ROUGH_TIMING", -1.0)
    monkeypatch.setattr("gate.capture.datamatrix.search.LEAST_TIMING", -1.0)
    with pytest.raises(AssertionError):
        test_a_page_is_not_placed()


def test_a_layout_has_all_codewords() -> None:
    """No module is in two codewords, nor known; none is left over."""

    def counted(of: Layout) -> NDArray[np.intp]:
        return np.bincount(
            np.concatenate([of.data_at.ravel(), np.flatnonzero(of.known)]), minlength=of.known.size
        )

    for size in SIZES:
        of = layout(size)
        assert of.data_at.shape == (size.words + size.checks, 8)
        assert (counted(of) == 1).all()

"""Aztec symbols that zxing-cpp gives up: layout, correction, place, no inventions."""

import random

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gate.capture.aztec import layout as layout_module
from gate.capture.aztec.layout import Layout, core, field, layout
from gate.capture.aztec.reader import aztec_reader, made_out
from gate.capture.decode import Decoder
from gate.capture.matrix.correction import Field
from gate.capture.matrix.reader import Drawing
from gate.capture.regions import Frame, Region, regions
from gate.capture.steps import finished
from tests.support.held_up import on_paper, smeared, tilted

TEXT = "M1DOE/JOHN            EABC123 YULFRAAC 0834 326J001A0025 100"
LENGTHS = (3, 9, 15, 30, 60, 90, 150, 220, 260)
"""Letters of texts: compact symbols and full ones, with and without lines of the grid."""


def modules(text: str) -> NDArray[np.bool_]:
    barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.AztecCode)
    return np.asarray(barcode.to_image(scale=1, add_quiet_zones=False)) < 128


def layout_of(symbol: NDArray[np.bool_]) -> Layout:
    """The layout that the middle of a symbol tells."""
    signs = np.where(symbol, 1, -1)
    for is_compact in (True, False):
        of = core(is_compact=is_compact)
        start = (len(symbol) - len(of.known)) // 2
        middle = signs[start : len(symbol) - start, start : len(symbol) - start]
        shown = middle.ravel()[of.mode_at]
        if (middle == of.known)[of.known != 0].all() and (of.shown == shown).all(1).any():
            return layout(of.modes[int((of.shown @ shown).argmax())])
    raise AssertionError("no layout has such a middle")


def held_up(text: str = TEXT, px: float = 4.0, degrees: float = 12.0) -> Frame:
    """A frame with a symbol of ``px`` pixels a module on white paper, before a grey wall."""
    return on_paper(modules(text), 3, px, degrees)


def drawing_of(frame: Frame) -> Drawing | None:
    return finished(aztec_reader().read(frame, regions(frame)))


def read(frame: Frame) -> list[str]:
    drawing = drawing_of(frame)
    return [] if drawing is None else [one.text for one in zxingcpp.read_barcodes(drawing.picture)]


@pytest.mark.parametrize("length", LENGTHS)
def test_every_layout_is_as_zxing_draws_it(length: int) -> None:
    """Codewords taken from a symbol are a block without an error, and draw the same symbol."""
    symbol = modules(("Ab1-" * length)[:length])
    of = layout_of(symbol)
    assert of.size == len(symbol)
    signs = np.where(symbol, 9, -9).astype(np.float32)
    drawn = made_out(signs, of)
    assert drawn is not None
    # At most so many modules at the beginning belong to no codeword.
    assert (drawn != symbol).sum() == 0
    words = [int("".join("01"[bit] for bit in word), 2) for word in symbol.ravel()[of.data_at] * 1]
    assert of.field.correct(words, len(words) - of.mode.words) == (words, 0)


@pytest.mark.long
def test_a_layout_that_runs_the_other_way_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codewords that are taken from the wrong modules are no block."""
    layout.cache_clear()
    real = layout_module._data_at
    monkeypatch.setattr(
        layout_module,
        "_data_at",
        lambda layers, *, is_compact: real(layers, is_compact=is_compact)[:, ::-1],
    )
    with pytest.raises(AssertionError):
        test_every_layout_is_as_zxing_draws_it(60)
    layout.cache_clear()


@given(st.integers(0, 2**32), st.sampled_from([4, 6, 8, 10]))
def test_errors_and_erasures_are_corrected_up_to_the_bound(seed: int, bits: int) -> None:
    """In every field twice the errors and once the erasures may be as many as check codewords."""
    rng = random.Random(seed)
    of: Field = field(bits)
    checks = rng.randint(4, 8)
    data = [rng.randrange(1 << bits) for _ in range(rng.randint(1, 15 - checks))]
    words = [*data, *of.checks_of(data, checks)]
    erasures = rng.randint(0, min(checks, len(words)))
    errors = min((checks - erasures) // 2, len(words) - erasures)
    bad = rng.sample(range(len(words)), erasures + errors)
    broken = list(words)
    for index in bad:
        broken[index] ^= rng.randrange(1, 1 << bits)
    assert of.correct(broken, checks, bad[:erasures]) == (words, errors)


def test_beyond_the_bound_nothing_is_made_up() -> None:
    """Noise is not taken for a message, however its doubts are spread and small the symbol is."""
    rng = np.random.default_rng(1)
    for length in (3, 9, 30, 60, 90):
        of = layout_of(modules("A" * length))
        for _n in range(60):
            noise = rng.normal(0, 4, (of.size, of.size)).astype(np.float32)
            assert made_out(noise, of) is None


def test_a_smeared_symbol_is_read_that_zxing_cannot_read() -> None:
    """The equaliser learns the smear from bull's eye and mode message and undoes it."""
    frame = smeared(held_up(px=3.0), length=7, noise=4)
    assert zxingcpp.read_barcodes(frame) == []
    assert read(frame) == [TEXT]
    assert {code.text for code in Decoder(["Aztec"]).read_fully(frame)} == {TEXT}


@pytest.mark.long
def test_an_equaliser_that_learns_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the middle of each module shows does not do for a smeared symbol."""
    monkeypatch.setattr("gate.capture.matrix.equaliser.STIFFNESS", 1e6)
    assert read(smeared(held_up(px=3.0), length=7, noise=4)) == []


@pytest.mark.examples(1)
@pytest.mark.parametrize("text", [TEXT, "TICKET-1", "A" * 130], ids=["compact", "small", "full"])
def test_light_on_dark_and_any_turn_are_read(text: str) -> None:
    """Dark mode, and a phone held any way round."""
    for degrees in (0, 33, 90, 135, 180, 260):
        frame = held_up(text, degrees=degrees)
        assert read(frame) == [text], degrees
        assert read(~frame) == [text], degrees


def test_a_tilted_symbol_is_read() -> None:
    """The map is carried on from the bull's eye with the perspective that the rings show."""
    frame = tilted(held_up(px=5.0), [(60, 0), (640, 60), (590, 400), (0, 480)])
    assert read(frame) == [TEXT]


def test_corners_are_those_of_the_frame() -> None:
    """Where the symbol is, from its own top left on, clockwise."""
    drawing = drawing_of(held_up(degrees=0))
    assert drawing is not None
    half = len(modules(TEXT)) * 4 / 2
    corners = [(320 - half, 240 - half), (320 + half, 240 - half), (320 + half, 240 + half)]
    for at, true in zip(drawing.corners, corners, strict=False):
        assert np.hypot(at[0] - true[0], at[1] - true[1]) < 3


def test_nothing_is_found_where_nothing_is() -> None:
    """Neither noise nor stripes nor rings without a symbol raise or say anything."""
    rng = np.random.default_rng(3)
    eye = np.full((240, 320), 200, np.uint8)
    for radius in (50, 38, 26, 14, 5):
        cv2.rectangle(eye, (160 - radius, 120 - radius), (160 + radius, 120 + radius), (30,), 6)
    for frame in (
        *(rng.integers(0, 255, (240, 320)).astype(np.uint8) for _n in range(8)),
        np.tile(np.repeat(np.array([0, 255], np.uint8), 7), (200, 20)),
        np.zeros((64, 64), np.uint8),
        eye,
    ):
        whole = Region(0, 0, frame.shape[1], frame.shape[0], 9.0)
        assert finished(aztec_reader().read(frame, [whole, *regions(frame)])) is None

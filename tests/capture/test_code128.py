"""Code 128 symbols that zxing-cpp gives up: patterns, the check, place, no inventions."""

import itertools

import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gate.capture.code128 import reader as reader_module
from gate.capture.code128.characters import likeliest, weights
from gate.capture.code128.layout import Layout, layout
from gate.capture.code128.patterns import MODULES, PATTERNS, STARTS, STOP, VALUES
from gate.capture.code128.reader import code128_reader, made_out
from gate.capture.decode import Decoder
from gate.capture.matrix.reader import Drawing
from gate.capture.regions import Frame, Region, regions
from gate.capture.steps import finished
from tests.support.held_up import on_paper, smeared, tilted

TEXT = "TKT-7H4Q9"
SHORTER = "AB12CD"
HIGH = 60
"""Modules of a bar."""


def row_of(text: str) -> NDArray[np.bool_]:
    """The modules of a symbol as zxing-cpp draws them."""
    barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128)
    drawn = np.asarray(barcode.to_image(scale=1, add_quiet_zones=False))
    return np.asarray(drawn[0] < 128)


def values_of(row: NDArray[np.bool_]) -> list[int]:
    """Its characters from the start on, by the table of patterns alone."""
    assert (row[-len(STOP) :] == (STOP > 0)).all()
    signs = np.where(row[: -len(STOP)], 1, -1).reshape(-1, MODULES)
    likeness = signs @ PATTERNS.T
    assert (likeness.max(1) == MODULES).all()
    return [int(value) for value in likeness.argmax(1)]


def check_of(values: list[int]) -> int:
    """What the last character has to be, after the start and these."""
    return sum(max(1, at) * value for at, value in enumerate(values)) % VALUES


def row_with(values: list[int]) -> NDArray[np.bool_]:
    """The modules of any characters, from the start on."""
    return np.concatenate([*PATTERNS[values], STOP]) > 0


def layout_of(values: list[int]) -> Layout:
    return layout(values[0], len(values) - 1)


def on_a_slip(row: NDArray[np.bool_], px: float = 3.0, degrees: float = 12.0) -> Frame:
    """A frame with a symbol of ``px`` pixels a module on white paper, before a grey wall."""
    return on_paper(np.repeat(row[None], HIGH, 0), 10, px, degrees)


def held_up(text: str = TEXT, px: float = 3.0, degrees: float = 12.0) -> Frame:
    return on_a_slip(row_of(text), px, degrees)


def drawing_of(frame: Frame) -> Drawing | None:
    return finished(code128_reader().read(frame, regions(frame)))


def read(frame: Frame) -> list[str]:
    drawing = drawing_of(frame)
    return [] if drawing is None else [one.text for one in zxingcpp.read_barcodes(drawing.picture)]


def test_every_pattern_is_the_one_that_zxing_draws() -> None:
    """Symbols of all three code sets show all values but FNC1 in their places, and their check."""
    texts = [
        *("".join(f"{pair:02}" for pair in range(at, at + 20)) for at in range(0, 100, 20)),
        "12ab",
        "ab\x01\x02ab1234567\x03",
        "\x01a\x02",
        "AB\xe9",
    ]
    seen: set[int] = set()
    for text in texts:
        values = values_of(row_of(text))
        assert values[-1] == check_of(values[:-1])
        seen |= set(values)
    assert set(STARTS) <= seen
    assert set(range(VALUES - 1)) - seen == set()


def test_what_is_drawn_is_what_zxing_draws() -> None:
    """Modules that are sure of themselves come out as the very symbol, with its margins."""
    for text in (TEXT, "1234567890", "a\x01b\x02cd"):
        row = row_of(text)
        values = values_of(row)
        drawn = made_out(np.where(row, 9, -9).astype(np.float32)[None], layout_of(values))
        assert drawn is not None
        assert (drawn[0, 10:-10] == row).all()
        assert not drawn[:, :10].any()
        assert not drawn[:, -10:].any()
        picture = np.repeat(np.repeat(np.where(drawn, 0, 255).astype(np.uint8), 3, 0), 3, 1)
        assert [one.bytes for one in zxingcpp.read_barcodes(picture)] == [text.encode()]


@given(st.integers(0, 2**32), st.sampled_from(STARTS))
def test_the_likeliest_text_that_fits_its_check_is_found(seed: int, start: int) -> None:
    """Text and odds are those of looking at all texts of two characters, one by one."""
    told = np.random.default_rng(seed).normal(0, 4, (3, MODULES)).astype(np.float32)
    each = weights(told)
    texts = list(itertools.product(range(VALUES), repeat=2))
    mass = [
        each[0, one] * each[1, two] * each[2, check_of([start, one, two])] for one, two in texts
    ]
    best = int(np.argmax(mass))
    found = likeliest(told, start)
    values = [start, *texts[best]]
    assert found.values.tolist() == [*values[1:], check_of(values)]
    assert found.odds == pytest.approx(mass[best] / (sum(mass) - mass[best]), rel=1e-6)


def test_noise_is_no_text() -> None:
    """However short the symbol is that noise is taken for."""
    rng = np.random.default_rng(1)
    for start, characters in itertools.product(STARTS, (4, 7, 12, 20)):
        of = layout(start, characters)
        for _n in range(20):
            noise = rng.normal(0, 4, of.known.shape).astype(np.float32)
            ends = np.where(of.known != 0, 9 * of.known, noise).astype(np.float32)
            assert made_out(noise, of) is None
            assert made_out(ends, of) is None


def test_what_is_left_open_is_told_by_the_check() -> None:
    """A character that looks a little like another one is made good; two that are gone are not."""
    row = row_of(TEXT)
    of = layout_of(values_of(row))
    likely = likeliest(np.where(row, 20, -20).astype(np.float32)[of.characters_at], of.start)
    other = np.argsort((PATTERNS[:VALUES] != PATTERNS[likely.values[2]]).sum(1))[1]
    for hidden, trace, is_read in ((1, PATTERNS[other], True), (2, 0.0, False)):
        told = np.where(row, 20, -20).astype(np.float32)[None]
        told[0, of.characters_at[2 : 2 + hidden]] = trace
        drawn = made_out(told, of)
        assert (drawn is not None) == is_read
        assert drawn is None or (drawn[0, 10:-10] == row).all()


def test_a_smeared_symbol_is_read_that_zxing_cannot_read() -> None:
    """The equaliser learns the smear from start and stop and undoes it."""
    frame = smeared(held_up(degrees=4), length=6, noise=6)
    assert zxingcpp.read_barcodes(frame) == []
    assert read(frame) == [TEXT]
    assert {code.text for code in Decoder(["Code128"]).read_fully(frame)} == {TEXT}


@pytest.mark.long
def test_an_equaliser_that_learns_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the middle of each module shows does not do for a smeared symbol."""
    monkeypatch.setattr("gate.capture.matrix.equaliser.STIFFNESS", 1e6)
    assert read(smeared(held_up(degrees=4), length=6, noise=6)) == []


def test_light_on_dark_and_any_turn_are_read() -> None:
    """Dark mode, and a ticket held any way round."""
    for degrees in (0, 33, 90, 135, 180, 260):
        frame = held_up(degrees=degrees)
        assert read(frame) == [TEXT], degrees
        assert read(~frame) == [TEXT], degrees


def test_a_tilted_symbol_is_read() -> None:
    """Modules are wider at the end that is nearer."""
    frame = tilted(held_up(degrees=0), [(30, 40), (620, 0), (620, 480), (30, 440)])
    assert read(frame) == [TEXT]


def test_corners_are_those_of_the_frame() -> None:
    """Where the bars are, from the symbol's own top left on, clockwise; not their whole height."""
    drawing = drawing_of(held_up(degrees=180))
    assert drawing is not None
    wide, high = 3 * len(row_of(TEXT)) / 2, 3 * HIGH / 2
    (a, b, c, d) = drawing.corners
    for (x, y), (side, above) in zip(
        (a, b, c, d), ((1, 1), (-1, 1), (-1, -1), (1, -1)), strict=True
    ):
        assert abs(x - 320 - side * wide) < 4
        assert 0.6 * high < above * (y - 240) < high


def test_frames_of_an_approach_add_up() -> None:
    """What each of several frames leaves open, they tell together."""
    frames = [
        smeared(held_up(px=1.6, degrees=3), length=3, noise=120, seed=seed) for seed in range(4)
    ]
    alone = [drawing_of(frame) for frame in frames]
    reader = code128_reader()
    drawings = [finished(reader.read(frame, regions(frame))) for frame in frames]
    assert not any(alone)
    (first, *_others) = [drawing for drawing in drawings if drawing is not None]
    assert first.frames > 1
    assert [one.text for one in zxingcpp.read_barcodes(first.picture)] == [TEXT]


def like(pattern: int) -> int:
    """A value whose pattern differs from that of another one in two modules."""
    return next(
        value for value in range(VALUES) if (PATTERNS[value] != PATTERNS[pattern]).sum() == 2
    )


def whole(*values: int) -> list[int]:
    """A start and characters, with their check."""
    return [*values, check_of(list(values))]


A, B, _C = STARTS
RIGHT = whole(B, 17, 34, 25, 41, 19)
STRANGE = {
    "another check": [*RIGHT[:-1], (RIGHT[-1] + 1) % VALUES],
    # What is left of a longer one, and would do for a shorter one.
    "cut off": [like(B), *RIGHT[1:]],
    "begun again": [
        A if value == like(A) else value for value in whole(B, 17, like(A), 41, 19, 25)
    ],
}
"""Bars of Code 128 that are no symbol."""


@pytest.mark.parametrize("values", STRANGE.values(), ids=STRANGE)
def test_what_is_no_symbol_is_not_read(values: list[int]) -> None:
    """Without its check or its start, or with a start within, bars say nothing, however sharp."""
    row = row_with(values)
    assert made_out(np.where(row, 24, -24).astype(np.float32)[None], layout(B, 6)) is None
    for frame in (on_a_slip(row), smeared(on_a_slip(row, degrees=4), length=5, noise=6)):
        assert drawing_of(frame) is None


@pytest.mark.parametrize(
    ("name", "limit", "value"),
    [("another check", "ODDS", 0), ("cut off", "DOUBT", np.inf), ("begun again", "DOUBT", np.inf)],
)
def test_a_reader_that_believes_anything_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, limit: str, value: float
) -> None:
    """Without its limits it makes texts of all of them."""
    monkeypatch.setattr(reader_module, limit, value)
    with pytest.raises(AssertionError):
        test_what_is_no_symbol_is_not_read(STRANGE[name])


def test_nothing_is_found_where_nothing_is() -> None:
    """Neither noise nor stripes nor bars without an order raise or say anything."""
    rng = np.random.default_rng(3)
    for frame in (
        *(rng.integers(0, 255, (240, 320)).astype(np.uint8) for _n in range(8)),
        np.tile(np.repeat(np.array([0, 255], np.uint8), 7), (200, 20)),
        np.zeros((64, 64), np.uint8),
        *(on_a_slip(rng.random(150) < 0.5) for _n in range(4)),
        # Start and stop without end.
        np.tile(np.where(row_with([104])[None], 30, 220).astype(np.uint8).repeat(2, 1), (200, 8)),
    ):
        whole = Region(0, 0, frame.shape[1], frame.shape[0], 9.0)
        assert finished(code128_reader().read(frame, [whole, *regions(frame)])) is None

"""Messages in several QR symbols: put together when all parts were seen, and never before."""

from collections.abc import Iterator
from functools import partial

import cv2
import numpy as np
import pytest
import segno
from numpy.typing import NDArray

from gate.capture import symbol_readers
from gate.capture.decode import Decoder
from gate.capture.parts import KEPT, KEPT_S, InParts, Parts
from gate.capture.qr.structured_append import Part, part_of
from gate.capture.regions import Frame
from gate.capture.symbol_readers import Code

TEXT = "TICKET-2026-0001-ABCDEFGH-IJKLMNOP-QRSTUVWX"
OTHER = "TICKET-2026-0002-ABCDEFGH-IJKLMNOP-QRSTUVWY"


def modules(symbol: segno.QRCode) -> NDArray[np.bool_]:
    return np.array([list(row) for row in symbol.matrix]) > 0


def drawn(symbol: segno.QRCode, scale: int = 4) -> Frame:
    light = np.where(np.pad(modules(symbol), 5), 0, 255).astype(np.uint8)
    return light.repeat(scale, 0).repeat(scale, 1)


def parts_of(text: str, count: int = 3) -> list[Frame]:
    return [drawn(one) for one in segno.make_sequence(text, symbol_count=count)]


def texts(codes: list[Code]) -> list[str]:
    return [code.text for code in codes]


def test_a_message_is_whole_with_its_last_part() -> None:
    """Whatever the order; until then what is there is named, and nothing is a code."""
    first, second, third = parts_of(TEXT)
    decoder = Decoder()
    assert decoder.read(third) == []
    assert decoder.aside == InParts((3,), 3)
    assert decoder.missed is None
    assert decoder.read(first) == []
    assert decoder.aside == InParts((1, 3), 3)
    (code,) = decoder.read(second)
    assert (code.text, code.raw, code.frames, code.part) == (TEXT, TEXT.encode(), 1, None)
    assert decoder.aside is None
    # While a part of it stays in view, the ticket does.
    assert texts(decoder.read(second)) == [TEXT]


def test_all_parts_of_one_picture_are_a_code() -> None:
    """As on a sheet, by a glance and by everything."""
    height = max(one.shape[0] for one in parts_of(TEXT))
    frame = np.hstack(
        [
            np.pad(one, ((0, height - len(one)), (0, 0)), constant_values=255)
            for one in parts_of(TEXT)
        ]
    )
    assert texts(Decoder().read(frame)) == [TEXT]
    assert texts(Decoder().read_fully(frame)) == [TEXT]


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(lambda frame: ~frame, id="negative"),
        pytest.param(np.fliplr, id="mirrored"),
        pytest.param(partial(np.rot90, k=1), id="turned"),
        pytest.param(lambda frame: cv2.GaussianBlur(frame, (0, 0), 2.5), id="blurred"),
    ],
)
def test_a_part_is_one_however_it_is_seen(seen: "partial[Frame]") -> None:
    """Also where only rescue passes read it, and where the symbol is mirrored."""
    frames = [np.ascontiguousarray(seen(one)) for one in parts_of(TEXT)]
    for number, frame in enumerate(frames, start=1):
        decoder = Decoder()
        assert decoder.read_fully(frame) == []
        assert decoder.parts == InParts((number,), 3)


def damaged(symbol: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """The symbol with each of its first codewords spoilt in turn."""
    last = len(symbol) - 1
    for row in range(last - 11, last + 1, 4):
        spoilt = symbol.copy()
        spoilt[row : row + 4, last - 1 :] ^= True
        yield spoilt


@pytest.mark.examples(5)
@pytest.mark.parametrize("version", [2, 7, 14, 16])
@pytest.mark.parametrize("error", "lmqh")
def test_damage_hides_no_header(version: int, error: str) -> None:
    """What the symbol corrects is corrected before the header is believed, at any size."""
    parts = segno.make_sequence(TEXT * 2, version=version, error=error, boost_error=False)
    plain = segno.make(TEXT[:20], version=version, error=error, boost_error=False)
    assert len(parts) > 1 or version > 2
    for symbol, number in ((parts[0], 1), (plain, None)):
        whole = modules(symbol)
        assert symbol.error
        assert symbol.mask is not None
        level, mask = symbol.error.lower(), int(symbol.mask)
        for one in damaged(whole):
            found = part_of(one, level, mask, is_clean=False)
            assert (found.number if found else None) == (number if len(parts) > 1 else None)


def test_a_symbol_that_is_whole_is_no_part() -> None:
    """Of any mask and way of writing."""
    for text in ("123", "ABC-1", "abc", "门票"):
        for mask in range(8):
            symbol = segno.make(text, mask=mask, micro=False)
            assert symbol.error
            found = part_of(modules(symbol), symbol.error.lower(), mask, is_clean=True)
            assert found is None


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def part(raw: str, number: int, of: int = 2, parity: int | None = None) -> Code:
    whole = 0
    for byte in b"AB":
        whole ^= byte
    return Code(raw, raw.encode(), "QRCode", (), 1, Part(number, of, parity or whole))


def test_parts_of_two_messages_are_never_mixed() -> None:
    """Parity keeps them apart; where it is the same, another first part begins anew."""
    parts = Parts(Clock())
    assert parts.take(part("A", 1)) is None
    assert parts.take(part("B", 2, parity=99)) is None
    assert parts.take(part("X", 1)) is None
    assert parts.waiting == InParts((1,), 2)
    assert parts.take(part("B", 2)) is not None
    decoder, ours, theirs = Decoder(), parts_of(TEXT, 2), parts_of(OTHER, 2)
    assert decoder.read(ours[0]) == decoder.read(theirs[1]) == []


def test_what_parity_does_not_vouch_for_has_to_come_again() -> None:
    """Then another message may be mixed in, and two of its makings must agree."""
    parts = Parts(Clock())
    for _round in range(2):
        assert parts.take(part("A", 1)) is None
        whole = parts.take(part("C", 2))
        assert whole is not None
        assert (whole.text, whole.frames) == ("AC", 2)


def test_a_part_waits_for_twenty_seconds() -> None:
    """Nobody's half a code is left for the next guest."""
    clock = Clock()
    parts = Parts(clock)
    parts.take(part("A", 1))
    clock.now_s += KEPT_S + 0.1
    assert parts.take(part("B", 2)) is None
    assert parts.waiting == InParts((2,), 2)


def test_few_messages_are_open() -> None:
    """Whoever shows ever new parts does not fill the memory."""
    parts = Parts(Clock())
    for parity in range(1, 50):
        parts.take(part("A", 1, parity=parity))
    assert len(parts._open) == KEPT


def test_each_part_may_have_a_character_set_of_its_own() -> None:
    """Bytes that are no text together are text part by part."""
    text = "门票 №7 🎫 Crème brûlée und so weiter"
    decoder = Decoder()
    found = [texts(decoder.read(frame)) for frame in parts_of(text)]
    assert found == [[], [], [text]]


def test_without_its_header_a_part_would_be_a_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above can fail: zxing-cpp itself does not tell parts from codes."""
    monkeypatch.setattr(symbol_readers, "_part", lambda _found: None)
    assert len(Decoder().read(parts_of(TEXT)[0])) == 1

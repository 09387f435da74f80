"""Frames in, codes out: real photographs, drawn symbols, missing decoders, hostile pictures."""

import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gate.capture import decode as decode_module
from gate.capture.decode import EVERYTHING, LOOK_AGAIN, TRACKED, Decoder
from gate.capture.parts import InParts
from gate.capture.passes import IN_TURN, Scene
from gate.capture.regions import Frame
from gate.capture.switched_off import OthersInSight
from gate.capture.symbol_readers import Code, backends
from gate.core.symbologies import USUAL
from gate.errors import InputError
from tests.conftest import needs
from tests.support.paths import DATA

PHOTOS = DATA / "photos"
SYMBOLOGY_OF = {
    "qrcode": "QRCode",
    "aztec": "Aztec",
    "pdf417": "PDF417",
    "datamatrix": "DataMatrix",
    "code128": "Code128",
    "ean13": "EAN13",
}
SAID = sorted(path for path in PHOTOS.iterdir() if path.suffix in (".txt", ".bin"))
SILENT = sorted(PHOTOS.glob("falsepositives-*"))
TEXTS = {
    "QRCode": "TICKET-2026-0001",
    "Aztec": "TICKET-2026-0002",
    "PDF417": "M1DOE/JOHN EABC123",
    "DataMatrix": "TICKET-2026-0003",
    "Code128": "TICKET-0004",
    "Code39": "SEC/A-5",
    "EAN13": "4006381333931",
}
ANGLES = (0, 15, 45, 90, 180)
BARS = ("PDF417", "Code128", "Code39", "EAN13")
MARGIN = 24
TURNS = len(IN_TURN)
"""Bundles of rescue passes that take turns."""
LIVE = 1 + EVERYTHING
"""Frames of a still picture in which every pass has had its turn, if there is time for it."""


def photo(path: Path) -> Frame:
    frame = cv2.imread(str(path))
    assert frame is not None, path
    return frame  # type: ignore[return-value]


def picture_of(said: Path) -> Path:
    return next(path for path in said.parent.glob(f"{said.stem}.*") if path != said)


def drawn(symbology: str, content: str | bytes = "", scale: int = 3) -> Frame:
    """A symbol with a white margin and nothing else."""
    formats = {"QRCode": "QRCodeModel2", "Code39": "Code39Std"}
    barcode = zxingcpp.create_barcode(
        content or TEXTS[symbology],
        getattr(zxingcpp.BarcodeFormat, formats.get(symbology, symbology)),
    )
    symbol = np.array(barcode.to_image(scale=scale, add_quiet_zones=False))
    return np.pad(symbol, MARGIN, constant_values=255)


def held_up(symbol: Frame, degrees: float = 0.0) -> tuple[Frame, Any]:
    """A frame with the symbol in its middle, turned clockwise, and where its corners are."""
    height, width = symbol.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    turn[:, 2] += (320 - width / 2, 240 - height / 2)
    frame = cv2.warpAffine(symbol, turn, (640, 480), borderValue=(255,))
    left, right, top, bottom = MARGIN, width - MARGIN, MARGIN, height - MARGIN
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    return frame, corners @ turn[:, :2].T + turn[:, 2]  # type: ignore[return-value]


def side_by_side(*symbols: Frame) -> Frame:
    height = max(symbol.shape[0] for symbol in symbols)
    return np.hstack(
        [np.pad(one, ((0, height - one.shape[0]), (0, 0)), constant_values=255) for one in symbols]
    )


def found(codes: Sequence[Code]) -> set[tuple[str, str]]:
    return {(code.symbology, code.text) for code in codes}


def live() -> Decoder:
    """A decoder with time for every pass, in every frame."""
    return Decoder(budget=math.inf, at_once=math.inf)


def read_live(frame: Frame) -> list[Code]:
    """What a camera in front of a still picture gets to know first."""
    decoder = live()
    return next((codes for _ in range(2 * LIVE + TRACKED) if (codes := decoder.read(frame))), [])


@pytest.mark.examples(14)
@pytest.mark.parametrize("look", [Decoder().read_fully, read_live], ids=["fully", "live"])
@pytest.mark.parametrize("said", SAID, ids=lambda path: path.stem)
def test_photographs_are_read(said: Path, look: Callable[[Frame], list[Code]]) -> None:
    """Real photographs of six symbologies say exactly what they say."""
    codes = look(photo(picture_of(said)))
    expected = said.read_bytes()
    assert [code.symbology for code in codes] == [SYMBOLOGY_OF[said.stem.partition("-")[0]]]
    assert codes[0].raw == expected
    assert codes[0].text == expected.decode("utf-8" if said.suffix == ".txt" else "latin-1")


@pytest.mark.parametrize("path", SILENT, ids=lambda path: path.stem)
def test_nothing_is_read_where_nothing_is(path: Path) -> None:
    """Pictures that fooled other decoders hold no code for any pass."""
    frame = photo(path)
    assert Decoder().read_fully(frame) == []
    assert read_live(frame) == []


@pytest.mark.examples(20)
@pytest.mark.parametrize(
    ("degrees", "inverted"),
    [
        *(pytest.param(degrees, False, id=f"{degrees}-dark on light") for degrees in ANGLES),
        pytest.param(0, True, id="0-light on dark"),
        pytest.param(45, True, id="45-light on dark"),
        *(
            pytest.param(degrees, True, id=f"{degrees}-light on dark", marks=pytest.mark.long)
            for degrees in ANGLES
            if degrees not in (0, 45)
        ),
    ],
)
@pytest.mark.parametrize("symbology", USUAL)
def test_any_symbol_is_read_however_it_is_held(
    symbology: str, degrees: int, inverted: bool
) -> None:
    """All symbologies are read at any angle and in dark mode, also live, and found in place."""
    frame, corners = held_up(drawn(symbology), degrees)
    if inverted:
        frame = ~frame
    (code,) = Decoder().read_fully(frame)
    assert (code.symbology, code.text) == (symbology, TEXTS[symbology])
    assert code.raw == TEXTS[symbology].encode()
    assert found(read_live(frame)) == {(symbology, TEXTS[symbology])}
    assert len(code.corners) == 4
    if symbology in BARS:
        # Bars are read along lines: part of their height is as good as all of it.
        outline = corners.astype(np.float32).reshape(-1, 1, 2)
        assert all(cv2.pointPolygonTest(outline, at, True) > -6 for at in code.corners)
        left, right = np.array(code.corners)[[0, 3]].mean(0), np.array(code.corners)[[1, 2]].mean(0)
        along = (corners[1] - corners[0]) / math.dist(corners[0], corners[1])
        assert (right - left) @ along > 0.9 * math.dist(corners[0], corners[1])
    else:
        errors = [math.dist(at, true) for at, true in zip(code.corners, corners, strict=True)]
        assert max(errors) < 5


def test_corners_go_clockwise_from_the_symbols_own_top_left() -> None:
    """A symbol on its head has its first corner at the bottom right of the frame."""
    for symbology in USUAL:
        frame, corners = held_up(drawn(symbology), 180)
        (code,) = Decoder().read_fully(frame)
        nearest = [
            min(range(4), key=lambda index: math.dist(at, corners[index])) for at in code.corners
        ]
        assert nearest == [0, 1, 2, 3], symbology


def test_a_tiny_symbol_is_read() -> None:
    """1.3 pixels a module are enough, also live, once the frame is enlarged."""
    frame: Frame = np.full((240, 320), 255, np.uint8)
    small = cv2.resize(drawn("QRCode", scale=8), None, fx=0.16, fy=0.16, interpolation=3)
    frame[50 : 50 + small.shape[0], 60 : 60 + small.shape[1]] = small
    frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), 0.4), np.uint8)
    (code,) = Decoder().read_fully(frame)
    assert code.text == TEXTS["QRCode"]
    assert math.dist(code.corners[0], (60 + MARGIN * 0.16, 50 + MARGIN * 0.16)) < 3
    assert found(read_live(frame)) == {("QRCode", TEXTS["QRCode"])}


def test_colour_and_views_of_an_array_are_read() -> None:
    """Colour, and arrays that are a view of another one, are as good as a grey copy."""
    frame = held_up(drawn("QRCode"))[0]
    colour = np.asarray(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), np.uint8)
    for one in (
        colour,
        np.rot90(frame),
        np.rot90(colour, 3),
        colour[::-1, ::-1],
        frame[::-1, ::-1],
    ):
        codes = Decoder().read(one)
        assert found(codes) == {("QRCode", TEXTS["QRCode"])}
        assert codes == Decoder().read(one.copy())


@pytest.mark.parametrize("symbology", ["QRCode", "Aztec", "PDF417", "DataMatrix"])
@pytest.mark.parametrize("text", ["门票 №7 🎫", "Crème brûlée", "\x00\x1d\x7f;"])
def test_text_of_any_language_comes_as_it_is(symbology: str, text: str) -> None:
    """Letters of any script and control characters arrive unchanged."""
    (code,) = Decoder().read(drawn(symbology, text))
    assert code.text == text


@pytest.mark.parametrize("symbology", ["QRCode", "Aztec", "PDF417", "DataMatrix"])
@given(raw=st.binary(min_size=1, max_size=40))
def test_bytes_that_are_no_text_come_as_they_are(symbology: str, raw: bytes) -> None:
    """Any bytes are returned, with some text that can be written down."""
    (code,) = Decoder([symbology]).read(drawn(symbology, raw))
    assert code.raw == raw
    assert code.text.encode()


def test_several_codes_in_one_frame_all_come() -> None:
    """Two tickets and a poster in one picture are three codes."""
    frame = side_by_side(drawn("QRCode"), drawn("Code128"), drawn("QRCode", "POSTER"))
    expected = {("QRCode", "POSTER"), *((name, TEXTS[name]) for name in ("QRCode", "Code128"))}
    assert found(Decoder().read(frame)) == expected
    assert found(Decoder().read_fully(frame)) == expected


def test_the_same_code_twice_in_a_frame_comes_once() -> None:
    """Two prints of one ticket are one code."""
    for name in USUAL:
        frame = side_by_side(drawn(name), drawn(name))
        assert len(Decoder().read(frame)) == 1
        assert len(Decoder().read_fully(frame)) == 1


def test_a_ticket_is_read_beside_a_code_that_is_always_in_view() -> None:
    """A poster that a glance reads in every frame does not keep heavier passes from a ticket."""
    decoder = live()
    poster, ticket = drawn("QRCode", "POSTER"), ~drawn("PDF417")
    assert found(decoder.read(side_by_side(poster, np.full_like(ticket, 255)))) == {
        ("QRCode", "POSTER")
    }
    frame = side_by_side(poster, ticket)
    seen = [found(decoder.read(frame)) for _ in range(LIVE)]
    assert all(("QRCode", "POSTER") in codes for codes in seen)
    first = next(at for at, codes in enumerate(seen) if len(codes) == 2)
    assert all(("PDF417", TEXTS["PDF417"]) in codes for codes in seen[first:])


def test_only_the_symbologies_asked_for_are_read() -> None:
    """A gate for Aztec codes sees no QR code; one for nothing sees nothing."""
    frame = side_by_side(*(drawn(name) for name in USUAL))
    for name in USUAL:
        assert found(Decoder([name]).read_fully(frame)) == {(name, TEXTS[name])}
    assert Decoder([]).read_fully(frame) == []
    assert Decoder([]).read(frame) == []


def test_a_micro_qr_code_is_not_read() -> None:
    """No ticket is one, and noise looks like one."""
    barcode = zxingcpp.create_barcode("05", zxingcpp.BarcodeFormat.MicroQRCode)
    frame = np.array(barcode.to_image(scale=8))
    assert zxingcpp.read_barcodes(frame)
    assert Decoder().read_fully(frame) == []


def test_a_pdf417_that_may_say_anything_says_nothing() -> None:
    """One so damaged that no error correction is left is not believed, though zxing-cpp is sure."""
    symbol = drawn("PDF417", scale=4)
    for row, column in ((1, 2), (2, 3), (3, 3), (4, 3)):
        # A codeword has seventeen modules; this one is moved by one.
        word = symbol[MARGIN + 12 * row :, MARGIN + 68 * column :][:12, :68]
        word[:] = np.roll(word, 4, axis=1)
    (sure,) = zxingcpp.read_barcodes(symbol)
    assert isinstance(sure.extra, dict)
    assert (sure.valid, sure.extra["UEC"]) == (True, 0.0)
    assert Decoder().read(symbol) == []


def count_looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts how often zxing-cpp is asked."""
    looks = [0]
    real = zxingcpp.read_barcodes

    def counted(*args: Any, **kwargs: Any) -> Any:
        looks[0] += 1
        return real(*args, **kwargs)

    monkeypatch.setattr(zxingcpp, "read_barcodes", counted)
    return looks


def noisy(seed: int) -> Frame:
    noise = np.random.default_rng(seed).integers(-3, 4, (480, 640))
    return np.clip(120 + noise, 0, 255).astype(np.uint8)


def test_a_still_scene_is_searched_every_tenth_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once every pass has looked in vain, nothing but noise costs next to nothing."""
    monkeypatch.setattr(OthersInSight, "is_due", lambda _self: False)
    looks = count_looks(monkeypatch)
    decoder, at = live(), []
    for number in range(LIVE + 4 * LOOK_AGAIN):
        before = looks[0]
        assert decoder.read(noisy(number)) == []
        assert (decoder.missed is None) == (looks[0] == before)
        if looks[0] > before:
            at.append(number)
    rarely = range(LIVE - 1, LIVE + 4 * LOOK_AGAIN, LOOK_AGAIN)
    assert at == [*range(LIVE - 1), *rarely]


def test_a_scene_that_changes_is_searched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticket that enters a still scene is read in its first frame."""
    decoder = live()
    looks = count_looks(monkeypatch)
    for number in range(LIVE + LOOK_AGAIN - 1):
        looks[0] = 0
        assert decoder.read(noisy(number)) == []
    assert looks == [0]
    assert found(decoder.read(held_up(drawn("QRCode"))[0])) == {("QRCode", TEXTS["QRCode"])}


def test_a_glance_suffices_for_a_new_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first frame of an easy code is searched once."""
    looks = count_looks(monkeypatch)
    assert live().read(held_up(drawn("QRCode"))[0])
    assert looks == [1]


@pytest.mark.parametrize(
    "shape", [(0, 0), (1, 1), (0, 640), (1, 3000), (3000, 1, 3), (7, 7), (8, 8, 3), (8, 40_000)]
)
def test_a_frame_may_have_any_size(shape: tuple[int, ...]) -> None:
    """Frames that cannot hold a symbol hold none."""
    frame = np.zeros(shape, np.uint8)
    assert Decoder().read(frame) == []
    assert Decoder().read_fully(frame) == []


SIDE = st.integers(0, 48)
SHAPES = st.tuples(SIDE, SIDE) | st.tuples(SIDE, SIDE, st.just(3))


@given(arrays.arrays(np.uint8, SHAPES), st.booleans())
def test_no_picture_raises(frame: Frame, flipped: bool) -> None:
    """Whatever the pixels, looking at them gives a list."""
    frame = frame[::-1, ::-1] if flipped else frame
    assert isinstance(Decoder().read_fully(frame), list)
    decoder = live()
    for _ in range(LIVE):
        assert isinstance(decoder.read(frame), list)


def on_a_dark_page(symbol: Frame) -> Frame:
    """A symbol without a margin, whose outermost dark modules are lost in the page around it."""
    frame = np.full((480, 640), 12, np.uint8)
    height, width = symbol.shape
    frame[150 : 150 + height, 220 : 220 + width] = np.maximum(symbol, 12)
    return cv2.GaussianBlur(frame, (0, 0), 0.7)  # type: ignore[return-value]


def beside_a_poster() -> Frame:
    """A dim, soft ticket of which a glance makes nothing, and somebody else's clear symbol."""
    frame, _corners = held_up(drawn("QRCode", scale=2), 33)
    frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), 1.2) * 0.3 + 20, np.uint8)
    poster = drawn("QRCode", "POSTER")
    frame[: poster.shape[0], : poster.shape[1]] = poster
    noise = np.random.default_rng(3).normal(0, 2, frame.shape)
    return np.clip(frame + noise, 0, 255).astype(np.uint8)


def test_a_poster_hides_no_ticket() -> None:
    """The ticket is read beside a clear code, by a camera and off a picture."""
    frame, both = beside_a_poster(), {("QRCode", "POSTER"), ("QRCode", TEXTS["QRCode"])}
    assert found(Decoder([*USUAL]).read(frame)) == {("QRCode", "POSTER")}
    assert found(Decoder().read_fully(frame)) == both
    decoder, seen = live(), set()
    for _ in range(LIVE):
        seen |= found(decoder.read(frame))
    assert seen == both


@pytest.mark.long
def test_without_its_mask_the_poster_hides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail."""
    monkeypatch.setattr(decode_module, "_without", lambda _codes, grey: Scene(grey, most=1))
    assert found(Decoder().read_fully(beside_a_poster())) == {("QRCode", "POSTER")}


@pytest.mark.parametrize("look", [Decoder().read_fully, read_live], ids=["fully", "live"])
def test_a_dark_page_needs_no_margin(look: Callable[[Frame], list[Code]]) -> None:
    """A QR symbol whose margin is as dark as its modules is read."""
    symbol = drawn("QRCode")[MARGIN:-MARGIN, MARGIN:-MARGIN]
    assert found(look(on_a_dark_page(symbol))) == {("QRCode", TEXTS["QRCode"])}


@pytest.mark.parametrize("look", [Decoder().read_fully, read_live], ids=["fully", "live"])
def test_light_modules_that_fall_apart_need_no_margin(
    look: Callable[[Frame], list[Code]],
) -> None:
    """A symbol that a line of dark modules parts: neither half is the whole of it."""

    def parted(number: int) -> bool:
        light = drawn("QRCode", f"TICKET-{number:04}", 1)[MARGIN:-MARGIN, MARGIN:-MARGIN] > 127
        _count, _labels, boxes, _middles = cv2.connectedComponentsWithStats(light.astype(np.uint8))
        return bool(max(min(box[2:4]) for box in boxes[1:].tolist()) < 0.85 * light.shape[0])

    text = next(f"TICKET-{n:04}" for n in range(1000) if parted(n))
    symbol = drawn("QRCode", text, 4)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    assert found(look(on_a_dark_page(symbol))) == {("QRCode", text)}


@pytest.mark.parametrize("look", [Decoder().read_fully, read_live], ids=["fully", "live"])
def test_letters_beside_it_are_no_margin(look: Callable[[Frame], list[Code]]) -> None:
    """The same among lines of text, on a phone in front of something light."""
    symbol = drawn("QRCode")[MARGIN:-MARGIN, MARGIN:-MARGIN]
    frame = on_a_dark_page(symbol)
    for line in (135, 150 + symbol.shape[0] + 30):
        cv2.putText(frame, "ROW 7 SEAT 12", (222, line), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 235, 2)
    frame[:, :190] = 200
    assert found(look(frame)) == {("QRCode", TEXTS["QRCode"])}


@pytest.mark.examples(1)
@pytest.mark.parametrize("look", [Decoder().read_fully, read_live], ids=["fully", "live"])
def test_pdf417_is_read_in_negative(look: Callable[[Frame], list[Code]]) -> None:
    """Light on dark, beside stripes that lie another way."""
    frame, _corners = held_up(~drawn("PDF417"), 9)
    frame[400:, :] = np.where(np.arange(640) // 6 % 2, 220, 40)
    assert found(look(frame)) == {("PDF417", TEXTS["PDF417"])}


def test_a_rune_is_no_ticket() -> None:
    """The middle of a torn Aztec symbol reads as a small number."""
    rune = zxingcpp.create_barcode("134", zxingcpp.BarcodeFormat.AztecRune)
    picture = np.pad(np.array(rune.to_image(scale=6)), MARGIN, constant_values=255)
    assert Decoder().read_fully(picture) == []
    assert read_live(picture) == []


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


def needs_zbar() -> None:
    needs(bool(backends()["pyzbar"]), "libzbar")


def test_pyzbar_stands_in_for_zxing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where zxing-cpp cannot be loaded, what pyzbar knows is read nevertheless, and in place."""
    needs_zbar()
    without(monkeypatch, "zxingcpp")
    for name in ("QRCode", "Code128", "Code39", "EAN13"):
        for degrees in (0, 90, 180, 270):
            frame, corners = held_up(drawn(name), degrees)
            (code,) = Decoder().read(frame)
            assert (code.symbology, code.text, code.raw.decode()) == (name, *[TEXTS[name]] * 2)
            assert math.dist(code.corners[0], corners[0]) < 30
            assert math.dist(code.corners[2], corners[2]) < 30
        assert found(read_live(~frame)) == {(name, TEXTS[name])}
        assert Decoder(["Aztec"]).read_fully(frame) == []


def test_pyzbar_reads_text_of_any_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without zxing-cpp, letters of any script arrive unchanged too."""
    needs_zbar()
    without(monkeypatch, "zxingcpp")
    for text in ("门票 №7", "Crème brûlée"):
        (code,) = Decoder().read(drawn("QRCode", text))
        assert code.text == text


def test_pyzbar_survives_one_part_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """The QR code that makes pyzbar 0.1.9 raise is, without zxing-cpp, not even a part."""
    needs_zbar()
    frame = photo(PHOTOS / "qrcode-7-01-01.png")
    decoder = Decoder()
    assert decoder.read_fully(frame) == []
    assert decoder.parts == InParts((1,), 4)
    without(monkeypatch, "zxingcpp")
    assert Decoder().read_fully(frame) == []


def test_nothing_is_written_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """The libraries keep silent, also in C: the terminal belongs to the screen."""
    stripes = np.random.default_rng(1).integers(0, 2, (1, 200), np.uint8) * 255
    for one in (np.repeat(np.repeat(stripes, 100, 0), 3, 1), photo(SILENT[-1])):
        with pytest.MonkeyPatch.context() as patch:
            assert Decoder().read_fully(one) == []
            if backends()["pyzbar"]:
                without(patch, "zxingcpp")
                assert Decoder().read_fully(one) == []
    assert capfd.readouterr() == ("", "")


def test_no_decoder_is_a_fault_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with no decoder is told what to install, once a picture is to be read."""
    without(monkeypatch, "zxingcpp", "pyzbar", "pyzbar.pyzbar")
    decoder = Decoder()
    with pytest.raises(InputError) as caught:
        decoder.read(noisy(0))
    assert "zxing-cpp" in caught.value.hint
    with pytest.raises(InputError):
        decoder.read_fully(noisy(0))
    assert backends() == {"zxing-cpp": "", "pyzbar": ""}


def test_backends_have_versions() -> None:
    """What is there is named with its version."""
    assert backends()["zxing-cpp"].startswith("3.")
    assert set(backends()) == {"zxing-cpp", "pyzbar"}


@pytest.mark.system
def test_the_module_can_be_imported_where_nothing_is_installed() -> None:
    """OpenCV, NumPy and the decoders are loaded by the first picture, not by the program."""
    script = (
        "import sys\n"
        "for name in ('cv2', 'numpy', 'zxingcpp', 'pyzbar'): sys.modules[name] = None\n"
        "from gate.errors import InputError\n"
        "from gate.capture.decode import Decoder\n"
        "from gate.capture.symbol_readers import backends\n"
        "Decoder()\n"
        "assert not any(backends().values())\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)

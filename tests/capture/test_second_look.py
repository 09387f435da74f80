"""A number of retail is believed once a second way to look says the same."""

import cv2
import numpy as np
import pytest
import zxingcpp

from gate.capture import second_look
from gate.capture.decode import Decoder
from gate.capture.regions import Frame
from gate.core.symbologies import RETAIL
from tests.support.paths import DATA

TEXTS = {"EAN13": "4006381333931", "EAN8": "96385074", "UPCE": "01234565"}
TRUTH, MISREAD = "1880090052061", "8818294052061"
"""What was drawn in the picture, and what every decoder reads: its check digit is right too."""


def label(symbology: str, degrees: float, module_px: float = 2.2) -> Frame:
    barcode = zxingcpp.create_barcode(TEXTS[symbology], getattr(zxingcpp.BarcodeFormat, symbology))
    drawn = np.pad(np.array(barcode.to_image(scale=4)), 40, constant_values=255)
    height, width = drawn.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, module_px / 4)
    turn[:, 2] += (320 - width / 2, 240 - height / 2)
    frame = cv2.warpAffine(drawn, turn, (640, 480), flags=cv2.INTER_AREA, borderValue=(255,))
    return cv2.GaussianBlur(frame, (0, 0), 0.7)  # type: ignore[return-value]


def misread() -> Frame:
    return cv2.imread(str(DATA / "misread-ean13.png"), cv2.IMREAD_GRAYSCALE)  # type: ignore[return-value]


@pytest.mark.examples(11)
@pytest.mark.parametrize("is_negative", [False, True], ids=["dark", "light"])
@pytest.mark.parametrize("degrees", [0, 8, 90, 180, 270])
@pytest.mark.parametrize("symbology", sorted(RETAIL))
def test_what_is_read_rightly_is_agreed_on(
    symbology: str, degrees: float, is_negative: bool
) -> None:
    """However the symbol lies, and in negative too."""
    frame = label(symbology, degrees)
    frame = ~frame if is_negative else frame
    decoder = Decoder([symbology])
    (code,) = decoder.read_fully(frame)
    assert decoder.agrees(frame, code)


def test_a_misreading_is_not_agreed_on() -> None:
    """Though it comes in every frame and at every size, and its check digit is right."""
    decoder, frame = Decoder(), misread()
    for _look in range(5):
        for codes in (decoder.read(frame), Decoder().read_fully(frame)):
            wrong = [code for code in codes if code.text != TRUTH]
            assert {code.text for code in wrong} <= {MISREAD}
            assert not any(decoder.agrees(frame, code) for code in wrong)
    assert {code.text for code in Decoder().read(frame)} == {MISREAD}


def test_another_text_is_not_agreed_on() -> None:
    """What is there is read, not what is asked for."""
    frame, decoder = label("EAN13", 0), Decoder()
    (code,) = decoder.read(frame)
    for wrong in ("4006381333900", "4006381303964"):
        misread_one = type(code)(wrong, wrong.encode(), code.symbology, code.corners)
        assert not decoder.agrees(frame, misread_one)


def test_the_same_picture_again_would_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above can fail: a second look that is none repeats the misreading."""
    frame, decoder = misread(), Decoder()
    (code,) = decoder.read(frame)
    monkeypatch.setattr(second_look, "_strip", lambda _code, grey, _px, **_taller: grey)
    monkeypatch.setattr(second_look, "AVERAGED_PX", 0.1)
    assert decoder.agrees(frame, code)

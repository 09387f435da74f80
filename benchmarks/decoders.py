"""What ``../shared/decode_bench/run.py`` judges: our ways to look, and their peers.

Each takes a frame and answers with (text, symbology) for every code. The peers are told to look for
the same symbologies as we do.
"""

import time
from collections.abc import Iterable
from typing import Any

import cv2
import zxingcpp
from pyzbar import pyzbar

from gate.capture.decode import Decoder
from gate.capture.regions import Frame
from gate.capture.symbol_readers import Code

Read = list[tuple[str, str]]

FORMATS = zxingcpp.BarcodeFormats(
    [
        zxingcpp.BarcodeFormat.QRCodeModel2,
        zxingcpp.BarcodeFormat.AztecCode,
        zxingcpp.BarcodeFormat.PDF417,
        zxingcpp.BarcodeFormat.DataMatrix,
        zxingcpp.BarcodeFormat.Code128,
        zxingcpp.BarcodeFormat.Code39Std,
        zxingcpp.BarcodeFormat.EAN13,
    ]
)
SYMBOLS = [
    pyzbar.ZBarSymbol.QRCODE,
    pyzbar.ZBarSymbol.CODE128,
    pyzbar.ZBarSymbol.CODE39,
    pyzbar.ZBarSymbol.EAN13,
]

FRAME_S = 1 / 30
"""From one frame of a camera to the next."""


class Camera:
    """Frames as they come to the lane: what is idle until the next one is the decoder's to use.

    Its clock counts what the decoder works, for others use the machine as well; on a slower machine
    that takes several times as long.
    """

    def __init__(self, slower: float = 1.0) -> None:
        self._slower = slower
        self._at_s = self._next_s = self._began_s = 0.0
        self._decoder = Decoder(now=lambda: self._at_s + self._worked_s())
        self._gathered: set[str] = set()

    def read(self, frame: Frame) -> list[Code]:
        """What the lane believes of a known ticket once it has had the next frame."""
        self._began_s = time.thread_time()
        codes = self._decoder.read(frame)
        self._at_s += self._worked_s()
        self._next_s = self._at_s = max(self._next_s + FRAME_S, self._at_s)
        believed = [code for code in codes if code.frames == 1 or code.text in self._gathered]
        self._gathered.update(code.text for code in codes if code.frames > 1)
        return believed

    def _worked_s(self) -> float:
        return self._slower * (time.thread_time() - self._began_s)


_cameras: list[Camera] = []


def reset() -> None:
    """Forget what the cameras have seen."""
    _cameras[:] = [Camera(), Camera(slower=4)]


def still(frame: Frame) -> Read:
    """Full effort, as ``gate read`` and F8 spend it."""
    return _told(Decoder().read_fully(frame))


def stream(frame: Frame) -> Read:
    """One frame of a camera, as ``gate scan`` looks at it and believes it of a known ticket."""
    return _told(_cameras[0].read(frame))


def quarter(frame: Frame) -> Read:
    """The same where the machine is a quarter as fast and cameras are not."""
    return _told(_cameras[1].read(frame))


def zxing_full(frame: Frame) -> Read:
    """zxing-cpp alone, with every option it has for trying harder."""
    return _zxing(frame)


def zxing_fast(frame: Frame) -> Read:
    """zxing-cpp alone, with its quickest options."""
    return _zxing(frame, try_rotate=False, try_downscale=False, try_invert=False)


def pyzbar_alone(frame: Frame) -> Read:
    """pyzbar, which knows no Aztec, no PDF417 and no Data Matrix."""
    try:
        found = pyzbar.decode(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), SYMBOLS)
    except ValueError:
        return []
    return [(one.data.decode("utf-8", "replace"), one.type) for one in found]


def opencv_qr(frame: Frame) -> Read:
    """OpenCV's QR detector, which knows nothing else."""
    try:
        _found, texts, _corners, _straight = cv2.QRCodeDetector().detectAndDecodeMulti(frame)
    except (cv2.error, UnicodeDecodeError):
        return []
    return [(text, "QRCode") for text in texts if text]


def opencv_curved(frame: Frame) -> Read:
    """OpenCV's QR detector, which straightens one bent symbol."""
    detector = cv2.QRCodeDetector()
    try:
        text, _corners, _straight = detector.detectAndDecodeCurved(frame)
    except (cv2.error, UnicodeDecodeError):
        return []
    return [(text, "QRCode")] if text else []


def _zxing(frame: Frame, **options: Any) -> Read:
    found = zxingcpp.read_barcodes(
        cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY),
        formats=FORMATS,
        text_mode=zxingcpp.TextMode.Plain,
        **options,
    )
    return [(one.text, one.format.name) for one in found]


def _told(codes: Iterable[Code]) -> Read:
    return [(code.text, code.symbology) for code in codes]

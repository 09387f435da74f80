"""Reads the code with which a server asks a gate in, with the gate's own camera."""

import sys
import threading
from pathlib import Path

from gate.capture.camera import Camera, read_picture
from gate.capture.decode import Decoder
from gate.capture.picture import PictureScanner, Seen
from gate.config import Config
from gate.errors import InputError
from gate.i18n import _
from gate.lane.inputs import camera_source

WAIT_S = 120.0


def read_invitation(config: Config, picture: Path | None, begins: str) -> str:
    """The first code that begins so, on a picture or before the camera.

    Raises InputError when there is none, or none within two minutes.
    """
    decoder = Decoder(("QRCode",))
    if picture is not None:
        for code in decoder.read_fully(read_picture(picture)):
            if code.text.startswith(begins):
                return code.text
        raise InputError(
            _("{file}: there is no enrolment code on it").format(file=picture),
            _("Take the whole code, with its light border."),
        )
    source = camera_source(config.camera)
    if source is None:
        raise InputError(_("the camera is switched off"), _("Name one with --camera."))
    found = threading.Event()
    texts: list[str] = []

    def seen(codes: list[Seen]) -> None:
        for one in codes:
            if one.text.startswith(begins):
                texts.append(one.text)
                found.set()

    sys.stderr.write(_("Hold the camera before the server's code…") + "\n")
    scanner = PictureScanner(Camera(source), decoder, seen, knows=lambda _seen: False)
    scanner.start()
    try:
        found.wait(WAIT_S)
    finally:
        scanner.stop()
    if not texts:
        raise InputError(
            _("no enrolment code was seen in {n} s").format(n=int(WAIT_S)),
            _("Copy the link by hand instead: gate enrol"),
        )
    return texts[0]

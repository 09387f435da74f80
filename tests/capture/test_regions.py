"""Where in a frame codes may be, and of which kind."""

import numpy as np
import pytest
import zxingcpp

from gate.capture.passes import AZTEC, CODE128, DATA_MATRIX, OWN, PDF417, QR, Pass, Scene, likeliest
from gate.capture.regions import Frame, Region, grain
from tests.support.held_up import on_paper, smeared

TEXT = "TICKET-0123456789"


def held_up(symbology: str, degrees: float) -> Frame:
    """A code on paper, a little out of focus."""
    barcode = zxingcpp.create_barcode(TEXT, getattr(zxingcpp.BarcodeFormat, symbology))
    dark = np.asarray(barcode.to_image(scale=1, add_quiet_zones=False)) < 128
    return smeared(on_paper(dark, 4, 4.0, degrees), 3, 4.0)


@pytest.mark.parametrize("degrees", [0, 12, 33])
@pytest.mark.parametrize(
    ("symbology", "reader"),
    [
        ("QRCode", QR),
        ("Aztec", AZTEC),
        ("DataMatrix", DATA_MATRIX),
        ("PDF417", PDF417),
        ("Code128", CODE128),
    ],
)
def test_the_grain_of_a_code_tells_bars_from_modules(
    symbology: str, reader: Pass, degrees: float
) -> None:
    """However it is turned; its own reader is among those that look in haste."""
    frame = held_up(symbology, degrees)
    region = Region(0, 0, frame.shape[1], frame.shape[0], 20.0)
    scene = Scene(frame, found=[region], hurries=True)
    assert scene.worth(reader) == [region]
    wanted = reader if reader in (PDF417, CODE128) else QR
    assert likeliest(grain(frame)) is wanted


def test_all_readers_look_where_there_is_no_haste() -> None:
    """What is not likely is possible."""
    frame = held_up("Code128", 0)
    region = Region(0, 0, frame.shape[1], frame.shape[0], 20.0)
    hurried = [Scene(frame, found=[region], hurries=True).worth(how) for how in OWN]
    assert hurried.count([region]) < len(OWN)
    assert all(Scene(frame, found=[region]).worth(how) == [region] for how in OWN)


def test_regions_are_much_alike_where_each_has_the_others_middle() -> None:
    """What grows as it comes nearer is the same; what is beside it, or far larger, is not."""
    one, large = Region(100, 100, 80, 60, 9.0), Region(40, 40, 200, 180, 9.0)
    assert one.is_much_like(Region(90, 90, 120, 100, 8.0))
    assert not one.is_much_like(Region(181, 100, 80, 60, 9.0))
    assert not one.is_much_like(large)
    assert not large.is_much_like(one)

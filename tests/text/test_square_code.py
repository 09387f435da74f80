"""Codes on a terminal and in pictures: whatever is drawn can be read."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from gate.capture.camera import read_picture
from gate.capture.decode import Decoder
from gate.storage.enrolment_link import fingerprint_of, link_to, new_token
from gate.text.square_code import QUIET, picture, size, square


def link(address: str = "https://192.168.178.100:8472") -> str:
    return link_to(address, new_token(), fingerprint_of(b"certificate"))


def read(path: Path) -> list[str]:
    return [code.text for code in Decoder(("QRCode",)).read_fully(read_picture(path))]


@pytest.mark.parametrize("address", ["https://192.168.178.100:8472", "https://gate.example.org"])
def test_an_enrolment_code_fits_a_small_terminal(address: str) -> None:
    """80x24, with room for the two lines of the link and one above."""
    columns, lines = size(link(address))
    assert columns <= 80
    assert lines + 3 <= 24
    drawn = square(link(address)).splitlines()
    assert len(drawn) == lines


def test_a_link_of_other_characters_would_not_fit() -> None:
    """The mutation: small letters, which take a symbol of bytes."""
    text = link().lower() + "?f=" + "0" * 38
    assert size(text)[1] + 3 > 24


def test_a_picture_can_be_read(tmp_path: Path) -> None:
    """By the gate's own decoder."""
    text = link()
    (tmp_path / "code.png").write_bytes(picture(text))
    assert read(tmp_path / "code.png") == [text]


@pytest.mark.parametrize("halves", [True, False])
def test_a_drawn_code_can_be_read(tmp_path: Path, halves: bool) -> None:
    """In half blocks, or in blanks two columns wide."""
    text = link()
    rows = [_modules(line, halves=halves) for line in square(text, halves=halves).splitlines()]
    pixels = np.array([row for pair in rows for row in pair], dtype=np.uint8)
    assert pixels[:QUIET].min() == 255
    big = np.kron(pixels, np.ones((8, 8), dtype=np.uint8))
    cv2.imwrite(str(tmp_path / "drawn.png"), big)
    assert read(tmp_path / "drawn.png") == [text]


def _modules(line: str, *, halves: bool) -> list[list[int]]:
    """The rows of modules of a line, as greys."""
    if not halves:
        colours = re.findall(r"\x1b\[(107|40)m  ", line)
        return [[255 if colour == "107" else 0 for colour in colours]]
    blocks = re.sub(r"\x1b\[[0-9;]*m", "", line)
    return [[0 if one in dark else 255 for one in blocks] for dark in ("▀█", "▄█")]

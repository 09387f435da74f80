"""The scanner wizard: each fault of a scanner is told by what it makes of the test code."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zxingcpp

from gate.capture.terminal_code import linear
from gate.credential.layouts import LAYOUTS, SCANNERS, retyped
from gate.credential.repair import Flaw, read_flaw, undone
from gate.credential.scanners import Established
from gate.credential.spellings import GS
from gate.storage.folder import Folder
from gate.storage.scanner_fixes import Fix, Fixes
from gate.text.square_code import square
from gate.ui.scanner_check import LINEAR_TEXT, SQUARE_TEXT, Finding, diagnose
from tests.support.terminal import Terminal

WITHOUT_GS = SQUARE_TEXT.replace(GS, "")


def wrong(finding: Finding) -> list[str]:
    return [str(flaw) for flaw in finding.flaws]


@pytest.mark.parametrize("expected", [SQUARE_TEXT, LINEAR_TEXT], ids=["square", "linear"])
@pytest.mark.parametrize(
    "flaws",
    [
        [],
        ["layout:fr>us"],
        ["layout:de>us"],
        ["layout:us>de"],
        ["layout:us>fr"],
        ["layout:it>us"],
        ["layout:es>us"],
        ["layout:se>us"],
        ["case:swap"],
        ["added-first:2"],
        ["added-last:3"],
        ["added-first:1", "added-last:1"],
    ],
    ids="+".join,
)
def test_what_is_wrong_is_named(expected: str, flaws: list[str]) -> None:
    """The finding says what was done to the code, and its fix undoes just that."""
    typed = expected
    for flaw in reversed([read_flaw(flaw) for flaw in flaws]):
        typed = done(flaw, typed)
    finding = diagnose(typed, expected)
    assert finding.is_known
    assert undone(finding.flaws, typed) == expected
    if not flaws or typed != expected:
        assert len(finding.flaws) == len(flaws)
    assert finding.fix == finding.flaws


def done(flaw: Flaw, text: str) -> str:
    """What a scanner with the flaw types."""
    kind, _colon, detail = str(flaw).partition(":")
    if kind == "layout":
        computer, _arrow, scanner = detail.partition(">")
        typed = retyped(text, scanner, computer)
        assert typed is not None
        return typed
    wrapping = "]ab2"[: int(detail)] if detail.isdigit() else ""
    return {
        "case": text.swapcase(),
        "added-first": wrapping[::-1] + text,
        "added-last": text + wrapping,
    }[kind]


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        (WITHOUT_GS, ["gs-lost"]),
        (SQUARE_TEXT.replace(GS, "^]"), ["gs-as:^]"]),
        (WITHOUT_GS.upper(), ["gs-lost", "case:upper"]),
        (SQUARE_TEXT[3:], ["lost-first:Ven"]),
        (SQUARE_TEXT[:-2], ["lost-last:nd"]),
        ("".join(f"{ord(one):03}" for one in SQUARE_TEXT), ["alt:3"]),
        ("]Q1" + SQUARE_TEXT, []),
    ],
)
def test_what_is_lost_is_named_too(typed: str, named: list[str]) -> None:
    """Lost separators, characters and capitals; an AIM identifier is no fault."""
    assert [one.partition(":")[0] for one in wrong(diagnose(typed, SQUARE_TEXT))] == [
        one.partition(":")[0] for one in named
    ]


def test_what_is_lost_cannot_be_saved() -> None:
    """No fix is offered that would put something else wrong."""
    for typed in (WITHOUT_GS, SQUARE_TEXT.upper(), SQUARE_TEXT[2:]):
        finding = diagnose(typed, SQUARE_TEXT)
        assert finding.flaws
        assert finding.fix == ()


def test_another_code_is_not_explained() -> None:
    """Somebody scanned a ticket instead."""
    assert not diagnose("K7QX-0001", SQUARE_TEXT).is_known


def test_every_layout_has_the_test_codes_characters() -> None:
    """What takes AltGr somewhere would be a fault where there is none; Romanian takes it for "."""
    for name in SCANNERS:
        missing = set(WITHOUT_GS + LINEAR_TEXT) - {*"".join(LAYOUTS[name])}
        assert missing == ({'"'} if name == "ro" else set()), name


def test_both_codes_fit_on_the_smallest_terminal() -> None:
    """80 columns and 24 lines hold each of them with its margin."""
    for drawn in (linear(LINEAR_TEXT), square(SQUARE_TEXT)):
        lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in drawn.splitlines()]
        assert 0 < len(lines) <= 22
        assert 0 < max(len(line) for line in lines) <= 80


def test_the_bars_on_the_screen_say_what_they_should() -> None:
    """Two modules a column, dark where the terminal paints a block."""
    (line, *_more) = re.sub(r"\x1b\[[0-9;]*m", "", linear(LINEAR_TEXT)).splitlines()
    halves = {" ": (255, 255), "▌": (0, 255), "▐": (255, 0), "█": (0, 0)}
    row = np.array([half for column in line for half in halves[column]], np.uint8)
    (code,) = zxingcpp.read_barcodes(np.repeat(np.tile(row, (40, 1)), 3, 1))
    assert code.text == LINEAR_TEXT


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Terminal]:
    program = Terminal("doctor", "--scanner", "--data-dir", str(tmp_path / "venue"))
    yield program
    program.close()


def test_the_wizard_in_a_terminal(run: Terminal, tmp_path: Path) -> None:
    """A scanner for the wrong keyboard is told, and what was agreed on is saved."""
    run.wait(lambda text: "Scan this code" in text)
    run.type((retyped(SQUARE_TEXT, "us", "fr") or "") + "\r")
    run.wait(lambda text: "yes/no" in text)
    assert "French" in run.text
    assert "Set its keyboard layout" in run.text
    run.type("yes\n")
    assert run.wait_for_end() == 0
    assert Fixes(Folder(tmp_path / "venue")).of("keyboard") == Fix(
        Established(((read_flaw("layout:fr>us"),),), is_sure=True)
    )


def test_a_good_scanner_passes(run: Terminal, tmp_path: Path) -> None:
    """What comes as it is needs nothing, but a missing Enter is told."""
    run.wait(lambda text: "Scan this code" in text)
    run.type(SQUARE_TEXT)
    assert run.wait_for_end() == 0
    assert "types what it reads" in run.text
    assert "no Enter" in run.text
    assert not Fixes(Folder(tmp_path / "venue")).of("keyboard")

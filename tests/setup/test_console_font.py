"""Debian's file of the console's font: read, and changed in its place."""

import pytest

from gate.setup.console_font import has_signs, with_font
from tests.setup.conftest import FONT

WANTED = {"CODESET": "Vietnamese", "FONTFACE": "Terminus", "FONTSIZE": "10x20"}


def test_all_else_stays() -> None:
    """Comments, other settings, and the order."""
    text = "# about fonts\n" + FONT + "VIDEOMODE=\n"
    changed = with_font(text, WANTED)
    assert changed.splitlines() == [
        "# about fonts",
        'ACTIVE_CONSOLES="/dev/tty[1-6]"',
        'CODESET="Vietnamese"',
        'FONTFACE="Terminus"',
        'FONTSIZE="10x20"',
        "VIDEOMODE=",
    ]


def test_what_is_missing_is_added_and_what_comes_twice_is_changed_twice() -> None:
    """A shell reads the last of them."""
    assert with_font("CODESET=a\nCODESET=b\n", {"CODESET": "c", "FONTSIZE": "1"}) == (
        'CODESET="c"\nCODESET="c"\nFONTSIZE="1"\n'
    )


@pytest.mark.parametrize(
    ("stated", "has"),
    [
        (WANTED, True),
        (WANTED | {"FONTSIZE": "8x16"}, False),
        (WANTED | {"CODESET": "Lat15"}, False),
        ({}, False),
    ],
)
def test_which_fonts_have_the_signs(stated: dict[str, str], has: bool) -> None:
    """The codeset in the sizes that were looked at, and no other."""
    assert has_signs(stated) is has

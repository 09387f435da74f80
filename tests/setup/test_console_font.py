"""Debian's file of the console's font: read, and changed in its place."""

import pytest

from gate.setup.console_font import has_signs, is_fit, with_font
from tests.setup.conftest import AFTER, BEFORE, FONT, Bench

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


def test_the_console_is_set_to_the_charset_that_is_written(bench: Bench) -> None:
    """Of a Debian without a language: seen in a machine, where · was two signs wide."""
    assert not is_fit(WANTED | {"CHARMAP": "ISO-8859-15"})
    assert is_fit(WANTED | {"CHARMAP": "UTF-8"})
    place = bench.root / "etc/default/console-setup"
    place.write_text('CHARMAP="ISO-8859-15"\n' + place.read_text())
    assert bench.set_up(*BEFORE, "no", *AFTER, "yes")
    assert place.read_text().startswith('CHARMAP="UTF-8"\n')

"""Our keyboard layouts are the system's own."""

import pytest

from gate.credential.layouts import LAYOUTS
from gate.text.scanner_words import LAYOUT_WORDS
from tests.conftest import needs
from tests.support.keymaps import library, rows

SYSTEM = {
    "uk": ("gb", ""),
    "ch-fr": ("ch", "fr"),
    "cz-qwerty": ("cz", "qwerty"),
    "ro": ("ro", "std"),
    "bg-phonetic": ("bg", "phonetic"),
    "tr-f": ("tr", "f"),
    "fr": ("fr", "azerty"),
}
"""Where a name of ours is not the system's."""
OURS = {("us", "<"), ("us", ">"), ("fr", "~")}
"""Keys that the system has and that no keyboard of that country has, or that wait for a letter."""


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_the_systems(name: str) -> None:
    """Every key types, plain and with Shift, what the system's tables say."""
    lib = library()
    needs(lib is not None, "keyboard tables (libxkbcommon0, xkb-data)")
    ours, theirs = LAYOUTS[name], rows(lib, *SYSTEM.get(name, (name, "")))
    for mine, system in zip("".join(ours), "".join(theirs), strict=True):
        assert mine == system or (mine == "\0" and (name, system) in OURS), (name, mine, system)


def test_some_layouts_have_other_names() -> None:
    """A Finnish, Irish, Austrian, Slovenian, Polish or Latvian keyboard is one that is known."""
    lib = library()
    needs(lib is not None, "keyboard tables (libxkbcommon0, xkb-data)")
    for system, ours in {"fi": "se", "ie": "uk", "at": "de", "pl": "us", "lv": "us"}.items():
        for mine, theirs in zip(LAYOUTS[ours], rows(lib, system), strict=True):
            assert mine[:38] == theirs[:38], system


def test_every_layout_has_a_name_for_people() -> None:
    """What is said of a scanner names its keyboard."""
    assert LAYOUT_WORDS.keys() == LAYOUTS.keys()

"""What can be read, what is read, and what the pages say of it are the same."""

import re
from pathlib import Path

import pytest
from msgspec import toml

from gate.capture.symbol_readers import reader_of
from gate.config import load
from gate.core.symbologies import ALL, BARS, MATRIX, RETAIL, USUAL, WEAK, Symbology, title
from gate.errors import ConfigError
from gate.text.scanner_words import off_words
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "scanners.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| (on|off) \| ([^|]+) \|$", re.M)
COUNTS = {"at once": ALL - WEAK - RETAIL, "read in two frames": WEAK, "read in two ways": RETAIL}


def table(page: str) -> list[tuple[str, str, bool, frozenset[Symbology]]]:
    """Name, what it is called, whether it is on, and the symbologies that count as it does."""
    return [(name, called, on == "on", COUNTS[how]) for name, called, on, how in ROW.findall(page)]


def is_true(page: str) -> bool:
    """Whether a page's table is the code's."""
    rows = table(page)
    return [name for name, *_row in rows] == [str(one) for one in Symbology] and all(
        is_on is (name in USUAL) and name in how and called.startswith(title(name))
        for name, called, is_on, how in rows
    )


def test_the_page_has_every_symbology_as_it_is() -> None:
    """Its name, what it is called, whether it is on, and how far it is believed."""
    assert is_true(PAGE)


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("| `ITF` |", "| `I25` |"),
        ("| `Codabar` | Codabar | off |", "| `Codabar` | Codabar | on |"),
        ("| EAN-8 | off | read in two ways |", "| EAN-8 | off | at once |"),
    ],
)
def test_a_page_that_says_otherwise_is_found(said: str, instead: str) -> None:
    """The test above can fail."""
    assert said in PAGE
    assert not is_true(PAGE.replace(said, instead))


def test_each_is_of_one_kind() -> None:
    """Rows of bars or a matrix, and each can be read by a library that is there."""
    assert (ALL, frozenset(), frozenset()) == (MATRIX | BARS, MATRIX & BARS, WEAK & RETAIL)
    for one in Symbology:
        assert reader_of(frozenset({one}))
        assert title(one) in off_words(one)


def test_settings_take_each_and_nothing_else(tmp_path: Path) -> None:
    """``camera.formats`` has the usual ones where nothing is said, as the sample file has."""
    assert load(None, {}, []).camera.formats == USUAL
    sample = toml.decode((ROOT / "config.toml").read_bytes())
    assert sample["camera"]["formats"] == [str(one) for one in USUAL]
    file = tmp_path / "config.toml"
    names = ", ".join(f'"{one}"' for one in Symbology)
    file.write_text(f"[camera]\nformats = [{names}]\n")
    assert load(file, {}, []).camera.formats == tuple(Symbology)
    file.write_text('[camera]\nformats = ["MaxiCode"]\n')
    with pytest.raises(ConfigError):
        load(file, {}, [])

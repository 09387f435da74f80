"""``docs/security.md``: every line of it has a test that is there, or says that it has none."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = [
    line
    for line in (ROOT / "docs" / "security.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| who |", "| --- |"))
]
PLACE = re.compile(r"`((?:tests|benchmarks)/[\w/]+\.py)(?:::(?:\.\.\.)?([\w:]+))?")


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_every_line_names_its_test(line: str) -> None:
    """Six columns; the last has files that exist, with what is named in them, or "none"."""
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    assert len(cells) == 6
    assert all(cells)
    places = PLACE.findall(cells[5])
    assert places or cells[5].startswith("none")
    for file, inside in places:
        text = (ROOT / file).read_text("utf-8")
        for name in filter(None, inside.split("::")):
            assert re.search(rf"\b(?:def|class) {name}\b", text), f"{file} has no {name}"


def test_a_line_without_a_test_is_found() -> None:
    """Mutation: a test that is not there."""
    line = "| a | b | c | d | e | `tests/cli/test_security_page.py::test_of_nothing_at_all_` |"
    with pytest.raises(AssertionError):
        test_every_line_names_its_test(line)

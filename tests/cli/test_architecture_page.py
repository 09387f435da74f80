"""The page that shows the tree shows all of it."""

import re

import pytest

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
HOUSE = PAGE[PAGE.index("## The house") : PAGE.index("### Four journeys")]
MODULES = sorted(
    path.relative_to(ROOT).with_suffix("").parts
    for package in ("gate", "sync")
    for path in (ROOT / package).rglob("*.py")
    if not path.name.startswith("__")
)


@pytest.mark.parametrize("package", ["gate", "sync"])
def test_every_part_is_in_the_tree(package: str) -> None:
    """Each file or folder beside the packages' own has a line, or a word of one."""
    tree = HOUSE[HOUSE.index(f"{package}/ ") :].split("\n```")[0]
    parts = {module[1] for module in MODULES if module[0] == package}
    assert {part for part in parts if not re.search(rf"^  .*\b{part}\b", tree, re.M)} == set()


def test_every_module_is_named() -> None:
    """By its name, or by the folder that it is in where that has a row of its own."""
    named = set(re.findall(r"`([\w/]+?)/?`", HOUSE))
    named |= {word for word in re.findall(r"^  (.*?)  ", HOUSE, re.M) for word in word.split()}
    missing = [
        "/".join(module)
        for module in MODULES
        if not {*module[2:], module[-1]} & named and len(module) > 2
    ]
    assert missing == []

"""What a plain run plays of a table of examples."""

from typing import cast

import pytest

from tests.conftest import leave_examples_out


class Example:
    """As much of a collected test as is looked at."""

    def __init__(self, nodeid: str, *markers: pytest.MarkDecorator) -> None:
        self.nodeid = nodeid
        self._markers = {one.name: one.mark for one in markers}

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return self._markers.get(name)

    def add_marker(self, marker: pytest.MarkDecorator) -> None:
        self._markers[marker.name] = marker.mark


def played(*items: Example) -> list[str]:
    leave_examples_out(cast("list[pytest.Item]", list(items)))
    return [item.nodeid for item in items if not item.get_closest_marker("long")]


def test_so_many_are_played_spread_over_the_table() -> None:
    """Three of nine; of another test beside it, which says nothing, all."""
    table = [Example(f"a[{n}]", pytest.mark.examples(3)) for n in range(9)]
    assert played(*table, Example("b[0]")) == ["a[0]", "a[3]", "a[6]", "b[0]"]


def test_what_is_long_or_wants_a_postgresql_is_no_choice() -> None:
    """So many others are played nevertheless, and one that is asked for alone is."""
    two = pytest.mark.examples(2)
    table = [
        Example("a[0]", two, pytest.mark.long),
        Example("a[1]", two),
        Example("a[2]", two, pytest.mark.postgres),
        Example("a[3]", two),
    ]
    assert played(*table) == ["a[1]", "a[2]", "a[3]"]
    assert played(Example("a[7]", two)) == ["a[7]"]

"""Which wristbands and cards positions go by, and of which that changed."""

from typing import Any

import pytest

from sync.upstream.pretix.answers import Medium
from sync.upstream.pretix.media import Media

NOW_MS = 1_796_000_000_000


def media(**bands: Any) -> Media:
    """Of bands by name: the positions of each, or all of it."""
    return Media.of(
        [
            Medium(n, name, **(one if isinstance(one, dict) else {"linked_orderpositions": one}))
            for n, (name, one) in enumerate(bands.items())
        ],
        NOW_MS,
    )


def test_a_medium_is_one_positions_or_is_shared() -> None:
    """One that is off, or has expired, is nobody's."""
    found = media(
        A=(1,), B=(2, 3), C=(1,), D=(),
        E={"linked_orderpositions": (9,), "active": False},
        F={"linked_orderpositions": (9,), "expires": "2020-01-01T00:00:00Z"},
        G={"linked_orderpositions": (4,), "expires": "2099-01-01T00:00:00Z"},
    )  # fmt: skip
    assert found.alone == {1: ("A", "C"), 4: ("G",)}
    assert found.shared == {2: ("B",), 3: ("B",)}


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ({"A": (1,)}, {"A": (1,)}, set()),
        ({"A": (1,)}, {"A": ()}, {1}),
        ({"A": (1,)}, {}, {1}),
        ({"A": (1,)}, {"A": (2,)}, {1, 2}),
        # From its own to one that it shares.
        ({"A": (1,)}, {"A": (1, 2)}, {1, 2}),
        ({"A": (1, 2)}, {"A": (2, 1)}, set()),
    ],
)
def test_a_mark_is_another_where_a_position_goes_by_other_media(
    before: dict[str, Any], after: dict[str, Any], moved: set[int]
) -> None:
    """Both that lost one and that got one."""
    was, is_ = media(**before).marks, media(**after).marks
    assert {one for one in was.keys() | is_.keys() if was.get(one) != is_.get(one)} == moved


def test_a_mark_tells_no_code() -> None:
    """It stays in tables when codes are gone; and the order of the answer is none of it."""
    bands = [
        Medium(7, "SECRET-1", linked_orderpositions=(1,)),
        Medium(3, "B", linked_orderpositions=(1, 2)),
    ]
    assert (
        Media.of(bands, NOW_MS).marks == Media.of(bands[::-1], NOW_MS).marks == {1: "3+,7", 2: "3+"}
    )

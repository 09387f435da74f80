"""How gates' clocks stand to each other, without a server to compare them with."""

from hypothesis import given
from hypothesis import strategies as st

from gate.core.hlc import Reading
from sync.session.clock_offset import WINDOW_MS, Comparison

Ways = st.lists(st.integers(0, 5000), min_size=1, max_size=20)


def hear(clocks: Comparison, at_ms: int, wall_ms: int, boot_ms: int = 1) -> None:
    clocks.heard(at_ms, Reading(wall_ms, boot_ms, "boot"))


@given(difference=st.integers(-(10**12), 10**12), here=Ways, there=Ways)
def test_the_true_difference_is_within_the_bound(
    difference: int, here: list[int], there: list[int]
) -> None:
    """However long each word was on its way; and the bound is that of the quickest ones."""
    ours, theirs = Comparison(), Comparison()
    for way in here:
        hear(ours, 10**13, 10**13 + difference + way)
    for way in there:
        hear(theirs, 10**13 + difference, 10**13 + way)
    ours.told, theirs.told = theirs.least, ours.least
    for clocks, true in ((ours, difference), (theirs, -difference)):
        found = clocks.ahead()
        assert found is not None
        ahead, error = found
        assert abs(ahead - true) <= error <= max(1, (min(here) + min(there) + 1) // 2)


def test_before_both_have_heard_nothing_is_claimed() -> None:
    """One way alone cannot tell a slow network from a slow clock."""
    clocks = Comparison()
    assert clocks.ahead() is None
    hear(clocks, 1000, 1500)
    assert clocks.ahead() is None
    clocks.told = -500
    assert clocks.ahead() == (500, 1)


def test_a_clock_that_is_set_is_not_misjudged_for_long() -> None:
    """Old words name a time that is no more: nothing is told, and after two windows the truth."""
    clocks = Comparison(told=0)
    hear(clocks, 1000, 1000)
    assert clocks.ahead() == (0, 1)
    clocks.told = -3_600_000
    assert clocks.ahead() is None
    for boot_ms in (2, WINDOW_MS + 1, 2 * WINDOW_MS + 1):
        hear(clocks, 1000, 3_601_000, boot_ms)
    assert clocks.ahead() == (3_600_000, 1)

"""How gates' clocks stand to each other, and to the server's."""

from hypothesis import given
from hypothesis import strategies as st

from gate.core.hlc import Reading
from sync.session.clock_offset import OFFSET_KEPT_S, WINDOW_MS, Comparison, ServerOffset

Ways = st.lists(st.integers(0, 5000), min_size=1, max_size=20)


def hear(clocks: Comparison, at_ms: int, wall_ms: int, boot_ms: int = 1) -> None:
    clocks.received(at_ms, Reading(wall_ms, boot_ms, "boot"))


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
    ours.theirs, theirs.theirs = theirs.least, ours.least
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
    clocks.theirs = -500
    assert clocks.ahead() == (500, 1)


def test_a_clock_that_is_set_is_not_misjudged_for_long() -> None:
    """Old words name a time that is no more: nothing is told, and after two windows the truth."""
    clocks = Comparison(theirs=0)
    hear(clocks, 1000, 1000)
    assert clocks.ahead() == (0, 1)
    clocks.theirs = -3_600_000
    assert clocks.ahead() is None
    for boot_ms in (2, WINDOW_MS + 1, 2 * WINDOW_MS + 1):
        hear(clocks, 1000, 3_601_000, boot_ms)
    assert clocks.ahead() == (3_600_000, 1)


def test_the_offset_is_half_the_way_there_and_back() -> None:
    """The server's clock is read in the middle; the error is half of what the way took."""
    offset = ServerOffset()
    offset.measured(1_000, 1_081, 6_040, 100.0)
    assert (offset.ahead_ms, offset.error_ms) == (5_000, 41)
    offset = ServerOffset()
    offset.measured(1_000, 1_000, 400, 100.0)
    assert (offset.ahead_ms, offset.error_ms) == (-600, 1)


def test_a_server_that_tells_no_time_is_no_measurement() -> None:
    """0 is what an answer says that carries no clock."""
    offset = ServerOffset()
    offset.measured(1_000, 1_080, 0, 100.0)
    assert (offset.ahead_ms, offset.error_ms) == (None, None)


def test_a_much_worse_measurement_does_not_replace_a_good_one() -> None:
    """Twice the error is taken, more is not; after ten minutes anything is better than the old."""
    now_s = 100.0
    offset = ServerOffset()
    offset.measured(0, 20, 1_010, now_s)
    offset.measured(0, 42, 2_021, now_s)
    assert (offset.ahead_ms, offset.error_ms) == (1_000, 10)
    offset.measured(0, 40, 2_020, now_s)
    assert (offset.ahead_ms, offset.error_ms) == (2_000, 20)
    now_s += OFFSET_KEPT_S
    offset.measured(0, 1_000, 3_500, now_s)
    assert (offset.ahead_ms, offset.error_ms) == (2_000, 20)
    now_s += 1
    offset.measured(0, 1_000, 3_500, now_s)
    assert (offset.ahead_ms, offset.error_ms) == (3_000, 500)

"""One code in view is one scan; a different code never waits."""

from hypothesis import given
from hypothesis import strategies as st

from gate.scanner.debounce import REMEMBERED, Debounce


def test_a_code_in_view_is_one_scan() -> None:
    """Held up for a minute it is read once."""
    debounce = Debounce()
    assert [debounce.in_view("A", t) for t in range(0, 60_000, 40)] == [True] + [False] * 1499


def test_the_same_code_must_leave_the_view_and_seconds_must_pass() -> None:
    """Out of view for 0.8 s and 3 s since its scan: only both make a new one."""
    debounce = Debounce()
    assert debounce.in_view("A", 0)
    assert not debounce.in_view("A", 1000), "out of view, but too soon"
    assert not debounce.in_view("A", 2500), "again"
    assert not debounce.in_view("A", 3200), "late enough, but never out of view"
    assert debounce.in_view("A", 4000)


def test_a_different_code_never_waits() -> None:
    """Two tickets in turn are both scans, at once."""
    debounce = Debounce()
    assert debounce.in_view("A", 0)
    assert debounce.in_view("B", 1)
    assert not debounce.in_view("A", 2)
    assert debounce.scanned("C", 3)


def test_a_scanners_double_is_dropped_and_a_second_reading_passes() -> None:
    """Within 1.5 s it is the scanner stuttering, later it is for the lane to judge."""
    debounce = Debounce()
    assert debounce.scanned("A", 0)
    assert not debounce.scanned("A", 1499)
    assert debounce.scanned("A", 1500)


def test_camera_and_scanner_share_one_memory() -> None:
    """A ticket read by the camera and then by the scanner's beam is one scan."""
    debounce = Debounce()
    assert debounce.in_view("A", 0)
    assert not debounce.scanned("A", 800)
    assert debounce.scanned("B", 900)
    assert not debounce.in_view("B", 1000)


def test_after_a_fault_the_same_code_may_come_again() -> None:
    """What is forgotten is new."""
    debounce = Debounce()
    assert debounce.in_view("A", 0)
    debounce.forget("A")
    assert debounce.in_view("A", 1)


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 3000)), max_size=60))
def test_the_first_sight_of_a_code_always_passes(steps: list[tuple[str, int]]) -> None:
    """Whatever else was seen, a code not seen before is a scan."""
    debounce, now, seen = Debounce(), 0, set()
    for code, wait in steps:
        now += wait
        passed = debounce.in_view(code, now)
        assert passed or code in seen
        seen.add(code)


def test_its_memory_is_bounded() -> None:
    """A film of ever new codes does not fill the memory."""
    debounce = Debounce()
    for n in range(REMEMBERED * 3):
        assert debounce.in_view(str(n), n)
    assert len(debounce._seen) <= REMEMBERED

"""One ticket in view is one scan; a different ticket never waits."""

from hypothesis import given
from hypothesis import strategies as st

from gate.capture.debounce import READ_MS, REMEMBERED, Debounce
from gate.capture.glimpse import Glimpse
from gate.core.ticket import Kind, Ticket, TicketType
from gate.core.verdict import Scan

SHOW = TicketType("SHOW", Kind.MEETING)


def ticket(name: str, text: str = "") -> Glimpse:
    return Glimpse(Scan(text or name), Ticket(name, SHOW))


def in_view(debounce: Debounce, name: str, now_ms: int) -> bool:
    """What is new is decided at once."""
    is_new = debounce.in_view(f"={name}", now_ms)
    if is_new:
        debounce.decided(ticket(name), now_ms)
    return is_new


def scanned(debounce: Debounce, name: str, now_ms: int) -> bool:
    is_new = debounce.scanned(f"={name}", now_ms)
    if is_new:
        debounce.decided(ticket(name), now_ms)
    return is_new


def test_a_code_in_view_is_one_scan() -> None:
    """Held up for a minute it is read once."""
    debounce = Debounce()
    seen = [in_view(debounce, "A", t) for t in range(0, 60_000, 40)]
    assert seen == [True] + [False] * 1499


def test_the_same_code_must_leave_the_view_and_seconds_must_pass() -> None:
    """Out of view for 0.8 s and 3 s since its scan: only both make a new one."""
    debounce = Debounce()
    assert in_view(debounce, "A", 0)
    assert not in_view(debounce, "A", 1000), "out of view, but too soon"
    assert not in_view(debounce, "A", 2500), "again"
    assert not in_view(debounce, "A", 3200), "late enough, but never out of view"
    assert in_view(debounce, "A", 4000)


def test_what_was_held_must_only_leave_the_view() -> None:
    """After a WAIT nobody has to wait for seconds, but holding the code up is one scan."""
    debounce = Debounce()
    assert in_view(debounce, "A", 0)
    debounce.held("=A")
    assert not any(in_view(debounce, "A", t) for t in range(40, 10_000, 40))
    assert in_view(debounce, "A", 10_800)


def test_what_was_held_is_new_after_another_code() -> None:
    """Another code ends the WAIT, unless what was held has stayed in view."""
    debounce = Debounce()
    assert in_view(debounce, "A", 0)
    debounce.held("=A")
    assert in_view(debounce, "B", 100)
    assert in_view(debounce, "A", 400)
    debounce.held("=A")
    assert in_view(debounce, "C", 410)
    assert not any(in_view(debounce, "A", t) for t in range(440, 2000, 40))


def test_a_different_code_never_waits() -> None:
    """Two tickets in turn are both scans, at once."""
    debounce = Debounce()
    assert in_view(debounce, "A", 0)
    assert in_view(debounce, "B", 1)
    assert not in_view(debounce, "A", 2)
    assert scanned(debounce, "C", 3)


def test_a_scanners_double_is_dropped_and_a_second_reading_passes() -> None:
    """Within 1.5 s it is the scanner stuttering, later it is for the lane to judge."""
    debounce = Debounce()
    assert scanned(debounce, "A", 0)
    assert not scanned(debounce, "A", 1499)
    assert scanned(debounce, "A", 1500)


def test_camera_and_scanner_share_one_memory() -> None:
    """A ticket read by the camera and then by the scanner's beam is one scan."""
    debounce = Debounce()
    assert in_view(debounce, "A", 0)
    assert not scanned(debounce, "A", 800)
    assert scanned(debounce, "B", 900)
    assert not in_view(debounce, "B", 1000)


def test_after_a_fault_the_same_code_may_come_again() -> None:
    """What is forgotten is new."""
    debounce = Debounce()
    assert scanned(debounce, "A", 0)
    debounce.forget("=A")
    assert scanned(debounce, "A", 1)


def test_a_verdict_gives_way_to_another_ticket_only() -> None:
    """An unknown code, the same ticket, and the text that was unknown wait to be told."""
    debounce = Debounce()
    debounce.decided(ticket("A", "a1"), 1000)
    assert debounce.readable_ms(ticket("B")) == 0
    assert debounce.readable_ms(ticket("A", "a2")) == 1000 + READ_MS
    assert debounce.readable_ms(Glimpse(Scan("x"))) == 1000 + READ_MS
    debounce.decided(Glimpse(Scan("x")), 2000)
    assert debounce.readable_ms(ticket("X", "x")) == 2000 + READ_MS
    debounce.shown(2020)
    assert debounce.readable_ms(Glimpse(Scan("y"))) == 2020 + READ_MS


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 3000)), max_size=60))
def test_the_first_sight_of_a_code_always_passes(steps: list[tuple[str, int]]) -> None:
    """Whatever else was seen, a code not seen before is a scan."""
    debounce, now, seen = Debounce(), 0, set()
    for code, wait in steps:
        now += wait
        passed = in_view(debounce, code, now)
        assert passed or code in seen
        seen.add(code)


def test_its_memory_is_bounded() -> None:
    """A film of ever new codes does not fill the memory."""
    debounce = Debounce()
    for n in range(REMEMBERED * 3):
        assert in_view(debounce, str(n), n)
    assert len(debounce._seen) <= REMEMBERED

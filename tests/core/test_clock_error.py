"""What the true time is: bounds that hold, contradictions, a drift that is told in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core import clock_error
from gate.core.clock_error import (
    DRIFT,
    TOLD_MS,
    WIDEST_MS,
    ClockState,
    ClockWatch,
    Measured,
    Source,
    TrueTime,
    among_peers,
    true_time,
)

TRUE_ZERO_MS = 1_798_000_000_000
"""The true time when the boot clock showed 0."""


def honest(
    source: Source, wrong_ms: int, error_ms: int, boot_ms: int, now_ms: int, drift: float
) -> Measured:
    """A measurement within its error, of a boot clock that drifts since by a part of its limit."""
    drifted_ms = round((now_ms - boot_ms) / DRIFT * drift)
    wrong_ms = max(-error_ms, min(error_ms, wrong_ms))
    return Measured(source, TRUE_ZERO_MS + wrong_ms + drifted_ms, error_ms, boot_ms)


MEASURED = st.builds(
    honest,
    st.sampled_from(list(Source)),
    st.integers(-60_000, 60_000),
    st.integers(1, 60_000),
    st.integers(0, 10**7),
    st.just(10**8),
    st.floats(-1, 1),
)


@given(st.lists(MEASURED, min_size=1, max_size=5))
def test_the_bound_of_honest_measurements_holds(measured: list[Measured]) -> None:
    """However old they are and however the clock has drifted since: it is never outside."""
    assert holds(measured)


def holds(measured: list[Measured]) -> bool:
    """Whether the true time is within what they come to, to a whole millisecond."""
    found = true_time(measured, 10**8)
    assert found is not None
    is_within = found.earliest_ms - 1 <= TRUE_ZERO_MS + 10**8 <= found.latest_ms + 1
    return found.agrees and is_within


def test_mutation_a_bound_that_does_not_grow_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no clock drifted."""
    monkeypatch.setattr(clock_error, "DRIFT", 10**12)
    assert not holds([honest(Source.SERVER, 0, 1, 0, 10**8, 0.9)])


@given(st.lists(MEASURED, min_size=1, max_size=4), st.integers(-(10**9), 10**9))
def test_one_that_is_wrong_makes_it_wide_and_not_wrong(
    measured: list[Measured], wrong_ms: int
) -> None:
    """With one liar at first hand, what the honest say is still within."""
    first_hand = [Measured(Source.SERVER, m.zero_ms, m.error_ms, m.boot_ms) for m in measured]
    liar = Measured(Source.WATCH, TRUE_ZERO_MS + wrong_ms, 10, 10**8)
    found = true_time([*first_hand, liar], 10**8)
    assert found is not None
    if not found.agrees:
        assert found.earliest_ms - 1 <= TRUE_ZERO_MS + 10**8 <= found.latest_ms + 1


def test_other_gates_are_asked_only_where_nobody_knows() -> None:
    """A member may lie: beside the server it is not even heard."""
    server = Measured(Source.SERVER, 1000, 10, 0)
    lies = Measured(Source.RELAYED, 9_000_000, 1, 0)
    assert true_time([server, lies], 0) == TrueTime(990, 1010, (Source.SERVER,))
    assert true_time([lies], 0) == TrueTime(8_999_999, 9_000_001, (Source.RELAYED,))
    assert true_time([], 0) is None


def test_those_who_contradict_each_other_tell_nothing_soon() -> None:
    """A watch and a server half an hour apart: no rule goes by either."""
    watch, server = Measured(Source.WATCH, 0, 60_000, 0), Measured(Source.SERVER, 1_800_000, 10, 0)
    found = true_time([watch, server], 0)
    assert found is not None
    assert not found.agrees
    assert not found.is_telling
    assert found.error_ms > WIDEST_MS


def test_gates_among_themselves_have_a_middle() -> None:
    """Its error is as far as any of them is off, and what comparing them has cost."""
    assert among_peers([]) is None
    assert among_peers([(100, 2)]) == (50, 52)
    assert among_peers([(0, 1), (10, 3), (20_000, 2)]) == (5, 19_998)


def test_a_drift_is_told_once_and_that_it_is_over() -> None:
    """Ten seconds off is told; at the edge nothing flaps; a bound that has grown is told too."""
    watch = ClockWatch()

    def look(off_ms: int, error_ms: int = 10) -> ClockState | None:
        return watch.look(TrueTime(-error_ms, error_ms, (Source.SERVER,)), off_ms)

    assert look(0) is None
    assert look(TOLD_MS) is None
    assert look(TOLD_MS + 100) is ClockState.OFF
    assert look(TOLD_MS - 100) is None
    assert watch.look(None, 0) is None
    assert look(1000) is ClockState.RIGHT
    assert look(0, TOLD_MS + 1) is ClockState.UNSURE
    assert look(0, TOLD_MS - 1) is None
    assert look(0, 100) is ClockState.RIGHT

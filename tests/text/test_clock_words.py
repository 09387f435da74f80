"""How far the clock is off, in words."""

import pytest

from gate.core.clock_error import ClockState, Source, TrueTime
from gate.text.clock_words import bound_words, clock_line

SERVER = (Source.SERVER,)


@pytest.mark.parametrize(
    ("known", "at_ms", "words"),
    [
        (TrueTime(-50, 50, SERVER), 0, "right to 0.05 s, by the server"),
        (TrueTime(-6500, 6500, SERVER), 9000, "right to 6.5 s, by the server"),
        (TrueTime(-50, 50, SERVER), 40_000, "40 s fast by the server, ± 0.05 s"),
        (TrueTime(-50, 50, SERVER), -7_200_000, "120 min slow by the server, ± 0.05 s"),
        (
            TrueTime(0, 1_800_000, (Source.SERVER, Source.WATCH), agrees=False), 0,
            "the server, a supervisor's watch contradict each other, by 30 min",
        ),
    ],
)  # fmt: skip
def test_how_far_it_is_off(known: TrueTime, at_ms: int, words: str) -> None:
    """With the bound, and by whose word."""
    assert bound_words(known, at_ms) == words


def test_what_is_told_of_a_clock() -> None:
    """What it is, and what to do."""
    off, unsure = TrueTime(-50, 50, SERVER), TrueTime(-12_000, 12_000, SERVER)
    assert clock_line(ClockState.OFF, off, 40_000) == (
        "This gate's clock: 40 s fast by the server, ± 0.05 s. Set it on F9."
    )
    assert clock_line(ClockState.UNSURE, unsure, 0) == (
        "This gate is not sure of the time: right to 12 s, by the server. Connect it, or see F9."
    )
    assert clock_line(ClockState.RIGHT, off, 0) == "This gate's clock is right again."

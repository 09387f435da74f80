"""How an upstream stands, in words: when somebody has to look, and what there is to do."""

import pytest

from gate.core.upstream_state import SILENT_MS, UpstreamState
from gate.text.upstream_words import remedy, trouble_line, upstream_line

WELL = UpstreamState("pretix", is_complete=True, heard_ago_ms=4000)


@pytest.mark.parametrize(
    ("state", "stuck"),
    [
        (WELL, False),
        (UpstreamState("pretix", heard_ago_ms=4000, waiting=3, oldest_ago_ms=900), False),
        (UpstreamState("pretix", heard_ago_ms=4000, waiting=3, oldest_ago_ms=SILENT_MS), True),
        (UpstreamState("pretix", heard_ago_ms=4000, error="away"), False),
        (UpstreamState("pretix", heard_ago_ms=SILENT_MS, error="away"), True),
        (UpstreamState("pretix", error="away"), True),
        (UpstreamState("pretix", heard_ago_ms=4000, error="out", is_stopped=True), True),
        (UpstreamState("pretix", heard_ago_ms=4000, failed=3), False),
        (UpstreamState("pretix", heard_ago_ms=4000, missing=3), True),
    ],
)
def test_only_what_does_not_heal_by_itself_is_trouble(state: UpstreamState, stuck: bool) -> None:
    """What a person has to do is told with it, and nothing where nobody has to."""
    assert state.is_stuck is stuck
    assert bool(trouble_line(state)) is stuck
    if stuck:
        assert remedy(state) in trouble_line(state)
        assert remedy(state)


def test_a_line_has_what_there_is() -> None:
    """Last contact with its age by now, backlog, what was not taken, what is missing."""
    state = UpstreamState(
        "pretix", is_complete=True, heard_ago_ms=4000, waiting=2, oldest_ago_ms=60_000, failed=1,
        missing=5, error="pretix answers 500",
    )  # fmt: skip
    assert upstream_line(state, since_ms=1000) == (
        "pretix · heard 5 s ago · 2 still to be told, the oldest due 1 min ago · 1 not taken · "
        "5 tickets missing there · pretix answers 500."
    )
    assert upstream_line(UpstreamState("pretix", done=3)) == (
        "pretix · never heard · tickets on their way: 3 of ?"
    )


def test_what_it_says_is_a_stranger_s_text() -> None:
    """No control character of an answer reaches a terminal."""
    assert "\x1b" not in upstream_line(UpstreamState("pretix", error="\x1b[2J"))

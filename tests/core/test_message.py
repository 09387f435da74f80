"""A message to gates: what can be sent, whom it is for, and when it is old."""

import pytest

from gate.core.entry import Act, Entry
from gate.core.message import (
    GATE_NAME,
    MOST_CHARACTERS,
    MOST_GATES,
    SHOWN_FOR_MS,
    SLACK_MS,
    NoMessageError,
    gates_of,
    is_for,
    is_news,
    sent_ms,
    text_of,
)
from tests.support.venue import NOW_MS


def message(*gates: str, at_ms: int = NOW_MS, **more: int | None) -> Entry:
    said = {"act": Act.MESSAGE, "at_ms": at_ms, "boot_ms": 0, "hlc": 1, "note": "x"} | more
    return Entry("a" * 16 + ".1", 1, "", covers=gates, **said)  # type: ignore[arg-type]


def test_a_text_is_one_line_of_at_most_200_characters() -> None:
    """Of any script; spaces at its ends and lines do not count."""
    assert text_of("  evacuate\n\nNOW ") == "evacuate NOW"
    assert text_of("疏" * MOST_CHARACTERS) == "疏" * MOST_CHARACTERS
    for text in ("", " \n ", "x" * (MOST_CHARACTERS + 1)):
        with pytest.raises(NoMessageError):
            text_of(text)


def test_gates_are_named_once_and_not_too_many() -> None:
    """An empty name is none."""
    assert gates_of([" East", "", "West ", "East"]) == ("East", "West")
    for names in ([str(n) for n in range(MOST_GATES + 1)], ["x" * (GATE_NAME + 1)]):
        with pytest.raises(NoMessageError):
            gates_of(names)


def test_it_is_for_who_is_named_or_for_all() -> None:
    """However the name is written."""
    assert is_for(message(), {"North"})
    assert is_for(message("east", "NORTH"), {"North"})
    assert not is_for(message("East"), {"North", ""})


@pytest.mark.parametrize(
    ("sent", "is_shown"),
    [
        (NOW_MS, True),
        (NOW_MS - SHOWN_FOR_MS, True),
        (NOW_MS - SHOWN_FOR_MS - 1, False),
        (NOW_MS + 86_400_000, True),
    ],
)
def test_an_hour_later_it_is_history(sent: int, *, is_shown: bool) -> None:
    """Whether the clocks were compared or not."""
    assert is_news(message(), sent, 0, NOW_MS) is is_shown
    assert is_news(message(at_ms=sent), None, 0, NOW_MS) is is_shown


def test_what_was_sent_before_the_lane_opened_is_not_shown() -> None:
    """But for what clocks that were compared may differ; and it is shown where none were."""
    opened_ms = NOW_MS - 60_000
    assert is_news(message(), opened_ms - SLACK_MS, opened_ms, NOW_MS)
    assert not is_news(message(), opened_ms - SLACK_MS - 1, opened_ms, NOW_MS)
    assert is_news(message(at_ms=opened_ms - 10 * SLACK_MS), None, opened_ms, NOW_MS)


def test_clocks_that_are_wrong_hide_no_message() -> None:
    """A sender whose clock is a day behind, a reader's that is a day ahead: the time is the same.

    The mutation beside it, to go by the sender's clock alone, hides it.
    """
    day_ms = 86_400_000
    here_ms = NOW_MS + day_ms
    behind = message(at_ms=NOW_MS - day_ms + 5000, offset_ms=5000, server_ahead_ms=day_ms)
    sent = sent_ms(behind, -day_ms, None)
    assert sent == here_ms
    assert is_news(behind, sent, here_ms - 1000, here_ms)
    assert not is_news(behind, behind.at_ms, here_ms - 1000, here_ms)
    assert sent_ms(message(), None, 2 * day_ms) == NOW_MS + 2 * day_ms
    assert sent_ms(message(), 0, None) is None
    assert sent_ms(message(server_ahead_ms=0), None, None) is None

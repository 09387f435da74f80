"""A gate that falls silent with its lane open is said once, and once that it is heard again."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from gate.core import silence
from gate.core.coverage import OtherLane
from gate.core.silence import SILENT_AFTER_MS, Silence
from gate.text.connectivity_words import silence_words

NORTH = OtherLane("1" * 16, "North", active=True)
ZONE = ZoneInfo("Asia/Shanghai")


def seen(watch: Silence, now_ms: int, *lanes: OtherLane) -> list[tuple[str, bool]]:
    return [(change.lane.name, change.is_heard) for change in watch.look(lanes, now_ms)]


def heard(lane: OtherLane, at_ms: int) -> OtherLane:
    return replace(lane, lan_boot_ms=at_ms)


def evening(watch: Silence) -> list[tuple[str, bool]]:
    """North is heard, falls silent, stays so, and comes back."""
    changes = []
    for now_ms in range(0, 200_000, 2000):
        last_ms = now_ms if now_ms < 50_000 or now_ms > 150_000 else 49_000
        changes += seen(watch, now_ms, heard(NORTH, last_ms))
    return changes


def test_each_is_said_once() -> None:
    """However often is looked."""
    assert evening(Silence()) == [("North", False), ("North", True)]


def test_it_is_said_no_sooner_than_it_is_long() -> None:
    """A stumble of the network is none."""
    watch = Silence()
    assert seen(watch, 0, heard(NORTH, 0)) == []
    assert seen(watch, SILENT_AFTER_MS, heard(NORTH, 0)) == []
    assert seen(watch, SILENT_AFTER_MS + 1, heard(NORTH, 0)) == [("North", False)]


@pytest.mark.parametrize("is_silent_before", [False, True])
def test_a_lane_that_was_closed_or_retired_is_not_missed(*, is_silent_before: bool) -> None:
    """Nor one that was ended by a signal, which closes it: not before, and not after."""
    watch = Silence()
    seen(watch, 0, heard(NORTH, 0))
    if is_silent_before:
        assert seen(watch, 60_000, heard(NORTH, 0)) == [("North", False)]
    closed = replace(heard(NORTH, 0), active=False)
    assert seen(watch, 90_000, closed) == []
    assert seen(watch, 99_000, replace(closed, lan_boot_ms=99_000)) == []
    # It opens again: that it is heard is no news.
    assert seen(watch, 99_500, heard(NORTH, 99_500)) == []


def test_who_was_never_heard_is_no_news() -> None:
    """A lane that was silent when this one opened is told of by every verdict, not here."""
    assert seen(Silence(), 10**6, heard(NORTH, 0), NORTH) == []


def test_mutation_a_watch_that_forgets_says_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were every look a new one, nobody would ever be missed; the first test would see that."""
    real = silence.Silence.look

    def look(self: Silence, lanes: object, now_ms: int) -> object:
        self._heard.clear()
        return real(self, lanes, now_ms)  # type: ignore[arg-type]

    monkeypatch.setattr(silence.Silence, "look", look)
    assert evening(Silence()) != [("North", False), ("North", True)]


def test_the_lines_name_all_at_once_and_escape_them() -> None:
    """When the network goes, that is one line; a name cannot move a cursor."""
    watch = Silence()
    odd = OtherLane("2" * 16, "So\x1buth", active=True)
    watch.look([heard(NORTH, 0), heard(odd, 0)], 0)
    gone = watch.look([heard(NORTH, 0), heard(odd, 0)], 60_000)
    (line,) = silence_words(gone, 60_000, 60_000, ZONE)
    assert line == (
        "Silent with its lane open: North unheard since 08:00, So\\x1buth unheard since 08:00"
    )
    back = watch.look([heard(NORTH, 61_000)], 61_000)
    assert silence_words(back, 61_000, 61_000, ZONE) == ["Heard again: North"]
    assert silence_words([], 0, 0, ZONE) == []

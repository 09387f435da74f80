"""Automatic check-out, derived: when it was, and who still was inside."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gate.core import check_out
from gate.core.check_out import CheckOut, checked_out, inside_of, last_one, latest, still_inside
from gate.core.entry import Act, Entry
from gate.core.history import fold

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3_600_000
FOUR = 100 * HOUR


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def entry(act: Act, at_ms: int, seq: int, **more: Any) -> Entry:
    said: dict[str, Any] = {"persons": 1, "uses": int(act is Act.ADMISSION)} | more
    return Entry(
        origin="a.1", seq=seq, prev="", act=act, at_ms=at_ms, boot_ms=0, hlc=at_ms << 16,
        ticket="t", ticket_type="SHOW", gate="North", **said,
    )  # fmt: skip


def came(at_ms: int, seq: int = 1, **more: Any) -> Entry:
    return entry(Act.ADMISSION, at_ms, seq, **more)


def went(at_ms: int, seq: int = 2, **more: Any) -> Entry:
    return entry(Act.EXIT, at_ms, seq, **more)


@pytest.mark.parametrize(
    ("at", "now", "was"),
    [
        ("04:00", "2026-06-02T04:00:00+02:00", "2026-06-02T04:00:00+02:00"),
        ("04:00", "2026-06-02T03:59:59+02:00", "2026-06-01T04:00:00+02:00"),
        ("23:30", "2026-06-02T00:10:00+02:00", "2026-06-01T23:30:00+02:00"),
        # The clocks leave out 02:00 to 03:00 on 29 March, and show it twice on 25 October.
        ("02:30", "2026-03-29T12:00:00+02:00", "2026-03-29T03:30:00+02:00"),
        ("02:30", "2026-10-25T12:00:00+01:00", "2026-10-25T02:30:00+01:00"),
        ("02:30", "2026-10-25T02:29:00+01:00", "2026-10-24T02:30:00+02:00"),
    ],
)
def test_the_last_check_out_is_by_the_clocks_of_the_zone(at: str, now: str, was: str) -> None:
    """Every day once, also on days on which the clocks are changed."""
    assert latest(at, BERLIN, ms(now)) == ms(was)


def test_a_clock_that_is_off_checks_out_as_soon_as_it_may_be_time_and_says_so() -> None:
    """Nobody is turned away by a check-out that has come at one end of what the time may be."""
    four = ms("2026-06-02T04:00:00+02:00")
    assert last_one("04:00", BERLIN, four, (four - 5, four + 5)) == CheckOut(four, in_doubt=True)
    assert last_one("04:00", BERLIN, four, (four, four + 5)) == CheckOut(four)
    assert last_one("04:00", BERLIN, four, None).in_doubt


@pytest.mark.parametrize(
    ("facts", "inside"),
    [
        ([came(FOUR - 1)], 1),
        ([came(FOUR + 1)], 0),
        ([came(FOUR - 1), went(FOUR)], 0),
        # Who goes after it has gone, and is not to be taken off twice.
        ([came(FOUR - 1), went(FOUR + 1)], 0),
        ([came(FOUR - 1), came(FOUR + 1, 2)], 1),
        ([came(FOUR - 1), went(FOUR + 1), came(FOUR + 2, 3)], 0),
        ([came(FOUR - 2, persons=3), went(FOUR - 1)], 2),
        # An exit that nobody came in before takes nobody off.
        ([went(FOUR - 2), came(FOUR - 1, 3)], 1),
        ([came(FOUR - 1), entry(Act.ANNULMENT, FOUR + 1, 2, target="a.1:1")], 0),
    ],
)  # fmt: skip
def test_who_is_still_inside_is_who_came_before_and_has_not_gone(
    facts: list[Entry], inside: int
) -> None:
    """In whatever order the entries come, and once it is kept it is not asked for again."""
    assert still_inside(facts, FOUR) == still_inside(facts[::-1], FOUR) == inside
    found = inside_of(facts, FOUR)
    assert (found.persons if found else 0) == inside
    if inside:
        assert not still_inside([*facts, went(FOUR, 9, persons=inside)], FOUR)


def test_a_history_after_it_is_that_of_somebody_who_has_gone() -> None:
    """Who came in after it stays inside; the use stays used."""
    facts = [came(FOUR - 1), came(FOUR + 1, 2)]
    both = checked_out(fold(facts), facts, CheckOut(FOUR))
    assert (both.inside, both.used, both.last) == (1, 2, fold(facts).last)
    one = checked_out(fold(facts[:1]), facts[:1], CheckOut(FOUR))
    assert one.last is not None
    assert (one.inside, one.used, one.last.act, one.last.at_ms) == (0, 1, Act.EXIT, FOUR)


def test_mutation_counting_without_times_checks_out_who_has_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the times are for: without them who came after it would be outside too."""
    facts = [came(FOUR - 1), came(FOUR + 1, 2)]
    monkeypatch.setattr(
        "gate.core.check_out.still_inside", lambda entries, *_more: fold(entries).inside
    )
    assert check_out.checked_out(fold(facts), facts, CheckOut(FOUR)).inside == 0

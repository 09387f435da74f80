"""Validity in the ticket type's own zone."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.ticket import Kind, TicketType, WeeklyHours
from gate.core.validity import is_open, same_day, term

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str, zone: str = "Asia/Shanghai") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def test_the_documented_ninety_days() -> None:
    """A claim on 1 October with 90 days ends with 29 December (WeChat, redeeming a card)."""
    kind = TicketType("T", Kind.SCENIC, time_zone="Asia/Shanghai", term_days=90)
    assert term(kind, at("2013-10-01 15:00")) == (at("2013-10-01"), at("2013-12-29 23:59:59"))


def test_the_measured_ninety_days() -> None:
    """A recorded answer of the card API: begin 1467043200, end 1474819199."""
    kind = TicketType("T", Kind.SCENIC, time_zone="Asia/Shanghai", term_days=90)
    assert term(kind, 1467043200 + 40_000) == (1467043200, 1474819199)


def test_a_term_is_whole_days_across_a_clock_change() -> None:
    """In a zone with summer time a day may have 23 hours and is still one day."""
    kind = TicketType("T", Kind.SCENIC, time_zone="Europe/Berlin", term_days=1)
    begin, end = term(kind, at("2026-03-29 12:00", "Europe/Berlin"))
    assert end + 1 - begin == 23 * 3600


@given(claimed=st.integers(0, 2**32), days=st.integers(1, 400), later=st.integers(0, 400))
def test_a_term_begins_and_ends_at_midnight(claimed: int, days: int, later: int) -> None:
    """Whatever the moment of claim, the term is midnight to midnight in the type's zone."""
    kind = TicketType(
        "T", Kind.SCENIC, time_zone="Asia/Shanghai", term_days=days, term_starts_after_days=later
    )
    begin, end = term(kind, claimed)
    first, after = (datetime.fromtimestamp(t, SHANGHAI) for t in (begin, end + 1))
    claim_day = datetime.fromtimestamp(claimed, SHANGHAI).date()
    assert (first.hour, first.minute, after.hour, after.minute) == (0, 0, 0, 0)
    assert (first.date() - claim_day).days == later
    assert (after.date() - first.date()).days == days


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20 17:59:59", False),
        ("2026-11-20 18:00", True),
        ("2026-11-20 23:59", True),
        ("2026-11-21 01:59:59", True),
        ("2026-11-21 02:00:59", True),
        ("2026-11-21 02:01", False),
        ("2026-11-21 18:00", False),
    ],
)
def test_friday_evening_runs_past_midnight(moment: str, expected: bool) -> None:
    """Friday 18:00 to 02:00 covers the early Saturday, its last minute whole."""
    kind = TicketType(
        "T", Kind.SCENIC, time_zone="Asia/Shanghai", weekly=(WeeklyHours(5, 18 * 60, 2 * 60),)
    )
    assert is_open(kind, at(moment)) is expected


def test_the_gates_tolerance_widens_the_hours() -> None:
    """Early and late seconds of the gate count before and after the hours."""
    kind = TicketType(
        "T", Kind.SCENIC, time_zone="Asia/Shanghai", weekly=(WeeklyHours(5, 600, 659),)
    )
    assert not is_open(kind, at("2026-11-20 09:50"))
    assert is_open(kind, at("2026-11-20 09:50"), early_s=600)
    assert not is_open(kind, at("2026-11-20 11:05"))
    assert is_open(kind, at("2026-11-20 11:05"), late_s=301)


def test_days_are_the_types_days() -> None:
    """Half past midnight in Shanghai is a new day though UTC still has the old one."""
    kind = TicketType("T", Kind.SCENIC, time_zone="Asia/Shanghai")
    assert not same_day(kind, at("2026-11-20 23:30"), at("2026-11-21 00:30"))
    assert same_day(kind, at("2026-11-21 00:30"), at("2026-11-21 23:30"))

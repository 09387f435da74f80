"""Up to when all that another device did is held here, by whatever way it was told."""

import random
from dataclasses import dataclass, field

import pytest

from gate.core.coverage import Coverage, OtherLane, coverage
from gate.core.outcome import Basis
from sync.session.watermarks import (
    SAMPLE_MS,
    WAITING,
    ClockBound,
    ServerClock,
    Watermark,
    Watermarks,
    Way,
)
from sync.wire import SyncRequestStamp, SyncResponseStamp
from sync.wire import Watermark as Mark

SOUTH = "1" * 16


@dataclass
class Store:
    """Entries of one device, held up to a number."""

    held: int = 0
    asked: list[str] = field(default_factory=list)

    def lacking(self, tip: str) -> int:
        self.asked.append(tip)
        return max(0, int(tip or 0) - self.held)


def test_what_is_heard_counts_once_it_is_held() -> None:
    """A word of 1,500 entries says nothing of a lane until the last of them is here."""
    store = Store()
    marks = Watermarks(store.lacking)
    marks.note(SOUTH, Way.LAN, Watermark("1500", 1000))
    assert (marks.held_boot_ms(SOUTH, Way.LAN), marks.behind(SOUTH)) == (None, 1500)
    store.held = 1499
    marks.look_again()
    assert (marks.held_boot_ms(SOUTH, Way.LAN), marks.behind(SOUTH)) == (None, 1)
    store.held = 1500
    marks.look_again()
    assert (marks.held_boot_ms(SOUTH, Way.LAN), marks.behind(SOUTH)) == (1000, 0)
    assert marks.held_boot_ms(SOUTH, Way.CENTRAL) is None


def test_a_device_that_has_done_nothing_is_held_at_once() -> None:
    """Its tip is empty: there is nothing to lack."""
    marks = Watermarks(Store().lacking)
    marks.note(SOUTH, Way.CENTRAL, Watermark("", 7))
    assert marks.held_boot_ms(SOUTH, Way.CENTRAL) == 7


def test_who_is_always_a_little_ahead_is_followed() -> None:
    """However many words wait, the next to be reached is kept, and so the moment goes on."""
    store = Store()
    marks = Watermarks(store.lacking)
    for second in range(100):
        marks.note(SOUTH, Way.LAN, Watermark(str(10 * second), 1000 * second))
        store.held = 10 * (second - 2 * WAITING)
        marks.look_again()
    held = marks.held_boot_ms(SOUTH, Way.LAN)
    assert held is not None
    assert held >= 1000 * (99 - 3 * WAITING)


def test_an_older_word_from_another_hand_takes_nothing_back() -> None:
    """Words come by several gates, late and out of order."""
    store = Store(held=5)
    marks = Watermarks(store.lacking)
    for tip, at_ms in (("5", 500), ("9", 900), ("4", 400), ("5", 600)):
        marks.note(SOUTH, Way.LAN, Watermark(tip, at_ms))
    assert marks.held_boot_ms(SOUTH, Way.LAN) == 600
    assert marks.newest(SOUTH) == Watermark("9", 900)
    store.held = 9
    marks.look_again()
    assert marks.held_boot_ms(SOUTH, Way.LAN) == 900


@pytest.mark.parametrize("seed", range(20))
def test_a_bound_between_clocks_is_never_too_much(seed: int) -> None:
    """Whatever the way takes, each way, and however the clocks drift within what kernels do."""
    chance = random.Random(seed)
    off_ms, rate = chance.uniform(-1e9, 1e9), 1 + chance.uniform(-5e-4, 5e-4)

    def theirs_at(true_ms: float) -> int:
        return int(off_ms + true_ms * rate)

    bound, true_ms = ClockBound(), 0.0
    for _ in range(300):
        true_ms += chance.choice([1, 40, 500, 20_000])
        stamped_ms = int(true_ms)
        true_ms += chance.choice([0, 0.3, 2, 900])
        came_ms = theirs_at(true_ms)
        true_ms += chance.choice([0, 0.3, 2, 900])
        bound.learn(stamped_ms, came_ms, int(true_ms))
        said_at = true_ms - chance.uniform(0, 3000)
        ours_ms = bound.first(theirs_at(said_at), int(true_ms))
        assert ours_ms is None or ours_ms <= said_at


def test_a_bound_is_as_good_as_the_quickest_way_there() -> None:
    """And counts for half a minute, so that a clock that stood still is found out."""
    bound = ClockBound()
    assert bound.first(0, 0) is None
    bound.learn(1000, 51_000, 1010)
    bound.learn(2000, 52_700, 2800)
    assert bound.first(52_700, 2800) == 2700 - 3
    assert bound.first(52_700, 1010 + SAMPLE_MS + 1) is None


def test_the_server_s_clock_is_bound_from_both_sides() -> None:
    """What it shows at least now, and what ours showed at least then; of another clock nothing."""
    clock, devices = ServerClock(), {SOUTH: Mark("t", 900_000)}
    assert clock.stamp(900, "") == SyncRequestStamp(900)
    assert clock.receive(SyncResponseStamp("a", 899_900, None, devices), 1050) == {}
    (mark,) = clock.receive(SyncResponseStamp("a", 900_000, 1000, devices), 1100).values()
    assert mark.tip == "t"
    assert 990 <= mark.boot_ms <= 1000
    stamp = clock.stamp(1100, "own")
    assert (stamp.at_ms, stamp.tip, stamp.clock) == (1100, "own", "a")
    assert 899_990 <= stamp.not_before_ms <= 900_000
    assert clock.receive(SyncResponseStamp("b", 5, None, devices), 1200) == {}
    assert clock.stamp(1200, "").clock == "b"


def lane(**more: int | bool) -> OtherLane:
    return OtherLane(SOUTH, "South", active=True, **more)  # type: ignore[arg-type]


def test_a_lane_that_is_heard_and_behind_is_not_covered() -> None:
    """It was heard this very moment, and everything it did is still on its way."""
    heard = lane(lan_boot_ms=100_000, central_boot_ms=100_000, behind=1200)
    assert coverage([heard], 100_000, 10_000) == Coverage(Basis.ALONE, (heard,))


def test_the_age_is_that_of_the_lane_that_is_known_least() -> None:
    """By whatever way it is known best."""
    found = coverage(
        [lane(central_held_boot_ms=99_700, lan_held_boot_ms=99_200),
         lane(central_held_boot_ms=96_000, lan_held_boot_ms=99_400)],
        100_000, 10_000,
    )  # fmt: skip
    assert (found.basis, found.age_ms(100_000)) == (Basis.CENTRAL, 600)

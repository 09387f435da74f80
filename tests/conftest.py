"""Fixtures: a folder with tickets, a clock that stands still, a lane on both."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from gate import language
from gate.domain.model import Direction, HouseRules, Place
from gate.lane import Lane
from gate.store.folder import Folder
from tests.venue import FixedClock, fill

# Where the tests' machine stands, wherever that is.
os.environ["TZ"] = "Asia/Shanghai"
if hasattr(time, "tzset"):
    time.tzset()

settings.register_profile(
    "gate",
    max_examples=int(os.environ.get("GATE_TEST_EXAMPLES", "40")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("gate")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: many tests wait for networks, cameras or clocks."""
    return (os.cpu_count() or 1) + 1


def pytest_sessionfinish() -> None:
    if "tests.programs" in sys.modules:
        sys.modules["tests.programs"].stop()


@pytest.fixture(autouse=True)
def _english() -> None:
    language.use("en")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty data folder."""
    folder = Folder(tmp_path / "data")
    folder.create()
    return folder


@pytest.fixture
def clock() -> FixedClock:
    """A clock that moves only when told to."""
    return FixedClock()


@pytest.fixture
def venue(folder: Folder) -> Folder:
    """A data folder with the tickets of ``tests.venue``."""
    fill(folder)
    return folder


MakeLane = Callable[..., Lane]


@pytest.fixture
def make_lane(venue: Folder, clock: FixedClock) -> Iterator[MakeLane]:
    """Makes lanes on the venue's folder and closes them at the end."""
    lanes: list[Lane] = []

    def make(
        *,
        folder: Folder = venue,
        place: Place = Place(gate="North"),
        rules: HouseRules = HouseRules(),
        direction: Direction = Direction.IN,
    ) -> Lane:
        lane = Lane(folder, clock, place, rules, direction)
        lanes.append(lane)
        return lane

    yield make
    for lane in lanes:
        lane.close()


@pytest.fixture
def lane(make_lane: MakeLane) -> Lane:
    """A lane at the north gate, letting people in."""
    return make_lane()


def needs(available: bool, what: str) -> None:
    """Skip for want of a system part, but never where CI promised it."""
    if available:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must provide: {what}")
    pytest.skip(f"this machine has no {what}")

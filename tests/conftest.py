"""Fixtures: a folder with tickets, a clock that stands still, a lane on both."""

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings
from starlette import routing

from gate import _built

# The tests' clocks stand still in December 2026, whatever day the program is from.
_built.BUILT_S = 1_795_305_600

# Before numpy and OpenCV are loaded, as a lane does: threads that wait for each other have cost
# three times the processor's time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")

# What is imported and collected stays: until then the collector has nothing to find.
gc.disable()

from gate import i18n, operators  # noqa: E402
from gate.core.place import Direction, HouseRules, Place  # noqa: E402
from gate.lane.lane import Lane  # noqa: E402
from gate.storage.folder import Folder  # noqa: E402
from tests.support.venue import FixedClock, fill  # noqa: E402

# Where the tests' machine stands, wherever that is.
os.environ["TZ"] = "Asia/Shanghai"
if hasattr(time, "tzset"):
    time.tzset()

# Run in the background, or with nohup, the tests and all that they start would ignore these.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

settings.register_profile(
    "gate",
    max_examples=int(os.environ.get("GATE_TEST_EXAMPLES", "12")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("gate")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: many tests wait for networks, cameras or clocks."""
    return (os.cpu_count() or 1) + 1


_STARTS_PROGRAMS = {
    "tests.system.evening",
    "tests.system.hosts",
    "tests.system.lan",
    "tests.system.network",
    "tests.support.programs",
    "tests.support.screen",
    "tests.system.simulation",
    "tests.system.bad_night",
    "tests.support.terminal",
    "tests.system.worker_simulation",
    # Whole servers, if in this process.
    "tests.support.cardapi.Api",
    "tests.support.cardapi.card_api",
    "tests.support.central.Central",
    "tests.support.central.central",
    "tests.support.web",
    "tests.support.wechat.Venue",
}
"""By modules, or by what of a module starts them."""
_MADE_OF_PROGRAMS = ("postgres", "pretix", "netns", "browser", "machine")
"""Markers of what cannot be without programs of its own."""
_IS_LONG = bool(os.environ.get("CI") or os.environ.get("GATE_TEST_LONG"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the long ones out of a daily run, and know the fast half from the rest.

    What was played on SQLite is played on PostgreSQL in long runs only.
    """
    slow_modules = {
        module
        for module in {item.getparent(pytest.Module) for item in items}
        if module is not None and _has_to_do_with(module, _STARTS_PROGRAMS)
    }
    leave_examples_out(items)
    skipped = pytest.mark.skip(reason="long: GATE_TEST_LONG=1 plays it, and so does .ci/run")
    for item in items:
        if item.getparent(pytest.Module) in slow_modules or any(
            item.get_closest_marker(name) for name in _MADE_OF_PROGRAMS
        ):
            item.add_marker(pytest.mark.system)
        is_second = item.get_closest_marker("postgres") and hasattr(item, "callspec")
        if not _IS_LONG and (item.get_closest_marker("long") or is_second):
            item.add_marker(skipped)


def leave_examples_out(items: list[pytest.Item]) -> None:
    """Of each test that is marked ``examples`` all but so many are long, spread over its table."""
    tables: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("examples") and not any(
            item.get_closest_marker(name) for name in ("long", "postgres")
        ):
            tables.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for table in tables.values():
        mark = table[0].get_closest_marker("examples")
        assert mark is not None
        (count,) = mark.args
        played = {at * len(table) // count for at in range(count)}
        for at, item in enumerate(table):
            if at not in played:
                item.add_marker(pytest.mark.long)


def _has_to_do_with(module: pytest.Module, names: set[str]) -> bool:
    origins = set()
    for found in vars(module.obj).values():
        home = getattr(found, "__module__", None)
        origins |= {home, f"{home}.{getattr(found, '__qualname__', '')}"}
    return not origins.isdisjoint(names)


def pytest_collection_finish() -> None:
    """From here on the collector looks, and only at what comes."""
    gc.freeze()
    gc.enable()


def pytest_sessionfinish() -> None:
    if "tests.support.programs" in sys.modules:
        sys.modules["tests.support.programs"].stop()


@pytest.fixture(autouse=True)
def _english() -> None:
    i18n.use("en")


@pytest.fixture(scope="session", autouse=True)
def _hashed_once() -> Iterator[None]:
    """A PIN's hash takes long on purpose; the same PIN needs no second one.

    So a gate's own operators have the same salt in every test.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operators, "_hash", cache(operators._hash))
        salts = SimpleNamespace(token_bytes=lambda size: b"s" * size)
        patch.setattr("gate.lane.operators.secrets", salts)
        yield


@pytest.fixture(scope="session", autouse=True)
def _paths_compiled_once() -> Iterator[None]:
    """Every server of a test has the same two hundred routes; a path is a constant."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("starlette.routing.compile_path", cache(routing.compile_path))
        yield


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
    """A data folder with the tickets of ``tests.support.venue``."""
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

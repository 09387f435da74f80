"""What "sure" promises: no second green called sure whose first is older than the age it told."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from gate.storage.connectivity import ConnectivityReader
from gate.storage.held_entries import HeldEntries
from gate.storage.peers import PeerStoreReader
from sync.session.watermarks import ClockBound, Watermarks
from tests.system import simulation
from tests.system.evening import live

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

EVENINGS = int(os.environ.get("GATE_TEST_EVENINGS", "3"))
FIRST_SEED = int(os.environ.get("GATE_TEST_SEED", "0"))
MUTANT_SEEDS = 40


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    shutil.rmtree(simulation.scratch(), ignore_errors=True)
    simulation.scratch.cache_clear()
    simulation.central_template.cache_clear()


@pytest.mark.timeout(1200)
def test_nothing_older_than_its_age_is_missing_from_what_is_sure() -> None:
    """Links that are slow, stall and break, stopped and killed workers, peer stores that are lost.

    A seed that fails is lived again with ``python -m tests.system.evening SEED``.
    """
    happened: Counter[str] = Counter()
    for seed in range(FIRST_SEED, FIRST_SEED + EVENINGS):
        happened += live(seed)
    assert happened["scans central"] + happened["scans lan"] > happened["scans"] / 4
    per_1000 = 1000 / happened["scans"]
    print(
        f"{happened['doubles'] * per_1000:.1f} doubles per 1,000 scans,"
        f" {happened['sure doubles'] * per_1000:.1f} of them called sure; {dict(happened)}"
    )


def _held_when_heard(self: Watermarks, _tip: str) -> int:
    return 0


def _now(_self: ClockBound, _second_ms: int, now_ms: int) -> int:
    return now_ms


def _nothing(_self: Any) -> None:
    pass


def _any_store(*_args: Any) -> bool:
    return True


MUTATIONS: dict[str, list[tuple[type, str, Any]]] = {
    "heard counts as held": [(HeldEntries, "lacking", _held_when_heard)],
    "the moment is that of receipt": [(ClockBound, "first", _now)],
    "any store is the one that is meant": [
        (ConnectivityReader, "_is_read", _any_store),
        (PeerStoreReader, "refresh", _nothing),
    ],
}
NEAR: dict[str, int] = {}
"""Where to begin to look: a seed that was seen to catch it is not far."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.long
def test_a_broken_promise_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one of its grounds taken away, some evening ends with a sure green that was not."""
    for at, what, new in MUTATIONS[name]:
        monkeypatch.setattr(at, what, new, raising=False)
    first = NEAR.get(name, 0)
    for seed in range(first, first + MUTANT_SEEDS):
        try:
            live(seed)
        except AssertionError as error:
            assert "was called sure" in str(error)  # noqa: PT017  the mutant must do this
            print(f"caught at {seed}")
            return
    pytest.fail(f"{name}: {MUTANT_SEEDS} evenings and nobody noticed")

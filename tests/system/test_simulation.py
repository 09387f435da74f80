"""Any interleaving of anything ends with the same entries and the same state everywhere."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.support.programs import CONTEXT
from tests.system import simulation
from tests.system.simulation import run_history
from tests.system.simulation_mutations import MUTATIONS, mutated

# A crash leaves connections behind, as it does.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

HISTORIES = int(os.environ.get("GATE_TEST_HISTORIES", "10"))
FIRST_SEED = int(os.environ.get("GATE_TEST_SEED", "0"))
PART = 10
MUTANT_SEEDS = 200
NEAR = {
    "a void that is over is forgotten": 640,
    "any annulment counts": 102,
    "disowned entries still count at one node": 82,
    "disowned entries that come late count": 82,
    "disowning forgets entries": 82,
    "cursor without its id": 12,
    "clocks alone say what is irregular": 66,
    "receipt before commit": 31,
    "a gate tells on of who was erased": 123,
    "who reads old changes is not sent back": 73,
    "a backup brings back who was erased": 33,
}
"""Where to begin to look: a seed that was seen to catch it is not far."""


def run_part(seeds: range) -> tuple[Counter[str], list[str]]:
    """Some histories in this process: what happened in them, and which ended wrong."""
    happened: Counter[str] = Counter()
    wrong = []
    for seed in seeds:
        try:
            happened += run_history(seed)
        except Exception as error:  # noqa: BLE001  the seed is what counts
            wrong.append(f"seed {seed}: {type(error).__name__}: {error}")
    shutil.rmtree(simulation.scratch(), ignore_errors=True)
    simulation.scratch.cache_clear()
    simulation.central_template.cache_clear()
    simulation.replica_template.cache_clear()
    return happened, wrong


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    shutil.rmtree(simulation.scratch(), ignore_errors=True)
    simulation.scratch.cache_clear()
    simulation.central_template.cache_clear()
    simulation.replica_template.cache_clear()


@pytest.mark.timeout(1200)
def test_every_history_ends_well() -> None:
    """Nothing lost, doubled or skipped; one state; conflicts and alarms exactly the true ones.

    A seed that fails is replayed alone with ``python -m tests.system.simulation SEED``.
    """
    last = FIRST_SEED + HISTORIES
    parts = [range(n, min(n + PART, last)) for n in range(FIRST_SEED, last, PART)]
    happened: Counter[str] = Counter()
    wrong: list[str] = []
    workers = min(os.cpu_count() or 1, 8)
    with ProcessPoolExecutor(workers, mp_context=CONTEXT) as pool:
        for counted, failed in pool.map(run_part, parts):
            happened += counted
            wrong += failed
    assert wrong == []
    if HISTORIES >= 40:
        # A world in which something never happens proves nothing about it.
        acts = {name for name in dir(simulation.World) if name.startswith("do_")}
        assert acts | {"crash", "erase", "asked", "answered", "count"} <= set(happened)
        assert happened["form asked"] > happened["form answered"] > 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.long
def test_a_broken_law_is_caught(name: str) -> None:
    """With the law broken, some history ends wrong."""
    first = NEAR.get(name, 0)
    for seed in range(first, first + MUTANT_SEEDS):
        try:
            with mutated(name):
                run_history(seed)
        except (TypeError, AttributeError):
            # A mutant that cannot be called shows nothing.
            raise
        except Exception:  # noqa: BLE001  however it shows
            return
    pytest.fail(f"{name}: {MUTANT_SEEDS} histories and nobody noticed")

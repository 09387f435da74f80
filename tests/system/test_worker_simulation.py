"""The sync worker's loop: whatever fails and comes back, it does its part and says what is so."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.support.programs import CONTEXT
from tests.system import simulation
from tests.system.worker_mutations import MUTATIONS, mutated
from tests.system.worker_simulation import World, run_history

# A crash leaves connections behind, as it does.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

HISTORIES = int(os.environ.get("GATE_TEST_WORKERS", "1"))
FIRST_SEED = int(os.environ.get("GATE_TEST_SEED", "0"))
PART = 10
MUTANT_SEEDS = 60
NEAR = {
    "a journal is known by its name": 8,
    "gates are not told": 4,
    "gates wait for the server": 6,
    "its end is told twice": 63,
    "a lost peer store is not noticed": 7,
    "who packs is asked without a pause": 5,
    "who was revoked tries again": 63,
    "whoever ends it while the server is asked waits for ever": 5,
    "whoever is answered has all tickets": 8,
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
    forget()
    return happened, wrong


def forget() -> None:
    """Leave no files behind."""
    shutil.rmtree(simulation.scratch(), ignore_errors=True)
    simulation.scratch.cache_clear()
    simulation.central_template.cache_clear()


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    forget()


@pytest.mark.timeout(1200)
def test_whatever_fails_the_worker_does_its_part_and_says_what_is_so() -> None:
    """All arrives once it can; no word is untrue; waits grow, end and begin anew; it ends if asked.

    A seed that fails is replayed alone with ``python -m tests.system.worker_simulation SEED``.
    """
    last = FIRST_SEED + HISTORIES
    parts = [range(n, min(n + PART, last)) for n in range(FIRST_SEED, last, PART)]
    happened: Counter[str] = Counter()
    wrong: list[str] = []
    if len(parts) == 1:
        happened, wrong = run_part(parts[0])
    else:
        with ProcessPoolExecutor(min(os.cpu_count() or 1, 8), mp_context=CONTEXT) as pool:
            for counted, failed in pool.map(run_part, parts):
                happened += counted
                wrong += failed
    assert wrong == []
    if HISTORIES >= 40:
        # A world in which something never happens proves nothing about it.
        acts = {name for name in dir(World) if name.startswith("do_")}
        quiet = {f"quiet {mood}" for mood in ("down", "away", "busy", "silent")}
        assert acts | quiet | {"mended", "outages"} <= set(happened)


@pytest.mark.long
def test_a_seed_is_one_history() -> None:
    """Nothing but the seed says what happens: what failed once fails again."""
    assert run_history(3) == run_history(3)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.long
def test_a_broken_promise_is_caught(name: str) -> None:
    """With the promise broken, some history ends wrong."""
    first = NEAR.get(name, 0)
    for seed in range(first, first + MUTANT_SEEDS):
        try:
            with mutated(name):
                run_history(seed)
        except (TypeError, AttributeError):
            # A mutant that cannot be called, or finds no more what it breaks, shows nothing.
            raise
        except Exception:  # noqa: BLE001  however it shows
            return
    pytest.fail(f"{name}: {MUTANT_SEEDS} histories and nobody noticed")

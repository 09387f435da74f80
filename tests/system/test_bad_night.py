"""A bad night, played with real processes: see ``tests.system.bad_night``."""

import os
from pathlib import Path

import pytest

from tests.system.bad_night import night
from tests.system.hosts import why_not

pytestmark = [pytest.mark.netns, pytest.mark.machine]

NIGHT_S = float(os.environ.get("GATE_TEST_NIGHT_S", "30"))
SEED = int(os.environ.get("GATE_TEST_SEED", "20261129"))

if _reason := why_not():
    pytest.skip(_reason, allow_module_level=True)


@pytest.mark.long
@pytest.mark.timeout(NIGHT_S + 300)
def test_a_bad_night_is_well_in_the_morning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything fails, in an order that the seed says; nothing that was shown is lost."""
    played = night(tmp_path, seed=SEED, seconds=NIGHT_S, with_rogue=True)
    with capsys.disabled():
        print(f" [{played.told}] ", end="")
    assert not played.wrong
    assert played.faults.total() > 3
    assert any(shown.word == "ADMIT" for gate in played.gates for shown in gate.shown)

"""``gate demo --gates 3``: the whole story, played."""

import subprocess

import pytest

from tests.system.network import GATE

pytestmark = pytest.mark.system


@pytest.mark.timeout(240)
@pytest.mark.long
def test_the_rehearsal_plays_to_its_end() -> None:
    """A duplicate refused across gates, a double admission in a cut, its conflict everywhere."""
    ran = subprocess.run(
        [*GATE, "demo", "--gates", "3"],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("CONFLICT") == 3
    assert ran.stdout.count("STOP") == 3
    assert ran.stdout.count("ENTER") == 5
    assert "alone" in ran.stdout


def test_more_gates_than_there_are_names_for() -> None:
    """One clear line, and not 0."""
    ran = subprocess.run(
        [*GATE, "demo", "--gates", "99"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "gate: a rehearsal has at most 8 gates\n"

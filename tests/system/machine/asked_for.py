"""What of the machine is played, by what the environment asks for."""

import os

import pytest

PLAYED = os.environ.get("GATE_TEST_MACHINE", "")
"""Empty: nothing; ``1``: one start and the cuts; ``all``; ``aarch64``: one of 64-bit ARM alone."""
CUTS = int(os.environ.get("GATE_TEST_UNPLUGS", "1"))
SEED = int(os.environ.get("GATE_TEST_SEED", "20261129"))

machine = [
    pytest.mark.machine,
    pytest.mark.timeout(3600 + 1200 * CUTS),
    pytest.mark.xdist_group("machine"),
    pytest.mark.skipif(
        PLAYED not in ("1", "all"), reason="GATE_TEST_MACHINE=1 starts a Debian machine, or =all"
    ),
]
"""Of every test that starts one."""
on_demand = [
    *machine,
    pytest.mark.skipif(PLAYED != "all", reason="GATE_TEST_MACHINE=all plays it"),
]

"""One pretix for all proofs of a run: each has orders of its own."""

from collections.abc import Iterator

import pytest

from tests.system.pretix.starting import RealPretix, real_pretix


@pytest.fixture(scope="session")
def pretix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPretix]:
    """A pretix that sells."""
    with real_pretix(tmp_path_factory.mktemp("pretix")) as running:
        yield running

"""Fixtures: the browser, and an evening that several tests look at."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from gate.core.place import Direction
from tests.support.chromium import chromium
from tests.system.browser.evening import Evening, an_evening


@pytest.fixture(autouse=True)
def _english_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_LANGUAGE", "en")


# Not for the session: while it is open, its loop is in the way of other tests' own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    """Two gates, at which some came, some went, and some were refused."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATE_LANGUAGE", "en")
        with an_evening(tmp_path_factory.mktemp("evening")) as made:
            made.admit("North", 5)
            made.admit("South", 4)
            made.scan("North", "C000000", Direction.OUT)
            made.scan("North", "NOBODY'S <b>CODE</b>")
            made.scan("South", "C000005")
            made.settled()
            yield made

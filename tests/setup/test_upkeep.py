"""A machine that begins by itself goes on by itself."""

import pytest

from gate.setup.answers import Answers
from gate.setup.upkeep import LOG, WATCHDOG
from tests.setup.conftest import Bench


@pytest.mark.parametrize("autostart", ["tty1", "no"])
def test_watchdog_and_bounded_log_go_with_the_autostart(bench: Bench, autostart: str) -> None:
    """Whoever starts the lane by hand is there when the machine hangs."""
    assert bench.set_up(given=Answers(autostart=autostart, write="yes"))
    places = [bench.root.joinpath(*place) for place in (WATCHDOG, LOG)]
    assert [place.exists() for place in places] == [autostart == "tty1"] * 2
    if autostart == "tty1":
        assert "RuntimeWatchdogSec=14s" in places[0].read_text()
        assert "SystemMaxUse=64M" in places[1].read_text()


def test_other_answers_take_both_away(bench: Bench) -> None:
    """And only what is ours."""
    assert bench.set_up(given=Answers(autostart="tty1", write="yes"))
    other = bench.root.joinpath(*LOG).with_name("other.conf")
    other.write_text("[Journal]\n")
    assert bench.set_up(given=Answers(autostart="no", write="yes"))
    assert not bench.root.joinpath(*LOG).exists()
    assert other.exists()

"""Sound in the setup: by what, how loud, and whether something plays."""

import pytest

from gate.config import Config, load
from gate.reports.checks.finding import Finding, Status
from gate.setup.answers import Answers
from tests.setup.conftest import Bench


@pytest.mark.parametrize(
    ("sound", "volume", "is_heard", "by"),
    [("auto", "50", True, "auto"), ("bell", None, True, "bell"), ("off", None, False, "auto")],
)
def test_it_is_heard_as_answered(
    bench: Bench, sound: str, volume: str | None, is_heard: bool, by: str
) -> None:
    """By what the system has, as loud as was said; by the bell; not at all."""
    given = Answers(sound=sound, volume=volume, autostart="no", write="yes")
    assert bench.set_up(given=given)
    screen = load(bench.config_file, environment={}).screen
    assert (screen.bell, screen.sound) == (is_heard, by)
    assert screen.volume == (int(volume) if volume else Config().screen.volume)


@pytest.mark.parametrize("volume", ["101", "-1", "loud", "½"])
def test_a_volume_is_of_a_hundred(bench: Bench, volume: str) -> None:
    """Anything else is told."""
    assert not bench.set_up(given=Answers(volume=volume, autostart="no"))
    assert "volume: found" in bench.said()


def test_nothing_that_plays_is_told(bench: Bench) -> None:
    """And no failure: the bell rings."""
    bench.players = lambda _config: Finding(Status.WARN, "nothing plays sounds")
    assert bench.set_up(given=Answers(autostart="no"))
    assert "WARN: nothing plays sounds" in bench.said()

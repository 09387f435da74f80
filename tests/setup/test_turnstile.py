"""A turnstile in the setup: named, tried without opening, its ports and pins the lane's user's."""

from pathlib import Path

import pytest

from gate.config import Config
from gate.errors import OutputError
from gate.reports.checks.finding import Finding, Status
from gate.setup.answers import Answers
from gate.setup.set_up import undo
from gate.setup.turnstile import RULE
from tests.setup.conftest import AFTER, Bench, tree
from tests.setup.test_devices import udev_verifies


def given(relay: str, passage: str | None = None) -> Answers:
    return Answers(relay=relay, passage=passage, autostart="no", write="yes")


@pytest.mark.parametrize(
    ("relay", "passage", "rules"),
    [
        ("serial:/dev/ttyUSB0", None, ['KERNEL=="ttyUSB0"']),
        ("gpio:17", "gpio:27", ['KERNEL=="gpiochip*"']),
        ("gpio:-17", "serial:/dev/ttyUSB1", ['KERNEL=="gpiochip*"', 'KERNEL=="ttyUSB1"']),
        ("http://10.0.0.9/on", "http://10.0.0.9/n", []),
    ],
)
def test_what_a_relay_takes_is_the_users(
    bench: Bench, tmp_path: Path, relay: str, passage: str | None, rules: list[str]
) -> None:
    """A port and the pins by a rule, each once; the LAN by none; udev understands them."""
    assert bench.set_up(given=given(relay, passage))
    place = bench.root.joinpath(*RULE)
    written = place.read_text().splitlines()[1:] if place.exists() else []
    assert len(written) == len(rules)
    for rule, device in zip(written, rules, strict=True):
        assert device in rule
        assert 'OWNER="gate"' in rule
    config = bench.config_file.read_text()
    assert f'relay = "{relay}"' in config
    assert (f'passage = "{passage}"' in config) is bool(passage)
    if written:
        assert udev_verifies(place)


@pytest.mark.parametrize(
    "relay", ["yes", "gpio:", "serial:", "serial:COM5", "http://", "ftp://10.0.0.9/on", '/dev/tty"']
)
def test_what_is_no_relay_is_no_answer(bench: Bench, relay: str) -> None:
    """It is told with what fits; nothing of it is written."""
    assert not bench.set_up(given=given(relay))
    assert "relay: found" in bench.said()
    assert not bench.config_file.exists()
    assert not bench.root.joinpath("etc/udev").exists()


def test_it_is_tried_as_it_was_answered(bench: Bench) -> None:
    """One that does not answer fails its step, and is written all the same: it may come yet."""
    tried: list[tuple[str, str]] = []

    def turnstile(config: Config) -> Finding:
        tried.append((config.output.relay, config.output.passage))
        if config.output.relay:
            raise OutputError("the relay at /dev/ttyUSB0 does not answer", "Is it plugged in?")
        return Finding(Status.SKIP, "nothing opens here")

    bench.turnstile = turnstile
    assert not bench.set_up(given=given("serial:/dev/ttyUSB0", "gpio:27"))
    assert tried == [("", ""), ("serial:/dev/ttyUSB0", "gpio:27")]
    assert "FAIL: the relay at /dev/ttyUSB0 does not answer" in bench.said()
    assert bench.root.joinpath(*RULE).exists()


def test_who_has_no_relay_is_asked_for_no_sensor(bench: Bench) -> None:
    """And what was answered before is forgotten; all of it is taken back by undo."""
    before = tree(bench.root)
    assert bench.set_up(given=given("gpio:17", "gpio:27"))
    lines = ("", "", "", "", "no", "", "", "no", *AFTER)
    bench.set_up(*lines, "yes")
    assert "What sees a guest go through" not in bench.said()
    assert not bench.root.joinpath(*RULE).exists()
    undo(bench.written, bench.talk())
    assert tree(bench.root) == before


@pytest.mark.parametrize(
    ("relay", "device"), [("serial:/dev/ttyUSB0", "ttyUSB0"), ("gpio:17", "gpiochip0")]
)
def test_what_the_rule_opens_is_no_failure(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, relay: str, device: str
) -> None:
    """A port or pins that are there, and not yet the user's."""

    def turnstile(config: Config) -> Finding:
        if config.output.relay:
            raise OutputError("it cannot be used", "Who may use it: group gpio.")
        return Finding(Status.SKIP, "nothing opens here")

    bench.turnstile = turnstile
    monkeypatch.setattr("gate.setup.serial_port.os.access", lambda *_a: False)
    assert not bench.set_up(given=given(relay))
    (bench.root / "dev" / device).touch()
    assert bench.set_up(given=given(relay))
    assert "WARN: it cannot be used\n  gate may use it once" in bench.said()

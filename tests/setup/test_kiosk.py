"""A screen for guests in the setup, and a PIN that unlocks it."""

from pathlib import Path

import pytest

from gate.core.place import Role
from gate.errors import UsageError
from gate.lane.operators import Operators
from gate.setup.answers import Answers
from tests.setup.conftest import BEFORE, Bench

NOBODY = "nobody is known who may unlock its keys"


def given(*, supervisor: str | None = None) -> Answers:
    return Answers(kiosk="yes", supervisor=supervisor, autostart="no", write="yes")


def test_a_gate_on_its_own_gets_a_supervisor(bench: Bench) -> None:
    """By name and PIN; the PIN stands in no file of answers."""
    assert bench.set_up(given=given(supervisor="Kim"))
    assert Operators(bench.folder).check("Kim", "482915") is Role.SUPERVISOR
    assert "kiosk = true" in bench.config_file.read_text()
    assert "Ctrl+L and a PIN unlock it; who may: Kim" in bench.said()
    assert not [path for path in Path(bench.folder.path).iterdir()
                if b"482915" in path.read_bytes()]  # fmt: skip


def test_nobody_to_unlock_it_is_told(bench: Bench) -> None:
    """With the command that makes one; the screen is the guests' all the same."""
    assert bench.set_up(given=given())
    assert f"WARN: {NOBODY}\n  gate operator add NAME --role supervisor" in bench.said()
    assert "kiosk = true" in bench.config_file.read_text()


def test_a_member_s_supervisors_are_its_event_s(bench: Bench) -> None:
    """Nobody is asked for one here."""
    bench.folder.create()
    bench.folder.venue.write_text("{}")
    assert bench.set_up(given=given(supervisor="Kim"))
    assert "At the server or host: gate operator add" in bench.said()
    assert not bench.folder.operators.exists()


def test_a_pin_that_will_not_do_is_asked_for_again(bench: Bench) -> None:
    """A person may try until it goes; a file cannot."""
    pins = iter(["12", "482915"])
    bench.pin = lambda _answers: next(pins)
    assert bench.set_up(*BEFORE, "no", "yes", "Kim", "Kim", *[""] * 5, "no")
    assert "FAIL: " in bench.said()
    assert Operators(bench.folder).names() == [("Kim", Role.SUPERVISOR)]


def test_a_file_without_a_pin_fails_its_step(bench: Bench) -> None:
    """And the rest goes on."""

    def pin(_answers: Answers) -> str:
        raise UsageError("cannot read pin")

    bench.pin = pin
    assert not bench.set_up(given=given(supervisor="Kim"))
    assert "FAIL: cannot read pin" in bench.said()


@pytest.mark.parametrize("is_kiosk", [True, False])
def test_what_is_so_is_told(bench: Bench, is_kiosk: bool) -> None:
    """Before anything is asked; a second time the supervisor is there and not asked for."""
    if is_kiosk:
        bench.set_up(given=given(supervisor="Kim"))
        assert bench.set_up(given=given(supervisor="Lee"))
        assert Operators(bench.folder).names() == [("Kim", Role.SUPERVISOR)]
    else:
        bench.set_up(given=Answers(autostart="no"))
        assert "the screen is the staff's" in bench.said()

"""Operators: no default PIN, slow hashes, a lock-out that holds."""

import stat
from pathlib import Path

import msgspec
import pytest

from gate.core.place import Role
from gate.errors import DamagedError, OperatorError
from gate.lane.operators import ATTEMPTS, Operators
from gate.storage.folder import Folder


class Watch:
    """A clock for the lock-out."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def operators(folder: Folder, watch: Watch) -> Operators:
    return Operators(folder, lockout_minutes=15, now=watch)


def test_nobody_is_there_by_default(operators: Operators) -> None:
    """There is no operator and no PIN that comes with the program."""
    assert operators.names() == []
    for pin in ("", "0000", "1234", "admin"):
        with pytest.raises(OperatorError):
            operators.check("admin", pin)


def test_the_right_pin_answers_with_the_role(operators: Operators) -> None:
    """Names are told apart, a new PIN replaces the old one."""
    operators.add("Kim", Role.STAFF, "4711x")
    operators.add("Boss", Role.SUPERVISOR, "8052")
    assert operators.check("Kim", "4711x") is Role.STAFF
    assert operators.check(" Boss ", "8052") is Role.SUPERVISOR
    operators.add("Kim", Role.SUPERVISOR, "9999x")
    with pytest.raises(OperatorError):
        operators.check("Kim", "4711x")
    assert operators.check("Kim", "9999x") is Role.SUPERVISOR
    operators.remove("Kim")
    assert operators.names() == [("Boss", Role.SUPERVISOR)]
    with pytest.raises(OperatorError):
        operators.remove("Kim")


def test_names_are_not_case_sensitive(operators: Operators) -> None:
    """Whoever types KIM is Kim, in the journal too, and Kim cannot be added a second time."""
    operators.add("Kim", Role.STAFF, "4711x")
    assert operators.identify(" KIM", "4711x") == ("Kim", Role.STAFF)
    operators.add("kim", Role.SUPERVISOR, "9999x")
    assert operators.names() == [("kim", Role.SUPERVISOR)]
    operators.remove("KIM")
    assert operators.names() == []


def test_names_of_an_older_file_that_differ_in_case_only(
    folder: Folder, operators: Operators
) -> None:
    """Each is known by its exact spelling; another spelling could be either, and is nobody."""
    operators.add("Kim", Role.STAFF, "4711x")
    first = folder.operators.read_bytes()
    operators.remove("Kim")
    operators.add("kim", Role.SUPERVISOR, "9999x")
    kept = msgspec.json.decode(folder.operators.read_bytes())
    kept["operators"] += msgspec.json.decode(first)["operators"]
    folder.operators.write_bytes(msgspec.json.encode(kept))
    assert operators.check("Kim", "4711x") is Role.STAFF
    assert operators.check("kim", "9999x") is Role.SUPERVISOR
    for pin in ("4711x", "9999x"):
        with pytest.raises(OperatorError, match="unknown name"):
            operators.check("KIM", pin)
    with pytest.raises(OperatorError, match="several"):
        operators.add("KIM", Role.STAFF, "4711x")
    operators.add("Kim", Role.STAFF, "8052y")
    assert operators.names() == [("Kim", Role.STAFF), ("kim", Role.SUPERVISOR)]
    operators.remove("kim")
    assert operators.check("KIM", "8052y") is Role.STAFF


@pytest.mark.parametrize("pin", ["", "123", "1111", "1234", "9876", "x" * 33, "12\n45"])
def test_weak_pins_are_declined(operators: Operators, pin: str) -> None:
    """Too short, too long, all the same, or counting."""
    with pytest.raises(OperatorError):
        operators.add("Kim", Role.STAFF, pin)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 41, "\x1b[31m"])
def test_impossible_names_are_declined(operators: Operators, name: str) -> None:
    """A name can be shown and read."""
    with pytest.raises(OperatorError):
        operators.add(name, Role.STAFF, "4711x")


def test_five_wrong_pins_lock_and_time_unlocks(operators: Operators, watch: Watch) -> None:
    """Even the right PIN waits out the lock."""
    operators.add("Kim", Role.STAFF, "4711x")
    for _ in range(ATTEMPTS):
        with pytest.raises(OperatorError, match="wrong PIN"):
            operators.check("Kim", "nope")
    with pytest.raises(OperatorError, match="locked") as caught:
        operators.check("Kim", "4711x")
    assert "15 min" in caught.value.hint
    watch.now += 15 * 60
    assert operators.check("Kim", "4711x") is Role.STAFF


def test_the_lock_survives_a_restart(folder: Folder, operators: Operators, watch: Watch) -> None:
    """Starting the program again is no way round it."""
    operators.add("Kim", Role.STAFF, "4711x")
    for _ in range(ATTEMPTS):
        with pytest.raises(OperatorError):
            operators.check("Kim", "nope")
    with pytest.raises(OperatorError, match="locked"):
        Operators(folder, now=watch).check("Kim", "4711x")


def test_a_success_forgives_earlier_mistakes(operators: Operators) -> None:
    """Only wrong PINs in a row lock."""
    operators.add("Kim", Role.STAFF, "4711x")
    for _ in range(3):
        for _ in range(ATTEMPTS - 1):
            with pytest.raises(OperatorError):
                operators.check("Kim", "nope")
        operators.check("Kim", "4711x")


def test_a_clock_set_back_locks_nobody_for_long(operators: Operators, watch: Watch) -> None:
    """A lock further in the future than any lock can be is a clock that was wrong."""
    operators.add("Kim", Role.STAFF, "4711x")
    for _ in range(ATTEMPTS):
        with pytest.raises(OperatorError):
            operators.check("Kim", "nope")
    watch.now -= 365 * 86_400
    assert operators.check("Kim", "4711x") is Role.STAFF


def test_unknown_names_and_wrong_pins_sound_the_same(operators: Operators) -> None:
    """A stranger learns no names."""
    operators.add("Kim", Role.STAFF, "4711x")
    told = []
    for name in ("Kim", "Nobody"):
        with pytest.raises(OperatorError) as caught:
            operators.check(name, "nope")
        told.append((caught.value.message, caught.value.hint))
    assert told[0] == told[1]


def test_the_file_is_private_and_holds_no_pin(folder: Folder, operators: Operators) -> None:
    """Readable by its owner only; a PIN cannot be read from it."""
    operators.add("Kim", Role.STAFF, "4711x")
    assert stat.S_IMODE(folder.operators.stat().st_mode) == 0o600
    assert b"4711x" not in folder.operators.read_bytes()


def test_a_damaged_file_is_kept_and_told(folder: Folder, operators: Operators) -> None:
    """It is never replaced by an empty one."""
    folder.operators.write_bytes(b"[{]")
    with pytest.raises(DamagedError):
        operators.names()
    with pytest.raises(DamagedError):
        operators.add("Kim", Role.STAFF, "4711x")
    assert folder.operators.read_bytes() == b"[{]"
    assert Path(folder.operators).exists()

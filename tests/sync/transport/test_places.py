"""Where gates are looked for: what strangers announce takes no room from what is proved."""

from collections.abc import Iterable

import pytest

from sync.transport import places
from sync.transport.places import (
    EACH_MEMBER,
    FORGET_S,
    UNKNOWN,
    UNPROVED_S,
    YIELD_S,
    Place,
    Places,
    Rank,
    placed,
)

OWN, FRIEND, NEW = "b" * 16, "a" * 16, "9" * 16
AT = "10.0.0.7:8471"


def made(members: Iterable[str] = (FRIEND,), named: Iterable[str] = ()) -> Places:
    return Places(OWN, named, set(members).__contains__, 0.0)


def called(kept: Places, now_s: float, connected: Iterable[str] = ()) -> list[str]:
    return [place.at for place in kept.due(set(connected), now_s)]


def flood(kept: Places, now_s: float, *, names: int, each: int) -> None:
    """What a spoofer announces: so many gates with so many addresses each."""
    for name in range(names):
        for n in range(each):
            at = f"10.{name // 250}.{name % 250}.{n}:1"
            kept.note(at, f"{name:016x}", Rank.ANNOUNCED, now_s)


def proved(kept: Places, at: str, device: str, now_s: float) -> Place:
    kept.note(at, device, Rank.ANNOUNCED, now_s)
    place = next(one for one in kept.due((), now_s + YIELD_S) if one.at == at)
    kept.prove(place, device, now_s)
    return place


@pytest.mark.parametrize(("names", "each"), [(6, 200), (1000, 1), (1, 1000)])
def test_a_flood_takes_no_members_place(names: int, each: int) -> None:
    """Six names with 200 addresses each, or many names: a member is called all the same, first."""
    kept = made()
    flood(kept, 0.0, names=names, each=each)
    kept.note(AT, FRIEND, Rank.ANNOUNCED, 1.0)
    flood(kept, 2.0, names=names, each=each)
    assert AT in called(kept, 3.0)
    assert len(kept) <= UNKNOWN + EACH_MEMBER


def test_a_gate_nobody_has_told_of_takes_a_strangers_place() -> None:
    """It belongs, as its certificate will say; the oldest of what nobody proved makes way."""
    kept = made()
    flood(kept, 0.0, names=1000, each=1)
    kept.note(AT, NEW, Rank.ANNOUNCED, 1.0)
    assert AT in called(kept, 3.0)


def test_what_is_proved_stays_whatever_is_announced_under_its_name() -> None:
    """Neither the same address under another name nor other addresses under its name remove it."""
    kept = made()
    proved(kept, AT, FRIEND, 0.0)
    for n in range(1000):
        kept.note(f"10.1.1.1:{n}", FRIEND, Rank.ANNOUNCED, 1.0)
        kept.note(AT, f"{n:016x}", Rank.ANNOUNCED, 1.0)
    assert called(kept, 3.0)[0] == AT
    kept.forget((), 1.0 + UNPROVED_S + 1)
    assert called(kept, 60.0) == [AT]


def test_a_flood_of_what_members_tell_is_bounded_too() -> None:
    """A member that lies names what it likes; what was proved is called before that."""
    kept = made()
    proved(kept, AT, FRIEND, 0.0)
    for n in range(1000):
        kept.note(f"10.1.1.1:{n}", FRIEND, Rank.REPORTED, 1.0)
        kept.note(f"10.1.1.1:{n}", f"{n:016x}", Rank.REPORTED, 1.0)
    assert len(kept) <= UNKNOWN + EACH_MEMBER
    assert called(kept, 3.0)[0] == AT


def test_what_was_only_announced_is_forgotten_in_seconds() -> None:
    """Though its device is connected elsewhere: a spoofer would keep its own that way."""
    kept = made()
    flood(kept, 0.0, names=6, each=200)
    kept.note(AT, FRIEND, Rank.ANNOUNCED, 0.0)
    kept.forget({FRIEND}, UNPROVED_S + 1)
    assert len(kept) == 0


def test_where_a_connected_gate_listens_is_not_forgotten() -> None:
    """It told that once, hours ago; after a cut it is called there all the same."""
    kept = made()
    kept.note(AT, FRIEND, Rank.REPORTED, 0.0)
    kept.note("10.0.0.8:8471", NEW, Rank.REPORTED, 0.0)
    kept.forget({FRIEND}, 3600.0)
    kept.forget((), 3600.0 + FORGET_S)
    assert called(kept, 3600.0 + FORGET_S) == [AT]
    kept.forget((), 3600.0 + 2 * FORGET_S)
    assert len(kept) == 0


def test_a_named_place_stays_and_learns_whose_it_is() -> None:
    """What a person wrote is called for ever, and not while its gate is heard."""
    kept = made(named=[AT])
    (place,) = kept.due((), 0.0)
    kept.prove(place, FRIEND, 0.0)
    kept.forget((), 10 * FORGET_S)
    assert called(kept, 10 * FORGET_S, {FRIEND}) == []
    assert called(kept, 10 * FORGET_S) == [AT]


def test_an_address_that_is_another_gates_now_is_that_ones() -> None:
    """The certificate that is shown there says it, whoever was there before."""
    kept = made([FRIEND, NEW])
    proved(kept, AT, FRIEND, 0.0)
    proved(kept, AT, NEW, 2.0)
    assert called(kept, 60.0, {FRIEND}) == [AT]
    assert called(kept, 60.0, {NEW}) == []


def test_failures_are_called_ever_less_often() -> None:
    """And all at once when the network is another."""
    kept = made(named=[AT])
    (place,) = kept.due((), 0.0)
    for now, again in ((0.0, 1.0), (1.0, 3.0), (3.0, 6.0), (6.0, 9.0)):
        kept.fail(place, now)
        assert called(kept, again - 0.1) == []
        assert called(kept, again) == [AT]
    kept.fail(place, 9.0)
    kept.try_again()
    assert called(kept, 9.0) == [AT]


def test_the_larger_id_waits_for_the_smaller_to_call() -> None:
    """So that two gates do not call each other at once."""
    kept = made(["c" * 16])
    kept.note(AT, "c" * 16, Rank.ANNOUNCED, 0.0)
    assert called(kept, YIELD_S - 0.1) == []
    assert called(kept, YIELD_S) == [AT]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"UNPROVED_S": FORGET_S}, id="strangers are kept"),
        pytest.param({"EACH_MEMBER": 10**6, "EACH_UNKNOWN": 10**6}, id="no bound for a name"),
        pytest.param({"UNKNOWN": 10**6}, id="no bound for all"),
    ],
)
def test_the_tests_see_a_bound_that_is_missing(
    broken: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the bounds is needed by what is tested above."""
    for name, value in broken.items():
        monkeypatch.setattr(places, name, value)
    with pytest.raises(AssertionError):
        test_a_flood_takes_no_members_place(1000, 1)
        test_what_was_only_announced_is_forgotten_in_seconds()
        test_a_flood_of_what_members_tell_is_bounded_too()


@pytest.mark.parametrize(
    ("stated", "place"),
    [
        ("gate.local", "gate.local:8471"), ("10.0.0.7", "10.0.0.7:8471"),
        ("10.0.0.7:9000", "10.0.0.7:9000"), ("fd00::5", "[fd00::5]:8471"),
        ("[fd00::5]", "[fd00::5]:8471"), ("[fd00::5]:9000", "[fd00::5]:9000"),
    ],
)  # fmt: skip
def test_where_a_person_says_a_gate_listens(stated: str, place: str) -> None:
    """The usual port where none is named, whatever the kind of address."""
    assert placed(stated) == place

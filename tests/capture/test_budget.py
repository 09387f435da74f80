"""What rescue passes may take of the time, however slow the machine is."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from gate.capture import decode
from gate.capture.decode import Decoder
from gate.capture.passes import AZTEC, DATA_MATRIX, GLANCE, OWN, PDF417, QR, Pass
from gate.capture.regions import Frame, Region, Sighted
from gate.capture.switched_off import OthersInSight


class Machine:
    """A decoder whose every step takes so long, and what it has spent on what, in seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step_s: float, glance_s: float) -> None:
        self.at_s, self.glances_s, self.rescues_s = 0.0, 0.0, 0.0
        self.frames_s: list[float] = []
        self._step_s, self._glance_s = step_s, glance_s
        monkeypatch.setattr(decode, "look", self._look)
        monkeypatch.setattr(OthersInSight, "is_due", lambda _self: False)
        self._decoder = Decoder(["Aztec"], now=lambda: self.at_s)

    def show(self, sight: "Sight") -> None:
        """From now on there is a symbol in sight."""
        decoder: Any = self._decoder
        decoder._readers = {AZTEC: sight}

    def watch(self, frames: int, idle_s: float = 0.0) -> None:
        """Look at frames in each of which something moves and nothing is found."""
        for number in range(frames):
            began_s = self.at_s
            self._decoder.read(np.full((90, 160), 40 + number % 2 * 100, np.uint8))
            self.frames_s.append(self.at_s - began_s)
            self.at_s += idle_s

    def _look(self, how: Any, *_rest: Any) -> Iterator[None]:
        if how is GLANCE:
            self.at_s += self._glance_s
            self.glances_s += self._glance_s
        else:
            for _step in range(3):
                self.at_s += self._step_s
                self.rescues_s += self._step_s
                yield
        return {}  # type: ignore[return-value]


@pytest.mark.examples(5)
@pytest.mark.parametrize("slower", [1, 4, 10])
@pytest.mark.parametrize("step_s", [0.0005, 0.002, 0.05, 1.0])
def test_rescue_passes_keep_to_their_share_however_slow_the_machine_is(
    monkeypatch: pytest.MonkeyPatch, step_s: float, slower: int
) -> None:
    """Glances bound what they may take, whatever they cost, and no frame takes more than a step."""
    machine = Machine(monkeypatch, slower * step_s, slower * 0.005)
    machine.watch(600)
    assert 0 < machine.rescues_s <= decode.BUDGET * machine.glances_s + slower * step_s + 1e-6
    least_s = slower * (0.005 + step_s)
    assert max(machine.frames_s) <= least_s + decode.AT_ONCE * slower * 0.005 + 1e-6


class Sight:
    """A reader that has a symbol in sight and never makes it out, at so much a look."""

    def __init__(self, machine: Machine, look_s: float) -> None:
        self._machine, self._look_s = machine, look_s
        self.sighted = Sighted(Region(0, 0, 90, 90, 9.0), 3.0)

    def read(self, _grey: Frame, _within: Sequence[Region]) -> Iterator[None]:
        self._machine.at_s += self._look_s
        self._machine.rescues_s += self._look_s
        yield


@pytest.mark.parametrize("slower", [1, 4, 10])
def test_a_symbol_in_sight_costs_no_more_than_the_share(
    monkeypatch: pytest.MonkeyPatch, slower: int
) -> None:
    """What is gone after in every frame is paid for as all the rest is."""
    look_s, glance_s = slower * 0.07, slower * 0.003
    machine = Machine(monkeypatch, slower * 0.001, glance_s)
    machine.show(Sight(machine, look_s))
    machine.watch(decode.TRACKED)
    assert machine.rescues_s > look_s
    assert machine.rescues_s <= decode.BUDGET * machine.glances_s + look_s + 1e-6


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "value"), [("BUDGET", 40.0), ("AT_ONCE", 40.0)], ids=["share", "slice"]
)
def test_a_budget_that_is_not_kept_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    """A decoder that takes ten times its share, or all of it at once, is over the bounds."""
    defaults = list(Decoder.__init__.__defaults__ or ())
    defaults[{"BUDGET": 2, "AT_ONCE": 3}[name]] = value
    monkeypatch.setattr(Decoder.__init__, "__defaults__", tuple(defaults))
    with pytest.raises(AssertionError):
        for step_s in (0.002, 0.05):
            test_rescue_passes_keep_to_their_share_however_slow_the_machine_is(
                monkeypatch, step_s, 4
            )


def test_idle_time_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where frames come slowly, costly passes come more often than where they come at once."""

    def rescues_s(idle_s: float) -> float:
        machine = Machine(monkeypatch, 0.1, 0.005)
        machine.watch(300, idle_s)
        return machine.rescues_s

    assert rescues_s(0.2) > 1.5 * rescues_s(0.0)


def checks_at(left: int, side: int = 120) -> Frame:
    """A frame that is dense there and nowhere else."""
    frame = np.full((360, 640), 128, np.uint8)
    squares = (np.indices((side, side)) // 6).sum(0) % 2
    frame[120 : 120 + side, left : left + side] = 255 * squares
    return frame


def walked_past(frames: int) -> Iterator[Frame]:
    """Something dense that stays, and somebody who walks past it."""
    for number in range(frames):
        frame = checks_at(40)
        frame[300:, number % 20 * 30 :][:, :30] = 0
        yield frame


def test_what_is_elsewhere_or_larger_is_another_thing() -> None:
    """Only what stays densest at one place is looked at to the end at once."""
    decoder = Decoder()
    sides = {40: 120, 440: 60, 441: 160}
    places = [40, 440, 440, 440, 440, 441, 441, 441, 40]
    seen = [decoder._stays(checks_at(left, sides[left]), {}) for left in places]
    assert seen == [False, False, False, True, True, False, False, True, False]


def test_a_wall_is_not_looked_at_in_haste_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stays and is never made out takes its turns in slices after a while, as all else does.

    Mutation: where it is never given up, every look goes on being done at once.
    """
    frames = list[int]()
    in_haste = Decoder._in_haste

    def noted(decoder: Decoder, *rest: Any) -> Any:
        frames.append(1)
        return in_haste(decoder, *rest)

    def looks_in_haste() -> int:
        frames.clear()
        decoder = Decoder(budget=1e6)
        for frame in walked_past(40):
            decoder.read(frame)
        return len(frames)

    monkeypatch.setattr(OthersInSight, "is_due", lambda _self: False)
    monkeypatch.setattr(Decoder, "_in_haste", noted)
    assert looks_in_haste() == decode.EVERYTHING
    monkeypatch.setattr(decode, "EVERYTHING", 10**6)
    assert looks_in_haste() == 40 - decode.STAYS


class Patient:
    """Readers that never find anything, each at so many times what a frame has, and who looked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, looks_s: float) -> None:
        monkeypatch.setattr(OthersInSight, "is_due", lambda _self: False)
        self.at_s = 0.0
        self.looked: list[Pass] = []
        self.sights: dict[Pass, Sighted] = {}
        """What a reader has in sight once it has looked."""
        self._decoder = decoder = Decoder(now=lambda: self.at_s)
        readers: Any = {how: self._Reader(self, how, looks_s) for how in OWN}
        decoder._readers = readers

    def watch(self, frames: int) -> None:
        """Look at something dense that stays, and is no code."""
        for frame in walked_past(frames):
            self._decoder.read(frame)
            self.at_s += 0.03

    class _Reader:
        def __init__(self, all_of_them: "Patient", how: Pass, look_s: float) -> None:
            self._all, self._how, self._look_s = all_of_them, how, look_s
            self.sighted: Sighted | None = None

        def read(self, _grey: Frame, within: Sequence[Region]) -> Iterator[None]:
            if within:
                self._all.at_s += self._look_s
                self._all.looked.append(self._how)
                self.sighted = self._all.sights.get(self._how)
            yield


def test_no_way_to_look_keeps_the_others_from_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the likeliest takes all the time that there is.

    Mutation: where one look in haste is enough, the others have none.
    """

    def lookers() -> set[Pass]:
        machine = Patient(monkeypatch, 0.1)
        machine.watch(60)
        return set(machine.looked)

    monkeypatch.setattr(decode, "EVERYTHING", 10**6)
    assert lookers() >= {QR, AZTEC, PDF417, DATA_MATRIX}
    monkeypatch.setattr(decode, "LEAST_LOOKS", 1)
    assert lookers() == {QR}


def test_what_is_in_sight_is_looked_at_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A symbol that is found and not made out is tracked, until that was in vain so often.

    Mutation: where it is not, the other ways have their turns in between.
    """

    def lookers() -> list[Pass]:
        machine = Patient(monkeypatch, 0.001)
        machine.watch(4)
        machine.looked.clear()
        machine.sights[QR] = Sighted(Region(40, 120, 120, 120, 9.0), 3.0)
        machine.watch(decode.TRACKED)
        return machine.looked

    assert lookers() == [QR] * decode.TRACKED
    monkeypatch.setattr(Decoder, "_is_to_be_tracked", property(lambda _self: False))
    assert set(lookers()) > {QR}

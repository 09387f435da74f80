"""Two gates of a venue without a server that hear each other by Wi-Fi and by nothing else.

In the order in which they stand: one machine, whose radios and access point the kernel simulates.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from tests.system.machine import asked_for
from tests.system.machine.asked_for import SEED
from tests.system.machine.emulator import until
from tests.system.machine.image import HOME, Image, code_of
from tests.system.machine.lane_machine import LaneMachine
from tests.system.machine.radio import Air, RadioGate, wait_until_heard
from tests.system.machine.technician import LANE, Technician
from tests.system.machine.watched_screen import LONG_S

pytestmark = asked_for.on_demand


@dataclass(frozen=True)
class RadioVenue:
    """The access point and both gates, whose lanes are open."""

    air: Air
    north: RadioGate
    south: RadioGate


@pytest.fixture(scope="module")
def venue(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RadioVenue]:
    """South is taken in over the air; North has another address since, of which nobody tells it."""
    with closing(LaneMachine(image, tmp_path_factory.mktemp("radio"), SEED)) as machine:
        machine.on()
        technician = Technician(machine)
        technician.run(f"systemctl stop {LANE}")
        air = Air(technician)
        north, south = RadioGate(technician, "north", 1), RadioGate(technician, "south", 2)
        for gate in (north, south):
            gate.set_up()
        north.gate("venue create --name Gala --time-zone Europe/Berlin --set gate.name=North")
        north.gate(f"import {HOME}/types.csv {HOME}/tickets.csv")
        south.gate(f"enrol --name South --link-file {north.invite('south')}")
        north.move("10.9.0.12")
        north.open()
        south.open()
        yield RadioVenue(air, north, south)


def report(capsys: pytest.CaptureFixture[str], words: str) -> None:
    """Figures for whoever runs it."""
    with capsys.disabled():
        print(f" [{words}] ", end="", flush=True)


def test_gates_find_each_other_by_multicast(
    venue: RadioVenue, capsys: pytest.CaptureFixture[str]
) -> None:
    """Multicast DNS goes through the access point to radios that sleep most of the time."""
    took = wait_until_heard(venue.north, venue.south, count=1)
    dozes = venue.air.dozes(10)
    report(capsys, f"heard {took:.0f} s after the lanes began; in 10 s radios slept {dozes}")
    assert dozes[venue.north.radio] > 0
    assert dozes[venue.south.radio] > 0


def test_who_came_in_at_one_is_refused_at_the_other(venue: RadioVenue) -> None:
    """Both ways, and each verdict is sure of the other gate."""
    for number, (here, there) in enumerate(
        ((venue.north, venue.south), (venue.south, venue.north)), 1
    ):
        verdict = here.scan(code_of(number))
        assert "ADMIT" in verdict
        assert "sure: all gates" in verdict
        assert f"Already used. In at {here.name.title()}" in there.scan(code_of(number))


def test_an_access_point_that_goes_away_stops_neither(
    venue: RadioVenue, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both go on and say whom they do not hear; once it is back they tell each other by themselves.

    Meanwhile a ticket is good at both, so it is by the radio alone that the other one knows.
    """
    north, south = venue.north, venue.south
    venue.air.end()
    report(capsys, f"unheard after {wait_until_heard(north, south, count=0):.1f} s")
    until(lambda: "not heard: South" in north.status(), LONG_S, "South unheard", every_s=1.0)
    until(lambda: "not heard: North" in south.status(), LONG_S, "North unheard", every_s=1.0)
    for here, there, number in ((north, south, 11), (south, north, 12)):
        verdict = here.scan(code_of(number))
        assert "ADMIT" in verdict
        assert f"alone: {there.name.title()} unheard" in verdict
        assert "ADMIT" in here.scan(code_of(13))
    came_back(venue, capsys)
    assert "Already used. In at North" in south.scan(code_of(11))
    assert "Already used. In at South" in north.scan(code_of(12))
    for gate in (north, south):
        assert "conflicts: 1" in gate.gate("report --venue")


def test_a_gate_that_comes_back_with_another_address_is_heard(
    venue: RadioVenue, capsys: pytest.CaptureFixture[str]
) -> None:
    """As an access point gives it that has forgotten all; until then it has none."""
    venue.air.end()
    venue.north.technician.run(f"ip -n north addr flush dev {venue.north.card}")
    wait_until_heard(venue.north, venue.south, count=0)
    venue.north.move("10.9.0.112")
    came_back(venue, capsys)
    assert "ADMIT" in venue.north.scan(code_of(21))
    assert "Already used. In at North" in venue.south.scan(code_of(21))


def came_back(venue: RadioVenue, capsys: pytest.CaptureFixture[str]) -> None:
    """Switch the access point on; returns once both gates hear each other."""
    venue.air.begin()
    began = time.monotonic()
    until(lambda: venue.north.is_on_air and venue.south.is_on_air, LONG_S, "both on the air")
    on_air_s = time.monotonic() - began
    took = wait_until_heard(venue.north, venue.south, count=1)
    report(capsys, f"on the air again after {on_air_s:.1f} s, heard {took:.1f} s later")

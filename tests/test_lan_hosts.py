"""Gates on hosts of their own: cables pulled, addresses changed, machines asleep."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.domain.model import Outcome
from gate.store.venue import Venue as VenueReader
from tests.hosts import Hosts, why_not
from tests.lan import Member, Venue
from tests.network import until

COUNT = 4
CUT_S = float(os.environ.get("GATE_TEST_CUT_S", "6"))
FOUND_S = 30.0
"""Far more than the 5 s that are meant: the machine may be busy. What it took is printed."""

if _reason := why_not():
    pytest.skip(_reason, allow_module_level=True)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    made = Hosts(COUNT)
    yield made
    made.close()


@pytest.fixture
def venue(hosts: Hosts, tmp_path: Path) -> Iterator[Venue]:
    """Nobody is told of anybody: they find each other by multicast DNS."""
    made = Venue(tmp_path, COUNT, hosts=dict.fromkeys(range(COUNT), "0.0.0.0"))
    for n, member in enumerate(made.gates):
        member.configure([], announce=True)
        member.lane()
        member.start(hosts.at(n))
    made.wait_linked(60)
    yield made
    made.close()


def entries_of(member: Member) -> int:
    own = member.lane()._do(lambda: member.lane()._journal.head.row)  # type: ignore[union-attr]
    return int(own) + member.held()


def all_heard(venue: Venue) -> bool:
    return len({entries_of(member) for member in venue.gates}) == 1


def test_what_is_cut_and_healed_at_random_ends_in_the_true_conflicts(
    hosts: Hosts, venue: Venue
) -> None:
    """Every double admission appears as a conflict at every gate, and nothing else does."""
    chance = random.Random(7)
    admitted: Counter[str] = Counter()
    cut: set[int] = set()
    until_s = time.monotonic() + CUT_S
    while time.monotonic() < until_s:
        if chance.random() < 0.12:
            n = chance.randrange(COUNT)
            if n in cut:
                hosts.heal(n)
                cut.remove(n)
            else:
                hosts.cut(n)
                cut.add(n)
        code = chance.randrange(60)
        if venue.gates[chance.randrange(COUNT)].scan(f"C{code:06d}").outcome is Outcome.ADMIT:
            admitted[f"t{code}"] += 1
        time.sleep(0.03)
    for n in cut:
        hosts.heal(n)
    took = venue.wait_linked(FOUND_S)
    until(lambda: all_heard(venue))
    print(f"heard again {took:.1f} s after the last cut")
    twice = {ticket for ticket, count in admitted.items() if count > 1}
    for member in venue.gates:
        with VenueReader(member.folder) as reader:
            assert {conflict.ticket for conflict in reader.conflicts()} == twice
    assert twice


def test_a_gate_with_another_address_is_found_again(hosts: Hosts, venue: Venue) -> None:
    """Its streams are dead; it is called where it announces itself now."""
    hosts.move(1, "10.77.0.99")
    venue.gates[1].scan("C000001")
    took = until(lambda: all_heard(venue))
    print(f"heard {took:.1f} s after it moved")
    assert venue.gates[0].scan("C000001").outcome is Outcome.REFUSE
    venue.wait_linked(FOUND_S)


def test_a_machine_that_slept_is_heard_again(venue: Venue) -> None:
    """It stood still with all streams open; when it wakes, it catches up."""
    member = venue.gates[2]
    assert member.process is not None
    member.process.send_signal(signal.SIGSTOP)
    venue.gates[0].scan("C000002")
    until(lambda: venue.gates[0].linked() < COUNT - 1)
    member.process.send_signal(signal.SIGCONT)
    took = venue.wait_linked(FOUND_S)
    print(f"heard again {took:.1f} s after it woke")
    until(lambda: all_heard(venue))
    assert member.scan("C000002").outcome is Outcome.REFUSE

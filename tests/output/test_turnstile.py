"""What opens, for whom, when, and what never does."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gate.config_tables import Output
from gate.core.entry import Act
from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction
from gate.core.verdict import Scan, Verdict
from gate.errors import OutputError
from gate.lane.lane import Lane
from gate.output.turnstile import Turnstile
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from tests.support.venue import NOW_MS


@dataclass
class FakeRelay:
    """Keeps what it was told; ``fault`` is raised instead."""

    pulses: list[int] = field(default_factory=list)
    fault: str = ""
    is_at_it: threading.Event = field(default_factory=threading.Event)
    hangs: bool = False
    is_closed: bool = False

    def pulse(self, ms: int, ending: threading.Event) -> None:
        self.is_at_it.set()
        while self.hangs and not ending.is_set():
            ending.wait(0.005)
        self.check()
        self.pulses.append(ms)

    def check(self) -> None:
        if self.fault:
            raise OutputError(self.fault)

    def close(self) -> None:
        self.is_closed = True


@dataclass
class FakeSensor:
    """Sees as many people as it is told."""

    people: int = 0
    fault: str = ""

    def arm(self) -> None:
        if self.fault:
            raise OutputError(self.fault)

    def wait(self, seconds: float, ending: threading.Event) -> bool:
        ending.wait(min(seconds, 0.01))
        self.people -= 1
        return self.people >= 0

    def close(self) -> None:
        pass


class Watched(Turnstile):
    """Says of which entries it has done all that it does."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.done: list[str] = []

    def _open(self, opening: Any) -> None:
        super()._open(opening)
        self.done.append(opening.entry)


@dataclass
class Bench:
    """A turnstile on fakes, and what it said."""

    relay: FakeRelay = field(default_factory=FakeRelay)
    sensor: FakeSensor | None = None
    output: Output = field(default_factory=lambda: Output(relay="gpio:17"))
    troubles: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def begin(self) -> Watched:
        self.turnstile = Watched(
            self.output,
            self.troubles.append,
            self.missing.append,
            relay=self.relay,
            sensor=self.sensor,
        )
        self.turnstile.start()
        return self.turnstile


GREEN = Verdict(
    Outcome.ADMIT, Reason.ADMITTED, Direction.IN, NOW_MS, uses=1, persons=1, entry="device.1:7"
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.turnstile.stop()


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


def opened_for(bench: Bench, *verdicts: Verdict) -> int:
    """How often it opened for verdicts, and for one good one after them."""
    turnstile = bench.begin()
    for verdict in (*verdicts, replace(GREEN, entry="device.1:99")):
        turnstile.take(verdict)
    until(lambda: "device.1:99" in turnstile.done)
    turnstile.stop()
    return len(bench.relay.pulses) - 1


NEVER = [
    replace(GREEN, outcome=outcome)
    for outcome in Outcome
    if outcome not in (Outcome.ADMIT, Outcome.ATTENTION, Outcome.EXIT)
]
OTHERS = [
    replace(GREEN, outcome=Outcome.ATTENTION),
    replace(GREEN, outcome=Outcome.EXIT, direction=Direction.OUT),
]


@pytest.mark.parametrize("verdict", [*NEVER, *OTHERS], ids=lambda one: str(one.outcome))
def test_it_opens_for_enter_only(bench: Bench, verdict: Verdict) -> None:
    """STOP, WAIT, the same ticket again, a question, CHECK and EXIT leave it closed."""
    assert opened_for(bench, verdict) == 0


@pytest.mark.parametrize("verdict", NEVER, ids=lambda one: str(one.outcome))
def test_no_setting_opens_it_for_others(bench: Bench, verdict: Verdict) -> None:
    """Whatever the venue wants, a refusal is one."""
    bench.output = Output(relay="gpio:17", check=True, exits=True)
    assert opened_for(bench, verdict) == 0


def test_check_and_exit_open_by_a_setting_of_their_own(bench: Bench) -> None:
    """Where the venue wants it so."""
    bench.output = Output(relay="gpio:17", check=True, exits=True)
    assert opened_for(bench, *OTHERS) == 2


def test_without_an_entry_nothing_opens(bench: Bench) -> None:
    """What is not on disk is not green, whatever it says."""
    assert opened_for(bench, replace(GREEN, entry="")) == 0


def test_mutation_a_turnstile_for_everything_green_is_caught(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that asks nothing opens for all of them."""
    monkeypatch.setattr(Turnstile, "_opens_for", lambda _self, _verdict: True)
    assert opened_for(bench, *NEVER) == len(NEVER)


def test_it_opens_once_for_each_person(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a group that was counted in."""
    monkeypatch.setattr("gate.output.turnstile.BETWEEN_S", 0.01)
    bench.begin().take(replace(GREEN, persons=3))
    until(lambda: len(bench.relay.pulses) == 3)
    assert bench.relay.pulses == [500, 500, 500]


def test_a_fault_is_told_once_and_its_end_too(bench: Bench) -> None:
    """And nobody waits: asking takes no time, however long the relay does."""
    bench.relay.fault = "the relay at COM5 does not answer"
    turnstile = bench.begin()
    until(lambda: bench.troubles == ["the relay at COM5 does not answer."])
    bench.relay.hangs = True
    turnstile.take(GREEN)
    assert bench.relay.is_at_it.wait(15)
    turnstile.take(GREEN)
    assert turnstile.done == []
    assert turnstile.trouble
    bench.relay.hangs = False
    until(lambda: turnstile.done == [GREEN.entry] * 2)
    bench.relay.fault = ""
    turnstile.take(GREEN)
    until(lambda: bench.troubles == ["the relay at COM5 does not answer.", ""])
    assert bench.relay.pulses[-1:] == [500]
    assert not turnstile.trouble


def test_what_comes_too_late_is_not_opened(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a relay that hung nobody else's green opens for who stands there by now."""
    bench.relay.hangs = True
    turnstile = bench.begin()
    turnstile.take(GREEN)
    assert bench.relay.is_at_it.wait(15)
    monkeypatch.setattr("gate.output.turnstile.STALE_S", 0.05)
    turnstile.take(GREEN)
    time.sleep(0.1)
    bench.relay.hangs = False
    until(lambda: "Not opened in time: let the guest through by hand." in bench.troubles)
    assert len(bench.relay.pulses) == 1


def test_who_goes_through_is_no_news(bench: Bench) -> None:
    """And who does not is told, by the entry; the rest of the group stays before it."""
    bench.sensor = FakeSensor(people=1)
    turnstile = bench.begin()
    turnstile.take(GREEN)
    until(lambda: len(bench.relay.pulses) == 1 and bench.sensor.people == 0)  # type: ignore[union-attr]
    assert bench.missing == []
    turnstile.take(replace(GREEN, entry="device.1:8", persons=2))
    until(lambda: bench.missing == ["device.1:8"])
    assert len(bench.relay.pulses) == 2
    assert (turnstile.not_passed, turnstile.not_passed_in_row) == (1, 1)


def test_who_does_not_go_through_is_counted(bench: Bench) -> None:
    """In all, and in a row until somebody does."""
    bench.sensor = sensor = FakeSensor(people=0)
    turnstile = bench.begin()
    for n in (1, 2):
        turnstile.take(replace(GREEN, entry=f"device.1:{n}"))
    until(lambda: len(bench.missing) == 2)
    assert (turnstile.not_passed, turnstile.not_passed_in_row) == (2, 2)
    sensor.people = 1
    turnstile.take(GREEN)
    until(lambda: not turnstile.not_passed_in_row)
    assert turnstile.not_passed == 2


def test_a_broken_sensor_is_not_held_against_guests(bench: Bench) -> None:
    """It opens all the same, and says what is wrong."""
    bench.sensor = FakeSensor(fault="the passage sensor at COM6 does not answer")
    bench.begin().take(GREEN)
    until(lambda: len(bench.relay.pulses) == 1)
    assert bench.troubles == ["the passage sensor at COM6 does not answer."]
    assert bench.missing == []


def test_at_the_end_it_is_closed(bench: Bench) -> None:
    """The relay is let go of."""
    bench.begin().stop()
    assert bench.relay.is_closed


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (Output(relay="COM5"), "output.relay: COM5 is no relay"),
        (Output(relay="gpio:4", passage="x"), "output.passage: x is no sensor"),
    ],
)
def test_a_wrong_name_is_told_at_the_start(output: Output, says: str) -> None:
    """With what would be right."""
    with pytest.raises(OutputError) as caught:
        Turnstile(output, print, print)
    assert caught.value.message == says
    assert "gpio:" in caught.value.hint


def admitted_on_disk(folder: Folder) -> set[str]:
    reader = JournalReader(folder.journal)
    found = {entry.name for _row, entry in reader.page() if entry.act is Act.ADMISSION}
    reader.close()
    return found


def test_a_lane_tells_of_verdicts_once_they_are_on_disk(lane: Lane, venue: Folder) -> None:
    """A scan, the next person by a key: each once; the same ticket again opens nothing."""
    told: list[Verdict] = []
    was_on_disk: list[bool] = []

    def take(verdict: Verdict) -> None:
        told.append(verdict)
        if verdict.outcome is Outcome.ADMIT:
            was_on_disk.append(verdict.entry in admitted_on_disk(venue))

    lane.tell_decided(take)
    lane.admit(Scan("GOOD001", source="camera"))
    lane.admit(Scan("GOOD001", source="camera"))
    lane.admit(Scan("no such code", source="camera"))
    assert [one.outcome for one in told] == [Outcome.ADMIT, Outcome.RESCAN, Outcome.REFUSE]
    assert was_on_disk == [True]


def test_nobody_went_through_is_an_entry_and_the_use_stays(lane: Lane, venue: Folder) -> None:
    """It names the admission; the ticket stays used, and counts stay as they were."""
    verdict = lane.admit(Scan("GOOD001", source="camera"))
    inside = lane.totals().inside
    noted = lane.note_no_passage(verdict.entry)
    assert noted is not None
    assert (noted[0].name, noted[1]) == (verdict.entry, verdict.ticket)
    reader = JournalReader(venue.journal)
    newest = reader.newest(1)[0]
    reader.close()
    assert (newest.act, newest.target) == (Act.NO_PASSAGE, verdict.entry)
    assert lane.totals().inside == inside
    assert lane.admit(Scan("GOOD001", source="camera")).outcome is not Outcome.ADMIT
    assert lane.note_no_passage("nobody.1:1") is None

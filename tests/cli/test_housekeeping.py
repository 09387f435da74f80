"""What is done beside a lane: what others have to know goes out, what it has to know is shown."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from gate.cli import housekeeping
from gate.cli.lane_session import LaneSession
from gate.config import load
from gate.config_tables import Output
from gate.core.clock_error import Measured, Source
from gate.core.entry import Act, Entry
from gate.core.place import Role
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.output.sound import Sounds
from gate.output.turnstile import Turnstile
from gate.storage import lane_status, outgoing, sync_status
from gate.storage.folder import Folder
from gate.storage.outgoing import Outgoing
from gate.storage.sync_status import SyncStatus
from tests.support.lanes import journal_of
from tests.support.venue import FixedClock
from tests.system.neighbours import carry, enrol, known, neighbour, say
from tests.system.network import until

SOUTH = "5" * 16
BOSS = Operator("boss", Role.SUPERVISOR)


class Housekeeper:
    """Keeps house beside a lane, a hundred times as often as a real one."""

    def __init__(self, folder: Folder, lane: Lane, clock: FixedClock) -> None:
        self.announced: list[str] = []
        self.messages: list[Entry] = []
        self._stopping = threading.Event()
        config = load(None, {}, [f"data_dir={folder.path}", "camera.device=off"])
        self.session = session = LaneSession(config, folder)
        session.on_announcement = self.announced.append
        session.on_message = self.messages.append
        arguments = (session, lane, clock, self._stopping)
        self._thread = threading.Thread(target=housekeeping.keep_house, args=arguments)

    def __enter__(self) -> "Housekeeper":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._thread.join()


@pytest.fixture
def keeper(
    venue: Folder, lane: Lane, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> Housekeeper:
    """Beside the lane of an enrolled gate that is open."""
    monkeypatch.setattr(housekeeping, "IDLE_EVERY_S", 0.02)
    enrol(venue)
    lane.open()
    return Housekeeper(venue, lane, clock)


def test_a_gate_that_falls_silent_is_announced_once(
    keeper: Housekeeper, venue: Folder, clock: FixedClock
) -> None:
    """And once when it is heard again."""
    say(venue, clock, known(SOUTH, clock))
    with keeper:
        until(lambda: lane_status.read(venue, clock.read()).is_clock_trusted is True)
        clock.pass_seconds(30)
        until(lambda: bool(keeper.announced))
        say(venue, clock, known(SOUTH, clock))
        until(lambda: len(keeper.announced) > 1)
    assert keeper.announced == [
        "Silent with its lane open: South unheard since 12:26",
        "Heard again: South",
    ]


def test_a_clock_that_drifts_is_announced_once(
    keeper: Housekeeper, venue: Folder, clock: FixedClock
) -> None:
    """And once when it is right again: before any rule goes wrong by it."""
    zero_ms = clock.wall_ms - clock.boot_ms
    told = (Measured(Source.SERVER, zero_ms, 50, clock.boot_ms),)
    sync_status.write(venue, SyncStatus(clock.boot_id, clock.boot_ms, clocks=told))
    with keeper:
        until(lambda: lane_status.read(venue, clock.read()).is_clock_trusted is True)
        clock.jump_seconds(12)
        until(lambda: bool(keeper.announced))
        clock.jump_seconds(-12)
        until(lambda: len(keeper.announced) > 1)
    assert keeper.announced == [
        "This gate's clock: 12 s fast by the server, ± 0.05 s. Set it on F9.",
        "This gate's clock is right again.",
    ]


def test_a_message_is_shown_and_what_waits_is_sent(
    keeper: Housekeeper, venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """Another gate's is shown here; what the host's command left becomes an entry of this lane."""
    with neighbour(tmp_path / "south", clock) as south, keeper:
        until(lambda: lane_status.read(venue, clock.read()).boot_ms > 0)
        south.send_message("evacuate", (), BOSS)
        carry(south._folder, venue)
        until(lambda: bool(keeper.messages))
        outgoing.leave(venue, Outgoing("come here", ("East",)))
        until(lambda: not list(venue.path.glob("message-*")))
    assert [message.note for message in keeper.messages] == ["evacuate"]
    made = journal_of(venue)[-1]
    assert (made.act, made.note, made.covers) == (Act.MESSAGE, "come here", ("East",))


def test_what_cannot_be_sent_holds_nothing_up(keeper: Housekeeper, venue: Folder) -> None:
    """A file that somebody else has put there."""
    outgoing.leave(venue, Outgoing("x" * 500))
    with keeper:
        until(lambda: not list(venue.path.glob("message-*")))
    assert Act.MESSAGE not in {entry.act for entry in journal_of(venue)}


def test_a_lane_s_word_says_how_its_readers_are(
    keeper: Housekeeper, venue: Folder, clock: FixedClock
) -> None:
    """Also that its clock is not believed."""
    clock.jump_seconds(-400 * 86_400)
    with keeper:
        until(lambda: lane_status.read(venue, clock.read()).is_clock_trusted is False)
    word = lane_status.read(venue, replace(clock.read()))
    assert (word.camera, word.scanner) == ("", "")


def test_a_lane_s_word_says_how_turnstile_and_sound_are(
    keeper: Housekeeper, venue: Folder, clock: FixedClock
) -> None:
    """Broken, with why; for how many it opened in vain, where somebody sees that."""
    output = Output(relay="serial:/dev/nothing-there", passage="serial:/dev/nothing-either")
    keeper.session.turnstile = turnstile = Turnstile(output, lambda _says: None, lambda _name: None)
    keeper.session.sounds = Sounds(lambda _sound: None, volume=80, has=None)
    with keeper:
        until(lambda: lane_status.read(venue, clock.read()).turnstile == "on")
        turnstile.not_passed, turnstile.not_passed_in_row = 4, 3
        turnstile.start()
        until(lambda: lane_status.read(venue, clock.read()).turnstile == "broken")
    turnstile.stop()
    word = lane_status.read(venue, clock.read())
    assert (word.not_passed, word.not_passed_in_row) == (4, 3)
    assert word.turnstile_trouble.startswith("the relay at /dev/nothing-there does not answer")
    assert word.sound == keeper.session.sounds.state


def test_nobody_counts_where_nobody_sees_who_goes_through(
    keeper: Housekeeper, venue: Folder, clock: FixedClock
) -> None:
    """No number is another word than none of them."""
    output = Output(relay="serial:/dev/nothing-there")
    keeper.session.turnstile = Turnstile(output, print, print)
    with keeper:
        until(lambda: lane_status.read(venue, clock.read()).turnstile == "on")
    assert lane_status.read(venue, clock.read()).not_passed is None

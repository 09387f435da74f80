"""Readers and the lane together: one scan is one entry and one sound, whatever is in view."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gate.capture import camera as camera_module
from gate.capture import view as view_module
from gate.capture.camera import folder_source
from gate.capture.debounce import Debounce
from gate.capture.decode import Decoder
from gate.capture.glimpse import Furniture, Notice, Spot
from gate.capture.picture import Seen
from gate.capture.view import FURNITURE_MS
from gate.config import Config, load
from gate.core.entry import Act
from gate.core.outcome import Outcome, Reason
from gate.core.place import HouseRules, Place, Policy
from gate.core.verdict import Scan, Verdict
from gate.credential.retail import misread
from gate.errors import StoreError
from gate.lane.inputs import Inputs
from gate.lane.lane import Lane
from gate.lane.selection import ASKED_AGAIN_MS
from gate.reports.ticket_import import import_files
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from tests.conftest import MakeLane
from tests.support.paths import DATA
from tests.support.signing import code, event_key, give_keys
from tests.support.venue import FixedClock, Row, fill, write_rows
from tests.system.neighbours import enrol, known, say

SEVERAL = DATA / "several_codes"
FAR = "4006381333931"
FRAME_MS = 66
LEFT, RIGHT = Spot(0.1, 0.1, 0.3, 0.3), Spot(0.6, 0.1, 0.8, 0.3)


@dataclass
class Door:
    """The inputs of a lane with a clock that is told, and all that they told."""

    lane: Lane
    now: int = 0
    verdicts: list[Verdict] = field(default_factory=list)
    notices: list[Notice | None] = field(default_factory=list)
    furniture: list[Furniture] = field(default_factory=list)

    def __post_init__(self) -> None:
        config: Config = load(None, {}, ["camera.device=off"])
        self.inputs = Inputs(
            self.lane,
            config,
            self.verdicts.append,
            on_notice=self.notices.append,
            on_furniture=self.furniture.append,
            now_ms=lambda: self.now,
        )

    def show(self, *texts: str, ms: int = FRAME_MS) -> list[Outcome]:
        """Hold codes up, the first on the left; answers with the verdicts that came."""
        before, until = len(self.verdicts), self.now + ms
        while self.now < until:
            seen = [
                Seen(text, "QRCode", time.perf_counter_ns(), spot=(LEFT, RIGHT)[n % 2])
                for n, text in enumerate(texts)
            ]
            self.inputs.selection.frame(seen)
            self.now += FRAME_MS
        return [verdict.outcome for verdict in self.verdicts[before:]]

    def type(self, *lines: str) -> None:
        """One trigger of a scanner."""
        for line in lines:
            self.inputs.scanned(line, "keyboard")
            self.now += 10
        self.settle()

    def settle(self) -> None:
        """Wait until the lane has done what it was asked, and let the timer run."""
        for _ in range(3):
            self.lane.look_up(Scan("nothing")).result()
        self.now += 60
        self.inputs.selection.tick()


def entries(folder: Folder) -> list[Act]:
    reader = JournalReader(folder.journal)
    made = [entry.act for _row, entry in reader.page()]
    reader.close()
    return made


@pytest.fixture
def door(lane: Lane) -> Door:
    return Door(lane)


def test_a_ticket_beside_a_link_has_one_verdict(door: Door, venue: Folder) -> None:
    """What the journal says is what the panel is told, and a line is told beside it."""
    assert door.show("GOOD001", "https://sponsor.example", ms=5000) == [Outcome.ADMIT]
    assert entries(venue) == [Act.ADMISSION]
    assert door.notices == [Notice()]


def test_two_codes_of_one_ticket_are_one_scan(door: Door, venue: Folder) -> None:
    """By camera and by trigger."""
    assert door.show("NEW1", "OLD1", ms=3000) == [Outcome.ADMIT]
    door.now += 10_000
    door.type("FLY1", "M1QR DATA")
    assert entries(venue) == [Act.ADMISSION, Act.ADMISSION]


def test_the_other_ticket_waits_for_a_key(door: Door, venue: Folder) -> None:
    """It is named; the key that means it admits it, once."""
    assert door.show("GOOD001", "GOOD002", ms=3000) == [Outcome.ADMIT]
    named = door.notices[-1]
    assert named is not None
    assert named.ticket is not None
    assert named.ticket.id == "good-2"
    assert not door.inputs.meant("good-1")
    assert door.inputs.meant("good-2")
    door.settle()
    assert not door.inputs.meant("good-2")
    assert door.show("GOOD001", "GOOD002", ms=3000) == []
    assert entries(venue) == [Act.ADMISSION, Act.ADMISSION]
    assert door.notices[-1] is None


def test_furniture_is_told_once_and_named_to_the_doctor(door: Door, venue: Folder) -> None:
    """A poster: one STOP, one line, and never a verdict again."""
    assert door.show("WIFI:S:guests;;", ms=FURNITURE_MS + 1000) == [Outcome.REFUSE]
    for n in range(3):
        assert door.show(f"GOOD00{n}", ms=3000) == [Outcome.ADMIT]
        assert door.show("WIFI:S:guests;;", ms=3000) == []
    assert [one.text for one in door.furniture] == ["WIFI:S:guests;;"]
    assert [one.text for one in door.inputs.furniture()] == ["WIFI:S:guests;;"]
    assert entries(venue) == [Act.REFUSAL, *[Act.ADMISSION] * 3]


def test_what_becomes_a_ticket_while_it_lies_there_is_decided(door: Door, venue: Folder) -> None:
    """Sold now, and its phone lies before the camera: no hand has to lift it."""
    assert door.show("SOLD1", ms=FURNITURE_MS + 1000) == [Outcome.REFUSE]
    fill(venue, [{"code": "SOLD1", "type": "SHOW", "id": "sold-1"}])
    assert door.show("SOLD1", ms=ASKED_AGAIN_MS + 2 * FRAME_MS) == [Outcome.ADMIT]
    assert door.inputs.furniture() == []


def test_lines_of_one_trigger_are_one_verdict(door: Door, venue: Folder) -> None:
    """A known line beats an unknown one in either order; an unknown one alone is a STOP."""
    door.type("https://sponsor.example", "GOOD001")
    door.now += 5000
    door.type("GOOD002", "https://sponsor.example")
    door.now += 5000
    assert [verdict.outcome for verdict in door.verdicts] == [Outcome.ADMIT] * 2
    door.type("https://sponsor.example")
    assert door.verdicts[-1].outcome is Outcome.REFUSE
    assert entries(venue) == [Act.ADMISSION, Act.ADMISSION, Act.REFUSAL]


def test_lines_of_a_pipe_are_scans_of_their_own(door: Door, venue: Folder) -> None:
    """However fast they come: how a pipe is read says nothing about hands."""
    for line in ("GOOD001", "NOBODY", "GOOD002", "VOID1"):
        door.inputs.scanned(line, "keyboard", is_alone=True)
    door.settle()
    assert [v.outcome.name[0] for v in door.verdicts] == ["A", "R", "A", "R"]
    assert len(entries(venue)) == 4


def test_nothing_that_is_read_behind_another_screen_is_a_scan(door: Door, venue: Folder) -> None:
    """And what has lain there meanwhile is not decided a second time."""
    door.show("GOOD001", "NOBODY", ms=300)
    door.inputs.paused = True
    assert door.show("GOOD001", "GOOD003", "NOBODY", ms=10_000) == []
    door.type("GOOD004")
    door.inputs.paused = False
    assert door.show("GOOD001", ms=3000) == []
    assert entries(venue) == [Act.ADMISSION]


Make = Callable[[MakeLane, Folder, FixedClock], tuple[Lane, str]]


def alone(make_lane: MakeLane, venue: Folder, clock: FixedClock) -> tuple[Lane, str]:
    enrol(venue)
    say(venue, clock, known("d" * 32, clock, ago_s=60), ago_s=60)
    return make_lane(rules=HouseRules(alone=Policy.HOLD)), "GOOD001"


def stale(make_lane: MakeLane, venue: Folder, clock: FixedClock) -> tuple[Lane, str]:
    enrol(venue)
    return make_lane(rules=HouseRules(stale=Policy.HOLD)), "SOLD-SINCE"


def pass_back(make_lane: MakeLane, venue: Folder, clock: FixedClock) -> tuple[Lane, str]:
    lane = make_lane(rules=HouseRules(pass_back=Policy.HOLD))
    lane.admit(Scan("PASS1", source="camera"))
    clock.pass_seconds(60)
    return lane, "PASS1"


def unplaced(make_lane: MakeLane, venue: Folder, clock: FixedClock) -> tuple[Lane, str]:
    return make_lane(place=Place("North", is_known=False)), "EAST1"


def unseen(make_lane: MakeLane, venue: Folder, clock: FixedClock) -> tuple[Lane, str]:
    give_keys(venue, event_key())
    enrol(venue)
    return make_lane(rules=HouseRules(unseen=Policy.HOLD)), code("sold-since")


def unseen_in_a_current_list(
    make_lane: MakeLane, venue: Folder, clock: FixedClock
) -> tuple[Lane, str]:
    give_keys(venue, event_key())
    return make_lane(), code("never-sold")


def of_no_known_type(make_lane: MakeLane, venue: Folder, clock: FixedClock) -> tuple[Lane, str]:
    give_keys(venue, event_key())
    return make_lane(), code("new", "NEW-TYPE")


def no_tickets(make_lane: MakeLane, venue: Folder, clock: FixedClock) -> tuple[Lane, str]:
    venue.pointer.unlink()
    return make_lane(), "GOOD001"


def damaged(make_lane: MakeLane, venue: Folder, clock: FixedClock) -> tuple[Lane, str]:
    lane = make_lane()
    lane.open()

    def broken(*_all: object) -> None:
        raise StoreError("the disk is full", "Make room.")

    lane._entries.append_verdict = broken  # type: ignore[method-assign, assignment]
    return lane, "GOOD001"


def unforeseen(make_lane: MakeLane, venue: Folder, clock: FixedClock) -> tuple[Lane, str]:
    lane = make_lane()

    def broken(*_all: object) -> None:
        raise ZeroDivisionError

    lane._admission._decide = broken  # type: ignore[method-assign, assignment]
    return lane, "GOOD001"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (alone, Reason.ALONE),
        (stale, Reason.UNKNOWN),
        (pass_back, Reason.PASS_BACK),
        (unplaced, Reason.PLACE_UNKNOWN),
        (unseen, Reason.UNSEEN),
        (unseen_in_a_current_list, Reason.UNSEEN),
        (of_no_known_type, Reason.TYPE_UNKNOWN),
        (no_tickets, Reason.FAULT),
        (damaged, Reason.FAULT),
        (unforeseen, Reason.FAULT),
    ],
)
def test_a_wait_in_view_is_one_entry_and_one_sound(
    make_lane: MakeLane, venue: Folder, clock: FixedClock, make: Make, reason: Reason
) -> None:
    """10 s in view at 15 frames a second, for each reason that makes WAIT."""
    lane, code = make(make_lane, venue, clock)
    asked, submit = [], lane.submit
    lane.submit = lambda scan: (asked.append(scan), submit(scan))[1]  # type: ignore[method-assign, func-returns-value]
    door = Door(lane)
    assert door.show(code, ms=10_000) == [Outcome.HOLD]
    assert door.verdicts[0].reason is reason
    is_fault = reason is Reason.FAULT
    if not is_fault:
        assert entries(venue).count(Act.HOLD) == 1
    elif venue.journal.exists():
        assert set(entries(venue)) <= {Act.LANE_OPENED}
    # What a fault held is tried again, but not for each frame.
    assert len(asked) in (range(2, 9) if is_fault else (1,))
    if not is_fault:
        door.show(ms=1000)
        # What is in no list and has lain there for 10 s is furniture by now.
        again = [] if reason is Reason.UNKNOWN else [Outcome.HOLD]
        assert door.show(code, ms=10_000) == again, "out of view, it is a new scan"


def test_a_question_in_view_is_asked_once(make_lane: MakeLane, venue: Folder) -> None:
    """10 s in view, and it is asked again only once it was away; nobody has gone in on it."""
    door = Door(make_lane(rules=HouseRules(ask="Over 18?")))
    assert door.show("GOOD001", ms=10_000) == [Outcome.ASK]
    assert door.show(ms=1000) == []
    assert door.show("GOOD001", ms=1000) == [Outcome.ASK]
    assert Act.ADMISSION not in entries(venue)


def test_mutation_a_question_that_is_no_wait_is_not_asked_again(
    make_lane: MakeLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is with what was decided: gone for a second, it is still the same scan."""
    monkeypatch.setattr(Debounce, "held", lambda *_all: None)
    door = Door(make_lane(rules=HouseRules(ask="Over 18?")))
    assert door.show("GOOD001", ms=1000) == [Outcome.ASK]
    door.show(ms=1000)
    assert door.show("GOOD001", ms=500) == []


def test_a_wait_for_each_reason_is_tested() -> None:
    """A policy of the venue holds who is alone, passed back, signed or in no list; or a fault does.

    A code that does not move is held by the same words as who is alone.

    Two tickets on one text of a scanner are one scan of its trigger, which is none in view.
    """
    policies = {f for f, kind in HouseRules.__annotations__.items() if "Policy" in str(kind)}
    policies.remove("unpaid")  # it asks or refuses, and never holds
    assert policies == {
        "pass_back", "alone", "alone_by_type", "stale", "unseen", "unseen_current",
        "static_codes",
    }  # fmt: skip


def test_a_mended_fault_lets_the_ticket_in_that_is_still_in_view(lane: Lane, venue: Folder) -> None:
    """Nobody has to take it away and hold it up again."""
    pointer = venue.pointer.read_bytes()
    venue.pointer.unlink()
    door = Door(lane)
    assert door.show("GOOD001", ms=4000) == [Outcome.HOLD]
    venue.pointer.write_bytes(pointer)
    assert door.show("GOOD001", ms=3000) == [Outcome.ADMIT]
    assert entries(venue) == [Act.ADMISSION]


def test_mutation_a_wait_that_is_forgotten_loops(
    make_lane: MakeLane, venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was: what is held is a new scan in the next frame."""
    monkeypatch.setattr(Debounce, "held", Debounce.forget)
    monkeypatch.setattr(view_module, "FAULT_AGAIN_MS", 0)
    monkeypatch.setattr(Debounce, "readable_ms", lambda *_all: 0)
    lane, code = pass_back(make_lane, venue, clock)
    assert len(Door(lane).show(code, ms=2000)) > 10


def scan_pictures(lane: Lane, folder: Path) -> tuple[list[Verdict], list[Notice | None]]:
    """Real pictures, decoder and timer, to the folder's end."""
    verdicts: list[Verdict] = []
    notices: list[Notice | None] = []
    config = load(None, {}, ["camera.device=off"])
    inputs = Inputs(
        lane, config, verdicts.append, on_notice=notices.append, source=folder_source(folder)
    )
    inputs.start()
    until = time.monotonic() + 60
    while inputs.are_reading and time.monotonic() < until:
        time.sleep(0.02)
    inputs.stop()
    return verdicts, notices


@pytest.fixture
def gala(folder: Folder, clock: FixedClock) -> Iterator[Lane]:
    """The venue whose tickets are in the pictures."""
    rows: list[Row] = [
        {"id": "gala", "kind": "MEETING_TICKET", "title": "Winter Gala"},
        {"code": "K7QX-0001", "type": "gala", "holder": "Guest A", "other_codes": ["900100200300"]},
        {"code": "K7QX-0002", "type": "gala", "holder": "Guest B"},
    ]
    import_files(folder, [write_rows(folder.path / "gala.jsonl", rows)], built_ms=0)
    lane = Lane(folder, clock, Place("North"), HouseRules())
    yield lane
    lane.close()


@pytest.mark.parametrize(("name", "is_stranger"), [("sponsor", True), ("own-barcode", False)])
def test_pictures_with_two_codes_have_one_verdict(
    gala: Lane, folder: Folder, tmp_path: Path, name: str, is_stranger: bool
) -> None:
    """A ticket's QR beside a link's, and QR and Code 128 of one ticket."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    shutil.copy(SEVERAL / f"{name}.png", pictures / "1.png")
    verdicts, notices = scan_pictures(gala, pictures)
    assert [verdict.outcome for verdict in verdicts] == [Outcome.ADMIT]
    assert entries(folder) == [Act.ADMISSION]
    assert (Notice() in notices) == is_stranger


MISREAD = "8818294052061"
"""What every decoder makes of the label in the picture, frame by frame; it was drawn as another."""


@pytest.fixture
def label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with that picture."""
    monkeypatch.setattr(camera_module, "PICTURE_S", 0.6)
    pictures = tmp_path / "label"
    pictures.mkdir()
    shutil.copy(DATA / "misread-ean13.png", pictures / "1.png")
    return pictures


def test_a_number_that_is_misread_turns_nobody_away(lane: Lane, label: Path) -> None:
    """No ticket has it, and a second way to look does not say so: it is no scan."""
    verdicts, notices = scan_pictures(lane, label)
    assert verdicts == []
    assert [notice for notice in notices if notice] == []


def test_without_a_second_way_to_look_it_would(
    lane: Lane, label: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail."""
    monkeypatch.setattr(Decoder, "agrees", lambda *_all: True)
    assert [verdict.reason for verdict in scan_pictures(lane, label)[0]] == [Reason.UNKNOWN]


@pytest.mark.parametrize("other", [FAR, *misread(MISREAD)][:3])
def test_a_tickets_number_waits_only_where_it_may_be_another_tickets(
    make_lane: MakeLane, folder: Folder, label: Path, other: str
) -> None:
    """It is decided at once beside others, and not at all beside one that is two digits off."""
    codes = ({"code": MISREAD, "id": "own"}, {"code": other, "id": "other"})
    fill(folder, [{"type": "SHOW", **code} for code in codes])
    verdicts, _notices = scan_pictures(make_lane(folder=folder), label)
    spent = [verdict.ticket.id for verdict in verdicts if verdict.ticket]
    assert spent == (["own"] if other == FAR else [])


def test_the_end_of_the_pictures_decides_what_was_held_back(
    lane: Lane, venue: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that is gone before 300 ms were over has its verdict all the same."""
    monkeypatch.setattr(camera_module, "PICTURE_S", 0.1)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    shutil.copy(SEVERAL / "sponsor.png", pictures / "1.png")
    verdicts, _notices = scan_pictures(lane, pictures)
    assert [verdict.reason for verdict in verdicts] == [Reason.UNKNOWN]
    assert entries(venue) == [Act.REFUSAL]


def test_the_timer_decides_without_a_frame(lane: Lane, venue: Folder) -> None:
    """A typed code that is no ticket's, and nothing after it."""
    verdicts: list[Verdict] = []
    inputs = Inputs(lane, load(None, {}, ["camera.device=off"]), verdicts.append)
    inputs.start()
    inputs.scanned("NOBODY", "keyboard")
    until = time.monotonic() + 30
    while not verdicts and time.monotonic() < until:
        time.sleep(0.01)
    inputs.stop()
    assert [verdict.reason for verdict in verdicts] == [Reason.UNKNOWN]
    assert entries(venue) == [Act.REFUSAL]


def test_what_scanners_say_is_told_once(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that comes beside another that is missing is no news; another one is no trouble."""
    told: list[str] = []
    warnings: list[str] = []
    config = load(None, {}, ["camera.device=off", "scanner.evdev=auto", "scanner.serial=auto"])
    inputs = Inputs(
        lane, config, lambda _: None, on_scanner=told.append, on_warning=warnings.append
    )
    inputs._scanner_is("serial", "no serial scanner found")
    inputs._scanner_is("evdev", "")
    assert (told, inputs.scanner) == (["no serial scanner found"], "lost")
    inputs._scanner_is("serial", "")
    monkeypatch.setattr(lane, "scanner_plugged", lambda _source, _device: True)
    inputs._plugged("serial", "0c2e:0b61 A1")
    assert (told[1:], inputs.scanner) == ([""], "on")
    assert [line.partition(":")[0] for line in warnings] == ["Another scanner"]

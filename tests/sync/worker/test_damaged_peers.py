"""A worker whose peer store has rotted, wherever that may be: it comes to work all the same."""

import os
import random
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from gate.core.entry import Act
from gate.core.event_device import EventDevice
from gate.core.place import HouseRules, Place
from gate.core.replication import Tip
from gate.core.signed_tip import Rejected
from gate.core.verdict import Scan
from gate.errors import DamagedError, StoreError
from gate.lane.lane import Lane
from gate.storage import mending, sqlite
from gate.storage.enrolment import Enrolment
from gate.storage.folder import Folder
from gate.storage.mending import mend
from gate.storage.peer_store import PeerStore
from gate.storage.ticket_filling import MemberRow
from sync.transport.http_client import ServerClient
from sync.worker.worker import Worker
from tests.support.central import Maker
from tests.support.fake_server import FakeServer
from tests.support.venue import FixedClock

SEEDS = max(24, int(os.environ.get("GATE_TEST_FLIPS", "0")) // 10)
FORMATS = (18, 19, 47)
"""Bytes of the header that say how the file may be written and read, and its schema
(https://www.sqlite.org/fileformat.html, 1.3)."""
TRIES = 3
MOST_ASKED = 50


@pytest.fixture
def heard(venue: Folder, clock: FixedClock) -> Folder:
    """A gate that has heard of others, and has a row in every table."""
    lane = Lane(venue, clock, Place("North"), HouseRules())
    lane.open()
    for n in range(20):
        lane.admit(Scan(f"GOOD{n:03d}"))
    lane.close()
    with closing(PeerStore(venue)) as store:
        for n in range(20):
            maker = Maker(f"{n:016x}")
            bodies = [maker.make(Act.LANE_OPENED), *maker.run(12)]
            retired = maker.make(Act.RETIREMENT, target=f"{n + 1:016x}")
            store.intake.accept([*bodies, retired], None, [maker.head()], lambda _tip: True)
            said = EventDevice(maker.device, f"Gate {n}", active=True, heard_ago_ms=500)
            store.devices.put({maker.device: said})
            store.quarantine.put([Rejected(maker.origin, 90, "no", f"{n:064x}")], 1)
        (own,) = store.own_have()
        store.receipts.put({own: frozenset({Tip(1, f"{1:032x}")})})
        gone = MemberRow("0" * 16, "Gate 0", "00" * 32, "revoked", counts_until={})
        store.disown([gone])
        store.file.checkpoint()
    return venue


def rotten(heard: Folder, into: Path, content: bytes) -> Folder:
    """The same gate with something else in its peer store."""
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(heard.path, into)
    for left in into.glob("peers.db*"):
        left.unlink()
    (into / "peers.db").write_bytes(content)
    return Folder(into)


def works(
    folder: Folder, clock: FixedClock, before: Callable[[Worker], None] = lambda _worker: None
) -> None:
    """Have it exchange everything once, say how it stands, and look over its files."""
    server = FakeServer()
    worker = Worker(folder, Enrolment("http://x", "c", "e"), cast("ServerClient", server), clock)
    try:
        before(worker)
        worker.once()
        worker._files.take_inbox()
        worker._status.write()
        worker._files.checkpoint()
        worker._files.peer_store.alarms()
        worker._files.peer_store.floods()
        assert len(server.asks) < MOST_ASKED, "it says the same again and again"
    finally:
        worker.close()


def gets_over_it(folder: Folder, clock: FixedClock) -> bool:
    """Whether it works in the end, as whoever begins it again when it has ended has it."""
    for _try in range(TRIES):
        try:
            works(folder, clock)
        except DamagedError as damaged:
            if not mend(folder, damaged):
                return False
        except StoreError:
            return False
        else:
            return True
    return False


def with_bits(content: bytes, chance: random.Random, count: int) -> bytes:
    """Other bits at so many places."""
    found = bytearray(content)
    for _flip in range(count):
        found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    return bytes(found)


@pytest.mark.parametrize("byte", FORMATS)
def test_a_format_that_there_is_not_is_damage(
    heard: Folder, tmp_path: Path, clock: FixedClock, byte: int
) -> None:
    """Not a disk that is full, or a file of a newer program."""
    content = heard.peers.read_bytes()
    for bit in range(8):
        other = bytearray(content)
        other[byte] ^= 1 << bit
        assert gets_over_it(rotten(heard, tmp_path / "rotten", bytes(other)), clock), bit


@pytest.mark.examples(SEEDS)
def test_no_rot_is_for_good(heard: Folder, tmp_path: Path, clock: FixedClock) -> None:
    """One bit, two hundred of them, or an end that is not there."""
    content = heard.peers.read_bytes()
    for seed in range(SEEDS):
        chance = random.Random(seed)
        if seed % 3 == 2:
            other = content[: chance.randrange(len(content) // 2, len(content))]
        else:
            other = with_bits(content, chance, 200 if seed % 3 else 1)
        assert gets_over_it(rotten(heard, tmp_path / "rotten", other), clock), seed


@pytest.mark.long
@pytest.mark.parametrize(
    ("module", "name", "known"),
    [(sqlite, "_is_of_no_format", lambda _path: False), (mending, "UNREADABLE", (OSError,))],
    ids=["formats", "what is whole of it"],
)
def test_the_same_rot_stays_where_less_is_known_of_it(
    heard: Folder, tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch,
    module: object, name: str, known: object,
) -> None:  # fmt: skip
    """Mutation: what an error means is not known."""
    monkeypatch.setattr(module, name, known)
    content = heard.peers.read_bytes()
    found: set[object] = set()
    for seed in range(120):
        other = bytearray(with_bits(content, random.Random(seed), 200))
        if module is sqlite:
            other = bytearray(content)
            other[FORMATS[0]] ^= 4 << seed % 4
        try:
            found.add(gets_over_it(rotten(heard, tmp_path / "rotten", bytes(other)), clock))
        except Exception as error:  # noqa: BLE001  whatever it is, it would be for good
            found.add(type(error).__name__)
        if found - {True}:
            return
    pytest.fail("it got over everything")


def test_a_journal_that_cannot_be_read_is_not_told_for_ever(
    heard: Folder, clock: FixedClock
) -> None:
    """Its newest entries are known of and cannot be had: the lane finds out, and goes on."""

    def rot(worker: Worker) -> None:
        journal = worker._files.peer_store.journal
        journal.follow()
        journal.close()
        journal._has_rot = True

    works(heard, clock, rot)

"""From table to table an entry is hashed once at either end, and parsed where it comes in only."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import msgspec
import pytest
from sqlalchemy import Connection

from gate.core import entry_codec
from gate.core.intake import read_bodies
from gate.storage.device_key import DeviceKey
from gate.storage.folder import Folder
from gate.storage.peer_store import PeerStore
from sync.server import events, intake, journals
from sync.server.database import in_transaction, open_database
from sync.server.push_batches import read_entries
from sync.session.peer_session import ALL, PeerSession
from sync.session.send_window import SendWindow
from sync.session.server_session import ServerSession
from sync.wire import Frame, PeerMessage, SyncRequest, SyncResponse
from tests.support.central import Maker
from tests.support.venue import NOW_MS

T = TypeVar("T")
EVENT = "show"
ENTRIES = 100
NOTHING, READ, TAKEN = (0, 0), (ENTRIES, 0), (ENTRIES, ENTRIES)
"""How often entries were hashed and parsed: not at all; found to be sound; taken in."""


class Costs:
    """How often an entry was hashed and parsed."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.hashed = self.parsed = 0

        def sha256(body: bytes) -> Any:
            self.hashed += 1
            return hashlib.sha256(body)

        patch.setattr(entry_codec, "hashlib", SimpleNamespace(sha256=sha256))
        for name in ("_glancer", "_decoder"):
            patch.setattr(entry_codec, name, self._counting(getattr(entry_codec, name)))

    def _counting(self, decoder: Any) -> Any:
        def decode(body: bytes | str) -> Any:
            self.parsed += 1
            return decoder.decode(body)

        return SimpleNamespace(decode=decode)

    @contextmanager
    def are(self, expected: tuple[int, int]) -> Iterator[None]:
        """What is done within costs that much."""
        before = self.hashed, self.parsed
        yield
        assert (self.hashed - before[0], self.parsed - before[1]) == expected


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch) -> Costs:
    return Costs(monkeypatch)


@pytest.fixture
def make_gate(tmp_path: Path) -> Iterator[Callable[[str], PeerStore]]:
    """Makes a gate that has done nothing itself."""
    made: list[PeerStore] = []

    def make(name: str) -> PeerStore:
        folder = Folder(tmp_path / name)
        folder.create()
        made.append(PeerStore(folder))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_by_way_of_the_server(
    tmp_path: Path, make_gate: Callable[[str], PeerStore], costs: Costs
) -> None:
    """A gate brings what it holds of another; a third receives it.

    The tickets' histories are left out: they are folded from what is in the table by then.
    """
    maker = Maker("00000000000000aa", "bb")
    bringer, other = make_gate("bringer"), make_gate("other")
    bodies = [maker.make() for _ in range(ENTRIES)]
    with costs.are(TAKEN):
        bringer.intake.accept(bodies, None, [maker.head()], lambda _tip: True)
    session = ServerSession(bringer, key_of(bringer))
    asked = as_carried(session.next_request(), SyncRequest)
    lacks = SyncResponse(Frame(have={maker.origin: []}, page=asked.frame.page), NOW_MS)
    session.receive(lacks, NOW_MS, to_whole=True)
    with costs.are(READ):
        push = as_carried(session.next_request(), SyncRequest).frame
    with closing_engine(tmp_path) as do:
        with costs.are(TAKEN):
            carried, _rejected, _bodies = read_entries(push.entries)
            named = {(one.origin, one.seq, one.hash) for one in push.signed_tips}
            bring = intake.Push(bringer.device, carried, named, push.signed_tips)
            do(lambda connection: intake.accept(connection, EVENT, [bring]))
        asking = ServerSession(other, key_of(other))
        asked = asking.next_request()
        with costs.are(NOTHING):
            frame = do(lambda connection: journals.answer(connection, EVENT, asked.frame, {}))
    with costs.are(TAKEN):
        received = asking.receive(
            as_carried(SyncResponse(frame, NOW_MS), SyncResponse), NOW_MS, to_whole=True
        )
    assert received.new == ENTRIES


def test_from_gate_to_gate(make_gate: Callable[[str], PeerStore], costs: Costs) -> None:
    """A gate passes on what it holds of another."""
    maker = Maker("00000000000000aa", "bb")
    sender, receiver = make_gate("sender"), make_gate("receiver")
    bodies = [maker.make() for _ in range(ENTRIES)]
    sender.intake.accept(bodies, None, [maker.head()], lambda _tip: True)
    sending = PeerSession(sender, key_of(sender), receiver.device, lambda _tip: True)
    receiving = PeerSession(receiver, key_of(receiver), sender.device, lambda _tip: True)
    sending.receive(PeerMessage(Frame(page=("", "")), relay_requests=[ALL]), NOW_MS)
    with costs.are(READ):
        message = sending.next_message()
    assert message is not None
    with costs.are(TAKEN):
        receiving.receive(as_carried(message, PeerMessage), NOW_MS)
    assert receiver.have() == sender.have()


def test_a_sender_that_reads_its_own_entries_is_caught(
    make_gate: Callable[[str], PeerStore], costs: Costs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation of the test before: what is sent is taken for something that has come."""
    signed_tips = SendWindow._signed_tips

    def read_again(self: SendWindow, batch: Any, *, sign: bool) -> Any:
        read_bodies([one.body for one in batch])
        return signed_tips(self, batch, sign=sign)

    monkeypatch.setattr(SendWindow, "_signed_tips", read_again)
    with pytest.raises(AssertionError):
        test_from_gate_to_gate(make_gate, costs)


def key_of(peer_store: PeerStore) -> DeviceKey:
    return DeviceKey(Folder(peer_store.file.path.parent))


def as_carried(message: Any, kind: type[T]) -> T:
    """A message as it comes out at the other end."""
    return msgspec.json.decode(msgspec.json.encode(message), type=kind)


@contextmanager
def closing_engine(path: Path) -> Iterator[Callable[[Callable[[Connection], Any]], Any]]:
    """A server's database with an event: what does a job in a transaction."""
    engine = open_database(f"sqlite:///{path}/central.db")
    try:
        with engine.begin() as connection:
            events.create_event(connection, EVENT, "Show", "UTC", NOW_MS)
        yield lambda job: in_transaction(engine, job)
    finally:
        engine.dispose()

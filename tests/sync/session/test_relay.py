"""What a gate has heard from one node can be carried on to another, however much it is."""

import copy
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection, Engine

from gate.core.intake import read_bodies
from gate.core.limits import HEAD_EVERY
from gate.core.replication import vouching
from gate.core.signed_tip import SignedTip
from gate.storage.device_key import DeviceKey, is_good
from gate.storage.folder import Folder
from gate.storage.peer_store import PeerStore
from sync.server import events, intake, journals, tables
from sync.server.database import in_transaction, open_database
from sync.session.server_session import ServerSession
from sync.wire import SyncRequest, SyncResponse
from tests.support.central import Maker
from tests.support.venue import NOW_MS

EVENT = "show"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Engine, Engine]]:
    """Two, of which neither knows anything."""
    engines = [open_database(f"sqlite:///{tmp_path}/{name}.db") for name in ("one", "two")]
    for engine in engines:
        with engine.begin() as connection:
            events.create_event(connection, EVENT, "Show", "UTC", NOW_MS)
    yield engines[0], engines[1]
    for engine in engines:
        engine.dispose()


@pytest.fixture
def peer_store(tmp_path: Path) -> Iterator[PeerStore]:
    """Of a gate that has done nothing itself."""
    folder = Folder(tmp_path / "gate")
    folder.create()
    with closing(PeerStore(folder)) as peer_store:
        yield peer_store


def answered(engine: Engine, ask: SyncRequest, makers: list[Maker], device: str) -> SyncResponse:
    """A server's turn, as its application does it."""
    ask = msgspec.json.decode(msgspec.json.encode(ask), type=SyncRequest)
    keys = {maker.device: maker.public for maker in makers}
    carried = read_bodies(bytes(raw) for raw in ask.frame.entries)[0]
    vouched = {
        (h.origin, h.seq, h.hash) for h in ask.frame.signed_tips if is_good(h, keys[h.origin[:16]])
    }

    def job(connection: Connection) -> SyncResponse:
        push = intake.Push(device, carried, vouched, ask.frame.signed_tips)
        touched = intake.accept(connection, EVENT, [push]).tips
        return SyncResponse(journals.answer(connection, EVENT, ask.frame, touched), NOW_MS)

    answer = in_transaction(engine, job)
    return msgspec.json.decode(msgspec.json.encode(answer), type=SyncResponse)


def held(engine: Engine) -> set[bytes]:
    """Every entry a server holds."""
    with engine.connect() as connection:
        return {row.body.encode() for row in connection.execute(tables.entry.select())}


def told(engine: Engine, maker: Maker, count: int, every: int, name: str = "") -> None:
    """A device tells what it does, and signs for it every so often."""
    bodies, signed_tips = [], []
    for n in range(count):
        bodies.append(maker.make(ticket=f"{maker.device[-2:]}{name}-{n}"))
        if maker.seq % every == 0 or maker.seq % HEAD_EVERY == 0 or n == count - 1:
            signed_tips.append(maker.head())
    carried = read_bodies(bodies)[0]
    named = {(head.origin, head.seq, head.hash) for head in signed_tips}
    push = intake.Push(maker.device, carried, named, signed_tips)
    in_transaction(engine, lambda connection: intake.accept(connection, EVENT, [push]))


def talked(engine: Engine, peer_store: PeerStore, makers: list[Maker]) -> None:
    """A gate and a server talk until both have said everything."""
    server_session = ServerSession(peer_store, DeviceKey(Folder(peer_store.file.path.parent)))
    for _ in range(30):
        server_session.needs_whole = True
        answer = answered(engine, server_session.next_request(), makers, peer_store.device)
        heard = server_session.receive(answer, NOW_MS, to_whole=True)
        while server_session.has_to_send():
            server_session.receive(
                answered(engine, server_session.next_request(), makers, peer_store.device),
                NOW_MS,
                to_whole=False,
            )
        if not heard.more and not heard.new:
            return
    raise AssertionError("they never come to an end")


def test_a_new_server_gets_all_that_a_gate_had_from_the_old(
    servers: tuple[Engine, Engine], peer_store: PeerStore
) -> None:
    """More heads than a frame takes, short journals beside long ones, and a cloned device."""
    old, new = servers
    busy, quiet, cloned = (Maker(f"{n:016x}") for n in (1, 2, 3))
    told(old, busy, 1400, 2)
    told(old, quiet, 30, 2)
    told(old, cloned, 20, 2)
    clone = copy.copy(cloned)
    told(old, cloned, 700, 2)
    told(old, clone, 690, 3, "clone")
    makers = [busy, quiet, cloned]
    talked(old, peer_store, makers)
    talked(new, peer_store, makers)
    assert len(held(old)) == 1400 + 30 + 20 + 700 + 690
    assert held(new) == held(old)


def test_as_few_heads_as_vouch_for_everything() -> None:
    """One for each branch, and one wherever another batch may end."""
    maker = Maker()
    start = read_bodies(maker.run(240))[0]
    clone = copy.copy(maker)
    signed_tips: list[SignedTip] = []

    def goes_on(one: Maker, name: str) -> list[bytes]:
        bodies = []
        for _ in range(20):
            bodies.append(one.make(ticket=name))
            signed_tips.append(one.head())
        return bodies

    batch = [*start, *read_bodies(goes_on(maker, "a"))[0], *read_bodies(goes_on(clone, "b"))[0]]
    chosen = vouching(batch, {head.hash for head in signed_tips}, HEAD_EVERY)
    numbers = sorted(head.seq for head in signed_tips if head.hash in chosen)
    assert numbers == [HEAD_EVERY, HEAD_EVERY, 260, 260]
    assert vouching(start, {head.hash for head in signed_tips}, HEAD_EVERY) == set()


def test_every_branch_of_its_own_is_signed_in_a_frame(peer_store: PeerStore) -> None:
    """A cloned device that was told what its twin did vouches for both."""
    maker = Maker(peer_store.device)
    start = maker.run(3)
    twin = copy.copy(maker)
    branches = [
        [one.make(ticket=name) for _ in range(2)] for one, name in ((maker, "a"), (twin, "b"))
    ]
    peer_store.intake.accept([*start, *branches[0], *branches[1]], None)
    server_session = ServerSession(peer_store, DeviceKey(Folder(peer_store.file.path.parent)))
    frame = server_session.next_request().frame
    assert len(frame.entries) == 7
    assert {head.hash for head in frame.signed_tips} == {maker.prev, twin.prev}

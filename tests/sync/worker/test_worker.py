"""The sync worker and its talk: what is said when, with a server that says what the test wants."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import msgspec
import pytest

from gate.core import entry_codec
from gate.core.event_device import EventDevice as OtherLane
from gate.core.intake import read_bodies
from gate.core.limits import HEAD_EVERY, MAX_ENTRIES
from gate.core.place import HouseRules, Place
from gate.core.replication import Tip, own_or_vouched
from gate.core.signed_tip import Rejected
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.storage.checksums import put_meta
from gate.storage.device_key import DeviceKey, is_good
from gate.storage.enrolment import Enrolment
from gate.storage.event import EventRow, put_event
from gate.storage.folder import Folder
from gate.storage.nudge import try_now
from gate.storage.peer_store import PeerStore
from gate.storage.sync_status import SyncStatusReader
from sync.session.server_session import ServerSession
from sync.transport.http_client import (
    Building,
    ServerClient,
    ServerUnreachable,
    SnapshotGone,
    Unauthorized,
)
from sync.wire import Frame, SyncRequest, SyncResponse
from sync.worker import feed_follower, server_link, surroundings, ticket_sources
from sync.worker.event_pump import Signal, Streamed
from sync.worker.server_link import ServerLink
from sync.worker.worker import Worker
from tests.support.central import Maker
from tests.support.fake_server import CURSOR, FakeServer, FakeStream, run_while, wait
from tests.support.venue import NOW, NOW_MS, FixedClock


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def lane(venue: Folder, clock: FixedClock) -> Iterator[Lane]:
    lane = Lane(venue, clock, Place("North"), HouseRules())
    lane.open()
    yield lane
    lane.close()


@pytest.fixture
def worker(venue: Folder, clock: FixedClock, server: FakeServer, lane: Lane) -> Iterator[Worker]:
    # The venue's tickets are imported; as if they had come by the feed.
    worker = Worker(venue, Enrolment("http://x", "c", "e"), cast("ServerClient", server), clock)
    connection = worker._files.feed.file.connection()
    assert connection is not None
    put_meta(connection, {"cursor": CURSOR})
    yield worker
    worker.close()


def entries_of(ask: SyncRequest) -> list[str]:
    return [one.entry.name for one in read_bodies(bytes(raw) for raw in ask.frame.entries)[0]]


def test_everything_is_told_once_and_receipted(
    worker: Worker, server: FakeServer, lane: Lane
) -> None:
    """Two entries in the first message, none in the next, and a receipt that is kept."""
    lane.admit(Scan("GOOD001"))
    worker.once()
    assert [len(entries_of(ask)) for ask in server.asks] == [2, 0]
    worker.once()
    assert [len(entries_of(ask)) for ask in server.asks[2:]] == [0]
    assert link_of(worker).session.unacked() == 0


def test_a_receipt_may_go_down(worker: Worker, server: FakeServer, lane: Lane) -> None:
    """A server that was restored says it holds less; it is told again."""
    worker.once()
    server.held.clear()
    before = len(server.asks)
    worker.once()
    assert [len(entries_of(ask)) for ask in server.asks[before:]][:2] == [0, 1]
    assert link_of(worker).session.unacked() == 0
    assert server.held


def test_what_is_refused_is_kept_shown_and_not_sent_again(
    worker: Worker, server: FakeServer, lane: Lane, venue: Folder
) -> None:
    """A refusal quarantines the entry and what follows it; a new start of the gate goes on."""

    def refuse(ask: SyncRequest) -> SyncResponse:
        carried = read_bodies(bytes(raw) for raw in ask.frame.entries)[0]
        rejected = [Rejected("", 0, "no", one.hash) for one in carried[:1]]
        nothing: dict[str, list[str]] = {origin: [] for origin in ask.frame.have}
        return SyncResponse(Frame(have=nothing, rejected=rejected), 1, CURSOR)

    server.answers = refuse
    worker.once()
    assert worker.quarantined() == 1
    told = len(server.asks)
    worker.once()
    assert all(not entries_of(ask) for ask in server.asks[told:])
    assert link_of(worker).session.unacked() > 0
    fresh = SyncStatusReader(venue).read("boot-1")
    assert (fresh.quarantined, fresh.unacked) == (1, 1)


def test_of_several_refusals_the_first_one_counts(venue: Folder, lane: Lane) -> None:
    """Also after a new start: nothing from there on is sent, and nothing that comes before."""
    with closing(PeerStore(venue)) as peer_store:
        for n in range(3):
            lane.admit(Scan(f"CODE-{n}"))
        ((origin, tips),) = peer_store.have().items()
        (tip,) = tips
        assert tip.seq > 3
        peer_store.quarantine.put([Rejected(origin, seq, "no", f"{seq:064x}") for seq in (2, 4)], 1)
        (first,) = peer_store.entries.hashes_at(origin, 1)
        peer_store.receipts.put({origin: frozenset({Tip(1, first)})})
        server_session = ServerSession(peer_store, DeviceKey(venue))
        assert not server_session.has_to_send()
        assert server_session.next_request().frame.entries == []
        assert server_session.unacked() == tip.seq - 1


def test_a_stream_begins_by_comparing_everything(
    worker: Worker, server: FakeServer, lane: Lane
) -> None:
    """Whatever the server heard while the stream was being opened is asked for."""
    seen: list[str] = []

    def drive() -> None:
        wait(server.is_followed)
        seen.append("compared")
        lane.admit(Scan("GOOD001"))
        worker.nudge()
        wait(lambda: any(entries_of(ask) for ask in server.streams[0].said))
        (ask,) = [ask for ask in server.streams[0].said if entries_of(ask)]
        seen.append("told")
        server.hear(server.take(ask))
        wait(lambda: worker._status._written.unacked == 0)
        seen.append("receipted")

    run_while(worker, drive)
    assert seen == ["compared", "told", "receipted"]


def test_much_that_comes_while_a_stream_is_opened_is_told_once(
    worker: Worker, server: FakeServer, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one message holds, as when the other gates come back together with the server."""
    opened = server.stream

    def open_late(hear: Callable[[SyncResponse], None], gone: Callable[[str], None]) -> FakeStream:
        for n in range(MAX_ENTRIES + 1):
            lane.admit(Scan(f"CODE-{n}"))
        return opened(hear, gone)

    def told() -> Counter[str]:
        said = [*server.asks, *(ask for stream in server.streams for ask in stream.said)]
        return Counter(name for ask in said for name in entries_of(ask))

    times: list[int] = []

    def drive() -> None:
        wait(lambda: len(told()) > MAX_ENTRIES)
        times.extend(told().values())

    monkeypatch.setattr(server, "stream", open_late)
    run_while(worker, drive)
    assert set(times) == {1}


def test_what_went_out_last_is_receipted_before_the_end(
    worker: Worker, server: FakeServer, lane: Lane, venue: Folder
) -> None:
    """The lane closes, its last entry goes out on the stream, and the end comes at once."""

    def drive() -> None:
        wait(server.is_followed)
        lane.close()
        worker.nudge()
        wait(lambda: any(entries_of(ask) for ask in server.streams[0].said))
        # The server has it, and its receipt is on the way while the worker ends.
        for ask in list(server.streams[0].said):
            server.take(ask)

    run_while(worker, drive)
    assert any(entries_of(ask) for ask in server.streams[0].said)
    assert SyncStatusReader(venue).read("boot-1").unacked == 0
    report = server.asks[-1].report
    assert report is not None
    assert report.unacked == 0


def is_compared_again(worker: Worker, server: FakeServer, lane: Lane, within_s: float) -> bool:
    """Whether an entry that went out on the stream, and has no receipt, is looked for again."""
    found: list[bool] = []

    def drive() -> None:
        wait(server.is_followed)
        lane.admit(Scan("GOOD001"))
        worker.nudge()
        wait(lambda: any(entries_of(ask) for ask in server.streams[0].said))
        before, ends_s = len(server.asks), time.monotonic() + within_s
        while time.monotonic() < ends_s and not found:
            if any(ask.frame.compares for ask in server.asks[before:]):
                found.append(True)
            time.sleep(0.02)

    run_while(worker, drive)
    return bool(found)


def test_what_has_no_receipt_is_told_again(
    worker: Worker, server: FakeServer, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream goes on and its answer does not come: all is compared, long before the minute."""
    monkeypatch.setattr(server_link, "RECEIPT_S", 0.2)
    assert is_compared_again(worker, server, lane, 10)


def test_without_a_bound_on_receipts_nothing_is_told_again(
    worker: Worker, server: FakeServer, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: a receipt is waited for without an end."""
    monkeypatch.setattr(server_link, "RECEIPT_S", 1e9)
    assert not is_compared_again(worker, server, lane, 1)


def test_others_are_told_of_to_the_lane(
    worker: Worker, server: FakeServer, lane: Lane, venue: Folder
) -> None:
    """Lanes and the measured offset reach the file that the lane reads."""
    others = [OtherLane("1" * 16, "South", active=True, heard_ago_ms=500)]

    def answer(ask: SyncRequest) -> SyncResponse:
        return msgspec.structs.replace(server.take(ask), lanes=others)

    server.answers = answer
    worker.once()
    fresh = SyncStatusReader(venue).read("boot-1")
    assert [(one.name, one.active, one.central_boot_ms) for one in fresh.lanes] == [
        ("South", True, 4_999_500)
    ]
    assert (fresh.ahead_ms, fresh.error_ms) == (1000, 1)


def test_a_revoked_device_stops_and_says_so(
    worker: Worker, server: FakeServer, venue: Folder
) -> None:
    """No retry for ever: a person has to act."""

    def answer(_ask: SyncRequest) -> SyncResponse:
        raise Unauthorized("gone", "enrol again")

    server.answers = answer
    with pytest.raises(Unauthorized):
        worker.run()
    assert SyncStatusReader(venue).read("boot-1").last_error == "gone"


def test_no_server_is_waited_for(
    worker: Worker, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tries again, later and later, and is there when the server is."""
    failures = iter(range(3))
    waits: list[float] = []

    def answer(ask: SyncRequest) -> SyncResponse:
        if next(failures, None) is not None:
            raise ServerUnreachable("down")
        worker.stop()
        return server.take(ask)

    server.answers = answer
    monkeypatch.setattr(link_of(worker), "_wait", lambda wait_s, **_: waits.append(wait_s))
    worker.run()
    assert len(waits) == 3
    assert all(1 <= one <= 60 for one in waits)


def test_others_entries_are_carried_on_in_full(venue: Folder, lane: Lane, tmp_path: Path) -> None:
    """A server that was restored gets another device's 1,200 entries back, frame after frame."""
    maker = Maker("1" * 16)
    bodies, signed_tips = [], []
    for n in range(1200):
        bodies.append(maker.make(ticket=f"t{n}"))
        if maker.seq % HEAD_EVERY == 0 or n == 1199:
            signed_tips.append(maker.head())
    peer_store = PeerStore(venue)
    for first in range(0, 1200, 400):
        peer_store.intake.accept(
            bodies[first : first + 400], None, signed_tips if first == 800 else []
        )
    server_session = ServerSession(peer_store, DeviceKey(venue))
    held: list[bytes] = []
    while server_session.needs_whole or server_session.has_to_send():
        ask = server_session.next_request()
        assert ask.frame.compares or ask.frame.entries
        vouched = {
            (h.origin, h.seq, h.hash) for h in ask.frame.signed_tips if is_good(h, maker.public)
        }
        carried = read_bodies(map(bytes, ask.frame.entries))[0]
        have = {one.entry.origin: f"{one.entry.seq}:{one.hash[:32]}" for one in carried}
        for one in own_or_vouched(carried, peer_store.device, vouched):
            # As a server would: only what follows on what it holds.
            if one.entry.origin == maker.origin and one.entry.seq == len(held) + 1:
                held.append(one.body)
        tip = f"{len(held)}:{entry_codec.digest(held[-1]).hex()[:32]}" if held else ""
        have[maker.origin] = tip
        told = Frame(have={origin: [one] if one else [] for origin, one in have.items()})
        server_session.receive(SyncResponse(told), 1, to_whole=ask.frame.compares)
    assert held == bodies
    assert not server_session.has_to_send()
    peer_store.close()


@pytest.mark.parametrize(
    ("cursor", "head", "count"),
    [("", "aa:9:1", 0), ("aa:3:1", "aa:9:2", 6), ("bb:3:1", "aa:9:2", 0), ("aa:9:2", "aa:9:2", 0)],
)
def test_how_far_behind_a_cursor_is(cursor: str, head: str, count: int) -> None:
    """Counted within one life of the server; across lives the server decides."""
    assert feed_follower.changes_between(cursor, head) == count


def test_back_off_is_bounded_and_jittered() -> None:
    """From 1 s, never over 60 s, or 5 s where nobody answers, and never twice the same."""
    for is_busy, most in ((True, 60), (False, 5)):
        many = [server_link._back_off_s(n, is_busy=is_busy) for n in range(50)]
        assert min(many) >= 1
        assert max(many) <= most
        assert len(set(many[5:])) > 40


@pytest.mark.long
def test_after_a_long_outage_the_server_is_heard_within_seconds_of_its_return(
    worker: Worker, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five minutes of tries that were in vain make the next ones no rarer."""
    away = server_link._back_off_s
    monkeypatch.setattr(server_link, "_back_off_s", lambda n, **more: away(n + 100, **more))
    back = time.monotonic() + 2
    heard: list[float] = []

    def answer(ask: SyncRequest) -> SyncResponse:
        if time.monotonic() < back:
            raise ServerUnreachable("nobody there")
        heard.append(time.monotonic())
        worker.stop()
        return server.take(ask)

    server.answers = answer
    worker.run()
    assert heard[0] - back < 10


def test_a_person_need_not_wait(
    worker: Worker, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the worker waits for, and whoever started it: it tries when it is told to."""
    monkeypatch.setattr(surroundings, "network_now", lambda: b"")
    for _n in range(2):
        timer = threading.Timer(0.3, try_now, (venue,))
        begun = time.monotonic()
        timer.start()
        worker._wait(60.0, at_least_s=60.0)
        timer.join(10)
        assert 0.25 <= time.monotonic() - begun < 30


def test_a_long_chain_is_signed_so_that_frames_can_be_carried_on(venue: Folder, lane: Lane) -> None:
    """A head at every 250th entry and at the end, each good and each of an entry."""
    for n in range(HEAD_EVERY + 10):
        lane.admit(Scan(f"NOBODY{n}"))
    peer_store = PeerStore(venue)
    key = DeviceKey(venue)
    ask = ServerSession(peer_store, key).next_request()
    assert [head.seq for head in ask.frame.signed_tips] == [HEAD_EVERY, HEAD_EVERY + 11]
    assert all(is_good(head, key.public) for head in ask.frame.signed_tips)
    hashes = {one.entry.seq: one.hash for one in read_bodies(map(bytes, ask.frame.entries))[0]}
    assert all(hashes[head.seq] == head.hash for head in ask.frame.signed_tips)
    peer_store.close()


def test_a_snapshot_that_is_not_what_was_meant_is_thrown_away(tmp_path: Path) -> None:
    """Wrong bytes, half a file, a bomb: one line, and nothing takes the replica's place."""
    import zstandard  # noqa: PLC0415

    from gate.core.ticket_feed import Checkpoint, Snapshot  # noqa: PLC0415
    from gate.errors import DamagedError  # noqa: PLC0415

    packed, checkpoint = tmp_path / "x.zst", Checkpoint(CURSOR, "00" * 32)
    good = zstandard.compress(b"x" * 5000)
    cases: list[tuple[bytes, int]] = [
        (good, 5000), (good[:-4], 5000), (zstandard.compress(bytes(50_000_000)), 5000),
        (b"no zstd at all", 5000),
    ]  # fmt: skip
    for content, size in cases:
        packed.write_bytes(content)
        said = Snapshot("tickets-aa-1.db", CURSOR, size, "00" * 32, len(content), checkpoint)
        with pytest.raises(DamagedError):
            feed_follower.unpack(packed, tmp_path / "x.db", said)
        assert (tmp_path / "x.db").stat().st_size <= 2_000_000


def test_a_snapshot_that_is_gone_is_asked_for_anew(
    worker: Worker, server: FakeServer, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice in a row it goes on by itself; who builds for ever is as one who does not answer."""
    gone = iter(range(2))
    tries = []

    def follow(_source: ServerClient, _head: str, *, is_gate: bool) -> None:
        tries.append(is_gate)
        if next(gone, None) is not None:
            raise SnapshotGone("packed anew")

    monkeypatch.setattr(worker._sources._follower, "follow", follow)
    worker.once()
    assert len(tries) == 3
    gone = iter(range(100))
    with pytest.raises(ServerUnreachable):
        worker.once()
    assert len(tries) == 3 + ticket_sources.SNAPSHOTS


def test_whoever_waits_for_a_snapshot_can_be_stopped(
    worker: Worker, server: FakeServer, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that packs for a minute does not keep the worker from ending."""
    asked = threading.Event()

    def follow(_source: ServerClient, _head: str, *, is_gate: bool) -> None:
        asked.set()
        raise Building("packing", again_s=60)

    monkeypatch.setattr(worker._sources._follower, "follow", follow)
    server.answers = lambda ask: msgspec.structs.replace(server.take(ask), head="aa:9:")

    def stop() -> None:
        asked.wait(10)
        worker.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    begun = time.monotonic()
    worker.run()
    thread.join(10)
    assert asked.is_set()
    assert time.monotonic() - begun < 30
    assert worker._sources.current_ms is None


def test_a_snapshot_in_the_making_is_waited_for_and_nothing_is_lost(
    worker: Worker, server: FakeServer, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker asks again after as long as it was told to; what happened meanwhile is kept."""
    told = iter([0.3])
    times: list[float] = []

    def follow(_source: ServerClient, _head: str, *, is_gate: bool) -> None:
        times.append(time.monotonic())
        if (again_s := next(told, None)) is not None:
            worker.nudge()
            raise Building("packing", again_s=again_s)

    monkeypatch.setattr(worker._sources._follower, "follow", follow)
    worker.once()
    first, second = times
    assert second - first >= 0.3
    assert list(worker._pump._kept) == [Signal.NUDGE]
    monkeypatch.setattr(ticket_sources, "BUILD_S", -1)
    told = iter([0.3])
    with pytest.raises(Building):
        worker.once()


def test_a_busy_server_is_left_alone_for_as_long_as_it_said(
    worker: Worker, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``Retry-After`` counts also where a new entry would have had it tried at once."""
    times: list[float] = []

    def answer(ask: SyncRequest) -> SyncResponse:
        times.append(time.monotonic())
        if len(times) == 1:
            worker.nudge()
            raise ServerUnreachable("too much to do", again_s=1.6)
        worker.stop()
        return server.take(ask)

    server.answers = answer
    monkeypatch.setattr(server_link, "_back_off_s", lambda _failures, **_more: 1.0)
    worker.run()
    assert 1.6 <= times[1] - times[0] < 10


@pytest.mark.parametrize("by", ["entry", "network"])
def test_the_wait_ends_early_for_a_reason(
    worker: Worker, lane: Lane, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """A new entry, or an interface that comes or goes: tried at once, not after a minute."""
    network, is_asked = [b"no route"], threading.Event()

    def network_now() -> bytes:
        is_asked.set()
        return network[0]

    monkeypatch.setattr(surroundings, "network_now", network_now)
    monkeypatch.setattr("sync.worker.worker.BACK_OFF_S", (0.2, 60.0))

    def happen() -> None:
        assert is_asked.wait(30)
        if by == "entry":
            lane.admit(Scan("GOOD001"))
        else:
            network[0] = b"a route"

    worker._files.peer_store.follow_journal()
    timer = threading.Timer(0.3, happen)
    begun = time.monotonic()
    timer.start()
    worker._wait(60.0)
    timer.join(10)
    assert 0.25 <= time.monotonic() - begun < 30


def test_the_wait_lasts_where_nothing_happens(
    worker: Worker, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither too long nor for no reason too short."""
    monkeypatch.setattr(surroundings, "network_now", lambda: b"")
    worker._files.peer_store.follow_journal()
    begun = time.monotonic()
    worker._wait(1.2)
    assert 1.2 <= time.monotonic() - begun < 10


def link_of(worker: Worker) -> ServerLink:
    assert worker._server is not None
    return worker._server


def test_the_server_was_heard_when_its_answer_came(
    worker: Worker, server: FakeServer, clock: FixedClock
) -> None:
    """Not when there was time for it; and what waited does not undo what was heard since."""
    came_ms, receive = clock.read().boot_ms, link_of(worker)._received
    contact, sources = worker._contact, worker._sources
    answer, older = (SyncResponse(Frame(), 0, head) for head in (CURSOR, "aa:0:"))
    clock.pass_seconds(20)
    receive(answer, came_ms)
    assert (contact.heard_ms, sources.current_ms) == (came_ms, came_ms)
    receive(SyncResponse(Frame(), 0), came_ms + 5)
    assert sources.current_ms == came_ms, "it says nothing of tickets"
    receive(older, came_ms - 5)
    assert (contact.heard_ms, sources.head) == (came_ms + 5, CURSOR)


def test_what_comes_on_the_stream_bears_when_it_came(
    worker: Worker, server: FakeServer, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may wait in the queue for as long as this process is stopped."""
    came: list[int] = []

    def follow(_stream: object) -> None:
        server.hear(SyncResponse(Frame(), 0, CURSOR))
        came.append(clock.read().boot_ms)
        clock.pass_seconds(20)
        happened = worker._pump.next(1.0)
        assert isinstance(happened, Streamed)
        came.append(happened.came_ms)

    monkeypatch.setattr(link_of(worker), "_follow", follow)
    link_of(worker)._listen()
    assert came == [came[0], came[0]]


@pytest.mark.parametrize(("days", "is_kept"), [(29, True), (31, False)])
def test_names_go_when_the_event_is_over_by_the_servers_clock(
    worker: Worker, server: FakeServer, days: int, *, is_kept: bool
) -> None:
    """Ours shows the event's day still."""
    connection = worker._files.feed.file.connection()
    assert connection is not None
    put_event(connection, EventRow("e", "Gala", "UTC", NOW, 30))
    server.answers = lambda request: msgspec.structs.replace(
        server.take(request), server_ms=NOW_MS + days * 86_400_000
    )
    worker.once()
    event = worker._files.feed.event()
    assert event is not None
    assert bool(event.dropped_ms) is not is_kept

"""Gates of one venue as real processes, without a server, on loopback."""

import json
import sqlite3
import ssl
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from gate import __version__
from gate.clock import SystemClock
from gate.core.event_device import DeviceReport
from gate.core.outcome import Basis, Outcome, Reason
from gate.core.place import Role
from gate.core.ticket_feed import Checkpoint, Snapshot
from gate.lane.post import Operator
from gate.storage.certificates import Authority, Membership, client_context, load_membership
from gate.storage.conflicts import find_conflicts
from gate.storage.connectivity import ConnectivityReader
from gate.storage.device_key import DeviceKey
from gate.storage.fleet import Fleet as VenueReader
from gate.storage.folder import Folder
from gate.storage.host_feed import HostFeed
from gate.storage.replica_file import live_replica
from gate.storage.sync_status import DeviceStatus, SyncStatusReader
from gate.storage.ticket_feed import TicketFeed
from gate.storage.venue_host import REVOKED, set_state
from sync.transport.dialler import Dialler
from sync.transport.lan_http import Reply
from sync.transport.lan_stream import STREAM, Connected, Disconnected, Event
from sync.transport.lan_transport import OF_EACH, STRANGERS, LanTransport
from sync.wire import Heartbeat, PeerMessage
from tests.support.crowd import crowd, still_there
from tests.system.lan import Member, Venue
from tests.system.network import free_port, until

Open = Callable[[int], Venue]


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Open]:
    made: list[Venue] = []

    def build(count: int) -> Venue:
        made.append(Venue(tmp_path, count))
        return made[-1]

    yield build
    for one in made:
        one.close()


def basis(member: Member, within_s: float = 10.0) -> Basis:
    return ConnectivityReader(member.folder, within_s).read(SystemClock().read()).coverage.basis


def other_of(member: Member) -> DeviceStatus:
    """What its worker last said of the other gate."""
    (lane,) = SyncStatusReader(member.folder).read(SystemClock().read().boot_id).lanes
    return lane


def boot_ms(member: Member) -> int:
    return SyncStatusReader(member.folder).read(SystemClock().read().boot_id).boot_ms


def refused_for(member: Member) -> int:
    return int(str(member.told().get("unauthorised", 0)))


def test_what_one_gate_admits_every_other_refuses(venue: Open) -> None:
    """Also the third, which was only told of by the first: one address is enough for a mesh."""
    gates = venue(3)
    gates.start()
    assert gates.gates[0].scan("C000001").outcome is Outcome.ADMIT
    until(lambda: all(member.held() >= 2 for member in gates.gates[1:]))
    for member in gates.gates[1:]:
        assert member.scan("C000001").outcome is Outcome.REFUSE


def test_an_undo_frees_the_use_everywhere(venue: Open) -> None:
    """An annulment is an entry like any other."""
    gates = venue(2)
    gates.start()
    first, second = gates.gates
    first.scan("C000001")
    until(lambda: second.held() >= 2)
    first.lane().undo("", Operator("boss", Role.SUPERVISOR), "mistake")
    first.nudge()
    until(lambda: second.held() >= 3)
    assert second.scan("C000001").outcome is Outcome.ADMIT


def test_both_see_the_conflict_after_a_cut(venue: Open) -> None:
    """Two gates that could not hear each other admit both; the conflict appears on both."""
    gates = venue(2)
    first, second = gates.gates
    for member in gates.gates:
        assert member.scan("C000001").outcome is Outcome.ADMIT
        assert member.scan(f"C00000{2 + gates.gates.index(member)}").outcome is Outcome.ADMIT
    gates.start()
    until(lambda: first.held() >= 3 and second.held() >= 3)
    for member in gates.gates:
        with VenueReader(member.folder) as reader:
            assert [conflict.ticket for conflict in find_conflicts(reader)] == ["t1"]


@pytest.mark.long
def test_a_killed_worker_is_heard_again(venue: Open) -> None:
    """What was done meanwhile is told when it is back; until then it is called unsent."""
    gates = venue(2)
    gates.start()
    first, second = gates.gates
    first.kill()
    until(lambda: second.connected() == 0)
    first.scan("C000007")
    second.scan("C000008")
    until(lambda: second.told()["unacked"] == 2)
    first.start()
    gates.wait_connected()
    until(lambda: second.held() >= 2)
    until(lambda: first.told()["unacked"] == second.told()["unacked"] == 0)
    assert second.scan("C000007").outcome is Outcome.REFUSE


@pytest.mark.long
def test_the_basis_is_lan_while_all_are_heard_and_alone_after(venue: Open) -> None:
    """Who is unheard is named; an operator who closes the lane is not waited for."""
    gates = venue(2)
    first, second = gates.gates
    for member in gates.gates:
        member.lane()
    gates.start()
    until(lambda: basis(first) is Basis.LAN and basis(second) is Basis.LAN)
    second.kill()
    until(lambda: basis(first, 1.0) is Basis.ALONE)
    second.start()
    until(lambda: basis(first) is Basis.LAN)
    second.close_lane()
    until(lambda: basis(first) is Basis.ONLY)


@pytest.mark.long
def test_who_is_gone_is_remembered(venue: Open) -> None:
    """When it was heard and what it said of itself: ``alone`` begins late, and says since when."""
    gates = venue(2)
    first, second = gates.gates
    for member in gates.gates:
        member.lane()
    gates.start()
    until(lambda: basis(first) is Basis.LAN and bool(other_of(first).report.version))
    second.kill()
    until(lambda: first.connected() == 0)
    heard = other_of(first).lan_boot_ms
    assert heard is not None
    assert 0 <= SystemClock().read().boot_ms - heard < 30_000
    assert basis(first, 3600) is Basis.LAN
    assert basis(first, 0) is Basis.ALONE
    assert other_of(first).report.version == __version__


def test_a_new_worker_knows_when_the_others_were_heard(venue: Open) -> None:
    """It was restarted while nobody was there: nobody is called never heard for that."""
    gates = venue(2)
    gates.start()
    first, second = gates.gates
    second.kill()
    until(lambda: first.connected() == 0)
    heard = other_of(first).lan_boot_ms
    first.kill()
    before = boot_ms(first)
    first.start()
    until(lambda: boot_ms(first) > before)
    assert other_of(first).lan_boot_ms == heard is not None


def test_a_gate_without_tickets_takes_them_from_another(venue: Open, tmp_path: Path) -> None:
    """Snapshot and feed, from whoever has them; a change reaches it without a restart."""
    gates = venue(1)
    late = gates.add(tmp_path / "late", "Late")
    late.configure([gates.gates[0].place])
    gates.gates.append(late)
    gates.start()
    until(late.folder.pointer.exists)
    assert late.scan("C000003").outcome is Outcome.ADMIT


@pytest.mark.long
def test_a_gate_that_alters_tickets_is_not_believed(venue: Open) -> None:
    """What it hands on is refused and reported, and another gate is asked instead."""
    gates = venue(3)
    host, liar, third = gates.gates
    with closing(TicketFeed(host.folder)) as feed:
        row = {"id": "ab" * 8, "name": "West", "key": "cd" * 32, "state": "enrolled"}
        HostFeed(feed, gates.authority).append("device", row["id"], json.dumps(row).encode(), 1)
        told = feed.cursor
    host.start()
    liar.configure([host.place])
    liar.start()
    until(lambda: _cursor(liar) == told)
    host.kill()
    liar.kill()
    with closing(sqlite3.connect(live_replica(liar.folder))) as replica, replica:
        replica.execute("UPDATE change SET body = replace(body, 'enrolled', 'revoked')")
    third.configure([liar.place])
    liar.start()
    third.start()
    until(lambda: refused_for(third) >= 1)
    assert _cursor(third) != told
    third.kill()
    third.configure([host.place, liar.place])
    host.start()
    third.start()
    until(lambda: _cursor(third) == told)
    with closing(TicketFeed(third.folder)) as feed:
        assert feed.members()[row["id"]].state == "enrolled"


def _cursor(member: Member) -> str:
    with closing(TicketFeed(member.folder)) as feed:
        return feed.cursor


def test_a_stranger_learns_nothing_and_is_reported(venue: Open, tmp_path: Path) -> None:
    """Neither without a certificate nor with one of another venue does anybody get an answer."""
    gates = venue(1)
    gates.start()
    (member,) = gates.gates
    blank = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blank.check_hostname, blank.verify_mode = False, ssl.CERT_NONE
    other = Folder(tmp_path / "stranger")
    other.create()
    foreign = Authority.mint()
    key = DeviceKey(other)
    theirs = load_membership(member.folder)
    assert theirs is not None
    card = foreign.issue(other.device_id(), key.public)
    impostor = client_context(other, Membership(other.device_id(), card, theirs.authority))
    for n, context in enumerate((blank, impostor), 1):
        with pytest.raises((OSError, WebSocketException)):
            visit(member, context)
        until(lambda n=n: refused_for(member) >= n)  # type: ignore[misc]


@pytest.mark.long
def test_callers_who_say_nothing_keep_no_gate_out(venue: Open) -> None:
    """Hundreds of connections to its port: the others reach it all the same, and stay connected."""
    gates = venue(2)
    first, second = gates.gates
    first.start()
    until(lambda: bool(first.told()))
    with crowd(first.host, first.port, 400) as idle:
        second.start()
        until(lambda: first.connected() == second.connected() == 1)
        assert still_there(idle) <= OF_EACH
        with crowd(first.host, first.port, 2 * STRANGERS):
            first.scan("C000001")
            until(lambda: second.held() >= 2)
    assert first.connected() == second.connected() == 1


def test_a_revoked_device_is_turned_away(venue: Open) -> None:
    """What it did before counts on; from then on it is neither heard nor told.

    It goes on by itself, as nobody has brought it the authority's word: a gate may lie.
    """
    gates = venue(2)
    gates.start()
    first, second = gates.gates
    second.scan("C000004")
    until(lambda: first.held() >= 2)
    first.kill()
    with closing(TicketFeed(first.folder)) as feed:
        row = {"id": second.device, "name": "", "key": "", "state": "revoked"}
        HostFeed(feed, gates.authority).append("device", second.device, json.dumps(row).encode(), 1)
    first.start()
    until(lambda: refused_for(first) >= 1)
    assert second.scan("C000005").outcome is not Outcome.REFUSE
    assert first.connected() == 0
    assert first.scan("C000004").outcome is Outcome.REFUSE
    assert first.scan("C000005").outcome is Outcome.ADMIT


@pytest.mark.long
def test_a_gate_hears_from_another_that_it_was_revoked(venue: Open) -> None:
    """By the authority's word, which the others hand on: it forgets, and lets nobody in."""
    gates = venue(2)
    gates.start()
    first, second = gates.gates
    assert second.scan("C000004").outcome is Outcome.ADMIT
    until(lambda: first.held() >= 2)
    set_state(first.folder, second.device, REVOKED)
    assert second.process is not None
    assert second.process.wait(30) == 4
    second.process = None
    assert second.scan("C000005").reason is Reason.GATE_REVOKED
    names = {path.name for path in second.folder.path.iterdir()}
    assert not names & {"device.key", "member.json", "tickets.current", "peers.db", "sync.json"}
    assert second.folder.journal.exists()
    assert first.scan("C000004").outcome is Outcome.REFUSE


@pytest.mark.long
def test_garbage_ends_a_link_and_nothing_else(venue: Open, tmp_path: Path) -> None:
    """A member that talks nonsense is cut off; the others go on."""
    gates = venue(2)
    gates.start()
    odd = gates.add(tmp_path / "odd", "Odd")
    membership = load_membership(odd.folder)
    assert membership is not None
    context = client_context(odd.folder, membership)
    for nonsense in ("{", "[]", '{"frame": 7}', '{"wants": ["' + "x" * 999 + '"]}', "\x00"):
        with connect(
            f"wss://{gates.gates[0].place}{STREAM}", ssl=context, proxy=None, compression=None
        ) as socket:
            socket.send(nonsense)
            with pytest.raises(WebSocketException):
                while True:
                    socket.recv(30)
    gates.gates[0].scan("C000009")
    until(lambda: gates.gates[1].held() >= 2)


def visit(member: Member, context: ssl.SSLContext) -> PeerMessage:
    """What somebody who calls is told first."""
    with connect(
        f"wss://{member.place}{STREAM}", ssl=context, proxy=None, compression=None, open_timeout=30
    ) as socket:
        return msgspec.json.decode(socket.recv(30), type=PeerMessage)


def test_an_unforeseen_fault_does_not_end_it_silently(
    venue: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What gets into its loop's way is in the log, and the other gates are heard again."""
    one, other = venue(2).gates
    port = free_port()
    events: list[Event] = []
    membership = load_membership(one.folder)
    assert membership is not None
    lan = LanTransport(
        one.folder,
        membership,
        events.append,
        answer=lambda *_asked: Reply(200, b""),
        why_not=lambda *_member: "",
        is_member=lambda _device: True,
        listen=("127.0.0.1", port),
        announces=False,
    )
    theirs = load_membership(other.folder)
    assert theirs is not None
    context = client_context(other.folder, theirs)
    place = f"wss://127.0.0.1:{port}{STREAM}"
    look = Dialler.call_who_is_due

    def race(self: Dialler, connected: Collection[str], now: float) -> None:
        if any(isinstance(event, Connected) for event in events) and not faults:
            faults.append(now)
            told = "release unlocked lock"
            raise RuntimeError(told)
        look(self, connected, now)

    faults: list[float] = []
    monkeypatch.setattr("sync.transport.lan_transport.BEGIN_ANEW_S", 0.05)
    monkeypatch.setattr("sync.transport.lan_transport.LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(Dialler, "call_who_is_due", race)
    lan.start()
    try:
        with (
            connect(place, ssl=context, proxy=None, compression=None) as socket,
            pytest.raises(WebSocketException),
        ):
            socket.recv(30)
        until(lambda: any(isinstance(event, Disconnected) for event in events))

        def is_heard() -> bool:
            with (
                suppress(OSError, WebSocketException),
                connect(place, ssl=context, proxy=None, compression=None),
            ):
                return True
            return False

        until(is_heard)
        assert "release unlocked lock" in caplog.text
    finally:
        lan.close()
    assert not lan._thread.is_alive()


def test_a_snapshot_without_end_is_put_aside(venue: Open, tmp_path: Path) -> None:
    """It is reported, nothing of it is kept, the worker lives on and takes another gate's."""
    gates = venue(1)
    (host,) = gates.gates
    late, rogue = gates.add(tmp_path / "late", "Late"), gates.add(tmp_path / "rogue", "Rogue")
    membership = load_membership(rogue.folder)
    assert membership is not None
    huge = 2**50
    cursor = "ff:9:aa"
    checkpoint = Checkpoint(cursor, "00" * 32, 2**50, "ab" * 32, huge, huge, "cd" * 64)
    offer = Snapshot("tickets-ff-9.db", cursor, huge, "ab" * 32, huge, checkpoint)
    asked: list[str] = []

    def answer(path: str, *_more: object) -> Reply:
        asked.append(path)
        return Reply(200, msgspec.json.encode(offer))

    lan = LanTransport(
        rogue.folder,
        membership,
        lambda _event: None,
        answer=answer,
        why_not=lambda *_member: "",
        is_member=lambda _device: True,
        listen=("127.0.0.1", rogue.port),
        announces=False,
    )
    lan.start()
    late.configure([])
    late.start()
    gates.gates.append(late)
    until(lambda: bool(late.told()))
    heartbeat = Heartbeat(port=lan.port, report=DeviceReport(cursor=cursor), as_of_ms=2**50)
    context = client_context(rogue.folder, membership)
    try:
        with connect(
            f"wss://{late.place}{STREAM}", ssl=context, proxy=None, compression=None
        ) as socket:

            def is_refused() -> bool:
                socket.send(msgspec.json.encode(PeerMessage(heartbeat=heartbeat)).decode())
                return refused_for(late) >= 1

            until(is_refused)
    finally:
        lan.close()
    assert "/snapshot" in asked
    assert not list(late.folder.path.glob("tickets-ff-*"))
    assert late.process is not None
    assert late.process.poll() is None
    host.configure([late.place])
    host.start()
    until(late.folder.pointer.exists)
    assert late.process.poll() is None

"""Who does not belong, calling from another host: refused, told nothing, and reported."""

import json
import random
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest
from zeroconf._dns import DNSAddress, DNSPointer, DNSService, DNSText
from zeroconf._protocol.outgoing import DNSOutgoing

from gate.clock import SystemClock
from gate.core.outcome import Outcome, Reason
from gate.reports.checks.finding import Status
from gate.reports.doctor import examine
from gate.storage.certificates import (
    Authority,
    Membership,
    client_context,
    load_membership,
    venue_id,
)
from gate.storage.device_key import DeviceKey
from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica
from gate.storage.sqlite import open_reader
from gate.storage.ticket_filling import members_of
from gate.storage.venue_host import REVOKED, set_state
from sync.transport.discovery import TYPE
from sync.transport.lan_stream import STREAM
from tests.system.hosts import Hosts, why_not
from tests.system.lan import Member, Venue
from tests.system.network import GATE, until

pytestmark = pytest.mark.netns

COUNT = 3
ELSEWHERE = COUNT
"""The host that nobody of the venue works at."""
PATHS = (STREAM, "/v1/changes", "/v1/snapshot", "/")

if _reason := why_not():
    pytest.skip(_reason, allow_module_level=True)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    made = Hosts(COUNT + 1)
    yield made
    made.close()


@pytest.fixture
def venue(hosts: Hosts, tmp_path: Path) -> Iterator[Venue]:
    """Three gates, of which the last has not been started."""
    made = Venue(tmp_path, COUNT, hosts=dict(enumerate(map(hosts.address, range(COUNT)))))
    for n, member in enumerate(made.gates):
        member.lane()
        if n < COUNT - 1:
            member.start(hosts.name(n))
    until(lambda: all(member.connected() == 1 for member in made.gates[:-1]))
    yield made
    made.close()


def ask(at: tuple[str, int], context: ssl.SSLContext, path: str) -> bytes:
    """All that a gate answers somebody who asks for this, from the handshake to its end."""
    upgrade = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        if path == STREAM
        else ""
    )
    try:
        with (
            socket.create_connection(at, 30) as raw,
            context.wrap_socket(raw) as tls,
        ):
            tls.sendall(f"GET {path} HTTP/1.1\r\nHost: gate\r\n{upgrade}\r\n".encode())
            return tls.recv(65536)
    except (ssl.SSLError, ConnectionError):
        return b""


def shown(folder: Folder, authority: Authority, device: str) -> ssl.SSLContext:
    """What somebody with this folder's key shows, certified as that device; it believes anybody."""
    certificate = authority.issue(device, DeviceKey(folder).public)
    context = client_context(folder, Membership(device, certificate, authority.certificate))
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def unauthorised(member: Member) -> tuple[int, str]:
    told = member.told()
    return int(str(told.get("unauthorised", 0))), str(told.get("last_unauthorised", ""))


def doctor(member: Member) -> tuple[Status, str]:
    """What ``gate doctor`` says of the other gates."""
    checks = examine(member.config(), member.folder, SystemClock(), camera=False)
    return next((check.status, check.detail) for check in checks if check.name == "server")


@pytest.mark.long
def test_who_does_not_belong_learns_nothing_and_is_reported(
    hosts: Hosts, venue: Venue, tmp_path: Path
) -> None:
    """At the venue's host, and at a gate that only the feed tells who was revoked."""
    first, second, gone = venue.gates
    pairs = ((first, second), (second, first))
    for gate, friend in pairs:
        gate.scan("C000001")
        until(lambda gate=gate, friend=friend: friend.held() == len(gate.entries()))  # type: ignore[misc]
    set_state(first.folder, gone.device, REVOKED)
    until(lambda: state_of(second, gone) == REVOKED)
    other = Folder(tmp_path / "other")
    other.create()
    foreign = Authority.mint()

    def intruders(friend: Member) -> list[tuple[str, ssl.SSLContext]]:
        """Who calls, as it is reported, and what it shows."""
        blank = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        blank.check_hostname, blank.verify_mode = False, ssl.CERT_NONE
        at = f"({hosts.address(ELSEWHERE)})"
        return [
            ("a stranger: ", blank),
            ("a stranger: ", shown(other, foreign, friend.device)),
            (f"{gone.device} {at}: revoked", shown(gone.folder, venue.authority, gone.device)),
            (f"{friend.device} {at}: another key", shown(other, venue.authority, friend.device)),
        ]

    def answer(gate: Member, path: str, context: ssl.SSLContext) -> bytes:
        return hosts.do(ELSEWHERE, partial(ask, (gate.host, gate.port), context, path))

    for gate, friend in pairs:
        true = shown(friend.folder, venue.authority, friend.device)
        assert b"101 Switching" in answer(gate, STREAM, true)
        # The second was given its tickets by hand: it has no file to hand on.
        told = b"tickets-" if gate is first else b"resync"
        assert told in answer(gate, "/v1/snapshot", true)
    held, tries = first.held() + second.held(), 0
    for callers in zip(intruders(second), intruders(first), strict=True):
        for gate, (_who, context) in zip((first, second), callers, strict=True):
            for path in PATHS:
                head, _blank, body = answer(gate, path, context).partition(b"\r\n\r\n")
                assert head == b"" or head.startswith(b"HTTP/1.1 403 ")
                proof = venue.authority.revocation(gone.device)
                only = {"error": "revoked", "reason": "revoked"}
                assert not body or json.loads(body) in (only, only | {"proof": proof})
        tries += len(PATHS)
        until(lambda tries=tries: unauthorised(first)[0] == unauthorised(second)[0] == tries)  # type: ignore[misc]
        for gate, (who, _context) in zip((first, second), callers, strict=True):
            assert unauthorised(gate)[1].startswith(who)
    assert first.held() + second.held() == held
    for gate, friend in pairs:
        status, finding = doctor(gate)
        assert status is Status.WARN
        assert f"turned away on the LAN {tries} times, last {friend.device}" in finding
        log = (gate.folder.path / "sync.log").read_text()
        assert "lan: turned away a stranger" in log
        assert "Traceback" not in log
    until(lambda: first.connected() == second.connected() == 1)


@pytest.mark.long
def test_a_revoked_gate_hears_and_tells_nothing_more(hosts: Hosts, venue: Venue) -> None:
    """It hears why, forgets and lets nobody in; what it did before counts, and all see it go."""
    host, member, gone = venue.gates
    gone.start(hosts.name(2))
    venue.wait_connected()
    assert gone.scan("C000001").outcome is Outcome.ADMIT
    until(lambda: host.held() == member.held() == len(member.entries()) + len(gone.entries()))
    subprocess.run(
        [*hosts.at(0), *GATE, "venue", "revoke", gone.device, "--config", str(host.config_file),
         "--data-dir", str(host.folder.path)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    took = until(lambda: host.connected() == member.connected() == 1)
    print(f"hung up {took:.1f} s after it was said")
    assert gone.process is not None
    assert gone.process.wait(30) == 4
    gone.process = None
    assert gone.scan("C000002").reason is Reason.GATE_REVOKED
    assert gone.held() == 0
    told = f"{gone.device} (10.77.0.3): revoked"
    until(lambda: told in (unauthorised(host)[1], unauthorised(member)[1]))
    for gate in (host, member):
        assert gate.scan("C000001").outcome is Outcome.REFUSE
    assert host.scan("C000002").outcome is Outcome.ADMIT
    until(lambda: state_of(host, gone) == state_of(member, gone) == REVOKED)


def state_of(gate: Member, other: Member) -> str:
    """What a gate has been told of another."""
    with closing(open_reader(live_replica(gate.folder))) as connection:
        return members_of(connection)[other.device].state


def few_names_with_many_addresses() -> Iterator[Mapping[str, list[str]]]:
    """Six, with 200 each: more than a gate kept in the first building."""
    for name in cycle(range(6)):
        yield {f"{name:016x}": [f"10.77.{name + 1}.{n}" for n in range(200)]}


def names_without_end() -> Iterator[Mapping[str, list[str]]]:
    """Ten in a packet, never the same."""
    chance = random.Random(7)
    while True:
        yield {
            f"{chance.getrandbits(64):016x}": [f"10.77.{chance.randrange(1, 255)}.{n}"]
            for n in range(10)
        }


def announcement(venue: str, gates: Mapping[str, list[str]]) -> list[bytes]:
    """Packets of multicast DNS that say that these gates of the venue are there."""
    answer, unique = 0x8400, 0x8001
    made, said = DNSOutgoing(answer), f"v={venue}".encode()
    for device, addresses in gates.items():
        name, host = f"{device}.{TYPE}", f"{device}.local."
        for record in (
            DNSPointer(TYPE, 12, 1, 4500, name),
            DNSService(name, 33, unique, 120, 0, 0, 8471, host),
            DNSText(name, 16, unique, 4500, bytes([len(said)]) + said),
            *(DNSAddress(host, 1, unique, 120, socket.inet_aton(one)) for one in addresses),
        ):
            made.add_answer_at_time(record, 0)
    return made.packets()


@contextmanager
def spoofing(
    hosts: Hosts, venue: str, gates: Callable[[], Iterator[Mapping[str, list[str]]]]
) -> Iterator[None]:
    """Somebody who announces gates that there are not, a hundred times a second."""
    stop = threading.Event()

    def open_voice() -> socket.socket:
        voice = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        voice.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        here = socket.inet_aton(hosts.address(ELSEWHERE))
        voice.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
        # From another port it would be taken for a question of somebody who knows no multicast.
        voice.bind(("", 5353))
        return voice

    def announce() -> None:
        for some in gates():
            for packet in announcement(venue, some):
                voice.sendto(packet, ("224.0.0.251", 5353))
            if stop.wait(0.01):
                return

    with hosts.do(ELSEWHERE, open_voice) as voice:
        thread = threading.Thread(target=announce)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("gates", [few_names_with_many_addresses, names_without_end])
@pytest.mark.long
def test_made_up_announcements_keep_no_gate_from_being_found(
    hosts: Hosts, tmp_path: Path, gates: Callable[[], Iterator[Mapping[str, list[str]]]]
) -> None:
    """Before the gates start, while they do and after: they find each other at once."""
    made = Venue(tmp_path, COUNT, hosts=dict(enumerate(map(hosts.address, range(COUNT)))))
    membership = load_membership(made.gates[0].folder)
    assert membership is not None
    for member in made.gates:
        member.configure([], announce=True)
    first, second, third = made.gates
    try:
        first.start(hosts.name(0))
        until(lambda: bool(first.told()))
        with spoofing(hosts, venue_id(membership), gates):
            time.sleep(3)  # for some hundred of them
            second.start(hosts.name(1))
            took = until(lambda: first.connected() == second.connected() == 1)
        third.start(hosts.name(2))
        after = made.wait_connected()
        print(f"connected {took:.1f} s after the start among them, {after:.1f} s after they ended")
    finally:
        made.close()

"""Who does not belong, calling from another host: refused, told nothing, and reported."""

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from zeroconf import ServiceInfo, Zeroconf

from gate.clock import SystemClock
from gate.doctor import Status, examine
from gate.domain.model import Outcome, Reason
from gate.store.filling import members_of
from gate.store.folder import Folder
from gate.store.sqlite import open_reader
from gate.store.tickets import live_replica
from sync.discovery import TYPE
from sync.keys import DeviceKey
from sync.lan import STREAM
from sync.members import Authority, Membership, client_context, load_membership, venue_id
from sync.venue import REVOKED, set_state
from tests.hosts import Hosts, why_not
from tests.lan import Member, Venue
from tests.network import GATE, until

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
    until(lambda: all(member.linked() == 1 for member in made.gates[:-1]))
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
            socket.create_connection(at, 5) as raw,
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


def turned_away(member: Member) -> tuple[int, str]:
    told = member.told()
    return int(str(told.get("turned_away", 0))), str(told.get("last_turned_away", ""))


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
        until(lambda tries=tries: turned_away(first)[0] == turned_away(second)[0] == tries)  # type: ignore[misc]
        for gate, (who, _context) in zip((first, second), callers, strict=True):
            assert turned_away(gate)[1].startswith(who)
    assert first.held() + second.held() == held
    for gate, friend in pairs:
        status, told = doctor(gate)
        assert status is Status.WARN
        assert f"turned away on the LAN {tries} times, last {friend.device}" in told
        log = (gate.folder.path / "sync.log").read_text()
        assert "lan: turned away a stranger" in log
        assert "Traceback" not in log
    until(lambda: first.linked() == second.linked() == 1)


@pytest.mark.long
def test_a_revoked_gate_hears_and_tells_nothing_more(hosts: Hosts, venue: Venue) -> None:
    """It hears why, forgets and lets nobody in; what it did before counts, and all see it go."""
    host, member, gone = venue.gates
    gone.start(hosts.name(2))
    venue.wait_linked()
    assert gone.scan("C000001").outcome is Outcome.ADMIT
    until(lambda: host.held() == member.held() == len(member.entries()) + len(gone.entries()))
    subprocess.run(
        [*hosts.at(0), *GATE, "venue", "revoke", gone.device, "--config", str(host.config_file),
         "--data-dir", str(host.folder.path)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    took = until(lambda: host.linked() == member.linked() == 1)
    print(f"hung up {took:.1f} s after it was said")
    assert gone.process is not None
    assert gone.process.wait(30) == 4
    gone.process = None
    assert gone.scan("C000002").reason is Reason.GATE_REVOKED
    assert gone.held() == 0
    told = f"{gone.device} (10.77.0.3): revoked"
    until(lambda: told in (turned_away(host)[1], turned_away(member)[1]))
    for gate in (host, member):
        assert gate.scan("C000001").outcome is Outcome.REFUSE
    assert host.scan("C000002").outcome is Outcome.ADMIT
    assert state_of(host, gone) == state_of(member, gone) == REVOKED


def state_of(gate: Member, other: Member) -> str:
    """What a gate has been told of another."""
    with closing(open_reader(live_replica(gate.folder))) as connection:
        return members_of(connection)[other.device].state


SPOOFED, EACH = 6, 200
"""Names that are made up, and addresses of each."""


@contextmanager
def spoofer(hosts: Hosts, venue_: str) -> Iterator[None]:
    """Somebody who announces gates of the venue that there are not, at addresses in its network."""

    def announce() -> Zeroconf:
        voice = Zeroconf(interfaces=[hosts.address(ELSEWHERE)])
        for name in range(SPOOFED):
            info = ServiceInfo(
                TYPE,
                f"{name:016x}.{TYPE}",
                port=8471,
                properties={"v": venue_},
                server=f"{name:016x}.local.",
                parsed_addresses=[f"10.77.{name + 1}.{n}" for n in range(EACH)],
            )
            voice.register_service(info, cooperating_responders=True)
        return voice

    voice = hosts.do(ELSEWHERE, announce)
    yield
    hosts.do(ELSEWHERE, voice.close)


def test_made_up_announcements_keep_no_gate_from_being_found(hosts: Hosts, tmp_path: Path) -> None:
    """1,200 addresses before the gates start and while they do; they find each other at once."""
    made = Venue(tmp_path, COUNT, hosts=dict(enumerate(map(hosts.address, range(COUNT)))))
    membership = load_membership(made.gates[0].folder)
    assert membership is not None
    for member in made.gates:
        member.configure([], announce=True)
    try:
        made.gates[0].start(hosts.name(0))
        until(lambda: bool(made.gates[0].told()))
        with spoofer(hosts, venue_id(membership)):
            for n, member in enumerate(made.gates[1:], 1):
                member.start(hosts.name(n))
                until(lambda n=n, member=member: member.linked() == n)  # type: ignore[misc]
        took = made.wait_linked()
        print(f"linked {took:.1f} s after the spoofer had gone")
    finally:
        made.close()

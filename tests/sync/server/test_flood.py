"""A member that tells without end, against real processes: all others go on."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from gate.core import entry_codec
from gate.core.entry import Act, Entry
from gate.core.intake import read_bodies
from gate.core.limits import MAX_ENTRIES
from gate.core.outcome import Outcome
from gate.core.signed_tip import SignedTip, signed_tip_message
from gate.core.verdict import Scan
from gate.storage.certificates import client_context, load_membership
from gate.storage.device_key import DeviceKey
from sync.server import intake
from sync.server.database import in_transaction, open_database
from sync.transport.lan_stream import STREAM
from sync.wire import Frame, PeerMessage, SyncRequest, SyncResponse
from tests.support.venue import NOW_MS
from tests.system.lan import Member, Venue
from tests.system.network import EVENT, Device, Server, until

ORIGINS = int(os.environ.get("GATE_TEST_ORIGINS", "5500"))
"""More than any frame may name."""


class Rogue:
    """Somebody with the key and the credential of a gate, and no lane."""

    def __init__(self, device: str = "f" * 16) -> None:
        self.device = device
        self.key = Ed25519PrivateKey.generate()
        self.credential = ""

    def enrol(self, server: Server) -> None:
        token = server.admin("POST", f"/events/{EVENT}/tokens", {"name": "Rogue"})["token"]
        asked = {
            "token": token, "device": self.device,
            "key": self.key.public_key().public_bytes_raw().hex(),
        }  # fmt: skip
        told = httpx.post(f"{server.url}/v1/enrol", json=asked, trust_env=False)
        self.credential = told.json()["credential"]

    def exchange(self, server: Server, frame: Frame) -> httpx.Response:
        return httpx.post(
            f"{server.url}/v1/exchange",
            content=msgspec.json.encode(SyncRequest(frame)),
            headers={"Authorization": f"Bearer {self.credential}"},
            timeout=30,
            trust_env=False,
        )


def tiny(device: str, first: int, count: int) -> list[bytes]:
    """Origins of one entry each."""
    return [
        entry_codec.encode(
            Entry(origin=f"{device}.{n:x}", seq=1, prev="", act=Act.REFUSAL, at_ms=NOW_MS,
                  boot_ms=1, hlc=(NOW_MS << 16) + n)
        )
        for n in range(first, first + count)
    ]  # fmt: skip


def frames(device: str, key: Ed25519PrivateKey | None = None) -> Iterator[Frame]:
    """All of them, as many in a frame as it takes; signed where there is a key."""
    for first in range(0, ORIGINS, MAX_ENTRIES):
        bodies = tiny(device, first, min(MAX_ENTRIES, ORIGINS - first))
        signed_tips = []
        for body in bodies if key else ():
            origin, digest = entry_codec.decode(body).origin, entry_codec.digest(body).hex()
            signature = key.sign(signed_tip_message(origin, 1, digest)).hex() if key else ""
            signed_tips.append(SignedTip(origin, 1, digest, signature))
        yield Frame(entries=[msgspec.Raw(body) for body in bodies], signed_tips=signed_tips)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "server")
    made.issue(40)
    yield made
    made.close()


@pytest.fixture
def gates(tmp_path: Path, server: Server) -> Iterator[list[Device]]:
    made = [Device(tmp_path / name, server, name) for name in ("north", "south")]
    yield made
    for gate in made:
        gate.close()


def is_known(code: str, at: Device, to: Device) -> None:
    """What one gate lets in the other knows soon."""
    assert at.lane is not None
    verdict = at.lane.admit(Scan(code, "QRCode", "test", deliberate=True))
    assert verdict.outcome is Outcome.ADMIT
    origin, _colon, seq = verdict.entry.partition(":")
    until(lambda: any((o, s) == (origin, int(seq)) for o, s, _hash in to.heard()))


def floods(gate: Device) -> list[str]:
    return list(gate.status()["floods"])


@pytest.mark.timeout(180)
@pytest.mark.long
def test_a_flood_over_http_stops_nobody(server: Server, gates: list[Device]) -> None:
    """It is taken in slowly and is an alarm everywhere; revoking it ends it, and all start anew."""
    north, south = gates
    for gate in gates:
        assert gate.once().returncode == 0
        gate.open()
        gate.start()
    is_known("C000001", north, south)
    rogue = Rogue()
    rogue.enrol(server)
    later, slowed = 0, 0
    for frame in frames(rogue.device):
        answer = rogue.exchange(server, frame)
        if answer.status_code == 429:
            slowed += 1
            continue
        assert answer.status_code == 200, answer.text
        later += msgspec.json.decode(answer.content, type=SyncResponse).frame.later == [
            rogue.device
        ]
    assert later > 0 or slowed > 0
    told = [one for one in server.entries() if one[0].startswith(rogue.device)]
    assert len(told) <= 2 * MAX_ENTRIES
    is_known("C000002", south, north)
    alarms = server.admin("GET", f"/events/{EVENT}/alarms")
    assert {(one["kind"], one["device"]) for one in alarms} >= {("flood", rogue.device)}
    until(lambda: all(floods(gate) == [rogue.device] for gate in gates))
    server.admin("POST", f"/events/{EVENT}/devices/{rogue.device}/revoke")
    until(lambda: rogue.exchange(server, next(frames(rogue.device))).status_code == 401)
    server.kill()
    for gate in gates:
        gate.kill()
    server.start()
    for gate in gates:
        gate.start()
    is_known("C000003", north, south)
    is_known("C000004", south, north)
    until(lambda: north.status()["unacked"] == south.status()["unacked"] == 0)


@pytest.mark.long
@pytest.mark.timeout(180)
def test_an_event_with_too_many_origins_still_syncs(tmp_path: Path) -> None:
    """From before there were limits: a gate that is new takes all of it, page by page."""
    server = Server(tmp_path / "server")
    server.issue(40)
    server.close()
    carried = read_bodies(tiny("f" * 16, 0, ORIGINS))[0]
    engine = open_database(f"sqlite:///{server.folder}/central.db")
    push = intake.Push("f" * 16, carried, ())
    in_transaction(engine, lambda connection: intake.accept(connection, EVENT, [push]))
    engine.dispose()
    server.start()
    north = Device(tmp_path / "north", server, "North")
    try:
        assert north.once().returncode == 0
        assert len(north.heard()) == ORIGINS
        north.open()
        north.shut()
        assert north.once().returncode == 0
        assert north.status()["unacked"] == 0
        assert floods(north) == ["f" * 16]
    finally:
        north.close()
        server.close()


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    made = Venue(tmp_path / "venue", 3)
    yield made
    made.close()


def flood_of(member: Member) -> list[str]:
    floods = member.told().get("floods", [])
    assert isinstance(floods, list)
    return floods


def held_of(member: Member, device: str) -> int:
    with closing(sqlite3.connect(f"file:{member.folder.peers}?mode=ro", uri=True)) as db:
        query = "SELECT count(*) FROM entry WHERE origin > ? AND origin < ?"
        return int(db.execute(query, (f"{device}.", f"{device}/")).fetchone()[0])


@pytest.mark.timeout(180)
@pytest.mark.long
def test_a_flood_over_the_lan_stops_nobody(venue: Venue, tmp_path: Path) -> None:
    """Each gate takes a little of it and tells; what they do themselves goes on between them."""
    venue.start()
    first, second, third = venue.gates
    rogue = venue.add(tmp_path / "rogue", "Rogue")
    membership = load_membership(rogue.folder)
    assert membership is not None
    context = client_context(rogue.folder, membership)
    words = [
        msgspec.json.encode(PeerMessage(frame)).decode()
        for frame in frames(rogue.device, DeviceKey(rogue.folder)._key)
    ]
    for member in (first, second):
        with connect(
            f"wss://{member.place}{STREAM}", ssl=context, proxy=None, compression=None
        ) as socket:
            socket.send(json.dumps({"frame": {"page": ["", ""]}}))
            with suppress(WebSocketException):
                for word in words:
                    socket.send(word)
            until(lambda m=member: flood_of(m) == [rogue.device])  # type: ignore[misc]
            verdict = third.scan("C000001" if member is first else "C000002")
            assert verdict.outcome is Outcome.ADMIT
            until(lambda: all(m.held() >= third_has(third, m) for m in (first, second)))
    for member in (first, second):
        assert 0 < held_of(member, rogue.device) <= 2 * MAX_ENTRIES
        assert member.scan("C000001").outcome is Outcome.REFUSE
    for member in venue.gates:
        member.kill()
    venue.start()
    assert first.scan("C000003").outcome is Outcome.ADMIT
    until(lambda: second.scan("C000003").outcome is Outcome.REFUSE)


def third_has(third: Member, other: Member) -> int:
    """How many entries the other must hold once it knows all that the third did."""
    return len(third.entries()) + (held_of(other, "f" * 16) if other.folder.peers.exists() else 0)

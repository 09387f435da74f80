"""A venue without a server: begun at one gate, which takes the others in and sends them away."""

import asyncio
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from gate.capture.camera import read_picture
from gate.capture.decode import Decoder
from gate.cli.enrol_device import enrol_device
from gate.cli.main import main
from gate.core.enrolment import Enrol, Enrolled
from gate.core.outcome import Outcome
from gate.core.place import HouseRules, Place
from gate.core.ticket_feed import Cursor
from gate.core.verdict import Scan
from gate.errors import DamagedError, FullError, UsageError
from gate.lane.lane import Lane
from gate.reports.wipe import wipe
from gate.storage import enrolment, venue_host
from gate.storage.certificates import (
    Authority,
    client_context,
    door_context,
    load_membership,
    member_of,
    server_context,
    venue_id,
)
from gate.storage.device_key import DeviceKey
from gate.storage.enrolment import Enrolment
from gate.storage.enrolment_link import SCHEME, link_to, parse_link
from gate.storage.folder import Folder, Lock
from gate.storage.host_feed import HostFeed
from gate.storage.ticket_feed import TicketFeed
from gate.storage.ticket_filling import MemberRow
from sync.host import enrolling
from sync.host.enrolling import Invitation
from sync.server import invite
from sync.transport.discovery import own_addresses
from sync.transport.tls import trust
from sync.worker.peer_feed import shared_snapshot
from tests.conftest import needs
from tests.storage.test_certificates import shake_hands
from tests.support.central import Maker
from tests.support.crowd import crowd, still_there
from tests.support.venue import NOW_MS, FixedClock, fill
from tests.system.network import GATE
from tests.system.venue_cut_worker import DEVICES

OTHER = "1" * 16


@pytest.fixture
def host(folder: Folder) -> Folder:
    """A gate where a venue was begun."""
    venue_host.create(folder, "Winter Gala", "North", "Europe/Berlin")
    return folder


def told(folder: Folder) -> dict[str, tuple[str, str]]:
    """What the feed tells of the devices: name and state."""
    with closing(TicketFeed(folder)) as feed:
        return {row.id: (row.name, row.state) for row in feed.members().values()}


def row(device: str, state: str = "enrolled", name: str = "South") -> MemberRow:
    return MemberRow(device, name, "ab" * 32, state)


class TestCreating:
    """``gate venue create``."""

    def test_the_host_is_the_first_member(self, host: Folder) -> None:
        """With a certificate of the venue's own, and told of in the feed."""
        mine = load_membership(host)
        assert mine is not None
        seen, _seen = shake_hands(server_context(host, mine), client_context(host, mine))
        assert member_of(seen) == (host.device_id(), DeviceKey(host).public)
        assert told(host) == {host.device_id(): ("North", "enrolled")}
        assert venue_host.load(host).name == "Winter Gala"

    def test_its_key_is_for_its_user_only(self, host: Folder) -> None:
        """Whoever could read it could make members."""
        assert host.venue.stat().st_mode & 0o777 == 0o600

    def test_tickets_that_were_there_stay(self, venue_folder: Folder) -> None:
        """They are the venue's from then on, and the moment they are complete is known."""
        with closing(TicketFeed(venue_folder)) as feed:
            before = Cursor.parse(feed.cursor)
            assert feed.position().as_of_ms == 0
            venue_host.create(venue_folder, "Gala", "North", "UTC")
            after = Cursor.parse(feed.cursor)
            assert (after.epoch, after.seq) == (before.epoch, before.seq + 1)
            assert feed.position().as_of_ms > 0

    def test_only_once_and_not_where_a_server_is(self, host: Folder, tmp_path: Path) -> None:
        """A second venue in one folder would cut off every member of the first."""
        with pytest.raises(UsageError, match="already"):
            venue_host.create(host, "Again", "North", "UTC")
        enrolled = Folder(tmp_path / "enrolled")
        enrolled.create()
        enrolment.save(enrolled, Enrolment("https://central", "secret", "gala"))
        with pytest.raises(UsageError, match="already"):
            venue_host.create(enrolled, "Gala", "North", "UTC")

    def test_one_that_was_interrupted_is_begun_anew(
        self, folder: Folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Until its key is on disk there is no venue, and nothing stands in the way of one."""

        def full(*_all: object) -> None:
            raise FullError("no room", "")

        with monkeypatch.context() as patch:
            patch.setattr(venue_host, "write_durably", full)
            with pytest.raises(FullError):
                venue_host.create(folder, "Gala", "North", "UTC")
        with pytest.raises(UsageError, match="no venue"):
            venue_host.load(folder)
        made = venue_host.create(folder, "Gala", "North", "UTC")
        mine = load_membership(folder)
        assert mine is not None
        assert mine.authority == made.authority

    def test_nobody_is_turned_away_before_the_tickets_came(
        self, host: Folder, clock: FixedClock
    ) -> None:
        """A gate without tickets holds, and says what to do; with them an unknown code is one."""
        lane = Lane(host, clock, Place(gate="North"), HouseRules())
        verdict = lane.admit(Scan("GOOD001"))
        assert (verdict.outcome, "no tickets" in verdict.hint) == (Outcome.HOLD, True)
        fill(host)
        assert lane.admit(Scan("GOOD001")).is_green
        assert lane.admit(Scan("NOBODY")).outcome is Outcome.REFUSE
        lane.close()

    def test_it_is_wiped_with_the_event(self, host: Folder) -> None:
        """No key, no certificate and no copy of the tickets is left."""
        shared_snapshot(host)
        wipe(host, None)
        left = {path.name for path in host.path.rglob("*") if path.is_file()}
        assert {name for name in left if not name.endswith(".lock")} == {"device"}


@pytest.fixture
def venue_folder(folder: Folder) -> Folder:
    """A gate with tickets of its own."""
    fill(folder)
    return folder


class TestStates:
    """``gate venue devices``, ``retire``, ``revoke``, ``reinstate``."""

    def test_what_the_host_says_is_told(self, host: Folder) -> None:
        """Each change is in the feed, for all gates."""
        venue_host.publish(host, row(OTHER))
        for state in ("retired", "enrolled", "revoked"):
            assert venue_host.set_state(host, OTHER, state).state == state
            assert told(host)[OTHER] == ("South", state)
            assert venue_host.devices(host)[OTHER].state == state

    def test_a_device_is_revoked_for_good(self, host: Folder) -> None:
        """No state and no invitation makes it a member again; the authority's word says so."""
        venue_host.publish(host, row(OTHER, "revoked"))
        for state in ("enrolled", "retired"):
            with pytest.raises(UsageError, match="revoked") as fault:
                venue_host.set_state(host, OTHER, state)
            assert "invite" in fault.value.hint
        with pytest.raises(UsageError, match="revoked"):
            venue_host.take_in(host, _asked(Maker(OTHER)), "South")
        assert told(host)[OTHER] == ("South", "revoked")

    def test_nobody_unknown_and_not_the_host(self, host: Folder) -> None:
        """A slip of the finger changes nothing."""
        before = told(host)
        for device, complaint in (("f" * 16, "no device"), (host.device_id(), "host itself")):
            with pytest.raises(UsageError, match=complaint):
                venue_host.set_state(host, device, "revoked")
        assert told(host) == before

    @pytest.mark.parametrize(
        ("credential", "complaint", "hint"),
        [("secret", "a server", "gate serve --devices"), ("", "not the host", "venue was created")],
    )
    def test_other_gates_say_where_it_is_done(
        self, folder: Folder, credential: str, complaint: str, hint: str
    ) -> None:
        """At the server, or at the host."""
        enrolment.save(folder, Enrolment("https://there", credential, "gala"))
        for job in (
            lambda: venue_host.devices(folder),
            lambda: venue_host.set_state(folder, OTHER, "x"),
        ):
            with pytest.raises(UsageError, match=complaint) as fault:
                job()
            assert hint in fault.value.hint

    def test_a_host_that_joined_a_server_asks_there(self, host: Folder) -> None:
        """Two authorities for one gate would contradict each other."""
        enrolment.save(host, Enrolment("https://there", "secret", "gala"))
        with pytest.raises(UsageError, match="a server"):
            venue_host.set_state(host, OTHER, "revoked")


class TestRequests:
    """What is said while the sync worker is at work."""

    def test_the_worker_takes_it_in_order(self, host: Folder) -> None:
        """It waits in the inbox, is seen at once, and the last word counts."""
        lock = Lock(host, "sync")
        for state in ("enrolled", "retired", "enrolled", "revoked"):
            venue_host.publish(host, row(OTHER, state))
        assert OTHER not in told(host)
        assert venue_host.devices(host)[OTHER].state == "revoked"
        with closing(TicketFeed(host)) as feed:
            before = Cursor.parse(feed.cursor).seq
            taken = venue_host.take_requests(host, feed, NOW_MS)
            assert [one.state for one in taken if isinstance(one, MemberRow)] == [
                "enrolled",
                "retired",
                "enrolled",
                "revoked",
            ]
            assert Cursor.parse(feed.cursor).seq == before + 4
            assert venue_host.take_requests(host, feed, NOW_MS) == []
        lock.close()
        assert told(host)[OTHER] == ("South", "revoked")

    def test_it_waits_for_an_import(self, host: Folder) -> None:
        """What is said meanwhile is taken afterwards, into the new tickets."""
        lock = Lock(host, "import")
        venue_host.publish(host, row(OTHER, "revoked"))
        assert OTHER not in told(host)
        lock.close()
        fill(host)
        with closing(TicketFeed(host)) as feed:
            assert venue_host.take_requests(host, feed, NOW_MS) == [row(OTHER, "revoked")]
        assert told(host)[OTHER] == ("South", "revoked")

    def test_one_that_was_taken_and_left_is_harmless(
        self, host: Folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The power went before it was cleared away: it is not told twice."""

        class Crash(BaseException):
            pass

        def crash(*_all: object, **_more: object) -> None:
            raise Crash

        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", crash)
            with pytest.raises(Crash):
                venue_host.publish(host, row(OTHER))
        with closing(TicketFeed(host)) as feed:
            before = feed.cursor
            assert len(venue_host.take_requests(host, feed, NOW_MS)) == 1
            assert feed.cursor == before

    def test_what_cannot_be_read_is_set_aside(self, host: Folder) -> None:
        """And the next is taken."""
        host.inbox.mkdir()
        (host.inbox / "000001-aa.member").write_text("{")
        (host.inbox / "000000-stick.bundle").write_text("not ours")
        venue_host.publish(host, row(OTHER))
        assert OTHER in told(host)
        names = {path.name for path in host.inbox.iterdir()}
        assert names == {"000001-aa.member.bad", "000000-stick.bundle"}

    @pytest.mark.parametrize("said", ['{"name":"x","key":"x","authority":"x"}', "{", ""])
    def test_without_the_venues_key_it_waits(self, host: Folder, said: str) -> None:
        """A venue file that is damaged is said in one line, and stops nothing else."""
        kept = host.venue.read_bytes()
        host.venue.write_text(said)
        with pytest.raises(DamagedError, match=r"venue\.json cannot be read"):
            venue_host.authority_of(host)
        venue_host._leave(host, row(OTHER))
        with closing(TicketFeed(host)) as feed:
            assert venue_host.take_requests(host, feed, NOW_MS) == []
            host.venue.write_bytes(kept)
            assert venue_host.take_requests(host, feed, NOW_MS) == [row(OTHER)]

    def test_without_tickets_to_put_it_into_it_waits(self, host: Folder) -> None:
        """A host that has lost its file begins no other: all gates would take it for newer."""
        host.pointer.unlink()
        venue_host.publish(host, row(OTHER))
        with closing(TicketFeed(host)) as feed:
            assert venue_host.take_requests(host, feed, NOW_MS) == []
            with pytest.raises(DamagedError):
                HostFeed(feed, Authority.mint()).append("device", OTHER, b"{}", NOW_MS)
        assert len(list(host.inbox.iterdir())) == 1

    def test_only_the_host_takes_any(self, venue_folder: Folder) -> None:
        """A file that was put elsewhere changes nobody's devices."""
        venue_host._leave(venue_folder, row(OTHER))
        with closing(TicketFeed(venue_folder)) as feed:
            assert venue_host.take_requests(venue_folder, feed, NOW_MS) == []
            assert feed.members() == {}


def _asked(maker: Maker, token: str = "") -> Enrol:
    return Enrol(token, maker.device, maker.public, "0.2.0")


class Door:
    """The listener's application in this process."""

    def __init__(self, folder: Folder, names: list[str]) -> None:
        self.tokens: list[str] = []
        self.ended = 0
        self.invitation = Invitation(folder, names, self._link, self._end)
        self.invitation.show()
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(
                enrolling._app(self.invitation), raise_app_exceptions=False
            ),
            base_url="http://host",
        )

    def _link(self, token: str) -> str:
        self.tokens.append(token)
        return "link"

    def _end(self) -> None:
        self.ended += 1

    async def enrol(self, maker: Maker, token: str = "") -> httpx.Response:
        asked = {"token": token or self.tokens[-1], "device": maker.device, "key": maker.public}
        return await self.http.post("/v1/enrol", json=asked)


@asynccontextmanager
async def door(folder: Folder, *names: str) -> AsyncIterator[Door]:
    opened = Door(folder, list(names) or ["South"])
    async with opened.http:
        yield opened


class TestInviting:
    """``gate venue invite``."""

    async def test_a_token_makes_a_member(self, host: Folder) -> None:
        """With the venue's certificate, its name, and no credential: there is no server."""
        maker = Maker(OTHER)
        async with door(host) as opened:
            answer = await opened.enrol(maker)
            assert (answer.status_code, opened.ended) == (200, 1)
        said = Enrolled(**answer.json())
        mine = load_membership(host)
        assert mine is not None
        assert said.credential == ""
        assert (said.event, said.event_name) == (venue_id(mine), "Winter Gala")
        assert (said.name, said.time_zone) == ("South", "Europe/Berlin")
        assert said.authority == mine.authority
        assert member_of(ssl.PEM_cert_to_DER_cert(said.certificate)) == (OTHER, maker.public)
        assert told(host)[OTHER] == ("South", "enrolled")

    async def test_each_token_is_good_once(self, host: Folder) -> None:
        """For one gate after the other; then it is over."""
        async with door(host, "South", "East") as opened:
            assert (await opened.enrol(Maker(OTHER))).status_code == 200
            assert opened.ended == 0
            used = await opened.enrol(Maker("2" * 16), opened.tokens[0])
            assert (used.status_code, used.json()["error"]) == (403, "used_token")
            wrong = await opened.enrol(Maker("2" * 16), "x" * 43)
            assert (wrong.status_code, wrong.json()["error"]) == (403, "wrong_token")
            assert (await opened.enrol(Maker("2" * 16))).status_code == 200
            assert opened.ended == 1
            over = await opened.enrol(Maker("3" * 16))
            assert over.status_code == 403
        assert {name for name, _state in told(host).values()} == {"North", "South", "East"}

    async def test_of_many_at_once_one_gets_in(self, host: Folder) -> None:
        """Though the writing takes a while."""
        async with door(host) as opened:
            makers = [Maker(f"{n:016x}") for n in range(1, 6)]
            answers = await asyncio.gather(*(opened.enrol(maker) for maker in makers))
        assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403, 403]
        assert len(told(host)) == 2

    async def test_what_makes_no_sense_has_its_reason(self, host: Folder) -> None:
        """Nothing else is answered here, nothing is stored, and the token stays good."""
        before = told(host)
        async with door(host) as opened:
            post = opened.http.post
            asked = {"token": opened.tokens[-1], "device": OTHER, "key": "ab" * 32}
            answers = [
                await post("/v1/enrol", content=b"x" * 20_000),
                await post("/v1/enrol", content=b"{"),
                await post("/v1/enrol", json=asked | {"device": "../../etc"}),
                await post("/v1/enrol", json=asked | {"key": "short"}),
                await post("/v1/enrol", json=asked | {"token": "\u00fc"}),
                await post("/v1/enrol", json=asked | {"device": host.device_id()}),
                await opened.http.get("/v1/enrol"),
                await opened.http.get("/v1/snapshot"),
                await opened.http.get("/healthz"),
            ]
            found = [answer.status_code for answer in answers]
            assert found == [413, 400, 422, 422, 403, 409, 405, 404, 404]
            assert all(answer.json()["reason"] for answer in answers)
            assert told(host) == before
            assert (await opened.enrol(Maker(OTHER))).status_code == 200

    async def test_a_fault_is_told_and_the_token_stays_good(
        self, host: Folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever was wrong with the host's disk, the gate may try again."""

        def full(*_all: object) -> None:
            raise FullError("no room", "")

        async with door(host) as opened:
            with monkeypatch.context() as patch:
                patch.setattr(venue_host, "publish", full)
                answer = await opened.enrol(Maker(OTHER))
            assert (answer.status_code, answer.json()["reason"]) == (500, "no room")
            assert (await opened.enrol(Maker(OTHER))).status_code == 200

    async def test_while_the_worker_is_at_work(self, host: Folder) -> None:
        """The gate is a member at once, and the worker tells the others."""
        lock = Lock(host, "sync")
        async with door(host) as opened:
            assert (await opened.enrol(Maker(OTHER))).status_code == 200
        assert OTHER not in told(host)
        with closing(TicketFeed(host)) as feed:
            venue_host.take_requests(host, feed, NOW_MS)
        lock.close()
        assert OTHER in told(host)

    def test_only_the_host_invites(self, folder: Folder) -> None:
        """Anybody else says where it is done."""
        with pytest.raises(UsageError, match="no venue"):
            enrolling.invite_gates(folder, ["South"])


@contextmanager
def inviting_at(host: Folder, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``gate venue invite`` as a process on loopback."""
    process = subprocess.Popen(
        [*GATE, "venue", "invite", *arguments, "--listen", "127.0.0.1:0", "--data-dir",
         str(host.path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "GATE_LANGUAGE": "en"},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


def next_link(process: subprocess.Popen[str]) -> str:
    """The link it shows next."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(SCHEME):
            return line.strip()
    raise AssertionError("it ended without a link")


@pytest.mark.system
def test_two_gates_join_over_the_wire(host: Folder, tmp_path: Path) -> None:
    """As at a server: the link is all they need; then the two know each other."""
    code = tmp_path / "code.png"
    with inviting_at(host, "Gate", "--count", "2", "--png", str(code)) as process:
        joined = [Folder(tmp_path / name) for name in "ab"]
        for folder in joined:
            link = next_link(process)
            (found,) = Decoder(("QRCode",)).read_fully(read_picture(code))
            assert found.text == link
            enrolled = enrol_device(folder, link, again=False)
            assert (enrolled.credential, enrolled.event_name) == ("", "Winter Gala")
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert {name for name, _state in told(host).values()} == {"North", "Gate 1", "Gate 2"}
    kept = [load_membership(folder) for folder in joined]
    assert kept[0] is not None
    assert kept[1] is not None
    seen, _seen = shake_hands(
        server_context(joined[0], kept[0]), client_context(joined[1], kept[1])
    )
    assert member_of(seen).device == joined[1].device_id()


@pytest.mark.system
def test_callers_who_say_nothing_keep_nobody_out(host: Folder, tmp_path: Path) -> None:
    """120 connections, and more: the oldest are hung up on, and a gate is taken in."""
    with inviting_at(host, "South") as process:
        link = next_link(process)
        at = urlsplit(parse_link(link).url)
        assert at.hostname is not None
        assert at.port is not None
        with crowd(at.hostname, at.port, 120 + enrolling.STRANGERS) as idle:
            enrolled = enrol_device(Folder(tmp_path / "gate"), link, again=False)
            assert enrolled.event_name == "Winter Gala"
            assert still_there(idle) <= enrolling.OF_EACH
        _out, complaint = process.communicate(timeout=60)
        assert (process.returncode, complaint) == (0, "")
    assert "too many connections of strangers" in (host.path / enrolling.LOG).read_text()


@pytest.mark.system
def test_it_ends_when_it_is_told_to(host: Folder) -> None:
    """Ctrl-C closes the door, and says that nobody came."""
    with inviting_at(host) as process:
        next_link(process)
        process.send_signal(signal.SIGINT)
        _out, complaint = process.communicate(timeout=60)
        assert (process.returncode, complaint) == (1, "0 of 1 gates came\n")
    assert len(told(host)) == 1


@pytest.mark.system
def test_a_listener_with_another_certificate_is_not_believed(host: Folder, tmp_path: Path) -> None:
    """Somebody in between shows another than the link names, and gets no token."""
    with inviting_at(host) as process:
        link = parse_link(next_link(process))
        forged = link_to(link.url, link.token, "A" * 26)
        with pytest.raises(UsageError, match="another certificate"):
            enrol_device(Folder(tmp_path / "a"), forged, again=False)
    assert len(told(host)) == 1


def test_a_network_that_leads_nowhere_has_addresses_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gates on a switch of their own are told an address, not a name that nobody resolves."""

    class Stranded(socket.socket):
        def connect(self, _address: object) -> None:
            raise OSError("no route")

    here = own_addresses()
    needs(bool(here), "address on a network")
    monkeypatch.setattr(socket, "socket", Stranded)
    assert invite.reachable("0.0.0.0") in here


def test_a_stricter_reader_believes_it_too(host: Folder) -> None:
    """As Python 3.13 checks: the host's certificate alone, by every rule of X.509."""
    mine = load_membership(host)
    assert mine is not None
    client = trust(mine.certificate)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    client.check_hostname = False
    _seen, seen = shake_hands_openly(door_context(host, mine), client)
    assert member_of(seen).device == host.device_id()


def shake_hands_openly(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[bytes, bytes]:
    """A handshake in which the client shows nothing."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server),
    ]
    for _turn in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return b"", sides[1].getpeercert(binary_form=True) or b""


def disk_saw(path: Path, level: str) -> list[str]:
    """In order: the feed's log was synced (``sync``), a request was cleared away (``clear``)."""
    needs(shutil.which("strace") is not None, "strace")
    trace = path.with_suffix(".trace")
    command = [
        "strace",
        "-f",
        "-y",
        "-e",
        "trace=fdatasync,fsync,unlink,unlinkat",
        "-o",
        str(trace),
    ]
    worker = [sys.executable, "-m", "tests.system.venue_cut_worker", str(path), level]
    ran = subprocess.run([*command, *worker], capture_output=True, text=True, check=False)
    needs("ptrace" not in ran.stderr, "permission to trace")
    assert ran.returncode == 0, ran.stderr
    seen = []
    for line in trace.read_text().splitlines():
        if "sync(" in line and ".db-wal>" in line:
            seen.append("sync")
        elif "unlink" in line and '.member"' in line:
            seen.append("clear")
    return seen


@pytest.mark.system
def test_what_the_host_says_survives_a_power_cut(tmp_path: Path) -> None:
    """A request is cleared away only when the feed that holds it is on disk."""
    seen = disk_saw(tmp_path / "host", "FULL")
    assert seen.count("clear") == DEVICES
    assert all(before == "sync" for before, now in pairwise(seen) if now == "clear")


@pytest.mark.long
@pytest.mark.system
def test_without_full_sync_a_revocation_may_be_lost(tmp_path: Path) -> None:
    """Mutation of the test before: cleared away, and nowhere."""
    seen = disk_saw(tmp_path / "host", "NORMAL")
    assert any(before == "clear" for before, now in pairwise(seen) if now == "clear")


def run(*arguments: str) -> int:
    return main(["venue", *arguments])


def test_the_commands(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """Create, list, retire, reinstate, revoke; faults are one line and exit code 2."""
    where = ["--data-dir", str(folder.path)]
    assert run("devices", *where) == 2
    assert "no venue" in capsys.readouterr().err
    assert run("create", "--name", "Gala\x1b", *where) == 2
    assert "cannot be a name" in capsys.readouterr().err
    assert run("create", "--name", "Gala", *where, "--set", "gate.name=North") == 0
    said = capsys.readouterr().out
    assert "Gala has begun" in said
    assert "gate venue invite" in said
    venue_host.publish(folder, row(OTHER, name="So\x1buth"))
    for word, state in (("retire", "retired"), ("reinstate", "enrolled"), ("revoke", "revoked")):
        assert run(word, OTHER, *where) == 0
        assert capsys.readouterr().out == f"{OTHER}  {state:<8}  So\\x1buth\n"
    assert run("devices", *where) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0]: line.split()[1] for line in lines} == {
        OTHER: "revoked", folder.device_id(): "enrolled",
    }  # fmt: skip
    assert run("reinstate", OTHER, *where) == 2
    assert run("invite", "--count", "0", *where) == 2
    assert run("invite", "--listen", "nowhere", *where) == 2
    assert "Traceback" not in capsys.readouterr().err

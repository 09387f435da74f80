"""The central server: who comes in, what it is told, what it tells."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from gate.cli.main import main
from gate.core import entry_codec
from gate.core.enrolment import Enrol
from gate.core.entry import Act
from gate.core.event_device import DeviceReport
from gate.core.health import Health
from gate.core.replication import Carried, tips_from_text
from gate.core.ticket import UNLIMITED
from gate.storage import room
from gate.storage.enrolment_link import SCHEME, parse_link
from gate.storage.feed_signatures import is_revocation, key_of
from sync.server import devices, enrolment, feed, invite, journals
from sync.server import tables as t
from sync.server.access import Writer
from sync.server.database import GroupCommit, open_database
from sync.server.device_reports import CLOCK
from sync.server.http import Denied
from sync.server.intake import Push
from sync.server.limits import Buckets
from sync.wire import Frame, SyncRequest, SyncRequestStamp, SyncResponse, SyncResponseStamp
from tests.support.central import ADMIN, Central, Closed, Maker, Socket, ask, central, stream
from tests.system.network import Server as Process

OTHER = "1" * 16
TYPES = [{"id": "S", "kind": "MEETING_TICKET"}]
MOST_TRIES = 8
"""How often something may take longer than promised, on a machine that has other things to do."""


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    """A server with one event."""
    async with central(tmp_path / "server") as running:
        yield running


@pytest.fixture
async def maker(running: Central) -> Maker:
    """An enrolled device."""
    maker = Maker()
    await running.enrol(maker)
    return maker


@pytest.fixture
async def other(running: Central) -> Maker:
    """A second one."""
    other = Maker(OTHER, "bb")
    await running.enrol(other, "South")
    return other


async def until(holds: Callable[[], bool], bound_s: float = 30.0) -> float:
    """Wait for something to hold, with a bound."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() < begun + bound_s, "waited for too long"
        await asyncio.sleep(0.01)
    return time.monotonic() - begun


async def enrol_with(running: Central, token: str, maker: Maker) -> httpx.Response:
    """Try a token."""
    asked = {"token": token, "device": maker.device, "key": maker.public}
    return await running.http.post("/v1/enrol", json=asked)


class TestEnrolment:
    """A one-time token for a credential."""

    async def test_it_says_event_name_and_zone(self, running: Central) -> None:
        """Whoever enrols learns what it is called, and of which event it is."""
        answer = await enrol_with(running, await running.token("North"), Maker())
        told = answer.json()
        assert (told["event"], told["name"], told["time_zone"]) == (
            "show",
            "North",
            "Asia/Shanghai",
        )
        assert len(told["credential"]) >= 43

    async def test_each_bad_token_says_why(self, running: Central) -> None:
        """Wrong, used and expired tokens have each their own word and sentence."""
        token = await running.token()
        wrong = await enrol_with(running, "x" * 43, Maker())
        assert (await enrol_with(running, token, Maker())).status_code == 200
        used = await enrol_with(running, token, Maker(OTHER))
        made = await running.admin(
            "POST", "/events/show/tokens", json={"name": "N", "lifetime_s": 1}
        )
        late = Enrol(token=made.json()["token"], device="2" * 16, key="ab" * 32)
        with pytest.raises(Denied) as expired, running.engine.begin() as connection:
            enrolment.enrol(connection, late, made.json()["expires_ms"])
        problems = [wrong.json(), used.json()]
        assert [p["error"] for p in problems] == ["wrong_token", "used_token"]
        assert expired.value.problem.error == "expired_token"
        assert len({p["reason"] for p in problems} | {expired.value.problem.reason}) == 3
        assert {wrong.status_code, used.status_code, expired.value.status} == {403}

    async def test_a_token_is_good_for_one(self, running: Central) -> None:
        """Of many who use a token at once, one gets in."""
        token = await running.token()
        makers = [Maker(f"{n:016x}") for n in range(5)]
        answers = await asyncio.gather(*(enrol_with(running, token, m) for m in makers))
        assert sorted(a.status_code for a in answers) == [200, 403, 403, 403, 403]

    async def test_enrolling_again_ends_the_old_credential(
        self, running: Central, maker: Maker
    ) -> None:
        """The same device with a fresh token gets a new credential; the old one is nobody's."""
        old = running.bearer(maker)
        await running.enrol(maker, "North again")
        answer = await running.http.post("/v1/exchange", content=ask(), headers=old)
        assert answer.json()["error"] == "unauthorised"
        assert (await running.exchange(maker, ask(whole=True))).lanes is not None
        assert running.count(t.device) == 1

    async def test_a_folder_belongs_to_one_event(self, running: Central, maker: Maker) -> None:
        """A device of one event cannot be taken into another, and keeps its token."""
        await running.admin("POST", "/events", json={"id": "second", "time_zone": "UTC"})
        token = await running.token(event="second")
        answer = await enrol_with(running, token, maker)
        assert (answer.status_code, answer.json()["error"]) == (409, "other_event")
        assert (await enrol_with(running, token, Maker(OTHER))).status_code == 200

    async def test_only_hashes_are_kept(self, running: Central, maker: Maker) -> None:
        """Neither token nor credential can be read out of the database."""
        token = await running.token()
        running.engine.dispose()
        kept = b"".join(p.read_bytes() for p in running.folder.glob("central.db*"))
        for secret in (token, running.credentials[maker.device], ADMIN):
            assert secret.encode() not in kept


class TestExchange:
    """Entries in, receipts and the others' entries out."""

    async def test_what_is_answered_is_held(self, running: Central, maker: Maker) -> None:
        """The answer names the newest entry, and it is in the database then."""
        answer = await running.exchange(maker, ask(maker.run(3)))
        assert answer.frame.have == {maker.origin: [f"3:{maker.prev[:32]}"]}
        assert running.entries() == 3

    async def test_a_retry_changes_nothing(self, running: Central, maker: Maker) -> None:
        """The same push twice is held once and receipted twice."""
        body = ask(maker.run(3))
        first = await running.exchange(maker, body)
        assert (await running.exchange(maker, body)).frame.have == first.frame.have
        assert running.entries() == 3

    async def test_what_cannot_follow_is_told(self, running: Central, maker: Maker) -> None:
        """After the server lost entries, their maker hears that it holds nothing of that origin."""
        late = maker.run(3)[2:]
        assert (await running.exchange(maker, ask(late))).frame.have == {maker.origin: []}
        assert running.entries() == 0

    async def test_whoever_says_all_gets_the_rest(
        self, running: Central, maker: Maker, other: Maker
    ) -> None:
        """A whole question is answered with what the device lacks, and its signed heads."""
        bodies = maker.run(4)
        await running.exchange(maker, ask(bodies, [maker.head()]))
        answer = await running.exchange(other, ask(whole=True))
        assert [bytes(raw) for raw in answer.frame.entries] == bodies
        assert answer.frame.signed_tips == [maker.head()]
        held = {maker.origin: [f"4:{maker.prev[:32]}"]}
        again = await running.exchange(other, ask(have=held, whole=True))
        assert not again.frame.entries

    async def test_many_at_once(self, running: Central) -> None:
        """Pushes of many devices at once are all held, each in its chain."""
        makers = [Maker(f"{n:016x}") for n in range(8)]
        for one in makers:
            await running.enrol(one)
        for _round in range(3):
            bodies = [(one, ask(one.run(2))) for one in makers]
            await asyncio.gather(*(running.exchange(one, body) for one, body in bodies))
        answer = await running.exchange(makers[0], ask(whole=True))
        tips = tips_from_text(answer.frame.have)
        assert {next(iter(tip)).seq for tip in tips.values()} == {6}
        assert running.entries() == 48

    async def test_no_entry_is_refused_alone(self, running: Central, maker: Maker) -> None:
        """What is no entry is named by its hash and kept apart; what came with it is held."""
        good = maker.run(1)
        huge = Maker(maker.device, "cc").make(persons=10**9)
        answer = await running.exchange(maker, ask([b"[1]", huge, *good]))
        hashes = {entry_codec.digest(body).hex() for body in (b"[1]", huge)}
        assert {one.hash for one in answer.frame.rejected} == hashes
        assert all(one.reason for one in answer.frame.rejected)
        assert (running.entries(), running.count(t.quarantine)) == (1, 2)

    async def test_it_tells_how_far_each_device_has_come(
        self, running: Central, maker: Maker, other: Maker
    ) -> None:
        """By its own clock, and only what was told by that one, of no moment still to come."""
        body = msgspec.json.decode(ask(maker.run(2), report=DeviceReport()), type=SyncRequest)
        tip = f"{maker.origin}:2:{maker.prev[:32]}"

        async def told_with(stamp: SyncRequestStamp) -> SyncResponseStamp:
            asked = msgspec.json.encode(msgspec.structs.replace(body, stamp=stamp))
            answered = (await running.exchange(maker, asked)).stamp
            assert answered is not None
            return answered

        first = await told_with(SyncRequestStamp(70_000, tip))
        assert (first.got_ms, first.clock) == (70_000, CLOCK)
        heard = (await running.exchange(other, ask(whole=True))).stamp
        assert heard is not None
        assert heard.devices == {}
        await told_with(SyncRequestStamp(71_000, tip, "another clock", first.at_ms))
        heard = (await running.exchange(other, ask(whole=True))).stamp
        assert heard is not None
        assert heard.devices == {}
        await told_with(SyncRequestStamp(72_000, tip, CLOCK, first.at_ms + 10_000_000))
        heard = (await running.exchange(other, ask(whole=True))).stamp
        assert heard is not None
        assert set(heard.devices) == {maker.device}
        assert heard.devices[maker.device].tip == tip
        assert first.at_ms <= heard.devices[maker.device].at_ms <= heard.at_ms

    async def test_it_tells_the_lanes(self, running: Central, maker: Maker, other: Maker) -> None:
        """Each device hears of every other: open or closed, heard when, and its report."""
        opened = maker.make(Act.LANE_OPENED)
        report = DeviceReport(version="1", gate="North", unacked=4)
        await running.exchange(maker, ask([opened], report=report))
        await running.server.device_cache.refresh()
        lanes = (await running.exchange(other, ask(whole=True))).lanes or []
        told = {lane.device: lane for lane in lanes}[maker.device]
        assert (told.name, told.key, told.active) == ("North", maker.public, True)
        assert told.report == report
        assert told.heard_ago_ms is not None
        assert told.heard_ago_ms < 5000
        await running.exchange(maker, ask([maker.make(Act.LANE_CLOSED)]))
        await running.server.device_cache.refresh()
        lanes = (await running.exchange(other, ask(whole=True))).lanes or []
        assert not any(lane.active for lane in lanes)

    async def test_it_tells_how_far_the_tickets_are(self, running: Central, maker: Maker) -> None:
        """Every answer names the newest ticket change, at once after one was made here."""
        before = (await running.exchange(maker, ask())).head
        issued = await running.admin("POST", "/events/show/tickets", json={"types": TYPES})
        after = (await running.exchange(maker, ask())).head
        assert after == issued.json()["cursor"] != before

    async def test_two_servers_see_each_other(self, running: Central, maker: Maker) -> None:
        """What one process heard another tells within two seconds, newest first."""
        async with central(running.folder / "two", engine=running.engine) as second:
            second.credentials = running.credentials

            def is_told(unacked: int) -> bool:
                lines = second.server.device_cache.lines("show")
                return bool(lines and lines[0].heard_ms and lines[0].report.unacked == unacked)

            for unacked in range(1, 1 + MOST_TRIES):
                await running.exchange(maker, ask(report=DeviceReport(unacked=unacked)))
                if await until(partial(is_told, unacked)) < 2.5:
                    return
            pytest.fail("it always took longer")


class TestPushes:
    """Many pushes, one statement."""

    async def test_one_bad_push_takes_nobody_down(self, tmp_path: Path) -> None:
        """When pushes fail together, each is done alone, and only the bad one fails."""
        async with central(tmp_path / "server") as running:
            makers = [Maker(f"{n:016x}") for n in range(3)]
            for one in makers:
                await running.enrol(one)

            # More than any column holds, brought past the check of what may be an entry.
            async def push(one: Maker, **said: Any) -> object:
                pushed = _push_of(one, one.make(**said))
                return await running.server.push_batches.take("show", pushed)

            results = await asyncio.gather(
                push(makers[0]), push(makers[1], persons=2**70), push(makers[2]),
                return_exceptions=True,
            )  # fmt: skip
            assert isinstance(results[1], Denied)
            assert results[1].status == 422
            assert running.entries() == 2

    async def test_whoever_stops_waiting_stops_nobody(self, tmp_path: Path) -> None:
        """A cancelled request leaves the thread that commits alive."""
        engine = open_database(f"sqlite:///{tmp_path / 'c.db'}")
        commit = GroupCommit(engine)
        writer = Writer(commit)
        waiting = asyncio.create_task(writer.do(lambda _connection: time.sleep(0.05)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await asyncio.wait_for(writer.do(lambda _connection: 7), 5) == 7
        commit.close()
        engine.dispose()


def _push_of(maker: Maker, body: bytes) -> Push:
    return Push(
        maker.device, [Carried(entry_codec.decode(body), body, entry_codec.digest(body).hex())], ()
    )


class TestStream:
    """The same exchange over one connection, and news unasked."""

    async def test_a_push_is_receipted_by_the_next_frame(
        self, running: Central, maker: Maker, other: Maker
    ) -> None:
        """The maker sees its tip, the other sees the entry itself."""
        async with stream(running, maker) as mine, stream(running, other) as theirs:
            body = maker.make(ticket="a")
            mine.send(ask([body]))
            tip = {maker.origin: [f"1:{maker.prev[:32]}"]}
            assert await _frame_with(mine, lambda a: a.frame.have == tip)
            heard = await _frame_with(theirs, lambda a: bool(a.frame.entries))
            assert [bytes(raw) for raw in heard.frame.entries] == [body]
            assert running.entries() == 1

    async def test_a_retry_is_receipted_too(self, running: Central, maker: Maker) -> None:
        """A push of what is held already is answered by its tip, though there is no news."""
        body = ask(maker.run(2))
        await running.exchange(maker, body)
        async with stream(running, maker) as socket:
            socket.send(body)
            tip = {maker.origin: [f"2:{maker.prev[:32]}"]}
            assert await _frame_with(socket, lambda a: a.frame.have == tip)

    async def test_a_whole_question_is_answered(
        self, running: Central, maker: Maker, other: Maker
    ) -> None:
        """Who says all that is held hears all that is not, over the stream as by POST."""
        bodies = maker.run(2)
        await running.exchange(maker, ask(bodies))
        async with stream(running, other) as socket:
            socket.send(ask(whole=True))
            answer = await _frame_with(socket, lambda a: bool(a.frame.entries))
            assert [bytes(raw) for raw in answer.frame.entries] == bodies

    async def test_changes_of_tickets_are_told(self, running: Central, maker: Maker) -> None:
        """A change of a ticket reaches the stream as a new cursor."""
        async with stream(running, maker) as socket:
            before = (await socket.read()).head
            issued = await running.admin("POST", "/events/show/tickets", json={"types": TYPES})
            answer = await _frame_with(socket, lambda a: a.head != before)
            assert answer.head == issued.json()["cursor"]

    async def test_at_most_four_frames_a_second(self, running: Central, maker: Maker) -> None:
        """However many pushes come, the news come in few frames, and each entry once."""
        async with stream(running, maker) as socket:
            await socket.read()
            begun = time.monotonic()
            for _n in range(12):
                await running.exchange(maker, ask(maker.run(1)))
            seen, frames = 0, 0
            while seen < 12:
                answer = await socket.read()
                seen, frames = seen + len(answer.frame.entries), frames + 1
            assert seen == 12
            assert frames <= 2 + 4 * (time.monotonic() - begun)

    async def test_who_does_not_read_is_cut(
        self, running: Central, maker: Maker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A client that takes nothing is closed with 1013; the others go on."""
        monkeypatch.setattr("sync.server.stream.EVERY_S", 0.001)
        monkeypatch.setattr("sync.server.stream.LOOK_EVERY_S", 0.001)
        monkeypatch.setattr("sync.server.stream.LANES_EVERY_S", 0.0)
        monkeypatch.setattr("sync.server.stream.CLOSE_S", 0.05)
        async with stream(running, maker) as socket:
            await socket.read()
            socket.may_send.clear()
            await until(lambda: running.server.streams.connected == 0)
            assert b"gate_streams_cut_total 1.0" in running.server.metrics.text()

    async def test_a_revoked_device_is_cut(self, running: Central, maker: Maker) -> None:
        """Revoking closes the open stream at once."""
        async with stream(running, maker) as socket:
            await running.admin("POST", f"/events/show/devices/{maker.device}/revoke")
            with pytest.raises(Closed) as closed:
                await _frame_with(socket, lambda _answer: False)
            assert (closed.value.code, closed.value.reason) == (1008, "revoked")

    async def test_nonsense_is_cut(self, running: Central, maker: Maker) -> None:
        """A message that is none closes the stream with a reason."""
        async with stream(running, maker) as socket:
            socket.send(b"{")
            with pytest.raises(Closed) as closed:
                await _frame_with(socket, lambda _answer: False)
            assert (closed.value.code, closed.value.reason) == (1007, "malformed")

    async def test_the_handshake_wants_a_credential(self, running: Central) -> None:
        """Without one, the answer is 401 with a reason, and no connection."""
        with pytest.raises(Closed) as closed:
            await Socket(running.app, {}).opened()
        assert closed.value.code == 401
        assert "unauthorised" in closed.value.reason


async def _frame_with(socket: Socket, holds: Callable[..., bool]) -> SyncResponse:
    for _n in range(100):
        answer = await socket.read()
        if holds(answer):
            return answer
    raise AssertionError


class TestDevices:
    """Retired, brought back, revoked."""

    async def test_a_retired_device_still_tells(self, running: Central, maker: Maker) -> None:
        """Its entries are facts, but nobody waits to hear from its lane."""
        await running.exchange(maker, ask([maker.make(Act.LANE_OPENED)]))
        answer = await running.admin("POST", f"/events/show/devices/{maker.device}/retire")
        assert answer.json()["state"] == "retired"
        told = await running.exchange(maker, ask(maker.run(1), whole=True))
        assert [lane.active for lane in told.lanes or []] == [False]
        assert running.entries() == 2
        await running.admin("POST", f"/events/show/devices/{maker.device}/unretire")
        told = await running.exchange(maker, ask(whole=True))
        assert [lane.active for lane in told.lanes or []] == [True]

    async def test_revoked_at_once(self, running: Central, maker: Maker) -> None:
        """After revoking, the very next request is refused, and says so."""
        await running.admin("POST", f"/events/show/devices/{maker.device}/revoke")
        answer = await running.http.post(
            "/v1/exchange", content=ask(maker.run(1)), headers=running.bearer(maker)
        )
        assert (answer.status_code, answer.json()["error"]) == (401, "revoked")
        back = await running.admin("POST", f"/events/show/devices/{maker.device}/unretire")
        assert (back.status_code, back.json()["error"]) == (409, "revoked")
        assert running.entries() == 0

    async def test_revoked_in_another_process(self, running: Central) -> None:
        """Another server of the same database refuses the device within two seconds."""
        async with central(running.folder / "two", engine=running.engine) as second:
            second.credentials = running.credentials

            def is_known(hashed: str) -> bool:
                return bool(second.server.device_cache.revoked([hashed]))

            for n in range(1, 1 + MOST_TRIES):
                await running.enrol(one := Maker(f"{n:015x}a"))
                await second.exchange(one, ask())
                await running.admin("POST", f"/events/show/devices/{one.device}/revoke")
                hashed = devices.hash_of(running.credentials[one.device])
                took_s = await until(partial(is_known, hashed))
                answer = await second.get(one, "/changes")
                assert answer.json()["error"] == "revoked"
                if took_s < 2.5:
                    return
            pytest.fail("it always took longer")

    async def test_a_device_enrolled_elsewhere_is_known_here(self, running: Central) -> None:
        """A credential that another server just gave works here at once."""
        async with central(running.folder / "two", engine=running.engine) as second:
            maker = Maker()
            await second.enrol(maker)
            running.credentials = second.credentials
            await running.exchange(maker, ask(maker.run(1)))

    async def test_they_are_listed(self, running: Central, maker: Maker, other: Maker) -> None:
        """Supervisors see every device with its report."""
        await running.exchange(maker, ask(report=DeviceReport(gate="North", unacked=3)))
        lines = (await running.admin("GET", "/events/show/devices")).json()
        assert [line["name"] for line in lines] == ["North", "South"]
        assert lines[0]["report"]["unacked"] == 3
        assert lines[0]["heard_ms"] > 0
        assert "heard_ms" not in lines[1]


class TestTickets:
    """The organiser's tickets and the feed of their changes."""

    async def test_issue_change_void(self, running: Central, maker: Maker) -> None:
        """Bulk rows, changes and voids reach the feed in order; a void says why."""
        rows = {
            "types": TYPES,
            "tickets": [{"code": f"C{n}", "type": "S", "id": f"t{n}"} for n in range(3)],
        }
        made = await running.admin("POST", "/events/show/tickets", json=rows)
        assert (made.json()["types"], made.json()["tickets"]) == (1, 3)
        more = {"changes": [{"id": "t0", "zone": "A"}], "voids": [{"id": "t1", "note": "refund"}]}
        assert (await running.admin("POST", "/events/show/tickets", json=more)).json()[
            "changed"
        ] == 2
        start = made.json()["cursor"].split(":")[0] + ":0:"
        page = (await running.get(maker, f"/changes?cursor={start}&limit=5")).json()
        assert (len(page["changes"]), page["more"]) == (5, True)
        rest = (await running.get(maker, f"/changes?cursor={page['cursor']}")).json()
        assert [change["ref"] for change in rest["changes"]] == ["t0", "t1"]
        assert rest["changes"][1]["body"]["status"] == "revoked"
        assert rest["changes"][1]["body"]["status_note"] == "refund"
        assert not rest["more"]

    async def test_an_address_is_taken_and_not_kept(self, running: Central, maker: Maker) -> None:
        """The organiser's rows may have it; neither server nor feed does. Unlimited stays so."""
        ticket = {"code": "C", "type": "S", "id": "t", "uses": "unlimited", "order": "R1"}
        rows = {"types": TYPES, "tickets": [{**ticket, "email": "mei@example.org"}]}
        await running.admin("POST", "/events/show/tickets", json=rows)
        change = {"id": "t", "note": "Table 7", "email": "li@example.org"}
        answer = await running.admin("POST", "/events/show/tickets", json={"changes": [change]})
        start = answer.json()["cursor"].split(":")[0] + ":0:"
        page = await running.get(maker, f"/changes?cursor={start}")
        body = page.json()["changes"][-1]["body"]
        assert (body["uses"], body["order"], body["note"]) == (UNLIMITED, "R1", "Table 7")
        assert "example.org" not in page.text
        with running.engine.connect() as connection:
            kept = connection.execute(select(t.ticket.c.body)).scalars().all()
        assert len(kept) == 1
        assert "example.org" not in str(kept)

    async def test_devices_are_told_of_in_the_same_feed(
        self, running: Central, maker: Maker
    ) -> None:
        """Each change of a device is a numbered row, at once; what changed nothing is none."""
        start = (await running.exchange(maker, ask())).head
        await running.admin("POST", "/events/show/tickets", json={"types": TYPES})
        states = ["retire", "retire", "unretire", "revoke", "unretire"]
        for word in states[:3]:
            await running.admin("POST", f"/events/show/devices/{maker.device}/{word}")
        page = (await running.get(maker, f"/changes?cursor={start}")).json()
        assert [one["kind"] for one in page["changes"]] == ["type", "device", "device"]
        assert page["cursor"] == (await running.exchange(maker, ask())).head
        await running.enrol(other := Maker(OTHER), "South")
        for word in states[3:]:
            await running.admin("POST", f"/events/show/devices/{maker.device}/{word}")
        page = (await running.get(other, f"/changes?cursor={page['cursor']}")).json()
        told = [(one["ref"], one["body"]) for one in page["changes"]]
        south = {"id": OTHER, "name": "South", "key": other.public, "state": "enrolled"}
        north = {"id": maker.device, "name": "North", "key": maker.public, "state": "revoked"}
        proof = told[1][1].pop("proof")
        assert told == [(OTHER, south), (maker.device, north)]
        with running.engine.connect() as connection:
            authority = feed.authority_of(connection, "show")
        assert is_revocation(proof, maker.device, key_of(authority.certificate))

    async def test_revoked_is_for_good(self, running: Central, maker: Maker) -> None:
        """A new link is not for the old device, but good for another."""
        await running.admin("POST", f"/events/show/devices/{maker.device}/revoke")
        token = await running.token("North", "show")
        body = {"token": token, "device": maker.device, "key": maker.public}
        answer = await running.http.post("/v1/enrol", json=body)
        assert (answer.status_code, answer.json()["error"]) == (403, "revoked")
        fresh = Maker("e" * 16)
        body = {"token": token, "device": fresh.device, "key": fresh.public}
        assert (await running.http.post("/v1/enrol", json=body)).status_code == 200

    async def test_all_or_nothing(self, running: Central) -> None:
        """One bad row and nothing is taken; the answer names it."""
        rows = {"types": TYPES, "tickets": [{"code": "A", "type": "S"}, {"code": "B", "type": "?"}]}
        answer = await running.admin("POST", "/events/show/tickets", json=rows)
        assert (answer.status_code, answer.json()["error"]) == (422, "bad_rows")
        assert "tickets[1]" in answer.json()["reason"]
        more = {"changes": [{"id": "x"}], "voids": [{"id": "y"}, {"id": "z"}]}
        answer = await running.admin("POST", "/events/show/tickets", json=more)
        told = re.findall(r"(\w+\[\d\]): there is no ticket '(\w)'", answer.json()["reason"])
        assert told == [("changes[0]", "x"), ("voids[0]", "y"), ("voids[1]", "z")]
        assert running.count(t.ticket_type) == running.count(t.change) == 0

    async def test_too_many_rows(self, running: Central) -> None:
        """More rows than one request may have are refused by their number."""
        rows = {"voids": [{"id": "x"}] * 2600, "changes": [{"id": "x"}] * 2600}
        answer = await running.admin("POST", "/events/show/tickets", json=rows)
        assert (answer.status_code, answer.json()["error"]) == (413, "too_many")

    async def test_a_foreign_cursor_is_told_to_resync(self, running: Central, maker: Maker) -> None:
        """A cursor of another life of the server gets 409 and the word for it."""
        for cursor in ("", "ffff:3:aa", "nonsense"):
            answer = await running.get(maker, f"/changes?cursor={cursor}")
            assert (answer.status_code, answer.json()["error"]) == (409, "resync")


class TestSupervision:
    """Counts, conflicts, alarms."""

    async def test_a_conflict_and_its_resolution(
        self, running: Central, maker: Maker, other: Maker
    ) -> None:
        """Two gates admitted one ticket: both sides' evidence, and a reason settles it."""
        one = maker.make(ticket="t", operator="Ann", server_ahead_ms=40, server_error_ms=9)
        await running.exchange(maker, ask([one]))
        await running.exchange(other, ask([other.make(ticket="t", operator="Ben")]))
        (clash,) = (await running.admin("GET", "/events/show/conflicts")).json()
        assert (clash["ticket"], clash["excess"]) == ("t", 1)
        sides = {side["device_name"]: side for side in clash["admissions"]}
        assert sides["North"]["operator"] == "Ann"
        assert (sides["North"]["server_ahead_ms"], sides["North"]["server_error_ms"]) == (40, 9)
        assert sides["South"]["basis"] == "only"
        path = "/events/show/conflicts/t/resolve"
        settled = await running.admin("POST", path, json={"note": "family", "who": "Eve"})
        assert settled.status_code == 200, settled.text
        (clash,) = (await running.admin("GET", "/events/show/conflicts")).json()
        assert (clash["resolution"]["note"], clash["resolution"]["who"]) == ("family", "Eve")
        told = await running.exchange(other, ask(whole=True))
        assert any(b'"resolution"' in bytes(raw) for raw in told.frame.entries)

    async def test_a_resolution_wants_a_reason(self, running: Central) -> None:
        """Neither an empty reason nor a ticket without conflict can be settled."""
        path = "/events/show/conflicts/t/resolve"
        empty = await running.admin("POST", path, json={"note": " ", "who": "Eve"})
        none = await running.admin("POST", path, json={"note": "x", "who": "Eve"})
        assert (empty.status_code, none.status_code) == (422, 404)

    async def test_counts(self, running: Central, maker: Maker) -> None:
        """Admissions are counted by device and gate."""
        await running.exchange(maker, ask(maker.run(3)))
        told = (await running.admin("GET", "/events/show/counts")).json()
        assert told["admitted"] == 3
        assert told["lines"][0]["device_name"] == "North"

    async def test_a_link_that_was_not_used_is_withdrawn(self, running: Central) -> None:
        """It is listed until then, opens nothing afterwards, and used ones are not touched."""
        tokens = {
            name: (await running.admin("POST", "/events/show/tokens", json={"name": name})).json()
            for name in ("East", "West")
        }
        listed = (await running.admin("GET", "/events/show/tokens")).json()
        ids = {one["name"]: one["id"] for one in listed}
        assert set(ids) == {"East", "West"}
        gone = await running.admin("POST", f"/events/show/tokens/{ids['East']}/withdraw")
        assert [one["name"] for one in gone.json()] == ["East"]
        again = await running.admin("POST", f"/events/show/tokens/{ids['East']}/withdraw")
        assert again.status_code == 404
        told = {}
        for n, (name, token) in enumerate(tokens.items()):
            asked = {"token": token["token"], "device": f"{n:016x}", "key": "ab" * 32}
            answer = await running.http.post("/v1/enrol", json=asked)
            told[name] = answer.json().get("error", answer.status_code)
        assert told == {"East": "withdrawn_token", "West": 200}
        assert (await running.admin("GET", "/events/show/tokens")).json() == []

    async def test_a_lane_that_a_gate_has_retired_is_not_waited_for(
        self, running: Central, maker: Maker, other: Maker
    ) -> None:
        """By that entry, until the device does something afterwards, or it is taken back."""
        begun = (time.time_ns() // 1_000_000 - 60_000) << 16

        async def told(by: Maker, act: Act, hlc: int, **said: Any) -> bool:
            await running.exchange(by, ask([by.make(act, hlc=begun + hlc, **said)]))
            lines = (await running.admin("GET", "/events/show/devices")).json()
            return bool({line["id"]: line["lane_open"] for line in lines}[maker.device])

        about = {"target": maker.device}
        assert await told(maker, Act.LANE_OPENED, 1_000)
        assert not await told(other, Act.RETIREMENT, 2_000, **about)
        assert not await told(maker, Act.ADMISSION, 1_500, ticket="t")
        assert await told(other, Act.REINSTATEMENT, 3_000, **about)
        assert not await told(other, Act.RETIREMENT, 4_000, **about)
        assert await told(maker, Act.ADMISSION, 5_000, ticket="u")
        assert not await told(maker, Act.LANE_CLOSED, 6_000)

    async def test_scans_are_verdicts(self, running: Central, maker: Maker) -> None:
        """One scan is one, though its lane was opened, signed in to and closed as well."""
        acts = (Act.LANE_OPENED, Act.SIGN_IN, Act.ADMISSION, Act.SIGN_OUT, Act.LANE_CLOSED)
        await running.exchange(maker, ask([maker.make(act, ticket="t") for act in acts]))
        (line,) = (await running.admin("GET", "/events/show/counts")).json()["lines"]
        assert (line["scans"], line["admitted"], line["refused"]) == (1, 1, 0)

    async def test_what_is_over_an_allowance_comes_later(
        self, running: Central, maker: Maker, other: Maker
    ) -> None:
        """By POST and on the stream; others go on, and it is an alarm once there are too many."""
        floods = [Maker(maker.device, f"f{n:x}") for n in range(300)]
        bodies = [one.make(ticket=f"t{n}") for n, one in enumerate(floods)]
        assert (await running.exchange(maker, ask(bodies[:260]))).frame.later == []
        answer = await running.exchange(maker, ask(bodies[260:]))
        assert (answer.frame.later, answer.frame.rejected) == ([maker.device], [])
        assert running.entries() == 260
        async with stream(running, maker) as socket:
            socket.send(ask(bodies[260:]))
            while not (told := await socket.read()).frame.later:
                pass
            assert told.frame.later == [maker.device]
        await running.exchange(other, ask(other.run(2)))
        assert running.entries() == 262
        (alarm,) = [
            one
            for one in (await running.admin("GET", "/events/show/alarms")).json()
            if one["kind"] == "flood"
        ]
        assert (alarm["device"], alarm["count"], len(alarm["origins"])) == (maker.device, 260, 20)

    async def test_a_full_disk_is_told(
        self, running: Central, maker: Maker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before it is: nothing is taken in, what is held can be read, and then it goes on."""
        with monkeypatch.context() as full:
            full.setattr(room, "RESERVED_BYTES", 2**60)
            body = ask(maker.run(1))
            headers = running.bearer(maker)
            answer = await running.http.post("/v1/exchange", content=body, headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (507, "full")
            assert (await running.exchange(maker, ask(whole=True))).frame.entries == []
        await running.exchange(maker, body)
        assert running.entries() == 1

    async def test_a_comparison_has_pages(
        self, running: Central, maker: Maker, other: Maker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A range that is too long is answered in part; nothing is said of what is beyond."""
        monkeypatch.setattr(journals, "PAGE_ORIGINS", 2)
        makers = [Maker(maker.device, f"f{n:x}") for n in range(5)]
        await running.exchange(maker, ask([one.make(ticket="t") for one in makers]))
        seen, after = set[str](), ""
        while True:
            body = msgspec.json.encode(SyncRequest(Frame(page=(after, ""))))
            frame = (await running.exchange(other, body)).frame
            assert frame.page is not None
            assert frame.page[0] == after
            assert len(frame.have) <= 2
            seen |= set(frame.have)
            after = frame.page[1]
            if not after:
                break
        assert seen == {one.origin for one in makers}

    async def test_a_cloned_device_is_an_alarm(self, running: Central, maker: Maker) -> None:
        """Two incarnations after one and the same entry are told."""
        clone = Maker(maker.device, "cc")
        await running.exchange(maker, ask(maker.run(1)))
        await running.exchange(maker, ask([clone.make(ticket="z")]))
        (alarm,) = (await running.admin("GET", "/events/show/alarms")).json()
        assert (alarm["device"], alarm["kind"], alarm["count"]) == (maker.device, "branched", 2)
        assert set(alarm["origins"]) == {maker.origin, clone.origin}

    async def test_an_event_is_begun_once(self, running: Central) -> None:
        """An id is taken once; a bad id or zone is refused with a reason."""
        again = await running.admin("POST", "/events", json={"id": "show", "time_zone": "UTC"})
        bad = await running.admin("POST", "/events", json={"id": "../x", "time_zone": "UTC"})
        zone = await running.admin("POST", "/events", json={"id": "y", "time_zone": "../etc"})
        assert (again.status_code, bad.status_code, zone.status_code) == (409, 422, 422)
        assert [e["id"] for e in (await running.admin("GET", "/events")).json()] == ["show"]


class TestOpen:
    """For whoever looks after the server."""

    async def test_ready_only_with_a_database(self, tmp_path: Path) -> None:
        """Without its database the process lives, is not ready, and refuses with a reason."""
        async with central(tmp_path / "server") as running:
            assert (await running.http.get("/readyz")).status_code == 200
            await running.enrol(maker := Maker())
            with running.engine.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE stream RENAME TO gone")
            assert (await running.http.get("/healthz")).status_code == 200
            away = await running.http.post(
                "/v1/exchange", content=ask(maker.run(1)), headers=running.bearer(maker)
            )
            assert (away.status_code, away.json()["error"]) == (503, "unavailable")
            with running.engine.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE gone RENAME TO stream")
            await running.exchange(maker, ask(maker.run(1)))

    async def test_metrics_count_and_name_nobody(self, running: Central, maker: Maker) -> None:
        """The numbers are there; no name, id or secret is."""
        await running.exchange(maker, ask(maker.run(2)))
        text = (await running.http.get("/metrics")).text
        assert 'gate_requests_total{route="exchange",status="200"} 1.0' in text
        assert "gate_entries_total 2.0" in text
        assert "gate_devices_heard 1.0" in text
        for secret in (running.credentials[maker.device], maker.device, "North", ADMIN):
            assert secret not in text

    async def test_metrics_say_how_many_are_not_well(self, running: Central, maker: Maker) -> None:
        """By what is not; of those that were heard just now."""
        health = Health(turnstile="broken", not_passed=4, not_passed_in_row=4, sound="on")
        await running.exchange(maker, ask(report=DeviceReport(gate="North", health=health)))
        await running.server.device_cache.refresh()
        text = (await running.http.get("/metrics")).text
        assert 'gate_devices_not_well{part="turnstile"} 1.0' in text
        assert 'gate_devices_not_well{part="passage"} 1.0' in text
        assert 'gate_devices_not_well{part="sound"} 0.0' in text
        await running.exchange(maker, ask(report=DeviceReport(gate="North")))
        text = (await running.http.get("/metrics")).text
        assert 'gate_devices_not_well{part="turnstile"} 0.0' in text

    def test_a_bucket_fills_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """So many at once, then so many a second; the oldest names are forgotten."""
        now = [0.0]
        monkeypatch.setattr("sync.server.limits.time.monotonic", lambda: now[0])
        buckets = Buckets(2.0, 3.0, most=2)
        assert [buckets.take("a") for _n in range(4)] == [0, 0, 0, 0.5]
        now[0] = 0.5
        assert (buckets.take("a"), buckets.take("a")) == (0, 0.5)
        for name in "bc":
            buckets.take(name)
        assert buckets.take("a") == 0


class TestServe:
    """``gate serve`` as a process."""

    def test_it_starts_with_nothing_and_ends_well(self, tmp_path: Path) -> None:
        """No flags but a port: it listens, enrols, keeps its secrets, and Ctrl-C is exit code 0."""
        folder = tmp_path / "server"
        begun = [
            sys.executable,
            "-m",
            "gate",
            "serve",
            "--server-dir",
            str(folder),
            "--time-zone",
            "Asia/Shanghai",
        ]
        environment = os.environ | {"GATE_LANGUAGE": "en", "PYTHONUNBUFFERED": "1"}
        server = subprocess.Popen(
            [*begun, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=environment,
        )  # fmt: skip
        try:
            assert server.stdout is not None
            told = [server.stdout.readline() for _n in range(3)]
            url = told[0].split()[-1]
            another = subprocess.run(
                [*begun, "--new-token", "South"], capture_output=True, text=True,
                env=environment, timeout=60, check=True,
            )  # fmt: skip
            link = next(line for line in another.stdout.splitlines() if SCHEME in line)
            invitation = parse_link(link)
            assert invitation.url == url
            asked = {"token": invitation.token, "device": "0" * 16, "key": "ab" * 32}
            assert httpx.post(f"{url}/v1/enrol", json=asked).status_code == 200
            port = url.rpartition(":")[2]
            second = subprocess.run(
                [sys.executable, "-m", "gate", "serve", "--server-dir", str(tmp_path / "b"),
                 "--listen", f"127.0.0.1:{port}"],
                capture_output=True, text=True, env=environment, timeout=60, check=False,
            )  # fmt: skip
            assert second.returncode == 1
            assert f"port {port} is in use" in second.stderr
            server.send_signal(signal.SIGINT)
            rest, complaints = server.communicate(timeout=60)
            assert (server.returncode, complaints) == (0, "")
        finally:
            server.kill()
            server.communicate()
        admin = folder / "admin.token"
        assert admin.stat().st_mode & 0o777 == 0o600
        log = (folder / "server.log").read_text()
        for secret in (invitation.token, admin.read_text().strip()):
            assert secret not in log
        # What is no terminal may be kept by somebody: no secret goes there.
        assert admin.read_text().strip() not in "".join(told) + rest
        assert SCHEME not in "".join(told) + rest
        assert not re.search(r"\b[0-9a-f]{32}\b", "".join(told) + rest)

    def test_devices_are_tended_while_it_runs(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Retired, brought back, revoked from the command line; it knows soon."""
        running = Process(tmp_path / "server")
        where = ["--server-dir", str(running.folder)]
        try:
            asked = {"device": OTHER, "key": "ab" * 32}
            token = parse_link(running.link("South")).token
            told = httpx.post(f"{running.url}/v1/enrol", json=asked | {"token": token}).json()
            bearer = {"Authorization": f"Bearer {told['credential']}"}

            def status() -> int:
                where = f"{running.url}/v1/exchange"
                return httpx.post(where, content=ask(), headers=bearer).status_code

            def states() -> list[str]:
                return [one["state"] for one in running.admin("GET", "/events/default/devices")]

            assert status() == 200
            for flag, state in (("retire", "retired"), ("unretire", "enrolled")):
                assert main(["serve", f"--{flag}", OTHER, *where]) == 0
                assert capsys.readouterr().out == f"{OTHER}  {state:<8}  South\n"
                assert states() == [state]
            assert main(["serve", "--revoke", OTHER, *where]) == 0
            end = time.monotonic() + 20
            while status() != 401:
                assert time.monotonic() < end, "still welcome"
                time.sleep(0.05)
            capsys.readouterr()
            assert main(["serve", "--devices", *where]) == 0
            assert capsys.readouterr().out == f"{OTHER}  revoked   South\n"
            assert main(["serve", "--unretire", OTHER, *where]) == 2
            assert main(["serve", "--revoke", "nobody", *where]) == 2
            complaints = capsys.readouterr().err
            assert "was revoked" in complaints
            assert "no such device" in complaints
        finally:
            running.close()

    def test_it_listens_to_strangers_only_with_tls(self, tmp_path: Path) -> None:
        """Beyond this machine without a certificate is refused in one line."""
        ran = subprocess.run(
            [sys.executable, "-m", "gate", "serve", "--server-dir", str(tmp_path / "server"),
             "--listen", "0.0.0.0:0"],
            capture_output=True, text=True, timeout=60, check=False,
            env=os.environ | {"GATE_LANGUAGE": "en"},
        )  # fmt: skip
        assert ran.returncode == 2
        assert "certificate" in ran.stderr

    def test_its_own_certificate_is_pinned(self, tmp_path: Path) -> None:
        """The certificate it makes is kept, private, and its fingerprint goes into the link."""
        certificate, key = invite.self_signed(tmp_path, "gate.example")
        assert key.stat().st_mode & 0o777 == 0o600
        pinned = invite.fingerprint(certificate)
        assert re.fullmatch("[A-Z2-7]{26}", pinned)
        assert invite.fingerprint(invite.self_signed(tmp_path, "gate.example")[0]) == pinned

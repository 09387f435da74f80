"""Webhooks of the organiser's: each kind told once, signed, in order, and after a restart too."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.core import entry_codec
from gate.core.entry import Act
from gate.core.outcome import Reason
from sync.server import tables as t
from sync.server.database import reading
from sync.server.webhooks import consumer, registered, standing
from sync.server.webhooks.payloads import CHOSEN, DATA, Envelope, Kind
from sync.server.webhooks.signed import AGAIN_MS, signature
from tests.support.central import Central, Maker, ask, central

URL = "https://backend.test/hook"
TICKETS: dict[str, Any] = {
    "types": [{"id": "A", "kind": "meeting"}],
    "tickets": [{"code": f"CODE{n}", "type": "A", "id": f"t{n}"} for n in range(4)],
}


@dataclass(slots=True)
class Backend:
    """An organiser's backend: it checks the signature by itself and keeps what it was told."""

    secrets: list[str] = field(default_factory=list)
    status: int = 204
    deaf_to: str = ""
    """A text; messages that hold it are answered 500."""
    asked: int = 0
    received: list[Envelope] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/hook", self.hook, methods=["POST"])])

    async def hook(self, request: Request) -> Response:
        self.asked += 1
        body, headers = await request.body(), request.headers
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        good = set()
        for secret in self.secrets:
            key = base64.b64decode(secret.removeprefix("whsec_"))
            digest = hmac.new(key, signed, hashlib.sha256).digest()
            good.add("v1," + base64.b64encode(digest).decode())
        assert headers["webhook-signature"] in good
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
        assert headers["content-type"] == "application/json"
        told = msgspec.json.decode(body, type=Envelope)
        assert told.id == headers["webhook-id"]
        if self.deaf_to and self.deaf_to in body.decode():
            return Response(status_code=500)
        if self.status == 204:
            self.received.append(told)
        return Response(status_code=self.status)

    def kinds(self) -> list[str]:
        return [one.type for one in self.received]

    def of(self, kind: Kind) -> list[Any]:
        """The data of each message of a kind, as its type has it."""
        found = [one.data for one in self.received if one.type == kind]
        return [msgspec.convert(one, DATA[kind]) for one in found]


async def connect(running: Central, backend: Backend) -> None:
    await running.server.deliveries.http.aclose()
    transport = httpx.ASGITransport(backend.app())
    running.server.deliveries.http = httpx.AsyncClient(transport=transport)


async def add(running: Central, backend: Backend, *kinds: Kind, event: str = "show") -> str:
    """Register the backend; the answer is the webhook's id."""
    asked = {"url": URL, "kinds": list(kinds)}
    made = await running.admin("POST", f"/events/{event}/webhooks", json=asked)
    assert made.status_code == 201, made.text
    backend.secrets.append(made.json()["secret"])
    return str(made.json()["id"])


async def line(running: Central) -> dict[str, Any]:
    """How the event's only webhook stands."""
    (found,) = (await running.admin("GET", "/events/show/webhooks")).json()
    assert "secret" not in found
    return dict(found)


@asynccontextmanager
async def venue(path: Path, backend: Backend, **settings: Any) -> AsyncIterator[Central]:
    """A server with tickets, in which everything is driven by hand, step by step."""
    async with central(path, runs_jobs=False, **settings) as running:
        await connect(running, backend)
        issued = await running.admin("POST", "/events/show/tickets", json=TICKETS)
        assert issued.status_code == 200, issued.text
        yield running


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
async def running(tmp_path: Path, backend: Backend) -> AsyncIterator[Central]:
    async with venue(tmp_path / "server", backend) as running:
        yield running


async def settle(running: Central, *, later_ms: int = 0) -> None:
    """Let the server follow all there is and tell all that is due; so much later, if said."""
    if later_ms:
        with running.engine.begin() as connection:
            due = t.outbox.c.due_ms - later_ms
            connection.execute(update(t.outbox).values(due_ms=due, leased_ms=0))
    while await running.server.webhooks.follow():
        pass
    while await running.server.deliveries.deliver():
        await running.server.deliveries.settled()


async def gate(running: Central, number: int = 0) -> Maker:
    maker = Maker(f"{number:x}" * 16, "aa")
    await running.enrol(maker, f"Gate {number}")
    return maker


async def bring(running: Central, maker: Maker, *bodies: bytes) -> None:
    await running.exchange(maker, ask(bodies, [maker.head()]))


async def void(running: Central, ticket: str) -> None:
    asked = {"voids": [{"id": ticket, "note": "refunded to Ann Quill"}]}
    answer = await running.admin("POST", "/events/show/tickets", json=asked)
    assert answer.status_code == 200, answer.text


def an_hour_ahead() -> dict[str, Any]:
    """By the server's clock an entry at 0 of the device's was made in an hour."""
    return {"server_ahead_ms": int(time.time() * 1000) + 3_600_000, "server_error_ms": 1}


class TestKinds:
    """What is told of what."""

    async def test_movements_and_undos(self, running: Central, backend: Backend) -> None:
        """In, out, taken back by the gate itself or claimed by another: with where and when."""
        await add(running, backend)
        north, south = await gate(running), await gate(running, 1)
        came = north.make(ticket="t0", ticket_type="A", zone="Hall", flags=("alone",))
        went = north.make(Act.EXIT, ticket="t0", persons=1)
        entry = entry_codec.decode(came)
        back = north.make(Act.ANNULMENT, ticket="t0", target=entry.name)
        await bring(running, north, came, went, back)
        await bring(running, south, south.make(Act.ANNULMENT, ticket="t0", target=entry.name))
        await settle(running)
        assert backend.kinds() == ["admission", "exit", "undo", "undo"]
        (admission,) = backend.of(Kind.ADMISSION)
        assert (admission.ticket, admission.zone, admission.gate) == ("t0", "Hall", "North")
        assert (admission.device_name, admission.at_ms) == ("Gate 0", entry.at_ms)
        assert (admission.uses, admission.persons, admission.flags) == (1, 1, ["alone"])
        own, claim = backend.of(Kind.UNDO)
        assert (own.target, own.is_claim) == (entry.name, False)
        assert (claim.target, claim.is_claim, claim.device_name) == (entry.name, True, "Gate 1")
        assert {one.event for one in backend.received} == {"show"}

    async def test_a_conflict(self, running: Central, backend: Backend) -> None:
        """When the admission comes that is too many; again with the next, not with an exit."""
        await add(running, backend, Kind.CONFLICT)
        makers = [await gate(running, n) for n in range(3)]
        bodies = [maker.make(ticket="t0") for maker in makers]
        await bring(running, makers[0], bodies[0])
        await settle(running)
        assert backend.received == []
        await bring(running, makers[1], bodies[1])
        await settle(running)
        await bring(running, makers[0], makers[0].make(Act.EXIT, ticket="t0", persons=1))
        await settle(running)
        await bring(running, makers[2], bodies[2])
        await settle(running)
        first, second = backend.of(Kind.CONFLICT)
        assert (first.ticket, first.excess, len(first.admissions)) == ("t0", 1, 2)
        assert (second.excess, len(second.admissions)) == (2, 3)
        assert {one.device_name for one in second.admissions} == {"Gate 0", "Gate 1", "Gate 2"}

    async def test_a_void_and_who_goes_in_on_it(self, running: Central, backend: Backend) -> None:
        """The void at once; an admission after it as irregular, whichever of both comes first."""
        await add(running, backend, Kind.VOID, Kind.IRREGULAR)
        maker = await gate(running)
        ahead: dict[str, Any] = {
            "server_ahead_ms": int(time.time() * 1000) + 3_600_000,
            "server_error_ms": 1,
        }
        early = maker.make(ticket="t1", at_ms=0, **ahead)
        await bring(running, maker, early)
        await settle(running)
        assert backend.received == []
        for ticket in ("t0", "t1"):
            await void(running, ticket)
        await settle(running)
        assert backend.kinds() == ["void", "void", "irregular"]
        late = maker.make(ticket="t0", at_ms=0, **ahead)
        await bring(running, maker, late)
        await settle(running)
        await void(running, "t0")
        restated = {"changes": [{"id": "t0", "entrance": "West"}]}
        await running.admin("POST", "/events/show/tickets", json=restated)
        await settle(running)
        assert backend.kinds() == ["void", "void", "irregular", "irregular"]
        # Two tickets are two lines, and each goes by itself.
        voids = sorted(backend.of(Kind.VOID), key=lambda one: one.ticket)
        irregular = backend.of(Kind.IRREGULAR)
        assert [(one.ticket, one.status) for one in voids] == [("t0", "revoked"), ("t1", "revoked")]
        assert [(one.ticket, one.kind) for one in irregular] == [
            ("t1", "irregular"), ("t0", "irregular"),
        ]  # fmt: skip
        assert irregular[1].admission.entry == entry_codec.decode(late).name
        assert irregular[0].void.at == voids[1].at

    @pytest.mark.parametrize("void_first", [True, False])
    async def test_both_in_one_step_are_told_once(
        self, running: Central, backend: Backend, *, void_first: bool
    ) -> None:
        """An admission and its void that nobody had followed yet are one irregular admission."""
        await add(running, backend, Kind.IRREGULAR)
        maker = await gate(running)
        ahead: dict[str, Any] = {
            "server_ahead_ms": int(time.time() * 1000) + 3_600_000,
            "server_error_ms": 1,
        }
        if void_first:
            await void(running, "t0")
        await bring(running, maker, maker.make(ticket="t0", at_ms=0, **ahead))
        if not void_first:
            await void(running, "t0")
        await settle(running)
        await settle(running)
        assert backend.kinds() == ["irregular"]

    async def test_who_overruled_a_void_is_no_news(
        self, running: Central, backend: Backend
    ) -> None:
        """A supervisor has said why already."""
        await add(running, backend, Kind.IRREGULAR)
        maker = await gate(running)
        await void(running, "t0")
        await bring(running, maker, maker.make(ticket="t0", overruled=Reason.REVOKED))
        await settle(running)
        assert backend.received == []

    async def test_a_full_zone(self, running: Central, backend: Backend) -> None:
        """Once when it is full; again after it was emptier, and never for a zone without limit."""
        await add(running, backend, Kind.CAPACITY)
        settings = {"profiles": {"Door": {"zone": "Hall", "zone_capacity": 2},
                                 "Side": {"zone": "Hall", "zone_capacity": 3},
                                 "Yard": {"zone": "Yard"}}}  # fmt: skip
        patched = await running.admin("PATCH", "/events/show", json={"settings": settings})
        assert patched.status_code == 200, patched.text
        maker = await gate(running)

        async def move(ticket: str, act: Act = Act.ADMISSION, zone: str = "Hall") -> int:
            await bring(running, maker, maker.make(act, ticket=ticket, zone=zone, persons=1))
            for _again in range(2):
                await running.server.webhooks.look()
            await settle(running)
            return len(backend.received)

        assert await move("t0") == 0
        assert await move("t3", zone="Yard") == 0
        assert await move("t1") == 1
        assert await move("t2") == 1
        assert await move("t2", Act.EXIT) == 1
        assert await move("t1", Act.EXIT) == 1
        assert await move("t1") == 2
        first, _second = backend.of(Kind.CAPACITY)
        assert (first.zone, first.inside, first.capacity) == ("Hall", 2, 2)

    async def test_a_silent_gate_and_its_return(self, running: Central, backend: Backend) -> None:
        """Once each; of a lane that was closed meanwhile it says so; a closed one is not missed."""
        await add(running, backend, Kind.GATE_SILENT, Kind.GATE_BACK)
        open_, closed = await gate(running), await gate(running, 1)
        for maker in (open_, closed):
            await bring(running, maker, maker.make(Act.LANE_OPENED))
        await bring(running, closed, closed.make(Act.LANE_CLOSED))
        now_ms = int(time.time() * 1000)

        async def look(later_ms: int, heard: dict[str, int], since_ms: int = 0) -> None:
            await running.server.write(
                lambda connection: standing.look(
                    connection, "show", standing.Heard(heard, since_ms), now_ms + later_ms
                )
            )
            await settle(running, later_ms=later_ms)

        both = {open_.device: now_ms, closed.device: now_ms}
        await look(59_000, both)
        await look(70_000, both, since_ms=now_ms + 60_000)
        assert backend.received == [], "a server that has just begun has not listened for long"
        for later_ms in (61_000, 62_000):
            await look(later_ms, both)
        assert backend.kinds() == ["gate_silent"]
        # It is heard again, but not for long: a bad link is one silence.
        await look(63_000, {open_.device: now_ms + 62_500})
        await look(74_000, {open_.device: now_ms + 62_500})
        await look(85_000, {open_.device: now_ms + 84_500})
        await look(94_000, {open_.device: now_ms + 93_500})
        assert backend.kinds() == ["gate_silent"]
        await look(96_000, {open_.device: now_ms + 95_500})
        assert backend.kinds() == ["gate_silent", "gate_back"]
        silent, back = backend.of(Kind.GATE_SILENT) + backend.of(Kind.GATE_BACK)
        assert (silent.device_name, silent.heard_ms, silent.is_open) == ("Gate 0", now_ms, True)
        assert (back.heard_ms, back.is_open) == (now_ms + 95_500, True)
        await look(200_000, both)
        await bring(running, open_, open_.make(Act.LANE_CLOSED))
        await look(201_000, both)
        assert [one.is_open for one in backend.of(Kind.GATE_BACK)] == [True, False]

    async def test_a_revoked_device(self, running: Central, backend: Backend) -> None:
        """Once, also if it is disowned then; not one that was revoked before anybody listened."""
        before, after = await gate(running), await gate(running, 1)
        revoke = "/events/show/devices/{}/revoke"
        assert (await running.admin("POST", revoke.format(before.device))).status_code == 200
        await add(running, backend, Kind.DEVICE_REVOKED)
        assert (await running.admin("POST", revoke.format(after.device))).status_code == 200
        await settle(running)
        for maker in (before, after):
            disown = f"/events/show/devices/{maker.device}/disown"
            assert (await running.admin("POST", disown, json={})).status_code == 200
        await settle(running)
        assert [one.device_name for one in backend.of(Kind.DEVICE_REVOKED)] == ["Gate 1"]

    def test_every_kind_says_something(self) -> None:
        """Each has a type for its data, and all but a ping are to be chosen."""
        assert set(DATA) == set(Kind) == {*CHOSEN, Kind.PING}

    async def test_no_code_no_name_no_note(self, running: Central, backend: Backend) -> None:
        """Of a guest the ticket's id is told, of an operator nothing."""
        named = {"tickets": [{"code": "QUILLCODE", "type": "A", "id": "q", "holder": "Ann Quill"}]}
        await running.admin("POST", "/events/show/tickets", json=named)
        await add(running, backend)
        maker = await gate(running)
        await void(running, "q")
        one, two = (maker.make(ticket="q", operator="Kim", note="for Ann Quill") for _n in "12")
        await bring(running, maker, one, two)
        await settle(running)
        assert set(backend.kinds()) == {"void", "admission", "irregular", "conflict"}
        said = msgspec.json.encode(backend.received).decode()
        for secret in ("Quill", "QUILLCODE", "Kim", "refunded to"):
            assert secret not in said


class TestTelling:
    """How it is told."""

    async def test_only_what_was_chosen_and_from_then_on(
        self, running: Central, backend: Backend
    ) -> None:
        """Nothing of before, of other kinds, or of other events."""
        other = {"id": "other", "time_zone": "UTC"}
        assert (await running.admin("POST", "/events", json=other)).status_code == 201
        maker, elsewhere = await gate(running), Maker("f" * 16, "aa")
        await running.enrol(elsewhere, event="other")
        await bring(running, maker, maker.make(ticket="t0"))
        await void(running, "t3")
        await add(running, backend, Kind.EXIT)
        await bring(running, maker, maker.make(ticket="t1"))
        await bring(running, elsewhere, elsewhere.make(Act.EXIT, ticket="x", persons=1))
        await bring(running, maker, maker.make(Act.EXIT, ticket="t1", persons=1))
        await settle(running)
        assert [(one.type, one.data["ticket"]) for one in backend.received] == [("exit", "t1")]

    async def test_order_tries_and_giving_up(self, running: Central, backend: Backend) -> None:
        """A ticket's next message waits for the one before; others go on; then it is given up."""
        await add(running, backend)
        maker = await gate(running)
        first = maker.make(ticket="t0")
        out = maker.make(Act.EXIT, ticket="t0", persons=1)
        await bring(running, maker, first, out, maker.make(ticket="t1"))
        backend.deaf_to = f'"entry":"{entry_codec.decode(first).name}"'
        await settle(running)
        assert [one.data["ticket"] for one in backend.received] == ["t1"]
        state = await line(running)
        assert (state["waiting"], state["error"]) == (2, "answered 500")
        assert state["failed_ms"] > 0 < state["delivered_ms"]
        for tries in range(2, len(AGAIN_MS) + 1):
            await settle(running, later_ms=AGAIN_MS[tries - 2] - 2_000)
            assert backend.asked == tries, "too early"
            await settle(running, later_ms=4_000)
            assert backend.asked == tries + 1
        await settle(running, later_ms=AGAIN_MS[-1] + 2_000)
        assert [one.type for one in backend.received] == ["admission", "exit"]
        state = await line(running)
        assert (state.get("waiting", 0), state["failed"]) == (0, 1)

    async def test_several_servers_and_a_restart_tell_once(
        self, tmp_path: Path, backend: Backend
    ) -> None:
        """Whoever follows and however often it is begun anew: each entry is one message."""
        async with venue(tmp_path / "s", backend) as running:
            await add(running, backend, Kind.ADMISSION)
            maker = await gate(running)
            bodies = [maker.make(ticket=f"x{n}") for n in range(consumer.PAGE + 30)]
            await bring(running, maker, *bodies)
            follow = running.server.webhooks.follow
            await asyncio.gather(follow(), follow(), follow())
            await settle(running)
        assert len(backend.received) == len({one.id for one in backend.received}) == len(bodies)
        assert {one.data["ticket"] for one in backend.received} == {
            f"x{n}" for n in range(len(bodies))
        }

    @pytest.mark.long
    async def test_the_mutation_that_forgets_how_far_it_was(
        self, running: Central, backend: Backend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Were the position not kept with the messages, all would come again: the test sees it."""
        await add(running, backend, Kind.ADMISSION)
        maker = await gate(running)
        await bring(running, maker, maker.make(ticket="t0"))
        await settle(running)
        with running.engine.begin() as connection:
            connection.execute(update(t.webhook_followed).values(entries=0))
        await settle(running)
        assert len(backend.received) == 2
        assert len({one.id for one in backend.received}) == 1, "whoever keeps ids takes it once"

    async def test_what_nobody_takes_has_an_end(
        self, running: Central, backend: Backend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Beyond so many messages that wait, the rest is counted and not kept."""
        monkeypatch.setattr(registered, "MOST_WAITING", 2)
        await add(running, backend)
        maker = await gate(running)
        await bring(running, maker, *(maker.make(ticket=f"t{n}") for n in range(4)))
        await running.server.webhooks.follow()
        state = await line(running)
        assert (state["waiting"], state["missed"]) == (2, 2)

    async def test_what_is_ended_is_told_nothing(self, running: Central, backend: Backend) -> None:
        """Not even what waited; and nothing is followed for nobody."""
        id_ = await add(running, backend)
        maker = await gate(running)
        await bring(running, maker, maker.make(ticket="t0"))
        await running.server.webhooks.follow()
        path = f"/events/show/webhooks/{id_}"
        assert (await running.admin("DELETE", path)).json()["id"] == id_
        await settle(running)
        assert (backend.asked, running.count(t.outbox)) == (0, 0)
        assert running.count(t.webhook_followed) == running.count(t.webhook_standing) == 0
        assert (await running.admin("DELETE", path)).status_code == 404


class TestRoutes:
    """What the organiser asks."""

    async def test_a_ping(self, running: Central, backend: Backend) -> None:
        """It is sent at once, and the answer says what came of it."""
        id_ = await add(running, backend, Kind.EXIT)
        path = f"/events/show/webhooks/{id_}/ping"
        answer = (await running.admin("POST", path)).json()
        assert (answer["delivered"], backend.kinds()) == (True, ["ping"])
        backend.status = 410
        answer = (await running.admin("POST", path)).json()
        assert (answer["delivered"], answer["error"]) == (False, "answered 410")
        assert (await line(running))["error"] == "answered 410"
        other = {"id": "other", "time_zone": "UTC"}
        await running.admin("POST", "/events", json=other)
        elsewhere = await running.admin("POST", f"/events/other/webhooks/{id_}/ping")
        assert (elsewhere.status_code, elsewhere.json()["error"]) == (404, "no_webhook")

    @pytest.mark.examples(2)
    @pytest.mark.parametrize(
        "url", ["http://backend.test/", "ftp://x", "nonsense", "http://[", "https://", "x" * 2000]
    )
    async def test_where_it_may_be(self, running: Central, url: str) -> None:
        """By https on the internet, unless the server was told of the host."""
        answer = await running.admin("POST", "/events/show/webhooks", json={"url": url})
        assert answer.status_code == 422

    async def test_what_is_not_on_the_internet_is_not_called(self, tmp_path: Path) -> None:
        """The guard stands before every try, a ping too; named hosts may be anywhere."""
        async with central(tmp_path / "s", runs_jobs=False, callback_to=("Named.test",)) as running:
            for url, status in (("https://127.0.0.1/", 201), ("http://named.test/", 201)):
                asked = {"url": url}
                made = await running.admin("POST", "/events/show/webhooks", json=asked)
                assert made.status_code == status, made.text
            id_ = (await running.admin("GET", "/events/show/webhooks")).json()[0]["id"]
            answer = await running.admin("POST", f"/events/show/webhooks/{id_}/ping")
            assert not answer.json()["delivered"]
            assert "--callback-to" in answer.json()["error"]

    async def test_so_many_and_no_more(
        self, running: Central, backend: Backend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An event has a bounded number of them; kinds are those that there are."""
        monkeypatch.setattr(registered, "MOST", 1)
        for kinds in (["nonsense"], ["ping"]):
            asked = {"url": URL, "kinds": kinds}
            answer = await running.admin("POST", "/events/show/webhooks", json=asked)
            assert answer.status_code == 422
        await add(running, backend)
        answer = await running.admin("POST", "/events/show/webhooks", json={"url": URL})
        assert (answer.status_code, answer.json()["error"]) == (409, "too_many")

    async def test_the_audit_log_has_no_address(self, running: Central, backend: Backend) -> None:
        """Who made and ended it is written down; where it is may hold a secret."""
        id_ = await add(running, backend)
        await running.admin("DELETE", f"/events/show/webhooks/{id_}")
        with reading(running.engine) as connection:
            bodies = "\n".join(connection.execute(select(t.audit.c.body)).scalars())
        assert "webhook made" in bodies
        assert "webhook ended" in bodies
        assert "backend.test" not in bodies


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of its own specification."""
    secret = "whsec_plJ3nmyCDGBKInavdOK15jsl"
    body = b'{"event_type":"ping","data":{"success":true}}'
    good = signature(secret, "msg_loFOjxBNrRLzqYUf", "1731705121", body)
    assert good == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="
    assert signature(secret, "msg_loFOjxBNrRLzqYUf", "1731705122", body) != good

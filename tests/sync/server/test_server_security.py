"""What strangers, thieves and broken devices can do to the server: get an answer with a reason."""

import asyncio
import gzip
import logging
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Route, WebSocketRoute

from gate.core import entry_codec
from gate.core.entry import Act
from gate.core.intake import read_bodies
from gate.core.limits import MAX_ENTRIES
from gate.core.signed_tip import SignedTip
from sync.cardapi.routes import CALLS
from sync.server import events, intake, list_upload
from sync.server import tables as t
from sync.server.database import open_database
from sync.server.devices import hash_of
from sync.server.intake import Push
from sync.wire import MAX_FRAME
from tests.support.central import (
    ADMIN,
    TABLES,
    Central,
    Closed,
    Maker,
    Socket,
    ask,
    central,
    create_central,
    open_central,
)

OTHER = "1" * 16
ORGANISER = ("/v1/events", "/v1/accounts", "/v1/cards", "/v1/organisers", "/v1/audit")
CARD_API = ("/card/", "/cgi-bin/", "/datacube/", "/membercard/", "/v1/addcard")
OPEN = {"/healthz", "/readyz", "/metrics", "/v1/openapi.json", "/v1/enrol"}
"""The routes that want no credential; /v1/enrol wants a token."""


def route_list() -> list[tuple[str, str]]:
    """Every route of the real application, as method and path."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_central("sqlite://")
        app = create_central(engine, Path(folder))
        engine.dispose()
    found = []
    # The card API has access tokens and errcodes of its own: tests/test_wechat_security.py.
    card_api = {call.path for call in CALLS}
    for route in app.routes:
        assert isinstance(route, Route | WebSocketRoute)
        if route.path in card_api or route.path.startswith(CARD_API):
            continue
        # Pages have sessions and forms of their own: tests/sync/server/web/test_pages.py.
        if route.path == "/" or route.path.startswith("/web"):
            continue
        if isinstance(route, WebSocketRoute):
            found.append(("WEBSOCKET", route.path))
        else:
            found += [(m, route.path) for m in sorted(route.methods or ()) if m != "HEAD"]
    return found


ROUTES = route_list()
CLOSED = [route for route in ROUTES if route[1] not in OPEN]
WRONG = ["", "Bearer", "Bearer ", "Bearer wrong", "Basic dXNlcg==", "Bearer " + "x" * 500,
         f"bearer {hash_of(ADMIN)}"]  # fmt: skip
POSTS = [path for method, path in ROUTES if method == "POST"]


def filled(path: str) -> str:
    """The path with something in its places."""
    known = {"event": "show", "device": "0" * 16, "ticket": "t", "name": "tickets-aa-1.db",
             "appid": "wx00", "card": "p00", "token": "aa00", "organiser": "aa00",
             "undo": "aa00.bb:1", "webhook": "aa00",
             "key": "00000000"}  # fmt: skip
    return re.sub(r"\{(\w+)\}", lambda match: known[match[1]], path)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    """A server with one event, patient with addresses."""
    async with central(tmp_path / "server", address_per_s=1000, address_burst=1000) as running:
        yield running


@pytest.fixture
async def maker(running: Central) -> Maker:
    """An enrolled device."""
    maker = Maker()
    await running.enrol(maker)
    return maker


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Central]:
    """A server for all who change nothing there."""
    path = tmp_path_factory.mktemp("shared") / "server"
    async with central(path, address_per_s=1e6, address_burst=1e6) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def known(shared: Central) -> Maker:
    """A device that is enrolled there."""
    maker = Maker("2" * 16)
    await shared.enrol(maker)
    return maker


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gone(shared: Central) -> Maker:
    """A device that is revoked there."""
    maker = Maker("3" * 16)
    await shared.enrol(maker)
    await shared.admin("POST", f"/events/show/devices/{maker.device}/revoke")
    return maker


def stored(running: Central) -> dict[str, int]:
    """How many entries, tokens and changes a server holds."""
    return {table.name: running.count(table) for table in (t.entry, t.token, t.change)}


async def status_of(
    running: Central, method: str, path: str, headers: dict[str, str]
) -> tuple[int, str]:
    """How a route answers, by HTTP or as a WebSocket: status and error."""
    if method == "WEBSOCKET":
        socket = Socket(running.app, headers)
        try:
            await socket.opened()
        except Closed as closed:
            return closed.code, msgspec.json.decode(closed.reason)["error"]
        finally:
            await socket.close()
        return 101, ""
    answer = await running.http.request(method, filled(path), headers=headers, content=b"{}")
    return answer.status_code, answer.json().get("error", "") if answer.is_error else ""


class TestCredentials:
    """Every route wants the right one."""

    @pytest.mark.examples(18)
    @pytest.mark.asyncio(loop_scope="module")
    @pytest.mark.parametrize(("method", "path"), CLOSED)
    async def test_none_or_wrong(self, shared: Central, method: str, path: str) -> None:
        """Without a credential, or with one that is nobody's, nothing is told and nothing done."""
        before = stored(shared)
        for stated in WRONG:
            headers = {"Authorization": stated} if stated else {}
            assert await status_of(shared, method, path, headers) == (401, "unauthorised")
        assert stored(shared) == before

    @pytest.mark.asyncio(loop_scope="module")
    @pytest.mark.parametrize(("method", "path"), CLOSED)
    async def test_revoked(self, shared: Central, gone: Maker, method: str, path: str) -> None:
        """A revoked device gets nowhere, and on its own routes it hears why."""
        status, error = await status_of(shared, method, path, shared.bearer(gone))
        is_ours = not path.startswith(ORGANISER)
        assert (status, error) == (401, "revoked" if is_ours else "unauthorised")

    @pytest.mark.asyncio(loop_scope="module")
    @pytest.mark.parametrize(("method", "path"), CLOSED)
    async def test_each_to_its_own(
        self, shared: Central, known: Maker, method: str, path: str
    ) -> None:
        """A device's credential opens no organiser's route, nor the organiser's a device's."""
        is_ours = not path.startswith(ORGANISER)
        wrong = {"Authorization": f"Bearer {ADMIN}"} if is_ours else shared.bearer(known)
        assert (await status_of(shared, method, path, wrong))[0] == 401

    def test_no_route_is_forgotten(self) -> None:
        """The open routes are these four; a new route is closed or this test is told."""
        assert {path for _method, path in ROUTES} - {path for _m, path in CLOSED} == OPEN

    async def test_no_token_opens_a_server_without_one(self, tmp_path: Path) -> None:
        """A server that was given no admin token has no organiser."""
        engine = open_central("sqlite://")
        app = create_central(engine, tmp_path, admin_hash="")
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://gate") as http:
                for headers in ({}, {"Authorization": "Bearer "}):
                    assert (await http.get("/v1/events", headers=headers)).status_code == 401
        engine.dispose()

    async def test_guessing_is_slowed_down(self, tmp_path: Path) -> None:
        """An address that fails too often waits; a good credential from there still works."""
        async with central(tmp_path / "server", address_per_s=0.01, address_burst=5) as running:
            await running.enrol(maker := Maker())
            wrong = {"Authorization": "Bearer wrong"}
            answers = [await running.http.get("/v1/changes", headers=wrong) for _n in range(6)]
            assert [a.status_code for a in answers] == [401] * 4 + [429] * 2
            assert int(answers[-1].headers["retry-after"]) > 0
            assert (await running.http.post("/v1/enrol", content=b"{}")).status_code == 429
            await running.exchange(maker, ask())

    async def test_a_device_that_asks_too_often_waits(self, tmp_path: Path) -> None:
        """Beyond its burst a device gets 429 with the time to wait; another is not touched."""
        async with central(tmp_path / "server", device_per_s=0.01, device_burst=3) as running:
            await running.enrol(maker := Maker())
            await running.enrol(other := Maker(OTHER))
            answers = [await running.get(maker, "/snapshot") for _n in range(5)]
            assert [a.status_code for a in answers] == [200] * 3 + [429] * 2
            assert answers[-1].json()["error"] == "too_often"
            await running.exchange(other, ask())


class TestForgery:
    """Whose word an entry is."""

    @pytest.fixture
    async def thief(self, running: Central) -> Maker:
        """A second enrolled device, up to no good."""
        thief = Maker(OTHER, "bb")
        await running.enrol(thief)
        return thief

    async def test_others_entries_need_their_word(
        self, running: Central, maker: Maker, thief: Maker
    ) -> None:
        """What one device brings of another's is stored only up to a head the other signed."""
        bodies = maker.run(3)
        good = maker.head()
        late = maker.run(1)
        await running.exchange(thief, ask(bodies))
        assert running.entries() == 0
        for bad in self._forged(maker, thief, good):
            await running.exchange(thief, ask(bodies, [bad]))
            assert running.entries() == running.count(t.signed_tip) == 0
        told = await running.exchange(thief, ask([*bodies, *late], [good]))
        assert told.frame.have == {maker.origin: [f"3:{good.hash[:32]}"]}
        assert (running.entries(), running.count(t.signed_tip)) == (3, 1)

    @pytest.mark.long
    def test_the_word_is_what_counts(self, maker_alone: Maker) -> None:
        """The mutation: with every head believed, a forged run would get in."""
        bodies = maker_alone.run(2)
        forged = SignedTip(maker_alone.origin, 2, maker_alone.prev, "00" * 64)
        push = Push(OTHER, read_bodies(bodies)[0], {(forged.origin, forged.seq, forged.hash)})
        engine = open_database("sqlite://")
        with engine.begin() as connection:
            events.create_event(connection, "show", "", "UTC", 0)
            assert intake.accept(connection, "show", [push]).tips
        engine.dispose()

    @pytest.fixture
    def maker_alone(self) -> Maker:
        """A device without a server."""
        return Maker()

    def _forged(self, maker: Maker, thief: Maker, good: SignedTip) -> list[SignedTip]:
        signed_by_thief = Maker(maker.device)
        signed_by_thief.key = thief.key
        signed_by_thief.seq, signed_by_thief.prev = good.seq, good.hash
        replace = msgspec.structs.replace
        return [
            signed_by_thief.head(),
            replace(good, signature="00" * 64),
            replace(good, signature=""),
            replace(good, seq=2),
            replace(good, hash="ab" * 32),
            replace(good, origin=thief.origin),
        ]

    async def test_an_altered_entry_breaks_its_chain(
        self, running: Central, maker: Maker, thief: Maker
    ) -> None:
        """With one byte changed on the way, the run has another hash and is not the one vouched."""
        bodies = maker.run(3)
        bodies[1] = bodies[1].replace(b'"North"', b'"South"')
        await running.exchange(thief, ask(bodies, [maker.head()]))
        assert running.entries() == 0

    async def test_the_server_has_no_impostor(self, running: Central, maker: Maker) -> None:
        """Nobody can bring entries in the server's own name."""
        forged = Maker("central")
        resolution = forged.make(Act.RESOLUTION, ticket="t")
        await running.exchange(maker, ask([resolution], [forged.head()]))
        assert running.entries() == 0

    async def test_another_events_key_is_no_word(self, running: Central, maker: Maker) -> None:
        """A device of another event has no say in this one."""
        await running.admin("POST", "/events", json={"id": "second", "time_zone": "UTC"})
        foreign = Maker(OTHER, "bb")
        await running.enrol(foreign, event="second")
        await running.exchange(maker, ask(foreign.run(2), [foreign.head()]))
        assert running.entries() == 0

    async def test_a_replay_changes_nothing(self, running: Central, maker: Maker) -> None:
        """An old batch recorded and played again leaves everything as it is."""
        body = ask(maker.run(2), [maker.head()])
        first = await running.exchange(maker, body)
        await running.exchange(maker, ask(maker.run(2)))
        newest = (await running.exchange(maker, body)).frame.have
        assert newest == {maker.origin: [f"4:{maker.prev[:32]}"]}
        assert first.frame.have != newest
        assert running.entries() == 4


class TestBodies:
    """Too long, too slow, packed, malformed."""

    async def test_too_long_by_its_own_word(self, running: Central, maker: Maker) -> None:
        """A stated length beyond the limit is refused before a byte is read."""
        read: list[int] = []

        async def parts() -> AsyncIterator[bytes]:
            read.append(1)
            yield b"{}"

        headers = running.bearer(maker) | {"Content-Length": str(MAX_FRAME + 1)}
        answer = await running.http.post("/v1/exchange", content=parts(), headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
        assert not read

    @pytest.mark.parametrize("stated", ["2", "999999999999999999999", "-1", "x", ""])
    async def test_too_long_in_truth(self, running: Central, maker: Maker, stated: str) -> None:
        """Whatever length was stated, no more than the limit is read."""
        read = 0

        async def parts() -> AsyncIterator[bytes]:
            nonlocal read
            while read < 4 * MAX_FRAME:
                read += 1024 * 1024
                yield b" " * (1024 * 1024)

        headers = running.bearer(maker) | ({"Content-Length": stated} if stated else {})
        answer = await running.http.post("/v1/exchange", content=parts(), headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
        assert answer.headers["connection"] == "close"
        assert read <= MAX_FRAME + 2 * 1024 * 1024

    @pytest.mark.examples(6)
    @pytest.mark.parametrize("path", POSTS)
    async def test_every_post_has_its_limit(
        self, running: Central, maker: Maker, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        """No route takes a body without end."""
        monkeypatch.setattr(list_upload, "MAX_BYTES", 32 * 1024 * 1024)
        body = b" " * (33 * 1024 * 1024)
        headers = running.bearer(maker)
        if path.startswith(ORGANISER):
            headers = {"Authorization": f"Bearer {ADMIN}"}
        answer = await running.http.post(filled(path), content=body, headers=headers)
        takes_none = path.endswith(("/retire", "/unretire", "/revoke"))
        finds_none = path.endswith("/withdraw")
        assert answer.status_code == (200 if takes_none else 404 if finds_none else 413)

    async def test_slow(self, tmp_path: Path) -> None:
        """A body that does not come is waited for only so long."""
        async with central(tmp_path / "server", body_s=0.05) as running:
            await running.enrol(maker := Maker())
            never = asyncio.Event()

            async def parts() -> AsyncIterator[bytes]:
                yield b"{"
                await never.wait()

            answer = await asyncio.wait_for(
                running.http.post("/v1/exchange", content=parts(), headers=running.bearer(maker)),
                30,
            )
            assert (answer.status_code, answer.json()["error"]) == (408, "slow")

    @pytest.mark.examples(3)
    @pytest.mark.parametrize("coding", ["gzip", "zstd", "br", "deflate", "GZIP", "gzip, gzip"])
    async def test_packed(self, running: Central, maker: Maker, coding: str) -> None:
        """A packed body is refused and never unpacked."""
        bomb = gzip.compress(b" " * (MAX_FRAME * 4))
        headers = running.bearer(maker) | {"Content-Encoding": coding}
        answer = await running.http.post("/v1/exchange", content=bomb, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (415, "encoded")

    async def test_too_many_entries(self, running: Central, maker: Maker) -> None:
        """More entries than a frame may have are refused whole."""
        answer = await running.http.post(
            "/v1/exchange", content=ask(maker.run(MAX_ENTRIES + 1)), headers=running.bearer(maker)
        )
        assert (answer.status_code, answer.json()["error"]) == (422, "invalid")
        assert running.entries() == 0

    async def test_too_deep(self, running: Central, maker: Maker) -> None:
        """Nesting without end is refused, not followed."""
        for body in (b"[" * 100_000, b'{"frame":{"entries":[' + b"[" * 50_000):
            answer = await running.http.post(
                "/v1/exchange", content=body, headers=running.bearer(maker)
            )
            assert answer.status_code in (400, 422)
            assert answer.json()["reason"]

    async def test_a_flood_of_nonsense_is_kept_in_part(
        self, running: Central, maker: Maker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of what is refused, so much is kept for people to see, and no more."""
        monkeypatch.setattr("sync.server.push_batches.QUARANTINE_ROWS", 20)
        for round_ in range(5):
            bodies = [f"[{round_},{n}]".encode() for n in range(15)]
            assert len((await running.exchange(maker, ask(bodies))).frame.rejected) == 15
        assert 20 <= running.count(t.quarantine) < 40

    @pytest.mark.examples(3)
    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/v1/nothing"), ("PUT", "/v1/exchange"), ("GET", "/v1/exchange"),
         ("POST", "/metrics"), ("GET", "/v1/stream"), ("GET", "/nothing"), ("GET", "/v1/exchange/"),
         ("DELETE", "/v1/events/show")],
    )  # fmt: skip
    async def test_what_is_not_there(self, running: Central, method: str, path: str) -> None:
        """A wrong path or method is told as such, as a problem like every other."""
        answer = await running.http.request(method, path)
        assert answer.status_code in (404, 405)
        assert set(answer.json()) == {"error", "reason"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_KEYS = st.sampled_from(
    ["frame", "report", "have", "whole", "entries", "signed_tips", "id", "name",
     "time_zone", "token",
     "device", "key", "types", "tickets", "changes", "voids", "note", "who", "lifetime_s", "code",
     "type", "kind", "seats", "weekly", "begin", "begin_time", "holder"]
)  # fmt: skip
_NEAR = st.recursive(
    _JSON | st.sampled_from(["S", "MEETING_TICKET", "show", "UTC", "\x00", "\ud7ff", 2**70]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
_BODIES = st.binary(max_size=200) | _NEAR.map(msgspec.json.encode) | _JSON.map(msgspec.json.encode)
_NUMBERS = st.integers() | st.sampled_from([2**31, 2**53, 2**63 - 1, 2**63, 2**64, -1, 0])
_TEXTS = st.text(max_size=20) | st.sampled_from(["\x00", "\x1b[2J", "x" * 5000, "admission"])


def _entry_like(said: dict[str, Any]) -> bytes:
    base = {"origin": f"{'0' * 16}.aa", "seq": 1, "prev": "", "act": "admission", "at_ms": 1,
            "boot_ms": 1, "hlc": 1}  # fmt: skip
    return msgspec.json.encode(base | said)


_ENTRIES = st.dictionaries(
    st.sampled_from(["seq", "at_ms", "boot_ms", "hlc", "persons", "uses", "count", "ordinal"]),
    _NUMBERS, max_size=3,
).flatmap(
    lambda numbers: st.dictionaries(
        st.sampled_from(["origin", "prev", "gate", "zone", "ticket", "ticket_type", "operator",
                         "target", "follows", "note", "act", "basis", "outcome"]),
        _TEXTS, max_size=3,
    ).map(lambda texts: _entry_like(numbers | texts))
)  # fmt: skip


class TestNonsense:
    """Any bytes to any route: an answer with a reason, and nothing stored."""

    @pytest.mark.examples(8)
    @pytest.mark.system
    @pytest.mark.parametrize(
        "path",
        [pytest.param(p, marks=[pytest.mark.long] if n % 5 else []) for n, p in enumerate(POSTS)],
    )
    def test_any_bytes(self, tmp_path: Path, path: str) -> None:
        """Whatever bytes come, the answer is 4xx with a reason, or the body was a good one."""
        with asyncio.Runner() as runner:
            held = central(tmp_path / "server", address_burst=1e9, device_burst=1e9)
            running = runner.run(held.__aenter__())
            maker = Maker()
            runner.run(running.enrol(maker))
            is_ours = not path.startswith(ORGANISER)
            headers = running.bearer(maker) if is_ours else {"Authorization": f"Bearer {ADMIN}"}
            stored = [table for table in TABLES if table not in _LATER]
            before = {table.name: running.count(table) for table in stored}

            @given(_BODIES)
            def post(body: bytes) -> None:
                answer = runner.run(running.http.post(filled(path), content=body, headers=headers))
                if answer.is_success:
                    return
                assert 400 <= answer.status_code < 500, (answer.status_code, body)
                assert set(answer.json()) == {"error", "reason"}
                assert answer.json()["reason"]

            post()
            after = {table.name: running.count(table) for table in stored}
            # Whatever came with it, a device is retired once, and the gates are told of it.
            is_new = path.endswith(("/retire", "/revoke"))
            told = {name: before[name] + is_new for name in ("change", "audit")}
            if not path.endswith(("/events", "/tokens", "/tickets", "/organisers", "/keys")):
                assert before | told == after
            runner.run(held.__aexit__(None, None, None))

    def test_any_entry(self, tmp_path: Path) -> None:
        """Whatever an entry says, it is held or refused, and the server goes on."""
        with asyncio.Runner() as runner:
            held = central(tmp_path / "server", device_burst=1e9)
            running = runner.run(held.__aenter__())
            maker = Maker()
            runner.run(running.enrol(maker))

            @given(st.lists(_ENTRIES, min_size=1, max_size=4))
            def push(bodies: list[bytes]) -> None:
                answer = runner.run(running.exchange(maker, ask(bodies)))
                told = {one.hash for one in answer.frame.rejected}
                assert told <= {entry_codec.digest(body).hex() for body in bodies}

            push()
            for path in ("counts", "conflicts", "alarms"):
                answer = runner.run(running.admin("GET", f"/events/show/{path}"))
                assert answer.status_code == 200, answer.text
            assert runner.run(running.exchange(maker, ask(whole=True))).lanes
            runner.run(held.__aexit__(None, None, None))

    async def test_any_header(self, running: Central, maker: Maker) -> None:
        """Odd query strings and path parts are refused with a reason."""
        for query in ("limit=0", "limit=x", "limit=99999999999999999999", "limit=%00", "limit=²"):
            answer = await running.get(maker, f"/changes?cursor=&{query}")
            assert (answer.status_code, answer.json()["error"]) == (422, "invalid")
        for part in ("%00", "a%0ab", "x" * 3000, "%2e%2e", "%ff", "🎫"):
            for path in (f"/events/{part}/devices", f"/events/{part}/conflicts",
                         f"/events/show/devices/{part}/revoke"):  # fmt: skip
                method = "POST" if path.endswith("revoke") else "GET"
                answer = await running.admin(method, path)
                assert answer.status_code in (404, 422), (path, answer.text)
                assert answer.json()["reason"]


_LATER = {t.device, t.quarantine}
"""Written by the keeper of the roster, and with entries that were none."""


class TestSecrets:
    """What must not be written down."""

    async def test_nothing_secret_in_logs(
        self, running: Central, maker: Maker, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Tokens, credentials, codes and names appear in no log line, even of failures."""
        caplog.set_level(logging.DEBUG)
        token = await running.token("Annabelle")
        asked = {"token": token, "device": OTHER, "key": "ab" * 32}
        credential = (await running.http.post("/v1/enrol", json=asked)).json()["credential"]
        named = {"code": "SECRETCODE", "type": "S", "holder": "Annabelle"}
        rows = {"types": [{"id": "S", "kind": "MEETING_TICKET"}], "tickets": [named]}
        await running.admin("POST", "/events/show/tickets", json=rows)
        await running.admin("POST", "/events/show/tickets", json=rows | {"changes": [{"id": "?"}]})
        await running.exchange(maker, ask(maker.run(2)))
        headers = {"Authorization": f"Bearer {credential}"}
        await running.http.post("/v1/exchange", content=b"{", headers=headers)
        for secret in (token, credential, ADMIN, "SECRETCODE", "Annabelle"):
            assert secret not in caplog.text

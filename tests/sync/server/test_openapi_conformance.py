"""A running server, asked by its own document: what it answers is what the document says.

Nothing is a fault of the server's, every answer has the type that is said of it, and every route
wants the credential that it names. ``GATE_TEST_REQUESTS`` are asked of each route.
"""

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks
from starlette.responses import JSONResponse

from gate.core.entry import Act
from sync.server import serve
from sync.server.organisers import Right
from sync.transport import listening
from sync.transport.connections import Connections
from tests.conftest import needs
from tests.support import postgres
from tests.support.central import ADMIN, Maker, ask, create_central, open_central

REQUESTS = int(os.environ.get("GATE_TEST_REQUESTS", "1"))
SEED = int(os.environ.get("GATE_TEST_SEED", "1"))
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS")
STREAM = "/v1/stream"
"""A WebSocket: what is asked without one is not there."""
POSTGRES = [pytest.mark.postgres, pytest.mark.long]
pytestmark = pytest.mark.system


@dataclass(slots=True)
class Asked:
    """A server on a port, its document, and who may ask."""

    url: str
    http: httpx.Client
    session: requests.Session = field(default_factory=requests.Session)
    """What schemathesis asks with."""
    tokens: dict[str, str] = field(default_factory=dict)
    """By right; ``device`` is a device's credential, ``other`` a token for another event."""
    known: dict[str, str] = field(default_factory=dict)
    """Names of paths that are there."""

    @property
    def schema(self) -> Any:
        answer = self.http.get("/v1/openapi.json")
        made = schemathesis.openapi.from_dict(answer.json() | {"servers": [{"url": self.url}]})
        # It would make credentials up, too.
        made.config.generation.with_security_parameters = False
        return made

    def operations(self) -> list[Any]:
        found = [one.ok() for one in self.schema.get_all_operations()]
        return [one for one in found if one.path != STREAM]

    def opener(self, operation: Any) -> str:
        """Which token opens it; empty: it is open to anybody."""
        raw = operation.definition.raw
        schemes = [name for one in raw["security"] for name in one]
        return str(raw.get("x-right", "".join(schemes)))

    def bearer(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The application on a port of this machine, as ``gate serve`` has it there."""
    listener = listening.bind("127.0.0.1", 0)
    config = serve._config(app, (), None, None)
    server = listening.Server(config, listener, Connections(1000, 1000, lambda _address: False))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    with listener:
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


def filled(url: str) -> Asked:
    """An event with tickets, a device that let in, and a token of each right."""
    http = httpx.Client(base_url=url, trust_env=False, timeout=30)
    root = {"Authorization": f"Bearer {ADMIN}"}

    def post(path: str, body: Any) -> Any:
        answer = http.post(f"/v1{path}", json=body, headers=root)
        assert answer.is_success, answer.text
        return answer.json()

    for id_ in ("show", "other"):
        post("/events", {"id": id_, "time_zone": "Asia/Shanghai"})
    tickets = [{"code": f"CODE{n}", "type": "A", "id": f"t{n}"} for n in range(3)]
    post("/events/show/tickets", {"types": [{"id": "A", "kind": "meeting"}], "tickets": tickets})
    tokens = {}
    for name, rights, event in (
        *((right.value, [right], "show") for right in Right), ("other", list(Right), "other"),
    ):  # fmt: skip
        asked = {"name": name, "rights": rights, "event": event}
        tokens[name] = post("/organisers", asked)["token"]
    # The first of them is retired, revoked, disowned; the other goes on asking.
    spare, maker = Maker("1" * 16), Maker()
    for one in (spare, maker):
        invited = post("/events/show/tokens", {"name": "North"})["token"]
        enrol = {"token": invited, "device": one.device, "key": one.public}
        tokens["device"] = post("/enrol", enrol)["credential"]
    bodies = [maker.make(ticket="t0"), maker.make(ticket="t0", operator="Kim")]
    bodies += [maker.make(Act.EXIT, ticket="t0", persons=1), maker.make(Act.LANE_OPENED)]
    bearer = {"Authorization": f"Bearer {tokens['device']}"}
    brought = http.post("/v1/exchange", content=ask(bodies, [maker.head()]), headers=bearer)
    assert brought.is_success, brought.text
    post("/events/show/tickets", {"voids": [{"id": "t0"}]})
    webhook = post("/events/show/webhooks", {"url": "https://192.0.2.1/"})["id"]
    key = post("/events/show/keys", {})["id"]
    known = {"event": "show", "key": key, "device": spare.device, "ticket": "t0",
             "webhook": webhook,
             "name": "tickets-aa-1.db", "token": "aa00", "organiser": "aa00",
             "undo": f"{maker.origin}:1"}  # fmt: skip
    return Asked(url, http, tokens=tokens, known=known)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("pg", marks=POSTGRES)])
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server on each kind of database, patient with whoever asks often."""
    folder: Path = tmp_path_factory.mktemp("server")
    if request.param == "pg":
        needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    made = postgres.postgres() if request.param == "pg" else nullcontext("")
    often: dict[str, Any] = {
        "address_per_s": 1e6,
        "address_burst": 1e6,
        "device_per_s": 1e6,
        "device_burst": 1e6,
    }
    with made as url:
        engine = open_central(url or f"sqlite:///{folder / 'central.db'}")
        app = create_central(engine, folder, runs_jobs=False, **often)
        with served(app) as at:
            asked = filled(at)
            with closing(asked.http), closing(asked.session):
                yield asked
        engine.dispose()


def send(asked: Asked, case: Any, headers: Mapping[str, str]) -> Any:
    return case.call(base_url=asked.url, session=asked.session, headers=dict(headers))


def play(asked: Asked, operation: Any, mode: GenerationMode) -> int:
    """Ask a route what its document allows, or does not; the answer is how often it was done."""
    headers, done = asked.bearer(asked.opener(operation)), 0
    names = {name: asked.known[name] for name in asked.known if f"{{{name}}}" in operation.path}

    @seed(SEED)
    @settings(
        max_examples=REQUESTS, phases=[Phase.generate], deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode), keeps=st.sampled_from([0, 1, 1]))
    def ask_it(case: Any, keeps: int) -> None:
        nonlocal done
        if keeps and names:
            case.path_parameters.update(names)
        answer = send(asked, case, headers)
        assert answer.status_code != 401, "the credential is good"
        done += answer.status_code < 300
        case.validate_response(answer, checks=CHECKS)

    ask_it()
    return done


def faults(asked: Asked, mode: GenerationMode) -> list[str]:
    """What is wrong, of each route the first."""
    found = []
    for operation in asked.operations():
        try:
            play(asked, operation, mode)
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE, "nothing can be asked wrongly of it"
        except (Exception, FailureGroup) as fault:  # noqa: BLE001  all of them are told at once
            found.append(f"{operation.label}: {fault} {getattr(fault, 'exceptions', '')}"[:3000])
    return found


@pytest.mark.parametrize(
    "mode",
    [GenerationMode.POSITIVE, pytest.param(GenerationMode.NEGATIVE, marks=pytest.mark.long)],
)
@pytest.mark.timeout(600)
def test_answers_are_what_the_document_says(asked: Asked, mode: GenerationMode) -> None:
    """Of what it allows, and of what it does not: no fault, and every answer as it is described."""
    assert faults(asked, mode) == []


@pytest.mark.long
def test_every_route_wants_its_credential(asked: Asked) -> None:
    """None, a wrong one, a device's for an organiser's, one without the right or elsewhere."""
    opened = 0
    for operation in asked.operations():
        opener = asked.opener(operation)
        if not opener:
            continue
        said = set(operation.definition.raw["responses"])
        url = operation.path.format(**asked.known)

        def refused(headers: Mapping[str, str]) -> tuple[int, str]:
            answer = asked.http.request(operation.method, url, content=b"{}", headers=headers)  # noqa: B023
            assert str(answer.status_code) in said, operation.label  # noqa: B023
            return answer.status_code, answer.json()["error"]

        wrong = [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic d3Jvbmc6"}]
        wrong.append(asked.bearer("administer" if opener == "device" else "device"))
        for headers in wrong:
            assert refused(headers) == (401, "unauthorised"), (operation.label, headers)
        if opener == "device":
            continue
        for right in {right.value for right in Right} - {opener}:
            assert refused(asked.bearer(right)) == (403, "not_allowed"), operation.label
        if "{event}" in operation.path:
            assert refused(asked.bearer("other")) == (403, "other_event"), operation.label
        opened += 1
    assert opened > 25


@pytest.mark.long
def test_other_methods_are_refused(asked: Asked) -> None:
    """With 405, a problem, and the methods that there are."""
    allowed: dict[str, set[str]] = {}
    for operation in asked.operations():
        allowed.setdefault(operation.path, set()).add(operation.method.upper())
    headers = {"Authorization": f"Bearer {ADMIN}"}
    for path, methods in allowed.items():
        url = path.format(**asked.known)
        # A ticket's id may hold strokes: what is below a ticket may be asked for as one.
        others = set(METHODS) - methods - ({"GET"} if "/tickets/{ticket}/" in path else set())
        for method in others:
            answer = asked.http.request(method, url, headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (405, "wrong_method"), url
            named = set(answer.headers["allow"].split(", ")) - {"HEAD"}
            assert named & {*others, *methods} == methods, (url, method)


def test_what_the_document_does_not_say_is_seen() -> None:
    """Mutation: an answer of another type, and a status that nobody said, are found."""
    for body, status in (
        ({"alive": "perhaps"}, 200),
        ({"alive": True}, 202),
        ({"alive": True}, 500),
    ):

        async def app(scope: Any, receive: Any, send: Any, said: Any = (body, status)) -> None:
            if scope["type"] == "lifespan":
                for stage in ("startup", "shutdown"):
                    await receive()
                    await send({"type": f"lifespan.{stage}.complete"})
                return
            await JSONResponse(said[0], said[1])(scope, receive, send)

        with served(app) as url, requests.Session() as session:
            document = {
                "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
                "servers": [{"url": url}],
                "paths": {"/healthz": {"get": {"responses": {"200": {
                    "description": "It lives.", "content": {"application/json": {"schema": {
                        "type": "object", "properties": {"alive": {"type": "boolean"}},
                        "required": ["alive"]}}}}}}}},
            }  # fmt: skip
            operation = schemathesis.openapi.from_dict(document)["/healthz"]["GET"]
            case = operation.Case()
            answer = case.call(base_url=url, session=session)
            assert answer.status_code == status
            with pytest.raises(FailureGroup):
                case.validate_response(answer, checks=CHECKS)

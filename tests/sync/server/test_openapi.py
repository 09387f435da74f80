"""The native API's document: of every route there is, of every type, and true of the answers."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sync.server import openapi
from sync.server.http import reply
from sync.server.operation import ANYBODY, ApiRoute, Described, Operation, described
from sync.server.webhooks.payloads import Kind
from tests.support.central import Central, central
from tests.support.paths import ROOT

NATIVE = ("/v1/", "/healthz", "/readyz", "/metrics")
PROBLEM = re.compile(r'Denied\(\s*(\d{3}),\s*"(\w+)"')
"""Where a word of a problem is made."""


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    """A server without parts: all of its routes are native."""
    async with central(tmp_path / "server", mounted=(), runs_jobs=False) as running:
        yield running


async def document(running: Central) -> dict[str, Any]:
    answer = await running.http.get("/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def missing(routes: list[BaseRoute]) -> list[str]:
    """What routes lack to be described; the pages are for people, and no part of the API."""
    native = [one for one in routes if getattr(one, "path", "").startswith(NATIVE)]
    lacking = [str(one) for one in native if not isinstance(one, Described)]
    return lacking + [one.path for one in described(native) if not one.about]


async def test_every_native_route_is_described(running: Central) -> None:
    """None is without types and words; one that is (the mutation) is found."""
    assert missing(running.app.routes) == []

    async def bare(_request: Request) -> Response:
        return reply({})

    undescribed = Route("/v1/bare", bare)
    wordless = ApiRoute("GET", "/v1/wordless", bare, Operation(dict[str, int]), ANYBODY)
    assert missing([undescribed, wordless]) == [str(undescribed), "/v1/wordless"]


async def test_every_route_and_method_is_in_the_document(running: Central) -> None:
    """With its right, and a schema for each answer that is JSON; operations have their own ids."""
    said = await document(running)
    found = {(path, method) for path, some in said["paths"].items() for method in some}
    assert found == {
        (openapi.path_of(one), one.method.lower()) for one in described(running.app.routes)
    }
    operations = [one for some in said["paths"].values() for one in some.values()]
    ids = [one["operationId"] for one in operations]
    assert len(ids) == len(set(ids)) > 35
    rights = {one.get("x-right") for one in operations}
    assert rights == {None, "counts", "names", "tickets", "administer"}
    tags = {tag["name"] for tag in said["tags"]}
    assert {tag for one in operations for tag in one["tags"]} == tags
    assert set(said["webhooks"]) == set(Kind)


async def test_the_document_is_openapi(running: Central) -> None:
    """As its own schema has it; patterns are JavaScript's, and all that is named is there."""
    said = await document(running)
    schemathesis.openapi.from_dict(said).validate()
    text = msgspec.json.encode(said).decode()
    assert r"\\Z" not in text
    named = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert named <= set(said["components"]["schemas"])


async def test_a_type_that_changes_changes_the_document(running: Central) -> None:
    """It is made of the types themselves: nothing is written down a second time."""

    class Line(msgspec.Struct):
        first: int

    class Wider(Line):
        second: int

    async def handler(_request: Request) -> Response:
        """Lines."""
        return reply([])

    def fields(kind: type[msgspec.Struct]) -> list[str]:
        route = ApiRoute("GET", "/v1/lines", handler, Operation(list[kind]), ANYBODY)  # type: ignore[valid-type]
        made = openapi.document([route], "/")["components"]["schemas"]
        return [*made[kind.__name__]["properties"]]

    assert fields(Line) == ["first"]
    assert fields(Wider) == ["first", "second"]


async def test_every_word_of_a_problem_is_said_somewhere(running: Central) -> None:
    """Whatever the server's routes may deny with, some route's answers name, by its status."""
    folder = ROOT / "sync" / "server"
    made = {
        (status, word)
        for file in folder.rglob("*.py")
        if "web" not in file.parts
        for status, word in PROBLEM.findall(file.read_text("utf-8"))
    }
    said = {
        (str(status), word)
        for route in described(running.app.routes)
        for status, words in openapi.problems(route).items()
        for word in words.split(", ")
    }
    assert len(made) > 30
    router_s_own = {("404", "not_found")}
    assert made - said - router_s_own == set()

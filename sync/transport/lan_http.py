"""What gates answer each other by HTTP, beside their streams."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from sync.wire import PREFIX, Problem, Revoked

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to what was asked for by HTTP."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[str, Mapping[str, str], str], Reply]
"""From path below the version, parameters and ``Range`` header to a reply; may take its time."""


def reply_to(request: Request, answer: Answer) -> Reply:
    """The reply to a request as it came."""
    parts = urlsplit(request.path)
    parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
    part = request.headers.get("Range") or ""
    return answer(parts.path.removeprefix(PREFIX), parameters, part)


def response_of(reply: Reply) -> Response:
    """A reply as it is sent; the connection ends with it."""
    headers = Headers(reply.headers)
    headers["Content-Length"] = str(len(reply.body))
    headers["Connection"] = "close"
    return Response(reply.status, HTTPStatus(reply.status).phrase, headers, reply.body)


def problem(status: HTTPStatus, error: str, reason: str = "") -> Reply:
    """Why something cannot be had."""
    return Reply(status, _encode(Problem(error, reason or status.phrase)))


def expulsion(proof: str) -> Reply:
    """Who asks is turned away; ``proof``: the authority's word that it was revoked, or empty."""
    return Reply(HTTPStatus.FORBIDDEN, _encode(Revoked("revoked", "revoked", proof)))


def proof_in(response: Response) -> str:
    """What a gate that turns this one away has of the authority; empty when it has nothing."""
    try:
        return msgspec.json.decode(response.body or b"", type=Revoked).proof
    except (msgspec.DecodeError, UnicodeError):
        return ""


def file_part(path: Path, asked: str, most: int = 4 * 1024 * 1024) -> Reply:
    """A part of a file, from where a ``Range`` header says, at most so many bytes."""
    size = path.stat().st_size
    begin = asked.removeprefix("bytes=").partition("-")[0]
    start = int(begin) if begin.isascii() and begin.isdecimal() and len(begin) < 16 else 0
    if start >= size > 0:
        return problem(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "range")
    with path.open("rb") as file:
        file.seek(start)
        body = file.read(most)
    headers = {"Content-Range": f"bytes {start}-{start + len(body) - 1}/{size}"}
    return Reply(HTTPStatus.PARTIAL_CONTENT, body, headers)

"""The server's edge: bounded bodies in, JSON out, and every failure with its reason."""

import asyncio
from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from gate.i18n import _
from sync.wire import Problem

T = TypeVar("T")
JSON: Final = "application/json"
_encoder = msgspec.json.Encoder()


class Denied(Exception):
    """A request that is not done: the status, a word for machines, a sentence for people."""

    def __init__(
        self, status: int, error: str, reason: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error)
        self.status = status
        self.problem = Problem(error, reason)
        self.headers = dict(headers or {})


def address_of(asking: HTTPConnection) -> str:
    """From where a request comes, as far as the server can see."""
    return asking.client.host if asking.client else ""


def check_name(name: str) -> None:
    """Raises Denied for a name in which there is what nobody can see."""
    if not name.isprintable():
        raise Denied(422, "invalid", _("name: there are characters in it that nobody can see"))


def reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The value as JSON."""
    return Response(_encoder.encode(value), status, headers, media_type=JSON)


def denial(denied: Denied) -> Response:
    """The problem as JSON."""
    body = _encoder.encode(denied.problem)
    return Response(body, denied.status, denied.headers, media_type=JSON)


def on_denied(_request: Request, error: Exception) -> Response:
    """Answer a request that was denied."""
    assert isinstance(error, Denied)
    return denial(error)


def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the router found wrong."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    words = {404: ("not_found", _("There is nothing here.")),
             405: ("wrong_method", _("This is not done with that method."))}  # fmt: skip
    word, reason = words.get(error.status_code, ("refused", error.detail))
    return denial(Denied(error.status_code, word, reason, headers))


def _methods(request: Request) -> set[str]:
    """The methods of all routes of a path: the router names those of one."""
    found = [one for one in request.app.routes if one.matches(request.scope)[0] is not Match.NONE]
    return {method for one in found for method in getattr(one, "methods", None) or ()}


def on_database_away(_request: Request, error: Exception) -> Response:
    """Answer while the database cannot be used, or when it cannot hold what was said."""
    return denial(unstorable() if isinstance(error, DataError) else unavailable())


def on_fault(_request: Request, _error: Exception) -> Response:
    """Answer after a fault of our own; it is logged by whoever called us."""
    return denial(Denied(500, "fault", _("The server failed. It is written in its log.")))


class Framed:
    """Refuses what two programs could read as different requests (RFC 9112, 6.3 and 6.1).

    A length beside a transfer coding, or a coding in HTTP/1.0: a proxy that goes by one and a
    server that goes by the other see different ends, and what lies between is smuggled in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it and hang up."""
        names = {name for name, _value in scope.get("headers", ())}
        is_coded = b"transfer-encoding" in names
        if not is_coded or not (b"content-length" in names or scope["http_version"] == "1.0"):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1002})
        else:
            reason = _("A request has a length or a transfer coding, not both.")
            await denial(cut(400, "framing", reason))(scope, receive, send)


def unavailable() -> Denied:
    """The database cannot be used now."""
    reason = _("The server's database cannot be used at the moment.")
    return Denied(503, "unavailable", reason, {"Retry-After": "2"})


def unstorable() -> Denied:
    """What was said is nothing that a database holds."""
    return Denied(422, "unstorable", _("There are numbers or texts in it that cannot be kept."))


async def read_body(request: Request, limit: int, within_s: float) -> bytes:
    """The body, as long as it is plain, no longer than ``limit`` bytes and not too slow."""
    if request.headers.get("content-encoding", "identity").casefold() != "identity":
        raise cut(415, "encoded", _("Compressed bodies are not taken."))
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and (len(stated) > 12 or int(stated) > limit):
        raise _too_large(limit)
    parts, size = [], 0
    try:
        async with asyncio.timeout(within_s):
            async for part in request.stream():
                # Whatever the length was said to be: what comes counts.
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                parts.append(part)
    except TimeoutError as error:
        raise cut(408, "slow", _("The body took too long.")) from error
    except ClientDisconnect as error:
        raise cut(400, "cut", _("The connection ended within the body.")) from error
    return parts[0] if len(parts) == 1 else b"".join(parts)


def decode(decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
    """What the body says. Raises Denied when it is not what it should be."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Denied(422, "invalid", _unreadable(error)) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Denied(400, "malformed", _unreadable(error)) from error
    except RecursionError as error:
        raise Denied(400, "malformed", _("nested too deeply")) from error


def _unreadable(error: Exception) -> str:
    return _("The body cannot be read: {detail}").format(detail=str(error)[:300])


def _too_large(limit: int) -> Denied:
    reason = _("The body is longer than {limit} bytes.").format(limit=limit)
    return cut(413, "too_large", reason)


def cut(status: int, error: str, reason: str) -> Denied:
    """Denied before the whole body came, so that the connection ends."""
    # The rest of the body is not read, so the connection is of no more use.
    return Denied(status, error, reason, {"Connection": "close"})

"""The native API as an OpenAPI 3.1 document, made of what the code knows: routes and wire types.

The card API is not in it: its calls are another's, answer 200 whatever happens, and have a page of
their own. Of what gates say to each other nothing is asked of a server.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gate import __version__
from sync.server.operation import JSON, Body, Described, Opener, Parameter
from sync.server.webhooks.payloads import DATA, Envelope, Kind
from sync.wire import Problem

_REF: Final = "#/components/schemas/{name}"
_PARAMETER: Final = re.compile(r"{(\w+)(?::\w+)?}")
_RETRY: Final = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_ALWAYS: Final[Mapping[int, str]] = {
    400: "framing, malformed",
    500: "fault",
    503: "unavailable",
}
"""What every route may answer; the words are those of ``Problem.error``."""
_OF_CALLERS: Final[Mapping[int, str]] = {401: "unauthorised", 429: "too_often"}
_OF_ORGANISERS: Final[Mapping[int, str]] = {
    401: "unauthorised, expired_token", 403: "not_allowed, other_event",
}  # fmt: skip
_OF_BODIES: Final[Mapping[int, str]] = {
    400: "cut, framing, malformed", 408: "slow", 413: "too_large", 415: "encoded",
    422: "invalid, unstorable",
}  # fmt: skip
_WRITING: Final = "busy"
_PATHS: Final[Mapping[str, Mapping[str, Any]]] = {
    "event": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"},
}
"""What parameters of paths look like, where more is known than that they are texts."""
_SCHEMES: Final = {
    "device": "A device's credential, which it got when it enrolled.",
    "organiser": "A token of the organiser's; `x-right` is the right that it has to have.",
}
_GROUPS: Final = {
    "devices": "What devices ask for, with a credential of their own.",
    "events": "Events: made, changed, listed.",
    "gates": "The event's devices, and the links by which they enrol.",
    "tickets": "Types and tickets stated.",
    "review": "Counts, and what of the entries wants somebody's word.",
    "persons": "One person's data told, or taken away.",
    "webhooks": "Who is told by the server what happens.",
    "tokens": "The organiser's tokens, and who did what.",
    "server": "For whoever looks after the server: open to anybody who reaches it.",
}


def document(routes: Iterable[Described], url: str) -> dict[str, Any]:
    """The document of these routes on a server that is reached by a URL."""
    routes = list(routes)
    schemas, components = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        methods = paths.setdefault(path_of(route), {})
        methods[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Venue Gate",
            "version": __version__,
            "description": " ".join((__doc__ or "").split()),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "tags": [{"name": name, "description": about} for name, about in _GROUPS.items()],
        "paths": paths,
        "webhooks": {kind.value: _webhook(kind, schemas) for kind in Kind},
        "components": {
            "schemas": components,
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer", "description": about}
                for name, about in _SCHEMES.items()
            },
        },
    }


def path_of(route: Described) -> str:
    """The path as OpenAPI has it: what a parameter may hold is in its schema."""
    return _PARAMETER.sub(r"{\1}", route.path)


class _Schemas:
    """The schema of every type that routes name."""

    def __init__(self, types: Sequence[Any], found: Sequence[dict[str, Any]]) -> None:
        self._of = {_key(one): schema for one, schema in zip(types, found, strict=True)}

    def of(self, named: Any) -> dict[str, Any]:
        """The schema of a type, most often a reference."""
        return self._of[_key(named)]


def _key(named: Any) -> str:
    return repr(named)


def _schemas(routes: Iterable[Described]) -> tuple[_Schemas, dict[str, Any]]:
    types: list[Any] = [Problem, Envelope, *dict.fromkeys(DATA.values())]
    for route in routes:
        operation = route.operation
        named = [operation.answers, operation.takes, *operation.also.values()]
        named += [parameter.type for parameter in operation.query]
        types += [one for one in named if one is not None and not isinstance(one, Body)]
    found, components = msgspec.json.schema_components(types, ref_template=_REF)
    return _Schemas(types, [_ecma(one) for one in found]), _ecma(components)


def _ecma(schema: Any) -> Any:
    r"""A schema whose patterns are those of JavaScript: there ``\Z`` is the letter."""
    if isinstance(schema, dict):
        return {
            name: value.replace(r"\Z", "$") if name == "pattern" else _ecma(value)
            for name, value in schema.items()
        }
    return [_ecma(one) for one in schema] if isinstance(schema, list) else schema


def _operation(route: Described, schemas: _Schemas) -> dict[str, Any]:
    operation = route.operation
    about, _stop, more = route.about.partition(". ")
    said: dict[str, Any] = {
        "operationId": _id(route),
        "tags": [route.group],
        "summary": about.rstrip("."),
        "security": [{route.opener.scheme: []}] if route.opener.scheme else [],
        "responses": _responses(route, schemas),
    }
    if more:
        said["description"] = more
    if route.opener.right is not None:
        said["x-right"] = route.opener.right.value
    parameters = [_of_path(name) for name in _PARAMETER.findall(route.path)]
    parameters += [_of_query(one, schemas) for one in operation.query]
    if parameters:
        said["parameters"] = parameters
    if operation.takes is not None and _is_there(operation.takes):
        said["requestBody"] = {"required": True, "content": _content(operation.takes, schemas)}
    return said


def _id(route: Described) -> str:
    words = re.sub(r"\W+", "_", route.path.removeprefix("/v1")).strip("_")
    return f"{route.method.lower()}_{words}"


def _of_path(name: str) -> dict[str, Any]:
    schema = _PATHS.get(name, {"type": "string", "minLength": 1})
    return {"name": name, "in": "path", "required": True, "schema": dict(schema)}


def _of_query(parameter: Parameter, schemas: _Schemas) -> dict[str, Any]:
    schema = schemas.of(parameter.type)
    if parameter.is_list:
        schema = {"type": "array", "items": schema}
    return {
        "name": parameter.name, "in": "query", "description": parameter.about, "schema": schema,
    }  # fmt: skip


def _content(named: Any, schemas: _Schemas) -> dict[str, Any]:
    if isinstance(named, Body):
        return {named.media_type: {"schema": {"type": "string", "description": named.about}}}
    return {JSON: {"schema": schemas.of(named)}}


def _responses(route: Described, schemas: _Schemas) -> dict[str, Any]:
    operation = route.operation
    done = {operation.status: operation.answers, **operation.also}
    found: dict[str, Any] = {}
    for status, named in done.items():
        found[str(status)] = {"description": _done(named)}
        if _is_there(named):
            found[str(status)]["content"] = _content(named, schemas)
    for form in operation.forms:
        found[str(operation.status)]["content"] |= _content(form, schemas)
    for status, words in sorted(problems(route).items()):
        found[str(status)] = {
            "description": f"`Problem.error` is one of: {words}.",
            "content": {JSON: {"schema": schemas.of(Problem)}},
        }
        if status in (429, 503):
            found[str(status)]["headers"] = _RETRY
    return found


def _is_there(named: Any) -> bool:
    """Whether there is a body that can be said anything of."""
    return not isinstance(named, Body) or bool(named.media_type)


def _done(named: Any) -> str:
    return named.about if isinstance(named, Body) else "It is done."


def problems(route: Described) -> dict[int, str]:
    """What a route may answer when it does not do what was asked: words by status."""
    operation, opener = route.operation, route.opener
    found: dict[int, set[str]] = {}
    kinds = [_ALWAYS, operation.problems, _of_opener(opener)]
    if operation.takes is not None:
        kinds.append(_OF_BODIES)
    if "{event}" in route.path:
        kinds.append({404: "no_event", 422: "unstorable"})
    elif "{" in route.path:
        kinds.append({422: "unstorable"})
    if route.method != "GET":
        kinds.append({409: _WRITING})
    for words in kinds:
        for status, some in words.items():
            found.setdefault(status, set()).update(some.split(", "))
    return {status: ", ".join(sorted(words)) for status, words in found.items()}


def _of_opener(opener: Opener) -> Mapping[int, str]:
    if opener.right is not None:
        return {**_OF_CALLERS, **_OF_ORGANISERS}
    if opener.scheme:
        return {**_OF_CALLERS, 401: "unauthorised, revoked"}
    return {}


def _webhook(kind: Kind, schemas: _Schemas) -> dict[str, Any]:
    data = {"type": "object", "properties": {"data": schemas.of(DATA[kind])}}
    kind_schema = {"type": "object", "properties": {"type": {"const": kind.value}}}
    body = {"allOf": [schemas.of(Envelope), kind_schema, data]}
    headers = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return {
        "post": {
            "operationId": f"webhook_{kind.value}",
            "summary": " ".join((DATA[kind].__doc__ or "").split()).rstrip("."),
            "parameters": [
                {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
                for name in headers
            ],
            "requestBody": {"required": True, "content": {JSON: {"schema": body}}},
            "responses": {"2XX": {"description": "It was taken; anything else is tried again."}},
        }
    }

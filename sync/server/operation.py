"""What a route of the native API says of itself, beside its path and its right.

``openapi`` makes a document of it. Whatever is not said here the code knows already: the path, the
right, the first words of the handler's docstring.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.routing import Route, WebSocketRoute

from sync.server.organisers import Right

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the query."""

    name: str
    type: Any
    """As msgspec reads it."""
    about: str
    is_list: bool = False
    """Whether it may be there several times."""


@dataclass(frozen=True, slots=True)
class Body:
    """A body that is no JSON of ours."""

    media_type: str
    about: str


NOTHING: Final = Body("", "Whatever comes is not looked at.")


@dataclass(frozen=True, slots=True)
class Operation:
    """What a route takes and answers."""

    answers: Any
    """A type as msgspec writes it, or a ``Body``."""
    takes: Any = None
    """A type as msgspec reads it, or a ``Body``; ``None``: it has no body."""
    status: int = 200
    """Of an answer that it was done."""
    forms: Sequence[Body] = ()
    """Other forms of the answer, where the query may ask for one."""
    query: Sequence[Parameter] = ()
    also: Mapping[int, Any] = field(default_factory=dict)
    """Other answers that it was done, by status."""
    problems: Mapping[int, str] = field(default_factory=dict)
    """Its own words of a ``Problem`` by status, beside those that every route has."""


@dataclass(frozen=True, slots=True)
class Opener:
    """Who may ask, and what their credential is called in the document."""

    scheme: str
    right: Right | None = None


ANYBODY: Final = Opener("")
DEVICE: Final = Opener("device")


class Described:
    """A route of the native API, which says what it is."""

    method: str
    path: str
    operation: Operation
    opener: Opener
    about: str
    """The handler's docstring."""
    group: str
    """Under which heading it stands."""


class ApiRoute(Route, Described):
    """One that is asked by one method."""

    def __init__(
        self,
        method: str,
        path: str,
        endpoint: Callable[..., Any],
        operation: Operation,
        opener: Opener,
        *,
        handler: Callable[..., Any] | None = None,
    ) -> None:
        """``handler`` has the words, where the endpoint only leads to it."""
        super().__init__(path, endpoint, methods=[method])
        self.method, self.operation, self.opener = method, operation, opener
        self.about, self.group = _words(handler or endpoint), _group(path)


class ApiStream(WebSocketRoute, Described):
    """One that becomes a WebSocket."""

    def __init__(
        self, path: str, endpoint: Callable[..., Any], operation: Operation, opener: Opener
    ) -> None:
        super().__init__(path, endpoint)
        self.method, self.operation, self.opener = "GET", operation, opener
        self.about, self.group = _words(endpoint), _group(path)


def described(routes: Collection[object]) -> list[Described]:
    """Those of some routes that say what they are."""
    return [one for one in routes if isinstance(one, Described)]


def _words(handler: Callable[..., Any]) -> str:
    return " ".join((handler.__doc__ or "").split())


_GROUPS: Final = {
    "enrol": "devices", "exchange": "devices", "changes": "devices", "snapshot": "devices",
    "stream": "devices", "organisers": "tokens", "audit": "tokens", "events": "events",
}  # fmt: skip
_OF_EVENT: Final = {
    "tokens": "gates", "devices": "gates", "tickets": "tickets", "list": "tickets",
    "persons": "persons", "webhooks": "webhooks",
}  # fmt: skip


def _group(path: str) -> str:
    """By the word of the path that says most."""
    words = path.strip("/").split("/")
    if "{event}" in words[:-1]:
        return _OF_EVENT.get(words[words.index("{event}") + 1], "review")
    return _GROUPS.get(words[min(1, len(words) - 1)], "server")

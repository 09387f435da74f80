"""What is relied on of uvicorn's own classes, beyond what it documents, is there.

How it behaves is in ``test_request_timeout.py``. This one says by name what a new version has lost
or renamed, before the bound in ``pyproject.toml`` is raised.
"""

import ast
import asyncio
import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from sync.server import request_timeout
from sync.server.request_timeout import Stream, _RequestTimeout
from sync.transport import listening

OURS: list[tuple[type, type]] = [
    (_RequestTimeout, H11Protocol),
    (Stream, WebSocketsSansIOProtocol),
    (listening.Server, uvicorn.Server),
]
"""Each class of ours, and the one of uvicorn's that it goes on."""
with suppress(ImportError):  # it is an extra
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    OURS += [
        (_RequestTimeout, HttpToolsProtocol),
        (request_timeout.RequestTimeoutHttpTools, HttpToolsProtocol),
    ]


def own_attributes(cls: type) -> set[str]:
    """What a class of ours has or sets itself."""
    return set(vars(cls)) | {
        node.attr for node in _attributes(cls) if isinstance(node.ctx, ast.Store)
    }


def _attributes(cls: type) -> list[ast.Attribute]:
    """Every ``self.something`` in the class."""
    tree = ast.parse(inspect.getsource(cls).strip())
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    ]


def overridden(cls: type) -> set[str]:
    """The public methods of ours that only uvicorn, or what it stands on, can be calling."""
    return {name for name, one in vars(cls).items() if inspect.isfunction(one) and name[0] != "_"}


def relied_on(cls: type) -> set[str]:
    """What a class of ours takes for granted of the one that it goes on."""
    used = {node.attr for node in _attributes(cls)}
    bases = {name for base in cls.__mro__[1:] if base.__module__ == cls.__module__
             for name in own_attributes(base)}  # fmt: skip
    return (used - own_attributes(cls) - bases) | overridden(cls)


async def present(base: type) -> set[str]:
    """What one of uvicorn's classes has, made as uvicorn and ``listening`` make it."""
    config = uvicorn.Config(_app, log_config=None)
    if base is uvicorn.Server:
        # Some of it is made as it begins to serve.
        return set(dir(base(config))) | own_attributes(base)
    config.load()
    loop = asyncio.get_running_loop()
    made = base(config=config, server_state=ServerState(), app_state={}, _loop=loop)
    return set(dir(made))


async def _app(_scope: Any, _receive: Callable[..., Any], _send: Callable[..., Any]) -> None:
    """Serves nothing."""


def lost(ours: type, base: type, names: set[str]) -> str:
    """What is relied on and not among the names, in a sentence; empty: nothing."""
    missing = ", ".join(sorted(relied_on(ours) - names))
    if not missing:
        return ""
    where = f"uvicorn {uvicorn.__version__}: {base.__name__}"
    return f"{where} has no {missing}, which {ours.__name__} relies on"


NAMES = [f"{ours.__name__} on {base.__name__}" for ours, base in OURS]


@pytest.mark.parametrize(("ours", "base"), OURS, ids=NAMES)
async def test_what_we_rely_on_is_there(ours: type, base: type) -> None:
    """Every attribute that is read and every method that is overridden."""
    assert relied_on(ours), "nothing was looked at"
    assert lost(ours, base, await present(base)) == ""


@pytest.mark.long
@pytest.mark.parametrize(("ours", "base"), OURS, ids=NAMES)
async def test_what_is_missing_is_named(ours: type, base: type) -> None:
    """The mutation: of each thing that is relied on, a version without it is found out."""
    names = await present(base)
    for name in relied_on(ours):
        assert f"has no {name}, which {ours.__name__}" in lost(ours, base, names - {name})


def test_whether_a_request_is_answered_can_be_seen() -> None:
    """While one is being answered nobody is hung up on; ``response_complete`` tells when it is."""
    cycles = [RequestResponseCycle]
    with suppress(ImportError):
        from uvicorn.protocols.http import httptools_impl  # noqa: PLC0415

        cycles.append(httptools_impl.RequestResponseCycle)  # type: ignore[arg-type]
    for cycle in cycles:
        assert "self.response_complete = False" in inspect.getsource(cycle), cycle.__module__


def test_the_mutations_look_at_something() -> None:
    """What is known to be relied on is among what is found."""
    assert {"cycle", "transport", "app_state", "data_received"} <= relied_on(_RequestTimeout)
    assert {"frames", "handle_ping", "handle_cont"} <= relied_on(Stream)

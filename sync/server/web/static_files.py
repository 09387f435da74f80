"""Our own style sheet, script and icon: read once, sent with a name that changes with them."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync.server.web import guard

PATH: Final = "/web/static"
_FOLDER: Final = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    kind: str
    tag: str


def static_address(name: str) -> str:
    """Where a file is loaded from: another address whenever it is another file."""
    return f"{PATH}/{name}?{_files()[name].tag}"


def static_route() -> Route:
    """All of the files; nobody has to be signed in for them."""
    return Route(f"{PATH}/{{name}}", _static, name="web_static")


async def _static(request: Request) -> Response:
    found = _files().get(request.path_params["name"])
    if found is None:
        return guard.guarded(Response(status_code=404))
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return guard.guarded(Response(found.content, headers=kept, media_type=found.kind))


@cache
def _files() -> dict[str, _File]:
    return {path.name: _read(path) for path in _FOLDER.iterdir() if path.is_file()}


def _read(path: Path) -> _File:
    content = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return _File(content, kind, hashlib.sha256(content).hexdigest()[:12])

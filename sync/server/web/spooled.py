"""Long answers: made whole beside the event loop, into a file once they are long, and then sent.

So no transaction waits for a slow reader, and what goes wrong is said before anything was sent.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from typing import IO, Final

from starlette.responses import Response, StreamingResponse

IN_MEMORY: Final = 4 * 1024 * 1024
"""Bytes; what is longer is in a file without a name."""
_PIECE: Final = 256 * 1024


async def spooled(
    pieces: Callable[[], Iterable[str]], media_type: str, *, file_name: str = ""
) -> Response:
    """The text of all pieces; with a name, as a file that a browser keeps."""
    file, size = await asyncio.to_thread(_written, pieces)
    headers = {"Content-Length": str(size)}
    if file_name:
        headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return StreamingResponse(_read(file), headers=headers, media_type=media_type)


def _written(pieces: Callable[[], Iterable[str]]) -> tuple[IO[bytes], int]:
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  closed when it was sent
    try:
        for piece in pieces():
            file.write(piece.encode("utf-8", "replace"))
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file, size


async def _read(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece

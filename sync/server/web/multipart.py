"""A form with a file: its fields are read, the file is written to where it shall be as it comes.

The fields come first, so that a form that is not believed has no file kept of it.
"""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import BinaryIO, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from gate.i18n import _
from sync.server.http import Denied, cut
from sync.server.web.pages import Form

MAX_BYTES: Final = 256 * 1024 * 1024
"""Longest file: some three million tickets."""
WITHIN_S: Final = 900.0
"""How long a body may take in all, and how long nothing may come of it."""
PAUSE_S: Final = 30.0
_FIELD_BYTES, _PARTS = 4096, 10
_NAME_BYTES = 200


@dataclass(slots=True)
class _Part:
    """One part of the body."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str = ""
    file_name: str | None = None
    """``None``: it is no file."""
    content: bytearray = field(default_factory=bytearray)


class FileForm:
    """The fields of one form and its file, which is in ``path`` once all was read."""

    def __init__(self, folder: Path, prefix: str, check: Callable[[Form], None]) -> None:
        """``check`` raises Denied for fields that are not believed; a file comes after them."""
        self.form = Form()
        self.path: Path | None = None
        self._folder, self._prefix, self._check = folder, prefix, check
        self._file: BinaryIO | None = None
        self._part = _Part()
        self._header = b""
        self._parts = self._size = 0

    async def read(self, request: Request) -> Path:
        """The file. Raises Denied; nothing of it is kept then."""
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._read(request)
        except TimeoutError as error:
            self.forget()
            raise cut(408, "slow", _("The body took too long.")) from error
        except ClientDisconnect as error:
            self.forget()
            raise cut(400, "cut", _("The connection ended within the body.")) from error
        except FormParserError as error:
            self.forget()
            raise cut(400, "malformed", _("The form cannot be read.")) from error
        except BaseException:
            self.forget()
            raise
        self._close()
        if self.path is None or not self.path.stat().st_size:
            self.forget()
            raise Denied(422, "invalid", _("Choose a file first."))
        return self.path

    def forget(self) -> None:
        """Delete the file."""
        self._close()
        if self.path is not None:
            forget(self.path)
            self.path = None

    async def _read(self, request: Request) -> None:
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise cut(415, "no_form", _("A form was expected."))
        parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._begin,
                "on_header_begin": self._begin_header,
                "on_header_field": self._add_header,
                "on_header_value": self._add_value,
                "on_headers_finished": self._name,
                "on_part_data": self._add,
                "on_part_end": self._end,
            },
        )
        parts = aiter(request.stream())
        while True:
            async with asyncio.timeout(PAUSE_S):
                part = await anext(parts, None)
            if part is None:
                break
            await asyncio.to_thread(parser.write, part)
        parser.finalize()

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _PARTS:
            raise cut(400, "malformed", _("The form cannot be read."))
        self._part = _Part()

    def _begin_header(self) -> None:
        self._header = b""

    def _add_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        name = self._header.lower()
        self._part.headers[name] = self._part.headers.get(name, b"") + data[start:end]

    def _name(self) -> None:
        _kind, options = parse_options_header(self._part.headers.get(b"content-disposition", b""))
        self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in options:
            self._check(self.form)
            self._part.file_name = options[b"filename"].decode("utf-8", "replace")
            if self.path is not None:
                raise cut(400, "malformed", _("The form cannot be read."))
            folder = Path(tempfile.mkdtemp(prefix=self._prefix, dir=self._folder))
            self.path = folder / plain_name(self._part.file_name)
            self._file = self.path.open("xb")

    def _add(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None and self._part.file_name is not None:
            self._size += end - start
            if self._size > MAX_BYTES:
                reason = _("The body is longer than {limit} bytes.").format(limit=MAX_BYTES)
                raise cut(413, "too_large", reason)
            self._file.write(data[start:end])
            return
        self._part.content += data[start:end]
        if len(self._part.content) > _FIELD_BYTES:
            raise cut(413, "too_large", _("The form cannot be read."))

    def _end(self) -> None:
        if self._part.file_name is None:
            self.form[self._part.name] = self._part.content.decode("utf-8", "replace")

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def plain_name(stated: str) -> str:
    """A name for a file, of one that a browser states: no way to elsewhere, and not too long."""
    name = PurePath(stated.replace("\\", "/")).name
    shown = "".join(c if c.isprintable() else "_" for c in name).strip(" .")
    while len(shown.encode()) > _NAME_BYTES:
        shown = shown[1:]
    return shown or "list.csv"


def forget(path: Path) -> None:
    """Delete a file that came, and the folder that was made for it."""
    path.unlink(missing_ok=True)
    path.parent.rmdir()

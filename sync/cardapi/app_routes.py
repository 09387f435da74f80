"""What is not asked in JSON with an access token: pictures, pages of cards, what a phone adds."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gate.clock import read_wall_ms
from sync.cardapi import accounts, additions, images, landing_pages
from sync.cardapi.elsewhere import Upstream, whose
from sync.cardapi.errcodes import Errcode, Refused
from sync.server import http
from sync.server.callers import OF_BACKEND, prove
from sync.server.devices import hash_of
from sync.server.http import Denied
from sync.server.server import Server
from sync.wire import PREFIX

IMAGES: Final = "/cgi-bin/mmbiz"
_ROUND_A_FILE: Final = 16 * 1024
"""Bytes that a form may have beside its picture."""
_A_YEAR: Final = "public, max-age=31536000, immutable"
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' https:; frame-ancestors *",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
T = TypeVar("T")
Work = Callable[[], Awaitable[Mapping[str, Any]]]
Answering = Callable[[Request, Work], Awaitable[Response]]


class AppRoutes:
    """The routes that stand for what WeChat's app and its picture server do."""

    def __init__(
        self,
        server: Server,
        answer: Answering,
        read_json: Callable[[Request], Awaitable[Mapping[str, Any]]],
        upstream: Upstream | None,
    ) -> None:
        """``answer`` makes of some work, or of its refusal, what the API answers."""
        self._server, self._answer, self._read_json = server, answer, read_json
        self._upstream = upstream

    def routes(self, methods: list[str]) -> list[BaseRoute]:
        """All of them; those that answer with an errcode take any method."""
        return [
            Route("/cgi-bin/media/uploadimg", self.upload, methods=methods),
            Route(f"{PREFIX}/addcard", self.add_card, methods=methods),
            Route(f"{IMAGES}/{{name}}", self.show_image),
            Route(f"{landing_pages.PATH}/{{token}}", self.show_page),
        ]

    async def upload(self, request: Request) -> Response:
        """``POST /cgi-bin/media/uploadimg``: a picture, whatever its field is called."""

        async def work() -> Mapping[str, Any]:
            if request.method != "POST":
                raise Refused(Errcode.NEED_POST)
            token, now_ms = request.query_params.get("access_token", ""), read_wall_ms()
            # Nobody has a megabyte read without being known.
            known = partial(whose, token=token, now_ms=now_ms, upstream=self._upstream)
            elsewhere = await self._done(known)
            form = await _form(request, self._server.settings.body_s)
            if elsewhere is not None:
                return await elsewhere.upstream.forward_form(
                    elsewhere.appid, request.url.path, form, request.headers["content-type"]
                )
            content = await _file(request, form)

            def keep(connection: Connection) -> str:
                account = accounts.with_token(connection, token, now_ms)
                return images.put(connection, account, content, now_ms)

            name = await self._done(keep, writes=True)
            prove(request, hash_of(token), OF_BACKEND)
            return {"url": f"{self._server.public_url(request)}{IMAGES}/{name}"}

        return await self._answer(request, work)

    async def add_card(self, request: Request) -> Response:
        """``POST /v1/addcard``: what a mini program adds by a ``cardExt``, without a token."""

        async def work() -> Mapping[str, Any]:
            if request.method != "POST":
                raise Refused(Errcode.NEED_POST)
            wanted, now_ms = additions.read(await self._read_json(request)), read_wall_ms()
            account = await self._done(partial(additions.account_of, wanted=wanted, now_ms=now_ms))
            answer = await self._done(
                partial(additions.add, account=account, wanted=wanted, now_ms=now_ms), writes=True
            )
            for event in {account.event, *account.events}:
                self._server.publish_changes(event)
            return answer

        return await self._answer(request, work)

    async def show_image(self, request: Request) -> Response:
        """A picture that was uploaded, for whoever has its address."""
        image = await self._server.read(images.find, request.path_params["name"])
        if image is None:
            return Response(status_code=404)
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": _A_YEAR}
        return Response(image.content, media_type=image.media_type, headers=headers)

    async def show_page(self, request: Request) -> Response:
        """A page of cards, for whoever has its address."""
        token, now_s = request.path_params["token"], read_wall_ms() // 1000
        page = await self._server.read(partial(landing_pages.shown, token=token, now_s=now_s))
        if page is None:
            return Response(status_code=404)
        return Response(page, media_type="text/html", headers=_PAGE_HEADERS)

    async def _done(self, job: Callable[[Connection], T], *, writes: bool = False) -> T:
        """What a job comes to. Raises Refused.

        A refusal crosses the transaction as a value: an exception would undo what others do in it.
        """

        def work(connection: Connection) -> T | Refused:
            try:
                return job(connection)
            except Refused as refused:
                return refused

        done = await (self._server.write(work) if writes else self._server.read(work))
        if isinstance(done, Refused):
            raise done
        return done


async def _form(request: Request, within_s: float) -> bytes:
    """A form that a picture is in. Raises Refused, Denied."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Refused(Errcode.NO_MEDIA)
    try:
        return await http.read_body(request, images.LARGEST + _ROUND_A_FILE, within_s)
    except Denied as denied:
        if denied.status == 413:
            raise Refused(Errcode.BAD_IMAGE_SIZE, f"at most {images.LARGEST} bytes") from denied
        raise


async def _file(request: Request, form: bytes) -> bytes:
    """The one file of a form. Raises Refused."""

    async def whole() -> AsyncGenerator[bytes, None]:
        yield form

    parser = MultiPartParser(request.headers, whole(), max_files=1, max_fields=10)
    try:
        parts = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise Refused(Errcode.NO_MEDIA) from error
    try:
        for _name, value in parts.multi_items():
            if isinstance(value, UploadFile):
                return await value.read()
    finally:
        await parts.close()
    raise Refused(Errcode.NO_MEDIA)

"""The LAN: finds the other gates of the venue and keeps a stream open to each of them.

Sockets live here, in one thread with an event loop; what happens on them is told to whoever owns
the files. Who is at the other end is read from the certificate of the connection itself.
"""

import asyncio
import errno
import ipaddress
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.http11 import Request, Response

from gate import __version__
from gate.clock import SystemClock
from gate.errors import StoreError
from gate.i18n import _
from gate.storage.certificates import (
    Membership,
    client_context,
    member_of,
    server_context,
    venue_id,
)
from gate.storage.folder import Folder
from sync.session.twins import RUN_HEADER, THIS_RUN, Twins
from sync.transport.accepting import Listener, raise_file_limit
from sync.transport.connections import Connections
from sync.transport.discovery import Discovery
from sync.transport.places import Place, Places, Rank
from sync.wire import MAX_FRAME, PREFIX, PeerMessage, Problem, Revoked

log = logging.getLogger(__name__)

STREAM = f"{PREFIX}/lan"
USUAL_PORT = 8471
LOOK_EVERY_S = 0.5
SILENCE_S = 4.0
"""A link on which nothing came for so long is gone, whatever the network says."""
CALL_S = 4.0
"""How long a call may take until both have shown who they are."""
CALLS = 64
"""How many places are called at a time."""
UNREAD_WORDS = 64
"""Words of one gate that may wait to be dealt with."""
UNSENT_WORDS = 256
"""Words that may wait for a slow link before it is cut."""
WARN_EVERY_S = 1.0
STRANGERS, OF_EACH = 128, 32
"""Connections on which no member's certificate was shown yet, in all and of one address."""
OF_MEMBER = 16
BEGIN_ANEW_S = 1.0
"""How long after an unforeseen fault."""

_clock = SystemClock()
_decoder = msgspec.json.Decoder(PeerMessage)
_encoder = msgspec.json.Encoder()


def _now_s() -> float:
    return _clock.read().boot_ms / 1000


@dataclass(eq=False, slots=True)
class Link:
    """A stream to one other gate."""

    device: str
    key: str
    """Its Ed25519 public key (hex), as its certificate says."""
    host: str
    """Where its end is."""
    is_ours: bool
    """Whether we called."""
    socket: Connection
    heard_s: float
    run: str = ""
    """Which run of its worker speaks."""
    unacked: "asyncio.Queue[bytes]" = field(default_factory=asyncio.Queue)
    came: int = 0
    dealt_with: int = 0
    """Counted by whoever deals with the words."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A gate is heard from now on."""

    link: Link


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A gate has said something."""

    link: Link
    word: PeerMessage


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A gate is not heard any more."""

    link: Link
    why: str


@dataclass(frozen=True, slots=True)
class Expelled:
    """A gate has turned this one away as revoked; whether that is so the proof says."""

    proof: str


Event = Connected | MessageReceived | Disconnected | Expelled


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to what was asked for by HTTP."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


WhyNot = Callable[[str, str], str]
"""From a device and its public key (hex) to why it is turned away; empty: it is welcome."""
Answer = Callable[[str, Mapping[str, str], str], Reply]
"""From path below the version, parameters and ``Range`` header to a reply; may take its time."""


class LanTransport:
    """This gate's ear and voice on the LAN, from ``start`` to ``close``."""

    def __init__(
        self,
        folder: Folder,
        membership: Membership,
        tell: Callable[[Event], None],
        *,
        answer: Answer,
        why_not: WhyNot,
        is_member: Callable[[str], bool],
        proof_of: Callable[[str], str] = lambda _device: "",
        listen: tuple[str, int] = ("", 8471),
        seeds: Sequence[str] = (),
        announces: bool = True,
        run: str = THIS_RUN,
    ) -> None:
        self._run_name = run
        self._twins = Twins()
        self.twins: set[str] = set()
        """Devices of which two machines were heard here; this one, if another is called so."""
        self._device = membership.device
        self._tell = tell
        self._answer = answer
        self._why_not = why_not
        self._proof_of = proof_of
        self._listen = listen
        self._announces = announces
        self._venue = venue_id(membership)
        self._server_tls = server_context(folder, membership)
        self._server_tls.sslobject_class = _watching(self._note_stranger)
        self._client_tls = client_context(folder, membership)
        self._links: dict[str, Link] = {}
        self._is_member = is_member
        self._places = Places(self._device, map(_placed, seeds), is_member, _now_s())
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._listener: Listener | None = None
        self._discovery: Discovery | None = None
        self._ready: threading.Event = threading.Event()
        self._is_closing = threading.Event()
        self._fault: OSError | None = None
        self._stop: asyncio.Event | None = None
        self._is_plugged = True
        self._loop: asyncio.AbstractEventLoop | None = None
        self._warned_s = float("-inf")
        self.turned_away = 0
        """How often a stranger or a revoked device was."""
        self.last_turned_away = ""
        self.port = 0
        """Where it listens, once it does."""
        self._thread = threading.Thread(target=self._run, name="lan", daemon=True)

    def start(self) -> None:
        """Begin to listen. Raises StoreError when that is not possible."""
        log.info("lan: %d files may be open", raise_file_limit())
        self._thread.start()
        self._ready.wait()
        if self._fault is not None:
            raise StoreError(
                _("cannot listen on {host} port {port}: {detail}").format(
                    host=self._listen[0] or "*", port=self._listen[1], detail=self._fault.strerror
                ),
                _("Is another program listening there? See [lan] in config.toml."),
            ) from self._fault

    def close(self) -> None:
        """Hang up everywhere."""
        self._is_closing.set()
        if self._thread.is_alive():
            self._call_soon(lambda: self._stop.set() if self._stop else None)
            self._thread.join(5)

    # From the thread that owns the files

    def send(self, words: Iterable[tuple[Link, bytes]]) -> None:
        """Say something to some of the gates."""
        said = list(words)
        self._call_soon(partial(self._put_all, said))

    def know(self, places: Mapping[str, str], rank: Rank = Rank.TOLD) -> None:
        """A gate has told where devices listen, or where it does itself."""
        self._call_soon(partial(self._hear_of_all, dict(places), rank))

    def cut(self, device: str, why: str) -> None:
        """Hang up on a gate, which may call again."""
        self._call_soon(lambda: self._cut(device, why))

    def complain(self, who: str, why: str) -> None:
        """Something that came from a gate was turned away: tell it as strangers are told."""
        self._call_soon(partial(self._refuse, who, why))

    def plug(self, *, is_in: bool) -> None:
        """Pull this gate's cable, or plug it in again: for rehearsals."""
        self._call_soon(partial(self._plug, is_in=is_in))

    def _call_soon(self, do: Callable[[], Any]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(do)

    # In the loop's thread

    def _run(self) -> None:
        while not self._is_closing.is_set():
            try:
                asyncio.run(self._main())
            except Exception:
                # The thread's end would be told by nobody, and the other gates be heard no more.
                log.exception("lan: unforeseen fault; it begins anew")
                self._ready.set()
                self._is_closing.wait(BEGIN_ANEW_S)
            else:
                self._ready.set()
                return

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await self._open()
        except OSError as error:
            self._fault = error
            return
        self.port = next(iter(server.sockets)).getsockname()[1]
        self._ready.set()
        try:
            if self._announces:
                self._discovery = Discovery(
                    self._venue, self._device, self.port, self._found, self._is_member
                )
            await self._look_after()
        finally:
            if self._discovery is not None:
                await self._discovery.close()
            for task in list(self._calls.values()):
                task.cancel()
            server.close()
            for link in list(self._links.values()):
                link.socket.transport.abort()
            await server.wait_closed()

    async def _open(self) -> Server:
        host, port = self._listen
        try:
            listener = _listening(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            # Several gates on one machine: the others are told where this one listens.
            listener = _listening(host, 0)
        self._listener = Listener(listener, Connections(STRANGERS, OF_EACH))
        return await serve(
            self._come,
            sock=self._listener,
            ssl=self._server_tls,
            process_request=self._ask,
            process_response=self._name_run,
            ssl_handshake_timeout=CALL_S,
            open_timeout=CALL_S,
            **_stream_options(),
        )

    def _name_run(self, _socket: object, _request: Request, response: Response) -> None:
        response.headers[RUN_HEADER] = self._run_name

    def _note_run(self, device: str, run: str) -> None:
        """A machine has shown that it is a device: not another one than the one that is heard."""
        is_other = run != self._run_name
        if self._twins.seen(device, run, _now_s()) or (device == self._device and is_other):
            if device not in self.twins:
                log.warning("lan: another machine uses the credential of device %s", device)
            self.twins = self.twins | {device}

    async def _look_after(self) -> None:
        """Call who is not heard, hang up on who is silent, until it is time to stop."""
        assert self._stop is not None
        before = _now_s()
        while not self._stop.is_set():
            now = _now_s()
            if now - before > SILENCE_S:
                # The machine has slept: every stream may be dead, every address another.
                self._places.try_again()
            before = now
            for link in list(self._links.values()):
                if now - link.heard_s > SILENCE_S:
                    self._cut(link.device, _("silent"))
            self._places.forget(self._links, now)
            self._call_who_is_due(now)
            if self._discovery is not None:
                await self._discovery.look(self._links)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), LOOK_EVERY_S)

    def _call_who_is_due(self, now: float) -> None:
        if not self._is_plugged:
            return
        for place in self._places.due(self._links, now):
            if len(self._calls) >= CALLS:
                return
            if place.at not in self._calls:
                task = asyncio.ensure_future(self._reach(place))
                self._calls[place.at] = task
                task.add_done_callback(partial(self._end_call, place))

    def _end_call(self, place: Place, task: "asyncio.Task[None]") -> None:
        self._calls.pop(place.at, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("lan: unforeseen fault with %s", place.at, exc_info=error)
            self._places.fail(place, _now_s())

    async def _reach(self, place: Place) -> None:
        try:
            socket = await connect(
                f"wss://{place.at}{STREAM}",
                ssl=self._client_tls,
                open_timeout=CALL_S,
                proxy=None,
                user_agent_header=f"venue-gate/{__version__}",
                additional_headers={RUN_HEADER: self._run_name},
                **_stream_options(),
            )
        except (OSError, TimeoutError, WebSocketException, ValueError) as error:
            if isinstance(error, InvalidStatus) and (proof := _proof_in(error.response)):
                self._tell(Expelled(proof))
            # What strangers announce is not worth a line.
            if place.failures == 0 and place.rank > Rank.ANNOUNCED:
                log.info("lan: %s cannot be reached: %s", place.at, error)
            self._places.fail(place, _now_s())
            return
        # Whoever listens there is known by its certificate, whatever was thought before.
        member = _member(socket)
        if member is not None:
            self._places.prove(place, member[0], _now_s())
        await self._follow(socket, is_ours=True)

    async def _come(self, socket: ServerConnection) -> None:
        await self._follow(socket, is_ours=False)

    async def _follow(self, socket: Connection, *, is_ours: bool) -> None:
        """Read a stream to its end."""
        member = _member(socket)
        if member is None:
            await socket.close()
            return
        device, key = member
        link = Link(device, key, _host(socket), is_ours, socket, _now_s(), _run_of(socket))
        self._note_run(device, link.run)
        if device == self._device or self._turns_away(link) or not self._is_plugged:
            await socket.close()
            return
        before = self._links.get(device)
        if before is not None and not self._replaces(link, before):
            await socket.close()
            return
        self._links[device] = link
        if before is not None:
            before.socket.transport.abort()
            self._tell(Disconnected(before, ""))
        self._tell(Connected(link))
        sender = asyncio.ensure_future(_send_all(link))
        why = ""
        try:
            await self._read(link)
        except (ConnectionClosed, OSError) as error:
            why = str(error)[:200]
        except (msgspec.DecodeError, UnicodeError) as error:
            why = _("it speaks another language: {detail}").format(detail=error)
        finally:
            sender.cancel()
            if self._links.get(device) is link:
                del self._links[device]
                self._tell(Disconnected(link, why))
            socket.transport.abort()

    async def _read(self, link: Link) -> None:
        async for data in link.socket:
            link.heard_s = _now_s()
            if self._turns_away(link):
                return
            self._note_run(link.device, link.run)
            link.came += 1
            self._tell(MessageReceived(link, _decoder.decode(data)))
            while link.came - link.dealt_with > UNREAD_WORDS:
                await asyncio.sleep(0.02)

    def _turns_away(self, link: Link) -> bool:
        why = self._why_not(link.device, link.key)
        if why:
            self._refuse(f"{link.device} ({link.host})", why)
        return bool(why)

    def _replaces(self, link: Link, before: Link) -> bool:
        """Whether a second stream to the same gate is kept instead of the first."""
        if _now_s() - before.heard_s > SILENCE_S / 2:
            return True
        # Both have called at once: each side keeps the call of the smaller id.
        return link.is_ours == (self._device < link.device) and link.is_ours != before.is_ours

    def _plug(self, *, is_in: bool) -> None:
        self._is_plugged = is_in
        for device in [] if is_in else list(self._links):
            self._cut(device, _("the cable is out"))
        self._places.try_again()

    def _put_all(self, words: Iterable[tuple[Link, bytes]]) -> None:
        for link, data in words:
            if link.unacked.qsize() >= UNSENT_WORDS:
                self._cut(link.device, _("too slow"))
            else:
                link.unacked.put_nowait(data)

    def _cut(self, device: str, why: str) -> None:
        link = self._links.pop(device, None)
        if link is not None:
            link.socket.transport.abort()
            self._tell(Disconnected(link, why))

    def _hear_of_all(self, places: Mapping[str, str], rank: Rank) -> None:
        for device, at in places.items():
            self._places.hear_of(at, device, rank, _now_s())

    def _found(self, at: str, device: str) -> None:
        self._places.hear_of(at, device, Rank.ANNOUNCED, _now_s())

    def _note_stranger(self, error: ssl.SSLError) -> None:
        self._refuse(_("a stranger"), error.reason or str(error))

    def _refuse(self, who: str, why: str) -> None:
        self.turned_away += 1
        self.last_turned_away = f"{who}: {why}"
        # A flood of strangers must not become a flood of lines.
        if _now_s() - self._warned_s > WARN_EVERY_S:
            self._warned_s = _now_s()
            log.warning("lan: turned away %s", self.last_turned_away)

    async def _ask(self, socket: ServerConnection, request: Request) -> Response | None:
        """Answer what is asked by HTTP; a stream is let through."""
        member = _member(socket)
        why = self._why_not(*member) if member is not None else _("no certificate")
        if why:
            who = f"{member[0]} ({_host(socket)})" if member else _host(socket)
            self._refuse(who, why)
            proof = self._proof_of(member[0]) if member else ""
            body = _encoder.encode(Revoked("revoked", "revoked", proof))
            return _response(Reply(HTTPStatus.FORBIDDEN, body))
        assert self._listener is not None
        assert member is not None
        self._listener.prove(socket.transport.get_extra_info("peername"), member[0], OF_MEMBER)
        parts = urlsplit(request.path)
        if parts.path == STREAM:
            return None
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix(PREFIX)
        reply = await asyncio.to_thread(
            self._answer, path, asked, request.headers.get("Range") or ""
        )
        return _response(reply)


def problem(status: HTTPStatus, error: str, reason: str = "") -> Reply:
    """Why something cannot be had."""
    return Reply(status, _encoder.encode(Problem(error, reason or status.phrase)))


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
    said = {"Content-Range": f"bytes {start}-{start + len(body) - 1}/{size}"}
    return Reply(HTTPStatus.PARTIAL_CONTENT, body, said)


def _proof_in(response: Response) -> str:
    """What a gate that turns this one away has of the authority; empty when it has nothing."""
    try:
        return msgspec.json.decode(response.body or b"", type=Revoked).proof
    except (msgspec.DecodeError, UnicodeError):
        return ""


def _response(reply: Reply) -> Response:
    headers = Headers(reply.headers)
    headers["Content-Length"] = str(len(reply.body))
    headers["Connection"] = "close"
    return Response(reply.status, HTTPStatus(reply.status).phrase, headers, reply.body)


async def _send_all(link: Link) -> None:
    with suppress(ConnectionClosed, OSError):
        while True:
            await link.socket.send(await link.unacked.get(), text=True)


def _stream_options() -> dict[str, Any]:
    # Every gate speaks every second, so that pings would tell nothing new.
    return {
        "ping_interval": None,
        "close_timeout": 1,
        "compression": None,
        "max_size": 2 * MAX_FRAME,
        "max_queue": 4,
    }


def _member(socket: Connection) -> tuple[str, str] | None:
    tls = socket.transport.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    if not certificate:
        return None
    try:
        return member_of(certificate)
    except ValueError:
        return None


def _run_of(socket: Connection) -> str:
    """Which run of its worker a stream's other end has named."""
    named = socket.request if isinstance(socket, ServerConnection) else socket.response
    return (named.headers.get(RUN_HEADER) or "")[:64] if named is not None else ""


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens there, or on every address of either kind. Raises OSError."""
    if host:
        flags = socket.AI_PASSIVE
        (family, *_kind, at), *_others = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=flags
        )
        return socket.create_server(at[:2], family=family)
    if socket.has_dualstack_ipv6():
        with suppress(OSError):
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


def _host(stream: Connection) -> str:
    """The address at the other end; one of IPv4 as such, though the socket speaks both."""
    address = stream.transport.get_extra_info("peername") or ("",)
    return str(address[0]).removeprefix("::ffff:")


def place_of(host: str, port: int) -> str:
    """A host and port as one name."""
    with suppress(ValueError):
        if ipaddress.ip_address(host.partition("%")[0]).version == 6:
            return f"[{host}]:{port}"
    return f"{host}:{port}"


def _placed(seed: str) -> str:
    """What a person wrote, with the usual port where none is named."""
    with suppress(ValueError):
        ipaddress.IPv6Address(seed.strip("[]"))
        return place_of(seed.strip("[]"), USUAL_PORT)
    return seed if seed.rpartition(":")[2].isdecimal() else f"{seed}:{USUAL_PORT}"


def _watching(report: Callable[[ssl.SSLError], None]) -> type[ssl.SSLObject]:
    class Watched(ssl.SSLObject):
        """Tells of handshakes that fail, which nobody else does."""

        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                report(error)
                raise

    return Watched

"""The LAN: finds the other gates of the venue and keeps a stream open to each of them.

Sockets live here, in one thread with an event loop; what happens on them is told to whoever owns
the files. Who is at the other end is read from the certificate of the connection itself.
"""

import asyncio
import errno
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from gate.clock import SystemClock
from gate.errors import StoreError
from gate.i18n import _
from gate.storage.certificates import Membership, client_context, server_context, venue_id
from gate.storage.folder import Folder
from sync.session.twins import RUN_HEADER, THIS_RUN
from sync.transport.accepting import Listener, listening, raise_file_limit
from sync.transport.connections import Connections
from sync.transport.dialler import CALL_S, Dialler
from sync.transport.discovery import Discovery
from sync.transport.guard import Guard, WhyNot
from sync.transport.lan_http import Answer, expulsion, reply_to, response_of
from sync.transport.lan_stream import (
    STREAM,
    STREAM_OPTIONS,
    Connected,
    Disconnected,
    Event,
    Expelled,
    Link,
    MessageReceived,
    host_at,
    member_at,
    run_at,
)
from sync.transport.places import USUAL_PORT, Places, Rank, placed
from sync.wire import PeerMessage

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
SILENCE_S = 4.0
"""A link on which nothing came for so long is gone, whatever the network says."""
UNREAD_MESSAGES = 64
"""Messages of one gate that may wait to be dealt with."""
UNSENT_MESSAGES = 256
"""Messages that may wait for a slow link before it is cut."""
STRANGERS, OF_EACH = 128, 32
"""Connections on which no member's certificate was shown yet, in all and of one address."""
OF_MEMBER = 16
BEGIN_ANEW_S = 1.0
"""How long after an unforeseen fault."""

_clock = SystemClock()
_decoder = msgspec.json.Decoder(PeerMessage)


def _now_s() -> float:
    return _clock.read().boot_ms / 1000


class LanTransport:
    """This gate's streams to the others, from ``start`` to ``close``."""

    def __init__(
        self,
        folder: Folder,
        membership: Membership,
        publish: Callable[[Event], None],
        *,
        answer: Answer,
        why_not: WhyNot,
        is_member: Callable[[str], bool],
        proof_of: Callable[[str], str] = lambda _device: "",
        listen: tuple[str, int] = ("", USUAL_PORT),
        seeds: Sequence[str] = (),
        announces: bool = True,
        run: str = THIS_RUN,
    ) -> None:
        self._device = membership.device
        self._publish = publish
        self._answer = answer
        self._listen = listen
        self._announces = announces
        self._is_member = is_member
        self._venue = venue_id(membership)
        self.guard = Guard(self._device, _now_s, why_not, proof_of, run)
        self._server_tls = server_context(folder, membership)
        self._server_tls.sslobject_class = self.guard.watch_handshakes()
        self._places = Places(self._device, map(placed, seeds), is_member, _now_s())
        self._dialler = Dialler(
            self._places,
            client_context(folder, membership),
            run,
            _now_s,
            follow=partial(self._follow, is_ours=True),
            expelled=lambda proof: publish(Expelled(proof)),
        )
        self._links: dict[str, Link] = {}
        self._listener: Listener | None = None
        self._discovery: Discovery | None = None
        self._ready: threading.Event = threading.Event()
        self._is_closing = threading.Event()
        self._fault: OSError | None = None
        self._stop: asyncio.Event | None = None
        self._is_plugged = True
        self._loop: asyncio.AbstractEventLoop | None = None
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

    def send(self, messages: Iterable[tuple[Link, bytes]]) -> None:
        """Send something to some of the gates."""
        self._call_soon(partial(self._put_all, list(messages)))

    def know(self, places: Mapping[str, str], rank: Rank = Rank.REPORTED) -> None:
        """A gate has told where devices listen, or where it does itself."""
        self._call_soon(partial(self._note_places, dict(places), rank))

    def cut(self, device: str, why: str) -> None:
        """Hang up on a gate, which may call again."""
        self._call_soon(lambda: self._cut(device, why))

    def complain(self, who: str, why: str) -> None:
        """Something that came from a gate was turned away: tell it as strangers are told."""
        self._call_soon(partial(self.guard.turn_away, who, why))

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
            self._dialler.close()
            server.close()
            for link in list(self._links.values()):
                link.socket.transport.abort()
            await server.wait_closed()

    async def _open(self) -> Server:
        host, port = self._listen
        try:
            listener = listening(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            # Several gates on one machine: the others are told where this one listens.
            listener = listening(host, 0)
        self._listener = Listener(listener, Connections(STRANGERS, OF_EACH))
        return await serve(
            self._come,
            sock=self._listener,
            ssl=self._server_tls,
            process_request=self._ask,
            process_response=self._name_run,
            ssl_handshake_timeout=CALL_S,
            open_timeout=CALL_S,
            **STREAM_OPTIONS,
        )

    def _name_run(self, _socket: object, _request: Request, response: Response) -> None:
        response.headers[RUN_HEADER] = self.guard.run

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
                if now - link.received_s > SILENCE_S:
                    self._cut(link.device, _("silent"))
            self._places.forget(self._links, now)
            if self._is_plugged:
                self._dialler.call_who_is_due(self._links, now)
            if self._discovery is not None:
                await self._discovery.look(self._links)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), LOOK_EVERY_S)

    async def _come(self, socket: ServerConnection) -> None:
        await self._follow(socket, is_ours=False)

    async def _follow(self, socket: Connection, *, is_ours: bool) -> None:
        """Read a stream to its end."""
        member = member_at(socket)
        if member is None:
            await socket.close()
            return
        device, key = member
        link = Link(device, key, host_at(socket), is_ours, socket, _now_s(), run_at(socket))
        self.guard.note_run(device, link.run)
        is_own = device == self._device
        if is_own or self.guard.turns_away(member, link.host) or not self._is_plugged:
            await socket.close()
            return
        before = self._links.get(device)
        if before is not None and not self._replaces(link, before):
            await socket.close()
            return
        self._links[device] = link
        if before is not None:
            before.socket.transport.abort()
            self._publish(Disconnected(before, ""))
        self._publish(Connected(link))
        sender = asyncio.ensure_future(link.send_all())
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
                self._publish(Disconnected(link, why))
            socket.transport.abort()

    async def _read(self, link: Link) -> None:
        async for data in link.socket:
            link.received_s = _now_s()
            if self.guard.turns_away((link.device, link.key), link.host):
                return
            self.guard.note_run(link.device, link.run)
            link.came += 1
            self._publish(MessageReceived(link, _decoder.decode(data)))
            while link.came - link.dealt_with > UNREAD_MESSAGES:
                await asyncio.sleep(0.02)

    def _replaces(self, link: Link, before: Link) -> bool:
        """Whether a second stream to the same gate is kept instead of the first."""
        if _now_s() - before.received_s > SILENCE_S / 2:
            return True
        # Both have called at once: each side keeps the call of the smaller id.
        return link.is_ours == (self._device < link.device) and link.is_ours != before.is_ours

    def _plug(self, *, is_in: bool) -> None:
        self._is_plugged = is_in
        for device in [] if is_in else list(self._links):
            self._cut(device, _("the cable is out"))
        self._places.try_again()

    def _put_all(self, messages: Iterable[tuple[Link, bytes]]) -> None:
        for link, data in messages:
            if link.unsent.qsize() >= UNSENT_MESSAGES:
                self._cut(link.device, _("too slow"))
            else:
                link.unsent.put_nowait(data)

    def _cut(self, device: str, why: str) -> None:
        link = self._links.pop(device, None)
        if link is not None:
            link.socket.transport.abort()
            self._publish(Disconnected(link, why))

    def _note_places(self, places: Mapping[str, str], rank: Rank) -> None:
        for device, at in places.items():
            self._places.note(at, device, rank, _now_s())

    def _found(self, at: str, device: str) -> None:
        self._places.note(at, device, Rank.ANNOUNCED, _now_s())

    async def _ask(self, socket: ServerConnection, request: Request) -> Response | None:
        """Answer what is asked by HTTP; a stream is let through."""
        member = member_at(socket)
        if self.guard.turns_away(member, host_at(socket)):
            return response_of(expulsion(self.guard.proof_of(member[0]) if member else ""))
        assert self._listener is not None
        assert member is not None
        self._listener.prove(socket.transport.get_extra_info("peername"), member[0], OF_MEMBER)
        if request.path.partition("?")[0] == STREAM:
            return None
        return response_of(await asyncio.to_thread(reply_to, request, self._answer))

"""The way to the server: all that both hold is compared, then what is new told as it comes.

What cannot be reached is tried again, ever later, and found again soon after it is back.
"""

import logging
import random
from collections.abc import Callable
from functools import partial
from typing import Protocol

import msgspec

from gate.core.event_device import DeviceReport
from gate.core.hlc import Reading
from gate.i18n import _
from sync.session.server_session import ServerSession
from sync.session.watermarks import ServerClock, Way
from sync.transport.http_client import ServerClient, ServerUnreachable
from sync.transport.server_stream import ServerStream
from sync.wire import SyncRequest, SyncResponse
from sync.worker.event_pump import EventPump, Streamed, StreamEnded
from sync.worker.feed_follower import Progress
from sync.worker.owned_files import OwnedFiles
from sync.worker.server_contact import SILENCE_S, ServerContact
from sync.worker.status_writer import StatusWriter
from sync.worker.surroundings import Surroundings
from sync.worker.ticket_sources import TicketSources

log = logging.getLogger(__name__)

HEARTBEAT_EVERY_S = 1.0
"""How often the server hears from us at least."""
WHOLE_EVERY_S = 60.0
"""How often both sides compare all they hold."""
RECEIPT_S = 5.0
"""What was offered on the stream and has no receipt by then is offered again."""
BACK_OFF_S = (1.0, 60.0)
"""How long a server is left alone that is there and cannot: ever longer, between these."""
AWAY_S = 5.0
"""How long at most one that does not answer: a try costs nothing, and it may be back."""
POLLS = 30
"""How often it is asked before a stream is tried again."""


class Wait(Protocol):
    """Waits between two tries."""

    def __call__(self, wait_s: float, at_least_s: float = 0.0) -> None:
        """For so long, or at least so long if there is a reason to try at once."""


class ServerLink:
    """One folder's side of it, over as many connections as it takes."""

    def __init__(
        self,
        client: ServerClient,
        files: OwnedFiles,
        around: Surroundings,
        *,
        pump: EventPump,
        contact: ServerContact,
        sources: TicketSources,
        status: StatusWriter,
        relays: Callable[[str], bool] | None,
        wait: Wait,
        progress: Progress,
    ) -> None:
        """``relays`` is for ``ServerSession``."""
        self._client = client
        self._files = files
        self._now_s = around.now_s
        self._pump = pump
        self._contact = contact
        self._sources = sources
        self._status = status
        self._relays = relays
        self._wait = wait
        self._progress = progress
        self._server_clock = ServerClock()
        self.session = self._new_session()

    def work(self) -> None:
        """Be there for the server until stopped. Raises ServerFault where a person has to act."""
        failures = 0
        while not self._pump.stop.is_set:
            again_s, is_busy = 0.0, False
            try:
                self._files.take_inbox()
                self.compare()
                failures = 0
                self._listen()
            except ServerUnreachable as fault:
                failures += 1
                self._lose(fault.message)
                again_s, is_busy = fault.again_s, fault.is_busy
                if failures == 1:
                    log.warning("server: %s", fault.message)
            if not self._pump.stop.is_set:
                wait_s = _back_off_s(failures, is_busy=is_busy)
                self._wait(max(again_s, wait_s), at_least_s=again_s)

    def compare(self) -> None:
        """Compare everything, until neither side has more. Raises ServerFault."""
        self.session = self._new_session()
        waiting = self.session.unacked()
        while True:
            more = self._exchange()
            left = self.session.unacked()
            if waiting > 1:
                self._progress(_("telling the server"), waiting - min(left, waiting), waiting)
            if self._pump.stop.is_set or not (more or self.session.has_to_send()):
                break
        if not self._pump.stop.is_set:
            self._files.peer_store.file.complete()
        self._sources.follow_server(self._client)
        if waiting:
            # The server keeps what we say of ourselves: that nothing waits any more, too.
            self._exchange()

    def take_leave(self) -> None:
        """Tell the last, compare what it has come to, and say that nothing waits any more.

        Raises ServerFault.
        """
        # What went out on the stream a moment ago has no receipt yet; a whole message brings it.
        self.session.needs_whole = True
        self._exchange()
        self._exchange()

    def _new_session(self) -> ServerSession:
        return ServerSession(self._files.peer_store, self._files.key, self._relays)

    def _exchange(self) -> bool:
        """Ask once; whether there is more to compare."""
        request = self._next_request(self._status.report())
        exchange, clock = self._client.exchange, self._files.clock

        def ask() -> tuple[SyncResponse, int, Reading]:
            before_ms = clock.read().wall_ms
            response = exchange(request)
            return response, before_ms, clock.read()

        response, before_ms, came = self._pump.call(ask)
        self._contact.measured(before_ms, came, response.server_ms, self._now_s())
        received = self.session.receive(response, came.wall_ms, to_whole=request.frame.compares)
        self._received(response, came.boot_ms)
        return received.more

    def _next_request(
        self, report: DeviceReport | None = None, *, sign: bool = True
    ) -> SyncRequest:
        """What to send next, and up to where the journal had been looked through when."""
        now_ms = self._files.clock.read().boot_ms
        request = self.session.next_request(report, sign=sign)
        stamp = self._server_clock.stamp(now_ms, self._files.peer_store.journal.tip)
        return msgspec.structs.replace(request, stamp=stamp)

    def _listen(self) -> None:
        """Be told by the stream; where there is none, ask again and again."""
        clock, publish = self._files.clock, self._pump.put
        opened = partial(
            self._client.stream,
            lambda response: publish(Streamed(response, clock.read().boot_ms)),
            lambda why: publish(StreamEnded(why)),
        )
        try:
            stream = self._pump.call(opened)
        except ServerUnreachable as fault:
            log.info("polling: %s", fault.message)
            self._poll()
            return
        try:
            self._contact.link = "stream"
            # What came in at the server while the stream was being opened is not told on it.
            self.session.needs_whole = True
            self._follow(stream)
        finally:
            self._contact.link = ""
            stream.close()

    def _follow(self, stream: ServerStream) -> None:
        now = self._now_s()
        heartbeat_at = whole_at = offered_at = now
        clock = self._files.clock
        heard_ms = clock.read().boot_ms
        while not self._pump.stop.is_set:
            happened = self._pump.next()
            now = self._now_s()
            if isinstance(happened, StreamEnded):
                raise ServerUnreachable(_("the connection ended"), happened.why)
            if isinstance(happened, Streamed):
                heard_ms = happened.came_ms
                self.session.receive(happened.response, clock.read().wall_ms)
                self._received(happened.response, happened.came_ms)
            elif clock.read().boot_ms - heard_ms > SILENCE_S * 1000:
                raise ServerUnreachable(_("nothing was heard for {n} s").format(n=int(SILENCE_S)))
            # A comparison begins with all that is lacking, each time: it is not for the stream.
            while not self.session.needs_whole and self.session.has_to_send():
                offered_at = now
                stream.send(self._next_request(sign=False))
            if now - heartbeat_at >= HEARTBEAT_EVERY_S:
                heartbeat_at = now
                # Signed with every heartbeat: from then on others can carry it, should we be lost.
                stream.send(self._next_request(self._status.report()))
                self._files.take_inbox()
            overdue = now - offered_at > RECEIPT_S and self.session.unacked() > 0
            if self.session.needs_whole or overdue or now - whole_at > WHOLE_EVERY_S:
                whole_at = offered_at = now
                self.session.needs_whole = True
                while self._exchange() and not self._pump.stop.is_set:
                    pass
            if self._sources.head and self._sources.head != self._files.feed.cursor:
                self._sources.follow_server(self._client)
            self._status.write()

    def _poll(self) -> None:
        self._contact.link = "poll"
        for _n in range(POLLS):
            if self._pump.stop.is_set:
                break
            wait_s = self._contact.poll_s * random.uniform(0.8, 1.2)  # noqa: S311  spreads load
            self._wait(wait_s)
            if not self._pump.stop.is_set:
                self.session.needs_whole = True
                self.compare()
        self._contact.link = ""

    def _received(self, response: SyncResponse, came_ms: int) -> None:
        """Take in what the server says of everything but entries, as of when it came."""
        files, contact, sources = self._files, self._contact, self._sources
        newest_ms = max(came_ms, contact.heard_ms or came_ms)
        contact.last_error = ""
        if response.stamp is not None:
            for device, mark in self._server_clock.receive(response.stamp, newest_ms).items():
                if device != files.peer_store.device:
                    files.watermarks.note(device, Way.CENTRAL, mark)
        if came_ms == newest_ms:
            # What was kept while another answer was waited for may be older than that.
            contact.heard_ms = came_ms
            sources.head = response.head or sources.head
            if response.lanes is not None:
                files.directory.learn_from_server(response.lanes, came_ms)
                contact.upstream, contact.upstream_boot_ms = response.upstream, came_ms
            if response.head and response.head == files.feed.cursor:
                sources.be_current(came_ms)
        self._status.write()

    def _lose(self, why: str) -> None:
        self._contact.lose(why)
        self._status.write()


def _back_off_s(failures: int, *, is_busy: bool = False) -> float:
    least, most = BACK_OFF_S
    if not is_busy:
        most = min(most, AWAY_S)
    if failures == 0:
        return least
    # Full jitter, so that two hundred gates do not come back as one.
    return random.uniform(least, min(most, least * 2 ** min(failures, 10)))  # noqa: S311

"""The sync worker: moves journals and tickets, and never draws.

It talks to the server whenever it can and waits when it cannot; the lane never waits for it. One
thread owns every file; whatever happens elsewhere comes to it through one queue. While it waits for
the server, the other gates are served.
"""

import logging
import os
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from gate import __version__, config
from gate.clock import Clock
from gate.core.event_device import DeviceReport
from gate.core.hlc import Reading
from gate.core.model import CENTRAL, device_of
from gate.errors import BusyError, DamagedError, FullError, GateError, StoreError
from gate.i18n import _
from gate.storage import sync_status
from gate.storage.bundle_import import take_waiting
from gate.storage.certificates import Membership, load_membership
from gate.storage.device_key import DeviceKey
from gate.storage.enrolment import Enrolment
from gate.storage.feed_signatures import is_revocation, key_of
from gate.storage.folder import Folder, Lock
from gate.storage.nudge import Nudges
from gate.storage.peer_store import PeerStore
from gate.storage.revocation import revoked
from gate.storage.sync_status import SyncStatus, SyncStatusReader
from gate.storage.ticket_feed import TicketFeed
from gate.storage.tickets import is_before
from gate.storage.venue_host import take_requests
from sync.session.server_session import ServerSession
from sync.session.watermarks import ServerClock, Watermarks, Way
from sync.transport.http_client import (
    Building,
    ProtocolMismatch,
    Revoked,
    ServerClient,
    ServerFault,
    ServerStream,
    ServerUnreachable,
    SnapshotGone,
    TooSlow,
)
from sync.transport.lan_transport import Event, Expelled, LanTransport
from sync.wire import Heartbeat, SyncRequest, SyncResponse
from sync.worker.device_directory import DeviceDirectory
from sync.worker.feed_follower import FeedFollower, Progress, offers_newer
from sync.worker.feed_sharing import FeedSharing
from sync.worker.peers import PeerSet
from sync.worker.surroundings import HERE, Surroundings

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
"""How often the journal is looked at even if nobody nudges."""
BEAT_EVERY_S = 1.0
"""How often the server hears from us at least."""
SILENCE_S = 15.0
"""A stream on which nothing came for so long is gone, whatever the network says."""
WHOLE_EVERY_S = 60.0
"""How often both sides compare all they hold."""
RECEIPT_S = 5.0
"""What was offered on the stream and has no receipt by then is offered again."""
BACK_OFF_S = (1.0, 60.0)
"""How long a server is left alone that is there and cannot: ever longer, between these."""
AWAY_S = 5.0
"""How long at most one that does not answer: a try costs nothing, and it may be back."""
OTHERS_HEAR_S = (1.0, 5.0)
"""How long to wait at most while another gate hears the server."""
OFFSET_KEPT_S = 600.0
LAN_STAMP_S = 0.5
STAMPS_A_BEAT = 2
SAY_EVERY_S = 0.25
"""How often at most it is said that more is known to be held."""
CENTRAL_HEARD_S = 10.0
PEER_FEED_S = 5.0
"""How long nobody, or another gate, is not asked for tickets after that failed."""
NO_FAULT = StoreError("")
LIAR_S = 300.0
"""And after what it gave was wrong, or came too slowly."""
FULL_S = 60.0
"""How long no tickets are asked for after there was no room for them."""
TIDY_EVERY_S = 60.0
NOTE_HEARD_MS = 30_000
"""How exactly it is known after a restart when somebody was last heard."""
BUILD_S = 600.0
"""How long to wait while the server packs its tickets."""
SNAPSHOTS = 3
"""How many may be gone before they were fetched; then as if the server had not answered."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Happened:
    """Something the worker's thread should know."""

    answer: SyncResponse | None = None
    came_ms: int = 0
    """When the answer came, by this device's boot clock: it may wait here for long."""
    gone: str | None = None
    stop: bool = False
    lan: Event | None = None
    is_done: bool = False
    """What was given to another thread is done."""


NUDGE, STOP, DONE = Happened(), Happened(stop=True), Happened(is_done=True)


@dataclass(slots=True)
class _Offset:
    """The best measurement of the server's clock lately."""

    ahead_ms: int | None = None
    error_ms: int | None = None
    measured_s: float = 0.0
    now_s: Callable[[], float] = time.monotonic

    def measured(self, before_ms: int, after_ms: int, server_ms: int) -> None:
        """Take in one more: what was asked at ``before_ms`` was answered by ``after_ms``."""
        error = max(1, (after_ms - before_ms + 1) // 2)
        now = self.now_s()
        is_old = now - self.measured_s > OFFSET_KEPT_S
        if server_ms and (self.error_ms is None or is_old or error <= 2 * self.error_ms):
            self.ahead_ms = server_ms - (before_ms + after_ms) // 2
            self.error_ms, self.measured_s = error, now


class Worker:
    """The sync side of one data folder. Hold the folder's ``sync`` lock while it lives."""

    def __init__(
        self,
        folder: Folder,
        enrolment: Enrolment,
        client: ServerClient | None,
        clock: Clock,
        *,
        gate: str = "",
        poll_s: float = 2.0,
        membership: Membership | None = None,
        lan: config.Lan | None = None,
        progress: Progress = lambda _what, _done, _total: None,
        told: Callable[[SyncStatus], None] = lambda _freshness: None,
        around: Surroundings = HERE,
    ) -> None:
        self._around = around
        self._now_s = around.now_s
        self._folder = folder
        self._enrolment = enrolment
        self._client = client
        self._clock = clock
        self._gate = gate
        self._poll_s = poll_s
        self._progress = progress
        self._told = told
        self._nudges = Nudges(folder)
        self._queue: queue.SimpleQueue[Happened] = around.queue()
        self._kept: deque[Happened] = deque()
        self._peer_store = PeerStore(folder)
        self._feed = TicketFeed(folder)
        self._key = DeviceKey(folder)
        self._watermarks = Watermarks(self._peer_store.entries.lacking)
        self._others = DeviceDirectory(self._peer_store, self._feed, self._watermarks)
        self._follower = FeedFollower(folder, self._feed, self._call, progress)
        before = SyncStatusReader(folder).read(clock.read().boot_id).lanes
        self._others.recall(before)
        self._gates: PeerSet | None = None
        self._lan: LanTransport | None = None
        self._authority = key_of(membership.authority) if membership is not None else None
        self._elsewhere = around.elsewhere()
        if membership is not None and lan is not None and lan.enabled:
            self._lan = self._open_lan(membership, lan)
            self._gates = PeerSet(
                self._peer_store,
                self._key,
                self._lan,
                clock,
                self._others.key_of,
                watermarks=self._watermarks,
                heard={
                    one.device: one.lan_boot_ms for one in before if one.lan_boot_ms is not None
                },
            )
        self._server_session = self._new_talk()
        self._tickets_fault: StoreError | None = None
        self._feed_not_before_s = 0.0
        self._offset = _Offset(now_s=self._now_s)
        self._server_clock = ServerClock()
        self._head = ""
        self._server_boot_ms: int | None = None
        self._tickets_boot_ms: int | None = None
        self._link = ""
        self._last_error = ""
        self._written = SyncStatus()
        self._said_s = self._stamp_s = float("-inf")
        self._said_version = 0
        self._stamps = -1
        self._tidied_s = self._now_s()
        self._not_before_s: dict[str, float] = {}
        """When another gate may be asked for tickets again, after that went wrong."""
        self._room_at_s = float("-inf")
        """When there may be room for tickets again, after there was none."""
        self._stopping = False
        self._is_revoked = False
        self._noted_boot_ms = -NOTE_HEARD_MS

    def close(self) -> None:
        """Let go of everything."""
        if self._lan is not None:
            self._lan.close()
        self._elsewhere.shutdown()
        self._peer_store.close()
        self._feed.close()

    def nudge(self) -> None:
        """Say that there is something new; from any thread."""
        self._queue.put(NUDGE)

    def stop(self, within_s: float = 0.0) -> None:
        """Come to an end soon, or at the latest within so long; from any thread."""
        if not within_s:
            self._queue.put(STOP)
            return
        self._around.later(within_s, lambda: self._queue.put(STOP))

    def plug(self, *, is_in: bool) -> None:
        """Pull the cable to the other gates, or plug it in again: for rehearsals."""
        if self._lan is not None:
            self._lan.plug(is_in=is_in)

    def quarantined(self) -> int:
        """How many entries were refused, by the server or by us."""
        return self._peer_store.quarantine.count()

    def once(self) -> None:
        """Tell and hear everything there is to. Raises ServerFault when that cannot be."""
        with self._said():
            self._take_inbox()
            self._contact()
            self._require_not_revoked()
            self._drop_if_over()
            if self._tickets_fault is not None:
                raise self._tickets_fault

    def run(self) -> None:
        """Work until stopped. Raises NotWelcome or ProtocolMismatch: a person has to act."""
        with self._said():
            self._work()
            self._require_not_revoked()

    def _require_not_revoked(self) -> None:
        if self._is_revoked:
            fault = revoked()
            raise Revoked(fault.message, fault.hint)

    def _expel(self, proof: str) -> None:
        """Stop for good, if it is the authority's word that this device was revoked."""
        if self._authority is not None and is_revocation(
            proof, self._peer_store.device, self._authority
        ):
            self._is_revoked = self._stopping = self._follower.is_stopping = True

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Whatever this ends with is said to whoever asks how things are."""
        try:
            yield
            self._say()
        except Exception as fault:
            self._link, self._last_error = "", _told(fault)
            # Whoever started it is told the fault itself.
            self._told = lambda _freshness: None
            try:
                self._say()
            except Exception:  # noqa: BLE001  the first fault is the one to tell of
                # What is damaged may be what there would be to tell of.
                boot_id = self._clock.read().boot_id
                last = replace(self._written, boot_id=boot_id, link="", last_error=_told(fault))
                sync_status.write(self._folder, last)
            raise

    def _work(self) -> None:
        failures = 0
        if self._lan is not None:
            self._lan.start()
        self._say()
        self._drop_if_over()
        while self._client is None and not self._stopping:
            self._take_inbox()
            self._wait(BEAT_EVERY_S)
        while not self._stopping:
            again_s, is_busy = 0.0, False
            try:
                self._take_inbox()
                self._contact()
                failures = 0
                self._listen()
            except ServerUnreachable as fault:
                failures += 1
                self._lose(fault.message)
                again_s, is_busy = fault.again_s, fault.is_busy
                if failures == 1:
                    log.warning("server: %s", fault.message)
            if not self._stopping:
                wait_s = _back_off_s(failures, is_busy=is_busy)
                self._wait(max(again_s, wait_s), at_least_s=again_s)
        if self._gates is not None:
            # That the lane has closed is worth telling: the others stop waiting for it.
            self._gates.tell()
        if self._client is not None and not self._last_error:
            with suppress(ServerFault):
                self._take_leave()

    # Talking

    def _contact(self) -> None:
        """Compare everything, until neither side has more."""
        self._server_session = self._new_talk()
        waiting = self._server_session.unacked()
        while True:
            more = self._exchange()
            left = self._server_session.unacked()
            if waiting > 1:
                self._progress(_("telling the server"), waiting - min(left, waiting), waiting)
            if self._stopping or not (more or self._server_session.has_to_send()):
                break
        if not self._stopping:
            self._peer_store.file.complete()
        self._follow_feed()
        if waiting:
            # The server keeps what we say of ourselves: that nothing waits any more, too.
            self._exchange()

    def _take_leave(self) -> None:
        """Tell the last, compare what it has come to, and say that nothing waits any more."""
        # What went out on the stream a moment ago has no receipt yet; a whole message brings it.
        self._server_session.needs_whole = True
        self._exchange()
        self._exchange()

    def _exchange(self) -> bool:
        assert self._client is not None
        ask, exchange = self._ask(self._report()), self._client.exchange

        def server_session() -> tuple[SyncResponse, int, Reading]:
            before_ms = self._clock.read().wall_ms
            answer = exchange(ask)
            return answer, before_ms, self._clock.read()

        answer, before_ms, came = self._call(server_session)
        self._offset.measured(before_ms, came.wall_ms, answer.server_ms)
        heard = self._server_session.hear(answer, came.wall_ms, to_whole=ask.frame.compares)
        self._heard(answer, came.boot_ms)
        return heard.more

    def _ask(self, report: DeviceReport | None = None, *, sign: bool = True) -> SyncRequest:
        """What to say next, and up to where the journal had been looked through when."""
        now_ms = self._clock.read().boot_ms
        ask = self._server_session.ask(report, sign=sign)
        stamp = self._server_clock.stamp(now_ms, self._peer_store.journal.tip)
        return msgspec.structs.replace(ask, stamp=stamp)

    def _listen(self) -> None:
        """Be told by the stream; where there is none, ask again and again."""
        assert self._client is not None
        opened = partial(
            self._client.stream,
            lambda answer: self._queue.put(Happened(answer, self._clock.read().boot_ms)),
            lambda why: self._queue.put(Happened(gone=why)),
        )
        try:
            stream = self._call(opened)
        except ServerUnreachable as fault:
            log.info("polling: %s", fault.message)
            self._poll()
            return
        try:
            self._link = "stream"
            # What came in at the server while the stream was being opened is not told on it.
            self._server_session.needs_whole = True
            self._follow(stream)
        finally:
            self._link = ""
            stream.close()

    def _follow(self, stream: ServerStream) -> None:
        now = self._now_s()
        beat_at = whole_at = offered_at = now
        heard_ms = self._clock.read().boot_ms
        while not self._stopping:
            happened = self._next(LOOK_EVERY_S)
            now = self._now_s()
            if happened is not None and happened.gone is not None:
                raise ServerUnreachable(_("the connection ended"), happened.gone)
            if happened is not None and happened.answer is not None:
                heard_ms = happened.came_ms
                self._server_session.hear(happened.answer, self._clock.read().wall_ms)
                self._heard(happened.answer, happened.came_ms)
            elif self._clock.read().boot_ms - heard_ms > SILENCE_S * 1000:
                raise ServerUnreachable(_("nothing was heard for {n} s").format(n=int(SILENCE_S)))
            while self._server_session.has_to_send():
                offered_at = now
                stream.send(self._ask(sign=False))
            if now - beat_at >= BEAT_EVERY_S:
                beat_at = now
                # Signed on every beat: from then on others can carry it, should we be lost.
                stream.send(self._ask(self._report()))
                self._take_inbox()
            overdue = now - offered_at > RECEIPT_S and self._server_session.unacked() > 0
            if self._server_session.needs_whole or overdue or now - whole_at > WHOLE_EVERY_S:
                whole_at = offered_at = now
                self._server_session.needs_whole = True
                while self._exchange() and not self._stopping:
                    pass
            if self._head and self._head != self._feed.cursor:
                self._follow_feed()
            self._say()

    def _poll(self) -> None:
        self._link = "poll"
        tries = 0
        while not self._stopping and tries < 30:
            tries += 1
            self._wait(self._poll_s * random.uniform(0.8, 1.2))  # noqa: S311  only spreads load
            if not self._stopping:
                self._server_session.needs_whole = True
                self._contact()
        self._link = ""

    def _report(self) -> DeviceReport:
        return DeviceReport(
            version=__version__,
            gate=self._gate,
            unacked=self._unacked(),
            cursor=self._feed.cursor,
            offset_ms=self._offset.ahead_ms,
            error_ms=self._offset.error_ms,
            quarantined=self._peer_store.quarantine.count(),
        )

    def _unacked(self) -> int:
        """Own entries that the server does not hold; where there is none, no other gate."""
        if self._client is not None:
            return self._server_session.unacked()
        return self._gates.unacked() if self._gates and self._others.are_known() else 0

    def _heard(self, answer: SyncResponse, came_ms: int) -> None:
        """Take in what the server says of everything but entries, as of when it came."""
        newest_ms = max(came_ms, self._server_boot_ms or came_ms)
        self._last_error = ""
        if answer.stamp is not None:
            for device, mark in self._server_clock.hear(answer.stamp, newest_ms).items():
                if device != self._peer_store.device:
                    self._watermarks.note(device, Way.CENTRAL, mark)
        if came_ms == newest_ms:
            # What was kept while another answer was waited for may be older than that.
            self._server_boot_ms = came_ms
            self._head = answer.head or self._head
            if answer.lanes is not None:
                self._others.told_by_server(answer.lanes, came_ms)
            if answer.head and answer.head == self._feed.cursor:
                self._are_current(came_ms)
        self._say()

    def _are_current(self, boot_ms: int) -> None:
        """The tickets here are all that there were by that moment."""
        self._tickets_boot_ms = max(boot_ms, self._tickets_boot_ms or boot_ms)

    def _is_silent(self, now_ms: int) -> bool:
        """Whether nothing came from the server for so long that there is no connection.

        It may not have been looked at yet: this process may have been stopped.
        """
        heard_ms = self._server_boot_ms
        return heard_ms is None or now_ms - heard_ms > (SILENCE_S + 2 * self._poll_s) * 1000

    def _lose(self, why: str) -> None:
        self._link, self._last_error = "", why
        self._say()

    # Tickets

    def _follow_feed(self) -> None:
        assert self._client is not None
        if self._now_s() < max(self._room_at_s, self._feed_not_before_s):
            return
        begun_ms = self._clock.read().boot_ms
        try:
            self._read_on(self._client, self._head)
        except FullError as fault:
            self._wait_for_room(fault)
            return
        except StoreError as fault:
            # What the lane did is told whatever is wrong with the tickets.
            log.warning("tickets: %s", fault.message)
            self._tickets_fault = fault
            self._feed_not_before_s = self._now_s() + PEER_FEED_S
            return
        self._room_at_s = float("-inf")
        self._tickets_fault = None
        if not self._stopping:
            self._head = self._feed.cursor
            # The last page may have been on its way for long.
            self._are_current(begun_ms)

    def _wait_for_room(self, fault: FullError) -> None:
        """Journals go on meanwhile."""
        self._room_at_s = self._now_s() + FULL_S
        log.warning("tickets: %s", fault.message)

    def _read_on(self, source: ServerClient, head: str, *, is_gate: bool = False) -> None:
        until, gone = self._now_s() + BUILD_S, 0
        try:
            while not self._stopping:
                try:
                    self._follower.follow(source, head, is_gate=is_gate)
                except Building as fault:
                    if self._now_s() > until:
                        raise
                    self._pause(fault.again_s)
                except SnapshotGone:
                    gone += 1
                    if gone == SNAPSHOTS:
                        raise
                else:
                    return
        finally:
            self._others.look_again()
            self._expel(self._others.proof_of(self._peer_store.device))

    # Journals by hand

    def _take_inbox(self) -> None:
        self._peer_store.look_after_files()
        if take_requests(self._folder, self._feed, self._clock.read().wall_ms):
            self._others.look_again()
        for came in take_waiting(self._folder, self._peer_store):
            if isinstance(came, GateError):
                log.warning("inbox: %s", came.message)
            else:
                log.info("inbox: %s entries of device %s", came.entries, came.device)

    # Waiting, and saying how things are

    def _next(self, wait_s: float) -> Happened | None:
        """What happens next, within so long; what the other gates say is dealt with meanwhile."""
        if self._kept:
            return self._kept.popleft()
        until = self._now_s() + wait_s
        self._tidy()
        while (left := until - self._now_s()) > 0:
            happened = self._come(left)
            if happened is None:
                break
            if happened.lan is None and not happened.is_done:
                return happened
        return None

    def _come(self, wait_s: float) -> Happened | None:
        """Wait for one thing to happen, and do what the other gates need done about it."""
        try:
            happened = self._queue.get(timeout=min(wait_s, LOOK_EVERY_S))
        except queue.Empty:
            happened = None
        if happened is not None:
            self._stopping = self._follower.is_stopping = self._stopping or happened.stop
        if self._gates is not None:
            if happened is not None and isinstance(happened.lan, Expelled):
                self._expel(happened.lan.proof)
            elif happened is not None and happened.lan is not None:
                self._gates.hear(happened.lan)
            self._gates.tell()
            self._heartbeat()
            is_due = self._now_s() - self._said_s >= SAY_EVERY_S
            if is_due and self._watermarks.version != self._said_version:
                self._say_held()
        return happened

    def _tidy(self) -> None:
        """Now and then: keep the logs of the files short."""
        now = self._now_s()
        if now - self._tidied_s >= TIDY_EVERY_S:
            self._tidied_s = now
            self._peer_store.file.checkpoint()
            self._feed.checkpoint()
            self._drop_if_over()

    def _drop_if_over(self) -> None:
        """Let go of names and codes so long after the event's end.

        The source of the tickets has said so, or its clock has. Ours alone is believed where it is
        set by others, or while nobody scans here: a wrong one would end an event that goes on.
        """
        event = self._feed.event()
        if event is None or not (event.dropped_ms or event.keeps_until_ms):
            return
        wall_ms, until_ms = self._clock.read().wall_ms, event.keeps_until_ms
        told_ms = self._feed.position().as_of_ms
        if self._offset.ahead_ms is not None:
            told_ms = max(told_ms, wall_ms + self._offset.ahead_ms)
        is_over = bool(event.dropped_ms) or told_ms >= until_ms
        is_sure = self._clock.is_synchronised() or _is_free(self._folder)
        if not is_over and not (wall_ms >= until_ms and is_sure):
            return
        if self._feed.drop(wall_ms):
            log.info("the event is over: names and codes were dropped")

    def _call(self, work: Callable[[], T]) -> T:
        """Have something done that waits for a network; the other gates are served meanwhile."""
        if self._gates is None:
            return work()
        future = self._elsewhere.submit(work)
        future.add_done_callback(lambda _done: self._queue.put(DONE))
        while not future.done():
            self._keep(self._come(LOOK_EVERY_S))
        return future.result()

    def _pause(self, wait_s: float) -> None:
        """Wait so long, or until stopped; what happens meanwhile is kept for later."""
        until = self._now_s() + wait_s
        while not self._stopping and (left := until - self._now_s()) > 0:
            self._keep(self._come(left))

    def _keep(self, happened: Happened | None) -> None:
        if happened is not None and happened.lan is None and not happened.is_done:
            self._kept.append(happened)

    def _wait(self, wait_s: float, at_least_s: float = 0.0) -> None:
        """Wait, but not when there is something new to tell or the network has come back.

        Nor when a person has said to try now, who does not have to wait at all.
        """
        until = self._now_s() + wait_s
        # Not more than once a second, however many people go through.
        earliest = self._now_s() + max(at_least_s, min(wait_s, BACK_OFF_S[0]))
        network, told = self._around.network(), self._peer_store.journal.version
        soon = self._now_s() + random.uniform(*OTHERS_HEAR_S)  # noqa: S311  only spreads load
        woken = False
        while not self._stopping and (left := until - self._now_s()) > 0:
            happened = self._next(min(left, LOOK_EVERY_S))
            if happened is not None and happened.answer is None and happened.gone is None:
                woken = True
            self._peer_store.follow_journal()
            self._follow_gates_feed()
            if self._nudges.is_new():
                return
            woken = (
                woken
                or self._peer_store.journal.version != told
                or self._around.network() != network
            )
            if self._gates is not None and self._now_s() >= soon:
                # Where another gate hears the server, this one may.
                woken = woken or bool(self._gates.who_hear(CENTRAL))
            if woken and self._now_s() >= earliest:
                return

    # The other gates

    def _open_lan(self, membership: Membership, settings: config.Lan) -> LanTransport:
        return self._around.lan(
            self._folder,
            membership,
            lambda event: self._queue.put(Happened(lan=event)),
            answer=FeedSharing(self._folder).answer,
            why_not=self._others.why_not,
            is_member=lambda device: bool(self._others.key_of(device)),
            proof_of=self._others.proof_of,
            listen=(settings.address, settings.port),
            seeds=(*settings.gates, *_host_of(self._enrolment)),
            announces=settings.announce,
        )

    def _heartbeat(self) -> None:
        """Twice a second: say up to where we have come; every other time also how we are."""
        now = self._now_s()
        if now - self._stamp_s < LAN_STAMP_S or self._gates is None or self._lan is None:
            return
        self._stamp_s = now
        self._stamps += 1
        if self._stamps % STAMPS_A_BEAT:
            self._gates.stamp()
            return
        position = self._feed.position()
        heartbeat = Heartbeat(
            name=self._enrolment.name or self._others.name_of(self._peer_store.device),
            is_open=bool(self._peer_store.devices.is_open(self._peer_store.device)),
            port=self._lan.port,
            report=self._report(),
            as_of_ms=position.as_of_ms,
            current_ms=self._tickets_boot_ms,
        )
        self._gates.heartbeat(heartbeat, hears_central=self._hears_central())
        current_ms = self._current_by_gates(position.cursor)
        if current_ms is not None:
            self._are_current(current_ms)
        for device, gate in list(self._gates.linked.items()):
            if why := self._others.why_not(device, gate.link.key):
                self._lan.cut(device, why)
        self._say()

    def _current_by_gates(self, cursor: str) -> int | None:
        """By which moment all tickets were here, as the other gates show; ``None``: they do not.

        With a server that is for one to say that has the same, of itself: a moment stays what it
        is from gate to gate. But nobody is believed against a newer head that is known here.
        Without a server all that are linked have to have the same, as nobody else would tell of
        newer ones.
        """
        assert self._gates is not None
        peers = list(self._gates.linked.values())
        same = [peer for peer in peers if peer.heartbeat.report.cursor == cursor]
        if self._client is None:
            moments = [peer.said_ms for peer in same if peer.said_ms is not None]
            return min(moments, default=None) if len(moments) == len(peers) else None
        if is_before(cursor, self._head):
            return None
        return max((peer.current_ms for peer in same if peer.current_ms is not None), default=None)

    def _hears_central(self) -> bool:
        """Whether the server has answered lately."""
        heard = self._server_boot_ms
        return heard is not None and self._clock.read().boot_ms - heard < CENTRAL_HEARD_S * 1000

    def _follow_gates_feed(self) -> None:
        """Take tickets from a gate that has newer ones, while the server does not answer."""
        if self._gates is None or self._lan is None or self._hears_central():
            return
        if self._now_s() < self._room_at_s:
            return
        now, mine, floor = self._now_s(), self._feed.position(), self._feed.floor()
        better = [
            gate
            for device, gate in self._gates.linked.items()
            if gate.place
            and now >= self._not_before_s.get(device, 0.0)
            and offers_newer(gate.heartbeat.report.cursor, gate.heartbeat.as_of_ms, mine)
            and not is_before(gate.heartbeat.report.cursor, floor)
        ]
        if not better:
            return
        source = max(better, key=lambda gate: gate.heartbeat.as_of_ms)
        device = source.link.device
        self._not_before_s[device] = now + PEER_FEED_S
        membership = load_membership(self._folder)
        assert membership is not None
        client = self._around.gate_client(source.place, self._folder, membership)
        try:
            self._read_on(client, source.heartbeat.report.cursor, is_gate=True)
            del self._not_before_s[device]
            self._room_at_s = float("-inf")
        except FullError as fault:
            self._wait_for_room(fault)
        except (DamagedError, ProtocolMismatch, TooSlow) as fault:
            # Whoever promises most is asked first: one that lies must not be asked for ever.
            self._not_before_s[device] = now + LIAR_S
            self._lan.complain(f"{device} ({source.link.host})", fault.message)
        except ServerFault as fault:
            log.info("lan: tickets of %s: %s", device, fault.message)
        finally:
            client.close()

    def _new_talk(self) -> ServerSession:
        return ServerSession(self._peer_store, self._key, self._relays if self._gates else None)

    def _relays(self, origin: str) -> bool:
        """Whether it is ours to carry on to the server what a gate without the internet did."""
        heard_since_ms = self._clock.read().boot_ms - round(CENTRAL_HEARD_S * 1000)
        device = device_of(origin)
        if self._others.server_heard_boot_ms(device) > heard_since_ms:
            return False
        # Of the gates that hear the server, the first.
        hearing = self._gates.who_hear(CENTRAL) if self._gates else []
        return self._peer_store.device <= min(hearing, default=self._peer_store.device)

    def _say(self) -> None:
        reading = self._clock.read()
        told = SyncStatus(
            boot_id=reading.boot_id,
            server=self._enrolment.url if self._client is not None else "",
            server_boot_ms=self._server_boot_ms,
            tickets_boot_ms=self._tickets_boot_ms,
            link="" if self._is_silent(reading.boot_ms) else self._link,
            ahead_ms=self._offset.ahead_ms,
            error_ms=self._offset.error_ms,
            unacked=self._unacked(),
            quarantined=self._peer_store.quarantine.count(),
            alarms=alarmed(self._peer_store),
            twins=tuple(sorted(self._others.twins() | (self._lan.twins if self._lan else set()))),
            floods=tuple(self._peer_store.floods()),
            is_full=self._peer_store.intake.is_full or self._room_at_s > self._now_s(),
            last_error=self._last_error or (self._tickets_fault or NO_FAULT).message,
            lanes=self._others.lanes(self._gates, reading.wall_ms),
            knows_members=self._others.are_all_known(),
            opened_boot_ms=self._peer_store.journal.opened_boot_ms(reading.boot_id),
            gates=len(self._gates.linked) if self._gates else 0,
            turned_away=self._lan.turned_away if self._lan else 0,
            last_turned_away=self._lan.last_turned_away if self._lan else "",
            store=self._peer_store.file.store,
            is_complete=self._peer_store.file.is_complete,
        )
        heard = (self._server_boot_ms, *(lane.lan_boot_ms for lane in told.lanes))
        newest = max((ms for ms in heard if ms is not None), default=None)
        if newest is not None and newest > self._noted_boot_ms + NOTE_HEARD_MS:
            self._noted_boot_ms = newest
            sync_status.note_heard(self._folder, reading.wall_ms - (reading.boot_ms - newest))
        due = reading.boot_ms - self._written.boot_ms >= BEAT_EVERY_S * 1000
        if due or told != replace(self._written, boot_ms=0):
            self._write(replace(told, boot_ms=reading.boot_ms))
            self._told(told)

    def _say_held(self) -> None:
        """Say only of what everything is held by now: often, and so at little cost."""
        lanes = self._others.held(self._written.lanes)
        self._write(replace(self._written, lanes=lanes, store=self._peer_store.file.store))

    def _write(self, told: SyncStatus) -> None:
        self._said_s, self._said_version = self._now_s(), self._watermarks.version
        sync_status.write(self._folder, told)
        self._written = told


def _told(fault: Exception) -> str:
    if isinstance(fault, GateError):
        return fault.message
    told = _("unforeseen fault: {kind}: {detail}")
    return told.format(kind=type(fault).__name__, detail=str(fault)[:200])


def alarmed(peer_store: PeerStore) -> tuple[str, ...]:
    """Which devices were cloned, restored or rolled back, this one last."""
    found = sorted({alarm.device for alarm in peer_store.alarms()})
    if peer_store.entries.pulled_back() and peer_store.device not in found:
        found.append(peer_store.device)
    return tuple(found)


def _host_of(enrolment: Enrolment) -> tuple[str, ...]:
    """Where the host of a venue without a server was when it took this gate in."""
    host = urlsplit(enrolment.url).hostname
    return (host,) if host and not enrolment.credential else ()


def _is_free(folder: Folder) -> bool:
    """Whether no lane is at work here."""
    try:
        Lock(folder).close()
    except BusyError:
        return False
    return True


def _back_off_s(failures: int, *, is_busy: bool = False) -> float:
    least, most = BACK_OFF_S
    if not is_busy:
        most = min(most, AWAY_S)
    if failures == 0:
        return least
    # Full jitter, so that two hundred gates do not come back as one.
    return random.uniform(least, min(most, least * 2 ** min(failures, 10)))  # noqa: S311


def follow_parent(nudge: Callable[[], None], stop: Callable[[], None]) -> None:
    """Take every byte on standard input as a nudge, and its end as the end of the parent."""

    def read() -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                nudge()
        stop()

    threading.Thread(target=read, name="parent", daemon=True).start()

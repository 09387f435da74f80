"""The sync worker: moves journals and tickets, and never draws.

It talks to the server whenever it can and waits when it cannot; the lane never waits for it. One
thread owns every file; whatever happens elsewhere comes to it through one queue.
"""

import hashlib
import logging
import os
import queue
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import zstandard

from gate import __version__
from gate.clock import Clock
from gate.errors import DamagedError, GateError
from gate.language import _
from gate.store import freshness
from gate.store.folder import Folder
from gate.store.freshness import Freshness
from gate.store.sqlite import faults
from sync.bundle import take_waiting
from sync.client import Client, NotWelcome, ServerFault, ServerUnreachable, Stream
from sync.enrolment import Enrolment
from sync.feed import Feed
from sync.keys import DeviceKey
from sync.protocol import Answer, Lane, Report, Snapshot
from sync.replica import Holdings
from sync.talk import Talk

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
"""How often the journal is looked at even if nobody nudges."""
BEAT_EVERY_S = 2.0
"""How often the server hears from us at least."""
SILENCE_S = 15.0
"""A stream on which nothing came for so long is gone, whatever the network says."""
WHOLE_EVERY_S = 60.0
"""How often both sides compare all they hold."""
RECEIPT_S = 5.0
"""What was offered on the stream and has no receipt by then is offered again."""
BACK_OFF_S = (1.0, 60.0)
OFFSET_KEPT_S = 600.0
FAR_BEHIND = 50_000
"""More changes than these cost more than a new snapshot."""
CHUNK = 1024 * 1024

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Happened:
    """Something the worker's thread should know."""

    answer: Answer | None = None
    gone: str | None = None
    stop: bool = False


NUDGE, STOP = Happened(), Happened(stop=True)


@dataclass(slots=True)
class _Offset:
    """The best measurement of the server's clock lately."""

    ahead_ms: int | None = None
    error_ms: int | None = None
    measured_s: float = field(default_factory=time.monotonic)

    def measured(self, before_ms: int, after_ms: int, server_ms: int) -> None:
        """Take in one more: what was asked at ``before_ms`` was answered by ``after_ms``."""
        error = max(1, (after_ms - before_ms + 1) // 2)
        now = time.monotonic()
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
        client: Client,
        clock: Clock,
        *,
        gate: str = "",
        poll_s: float = 2.0,
        progress: Progress = lambda _what, _done, _total: None,
    ) -> None:
        self._folder = folder
        self._enrolment = enrolment
        self._client = client
        self._clock = clock
        self._gate = gate
        self._poll_s = poll_s
        self._progress = progress
        self._holdings = Holdings(folder)
        self._feed = Feed(folder)
        self._key = DeviceKey(folder)
        self._talk = Talk(self._holdings, self._key)
        self._offset = _Offset()
        self._lanes = self._known_lanes()
        self._head = ""
        self._server_boot_ms: int | None = None
        self._tickets_boot_ms: int | None = None
        self._link = ""
        self._last_error = ""
        self._written = Freshness()
        self._queue: queue.SimpleQueue[Happened] = queue.SimpleQueue()
        self._stopping = False

    def close(self) -> None:
        """Let go of everything."""
        self._holdings.close()
        self._feed.close()

    def nudge(self) -> None:
        """Say that there is something new; from any thread."""
        self._queue.put(NUDGE)

    def stop(self) -> None:
        """Come to an end soon; from any thread."""
        self._queue.put(STOP)

    def quarantined(self) -> int:
        """How many entries were refused, by the server or by us."""
        return len(self._holdings.quarantined())

    def once(self) -> None:
        """Tell and hear everything there is to. Raises ServerFault when that cannot be."""
        try:
            self._take_inbox()
            self._contact()
        except ServerFault as fault:
            self._last_error = fault.message
            raise
        finally:
            self._say()

    def run(self) -> None:
        """Work until stopped. Raises NotWelcome or ProtocolMismatch: a person has to act."""
        failures = 0
        self._say()
        while not self._stopping:
            try:
                self._take_inbox()
                self._contact()
                failures = 0
                self._listen()
            except ServerUnreachable as fault:
                failures += 1
                self._lose(fault.message)
                if failures == 1:
                    log.warning("server: %s", fault.message)
            except ServerFault as fault:
                self._lose(fault.message)
                if isinstance(fault, NotWelcome):
                    self._say()
                raise
            if not self._stopping:
                self._wait(_back_off_s(failures))
        if not self._last_error:
            # That the lane has closed is worth telling: the others stop waiting for it.
            with suppress(ServerFault):
                self._exchange()
        self._say()

    # Talking

    def _contact(self) -> None:
        """Compare everything, until neither side has more."""
        self._talk = Talk(self._holdings, self._key)
        waiting = self._talk.unsent()
        while True:
            more = self._exchange()
            left = self._talk.unsent()
            if waiting > 1:
                self._progress(_("telling the server"), waiting - min(left, waiting), waiting)
            if self._stopping or not (more or self._talk.has_to_send()):
                break
        self._follow_feed()
        if waiting:
            # The server keeps what we say of ourselves: that nothing waits any more, too.
            self._exchange()

    def _exchange(self) -> bool:
        ask = self._talk.ask(self._report())
        before_ms = self._clock.read().wall_ms
        answer = self._client.exchange(ask)
        after_ms = self._clock.read().wall_ms
        self._offset.measured(before_ms, after_ms, answer.server_ms)
        heard = self._talk.hear(answer, after_ms, to_whole=ask.frame.whole)
        self._heard(answer)
        return heard.more

    def _listen(self) -> None:
        """Be told by the stream; where there is none, ask again and again."""
        try:
            stream = self._client.stream(
                lambda answer: self._queue.put(Happened(answer)),
                lambda why: self._queue.put(Happened(gone=why)),
            )
        except ServerUnreachable as fault:
            log.info("polling: %s", fault.message)
            self._poll()
            return
        try:
            self._link = "stream"
            # What came in at the server while the stream was being opened is not told on it.
            self._talk.needs_whole = True
            self._follow(stream)
        finally:
            self._link = ""
            stream.close()

    def _follow(self, stream: Stream) -> None:
        now = time.monotonic()
        heard_at = beat_at = whole_at = offered_at = now
        while not self._stopping:
            happened = self._next(LOOK_EVERY_S)
            now = time.monotonic()
            if happened is not None and happened.gone is not None:
                raise ServerUnreachable(_("the connection ended"), happened.gone)
            if happened is not None and happened.answer is not None:
                heard_at = now
                self._talk.hear(happened.answer, self._clock.read().wall_ms)
                self._heard(happened.answer)
            if now - heard_at > SILENCE_S:
                raise ServerUnreachable(_("nothing was heard for {n} s").format(n=int(SILENCE_S)))
            if self._holdings.follow_journal() or self._talk.has_to_send():
                offered_at = now if self._talk.has_to_send() else offered_at
                while self._talk.has_to_send():
                    stream.send(self._talk.ask(sign=False))
            if now - beat_at >= BEAT_EVERY_S:
                beat_at = now
                # Signed on every beat: from then on others can carry it, should we be lost.
                stream.send(self._talk.ask(self._report()))
                self._take_inbox()
            overdue = now - offered_at > RECEIPT_S and self._talk.unsent() > 0
            if self._talk.needs_whole or overdue or now - whole_at > WHOLE_EVERY_S:
                whole_at = offered_at = now
                self._talk.needs_whole = True
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
                self._talk.needs_whole = True
                self._contact()
        self._link = ""

    def _report(self) -> Report:
        return Report(
            version=__version__,
            gate=self._gate,
            unsent=self._talk.unsent(),
            cursor=self._feed.cursor,
            offset_ms=self._offset.ahead_ms,
            error_ms=self._offset.error_ms,
            quarantined=len(self._holdings.quarantined()),
        )

    def _heard(self, answer: Answer) -> None:
        boot_ms = self._clock.read().boot_ms
        self._server_boot_ms = boot_ms
        self._last_error = ""
        if answer.head:
            self._head = answer.head
        if answer.lanes is not None:
            others = [one for one in answer.lanes if one.device != self._holdings.device]
            self._lanes = tuple(_lane(lane, boot_ms) for lane in others)
            self._holdings.put_devices({lane.device: _steady(lane) for lane in answer.lanes})
        if self._head and self._head == self._feed.cursor:
            self._tickets_boot_ms = boot_ms
        self._say()

    def _known_lanes(self) -> tuple[freshness.Lane, ...]:
        """The others as they were last told of: known by name, and not heard yet."""
        told = self._holdings.devices(Lane)
        return tuple(_lane(one, 0) for one in told if one.device != self._holdings.device)

    def _lose(self, why: str) -> None:
        self._link, self._last_error = "", why
        self._say()

    # Tickets

    def _follow_feed(self) -> None:
        cursor = self._feed.cursor
        if _changes_between(cursor, self._head) > FAR_BEHIND:
            self._fetch_snapshot()
            cursor = self._feed.cursor
        while not self._stopping:
            page = self._client.changes(cursor) if cursor else None
            if page is None:
                self._fetch_snapshot()
                cursor = self._feed.cursor
                continue
            if page.changes:
                self._feed.apply(page, self._clock.read().wall_ms)
                cursor = page.cursor
            if not page.more:
                break
        self._head = self._feed.cursor
        self._tickets_boot_ms = self._clock.read().boot_ms

    def _fetch_snapshot(self) -> None:
        snapshot = self._client.snapshot()
        packed = self._folder.path / f"{snapshot.name}.{snapshot.sha256[:16]}.zst.part"
        for left in self._folder.path.glob("tickets-*.part"):
            if left != packed:
                left.unlink(missing_ok=True)
        what = _("fetching tickets")
        self._client.download(snapshot, packed, lambda done, all_: self._progress(what, done, all_))
        part = self._folder.path / f"{snapshot.name}.part"
        try:
            unpack(packed, part, snapshot)
            self._feed.install(part, snapshot.name)
        finally:
            packed.unlink(missing_ok=True)
            part.unlink(missing_ok=True)

    # Journals by hand

    def _take_inbox(self) -> None:
        for came in take_waiting(self._folder, self._holdings):
            if isinstance(came, GateError):
                log.warning("inbox: %s", came.message)
            else:
                log.info("inbox: %s entries of device %s", came.entries, came.device)

    # Waiting, and saying how things are

    def _next(self, wait_s: float) -> Happened | None:
        try:
            happened = self._queue.get(timeout=wait_s)
        except queue.Empty:
            return None
        self._stopping = self._stopping or happened.stop
        return happened

    def _wait(self, wait_s: float) -> None:
        """Wait, but not when there is something new to tell or the network has come back."""
        until = time.monotonic() + wait_s
        # Not more than once a second, however many people go through.
        earliest = time.monotonic() + min(wait_s, BACK_OFF_S[0])
        network = _network()
        woken = False
        while not self._stopping and (left := until - time.monotonic()) > 0:
            happened = self._next(min(left, LOOK_EVERY_S))
            if happened is not None and happened.answer is None and happened.gone is None:
                woken = True
            woken = woken or self._holdings.follow_journal() or _network() != network
            if woken and time.monotonic() >= earliest:
                return

    def _say(self) -> None:
        reading = self._clock.read()
        alarms = sorted({alarm.device for alarm in self._holdings.alarms()})
        if self._holdings.pulled_back() and self._holdings.device not in alarms:
            alarms.append(self._holdings.device)
        told = Freshness(
            boot_id=reading.boot_id,
            server=self._enrolment.url,
            server_boot_ms=self._server_boot_ms,
            tickets_boot_ms=self._tickets_boot_ms,
            link=self._link,
            ahead_ms=self._offset.ahead_ms,
            error_ms=self._offset.error_ms,
            unsent=self._talk.unsent(),
            quarantined=len(self._holdings.quarantined()),
            alarms=tuple(alarms),
            last_error=self._last_error,
            lanes=self._lanes,
        )
        due = reading.boot_ms - self._written.boot_ms >= BEAT_EVERY_S * 1000
        if due or told != replace(self._written, boot_ms=0):
            freshness.write(self._folder, replace(told, boot_ms=reading.boot_ms))
            self._written = replace(told, boot_ms=reading.boot_ms)


def unpack(packed: Path, part: Path, snapshot: Snapshot) -> None:
    """Unpack a fetched replica and check it. Raises DamagedError when it is not what was meant."""
    digest = hashlib.sha256()
    size = 0
    with faults(part), packed.open("rb") as source, part.open("wb") as target:
        try:
            with zstandard.ZstdDecompressor().stream_reader(source) as reader:
                while chunk := reader.read(CHUNK):
                    size += len(chunk)
                    if size > snapshot.bytes:
                        break
                    digest.update(chunk)
                    target.write(chunk)
        except zstandard.ZstdError:
            size = -1
    if size != snapshot.bytes or digest.hexdigest() != snapshot.sha256:
        raise DamagedError(
            _("the tickets that were fetched are damaged"), _("They will be fetched again.")
        )


def _changes_between(cursor: str, head: str) -> int:
    """How many changes the feed has between two cursors of one life of the server."""
    epoch, _colon, rest = cursor.partition(":")
    head_epoch, _colon, head_rest = head.partition(":")
    if not cursor or epoch != head_epoch:
        return 0
    return int(head_rest.partition(":")[0]) - int(rest.partition(":")[0])


def _lane(lane: Lane, boot_ms: int) -> freshness.Lane:
    heard = None if lane.heard_ago_ms is None else boot_ms - lane.heard_ago_ms
    report = lane.report
    return freshness.Lane(
        device=lane.device,
        name=lane.name,
        active=lane.active,
        central_boot_ms=heard,
        state=lane.state,
        gate=report.gate,
        version=report.version,
        unsent=report.unsent,
        quarantined=report.quarantined,
        ahead_ms=report.offset_ms,
        error_ms=report.error_ms,
    )


def _steady(lane: Lane) -> Lane:
    """What does not change every second, so that it is worth keeping."""
    return msgspec.structs.replace(lane, heard_ago_ms=None, report=Report())


def _back_off_s(failures: int) -> float:
    least, most = BACK_OFF_S
    if failures == 0:
        return least
    # Full jitter, so that two hundred gates do not come back as one.
    return random.uniform(least, min(most, least * 2 ** min(failures, 10)))  # noqa: S311


def _network() -> bytes:
    """Changes when an interface comes or goes; empty where that cannot be seen."""
    found = b""
    for name in ("/proc/net/route", "/proc/net/if_inet6"):
        with suppress(OSError):
            found += Path(name).read_bytes()
    return found


def follow_parent(worker: Worker) -> None:
    """Take every byte on standard input as a nudge, and its end as the end of the parent."""

    def read() -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                worker.nudge()
        worker.stop()

    threading.Thread(target=read, name="parent", daemon=True).start()

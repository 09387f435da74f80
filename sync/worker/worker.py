"""The sync worker: moves journals and tickets, and never draws.

It talks to the server whenever it can and waits when it cannot; the lane never waits for it. One
thread owns every file; whatever happens elsewhere comes to it through one queue. While it waits for
the server, the other gates are served.
"""

import os
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from gate import config_tables
from gate.clock import Clock
from gate.core.entry import CENTRAL
from gate.storage.certificates import Membership
from gate.storage.enrolment import Enrolment
from gate.storage.feed_signatures import key_of
from gate.storage.folder import Folder
from gate.storage.nudge import Nudges
from gate.storage.revocation import revoked
from gate.storage.sync_status import DeviceStatus, SyncStatus, SyncStatusReader
from sync.transport.http_client import Revoked, ServerClient, ServerFault
from sync.transport.lan_stream import Event, Expelled
from sync.worker.event_pump import EventPump, Signal, StopSignal
from sync.worker.feed_follower import Progress
from sync.worker.lan_link import LanLink
from sync.worker.owned_files import OwnedFiles
from sync.worker.server_contact import ServerContact
from sync.worker.server_link import BACK_OFF_S, ServerLink
from sync.worker.status_writer import StatusWriter
from sync.worker.surroundings import HERE, Surroundings
from sync.worker.ticket_sources import TicketSources

WITHOUT_SERVER_S = 1.0
"""How often the inbox is looked at where there is no server to wait for."""
OTHERS_HEAR_S = (1.0, 5.0)
"""How long to wait at most while another gate hears the server."""
TIDY_EVERY_S = 60.0


class Worker:
    """The sync side of one data folder. Hold the folder's ``sync`` lock while it lives.

    Its parts know each other in one direction: the files, the pump at which it waits, the sources
    of tickets, the link to the other gates, what is said of all that, the link to the server.
    """

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
        lan: config_tables.Lan | None = None,
        progress: Progress = lambda _what, _done, _total: None,
        notify: Callable[[SyncStatus], None] = lambda _status: None,
        around: Surroundings = HERE,
        sign: Callable[[], None] = lambda: None,
    ) -> None:
        """``sign`` is told that it goes on, again and again."""

        def goes_on(what: str, done: int, total: int) -> None:
            sign()
            progress(what, done, total)

        self._around = around
        self._now_s = around.now_s
        self._nudges = Nudges(folder)
        self._files = files = OwnedFiles(folder, clock)
        authority = key_of(membership.authority) if membership is not None else None
        self._stop = StopSignal(files.peer_store.device, authority)
        self._pump = EventPump(around, self._stop, self._tidy, sign)
        self._contact = ServerContact(enrolment.url if client is not None else "", poll_s)
        self._sources = TicketSources(files, around, self._pump, goes_on)
        before = SyncStatusReader(folder).read(clock.read().boot_id).lanes
        files.directory.recall(before)
        self._lan: LanLink | None = None
        if membership is not None and lan is not None and lan.enabled:
            self._lan = LanLink(
                files,
                around,
                enrolment=enrolment,
                membership=membership,
                settings=lan,
                sources=self._sources,
                contact=self._contact,
                publish=self._pump.put,
                heard_ms=_heard_ms_on_lan(before),
            )
            self._pump.serve = partial(self._serve, self._lan)
        self._status = StatusWriter(
            files, around, self._contact, self._sources, self._lan, gate=gate, notify=notify
        )
        self._server: ServerLink | None = None
        if client is not None:
            self._server = ServerLink(
                client,
                files,
                around,
                pump=self._pump,
                contact=self._contact,
                sources=self._sources,
                status=self._status,
                relays=self._lan.relays if self._lan is not None else None,
                wait=self._wait,
                progress=goes_on,
            )
        self._tidied_s = self._now_s()

    def close(self) -> None:
        """Let go of everything."""
        if self._lan is not None:
            self._lan.transport.close()
        self._pump.close()
        self._files.close()

    def nudge(self) -> None:
        """Say that there is something new; from any thread."""
        self._pump.put(Signal.NUDGE)

    def stop(self, within_s: float = 0.0) -> None:
        """Come to an end soon, or at the latest within so long; from any thread."""
        if not within_s:
            self._pump.put(Signal.STOP)
            return
        self._around.later(within_s, lambda: self._pump.put(Signal.STOP))

    def plug(self, *, is_in: bool) -> None:
        """Pull the cable to the other gates, or plug it in again: for rehearsals."""
        if self._lan is not None:
            self._lan.transport.plug(is_in=is_in)

    def quarantined(self) -> int:
        """How many entries were refused, by the server or by us."""
        return self._files.peer_store.quarantine.count()

    def once(self) -> None:
        """Exchange everything there is with the server. Raises ServerFault, StoreError."""
        assert self._server is not None
        with self._status.until_the_end():
            self._files.take_inbox()
            self._server.compare()
            self._require_not_revoked()
            self._drop_if_over()
            while self._files.feed.read_names():
                pass
            if self._sources.fault is not None:
                raise self._sources.fault

    def run(self) -> None:
        """Work until stopped. Raises Unauthorized or ProtocolMismatch: a person has to act."""
        with self._status.until_the_end():
            self._work()
            self._require_not_revoked()

    def _require_not_revoked(self) -> None:
        if self._stop.is_revoked:
            fault = revoked()
            raise Revoked(fault.message, fault.hint)

    def _work(self) -> None:
        if self._lan is not None:
            self._lan.transport.start()
        self._status.write()
        self._drop_if_over()
        if self._server is not None:
            self._server.work()
        while not self._stop.is_set:
            self._files.take_inbox()
            self._wait(WITHOUT_SERVER_S)
        if self._lan is not None:
            # That the lane has closed is worth telling: the others stop waiting for it.
            self._lan.peers.publish()
        if self._server is not None and not self._contact.last_error:
            with suppress(ServerFault):
                self._server.take_leave()

    def _serve(self, lan: LanLink, event: Event | None) -> None:
        """Do what the other gates need done, whatever else is waited for."""
        if isinstance(event, Expelled):
            self._stop.believe(event.proof)
        elif event is not None:
            lan.peers.receive(event)
        lan.peers.publish()
        if lan.stamp_if_due(self._status.report):
            self._status.write()
        self._status.write_held_if_due()

    def _tidy(self) -> None:
        """Read on in the names of a new list; now and then keep the logs of the files short."""
        self._files.feed.read_names()
        now = self._now_s()
        if now - self._tidied_s >= TIDY_EVERY_S:
            self._tidied_s = now
            self._files.checkpoint()
            self._drop_if_over()

    def _drop_if_over(self) -> None:
        self._files.drop_if_over(self._contact.offset.ahead_ms)

    def _wait(self, wait_s: float, at_least_s: float = 0.0) -> None:
        """Wait, but not when there is something new to tell or the network has come back.

        Nor when a person has said to try now, who does not have to wait at all.
        """
        until = self._now_s() + wait_s
        # Not more than once a second, however many people go through.
        earliest = self._now_s() + max(at_least_s, min(wait_s, BACK_OFF_S[0]))
        journal = self._files.peer_store.journal
        network, version = self._around.network(), journal.version
        soon = self._now_s() + random.uniform(*OTHERS_HEAR_S)  # noqa: S311  only spreads load
        woken = False
        while not self._stop.is_set and (left := until - self._now_s()) > 0:
            woken = isinstance(self._pump.next(left), Signal) or woken
            self._files.peer_store.follow_journal()
            self._follow_peer()
            if self._nudges.is_new():
                return
            woken = woken or journal.version != version or self._around.network() != network
            if self._lan is not None and self._now_s() >= soon:
                # Where another gate hears the server, this one may.
                woken = woken or bool(self._lan.peers.connected_to(CENTRAL))
            if woken and self._now_s() >= earliest:
                return

    def _follow_peer(self) -> None:
        """Take tickets from another gate, while the server does not answer."""
        if self._lan is None or self._contact.is_answering(self._files.clock.read().boot_ms):
            return
        self._sources.follow_peer(self._lan.peers.connected.values(), self._lan.transport)


def _heard_ms_on_lan(lanes: tuple[DeviceStatus, ...]) -> dict[str, int]:
    return {lane.device: lane.lan_boot_ms for lane in lanes if lane.lan_boot_ms is not None}


def follow_parent(nudge: Callable[[], None], stop: Callable[[], None]) -> None:
    """Take every byte on standard input as a nudge, and its end as the end of the parent."""

    def read() -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                nudge()
        stop()

    threading.Thread(target=read, name="parent", daemon=True).start()

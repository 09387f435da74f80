"""Where tickets are fetched from, and up to when those that are here are all there were.

From the server, or while it does not answer from a gate that has newer ones. What failed at one of
them is left alone for a while.
"""

import logging
from collections.abc import Iterable

from gate.core.ticket_feed import is_before
from gate.errors import DamagedError, FullError, StoreError
from gate.storage.certificates import load_membership
from sync.transport.http_client import (
    Building,
    ProtocolMismatch,
    ServerClient,
    ServerFault,
    SnapshotGone,
    TooSlow,
)
from sync.transport.lan_transport import LanTransport
from sync.worker.event_pump import EventPump
from sync.worker.feed_follower import FeedFollower, Progress, offers_newer
from sync.worker.owned_files import OwnedFiles
from sync.worker.peers import Peer
from sync.worker.surroundings import Surroundings

log = logging.getLogger(__name__)

AGAIN_S = 5.0
"""How long the server, or another gate, is not asked for tickets after that failed."""
LIAR_S = 300.0
"""And a gate after what it gave was wrong, or came too slowly."""
FULL_S = 60.0
"""How long no tickets are asked for after there was no room for them."""
BUILD_S = 600.0
"""How long to wait while the server packs its tickets."""
SNAPSHOTS = 3
"""How many may be gone before they were fetched; then as if the server had not answered."""


class TicketSources:
    """Keeps one folder's tickets current, from whoever has them."""

    def __init__(
        self, files: OwnedFiles, around: Surroundings, pump: EventPump, progress: Progress
    ) -> None:
        self._files = files
        self._around = around
        self._now_s = around.now_s
        self._pump = pump
        self._follower = FeedFollower(
            files.folder, files.feed, pump.call, progress, lambda: pump.stop.is_set
        )
        self.head = ""
        """The newest position of the feed that the server has named."""
        self.current_ms: int | None = None
        """By which moment of this device's boot clock the tickets here were all there were."""
        self.fault: StoreError | None = None
        """What is wrong with the tickets that the server gave."""
        self._server_at_s = 0.0
        """When the server may be asked again, after that went wrong."""
        self._peer_at_s: dict[str, float] = {}
        """When another gate may be, by device."""
        self._room_at_s = float("-inf")
        """When there may be room for tickets again, after there was none."""

    def is_full(self) -> bool:
        """Whether there was no room for them a moment ago."""
        return self._room_at_s > self._now_s()

    def be_current(self, boot_ms: int) -> None:
        """The tickets here are all that there were by that moment."""
        self.current_ms = max(boot_ms, self.current_ms or boot_ms)

    def follow_server(self, server: ServerClient) -> None:
        """Read the server's feed to its end. Raises ServerFault."""
        if self._now_s() < max(self._room_at_s, self._server_at_s):
            return
        begun_ms = self._files.clock.read().boot_ms
        try:
            self._read_on(server, self.head)
        except FullError as fault:
            self._wait_for_room(fault)
            return
        except StoreError as fault:
            # What the lane did is told whatever is wrong with the tickets.
            log.warning("tickets: %s", fault.message)
            self.fault = fault
            self._server_at_s = self._now_s() + AGAIN_S
            return
        self._room_at_s = float("-inf")
        self.fault = None
        if not self._pump.stop.is_set:
            self.head = self._files.feed.cursor
            # The last page may have been on its way for long.
            self.be_current(begun_ms)

    def follow_peer(self, peers: Iterable[Peer], lan: LanTransport) -> None:
        """Take tickets from the gate that has the newest, if any has newer ones than these."""
        now = self._now_s()
        if now < self._room_at_s:
            return
        mine, floor = self._files.feed.position(), self._files.feed.floor()
        better = [
            peer
            for peer in peers
            if peer.place
            and now >= self._peer_at_s.get(peer.link.device, 0.0)
            and offers_newer(peer.heartbeat.report.cursor, peer.heartbeat.as_of_ms, mine)
            and not is_before(peer.heartbeat.report.cursor, floor)
        ]
        if not better:
            return
        source = max(better, key=lambda peer: peer.heartbeat.as_of_ms)
        device = source.link.device
        self._peer_at_s[device] = now + AGAIN_S
        membership = load_membership(self._files.folder)
        assert membership is not None
        client = self._around.gate_client(source.place, self._files.folder, membership)
        try:
            self._read_on(client, source.heartbeat.report.cursor, is_gate=True)
            del self._peer_at_s[device]
            self._room_at_s = float("-inf")
        except FullError as fault:
            self._wait_for_room(fault)
        except (DamagedError, ProtocolMismatch, TooSlow) as fault:
            # Whoever promises most is asked first: one that lies must not be asked for ever.
            self._peer_at_s[device] = now + LIAR_S
            lan.complain(f"{device} ({source.link.host})", fault.message)
        except ServerFault as fault:
            log.info("lan: tickets of %s: %s", device, fault.message)
        finally:
            client.close()

    def _wait_for_room(self, fault: FullError) -> None:
        """Journals go on meanwhile."""
        self._room_at_s = self._now_s() + FULL_S
        log.warning("tickets: %s", fault.message)

    def _read_on(self, source: ServerClient, head: str, *, is_gate: bool = False) -> None:
        until, gone = self._now_s() + BUILD_S, 0
        directory = self._files.directory
        try:
            while not self._pump.stop.is_set:
                try:
                    self._follower.follow(source, head, is_gate=is_gate)
                except Building as fault:
                    if self._now_s() > until:
                        raise
                    self._pump.pause(fault.again_s)
                except SnapshotGone:
                    gone += 1
                    if gone == SNAPSHOTS:
                        raise
                else:
                    return
        finally:
            directory.look_again()
            self._pump.stop.believe(directory.proof_of(self._files.peer_store.device))

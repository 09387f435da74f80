"""The venue's other gates, as the thread that owns the files deals with them."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec

from gate.clock import Clock
from gate.core.entry import CENTRAL
from gate.core.event_device import DeviceReport
from gate.core.hlc import Reading
from gate.storage.device_key import DeviceKey, verifier
from gate.storage.peer_store import PeerStore
from sync.session.clock_offset import Comparison
from sync.session.peer_session import PeerSession, RelayRequests
from sync.session.send_window import unacked
from sync.session.watermarks import ClockBound, Watermarks, Way
from sync.session.watermarks import Watermark as Mark
from sync.transport.lan_stream import Connected, Disconnected, Event, Link, MessageReceived
from sync.transport.lan_transport import LanTransport
from sync.transport.places import Rank, place_of
from sync.wire import Heartbeat, PeerMessage, Stamp, Watermark

log = logging.getLogger(__name__)

COMPARE_EVERY = 60
"""Heartbeats between two comparisons of everything with a gate."""
PASSED_ON_MS = 60_000
"""An older watermark of a device is not passed on."""
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Peer:
    """Another gate for as long as it is heard directly: what it says, and how its clock stands."""

    link: Link
    peer_session: PeerSession
    heartbeat: Heartbeat = field(default_factory=Heartbeat)
    heartbeats: int = 0
    heartbeat_ms: int | None = None
    """When it sent that, by our boot clock and at the earliest; ``None``: that cannot be told."""
    current_ms: int | None = None
    """By which moment it knew its tickets to be all there were, likewise."""
    bound: ClockBound = field(default_factory=ClockBound)
    """Our boot clock against its."""
    got: tuple[int, int] | None = None
    """The newest stamp of its that has come, and our boot clock when it had."""

    @property
    def place(self) -> str:
        """Where it listens; empty until it has said."""
        return place_of(self.link.host, self.heartbeat.port) if self.heartbeat.port else ""

    def placed(self, theirs_ms: int | None, now_ms: int) -> int | None:
        """A moment of its boot clock by ours, at the earliest; ``None``: that cannot be told."""
        ours_ms = None if theirs_ms is None else self.bound.first(theirs_ms, now_ms)
        return None if ours_ms is None else min(ours_ms, now_ms)


class PeerSet:
    """Every gate that is connected: what it is sent and what it sends."""

    def __init__(
        self,
        peer_store: PeerStore,
        key: DeviceKey,
        lan: LanTransport,
        clock: Clock,
        key_of: Callable[[str], str],
        *,
        watermarks: Watermarks,
        heard_ms: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._peer_store = peer_store
        self._watermarks = watermarks
        self._heard_ms = dict(heard_ms)
        self._key = key
        self._lan = lan
        self._clock = clock
        self._keys: dict[str, str] = {peer_store.device: key.public}
        self._key_of: Callable[[str], str] = lambda device: self._keys.get(device) or key_of(device)
        self._verify = verifier(self._key_of)
        self._asking = RelayRequests()
        self._own_published = self._published = 0
        self._clocks: dict[str, Comparison] = {}
        self._compared: dict[str, PeerSession] = {}
        """By device, the session that knows what it holds; also when it is no longer connected."""
        self._connected_sent: Mapping[str, str] | None = None
        self._late_sent: Mapping[str, int] | None = None
        self.connected: dict[str, Peer] = {}
        """By device."""
        self.reports: dict[str, DeviceReport] = {}
        """What each device last said of itself, also when it is not connected any more."""

    def receive(self, event: Event) -> None:
        """Deal with what happened on the LAN."""
        if isinstance(event, MessageReceived):
            self._receive_message(event.link, event.message)
        elif isinstance(event, Connected):
            link = event.link
            log.info("lan: connected with %s at %s", link.device, link.host)
            self._keys[link.device] = link.key
            peer_session = PeerSession(self._peer_store, self._key, link.device, self._verify)
            self.connected[link.device] = Peer(link, peer_session)
            self._clocks[link.device] = Comparison()
            # It has not been told whom we hear, and how late.
            self._connected_sent = self._late_sent = None
            self._send(self.connected[link.device])
        elif isinstance(event, Disconnected):
            peer = self.connected.get(event.link.device)
            if peer is not None and peer.link is event.link:
                log.info("lan: %s is gone %s", event.link.device, event.why)
                del self.connected[event.link.device]

    def publish(self) -> None:
        """Say what is new to whom it concerns."""
        peer_store = self._peer_store
        peer_store.follow_journal()
        own, others = peer_store.journal.version, peer_store.entries.version
        if own != self._own_published:
            concerned = list(self.connected.values())
        elif others != self._published:
            concerned = [peer for peer in self.connected.values() if peer.peer_session.passes_on]
        else:
            return
        self._own_published, self._published = own, others
        for peer in concerned:
            self._send(peer)

    def heartbeat(self, heartbeat: Heartbeat, *, is_central_connected: bool) -> None:
        """Say how we are, to everybody, and see to it that everything reaches us."""
        peers = list(self.connected.values())
        connected = {device: peer.place for device, peer in self.connected.items()}
        if is_central_connected:
            connected[CENTRAL] = ""
        if connected != self._connected_sent:
            self._connected_sent = connected
            heartbeat = msgspec.structs.replace(heartbeat, connected=connected)
        late = {d: ms for d in self.connected if (ms := self._clocks[d].least) is not None}
        if late != self._late_sent:
            self._late_sent = late
            heartbeat = msgspec.structs.replace(heartbeat, late=late)
        now = self._look()
        heartbeat = msgspec.structs.replace(heartbeat, at_ms=now.wall_ms)
        self._lan.send(
            (
                peer.link,
                _encode(PeerMessage(heartbeat=heartbeat, stamp=self._stamp(peer, now.boot_ms))),
            )
            for peer in peers
        )
        if (
            not self._peer_store.file.is_complete
            and peers
            and all(peer.peer_session.holds_all() for peer in peers)
        ):
            self._peer_store.file.complete()
        self._asking.share_out(
            [peer.peer_session for peer in peers],
            self._peer_store.device,
            is_central_connected=is_central_connected,
        )
        for n, peer in enumerate(peers):
            peer.heartbeats += 1
            if (peer.heartbeats + n) % COMPARE_EVERY == 0:
                peer.peer_session.compare()
            self._send(peer)

    def stamp(self) -> None:
        """Say to everybody up to where we have come, between two heartbeats."""
        at_ms = self._look().boot_ms
        self._lan.send(
            (peer.link, _encode(PeerMessage(stamp=self._stamp(peer, at_ms))))
            for peer in self.connected.values()
        )

    def connected_to(self, device: str) -> list[str]:
        """The connected gates that say they hear a device, or ``central``."""
        return [
            other for other, peer in self.connected.items() if device in peer.peer_session.connected
        ]

    def heard_boot_ms(self, device: str) -> int | None:
        """When a device was last heard, itself or by a gate that hears it."""
        return self._heard_ms.get(device)

    def ahead(self, device: str) -> tuple[int, int] | None:
        """How far our clock is ahead of a device's, and how far that may be wrong (ms)."""
        clocks = self._clocks.get(device)
        return clocks.ahead() if clocks is not None else None

    def unacked(self) -> int:
        """How many of our own entries no other gate has said it holds."""
        if not self._compared:
            return unacked(self._peer_store, {})
        return min(peer_session.unacked() for peer_session in self._compared.values())

    def _receive_message(self, link: Link, message: PeerMessage) -> None:
        link.dealt_with += 1
        peer = self.connected.get(link.device)
        if peer is None or peer.link is not link:
            return
        now = self._clock.read()
        peer.peer_session.receive(message, now.wall_ms)
        self._heard_ms[link.device] = now.boot_ms
        if message.stamp is not None:
            self._receive_stamp(peer, message.stamp, now.boot_ms)
        if peer.peer_session.is_known:
            self._compared[link.device] = peer.peer_session
        if message.heartbeat is not None:
            where = peer.place
            peer.heartbeat, self.reports[link.device] = message.heartbeat, message.heartbeat.report
            peer.heartbeat_ms = peer.placed(
                message.stamp.at_ms if message.stamp else None, now.boot_ms
            )
            peer.current_ms = peer.placed(message.heartbeat.current_ms, now.boot_ms)
            # Only of devices there are: a gate that lies can name new ones without end.
            known = filter(self._key_of, peer.peer_session.connected)
            self._heard_ms |= dict.fromkeys(known, now.boot_ms)
            self._receive_clock(link.device, message.heartbeat, now)
            if peer.place != where:
                self._lan.know({link.device: peer.place}, Rank.PROVED)
            if message.heartbeat.connected is not None:
                self._lan.know(
                    {d: at for d, at in message.heartbeat.connected.items() if d != CENTRAL}
                )
        self._send(peer)
        self.publish()

    def _receive_stamp(self, peer: Peer, stamp: Stamp, now_ms: int) -> None:
        is_first = peer.got is None
        peer.got = stamp.at_ms, now_ms
        if stamp.got is not None:
            ours_ms, theirs_ms = stamp.got
            peer.bound.learn(min(ours_ms, now_ms), theirs_ms, now_ms)
        # Of devices there are only, as with those that it hears.
        marks = {d: mark for d, mark in stamp.others.items() if self._key_of(d)}
        marks[peer.link.device] = Watermark(stamp.tip, stamp.at_ms)
        for device, mark in marks.items():
            boot_ms = peer.bound.first(mark.at_ms, now_ms)
            if boot_ms is not None and device != self._peer_store.device:
                self._watermarks.note(device, Way.LAN, Mark(mark.tip, min(boot_ms, now_ms)))
        if is_first:
            # Only with an answer to its stamps can the other place ours.
            answer = PeerMessage(stamp=self._stamp(peer, self._look().boot_ms))
            self._lan.send([(peer.link, _encode(answer))])

    def _look(self) -> Reading:
        """The clocks, and after that the journal: what a stamp is made of."""
        now = self._clock.read()
        self._peer_store.follow_journal()
        return now

    def _stamp(self, peer: Peer, at_ms: int) -> Stamp:
        """Up to where we have come; the journal must have been followed after ``at_ms``."""
        others = {}
        for device in self._watermarks.devices():
            mark = self._watermarks.newest(device)
            is_wanted = device != peer.link.device and device not in peer.peer_session.connected
            if is_wanted and mark is not None and at_ms - mark.boot_ms <= PASSED_ON_MS:
                others[device] = Watermark(mark.tip, mark.boot_ms)
        return Stamp(at_ms, self._peer_store.journal.tip, peer.got, others)

    def _receive_clock(self, device: str, heartbeat: Heartbeat, now: Reading) -> None:
        clocks = self._clocks[device]
        if heartbeat.at_ms:
            clocks.received(heartbeat.at_ms, now)
        if heartbeat.late is not None:
            clocks.theirs = heartbeat.late.get(self._peer_store.device)

    def _send(self, peer: Peer) -> None:
        messages = []
        at_ms = self._look().boot_ms
        while (message := peer.peer_session.next_message()) is not None:
            stamped = msgspec.structs.replace(message, stamp=self._stamp(peer, at_ms))
            messages.append((peer.link, _encode(stamped)))
            if not peer.peer_session.has_to_send():
                break
        if messages:
            self._lan.send(messages)

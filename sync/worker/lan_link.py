"""This gate among the venue's other gates: its transport, and what it says of itself on it."""

from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from gate import config_tables
from gate.core.entry import CENTRAL, device_of
from gate.core.event_device import DeviceReport
from gate.core.ticket_feed import is_before
from gate.storage.certificates import Membership
from gate.storage.enrolment import Enrolment
from sync.transport.lan_stream import Event
from sync.wire import Heartbeat
from sync.worker.feed_sharing import FeedSharing
from sync.worker.owned_files import OwnedFiles
from sync.worker.peers import Peer, PeerSet
from sync.worker.server_contact import HEARD_LATELY_S, ServerContact
from sync.worker.surroundings import Surroundings
from sync.worker.ticket_sources import TicketSources

STAMP_EVERY_S = 0.5
"""How often the other gates are told up to where this one has come."""
STAMPS_A_HEARTBEAT = 2


class LanLink:
    """The way to the other gates, and what goes along it by itself."""

    def __init__(
        self,
        files: OwnedFiles,
        around: Surroundings,
        *,
        enrolment: Enrolment,
        membership: Membership,
        settings: config_tables.Lan,
        sources: TicketSources,
        contact: ServerContact,
        publish: Callable[[Event], None],
        heard_ms: Mapping[str, int],
    ) -> None:
        """``heard_ms``: when devices were heard on the LAN by an earlier worker of this boot."""
        self._files = files
        self._now_s = around.now_s
        self._sources = sources
        self._contact = contact
        self._name = enrolment.name
        directory = files.directory
        self.transport = around.lan(
            files.folder,
            membership,
            publish,
            answer=FeedSharing(files.folder).answer,
            why_not=directory.why_not,
            is_member=lambda device: bool(directory.key_of(device)),
            proof_of=directory.proof_of,
            listen=(settings.address, settings.port),
            seeds=(*settings.gates, *_host_of(enrolment)),
            announces=settings.announce,
        )
        self.peers = PeerSet(
            files.peer_store,
            files.key,
            self.transport,
            files.clock,
            directory.key_of,
            watermarks=files.watermarks,
            heard_ms=heard_ms,
        )
        self._stamp_s = float("-inf")
        self._stamps = -1

    def stamp_if_due(self, report: Callable[[], DeviceReport]) -> bool:
        """Twice a second: say up to where we have come; whether it was time to say how we are."""
        now = self._now_s()
        if now - self._stamp_s < STAMP_EVERY_S:
            return False
        self._stamp_s = now
        self._stamps += 1
        if self._stamps % STAMPS_A_HEARTBEAT:
            self.peers.stamp()
            return False
        self._heartbeat(report)
        return True

    def _heartbeat(self, report: Callable[[], DeviceReport]) -> None:
        files, directory = self._files, self._files.directory
        position = files.feed.position()
        heartbeat = Heartbeat(
            name=self._name or directory.name_of(files.peer_store.device),
            is_open=bool(files.peer_store.devices.is_open(files.peer_store.device)),
            port=self.transport.port,
            report=report(),
            as_of_ms=position.as_of_ms,
            current_ms=self._sources.current_ms,
        )
        is_answering = self._contact.is_answering(files.clock.read().boot_ms)
        self.peers.heartbeat(heartbeat, is_central_connected=is_answering)
        head = self._sources.head if self._contact.url else None
        current_ms = current_by_peers(self.peers.connected.values(), position.cursor, head)
        if current_ms is not None:
            self._sources.be_current(current_ms)
        for device, peer in list(self.peers.connected.items()):
            if why := directory.why_not(device, peer.link.key):
                self.transport.cut(device, why)

    def relays(self, origin: str) -> bool:
        """Whether it is ours to carry on to the server what a gate without the internet did."""
        files = self._files
        lately_ms = files.clock.read().boot_ms - round(HEARD_LATELY_S * 1000)
        if files.directory.server_heard_boot_ms(device_of(origin)) > lately_ms:
            return False
        # Of the gates that hear the server, the first.
        connected = self.peers.connected_to(CENTRAL)
        return files.peer_store.device <= min(connected, default=files.peer_store.device)


def current_by_peers(peers: Iterable[Peer], cursor: str, head: str | None) -> int | None:
    """By which moment all tickets were here, as the other gates show; ``None``: they do not.

    With a server that is for one to say that has the same, of itself: a moment stays what it
    is from gate to gate. But nobody is believed against a newer ``head`` that is known here.
    Without a server (``None``) all that are connected have to have the same, as nobody else would
    tell of newer ones.
    """
    peers = list(peers)
    same = [peer for peer in peers if peer.heartbeat.report.cursor == cursor]
    if head is None:
        moments = [peer.heartbeat_ms for peer in same if peer.heartbeat_ms is not None]
        return min(moments, default=None) if len(moments) == len(peers) else None
    if is_before(cursor, head):
        return None
    return max((peer.current_ms for peer in same if peer.current_ms is not None), default=None)


def _host_of(enrolment: Enrolment) -> tuple[str, ...]:
    """Where the host of a venue without a server was when it took this gate in."""
    host = urlsplit(enrolment.url).hostname
    return (host,) if host and not enrolment.credential else ()

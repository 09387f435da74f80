"""Who the event's other devices are and how they are, from all that is known of them.

The server has told, the feed has told, their own entries say, or they are heard on the LAN.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec

from gate.core.entry import CENTRAL, Entry
from gate.core.event_device import DeviceReport, EventDevice
from gate.i18n import _
from gate.storage import sync_status
from gate.storage.peer_store import PeerStore
from gate.storage.ticket_feed import TicketFeed
from sync.session.watermarks import Watermark, Watermarks, Way
from sync.worker.peers import PeerSet

ENROLLED, RETIRED, REVOKED = "enrolled", "retired", "revoked"
NEVER = -(2**53)
NO_TIP = Watermark("", NEVER)


class DeviceDirectory:
    """Everything that is known of the other devices.

    More than ten public methods: both links tell it what they hear, each in its words, and what
    follows for the lane is reckoned in one place.
    """

    def __init__(self, peer_store: PeerStore, feed: TicketFeed, watermarks: Watermarks) -> None:
        self._peer_store = peer_store
        self._watermarks = watermarks
        self._feed = feed
        self._stated = {one.device: one for one in peer_store.devices.received(EventDevice)}
        self._stated_boot_ms = 0
        self.look_again()

    def look_again(self) -> None:
        """The feed has gone on."""
        self._members = self._feed.members()
        if self._feed.cursor:
            self._peer_store.disown(self._members.values())

    def learn_from_server(self, lanes: Sequence[EventDevice], boot_ms: int) -> None:
        """The server has said how everybody is."""
        self._stated = {lane.device: lane for lane in lanes}
        self._stated_boot_ms = boot_ms
        self._peer_store.devices.put({lane.device: _steady(lane) for lane in lanes})

    def server_heard_boot_ms(self, device: str) -> int:
        """When the server last heard a device, as far as it has said; long ago if it has not."""
        lane = self._stated.get(device)
        if lane is None or lane.heard_ago_ms is None:
            return NEVER
        return self._stated_boot_ms - lane.heard_ago_ms

    def twins(self) -> set[str]:
        """Devices whose credential another machine uses, as the server has seen."""
        return {lane.device for lane in self._stated.values() if lane.has_twin}

    def why_not(self, device: str, key: str) -> str:
        """Why a device with that key is to be told nothing; empty: it is welcome. From any thread.

        One that nobody has told of yet is: the venue's certificate says that it belongs.
        """
        if self._state(device) == REVOKED:
            return _("revoked")
        known = self.key_of(device)
        return _("another key") if known and known != key else ""

    def proof_of(self, device: str) -> str:
        """The authority's word that a device was revoked; empty where there is none.

        From any thread.
        """
        member = self._members.get(device)
        return member.proof if member is not None and member.state == REVOKED else ""

    def name_of(self, device: str) -> str:
        """What the feed or the server calls a device."""
        stated, member = self._stated.get(device), self._members.get(device)
        return (stated.name if stated else "") or (member.name if member else "")

    def key_of(self, device: str) -> str:
        """A device's Ed25519 public key (hex); empty when it is not known."""
        stated, member = self._stated.get(device), self._members.get(device)
        return (stated.key if stated else "") or (member.key if member else "")

    def are_known(self) -> bool:
        """Whether there are any."""
        return bool({*self._stated, *self._members} - {self._peer_store.device})

    def are_all_known(self) -> bool:
        """Whether the feed has told who belongs to the event, this device among them."""
        return self._peer_store.device in self._members

    def lanes(self, gates: PeerSet | None, now_ms: int = 0) -> tuple[sync_status.DeviceStatus, ...]:
        """The other devices, as the lane is told of them at a moment of this device's clock."""
        self._watermarks.look_again()
        known = {
            *self._stated,
            *self._members,
            *self._peer_store.devices.with_lanes(),
            *(gates.connected if gates else ()),
        } - {self._peer_store.device, CENTRAL}
        return tuple(self._lane(device, gates, now_ms) for device in sorted(known))

    def recall(self, lanes: Iterable[sync_status.DeviceStatus]) -> None:
        """Take in what an earlier worker of this boot said: still true if the tips are held."""
        for lane in lanes:
            # Both ways may have been known; the tip is that of the later one.
            ways = ((lane.lan_held_boot_ms, Way.LAN), (lane.central_held_boot_ms, Way.CENTRAL))
            for boot_ms, way in ways:
                if boot_ms is not None and boot_ms == lane.held_boot_ms:
                    self._watermarks.note(lane.device, way, Watermark(lane.held_tip, boot_ms))

    def _held_tip(self, device: str) -> str:
        held = [self._watermarks.held(device, way) for way in Way]
        return max((one for one in held if one), key=lambda one: one.boot_ms, default=NO_TIP).tip

    def held(
        self, lanes: Sequence[sync_status.DeviceStatus]
    ) -> tuple[sync_status.DeviceStatus, ...]:
        """The same lanes with what of them is held by now."""
        self._watermarks.look_again()
        held = self._watermarks.held_boot_ms
        return tuple(
            replace(
                lane,
                central_held_boot_ms=held(lane.device, Way.CENTRAL),
                lan_held_boot_ms=held(lane.device, Way.LAN),
                held_tip=self._held_tip(lane.device),
                behind=self._watermarks.behind(lane.device),
            )
            for lane in lanes
        )

    def _state(self, device: str) -> str:
        stated, member = self._stated.get(device), self._members.get(device)
        # The feed says it wherever it is heard, the server only here.
        if member is not None and member.state != ENROLLED:
            return member.state
        return stated.state if stated is not None else ENROLLED

    def _lane(self, device: str, gates: PeerSet | None, now_ms: int) -> sync_status.DeviceStatus:
        stated = self._stated.get(device) or EventDevice(device)
        gate = gates.connected.get(device) if gates else None
        state = self._state(device)
        retirement = (
            self._peer_store.devices.retirement(device, now_ms) if state == ENROLLED else None
        )
        if retirement is not None:
            state = RETIRED
        is_open = self._peer_store.devices.is_open(device)
        behind = self._watermarks.behind(device)
        # What it did since it closed, as far as is known here, may be that it opened.
        is_active = bool(behind) or (stated.active if is_open is None else is_open)
        heard_boot_ms = self.server_heard_boot_ms(device)
        report = stated.report
        if gates is not None and (gate is not None or heard_boot_ms == NEVER):
            report = gates.reports.get(device, report)
        if report.offset_ms is None and gates is not None:
            ahead_ms, error_ms = gates.ahead(device) or (None, None)
            report = msgspec.structs.replace(report, offset_ms=ahead_ms, error_ms=error_ms)
        return sync_status.DeviceStatus(
            device=device,
            name=self.name_of(device) or (gate.heartbeat.name if gate else ""),
            active=is_active and state == ENROLLED,
            central_held_boot_ms=self._watermarks.held_boot_ms(device, Way.CENTRAL),
            lan_held_boot_ms=self._watermarks.held_boot_ms(device, Way.LAN),
            held_tip=self._held_tip(device),
            behind=behind,
            watches=not is_active and self._peer_store.devices.watches(device),
            knows_us=self._peer_store.devices.closed_beside_us(device),
            central_boot_ms=None if heard_boot_ms == NEVER else heard_boot_ms,
            lan_boot_ms=gates.heard_boot_ms(device) if gates else None,
            state=state,
            report=report,
            retired=None if retirement is None else _retired(retirement),
        )


def _retired(by: Entry) -> sync_status.Retired:
    return sync_status.Retired(by.operator, by.gate or by.device, by.at_ms, by.note)


def _steady(lane: EventDevice) -> EventDevice:
    """What does not change every second, so that it is worth keeping."""
    return msgspec.structs.replace(lane, heard_ago_ms=None, report=DeviceReport())

"""The devices of the venue: what each has counted, and how it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from gate import __version__
from gate.core.entry import WATCHES, Act, device_of
from gate.core.event_device import DeviceReport
from gate.core.hlc import wall_ms
from gate.core.replication import DIGITS, Start, Tip, alarms, gather, joined
from gate.storage.connectivity import Connectivity
from gate.storage.figures import Figures, by_device
from gate.storage.fleet import Fleet
from gate.storage.peers import read_device
from gate.storage.sync_status import DeviceStatus, Retired

_OWN_LANE = f"""
SELECT act, coalesce(json_extract(body, '$.flags'), '') LIKE '%"{WATCHES}"%'
FROM entry WHERE act IN ('{Act.LANE_OPENED}', '{Act.LANE_CLOSED}')
ORDER BY id DESC LIMIT 1
"""
_DECIDED = ("retired", "revoked")
_OWN_TIPS = "SELECT origin, max(seq), coalesce(CAST(hash AS BLOB), x'') FROM entry GROUP BY origin"


@dataclass(frozen=True, slots=True)
class Device:
    """A device of the event in a supervisor's list, this one too: its counts, and how it is.

    What the lane goes by is its ``DeviceStatus``.
    """

    id: str
    name: str = ""
    gate: str = ""
    state: str = ""
    """``open``, ``closed``, ``watches``, ``retired``, ``revoked``; empty when nobody has said."""
    is_own: bool = False
    figures: Figures = field(default_factory=Figures)
    newest_ms: int | None = None
    """The time of its newest entry, by the hybrid logical clock."""
    heard_ago_ms: int | None = None
    """How long ago anybody who is heard had heard it."""
    unacked: int | None = None
    """As in its report; ``None`` when nobody has said, or nobody is there to ack."""
    report: DeviceReport = field(default_factory=DeviceReport)
    """Its own word. Without a server its clock is held against this device's."""
    retired: Retired | None = None
    """``None`` also when the server or the host retired it."""
    has_alarm: bool = False
    """Whether it was cloned, restored from a backup or rolled back."""
    is_disowned: bool = False
    """Whether not all of what it did counts."""
    has_twin: bool = False
    """Whether another machine was seen to use its credential."""
    is_flooding: bool = False
    """Whether more of it was taken in than of any that works."""


def all_devices(fleet: Fleet, now_ms: int, connectivity: Connectivity) -> list[Device]:
    """Every device that is known, this one first, then by name."""
    newest = _newest_ms(fleet)
    figures = by_device(fleet, now_ms)
    known = {
        str(id_): read_device(body) for id_, body in fleet.peers.rows("SELECT id, body FROM device")
    }
    fresh, disowned = connectivity.sync_status, fleet.disowned()
    lanes = {lane.device: lane for lane in fresh.lanes}
    found = []
    for id_ in {fleet.device, *figures, *known, *lanes}:
        device = Device(
            id_,
            gate=_gate(fleet, id_),
            is_own=id_ == fleet.device,
            figures=figures.get(id_, Figures()),
            newest_ms=newest.get(id_),
            has_alarm=any(id_ in alarm for alarm in fresh.alarms),
            is_disowned=id_ in disowned,
            has_twin=id_ in fresh.twins,
            is_flooding=id_ in fresh.floods,
        )
        if id_ in known:
            state = lane_state(known[id_].state, is_active=known[id_].active)
            device = replace(device, name=known[id_].name, state=state)
        if id_ in lanes:
            device = _fresh(device, lanes[id_], connectivity.boot_ms)
        if device.is_own:
            device = _own(device, connectivity, _own_lane(fleet))
        if device.is_own or device.state or device.figures.scans or device.figures.undone:
            found.append(device)
    return sorted(found, key=lambda d: (not d.is_own, d.name or d.gate, d.id))


def alarms_of(devices: Sequence[Device]) -> Iterator[tuple[str, Device]]:
    """Which of some devices raise an alarm, and of which kind, the gravest first."""
    yield from (("branched", one) for one in devices if one.has_alarm)
    yield from (("twin", one) for one in devices if one.has_twin)
    yield from (("flood", one) for one in devices if one.is_flooding)


_SOUND_TIPS = (
    "FROM tip WHERE typeof(origin) = 'text' AND typeof(seq) = 'integer' AND typeof(hlc) = 'integer'"
)
_PEERS_TIPS = f"SELECT origin, seq, coalesce(hash, x'') {_SOUND_TIPS}"
_PEERS_TIMES = f"SELECT origin, hlc {_SOUND_TIPS}"


def newest_of_peers_ms(fleet: Fleet) -> int | None:
    """The time of the newest entry of any other device; ``None`` when none was heard."""
    return max((at for id_, at in _newest_ms(fleet).items() if id_ != fleet.device), default=None)


def alarmed_devices(fleet: Fleet) -> set[str]:
    """Devices that were cloned, restored from a backup or rolled back, as the entries tell."""
    starts = {Start(*row) for row in fleet.peers.rows("SELECT origin, follows FROM origin")}
    own = {}
    for origin, seq, hash_ in fleet.own.rows(_OWN_TIPS):
        own[origin] = Tip(seq, hash_.hex()[:DIGITS])
        first = fleet.own.find(f"{origin}:1")
        starts |= {Start(origin, first.follows)} if first else set()
    theirs = gather(fleet.peers.rows(_PEERS_TIPS))
    found = alarms(starts, joined(theirs, own, fleet.peers.has_successor))
    return {alarm.device for alarm in found}


def _gate(fleet: Fleet, device: str) -> str:
    """Where a device counted last."""
    if device == fleet.device:
        rows = fleet.own.rows("SELECT gate FROM tally ORDER BY minute DESC LIMIT 1")
    else:
        rows = fleet.peers.rows(
            "SELECT gate FROM tally WHERE device = :device ORDER BY minute DESC LIMIT 1",
            {"device": device},
        )
    return str(rows[0][0]) if rows else ""


def _newest_ms(fleet: Fleet) -> dict[str, int]:
    newest: dict[str, int] = {}
    for origin, hlc in fleet.peers.rows(_PEERS_TIMES):
        device = device_of(origin)
        newest[device] = max(newest.get(device, 0), wall_ms(hlc))
    for (hlc,) in fleet.own.rows(
        "SELECT coalesce(CAST(json_extract(body, '$.hlc') AS INTEGER), 0) FROM entry "
        "ORDER BY id DESC LIMIT 1"
    ):
        newest[fleet.device] = max(newest.get(fleet.device, 0), wall_ms(hlc))
    return newest


def _own_lane(fleet: Fleet) -> str:
    """Whether this lane is open, by its own journal; empty where it has never been."""
    rows = fleet.own.rows(_OWN_LANE)
    if not rows:
        return ""
    act, watches = rows[0]
    return WATCHES if watches else lane_state("enrolled", is_active=act == Act.LANE_OPENED)


def lane_state(state: str, *, is_active: bool) -> str:
    """A lane's state by its device's, and by whether it was opened."""
    if state != "enrolled":
        return state
    return "open" if is_active else "closed"


def _own(device: Device, connectivity: Connectivity, lane: str) -> Device:
    """This device, which knows how it is itself, but for what was decided about it."""
    fresh = connectivity.sync_status
    return replace(
        device,
        state=device.state if device.state in _DECIDED else lane,
        heard_ago_ms=None,
        unacked=fresh.unacked if connectivity.is_enrolled and fresh.boot_id else None,
        report=DeviceReport(
            version=__version__,
            quarantined=fresh.quarantined,
            offset_ms=fresh.ahead_ms,
            error_ms=fresh.error_ms,
            health=fresh.health,
        ),
    )


def _fresh(device: Device, lane: DeviceStatus, boot_ms: int) -> Device:
    """A device with what the sync worker last heard of it."""
    return replace(
        device,
        name=lane.name or device.name,
        gate=lane.report.gate or device.gate,
        state=WATCHES
        if lane.watches and lane.state == "enrolled"
        else lane_state(lane.state, is_active=lane.active),
        heard_ago_ms=None if lane.heard_boot_ms is None else boot_ms - lane.heard_boot_ms,
        unacked=lane.report.unacked,
        report=lane.report,
        retired=lane.retired,
    )

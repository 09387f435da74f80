"""What ``gate sync status`` tells: how things stand, whether or not a worker is at work."""

from contextlib import closing, suppress
from typing import Any, NamedTuple

import msgspec
from rich.cells import cell_len

from gate.clock import SystemClock
from gate.core.outcome import Basis
from gate.errors import BusyError, DamagedError
from gate.i18n import _
from gate.storage import damage
from gate.storage.certificates import load_membership
from gate.storage.connectivity import HEARD_WITHIN_S, ConnectivityReader
from gate.storage.enrolment import load
from gate.storage.folder import Folder, Lock, is_locked
from gate.storage.peer_store import PeerStore
from gate.storage.revocation import is_revoked, revoked
from gate.storage.sync_status import DeviceStatus
from gate.storage.tickets import Tickets
from gate.text.connectivity_words import basis_words
from gate.text.damage_words import damage_end
from gate.text.printable import printable
from gate.text.times import ago
from sync.session.send_window import unacked
from sync.worker.status_writer import alarmed


def status(folder: Folder, heard_within_s: float = HEARD_WITHIN_S) -> dict[str, Any]:
    """How things stand, by its names for programs."""
    clock = SystemClock().read()
    connectivity = ConnectivityReader(folder, heard_within_s).read(clock)
    fresh = connectivity.sync_status
    enrolment = load(folder)
    is_working = is_locked(folder, "sync")
    stored = _Stored(fresh.unacked, fresh.quarantined, fresh.alarms, fresh.floods)
    if not is_working:
        # A worker that has just begun tells from now on.
        with suppress(BusyError, DamagedError):
            stored = _stored(folder)
    has_server = enrolment is not None and bool(enrolment.credential)
    # By the clock of the server, as far as that was measured.
    server_now_ms = clock.wall_ms + (fresh.ahead_ms or 0)
    return {
        "revoked": is_revoked(folder),
        "server": enrolment.url if enrolment and has_server else "",
        "member": load_membership(folder) is not None,
        "event": enrolment.event if enrolment else "",
        "name": enrolment.name if enrolment else "",
        "working": is_working,
        "link": fresh.link if is_working else "",
        "basis": connectivity.coverage.basis.value,
        "basis_age_ms": connectivity.age_ms,
        "refetching": connectivity.coverage.is_refetching,
        "unheard": [lane.name or lane.device for lane in connectivity.coverage.unheard],
        "gates_heard": fresh.connected_peers if is_working else 0,
        "unauthorised": fresh.unauthorised,
        "server_heard_s_ago": _ago_s(fresh.server_boot_ms, clock.boot_ms),
        "tickets_complete_s_ago": _ago_s(fresh.tickets_boot_ms, clock.boot_ms),
        "tickets_as_of_s_ago": _age_s(_built_ms(folder), server_now_ms),
        # Only the worker knows what other gates hold.
        "unacked": stored.unacked if has_server else fresh.unacked,
        "quarantined": stored.quarantined,
        "server_ahead_ms": fresh.ahead_ms,
        "server_error_ms": fresh.error_ms,
        "alarms": list(stored.alarms),
        "floods": list(stored.floods),
        "disk_full": fresh.is_full,
        "last_error": fresh.last_error,
        "damaged": [_damage_status(one, clock.wall_ms) for one in damage.every(folder)],
        "others": [_lane_status(lane, clock.boot_ms) for lane in fresh.lanes],
    }


def _damage_status(one: damage.Damage, now_ms: int) -> dict[str, Any]:
    return {
        "file": one.file,
        "why": one.why,
        "s_ago": _age_s(one.at_ms, now_ms),
        "is_mended": one.mended_ms > 0,
        "lost": one.lost,
        "told": damage_end(one),
    }


def _lane_status(lane: DeviceStatus, boot_ms: int) -> dict[str, Any]:
    return {
        "device": lane.device,
        "name": lane.name,
        "active": lane.active,
        "state": lane.state,
        "heard_s_ago": _ago_s(lane.central_boot_ms, boot_ms),
        "lan_heard_s_ago": _ago_s(lane.lan_boot_ms, boot_ms),
        "held_s_ago": _ago_s(lane.held_boot_ms, boot_ms),
        "behind": lane.behind,
        "unacked": lane.report.unacked,
    }


def _ago_s(at_ms: int | None, now_ms: int) -> float | None:
    return None if at_ms is None else round((now_ms - at_ms) / 1000, 1)


def _age_s(at_ms: int | None, now_ms: int) -> float | None:
    """Clocks by the time of day may have been set meanwhile: nothing is younger than new."""
    return None if at_ms is None else max(0.0, round((now_ms - at_ms) / 1000, 1))


def as_json(status: dict[str, Any]) -> str:
    """One line for programs."""
    return msgspec.json.encode(status).decode()


def _built_ms(folder: Folder) -> int | None:
    """As of when the tickets here are complete, by the clock of whoever made them."""
    if not folder.pointer.exists():
        return None
    with closing(Tickets(folder)) as tickets:
        with suppress(DamagedError):
            tickets.refresh()
        return tickets.replica.built_ms or None


def as_text(status: dict[str, Any]) -> str:
    """Lines for people."""
    if status["revoked"]:
        return revoked().message
    if not status["server"] and not status["member"]:
        return _("not enrolled with a server or a venue")
    offset = _("not measured")
    if status["server_ahead_ms"] is not None:
        offset = f"{status['server_ahead_ms']:+d} ± {status['server_error_ms']} ms"
    complete_s = status["tickets_complete_s_ago"]
    if complete_s is None:
        complete_s = status["tickets_as_of_s_ago"]
    basis = basis_words(Basis(status["basis"]), status["basis_age_ms"])
    if status["refetching"]:
        basis += " · " + _("what the others did is being fetched again")
    elif status["unheard"]:
        unheard = ", ".join(printable(name, 40) for name in status["unheard"])
        basis += " · " + _("not heard: {lanes}").format(lanes=unheard)
    lines = [
        (_("server"), status["server"] or _("none: the gates keep each other informed")),
        *([(_("event"), status["event"])] if status["event"] else []),
        *([(_("known there as"), status["name"])] if status["name"] else []),
        (_("sync worker"), _("at work") if status["working"] else _("not running")),
        (_("verdicts"), basis),
        (_("gates heard"), str(status["gates_heard"])),
        *(
            [
                (_("server heard"), _ago(status["server_heard_s_ago"])),
                (_("server's clock"), offset),
            ]
            if status["server"]
            else []
        ),
        (_("tickets complete"), _ago(complete_s)),
        (_("unsent"), str(status["unacked"])),
        (_("quarantined"), str(status["quarantined"])),
        *([(_("ALARM"), ", ".join(status["alarms"]))] if status["alarms"] else []),
        *([(_("TELLS TOO MUCH"), ", ".join(status["floods"]))] if status["floods"] else []),
        *(
            [(_("DISK FULL"), _("nothing of other devices is taken in; scanning goes on"))]
            if status["disk_full"]
            else []
        ),
        *(
            (_("damaged"), f"{printable(one['why'], 200)} · {_ago(one['s_ago'])} · {one['told']}")
            for one in status["damaged"]
        ),
        *([(_("last error"), status["last_error"])] if status["last_error"] else []),
    ]
    width = max(cell_len(name) for name, _text in lines)
    return "\n".join(f"{name}{' ' * (width - cell_len(name))}  {text}" for name, text in lines)


def _ago(seconds: float | None) -> str:
    return _("not in this boot") if seconds is None else ago(int(seconds * 1000))


class _Stored(NamedTuple):
    """What the files hold, whether or not a worker has reported it in this boot."""

    unacked: int
    quarantined: int
    alarms: tuple[str, ...]
    floods: tuple[str, ...]


def _stored(folder: Folder) -> _Stored:
    """What the files hold, while no worker has them. Raises BusyError."""
    if not folder.peers.exists() and not folder.journal.exists():
        return _Stored(0, 0, (), ())
    with closing(Lock(folder, "sync")), closing(PeerStore(folder)) as peer_store:
        waiting = unacked(peer_store, peer_store.receipts.acked())
        floods = tuple(peer_store.floods())
        return _Stored(waiting, peer_store.quarantine.count(), alarmed(peer_store), floods)


def unacked_of(folder: Folder) -> int:
    """How many of this device's entries the server has not acked. Raises BusyError."""
    return _stored(folder).unacked

"""What the status bar says of the lane, and what of it matters most where not all of it fits."""

from enum import StrEnum, auto
from typing import TYPE_CHECKING

from rich.cells import cell_len

from gate.i18n import _, ngettext
from gate.storage.connectivity import Connectivity
from gate.text.connectivity_words import basis_words, server_link
from gate.text.lane_words import isolation_words, list_line
from gate.text.printable import printable
from gate.text.times import age_or_time, ago
from gate.ui.tui.readers import Readers

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp

BETWEEN = " · "


class Part(StrEnum):
    """What can be in the bar, in the order in which it stands there."""

    LIST = auto()
    GATE = auto()
    REVOKED = auto()
    DIRECTION = auto()
    CLOCK = auto()
    ISOLATED = auto()
    ALARMS = auto()
    QUARANTINED = auto()
    DISK_FULL = auto()
    MATTERS = auto()
    BASIS = auto()
    SERVER = auto()
    UNSENT = auto()
    TICKETS = auto()
    CAMERA_TROUBLE = auto()
    CAMERA = auto()
    SCANNER_LOST = auto()
    SCANNER = auto()
    TURNSTILE = auto()
    OPERATOR = auto()
    ZONE = auto()


IMPORTANCE = (
    Part.REVOKED,
    Part.DIRECTION,
    Part.LIST,
    Part.CAMERA_TROUBLE,
    Part.SCANNER_LOST,
    Part.TURNSTILE,
    Part.DISK_FULL,
    Part.ISOLATED,
    Part.CLOCK,
    Part.BASIS,
    Part.ALARMS,
    Part.MATTERS,
    Part.SERVER,
    Part.UNSENT,
    Part.QUARANTINED,
    Part.TICKETS,
    Part.GATE,
    Part.OPERATOR,
    Part.CAMERA,
    Part.SCANNER,
    Part.ZONE,
)
"""Most needed first: where the bar is narrow, the last of these goes first."""

Status = dict[Part, str]


def fitting(status: Status, width: int) -> str:
    """The parts that fit into ``width`` cells, the most needed of them, in the bar's order."""
    kept: set[Part] = set()
    room = width + cell_len(BETWEEN)
    for part in IMPORTANCE:
        wanted = cell_len(status.get(part, "")) + cell_len(BETWEEN)
        if part in status and wanted <= room:
            room -= wanted
            kept.add(part)
    return BETWEEN.join(status[part] for part in Part if part in kept)


def status_of(app: "GateApp", readers: Readers | None = None) -> Status:
    """Where, which way, what is wrong, how sure, how fresh, what reads."""
    lane, connectivity = app.lane, app.lane.connectivity()
    readers = readers or Readers()
    gate = printable(lane.place.gate, 24)
    if lane.is_revoked:
        return {Part.GATE: gate, Part.REVOKED: _("REVOKED")}
    fresh = connectivity.sync_status
    alarms = len({*fresh.alarms, *fresh.twins, *fresh.floods})
    refused, waiting = fresh.quarantined, app.matters_open
    is_linked = connectivity.is_enrolled
    texts = {
        Part.LIST: list_line(app.own_list) if app.own_list else "",
        Part.GATE: gate,
        Part.DIRECTION: app.way(),
        Part.CLOCK: "" if lane.clock_is_trusted() else _("CLOCK NOT TRUSTED"),
        Part.ISOLATED: isolation_words(lane, app.time_zone),
        Part.ALARMS: ngettext("{n} ALARM", "{n} ALARMS", alarms).format(n=alarms) * bool(alarms),
        Part.QUARANTINED: _("{n} QUARANTINED").format(n=refused) * bool(refused),
        Part.DISK_FULL: _("DISK FULL") * fresh.is_full,
        Part.MATTERS: _("F3: {n} to look into").format(n=waiting) * bool(waiting),
        Part.BASIS: basis_words(connectivity.coverage.basis, connectivity.age_ms, is_brief=True),
        Part.SERVER: server_link(fresh, connectivity.boot_ms, lane.now_ms(), app.time_zone)
        if is_linked
        else _("no server"),
        Part.UNSENT: _("{n} unsent").format(n=fresh.unacked) if is_linked and fresh.unacked else "",
        Part.TICKETS: _tickets_age(app, connectivity),
        Part.CAMERA_TROUBLE if readers.has_camera_trouble else Part.CAMERA: readers.camera,
        Part.SCANNER_LOST if readers.is_scanner_lost else Part.SCANNER: readers.scanner,
        Part.TURNSTILE: _("TURNSTILE: F9")
        if app.turnstile is not None and app.turnstile.trouble
        else "",
        Part.OPERATOR: printable(lane.operator.name) if lane.operator else "",
        Part.ZONE: app.zone.current.name,
    }
    return {part: texts[part] for part in Part if texts.get(part)}


def _tickets_age(app: "GateApp", connectivity: Connectivity) -> str:
    """How long ago the tickets were last known to be all there."""
    lane = app.lane
    known_ms, built_ms = connectivity.sync_status.tickets_boot_ms, lane.tickets_built_ms()
    age = _("none")
    if connectivity.is_enrolled and known_ms is not None:
        age = ago(connectivity.boot_ms - known_ms)
    elif built_ms:
        trusted = lane.clock_is_trusted()
        age = age_or_time(built_ms, lane.now_ms(), app.time_zone, trusted=trusted)
    return _("tickets {age}").format(age=age)

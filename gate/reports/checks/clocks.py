"""Whether the clock tells the right time, in the zone that everybody means."""

from contextlib import closing
from zoneinfo import ZoneInfo

from gate.clock import PROGRAM_BUILT_MS, Clock
from gate.config import Config
from gate.core.hlc import is_trusted
from gate.core.local_time import same_clock
from gate.i18n import _, ngettext
from gate.reports.checks.finding import Finding, Status
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.storage.tickets import Tickets
from gate.text.printable import printable
from gate.text.times import clock_time
from gate.text.zones import Zone, is_zone, machine_zone, zone_of

_TYPES_SHOWN = 3


def device_clock(folder: Folder, clock: Clock, zone: Zone) -> Finding:
    """Whether the time is later than all that has happened, and a time server confirms it."""
    reading = clock.read()
    floor_ms = PROGRAM_BUILT_MS
    if folder.pointer.exists():
        with closing(Tickets(folder)) as tickets:
            tickets.refresh()
            floor_ms = max(floor_ms, tickets.replica.built_ms)
    if folder.journal.exists():
        with closing(JournalReader(folder.journal)) as reader:
            newest = reader.newest(1)
        floor_ms = max([floor_ms, *(entry.at_ms for entry in newest if entry.trusted)])
    trusted = is_trusted(reading, offset_ms=0, floor_ms=floor_ms, anchor=None, confirmed=False)
    detail = clock_time(reading.wall_ms, zone.info, dated=True, seconds=True) + f" {zone.name}"
    if not trusted:
        return Finding(
            Status.FAIL, detail, _("It is behind what has happened: set the clock (F9).")
        )
    if not clock.is_synchronised():
        detail += ", " + _("no time server heard")
        return Finding(Status.WARN, detail, _("Compare it with your watch."))
    return Finding(Status.OK, detail)


def time_zone(config: Config, folder: Folder, clock: Clock) -> Finding:
    """Whether everybody who could be asked for the zone names one whose clocks show the same."""
    zone, machine = zone_of(config, folder), machine_zone()
    detail = zone.in_words()
    if zone.unknown:
        unknown = _("{detail}; the event's {zone} is not known on this machine")
        return Finding(
            Status.WARN, unknown.format(detail=detail, zone=printable(zone.unknown, 40)),
            _("Update the program: pip install -U tzdata"),
        )  # fmt: skip
    if zone.is_nobodys:
        return Finding(
            Status.WARN,
            _("{detail}: nobody has set one").format(detail=detail),
            _("Set time_zone in config.toml, or the machine's: timedatectl set-timezone NAME"),
        )
    at = clock.read().wall_ms // 1000
    others: dict[str, list[str]] = {}
    if not same_clock(zone.info, machine.info, at):
        others[machine.name] = [_("this machine")]
    for type_id, name in _type_zones(folder):
        if not is_zone(name) or not same_clock(zone.info, ZoneInfo(name), at):
            others.setdefault(name, []).append(printable(type_id, 24))
    if not others:
        return Finding(Status.OK, detail)
    named = "; ".join(f"{name}: {_some(who)}" for name, who in others.items())
    return Finding(
        Status.WARN, f"{detail}; {named}",
        _("Is that meant? A type's own zone decides for its tickets, the first one is shown."),
    )  # fmt: skip


def _some(names: list[str]) -> str:
    more = len(names) - _TYPES_SHOWN
    return ", ".join(
        [
            *names[:_TYPES_SHOWN],
            *([ngettext("{n} more", "{n} more", more).format(n=more)] if more > 0 else []),
        ]
    )


def _type_zones(folder: Folder) -> list[tuple[str, str]]:
    if not folder.pointer.exists():
        return []
    with closing(Tickets(folder)) as tickets:
        tickets.refresh()
        return [(kind.id, kind.time_zone) for kind in tickets.types()]

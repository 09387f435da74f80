"""Whether the clock tells the right time, in the zone that everybody means."""

from contextlib import closing
from zoneinfo import ZoneInfo

from gate.clock import Clock
from gate.config import Config
from gate.core.local_time import same_clock
from gate.i18n import _, ngettext
from gate.lane.clock_trust import ClockTrust
from gate.reports.checks.finding import Finding, Status
from gate.storage.entries import newest_trusted
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.storage.sync_status import SyncStatusReader
from gate.storage.tickets import Tickets
from gate.text.clock_words import bound_words
from gate.text.printable import printable
from gate.text.times import clock_time
from gate.text.zones import Zone, is_zone, machine_zone, zone_of

_TYPES_SHOWN = 3


def device_clock(folder: Folder, clock: Clock, zone: Zone) -> Finding:
    """Whether the time is later than all that has happened, and how far off by who knows it."""
    reading = clock.read()
    with closing(Tickets(folder)) as tickets:
        if folder.pointer.exists():
            tickets.refresh()
        trust = ClockTrust(clock, tickets)
        if folder.journal.exists():
            with closing(JournalReader(folder.journal)) as reader:
                newest = newest_trusted(reader.connection, folder.journal)
            trust.recall(newest, reading)
        trust.learn(SyncStatusReader(folder).read(reading.boot_id).clocks)
        trusted = trust.judge(reading)
        known = trust.true_time(reading, is_believed=trusted)
    at_ms = trust.at_ms(reading)
    detail = clock_time(at_ms, zone.info, dated=True, seconds=True) + f" {zone.name}"
    if known is not None:
        detail += ", " + bound_words(known, at_ms)
    if not trusted:
        return Finding(
            Status.FAIL, detail, _("It is behind what has happened: set the clock (F9).")
        )
    if known is None:
        detail += ", " + _("no time server heard")
        return Finding(Status.WARN, detail, _("Compare it with your watch."))
    if known.is_off(at_ms) or not known.agrees:
        return Finding(
            Status.WARN, detail, _("Compare it with your watch, and set the clock (F9).")
        )
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

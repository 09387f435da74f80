"""In which time zone a gate takes and tells times, and who says so.

Flags and ``GATE_`` variables beat the event, which beats ``config.toml``; where nobody says
anything it is the machine's own.
"""

import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from zoneinfo import TZPATH, ZoneInfo, ZoneInfoNotFoundError, available_timezones

import tzlocal

from gate.config import AUTO, Config
from gate.core.local_time import UTC_NAMES
from gate.errors import GateError
from gate.i18n import N_, _
from gate.storage.event import EventRow, event_zone
from gate.storage.folder import Folder

_LOCALTIME = Path("/etc/localtime")


class Source(StrEnum):
    """Who says in which zone a gate is."""

    SETTING = "setting"
    """A flag, ``--set`` or ``GATE_TIME_ZONE``."""
    EVENT = "event"
    FILE = "file"
    MACHINE = "machine"


SOURCE_WORDS = {
    Source.SETTING: N_("set by hand"),
    Source.EVENT: N_("the event's zone"),
    Source.FILE: N_("from config.toml"),
    Source.MACHINE: N_("this machine's zone"),
}


class MachineZone(NamedTuple):
    """The machine's own zone."""

    name: str
    is_known: bool
    """Whether the machine has a zone with a name; else ``name`` is UTC."""

    @property
    def info(self) -> ZoneInfo:
        """The zone itself."""
        return ZoneInfo(self.name)


@dataclass(frozen=True, slots=True)
class Zone:
    """The zone of a gate."""

    name: str
    source: Source
    unknown: str = ""
    """What the event says, where this machine knows no such zone."""
    is_named: bool = True
    """Whether the machine's own zone has a name."""

    @property
    def info(self) -> ZoneInfo:
        """The zone itself."""
        return ZoneInfo(self.name)

    @property
    def is_nobodys(self) -> bool:
        """Whether it is only what a machine has that nobody has set."""
        return self.source is Source.MACHINE and (not self.is_named or self.name in UTC_NAMES)

    def in_words(self) -> str:
        """The zone and who says so, in words."""
        return f"{self.name} ({_(SOURCE_WORDS[self.source])})"


def zone_of(config: Config, folder: Folder) -> Zone:
    """The zone this gate is in. Tickets that cannot be read say nothing of it."""
    stated = "" if config.time_zone in ("", AUTO) else config.time_zone
    is_by_hand = "time_zone" in config.by_hand
    if stated and is_by_hand:
        return Zone(stated, Source.SETTING)
    of_event = "" if is_by_hand else _of_event(folder)
    if of_event and is_zone(of_event):
        return Zone(of_event, Source.EVENT)
    if stated:
        return Zone(stated, Source.FILE, unknown=of_event)
    machine = machine_zone()
    return Zone(machine.name, Source.MACHINE, unknown=of_event, is_named=machine.is_known)


def is_zone(name: str) -> bool:
    """Whether this machine knows a zone of that name."""
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return False
    return bool(name)


def machine_zone() -> MachineZone:
    """The zone in which this machine shows its clock."""
    name = _named()
    if name and is_zone(name) and _shows(ZoneInfo(name)):
        return MachineZone(name, is_known=True)
    name = _by_content()
    if name and _shows(ZoneInfo(name)):
        return MachineZone(name, is_known=True)
    return MachineZone("UTC", is_known=False)


class LaneZone:
    """The zone of a lane at work: it follows what the event says."""

    def __init__(self, config: Config, folder: Folder) -> None:
        self.current = zone_of(config, folder)
        self.info = self.current.info
        self.on_change: Callable[[Zone], None] | None = None
        """Called in the thread that looks."""

    def follow(self, event: EventRow) -> None:
        """Go by the zone that the event says now, if this machine knows it; for quiet moments."""
        if self.current.source is Source.SETTING or event.time_zone == self.current.name:
            return
        if not is_zone(event.time_zone):
            return
        self.current = Zone(event.time_zone, Source.EVENT)
        self.info = self.current.info
        if self.on_change is not None:
            self.on_change(self.current)


def _of_event(folder: Folder) -> str:
    try:
        return event_zone(folder)
    except GateError:
        return ""


def _named() -> str:
    with warnings.catch_warnings():
        # It is asserted here, and told in other words.
        warnings.simplefilter("ignore")
        try:
            tzlocal.reload_localzone()
            return tzlocal.get_localzone_name() or ""
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return ""


def _by_content() -> str:
    """The zone whose file ``/etc/localtime`` is a copy of."""
    try:
        content = _LOCALTIME.read_bytes()
    except OSError:
        return ""
    for name in sorted(available_timezones(), key=lambda name: ("/" not in name, name)):
        for folder in TZPATH:
            with suppress(OSError):
                if Path(folder, name).read_bytes() == content:
                    return name
    return ""


def _shows(zone: ZoneInfo) -> bool:
    """Whether the machine's clock shows what clocks of that zone do, all through a year."""
    now = int(time.time())
    moments = [now + n * 30 * 86_400 for n in range(13)]
    return all(
        timedelta(seconds=time.localtime(at).tm_gmtoff)
        == datetime.fromtimestamp(at, zone).utcoffset()
        for at in moments
    )

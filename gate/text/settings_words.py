"""What an event states, and what a gate goes by, in lines for people."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from gate.core.event_settings import EventSettings, Stated
from gate.i18n import _
from gate.settings import GateSettings
from gate.storage.event import EventRow
from gate.storage.ticket_places import TicketPlaces
from gate.text.printable import printable


def setting_lines(event: EventRow) -> list[str]:
    """What an event says of itself and its types, one setting a line."""
    settings = event.settings
    lines = [
        f"{printable(event.id)}  {printable(event.name)}",
        f"time_zone={printable(event.time_zone)}",
        f"ends={_day(event)}",
        f"keep_days={event.keep_days}",
        f"isolated_hours={event.isolated_hours}",
    ]
    lines.append(f"# {_keeping(event)}")
    lines += _stated(settings.rules)
    for id_, stated in sorted(settings.types.items()):
        lines += [f"{line}  --type {printable(id_)}" for line in _stated(stated)]
    return lines


def profile_lines(settings: EventSettings) -> list[str]:
    """Every profile with what it says, and who was given one."""
    lines = [
        f"{printable(name)}  {' '.join(_stated(stated))}".rstrip()
        for name, stated in sorted(settings.profiles.items())
    ]
    lines += [
        _("{device} has the profile {name}").format(device=printable(device), name=printable(name))
        for device, name in sorted(settings.assigned.items())
    ]
    return lines or [_("There is no profile.")]


def gate_lines(gate: GateSettings) -> list[str]:
    """What is worth knowing of a gate's settings when it starts, or when they change."""
    lines = []
    if gate.profile:
        lines.append(_("profile: {name}").format(name=printable(gate.profile)))
    if gate.overrides:
        sentence = _("set at this machine, overrides the profile: {keys}")
        lines.append(sentence.format(keys=", ".join(gate.overrides)))
    if gate.unread:
        sentence = _("not read from config.toml, the event says it: {keys}")
        lines.append(sentence.format(keys=", ".join(gate.unread)))
    return lines


def unplaced_line(gate: GateSettings, places: TicketPlaces) -> str:
    """What a gate that was never told where it is has to know of the tickets; empty: nothing."""
    if gate.is_placed or not any(places):
        return ""
    kinds = {
        _("entrance"): places.entrances,
        _("zone"): places.zones,
        _("hall"): places.halls,
        _("flight"): places.flights,
        _("location"): places.locations,
    }
    sentence = "; ".join(
        f"{kind} {', '.join(printable(one, 40) for one in named)}"
        for kind, named in kinds.items()
        if named
    )
    if not gate.place.is_known:
        waits = _("nobody has said where this gate is, so tickets for one place wait: {places}")
        return waits.format(places=sentence)
    lets_in = _("nobody has said where this gate is, so it lets in tickets for every {places}")
    return lets_in.format(places=sentence)


def _keeping(event: EventRow) -> str:
    """Until when what is personal is kept."""
    if event.dropped_ms:
        return _("names and codes were dropped")
    if not event.ends_s:
        return _("nobody has said when the event ends: names and codes stay")
    until = datetime.fromtimestamp(event.keeps_until_ms / 1000, ZoneInfo(event.time_zone))
    return _("names and codes are dropped after {day}").format(day=until.date().isoformat())


def _day(event: EventRow) -> str:
    if not event.ends_s:
        return "never"
    return datetime.fromtimestamp(event.ends_s, ZoneInfo(event.time_zone)).isoformat(sep=" ")[:19]


def _stated(stated: Stated | Mapping[str, object]) -> list[str]:
    return [f"{key}={printable(_text(value))}" for key, value in sorted(stated.items())]


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

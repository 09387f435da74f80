"""The gates as a supervisor's page shows them: those that want somebody to look are on top."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gate.core.entry import WATCHES, Act, Entry
from gate.core.health import Worry, worries
from gate.core.place import Direction
from gate.i18n import N_, _, ngettext
from gate.storage.event import EventRow
from gate.storage.fleet_devices import Device
from gate.text.fleet_words import device_state, last_heard, offset, retired
from gate.text.health_words import health_parts
from gate.text.outcome_words import DIRECTION_WORDS
from gate.text.printable import printable

_FIRST = {"open": 0, "retired": 2, "revoked": 3}
"""Of states, for who wants nobody to look."""
_ALARMS = {
    "has_alarm": N_("cloned, restored from a backup or set back"),
    "has_twin": N_("another machine uses its credential"),
    "is_flooding": N_("tells far more than others do"),
    "is_disowned": N_("disowned"),
}


@dataclass(frozen=True, slots=True)
class AtGate:
    """A device of the event, and who works at it, as far as that is known."""

    device: Device
    operator: str = ""
    direction: Direction | None = None
    """In which its newest entry was made."""

    def is_silent(self, after_ms: int) -> bool:
        """Whether its lane is open and was not heard for so long."""
        one = self.device
        if one.state != "open" or one.is_own:
            return False
        return one.heard_ago_ms is None or one.heard_ago_ms > after_ms


@dataclass(frozen=True, slots=True)
class Fact:
    """A few words on a gate."""

    words: str
    is_bad: bool = False
    """Whether somebody should look."""


@dataclass(frozen=True, slots=True)
class GateLine:
    """One gate as it is shown; every text is a stranger's."""

    id: str
    name: str
    called: str
    """The same as it is, to name it by."""
    state: str
    state_words: str
    is_own: bool
    is_silent: bool
    heard: str
    """Empty for the device that shows it."""
    gate: str
    """What its lane calls itself, where that is another name."""
    profile: str
    direction: str
    operator: str
    facts: tuple[Fact, ...]
    """Alarms and what is not well first."""

    @property
    def is_well(self) -> bool:
        """Whether nobody needs to look."""
        return not self.is_silent and not any(fact.is_bad for fact in self.facts)


def at_gate(device: Device, newest: Entry | None) -> AtGate:
    """A device with what its newest entry says of who works there."""
    if newest is None or newest.act is Act.LANE_CLOSED:
        return AtGate(device)
    operator = "" if newest.act is Act.SIGN_OUT else newest.operator
    return AtGate(device, operator, newest.direction)


def is_watching(newest: Entry | None) -> bool:
    """Whether a device said last that it only watches."""
    return newest is not None and newest.act is Act.LANE_CLOSED and WATCHES in newest.flags


def newest_by_device(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Of some entries the newest of each device."""
    found: dict[str, Entry] = {}
    for entry in entries:
        before = found.get(entry.device)
        if before is None or (entry.hlc, entry.seq) > (before.hlc, before.seq):
            found[entry.device] = entry
    return found


def lines(
    gates: Iterable[AtGate], event: EventRow, now_ms: int, silent_after_ms: int
) -> list[GateLine]:
    """All of them, the silent ones first, then those that are not well, then those at work."""
    zone = ZoneInfo(event.time_zone or "UTC")
    found = [_line(one, event, zone, now_ms, silent_after_ms) for one in gates]
    return sorted(
        found,
        key=lambda one: (
            not one.is_silent, one.is_well or one.state == "revoked",
            _FIRST.get(one.state, 1), one.name.casefold(), one.id,
        ),
    )  # fmt: skip


def _line(
    one: AtGate, event: EventRow, zone: ZoneInfo, now_ms: int, silent_after_ms: int
) -> GateLine:
    device = one.device
    profile = event.settings.profile_of(device.id, device.name)
    stated = event.settings.profiles.get(profile, {})
    called = device.name or device.gate or device.id[:8]
    return GateLine(
        id=device.id,
        name=printable(called, 60),
        called=called,
        state=device.state,
        state_words=device_state(device),
        is_own=device.is_own,
        is_silent=one.is_silent(silent_after_ms),
        heard=last_heard(device, zone, now_ms),
        gate=printable(device.gate, 40) if device.gate not in ("", device.name) else "",
        profile=printable(profile, 60),
        direction=_direction(one.direction, stated),
        operator=printable(one.operator, 40),
        facts=tuple(_facts(device, zone)),
    )


def _direction(newest: Direction | None, stated: Mapping[str, object]) -> str:
    """A lane that goes both ways says in each entry which; else it is as it was turned last."""
    told = stated.get("direction")
    profile = next((one for one in Direction if one == told), None)
    shown = profile if profile is Direction.BOTH or newest is None else newest
    return _(DIRECTION_WORDS[shown]) if shown in DIRECTION_WORDS else ""


def _facts(device: Device, zone: ZoneInfo) -> Sequence[Fact]:
    report, bad = device.report, worries(device.report.health)
    alarms = [
        Fact(_(words), is_bad=True) for name, words in _ALARMS.items() if getattr(device, name)
    ]
    parts = health_parts(report.health)
    health = [Fact(parts[one], is_bad=one in bad) for one in Worry if one in parts]
    others = [
        _unsent(device.unacked),
        _("{n} quarantined").format(n=report.quarantined) if report.quarantined else "",
        _("clock {offset}").format(offset=clock)
        if (clock := offset(report.offset_ms, report.error_ms))
        else "",
        retired(device, zone),
        printable(report.version, 30),
    ]
    sorted_health = sorted(health, key=lambda fact: not fact.is_bad)
    return [*alarms, *sorted_health, *(Fact(words) for words in others if words)]


def _unsent(count: int | None) -> str:
    if count is None:
        return ""
    if not count:
        return _("all sent")
    return ngettext("{n} entry not sent", "{n} entries not sent", count).format(n=count)

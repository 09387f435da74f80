"""Is every gate of the event ready for the doors? Seen from one place, by what each has told."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gate.core.entry import Entry
from gate.core.event_settings import EventSettings
from gate.core.health import Health, Worry, worries
from gate.core.hlc import Reading
from gate.i18n import _
from gate.storage.connectivity import ConnectivityReader
from gate.storage.event import event_row
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import Device, all_devices
from gate.storage.folder import Folder
from gate.storage.sign_offs import sign_offs
from gate.text.fleet_words import STATE_WORDS, device_name, offset
from gate.text.health_words import health_parts
from gate.text.printable import printable
from gate.text.times import brief

HEARD_WITHIN_MS = 30_000
MOST_NOTED = 1000
"""Longest note of what was not green, in characters: it goes to every gate."""
MOST_AHEAD_MS = 5000
"""By so much a gate's clock may be wrong before somebody should look at it."""
NO_GATES = frozenset({"retired", "revoked", "watches"})
"""States of devices at which nobody is going to scan."""


class Light(StrEnum):
    """How a check came out."""

    GREEN = "green"
    RED = "red"
    UNKNOWN = "unknown"
    """Nobody has told: so it is not green either."""
    NONE = "none"
    """There is nothing to check: a machine without a battery, a gate without a camera."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing at one gate."""

    name: str
    light: Light
    words: str


@dataclass(frozen=True, slots=True)
class GateChecks:
    """All that was looked at of one gate."""

    name: str
    """Safe to print."""
    device: str
    checks: tuple[Check, ...]

    @property
    def not_green(self) -> list[Check]:
        """What somebody has to look at."""
        return [one for one in self.checks if one.light in (Light.RED, Light.UNKNOWN)]


@dataclass(frozen=True, slots=True)
class Preflight:
    """Every gate at one moment."""

    at_ms: int
    event: str
    gates: tuple[GateChecks, ...]
    signed: Entry | None = None
    """The newest sign-off that is known here."""

    @property
    def is_green(self) -> bool:
        """Whether there are gates, and nothing is to be looked at."""
        return bool(self.gates) and not any(gate.not_green for gate in self.gates)


def preflight(folder: Folder, now: Reading, heard_within_s: float) -> Preflight:
    """Check every gate that is known here. Raises StoreError."""
    connectivity = ConnectivityReader(folder, heard_within_s).read(now)
    event = event_row(folder)
    with Fleet(folder) as venue:
        devices = [
            one
            for one in all_devices(venue, now.wall_ms, connectivity)
            if one.state not in NO_GATES
        ]
        signed = next(iter(sign_offs(venue)), None)
    version = _usual(device.report.version for device in devices)
    settings = EventSettings() if event is None else event.settings
    return Preflight(
        now.wall_ms,
        printable(event.name or event.id if event else "", 80),
        tuple(_gate(device, version, settings) for device in devices),
        signed,
    )


def not_green(seen: Preflight) -> str:
    """What somebody who signs has not seen green: each gate with its checks, in one line."""
    line = ""
    for gate in seen.gates:
        if not gate.not_green:
            continue
        part = f"{gate.name}: " + ", ".join(one.name for one in gate.not_green)
        if len(line) + len(part) > MOST_NOTED:
            return f"{line}; " + _("and more")
        line = f"{line}; {part}" if line else part
    return line


def _gate(device: Device, version: str, settings: EventSettings) -> GateChecks:
    health = device.report.health
    checks = (
        _heard(device),
        Check(
            _("lane"),
            Light.GREEN if device.state == "open" else Light.RED,
            _(STATE_WORDS[device.state]) if device.state in STATE_WORDS else _("never opened"),
        ),
        _known(_("version"), device.report.version, is_green=device.report.version == version),
        _profile(device, settings),
        _of_health(_("list"), health, Worry.LIST),
        _clock(device),
        _of_health(_("camera"), health, Worry.CAMERA, has_none=not health.camera),
        _of_health(_("scanner"), health, Worry.SCANNER, has_none=not health.scanner),
        _of_health(_("turnstile"), health, Worry.TURNSTILE, has_none=not health.turnstile),
        _of_health(_("passage"), health, Worry.PASSAGE, has_none=health.not_passed is None),
        _of_health(_("sound"), health, Worry.SOUND, has_none=not health.sound),
        _of_health(_("disk"), health, Worry.DISK),
        _of_health(_("battery"), health, Worry.BATTERY, has_none=health.battery is None),
        _of_health(_("heat"), health, Worry.HEAT, has_none=health.heat_c is None),
        _unsent(device),
        _alarms(device),
    )
    return GateChecks(device_name(device), device.id, checks)


def _known(name: str, words: str, *, is_green: bool) -> Check:
    if not words:
        return Check(name, Light.UNKNOWN, _("not told"))
    return Check(name, Light.GREEN if is_green else Light.RED, printable(words, 40))


def _heard(device: Device) -> Check:
    if device.is_own:
        return Check(_("heard"), Light.GREEN, _("this one"))
    if device.heard_ago_ms is None:
        return Check(_("heard"), Light.UNKNOWN, _("never"))
    is_green = device.heard_ago_ms <= HEARD_WITHIN_MS
    return _known(_("heard"), brief(device.heard_ago_ms), is_green=is_green)


def _profile(device: Device, settings: EventSettings) -> Check:
    if not settings.profiles:
        return Check(_("profile"), Light.NONE, "-")
    profile = settings.profile_of(device.id, device.name)
    words = printable(profile, 24) or _("none of its own")
    return Check(_("profile"), Light.GREEN if profile else Light.RED, words)


def _of_health(name: str, health: Health, worry: Worry, *, has_none: bool = False) -> Check:
    if has_none:
        return Check(name, Light.NONE, "-")
    return _known(name, health_parts(health).get(worry, ""), is_green=worry not in worries(health))


def _clock(device: Device) -> Check:
    trusted = _of_health(_("clock"), device.report.health, Worry.CLOCK)
    compared = offset(device.report.offset_ms, device.report.error_ms)
    if trusted.light is not Light.GREEN or device.report.offset_ms is None:
        return trusted
    is_green = abs(device.report.offset_ms) <= MOST_AHEAD_MS
    return _known(_("clock"), compared or trusted.words, is_green=is_green)


def _unsent(device: Device) -> Check:
    if device.unacked is None:
        return Check(_("unsent"), Light.NONE, "-")
    light = Light.RED if device.unacked else Light.GREEN
    return Check(_("unsent"), light, str(device.unacked))


def _alarms(device: Device) -> Check:
    refused = device.report.quarantined
    found = [
        _("copied or set back") if device.has_alarm else "",
        _("credential used twice") if device.has_twin else "",
        _("tells too much") if device.is_flooding else "",
        _("{n} quarantined").format(n=refused) if refused else "",
        _("disowned") if device.is_disowned else "",
    ]
    words = ", ".join(one for one in found if one)
    return Check(_("alarms"), Light.RED if words else Light.GREEN, words or _("none"))


def _usual(versions: Iterable[str]) -> str:
    """The version that most have; of as many, the greatest."""
    counted = Counter(version for version in versions if version)
    return max(counted, key=lambda one: (counted[one], one), default="")

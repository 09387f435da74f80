"""The clock, the time servers that keep it, and the zone in which the machine shows it."""

import re
from pathlib import Path

from gate.errors import UsageError
from gate.i18n import _
from gate.reports.checks import clocks
from gate.reports.checks.finding import Finding, Status
from gate.setup.answers import Answers
from gate.setup.changes import HEAD, NOTHING, Change, file, link, state_of
from gate.setup.conversation import Conversation
from gate.setup.machine import Machine
from gate.setup.step import Site
from gate.text.zones import Source, is_zone, zone_of

SERVERS = ("etc", "systemd", "timesyncd.conf.d", "venue-gate.conf")
DEFAULT = "default"
"""Of time servers: those of the distribution."""
_PROGRAMS = ("usr/lib/systemd/systemd-timesyncd", "lib/systemd/systemd-timesyncd")
_OTHERS = ("usr/sbin/chronyd", "usr/sbin/ntpd", "usr/sbin/ntpsec")
_HOSTS = re.compile(r"[A-Za-z0-9.:-]+( [A-Za-z0-9.:-]+)*")
_NTP = re.compile(r"^\s*NTP\s*=(.*)$", re.M)
_ZONES = "/usr/share/zoneinfo"


class ClockStep:
    """Whether the clock is right, and which server keeps it so."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def name(self) -> str:
        """What it is called."""
        return _("clock")

    def look(self) -> Finding:
        """The time, and whether a time server was heard; one that is wrong fails no set-up.

        Machines without a battery are set up in 1970, and the time server comes with the network.
        """
        site = self._site
        found = clocks.device_clock(site.folder, site.clock, zone_of(site.config, site.folder))
        servers = ", ".join(time_servers(site.machine)) or _("those of the distribution")
        detail = _("{found}; time servers: {servers}").format(found=found.detail, servers=servers)
        status = Status.WARN if found.status is Status.FAIL else found.status
        return Finding(status, detail, found.hint)

    def ask(self, talk: Conversation) -> Finding | None:
        """Which time server, where systemd's own program asks it."""
        if _is_there(self._site.machine, _OTHERS):
            sentence = _(
                "another program keeps the clock here: its own configuration names its servers"
            )
            return Finding(Status.SKIP, sentence)
        if not _is_there(self._site.machine, _PROGRAMS):
            return Finding(
                Status.WARN,
                _("nothing keeps the clock of this machine"),
                _("Install it: sudo apt install systemd-timesyncd"),
            )
        had = " ".join(time_servers(self._site.machine)) or DEFAULT
        question = _("Which time server")
        talk.ask("time_server", question, had, fits=_are_hosts, like=f"{DEFAULT}, time.example.net")
        return None

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """A file of our own beside the distribution's."""
        wanted, machine = answers.time_server, self._site.machine
        restart = ("systemctl", "restart", "systemd-timesyncd.service")
        place = machine.path(*SERVERS)
        if wanted == DEFAULT:
            return (Change(place, NOTHING, (restart,)),)
        if wanted in (None, " ".join(time_servers(machine))):
            return ()
        # The first, empty one takes back what other files say.
        text = f"{HEAD}[Time]\nNTP=\nNTP={wanted}\n"
        return (file(place, text, restart),)


class ZoneStep:
    """In which zone the machine shows its clock."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def name(self) -> str:
        """What it is called."""
        return _("time zone")

    def look(self) -> Finding:
        """The zone, and who says so."""
        return clocks.time_zone(self._site.config, self._site.folder, self._site.clock)

    def ask(self, talk: Conversation) -> Finding | None:
        """Which zone the machine is in; the event's, where that is known, is likely."""
        zone = zone_of(self._site.config, self._site.folder)
        had = machine_zone_name(self._site.machine)
        usual = zone.name if zone.source is Source.EVENT else had
        talk.ask(
            "time_zone", _("The machine's time zone"), usual, fits=is_zone, like="Europe/Berlin"
        )
        return None

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """The link that is the machine's zone, and Debian's file beside it."""
        machine, wanted = self._site.machine, answers.time_zone
        if wanted is None or wanted == machine_zone_name(machine):
            return ()
        if not machine.path(_ZONES[1:], wanted).exists():
            raise UsageError(
                _("this machine has no time zone {zone}").format(zone=wanted),
                _("Install it: sudo apt install tzdata"),
            )
        again = ("systemctl", "try-restart", "systemd-timedated.service")
        changes = [link(machine.path("etc", "localtime"), f"{_ZONES}/{wanted}", again)]
        named = machine.path("etc", "timezone")
        if state_of(named).content is not None:
            changes.append(file(named, f"{wanted}\n"))
        return tuple(changes)


def time_servers(machine: Machine) -> list[str]:
    """What systemd-timesyncd is told to ask; empty: what the distribution has built in."""
    places = [machine.path("etc", "systemd", "timesyncd.conf")]
    places += sorted(machine.path("etc", "systemd", "timesyncd.conf.d").glob("*.conf"))
    servers: list[str] = []
    for place in places:
        for stated in _NTP.findall(_read(place)):
            # As systemd reads it: more add to what was said, and nothing takes it all back.
            servers = [*servers, *stated.split()] if stated.strip() else []
    return servers


def machine_zone_name(machine: Machine) -> str:
    """The zone that ``/etc/localtime`` names; UTC where it names none."""
    place = machine.path("etc", "localtime")
    target = str(place.readlink()) if place.is_symlink() else ""
    name = target.partition("zoneinfo/")[2]
    return name if is_zone(name) else _read(machine.path("etc", "timezone")).strip() or "UTC"


def _are_hosts(text: str) -> bool:
    return bool(_HOSTS.fullmatch(text))


def _read(path: Path) -> str:
    return (state_of(path).content or b"").decode("utf-8", "replace")


def _is_there(machine: Machine, programs: tuple[str, ...]) -> bool:
    return any(machine.path(program).exists() for program in programs)

"""Scanners on a serial port, and the rule by which the lane's user may open one."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from gate.capture.evdev import SCANNER_WORDS
from gate.capture.serial import AUTO, names
from gate.config import Config
from gate.errors import UsageError
from gate.i18n import _
from gate.reports.checks import machine as machine_checks
from gate.reports.checks.finding import Finding, Status
from gate.setup.answers import Answers
from gate.setup.changes import HEAD, NOTHING, Change, Command, file
from gate.setup.configuration import OFF, configured
from gate.setup.conversation import Conversation
from gate.setup.machine import Machine
from gate.setup.step import Site

RULE = ("etc", "udev", "rules.d", "70-venue-gate-serial.rules")
RELOAD: tuple[Command, ...] = (
    ("udevadm", "control", "--reload"),
    ("udevadm", "trigger", "--subsystem-match=tty", "--action=change"),
)
_PLAIN = re.compile(r"/dev/[A-Za-z0-9._:+@/-]+")


class SerialStep:
    """Scanners that do not type: on a USB adapter, a virtual port, RS-232."""

    def __init__(
        self, site: Site, try_it: Callable[[Config], Finding] = machine_checks.serial_scanner
    ) -> None:
        self._site, self._try = site, try_it

    @property
    def name(self) -> str:
        """What it is called."""
        return _("serial scanner")

    def look(self) -> Finding:
        """Which ports call themselves scanners, and whether the configured one is there."""
        return self._look_at(self._site.config)

    def ask(self, talk: Conversation) -> Finding | None:
        """Which ports are read; others than were looked at are looked at."""
        usual = self._site.config.scanner.serial or OFF
        question = _("Scanners on a serial port: none, whatever says that it scans, or a port")
        like = f"{OFF}, {AUTO}, /dev/serial/by-id/…"
        wanted = talk.ask("serial", question, usual, fits=_fits, like=like)
        if wanted == usual:
            return None
        found = self._look_at(configured(self._site.config, talk.answers))
        machine = self._site.machine
        if found.status is Status.FAIL and any(is_closed(machine, one) for one in names(wanted)):
            return opened_by_rule(machine, found.detail)
        return found

    def _look_at(self, config: Config) -> Finding:
        """What is there of the chosen ports; where any scanner will do, it may come later."""
        found = self._try(config)
        if found.status is Status.FAIL and names(config.scanner.serial) == (AUTO,):
            return replace(found, status=Status.WARN)
        return found

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """The rule that gives the lane's user these ports."""
        if answers.serial is None:
            return ()
        machine = self._site.machine
        place = machine.path(*RULE)
        if answers.serial == OFF:
            return (Change(place, NOTHING, RELOAD),)
        rules = (
            scanners_rule(machine.user) if port == AUTO else port_rule(machine.user, port)
            for port in names(answers.serial)
        )
        return (file(place, HEAD + "".join(rules), *RELOAD),)


def is_closed(machine: Machine, device: str) -> bool:
    """Whether it is there and whoever asks may not use it, as before its rule is written."""
    path = machine.path(device.removeprefix("/"))
    return path.exists() and not os.access(path, os.R_OK | os.W_OK)


def opened_by_rule(machine: Machine, what: str) -> Finding:
    """What is said of a device that the rule is going to open."""
    hint = _("{user} may use it once what follows is written.").format(user=machine.user)
    return Finding(Status.WARN, what, hint)


def port_rule(user: str, port: str) -> str:
    """The udev rule that gives a serial port to one user. Raises UsageError for what is no port.

    By its stable name, if it was named by that; another program that tries modems leaves it alone.
    """
    if not is_port(port):
        raise UsageError(
            _("{device} is no serial port").format(device=port),
            _("Like {like}").format(like="/dev/serial/by-id/…, /dev/ttyUSB0"),
        )
    name = str(PurePosixPath(port).relative_to("/dev"))
    return _rule(user, f'SYMLINK=="{name}"' if "/" in name else f'KERNEL=="{name}"')


def scanners_rule(user: str) -> str:
    """The udev rule that gives one user every serial port that says that it scans."""
    words = ("".join(f"[{c}{c.upper()}]" for c in word) for word in SCANNER_WORDS)
    return _rule(user, f'SYMLINK=="{"|".join(f"serial/by-id/*{word}*" for word in words)}"')


def is_port(text: str) -> bool:
    """Whether it can be the name of a serial port, and be written into a rule."""
    return bool(_PLAIN.fullmatch(text)) and ".." not in text


def _rule(user: str, which: str) -> str:
    return (
        f'SUBSYSTEM=="tty", {which}, OWNER="{user}", MODE="0660", ENV{{ID_MM_DEVICE_IGNORE}}="1"\n'
    )


def _fits(text: str) -> bool:
    if text == OFF:
        return True
    wanted = names(text)
    return bool(wanted) and all(one == AUTO or is_port(one) for one in wanted)

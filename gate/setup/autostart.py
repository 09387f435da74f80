"""The lane on the machine's first console from its start, as systemd's units."""

from pathlib import Path

from gate.i18n import _
from gate.reports.checks.finding import Finding, Status
from gate.setup.answers import NO, Answers
from gate.setup.changes import HEAD, NOTHING, Change, Command, State, file, link, state_of
from gate.setup.conversation import Conversation
from gate.setup.step import Site

TTY1, CHILD, UNIT = "tty1", "child", "unit"
LANE, WORKER = "venue-gate-lane.service", "venue-gate-worker.service"
_UNITS = ("etc", "systemd", "system")
_WANTS = "multi-user.target.wants"
_RUN = "venue-gate"
_DESKTOP = (*_UNITS, "display-manager.service")
_RELOAD: Command = ("systemctl", "daemon-reload")
_HARDENING = """\
CapabilityBoundingSet=
LockPersonality=yes
NoNewPrivileges=yes
PrivateTmp=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=full
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077
"""
"""What neither needs. Not the clock's: that would close all devices that are not there yet."""
_MEMORY = f"""\
RuntimeDirectory={_RUN}
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
"""
"""Where both keep what is good for this boot only, instead of writing it on a card every second."""
_LOGIN_AGAIN = (
    f'case "$$SERVICE_RESULT $$(systemctl list-jobs --no-legend {LANE})" in'
    " success*restart*) ;;"
    " success*) systemctl --no-block start getty@tty1.service ;;"
    " esac"
)
"""As root, once the lane has ended. Not ``OnSuccess=``: that starts the login beside a lane that is
being started anew, as systemd does not ask what else is wanted of the unit."""


class AutostartStep:
    """Whether the lane begins with the machine."""

    def __init__(self, site: Site, program: tuple[str, ...], arguments: tuple[str, ...]) -> None:
        """``program`` starts ``gate``; ``arguments`` make it use the same folder and file."""
        self._site, self._program, self._arguments = site, program, arguments

    @property
    def name(self) -> str:
        """What it is called."""
        return _("autostart")

    def look(self) -> Finding:
        """Whether there is a unit, and one in its way."""
        machine = self._site.machine
        if not self._has_systemd():
            return Finding(Status.SKIP, _("this machine has no systemd"))
        if not state_of(machine.path(*_UNITS, _WANTS, LANE)).is_nothing:
            return Finding(Status.OK, _("the lane begins with the machine, on tty1"))
        if self._has_desktop():
            return Finding(
                Status.OK,
                _("the lane is started by hand; this machine has a desktop"),
                _("Put gate scan into the desktop's own autostart, in a terminal."),
            )
        return Finding(Status.OK, _("the lane is started by hand"))

    def ask(self, talk: Conversation) -> Finding | None:
        """Whether it is to begin by itself, and who keeps the sync worker."""
        if not self._has_systemd():
            return None
        usual = NO if self._has_desktop() else TTY1
        question = _("Start the lane with the machine, on its first console")
        if talk.ask("autostart", question, usual, choices=(TTY1, NO)) == NO:
            return None
        question = _("The sync worker: a child of the lane, or a unit of its own")
        talk.ask("worker", question, CHILD, choices=(CHILD, UNIT))
        if self._site.machine.user != "root":
            return None
        return Finding(
            Status.WARN,
            _("the lane would run as root"),
            _("Make a user for it, and let that one run: gate setup --apply"),
        )

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """The units, and the links that make them begin."""
        if answers.autostart is None or not self._has_systemd():
            return ()
        if answers.autostart == NO:
            gone = Change(self._site.folder.boot, NOTHING)
            return (*self._no_unit(LANE), *self._no_unit(WORKER), gone)
        user, has_worker = self._site.machine.user, answers.worker == UNIT
        lane = (*self._program, "scan", *self._arguments)
        worker = (*self._program, "sync", *self._arguments)
        in_memory = State(link=f"/run/{_RUN}", mode=0o600)
        return (
            Change(self._site.folder.boot, in_memory),
            *self._unit(LANE, lane_unit(user, lane, starts_worker=not has_worker)),
            *(
                self._unit(WORKER, worker_unit(user, worker))
                if has_worker
                else self._no_unit(WORKER)
            ),
        )

    def _unit(self, name: str, text: str) -> tuple[Change, ...]:
        place, begins = self._places(name)
        target = str(Path("/", *_UNITS, name))
        return (file(place, text, _RELOAD), link(begins, target, _RELOAD))

    def _no_unit(self, name: str) -> tuple[Change, ...]:
        return tuple(Change(place, NOTHING, (_RELOAD,)) for place in self._places(name))

    def _places(self, name: str) -> tuple[Path, Path]:
        """Of a unit, and of the link that makes it begin."""
        units = self._site.machine.path(*_UNITS)
        return units / name, units / _WANTS / name

    def _has_systemd(self) -> bool:
        return self._site.machine.path(*_UNITS).is_dir()

    def _has_desktop(self) -> bool:
        return not state_of(self._site.machine.path(*_DESKTOP)).is_nothing


def lane_unit(user: str, command: tuple[str, ...], *, starts_worker: bool) -> str:
    """The lane in the place of the first console's login, which comes back when it is closed."""
    return f"""{HEAD}[Unit]
Description=Venue Gate: the lane on tty1
After=systemd-user-sessions.service plymouth-quit-wait.service getty@tty1.service
Conflicts=getty@tty1.service
StartLimitIntervalSec=0

[Service]
User={user}
SupplementaryGroups=video audio
# gpiozero's lgpio makes a pipe in the folder that it is started in.
WorkingDirectory=/tmp
Environment=TERM=linux LANG=C.UTF-8{"" if starts_worker else " GATE_SYNC_START_WORKER=false"}
ExecStartPre=-setterm --blank 0 --powerdown 0
ExecStart={command_line(command)}
ExecStopPost=+-/bin/sh -c '{_LOGIN_AGAIN}'
StandardInput=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/tty1
TTYReset=yes
TTYVHangup=yes
TTYVTDisallocate=yes
Restart=on-failure
RestartSec=2
# The lane says for how long it may be silent, and says that it lives: no WatchdogSec= is here, or
# an older version of it, which says neither, would be ended again and again.
NotifyAccess=main
LimitCORE=0
{_MEMORY}{_HARDENING}
[Install]
WantedBy=multi-user.target
"""


def worker_unit(user: str, command: tuple[str, ...]) -> str:
    """The sync worker by itself: it goes on while the lane is closed."""
    return f"""{HEAD}[Unit]
Description=Venue Gate: the sync worker

[Service]
User={user}
ExecStart={command_line(command)}
Restart=always
RestartSec=5
RestartPreventExitStatus=2 4
{_MEMORY}{_HARDENING}
[Install]
WantedBy=multi-user.target
"""


def command_line(words: tuple[str, ...]) -> str:
    """A command as systemd reads it back."""
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    word = word.replace("%", "%%").replace("$", "$$")
    if word and not set(word) & set(" \t\"'\\;"):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'

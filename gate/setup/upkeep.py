"""What keeps an unattended machine going: a watchdog, and a log that cannot fill the disk."""

from gate.i18n import _
from gate.reports.checks.finding import Finding, Status
from gate.setup.answers import NO, Answers
from gate.setup.changes import HEAD, NOTHING, Change, Command, file, state_of
from gate.setup.conversation import Conversation
from gate.setup.step import Site

WATCHDOG = ("etc", "systemd", "system.conf.d", "venue-gate.conf")
LOG = ("etc", "systemd", "journald.conf.d", "venue-gate.conf")
_SYSTEMD = ("etc", "systemd", "system")
_WRITTEN: tuple[tuple[tuple[str, ...], str, Command], ...] = (
    # The Raspberry Pi's watchdog counts to fifteen seconds at most.
    (WATCHDOG, "[Manager]\nRuntimeWatchdogSec=14s\n", ("systemctl", "daemon-reload")),
    (
        LOG,
        "[Journal]\nSystemMaxUse=64M\nRuntimeMaxUse=16M\n",
        ("systemctl", "try-restart", "systemd-journald.service"),
    ),
)


class UpkeepStep:
    """Where the lane begins by itself the machine goes on by itself; nothing is asked."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def name(self) -> str:
        """What it is called."""
        return _("upkeep")

    def look(self) -> Finding:
        """Whether somebody restarts a machine that hangs, and whether its log has an end."""
        machine = self._site.machine
        if not machine.path(*_SYSTEMD).is_dir():
            return Finding(Status.SKIP, _("this machine has no systemd"))
        if all(not state_of(machine.path(*place)).is_nothing for place, _text, _reload in _WRITTEN):
            return Finding(Status.OK, _("a watchdog restarts it when it hangs; its log is bounded"))
        return Finding(Status.OK, _("neither a watchdog nor a bound of its log is set by us"))

    def ask(self, talk: Conversation) -> Finding | None:
        """Nothing: it goes with the autostart."""

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """Files of our own beside the distribution's."""
        machine = self._site.machine
        if answers.autostart is None or not machine.path(*_SYSTEMD).is_dir():
            return ()
        if answers.autostart == NO:
            return tuple(
                Change(machine.path(*place), NOTHING, (reload,)) for place, _t, reload in _WRITTEN
            )
        return tuple(
            file(machine.path(*place), f"{HEAD}{text}", reload) for place, text, reload in _WRITTEN
        )

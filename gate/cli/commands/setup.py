"""``gate setup``: make this machine a gate, or take back what that has written."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.exit_codes import FAILED, OK
from gate.cli.flags import Commands
from gate.cli.options import check_names, config_of, folder_of, path_of
from gate.i18n import _

if TYPE_CHECKING:
    from gate.config import Config
    from gate.setup.answers import Answers
    from gate.setup.conversation import Conversation
    from gate.setup.machine import Machine
    from gate.setup.step import Site, Step
    from gate.setup.written import Written
    from gate.storage.folder import Folder


def add(commands: Commands) -> None:
    """Add ``gate setup``."""
    sub = commands.add(
        "setup", run, _("make this machine a gate, question by question"), "gate setup --apply"
    )
    sub.add_argument(
        "--answers", metavar="FILE", help=_("a TOML file answers, and nobody is asked")
    )
    sub.add_argument(
        "--apply", action="store_true", help=_("do by sudo what needs root, instead of showing it")
    )
    sub.add_argument("--undo", action="store_true", help=_("take back what was written"))
    sub.add_argument(
        "--root", metavar="DIR", default="/", help=_("another machine's files, such as an image's")
    )


def run(options: argparse.Namespace) -> int:
    """Ask, show, write; or take back."""
    from gate.setup.answers import KeptAnswers, read_answers
    from gate.setup.conversation import Conversation
    from gate.setup.hands import Hands
    from gate.setup.machine import this_machine
    from gate.setup.set_up import set_up, undo
    from gate.setup.written import Written

    config, root = config_of(options), Path(options.root).expanduser().absolute()
    machine, folder = this_machine(root), folder_of(config)
    given = read_answers(Path(options.answers)) if options.answers else None
    talk = Conversation(KeptAnswers(folder), sys.stdout, given=given, read=sys.stdin.readline)
    hands = Hands(machine, folder.setup_drafts, talk.say, by_sudo=options.apply)
    written = Written(folder, hands)
    if options.undo:
        return OK if undo(written, talk) else FAILED
    steps = _steps(_site(options, config, folder, machine), options, written)
    return _ended(set_up(steps, talk, written), talk)


def _ended(is_well: bool, talk: "Conversation") -> int:
    if is_well:
        talk.say(_("Next: gate doctor; then restart the machine, or start the lane: gate scan"))
        return OK
    talk.say(_("Some of it could not be done: see FAIL above. Then again: gate setup"))
    return FAILED


def _site(
    options: argparse.Namespace, config: "Config", folder: "Folder", machine: "Machine"
) -> "Site":
    from gate.clock import SystemClock
    from gate.config import default_config_file
    from gate.setup.step import Site

    file = path_of(getattr(options, "config", None)) or default_config_file()
    return Site(config, file, folder, machine, SystemClock())


def _steps(site: "Site", options: argparse.Namespace, written: "Written") -> "tuple[Step, ...]":
    from gate.setup.autostart import AutostartStep
    from gate.setup.configuration import ConfigurationStep
    from gate.setup.console_font import FontStep
    from gate.setup.devices import CameraStep, ScannerStep
    from gate.setup.kiosk import KioskStep
    from gate.setup.membership import EnrolmentStep, ProfileStep
    from gate.setup.serial_port import SerialStep
    from gate.setup.sound import SoundStep
    from gate.setup.timekeeping import ClockStep, ZoneStep
    from gate.setup.turnstile import TurnstileStep
    from gate.setup.upkeep import UpkeepStep
    from gate.ui.scanner_check import check_scanner

    arguments = ["--data-dir", str(site.folder.path.absolute())]
    if getattr(options, "config", None):
        arguments += ["--config", str(site.config_file.absolute())]
    return (
        CameraStep(site),
        ScannerStep(site, lambda config: check_scanner(config, site.folder, sys.stdout)),
        SerialStep(site),
        TurnstileStep(site),
        SoundStep(site),
        EnrolmentStep(site, _enrolling(site)),
        ProfileStep(site),
        KioskStep(site, _pin),
        ClockStep(site),
        ZoneStep(site),
        FontStep(site),
        AutostartStep(site, (sys.executable, "-m", "gate"), tuple(arguments)),
        UpkeepStep(site),
        ConfigurationStep(site, written.is_ours),
    )


def _enrolling(site: "Site") -> "Callable[[Answers], str]":
    def enrol(answers: "Answers") -> str:
        from gate.cli.enrol_device import enrol_lists
        from gate.cli.progress import progress
        from gate.cli.sync_run import sync_once
        from gate.text.printable import printable

        name = answers.name or ""
        if name:
            check_names(name)
        lines = []
        link = _link(answers, site.config)
        for folder, enrolment in enrol_lists(site.folder, link, again=False, name=name):
            if enrolment.credential:
                with progress(_("fetching")) as show:
                    sync_once(folder, site.config, lambda _what, done, total: show(done, total))
            sentence = _("Enrolled as {name} for {event}.")
            event = printable(enrolment.event_name or enrolment.event)
            lines.append(sentence.format(name=printable(enrolment.name), event=event))
        return " ".join(lines)

    return enrol


def _link(answers: "Answers", config: "Config") -> str:
    """The link, which no answer holds. Raises GateError."""
    from getpass import getpass

    from gate.cli.commands.enrol import link_in
    from gate.cli.enrol_by_camera import read_invitation
    from gate.setup.configuration import configured
    from gate.setup.membership import CAMERA
    from gate.storage.enrolment_link import SCHEME

    if answers.enrol == CAMERA:
        return read_invitation(configured(config, answers), None, SCHEME)
    if answers.link_file:
        return link_in(answers.link_file)
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    return getpass(_("Enrolment link (not shown): "))


def _pin(answers: "Answers") -> str:
    """A supervisor's PIN, which no answer holds. Raises GateError."""
    from gate.cli.new_pin import ask_pin
    from gate.errors import UsageError

    if not answers.pin_file:
        return ask_pin()
    try:
        return Path(answers.pin_file).expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            _("cannot read {file}: {detail}").format(file=answers.pin_file, detail=error)
        ) from error

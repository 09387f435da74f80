"""``gate enrol``: this gate joins a server or a venue by the link that it shows."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.exit_codes import OK
from gate.cli.flags import Commands
from gate.cli.options import base_of, check_names, config_of
from gate.i18n import _

if TYPE_CHECKING:
    from gate.config import Config
    from gate.storage.enrolment import Enrolment
    from gate.storage.folder import Folder


def add(commands: Commands) -> None:
    """Add ``gate enrol``."""
    sub = commands.add(
        "enrol",
        run,
        _("join a server with the link it shows"),
        "gate enrol --picture invitation.png",
        aliases=("enroll",),
    )
    how = sub.add_mutually_exclusive_group()
    how.add_argument("--by-camera", action="store_true", help=_("read the link with the camera"))
    how.add_argument("--picture", metavar="FILE", help=_("read the link from a picture"))
    how.add_argument("--link-file", metavar="FILE", help=_("a file that holds the link"))
    sub.add_argument("--name", metavar="NAME", help=_("what this gate is called from now on"))
    sub.add_argument("--again", action="store_true", help=_("even if it is enrolled already"))
    sub.add_argument("--camera", metavar="DEVICE", help=_("camera: auto, 0, /dev/video0"))


def run(options: argparse.Namespace) -> int:
    """Join, and fetch everything there is."""
    from gate.cli.enrol_device import enrol_lists
    from gate.storage.gate_lists import beside

    config = config_of(options)
    base = base_of(config)
    link = _link(options, config)
    if options.name:
        check_names(options.name)
    folder = base
    for folder, enrolment in enrol_lists(base, link, again=options.again, name=options.name or ""):
        _fetch(folder, config, enrolment)
    if beside(folder):
        sentence = _("This gate has several lists. F2 at the lane changes from one to another.")
        sys.stdout.write(sentence + "\n")
    return OK


def _fetch(folder: "Folder", config: "Config", enrolment: "Enrolment") -> None:
    """Say what the gate was taken in to, and fetch everything there is of it."""
    from gate.cli.progress import progress
    from gate.cli.sync_run import sync_once
    from gate.text.printable import printable
    from gate.text.zones import zone_of

    sentence = _("Enrolled as {name} for {event}.")
    name, event = printable(enrolment.name), printable(enrolment.event_name or enrolment.event)
    sys.stdout.write(sentence.format(name=name, event=event) + "\n")
    sys.stdout.write(_("times: {zone}").format(zone=zone_of(config, folder).in_words()) + "\n")
    sys.stdout.flush()
    if not enrolment.credential:
        sentence = _("There is no server: its tickets come from the other gates. Start: gate scan")
        sys.stdout.write(sentence + "\n")
        return
    with progress(_("fetching")) as show:
        sync_once(folder, config, lambda _what, done, total: show(done, total))
    sys.stdout.write(_("Everything is here. Start the lane with: gate scan") + "\n")


def _link(options: argparse.Namespace, config: "Config") -> str:
    """The enrolment link, from wherever it comes; never from the command line, where all see it."""
    from getpass import getpass

    if options.link_file:
        return link_in(options.link_file)
    if options.picture or options.by_camera:
        from gate.cli.enrol_by_camera import read_invitation
        from gate.storage.enrolment_link import SCHEME

        return read_invitation(config, Path(options.picture) if options.picture else None, SCHEME)
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    return getpass(_("Enrolment link (not shown): "))


def link_in(file: str) -> str:
    """What is in a file. Raises UsageError."""
    from gate.errors import UsageError

    try:
        return Path(file).read_text("utf-8", errors="replace")
    except OSError as error:
        raise UsageError(
            _("cannot read {file}: {detail}").format(file=file, detail=error.strerror), ""
        ) from error

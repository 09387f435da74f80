"""``gate watch``: the venue's state on a device that opens no lane."""

import argparse

from gate.cli.flags import Commands
from gate.cli.options import config_of, existing_folder, worker_arguments
from gate.i18n import _


def add(commands: Commands) -> None:
    """Add ``gate watch``."""
    purpose = _("the supervisor's screen on a device that opens no lane")
    sub = commands.add("watch", run, purpose, "gate watch --name office")
    sub.add_argument("--name", dest="gate_name", metavar="NAME", help=_("name of this device"))


def run(options: argparse.Namespace) -> int:
    """Watch until it is closed. Raises UsageError on a device that belongs to no venue."""
    from gate.cli.lane_session import LaneSession, run_lane
    from gate.errors import UsageError

    config = config_of(options)
    folder = existing_folder(config)
    if not (folder.enrolment.exists() or folder.membership.exists()):
        raise UsageError(
            _("this device belongs to no venue: there is nothing to watch"),
            _("Enrol it first: gate enrol --help"),
        )
    worker = worker_arguments(options, folder)
    return run_lane(LaneSession(config, folder, watches=True, worker_arguments=worker))

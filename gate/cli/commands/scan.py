"""``gate scan``: the lane."""

import argparse

from gate.cli.flags import Commands
from gate.cli.options import config_of, folder_of, worker_arguments
from gate.i18n import _


def add(commands: Commands) -> None:
    """Add ``gate scan``."""
    sub = commands.add("scan", run, _("the lane: scan tickets"), "gate scan --camera 0")
    sub.add_argument("--plain", action="store_true", help=_("lines instead of the screen"))
    sub.add_argument("--gate", dest="gate_name", metavar="NAME", help=_("name of this gate"))
    sub.add_argument("--direction", choices=["in", "out", "both", "check"])
    sub.add_argument("--camera", metavar="DEVICE", help=_("camera: auto, off, 0, /dev/video0"))
    sub.add_argument("--camera-file", metavar="FILE", help=_("a video instead of a camera"))
    sub.add_argument("--camera-folder", metavar="DIR", help=_("pictures instead of a camera"))
    sub.add_argument("--evdev", metavar="DEVICE", help=_("USB scanner to keep to ourselves"))


def run(options: argparse.Namespace) -> int:
    """Open the lane and scan until it is closed."""
    from gate.cli.lane_session import LaneSession, run_lane

    config = config_of(options)
    folder = folder_of(config)
    worker = worker_arguments(options, folder)
    return run_lane(LaneSession(config, folder, plain=options.plain, worker_arguments=worker))

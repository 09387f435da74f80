"""``gate scan``: the lane."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.flags import Commands
from gate.cli.options import config_of, folder_of
from gate.i18n import _

if TYPE_CHECKING:
    from gate.storage.folder import Folder


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
    worker = _worker_arguments(options, folder)
    return run_lane(LaneSession(config, folder, plain=options.plain, worker_arguments=worker))


def _worker_arguments(options: argparse.Namespace, folder: "Folder") -> list[str]:
    """What makes a sync worker use the same folder and settings."""
    arguments = ["--data-dir", str(folder.path.absolute())]
    file = getattr(options, "config", None)
    if file:
        arguments += ["--config", str(Path(file).absolute())]
    for setting in getattr(options, "set", None) or []:
        arguments += ["--set", setting]
    if options.gate_name:
        arguments += ["--set", f"gate.name={options.gate_name}"]
    return arguments

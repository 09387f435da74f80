"""``gate scan``: the lane."""

import argparse
from typing import TYPE_CHECKING

from gate.cli.flags import Commands
from gate.cli.options import base_of, config_of, folder_of, worker_arguments
from gate.i18n import _

if TYPE_CHECKING:
    from gate.config import Config
    from gate.storage.gate_lists import GateList


def add(commands: Commands) -> None:
    """Add ``gate scan``."""
    sub = commands.add("scan", run, _("the lane: scan tickets"), "gate scan --camera 0")
    sub.add_argument("--plain", action="store_true", help=_("lines instead of the screen"))
    sub.add_argument(
        "--kiosk",
        action="store_const",
        const="true",
        help=_("the screen faces the guests: keys locked but by a supervisor's PIN"),
    )
    sub.add_argument("--gate", dest="gate_name", metavar="NAME", help=_("name of this gate"))
    sub.add_argument("--direction", choices=["in", "out", "both", "check"])
    sub.add_argument("--camera", metavar="DEVICE", help=_("camera: auto, off, 0, /dev/video0"))
    sub.add_argument("--camera-file", metavar="FILE", help=_("a video instead of a camera"))
    sub.add_argument("--camera-folder", metavar="DIR", help=_("pictures instead of a camera"))
    sub.add_argument("--evdev", metavar="DEVICE", help=_("USB scanner to keep to ourselves"))
    sub.add_argument("--serial", metavar="PORT", help=_("serial scanner: auto, COM3, /dev/…"))


def run(options: argparse.Namespace) -> int:
    """Open the lane and scan until it is closed."""
    from gate.storage.gate_lists import gate_lists

    config = config_of(options)
    if lists := gate_lists(base_of(config)):
        return _scan_lists(options, config, lists)
    from gate.cli.lane_session import LaneSession, run_lane

    folder = folder_of(config)
    worker = worker_arguments(options, folder)
    return run_lane(LaneSession(config, folder, plain=options.plain, worker_arguments=worker))


def _scan_lists(
    options: argparse.Namespace, config: "Config", lists: "tuple[GateList, ...]"
) -> int:
    """The lane of one list after the other, as they are changed; the workers of all of them."""
    from contextlib import closing

    from gate.cli.lane_session import LaneSession, run_lane
    from gate.cli.list_workers import ListWorkers
    from gate.errors import GateError
    from gate.i18n import sentences

    folder, before, hello = folder_of(config), None, ""
    with closing(ListWorkers(lists, lambda folder: worker_arguments(options, folder))) as workers:
        while True:
            session = LaneSession(config, folder, options.plain, hello=hello, workers=workers)
            try:
                code = run_lane(session)
            except GateError as fault:
                if before is None:
                    raise
                # The list that was left can still be scanned.
                folder, before, hello = before, None, sentences(fault.message, fault.hint)
                continue
            if session.next_list is None:
                return code
            folder, before, hello = session.next_list.folder, folder, ""

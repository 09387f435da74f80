"""``gate demo``: a made-up venue, at one lane or as a rehearsal of several gates."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gate.cli.exit_codes import OK
from gate.cli.flags import Commands
from gate.i18n import _


def add(commands: Commands) -> None:
    """Add ``gate demo``."""
    sub = commands.add("demo", run, _("a made-up venue, really scanned"), "gate demo --seconds 20")
    sub.add_argument("--plain", action="store_true", help=_("lines instead of the screen"))
    sub.add_argument("--seconds", type=float, metavar="N", help=_("stop after so long"))
    sub.add_argument(
        "--gates", type=int, default=1, metavar="N",
        help=_("with 2 or more: a rehearsal of gates, LAN and server, with cables pulled"),
    )  # fmt: skip
    sub.add_argument("--keep", metavar="DIR", help=_("make the venue there and keep it"))


def run(options: argparse.Namespace) -> int:
    """Make the venue and scan its tickets."""
    with _place(options.keep) as path:
        if options.gates > 1:
            return _rehearse(path, options.gates)
        plain = options.plain or not sys.stdout.isatty()
        return _scan(path, options.seconds, plain=plain)


@contextmanager
def _place(keep: str | None) -> Iterator[Path]:
    """Where the venue is made: there, or where it goes with the demo."""
    import tempfile

    if keep:
        yield Path(keep)
        return
    with tempfile.TemporaryDirectory(prefix="venue-gate-demo-") as path:
        yield Path(path)


def _rehearse(path: Path, gates: int) -> int:
    from gate.cli.rehearsal import Rehearsal

    Rehearsal(path, gates).run()
    return OK


def _scan(path: Path, seconds: float | None, *, plain: bool) -> int:
    from gate.cli.lane_session import LaneSession, run_lane
    from gate.demo.demo import SUPERVISOR, prepare, summary
    from gate.lane.inputs import capture_source

    demo = prepare(path)
    session = LaneSession(
        demo.config,
        demo.folder,
        plain=plain,
        source=capture_source(_("drawn"), demo.camera),
        turns=demo.turns,
        seconds=seconds,
        hello=_("demo: supervisor {name}, PIN {pin}").format(name=SUPERVISOR, pin=demo.pin),
        is_demo=True,
    )
    code = run_lane(session)
    sys.stdout.write(summary(session.verdicts) + "\n")
    return code

"""``gate read``: what codes are on pictures."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.exit_codes import FAILED, OK, print_fault
from gate.cli.flags import Commands
from gate.cli.options import config_of
from gate.i18n import _

if TYPE_CHECKING:
    from gate.capture.symbol_readers import Code


def add(commands: Commands) -> None:
    """Add ``gate read``."""
    sub = commands.add("read", run, _("what codes are on pictures"), "gate read photo.jpg")
    sub.add_argument("images", nargs="+", metavar="IMAGE")
    sub.add_argument("--json", action="store_true")


def run(options: argparse.Namespace) -> int:
    """Read one picture after the other."""
    from gate.capture.camera import read_picture
    from gate.capture.decode import Decoder
    from gate.errors import InputError

    decoder = Decoder(config_of(options).camera.formats)
    form = _as_json if options.json else _as_text
    missed = 0
    for name in options.images:
        started = time.perf_counter()
        try:
            codes = decoder.read_fully(read_picture(Path(name)))
        except InputError as fault:
            print_fault(fault, FAILED)
            missed += 1
            continue
        took_ms = (time.perf_counter() - started) * 1000
        missed += not codes
        sys.stdout.write(form(name, took_ms, codes))
    return FAILED if missed else OK


def _as_json(name: str, took_ms: float, codes: "list[Code]") -> str:
    import msgspec

    values = {"file": name, "ms": round(took_ms, 1), "codes": codes}
    return msgspec.json.encode(values).decode() + "\n"


def _as_text(name: str, took_ms: float, codes: "list[Code]") -> str:
    from gate.text.printable import printable

    head = f"{printable(name)}: " + (_("nothing found") if not codes else "")
    lines = [f"{head} {took_ms:.0f} ms"]
    for code in codes:
        corners = " ".join(f"{x},{y}" for x, y in code.corners)
        lines.append(f"  {code.symbology} {printable(code.text, 4096)} @ {corners}")
    return "\n".join(lines) + "\n"

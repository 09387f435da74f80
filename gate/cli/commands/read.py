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
    from gate.capture.decode import Decoder
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
    from gate.core.symbologies import RETAIL
    from gate.errors import InputError

    decoder = Decoder(config_of(options).camera.formats)
    form = _as_json if options.json else _as_text
    missed = waiting = 0
    for name in options.images:
        started = time.perf_counter()
        try:
            picture = read_picture(Path(name))
            codes = decoder.read_fully(picture)
        except InputError as fault:
            print_fault(fault, FAILED)
            missed += 1
            continue
        took_ms = (time.perf_counter() - started) * 1000
        doubtful = [
            code.text
            for code in codes
            if code.symbology in RETAIL and not decoder.agrees(picture, code)
        ]
        if decoder.parts is not None:
            # Another picture may have the rest.
            waiting += not codes
        else:
            missed += not codes
            waiting = 0 if codes else waiting
        sys.stdout.write(form(name, took_ms, codes, doubtful, decoder))
    return FAILED if missed or waiting else OK


def _as_json(
    name: str, took_ms: float, codes: "list[Code]", doubtful: list[str], decoder: "Decoder"
) -> str:
    import msgspec

    values = {
        "file": name,
        "ms": round(took_ms, 1),
        "codes": codes,
        "doubtful": doubtful,
        "switched_off": [code.symbology for code in decoder.others],
        "parts": decoder.parts,
    }
    return msgspec.json.encode(values).decode() + "\n"


def _as_text(
    name: str, took_ms: float, codes: "list[Code]", doubtful: list[str], decoder: "Decoder"
) -> str:
    from gate.text.printable import printable
    from gate.text.scanner_words import off_words, parts_words

    is_nothing = not (codes or decoder.others or decoder.parts)
    head = f"{printable(name)}: " + (_("nothing found") if is_nothing else "")
    lines = [f"{head} {took_ms:.0f} ms"]
    for code in codes:
        corners = " ".join(f"{x},{y}" for x, y in code.corners)
        lines.append(f"  {code.symbology} {printable(code.text, 4096)} @ {corners}")
        if code.text in doubtful:
            lines.append("  " + _("Only one way to look reads it so: it may be misread."))
    lines += [f"  {off_words(code.symbology)}" for code in decoder.others]
    if decoder.parts is not None:
        lines.append(f"  {parts_words(decoder.parts)}")
    return "\n".join(lines) + "\n"

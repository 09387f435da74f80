"""One person's data at the server's machine: printed, or erased."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from gate.i18n import _
from gate.text.printable import printable
from sync.server import feed, persons
from sync.server.console import Console
from sync.server.database import reading, scrub
from sync.server.part import Part
from sync.server.snapshot import Snapshots


def export(console: Console, who: str, parts: Sequence[Part]) -> int:
    """Print everything that is held of a person, as JSON."""
    event = console.event()
    job = partial(persons.export, event=event, asked=who, parts=parts)
    held = console.write(job, "export", persons.export_text, event=event)
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(held)).decode() + "\n")
    return 0


def erase(console: Console, who: str, folder: Path, parts: Sequence[Part]) -> int:
    """Take a person's names, codes and orders away, and leave nothing of them in files."""
    event = console.event()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    job = partial(persons.erase, event=event, asked=who, folder=folder, parts=parts)
    erased = console.write(job, "erase", persons.erased_text, event=event)
    with reading(console.engine) as connection:
        seq = feed.erased_at(connection, event)
    Snapshots(console.engine, folder / "snapshots").forget(event, seq)
    scrub(console.engine)
    line = _("Erased: {tickets}. No gate opens for them any more; gates forget them as they hear.")
    sys.stdout.write(line.format(tickets=", ".join(map(printable, erased.tickets)) or "–") + "\n")
    return 0

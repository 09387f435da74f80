"""Events at the server's machine: until when one is kept, and one made of a venue."""

import sys
from functools import partial

from gate.clock import read_wall_ms
from gate.i18n import _
from gate.storage.event import EventRow
from gate.text.printable import printable
from sync.server.console import FIRST_EVENT, Console, day_text
from sync.server.takeover import Host, take_over


def keeping_text(event: EventRow) -> str:
    """Until when what is personal is kept, in a sentence for whoever starts the server."""
    name = printable(event.id)
    if event.dropped_ms:
        return _("{event}: names and codes were dropped").format(event=name)
    if not event.ends_s:
        line = _(
            "{event}: nobody has said when it ends, so nothing is dropped (gate event set ends=DAY)"
        )
        return line.format(event=name)
    line = _("{event}: names and codes are dropped after {day}")
    return line.format(event=name, day=day_text(event.keeps_until_ms, event.time_zone))


def take_over_venue(console: Console, host: Host, time_zone: str) -> int:
    """Make an event of a venue that had no server, and print what its gates do next."""
    event = console.named or FIRST_EVENT
    take = partial(take_over, host=host, event=event, time_zone=time_zone, now_ms=read_wall_ms())
    taken = console.write(
        take, "take over", lambda taken: f"{taken.tickets} tickets", event=event
    )  # fmt: skip
    line = _("{name}: {tickets} tickets and {devices} gates taken over into the event {event}.")
    line = line.format(
        name=printable(host.name), tickets=taken.tickets, devices=taken.devices, event=event
    )
    write = sys.stdout.write
    write(line + "\n")
    write(_("1. Have a link made for the host: gate serve --new-token NAME") + "\n")
    write(_("2. At the host, with its lane closed: gate enrol, and then gate scan") + "\n")
    write(_("Other gates go on; each may enrol too: gate enrol --again") + "\n")
    return 0

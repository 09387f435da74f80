"""Events at the server's machine: their settings, their end, and one made of a venue."""

import sys
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gate.clock import read_wall_ms
from gate.errors import UsageError
from gate.i18n import _, ngettext
from gate.storage.event import EventRow
from gate.storage.moments import BadMoment, Side, second_of
from gate.text.connectivity_words import isolated_words
from gate.text.printable import printable
from sync.server import events
from sync.server.console import FIRST_EVENT, Console, day_text
from sync.server.http import Denied
from sync.server.retention import AT_ONCE, set_end
from sync.server.takeover import Host, take_over


def change(console: Console, time_zone: str, isolated_hours: int | None) -> int:
    """Give the event another bound on gates that hear nobody, or else another time zone."""
    event = console.event()
    if isolated_hours is None:
        return _change_zone(console, event, time_zone)
    job = partial(events.change_event, event=event, isolated_hours=isolated_hours)
    console.write(job, "settings", events.settings_text, event=event)
    sys.stdout.write(f"{event}: {isolated_words(isolated_hours)}\n")
    return 0


def _change_zone(console: Console, event: str, time_zone: str) -> int:
    job = partial(events.set_zone, event=event, time_zone=time_zone)
    elsewhere = console.write(job, "settings", f"time_zone {time_zone}", event=event)
    line = _("{event}: times are {zone} from now on; the gates hear of it")
    sys.stdout.write(line.format(event=event, zone=time_zone) + "\n")
    if elsewhere:
        line = ngettext(
            "{n} ticket type keeps its own zone: state it anew if that was not meant",
            "{n} ticket types keep their own zone: state them anew if that was not meant",
            elsewhere,
        )
        sys.stdout.write(line.format(n=elsewhere) + "\n")
    return 0


def change_end(console: Console, end: str, keep_days: int | None) -> int:
    """Say when the event ends, and for how long after that what is personal is kept."""
    event = console.event()

    def job(connection: Connection) -> EventRow:
        zone = events.row_of(connection, event).time_zone
        ends_s = _second(end, zone) if end else None
        try:
            return set_end(connection, event, read_wall_ms(), ends_s=ends_s, keep_days=keep_days)
        except Denied as denied:
            is_slip = denied.problem.error == AT_ONCE
            hint = _("Say that it is meant, with --keep-days N.") if is_slip else ""
            raise UsageError(denied.problem.reason, hint) from denied

    row = console.write(job, "settings", events.settings_text, event=event)
    sys.stdout.write(keeping_text(row) + "\n")
    return 0


def _second(stated: str, time_zone: str) -> int:
    if stated == "never":
        return 0
    try:
        return second_of(stated, ZoneInfo(time_zone), Side.END)
    except BadMoment as bad:
        wrong = f"--set-end: {bad}"
        raise UsageError(wrong, _("Such as 2026-08-02, or never.")) from bad


def keeping_text(event: EventRow) -> str:
    """Until when what is personal is kept, in a sentence for whoever starts the server."""
    name = printable(event.id)
    if event.dropped_ms:
        return _("{event}: names and codes were dropped").format(event=name)
    if not event.ends_s:
        line = _("{event}: nobody has said when it ends, so nothing is dropped (--set-end)")
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

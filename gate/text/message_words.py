"""Messages to gates in words. Every part is safe to put on a terminal."""

from zoneinfo import ZoneInfo

from gate.core.entry import CENTRAL, Entry
from gate.core.message import MOST_CHARACTERS
from gate.i18n import _, ngettext
from gate.storage.messages import Sent
from gate.text.printable import printable
from gate.text.times import clock_time

GATES_SHOWN = 3
"""How many gates are named; of the others only the number."""


def text_of(message: Entry) -> str:
    """What it says."""
    return printable(message.note, MOST_CHARACTERS)


def sender(message: Entry) -> str:
    """Who sent it, and from where."""
    is_servers = message.device == CENTRAL
    where = _("the server") if is_servers else printable(message.gate or message.device[:8], 24)
    return f"{printable(message.operator, 24)}, {where}" if message.operator else where


def addressed(message: Entry) -> str:
    """Which gates it is for."""
    names = [printable(name, 24) for name in message.covers[:GATES_SHOWN]]
    if (more := len(message.covers) - len(names)) > 0:
        names.append(ngettext("{n} more", "{n} more", more).format(n=more))
    return ", ".join(names) or _("all gates")


def heading(message: Entry, time_zone: ZoneInfo) -> str:
    """Who sent it when, to whom."""
    return _("Message from {sender}, {when}, to {gates}").format(
        sender=sender(message), when=sent_at(message, time_zone), gates=addressed(message)
    )


def message_line(message: Entry, time_zone: ZoneInfo) -> str:
    """All of it in a line."""
    return f"{heading(message, time_zone)}: {text_of(message)}"


def sent_at(message: Entry, time_zone: ZoneInfo, now_ms: int | None = None) -> str:
    """When it was sent, by its sender's clock."""
    return clock_time(message.at_ms, time_zone, near_ms=now_ms)


def read_by(sent: Sent, time_zone: ZoneInfo) -> list[str]:
    """A line for each device at which it was read: where, by whom, when."""
    lines = []
    for entry in sent.acknowledgements:
        where = printable(entry.gate or entry.device[:8], 24)
        when = clock_time(entry.at_ms, time_zone, seconds=True)
        if entry.operator:
            sentence = _("read at {gate} by {name}, {when}")
            name = printable(entry.operator, 24)
            lines.append(sentence.format(gate=where, name=name, when=when))
        else:
            lines.append(_("read at {gate}, {when}").format(gate=where, when=when))
    return lines

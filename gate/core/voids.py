"""When tickets were void: kept in their rows, through every later statement of them.

Whoever numbers changes of tickets writes this; whoever is told of them keeps it as it came.
"""

from dataclasses import asdict

import msgspec

from gate.core.ticket import VOID, Status, Void

KEPT = 20
"""Voids of one ticket that are remembered: the newest."""
MARK = '"voids":['
"""In the body of a ticket that ever was void, and of no other: text in JSON cannot hold it."""
STATED = '"status":'
"""In a body that states anything but a normal ticket."""


class _Standing(msgspec.Struct):
    """What of a ticket's body counts here."""

    status: Status = Status.NORMAL
    voids: tuple[Void, ...] = ()


_standing = msgspec.json.Decoder(_Standing)


def with_voids(before: str | None, body: str, position: str, at_ms: int) -> str:
    """A ticket's new body with the voids of the one before it, and what has changed about them.

    ``position`` is that of the change in the feed, ``at_ms`` the moment by its source's clock.
    """
    if MARK not in (before or "") and STATED not in body:
        return body
    known = _standing.decode(before).voids if before else ()
    is_void = _standing.decode(body).status in VOID
    was_void = bool(known) and not known[-1].until
    if is_void and not was_void:
        known = (*known, Void(position, at_ms))[-KEPT:]
    elif was_void and not is_void:
        known = (*known[:-1], Void(known[-1].at, known[-1].at_ms, position, at_ms))
    if not known:
        return body
    ends = ("until", "until_ms")
    stated = [
        {name: value for name, value in asdict(void).items() if void.until or name not in ends}
        for void in known
    ]
    return f'{body[:-1]},"voids":{msgspec.json.encode(stated).decode()}}}'

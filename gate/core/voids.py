"""When tickets were void: kept in their rows, through every later statement of them.

Whoever numbers changes of tickets writes this; whoever is told of them keeps it as it came.
"""

from dataclasses import asdict, replace

import msgspec

from gate.core.ticket import VOID, DoorWord, Status, Void, block_in

KEPT = 20
"""Voids of one ticket that are remembered: the newest."""
MARK = '"voids":['
"""In the body of a ticket that ever was void, and of no other: text in JSON cannot hold it."""
STATED = '"status":'
"""In a body that states anything but a normal ticket."""
DOOR = '"door":['
"""In the body of a ticket that the venue has said anything of, and of no other."""


class _Standing(msgspec.Struct):
    """What of a ticket's body counts here."""

    status: Status = Status.NORMAL
    voids: tuple[Void, ...] = ()
    door: tuple[DoorWord, ...] = ()


_standing = msgspec.json.Decoder(_Standing)


def with_voids(before: str | None, body: str, position: str, at_ms: int) -> str:
    """A ticket's new body with the voids of the one before it, and what has changed about them.

    ``position`` is that of the change in the feed, ``at_ms`` the moment by its source's clock.
    Blocked at the door is void as well: whoever goes in on it went in against somebody's word.
    """
    if MARK not in (before or "") and STATED not in body and DOOR not in body:
        return body
    known = _standing.decode(before).voids if before else ()
    now = _standing.decode(body)
    is_over = now.status in VOID
    is_void = is_over or block_in(now.door) is not None
    was_void = bool(known) and not known[-1].until
    if is_void and not was_void:
        known = (*known, Void(position, at_ms, by_door=not is_over))[-KEPT:]
    elif was_void and not is_void:
        known = (*known[:-1], replace(known[-1], until=position, until_ms=at_ms))
    if not known:
        return body
    always = ("at", "at_ms")
    stated = [
        {name: value for name, value in asdict(void).items() if value or name in always}
        for void in known
    ]
    return f'{body[:-1]},"voids":{msgspec.json.encode(stated).decode()}}}'

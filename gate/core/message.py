"""A supervisor's message to gates: what it may be, whom it is for, and for how long it is shown.

A message is an entry of its sender's journal: ``note`` has the text, ``covers`` the names of the
gates that it is for, none meaning all. Each gate that has read it makes an entry that names it.
"""

from collections.abc import Collection, Iterable

from gate.core.entry import Entry

MOST_CHARACTERS = 200
MOST_GATES = 20
GATE_NAME = 64
"""Longest name of a gate that a message is for, in characters."""
SHOWN_FOR_MS = 3_600_000
"""An older one is history, however late it comes."""
SLACK_MS = 60_000
"""By so much clocks may differ that were compared: better a message twice than none."""


class NoMessageError(ValueError):
    """What cannot be sent."""


def text_of(text: str) -> str:
    """The text as it is sent, in one line. Raises NoMessageError when it is empty or too long."""
    line = " ".join(text.split())
    if not 0 < len(line) <= MOST_CHARACTERS:
        raise NoMessageError(line)
    return line


def gates_of(names: Iterable[str]) -> tuple[str, ...]:
    """The names of gates as they are sent. Raises NoMessageError for too many, or what is none."""
    gates = tuple(dict.fromkeys(stripped for name in names if (stripped := name.strip())))
    if len(gates) > MOST_GATES or any(len(gate) > GATE_NAME for gate in gates):
        raise NoMessageError(", ".join(gates))
    return gates


def is_for(message: Entry, names: Collection[str]) -> bool:
    """Whether a gate of these names is meant."""
    ours = {name.casefold() for name in names}
    return not message.covers or any(name.casefold() in ours for name in message.covers)


def sent_ms(message: Entry, server_ahead_ms: int | None, ahead_ms: int | None) -> int | None:
    """When it was sent, by this device's own clock; ``None`` where clocks were not compared.

    ``server_ahead_ms``: how far the server's clock is ahead of this one; ``ahead_ms``: how far this
    one is ahead of the sender's, in a venue without a server.
    """
    own_ms = message.at_ms - message.offset_ms
    if ahead_ms is not None:
        return own_ms + ahead_ms
    if server_ahead_ms is None or message.server_ahead_ms is None:
        return None
    return own_ms + message.server_ahead_ms - server_ahead_ms


def is_news(message: Entry, sent_ms: int | None, opened_ms: int, now_ms: int) -> bool:
    """Whether a lane that was opened then still has to show it, by this device's own clock.

    Where nobody has compared the clocks, one that comes while the lane is open is shown.
    """
    if sent_ms is None:
        return now_ms - message.at_ms <= SHOWN_FOR_MS
    return sent_ms >= opened_ms - SLACK_MS and now_ms - sent_ms <= SHOWN_FOR_MS

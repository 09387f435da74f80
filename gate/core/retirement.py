"""Lanes that are retired by an entry: whoever went home without closing is waited for no more.

A retirement is about the past: whatever the device does afterwards ends it. So nobody can have a
lane left out that is heard at work, and a device that is at work again needs nobody's leave.
"""

from collections.abc import Iterable
from typing import Protocol

from gate.core.entry import Act, Entry
from gate.core.hlc import latest_believable

RETIREMENTS = frozenset({Act.RETIREMENT, Act.REINSTATEMENT})


class Made(Protocol):
    """What of an entry says when it was made, and by whom."""

    @property
    def origin(self) -> str:
        """Its maker and that one's start."""

    @property
    def seq(self) -> int:
        """Its number within that."""

    @property
    def hlc(self) -> int:
        """Its hybrid logical time."""


def newest(entries: Iterable[Entry]) -> dict[str, Entry]:
    """The retirement or reinstatement that counts for each device, in whatever order they came."""
    found: dict[str, Entry] = {}
    for entry in entries:
        before = found.get(entry.target)
        if entry.target != entry.device and (before is None or _order(entry) > _order(before)):
            found[entry.target] = entry
    return found


def _order(entry: Entry) -> tuple[object, ...]:
    return entry.hlc, entry.origin, entry.seq, entry.act


def is_later(made: Made, retirement: Entry) -> bool:
    """Whether the device did that after it was retired; what comes late was done before."""
    if made.hlc <= retirement.hlc:
        return False
    # A clock that is far ahead makes all its entries look later: those that were known are not.
    return not any(_covers(name, made) for name in retirement.covers)


def _covers(name: str, made: Made) -> bool:
    origin, _colon, seq = name.rpartition(":")
    return origin == made.origin and seq.isdecimal() and len(seq) < 17 and int(seq) >= made.seq


def stands(retirement: Entry | None, tips: Iterable[Made], now_ms: int) -> bool:
    """Whether a device is retired by the entry that counts, given its newest entries."""
    if retirement is None or retirement.act is not Act.RETIREMENT:
        return False
    # One from the future would cover whatever the device does until then.
    is_believable = retirement.hlc <= latest_believable(now_ms)
    return is_believable and not any(is_later(tip, retirement) for tip in tips)

"""What a ticket has done: a fold of journal entries whose order of arrival never matters."""

from collections.abc import Iterable
from dataclasses import replace

from gate.domain.model import FACTS, MOVEMENTS, Act, Entry, History, Movement


def fold(entries: Iterable[Entry]) -> History:
    """Derive one ticket's history from every entry that anybody holds about it.

    Entries may come in any order and any number of times. An annulment frees the use of its target
    wherever the two meet, even when it came first.
    """
    facts = {entry.name: entry for entry in entries if entry.act in FACTS}
    annulled = {entry.target for entry in facts.values() if entry.act is Act.ANNULMENT}
    history = History()
    for entry in sorted(facts.values(), key=lambda e: (e.hlc, e.origin, e.seq)):
        if entry.act is Act.ADMISSION and entry.name in annulled:
            history = replace(history, redemptions=history.redemptions + 1)
        elif entry.act in MOVEMENTS and entry.name not in annulled:
            history = extend(history, entry)
    return history


def extend(history: History, entry: Entry) -> History:
    """Add an admission or exit that is later than everything folded and is not annulled."""
    movement = movement_of(entry)
    if entry.act is Act.EXIT:
        # An exit nobody saw come in must not let two people in later.
        return replace(history, inside=max(0, history.inside - entry.persons), last=movement)
    return History(
        used=history.used + entry.uses,
        inside=history.inside + entry.persons,
        redemptions=history.redemptions + 1,
        first=history.first or movement,
        last=movement,
    )


def movement_of(entry: Entry) -> Movement:
    """What a history remembers of an admission or exit."""
    return Movement(
        origin=entry.origin,
        seq=entry.seq,
        hlc=entry.hlc,
        at_ms=entry.at_ms,
        act=entry.act,
        gate=entry.gate,
        operator=entry.operator,
        persons=entry.persons,
    )

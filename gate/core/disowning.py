"""Which entries of a disowned device still count: pure, and the same at every node.

The event's authority names, for each origin of the device, the tips of what counts; everything else
of the device is kept and passed on as before, and has no effect.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gate.core.entry import Act, Entry
from gate.core.history import fold
from gate.core.replication import DIGITS, Carried, Step, Tip

FROM_THE_BEGINNING = 0
"""The moment from which a device is disowned whole, Unix milliseconds."""


def counted(steps: Sequence[Step], tips: Iterable[Tip]) -> set[str]:
    """Hashes of an origin's entries that count: those on the chains that end in the tips.

    ``steps`` are all that are held, by ``seq``. While a tip is not held itself, whatever is not
    behind it by number is taken to be on its chain.
    """
    tips = list(tips)
    on_chain = {tip.hash for tip in tips}
    held = {step.hash for step in steps}
    unheld = max((tip.seq for tip in tips if tip.hash not in held), default=0)
    for step in reversed(steps):
        if step.seq <= unheld:
            on_chain.add(step.hash)
        if step.hash in on_chain:
            on_chain.add(step.prev)
    return on_chain & held


def kept_until(entries: Iterable[Carried], from_ms: int) -> dict[str, frozenset[Tip]]:
    """The tips of what still counts of a device that is disowned from a moment on.

    By the times that the device itself has written down; of each branch what is before the first
    entry that is not.
    """
    kept: dict[str, dict[str, Tip]] = defaultdict(dict)
    tips: dict[str, set[str]] = defaultdict(set)
    for one in sorted(entries, key=lambda one: one.entry.seq):
        entry, short = one.entry, one.hash[:DIGITS]
        before = entry.prev[:DIGITS]
        follows = entry.seq == 1 or before in kept[entry.origin]
        if follows and entry.at_ms < from_ms:
            kept[entry.origin][short] = Tip(entry.seq, short)
            tips[entry.origin] = tips[entry.origin] - {before} | {short}
    return {
        origin: frozenset(kept[origin][short] for short in shorts)
        for origin, shorts in tips.items()
        if shorts
    }


class Fact(NamedTuple):
    """What was done on a ticket, and whether it counts before and after."""

    entry: Entry
    counted: bool
    counts: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """What changes when a device is disowned. Tickets are named by their ids."""

    admissions: int
    """How many of its entries lose their effect."""
    exits: int
    annulments: int
    freed: tuple[str, ...]
    """Tickets with fewer uses than before: somebody may go in on them again."""
    spent: tuple[str, ...]
    """Tickets with more uses, or more people inside, than before."""


def effect(facts: Iterable[Fact]) -> Effect:
    """What changes, by everything that was done on the tickets that the device has touched."""
    by_ticket: dict[str, list[Fact]] = defaultdict(list)
    lost = dict.fromkeys(Act, 0)
    for fact in facts:
        by_ticket[fact.entry.ticket].append(fact)
        lost[fact.entry.act] += fact.counted and not fact.counts
    freed, spent = [], []
    for ticket, done in sorted(by_ticket.items()):
        before = fold(fact.entry for fact in done if fact.counted)
        after = fold(fact.entry for fact in done if fact.counts)
        if after.used < before.used:
            freed.append(ticket)
        elif (after.used, after.inside) > (before.used, before.inside):
            spent.append(ticket)
    return Effect(
        admissions=lost[Act.ADMISSION],
        exits=lost[Act.EXIT],
        annulments=lost[Act.ANNULMENT],
        freed=tuple(freed),
        spent=tuple(spent),
    )

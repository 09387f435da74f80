"""Which terms of a rule are in the way: those of the way in that is nearest to being open."""

from dataclasses import dataclass
from typing import Any

from gate.core.formula import COUNTS, JOINS, Facts, Node, meets, moment_in, split, value_of


@dataclass(frozen=True, slots=True)
class Term:
    """A comparison that is not met: what was compared how with what, and what it is."""

    operator: str
    variable: str
    """Empty where it is no comparison of one variable with something."""
    wanted: float | str | tuple[str, ...] = ""
    """A number; a word; the names of what is in a list; or the Unix milliseconds of a moment."""
    found: float | str = ""
    cutoff_ms: float | None = None
    """Of entries that are counted: since or before when."""

    @property
    def weight(self) -> tuple[int, float]:
        """How far from being met it is: by what a guest can do about it, then by how much."""
        rank = _RANKS.get(self.variable, len(_RANKS))
        if not isinstance(self.wanted, int | float) or not isinstance(self.found, int | float):
            return rank, 0
        is_never = self.variable.startswith("minutes_since") and self.wanted <= 0
        return len(_RANKS) if is_never else rank, abs(self.wanted - self.found)


_RANKS = {
    "entry_status": 0, "minutes_since_first_entry": 1, "minutes_since_last_entry": 1,
    "entries_days": 2, "entries_days_since": 2, "entries_days_before": 2, "entries_number": 2,
    "entries_since": 2, "entries_before": 2, "entries_today": 2, "now": 3, "now_isoweekday": 4,
    "gate": 5, "variation": 6, "product": 6,
}  # fmt: skip
"""What a guest has in hand is nearest; nobody changes the kind of a ticket at the door."""


def nearest(node: Node, facts: Facts) -> tuple[Term, ...]:
    """What is not met of a rule on the way in that is nearest; nothing where it is met."""
    if meets(node, facts):
        return ()
    if not isinstance(node, dict):
        return (Term("", ""),)
    word, arguments = split(node)
    if word not in JOINS:
        return (_term(node, facts),)
    ways = [nearest(one, facts) for one in arguments]
    if word == "and":
        return tuple(dict.fromkeys(term for way in ways for term in way))
    if not ways:
        return (Term("", ""),)
    return min(ways, key=lambda way: (max(term.weight for term in way), len(way)))


def _term(node: Node, facts: Facts) -> Term:
    """A comparison that is not met, as it can be told."""
    word, (left, *others) = split(node)
    if not isinstance(left, dict) or not others:
        return Term(word, "")
    subject, arguments = split(left)
    if subject not in ("var", *COUNTS):
        return Term(word, "")
    found, cutoff_ms = value_of(left, facts), None
    if subject in COUNTS:
        cutoff_ms = moment_in(facts, *split(arguments[0])[1])
    wanted: Any = _told(others[0]) or value_of(others[0], facts)
    if word in ("isBefore", "isAfter") and wanted is not None and others[1:] and others[1]:
        wanted += float(others[1]) * (60_000 if word == "isBefore" else -60_000)
    variable = arguments[0] if subject == "var" else subject
    is_told = isinstance(wanted, int | float | str | tuple)
    shown = found if isinstance(found, int | float | str) else ""
    return Term(word, variable, wanted if is_told else "", shown, cutoff_ms)


def _told(node: Node) -> tuple[str, ...]:
    """The names of what is looked up, or is in a list."""
    if isinstance(node, list):
        return tuple(map(str, node))
    if not isinstance(node, dict):
        return ()
    word, arguments = split(node)
    if word == "lookup":
        return (str(arguments[-1]),)
    if word != "objectList":
        return ()
    return tuple(name for one in arguments for name in _told(one) or (str(one),))

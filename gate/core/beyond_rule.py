"""Admissions too many by an organiser's rule, where gates that did not hear each other let in."""

from collections.abc import Iterable, Sequence

from gate.core.entry import MOVEMENTS, Act, Entry
from gate.core.formula import meets
from gate.core.formula_syntax import BadFormulaError, parse
from gate.core.history import History, annulled, movement_of
from gate.core.organisers_rule import facts_of
from gate.core.place import Direction, HouseRules, Place
from gate.core.ticket import Ticket
from gate.core.verdict import Context


def beyond_rule(entries: Iterable[Entry], ticket: Ticket | None, rule: str) -> int:
    """How many went in whom the rule lets in by what their own gate had done, and not by all.

    So a rule that was changed since, or was overruled, says nothing of what was before.
    """
    rule = ticket.type.rule or rule if ticket is not None else ""
    if ticket is None or not rule:
        return 0
    known = set(entries)
    gone = annulled(known)
    moved = sorted(
        (one for one in known if one.act in MOVEMENTS and one.name not in gone),
        key=lambda one: (one.at_ms, one.hlc, one.origin, one.seq),
    )
    found = 0
    for n, one in enumerate(moved):
        if one.act is not Act.ADMISSION or one.overruled is not None:
            continue
        own = [before for before in moved[:n] if before.device == one.device]
        if _lets_in(rule, ticket, own, one) and not _lets_in(rule, ticket, moved[:n], one):
            found += one.persons
    return found


def _lets_in(rule: str, ticket: Ticket, before: Sequence[Entry], one: Entry) -> bool:
    """Whether the rule was met when an admission was made, after these movements."""
    try:
        node = parse(rule)
    except BadFormulaError:
        return False
    admitted = (past for past in before if past.act is Act.ADMISSION)
    history = History(
        last=movement_of(before[-1]) if before else None,
        admitted_ms=tuple(past.at_ms for past in admitted for _person in range(past.persons)),
    )
    there = Context(one.at_ms, one.device, Direction.IN, Place(gate=one.gate), HouseRules())
    return not node or meets(node, facts_of(ticket, history, there, one.at_ms))

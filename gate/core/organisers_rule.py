"""What an event or a ticket's type lets in by a rule of its organiser's, beside all other rules."""

from dataclasses import dataclass

from gate.core.entry import Act
from gate.core.formula import Facts, meets, reads_clock
from gate.core.formula_syntax import BadFormulaError, parse
from gate.core.history import History
from gate.core.outcome import Reason
from gate.core.place import HouseRules
from gate.core.ticket import Ticket
from gate.core.time_rules import span_of_now, told_ms
from gate.core.unmet_terms import Term, nearest
from gate.core.validity import window, zone_of
from gate.core.verdict import Context, Scan


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the organiser's rule says of letting in on a ticket here and now."""

    is_met: bool
    in_doubt: bool = False
    """Whether it is met only as far as nobody knows the time well enough to say otherwise."""


_NO_RULE = Judgement(is_met=True)
_UNREADABLE = Judgement(is_met=False)


def rule_of(ticket: Ticket, rules: HouseRules) -> str:
    """The rule by which people are let in on a ticket; empty: there is none."""
    return ticket.type.rule or rules.of(ticket.type.id).rule


def rule_unmet(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether it is not met, at either end of now; what cannot be read is never met."""
    if judge(ticket, history, context).is_met:
        return None
    return Reason.RULE_UNREADABLE if unreadable_in(ticket, context) else Reason.RULE


def rule_in_doubt(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether the doubt about what time it is lets in."""
    in_doubt = judge(ticket, history, context).in_doubt
    return Reason.CLOCK_NOT_TRUSTED if in_doubt else None


def judge(ticket: Ticket, history: History, context: Context) -> Judgement:
    """Ask the rule, at both ends of now."""
    rule = rule_of(ticket, context.rules)
    if not rule:
        return _NO_RULE
    try:
        node = parse(rule)
    except BadFormulaError:
        return _UNREADABLE
    if not node:
        return _NO_RULE
    ends = span_of_now(context)
    if ends is None:
        facts = facts_of(ticket, history, context, context.at_ms)
        return Judgement(meets(node, facts), in_doubt=reads_clock(node))
    met = [meets(node, facts_of(ticket, history, context, at_ms)) for at_ms in dict.fromkeys(ends)]
    return Judgement(any(met), in_doubt=any(met) and not all(met))


def unreadable_in(ticket: Ticket, context: Context) -> str:
    """What of the rule this program cannot read; empty where it can."""
    try:
        parse(rule_of(ticket, context.rules) or "{}")
    except BadFormulaError as error:
        return str(error.args[0])
    return ""


def unmet(ticket: Ticket, history: History, context: Context) -> tuple[Term, ...]:
    """The nearest terms of the rule that are not met; none where it is met, or cannot be read."""
    try:
        node = parse(rule_of(ticket, context.rules) or "{}")
    except BadFormulaError:
        return ()
    at_ms = told_ms(Reason.RULE, context)
    return nearest(node, facts_of(ticket, history, context, at_ms)) if node else ()


def facts_of(ticket: Ticket, history: History, context: Context, at_ms: int) -> Facts:
    """What a rule may ask of a ticket at a moment; ``history`` says when people were let in.

    Who states no occasion means the time in which the ticket is good, no product the type itself.
    """
    kind, place = ticket.type, context.place
    begins, ends = kind.occasion_from, kind.occasion_to
    if begins is None:
        begins, good_until = window(ticket)
        ends = good_until if ends is None else ends
    return Facts(
        now_ms=at_ms,
        zone=zone_of(kind),
        gate=place.named,
        gate_id=place.rule_gate,
        product=kind.product or kind.id,
        variation=kind.variation,
        begins=begins,
        ends=ends,
        admission=kind.occasion_admission,
        admitted_ms=history.admitted_ms,
        is_present=history.last is not None and history.last.act is Act.ADMISSION,
        clock_trusted=span_of_now(context) is not None,
    )

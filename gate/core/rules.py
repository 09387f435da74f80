"""The rule book: ordered small functions; the first that objects decides.

The order is the documentation. The same rules run at the gate and on the server, and none of them
reads a clock, a disk or a setting: everything comes in through the arguments.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypedDict

from gate.core.code_rules import code_flags, code_off, stale_code
from gate.core.entry import Act
from gate.core.history import History
from gate.core.organisers_rule import rule_in_doubt, rule_unmet, unmet, unreadable_in
from gate.core.outcome import GREEN, Basis, Flag, Outcome, Reason
from gate.core.place import Direction, HouseRules, Policy, UnpaidPolicy
from gate.core.place_rules import (
    pass_for_another_flight,
    place_unknown,
    wrong_entrance,
    wrong_event,
    wrong_flight,
    wrong_place,
    wrong_room,
    wrong_type,
    wrong_zone,
)
from gate.core.questions_rule import is_unanswerable, next_asked, shown_of, unanswered
from gate.core.ticket import CodeState, Status, Ticket
from gate.core.time_rules import (
    bound_of,
    clock_in_doubt,
    outside_hours,
    told_ms,
    too_early,
    too_late,
    wrong_day,
)
from gate.core.use_rules import pass_back_seen, returns, same_ticket, still_inside, used_up
from gate.core.verdict import Context, Scan, Verdict

Rule = Callable[[Ticket, History, Scan, Context], Reason | None]

_STATUS_REASONS = {
    Status.REVOKED: Reason.REVOKED,
    Status.DELETED: Reason.DELETED,
    Status.GIFTING: Reason.GIFTING,
    Status.TRANSFERRED: Reason.TRANSFERRED,
    Status.UNCLAIMED: Reason.UNCLAIMED,
    Status.LIMITED: Reason.LIMITED,
    Status.UNAPPROVED: Reason.UNAPPROVED,
    Status.BLOCKED: Reason.BLOCKED,
}


def _blocked_at_door(
    ticket: Ticket, history: History, scan: Scan, context: Context
) -> Reason | None:
    return Reason.BLOCKED_AT_DOOR if ticket.block is not None else None


def _status(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    return _STATUS_REASONS.get(ticket.status)


def _type_unknown(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Where and when it is good nobody can say here."""
    return _unless(ticket.has_type, Reason.TYPE_UNKNOWN)


def _dead_code(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    if ticket.code_state is CodeState.TRANSFERRED:
        return Reason.TRANSFERRED
    if ticket.code_state is CodeState.REPLACED:
        return Reason.REPLACED
    return None


def _unpaid(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Before it is asked for money everything else is looked at; see ``_to_be_paid``."""
    policy = context.rules.unpaid
    refused = ticket.status is Status.UNPAID and policy is UnpaidPolicy.REFUSE
    return Reason.UNPAID if refused else None


def _not_checked_in(
    ticket: Ticket, history: History, scan: Scan, context: Context
) -> Reason | None:
    return _unless(not ticket.needs_check_in or ticket.checked_in, Reason.NOT_CHECKED_IN)


def _organisers_rule(
    ticket: Ticket, history: History, scan: Scan, context: Context
) -> Reason | None:
    found = rule_unmet(ticket, history, scan, context)
    return None if _is_fine_if_claimed(ticket, history, scan, context) else found


def _already_used(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    found = used_up(ticket, history, scan, context)
    return None if _is_fine_if_claimed(ticket, history, scan, context) else found


def _passed_back(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    found = still_inside(ticket, history, scan, context)
    return None if _is_fine_if_claimed(ticket, history, scan, context) else found


def _zone_full(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    capacity = context.rules.zone_capacity
    has_room = capacity is None or context.zone_inside + scan.persons <= capacity
    return _unless(has_room, Reason.ZONE_FULL)


def _unseen(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    policy = unseen_policy(ticket, context)
    return Reason.UNSEEN if policy in (Policy.HOLD, Policy.REFUSE) else None


def _isolated(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    return Reason.ISOLATED if context.is_isolated else None


def _alone(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    policy = alone_policy(ticket, context)
    return Reason.ALONE if policy in (Policy.HOLD, Policy.REFUSE) else None


def _undo_claimed(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether it could not go in if the undos that nobody has confirmed were, or were not, true."""
    if history.if_claimed is None:
        return None
    is_fine = _first(_USES, ticket, history, scan, context) is None
    depends = is_fine != _is_fine_if_claimed(ticket, history, scan, context)
    return Reason.UNDO_CLAIMED if depends else None


def _to_be_paid(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Money is taken once: whoever was let in on the ticket has been asked for it."""
    is_unpaid = ticket.status is Status.UNPAID and not history.used
    asks = is_unpaid and context.rules.unpaid is UnpaidPolicy.ASK
    return _unless(scan.answers.get(Reason.UNPAID, not asks), Reason.UNPAID)


def _question(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """A no stays a no, also where nobody would be asked any more."""
    asks = bool(question_of(ticket, context.rules))
    return _unless(scan.answers.get(Reason.QUESTION, not asks), Reason.QUESTION)


def question_of(ticket: Ticket, rules: HouseRules) -> str:
    """What is asked before anybody is let in on the ticket; empty: nothing."""
    return ticket.type.ask or rules.of(ticket.type.id).ask


def _look(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    return Reason.LOOK if ticket.attention or ticket.type.attention else None


HERE_AND_NOW: tuple[Rule, ...] = (
    *(_blocked_at_door, _status, _unpaid, _dead_code),
    *(wrong_event, wrong_place, wrong_type, wrong_entrance, wrong_zone, wrong_room, wrong_flight),
    *(too_early, too_late, outside_hours),
)
"""What is said against a ticket whatever it has done: which one of several a code means."""
_USES: tuple[Rule, ...] = (rule_unmet, used_up, still_inside)
"""What is said against a ticket because of what it has done."""
STATUS_RULES: tuple[Rule, ...] = (_blocked_at_door, _status, _unpaid, _dead_code)
RULES: tuple[Rule, ...] = (
    *STATUS_RULES,
    same_ticket,
    _type_unknown,
    wrong_event,
    wrong_place,
    wrong_type,
    wrong_entrance,
    wrong_zone,
    wrong_room,
    pass_for_another_flight,
    wrong_flight,
    place_unknown,
    _not_checked_in,
    wrong_day,
    too_early,
    too_late,
    outside_hours,
    stale_code,
    _organisers_rule,
    _already_used,
    _passed_back,
    _zone_full,
    _isolated,
    _unseen,
    _alone,
    _to_be_paid,
    _question,
    unanswered,
    _undo_claimed,
    pass_back_seen,
    code_off,
    _look,
    clock_in_doubt,
    rule_in_doubt,
)
"""Everything that may be said against letting a known ticket in, strongest first."""

_NEUTRAL = frozenset({Reason.SAME_TICKET, Reason.MORE_USES})
_NOTICES = frozenset(
    {Reason.UNDO_CLAIMED, Reason.LOOK, Reason.CLOCK_NOT_TRUSTED, Reason.CODE_CLOCK}
)
_HELD = frozenset(
    {Reason.ISOLATED, Reason.PLACE_UNKNOWN, Reason.TYPE_UNKNOWN, Reason.RULE_UNREADABLE}
)
_BY_POLICY = {
    Policy.FLAG: Outcome.ATTENTION,
    Policy.HOLD: Outcome.HOLD,
    Policy.REFUSE: Outcome.REFUSE,
}


def decide(ticket: Ticket | None, history: History, scan: Scan, context: Context) -> Verdict:
    """Say what to do with one scan, given what the ticket has done and where the lane stands."""
    if context.problem is not None:
        # Two good tickets on one text need a person; what is no ticket does not.
        held = context.problem in (Reason.TWO_TICKETS, Reason.SEVERAL)
        outcome = Outcome.HOLD if held else Outcome.REFUSE
        return _verdict(outcome, context.problem, None, history, context)
    if ticket is None:
        return _unknown(history, context)
    if context.rules.by_type:
        context = replace(context, rules=context.rules.of(ticket.type.id))
    if _leaves(ticket, history, scan, context):
        return _decide_exit(ticket, history, scan, context)
    reason = _first(RULES, ticket, history, scan, context)
    outcome = _outcome(reason, ticket, scan, context)
    asked = None
    if reason is Reason.ANSWERS:
        asked = next_asked(ticket, history, scan.given, context.rules)
        outcome = Outcome.HOLD if is_unanswerable(asked, context.rules) else outcome
    flags = _flags(reason, ticket, scan, context)
    flags += code_flags(ticket, history, scan, context)
    went_by = history
    if history.if_claimed is not None and _first(_USES, ticket, history, scan, context):
        went_by = history.if_claimed
    comes_back = returns(ticket, went_by, scan, context)
    if reason is None:
        reason = Reason.REENTRY if comes_back else Reason.ADMITTED
    asks_nobody = outcome is Outcome.ASK and context.direction is Direction.CHECK
    if outcome not in GREEN and not asks_nobody:
        verdict = _verdict(outcome, reason, ticket, history, context, flags=flags)
        return replace(verdict, asked=asked) if asked is not None else verdict
    if context.direction is Direction.CHECK:
        return _verdict(Outcome.VALID, reason, ticket, history, context, flags=flags)
    uses = 0 if comes_back else scan.persons
    return _verdict(
        outcome, reason, ticket, history, context, uses=uses, persons=scan.persons, flags=flags
    )


def overrule(
    ticket: Ticket, history: History, scan: Scan, context: Context, refused: Reason
) -> Verdict:
    """Admit against the rules, on a supervisor's word: the use is counted, the refusal named."""
    flags = (Flag.CLOCK_NOT_TRUSTED,) if not context.clock_trusted else ()
    return Verdict(
        outcome=Outcome.ADMIT,
        reason=Reason.OVERRIDE,
        direction=Direction.IN,
        at_ms=context.at_ms,
        ticket=ticket,
        history=history,
        uses=scan.persons,
        persons=scan.persons,
        **_worth(ticket, context),
        flags=flags,
        clock_trusted=context.clock_trusted,
        overruled=refused,
    )


def alone_policy(ticket: Ticket, context: Context) -> Policy:
    """What the venue wants done with this ticket now, given who has been heard."""
    if context.basis is not Basis.ALONE:
        return Policy.ADMIT
    return context.rules.alone_by_type.get(ticket.type.id, context.rules.alone)


_STRICTNESS: Final = {policy: n for n, policy in enumerate(Policy)}


def unseen_policy(ticket: Ticket, context: Context) -> Policy:
    """What the venue wants done with a ticket of which only its code tells.

    Where lanes are unheard as well it is what is stricter of both.
    """
    if ticket.signed is None:
        return Policy.ADMIT
    is_current = context.list_as_of_ms is None
    policy = context.rules.unseen_current if is_current else context.rules.unseen
    return max(policy, alone_policy(ticket, context), key=_STRICTNESS.__getitem__)


def _unknown(history: History, context: Context) -> Verdict:
    """A code that is not in the list; never green, however old the list is."""
    if context.list_as_of_ms is None:
        return _verdict(Outcome.REFUSE, Reason.UNKNOWN, None, history, context)
    # Nobody is kept from going out.
    waits = context.rules.stale is Policy.HOLD and context.direction is not Direction.OUT
    outcome = Outcome.HOLD if waits else Outcome.REFUSE
    verdict = _verdict(outcome, Reason.UNKNOWN, None, history, context, flags=(Flag.STALE,))
    return replace(verdict, list_as_of_ms=context.list_as_of_ms)


def _decide_exit(ticket: Ticket, history: History, scan: Scan, context: Context) -> Verdict:
    if same_ticket(ticket, history, scan, context) is not None:
        party_leaves = history.last is not None and history.last.act is Act.EXIT and history.inside
        again = Reason.MORE_USES if party_leaves else Reason.SAME_TICKET
        return _verdict(Outcome.RESCAN, again, ticket, history, context)
    wrong = _first(STATUS_RULES, ticket, history, scan, context)
    flags: tuple[str, ...] = () if wrong is None else (wrong.value,)
    flags += code_flags(ticket, history, scan, context, leaves=True)
    if history.inside < scan.persons:
        flags += (Flag.NOT_INSIDE,)
    if ticket.signed is not None:
        flags += (Flag.UNSEEN,)
    return _verdict(
        Outcome.EXIT, Reason.EXITED, ticket, history, context, persons=scan.persons, flags=flags
    )


def _leaves(ticket: Ticket, history: History, scan: Scan, context: Context) -> bool:
    if context.direction is Direction.BOTH:
        if scan.answers or scan.given or scan.skips:
            # Whoever was asked wants in, also if another gate has let somebody in meanwhile.
            return False
        everybody = min(ticket.party_size, ticket.use_limit)
        return history.inside >= everybody
    return context.direction is Direction.OUT


def _is_fine_if_claimed(ticket: Ticket, history: History, scan: Scan, context: Context) -> bool:
    """Whether there are undos nobody has confirmed, and it may go in if they are true."""
    claimed = history.if_claimed
    return claimed is not None and _first(_USES, ticket, claimed, scan, context) is None


def _first(
    rules: tuple[Rule, ...], ticket: Ticket, history: History, scan: Scan, context: Context
) -> Reason | None:
    for rule in rules:
        reason = rule(ticket, history, scan, context)
        if reason is not None:
            return reason
    return None


def _outcome(reason: Reason | None, ticket: Ticket, scan: Scan, context: Context) -> Outcome:
    if reason is None:
        return Outcome.ADMIT
    if _is_asked(reason, context) and reason not in scan.answers:
        return Outcome.ASK
    if reason in _NEUTRAL:
        return Outcome.RESCAN
    if reason in _NOTICES:
        return Outcome.ATTENTION
    if reason in _HELD:
        return Outcome.HOLD
    policy = Policy.REFUSE
    if reason is Reason.PASS_BACK:
        policy = context.rules.pass_back
    if reason is Reason.UNSEEN:
        policy = unseen_policy(ticket, context)
    if reason is Reason.ALONE:
        policy = alone_policy(ticket, context)
    if reason is Reason.STATIC_CODE:
        policy = context.rules.static_codes
    return _BY_POLICY[policy]


def _is_asked(reason: Reason, context: Context) -> bool:
    """Whether it is a question, rather than a refusal."""
    asks_money = reason is Reason.UNPAID and context.rules.unpaid is UnpaidPolicy.ASK
    return asks_money or reason in (Reason.QUESTION, Reason.ANSWERS)


_ANSWERED = {
    Reason.UNPAID: (Flag.NOT_PAID_HERE, Flag.PAID_HERE),
    Reason.QUESTION: (Flag.NO, Flag.YES),
}


def _flags(reason: Reason | None, ticket: Ticket, scan: Scan, context: Context) -> tuple[str, ...]:
    flags: tuple[str, ...] = tuple(_ANSWERED[one][yes] for one, yes in scan.answers.items())
    if scan.skips:
        flags += (Flag.QUESTIONS_SKIPPED,)
    if reason is Reason.PASS_BACK:
        flags += (Flag.PASS_BACK,)
    if alone_policy(ticket, context) is Policy.FLAG:
        flags += (Flag.ALONE,)
    if unseen_policy(ticket, context) is Policy.FLAG:
        flags += (Flag.UNSEEN,)
    if not context.clock_trusted:
        flags += (Flag.CLOCK_NOT_TRUSTED,)
    return flags


def _verdict(
    outcome: Outcome,
    reason: Reason,
    ticket: Ticket | None,
    history: History,
    context: Context,
    *,
    uses: int = 0,
    persons: int = 0,
    flags: tuple[str, ...] = (),
) -> Verdict:
    return Verdict(
        outcome=outcome,
        reason=reason,
        direction=context.direction,
        at_ms=told_ms(reason, context),
        ticket=ticket,
        history=history,
        uses=uses,
        persons=persons,
        **_worth(ticket, context),
        flags=flags,
        clock_trusted=context.clock_trusted,
        code_ms=context.rotation.code_ms if context.rotation is not None else None,
        bound_at=bound_of(reason, ticket, context),
        question=question_of(ticket, context.rules) if ticket and reason is Reason.QUESTION else "",
        shown=shown_of(ticket, context.rules) if ticket else (),
        unmet=unmet(ticket, history, context) if ticket and reason is Reason.RULE else (),
        unreadable=unreadable_in(ticket, context) if ticket else "",
    )


class _Worth(TypedDict):
    basis: Basis
    basis_age_ms: int | None
    list_as_of_ms: int | None


def _worth(ticket: Ticket | None, context: Context) -> _Worth:
    """What a verdict rests on; a ticket that goes by its signature alone is worth least."""
    if ticket is None or ticket.signed is None:
        return _Worth(basis=context.basis, basis_age_ms=context.basis_age_ms, list_as_of_ms=None)
    return _Worth(basis=Basis.UNSEEN, basis_age_ms=None, list_as_of_ms=context.list_as_of_ms)


def _unless(is_fine: bool, reason: Reason) -> Reason | None:
    return None if is_fine else reason

"""Which of several tickets a code means that they share, such as a wristband's: by the rules alone.

The one that is good here and now, whatever it has done. If several are, a person chooses; if none
is, the one whose refusal says most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gate.core.history import History
from gate.core.outcome import Reason
from gate.core.place import Direction
from gate.core.rules import HERE_AND_NOW
from gate.core.ticket import Ticket
from gate.core.validity import window
from gate.core.verdict import Context, Scan

_NO_HISTORY = History()


def meant(
    candidates: Sequence[Ticket], inside: Mapping[str, int], scan: Scan, context: Context
) -> tuple[Ticket, ...]:
    """The ticket that is meant; several where a person has to choose.

    ``inside`` is how many are inside on each. Of ``candidates`` there is one at least.
    """
    chosen = [one for one in candidates if one.id == scan.chosen]
    if chosen or len(candidates) == 1:
        return tuple(chosen or candidates)
    if context.direction is Direction.OUT:
        # Nobody is kept from going out: whoever of them is inside goes.
        gone = [one for one in candidates if inside.get(one.id)]
        return tuple((gone or candidates)[:1])
    against = {one.id: _objection(one, scan, context) for one in candidates}
    good = tuple(one for one in candidates if against[one.id] is None)
    return good or (_nearest(candidates, against, context.at_ms // 1000),)


def _objection(ticket: Ticket, scan: Scan, context: Context) -> Reason | None:
    here = replace(context, rules=context.rules.of(ticket.type.id))
    objections = (rule(ticket, _NO_HISTORY, scan, here) for rule in HERE_AND_NOW)
    return next((reason for reason in objections if reason is not None), None)


def _nearest(
    candidates: Sequence[Ticket], against: Mapping[str, Reason | None], now_s: int
) -> Ticket:
    """What is good next, else what was good last, else what is refused for another reason."""
    early = [one for one in candidates if against[one.id] is Reason.TOO_EARLY]
    if early:
        return min(early, key=lambda one: window(one)[0] or now_s)
    late = [one for one in candidates if against[one.id] is Reason.TOO_LATE]
    if late:
        return max(late, key=lambda one: window(one)[1] or 0)
    return next((o for o in candidates if against[o.id] is not Reason.WRONG_TYPE), candidates[0])

"""What is unlike an honest evening about a ticket, a code or an order."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from gate.core.anomalies.anomaly import Anomaly, Kind, Limits, Severity, Sold
from gate.core.anomalies.lanes import made
from gate.core.anomalies.sight import BY_HAND, Clocks, Sight, bounds
from gate.core.entry import MOVEMENTS, Act
from gate.core.irregular import VOID_REASONS
from gate.core.outcome import Reason

SHOWN = frozenset({Act.ADMISSION, Act.EXIT, Act.REFUSAL, Act.HOLD, Act.RESCAN})
"""Acts of which somebody stood there with the code."""
SPENT = frozenset(
    {
        Reason.ALREADY_USED, Reason.USED_ELSEWHERE, Reason.NOT_ENOUGH_USES, Reason.PASS_BACK,
        Reason.BLOCKED, Reason.REPLACED, Reason.TRANSFERRED,
    }
)  # fmt: skip
"""Refusals that another gate would not change; a wrong entrance or hour sends people on."""
GATES_TRIED = 3
"""So many gates: who is refused honestly asks at one more."""
OCCASIONS = 4
"""So often: who does not know of the refund comes once, and asks once or twice more."""
AGAIN_MS = 5 * 60_000
"""Sooner, at the same gate, is the same occasion."""
PARTY_MS = 10 * 60_000
"""Who comes to the same gate within this time came together."""
ORDER_GATES = 4
"""At so many gates: families split at two."""
ORDER_SHARE = 0.4
"""Most of an order's parties at one gate; friends mostly come to the same one."""
ORDER_MOST = 12
"""Tickets of an order; of a larger one, of a school or a firm, people come one by one anyway."""


def told(sights: Iterable[Sight]) -> Sold:
    """What is known of a ticket that is in no list: its code told those who have scanned it."""
    parties = (sight.signed.party for sight in sights if sight.signed is not None)
    return Sold(party_size=min((one for one in parties if one is not None), default=1))


def too_fast(
    ticket: str, sights: Iterable[Sight], sold: Sold, limits: Limits, clocks: Clocks
) -> Iterator[Anomaly]:
    """Two showings of one person's ticket at two gates with no time to walk between them."""
    if sold.party_size > 1:
        return
    timed = []
    for sight in sights:
        between = bounds(sight, clocks)
        if between and sight.act in SHOWN and sight.source not in BY_HAND:
            timed.append((*between, sight))
    timed.sort(key=lambda one: (one[0] + one[1], one[2].name))
    for (from_ms, _until, one), (_from, until_ms, other) in pairwise(timed):
        between_ms = until_ms - from_ms
        if one.gate == other.gate or one.device == other.device:
            continue
        needed_ms = limits.walking_ms(one.gate, other.gate)
        if between_ms < needed_ms:
            is_in_twice = one.act is Act.ADMISSION and other.act is Act.ADMISSION
            severity = Severity.HIGH if is_in_twice else Severity.LOW
            seconds = max(0, between_ms // 1000)
            both = (one, other)
            yield made(
                Kind.TOO_FAST, severity, ticket, both, count=seconds, usual=needed_ms // 1000
            )


def comes_elsewhere(about: str, refused: Iterable[Sight]) -> Iterator[Anomaly]:
    """What was refused for good, or is nobody's code, and was tried at so many gates."""
    kept = list(refused)
    gates = {one.gate for one in kept}
    if len(gates) >= GATES_TRIED:
        is_code = not kept[0].ticket
        yield made(
            Kind.COMES_ELSEWHERE, Severity.LOW, about, kept, count=len(gates), is_code=is_code
        )


def revoked_returns(ticket: str, sights: Iterable[Sight]) -> Iterator[Anomaly]:
    """A void ticket that was refused on so many occasions."""
    refused = [one for one in sights if one.act is Act.REFUSAL and one.reason in VOID_REASONS]
    if len(refused) < OCCASIONS:
        return
    refused.sort(key=lambda one: one.at_ms)
    occasions = 1 + sum(
        later.gate != sooner.gate or later.at_ms - sooner.at_ms > AGAIN_MS
        for sooner, later in pairwise(refused)
    )
    if occasions >= OCCASIONS:
        yield made(Kind.REVOKED_RETURNS, Severity.LOW, ticket, refused, count=occasions)


def order_spread(order: str, first: Mapping[str, Sight], parties: int) -> Iterator[Anomaly]:
    """The tickets of an order, by their first admissions, if they come in so many parties."""
    if not parties <= len(first) <= ORDER_MOST:
        return
    came = sorted(first.values(), key=lambda one: (one.gate, one.at_ms))
    found = 1 + sum(
        later.gate != sooner.gate or later.at_ms - sooner.at_ms > PARTY_MS
        for sooner, later in pairwise(came)
    )
    gates = Counter(one.gate for one in came)
    is_even = max(gates.values()) <= ORDER_SHARE * len(came)
    if found >= parties and len(gates) >= ORDER_GATES and is_even:
        yield made(
            Kind.ORDER_SPREAD, Severity.LOW, order, came, count=len(gates), out_of=len(first)
        )


def first_admission(sights: Iterable[Sight]) -> Sight | None:
    """When a ticket first went in; ``None`` while it has not."""
    admissions = [one for one in sights if one.act is Act.ADMISSION]
    if len(admissions) < 2:
        return admissions[0] if admissions else None
    return min(admissions, key=lambda one: (one.at_ms, one.name))


def unseen_exits(sights: Sequence[Sight]) -> list[Sight]:
    """Exits of a ticket by more people than ever went in on it, whatever came first."""
    if all(one.act is not Act.EXIT for one in sights):
        return []
    gone = {one.target for one in sights if one.takes_back}
    standing = [one for one in sights if one.act in MOVEMENTS and one.name not in gone]
    came_in = sum(one.persons for one in standing if one.act is Act.ADMISSION)
    unseen = []
    for sight in sorted(standing, key=lambda one: (one.at_ms, one.name)):
        if sight.act is Act.EXIT:
            came_in -= sight.persons
            if came_in < 0:
                unseen.append(sight)
    return unseen


def direct_overrides(sights: Sequence[Sight]) -> list[Sight]:
    """Overrides of a ticket that no other lane had refused before.

    Who was refused somewhere and sent to a desk is overruled there as a matter of course.
    """
    overruled = [one for one in sights if one.reason is Reason.OVERRIDE]
    refused = [one for one in sights if one.act is Act.REFUSAL] if overruled else []
    return [
        one
        for one in overruled
        if not any(r.device != one.device and r.at_ms <= one.at_ms for r in refused)
    ]

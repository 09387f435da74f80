"""Who overrules or takes back far more than is usual this evening."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from math import exp, lgamma, log

from gate.core.anomalies.anomaly import Anomaly, Kind, Severity
from gate.core.anomalies.lanes import made
from gate.core.anomalies.sight import Sight

LEAST = {Kind.OVERRIDES: 8, Kind.UNDOS: 12}
"""So many by one person: fewer are told by nothing."""
TIMES_USUAL = 4
CHANCE = 1e-5
"""How rarely so many may come of what is usual."""
PRIOR = {Kind.OVERRIDES: (2, 20), Kind.UNDOS: (2, 400)}
"""What is usual before anybody has done anything: so many, of so many."""


class Acts:
    """What operators did of one kind in one evening, and on how many occasions they could have.

    The occasions of an override are refusals of tickets, those of an undo admissions, at the
    devices where the operator did it.
    """

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._occasions: dict[str, int] = defaultdict(int)
        self._done: list[Sight] = []

    def could(self, device: str) -> None:
        """Count an occasion at a device."""
        self._occasions[device] += 1

    def did(self, sight: Sight) -> None:
        """Take in an act."""
        self._done.append(sight)

    def above_usual(self, more: Iterable[Sight] = ()) -> Iterator[Anomaly]:
        """Who did so far more often than the others of this evening; ``more`` acts count, too."""
        by_operator: dict[str, list[Sight]] = defaultdict(list)
        for sight in chain(self._done, more):
            # Where nobody signs in, the device stands for whoever is there.
            by_operator[sight.operator or sight.device].append(sight)
        done, could = sum(map(len, by_operator.values())), sum(self._occasions.values())
        prior, of = PRIOR[self._kind]
        for acts in by_operator.values():
            count = len(acts)
            devices = {act.device for act in acts}
            mine = max(count, sum(self._occasions[device] for device in devices))
            share = (done - count + prior) / (max(0, could - mine) + of)
            usual = mine * min(1.0, share)
            is_many = count >= max(LEAST[self._kind], TIMES_USUAL * usual)
            if is_many and _tail(count, usual) < CHANCE:
                about = acts[0].operator or acts[0].gate
                yield made(
                    self._kind, Severity.HIGH, about, acts, count=count, out_of=mine, usual=usual
                )


def _tail(count: int, mean: float) -> float:
    """The chance of so many or more where ``mean`` are usual (Poisson)."""
    below = (exp(k * log(mean) - mean - lgamma(k + 1)) for k in range(count))
    return max(0.0, 1.0 - sum(below))

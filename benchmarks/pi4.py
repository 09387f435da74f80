"""What CPU that was measured here would be on a Raspberry Pi 4: an estimate by a published figure.

The figure is how long Python takes there for five million steps of the n-body program of the
Computer Language Benchmarks Game; a few steps of the same arithmetic are timed here. It was
published with an older Python than ours, so what follows from it is rather too slow than too fast.
"""

import time
from itertools import combinations
from math import sqrt

PI_4_S = 158.3
"""Of a Raspberry Pi 4 Model B at 1.5 GHz, 5,000,000 steps: chaitanyamehta.github.io, "Performance
Analysis of Languages on Raspberry Pi"."""
_ALL, _STEPS = 5_000_000, 5_000

Body = list[float]
"""Place, speed and mass."""


def slower_here() -> tuple[float, float]:
    """How long five million steps would take here, in s of CPU, and how many times as long there.

    The best of some, for others use the machine as well.
    """
    here_s = min(_n_body_s() for _ in range(20)) * _ALL / _STEPS
    return here_s, PI_4_S / here_s


def _n_body_s() -> float:
    bodies = [[n, 2.0 * n, n / 3, 1 / (n + 1), 0.5, n / 7, 10.0 / (n + 1)] for n in range(5)]
    pairs = list(combinations(bodies, 2))
    began = time.thread_time()
    for _step in range(_STEPS):
        _advance(bodies, pairs, 0.001)
    return time.thread_time() - began


def _advance(bodies: list[Body], pairs: list[tuple[Body, Body]], dt: float) -> None:
    for one, other in pairs:
        dx, dy, dz = one[0] - other[0], one[1] - other[1], one[2] - other[2]
        squared = dx * dx + dy * dy + dz * dz
        pull = dt / (squared * sqrt(squared))
        by_other, by_one = other[6] * pull, one[6] * pull
        one[3] -= dx * by_other
        one[4] -= dy * by_other
        one[5] -= dz * by_other
        other[3] += dx * by_one
        other[4] += dy * by_one
        other[5] += dz * by_one
    for body in bodies:
        body[0] += dt * body[3]
        body[1] += dt * body[4]
        body[2] += dt * body[5]

"""Reed-Solomon over GF(256) as QR codes use it, with erasures: doubtful codewords cost half."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x11D
_ORDER = 255


def _tables() -> tuple[list[int], list[int]]:
    powers, logs, value = [0] * (2 * _ORDER), [0] * 256, 1
    for exponent in range(_ORDER):
        powers[exponent] = powers[exponent + _ORDER] = value
        logs[value] = exponent
        value <<= 1
        value ^= _POLYNOMIAL if value > 255 else 0
    return powers, logs


_POWERS, _LOGS = _tables()
_POWERS_AT, _LOGS_AT = np.array(_POWERS), np.array(_LOGS)

Terms = list[int]
"""A polynomial, its lowest term first."""


def correct(
    codewords: Sequence[int], checks: int, erased: Collection[int] = ()
) -> tuple[bytes, int] | None:
    """The nearest block, and how many codewords that were not erased it changes.

    ``erased`` are indices whose codewords may be anything. ``None`` where there is no block within
    reach: changed ones count twice and erased ones once against ``checks``.
    """
    terms = list(codewords[::-1])
    syndromes = _values(terms, range(checks))
    if not any(syndromes):
        return bytes(codewords), 0
    length = len(terms)
    locator = _locator(syndromes, [length - 1 - index for index in erased])
    if locator is None:
        return None
    at_each = _values(locator, [(_ORDER - at) % _ORDER for at in range(length)])
    wrong = [at for at, value in enumerate(at_each) if value == 0]
    if len(wrong) != len(locator) - 1:
        return None
    # Forney's algorithm.
    evaluator = _product(syndromes, locator)[:checks]
    derivative = [term if power % 2 == 0 else 0 for power, term in enumerate(locator[1:])]
    inverses = [(_ORDER - at) % _ORDER for at in wrong]
    for at, above, below in zip(
        wrong, _values(evaluator, inverses), _values(derivative, inverses), strict=True
    ):
        if below == 0:
            return None
        terms[at] ^= _times(_times(above, _POWERS[at]), _POWERS[_ORDER - _LOGS[below]])
    if any(_values(terms, range(checks))):
        return None
    repaired = bytes(terms[::-1])
    changed = sum(
        old != new and index not in erased
        for index, (old, new) in enumerate(zip(codewords, repaired, strict=True))
    )
    return repaired, changed


def _locator(syndromes: Sequence[int], erased: Sequence[int]) -> Terms | None:
    """Berlekamp and Massey's algorithm, begun with the places that are known to be doubtful."""
    locator: Terms = [1]
    for at in erased:
        locator = _product(locator, [1, _POWERS[at]])
    former = locator
    errors = len(erased)
    for step in range(len(erased), len(syndromes)):
        former = [0, *former]
        gap = 0
        for power, term in enumerate(locator[: step + 1]):
            gap ^= _times(term, syndromes[step - power])
        if gap == 0:
            continue
        longer = _sum(locator, [_times(gap, term) for term in former])
        if 2 * errors <= step + len(erased):
            errors = step + 1 + len(erased) - errors
            inverse = _POWERS[_ORDER - _LOGS[gap]]
            former = [_times(inverse, term) for term in locator]
        locator = longer
    while locator[-1] == 0:
        locator.pop()
    changed = len(locator) - 1 - len(erased)
    return locator if 2 * changed + len(erased) <= len(syndromes) else None


def _times(one: int, other: int) -> int:
    return _POWERS[_LOGS[one] + _LOGS[other]] if one and other else 0


def _values(terms: Sequence[int], exponents: Sequence[int]) -> list[int]:
    """A polynomial at several powers of the field's generator."""
    factors = np.asarray(terms)
    powers = np.outer(exponents, np.arange(len(factors)))
    products: NDArray[np.int_] = _POWERS_AT[(powers + _LOGS_AT[factors]) % _ORDER]
    return [int(value) for value in np.bitwise_xor.reduce(products * (factors != 0), axis=1)]


def _sum(one: Terms, other: Terms) -> Terms:
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    return [a ^ b for a, b in zip(longer, shorter, strict=False)] + longer[len(shorter) :]


def _product(one: Sequence[int], other: Sequence[int]) -> Terms:
    product = [0] * (len(one) + len(other) - 1)
    for index, term in enumerate(one):
        for step, factor in enumerate(other):
            product[index + step] ^= _times(term, factor)
    return product

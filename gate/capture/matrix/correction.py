"""Reed-Solomon codes over finite fields, with erasures: doubtful codewords cost half."""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

MARGIN, MARGIN_BITS = 3, 24
"""Check codewords that are left to tell chance from truth, at least; and their bits."""
MOST_TRIES = 24
"""Sets of doubtful codewords that are erased, ever larger ones."""

Terms = list[int]
"""A polynomial, its lowest term first."""


class Field(ABC):
    """A finite field, and codes over it.

    Their generator's roots are the powers of the field's own from ``first`` on.
    """

    def __init__(self, generated: Sequence[int], first: int) -> None:
        """``generated`` are the powers of an element that gives all but 0."""
        self._order = order = len(generated)
        self._first = first
        self._margin = max(MARGIN, math.ceil(MARGIN_BITS / math.log2(order + 1)))
        powers, logs = [*generated, *generated], [0] * (order + 1)
        for exponent, value in enumerate(generated):
            logs[value] = exponent
        self._powers, self._logs = powers, logs
        self._powers_at, self._logs_at = np.array(powers), np.array(logs)

    @abstractmethod
    def _plus(self, one: int, other: int) -> int: ...

    @abstractmethod
    def _minus(self, one: int, other: int) -> int: ...

    @abstractmethod
    def _often(self, count: int, one: int) -> int:
        """So many of it together."""

    @abstractmethod
    def _sums(self, terms: NDArray[np.int_]) -> NDArray[np.int_]:
        """Of each row."""

    def checks_of(self, words: Sequence[int], checks: int) -> Terms:
        """The check codewords that follow these."""
        generator: Terms = [1]
        for exponent in range(self._first, self._first + checks):
            generator = self._product(generator, [self._minus(0, self._powers[exponent]), 1])
        rest = [*words, *[0] * checks]
        for at in range(len(words)):
            factor = rest[at]
            for step, term in enumerate(generator[::-1]):
                rest[at + step] = self._minus(rest[at + step], self._times(factor, term))
        return [self._minus(0, term) for term in rest[len(words) :]]

    def nearest(
        self, words: Sequence[int], checks: int, doubt: NDArray[np.float32]
    ) -> Terms | None:
        """The first block that is found when ever more of the doubtful codewords are erased."""
        order = [int(index) for index in np.argsort(-doubt)]
        most = checks - self._margin
        for erasures in range(0, most + 1, max(1, most // MOST_TRIES)):
            found = self.correct(words, checks, order[:erasures])
            if found is not None and 2 * found[1] + erasures <= most:
                return found[0]
        return None

    def correct(
        self, codewords: Sequence[int], checks: int, erased: Collection[int] = ()
    ) -> tuple[Terms, int] | None:
        """The nearest block, and how many codewords that were not erased it changes.

        ``erased`` are indices whose codewords may be anything. ``None`` where there is no block
        within reach: changed ones count twice and erased ones once against ``checks``.
        """
        terms = list(codewords[::-1])
        roots = range(self._first, self._first + checks)
        syndromes = self._values(terms, roots)
        if not any(syndromes):
            return list(codewords), 0
        length = len(terms)
        locator = self._locator(syndromes, [length - 1 - index for index in erased])
        if locator is None:
            return None
        order, powers, logs = self._order, self._powers, self._logs
        at_each = self._values(locator, [(order - at) % order for at in range(length)])
        wrong = [at for at, value in enumerate(at_each) if value == 0]
        if len(wrong) != len(locator) - 1:
            return None
        # Forney's algorithm.
        evaluator = self._product(syndromes, locator)[:checks]
        derivative = [self._often(power, term) for power, term in enumerate(locator)][1:]
        inverses = [(order - at) % order for at in wrong]
        aboves, belows = self._values(evaluator, inverses), self._values(derivative, inverses)
        for at, above, below in zip(wrong, aboves, belows, strict=True):
            if below == 0:
                return None
            shifted = self._times(above, powers[(1 - self._first) * at % order])
            terms[at] = self._plus(terms[at], self._times(shifted, powers[order - logs[below]]))
        if any(self._values(terms, roots)):
            return None
        repaired = terms[::-1]
        changed = sum(
            old != new and index not in erased
            for index, (old, new) in enumerate(zip(codewords, repaired, strict=True))
        )
        return repaired, changed

    def _locator(self, syndromes: Sequence[int], erased: Sequence[int]) -> Terms | None:
        """Berlekamp and Massey's algorithm, begun with the places known to be doubtful."""
        locator: Terms = [1]
        for at in erased:
            locator = self._product(locator, [1, self._minus(0, self._powers[at])])
        former = locator
        errors = len(erased)
        for step in range(len(erased), len(syndromes)):
            former = [0, *former]
            gap = 0
            for power, term in enumerate(locator[: step + 1]):
                gap = self._plus(gap, self._times(term, syndromes[step - power]))
            if gap == 0:
                continue
            longer = self._difference(locator, [self._times(gap, term) for term in former])
            if 2 * errors <= step + len(erased):
                errors = step + 1 + len(erased) - errors
                inverse = self._powers[self._order - self._logs[gap]]
                former = [self._times(inverse, term) for term in locator]
            locator = longer
        while locator[-1] == 0:
            locator.pop()
        changed = len(locator) - 1 - len(erased)
        return locator if 2 * changed + len(erased) <= len(syndromes) else None

    def _times(self, one: int, other: int) -> int:
        return self._powers[self._logs[one] + self._logs[other]] if one and other else 0

    def _values(self, terms: Sequence[int], exponents: Sequence[int]) -> list[int]:
        """A polynomial at several powers of the field's generator."""
        factors = np.asarray(terms)
        powers = np.outer(exponents, np.arange(len(factors)))
        products: NDArray[np.int_] = self._powers_at[
            (powers + self._logs_at[factors]) % self._order
        ]
        return [int(value) for value in self._sums(products * (factors != 0))]

    def _product(self, one: Sequence[int], other: Sequence[int]) -> Terms:
        product = [0] * (len(one) + len(other) - 1)
        for index, term in enumerate(one):
            for step, factor in enumerate(other):
                product[index + step] = self._plus(product[index + step], self._times(term, factor))
        return product

    def _difference(self, one: Terms, other: Terms) -> Terms:
        return [self._minus(a, b) for a, b in zip_longest(one, other, fillvalue=0)]


class BinaryField(Field):
    """Of 2 to the power of ``bits``."""

    def __init__(self, bits: int, polynomial: int, first: int) -> None:
        values = [1]
        for _exponent in range((1 << bits) - 2):
            value = values[-1] << 1
            values.append(value ^ polynomial if value >> bits else value)
        super().__init__(values, first)

    def _plus(self, one: int, other: int) -> int:
        return one ^ other

    def _minus(self, one: int, other: int) -> int:
        return one ^ other

    def _often(self, count: int, one: int) -> int:
        return one if count % 2 else 0

    def _sums(self, terms: NDArray[np.int_]) -> NDArray[np.int_]:
        return np.asarray(np.bitwise_xor.reduce(terms, axis=1))


class PrimeField(Field):
    """Of the numbers modulo a prime, all but 0 of which are powers of ``generator``."""

    def __init__(self, prime: int, generator: int, first: int) -> None:
        self._prime = prime
        super().__init__([pow(generator, at, prime) for at in range(prime - 1)], first)

    def _plus(self, one: int, other: int) -> int:
        return (one + other) % self._prime

    def _minus(self, one: int, other: int) -> int:
        return (one - other) % self._prime

    def _often(self, count: int, one: int) -> int:
        return count * one % self._prime

    def _sums(self, terms: NDArray[np.int_]) -> NDArray[np.int_]:
        return np.asarray(terms.sum(1) % self._prime)

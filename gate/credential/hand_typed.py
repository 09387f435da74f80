"""What a person may mean who types a code, to find its ticket: never to admit by it.

Phones show ``7175 2373 2898`` where the list has ``717523732898``; a person leaves signs out, types
small letters for capitals, or only the beginning or the end of what the guest reads out.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import product
from string import ascii_lowercase, ascii_uppercase, digits

from gate.credential import DIGIT, LOWER, UPPER, Shape, has_other_than

MOST_COMPLETIONS = 20_000
"""Codes of one shape that are tried for a code typed in part: four digits at either end, or two
letters. So much only a person who waits for it is worth; whoever has the list could do the same."""
LEAST_TYPED = 4
LONGEST = 64
"""Characters of a code that a person types without its signs."""
GROUPS = (3, 4, 5)
"""Characters between the signs of a code that is listed in groups."""
_CHARACTERS = {DIGIT: digits, UPPER: ascii_uppercase, LOWER: ascii_lowercase}
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_SIGNS = re.compile(r"[\s._-]+")


def forms(typed: str) -> tuple[str, ...]:
    """How a list may have a code that somebody types as a whole; as it stands first."""
    plain = _DASHES.sub("-", unicodedata.normalize("NFKC", typed)).strip()
    bare = _SIGNS.sub("", plain)
    found = [typed, plain, _SIGNS.sub("-", plain), bare]
    if len(bare) <= LONGEST:
        found += [_grouped(bare, sign, size) for sign in "- " for size in GROUPS]
        found += [f"{bare[:n]}-{bare[n:]}" for n in range(1, len(bare))]
    return tuple(
        dict.fromkeys(way for form in found if form for way in (form, form.upper(), form.lower()))
    )


def completions(typed: str, shape: Shape) -> Iterator[str]:
    """Every code of that shape that begins or ends with what was typed, where they are few."""
    if not shape.alphabet.isascii():
        return  # a class of many characters
    characters = "".join(_CHARACTERS.get(one, one) for one in shape.alphabet)
    budget = MOST_COMPLETIONS
    for form in forms(typed):
        if len(form) < LEAST_TYPED or has_other_than(shape.alphabet, form):
            continue
        for length in sorted(shape.lengths):
            left = length - len(form)
            count = 2 * len(characters) ** max(left, 0)
            if left > 0 and count <= budget:
                budget -= count
                for rest in map("".join, product(characters, repeat=left)):
                    yield from (form + rest, rest + form)


def _grouped(bare: str, sign: str, size: int) -> str:
    return sign.join(bare[n : n + size] for n in range(0, len(bare), size))

"""Codes that are one change away from a text: as somebody makes them up who has seen a real one.

To remark, not to admit by. The likeliest come first, for only a few of them are looked up.
"""

import re
from collections.abc import Iterator

_LAST_NUMBER = re.compile(r"[0-9]+(?=[^0-9]*$)")
_STEPS = (-1, 1, -2, 2, -3, 3)


def neighbours(code: str) -> Iterator[str]:
    """The last number counted up and down, then neighbours swapped, from the end."""
    if number := _LAST_NUMBER.search(code):
        for step in _STEPS:
            counted = str(int(number[0]) + step).zfill(len(number[0]))
            if len(counted) == len(number[0]) and not counted.startswith("-"):
                yield code[: number.start()] + counted + code[number.end() :]
    for at in range(len(code) - 2, -1, -1):
        if code[at] != code[at + 1]:
            yield code[:at] + code[at + 1] + code[at] + code[at + 2 :]

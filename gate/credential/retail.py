"""Numbers of retail (EAN, UPC): what a symbol with faults may be misread as.

One check digit guards them, and bars that are smeared or crossed out change two digits together
more often than any others; so every tenth such misreading has the right check digit.
"""

from collections.abc import Iterator
from itertools import combinations

from gate.credential.spellings import has_check_digit

LENGTHS = (8, 13)


def misread(number: str) -> Iterator[str]:
    """All numbers that differ in two digits and have a right check digit; none of another text."""
    if len(number) not in LENGTHS or not number.isascii() or not number.isdecimal():
        return
    if not has_check_digit(number):
        return
    # The weights are 3 and 1, counted from the check digit on.
    weights = [1 if (len(number) - at) % 2 else 3 for at in range(len(number))]
    for one, other in combinations(range(len(number)), 2):
        for step in range(1, 10):
            # 3 and 7 are inverse modulo 10.
            back = -step * weights[one] * (7 if weights[other] == 3 else 1)
            yield _moved(_moved(number, one, step), other, back)


def _moved(number: str, at: int, by: int) -> str:
    return f"{number[:at]}{(int(number[at]) + by) % 10}{number[at + 1 :]}"

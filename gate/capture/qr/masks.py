"""The eight masks of QR symbols (ISO/IEC 18004, table 10)."""

from typing import Any

MASKS = range(8)


def terms(row: Any, column: Any) -> tuple[Any, ...]:
    """For each mask what is 0 where it inverts a module; of numbers, or of arrays of them."""
    return (
        (row + column) % 2,
        row % 2,
        column % 3,
        (row + column) % 3,
        (row // 2 + column // 3) % 2,
        row * column % 2 + row * column % 3,
        (row * column % 2 + row * column % 3) % 2,
        ((row + column) % 2 + row * column % 3) % 2,
    )

"""Sentences in as many lines as they take: none is ever cut."""

from rich.cells import cell_len, chop_cells


def wrapped(line: str, width: int) -> list[str]:
    """A sentence in lines of at most ``width`` cells, broken at spaces where there are some."""
    lines, rest = [], line
    while cell_len(rest) > width > 0:
        fits = len(chop_cells(rest, width)[0])
        at = rest.rfind(" ", 1, fits + 1)
        cut = at if at > fits // 2 else fits
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*lines, rest]

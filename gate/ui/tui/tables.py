"""Tables whose rows change in place."""

from collections.abc import Sequence
from operator import itemgetter

from rich.cells import cell_len
from textual.coordinate import Coordinate
from textual.widgets import DataTable


def fill(table: "DataTable[str]", rows: Sequence[tuple[object, ...]]) -> None:
    """Change what changed; a table that is refilled would flicker."""
    is_changed = table.row_count != len(rows)
    while table.row_count > len(rows):
        key, _column = table.coordinate_to_cell_key(Coordinate(table.row_count - 1, 0))
        table.remove_row(key)
    widest: dict[int, tuple[int, Coordinate, str]] = {}
    for number_, row in enumerate(rows):
        cells = [str(cell) for cell in row]
        if number_ >= table.row_count:
            table.add_row(*cells)
            continue
        for column, cell in enumerate(cells):
            place = Coordinate(number_, column)
            if table.get_cell_at(place) != cell:
                table.update_cell_at(place, cell)
                changed = cell_len(cell), place, cell
                widest[column] = max(changed, widest.get(column, changed), key=itemgetter(0))
    # Each cell that is measured may have its whole column measured: one of a column is enough.
    for _width, place, cell in widest.values():
        table.update_cell_at(place, cell, update_width=True)
    if is_changed or widest:
        draw_anew(table)


def draw_anew(table: "DataTable[str]") -> None:
    """Draw what has changed once more, when the columns have their new widths.

    Textual widens columns when it is idle, and keeps what it has drawn before that, cut off.
    """
    table.call_after_refresh(table.notify_style_update)

"""Tables whose rows change in place."""

from textual.app import App, ComposeResult
from textual.widgets import DataTable

from gate.ui.tui.tables import fill

LONG = "Ticket cancelled by the organiser"


class Tables(App[None]):
    """One table."""

    def compose(self) -> ComposeResult:
        yield DataTable()

    def on_mount(self) -> None:
        self.query_one(DataTable).add_columns("why", "times")


async def test_what_was_drawn_too_early_is_drawn_anew() -> None:
    """Rows and longer words make their columns wider also where a row was drawn before that."""
    app = Tables()
    async with app.run_test(size=(60, 10)) as pilot:
        table = app.query_one(DataTable)
        for rows in ([("short", "1")], [(LONG, "2")], [(LONG, "2"), (f"{LONG}!", "3")]):
            fill(table, rows)
            for line in range(1 + len(rows)):
                table.render_line(line)  # as a busy machine may, before it is idle
            for _ in range(3):
                await pilot.pause()
            seen = [table.render_line(1 + n).text for n in range(len(rows))]
            assert [why in line for (why, _times), line in zip(rows, seen, strict=True)] == [
                True
            ] * len(rows)


async def test_rows_that_move_are_measured_once_a_column() -> None:
    """A thousand of them would hold the screen up for half a minute; the widths are right still."""
    app = Tables()
    async with app.run_test(size=(60, 10)) as pilot:
        table = app.query_one(DataTable)
        rows = [(f"guest {n}", str(n)) for n in range(1000)]
        for moved in (rows, [(LONG, "0"), *rows[:-1]], rows):
            fill(table, moved)
            assert len(table._updated_cells) <= len(table.columns)
            for _ in range(3):
                await pilot.pause()
            assert table.ordered_columns[0].content_width == max(len(why) for why, _n in moved)

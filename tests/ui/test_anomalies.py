"""Anomalies on F3: a table, the sentence, what to do; at every size, read to its end."""

import pytest
from textual.widgets import DataTable, Static

from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.storage.folder import Folder
from tests.support.screen import Screen, running
from tests.support.venue import FixedClock, fill

CODES = [f"A{n:05}-K" for n in range(0, 120, 10)]
SIZES = [(80, 24), (160, 48)]


def drawn(screen: Screen) -> str:
    """Everything that is on the terminal now, as one line."""
    strips = screen.app.screen._compositor.render_strips()
    return " ".join(" ".join(strip.text for strip in strips).split())


@pytest.fixture
def numbered(venue: Folder) -> Folder:
    """A venue whose codes are counted through, by tens."""
    fill(venue, [{"code": code, "type": "SHOW", "id": f"n{code}"} for code in CODES])
    return venue


def guess(lane: Lane, clock: FixedClock, count: int) -> None:
    """Somebody counts on from so many real tickets."""
    for code in CODES[:count]:
        clock.pass_seconds(20)
        lane.admit(Scan(code.replace("0-K", "1-K")))


@pytest.mark.parametrize("size", SIZES)
async def test_a_supervisor_reads_what_is_unlike_an_honest_evening(
    numbered: Folder, clock: FixedClock, size: tuple[int, int]
) -> None:
    """Nothing at first; then the title in the table, and the sentences below, none of them cut."""
    async with running(numbered, clock, size=size) as screen:
        await screen.press("f3", "5")
        page = screen.app.screen
        table = page.query_one("#anomaly-table", DataTable)
        told = page.query_one("#anomaly Static", Static)
        await screen.until(lambda: "Nothing is unlike an honest evening" in str(told.content))
        assert "▶ 5 anomalies (0)" in drawn(screen)
        guess(screen.lane, clock, 5)
        page._read()  # type: ignore[attr-defined]
        await screen.until(lambda: table.row_count == 1)
        assert table.get_row_at(0)[0] == "codes made up"
        await screen.until(lambda: "codes, each one change away" in str(told.content))
        await screen.settle()
        shown = drawn(screen)
        for part in (
            "5 anomalies (1)",
            "5 different codes, each one change away from a real one, were shown at",
            "Go there: somebody counts on from a real ticket, or types badly.",
            "look now",
        ):
            assert part in shown, shown


@pytest.mark.long
async def test_a_list_that_is_not_looked_at_again_is_seen(
    numbered: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: a reader that stops at its first look shows nothing of what came since."""
    from gate.storage.anomalies import AnomalyReader  # noqa: PLC0415

    follow = AnomalyReader._follow

    def once(self: AnomalyReader, *arguments: object) -> object:
        if self._evening is None:
            follow(self, *arguments)  # type: ignore[arg-type]
        return self._evening

    monkeypatch.setattr(AnomalyReader, "_follow", once)
    async with running(numbered, clock) as screen:
        await screen.press("f3", "5")
        page = screen.app.screen
        told = page.query_one("#anomaly Static", Static)
        await screen.until(lambda: "Nothing is unlike" in str(told.content))
        guess(screen.lane, clock, 5)
        page._read()  # type: ignore[attr-defined]
        await screen.settle()
        assert page.query_one("#anomaly-table", DataTable).row_count == 0

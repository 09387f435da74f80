"""The question of the door counter: how many people without a ticket, and which way."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.widgets import Input

from gate.core.entry import Entry
from gate.core.place import Direction
from gate.errors import UsageError
from gate.i18n import sentences
from gate.lane.door_count import people_of, way_of
from gate.text.confirming import people_question
from gate.ui.tui.fields import Field
from gate.ui.tui.screens.asking import ask_lane
from gate.ui.tui.screens.questions import Question

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp


class PeopleQuestion(Question[tuple[int, Direction]]):
    """How many people; Enter alone is one, in the way that the title names."""

    def __init__(self, way: Direction) -> None:
        super().__init__(people_question(way))
        self._way = way

    def inputs(self) -> list[Input]:
        """One number, with or without a sign."""
        restrict = r"[+-]?\d*"
        return [Field(placeholder="1", max_length=4, restrict=restrict, is_text=False, id="people")]

    def answer(self, values: list[str]) -> None:
        """Take the number and the way."""
        try:
            self.finish(people_of(values[0], self._way))
        except UsageError as mistake:
            self.wrong(sentences(mistake.message, mistake.hint))


def count_people(app: "GateApp", then: Callable[[Entry], object]) -> None:
    """Ask how many people without a ticket there are, and have the lane count them."""

    def answered(answer: tuple[int, Direction] | None) -> None:
        if answer is not None:
            ask_lane(app, lambda: app.lane.count_people(*answer), then)

    app.push_screen(PeopleQuestion(way_of(app.lane.direction)), answered)

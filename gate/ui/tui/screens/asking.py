"""What a screen asks of a person or of the lane, and goes on with once it has the answer."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from gate.core.entry import Entry
from gate.core.ticket import Ticket
from gate.errors import GateError
from gate.lane.lane import Lane
from gate.text import confirming
from gate.ui.tui.screens.questions import PinQuestion, Signed

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp

T = TypeVar("T")


def guest(app: "GateApp", ticket: Ticket) -> str:
    """Person and ticket, as a question names them."""
    return confirming.guest(ticket, show_names=app.config.screen.show_names)


def movement(app: "GateApp", entry: Entry, ticket: Ticket | None) -> str:
    """Person, ticket, time and gate of an admission or exit, as a question names them."""
    names = app.config.screen.show_names
    return confirming.movement(entry, ticket, app.time_zone, app.lane.now_ms(), show_names=names)


def name_on_card(lane: Lane, text: str) -> str:
    """The operator whose sign-in card a text is; empty for any other text."""
    card = lane.command_card(text, is_typed=True)
    return card.name if card is not None else ""


def ask_lane(
    app: "GateApp",
    ask: Callable[[], T],
    then: Callable[[T], object],
    failed: Callable[[GateError], object] | None = None,
) -> None:
    """Have the lane do something beside the screen; ``then`` takes its answer.

    ``failed`` takes a fault; where there is none, it is shown.
    """

    # The lane waits for the disk; the screen must not.
    def work() -> None:
        try:
            answer = ask()
        except GateError as fault:
            app.call_from_thread(failed or app.complain, fault)
        else:
            app.call_from_thread(then, answer)

    app.run_worker(work, thread=True, exit_on_error=False)


def ask_pin(
    app: "GateApp",
    title: str,
    then: Callable[[Signed], object],
    *,
    needs_supervisor: bool = True,
    needs_note: bool = True,
    name: str = "",
) -> None:
    """Ask who somebody is, and perhaps why; ``then`` is for whoever can tell.

    ``name`` is who it seems to be.
    """

    def signed(answer: Signed | None) -> None:
        if answer is not None:
            then(answer)

    question = PinQuestion(
        title,
        app.operators,
        needs_supervisor=needs_supervisor,
        needs_note=needs_note,
        on_failure=app.lane.note_failed_sign_in,
        name=name,
        name_on_card=lambda text: name_on_card(app.lane, text),
    )
    app.push_screen(question, signed)


def ask_supervisor(
    app: "GateApp", title: str, act: Callable[[Signed], T], then: Callable[[T], object]
) -> None:
    """Ask for a supervisor's PIN and reason, have the lane act on it, and go on."""
    ask_pin(app, title, lambda signed: ask_lane(app, lambda: act(signed), then))

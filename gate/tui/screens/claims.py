"""A supervisor confirms another gate's undo of what this gate did."""

from collections.abc import Callable
from functools import partial

from gate.domain.model import Entry
from gate.errors import GateError
from gate.language import _
from gate.store.matters import Matter
from gate.tui.screens.page import Page
from gate.tui.screens.questions import PinQuestion, Signed
from gate.words import printable


def ask_to_confirm(page: Page, chosen: Matter, then: Callable[[], object]) -> None:
    """Ask for PIN and reason, and confirm it; what cannot be is said instead."""
    targets = chosen.claimed.targets if chosen.claimed else ()
    here = page.gate_app.folder.device_id()
    own = next((entry for entry in targets if entry.device == here), None)
    if own is None:
        why = _("There is no undo to confirm.")
        if targets:
            why = _("It is confirmed at {gate}, or at the server.").format(
                gate=printable(targets[0].gate or targets[0].device[:8], 24)
            )
        page.notify(why, severity="warning", markup=False)
        return
    question = PinQuestion(
        _("Confirm the undo on ticket {ticket}").format(ticket=printable(chosen.short, 30)),
        page.gate_app.operators,
        needs_supervisor=True,
        needs_note=True,
        on_failure=page.gate_app.lane.note_failed_sign_in,
    )

    def signed(answer: Signed | None) -> None:
        if answer is not None:
            page.run_worker(
                partial(_confirm, page, own, answer, then), thread=True, exit_on_error=False
            )

    page.app.push_screen(question, signed)


def _confirm(page: Page, target: Entry, answer: Signed, then: Callable[[], object]) -> None:
    app = page.gate_app
    try:
        app.lane.undo(target.name, answer.operator, answer.note)
    except GateError as fault:
        app.call_from_thread(app.complain, fault)
        return
    app.call_from_thread(then)

"""A supervisor retires a device on the board, or takes that back."""

from collections.abc import Callable
from functools import partial

from gate.errors import GateError
from gate.language import _
from gate.store.venue import Device
from gate.tui.screens.page import Page
from gate.tui.screens.questions import PinQuestion, Signed
from gate.venue_words import device_name


def ask_to_retire(page: Page, device: Device, then: Callable[[], object]) -> None:
    """Ask for PIN and reason, and record it; what cannot be is said instead."""
    back = device.state == "retired"
    if why := _why_not(device):
        page.notify(why, severity="warning", markup=False)
        return
    told = _("{name} is waited for again") if back else _("Retire {name}: nobody waits for it")
    question = PinQuestion(
        told.format(name=device_name(device)),
        page.gate_app.operators,
        needs_supervisor=True,
        needs_note=True,
        on_failure=page.gate_app.lane.note_failed_sign_in,
    )

    def signed(answer: Signed | None) -> None:
        if answer is not None:
            page.run_worker(
                partial(_retire, page, device.id, answer, back, then),
                thread=True,
                exit_on_error=False,
            )

    page.app.push_screen(question, signed)


def _why_not(device: Device) -> str:
    if device.is_own:
        return _("This is this device itself: close its lane instead.")
    if device.state == "revoked":
        return _("It was revoked: nobody waits for it.")
    if device.state == "retired" and device.retired_ms is None:
        return _("It was retired at the server or the host: take it back there.")
    return ""


def _retire(
    page: Page, device: str, answer: Signed, back: bool, then: Callable[[], object]
) -> None:
    app = page.gate_app
    try:
        app.lane.retire(device, answer.operator, answer.note, back=back)
    except GateError as fault:
        app.call_from_thread(app.complain, fault)
        return
    app.call_from_thread(then)

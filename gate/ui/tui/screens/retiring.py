"""A supervisor retires a device on the board, or takes that back."""

from collections.abc import Callable

from gate.i18n import _
from gate.storage.fleet_devices import Device
from gate.text.fleet_words import device_name
from gate.ui.tui.screens.asking import ask_supervisor
from gate.ui.tui.screens.page import Page


def ask_to_retire(page: Page, device: Device, then: Callable[[], object]) -> None:
    """Ask for PIN and reason, and record it; what cannot be is said instead."""
    back = device.state == "retired"
    if why := _why_not(device):
        page.notify(why, severity="warning", markup=False)
        return
    title = _("{name} is waited for again") if back else _("Retire {name}: nobody waits for it")

    app = page.gate_app
    ask_supervisor(
        app,
        title.format(name=device_name(device)),
        lambda who: app.lane.retire(device.id, who.operator, who.note, back=back),
        lambda _done: then(),
    )


def _why_not(device: Device) -> str:
    if device.is_own:
        return _("This is this device itself: close its lane instead.")
    if device.state == "revoked":
        return _("It was revoked: nobody waits for it.")
    if device.state == "retired" and device.retired is None:
        return _("It was retired at the server or the host: take it back there.")
    return ""

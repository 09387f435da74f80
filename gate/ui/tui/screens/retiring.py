"""A supervisor retires a device on the board, or takes that back."""

from collections.abc import Callable

from gate.i18n import _
from gate.storage.fleet_devices import Device
from gate.text.fleet_words import device_name
from gate.ui.tui.screens.page import Page
from gate.ui.tui.screens.questions import Signed


def ask_to_retire(page: Page, device: Device, then: Callable[[], object]) -> None:
    """Ask for PIN and reason, and record it; what cannot be is said instead."""
    back = device.state == "retired"
    if why := _why_not(device):
        page.notify(why, severity="warning", markup=False)
        return
    told = _("{name} is waited for again") if back else _("Retire {name}: nobody waits for it")

    def retire(answer: Signed) -> None:
        page.gate_app.lane.retire(device.id, answer.operator, answer.note, back=back)

    page.ask_supervisor(told.format(name=device_name(device)), retire, then)


def _why_not(device: Device) -> str:
    if device.is_own:
        return _("This is this device itself: close its lane instead.")
    if device.state == "revoked":
        return _("It was revoked: nobody waits for it.")
    if device.state == "retired" and device.retired_ms is None:
        return _("It was retired at the server or the host: take it back there.")
    return ""

"""Devices at the server's machine: listed, retired, shut out, disowned."""

import sys
from functools import partial

from sqlalchemy import Connection

from gate.core.disowning import Effect
from gate.i18n import _
from gate.text.printable import printable
from sync.server import devices, disown_command, events
from sync.server.console import Console
from sync.server.part import look_again
from sync.server.wanted import Wanted


def tend_devices(console: Console, device: str, state: str) -> int:
    """Bring a device into a state and print it; or, without one, print all."""
    event = console.event()
    if device:
        to = devices.State(state)
        console.write(
            partial(devices.set_state, event=event, device=device, state=to),
            devices.ACTS[to],
            lambda is_new: device if is_new else None,
            event=event,
            hint=_hint(),
        )
    for one in console.read(devices.all_devices):
        if one.event == event and device in ("", one.id):
            state = f"{one.state}, disowned" if one.is_disowned else one.state
            sys.stdout.write(f"{one.id}  {state:<8}  {printable(one.name)}\n")
    return 0


def disown(console: Console, wanted: Wanted) -> int:
    """Print what would change if the device were disowned, ask, and do it."""
    event, device = console.event(), wanted.disown
    zone = console.read(lambda connection: events.row_of(connection, event).time_zone)
    from_ms = disown_command.moment(wanted.disown_from, zone)
    foresee = partial(devices.would_disown, event=event, device=device, from_ms=from_ms)
    changes = console.read(foresee, hint=_hint())
    sys.stdout.write(disown_command.effect_text(changes) + "\n")
    if not wanted.is_sure:
        disown_command.ask_whether()

    def job(connection: Connection) -> Effect:
        changes = devices.disown(connection, event, device, from_ms)
        look_again(wanted.parts, connection, event, changes)
        return changes

    console.write(job, "disown", f"{device} from {from_ms}", event=event, hint=_hint())
    sys.stdout.write(_("done: the gates hear of it") + "\n")
    return 0


def _hint() -> str:
    return _("See them: gate serve --devices")

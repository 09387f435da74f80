"""A supervisor settles a conflict, or confirms another gate's undo of what this gate did."""

from collections.abc import Callable

from gate.i18n import _
from gate.storage.matters import Matter
from gate.text.fleet_words import matter, what_next
from gate.text.printable import printable
from gate.ui.tui.screens.asking import ask_supervisor
from gate.ui.tui.screens.page import Page


def ask_to_settle(page: Page, chosen: Matter, then: Callable[[], object]) -> None:
    """Ask for PIN and reason, and settle it; of what is settled the rest is said instead."""
    app = page.gate_app
    if not chosen.is_open:
        page.notify(what_next(chosen, app.time_zone), markup=False)
        return
    title = _("Settle: {n} on ticket {ticket}").format(
        n=matter(chosen), ticket=printable(chosen.short, 30)
    )
    ask_supervisor(
        app,
        title,
        lambda who: app.lane.resolve(chosen.ticket, who.operator, who.note),
        lambda _done: then(),
    )


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
    title = _("Confirm the undo on ticket {ticket}").format(ticket=printable(chosen.short, 30))

    app = page.gate_app
    ask_supervisor(
        app,
        title,
        lambda who: app.lane.undo(own.name, who.operator, who.note),
        lambda _done: then(),
    )

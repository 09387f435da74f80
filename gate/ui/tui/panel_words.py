"""What the panel of the scan screen says, and for how long: a verdict, or what to do next."""

from dataclasses import replace
from typing import TYPE_CHECKING

from gate.core.outcome import Outcome
from gate.core.place import Direction
from gate.core.verdict import Verdict
from gate.i18n import N_, _
from gate.lane.admission import ASKED_FOR_S
from gate.text.guest_words import guest_words, hold_it_here
from gate.text.lane_words import unheard_at
from gate.text.scanner_words import scanner_line
from gate.text.verdict_words import Words, explain
from gate.ui.tui.letters import code_sign

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp

SHOWN_S = {
    Outcome.ADMIT: 1.5,
    Outcome.EXIT: 1.5,
    Outcome.RESCAN: 2.5,
    Outcome.VALID: 2.5,
    Outcome.ASK: ASKED_FOR_S,
}
"""How long an outcome stays; the others stay until they are acknowledged or the next scan."""
GUEST_SHOWN_S = 8.0
"""How long what the others say stays for guests: nobody acknowledges it there."""
_READY = {
    Direction.IN: N_("Ready. Show the code to the camera or the scanner."),
    Direction.OUT: N_("Ready for the way OUT. Nobody is let in here."),
    Direction.BOTH: N_("Ready: first in, then out, by the same code."),
    Direction.CHECK: N_("Ready to check. Nothing is redeemed."),
}


def verdict_words(app: "GateApp", verdict: Verdict) -> Words:
    """What is said of a verdict to whoever stands there, in the language that is spoken now."""
    if app.kiosk.is_locked:
        return guest_words(verdict)
    words = explain(
        verdict,
        app.lane.place,
        app.time_zone,
        show_names=app.config.screen.show_names,
        unheard=unheard_at(app.lane, verdict, app.time_zone),
    )
    return replace(words, scanner=scanner_line(verdict))


def ready_text(app: "GateApp", advice: str) -> str:
    """What is to be done next; ``advice`` is what keeps a code in sight from being read."""
    lane = app.lane
    if app.config.operators.sign_in and lane.operator is None:
        return _("Sign in first: F5")
    if app.kiosk.is_locked:
        return "\n".join([*code_sign(), "", advice or hold_it_here(lane.direction)])
    return advice or _(_READY[lane.direction])

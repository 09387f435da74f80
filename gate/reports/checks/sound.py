"""Whether verdicts can be heard by more than the terminal's bell."""

import sys

from gate.config import AUTO, Config
from gate.i18n import _
from gate.output.sound import players
from gate.reports.checks.finding import Finding, Status


def sound(config: Config, at_lane: str = "") -> Finding:
    """What plays here, as it is configured; whether anybody hears it no program knows.

    ``at_lane`` is what an open lane says of it, as ``Health`` has it.
    """
    screen = config.screen
    if not screen.bell or not screen.volume:
        return Finding(Status.SKIP, _("switched off"))
    if screen.sound != AUTO:
        return Finding(Status.OK, _("the terminal's bell"))
    if at_lane == "lost":
        hint = _("Is a sound card there, and free? The bell rings meanwhile.")
        return Finding(Status.FAIL, _("what was to be heard last could not be played"), hint)
    found = ", ".join(player.name for player in players())
    if found:
        return Finding(Status.OK, _("{player}, volume {n}").format(player=found, n=screen.volume))
    hint = _("Install it: sudo apt install alsa-utils") if sys.platform == "linux" else ""
    return Finding(Status.WARN, _("nothing plays sounds: the terminal's bell rings"), hint)

"""Disowning a device by command: what would change is told, and somebody is asked."""

import sys
from zoneinfo import ZoneInfo

from gate.core.disowning import FROM_THE_BEGINNING, Effect
from gate.errors import UsageError
from gate.i18n import _
from gate.storage.moments import BadMoment, Side, second_of
from gate.text.printable import printable
from gate.text.yes_words import is_yes

TICKETS_NAMED = 20


def moment(text: str, zone: str) -> int:
    """From when on, in Unix milliseconds, as somebody wrote it; empty: from the beginning.

    Raises UsageError when that is no time.
    """
    try:
        return second_of(text, ZoneInfo(zone), Side.BEGIN) * 1000 if text else FROM_THE_BEGINNING
    except BadMoment as bad:
        raise UsageError(str(bad), _("Such as: --from '2026-12-31 18:30'")) from bad


def effect_text(changes: Effect) -> str:
    """What changes, in lines for people."""
    lines = [
        _("without effect: {admissions} admissions, {exits} exits, {annulments} undos").format(
            admissions=changes.admissions, exits=changes.exits, annulments=changes.annulments
        )
    ]
    for line, tickets in (
        (_("good again, {n}: {tickets}"), changes.freed),
        (_("used again, {n}: {tickets}"), changes.spent),
    ):
        if tickets:
            some = ", ".join(printable(ticket, 40) for ticket in tickets[:TICKETS_NAMED])
            some += " …" if len(tickets) > TICKETS_NAMED else ""
            lines.append(line.format(n=len(tickets), tickets=some))
    return "\n".join(lines)


def ask_whether() -> None:
    """Ask at the terminal. Raises UsageError where nobody is there, or says no."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(_("nobody is there to be asked"), _("Say so: --yes"))
    sys.stdout.write(_("What it did stays in every journal; only its effect ends. Do it? [y/N] "))
    sys.stdout.flush()
    if not is_yes(sys.stdin.readline()):
        raise UsageError(_("nothing was changed"), "")

"""What else lies in the camera's view: a ticket that waits, a code that is no ticket's."""

from gate.core.ticket import Ticket
from gate.i18n import _, ngettext
from gate.text.printable import printable
from gate.text.ticket_words import describe


def beside(ticket: Ticket | None, more: int = 0, *, show_names: bool = True) -> str:
    """What is said beside a verdict: a further ticket in view waits, or a code is no ticket's."""
    if ticket is None:
        return _("Beside it is a code that is no ticket here. It does not count.")
    holder = printable(ticket.holder) if show_names else ""
    name = " · ".join(part for part in (describe(ticket), holder) if part)
    name += f" [{printable(ticket.id, 12)}]"
    if more:
        name += " " + ngettext("and {n} more", "and {n} more", more).format(n=more)
    sentence = _(
        "Another ticket waits: {ticket}. Take the first one away; Ctrl+T counts this one too."
    )
    return sentence.format(ticket=name)


def furniture_words(text: str, symbology: str, across: float) -> str:
    """An unknown code that lies in the picture all the time, and where."""
    places = (_("on the left"), _("in the middle"), _("on the right"))
    where = places[min(2, max(0, int(across * 3)))]
    sentence = _("A code that is no ticket here lies {where}: {kind} {text}. It is not answered.")
    return sentence.format(where=where, kind=symbology, text=printable(text, 12))

"""Which key does what, and what the colours mean."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from gate.core.outcome import Outcome
from gate.i18n import _
from gate.text.outcome_words import OUTCOME_WORDS
from gate.ui.tui.letters import SYMBOLS
from gate.ui.tui.screens.page import Page


class HelpScreen(Page):
    """The operator's one page."""

    def hints(self) -> list[tuple[str, str]]:
        """This page's own keys."""
        return [("PgDn", _("read on"))]

    def content(self) -> ComposeResult:
        """Keys and outcomes."""
        with VerticalScroll(classes="page"):
            yield Static(_text(has_lists=self.gate_app.own_list is not None), markup=False)


def _text(*, has_lists: bool) -> str:
    meanings = {
        Outcome.ADMIT: _("Let in. It is on disk already."),
        Outcome.EXIT: _("Gone out. Nobody is kept in."),
        Outcome.ATTENTION: _("Let in, but look first: the note, the ID, the clock."),
        Outcome.REFUSE: _("Do not let in. Says the rule, the fact and what to do."),
        Outcome.HOLD: _("Neither yes nor no: call a supervisor."),
        Outcome.RESCAN: _("Was scanned here seconds ago. No alarm."),
        Outcome.ASK: _("Nothing is redeemed yet: ask the guest what it says, then answer."),
        Outcome.VALID: _("Check only: it would be let in. Nothing was redeemed."),
    }
    keys = [
        ("Enter", _("read: clear what is on the screen")),
        ("PgDn", _("read on where not all of it fits")),
        ("F6", _("direction: in, out, in and out, check only; press twice")),
        ("F7", _("let the next person through on the ticket shown; else it asks")),
        ("Ctrl+N", _("let a number of people through on the same ticket")),
        ("F12", _("count people without a ticket, in or out: crew, press, walk-ins")),
        ("Ctrl+K", _("type a code that will not read")),
        ("Ctrl+T", _("two tickets in view: the one that is named is meant too")),
        ("F8", _("look hard at the next picture: for a code that will not read")),
        ("Ctrl+Z", _("undo the last admission, exit or count: it names whom; later with a PIN")),
        ("Ctrl+O", _("admit what was refused: supervisor's PIN and a reason")),
        ("Ctrl+S", _("show what the scanner may mean by an unknown text, and believe it")),
        *([("F2", _("this gate's lists: how each stands, change to another"))] * has_lists),
        ("F3", _("counts, devices, conflicts of the venue")),
        ("F4", _("find a ticket by name, code or scan; admit by hand")),
        ("F5", _("sign in or out")),
        ("F9", _("is everything all right; set the clock")),
        ("Ctrl+Q", _("close the gate (press twice)")),
    ]
    lines = [f"{SYMBOLS[o]}  {_(OUTCOME_WORDS[o])}: {meaning}" for o, meaning in meanings.items()]
    return "\n".join([*lines, "", *(f"{key:<7} {meaning}" for key, meaning in keys)])

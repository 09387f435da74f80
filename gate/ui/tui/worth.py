"""What a found ticket would be worth here: the looks of a verdict, small, and nothing redeemed."""

from zoneinfo import ZoneInfo

from textual.widgets import Static

from gate.core.outcome import Outcome
from gate.core.place import Place
from gate.core.verdict import Verdict
from gate.i18n import _
from gate.text.verdict_words import explain
from gate.ui.tui.letters import SYMBOLS


class Worth(Static):
    """A few lines in the colours of an outcome; hidden while there is nothing to say."""

    can_focus = False

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's name for it
        super().__init__("", id=id, markup=False)
        self.display = False

    def show(self, verdict: Verdict, place: Place, time_zone: ZoneInfo, *, key: str) -> None:
        """Tell what a scan would have brought, and what the key does now."""
        words = explain(verdict, place, time_zone, show_names=False)
        first = f"{SYMBOLS[verdict.outcome]} {words.word}: {words.rule}"
        lines = [
            " · ".join(part for part in (first, words.uses, words.basis) if part),
            " ".join(part for part in (words.note, words.fact, words.remedy) if part),
            key or _("Nothing was redeemed."),
        ]
        self.update_classes({f"-{outcome}": outcome is verdict.outcome for outcome in Outcome})
        self.update("\n".join(line for line in lines if line))
        self.display = True

    def hide(self) -> None:
        """Nothing was found by a scan."""
        self.display = False

"""What would explain a scanner's last text is shown; then it is believed, tested, or let be."""

from typing import TYPE_CHECKING

from gate.core.place import Role
from gate.core.verdict import ScannerProof
from gate.i18n import _
from gate.lane.scanner_repair import Proposed
from gate.text.scanner_words import troubles
from gate.ui.scanner_check import Finding
from gate.ui.tui.screens.asking import ask_lane, ask_pin
from gate.ui.tui.screens.scanner import Answer, ScannerQuestion, ScannerTest

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp

FLAWS_SHOWN_S = 15.0


def settle_scanner(app: "GateApp") -> None:
    """Ask whether to believe what would explain the last text of a scanner."""

    def shown(proposed: Proposed) -> None:
        question = ScannerQuestion(
            proposed, app.config.scanner.gap_ms, show_names=app.config.screen.show_names
        )
        app.push_screen(question, lambda answer: _answered(app, proposed, answer))

    ask_lane(app, app.lane.scanner_proposal, shown)


def _answered(app: "GateApp", proposed: Proposed, answer: Answer | None) -> None:
    if answer == "test":
        test = ScannerTest(proposed.source, app.config.scanner.gap_ms)
        app.push_screen(test, lambda finding: _tested(app, proposed.source, finding))
    elif answer == "believe":
        _believe(app, proposed)


def _believe(app: "GateApp", proposed: Proposed) -> None:
    lane, operator = app.lane, app.lane.operator
    supervisor = operator if operator is not None and operator.role is Role.SUPERVISOR else None
    if proposed.proof is ScannerProof.KEY or supervisor is not None:
        ask_lane(app, lambda: lane.believe(proposed, supervisor), lambda _none: _saved(app))
        return
    ask_pin(
        app,
        _("The scanner means another text"),
        lambda signed: ask_lane(
            app, lambda: lane.believe(proposed, signed.operator), lambda _none: _saved(app)
        ),
        needs_note=False,
    )


def _tested(app: "GateApp", source: str, finding: Finding | None) -> None:
    if finding is None:
        return
    if not finding.is_known:
        app.notify(_("That was not the test code."), severity="warning", markup=False)
    elif not finding.flaws or finding.fix:
        then = _saved if finding.fix else _is_clean
        ask_lane(app, lambda: app.lane.scanner_tested(source, finding.fix), lambda _none: then(app))
    else:
        lines = [part for trouble in troubles(finding.flaws) for part in trouble]
        lines.append(_("This cannot be put right here: the scanner has to be set."))
        app.notify("\n".join(lines), severity="warning", markup=False, timeout=FLAWS_SHOWN_S)


def _saved(app: "GateApp") -> None:
    line = _("What the scanner types is put right from now on. Scan the ticket again.")
    app.notify(line, title=_("Saved"), markup=False)


def _is_clean(app: "GateApp") -> None:
    app.notify(_("The scanner types what it reads."), markup=False)

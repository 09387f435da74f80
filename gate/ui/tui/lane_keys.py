"""The keys that change something at the lane: what each would change is named before it is done."""

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from gate.core.place import Direction, Role
from gate.core.ticket import Ticket
from gate.core.verdict import Verdict
from gate.errors import GateError, OperatorError
from gate.i18n import _
from gate.lane.corrections import Undoable
from gate.text.confirming import AGAIN_S, OnScreen, next_turn, way
from gate.text.outcome_words import REASON_WORDS
from gate.ui.tui.messages import Decided, LaneChanged, PeopleCounted, TakenBack, Unanswered
from gate.ui.tui.screens.asking import ask_lane, ask_pin, ask_supervisor, guest, movement
from gate.ui.tui.screens.door_count import count_people
from gate.ui.tui.screens.page import gate_app
from gate.ui.tui.screens.questions import CodeQuestion, CountQuestion
from gate.ui.tui.screens.scanner_settling import settle_scanner
from gate.ui.tui.wedge_input import WedgeInput


class LaneKeys(WedgeInput):
    """The scan screen's keys. What the lane answers is posted, as what others scan is.

    More than ten public methods: Textual calls one for each key by its name.
    """

    # Only function keys and control keys: everything else belongs to the scanner that types.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f6", "turn"),
        Binding("f7", "next_person"),
        Binding("ctrl+n", "count"),
        Binding("ctrl+o", "override"),
        Binding("f12", "count_people"),
        Binding("ctrl+k", "type_code"),
        Binding("ctrl+s", "scanner"),
        Binding("ctrl+t", "meant"),
        Binding("ctrl+z", "undo"),
    ]

    def __init__(self, gap_ms: int) -> None:
        super().__init__(gap_ms)
        self.on_screen = OnScreen()
        """What the panel tells just now."""
        self.waiting: Ticket | None = None
        """The ticket that the line beside the panel names."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key does anything while the screen is the guests'."""
        return not gate_app(self).kiosk.is_locked and super().check_action(action, parameters)

    async def _alone(self, event: events.Key) -> None:
        gate_app(self).kiosk.touch()
        await super()._alone(event)

    def nothing_shown(self) -> None:
        """The panel was cleared; what was asked there is not answered any more."""
        if self.on_screen.question.is_open:
            ask_lane(gate_app(self), gate_app(self).lane.drop_question, _nothing)
        self.on_screen.show(None)

    def on_wedge_input_pressed(self, event: WedgeInput.Pressed) -> None:
        """Answer the question that is shown, if the key does."""
        if gate_app(self).kiosk.is_locked:
            return
        question, lane = self.on_screen.question, gate_app(self).lane
        answer = question.answer_by(event.character)
        if answer is None:
            return
        if not self.on_screen.may_answer(answer, may_be_scanned=event.may_be_scanned):
            what = _("A scanner that sends no Enter may have typed it.")
            self._ask_again(event.character, what)
            return
        # One key answers one question, also while the lane still decides.
        question.close()
        ask_lane(
            gate_app(self),
            lambda: lane.answer(yes=answer.yes, ticket=answer.ticket, question=answer.question),
            self._decided,
            lambda fault: self.post_message(Unanswered(fault)),
        )

    def action_turn(self) -> None:
        """Change the direction, when asked twice or by a supervisor; it never changes by itself."""
        self.turn(next_turn(gate_app(self).lane.direction), "F6")

    def turn(self, following: Direction, key: str) -> None:
        """The same, by what is named as ``key``."""
        lane = gate_app(self).lane
        title = _("Turn the lane: {way}").format(way=way(following))
        is_supervisor = lane.operator is not None and lane.operator.role is Role.SUPERVISOR
        if lane.rules.turn_needs_pin and not is_supervisor:
            ask_pin(gate_app(self), title, lambda _who: self._turn(following), needs_note=False)
        elif self.on_screen.may_turn(following):
            self._turn(following)
        else:
            self._ask_again(key, title)

    def action_next_person(self) -> None:
        """Let the next person through on the ticket shown, or on the last one if asked twice."""
        ticket = self._next_on()
        if ticket is None:
            return
        if self.on_screen.may_count(ticket):
            self._let_through(1, ticket)
        else:
            self._ask_again(
                "F7", _("One more on {guest}").format(guest=guest(gate_app(self), ticket))
            )

    def action_count(self) -> None:
        """Let a number of people through on the ticket that the question names."""
        ticket = self._next_on()
        if ticket is None:
            return

        def counted(count: int | None) -> None:
            if count:
                self._let_through(count, ticket)

        title = _("How many people on {guest}?").format(guest=guest(gate_app(self), ticket))
        self.app.push_screen(CountQuestion(title), counted)

    def action_count_people(self) -> None:
        """Count people without a ticket, as many and which way the question is answered."""
        if gate_app(self).scan_screen.may_read:
            count_people(gate_app(self), lambda entry: self.post_message(PeopleCounted(entry)))

    def action_override(self) -> None:
        """Admit what was refused."""
        app = gate_app(self)
        try:
            ticket, reason = app.lane.require_refusal()
        except GateError as fault:
            app.complain(fault)
            return
        title = _("Admit against the rules: {guest}. {reason}.").format(
            guest=guest(gate_app(self), ticket), reason=_(REASON_WORDS[reason])
        )
        ask_supervisor(
            app,
            title,
            lambda who: app.lane.override(who.operator, who.note, ticket=ticket.id),
            self._decided,
        )

    def action_type_code(self) -> None:
        """Decide a code that a person types."""
        app = gate_app(self)
        try:
            app.lane.require_hand_codes()
        except GateError as fault:
            app.complain(fault)
            return
        if not app.scan_screen.may_read:
            return

        def typed(code: str | None) -> None:
            if code:
                ask_lane(app, lambda: app.lane.admit_typed(code), app.decided)

        app.push_screen(CodeQuestion(_("Type the code, then Enter")), typed)

    def action_scanner(self) -> None:
        """Show what would explain the last text of a scanner, and ask whether to believe it."""
        settle_scanner(gate_app(self))

    def action_meant(self) -> None:
        """Count the ticket that waits, too."""
        inputs, waiting = gate_app(self).inputs, self.waiting
        if inputs is None or waiting is None or not inputs.meant(waiting.id):
            self.notify(_("No other ticket waits."), title=_("Ctrl+T"), severity="warning")

    def action_undo(self) -> None:
        """Take back this lane's last admission, exit or count, once it was named."""
        ask_lane(gate_app(self), gate_app(self).lane.undoable, self._undo)

    def _undo(self, found: Undoable) -> None:
        app, name = gate_app(self), found.target.name
        line = movement(app, found.target, found.ticket)

        def failed(fault: GateError) -> None:
            if isinstance(fault, OperatorError):
                ask_supervisor(
                    app,
                    _("Too late for staff. Undo: {movement}").format(movement=line),
                    lambda who: app.lane.undo(name, who.operator, who.note),
                    lambda undone: self.post_message(TakenBack(undone)),
                )
            else:
                app.complain(fault)

        if not (found.needs_supervisor or self.on_screen.may_undo(name)):
            self._ask_again("Ctrl+Z", _("Undo: {movement}").format(movement=line))
            return
        if not found.needs_supervisor:
            self.notify(line, title=_("Undo"), markup=False)
        ask_lane(
            app,
            lambda: app.lane.undo(name),
            lambda undone: self.post_message(TakenBack(undone)),
            failed,
        )

    def _turn(self, direction: Direction) -> None:
        gate_app(self).lane.direction = direction
        self.post_message(LaneChanged())

    def _ask_again(self, key: str, what: str) -> None:
        title = _("{key} again does it").format(key=key)
        self.notify(what, title=title, severity="warning", markup=False, timeout=AGAIN_S)

    def _next_on(self) -> Ticket | None:
        try:
            return gate_app(self).lane.require_next()
        except GateError as fault:
            gate_app(self).complain(fault)
            return None

    def _let_through(self, count: int, ticket: Ticket) -> None:
        lane = gate_app(self).lane
        ask_lane(gate_app(self), lambda: lane.next_person(count, ticket=ticket.id), self._decided)

    def _decided(self, verdict: Verdict) -> None:
        self.post_message(Decided(verdict))


def _nothing(_none: object) -> None:
    pass

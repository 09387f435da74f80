"""Which of the organiser's questions a scan has to answer before anybody is let in on it.

The answers are the ticket's: a group's ticket is asked once, at its first admission, and whoever
comes next on it is not.
"""

from collections.abc import Mapping

from gate.core.answers import answer_text
from gate.core.history import History
from gate.core.outcome import Reason
from gate.core.place import HouseRules
from gate.core.question import Question, QuestionKind, questions_in
from gate.core.ticket import Ticket, TicketType
from gate.core.verdict import Context, Scan


def unanswered(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether a question waits for its answer."""
    if scan.skips and context.rules.skip_questions:
        return None
    return Reason.ANSWERS if next_asked(ticket, history, scan.given, context.rules) else None


def next_asked(
    ticket: Ticket, history: History, given: Mapping[str, str], rules: HouseRules
) -> Question | None:
    """The first question that is to be asked now, after the answers ``given`` in this scan.

    What no lane can take comes before all others: nobody answers three and is then sent away.
    """
    known = {**ticket.answers, **given}
    questions = questions_in(rules.questions)
    due = [
        one
        for one in questions
        if one.ask
        and not (one.id in known or one.id in history.answered)
        and _is_of(one, ticket.type)
        and _depends(one, questions, known)
    ]
    return min(due, key=lambda one: not is_unanswerable(one, rules), default=None)


def is_unanswerable(question: Question | None, rules: HouseRules) -> bool:
    """Whether no lane can take the answer and nobody may go in without one."""
    is_file = question is not None and question.kind is QuestionKind.FILE and question.required
    return is_file and not rules.skip_questions


def shown_of(ticket: Ticket, rules: HouseRules) -> tuple[tuple[str, str], ...]:
    """Question and answer of what was answered before and is to be shown."""
    return tuple(
        (one.text, answer_text(one, ticket.answers[one.id]))
        for one in questions_in(rules.questions)
        if one.show and ticket.answers.get(one.id)
    )


def _is_of(question: Question, kind: TicketType) -> bool:
    types = question.types
    return not types or kind.id in types or (bool(kind.product) and kind.product in types)


def _depends(question: Question, questions: tuple[Question, ...], known: Mapping[str, str]) -> bool:
    """Whether the question that it depends on was answered so; of several choices one is enough."""
    if not question.depends_on:
        return True
    answer = known.get(question.depends_on, "")
    kinds = {one.id: one.kind for one in questions}
    is_several = kinds.get(question.depends_on) is QuestionKind.CHOICES
    chosen = answer.split(",") if is_several else [answer]
    return not set(chosen).isdisjoint(question.depends_values)

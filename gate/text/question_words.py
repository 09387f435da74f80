"""The organiser's questions in words: what is asked, how it is answered, what was no answer."""

from gate.core.answers import BadAnswerError, Complaint
from gate.core.question import Question, QuestionKind
from gate.i18n import N_, _
from gate.text.printable import printable

_HOW = {
    QuestionKind.YES_NO: N_("y or 1: yes · n or 0: no"),
    QuestionKind.NUMBER: N_("a number"),
    QuestionKind.TEXT: N_("a text"),
    QuestionKind.LONG_TEXT: N_("a text"),
    QuestionKind.CHOICE: N_("the number in front of it"),
    QuestionKind.CHOICES: N_("the numbers in front of them, with spaces between"),
    QuestionKind.DATE: N_("a day, like 2026-12-31"),
    QuestionKind.TIME: N_("a time, like 19:30"),
    QuestionKind.DATE_TIME: N_("day and time, like 2026-12-31 19:30"),
    QuestionKind.COUNTRY: N_("two letters of the country, like DE"),
    QuestionKind.PHONE: N_("a phone number with its country, like +49 30 1234567"),
    QuestionKind.EMAIL: N_("an e-mail address"),
    QuestionKind.FILE: N_("A file cannot be given here: send the guest to the ticket desk."),
}
_COMPLAINTS = {
    Complaint.NEEDED: N_("Nobody is let in without an answer."),
    Complaint.YES_NEEDED: N_("Nobody is let in without a yes."),
    Complaint.TOO_SMALL: N_("At least {bound}."),
    Complaint.TOO_GREAT: N_("At most {bound}."),
    Complaint.TOO_SHORT: N_("At least {bound} characters."),
    Complaint.TOO_LONG: N_("At most {bound} characters."),
    Complaint.NOT_HERE: _HOW[QuestionKind.FILE],
}


def question_line(question: Question) -> str:
    """What is asked, with what the organiser explains of it."""
    return " ".join(printable(part) for part in (question.text, question.help) if part)


def option_lines(question: Question) -> list[str]:
    """What may be chosen, each with the number that chooses it."""
    return [
        f"{number}  {printable(option.text or option.id)}"
        for number, option in enumerate(question.options, 1)
    ]


def how_to_answer(question: Question, *, may_skip: bool) -> str:
    """Which keys answer it."""
    ways = [_(_HOW[question.kind])]
    if question.kind is not QuestionKind.FILE:
        ways.append(_("then Enter"))
    if not question.required:
        ways.append(_("Enter alone: no answer"))
    if may_skip:
        ways.append(_("- and Enter: let in without answers"))
    return " · ".join([*ways, _("Esc: nothing has happened")])


def complaint_words(question: Question, bad: BadAnswerError) -> str:
    """Why what was typed is no answer."""
    if bad.complaint is Complaint.UNLIKE:
        return _("Not understood: {how}").format(how=_(_HOW[question.kind]))
    return _(_COMPLAINTS[bad.complaint]).format(bound=printable(bad.bound))

"""The whole setup: each step looked at and asked, then all of it shown, and written after a yes."""

from collections.abc import Sequence

from gate.errors import GateError
from gate.i18n import _
from gate.reports.checks.finding import Finding, Status
from gate.setup.changes import Change, shown, state_of
from gate.setup.conversation import Conversation, NobodyAnswers
from gate.setup.step import Step
from gate.setup.written import Written


def set_up(steps: Sequence[Step], talk: Conversation, written: Written) -> bool:
    """Make this machine a gate; the answer is whether every step went well.

    What cannot be done is told, and the next step goes on. Raises UsageError when nobody answers.
    """
    is_well = True
    changes: list[Change] = []
    for number, step in enumerate(steps, 1):
        talk.say(f"{number}/{len(steps)} {step.name}")
        is_well = _converse(step, talk) and is_well
    for step in steps:
        try:
            changes += step.plan(talk.answers)
        except GateError as fault:
            talk.say(f"{step.name}:")
            is_well = _told(fault, talk)
    needed = [change for change in changes if _is_needed(change, written)]
    is_well = _write(needed, talk, written) and is_well
    talk.finish()
    return is_well


def undo(written: Written, talk: Conversation) -> bool:
    """Take back what was written; the answer is whether nothing had to be left."""
    undone = written.undo()
    for path in undone.taken_back:
        talk.say(_("taken back: {file}").format(file=path))
    for path in undone.waiting:
        talk.say(_("waits for these commands, or for --apply: {file}").format(file=path))
    for path in undone.left:
        talk.say(_("changed since by somebody else, left as it is: {file}").format(file=path))
    if not (undone.taken_back or undone.waiting or undone.left):
        talk.say(_("There is nothing to take back."))
    return not (undone.left or undone.waiting)


def _converse(step: Step, talk: Conversation) -> bool:
    try:
        found = step.look()
        talk.tell(found)
        after = step.ask(talk)
    except NobodyAnswers:
        raise
    except GateError as fault:
        return _told(fault, talk)
    if after is not None:
        talk.tell(after)
    return (after or found).status is not Status.FAIL


def _is_needed(change: Change, written: Written) -> bool:
    """Whether a path is something else, and, where it is to be nothing, is ours to take away."""
    if state_of(change.path).is_same(change.becomes):
        return False
    return not change.becomes.is_nothing or written.is_ours(change.path)


def _told(fault: GateError, talk: Conversation) -> bool:
    talk.tell(Finding(Status.FAIL, fault.message, fault.hint))
    return False


def _write(changes: Sequence[Change], talk: Conversation, written: Written) -> bool:
    if not changes:
        talk.say(_("Everything is written already."))
        return True
    for change in changes:
        for line in shown(change):
            talk.say(line)
    question = _("Write that? It is taken back by: gate setup --undo")
    if not talk.ask_yes("write", question, default=talk.has_person, is_kept=False):
        talk.say(_("Nothing was written."))
        return True
    made, is_well = [], True
    for change in changes:
        try:
            is_made = written.carry_out(change)
            made.append(change)
            # A person has been shown the commands; a file cannot run them.
            is_well = is_well and (is_made or talk.has_person)
        except GateError as fault:
            is_well = _told(fault, talk)
    try:
        written.reload(made)
    except GateError as fault:
        is_well = _told(fault, talk)
    return is_well

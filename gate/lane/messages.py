"""What a lane has to do with messages: it sends them, and says that one was read."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gate.core.entry import Act, Entry
from gate.core.message import (
    GATE_NAME,
    MOST_CHARACTERS,
    MOST_GATES,
    NoMessageError,
    gates_of,
    text_of,
)
from gate.errors import UsageError
from gate.i18n import _
from gate.lane.entries import Entries, is_disk_short
from gate.lane.files import LaneFiles
from gate.lane.post import Operator, require_supervisor

log = logging.getLogger(__name__)


@dataclass
class Messages:
    """Messages as entries of this device's journal."""

    files: LaneFiles
    entries: Entries

    def send(self, text: str, gates: Iterable[str], supervisor: Operator | None) -> Entry:
        """Send a message to gates by name, to all where none is named.

        ``None`` is for whoever works at the venue's host itself. Raises UsageError for what cannot
        be sent, OperatorError for anybody but a supervisor.
        """
        if supervisor is not None:
            require_supervisor(supervisor)
        text, covers = checked(text, gates)
        if is_disk_short(self.files.folder):
            raise UsageError(
                _("the disk is full: only people's movements are written"),
                _("Free some space, or send it from another gate."),
            )
        with self.entries.transaction() as journal:
            name = supervisor.name if supervisor else ""
            entry = self.entries.make(Act.MESSAGE, operator=name, note=text)
            entry = journal.append(replace(entry, covers=covers))
        log.info("message %s", entry.name)
        return entry

    def acknowledge(self, message: str) -> None:
        """Keep that a message was read here; not where the disk is for people's movements only."""
        if is_disk_short(self.files.folder):
            return
        with self.entries.transaction() as journal:
            journal.append(replace(self.entries.make(Act.ACKNOWLEDGEMENT), target=message))


def checked(text: str, gates: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Text and gates as they are sent. Raises UsageError."""
    try:
        return text_of(text), gates_of(gates)
    except NoMessageError as no:
        hint = _("A message has 1 to {n} characters, and at most {gates} gates of {name} each.")
        raise UsageError(
            _("this cannot be sent"),
            hint.format(n=MOST_CHARACTERS, gates=MOST_GATES, name=GATE_NAME),
        ) from no

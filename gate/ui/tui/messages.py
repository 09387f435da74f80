"""What other threads tell the screen. Facts, in the past tense."""

from textual.message import Message

from gate.capture.camera import State
from gate.capture.glimpse import Notice
from gate.capture.hints import Hint
from gate.capture.picture import Preview
from gate.core.entry import Entry
from gate.core.verdict import Verdict
from gate.credential.command_cards import CommandCard
from gate.errors import GateError
from gate.lane.corrections import Undone
from gate.settings import GateSettings


class Decided(Message):
    """The lane has given a verdict, and it is durable. Never dropped."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        super().__init__()


class TakenBack(Message):
    """The lane has undone something, and that is durable."""

    def __init__(self, undone: Undone) -> None:
        self.undone = undone
        super().__init__()


class Unanswered(Message):
    """A key answered a question that was over; nothing has happened."""

    def __init__(self, fault: GateError) -> None:
        self.fault = fault
        super().__init__()


class PeopleCounted(Message):
    """People without a ticket were counted, and that is durable."""

    def __init__(self, count: Entry) -> None:
        self.count = count
        super().__init__()


class NoticeChanged(Message):
    """There is something else to say beside the verdict, or nothing."""

    def __init__(self, notice: Notice | None) -> None:
        self.notice = notice
        super().__init__()


class CommandRead(Message):
    """A command card was held up. Never dropped."""

    def __init__(self, card: CommandCard) -> None:
        self.card = card
        super().__init__()


class PreviewTaken(Message):
    """There is a newer small picture; older ones may be dropped."""

    def __init__(self, preview: Preview) -> None:
        self.preview = preview
        super().__init__()

    def can_replace(self, message: Message) -> bool:
        """Whether an older message of the same kind may be forgotten."""
        return isinstance(message, PreviewTaken)


class AdviceGiven(Message):
    """The camera sees a code that it cannot read, and what would help; or it no longer does."""

    def __init__(self, advice: Hint | None) -> None:
        self.advice = advice
        super().__init__()


class CameraChanged(Message):
    """The camera came, went or ended."""

    def __init__(self, state: State, detail: str) -> None:
        self.state = state
        self.detail = detail
        super().__init__()


class ScannerChanged(Message):
    """The grabbed USB scanner came (no trouble) or went."""

    def __init__(self, trouble: str) -> None:
        self.trouble = trouble
        super().__init__()


class MattersSeen(Message):
    """Which tickets wait for a supervisor's word now."""

    def __init__(self, waiting: frozenset[str]) -> None:
        self.waiting = waiting
        super().__init__()


class ScannedAside(Message):
    """A scanner has read a code while another screen was up."""

    def __init__(self, code: str, source: str) -> None:
        self.code = code
        self.source = source
        super().__init__()


class LaneChanged(Message):
    """Somebody changed the lane's direction."""


class SettingsChanged(Message):
    """The event states something else, and the lane goes by it."""

    def __init__(self, settings: GateSettings) -> None:
        super().__init__()
        self.settings = settings


class Warned(Message):
    """Something that the operator has to know once."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self.line = line


class Announced(Message):
    """Something has just become known of the other gates."""

    def __init__(self, line: str) -> None:
        self.line = line
        super().__init__()


class MessageCame(Message):
    """There is a message to this gate that is to be read here."""

    def __init__(self, message: Entry) -> None:
        self.message = message
        super().__init__()

"""The lane as others know it: everything is handed to its one thread, which alone has the files."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from gate.clock import Clock
from gate.core.clock_error import TrueTime
from gate.core.entry import Entry
from gate.core.outcome import Reason
from gate.core.place import Direction, HouseRules, Place
from gate.core.ticket import Ticket
from gate.core.verdict import HAND, Scan, Verdict
from gate.credential.command_cards import CommandCard
from gate.credential.repair import Flaws
from gate.errors import GateError, UsageError
from gate.i18n import _
from gate.lane.admission import Admission
from gate.lane.basis import LaneBasis
from gate.lane.check_outs import CheckOuts
from gate.lane.clock_trust import ClockTrust
from gate.lane.command_cards import CommandCards
from gate.lane.corrections import Corrections, Undoable, Undone
from gate.lane.door_count import DoorCount
from gate.lane.entries import Entries
from gate.lane.files import LaneFiles
from gate.lane.messages import Messages
from gate.lane.other_lists import OtherLists
from gate.lane.paper import PaperList, TakenIn, Tick
from gate.lane.post import Operator, Post
from gate.lane.scanner_repair import Proposed, ScannerRepair
from gate.lane.shift import Shift
from gate.storage.connectivity import HEARD_WITHIN_S, Connectivity
from gate.storage.folder import Folder
from gate.storage.gate_lists import GateList
from gate.storage.revocation import is_revoked
from gate.storage.scanner_fixes import Fix
from gate.storage.tickets import Tickets
from gate.storage.totals import Totals

log = logging.getLogger(__name__)

T = TypeVar("T")


class Lane:
    """One device at one gate. Its methods may be called from any thread.

    It has a method for whatever is asked of a lane, more than ten: handing that to the one thread
    is all that it does, and is to be seen in one place. What holds the files does the work.
    """

    def __init__(
        self,
        folder: Folder,
        clock: Clock,
        place: Place,
        rules: HouseRules,
        direction: Direction = Direction.IN,
        *,
        heard_within_s: float = HEARD_WITHIN_S,
        others: Sequence[GateList] = (),
    ) -> None:
        """``others`` are the gate's other lists: a code of one of them is named as such."""
        tickets = Tickets(folder)
        self._folder = folder
        self._post = Post(place, rules, direction)
        self._clock = ClockTrust(clock, tickets)
        self._files = LaneFiles(folder, tickets, self._clock)
        self._basis = LaneBasis(folder, tickets, heard_within_s)
        self._entries = Entries(self._files, self._post, self._clock, self._basis)
        self._repair = ScannerRepair(folder, tickets)
        self._others = OtherLists(others)
        self._admission = Admission(
            self._files, self._entries, self._post, self._clock, self._basis, self._repair,
            self._others,
        )  # fmt: skip
        self._door_count = DoorCount(self._entries)
        self._corrections = Corrections(
            self._files, self._entries, self._post, self._admission, self._door_count
        )
        self._check_outs = CheckOuts(self._files, self._entries, self._post)
        self._paper = PaperList(self._files, self._entries, self._admission)
        self._shift = Shift(self._files, self._entries, self._post, self._clock, self._basis)
        self._messages = Messages(self._files, self._entries)
        self._command_cards = CommandCards(folder)
        self._is_closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lane")

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self._post.place

    @property
    def rules(self) -> HouseRules:
        """What the venue wants."""
        return self._post.rules

    @property
    def operator(self) -> Operator | None:
        """Who is signed in."""
        return self._post.operator

    @property
    def direction(self) -> Direction:
        """Which way people go; may be set."""
        return self._post.direction

    @direction.setter
    def direction(self, direction: Direction) -> None:
        self._post.direction = direction

    def tell_decided(self, to: Callable[[Verdict], object]) -> None:
        """Have every verdict on a guest told, however it came about, once it is on disk.

        Called in the lane's thread: it must wait for nothing.
        """
        self._admission.on_decided = to

    def submit(self, scan: Scan) -> "Future[Verdict]":
        """Decide a scan without waiting for it."""
        return self._thread.submit(self._admission.admit, scan)

    def admit(self, scan: Scan) -> Verdict:
        """Decide a scan. Never raises: a fault is a HOLD that says what to do."""
        return self.submit(scan).result()

    def look_up(self, scan: Scan) -> "Future[Ticket | None]":
        """The ticket that a scan's code belongs to here. Nothing is decided by it.

        The future raises GateError on a fault; deciding the scan will say what is wrong.
        """
        return self._thread.submit(self._admission.ticket_of, scan)

    def is_like_another(self, scan: Scan) -> "Future[bool]":
        """Whether a number of retail may be misread off another ticket than its own."""
        return self._thread.submit(self._admission.is_like_another, scan)

    def knows(self, text: str) -> bool:
        """Whether a scanner's text is some ticket's code here; a fault is no."""
        try:
            return self.look_up(Scan(text, source="keyboard")).result() is not None
        except GateError as fault:
            log.warning("looking up: %s", fault.message)
            return False

    def answer(self, *, yes: bool, ticket: str = "", question: Reason | None = None) -> Verdict:
        """Decide anew the scan that asked, because a key has answered. A fault is a HOLD.

        ``ticket`` and ``question`` are what whoever pressed it saw. Raises UsageError when nothing
        is asked, or something else by now: then nothing has happened.
        """
        return self._do(lambda: self._admission.answer(yes=yes, seen=ticket, question=question))

    def fill_in(self, typed: str, *, ticket: str = "", question: str = "") -> Verdict:
        """Decide anew the scan that asked one of the event's questions, with what was typed.

        ``ticket`` and ``question`` are what whoever typed it saw. Raises UsageError where it is no
        answer, and that goes on being asked; or where something else is asked by now.
        """
        return self._do(lambda: self._admission.fill_in(typed, seen=ticket, question=question))

    def choose(self, ticket: str) -> Verdict:
        """Decide anew what several tickets share, on the one that was chosen of those seen.

        A fault is a HOLD. Raises UsageError where something else was scanned meanwhile.
        """
        return self._do(lambda: self._admission.choose(ticket))

    def sharing(self) -> tuple[Ticket, ...]:
        """The tickets of which one is to be chosen. Raises UsageError where there are none."""
        return self._admission.sharing()

    def drop_question(self) -> None:
        """Nobody answers: nothing has happened."""
        self._do(self._admission.drop_question)

    def check(self, text: str, source: str) -> Verdict:
        """Say what a code would be worth here; nothing is redeemed or recorded."""
        return self._do(lambda: self._admission.check(Scan(text, source=source)))

    def admit_typed(self, code: str) -> Verdict:
        """Decide a code that a person has typed. Raises UsageError where that is not done."""
        self.require_hand_codes()
        return self.admit(Scan(code, source=HAND))

    def require_hand_codes(self) -> None:
        """Raise UsageError where codes may not be typed by hand."""
        if not self.rules.hand_codes:
            raise UsageError(
                _("codes are not typed by hand at this event"),
                _("Look the guest up by name (F4), or call a supervisor."),
            )

    def next_person(self, persons: int = 1, *, ticket: str = "") -> Verdict:
        """Let more people through on the ticket that was scanned last, because a key was pressed.

        ``ticket`` is the one that whoever pressed it saw. Raises UsageError when no ticket was
        scanned, or another one since.
        """
        return self._do(lambda: self._admission.next_person(persons, ticket))

    def admit_by_hand(self, ticket: str, operator: Operator, note: str) -> Verdict:
        """Decide for a ticket that was found by search instead of by its code.

        Raises OperatorError when it takes a supervisor, UsageError without a reason in ``note``.
        """
        return self._do(lambda: self._corrections.admit_by_hand(ticket, operator, note))

    def take_from_paper(self, tick: Tick, supervisor: Operator) -> TakenIn:
        """Keep what was ticked on a printed list as an admission, once, whatever the rules say.

        Raises OperatorError for anybody but a supervisor.
        """
        return self._do(lambda: self._paper.take(tick, supervisor))

    def count_people(self, persons: int, direction: Direction) -> Entry:
        """Count people without a ticket (crew, press, walk-ins), in or out.

        Raises UsageError for a number that nobody can have meant.
        """
        return self._do(lambda: self._door_count.count(persons, direction))

    def override(self, supervisor: Operator, note: str, *, ticket: str = "") -> Verdict:
        """Admit the ticket that was just refused or held; ``ticket`` is the one that was shown.

        Raises UsageError when there is nothing to overrule, or another ticket came since.
        """
        return self._do(lambda: self._corrections.override(supervisor, note, ticket))

    def undoable(self) -> Undoable:
        """This lane's last admission, exit or count, which ``undo`` would take back.

        Raises UsageError when there is none that stands.
        """
        return self._do(self._corrections.undoable)

    def undo(self, target: str = "", supervisor: Operator | None = None, note: str = "") -> Undone:
        """Take an admission, exit or count back: the lane's last one, or the one that is named.

        Within the grace time at this lane anybody may; later only a supervisor, with a reason.
        Raises UsageError when there is nothing to annul, OperatorError when it takes a supervisor.
        """
        return self._do(lambda: self._corrections.undo(target, supervisor, note))

    def resolve(self, ticket: str, supervisor: Operator, note: str) -> Entry:
        """Record that a supervisor has looked into a conflict or irregular admissions of a ticket.

        Nobody is undone by it. Raises UsageError when there is neither.
        """
        return self._do(lambda: self._corrections.resolve(ticket, supervisor, note))

    def retire(self, device: str, supervisor: Operator, note: str, *, back: bool = False) -> Entry:
        """Record that another device is not waited for any more, or with ``back`` that it is.

        Raises UsageError for this device itself.
        """
        return self._do(lambda: self._corrections.retire(device, supervisor, note, back=back))

    def send_message(self, text: str, gates: Iterable[str], supervisor: Operator | None) -> Entry:
        """Send a message to gates by name, or to all; ``None`` is for the venue's host itself.

        Raises UsageError for what cannot be sent, OperatorError for anybody but a supervisor.
        """
        return self._do(lambda: self._messages.send(text, gates, supervisor))

    def acknowledge(self, message: str) -> None:
        """Record that a message was read here; ``message`` is its entry's name."""
        self._do(lambda: self._messages.acknowledge(message))

    def note_no_passage(self, entry: str) -> tuple[Entry, Ticket | None] | None:
        """Record that nobody went through on an admission or exit; it stands. Raises GateError.

        Answers with that one and its ticket; ``None`` where the disk is for movements only,
        or there is no such entry here.
        """
        return self._do(lambda: self._shift.note_no_passage(entry))

    def sign_off(self, name: str, gates: int, not_green: str) -> Entry:
        """Record who has looked at so many gates before doors, and what was not green of them.

        Raises UsageError where the disk is too full for it.
        """
        return self._do(lambda: self._shift.sign_off(name, gates, not_green))

    def command_card(self, text: str, *, is_typed: bool = False) -> CommandCard | None:
        """What a command card in force here says; ``None`` for any other text. Opens no journal.

        ``is_typed``: by a scanner, which may type wrongly.
        """
        issue = self._post.rules.formats.command_cards
        return self._command_cards.read(text, issue, is_typed=is_typed)

    def scanner_proposal(self) -> Proposed:
        """What would explain the last typed text, and what it takes to believe it.

        Raises UsageError when nothing would.
        """
        return self._do(self._repair.proposed)

    def believe(self, proposed: Proposed, supervisor: Operator | None = None) -> None:
        """Undo from now on what would explain a scanner's text.

        Raises OperatorError when it takes a supervisor, StoreError when it cannot be written.
        """
        self._do(lambda: self._repair.believe(proposed, supervisor))

    def scanner_tested(self, source: str, flaws: Flaws) -> None:
        """Undo from now on what the test code has shown. Raises StoreError."""
        self._do(lambda: self._repair.tested(source, flaws))

    def scanner_plugged(self, source: str, device: str) -> bool:
        """Say which scanner is at an input; whether what was believed of another has ended."""
        return self._do(lambda: self._repair.plugged(source, device))

    def scanner_fixes(self) -> Mapping[str, Fix]:
        """What is put right of the scanners from the start, by input."""
        return self._do(self._repair.saved)

    def go_by(self, place: Place, rules: HouseRules, direction: Direction | None = None) -> None:
        """Other rules or another place from the next scan on; ``direction``: turn that way too."""

        def change() -> None:
            post = self._post
            post.place, post.rules = place, rules
            post.direction = direction or post.direction

        self._do(change)

    def sign_in(self, operator: Operator) -> None:
        """Name the operator in every entry from now on."""
        self._do(lambda: self._shift.sign_in(operator))

    def sign_out(self) -> None:
        """Nobody is at the lane."""
        self._do(self._shift.sign_out)

    def note_failed_sign_in(self, name: str) -> None:
        """Record that somebody gave a wrong PIN."""
        self._do(lambda: self._shift.note_failed_sign_in(name))

    def set_clock(self, wall_ms: int, supervisor: Operator) -> None:
        """Believe the supervisor's watch: from now on this moment is ``wall_ms``."""
        self._do(lambda: self._shift.set_clock(wall_ms, supervisor))

    def now_ms(self) -> int:
        """The time the lane goes by, Unix milliseconds."""
        return self._clock.now_ms()

    def clock_is_trusted(self) -> bool:
        """Whether rules about time may refuse anybody just now."""
        return self._clock.judge(self._clock.read())

    def true_time(self) -> tuple[TrueTime | None, int]:
        """What the time is by who knows it, with its bound, and what this lane's clock shows."""
        reading = self._clock.read()
        known = self._clock.true_time(reading, is_believed=self._clock.judge(reading))
        return known, self._clock.at_ms(reading)

    def connectivity(self) -> Connectivity:
        """Whom this lane has heard just now."""
        return self._basis.shown(self._clock.read(), is_whole=self._files.is_whole)

    def open(self) -> None:
        """Say in the journal that the lane is at work. Raises StoreError when it cannot be."""
        self._do(self._shift.open)

    def stay_closed(self) -> None:
        """Write entries without ever opening the lane: its end then says nothing either."""
        self._shift.stays_closed = True

    def watch(self) -> None:
        """Say in the journal that this device only watches. Raises StoreError."""
        self._do(self._shift.watch)

    def check_out(self, tickets: Sequence[str]) -> int:
        """Keep of some tickets who went out at the last check-out; of how many anybody did."""
        return self._do(lambda: self._check_outs.keep(tickets))

    def idle(self) -> None:
        """Use a quiet moment: write counts of repeats, tidy the log, open new tickets."""
        self._do(self._shift.idle)

    def when_free(self, then: Callable[[], object]) -> None:
        """Call back from the one thread once it comes to it; not after ``close``."""
        self._thread.submit(then)

    def close(self) -> None:
        """Say that the lane stops, and let go of the files; once closed it stays closed."""
        if not self._is_closed:
            self._is_closed = True
            self._do(self._shift.close)
            self._do(self._others.close)
            self._thread.shutdown()

    @property
    def is_revoked(self) -> bool:
        """Whether this device was revoked: then every scan is answered STOP, for good."""
        return is_revoked(self._folder)

    @property
    def holds_from_ms(self) -> int | None:
        """From which moment on the lane holds everybody, if it goes on hearing nobody.

        ``None`` while somebody is heard, or where the event bounds nothing.
        """
        return self._basis.holds_from_ms

    def totals(self) -> Totals:
        """What this device has counted so far."""
        return self._files.totals

    def tickets_built_ms(self) -> int:
        """When the ticket replica was made, Unix milliseconds; 0 while there is none."""
        return self._files.tickets.replica.built_ms

    @property
    def last_verdict(self) -> Verdict | None:
        """What was last said here."""
        return None if (last := self._admission.last) is None else last.verdict

    def require_next(self) -> Ticket:
        """On which ticket more people would go in now. Raises UsageError when there is none."""
        return self._admission.require_next()

    def require_refusal(self) -> tuple[Ticket, Reason]:
        """What an override would overrule now. Raises UsageError when there is nothing."""
        return self._corrections.require_refusal()

    def _do(self, work: Callable[[], T]) -> T:
        return self._thread.submit(work).result()

"""The lane without a screen: one line a verdict, for screen readers, serial consoles and pipes."""

import codecs
import errno
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TextIO
from zoneinfo import ZoneInfo

from gate.capture.keyboard_wedge import Bursts, Wedge
from gate.clock import monotonic_ms
from gate.config_tables import Screen
from gate.core.answers import BadAnswerError, read_answer
from gate.core.entry import Entry
from gate.core.outcome import Outcome
from gate.core.place import Direction
from gate.core.question import Question
from gate.core.verdict import ScannerProof, Verdict
from gate.credential.command_cards import Command, CommandCard
from gate.errors import GateError, UsageError
from gate.i18n import _, sentences
from gate.lane.admission import SKIP
from gate.lane.command_cards import TURNS
from gate.lane.door_count import people_of, way_of
from gate.lane.lane import Lane
from gate.lane.scanner_repair import Proposed
from gate.output.sound import sounds_of
from gate.output.tones import BELLS, SOUNDS, Sound
from gate.storage.gate_lists import GateList, following, keep_open
from gate.text.confirming import Again, OnScreen, guest, movement, next_turn, people_question, way
from gate.text.lane_words import list_line, unheard_at
from gate.text.message_words import message_line, text_of
from gate.text.open_question import ANSWER_AFTER_S, Answer
from gate.text.outcome_words import DIRECTION_WORDS
from gate.text.printable import printable
from gate.text.question_words import complaint_words, how_to_answer, option_lines
from gate.text.scanner_words import proposal_lines, scanner_line
from gate.text.ticket_words import describe, standing
from gate.text.verdict_line import verdict_line
from gate.ui.raw_keys import COMMAND_KEYS, answer_keys, bursts, raw_keys

_NO_GAP_MS = 10**9
"""A pipe may stutter: there only line ends end a code."""

SILENT = Screen(bell=False)
_ANSWER_ALONE_MS = 400
"""A key after a shorter silence may be the end of a code over which a scanner stuttered."""


@dataclass(slots=True)
class _Hand:
    """What is being typed by hand, until Enter; ``take`` gets it."""

    take: Callable[[str], None]
    given_up: Callable[[], None] = lambda: None
    """Called where Esc ends it."""
    answers_from: float = 0.0
    """An Enter alone before this moment, by the monotonic clock, is a scanner's."""
    typed: str = ""
    bursts: Bursts = field(default_factory=Bursts)


class Plain:
    """Prints verdicts and takes typed codes and a few keys."""

    def __init__(
        self,
        lane: Lane,
        time_zone: ZoneInfo,
        *,
        out: TextIO,
        screen: Screen = SILENT,
        look_hard: Callable[[], None] | None = None,
        meant: Callable[[], bool] | None = None,
        own_list: GateList | None = None,
        others: Sequence[GateList] = (),
    ) -> None:
        self._lane = lane
        self.time_zone = time_zone
        self._out = out
        self._has_sound = screen.bell
        self.sounds = sounds_of(screen, self.ring)
        self.show_names = screen.show_names
        self._look_hard = look_hard
        self._meant = meant
        self._writing = threading.Lock()
        self._shown_proposal: Proposed | None = None
        self._on_screen = OnScreen()
        self._hand: _Hand | None = None
        self._asking: _Hand | None = None
        """The answer to a question that is being typed, if one is."""
        self._has_keys = False
        """Whether a person types, and not only a scanner."""
        self._unread: list[Entry] = []
        self._closing = Again()
        self._own_list, self._others = own_list, others
        self._changing = Again()
        self.next_list: GateList | None = None
        """Which list is to be scanned once this one has been left."""
        self.quitting = threading.Event()

    def show(self, verdict: Verdict) -> None:
        """Print one verdict; from any thread."""
        is_same = self._on_screen.show(verdict)
        self._close_question()
        sound = None if is_same else SOUNDS.get(verdict.outcome)
        line = verdict_line(
            verdict,
            self._lane.place,
            self.time_zone,
            show_names=self.show_names,
            unheard=unheard_at(self._lane, verdict, self.time_zone),
        )
        self.print_line(self._bells(sound) + line)
        if line := scanner_line(verdict):
            self.print_line(f"# {line}")
        if verdict.outcome is Outcome.ASK and verdict.asked is not None:
            self._ask(verdict, verdict.asked)

    def deliver(self, message: Entry) -> None:
        """Print a message that is to be read here; from any thread."""
        self._unread.append(message)
        line = message_line(message, self.time_zone)
        self.print_line(f"{self._bells(Sound.LOOK)}# {line}")
        self.print_line("# " + _("Ctrl+A: it was read here"))

    def ring(self, sound: Sound) -> None:
        """Ring the terminal's bell, because nothing has played a sound; from any thread."""
        if self._out.isatty():
            with self._writing, suppress(OSError):
                self._out.write("\a" * BELLS[sound])
                self._out.flush()

    def _bells(self, sound: Sound | None) -> str:
        """Have a sound played; the bells that go before the line where nothing plays it."""
        if sound is None or not self._has_sound:
            return ""
        if self.sounds.play(sound):
            return ""
        return "\a" * BELLS[sound] if self._out.isatty() else ""

    def print_line(self, line: str) -> None:
        """Print one line; from any thread."""
        with self._writing:
            try:
                self._out.write(line + "\n")
                self._out.flush()
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                # The terminal is gone, and whoever read it.
                self.quitting.set()

    def command(self, name: str) -> None:
        """Do what a key asks for."""
        do: dict[str, Callable[[], object]] = {
            "quit": self.quitting.set,
            "direction": lambda: self._turn(next_turn(self._lane.direction), "F6"),
            "list": self._next_list,
            "next": self._next_person,
            "undo": self._undo,
            "choose": self._offer,
            "type_code": self._type_code,
            "people": self._ask_people,
            "acknowledge": self._acknowledge,
            "scanner": self._settle_scanner,
            "look": self._look_hard or (lambda: None),
            "meant": self._mean_other,
        }
        try:
            do[name]()
        except GateError as fault:
            self.print_line(f"# {sentences(fault.message, fault.hint)}")

    def _type_code(self) -> None:
        self._lane.require_hand_codes()
        self._hand = _Hand(self._admit_typed)
        self.print_line(_("# type the code, then Enter; Esc: none"))

    def _ask_people(self) -> None:
        self._hand = _Hand(self._count_people)
        question = people_question(way_of(self._lane.direction))
        self.print_line("# " + question + " " + _("Esc: nobody"))

    def _mean_other(self) -> None:
        if self._meant and not self._meant():
            self.print_line("# " + _("No other ticket waits."))

    def carry_out(self, card: CommandCard) -> None:
        """Do what a command card says, as the key of that does; from any thread."""
        try:
            if card.command in TURNS:
                self._turn(TURNS[card.command], _("the card"))
            elif card.command is Command.READ:
                self._acknowledge()
            elif card.command is Command.LOOK_HARD and self._look_hard:
                self._look_hard()
            elif card.command is Command.SIGN_IN:
                self.print_line("# " + _("Sign in on the screen, without --plain."))
            elif card.command is Command.CLOSE:
                self._close_by_card()
        except GateError as fault:
            self.print_line(f"# {sentences(fault.message, fault.hint)}")

    def _close_by_card(self) -> None:
        if self._closing.is_second(Command.CLOSE):
            self.quitting.set()
        else:
            self.print_line("# " + _("Close the lane? The card again does it."))

    def answer(self, key: str, *, may_be_scanned: bool = False) -> bool:
        """Answer the question of the newest line, if a key does; empty leaves it unanswered.

        Says whether the key was for a question. What may be a scanner's has to come twice.
        """
        question = self._on_screen.question
        answer = question.answer_by(key)
        if not question.is_open or (key and answer is None):
            return False
        if answer is None:
            question.close()
            self._lane.drop_question()
            self.print_line("# " + _("Not answered: nothing has happened."))
        elif self._on_screen.may_answer(answer, may_be_scanned=may_be_scanned):
            question.close()
            self._answer(answer)
        else:
            self.print_line("# " + _("{key} again does it").format(key=key))
        return True

    def _answer(self, answer: Answer) -> None:
        yes, ticket, question = answer.yes, answer.ticket, answer.question
        try:
            self.show(self._lane.answer(yes=yes, ticket=ticket, question=question))
        except GateError as fault:
            self.print_line(f"# {sentences(fault.message, fault.hint)}")

    def _ask(self, verdict: Verdict, question: Question) -> None:
        """Print what is asked, and take what is typed next as its answer."""
        for line in option_lines(question):
            self.print_line(f"#   {line}")
        may_skip = self._lane.rules.skip_questions
        self.print_line("# " + how_to_answer(question, may_skip=may_skip))
        if not self._has_keys:
            return
        ticket = verdict.ticket.id if verdict.ticket else ""

        def take(typed: str) -> None:
            is_skipped = may_skip and typed == SKIP
            try:
                if not is_skipped:
                    read_answer(question, typed)
                following = self._lane.fill_in(typed, ticket=ticket, question=question.id)
            except BadAnswerError as bad:
                self.print_line("# " + complaint_words(question, bad))
                take_next()
            except GateError as fault:
                self.print_line(f"# {sentences(fault.message, fault.hint)}")
            else:
                self.show(following)

        def given_up() -> None:
            self._on_screen.question.close()
            self._lane.drop_question()
            self.print_line("# " + _("Not answered: nothing has happened."))

        def take_next() -> None:
            soon = time.monotonic() + ANSWER_AFTER_S
            self._hand = self._asking = _Hand(take, given_up, soon)

        take_next()

    def _close_question(self) -> None:
        """What was being answered is not on the newest line any more."""
        if self._asking is not None and self._hand is self._asking:
            self._hand = None
        self._asking = None

    def _offer(self) -> None:
        """Name the tickets that share the code which was scanned, for one to be chosen."""
        sharing = self._lane.sharing()
        for number, ticket in enumerate(sharing, 1):
            name = printable(ticket.holder, 40) if self.show_names else ""
            line = " · ".join(part for part in (describe(ticket), name, standing(ticket)) if part)
            self.print_line(f"# {number}: {line}")
        self.print_line("# " + _("Type the number of the ticket, then Enter; Esc: none"))

        def choose(typed: str) -> None:
            is_one = typed.isascii() and typed.isdecimal() and 0 < int(typed) <= len(sharing)
            if not is_one:
                self.print_line("# " + _("Nothing was chosen."))
                return
            try:
                self.show(self._lane.choose(sharing[int(typed) - 1].id))
            except GateError as fault:
                self.print_line(f"# {sentences(fault.message, fault.hint)}")

        self._hand = _Hand(choose)

    def _admit_typed(self, code: str) -> None:
        if code:
            self.show(self._lane.admit_typed(code))

    def _count_people(self, typed: str) -> None:
        try:
            counted = self._lane.count_people(*people_of(typed, way_of(self._lane.direction)))
        except GateError as fault:
            self.print_line(f"# {sentences(fault.message, fault.hint)}")
            return
        line = movement(counted, None, self.time_zone, self._lane.now_ms(), show_names=False)
        self.print_line(_("# counted: {movement}").format(movement=line))

    def _turn(self, following: Direction, key: str) -> None:
        lane = self._lane
        if lane.rules.turn_needs_pin:
            raise UsageError(
                _("the direction takes a supervisor's PIN here"),
                _("Turn the lane on the screen, without --plain."),
            )
        if not self._on_screen.may_turn(following):
            self.print_line(
                _("# turn the lane: {way}? {key} again does it").format(way=way(following), key=key)
            )
            return
        lane.direction = following
        self.print_line(_("# direction: {way}").format(way=_(DIRECTION_WORDS[following])))

    def _next_list(self) -> None:
        """Name the list after this one; the same key again changes to it."""
        if self._own_list is None:
            raise UsageError(_("this gate has one list"), "")
        if self._lane.rules.list_needs_pin:
            raise UsageError(
                _("the list takes a supervisor's PIN here"),
                _("Change it on the screen, without --plain."),
            )
        every = sorted((self._own_list, *self._others), key=lambda one: (one.name, one.event))
        chosen = following(every, self._own_list.event)
        if self._changing.is_second(chosen.event):
            keep_open(chosen)
            self.next_list = chosen
            self.quitting.set()
        else:
            line = _("# change to {list}? F2 again does it").format(list=list_line(chosen))
            self.print_line(line)

    def _acknowledge(self) -> None:
        """Record that the oldest unread message was read."""
        if not self._unread:
            raise UsageError(_("there is no message"), "")
        message = self._unread.pop(0)
        self._lane.acknowledge(message.name)
        self.print_line("# " + _("read: {text}").format(text=text_of(message)))

    def _next_person(self) -> None:
        ticket = self._lane.require_next()
        if self._on_screen.may_count(ticket):
            self.show(self._lane.next_person(ticket=ticket.id))
        else:
            name = guest(ticket, show_names=self.show_names)
            self.print_line(_("# one more on {guest}? F7 again does it").format(guest=name))

    def _undo(self) -> None:
        lane, found = self._lane, self._lane.undoable()
        name = found.target.name
        line = movement(
            found.target,
            found.ticket,
            self.time_zone,
            lane.now_ms(),
            show_names=self.show_names,
        )
        if self._on_screen.may_undo(name):
            self.print_line(_("# undo: {movement}").format(movement=line))
            lane.undo(name)
            self._on_screen.show(None)
            self.print_line(_("# undone: {movement}").format(movement=line))
        else:
            self.print_line(_("# undo: {movement}? Ctrl+Z again does it").format(movement=line))

    def _type_by_hand(self, text: str, on_code: Callable[[str], None]) -> str:
        """Take a code that is typed, and answer with what came after it.

        A scanner's burst is a scan, and withdraws the question.
        """
        hand, at_ms = self._hand, time.monotonic() * 1000
        if not text and hand is not None:
            # A silence: a scanner that sends no Enter has typed, if it was a ticket's code.
            if (scanned := hand.bursts.pause()) and self._lane.knows(scanned):
                self._hand = None
                self.print_line(_("# closed for a scan"))
                on_code(scanned)
            return ""
        for n, character in enumerate(text):
            if hand is None:
                return text[n:]
            if character in "\r\n":
                is_early = time.monotonic() < hand.answers_from
                if is_early and not hand.typed:
                    # The end of the code that brought the question up.
                    continue
                self._hand = None
                if scanned := hand.bursts.end(at_ms):
                    self.print_line(_("# closed for a scan"))
                    on_code(scanned)
                else:
                    hand.take(hand.typed.strip())
                return text[n + 1 :]
            hand.bursts.type(character, at_ms)
            if character == "\x1b":
                self._hand = None
                hand.given_up()
                hand = None
            elif character in "\x7f\x08":
                hand.typed = hand.typed[:-1]
            else:
                hand.typed += character
        return ""

    def _settle_scanner(self) -> None:
        """Show what would explain the last text; the same key again believes it."""
        proposed = self._lane.scanner_proposal()
        if proposed == self._shown_proposal:
            self._lane.believe(proposed)
            self._shown_proposal = None
            self.print_line(_("# saved: what the scanner types is put right from now on"))
            return
        for line in proposal_lines(proposed, show_names=self.show_names):
            self.print_line(f"# {line}")
        if proposed.proof is ScannerProof.KEY:
            self._shown_proposal = proposed
            self.print_line(_("# Ctrl+S again: so it is, put it right from now on"))
        else:
            self.print_line(_("# A test code settles it: gate doctor --scanner"))

    def type_until_end(
        self,
        descriptor: int,
        on_code: Callable[[str], None],
        gap_ms: int,
        on_typing: Callable[[], None],
        on_turn: Callable[[], None],
    ) -> None:
        """Take what is typed into a terminal or comes down a pipe, until its end or the quit key.

        A key alone, with silence on both sides, is a command; within a burst it is part of a code.
        ``on_turn`` is called whenever something came, or nothing for a while.
        """
        if sys.platform == "win32":
            for line in sys.stdin:
                on_code(line)
            return
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with raw_keys(descriptor) as is_terminal:
            self._has_keys = is_terminal
            wedge = Wedge(gap_ms if is_terminal else _NO_GAP_MS)
            typed_ms, has_no_end, answering = 0, False, answer_keys()
            for data in bursts(descriptor, gap_ms, self.quitting):
                on_turn()
                now_ms = monotonic_ms()
                silent_ms, typed_ms = now_ms - typed_ms, now_ms if data else typed_ms
                # Down a pipe comes what a scanner has read: there nothing is a key.
                is_key = is_terminal and not wedge.typed and self._hand is None
                is_alone = is_key and silent_ms >= max(_ANSWER_ALONE_MS, gap_ms)
                key = answering.get(data) if is_alone else None
                if key is not None and self.answer(key, may_be_scanned=has_no_end):
                    continue
                if is_terminal and data in COMMAND_KEYS and not wedge.typed:
                    self.command(COMMAND_KEYS[data])
                    continue
                text = decoder.decode(data)
                if self._hand is not None:
                    text = self._type_by_hand(text, on_code)
                codes = wedge.type(text, now_ms) if text else wedge.pause(now_ms)
                has_no_end = has_no_end or bool(codes and not text)
                for code in codes:
                    on_code(code)
                if data and wedge.typed:
                    on_typing()
        for code in wedge.end():
            on_code(code)

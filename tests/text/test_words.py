"""Verdicts in words: rule, fact, remedy; and nothing a stranger wrote reaches a terminal raw."""

import unicodedata
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.capture.hints import Advice
from gate.capture.parts import InParts
from gate.capture.switched_off import OffHere
from gate.core.answers import BadAnswerError, Complaint
from gate.core.entry import Act
from gate.core.history import History, Movement
from gate.core.outcome import Basis, Flag, Outcome, Reason
from gate.core.place import Direction, HouseRules, Place
from gate.core.question import Question, QuestionKind
from gate.core.rules import decide
from gate.core.symbologies import Symbology
from gate.core.ticket import UNLIMITED, Kind, Status, Ticket, TicketType, WeeklyHours
from gate.core.verdict import Context, Scan, Verdict
from gate.storage.sync_status import SyncStatus
from gate.text.connectivity_words import BASIS_WORDS, server_link
from gate.text.outcome_words import DIRECTION_WORDS, OUTCOME_WORDS, REASON_WORDS
from gate.text.printable import printable
from gate.text.question_words import complaint_words, how_to_answer
from gate.text.scanner_words import hint_line, hint_words
from gate.text.ticket_words import describe
from gate.text.times import ago, clock_time
from gate.text.verdict_words import Words, explain
from tests.support.venue import NOW, NOW_MS

ZONE = ZoneInfo("Asia/Shanghai")
PLACE = Place("South", entrance="South", zone="D", ways={"North-East": "Go left, 80 m."})
TYPE = TicketType("T", Kind.MEETING, title="Winter Gala")
TICKET = Ticket("t1", TYPE, seats=("2-15",), holder="Mei Lin", entrance="North-East", zone="C")
FIRST = Movement("d.i", 1, 1, NOW_MS - 360_000, Act.ADMISSION, "North", "KM", 1)


def told(reason: Reason, outcome: Outcome = Outcome.REFUSE, **changes: Any) -> Words:
    verdict = Verdict(outcome, reason, Direction.IN, NOW_MS, ticket=TICKET)
    return explain(replace(verdict, **changes), PLACE, ZONE)


def test_every_reason_outcome_direction_and_basis_has_words() -> None:
    """Nothing the lane can say is without a word for it."""
    assert set(REASON_WORDS) == set(Reason)
    assert set(OUTCOME_WORDS) == set(Outcome)
    assert set(DIRECTION_WORDS) == set(Direction)
    assert set(BASIS_WORDS) == set(Basis)


@pytest.mark.examples(161)
@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("has_ticket", [True, False])
@pytest.mark.parametrize("outcome", Outcome)
def test_everything_can_be_said_of_everything(
    reason: Reason, has_ticket: bool, outcome: Outcome
) -> None:
    """No combination fails, whatever is missing."""
    for direction in Direction:
        verdict = Verdict(outcome, reason, direction, NOW_MS, ticket=TICKET if has_ticket else None)
        assert explain(verdict, PLACE, ZONE).rule


@pytest.mark.parametrize(
    "reason",
    [r for r in Reason if r not in {Reason.ADMITTED, Reason.REENTRY, Reason.EXITED, Reason.OVERRIDE,
     Reason.LOOK, Reason.SAME_TICKET, Reason.FAULT}],
)  # fmt: skip
def test_a_refusal_says_what_to_do(reason: Reason) -> None:
    """Every refusal has a remedy."""
    assert told(reason).remedy


@pytest.mark.parametrize(
    ("reason", "changes", "fact", "remedy"),
    [
        (Reason.WRONG_ENTRANCE, {}, "Only North-East; this is South.", "Go left, 80 m."),
        (Reason.WRONG_ZONE, {}, "Only C; this is D.", ""),
        (
            Reason.ALREADY_USED,
            {"history": History(1, 1, 1, FIRST, FIRST)},
            "In at North, 12:20 (6 min ago), operator KM",
            "",
        ),
        (
            Reason.TOO_EARLY,
            {"ticket": replace(TICKET, begin_time=NOW + 3600)},
            "Good from 13:26; now it is 12:26.",
            "",
        ),
        (
            Reason.TOO_LATE,
            {"ticket": replace(TICKET, end_time=NOW - 90_000)},
            "Good until 2026-12-22 11:26; now it is 12:26.",
            "",
        ),
        (Reason.TOO_LATE, {}, "The issuer says it has expired.", ""),
        (Reason.REVOKED, {"ticket": replace(TICKET, status_note="Refunded")}, "Refunded", "desk"),
        (
            Reason.OUTSIDE_HOURS,
            {"ticket": replace(TICKET, type=replace(TYPE, weekly=(WeeklyHours(1, 540, 1080),)))},
            "Mon 09:00-18:00",
            "",
        ),
        (
            Reason.NOT_ENOUGH_USES,
            {"ticket": replace(TICKET, uses=5), "history": History(4, 4, 4)},
            "1 person left",
            "",
        ),
        (Reason.WRONG_TYPE, {}, "This is Winter Gala; taken here: .", ""),
        (Reason.FAULT, {"hint": "disk full. Call."}, "disk full. Call.", ""),
    ],
)
def test_the_fact_and_the_remedy(
    reason: Reason, changes: dict[str, Any], fact: str, remedy: str
) -> None:
    """What is told is enough to settle it at the door."""
    said = told(reason, **changes)
    assert said.fact == fact
    assert remedy in said.remedy


def test_a_question_is_told_with_its_keys() -> None:
    """The organiser's own words, or ours for money; after a no the question is the fact."""
    asked = told(Reason.QUESTION, Outcome.ASK, question="Over 18?\x1b[2J")
    assert (asked.word, asked.rule) == ("ASK", "Over 18?\\x1b[2J")
    assert "y or 1: yes" in asked.remedy
    assert "take the money" in told(Reason.UNPAID, Outcome.ASK).rule
    said = told(Reason.QUESTION, question="Over 18?")
    assert (said.word, said.rule, said.fact) == ("STOP", "The answer was no", "Over 18?")
    checked = told(Reason.QUESTION, Outcome.VALID, question="Over 18?")
    assert (checked.rule, checked.fact) == ("Ask before you let in", "Over 18?")


def test_a_question_to_the_guest_is_told() -> None:
    """The organiser's words, made safe; for a file what to do, and what was answered before."""
    asked = Question("q", "Which meal?\x1b[2J", help="Hot")
    said = told(Reason.ANSWERS, Outcome.ASK, asked=asked)
    assert (said.rule, said.remedy) == ("Which meal?\\x1b[2J Hot", "Type the answer.")
    held = told(Reason.ANSWERS, Outcome.HOLD, asked=replace(asked, kind=QuestionKind.FILE))
    assert (held.word, held.fact) == ("WAIT", "It wants a file, which cannot be given here.")
    assert "supervisor" in held.remedy
    assert told(Reason.ANSWERS, Outcome.VALID).rule == "Questions to the guest"
    shown = told(Reason.ADMITTED, Outcome.ADMIT, shown=(("Plate?", "B-XY\x07"),))
    assert shown.remark == "Plate? B-XY\\x07"


def test_every_complaint_and_kind_has_words() -> None:
    """Nobody reads an empty line, or a code."""
    asked = Question("q", "?", least="3")
    for complaint in Complaint:
        words = complaint_words(asked, BadAnswerError(complaint, "3"))
        assert words.endswith((".", "a text"))
        assert "{" not in words
    for kind in QuestionKind:
        assert "Esc" in how_to_answer(replace(asked, kind=kind), may_skip=True)


def test_a_ticket_without_a_limit_has_nothing_left() -> None:
    """A billion of anything is no help at a door."""
    ticket = replace(TICKET, uses=UNLIMITED)
    said = told(Reason.MORE_USES, Outcome.RESCAN, ticket=ticket, history=History(2, 1, 2))
    assert (said.uses, said.fact) == ("used 2 times", "")


def test_a_remark_is_no_note() -> None:
    """What nobody has to look at stands apart from what they have to."""
    said = told(Reason.ADMITTED, Outcome.ADMIT, ticket=replace(TICKET, note="Table 7\x1b"))
    assert (said.remark, said.note) == ("Table 7\\x1b", "")


@pytest.mark.parametrize("status", Status)
def test_why_a_ticket_is_what_it_is_is_told_whatever_its_status(status: Status) -> None:
    """What the issuer wrote beside it reaches the door, with what the lane says itself."""
    ticket = replace(TICKET, status=status, status_note="swapped for t9\x1b")
    scan = Scan("x")
    verdict = decide(
        ticket, History(), scan, Context(NOW_MS, "d", Direction.IN, PLACE, HouseRules())
    )
    assert "swapped for t9\\x1b" in explain(verdict, PLACE, ZONE).fact


def test_a_duplicate_of_yesterday_has_its_date() -> None:
    """An hour alone would mislead."""
    first = replace(FIRST, at_ms=NOW_MS - 86_400_000)
    said = told(Reason.ALREADY_USED, history=History(1, 1, 1, first, first))
    assert said.fact.startswith("In at North, 2026-12-22 12:26 (1 day ago)")


def test_a_group_ticket_tells_its_uses_after_this_scan() -> None:
    """1 of 5 used after the first person."""
    said = told(Reason.ADMITTED, Outcome.ADMIT, ticket=replace(TICKET, uses=5, party=5), uses=1)
    assert said.uses == "1 of 5 used"


def test_names_can_be_kept_off_the_screen() -> None:
    """With show_names off the holder is not told."""
    verdict = Verdict(Outcome.ADMIT, Reason.ADMITTED, Direction.IN, NOW_MS, ticket=TICKET)
    assert explain(verdict, PLACE, ZONE).holder == "Mei Lin"
    assert explain(verdict, PLACE, ZONE, show_names=False).holder == ""


def test_an_exit_without_a_ticket_keeps_nobody_in() -> None:
    """Whoever leaves on an unknown code leaves."""
    said = told(Reason.UNKNOWN, ticket=None, direction=Direction.OUT)
    assert said.remedy == "Let them out; nothing is recorded."


def test_checking_says_that_nothing_was_redeemed() -> None:
    """A green-looking answer that redeems nothing would be a trap."""
    assert "nothing was redeemed" in told(Reason.ADMITTED, Outcome.VALID).remedy


def test_the_basis_and_anomalies_are_a_quiet_word() -> None:
    """Alone, not seen coming in, clock in doubt."""
    flags = (Flag.ALONE, Flag.NOT_INSIDE, Flag.CLOCK_NOT_TRUSTED)
    said = told(Reason.ADMITTED, Outcome.ADMIT, basis=Basis.ALONE, flags=flags)
    assert said.basis == "alone, was not seen coming in, clock not trusted"
    assert told(Reason.ADMITTED, Outcome.ADMIT).basis == ""


def test_a_ticket_in_one_line() -> None:
    """Type, class, zone, hall, seats, route: what is there."""
    flight = TicketType("F", Kind.BOARDING, title="CE123", origin="CTU", destination="CAN")
    assert describe(Ticket("f", flight, travel_class="Y", seats=("12A",))) == (
        "CE123 · Y · 12A · CTU-CAN"
    )
    for title, shown in (("CE123", "CE123"), ("To Canton", "To Canton · CE123")):
        named = TicketType("F", Kind.BOARDING, title=title, flight="CE123")
        assert describe(Ticket("f", named)) == shown
    assert describe(TICKET) == "Winter Gala · C · 2-15"


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0, "0 s ago"), (59_999, "59 s ago"), (60_000, "1 min ago"), (7_200_000, "2 h ago"),
     (86_400_000, "1 day ago"), (3 * 86_400_000, "3 days ago"), (-5, "0 s ago")],
)  # fmt: skip
def test_how_long_ago(ms: int, said: str) -> None:
    """The largest whole unit."""
    assert ago(ms) == said


def test_a_mad_clock_is_shown_as_it_is() -> None:
    """A clock gone mad does not take the screen down."""
    assert clock_time(10**18, ZONE, dated=True).startswith("31690708-07-05 ")
    assert clock_time(NOW_MS, ZONE) == "12:26"
    assert datetime.fromtimestamp(NOW, ZONE).strftime("%H:%M") == "12:26"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\rb\nc\td\x00", "a\\x0db\\x0ac\\x09d\\x00"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("caf\udce9", "caf\\udce9"),
        ("\x9b31m", "\\x9b31m"),
        ("a\u2028b", "a\\u2028b"),
        ("José 李小龙 👩\u200d🚀", "José 李小龙 👩\u200d🚀"),
        ("\U000e0041", "\\U000e0041"),
        ("a\u00a0b", "a b"),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_strangers_text_is_made_harmless(text: str, safe: str) -> None:
    """Controls, bidi overrides, surrogates and tags are shown as what they are."""
    assert printable(text) == safe


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=300))
def test_no_text_can_move_a_cursor(text: str) -> None:
    """Whatever comes in, what goes out has no control, format or surrogate character."""
    for character in printable(text):
        category = unicodedata.category(character)
        assert category[0] != "C" or character in "\u200c\u200d"
        assert category not in ("Zl", "Zp")


@given(
    st.text(alphabet=st.characters(exclude_categories=[]), max_size=100), st.sampled_from(Reason)
)
def test_no_name_can_either(text: str, reason: Reason) -> None:
    """A hostile ticket is harmless in every part of what is said about it."""
    kind = TicketType("T", Kind.MOVIE, title=text, flight=text, event=text, attention=text)
    ticket = Ticket("t", kind, holder=text, seats=(text,), zone=text, entrance=text,
                    status_note=text, screening_room=text, attention=text)  # fmt: skip
    move = replace(FIRST, gate=text, operator=text)
    verdict = Verdict(Outcome.REFUSE, reason, Direction.IN, NOW_MS, ticket=ticket,
                      history=History(1, 1, 1, move, move))  # fmt: skip
    said = explain(verdict, Place(text, zone=text, entrance=text, ways={text: text}), ZONE)
    for part in (said.rule, said.fact, said.remedy, said.ticket, said.holder, said.note):
        assert all(unicodedata.category(c)[0] != "C" or c in "\u200c\u200d" for c in part), part


def test_gates_are_counted_while_the_sync_worker_speaks() -> None:
    """What it last said before it fell silent says nothing of now."""
    word = SyncStatus(boot_id="b", boot_ms=1_000_000, connected_peers=3)
    assert server_link(word, 1_005_000, NOW_MS, ZONE) == "LAN 3"
    assert server_link(word, 1_060_000, NOW_MS, ZONE) == "LAN 0"


@pytest.mark.parametrize(
    ("hint", "words", "line"),
    [
        (Advice.STILL, "Hold it still, please", "# guest: Hold it still, please"),
        (
            OffHere(Symbology.CODE93),
            "This is a Code 93 code, which is not switched on here: camera.formats",
            "# This is a Code 93 code, which is not switched on here: camera.formats",
        ),
        (
            InParts((2,), 3),
            "Part 2 of 3 of a code: show the others, please",
            "# guest: Part 2 of 3 of a code: show the others, please",
        ),
        (
            InParts((1, 3), 4),
            "Parts 1, 3 of 4 of a code: show the others, please",
            "# guest: Parts 1, 3 of 4 of a code: show the others, please",
        ),
    ],
)
def test_each_hint_has_words(hint: Advice | OffHere | InParts, words: str, line: str) -> None:
    """What a guest can do something about is marked as that in lines."""
    assert (hint_words(hint), hint_line(hint)) == (words, line)

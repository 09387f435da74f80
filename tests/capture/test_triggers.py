"""Lines of one trigger of a typing scanner: the known one counts, and counts once."""

import pytest

from gate.capture.debounce import READ_MS, Debounce
from gate.capture.glimpse import Decide, Glimpse, Notice
from gate.capture.triggers import PENDING_KEPT, TRIGGER_MS, Triggers
from gate.core.ticket import Kind, Ticket, TicketType
from gate.core.verdict import Scan

SHOW = TicketType("SHOW", Kind.MEETING)
GAP_MS = 100


class Scanner:
    """Lines that are looked up as soon as they come, and what was decided."""

    def __init__(self) -> None:
        self.triggers = Triggers(Debounce(), GAP_MS)
        self.decided: list[str] = []

    def line(self, text: str, now_ms: int, owner: str = "") -> None:
        trigger = self.triggers.line("keyboard", now_ms)
        ticket = Ticket(owner, SHOW) if owner else None
        self.note(self.triggers.typed(trigger, Glimpse(Scan(text), ticket), now_ms))

    def tick(self, now_ms: int) -> list[str]:
        self.note(self.triggers.tick(now_ms))
        return self.decided

    def note(self, decides: list[Decide]) -> None:
        self.decided += [decide.glimpse.key for decide in decides]


@pytest.fixture
def scanner() -> Scanner:
    return Scanner()


def test_a_known_line_is_decided_at_once(scanner: Scanner) -> None:
    """Nothing is held back that is a ticket's."""
    scanner.line("a1", 0, "A")
    assert scanner.decided == ["=A"]


@pytest.mark.parametrize("gap", [0, 20, TRIGGER_MS])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_known_line_beats_an_unknown_one(scanner: Scanner, gap: int, is_first: bool) -> None:
    """In either order: one verdict, and a line beside it."""
    scanner.line("a1" if is_first else "x", 0, "A" if is_first else "")
    scanner.line("x" if is_first else "a1", gap, "" if is_first else "A")
    assert scanner.tick(5000) == ["=A"]
    assert scanner.triggers.notice(gap + 1) == Notice()
    assert scanner.triggers.notice(gap + READ_MS) is None


def test_two_lines_of_one_ticket_are_one_scan(scanner: Scanner) -> None:
    """Both codes of a sheet are read by one pull."""
    scanner.line("a1", 0, "A")
    scanner.line("a2", 30, "A")
    assert scanner.tick(5000) == ["=A"]
    assert scanner.triggers.notice(31) is None


def test_another_ticket_of_one_trigger_is_named_and_waits_for_a_key(scanner: Scanner) -> None:
    """It is decided by the key, and only the one that is named; the next trigger ends it."""
    scanner.line("a1", 0, "A")
    scanner.line("b1", 30, "B")
    assert scanner.decided == ["=A"]
    assert scanner.triggers.notice(31) == Notice(Ticket("B", SHOW))
    assert scanner.triggers.meant("A", 900) == []
    assert [d.glimpse.key for d in scanner.triggers.meant("B", 900)] == ["=B"]
    assert scanner.triggers.meant("B", 901) == []
    scanner.line("c1", 5000, "C")
    scanner.line("d1", 5010, "D")
    scanner.line("e1", 6000, "E")
    assert scanner.triggers.notice(6001) is None
    assert scanner.decided == ["=A", "=C", "=E"]


def test_an_unknown_line_alone_is_decided_when_its_trigger_is_over(scanner: Scanner) -> None:
    """50 ms later, by the timer."""
    scanner.line("x", 0)
    assert scanner.triggers.due_ms(0) == TRIGGER_MS + 1
    assert scanner.tick(TRIGGER_MS) == []
    assert scanner.tick(TRIGGER_MS + 1) == ["?x"]
    assert scanner.triggers.due_ms(TRIGGER_MS + 1) is None


def test_a_line_that_is_being_typed_belongs_to_the_trigger_it_began_in(scanner: Scanner) -> None:
    """A long second line takes longer than 50 ms to type, and stutters."""
    scanner.line("x", 0)
    for now_ms in (40, 60, 150, 240):
        scanner.triggers.typing("keyboard", now_ms)
        assert scanner.tick(now_ms + 1) == []
    scanner.line("a1", 245, "A")
    assert scanner.tick(5000) == ["=A"]


def test_a_line_that_breaks_off_holds_nothing_up_for_long(scanner: Scanner) -> None:
    """Some keys of a finger after a scan: the gap of a burst is waited for, no longer."""
    scanner.line("x", 0)
    scanner.triggers.typing("keyboard", 40)
    assert scanner.tick(40 + GAP_MS + 1) == ["?x"]


def test_a_line_that_is_being_looked_up_is_waited_for(scanner: Scanner) -> None:
    """A disk that is slow decides nothing."""
    scanner.line("x", 0)
    trigger = scanner.triggers.line("keyboard", 30)
    assert scanner.tick(900) == []
    assert scanner.triggers.due_ms(900) is None
    scanner.note(scanner.triggers.typed(trigger, Glimpse(Scan("a"), Ticket("A", SHOW)), 901))
    assert scanner.tick(5000) == ["=A"]


def test_an_unknown_line_lets_a_tickets_verdict_be_read(scanner: Scanner) -> None:
    """Another trigger, as of a scanner that goes on reading: 1.5 s after the ticket."""
    scanner.line("a1", 0, "A")
    scanner.line("x", 400)
    assert scanner.tick(READ_MS - 1) == ["=A"]
    assert scanner.tick(READ_MS) == ["=A", "?x"]
    scanner.line("y", 1600)
    assert scanner.tick(1700) == ["=A", "?x", "?y"], "STOP after STOP covers nothing"


def test_the_next_ticket_never_waits(scanner: Scanner) -> None:
    """Another trigger is another guest."""
    scanner.line("a1", 0, "A")
    scanner.line("b1", TRIGGER_MS + 1, "B")
    assert scanner.decided == ["=A", "=B"]


def test_two_scanners_have_triggers_of_their_own(scanner: Scanner) -> None:
    """What one types is no line of the other's trigger."""
    scanner.line("a1", 0, "A")
    trigger = scanner.triggers.line("evdev", 10)
    scanner.note(scanner.triggers.typed(trigger, Glimpse(Scan("b"), Ticket("B", SHOW)), 10))
    assert scanner.decided == ["=A", "=B"]


def test_the_end_decides_what_is_held_back(scanner: Scanner) -> None:
    """And forgetting decides nothing."""
    scanner.line("x", 0)
    assert [d.glimpse.key for d in scanner.triggers.end(1)] == ["?x"]
    scanner.line("y", 100)
    scanner.triggers.forget()
    assert scanner.triggers.end(101) == []


def test_a_flood_of_unknown_codes_fills_nothing(scanner: Scanner) -> None:
    """Of those that wait only some are kept."""
    scanner.line("a1", 0, "A")
    for n in range(1000):
        scanner.line(f"x{n}", 1 + n)
        scanner.triggers._running.clear()
    assert len(scanner.triggers._pending) <= PENDING_KEPT

"""Law 13: a guess never admits. What is believed of a scanner, and what it takes to believe it."""

import os
import random
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.credential import alphabet_of, parse, scanners
from gate.credential.layouts import retyped
from gate.credential.repair import read_flaw, undone
from gate.credential.scanners import Codes, Established, Proposal, Reading, Scanner
from gate.credential.spellings import spellings

TRIES = int(os.environ.get("GATE_TEST_GUESSES", "1200"))
"""Texts that a clean scanner reads in the long proof."""


class Event:
    """An event's codes, and one scanner at its door."""

    def __init__(self, listed: Iterable[str], established: Established | None = None) -> None:
        self.listed = set(listed)
        self.scanner = Scanner(established)
        self.codes = Codes(self.find, lambda: alphabet_of(self.listed))

    def find(self, text: str) -> str:
        parsed = parse(text)
        found = {one for one in spellings(parsed.code, aim=parsed.aim) if one in self.listed}
        return found.pop() if len(found) == 1 else ""

    def read(self, text: str) -> Reading:
        return self.scanner.read(text, self.find(text), self.codes)

    def admits(self, text: str) -> str:
        """Whose ticket a text admits; a ticket's id is its code here."""
        reading = self.read(text)
        return "" if reading.rival else reading.ticket


def at(keyboard: str, *codes: str) -> list[str]:
    """What a US scanner types at a computer with another keyboard."""
    typed = [retyped(code, "us", keyboard) for code in codes]
    assert all(typed)
    return [text for text in typed if text]


def proposal_of(event: Event, text: str) -> Proposal:
    found = event.read(text).proposal
    assert found is not None
    return found


FOUR = ("K7QX-0001", "K7QX-0002", "K7QX-0003", "K7QX-0004")


@pytest.mark.parametrize("keyboard", ["de", "fr", "cz", "hu", "tr", "gr", "ru", "ua", "mk", "bg"])
def test_three_tickets_establish_what_shows_itself(keyboard: str) -> None:
    """A layout that makes characters no code has: two guests are unknown, the third goes in."""
    event = Event(FOUR)
    first, second, third, fourth = at(keyboard, *FOUR)
    assert [event.admits(text) for text in (first, first, second, second)] == [""] * 4
    assert event.admits(third) == FOUR[2]
    assert event.admits(fourth) == FOUR[3]


def test_one_key_is_enough_for_what_shows_itself() -> None:
    """From the second guest on, with one key, the scanner works."""
    event = Event(FOUR)
    first, second, *_more = at("fr", *FOUR)
    proposal = proposal_of(event, first)
    assert (proposal.meant, proposal.ticket, proposal.shows) == (FOUR[0], FOUR[0], True)
    event.scanner.believe(proposal, is_sure=False)
    assert [event.admits(text) for text in (first, second)] == list(FOUR[:2])


@pytest.mark.parametrize(
    ("listed", "typed"),
    [
        (["717523732898", "717523732899", "717523739999"], ["P717523732898", "P717523732899"]),
        (["717523732898", "717523732899"], ["717523732898-2", "717523732899-2"]),
        (["Y001", "Y002", "Y003", "Z9"], ["Z001", "Z002", "Z003"]),
        (["K7QXY0001", "K7QXY0002", "K7QXY0003"], ["K7QXZ0001", "K7QXZ0002", "K7QXZ0003"]),
        (["A12", "A34", "A56", "q7"], ["Q12", "Q34", "Q56"]),
        (["abc1", "ABd2", "ABe3"], ["ABC1", "abD2", "abE3"]),
        (["1234567", "2345678", "3456789"], ["234567", "345678", "456789"]),
    ],
)
def test_what_does_not_show_itself_is_never_counted(listed: list[str], typed: list[str]) -> None:
    """Vouchers in a row look just like a prefix, a German keyboard, a lost first character."""
    event = Event(listed)
    for code in listed:
        assert event.admits(code) == code
    for _n in range(3):
        assert [event.admits(text) for text in typed] == [""] * len(typed)
    assert event.scanner.established is None


def test_a_supervisor_may_believe_what_does_not_show_itself() -> None:
    """Then every text is read so, until one contradicts it."""
    event = Event(["717523732898", "717523732899", "717523739999"])
    proposal = proposal_of(event, "P717523732898")
    assert (proposal.shows, proposal.ticket) == (False, "717523732898")
    event.scanner.believe(proposal, is_sure=True)
    assert event.admits("P717523732899") == "717523732899"
    reading = event.read("717523739999")
    assert (reading.ticket, reading.ended) == ("717523739999", proposal.flaws)
    assert event.admits("P717523732899") == ""


def test_a_layout_that_shows_itself_goes_on_beside_a_clean_scanner() -> None:
    """Two scanners at one keyboard: a clean code ends only what texts themselves do not show."""
    event = Event([*FOUR, "Y001-Z"])
    believed = Established(((read_flaw("layout:de>us"),),), is_sure=True)
    event.scanner.established = believed
    assert event.read("K7QX-0001").ended == believed.flaws[0]
    assert event.admits(*at("de", FOUR[1])) == FOUR[1]
    # What a clean scanner reads and nothing shows is not read anew any more.
    assert event.admits("Z001") == event.admits("Z001'Y") == ""


def test_two_tickets_are_neithers() -> None:
    """As it stands one ticket, as the flaw makes it another: both are named."""
    event = Event(["Y001", "Z001"], Established(((read_flaw("layout:de>us"),),), is_sure=True))
    reading = event.read("Z001")
    assert {reading.ticket, reading.rival} == {"Y001", "Z001"}
    assert event.admits("Z001") == ""


def test_layouts_that_give_the_same_are_one_until_a_text_tells_them_apart() -> None:
    """Swedish, Danish and Norwegian: the first text on which they differ decides."""
    listed = ["A-1/", "A-2/", "A-3/", "A-4/", "A;5"]
    event = Event(listed)
    *three, _fourth = at("se", *listed[:4])
    assert [event.admits(text) for text in three] == ["", "", "A-3/"]
    assert event.scanner.established is not None
    assert len(event.scanner.established.flaws) > 3
    (typed,) = at("dk", "A;5")
    assert event.admits(typed) == "A;5"
    names = [str(flaws[0]) for flaws in event.scanner.established.flaws]
    assert "layout:dk>us" in names
    assert "layout:se>us" not in names


def test_counting_begins_anew_where_no_reading_is_left() -> None:
    """Texts of two wrong scanners never add up to one."""
    event = Event(FOUR)
    for text in (*at("de", FOUR[0]), *at("ru", FOUR[1]), *at("de", FOUR[2]), *at("ru", FOUR[3])):
        assert event.admits(text) == ""
    assert event.scanner.established is None


def test_without_an_alphabet_nothing_shows_itself() -> None:
    """Where it is not known which characters codes have, only a person or the test code tells."""
    event = Event(FOUR)
    event.codes = Codes(event.find, lambda: "")
    for text in at("de", *FOUR):
        reading = event.read(text)
        assert reading.ticket == ""
        assert reading.proposal is not None
        assert not reading.proposal.shows


def families(chance: random.Random) -> Iterator[tuple[list[str], list[str]]]:
    """Codes that are listed, and others like them that clean scanners read at the same door."""
    alphabets = ["0123456789", "ABCXYZQO01", "abcxyz01", "YZ01", "QA12", "O0", "KQXYZ-0127", "aA1"]
    while True:
        letters = chance.choice(alphabets)
        length = chance.randint(3, 12)
        prefix = "".join(chance.choices(letters, k=chance.randint(0, length)))
        first = chance.randrange(10**4)
        made = {prefix + str(first + n).zfill(length - min(len(prefix), length)) for n in range(12)}
        made |= {"".join(chance.choices(letters, k=length)) for _n in range(6)}
        listed = chance.sample(sorted(made), k=chance.randint(3, len(made)))
        like = set(made)
        for code in made:
            like |= {
                code.translate(str.maketrans("YZyz", "ZYzy")),
                code.translate(str.maketrans("QAqaWZ", "AQaqZW")),
                code.translate(str.maketrans("O0oI1l", "0O0111")),
                code.swapcase(), code.upper(), code.lower(),
                code[1:], code[:-1], code[3:], code + chance.choice(letters),
                chance.choice("P19X#") + code, code + chance.choice(["-2", "X", "1", "00"]),
            }  # fmt: skip
        yield listed, sorted(one for one in like if one)


def wrong_guests(seed: int, tries: int) -> list[tuple[str, str]]:
    """Texts that a clean scanner read and that let in somebody whose code they do not spell."""
    chance = random.Random(seed)
    wrong: list[tuple[str, str]] = []
    for listed, like in families(chance):
        event = Event(listed)
        for text in chance.choices([*like, *listed], k=60):
            tries -= 1
            ticket = event.admits(text)
            if ticket and ticket not in spellings(parse(text).code):
                wrong.append((text, ticket))
        if tries <= 0:
            return wrong
    raise AssertionError


@pytest.mark.examples(2)
@pytest.mark.parametrize("seed", range(4))
def test_a_clean_scanner_never_admits_what_is_no_tickets_code(seed: int) -> None:
    """Consecutive codes, shared prefixes, Y and Z, Q and A, O and 0, case, length: nobody else."""
    assert wrong_guests(seed, TRIES // 4) == []


@pytest.mark.parametrize("mutation", ["first guess", "no tell-tale"])
@pytest.mark.long
def test_the_proof_can_fail(mutation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Believing the first guess, or counting what does not show itself, lets in the wrong guest."""
    monkeypatch.setattr(scanners, "_shows", lambda text, codes: True)
    if mutation == "first guess":
        monkeypatch.setattr(scanners, "TICKETS_NEEDED", 1)
    assert any(wrong_guests(seed, 1500) for seed in range(4))


@given(st.lists(st.text(max_size=12), min_size=1, max_size=8), st.lists(st.text(max_size=40)))
def test_any_text_is_read_without_a_fault(listed: list[str], typed: list[str]) -> None:
    """Whatever is typed, a ticket that comes of it is a listed one, and a proposal leads to it."""
    event = Event(parse(code).code for code in listed)
    for text in typed:
        reading = event.read(text)
        assert reading.ticket == "" or reading.ticket in event.listed
        if reading.proposal is not None:
            assert undone(reading.proposal.flaws, text) == reading.proposal.meant
            assert event.find(reading.proposal.meant) == reading.proposal.ticket

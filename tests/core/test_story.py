"""The whole story of a ticket: whatever the order in which it is held, and what is not held."""

import random
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gate.core import story as module
from gate.core.entry import CENTRAL, Act, Entry
from gate.core.outcome import Basis, Flag, Reason
from gate.core.story import Chapter, Happening, Statement, Story, story
from gate.core.ticket import DoorAct, DoorWord, Kind, Ticket, TicketType, Void
from gate.text.story_words import sentences

TICKET = Ticket("t", TicketType("T", Kind.MEETING))
BORN_MS = 1_700_000_000_000
UTC = ZoneInfo("UTC")
KINDS = [kind for kind in Happening if kind is not Happening.SCANNED]


def entry(n: int, act: Act = Act.ADMISSION, device: str = "a" * 16, **said: Any) -> Entry:
    at_ms = BORN_MS + n * 1000
    values: dict[str, Any] = {
        "at_ms": at_ms,
        "hlc": at_ms << 16,
        "gate": "North",
        "persons": 1,
    } | said
    return Entry(
        origin=f"{device}.aa", seq=n + 1, prev="", act=act, boot_ms=n, ticket="t", **values
    )


def statement(n: int, codes: str = "c1", **fields: object) -> Statement:
    live = dict.fromkeys(codes.split(), "live")
    return Statement(f"e:{n}", BORN_MS + n * 1000, {"id": "t", "type_id": "T", **fields}, live)


def kinds(told: Story) -> list[str]:
    return [one.kind.value for one in told.chapters]


STATEMENTS = [
    statement(0, zone="A"),
    statement(1, zone="B"),
    statement(2, zone="B", codes="c2"),
    statement(3, zone="B", codes="c2 c3"),
    statement(4, zone="B", codes="c2 c3", status="revoked"),
    statement(5, zone="B", codes="c2 c3"),
]
VOIDED = replace(TICKET, voids=(Void("e:4", BORN_MS + 4000, "e:5", BORN_MS + 5000),))


def test_what_was_stated_is_told_in_order() -> None:
    """Each change by what it changed; that it became void and good is told once."""
    told = story(VOIDED, [], STATEMENTS, knows_all=True)
    assert kinds(told) == [
        "issued", "changed", "code_replaced", "code_added", "voided", "good_again",
    ]  # fmt: skip
    (change,) = told.chapters[1].changes
    assert (change.name, change.before, change.after) == ("zone", "A", "B")
    assert told.has_all_statements


def test_without_statements_its_voids_are_told_still() -> None:
    """A gate holds the ticket as it is: when it was void, and what the venue said."""
    told = story(VOIDED, [])
    assert kinds(told) == ["voided", "good_again"]
    assert not told.has_all_statements


def test_what_was_before_is_not_made_up() -> None:
    """The first that is kept is no issue, unless it is known to be."""
    assert kinds(story(TICKET, [], STATEMENTS[1:2])) == ["stated"]
    issued = replace(TICKET, issued_at=BORN_MS // 1000 - 60)
    assert kinds(story(issued, [], STATEMENTS[1:2])) == ["issued", "stated"]
    assert kinds(story(issued, [], STATEMENTS[:1], knows_all=True)) == ["issued"]


def test_a_block_is_told_by_its_words_alone() -> None:
    """And not as a void beside them."""
    words = (
        DoorWord(DoorAct.BLOCKED, "banned", "Eva", BORN_MS),
        DoorWord(DoorAct.FREED, "sorry", "Max", BORN_MS + 9000),
    )
    void = Void("e:1", BORN_MS, "e:2", BORN_MS + 9000, by_door=True)
    told = story(replace(TICKET, voids=(void,), door=words), [entry(3, Act.REFUSAL)])
    assert kinds(told) == ["blocked", "scanned", "freed"]


def test_each_act_has_its_kind() -> None:
    """An undo counts, or waits for somebody's word; a settlement is one."""
    first, second = entry(1), entry(2, device="b" * 16)
    acts = [
        first, second, entry(3, Act.REFUSAL), entry(4, Act.EXIT),
        entry(5, Act.ANNULMENT, target=first.name),
        entry(6, Act.ANNULMENT, target=second.name),
        entry(7, Act.RESOLUTION, device=CENTRAL),
    ]  # fmt: skip
    told = story(TICKET, acts)
    assert kinds(told) == [*["scanned"] * 4, "undone", "undo_claimed", "settled"]


def test_no_order_of_arrival_changes_it() -> None:
    """Nor does the same entry twice."""
    acts = [entry(n, device=f"{n % 3}" * 16) for n in range(30)]
    told = story(VOIDED, acts, STATEMENTS, knows_all=True)
    for seed in range(10):
        shuffled = [*acts, *acts[:5]]
        random.Random(seed).shuffle(shuffled)
        assert story(VOIDED, shuffled, STATEMENTS, knows_all=True) == told


def by_the_devices_clock(entry: Entry) -> int:
    return entry.at_ms


def test_a_clock_that_was_wrong_orders_nothing() -> None:
    """An undo comes after what it undid, whatever the clock of its device says."""
    first = entry(1)
    undo = entry(2, Act.ANNULMENT, target=first.name, at_ms=BORN_MS - 3_600_000)
    assert kinds(story(TICKET, [undo, first])) == ["scanned", "undone"]


def test_an_order_by_device_clocks_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutation of the test above."""
    monkeypatch.setattr(module, "_order_of", by_the_devices_clock)
    with pytest.raises(AssertionError):
        test_a_clock_that_was_wrong_orders_nothing()


def test_a_flood_is_cut_and_that_is_said() -> None:
    """The newest are told; a person is told that there were older ones."""
    told = story(TICKET, [entry(n, Act.REFUSAL) for n in range(module.MOST_ENTRIES + 1)])
    assert len(told.chapters) == module.MOST_ENTRIES
    assert not told.has_all_entries
    assert sentences(told, UTC)[-1] == "Older scans are left out."


def test_every_kind_has_a_sentence() -> None:
    """Who, where, when, and worth what; strangers' text cannot move a terminal's cursor."""
    word = DoorWord(DoorAct.BLOCKED, "ban\x1b[2J", "Eva", BORN_MS)
    changed = story(TICKET, [], STATEMENTS[:2], knows_all=True).chapters[1]
    told = Story(
        (
            *(Chapter(kind, BORN_MS, word=word) for kind in KINDS),
            changed,
            Chapter(Happening.ISSUED, 0),
            Chapter(
                Happening.SCANNED, BORN_MS, has_no_effect=True,
                entry=entry(1, reason=Reason.OVERRIDE, overruled=Reason.BLOCKED_AT_DOOR,
                            operator="Kim", basis=Basis.ALONE, flags=(Flag.YES,), note="his son"),
            ),
        ), False, True,
    )  # fmt: skip
    lines = sentences(told, UTC)
    assert len(lines) == len(KINDS) + 4
    assert "\x1b" not in "".join(lines)
    assert "(Eva): ban" in lines[0]
    assert "zone A > B" in lines[len(KINDS)]
    assert lines[-3].startswith("time not known")
    for part in (
        "North Admitted by a supervisor", "answered yes", "against: Blocked at the door",
        "alone", "has no effect", "(Kim): his son",
    ):  # fmt: skip
        assert part in lines[-2]
    assert lines[-1] == "Not all that was stated of it is kept here."

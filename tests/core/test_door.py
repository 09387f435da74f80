"""What the venue says of a ticket: kept over its issuer's word, bounded, void while it blocks."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gate.core import door
from gate.core.door import with_door, with_word
from gate.core.ticket import DoorAct, DoorWord, Ticket
from gate.core.voids import with_voids
from gate.storage.ticket_rows import bare_body

BODY = '{"id":"t","type_id":"T","holder":"Ann"}'
BLOCKED, FREED, NOTED = DoorAct.BLOCKED, DoorAct.FREED, DoorAct.NOTED


def ticket(body: str) -> Ticket:
    kind = '{"type":{"id":"T","kind":"MEETING_TICKET"},'
    return msgspec.json.decode(kind + body[1:], type=Ticket)


def said(body: str, *words: tuple[DoorAct, str]) -> str:
    for n, (act, text) in enumerate(words, 1):
        body = with_word(body, DoorWord(act, text, "Eva", n), f"e:{n}")
    return body


def restated(body: str, stated: str, n: int) -> str:
    return with_voids(body, with_door(body, stated), f"e:{n}", n)


@pytest.mark.parametrize(
    ("words", "block", "note"),
    [
        ([], None, None),
        ([(BLOCKED, "banned")], "banned", None),
        ([(BLOCKED, "banned"), (FREED, "sorry")], None, None),
        ([(BLOCKED, "banned"), (BLOCKED, "banned twice")], "banned twice", None),
        ([(BLOCKED, "banned"), (FREED, "sorry"), (BLOCKED, "again")], "again", None),
        ([(NOTED, "a friend")], None, "a friend"),
        ([(NOTED, "a friend"), (NOTED, "")], None, None),
        ([(BLOCKED, "banned"), (NOTED, "with a dog"), (FREED, "x")], None, "with a dog"),
    ],
)
def test_the_last_word_of_each_kind_stands(
    words: list[tuple[DoorAct, str]], block: str | None, note: str | None
) -> None:
    """Blocked or free is one thing, the note another."""
    found = ticket(said(BODY, *words))
    assert (found.block.text if found.block else None) == block
    assert (found.door_note.text if found.door_note else None) == note
    assert found.holder == "Ann"


@pytest.mark.parametrize(
    "words",
    [
        [(FREED, "nothing to free")],
        [(NOTED, "")],
        [(BLOCKED, "banned"), (BLOCKED, "banned")],
        [(NOTED, "a friend"), (NOTED, "a friend")],
    ],
)
def test_what_changes_nothing_leaves_no_word(words: list[tuple[DoorAct, str]]) -> None:
    """Byte for byte the ticket as it was."""
    assert said(BODY, *words) == said(BODY, *words[:-1])


def test_a_block_outlives_any_number_of_notes() -> None:
    """Words are bounded; what stands is not among those that go."""
    notes = [(NOTED, f"note {n}") for n in range(3 * door.KEPT)]
    found = ticket(said(BODY, (BLOCKED, "banned"), *notes))
    assert found.block is not None
    assert found.block.text == "banned"
    assert len(found.door) == door.KEPT + 1


@pytest.mark.long
def test_a_bound_that_forgets_what_stands_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutation: only the newest words are kept."""
    monkeypatch.setattr(door, "_bounded", lambda words: words[-door.KEPT :])
    with pytest.raises(AssertionError):
        test_a_block_outlives_any_number_of_notes()


def test_it_is_void_while_it_is_blocked_or_its_issuer_says_so() -> None:
    """One void from the first of both to the last; it says with whose word it began."""
    body = said(BODY, (BLOCKED, "banned"))
    assert voids_of(body) == [{"at": "e:1", "at_ms": 1, "by_door": True}]
    body = restated(body, '{"id":"t","type_id":"T","status":"revoked"}', 2)
    body = with_word(body, DoorWord(FREED, "sorry", "Eva", 3), "e:3")
    assert voids_of(body) == [{"at": "e:1", "at_ms": 1, "by_door": True}]
    body = restated(body, '{"id":"t","type_id":"T"}', 4)
    ended = {"at": "e:1", "at_ms": 1, "until": "e:4", "until_ms": 4, "by_door": True}
    assert voids_of(body) == [ended]
    body = restated(body, '{"id":"t","type_id":"T","status":"deleted"}', 5)
    assert voids_of(body)[1:] == [{"at": "e:5", "at_ms": 5}]


def voids_of(body: str) -> list[Any]:
    return list(json.loads(body).get("voids", []))


@pytest.mark.parametrize("text", ['"door":[', 'a"b\\', "]}", "\u2028", "\x00"])
def test_no_text_breaks_a_row(text: str) -> None:
    """Whatever is written in a reason, it comes out as it went in, through every statement."""
    body = restated(said(BODY, (BLOCKED, text)), BODY, 2)
    block = ticket(body).block
    assert block is not None
    assert block.text == text
    assert with_door(msgspec.json.encode({"id": "t", "holder": text}).decode(), BODY) == BODY


@pytest.mark.parametrize("make", [bare_body])
def test_nothing_of_it_stays_once_names_are_dropped(make: Callable[[str], str]) -> None:
    """Who said it, and of whom, is personal; that it was void is not."""
    bare = make(said(BODY, (BLOCKED, "Ann hit Bob")))
    assert "Ann" not in bare
    assert voids_of(bare)

"""What the venue itself says of a ticket: blocked at the door, free again, a note of its own.

It stands over whatever the issuer states, is kept in the ticket's row through every later statement
of it, and goes wherever tickets go but to nobody who sold them.
"""

from dataclasses import asdict

import msgspec

from gate.core.signed_ticket import Signed
from gate.core.ticket import DoorAct, DoorWord, block_in, note_in
from gate.core.voids import DOOR, with_voids

KEPT = 20
"""Words on one ticket that are remembered: the newest, and those that stand."""


class _Worded(msgspec.Struct):
    door: tuple[DoorWord, ...] = ()


_worded = msgspec.json.Decoder(_Worded)


def told_body(said: Signed) -> str:
    """The row of a ticket that nobody has stated, as its code told those who have scanned it.

    It is there for the venue's word to stand on, and its ticket is in no list for all that: gates
    go by the code. Whoever states the ticket takes its place, and the word stays.
    """
    stated = {
        "id": said.ticket, "type_id": said.type, "begin_time": said.begin, "end_time": said.end,
        "zone": said.zone, "entrance": said.entrance, "seats": said.seats, "issue": said.issue,
        "uses": None if "uses" in said.by_type else said.uses,
        "party": None if "party" in said.by_type else said.party,
        "signed": {name: value for name, value in asdict(said).items() if value},
    }  # fmt: skip
    return msgspec.json.encode({name: value for name, value in stated.items() if value}).decode()


def with_door(before: str | None, stated: str) -> str:
    """A ticket as its issuer states it, with what the venue has said of the one before."""
    if before is None or DOOR not in before:
        return stated
    return _put(stated, _worded.decode(before).door)


def with_word(body: str, word: DoorWord, position: str) -> str:
    """A kept ticket with one more word of the venue; one that changes nothing leaves it as it is.

    ``position`` is that of the change in the feed.
    """
    known = _worded.decode(body).door
    if not _changes(known, word):
        return body
    kept = msgspec.json.decode(body)
    stated = {name: value for name, value in kept.items() if name not in ("door", "voids")}
    worded = _put(msgspec.json.encode(stated).decode(), _bounded((*known, word)))
    return with_voids(body, worded, position, word.at_ms)


def _changes(known: tuple[DoorWord, ...], word: DoorWord) -> bool:
    block, note = block_in(known), note_in(known)
    if word.act is DoorAct.FREED:
        return block is not None
    standing = note if word.act is DoorAct.NOTED else block
    return word.text != (standing.text if standing else "")


def _bounded(words: tuple[DoorWord, ...]) -> tuple[DoorWord, ...]:
    """The newest; however many notes come after it, a block stands until it is taken back."""
    standing = (block_in(words), note_in(words))
    return (*(one for one in words[:-KEPT] if one in standing), *words[-KEPT:])


def _put(body: str, words: tuple[DoorWord, ...]) -> str:
    stated = msgspec.json.encode([asdict(word) for word in words]).decode()
    return f'{body[:-1]},"door":{stated}}}'

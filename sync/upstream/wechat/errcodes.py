"""What WeChat's error codes mean to who asks: what is to be done next.

As its card pages and its global list have them; one that is not here is not taken, with its number.
"""

from enum import StrEnum
from typing import Final


class Meaning(StrEnum):
    """What follows of an answer."""

    DONE = "done"
    RENEW = "renew"
    """The token is dead: another one, and the same once more."""
    BUSY = "busy"
    """Nobody knows whether it was done: the same again, later."""
    TOO_OFTEN = "too often"
    """Not done: again as soon as the interface allows."""
    USED_UP = "used up"
    """Not done: the day's calls are spent."""
    STOP = "stop"
    """Not done, and nothing will be until a person has changed something."""
    USED = "used"
    UNKNOWN = "unknown"
    """No code of the account: never claimed, given on, replaced, or forged."""
    LOOK = "look"
    """Deleted, unavailable, expired or on its way to a friend: it has to be asked which."""
    TOO_LATE = "too late"
    NOT_TAKEN = "not taken"


_CODES: Final = {
    Meaning.DONE: (0,),
    Meaning.RENEW: (40001, 40014, 42001),
    Meaning.BUSY: (-1,),
    Meaning.TOO_OFTEN: (45011,),
    Meaning.USED_UP: (45009,),
    Meaning.STOP: (
        40002, 40013, 40125, 40164, 41001, 41002, 41004, 43009, 43010, 45030, 45102, 48001, 48004,
    ),
    Meaning.USED: (40099,),
    Meaning.UNKNOWN: (40056,),
    Meaning.LOOK: (40127,),
    Meaning.TOO_LATE: (40079, 40147),
}  # fmt: skip
_BY_CODE: Final = {code: meaning for meaning, codes in _CODES.items() for code in codes}


def meaning_of(errcode: int) -> Meaning:
    """What follows of an answer with that code."""
    return _BY_CODE.get(errcode, Meaning.NOT_TAKEN)

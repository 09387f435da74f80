"""How far a replica has read the feed of ticket changes."""

import re
from typing import NamedTuple

_FORM = re.compile(r"([0-9a-f]{1,32}):([0-9]{1,15}):([0-9a-f]{0,32})")


class ResyncNeeded(Exception):
    """The cursor is not of this feed: another life of it, or one after a restore."""


class Cursor(NamedTuple):
    """The feed's life, the number of the last change read, and that change's random id."""

    epoch: str
    seq: int
    id: str

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """What a cursor says. Raises ResyncNeeded when it is none."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ResyncNeeded
        return cls(match[1], int(match[2]), match[3])

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}:{self.id}"

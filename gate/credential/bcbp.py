"""Boarding passes: the bar coded boarding pass of IATA Resolution 792, formats M1 to M4.

Everything mandatory has its place and length: 23 characters for the pass, 37 for each leg, whose
last two say (in hex) how much of its own follows. That conditional part, and what after the last
leg begins with ``^`` and proves the rest to whoever has the airline's key, may differ between two
prints of one pass. Nothing of a pass proves that it is genuine to us.
"""

import re
from dataclasses import dataclass

from gate.core.boarding import Leg

_HEAD = re.compile(r"M([1-4])(.{20})([EL ])")
_LEG = re.compile(
    r"([A-Z0-9 ]{7})([A-Z]{3})([A-Z]{3})([A-Z0-9]{2}[A-Z0-9 ])([0-9 ]{4}[A-Z ])([0-9]{3})"
    r"([A-Z ])([A-Z0-9 ]{4})([A-Z0-9 ]{5})([A-Z0-9 ])([0-9A-F]{2})"
)
_SECURITY = re.compile(r"\^(.)([0-9A-F]{2})")
HEAD_LENGTH, LEG_LENGTH = 23, 37
LAST_DAY = 366


@dataclass(frozen=True, slots=True)
class Security:
    """What proves a pass to whoever has the key for it."""

    kind: str
    data: str


@dataclass(frozen=True, slots=True)
class BoardingPass:
    """A pass as it was printed."""

    name: str
    """SURNAME/GIVEN, cut at 20 characters: no two people are told apart by it."""
    is_electronic: bool
    legs: tuple[Leg, ...]
    conditional: tuple[str, ...]
    """Of each leg what follows it, as it stands."""
    security: Security | None = None


def read(text: str) -> BoardingPass | None:
    """The pass that a text is; ``None`` for any other text.

    Blanks at its end may have got lost. What is cut short or goes on otherwise is no pass.
    """
    head = _HEAD.match(text)
    if head is None or not text.isascii() or not text.isprintable():
        return None
    at, legs, conditional = HEAD_LENGTH, list[Leg](), list[str]()
    for _n in range(int(head[1])):
        match = _LEG.match(text, at)
        leg = _leg(match) if match else None
        if match is None or leg is None:
            return None
        at += LEG_LENGTH
        size = int(match[11], 16)
        is_last = len(legs) + 1 == int(head[1])
        if at + size > len(text) and not is_last:
            return None
        legs.append(leg)
        conditional.append(text[at : at + size].ljust(size))
        at += size
    security = _security(text[at:])
    if text[at:].strip() and security is None:
        return None
    name = head[2].strip()
    return BoardingPass(name, head[3] == "E", tuple(legs), tuple(conditional), security)


def identity(leg: Leg) -> str:
    """What one leg of one passenger is known by: carrier, flight, day, PNR and sequence.

    Empty before check-in: until there is a sequence a whole party has the same.
    """
    if not (leg.pnr and leg.sequence):
        return ""
    return "|".join((leg.carrier, leg.number, str(leg.day), leg.pnr, leg.sequence))


def _leg(match: re.Match[str]) -> Leg | None:
    number = match[5].strip().lstrip("0")
    day = int(match[6])
    if not re.fullmatch(r"[0-9]{1,4}[A-Z]?", number) or not 1 <= day <= LAST_DAY:
        return None
    return Leg(
        pnr=match[1].strip(),
        origin=match[2],
        destination=match[3],
        carrier=match[4].strip(),
        number=number,
        day=day,
        compartment=match[7].strip(),
        seat=match[8].strip().lstrip("0 "),
        sequence=match[9].strip().lstrip("0 "),
        status=match[10].strip(),
    )


def _security(rest: str) -> Security | None:
    """What is there of it: a pass that a scanner cut short there is no other pass."""
    match = _SECURITY.match(rest)
    if match is None:
        return None
    data, size = rest[match.end() :], int(match[2], 16)
    return Security(match[1], data[:size]) if not data[size:].strip() else None

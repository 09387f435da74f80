"""What a code names beside its own text, so that a ticket is found however the code is laid out.

An identity is stated beside a ticket's codes when a list is taken in, whether or not the event
looks at it: so it can be switched on later. It begins with a character that no code can begin with,
and is hashed as codes are: nobody can show one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gate.core.boarding import Leg, is_flight, legs_of_gate
from gate.core.code_formats import CodeFormats
from gate.core.ticket import Ticket
from gate.credential import bcbp, gs1

MOST_RIVALS = 5
"""Of what else a text may name; one that may name more of it is only its text."""
_NO_CODE = "\0"


@dataclass(frozen=True, slots=True)
class Named:
    """What one scanned code names, in the formats that an event reads."""

    items: tuple[tuple[str, Leg | None], ...] = ()
    """Identities; of a boarding pass each with its leg."""
    rivals: tuple[str, ...] = ()
    """Identities that the code may name as well: whoever has one of them is in its way."""

    def __bool__(self) -> bool:
        return bool(self.items)


NOTHING = Named()


def identities(codes: Iterable[str]) -> tuple[str, ...]:
    """All that the codes of a ticket name, as they are parsed, in every format; each once."""
    found = dict[str, None]()
    for code in codes:
        found |= dict.fromkeys(identity for identity, _leg in _of_passes(legs_of(code)))
        found |= dict.fromkeys(_of_gs1(code))
    return tuple(found)


def shared(code: str) -> str:
    """The identity of whoever shares a code with others, such as that of a wristband."""
    return _with_kind("shared", code)


def named(code: str, formats: CodeFormats, *, keeps_gs: bool) -> Named:
    """What a code names. ``keeps_gs``: whether its reader passes a GS on, as cameras do."""
    if formats.boarding_passes and (legs := legs_of(code)):
        return Named(_of_passes(legs_of_gate(legs, formats.flight)))
    if not (formats.gs1 and (items := _of_gs1(code))):
        return NOTHING
    rivals = () if keeps_gs else gs1.rivals(code)
    if rivals is None or len(rivals) > MOST_RIVALS:
        return NOTHING
    others = tuple(_with_kind("gs1", one) for one in rivals)
    return Named(tuple((one, None) for one in items), tuple({*others} - {*items}))


def legs_of(code: str) -> tuple[Leg, ...]:
    """The legs of a boarding pass; none for any other code."""
    found = bcbp.read(code) if code[:1] == "M" else None
    return () if found is None else found.legs


def is_of_leg(ticket: Ticket, leg: Leg | None) -> bool:
    """Whether a ticket may be one for a leg: its type names that flight, or none."""
    flight = ticket.type.flight
    return leg is None or not flight or is_flight(flight, leg)


def _of_passes(legs: Iterable[Leg]) -> tuple[tuple[str, Leg], ...]:
    return tuple((_with_kind("bcbp", one), leg) for leg in legs if (one := bcbp.identity(leg)))


def _of_gs1(code: str) -> tuple[str, ...]:
    identity = gs1.identity(gs1.read(code))
    return (_with_kind("gs1", identity),) if identity else ()


def _with_kind(kind: str, identity: str) -> str:
    return f"{_NO_CODE}{kind}{_NO_CODE}{identity}"

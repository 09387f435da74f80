"""Whose ticket a signed code is, whether or not the list has the ticket yet."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import NamedTuple

from gate.core.outcome import Reason
from gate.core.signed_ticket import EventKey, KeyState, Signed
from gate.core.ticket import CodeState, Kind, Ticket, TicketType
from gate.credential import FRAMING, code_hash, pretix_signed, repair, signed, url_pattern
from gate.credential.repair import Flaw, Flaws, repairs
from gate.storage.event_keys import keys_of
from gate.storage.replica_reader import ReplicaReader

_SHORTEST = 96
"""No signed code is shorter, in characters, a signature being 64 bytes."""


_IN_CAPITALS: Flaws = (Flaw(repair.Kind.CASE, "upper"),)
"""What is wrong where an address is right and the code in it has another case."""
_Proved = tuple[Signed, EventKey]


class Proof(NamedTuple):
    """What a signature proves: a ticket, or why it proves none."""

    ticket: Ticket | None = None
    problem: Reason | None = None


class Repaired(NamedTuple):
    """What a scanner meant, proved by the signature of what it meant."""

    proof: Proof
    meant: str
    flaws: Flaws


@dataclass(frozen=True, slots=True)
class _Known:
    """What a replica says of every signed code, in one state of it."""

    read_at: tuple[int, int]
    keys: tuple[EventKey, ...] = ()
    is_bare: bool = False
    types: dict[str, TicketType] = field(default_factory=dict)
    """Those that were asked for."""


class SignedLookUp:
    """The tickets that signed codes are, by keys and tickets of a replica."""

    def __init__(self, replica: ReplicaReader) -> None:
        self._replica = replica
        self._known = _Known((0, 0))
        self._last: tuple[str, tuple[EventKey, ...], _Proved | None] = ("", (), None)
        """What was verified last, with its keys: a code is looked up, and then decided."""

    def find(self, code: str) -> Proof | None:
        """What a code proves; ``None`` where it is not one of the event's signed codes.

        Raises StoreError when the replica cannot be read, or its codes were dropped.
        """
        proved = self._proved(code)
        if proved is None:
            return None
        said, key = proved
        if key.state is KeyState.REVOKED:
            return Proof(problem=Reason.KEY_REVOKED)
        listed = self._replica.ticket(said.ticket)
        if listed is None:
            if self._as_it_is().is_bare:
                raise self._replica.no_tickets()
            return Proof(self.unseen(said, key))
        if listed.signed is not None and said.issue >= listed.issue:
            # Nobody has stated it: the row is there for what the venue has said of it.
            return Proof(replace(self.unseen(said, key), door=listed.door))
        if said.issue < listed.issue:
            listed = replace(listed, code_state=CodeState.REPLACED)
        return Proof(listed)

    def repaired(self, text: str, urls: tuple[str, ...]) -> Repaired | None:
        """What a scanner that types wrongly meant by a text; a signature alone establishes that.

        It is a code, or an address of those patterns around one.
        """
        text = text.strip(FRAMING)
        if len(text) < _SHORTEST:
            return None
        heads = (signed.PREFIX, *(url.partition(url_pattern.CODE)[0] for url in urls))
        for flaws, meant in chain([(_IN_CAPITALS, text)], repairs(text, heads)):
            for code in _codes_in(meant, urls):
                if _is_signed(code) and (proof := self.find(code)) is not None:
                    return Repaired(proof, code, flaws)
        return None

    def _proved(self, code: str) -> _Proved | None:
        if not _is_signed(code):
            return None
        keys = self._as_it_is().keys
        if self._last[:2] != (code, keys):
            self._last = (code, keys, self._verified(code, keys))
        return self._last[2]

    def _as_it_is(self) -> _Known:
        """What the replica says of every code, read anew once somebody has written into it."""
        replica = self._replica
        changes = replica.changes()
        if changes != self._known.read_at:
            with replica.reading():
                keys = tuple(keys_of(replica.connection()))
            self._known = _Known(changes, keys, is_bare=replica.is_bare())
        return self._known

    def _verified(self, code: str, keys: tuple[EventKey, ...]) -> _Proved | None:
        if signed.is_signed(code):
            return signed.proved(code, keys)
        if (found := pretix_signed.proved(code, keys)) is None:
            return None
        said, key = found
        # pretix names no ticket: whoever imports the code without an id gives it the same one.
        ticket = code_hash(self._replica.key, code).hex()
        begin, end = said.begin or None, said.end or None
        return Signed(ticket, said.type_id, key=key.id, begin=begin, end=end), key

    def unseen(self, said: Signed, key: EventKey | None = None) -> Ticket:
        """A ticket of which only its code tells, within the time of its key."""
        types = self._as_it_is().types
        known = types.get(said.type) or self._replica.ticket_type(said.type)
        if known is not None:
            types[said.type] = known
        begins = [at for at in (said.begin, key.begin if key else None) if at is not None]
        ends = [at for at in (said.end, key.end if key else None) if at is not None]
        return Ticket(
            id=said.ticket,
            type=known or TicketType(said.type, Kind.MEETING),
            begin_time=max(begins, default=None),
            end_time=min(ends, default=None),
            zone=said.zone,
            entrance=said.entrance,
            seats=said.seats,
            uses=None if known and "uses" in said.by_type else said.uses,
            party=None if known and "party" in said.by_type else said.party,
            issue=said.issue,
            signed=said,
            has_type=known is not None,
        )


def _codes_in(meant: str, urls: tuple[str, ...]) -> Iterator[str]:
    """The codes that a text may be; in an address whose case was changed ours has its own."""
    yield meant
    for code in url_pattern.spellings(meant, urls):
        yield from (code, code.upper())


def _is_signed(code: str) -> bool:
    return signed.is_signed(code) or pretix_signed.is_pretix_signed(code)

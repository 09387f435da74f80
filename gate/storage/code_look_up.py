"""Whose code a text is: lossless spellings and what a scanner may mean, with bounded look-ups."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, product

from gate.core.boarding import Leg
from gate.core.code_formats import TEXT_ONLY, CodeFormats
from gate.core.outcome import Flag, Reason
from gate.core.ticket import VOID, CodeState, Ticket
from gate.credential import (
    FRAMING,
    LOWER,
    UPPER,
    WIDE,
    Credential,
    Shape,
    code_hash,
    hand_typed,
    parse,
    read_shape,
    url_pattern,
)
from gate.credential.identities import NOTHING, is_of_leg, legs_of, named, shared
from gate.credential.neighbours import neighbours
from gate.credential.retail import misread
from gate.credential.rotating import Parts, Pattern, read, unseal
from gate.credential.spellings import folded, spellings
from gate.storage.checksums import WrongChecksum, names_code, of_code, require
from gate.storage.code_patterns import Patterns
from gate.storage.replica_reader import COLUMNS, OF_TYPE, POSITION, TICKET, ReplicaReader
from gate.storage.signed_look_up import Proof, Repaired, SignedLookUp
from gate.storage.ticket_identities import rows_of
from gate.storage.ticket_rows import pattern_of

MOST_LOOK_UPS = 12
"""Of one scan, in all its spellings, formats and repairs, whatever was scanned."""
MOST_SHARING = 50
"""So many tickets of one code are looked at."""
MOST_OF_ONE = 3
"""So many tickets of one identity are enough to know that it is not one ticket's."""

_CODES_A_TIME = 500

_BY_CODE = f"""
SELECT {TICKET}, {POSITION}, c.ticket, c.state, c.sum
FROM code c LEFT JOIN ticket k ON k.row = c.ticket {OF_TYPE} WHERE c.hash = ?
"""
_BY_ROW = f"""
SELECT {TICKET}, {POSITION} FROM ticket k {OF_TYPE} WHERE k.row = ?
"""
_ANY = f"SELECT {POSITION} FROM ticket_type LIMIT 1"
# A replica of version 0.2 has no such table.
_HAS_IDENTITIES = "SELECT 1 FROM sqlite_master WHERE name = 'identity'"
_ANY_IDENTITY = "SELECT 1 FROM identity LIMIT 1"
_SHAPES = "SELECT shape, tickets, again = hex(shape) FROM shape"


@dataclass(frozen=True, slots=True)
class Rotating:
    """A rotating code of a ticket, taken apart; nothing is proved yet."""

    pattern: Pattern
    parts: Parts
    keys: tuple[bytes, ...]
    """Those of the ticket; none where they were sealed with another code of it."""


@dataclass(frozen=True, slots=True)
class Match:
    """Whose code a text is."""

    credential: Credential
    hashed: bytes
    """The keyed hash of the code as it stands."""
    tickets: tuple[Ticket, ...] = ()
    """None: nobody's. More than one: its spellings are different tickets', so it is nobody's."""
    legs: tuple[Leg, ...] = ()
    """Of the boarding pass that it is."""
    problem: Reason | None = None
    """Why it is no credential at all."""
    rotating: Rotating | None = None
    """What else the text says, where it is a rotating code of its ticket."""
    is_shared: bool = False
    """Whether its tickets share it: it is that of one of them, by what is good here and now."""

    @property
    def ticket(self) -> Ticket | None:
        """The one ticket it is."""
        return self.tickets[0] if len(self.tickets) == 1 else None


@dataclass(frozen=True, slots=True)
class _Known:
    """Tickets that are known by what a code names."""

    legs: tuple[Leg | None, ...]
    tickets: dict[str, Ticket]
    rivals: dict[str, Ticket]

    def beside(self, found: dict[str, Ticket]) -> dict[str, Ticket]:
        """All whose the code may be, together with those that its texts have found.

        A ticket of another flight is not the one that is meant, where there is one of this; nor is
        a void one that has another text, where there is a good one.
        """
        if not self.tickets:
            return found
        good = {id_: one for id_, one in self.tickets.items() if one.status not in VOID}
        of_leg = {
            id_: one for id_, one in found.items() if any(is_of_leg(one, leg) for leg in self.legs)
        }
        # As its text has found it: that may be a code which was replaced.
        return {**(self.tickets if found else good or self.tickets), **self.rivals, **of_leg}


class CodeLookUp:
    """The codes of a replica, and what of the last text was looked up."""

    def __init__(self, replica: ReplicaReader) -> None:
        self.signed = SignedLookUp(replica)
        self._replica = replica
        self._patterns = Patterns(replica)
        self._looked_up: dict[str, Ticket | None] = {}
        self._meant: dict[str, Ticket | None] = {}
        self._shapes: tuple[Shape, ...] | None = None
        self._is_spent = False
        self._identities = ((0, 0), False)
        """Whether the list knows any ticket by more than its code, and since when."""
        self._formats = TEXT_ONLY
        self._lacking: list[bytes] = []
        """Hashes of this text's codes, and of what it names, that were not found."""

    def hash_of(self, code: str) -> bytes:
        """The keyed hash under which the replica knows a code."""
        self._replica.connection()
        return code_hash(self._replica.key, code)

    def match(
        self, text: str, raw: bytes = b"", symbology: str = "", formats: CodeFormats = TEXT_ONLY
    ) -> Match:
        """Whose code a text is, in any lossless spelling; as it stands it is looked up first.

        Letters of another case or width count only where all codes of a type are of one; what a
        code names counts in the ``formats`` that the event reads. Raises StoreError while there are
        no tickets at all.
        """
        with self._replica.at_one_moment():
            return self._match(text, raw, symbology, formats)

    def _match(self, text: str, raw: bytes, symbology: str, formats: CodeFormats) -> Match:
        self._looked_up, self._meant, self._formats = {}, {}, formats
        self._shapes, self._is_spent = None, False
        self._lacking = []
        credential = parse(text)
        hashed = self.hash_of(credential.code or text)
        if credential.problem is not None:
            return Match(credential, hashed, problem=credential.problem)
        code = credential.code
        first = self._looked_up[code] = self._by_code(hashed)
        is_good = first is not None and first.code_state is CodeState.LIVE
        if not is_good and (sharing := self._sharing(code)):
            return Match(credential, hashed, tuple(sharing), is_shared=True)
        addressed = url_pattern.spellings(code, formats.urls)
        if first is None and (shown := self._rotating(code, *addressed)) is not None:
            return Match(credential, hashed, shown[:1], rotating=shown[1])
        legs = legs_of(code)
        if first is None and (proof := self._proof(code, *addressed)) is not None:
            # A code in the list that was lost by damage is a fault, whatever its signature says.
            self._require_unknown()
            proved = () if proof.ticket is None else (proof.ticket,)
            return Match(credential, hashed, proved, problem=proof.problem)
        forms = (*spellings(code, raw, symbology, credential.aim), *addressed)
        known = self._named(code, keeps_gs=bool(symbology))
        if first is not None and len(forms) == 1 and known is None:
            return Match(credential, hashed, (first,), legs)
        found: dict[str, Ticket] = {} if first is None else {first.id: first}
        for form in filter(self._fits, forms[1:]):
            ticket = self._look_up(form)
            if ticket is not None:
                found.setdefault(ticket.id, ticket)
        for form in filter(self._fits, folded(code) if not found else ()):
            ticket = self._look_up(form)
            if ticket is not None and self._is_of_one_case(ticket.type.id, form):
                found.setdefault(ticket.id, ticket)
        found = found if known is None else known.beside(found)
        if first is None:
            self._require_unknown()
        if not found and self._is_empty():
            # A venue that has begun before its tickets came: nobody is to be turned away for it.
            raise self._replica.no_tickets()
        return Match(credential, hashed, tuple(found.values()), legs)

    def rotating_of(self, text: str) -> Rotating | None:
        """What else a text says that ``ticket_of`` knows, where it is a rotating code."""
        code = parse(text).code
        shown = self._rotating(code, *url_pattern.spellings(code, self._formats.urls))
        return None if shown is None else shown[1]

    def _rotating(self, *texts: str) -> tuple[Ticket, Rotating] | None:
        """Whose rotating code one of some texts is, put together as codes of its type are."""
        for pattern, text in product(self._patterns.read(), texts):
            parts = read(pattern, text)
            ticket = parts and self._look_up(parts.code)
            if not parts or not ticket or not ticket.rotating_keys:
                continue
            if pattern_of(ticket.type) == pattern:
                key, kept = self._replica.key, ticket.rotating_keys
                opened = (unseal(key, parts.code, sealed) for sealed in kept)
                keys = tuple(one for one in opened if one is not None)
                return ticket, Rotating(pattern, parts, keys)
        return None

    def ticket_of(self, text: str) -> Ticket | None:
        """The one ticket whose code, or a lossless spelling of it, a text is.

        It is a guess at what the text of the last ``match`` meant, and counts to its look-ups.
        """
        if text not in self._meant:
            # Many flaws make the same of a text.
            self._meant[text] = self._ticket_of(text)
        return self._meant[text]

    def _ticket_of(self, text: str) -> Ticket | None:
        credential = parse(text)
        if credential.problem is not None:
            return None
        code, formats = credential.code, self._formats
        addressed = url_pattern.spellings(code, formats.urls)
        if (proof := self._proof(code, *addressed)) is not None:
            return proof.ticket
        if (shown := self._rotating(code, *addressed)) is not None:
            return shown[0]
        forms = (*spellings(code, aim=credential.aim), *addressed)
        found = {t.id: t for form in filter(self._fits, forms) if (t := self._look_up(form))}
        if (known := self._named(code, keeps_gs=False)) is not None:
            found = known.beside(found)
        self._require_unknown()
        return found.popitem()[1] if len(found) == 1 else None

    def _proof(self, *texts: str) -> Proof | None:
        """What the first of some texts that was signed proves."""
        return next((proof for one in texts if (proof := self.signed.find(one))), None)

    def meant_by_signature(self, text: str) -> Repaired | None:
        """What a scanner that types wrongly meant by the text of the last ``match``, if proved."""
        return self.signed.repaired(text, self._formats.urls)

    def is_spent(self) -> bool:
        """Whether something the last text may have meant was not looked up any more."""
        return self._is_spent

    def likeness(self, code: str) -> tuple[Flag, ...]:
        """How far the unknown code of the last ``match`` is like real ones.

        It has what is left of the scan's look-ups, so not all that is near is found.
        """
        if not self._fits(code):
            return ()
        left = MOST_LOOK_UPS - len(self._looked_up)
        tried = islice(filter(self._fits, neighbours(code)), left)
        is_near = any(self._look_up(one) is not None for one in tried)
        return (Flag.SHAPED, Flag.NEAR) if is_near else (Flag.SHAPED,)

    def is_like_another(self, number: str, ticket: str) -> bool:
        """Whether a number of retail, which is one ticket's, is a misread one of another ticket."""
        codes = (form for one in misread(number) for form in spellings(one))
        return any(one.id != ticket for one in self._with_codes(filter(self._fits, codes), 2))

    def typed(self, text: str) -> list[Ticket]:
        """Tickets whose code a person may mean by a text. To find, not to admit by."""
        return self._with_codes(filter(self._fits, hand_typed.forms(text)), MOST_LOOK_UPS)

    def typed_in_part(self, text: str, limit: int) -> list[Ticket]:
        """At most so many tickets whose code begins or ends so, where what lacks can be tried."""
        tried = (
            code for shape in self._all_shapes() for code in hand_typed.completions(text, shape)
        )
        return self._with_codes(islice(tried, hand_typed.MOST_COMPLETIONS), limit)

    def _with_codes(self, codes: Iterable[str], limit: int) -> list[Ticket]:
        """At most so many tickets of some codes. A miss is no fault here: it refuses nobody."""
        hashes, found = map(self.hash_of, codes), dict[str, Ticket]()
        while len(found) < limit and (some := list(islice(hashes, _CODES_A_TIME))):
            query = f"SELECT hash FROM code WHERE hash IN ({', '.join('?' * len(some))})"
            with self._replica.reading():
                held = self._replica.connection().execute(query, some).fetchall()
            for (hashed,) in held[: limit - len(found)]:
                if ticket := self._by_code(hashed):
                    found[ticket.id] = ticket
        return sorted(found.values(), key=lambda ticket: (ticket.holder, ticket.id))

    def _look_up(self, code: str) -> Ticket | None:
        if code[:1] in FRAMING:
            # No code begins so; what a code names does, and its hash is no code's that was lost.
            return None
        if code not in self._looked_up:
            if len(self._looked_up) >= MOST_LOOK_UPS:
                self._is_spent = True
                return None
            self._looked_up[code] = self._by_code(self.hash_of(code))
        return self._looked_up[code]

    def _named(self, code: str, *, keeps_gs: bool) -> _Known | None:
        """Whose is what a code names, in the formats that the event reads; ``None``: nothing is."""
        names = NOTHING if self._formats.are_text else named(code, self._formats, keeps_gs=keeps_gs)
        if not names:
            return None
        tickets = {
            ticket.id: ticket
            for identity, leg in names.items
            for ticket in self._known_by(identity)
            if is_of_leg(ticket, leg)
        }
        rivals = {t.id: t for one in names.rivals for t in self._known_by(one)} if tickets else {}
        return _Known(tuple(leg for _identity, leg in names.items), tickets, rivals)

    def _sharing(self, code: str) -> list[Ticket]:
        """The tickets that share a code; where no ticket is known by more, it costs no look-up."""
        changes = self._replica.changes()
        if changes != self._identities[0]:
            with self._replica.reading():
                connection = self._replica.connection()
                asked = (_HAS_IDENTITIES, _ANY_IDENTITY)
                is_any = all(connection.execute(one).fetchone() is not None for one in asked)
            self._identities = changes, is_any
        return self._known_by(shared(code), MOST_SHARING) if self._identities[1] else []

    def _known_by(self, identity: str, most: int | None = None) -> list[Ticket]:
        if len(self._looked_up) >= MOST_LOOK_UPS and identity not in self._looked_up:
            self._is_spent = True
            return []
        self._looked_up[identity] = None
        hashed = self.hash_of(identity)
        with self._replica.reading():
            connection = self._replica.connection()
            rows = rows_of(connection, hashed, most or MOST_OF_ONE)
            if not rows:
                self._lacking.append(hashed)
            return [self._in_row(number, hashed) for number in rows]

    def _in_row(self, number: int, hashed: bytes) -> Ticket:
        """The ticket of a row, which says itself that it is known so. Raises WrongChecksum."""
        row = self._replica.connection().execute(_BY_ROW, (number,)).fetchone()
        found = None if row is None else self._replica.checked(row)
        if row is None or found is None or hashed.hex() not in found.identities:
            msg = "wrong identity"
            raise WrongChecksum(msg)
        self._replica.follow(row[COLUMNS])
        return found

    def alphabet(self) -> str:
        """Classes of the characters in all codes of the event; empty where that is not known."""
        return "".join(sorted(set().union(*(shape.alphabet for shape in self._all_shapes()))))

    def _fits(self, text: str) -> bool:
        """Whether a text may be a code of the event."""
        shapes = self._all_shapes()
        return not shapes or any(shape.fits(text) for shape in shapes)

    def _all_shapes(self) -> tuple[Shape, ...]:
        """The shapes of the event's codes; empty where they are not known of every ticket."""
        if self._shapes is None:
            known = self._read_shapes("", "SELECT sum(tickets) FROM census")
            self._shapes = tuple(one for one in known if one) if all(known) else ()
        return self._shapes

    def _read_shapes(self, where: str, count: str, *of: str) -> list[Shape | None]:
        with self._replica.reading():
            rows = self._replica.connection().execute(f"{_SHAPES} {where}", of).fetchall()
            counted = self._replica.connection().execute(f"{count} {where}", of).fetchone()[0] or 0
            # Triggers count these, and cannot make a checksum.
            is_right = all(row[2] for row in rows) and counted == sum(row[1] for row in rows)
            if not is_right:
                msg = "wrong shapes"
                raise WrongChecksum(msg)
        return [read_shape(shape) for shape in {row[0] for row in rows if row[1]}]

    def _is_of_one_case(self, type_id: str, form: str) -> bool:
        """Whether all codes of a type are written in the case and width of this one."""
        count = "SELECT sum(tickets) FROM census"
        known = self._read_shapes("WHERE type_id = ?", count, type_id)
        classes = "".join(shape.alphabet for shape in known if shape)
        other = LOWER if form.upper() == form else UPPER
        has_other = other in classes and form.upper() != form.lower()
        return all(known) and not has_other and WIDE not in classes

    def _is_empty(self) -> bool:
        with self._replica.reading():
            found = self._replica.connection().execute(_ANY).fetchone()
            if found is not None:
                self._replica.follow(found[0])
        # Once the codes are gone none is unknown.
        return found is None or self._replica.is_bare()

    def _by_code(self, hashed: bytes) -> Ticket | None:
        with self._replica.reading():
            row = self._replica.connection().execute(_BY_CODE, (hashed,)).fetchone()
            if row is None:
                self._lacking.append(hashed)
                return None
            number, state, total = row[COLUMNS + 1 :]
            require(total, of_code, hashed, number, state)
            found = self._replica.checked(row, state)
            self._replica.follow(row[COLUMNS])
        return found

    def _require_unknown(self) -> None:
        """Raise DamagedError when the blocks have a code that was not found in its table."""
        lacking, self._lacking = self._lacking, []
        with self._replica.reading():
            for hashed in lacking:
                if names_code(self._replica.connection(), hashed):
                    msg = "a code is missing"
                    raise WrongChecksum(msg)

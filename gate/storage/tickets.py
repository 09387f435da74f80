"""The read side of the ticket replica: which ticket a code belongs to.

The pointer file names the live replica; a new one is a new file, so a reader never sees a file
change its identity.
"""

import os
import sqlite3
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from gate.core.model import Ticket, TicketType
from gate.core.ticket_feed import is_before
from gate.credential import (
    LOWER,
    UPPER,
    WIDE,
    Credential,
    Shape,
    code_hash,
    parse,
    read_shape,
)
from gate.credential.spellings import folded, spellings
from gate.errors import DamagedError, StoreError
from gate.i18n import _
from gate.storage import damage
from gate.storage.checksums import (
    WrongChecksum,
    ascending,
    names_code,
    of_code,
    of_named,
    of_text,
    of_ticket,
    read_meta,
    require,
)
from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica
from gate.storage.sqlite import cache_faults, faults, open_reader

_ticket = msgspec.json.Decoder(Ticket)
_ticket_type = msgspec.json.Decoder(TicketType)

SHORT = 6
"""Characters of a short id, at least."""
MOST_LOOK_UPS = 12
"""Of one scan, in all its spellings and repairs, whatever was scanned."""

# How far the replica is comes with the ticket: the worker may write between two statements.
_POSITION = "(SELECT sum || ' ' || value FROM meta WHERE key = 'cursor')"
_TICKET = """
    k.row, CAST(k.body AS BLOB), k.sum, t.id, CAST(t.body AS BLOB), t.sum"""
_OF_TYPE = "LEFT JOIN ticket_type t ON t.id = k.type_id"
_BY_CODE = f"""
SELECT {_TICKET}, {_POSITION}, c.ticket, c.state, c.sum
FROM code c LEFT JOIN ticket k ON k.row = c.ticket {_OF_TYPE} WHERE c.hash = ?
"""
_BY_ID = f"SELECT {_TICKET}, {_POSITION} FROM ticket k {_OF_TYPE} WHERE k.id = ?"
_EVERY = f"SELECT {_TICKET} FROM ticket k {_OF_TYPE} WHERE k.row > ? ORDER BY k.row LIMIT ?"
_ANY = f"SELECT {_POSITION} FROM ticket_type LIMIT 1"
_BESIDE = """
SELECT (SELECT max(id) FROM ticket WHERE id < :id), (SELECT min(id) FROM ticket WHERE id > :id)
"""
_BEGINS = "SELECT id FROM ticket WHERE id >= ? AND id < ? LIMIT 2"
_VOIDED = """
SELECT id FROM ticket WHERE json_extract(body, '$.voids') IS NOT NULL AND id > ?
ORDER BY id LIMIT ?
"""
_BY_NAME = f"""
SELECT {_TICKET} FROM holder h JOIN ticket k ON k.row = h.rowid {_OF_TYPE}
WHERE h.holder MATCH ? LIMIT ?
"""
_SHAPES = "SELECT shape, tickets, again = hex(shape) FROM shape"


@dataclass(frozen=True, slots=True)
class Census:
    """How many tickets there are of a type in a status."""

    type_id: str
    title: str
    status: str
    tickets: int


@dataclass(frozen=True, slots=True)
class Match:
    """Whose code a text is."""

    credential: Credential
    hashed: bytes
    """The keyed hash of the code as it stands."""
    tickets: tuple[Ticket, ...] = ()
    """None: nobody's. More than one: its spellings are different tickets', so it is nobody's."""

    @property
    def ticket(self) -> Ticket | None:
        """The one ticket it is."""
        return self.tickets[0] if len(self.tickets) == 1 else None


class Tickets:
    """The live replica, followed through its pointer file."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._stamp: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        self._path = folder.pointer
        self._pointer = str(folder.pointer)  # looked at before every scan
        self._key = b""
        self._built_ms = 0
        self._cursor = ""
        self._looked_up: dict[str, Ticket | None] = {}
        self._meant: dict[str, Ticket | None] = {}
        self._shapes: tuple[Shape, ...] | None = None
        self._is_spent = False
        self._lacking: list[bytes] = []
        """Hashes of this text's codes that were not found."""
        self._told: str | None = None
        """The cursor as it was read last, with its checksum."""
        self._floor = ""
        """How far the replica was that this one takes the place of."""

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._stamp = None

    def refresh(self) -> None:
        """Follow the pointer if it moved. Raises StoreError when there are no tickets."""
        try:
            stat = os.stat(self._pointer)  # noqa: PTH116  before every scan, so the quick way
        except OSError as error:
            self.close()
            if isinstance(error, FileNotFoundError):
                raise self._none() from None
            with faults(self._folder.pointer):
                raise
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._stamp or self._connection is None:
            self._open(stamp)

    @property
    def built_ms(self) -> int:
        """When the replica was made, Unix milliseconds: no true clock is earlier."""
        return self._built_ms

    @property
    def cursor(self) -> str:
        """How far the list in which was last looked has read the feed; empty for none."""
        return self._cursor

    @property
    def position(self) -> str:
        """Feed position, ``epoch:seq``, of the list in which was last looked; empty for none."""
        return self._cursor.rpartition(":")[0]

    @property
    def life(self) -> str:
        """The epoch of the feed that the list came by."""
        return self._cursor.partition(":")[0]

    def hash_of(self, code: str) -> bytes:
        """The keyed hash under which the replica knows a code."""
        self._live()
        return code_hash(self._key, code)

    def match(self, text: str, raw: bytes = b"", symbology: str = "") -> Match:
        """Whose code a text is, in any lossless spelling; as it stands it is looked up first.

        Letters of another case or width count only where all codes of a type are of one. Raises
        StoreError while there are no tickets at all.
        """
        self._looked_up, self._meant = {}, {}
        self._shapes, self._is_spent = None, False
        self._lacking = []
        credential = parse(text)
        hashed = self.hash_of(credential.code or text)
        if credential.problem is not None:
            return Match(credential, hashed)
        code = credential.code
        first = self._looked_up[code] = self._by_code(hashed)
        forms = spellings(code, raw, symbology, credential.aim)
        if first is not None and len(forms) == 1:
            return Match(credential, hashed, (first,))
        found: dict[str, Ticket] = {} if first is None else {first.id: first}
        for form in filter(self._fits, forms[1:]):
            ticket = self._look_up(form)
            if ticket is not None:
                found.setdefault(ticket.id, ticket)
        for form in filter(self._fits, folded(code) if not found else ()):
            ticket = self._look_up(form)
            if ticket is not None and self._is_of_one_case(ticket.type.id, form):
                found.setdefault(ticket.id, ticket)
        if first is None:
            self._require_unknown()
        if not found and self._is_empty():
            # A venue that has begun before its tickets came: nobody is to be turned away for it.
            raise self._none()
        return Match(credential, hashed, tuple(found.values()))

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
        forms = spellings(credential.code, aim=credential.aim)
        found = {t.id: t for form in filter(self._fits, forms) if (t := self._look_up(form))}
        self._require_unknown()
        return found.popitem()[1] if len(found) == 1 else None

    def is_spent(self) -> bool:
        """Whether something the last text may have meant was not looked up any more."""
        return self._is_spent

    def _look_up(self, code: str) -> Ticket | None:
        if code not in self._looked_up:
            if len(self._looked_up) >= MOST_LOOK_UPS:
                self._is_spent = True
                return None
            self._looked_up[code] = self._by_code(self.hash_of(code))
        return self._looked_up[code]

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
        with cache_faults(self._path):
            rows = self._live().execute(f"{_SHAPES} {where}", of).fetchall()
            counted = self._live().execute(f"{count} {where}", of).fetchone()[0] or 0
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

    def get(self, ticket: str) -> Ticket | None:
        """The ticket of that id."""
        with cache_faults(self._path):
            row = self._live().execute(_BY_ID, (ticket,)).fetchone()
            if row is None:
                return None
            found = self._checked(row)
            if found.id != ticket:
                msg = "wrong id"
                raise WrongChecksum(msg)
            self._follow(row[6])
        return found

    def search(self, name: str, limit: int = 50) -> list[Ticket]:
        """Tickets whose holder's name has every one of these words, or words that begin so."""
        words = searchable(name).split()
        if not words:
            return []
        query = " ".join('"' + word.replace('"', '""') + '"*' for word in words)
        with cache_faults(self._path):
            rows = self._live().execute(_BY_NAME, (query, limit)).fetchall()
            return sorted(map(self._checked, rows), key=lambda t: (t.holder, t.id))

    def every(self, page: int = 5000) -> Iterator[Ticket]:
        """All tickets, a page at a time, so that no reading lasts."""
        after = 0
        while True:
            with cache_faults(self._path):
                rows = self._live().execute(_EVERY, (after, page)).fetchall()
                found = [self._checked(row) for row in ascending(rows, after)]
            if not rows:
                return
            after = rows[-1][0]
            yield from found

    def isolated_ms(self) -> int:
        """For how long the event lets a gate go on that hears nobody; 0: without an end."""
        return int(self.meta("isolated_hours") or 0) * 3_600_000

    def types(self) -> list[TicketType]:
        """All ticket types."""
        with cache_faults(self._path):
            rows = self._live().execute("SELECT body FROM ticket_type ORDER BY id")
            return [_ticket_type.decode(body) for (body,) in rows]

    def census(self) -> list[Census]:
        """How many tickets there are, by type and status."""
        with cache_faults(self._path):
            rows = self._live().execute(
                "SELECT c.type_id, coalesce(json_extract(t.body, '$.title'), ''), c.status, "
                "c.tickets FROM census c JOIN ticket_type t ON t.id = c.type_id "
                "WHERE c.tickets > 0 ORDER BY c.type_id, c.status"
            )
            return [Census(*row) for row in rows]

    def short_of(self, ticket: str) -> str:
        """The beginning of a ticket's id, as long as it takes to be no other's."""
        with cache_faults(self._path):
            row = self._live().execute(_BESIDE, {"id": ticket}).fetchone()
        return ticket[: max(SHORT, *(_shared(ticket, one or "") + 1 for one in row))]

    def begins(self, text: str) -> Ticket | None:
        """The one ticket whose id begins so; ``None`` for several, or for less than a short id."""
        if len(text) < SHORT:
            return None
        with cache_faults(self._path):
            bound = (text, f"{text}\U0010ffff")
            rows = self._live().execute(_BEGINS, bound).fetchall()
        return self.get(rows[0][0]) if len(rows) == 1 else None

    def changed_since(self, seq: int) -> tuple[int, set[str] | None]:
        """How far the feed is here, and the tickets changed after a position.

        ``None`` for the tickets when that is not remembered: look at all of them.
        """
        with cache_faults(self._path):
            meta = read_meta(self._live())
            at, base = (int(meta.get(k, "::").split(":")[1] or 0) for k in ("cursor", "base"))
            if seq < base or seq > at:
                return at, None
            rows = self._live().execute(
                "SELECT ref FROM change WHERE seq > ? AND kind = 'ticket'", (seq,)
            )
            return at, {ref for (ref,) in rows}

    def voided(self, after: str = "", page: int = 5000) -> list[str]:
        """Ids of tickets that ever were void, a page at a time and in order."""
        with cache_faults(self._path):
            rows = ascending(self._live().execute(_VOIDED, (after, page)).fetchall(), after)
        return [id_ for (id_,) in rows]

    def meta(self, key: str) -> str:
        """A remark of whoever built the replica; empty when there is none."""
        with cache_faults(self._path):
            return read_meta(self._live()).get(key, "")

    def _is_empty(self) -> bool:
        with cache_faults(self._path):
            found = self._live().execute(_ANY).fetchone()
            if found is not None:
                self._follow(found[0])
        # Once the codes are gone none is unknown.
        return found is None or self._is_bare()

    def _is_bare(self) -> bool:
        """Whether names and codes were dropped, here or where the tickets come from."""
        return bool(self.meta("bare_ms")) or self.meta("dropped_ms") not in ("", "0")

    def _none(self) -> StoreError:
        if self._connection is not None and self._is_bare():
            hint = _("The event is over. For the next one use a new folder, with --data-dir.")
            return StoreError(_("the tickets' codes were dropped after the event"), hint)
        hint = _("Import some with: gate import FILE")
        if self._folder.enrolment.exists():
            hint = _("They come from the server or the other gates as soon as these have some.")
        return StoreError(_("no tickets on this device"), hint)

    def _live(self) -> sqlite3.Connection:
        if self._connection is None:
            self.refresh()
        assert self._connection is not None
        return self._connection

    def _by_code(self, hashed: bytes) -> Ticket | None:
        with cache_faults(self._path):
            row = self._live().execute(_BY_CODE, (hashed,)).fetchone()
            if row is None:
                self._lacking.append(hashed)
                return None
            number, state, total = row[7:]
            require(total, of_code, hashed, number, state)
            found = self._checked(row, state)
            self._follow(row[6])
        return found

    def _require_unknown(self) -> None:
        """Raise DamagedError when the blocks have a code that was not found in its table."""
        lacking, self._lacking = self._lacking, []
        with cache_faults(self._path):
            for hashed in lacking:
                if names_code(self._live(), hashed):
                    msg = "a code is missing"
                    raise WrongChecksum(msg)

    def _checked(self, row: tuple[Any, ...], state: str = "") -> Ticket:
        """The ticket of a row. Raises WrongChecksum."""
        number, body, total, type_id, kind, type_total = row[:6]
        require(total, of_ticket, number, body)
        require(type_total, of_named, type_id, kind)
        # The type is spliced in as a member, so that one decoding makes both.
        try:
            lead = b'{"code_state":"' + state.encode() + b'","type":' if state else b'{"type":'
            return _ticket.decode(lead + kind + b"," + body[1:])
        except (msgspec.DecodeError, UnicodeError, TypeError) as error:
            raise WrongChecksum(str(error)) from error

    def _follow(self, told: str | None) -> None:
        """Note how far the replica is. Raises WrongChecksum."""
        if told == self._told:
            return
        total, _space, cursor = str(told).partition(" ")
        require(total, _of_cursor, cursor)
        if self._floor and is_before(cursor, self._floor):
            raise StoreError(
                _("the tickets are being fetched again"), _("Wait a moment, then scan again.")
            )
        self._told, self._cursor = told, cursor

    def _open(self, stamp: tuple[int, int]) -> None:
        self.close()
        path = live_replica(self._folder)
        connection = open_reader(path)
        try:
            with cache_faults(path):
                meta = read_meta(connection)
            self._key = bytes.fromhex(meta["key"])
            self._built_ms = int(meta["built_ms"])
            self._cursor, self._told = meta.get("cursor", ""), None
            lost = damage.unmended(self._folder, damage.TICKETS)
            self._floor = lost.cursor if lost is not None and lost.file != path.name else ""
        except (KeyError, ValueError) as error:
            connection.close()
            raise DamagedError(
                _("{file} is no ticket file").format(file=path.name),
                _("Import the tickets again with: gate import FILE"),
                path,
            ) from error
        except StoreError:
            connection.close()
            raise
        self._connection, self._path, self._stamp = connection, path, stamp


def _of_cursor(cursor: str) -> str:
    return str(of_text("cursor", cursor))


def _shared(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def searchable(name: str) -> str:
    """A name as words to index and search: ideographs stand alone, so any part can be found."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(f" {c} " if _is_ideograph(c) else c if c.isalnum() else " " for c in plain)


def _is_ideograph(character: str) -> bool:
    return (
        "\u3040" <= character <= "\u30ff"
        or "\u3400" <= character <= "\u9fff"
        or "\uac00" <= character <= "\ud7af"
        or "\U00020000" <= character <= "\U0003ffff"
    )

"""The read side of the ticket replica: which ticket a code belongs to.

The pointer file names the live replica; a new one is a new file, so a reader never sees a file
change its identity.
"""

import os
import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

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
from gate.domain.model import Ticket, TicketType
from gate.errors import DamagedError, StoreError
from gate.language import _
from gate.store.folder import Folder
from gate.store.sqlite import faults, open_reader

_ticket = msgspec.json.Decoder(Ticket)
_ticket_type = msgspec.json.Decoder(TicketType)

SHORT = 6
"""Characters of a short id, at least."""
MOST_LOOK_UPS = 12
"""Of one scan, in all its spellings and repairs, whatever was scanned."""
FILE_NAME = re.compile(r"tickets-[0-9a-f]+-[0-9]+\.db")

# The type's JSON is spliced in as a member, so that one decoding makes both. How far the replica is
# comes with the ticket: the worker may write between two statements.
_BY_CODE = """
SELECT '{"code_state":"' || c.state || '","type":' || t.body || ',' || substr(k.body, 2),
    (SELECT value FROM meta WHERE key = 'cursor')
FROM code c JOIN ticket k ON k.row = c.ticket JOIN ticket_type t ON t.id = k.type_id
WHERE c.hash = ?
"""
_BY_ID = """
SELECT '{"type":' || t.body || ',' || substr(k.body, 2),
    (SELECT value FROM meta WHERE key = 'cursor')
FROM ticket k JOIN ticket_type t ON t.id = k.type_id WHERE k.id = ?
"""
_EVERY = """
SELECT '{"type":' || t.body || ',' || substr(k.body, 2), k.row
FROM ticket k JOIN ticket_type t ON t.id = k.type_id WHERE k.row > ? ORDER BY k.row LIMIT ?
"""
_ANY = "SELECT (SELECT value FROM meta WHERE key = 'cursor') FROM ticket_type LIMIT 1"
_BESIDE = """
SELECT (SELECT max(id) FROM ticket WHERE id < :id), (SELECT min(id) FROM ticket WHERE id > :id)
"""
_BEGINS = "SELECT id FROM ticket WHERE id >= ? AND id < ? LIMIT 2"
_VOIDED = """
SELECT id FROM ticket WHERE json_extract(body, '$.voids') IS NOT NULL AND id > ?
ORDER BY id LIMIT ?
"""
_BY_NAME = """
SELECT '{"type":' || t.body || ',' || substr(k.body, 2)
FROM holder h JOIN ticket k ON k.row = h.rowid JOIN ticket_type t ON t.id = k.type_id
WHERE h.holder MATCH ? LIMIT ?
"""


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
        credential = parse(text)
        hashed = self.hash_of(credential.code or text)
        if credential.problem is not None:
            return Match(credential, hashed)
        code = credential.code
        first = self._looked_up[code] = self._one(_BY_CODE, hashed)
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
        return found.popitem()[1] if len(found) == 1 else None

    def is_spent(self) -> bool:
        """Whether something the last text may have meant was not looked up any more."""
        return self._is_spent

    def _look_up(self, code: str) -> Ticket | None:
        if code not in self._looked_up:
            if len(self._looked_up) >= MOST_LOOK_UPS:
                self._is_spent = True
                return None
            self._looked_up[code] = self._one(_BY_CODE, self.hash_of(code))
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
            with faults(self._path):
                query = "SELECT DISTINCT shape FROM shape WHERE tickets > 0"
                rows = self._live().execute(query).fetchall()
            known = [read_shape(row[0]) for row in rows]
            self._shapes = tuple(one for one in known if one) if all(known) else ()
        return self._shapes

    def _is_of_one_case(self, type_id: str, form: str) -> bool:
        """Whether all codes of a type are written in the case and width of this one."""
        with faults(self._path):
            query = "SELECT shape FROM shape WHERE type_id = ? AND tickets > 0"
            rows = self._live().execute(query, (type_id,)).fetchall()
        known = [read_shape(row[0]) for row in rows]
        classes = "".join(shape.alphabet for shape in known if shape)
        other = LOWER if form.upper() == form else UPPER
        has_other = other in classes and form.upper() != form.lower()
        return all(known) and not has_other and WIDE not in classes

    def get(self, ticket: str) -> Ticket | None:
        """The ticket of that id."""
        return self._one(_BY_ID, ticket)

    def search(self, name: str, limit: int = 50) -> list[Ticket]:
        """Tickets whose holder's name has every one of these words, or words that begin so."""
        words = searchable(name).split()
        if not words:
            return []
        query = " ".join('"' + word.replace('"', '""') + '"*' for word in words)
        with faults(self._path):
            rows = self._live().execute(_BY_NAME, (query, limit)).fetchall()
        return sorted((self._decode(row[0]) for row in rows), key=lambda t: (t.holder, t.id))

    def every(self, page: int = 5000) -> Iterator[Ticket]:
        """All tickets, a page at a time, so that no reading lasts."""
        after = 0
        while True:
            with faults(self._path):
                rows = self._live().execute(_EVERY, (after, page)).fetchall()
            if not rows:
                return
            after = rows[-1][1]
            yield from (self._decode(row[0]) for row in rows)

    def isolated_ms(self) -> int:
        """For how long the event lets a gate go on that hears nobody; 0: without an end."""
        return int(self.meta("isolated_hours") or 0) * 3_600_000

    def types(self) -> list[TicketType]:
        """All ticket types."""
        with faults(self._path):
            rows = self._live().execute("SELECT body FROM ticket_type ORDER BY id")
            return [_ticket_type.decode(body) for (body,) in rows]

    def census(self) -> list[Census]:
        """How many tickets there are, by type and status."""
        with faults(self._path):
            rows = self._live().execute(
                "SELECT c.type_id, coalesce(json_extract(t.body, '$.title'), ''), c.status, "
                "c.tickets FROM census c JOIN ticket_type t ON t.id = c.type_id "
                "WHERE c.tickets > 0 ORDER BY c.type_id, c.status"
            )
            return [Census(*row) for row in rows]

    def short_of(self, ticket: str) -> str:
        """The beginning of a ticket's id, as long as it takes to be no other's."""
        with faults(self._path):
            row = self._live().execute(_BESIDE, {"id": ticket}).fetchone()
        return ticket[: max(SHORT, *(_shared(ticket, one or "") + 1 for one in row))]

    def begins(self, text: str) -> Ticket | None:
        """The one ticket whose id begins so; ``None`` for several, or for less than a short id."""
        if len(text) < SHORT:
            return None
        with faults(self._path):
            bound = (text, f"{text}\U0010ffff")
            rows = self._live().execute(_BEGINS, bound).fetchall()
        return self.get(rows[0][0]) if len(rows) == 1 else None

    def changed_since(self, seq: int) -> tuple[int, set[str] | None]:
        """How far the feed is here, and the tickets changed after a position.

        ``None`` for the tickets when that is not remembered: look at all of them.
        """
        with faults(self._path):
            meta = dict(self._live().execute("SELECT key, value FROM meta"))
            at, base = (int(meta.get(k, "::").split(":")[1] or 0) for k in ("cursor", "base"))
            if seq < base or seq > at:
                return at, None
            rows = self._live().execute(
                "SELECT ref FROM change WHERE seq > ? AND kind = 'ticket'", (seq,)
            )
            return at, {ref for (ref,) in rows}

    def voided(self, after: str = "", page: int = 5000) -> list[str]:
        """Ids of tickets that ever were void, a page at a time and in order."""
        with faults(self._path):
            rows = self._live().execute(_VOIDED, (after, page)).fetchall()
        return [id_ for (id_,) in rows]

    def meta(self, key: str) -> str:
        """A remark of whoever built the replica; empty when there is none."""
        with faults(self._path):
            row = self._live().execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return "" if row is None else str(row[0])

    def _is_empty(self) -> bool:
        with faults(self._path):
            found = self._live().execute(_ANY).fetchone()
        if found is not None:
            self._cursor = found[0] or ""
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

    def _one(self, query: str, wanted: str | bytes) -> Ticket | None:
        with faults(self._path):
            row = self._live().execute(query, (wanted,)).fetchone()
        if row is None:
            return None
        self._cursor = row[1] or ""
        return self._decode(row[0])

    def _decode(self, body: str) -> Ticket:
        try:
            return _ticket.decode(body)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise DamagedError(
                _("{file} holds a ticket that cannot be read: {detail}").format(
                    file=self._path.name, detail=error
                ),
                _("Call a supervisor, and import the tickets again."),
            ) from error

    def _open(self, stamp: tuple[int, int]) -> None:
        self.close()
        path = live_replica(self._folder)
        connection = open_reader(path)
        try:
            with faults(path):
                meta = dict(connection.execute("SELECT key, value FROM meta"))
            self._key = bytes.fromhex(meta["key"])
            self._built_ms = int(meta["built_ms"])
            self._cursor = meta.get("cursor", "")
        except (KeyError, ValueError) as error:
            connection.close()
            raise DamagedError(
                _("{file} is no ticket file").format(file=path.name),
                _("Import the tickets again with: gate import FILE"),
            ) from error
        except StoreError:
            connection.close()
            raise
        self._connection, self._path, self._stamp = connection, path, stamp


def live_replica(folder: Folder) -> Path:
    """The file the pointer names. Raises DamagedError when it names none."""
    with faults(folder.pointer):
        name = folder.pointer.read_text("utf-8", errors="replace").strip()
    path = folder.path / name
    if not FILE_NAME.fullmatch(name) or not path.is_file():
        raise DamagedError(
            _("{file} names no ticket file").format(file=folder.pointer.name),
            _("Import the tickets again with: gate import FILE"),
        )
    return path


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

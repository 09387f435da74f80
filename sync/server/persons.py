"""One person's data, told and erased on request, and erased again from a backup that comes back.

Entries stay, as everywhere: they name tickets by id, and no person. Every function works in the
transaction it is handed.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, insert, select

from gate.core.entry import Act
from gate.credential import code_hash, parse
from gate.i18n import _
from gate.storage.folder import sync_folder
from gate.storage.sqlite import faults
from sync.server import erasing, events, journals
from sync.server import tables as t
from sync.server.answers import answers_of
from sync.server.http import Denied
from sync.server.part import Finder, Part, Subject

FILE: Final = "erasures.jsonl"
_PERSON: Final = "person:"


class Erased(msgspec.Struct, frozen=True):
    """What was erased."""

    tickets: list[str]
    codes: int
    """Codes that parts held, those included by which a ticket went before."""


class _Line(NamedTuple):
    event: str
    what: str


def find(connection: Connection, event: str, asked: str, parts: Sequence[Part]) -> Subject:
    """Whose data are meant by ``ticket:…``, ``code:…``, what else parts know, or by the text.

    Raises Denied when it is nobody's, or when it is several people's as it stands.
    """
    finders = _finders(parts)
    kind, colon, rest = asked.partition(":")
    if colon and kind in finders:
        found = {_by_any(finders[kind], connection, event, rest)}
    else:
        found = {_by_any(some, connection, event, asked) for some in finders.values()}
    found.discard(Subject())
    if not found:
        raise Denied(404, "no_person", _("Nothing is held that goes by that."))
    if len(found) > 1:
        reason = _("That is a ticket, a code, an order or a person: say which, as in code:…")
        raise Denied(409, "ambiguous", reason)
    return found.pop()


def _by_ticket(connection: Connection, event: str, id_: str) -> Subject:
    query = select(t.ticket.c.id).where(t.ticket.c.event == event, t.ticket.c.id == id_)
    return Subject(frozenset(connection.execute(query).scalars()))


def _by_code(connection: Connection, event: str, code: str) -> Subject:
    hashed = code_hash(events.key_of(connection, event), parse(code).code)
    c = t.code.c
    query = select(c.ticket).where(c.event == event, c.hash == hashed)
    return Subject(frozenset(connection.execute(query).scalars()))


_FINDERS: Final[Mapping[str, Finder]] = {"ticket": _by_ticket, "code": _by_code}


def _finders(parts: Sequence[Part]) -> dict[str, list[Finder]]:
    """By kind: the server's own, and those of parts."""
    found = {kind: [finder] for kind, finder in _FINDERS.items()}
    for part in parts:
        for kind, finder in part.personal.finders.items():
            found.setdefault(kind, []).append(finder)
    return found


def _by_any(finders: Iterable[Finder], connection: Connection, event: str, asked: str) -> Subject:
    """Whose data go by a text of one kind, wherever they are."""
    return reduce(or_, (finder(connection, event, asked) for finder in finders))


def export(connection: Connection, event: str, asked: str, parts: Sequence[Part]) -> dict[str, Any]:
    """Everything that is held of a person. Raises Denied."""
    subject = find(connection, event, asked, parts)
    held: dict[str, Any] = {
        "event": event,
        "tickets": [_ticket(connection, event, id_) for id_ in sorted(subject.tickets)],
    }
    for part in parts:
        held |= part.personal.held(connection, event, subject)
    return held


def _ticket(connection: Connection, event: str, id_: str) -> dict[str, Any]:
    c, k = t.ticket.c, t.code.c
    body = connection.execute(select(c.body).where(c.event == event, c.id == id_)).scalar()
    codes = connection.execute(select(k.hash, k.state).where(k.event == event, k.ticket == id_))
    of = (t.change.c.event == event, t.change.c.ref == id_)
    stated = connection.execute(select(t.change.c.seq, t.change.c.body).where(*of))
    entries = journals.facts_of(connection, event, id_, tuple(Act))
    return {
        "id": id_,
        "stated": msgspec.Raw((body or "{}").encode()),
        "codes": {bytes(hashed).hex(): state for hashed, state in codes},
        "stated_before": {str(seq): msgspec.Raw(row.encode()) for seq, row in stated},
        "entries": entries,
        "answers": answers_of(connection, event, entries),
    }


def erase(
    connection: Connection, event: str, asked: str, folder: Path, parts: Sequence[Part]
) -> Erased:
    """Take from a person's tickets codes, names and orders: no gate opens for them any more.

    It is written down beside the database first, so that a backup cannot bring it back. Raises
    Denied, StoreError.
    """
    journals.lock(connection, event)
    return _erase(connection, event, find(connection, event, asked, parts), folder, parts)


def _erase(
    connection: Connection,
    event: str,
    subject: Subject,
    folder: Path | None,
    parts: Sequence[Part],
) -> Erased:
    lines = [_Line(event, id_) for id_ in sorted(subject.tickets)]
    lines += [_Line(event, one) for one in _hashes(connection, event, subject.openids)]
    if folder is not None:
        _write(folder, lines)
    codes = sum(part.personal.erase(connection, event, subject) for part in parts)
    gone = erasing.erase(connection, event, subject.tickets)
    _remember(connection, lines)
    return Erased(gone, codes)


def erased_text(erased: Erased) -> str:
    """What was erased, as the audit log has it."""
    return " ".join(erased.tickets)


def export_text(held: dict[str, Any]) -> str:
    """Whose data were told, as the audit log has it."""
    return " ".join(one["id"] for one in held["tickets"])


def keep_list(connection: Connection, folder: Path) -> int:
    """See to it that this server's folder knows what any server of its database has erased."""
    known = _read(folder)
    query = select(t.erased.c.event, t.erased.c.what)
    missing = [_Line(*row) for row in connection.execute(query) if _Line(*row) not in known]
    _write(folder, missing)
    return len(missing)


def erase_again(connection: Connection, folder: Path, parts: Sequence[Part]) -> int:
    """Erase what was erased after the backup that this database comes from; how many that is."""
    query = select(t.erased.c.event, t.erased.c.what)
    missing = _read(folder) - {_Line(*row) for row in connection.execute(query)}
    here = set(connection.execute(select(t.event.c.id)).scalars())
    by_event: dict[str, set[str]] = {}
    for event, what in missing:
        if event in here:
            by_event.setdefault(event, set()).add(what)
    for event, whats in by_event.items():
        journals.lock(connection, event)
        key = events.key_of(connection, event)
        hashed = {one for one in whats if one.startswith(_PERSON)}
        names = _people(connection, event, parts) if hashed else ()
        openids = frozenset(name for name in names if _hash(key, name) in hashed)
        _erase(connection, event, Subject(frozenset(whats - hashed), openids), None, parts)
        _remember(connection, [_Line(event, one) for one in whats])
    return sum(map(len, by_event.values()))


def _people(connection: Connection, event: str, parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        yield from part.personal.people(connection, event)


def _hashes(connection: Connection, event: str, openids: Iterable[str]) -> list[str]:
    key = events.key_of(connection, event)
    return [_hash(key, openid) for openid in sorted(openids)]


def _hash(key: bytes, openid: str) -> str:
    return f"{_PERSON}{code_hash(key, openid).hex()}"


def _remember(connection: Connection, lines: Iterable[_Line]) -> None:
    known = {_Line(*row) for row in connection.execute(select(t.erased.c.event, t.erased.c.what))}
    new = [{"event": event, "what": what} for event, what in lines if (event, what) not in known]
    if new:
        connection.execute(insert(t.erased), new)


def _read(folder: Path) -> set[_Line]:
    path = folder / FILE
    with faults(path):
        if not path.exists():
            return set()
        lines = path.read_bytes().splitlines()
    found = set()
    for line in lines:
        try:
            found.add(_Line(*msgspec.json.decode(line, type=tuple[str, str])))
        except (msgspec.DecodeError, UnicodeError):
            continue  # the power was cut while it was written, so nothing was erased yet
    return found


def _write(folder: Path, lines: Iterable[_Line]) -> None:
    content = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    if not content:
        return
    path = folder / FILE
    with faults(path):
        new = not path.exists()
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            # After a line that was cut.
            file.write(b"\n" + content)
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_folder(folder)

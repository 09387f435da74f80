"""Lists of tickets taken in at the server: all of them in one transaction, or none.

What is stated goes the way of every statement (``issuing``), so many rows at a time; of the whole
list only the ids are remembered, in a file that nobody sees.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from gate.clock import read_wall_ms
from gate.core.ticket import VOID, Status
from gate.credential import code_hash, parse
from gate.errors import UsageError
from gate.i18n import _
from gate.lists.intake import ERRORS_SHOWN, Completion, Imported, Wanted, bad_rows_fault
from gate.lists.rows import ListRow, open_lists
from gate.storage.ticket_rows import BadRow
from sync.server import audit, issuing, ticket_store
from sync.server.database import (
    Job,
    database_of,
    default_folder,
    in_transaction,
    open_database,
    reading,
)
from sync.server.devices import need_event
from sync.server.http import Denied

ROWS_AT_ONCE = 2000
_PLACE = re.compile(r"tickets\[(\d+)\]|types\[(\d+)\]")

Progress = Callable[[int, int], None]
"""Called now and then with the bytes read and the bytes there are."""


def import_lists(
    engine: Engine,
    event: str,
    folder: Path,
    paths: Sequence[Path],
    wanted: Wanted,
    *,
    within: Callable[[Job[Imported]], Job[Imported]],
    progress: Progress,
) -> Imported:
    """Take lists into an event; ``within`` adds to the transaction who did it.

    ``folder`` keeps what guests' codes follow from. Raises ImportFault with what is wrong, Denied
    where there is no such event; nothing was changed then.
    """

    def job(connection: Connection) -> Imported:
        with closing(_Intake(connection, event, folder, wanted)) as intake:
            imported = intake.read(paths, progress)
        if imported.bad and not wanted.dry_run:
            raise bad_rows_fault(imported)
        if wanted.dry_run:
            raise _OnlyShown(imported)
        return imported

    try:
        return in_transaction(engine, job if wanted.dry_run else within(job))
    except _OnlyShown as shown:
        return shown.imported


def import_at_console(
    database: str,
    folder: Path | None,
    event: str,
    paths: Sequence[Path],
    wanted: Wanted,
    *,
    progress: Progress,
) -> Imported:
    """Take lists in at the server's own database, which may be at work.

    Raises UsageError where there is none or no such event, ImportFault with what is wrong.
    """
    folder = folder or default_folder()
    engine = open_database(database_of(folder, database), must_exist=True)
    now_ms = read_wall_ms()

    def within(job: Job[Imported]) -> Job[Imported]:
        return audit.noted(job, audit.CONSOLE, "list", now_ms, event=event, about=audit_text)

    try:
        return import_lists(engine, event, folder, paths, wanted, within=within, progress=progress)
    except Denied as denied:
        raise UsageError(denied.problem.reason, _("Name one with --event.")) from denied
    finally:
        engine.dispose()


@contextmanager
def _reading(database: str, folder: Path, event: str) -> Iterator[Connection]:
    engine = open_database(database_of(folder, database), must_exist=True)
    try:
        with reading(engine) as connection:
            need_event(connection, event)
            yield connection
    except Denied as denied:
        raise UsageError(denied.problem.reason, _("Name one with --event.")) from denied
    finally:
        engine.dispose()


def known_guests(database: str, folder: Path, event: str) -> list[tuple[str, str]]:
    """The tickets of an event's guests without a code, id and name. Raises UsageError."""
    with _reading(database, folder, event) as connection:
        return ticket_store.guests_of(connection, event)


def tickets_of(database: str, folder: Path, event: str, codes: Sequence[str]) -> list[str]:
    """The ids of the tickets of some codes, empty for nobody's. Raises UsageError."""
    with _reading(database, folder, event) as connection:
        hashes = ticket_store.hashes_of(connection, event, codes)
        known = dict(ticket_store.owners_of(connection, event, list(hashes.values())))
        return [known.get(hashes[code], "") for code in codes]


def audit_text(imported: Imported) -> str | None:
    """What the audit log says of it; nothing where nothing is different."""
    if not imported.is_change:
        return None
    return (
        f"types {imported.types} tickets {imported.tickets} new {imported.new} "
        f"changed {imported.changed} cancelled {imported.cancelled}"
    )


class _OnlyShown(Exception):
    """A dry run has come to its end: its transaction is rolled back."""

    def __init__(self, imported: Imported) -> None:
        super().__init__()
        self.imported = imported


class _Intake:
    """Lists on their way into an event."""

    def __init__(self, connection: Connection, event: str, folder: Path, wanted: Wanted) -> None:
        need_event(connection, event)
        self._connection = connection
        self._event = event
        self._wanted = wanted
        known = (
            (id_, ticket_store.title_of(body))
            for id_, body in ticket_store.all_types(connection, event)
        )
        self._completion = Completion(
            wanted, known, folder, lambda: ticket_store.guests_of(connection, event)
        )
        self._key = ticket_store.key_of(connection, event)
        self._waiting: list[tuple[str, dict[str, Any]]] = []
        """Rows that are stated together next, and where they were."""
        # Of its own, on disk where it grows: a million ids are too many to remember.
        self._seen = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._seen.execute("CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID")

    def close(self) -> None:
        """Forget what was seen."""
        self._seen.close()

    def read(self, paths: Sequence[Path], progress: Progress) -> Imported:
        """Take in every row; what is wrong is told in the answer."""
        total = sum(path.stat().st_size for path in paths)
        imported = Imported(lists=open_lists(paths, self._wanted.reading))
        done = 0
        self._seen.execute("BEGIN")
        for one in imported.lists:
            for number, row in enumerate(one.rows, 1):
                imported.show(row)
                self._take(row, imported)
                if number % ROWS_AT_ONCE == 0:
                    progress(min(done + one.bytes_read(), total), total)
            self._state(imported)
            done += one.bytes_read()
            for note in one.notes:
                imported.note(note)
        if imported.tickets and not imported.bad:
            self._look_for_missing(imported)
        progress(total, total)
        return imported

    def _take(self, row: ListRow, imported: Imported) -> None:
        try:
            if isinstance(row.fields, BadRow):
                raise row.fields
            if row.is_type:
                self._state(imported)
                self._put_type(row.where, row.fields, imported)
                return
            whole, made = self._completion.whole(row.fields, imported)
            if made is not None:
                self._put_type(row.where, made, imported)
            code = parse(str(whole["code"]))
            id_ = str(whole.get("id") or code_hash(self._key, code.code).hex())
            if code.problem is None:
                self._see(id_)
            self._waiting.append((row.where, {**whole, "id": id_}))
        except BadRow as bad:
            imported.complain(f"{row.where}: {bad}")
        if len(self._waiting) >= ROWS_AT_ONCE:
            self._state(imported)

    def _is_seen(self, id_: str) -> bool:
        return self._seen.execute("SELECT 1 FROM seen WHERE id = ?", (id_,)).fetchone() is not None

    def _see(self, id_: str) -> None:
        """Remember a ticket. Raises BadRow where the lists have had it before."""
        added = self._seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", (id_,))
        if not added.rowcount:
            raise BadRow(_("this ticket has been in these files before"))

    def _put_type(self, where: str, row: dict[str, Any], imported: Imported) -> None:
        issued = self._issue(issuing.Issue(types=[row]), [where], imported)
        if issued is None:
            return
        self._completion.add_type(str(row["id"]), str(row.get("title", "")))
        imported.types += 1
        imported.types_changed += 1 - issued.unchanged
        zone = ticket_store.times_of_types(self._connection, self._event, [row["id"]])[row["id"]]
        imported.zones[zone.zone] = imported.zones.get(zone.zone, 0) + 1

    def _state(self, imported: Imported) -> None:
        """State the rows that wait."""
        waiting, self._waiting = self._waiting, []
        if not waiting or imported.bad > ERRORS_SHOWN:
            return
        rows = [row for _place, row in waiting]
        issued = self._issue(
            issuing.Issue(tickets=rows), [where for where, _row in waiting], imported
        )
        if issued is None:
            return
        for row in rows:
            imported.count(row["type"])
        imported.new += issued.new
        imported.changed += issued.tickets - issued.new - issued.unchanged

    def _issue(
        self, stated: issuing.Issue, where: Sequence[str], imported: Imported
    ) -> issuing.Issued | None:
        try:
            # What is wrong is told before anything is written.
            issued = issuing.issue(self._connection, self._event, stated)
        except issuing.Bad as bad:
            for error in bad.errors:
                imported.complain(_placed(error, where))
            return None
        for note in issued.notes:
            imported.note(_placed(note, where))
        return issued

    def _look_for_missing(self, imported: Imported) -> None:
        """Name, and cancel if that is wanted, the good tickets that no list has."""
        gone: list[dict[str, str]] = []
        for one in ticket_store.all_tickets(self._connection, self._event):
            if self._is_seen(one.id) or ticket_store.status_of(one.body) in VOID:
                continue
            imported.missing += 1
            if len(imported.named_missing) < ERRORS_SHOWN:
                imported.named_missing.append(
                    f"{one.id}  {ticket_store.holder_of(one.body)}".rstrip()
                )
            if self._wanted.cancel_missing:
                gone.append({"id": one.id, "status": Status.REVOKED.value})
            if len(gone) >= ROWS_AT_ONCE:
                self._cancel(gone, imported)
        self._cancel(gone, imported)

    def _cancel(self, gone: list[dict[str, str]], imported: Imported) -> None:
        if gone:
            issuing.issue(self._connection, self._event, issuing.Issue(changes=gone))
            imported.cancelled += len(gone)
            gone.clear()


def _placed(error: str, where: Sequence[str]) -> str:
    """With the file and line of the row that is meant in the place of its number."""
    return _PLACE.sub(lambda match: where[int(match[1] or match[2])], error, count=1)

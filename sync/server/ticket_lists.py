"""Lists of tickets taken in at the server: all of them, or none.

A list is read and checked first, while everybody else goes on, and put aside; then what is new in
it is on its way in (``pending``).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from gate.clock import read_wall_ms
from gate.core.ticket import VOID, Status
from gate.errors import UsageError
from gate.i18n import _
from gate.lists.intake import ERRORS_SHOWN, Completion, Imported, Wanted, bad_rows_fault
from gate.lists.rows import ListRow, open_lists
from gate.storage.row_values import BadRow
from gate.storage.ticket_rows import TicketBody, ticket_body, type_body
from sync.server import audit, erasing, events, issuing, rotating, ticket_store
from sync.server.aside import Aside
from sync.server.database import (
    Job,
    database_of,
    default_folder,
    open_database,
    reading,
)
from sync.server.devices import need_event
from sync.server.http import Denied
from sync.server.pending import AT_ONCE, PendingList, Writer, finish

ROWS_AT_ONCE = 2000

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

    def read(aside: Aside) -> Imported:
        with reading(engine) as connection:
            imported = _Intake(connection, event, folder, wanted, aside).read(paths, progress)
        if imported.bad and not (wanted.skip_bad or wanted.dry_run):
            raise bad_rows_fault(imported)
        return imported

    with closing(Aside()) as aside:
        if wanted.dry_run:
            return read(aside)
        with reading(engine) as connection:
            need_event(connection, event)
        writer = Writer(engine)
        pending_list = PendingList(writer, event)
        try:
            imported = read(aside)
            _fill(pending_list, aside, wanted)
            accept = within(partial(_accept, pending_list, imported, frees_codes=wanted.replace))
            writer.do(accept)
        except BaseException:
            pending_list.drop()
            raise
    finish(writer, event)
    return imported


def _accept(
    pending_list: PendingList, imported: Imported, connection: Connection, *, frees_codes: bool
) -> Imported:
    pending_list.accept(connection, frees_codes=frees_codes)
    return imported


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


class _Intake:
    """Lists read for an event: made into what is kept, checked, and put aside.

    Only read is the database meanwhile, so nobody waits for a file that is long, or wrong.
    """

    def __init__(
        self, connection: Connection, event: str, folder: Path, wanted: Wanted, aside: Aside
    ) -> None:
        need_event(connection, event)
        self._connection = connection
        self._event = event
        self._wanted = wanted
        self._now_ms = read_wall_ms()
        self._types = dict(ticket_store.all_types(connection, event))
        self._times = {id_: ticket_store.times_in(body) for id_, body in self._types.items()}
        known = ((id_, ticket_store.title_of(body)) for id_, body in self._types.items())
        self._completion = Completion(
            wanted, known, folder, lambda: ticket_store.guests_of(connection, event)
        )
        self._key = ticket_store.key_of(connection, event)
        self._secret = rotating.secret_of(connection, event)
        self._zone = events.row_of(connection, event).time_zone
        self._waiting: list[tuple[str, TicketBody]] = []
        """Tickets that are held against the database next, and where they were."""
        self.aside = aside

    def read(self, paths: Sequence[Path], progress: Progress) -> Imported:
        """Read every row; what is wrong is told in the answer."""
        total = sum(path.stat().st_size for path in paths)
        imported = Imported(lists=open_lists(paths, self._wanted.reading))
        done = 0
        for one in imported.lists:
            for number, row in enumerate(one.rows, 1):
                imported.show(row)
                self._take(row, imported)
                if number % ROWS_AT_ONCE == 0:
                    progress(min(done + one.bytes_read(), total), total)
            self._hold_against(imported)
            done += one.bytes_read()
            for note in one.notes:
                imported.note(note)
        if imported.tickets and (self._wanted.skip_bad or not imported.bad):
            self._look_for_missing(imported)
        progress(total, total)
        return imported

    def _take(self, row: ListRow, imported: Imported) -> None:
        try:
            if isinstance(row.fields, BadRow):
                raise row.fields
            if row.is_type:
                self._put_type(row.where, row.fields, imported)
                return
            whole, made = self._completion.whole(row.fields, imported)
            if made is not None:
                self._put_type(row.where, made, imported)
            of = self._times.get(str(whole.get("type", "")))
            with_keys = rotating.with_keys(whole, of, self._secret)
            ticket = ticket_body(with_keys, self._times.get, self._key)
            self.aside.put(ticket)
            for note in ticket.notes:
                imported.note(f"{row.where}: {note}")
            self._waiting.append((row.where, ticket))
        except BadRow as bad:
            imported.complain(f"{row.where}: {bad}", bad)
        if len(self._waiting) >= ROWS_AT_ONCE:
            self._hold_against(imported)

    def _put_type(self, where: str, row: dict[str, Any], imported: Imported) -> None:
        kept = type_body(row, self._zone)
        self._times[kept.id] = kept.times
        self._completion.add_type(kept.id, str(row.get("title", "")))
        if self._types.get(kept.id) != kept.body:
            self._types[kept.id] = kept.body
            imported.types_changed += 1
        self.aside.types.append(row)
        imported.types += 1
        imported.zones[kept.times.zone] = imported.zones.get(kept.times.zone, 0) + 1
        for note in kept.notes:
            imported.note(f"{where}: {note}")

    def _hold_against(self, imported: Imported) -> None:
        """Leave out what cannot be beside what the database has; count the others."""
        waiting, self._waiting = self._waiting, []
        good = []
        wrong = self._wrong([ticket for _where, ticket in waiting])
        for where, ticket in waiting:
            if reason := wrong.get(ticket.id):
                self.aside.leave_out(ticket)
                imported.complain(f"{where}: {reason}")
            else:
                good.append(ticket)
                imported.count(ticket.type_id)
        found = issuing.compared(self._connection, self._event, good, self._now_ms)
        self.aside.forget(found.same)
        imported.new += found.new
        imported.changed += len(good) - len(found.same) - found.new

    def _wrong(self, tickets: Sequence[TicketBody]) -> dict[str, str]:
        """Which tickets cannot be stated, by id, and why."""
        ids = {ticket.id for ticket in tickets}
        gone = _("this ticket was erased")
        wrong = dict.fromkeys(erasing.which_erased(self._connection, self._event, ids), gone)
        if not self._wanted.replace:
            for_ticket = {hashed: one.id for one in tickets for hashed in one.codes}
            taken = _("this code belongs to another ticket already")
            for hashed, owner in ticket_store.owners_of(
                self._connection, self._event, list(for_ticket)
            ):
                if owner != for_ticket[hashed]:
                    wrong[for_ticket[hashed]] = taken
        return wrong

    def _look_for_missing(self, imported: Imported) -> None:
        """Name the good tickets that no list has, and put those aside that are to go."""
        for one in ticket_store.all_tickets(self._connection, self._event):
            if self.aside.has(one.id) or ticket_store.status_of(one.body) in VOID:
                continue
            imported.missing += 1
            if len(imported.named_missing) < ERRORS_SHOWN:
                imported.named_missing.append(
                    f"{one.id}  {ticket_store.holder_of(one.body)}".rstrip()
                )
            if self._wanted.cancel_missing or self._wanted.replace:
                self.aside.put_gone(one.id)
                imported.cancelled += 1


def _fill(pending_list: PendingList, aside: Aside, wanted: Wanted) -> None:
    """Put what is to be stated beside the event's tables; what goes goes first."""
    for ids in aside.gone(AT_ONCE):
        pending_list.add_gone(ids, Status.DELETED if wanted.replace else Status.REVOKED)
    pending_list.add_types(aside.types)
    for tickets in aside.tickets(AT_ONCE):
        pending_list.add(tickets, frees_codes=wanted.replace)

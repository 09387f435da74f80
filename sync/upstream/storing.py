"""A page of an upstream is stored: its rows, what others did on its tickets, and the cursor behind.

All in one transaction, and only while the lease is ours. Every function works in the transaction
it is handed.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from gate import settings
from gate.core.entry import CENTRAL, CHECK_OUT, Act
from gate.core.outcome import Outcome
from gate.core.place import Direction
from gate.errors import UsageError
from gate.i18n import _
from sync.server import erasing, intake, issuing, journals, signing, ticket_store
from sync.server.event_settings import change_settings
from sync.server.issuing import Bad, Issue, Over
from sync.server.prepared import in_parts, put
from sync.upstream import left_out, links, missing, outbox
from sync.upstream import tables as t
from sync.upstream.links import Link
from sync.upstream.seam import Movement, Page, StoppedError

log = logging.getLogger(__name__)
_MOVED: Final = {
    Act.ADMISSION: (Direction.IN, Outcome.ADMIT),
    Act.EXIT: (Direction.OUT, Outcome.EXIT),
}


def store(
    connection: Connection, link: Link, holder: str, page: Page, now_ms: int
) -> frozenset[str] | None:
    """Store the page after a link's cursor; which tickets are to be asked for again.

    The answer is ``None``, and nothing is changed, if the lease was lost or the cursor set
    meanwhile.

    Raises StoppedError where the event takes no tickets any more.
    """
    journals.lock(connection, link.event)
    stands: dict[str, Any] = {
        "cursor": page.cursor,
        "is_complete": page.is_complete or link.is_complete,
        "pull_ms": now_ms + round(page.again_s * 1000),
        "pull_failures": 0,
        "pull_error": "",
    }
    if page.was_heard:
        stands["heard_ms"] = now_ms
    stands |= {"done": page.done, "total": page.total} if page.total else {}
    if not links.move(connection, link, holder, **stands):
        return None
    if page.rules:
        _state_rules(connection, link.event, page.rules)
    wrong = _issue(connection, link.event, page.issue, now_ms)
    met = [str(row["id"]) for row in page.issue.tickets]
    missing.forget(connection, link.event, met)
    _move(connection, link, set(met) - wrong.keys(), page.movements, now_ms)
    left_out.keep(connection, link.event, met, wrong, now_ms)
    if page.run:
        put(connection, t.upstream_met, [(link.event, id_, page.run) for id_ in met], "run")
        outbox.compare(connection, link.event, met, page.told)
    if page.ends_run:
        left_out.compare(connection, link.event, page.run)
        missing.compare(connection, link.event, page.run, now_ms)
    problem = _believe(connection, link.event, page)
    if page.keep is not None:
        page.keep(connection)
    if problem:
        links.note(connection, link.event, holder, pull_error=problem)
    _mark(connection, link.event, met, page.marks)
    other = _marked_otherwise(connection, link.event, page.marks) if page.compares_marks else None
    if other:
        links.note(connection, link.event, holder, pull_ms=now_ms)
    return other or frozenset()


def _mark(
    connection: Connection, event: str, tickets: Sequence[str], marks: Mapping[str, str]
) -> None:
    """Keep by what marks tickets are stated: only stating one again changes what is kept."""
    m = t.upstream_mark.c
    for some in in_parts(tickets):
        connection.execute(delete(t.upstream_mark).where(m.event == event, m.ticket.in_(some)))
    rows = [(event, id_, marks[id_]) for id_ in tickets if id_ in marks]
    if rows:
        put(connection, t.upstream_mark, rows, "mark")


def _marked_otherwise(
    connection: Connection, event: str, marks: Mapping[str, str]
) -> frozenset[str]:
    """Tickets that are here and were stated by another mark than they have now."""
    m = t.upstream_mark.c
    had = {
        row.ticket: row.mark
        for row in connection.execute(select(m.ticket, m.mark).where(m.event == event))
    }
    other = sorted(id_ for id_ in had.keys() | marks.keys() if had.get(id_) != marks.get(id_))
    return frozenset(ticket_store.find_tickets(connection, event, other))


def _believe(connection: Connection, event: str, page: Page) -> str:
    """Believe its keys, and bar what they have signed that is not good; what is wrong, in words."""
    problem = ""
    for key in page.keys:
        try:
            signing.add_pretix_key(connection, event, key)
        except UsageError as error:
            problem = error.message
    for code, status in page.barred.items():
        try:
            signing.bar(connection, event, {code: status})
        except Bad as bad:
            # Of a type that is not stated here it could not come in anyhow.
            log.warning("event=%s a barred code cannot be taken: %s", event, bad.errors[0])
    return problem


def _state_rules(connection: Connection, event: str, rules: Mapping[str, Any]) -> None:
    """State settings of the event; of what this program does not know nothing is silently green."""
    try:
        change_settings(
            connection,
            event,
            lambda had: settings.patched(had, {"rules": rules}, may_be_newer=True),
        )
    except UsageError as error:
        raise StoppedError(error.message, error.hint) from error


def _issue(connection: Connection, event: str, stated: Issue, now_ms: int) -> dict[str, str]:
    """State rows; of tickets that cannot be stated, by id, why not: all others are."""
    if not (stated.types or stated.tickets):
        return {}
    ids = {str(row["id"]) for row in stated.tickets}
    gone = set(erasing.which_erased(connection, event, ids))
    rows = [row for row in stated.tickets if row["id"] not in gone]
    _free_codes(connection, event, rows)
    try:
        issuing.issue(connection, event, replace(stated, tickets=rows), now_ms)
    except Over as over:
        raise StoppedError(str(over)) from over
    except Bad:
        return _issue_each(connection, event, replace(stated, tickets=rows), now_ms)
    return {}


def _issue_each(connection: Connection, event: str, stated: Issue, now_ms: int) -> dict[str, str]:
    """One row that cannot be must not keep the others out."""
    issuing.issue(connection, event, replace(stated, tickets=()), now_ms)
    wrong = {}
    for row in stated.tickets:
        try:
            issuing.issue(connection, event, Issue(tickets=[row], is_exact=stated.is_exact), now_ms)
        except Bad as bad:
            wrong[str(row["id"])] = f"{row['id']}: {bad.errors[0]}"
            log.warning("event=%s ticket=%s cannot be taken", event, row["id"])
    return wrong


def _free_codes(connection: Connection, event: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Whose a code is the upstream says: another ticket of before lets go of it."""
    owner = {code: str(row["id"]) for row in rows for code in row.get("old_codes", ())} | {
        code: str(row["id"]) for row in rows for code in (row["code"], *row.get("other_codes", ()))
    }
    hashes = ticket_store.hashes_of(connection, event, list(owner))
    by_hash = {hashed: owner[code] for code, hashed in hashes.items()}
    for hashed, ticket in list(ticket_store.owners_of(connection, event, list(by_hash))):
        if ticket != by_hash[hashed]:
            ticket_store.release(connection, event, hashed)


def _move(
    connection: Connection,
    link: Link,
    tickets: set[str],
    movements: Sequence[Movement],
    now_ms: int,
) -> None:
    """Make entries of what others did on some tickets, once each, and undo what they took back."""
    m = t.upstream_movement.c
    known: dict[str, tuple[str, str]] = {}
    for some in in_parts(sorted(tickets)):
        query = select(m.ref, m.ticket, m.entry).where(m.event == link.event, m.ticket.in_(some))
        known |= {row.ref: (row.ticket, row.entry) for row in connection.execute(query)}
    new = [one for one in movements if one.ref not in known and one.ticket in tickets]
    found = ticket_store.find_tickets(connection, link.event, sorted({o.ticket for o in new}))
    for one in sorted(new, key=lambda one: (one.at_ms, one.ref)):
        if one.ticket in found:
            _record(connection, link, one, found[one.ticket].type.id, now_ms)
    standing = {one.ref for one in movements}
    for ref, (ticket, entry) in known.items():
        if ref not in standing:
            intake.record(
                connection, link.event, now_ms, _after(connection, link.event, ticket),
                act=Act.ANNULMENT, ticket=ticket, target=entry, source=link.kind,
                note=_("taken back in {upstream}").format(upstream=link.kind),
            )  # fmt: skip
            connection.execute(
                delete(t.upstream_movement).where(m.event == link.event, m.ref == ref)
            )


def _record(connection: Connection, link: Link, one: Movement, type_id: str, now_ms: int) -> None:
    facts = journals.facts_of(connection, link.event, one.ticket)
    if one.is_check_out and any(
        fact.source == CHECK_OUT for fact in facts if fact.at_ms == one.at_ms
    ):
        # Both keep it, by one setting: whoever is second has nothing to add.
        return
    direction, outcome = _MOVED[one.act]
    earlier = sum(fact.act is Act.ADMISSION and fact.device == CENTRAL for fact in facts)
    is_admission = one.act is Act.ADMISSION
    made = intake.record(
        connection, link.event, now_ms, [fact.hlc for fact in facts], at_ms=one.at_ms,
        act=one.act, direction=direction, outcome=outcome, ticket=one.ticket, ticket_type=type_id,
        uses=int(is_admission), persons=1, ordinal=earlier if is_admission else None,
        note=one.note, source=link.kind,
    )  # fmt: skip
    connection.execute(
        insert(t.upstream_movement).values(
            event=link.event, ref=one.ref, ticket=one.ticket, entry=made.name
        )
    )


def _after(connection: Connection, event: str, ticket: str) -> list[int]:
    return [fact.hlc for fact in journals.facts_of(connection, event, ticket)]

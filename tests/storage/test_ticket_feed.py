"""No change is skipped: many writers, rollbacks, and a reader that is always right behind."""

import random
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, insert, select, update

from gate.core.ticket_feed import Changes, ResyncNeeded
from gate.storage.folder import Folder
from gate.storage.ticket_feed import TicketFeed
from gate.storage.tickets import Tickets
from sync.server import events, feed, issuing, ticket_store
from sync.server import tables as t
from sync.server.database import in_transaction, open_database
from tests.conftest import needs
from tests.support import postgres
from tests.support.venue import NOW_MS
from tests.system.simulation import join, write_snapshot

EVENT = "show"
WRITERS, EACH = 6, 25


@pytest.fixture(scope="module")
def pg_url() -> Iterator[str]:
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    with postgres.postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """The server's database, with an event."""
    url = f"sqlite:///{tmp_path}/central.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("pg_url")
    engine = open_database(url)
    with engine.begin() as connection:
        for table in reversed(t.metadata.sorted_tables):
            if table is not t.meta:
                connection.execute(table.delete())
        events.create_event(connection, EVENT, "Show", "UTC", NOW_MS)
        issuing.issue(connection, EVENT, issuing.Issue([{"id": "A", "kind": "meeting"}]))
    yield engine
    engine.dispose()


class RolledBack(Exception):
    """Somebody changed their mind."""


Write = Callable[[Engine, str, random.Random], None]


def proper(engine: Engine, id_: str, chance: random.Random) -> None:
    """A ticket, as the server issues it, in a transaction that takes its time."""

    def job(connection: Connection) -> None:
        rows = [{"code": f"CODE-{id_}", "type": "A", "id": id_}]
        issuing.issue(connection, EVENT, issuing.Issue(tickets=rows))
        _pause(chance)
        if chance.random() < 0.1:
            raise RolledBack

    in_transaction(engine, job)


def naive(engine: Engine, id_: str, chance: random.Random) -> None:
    """The mutation: a number as a sequence gives it, before the transaction that uses it."""

    def take(connection: Connection) -> int:
        connection.execute(update(t.stream).values(head=t.stream.c.head + 1))
        return int(connection.execute(select(t.stream.c.head)).scalar_one())

    seq = in_transaction(engine, take)
    _pause(chance)
    if chance.random() < 0.1:
        raise RolledBack
    with engine.begin() as connection:
        connection.execute(
            insert(t.change).values(
                event=EVENT, seq=seq, id=secrets.token_hex(8), kind="ticket", ref=id_,
                body="{}", codes="{}", link=b"",
            )
        )  # fmt: skip


def _pause(chance: random.Random) -> None:
    threading.Event().wait(chance.random() * 0.008)


def deliver(engine: Engine, write: Write) -> tuple[set[str], list[str]]:
    """Write from many threads and read meanwhile: what was committed, what was delivered."""
    committed: set[str] = set()
    begin = threading.Barrier(WRITERS + 1)

    def work(number: int) -> None:
        chance = random.Random(number)
        begin.wait()
        for n in range(EACH):
            id_ = f"t{number}-{n}"
            try:
                write(engine, id_, chance)
            except RolledBack:
                continue
            committed.add(id_)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    delivered: list[str] = []
    with engine.connect() as connection:
        cursor = feed.cursor_of(connection, EVENT)
    begin.wait()
    while True:
        is_over = not any(thread.is_alive() for thread in threads)
        with engine.connect().execution_options(reads_only=True) as connection:
            page = feed.changes(connection, EVENT, cursor, NOW_MS, 7)
        delivered += [change.ref for change in page.changes]
        cursor = page.cursor
        if is_over and not page.changes:
            break
    for thread in threads:
        thread.join()
    return committed, delivered


def test_nothing_is_skipped_and_nothing_comes_twice(engine: Engine) -> None:
    """Everything that was committed, in order, once."""
    committed, delivered = deliver(engine, proper)
    assert len(committed) > WRITERS * EACH / 2
    assert sorted(delivered) == sorted(committed)


@pytest.mark.long
def test_a_naive_cursor_skips(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers that are not taken in the transaction that uses them lose changes."""
    monkeypatch.setattr(feed, "_is_known", lambda *_args: True)
    committed, delivered = deliver(engine, naive)
    assert len(delivered) < len(committed)


def test_a_page_and_its_cursor_are_one(engine: Engine, tmp_path: Path) -> None:
    """The replica follows the feed: new, changed and voided tickets, names included."""
    folder = Folder(tmp_path / "gate")
    folder.create()
    gate_feed = TicketFeed(folder)
    part = folder.path / "snapshot.part"
    with engine.begin() as connection:
        rows = [{"code": "OLD", "type": "A", "id": "t1", "holder": "Ann Li"}]
        issuing.issue(connection, EVENT, issuing.Issue(tickets=rows))
    with engine.begin() as connection:
        join(connection, folder)
        snapshot = write_snapshot(connection, part, NOW_MS)
    gate_feed.install(part, snapshot)
    with engine.begin() as connection:
        changes = [{"id": "t1", "holder": "Bo Ek", "status": "revoked", "status_note": "refund"}]
        more = [{"code": "NEW", "type": "A", "id": "t2"}]
        issuing.issue(connection, EVENT, issuing.Issue(tickets=more, changes=changes))
    replica = Tickets(folder)
    known = replica.get("t1")
    assert known is not None
    assert known.holder == "Ann Li"
    with engine.connect() as connection:
        page = feed.changes(connection, EVENT, gate_feed.cursor, NOW_MS)
    gate_feed.apply(page)
    found = replica.codes.match("NEW").ticket
    assert found is not None
    assert found.id == "t2"
    void = replica.codes.match("OLD").ticket
    assert void is not None
    assert (void.status, void.holder, void.status_note) == ("revoked", "Bo Ek", "refund")
    assert [one.id for one in replica.search("bo")] == ["t1"]
    assert replica.search("ann") == []
    with engine.connect() as connection:
        assert feed.changes(connection, EVENT, gate_feed.cursor, NOW_MS) == Changes(
            [], gate_feed.cursor
        )
    replica.close()
    gate_feed.close()


def test_a_code_that_is_taken_away_opens_nothing(engine: Engine) -> None:
    """Stated anew with another code, the old one is replaced; another ticket cannot have it."""
    with engine.begin() as connection:
        issuing.issue(
            connection,
            EVENT,
            issuing.Issue(tickets=[{"code": "ONE", "type": "A", "id": "t1"}]),
        )
        issuing.issue(
            connection,
            EVENT,
            issuing.Issue(tickets=[{"code": "TWO", "type": "A", "id": "t1"}]),
        )
        (kept,) = ticket_store.all_tickets(connection, EVENT)
        assert sorted(str(state) for state in kept.codes.values()) == ["live", "replaced"]
        with pytest.raises(issuing.Bad, match="another ticket"):
            issuing.issue(
                connection,
                EVENT,
                issuing.Issue(tickets=[{"code": "ONE", "type": "A", "id": "x"}]),
            )


def test_a_bad_row_changes_nothing(engine: Engine) -> None:
    """All or nothing, with every row that is wrong."""
    with engine.begin() as connection:
        before = feed.cursor_of(connection, EVENT)
        rows = [{"code": "GOOD", "type": "A"}, {"code": "BAD", "type": "NONE"}, {"code": ""}]
        with pytest.raises(issuing.Bad) as bad:
            issuing.issue(connection, EVENT, issuing.Issue(tickets=rows))
        assert len(bad.value.errors) == 2
        assert feed.cursor_of(connection, EVENT) == before


@pytest.mark.parametrize("cursor", ["", "x", "0:0:", "1:2:3:4", "ffffffffffffffff:1:", "a:99999:b"])
def test_a_cursor_of_another_life_is_told_to_resync(engine: Engine, cursor: str) -> None:
    """Never a page that may have holes."""
    with engine.connect() as connection, pytest.raises(ResyncNeeded):
        feed.changes(connection, EVENT, cursor, NOW_MS)

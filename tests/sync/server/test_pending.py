"""A list on its way in: whole or not at all, whoever dies, and nobody waits for all of it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, select, update

from gate.core.ticket import CodeState, Status
from gate.errors import ImportFault
from gate.lists.intake import Imported, Wanted
from sync.server import erasing, events, issuing, pending, ticket_lists, ticket_store
from sync.server import tables as t
from sync.server.database import GroupCommit, database_of, in_transaction, open_database, reading
from sync.server.pending import PendingList, Writer
from sync.server.ticket_lists import import_lists
from tests.conftest import needs
from tests.support import postgres

ROWS = 40


class Died(BaseException):
    """The program was killed here."""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A server's database with an event; ten rows are stated at a time."""
    monkeypatch.setattr(pending, "AT_ONCE", 10)
    monkeypatch.setattr(ticket_lists, "AT_ONCE", 10)
    monkeypatch.setattr(pending, "LEAST_PAUSE_S", 0.0)
    engine = open_database(database_of(tmp_path))
    in_transaction(engine, lambda c: events.create_event(c, "gala", "Gala", "UTC", 1))
    yield engine
    engine.dispose()


def take_in(engine: Engine, path: Path, rows: int = ROWS) -> Imported:
    """Import a list of so many tickets."""
    path.write_text("\n".join(["code,id,type", *(f"C{n},t{n:05},gala" for n in range(rows))]))
    return import_lists(
        engine, "gala", path.parent, [path], Wanted(make_kind="meeting"),
        within=lambda job: job, progress=lambda _done, _total: None,
    )  # fmt: skip


def there(engine: Engine) -> int:
    with reading(engine) as connection:
        return len(list(ticket_store.all_tickets(connection, "gala")))


def left(engine: Engine) -> int:
    """Rows of lists that are beside the event's tables."""
    with reading(engine) as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (t.pending, t.pending_code, t.pending_list)
        ]
    return sum(counts)


def dies_after(monkeypatch: pytest.MonkeyPatch, name: str, times: int) -> None:
    """Kill the importing program at a step, when it was done so often."""
    step: Callable[..., bool] = getattr(pending, name)
    done = [0]

    def last(*arguments: object, **more: object) -> bool:
        if done[0] == times:
            raise Died
        done[0] += 1
        return step(*arguments, **more)

    monkeypatch.setattr(pending, name, last)


@pytest.mark.parametrize("times", [0, 1, 3])
def test_what_was_accepted_comes_whole(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Whenever its importer dies: the next server that starts goes on."""
    with monkeypatch.context() as patched:
        dies_after(patched, "_state_some", times)
        with pytest.raises(Died):
            take_in(engine, tmp_path / "list.csv")
    assert there(engine) == max(0, 10 * (times - 1))  # the type is the first step
    row = {"code": f"C{ROWS - 1}", "id": "other", "type": "gala"}
    if times:
        with pytest.raises(issuing.Bad, match="another ticket"):
            in_transaction(engine, lambda c: issuing.issue(c, "gala", issuing.Issue(tickets=[row])))
    pending.resume(engine, threading.Event())
    assert there(engine) == ROWS
    assert left(engine) == 0


def test_without_going_on_it_would_be_half(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation beside the test above: an acceptance that nobody finds again."""
    with monkeypatch.context() as patched:
        dies_after(patched, "_state_some", 3)
        with pytest.raises(Died):
            take_in(engine, tmp_path / "list.csv")
    in_transaction(engine, lambda c: c.execute(update(t.pending_list).values(is_accepted=0)))
    pending.resume(engine, threading.Event())
    assert 0 < there(engine) < ROWS


def test_what_was_not_accepted_does_not_come(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its importer was killed while it filled: its codes are free for the next list."""
    with monkeypatch.context() as patched:
        patched.setattr(PendingList, "accept", lambda *_arguments, **_more: die())
        patched.setattr(PendingList, "drop", lambda _self: None)
        with pytest.raises(Died):
            take_in(engine, tmp_path / "list.csv")
    assert there(engine) == 0
    assert left(engine) > ROWS
    pending.resume(engine, threading.Event())
    assert left(engine) > ROWS  # another server may be filling it
    path = tmp_path / "other.csv"
    path.write_text("code,id,type\nC1,another,gala\n")
    assert import_lists(
        engine, "gala", tmp_path, [path], Wanted(make_kind="meeting"),
        within=lambda job: job, progress=lambda _done, _total: None,
    ).new == 1  # fmt: skip
    assert (there(engine), left(engine)) == (1, 0)
    monkeypatch.setattr(pending, "STALE_MS", -1)
    PendingList(Writer(engine), "gala")
    pending.resume(engine, threading.Event())
    assert left(engine) == 0


def die() -> None:
    raise Died


def test_of_two_lists_the_later_one_comes(engine: Engine) -> None:
    """The other is told so when it goes on."""
    first = PendingList(Writer(engine), "gala")
    first.add_types([{"id": "gala", "kind": "meeting"}])
    second = PendingList(Writer(engine), "gala")
    assert left(engine) == 1
    with pytest.raises(ImportFault, match="another list"):
        first.add_types([{"id": "gala", "kind": "meeting"}])
    first.drop()
    assert left(engine) == 1
    second.drop()
    assert left(engine) == 0


def test_who_was_erased_meanwhile_stays_so(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All others come."""
    take_in(engine, tmp_path / "list.csv", 5)
    finish = pending.finish

    def late(writer: Writer, event: str) -> None:
        in_transaction(engine, lambda c: erasing.erase(c, event, ["t00003"]))
        finish(writer, event)

    monkeypatch.setattr(ticket_lists, "finish", late)
    monkeypatch.setattr(issuing, "compared", lambda *all_: issuing.Compared(len(all_[2]), []))
    take_in(engine, tmp_path / "list.csv", 20)
    assert (there(engine), left(engine)) == (20, 0)
    with reading(engine) as connection:
        found = {one.id: one.codes for one in ticket_store.all_tickets(connection, "gala")}
    assert found["t00003"] == {}
    assert list(found["t00004"].values()) == [CodeState.LIVE]


def waits(engine: Engine, monkeypatch: pytest.MonkeyPatch, job: Callable[[], object]) -> list[int]:
    """For how many rows of a list each push of a lane waits, one after the other, during a job."""
    commit, found, done = GroupCommit(engine), list[int](), threading.Event()
    state, stated = pending._state, [0]

    def counted(connection: Connection, event: str, rows: Sequence[Any], **more: Any) -> None:
        state(connection, event, rows, **more)
        stated[0] += len(rows)

    def push() -> None:
        while not done.is_set():
            before = stated[0]
            commit.do(lambda c: c.execute(update(t.event).values(is_bare=0)))
            found.append(stated[0] - before)
            time.sleep(0.005)

    pushing = threading.Thread(target=push)
    with monkeypatch.context() as patched:
        patched.setattr(pending, "_state", counted)
        pushing.start()
        try:
            job()
        finally:
            done.set()
            pushing.join()
            commit.close()
    return found


def test_nobody_waits_for_all_of_it(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A push gets in between any few parts, also while the same list is read again."""

    def again() -> None:
        take_in(engine, tmp_path / "list.csv", 2000)

    found = waits(engine, monkeypatch, again)
    assert there(engine) == 2000
    assert len(found) > 50
    assert max(found) < 500
    assert waits(engine, monkeypatch, again)


@pytest.mark.long
def test_at_once_it_would_be_waited_for(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation beside the test above: all rows in one transaction make a push wait."""
    monkeypatch.setattr(pending, "AT_ONCE", 10**6)
    found = waits(engine, monkeypatch, lambda: take_in(engine, tmp_path / "list.csv", 2000))
    assert there(engine) == 2000
    assert max(found) >= 2000


def test_replaced_tickets_go_first(engine: Engine, tmp_path: Path) -> None:
    """So their codes are free for those that come, in whatever part."""
    take_in(engine, tmp_path / "list.csv")
    path = tmp_path / "moved.csv"
    path.write_text("\n".join(["code,id,type", *(f"C{n},n{n:05},gala" for n in range(30))]))
    done = import_lists(
        engine, "gala", tmp_path, [path], Wanted(replace=True),
        within=lambda job: job, progress=lambda _done, _total: None,
    )  # fmt: skip
    assert (done.new, done.cancelled) == (30, ROWS)
    with reading(engine) as connection:
        found = {one.id: one for one in ticket_store.all_tickets(connection, "gala")}
    statuses = [ticket_store.status_of(one.body) for one in found.values()]
    assert statuses.count(Status.DELETED) == ROWS
    assert all(len(found[f"n{n:05}"].codes) == 1 for n in range(30))
    assert left(engine) == 0


@pytest.mark.postgres
def test_postgresql_goes_on_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on SQLite."""
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    monkeypatch.setattr(pending, "AT_ONCE", 10)
    monkeypatch.setattr(ticket_lists, "AT_ONCE", 10)
    with postgres.postgres() as url:
        engine = open_database(url)
        in_transaction(engine, lambda c: events.create_event(c, "gala", "Gala", "UTC", 1))
        with monkeypatch.context() as patched:
            dies_after(patched, "_state_some", 2)
            with pytest.raises(Died):
                take_in(engine, tmp_path / "list.csv")
        pending.resume(engine, threading.Event())
        assert (there(engine), left(engine)) == (ROWS, 0)
        engine.dispose()

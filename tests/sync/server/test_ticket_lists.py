"""Lists at the server: by its console and by HTTP, all or nothing, the same again no change."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from starlette.requests import Request

from gate.cli.main import main
from gate.lists.guests import Guests, secret_of
from sync.server import (
    audit,
    events,
    feed,
    issuing,
    list_upload,
    tables,
    ticket_lists,
    ticket_store,
)
from sync.server.database import database_of, in_transaction, open_database, reading
from sync.server.ticket_lists import import_lists
from tests.conftest import needs
from tests.support import postgres
from tests.support.central import Central, central
from tests.support.paths import DATA

TYPES = b"id,kind,title\ngala,meeting,Winter Gala\n"
LIST = b"code,type,holder\nA-1,Winter Gala,Ann\nA-2,gala,Bob\n"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    """A server with one event."""
    async with central(tmp_path / "server") as running:
        yield running


async def send(running: Central, body: bytes, **query: str) -> dict[str, Any]:
    """What comes of a list in the end."""
    answer = await running.admin("POST", "/events/show/list", content=body, params=query)
    assert answer.status_code == 200, answer.text
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert all(line.keys() == {"done", "of"} for line in lines[:-1])
    return dict(lines[-1])


def head(engine: Engine, event: str = "show") -> int:
    with reading(engine) as connection:
        return feed.position_of(connection, event)[1]


def ids(running: Central) -> set[str]:
    with reading(running.engine) as connection:
        return {one.id for one in ticket_store.all_tickets(connection, "show")}


def left_behind(running: Central) -> list[str]:
    return [path.name for path in running.folder.rglob("list-*")]


class TestByHttp:
    """One request with the file as its body."""

    async def test_a_list_is_taken_in(self, running: Central) -> None:
        """Types by title, columns that are not understood named, tickets in the feed."""
        await send(running, TYPES)
        done = await send(running, LIST.replace(b"holder", b"Name").replace(b",Ann", b",Ann"))
        assert (done["tickets"], done["new"], done["changed"]) == (2, 2, 0)
        assert done["by_type"] == {"gala": 2}
        assert done["lists"][0]["columns"] == {"code": "code", "type": "type", "Name": "holder"}
        again = await send(running, LIST)
        assert (again["new"], again["changed"]) == (0, 0)
        assert left_behind(running) == []

    async def test_the_same_again_has_no_number_in_the_feed(self, running: Central) -> None:
        """No gate has anything to fetch; what is different is one change."""
        await send(running, TYPES)
        await send(running, LIST)
        before = head(running.engine)
        await send(running, TYPES)
        await send(running, LIST)
        assert head(running.engine) == before
        done = await send(running, LIST.replace(b"Bob", b"Bobby"))
        assert (done["new"], done["changed"]) == (0, 1)
        assert head(running.engine) == before + 1

    async def test_all_or_nothing(self, running: Central) -> None:
        """One bad line, and nothing of the list is there; the line is named."""
        await send(running, TYPES)
        before = head(running.engine)
        done = await send(running, LIST + b"A-3,none,Cy\nA-1,gala,Twice\n", file="box office.csv")
        assert done["error"] == "bad_rows"
        assert "box office.csv:4: there is no ticket type 'none'" in done["reason"]
        assert "box office.csv:5: this ticket has been in these files before" in done["reason"]
        assert head(running.engine) == before
        assert left_behind(running) == []

    async def test_a_dry_run_changes_nothing(self, running: Central) -> None:
        """It tells what would be new, changed and missing."""
        await send(running, TYPES)
        await send(running, LIST)
        before = head(running.engine)
        more = b"code,type,holder\nA-1,gala,Anne\nA-9,gala,Cy\nA-8,no,D\n"
        done = await send(running, more[:-9], dry_run="1")
        assert (done["new"], done["changed"], done["missing"]) == (1, 1, 1)
        bad = await send(running, more, dry_run="1")
        assert bad["bad"] == 1
        assert head(running.engine) == before

    async def test_what_is_missing_is_cancelled_only_when_asked(self, running: Central) -> None:
        """It stays as it is until then, and is void for every gate afterwards."""
        await send(running, TYPES)
        await send(running, LIST)
        shorter = LIST[: LIST.index(b"A-2")]
        kept = await send(running, shorter)
        assert (kept["missing"], kept["cancelled"]) == (1, 0)
        gone = await send(running, shorter, cancel_missing="1")
        assert (gone["missing"], gone["cancelled"]) == (1, 1)
        with reading(running.engine) as connection:
            found = [one.body for one in ticket_store.all_tickets(connection, "show")]
        assert sum('"status":"revoked"' in body for body in found) == 1

    async def test_bad_rows_can_be_left_out(self, running: Central) -> None:
        """Those of the list, and those that do not go with what is there: all others go in."""
        await send(running, TYPES)
        await send(running, LIST)
        rows = (
            "x,A-1,gala",
            "y,B-1,gala",
            "y,B-2,gala",
            "z,B-1,gala",
            ",,",
            "w,C,none",
            "v,D,gala",
        )
        more = "\n".join(("id,code,type", *rows)).encode()
        shown = await send(running, more, skip_bad="1", dry_run="1")
        assert (shown["new"], shown["bad"]) == (2, 4)
        done = await send(running, more, skip_bad="1")
        assert (done["tickets"], done["new"], done["changed"], done["bad"]) == (2, 2, 0, 4)
        assert [line.partition(": ")[2] for line in done["errors"]] == [
            "this ticket has been in these files before",
            "this code belongs to another ticket already",
            "there is no ticket type 'none'",
            "this code belongs to another ticket already",
        ]
        assert {"y", "v"} < ids(running)
        assert not {"x", "z", "w"} & ids(running)

    async def test_a_list_can_take_the_place_of_all_there_was(self, running: Central) -> None:
        """What is not in it is deleted, for every gate to hear, and its codes are free again."""
        await send(running, TYPES)
        await send(running, LIST)
        moved = b"id,code,type\nnew,A-2,gala\n"
        assert (await send(running, moved))["error"] == "bad_rows"
        shown = await send(running, moved, replace="1", dry_run="1")
        assert (shown["new"], shown["missing"], shown["cancelled"]) == (1, 2, 2)
        before = head(running.engine)
        done = await send(running, moved, replace="1")
        assert (done["new"], done["missing"], done["cancelled"]) == (1, 2, 2)
        assert head(running.engine) == before + 3
        with reading(running.engine) as connection:
            hashed = ticket_store.hashes_of(connection, "show", ["A-2"])["A-2"]
            assert dict(ticket_store.owners_of(connection, "show", [hashed])) == {hashed: "new"}
            found = {one.id: one.body for one in ticket_store.all_tickets(connection, "show")}
        assert sum('"status":"deleted"' in body for body in found.values()) == 2
        assert '"status"' not in found["new"]
        again = await send(running, moved, replace="1")
        assert (again["new"], again["changed"], again["cancelled"]) == (0, 0, 0)
        assert head(running.engine) == before + 3

    async def test_flags_that_would_cancel_too_much(self, running: Central) -> None:
        """A bad row is no reason to cancel its ticket."""
        for one in ("skip_bad", "replace"):
            query = {one: "1", "cancel_missing": "1"}
            answer = await running.admin("POST", "/events/show/list", content=LIST, params=query)
            assert answer.status_code == 422

    async def test_what_was_stated_meanwhile_stops_it(
        self, running: Central, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A code that was free when the list was read: nothing of the list is there."""
        await send(running, TYPES)
        fill = ticket_lists._fill

        def late(*arguments: Any) -> None:
            row = {"code": "A-2", "id": "first", "type": "gala"}
            stated = issuing.Issue(tickets=[row])
            in_transaction(running.engine, lambda c: issuing.issue(c, "show", stated))
            fill(*arguments)

        monkeypatch.setattr(ticket_lists, "_fill", late)
        done = await send(running, LIST)
        assert "belongs to another ticket already" in done["reason"]
        assert ids(running) == {"first"}
        assert running.count(tables.pending) == running.count(tables.pending_code) == 0
        assert running.count(tables.pending_list) == 0

    async def test_types_are_made_and_guests_are_named(self, running: Central) -> None:
        """A guest list alone is enough, and again it is the same guests."""
        guests = "Name;Begleitung\nJürgen Groß;2\nAnn Lee;\n".encode("cp1252")
        done = await send(running, guests, type="VIP", kind="meeting")
        assert (done["types"], done["tickets"], done["guests"]) == (1, 2, 2)
        assert done["lists"][0]["written"] == "semicolons, Windows-1252"
        before = head(running.engine)
        await send(running, guests, type="VIP", kind="meeting")
        assert head(running.engine) == before
        with reading(running.engine) as connection:
            tickets = list(ticket_store.all_tickets(connection, "show"))
            secret = secret_of(running.folder, may_make=False)
            code = Guests(secret).code_of(tickets[0].id)
            hashed = ticket_store.hashes_of(connection, "show", [code])[code]
        assert hashed in tickets[0].codes

    async def test_a_workbook_is_a_list(self, running: Central) -> None:
        """As it is, types and guests in one."""
        done = await send(running, (DATA / "lists" / "excel" / "list.xlsx").read_bytes())
        assert (done["types"], done["tickets"]) == (1, 3)

    @pytest.mark.examples(3)
    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ({"colour": "red"}, 422), ({"dates": "dym"}, 422), ({"charset": "x"}, 422),
            ({"map": "colour=x"}, 422), ({"dry_run": "yes"}, 422), ({"file": "a\nb"}, 422),
        ],
    )  # fmt: skip
    async def test_what_cannot_be_meant_is_refused(
        self, running: Central, query: dict[str, str], status: int
    ) -> None:
        """Before anything is taken in."""
        answer = await running.admin("POST", "/events/show/list", content=LIST, params=query)
        assert answer.status_code == status
        nowhere = await running.admin("POST", "/events/none/list", content=LIST)
        assert nowhere.status_code == 404

    async def test_whoever_hangs_up_is_in_nobodys_way(self, running: Central) -> None:
        """The list comes to its end though nobody reads the answer, and the next one begins."""
        upload = list_upload.ListUpload(running.server)
        parts = [{"type": "http.request", "body": TYPES}]

        async def receive() -> dict[str, Any]:
            return parts.pop()

        request = Request(
            {"type": "http", "method": "POST", "headers": [], "query_string": b"",
             "path_params": {"event": "show"}, "state": {}, "client": None},
            receive,
        )  # fmt: skip
        request.state.organiser = SimpleNamespace(who="Kim")
        await upload.answer(request)  # and its body is never asked for
        for _try in range(500):
            if not upload._busy.locked():
                break
            await asyncio.sleep(0.01)
        assert not upload._busy.locked()
        assert left_behind(running) == []
        assert (await send(running, LIST))["tickets"] == 2

    async def test_a_database_that_is_away_is_said(
        self, running: Central, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In the last line: the status has been sent long before."""

        def locked(*_args: Any, **_more: Any) -> Any:
            raise OperationalError("", {}, Exception("database is locked"))

        with monkeypatch.context() as patched:
            patched.setattr(list_upload, "import_lists", locked)
            assert (await send(running, TYPES))["error"] == "unavailable"
        assert (await send(running, TYPES))["types"] == 1

    async def test_a_name_is_no_path(self, running: Central) -> None:
        """Of where the file was, only its last name counts."""
        await send(running, TYPES, file="../../../../evil.csv")
        assert not list(running.folder.parent.rglob("evil.csv"))

    async def test_a_list_that_is_too_large_is_cut_off(
        self, running: Central, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever its length was said to be."""
        monkeypatch.setattr(list_upload, "MAX_BYTES", 1000)

        async def endless() -> AsyncIterator[bytes]:
            for _part in range(100):
                yield b"x" * 100

        answer = await running.admin("POST", "/events/show/list", content=endless())
        assert answer.status_code == 413
        assert left_behind(running) == []

    async def test_one_list_at_a_time(
        self, running: Central, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A second one is told to come again."""
        begun, end = threading.Event(), threading.Event()

        def slow(*args: Any, **more: Any) -> Any:
            begun.set()
            assert end.wait(10)
            return import_lists(*args, **more)

        monkeypatch.setattr(list_upload, "import_lists", slow)
        first = asyncio.create_task(send(running, TYPES))
        assert await asyncio.to_thread(begun.wait, 10)
        second = await running.admin("POST", "/events/show/list", content=LIST)
        assert (second.status_code, second.json()["error"]) == (409, "busy")
        end.set()
        assert (await first)["types"] == 1
        assert (await send(running, LIST))["tickets"] == 2


class TestAtTheConsole:
    """``gate import --event``."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "server"
        folder.mkdir()
        engine = open_database(database_of(folder))
        in_transaction(engine, lambda c: events.create_event(c, "gala", "Gala", "Europe/Berlin", 1))
        engine.dispose()
        (tmp_path / "types.csv").write_bytes(TYPES)
        (tmp_path / "list.csv").write_bytes(LIST)
        return folder

    def run(self, folder: Path, *more: str) -> int:
        files = [str(folder.parent / name) for name in ("types.csv", "list.csv")]
        return main(["import", "--event", "gala", "--server-dir", str(folder), *files, *more])

    def test_it_is_taken_in_and_noted(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The counts are told, and the audit log says that it was done here."""
        assert self.run(folder, "--dry-run") == 0
        assert "would be imported (2 new" in capsys.readouterr().out
        assert self.run(folder) == 0
        assert "2 tickets imported (2 new, 0 changed, 0 as before): gala" in capsys.readouterr().out
        engine = open_database(database_of(folder))
        with reading(engine) as connection:
            rows = [row.act for row, _hash in audit.rows(connection)]
            kinds = connection.execute(text("SELECT count(*) FROM change WHERE kind = 'ticket'"))
            assert kinds.scalar() == 2
        engine.dispose()
        assert rows.count("list") == 1

    def test_mistakes_of_people_are_said(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """No such event, flags that do not go together."""
        assert self.run(folder, "--event", "none") == 2
        assert "There is no such event" in capsys.readouterr().err
        assert self.run(folder, "--skip-bad", "--cancel-missing") == 2
        assert "would cancel the tickets of bad rows" in capsys.readouterr().err

    def test_bad_rows_are_left_out_where_that_is_wanted(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The words are the gate's: each of the first by its line, then how many."""
        (folder.parent / "list.csv").write_bytes(LIST + b"A-3,none,Cy\nA-1,gala,Twice\n")
        assert self.run(folder, "--skip-bad", "--dry-run") == 1
        assert "2 tickets would be imported (2 new" in capsys.readouterr().out
        assert self.run(folder) == 1
        assert "2 bad rows" in capsys.readouterr().err
        assert self.run(folder, "--skip-bad") == 0
        told = capsys.readouterr()
        assert "2 tickets imported (2 new, 0 changed, 0 as before), 2 bad rows left out" in told.out
        assert "list.csv:4: there is no ticket type 'none'" in told.err


def test_a_list_goes_in_by_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are stated some at a time; a mistake in the last part undoes the first."""
    monkeypatch.setattr(ticket_lists, "ROWS_AT_ONCE", 3)
    engine = open_database(database_of(tmp_path))
    in_transaction(engine, lambda c: events.create_event(c, "gala", "Gala", "UTC", 1))
    engine.dispose()
    rows = [f"C{n},gala,Guest {n}" for n in range(10)]
    for last, code in (("C1,gala,Again", 1), ("X,gala,Last", 0)):
        path = tmp_path / "list.csv"
        path.write_text("\n".join(["code,type,holder", *rows, last]) + "\n")
        asked = ["import", "--event", "gala", "--server-dir", str(tmp_path), str(path)]
        assert main([*asked, "--kind", "meeting"]) == code
        engine = open_database(database_of(tmp_path))
        with reading(engine) as connection:
            found = len(list(ticket_store.all_tickets(connection, "gala")))
        engine.dispose()
        assert found == (0 if code else 11)


def test_stating_the_same_is_no_change_in_any_way(tmp_path: Path) -> None:
    """Types, tickets, changes and voids; a code that comes or goes is one."""
    engine = open_database(database_of(tmp_path))
    in_transaction(engine, lambda c: events.create_event(c, "gala", "Gala", "UTC", 1))

    def state(**stated: Any) -> issuing.Issued:
        return in_transaction(engine, lambda c: issuing.issue(c, "gala", issuing.Issue(**stated)))

    types = [{"id": "A", "kind": "meeting"}]
    tickets = [{"code": "X", "id": "x", "type": "A"}, {"code": "Y", "id": "y", "type": "A"}]
    first = state(types=types, tickets=tickets)
    assert (first.new, first.unchanged) == (2, 0)
    again = state(types=types, tickets=tickets)
    assert (again.new, again.unchanged, again.cursor) == (0, 3, first.cursor)
    void = {"id": "x", "status": "revoked"}
    assert state(voids=[void]).unchanged == 0
    assert state(voids=[void], changes=[{"id": "y", "holder": ""}]).unchanged == 2
    more = state(tickets=[{**tickets[1], "other_codes": ["Z"]}])
    assert more.unchanged == 0
    assert state(tickets=[tickets[1]]).unchanged == 0
    assert state(tickets=[tickets[1]]).unchanged == 1
    back = state(tickets=[tickets[0]])
    assert back.unchanged == 0
    engine.dispose()


def test_without_the_comparison_every_row_is_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: what is the same takes a number, and every gate fetches it."""
    engine = open_database(database_of(tmp_path))
    in_transaction(engine, lambda c: events.create_event(c, "gala", "Gala", "UTC", 1))
    whole = issuing._different
    monkeypatch.setattr(
        issuing,
        "_different",
        lambda rows, head, before, kinds, had, now_ms: whole(rows, head, {}, {}, {}, now_ms=now_ms),
    )
    stated = issuing.Issue(types=[{"id": "A", "kind": "meeting"}])
    for wanted in (1, 2):
        in_transaction(engine, lambda c: issuing.issue(c, "gala", stated))
        assert head(engine, "gala") >= wanted
    engine.dispose()


@pytest.mark.postgres
@pytest.mark.long
def test_postgresql_takes_the_same_lists(tmp_path: Path) -> None:
    """Types, guests, the same again, a bad line, what is missing: as on SQLite."""
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    path, bad = tmp_path / "list.csv", tmp_path / "bad.csv"
    path.write_text("code,name,type\nA-1,Ann,VIP\n,Jörg +2,VIP\n", encoding="utf-8")
    bad.write_text("code,type\nA-9,VIP\nA-9,VIP\n")
    with postgres.postgres() as url:
        engine = open_database(url)
        in_transaction(engine, lambda c: events.create_event(c, "show", "Show", "UTC", 1))
        asked = ["import", "--event", "show", "--database", url, "--server-dir", str(tmp_path)]
        assert main([*asked, str(path), "--kind", "meeting"]) == 0
        before = head(engine)
        assert main([*asked, str(path), "--kind", "meeting"]) == 0
        assert main([*asked, str(bad)]) == 1
        assert head(engine) == before == 3
        path.write_text("code,name,type\nA-1,Ann,VIP\n", encoding="utf-8")
        assert main([*asked, str(path), "--cancel-missing"]) == 0
        assert head(engine) == before + 1
        engine.dispose()

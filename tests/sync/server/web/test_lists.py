"""Lists in the browser: what is sent is looked through, named, and taken in whole or not at all."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from gate.core.place import Role
from sync.server import audit
from sync.server import tables as t
from sync.server.database import reading
from sync.server.ticket_lists import import_lists
from sync.server.web import multipart, server_lists, uploads
from tests.support.central import Central, central
from tests.support.web import Browser, signed_in

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e"
GOOD = "ticket code,name,ticket type,seat\nGOOD-0001,Ann Lee,Day,A1\nGOOD-0002,Bo Li,Day,A2\n"


def kept(running: Central) -> list[Path]:
    """Files of lists that wait."""
    return [one for one in running.folder.glob("web-list-*/*") if one.is_file()]


class Desk:
    """A browser with a list on its way in."""

    def __init__(self, at: Browser) -> None:
        self.at = at
        self.path = ""
        """Of the list's own page."""

    async def send(self, text: str, name: str = "guests.csv") -> str:
        """Send a list as the form does; the answer is its page, once it was looked through."""
        await self.at.get("/web/lists")
        token = re.search(r'name="form" value="([0-9a-f]{64})"', self.at.page)
        assert token
        answer = await self.at.http.post(
            "/web/lists/upload",
            data={"form": token[1]},
            files={"file": (name, text.encode(), "text/csv")},
        )
        if "/upload/" not in answer.url.path:
            return answer.text
        self.path = answer.url.path
        return await self.ended()

    async def act(self, what: str, **fields: str) -> str:
        """Fill a form of the list's page."""
        answer = await self.post(what, **fields)
        return await self.ended() if answer.url.path == self.path else answer.text

    async def post(self, what: str, **fields: str) -> httpx.Response:
        """The same, whatever comes of it."""
        await self.at.get("/web/lists")
        return await self.at.send(f"{self.path}/{what}", **fields)

    async def ended(self) -> str:
        """The page, when the list is not at work any more."""
        for _try in range(1500):
            answer = await self.at.get(self.path)
            if "Refresh" not in answer.headers:
                return answer.text
            await asyncio.sleep(0.02)
        raise AssertionError(answer.text)


@asynccontextmanager
async def desk(running: Central) -> AsyncIterator[Desk]:
    """A supervisor's."""
    async with signed_in(running) as at:
        yield Desk(at)


def number(page: str, label: str) -> int:
    """A number of the page's result."""
    found = re.search(rf"<dt>{label}</dt><dd>(\d+)</dd>", page)
    assert found, page
    return int(found[1])


async def test_a_list_is_shown_first_and_then_taken_in(tmp_path: Path) -> None:
    """What would change is counted; nothing is, until somebody says so and why."""
    async with central(tmp_path) as running, desk(running) as it:
        page = await it.send(GOOD)
        assert "names ticket types that there are not" in page
        page = await it.act("check", kind="MEETING_TICKET")
        assert (number(page, "new"), number(page, "tickets in the list")) == (2, 2)
        assert "Asia/Shanghai" in page
        assert running.count(t.ticket) == 0
        assert len(kept(running)) == 1
        await it.post(
            "take",
        )
        assert running.count(t.ticket) == 0  # without a reason
        page = await it.act("take", why="the final list")
        assert "Taken in" in page
        assert running.count(t.ticket) == 2
        assert kept(running) == []
        page = await it.send(GOOD.replace("A2", "A3").replace("GOOD-0001", "GOOD-0009"))
        found = [number(page, label) for label in ("new", "changed", "not in the list any more")]
        assert found == [1, 1, 1]
        page = await it.act("check", cancel_missing="1")
        assert number(page, "cancelled") == 1
        with reading(running.engine) as connection:
            rows = [row for row, _hash in audit.rows(connection) if row.act == "list"]
        assert len(rows) == 1
        assert rows[0].about.endswith("new 2 changed 0 cancelled 0: the final list")
        assert rows[0].who.endswith(" Ann")


async def test_a_list_with_one_bad_row_is_not_taken_in(tmp_path: Path) -> None:
    """It says which; and the way to take it in is not there, whatever is sent."""
    async with central(tmp_path) as running, desk(running) as it:
        page = await it.send(GOOD + "GOOD-0003,Cy,Day\n")
        page = await it.act("check", kind="MEETING_TICKET")
        assert "1 row is wrong" in page
        assert "guests.csv:4" in page
        assert "/take" not in page
        answer = await it.post("take", why="all the same")
        assert answer.status_code == 409
        assert running.count(t.ticket) == 0


async def test_columns_are_named_in_the_browser(tmp_path: Path) -> None:
    """Of headings that nobody understands, and of those that were taken for something else."""
    text = "Zahl,Wer,Name\nGOOD-0001,Ann Lee,row 1\nGOOD-0002,Bo Li,row 2\n"
    async with central(tmp_path) as running, desk(running) as it:
        page = await it.send(text)
        assert '<option value="holder" selected>' in page  # Name
        fields = {"c0.0": "code", "c0.1": "holder", "c0.2": "note"}
        twice = await it.post(
            "check",
            **{**fields, "c0.2": "holder"},
        )
        assert twice.status_code == 422
        await it.act("check", kind="SCENIC_TICKET", type="Day", **fields)
        page = await it.act("check", kind="SCENIC_TICKET", type="Day", **fields)
        assert number(page, "new") == 2
        await it.act("take", why="the list")
        found = await running.admin("GET", "/events/show/tickets", params={"find": "Ann Lee"})
        assert [one["note"] for one in found.json()["tickets"]] == ["row 1"]


async def test_a_file_without_a_header_can_be_named(tmp_path: Path) -> None:
    """No column says what a row is of: its headings are offered all the same."""
    async with central(tmp_path) as running, desk(running) as it:
        page = await it.send("Zahl,Wer\nGOOD-0001,Ann Lee\n")
        assert "No column says what a row is of" in page
        assert "Zahl" in page
        await it.act("check", kind="SCENIC_TICKET", type="Day", **{"c0.0": "code", "c0.1": ""})
        page = await it.act("take", why="the list")
        assert running.count(t.ticket) == 1


def held(running: Central, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What could not be written while a list was read."""
    refused: list[str] = []

    def read(*args: Any, progress: Any, **named: Any) -> Any:
        def watched(done: int, of: int) -> None:
            progress(done, of)
            # As a push of a gate would, but without its patience.
            with closing(sqlite3.connect(str(running.engine.url.database), timeout=0)) as other:
                try:
                    other.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as error:
                    refused.append(str(error))

        return import_lists(*args, progress=watched, **named)

    monkeypatch.setattr("sync.server.web.server_lists.import_lists", read)
    return refused


async def test_nobody_waits_while_a_list_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither while it is looked through nor while it is taken in."""
    async with central(tmp_path) as running, desk(running) as it:
        refused = held(running, monkeypatch)
        await it.send(GOOD)
        await it.act("check", kind="MEETING_TICKET")
        assert "Taken in" in await it.act("take", why="the list")
        assert refused == []


@pytest.mark.long
async def test_in_one_transaction_all_would_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation beside the test above."""
    async with central(tmp_path) as running, desk(running) as it:
        refused = held(running, monkeypatch)
        watched = getattr(server_lists, "import_lists")  # noqa: B009  as it is replaced here

        def read(engine: Engine, *args: Any, **named: Any) -> Any:
            with engine.begin():
                return watched(engine, *args, **named)

        monkeypatch.setattr("sync.server.web.server_lists.import_lists", read)
        await it.send(GOOD)
        assert refused


async def test_which_is_the_day_is_asked(tmp_path: Path) -> None:
    """Where a date can be read in two ways, and not where the list shows it by itself."""
    text = "code,type,valid from\nGOOD-0001,Day,{}\n"
    async with central(tmp_path) as running, desk(running) as it:
        await it.send(text.format("31/12/2026"))
        page = await it.act("check", kind="MEETING_TICKET")
        assert "either way round" not in page
        await it.act("forget")
        await it.send(text.format("03/04/2026"))
        page = await it.act("check", kind="MEETING_TICKET")
        assert "either way round" in page
        page = await it.act("check", kind="MEETING_TICKET", dates="mdy")
        assert "either way round" not in page
        assert "begin_time=2026-03-04" in page
        await it.act("forget")
        assert kept(running) == []


async def test_a_list_that_nobody_looks_at_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its file; so is what a server that was killed has left."""
    left = tmp_path / "web-list-x"
    left.mkdir(parents=True)
    (left / "names.csv").write_text("Ann Lee")
    async with central(tmp_path) as running, desk(running) as it:
        assert kept(running) == []
        await it.send(GOOD)
        assert len(kept(running)) == 1
        monkeypatch.setattr(uploads, "FORGOTTEN_S", 0.1)
        await it.at.get(it.path)
        for _try in range(600):
            if not kept(running):
                break
            await asyncio.sleep(0.05)
        assert kept(running) == []
        assert (await it.at.get(it.path)).status_code == 404


async def test_of_a_form_that_is_not_believed_nothing_is_kept(tmp_path: Path) -> None:
    """Without a token, from elsewhere, from staff; nor of what is too large or no form."""
    file = {"file": ("a.csv", GOOD.encode(), "text/csv")}
    async with central(tmp_path) as running, desk(running) as it:
        answer = await it.at.http.post("/web/lists/upload", files=file)
        assert answer.status_code == 403
        answer = await it.at.http.post("/web/lists/upload", data={"form": "0" * 64}, files=file)
        assert answer.status_code == 403
        answer = await it.at.http.post("/web/lists/upload", data={"a": "b"})
        assert answer.status_code == 415
        it.at.http.headers["Origin"] = "https://evil.example"
        assert "foreign" not in await it.send(GOOD)
        assert kept(running) == []
        del it.at.http.headers["Origin"]
        assert list(tmp_path.glob("web-list-*")) == []
    async with central(tmp_path / "other") as running, signed_in(running, Role.STAFF) as at:
        assert (await at.get("/web/lists")).status_code == 403
        assert (await at.get("/web/lists/people/inside/csv")).status_code == 403
        assert (await at.get("/web/journal")).status_code == 200
        answer = await at.http.post("/web/lists/upload", files=file)
        assert answer.status_code == 403


async def test_what_is_too_large_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cut off where it becomes that."""
    monkeypatch.setattr(multipart, "MAX_BYTES", 1000)
    async with central(tmp_path) as running, desk(running) as it:
        page = await it.send(GOOD * 100)
        assert "longer than 1000 bytes" in page
        assert list(tmp_path.glob("web-list-*")) == []
        assert len(kept(running)) == 0


async def test_a_list_is_its_events_own(tmp_path: Path) -> None:
    """Who knows the address of another event's list sees nothing of it."""
    async with central(tmp_path) as running, desk(running) as it:
        await it.send(GOOD)
        path = it.path
        other = {"id": "other", "time_zone": "UTC"}
        assert (await running.admin("POST", "/events", json=other)).status_code == 201
        await running.server.write(
            lambda c: c.execute(t.web_session.update().values(event="other"))
        )
        assert (await it.at.get(path)).status_code in (303, 404, 401, 200)
        assert "Ann Lee" not in it.at.page


async def test_only_so_many_lists_wait(tmp_path: Path) -> None:
    """Then one has to be put aside first."""
    async with central(tmp_path) as running, desk(running) as it:
        for _one in range(uploads.OF_EVENT):
            await it.send(GOOD)
        page = await it.send(GOOD)
        assert "Other lists wait" in page
        assert len(kept(running)) == uploads.OF_EVENT


@pytest.mark.examples(2)
@pytest.mark.parametrize("name", ["../../x.csv", "..\\x.csv", "/etc/x.csv", "x" * 300 + ".csv", ""])
async def test_a_files_name_leads_nowhere(tmp_path: Path, name: str) -> None:
    """It is kept where lists are, whatever it is called."""
    assert multipart.plain_name(name).endswith(".csv")
    async with central(tmp_path / "in") as running, desk(running) as it:
        await it.send(GOOD, name or "x.csv")
        assert len(kept(running)) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["in"]


async def test_hostile_lists_are_only_text(tmp_path: Path) -> None:
    """Names of files, headings and cells run nothing, whether or not they are taken."""
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    text = f"code,name,{quoted},type\nGOOD-0001,{quoted},{quoted},{quoted}\n{quoted}\n"
    async with central(tmp_path) as running, desk(running) as it:
        page = await it.send(text, f"{HOSTILE.replace('/', '')}.csv")
        assert "alert(1)" in page
        again = await it.act("check", kind="MEETING_TICKET", type=HOSTILE)
        for shown in (page, again):
            assert "<script>" not in shown
            assert "<img" not in shown
            assert "\u202e" not in shown
        page = (await it.at.get("/web/lists")).text
        assert "alert(1)" in page
        assert "<script>" not in page
        assert kept(running)

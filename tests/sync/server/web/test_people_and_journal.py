"""Lists of people and the journal in the browser: complete, filtered, and safe to keep."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from gate.core.entry import Act
from gate.core.outcome import Outcome, Reason
from sync.server import audit, stories
from sync.server.database import reading
from sync.server.web import journal_pages
from tests.conftest import needs
from tests.support.central import Central, Maker, ask, central, open_central
from tests.support.postgres import can_run, postgres
from tests.support.web import signed_in

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e"
FORMULA = '=HYPERLINK("http://evil.example")'
LISTS = ("inside", "expected", "no-show", "admitted")


async def fill(running: Central, holder: str = "Ann Lee", gate: str = "North") -> Maker:
    """One ticket went in, one in and out again, one was undone, one never came.

    A code that is nobody's was refused, and two people without a ticket were counted in.
    """
    stated = {
        "types": [{"id": "day", "kind": "meeting", "title": "Day"}],
        "tickets": [
            {"id": f"t-{n}", "type": "day", "code": f"CODE-000{n}", "zone": "Hall",
             "holder": holder if n == 1 else f"Guest {n}"}
            for n in range(1, 5)
        ],
    }  # fmt: skip
    answer = await running.admin("POST", "/events/show/tickets", json=stated)
    assert answer.status_code in (200, 201), answer.text
    maker = Maker()
    await running.enrol(maker, gate)
    made = [
        maker.make(ticket="t-1", zone="Hall", gate=gate, operator="Bo", reason=Reason.ADMITTED),
        maker.make(ticket="t-2", zone="Hall"),
        maker.make(Act.EXIT, ticket="t-2", outcome=Outcome.EXIT, persons=1),
        maker.make(ticket="t-3"),
    ]
    undone = f"{maker.origin}:4"
    made += [
        maker.make(Act.ANNULMENT, ticket="t-3", target=undone),
        maker.make(Act.REFUSAL, outcome=Outcome.REFUSE, reason=Reason.UNKNOWN, code="ab" * 16),
        maker.make(Act.COUNT_IN, persons=2, zone="Yard"),
    ]
    await running.exchange(maker, ask(made))
    return maker


def tickets(page: str) -> set[str]:
    """The short ids on a page of people."""
    return set(re.findall(r"<code>(t-\d)</code>", page))


async def test_people_are_on_the_list_that_is_theirs(tmp_path: Path) -> None:
    """Inside, admitted, expected and missing, by what stands of every gate's entries."""
    async with central(tmp_path) as running, signed_in(running) as at:
        await fill(running)
        found = {name: tickets((await at.get(f"/web/lists/people/{name}")).text) for name in LISTS}
        assert found == {
            "inside": {"t-1"},
            "admitted": {"t-1", "t-2"},
            "expected": {"t-1", "t-2", "t-3", "t-4"},
            "no-show": {"t-3", "t-4"},
        }
        page = (await at.get("/web/lists/people/inside")).text
        assert "Ann Lee" in page
        assert "2 more without a ticket" in page
        assert (await at.get("/web/lists/people/everybody")).status_code == 404
        assert (await at.get("/web/lists/people/inside/exe")).status_code == 404


async def test_a_list_of_many_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages of the tables it takes."""
    monkeypatch.setattr("sync.server.attendance.PAGE", 1)
    async with central(tmp_path) as running, signed_in(running) as at:
        await fill(running)
        assert len(tickets((await at.get("/web/lists/people/expected")).text)) == 4
        assert len(tickets((await at.get("/web/lists/people/admitted")).text)) == 2


async def test_an_open_lane_that_is_not_heard_makes_it_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First of all it is said, on paper and in files."""
    async with central(tmp_path) as running, signed_in(running) as at:
        maker = await fill(running)
        await running.exchange(maker, ask([maker.make(Act.LANE_OPENED)]))
        assert "NOT COMPLETE" not in (await at.get("/web/lists/people/inside")).text
        monkeypatch.setattr("sync.server.attendance.HEARD_WITHIN_MS", -1)
        for way in ("", "/csv"):
            text = (await at.get(f"/web/lists/people/inside{way}")).text
            assert "NOT COMPLETE: North not heard" in text
        assert (await at.get("/web/lists/people/inside/json")).json()["is_complete"] is False


async def test_kept_lists_have_no_formulas_and_are_in_the_log(tmp_path: Path) -> None:
    """What strangers wrote begins no cell so; who kept a list is known."""
    async with central(tmp_path) as running, signed_in(running) as at:
        await fill(running, FORMULA, FORMULA)
        for name in (*(f"lists/people/{one}" for one in LISTS), "journal"):
            answer = await at.get(f"/web/{name}/csv")
            assert answer.headers["content-type"] == "text/csv; charset=utf-8"
            assert "attachment" in answer.headers["content-disposition"]
            cells = [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row]
            assert not [cell for cell in cells if cell[:1] == "="]
        assert any("'=HYPER" in cell for cell in cells)
        found = (await at.get("/web/lists/people/inside/json")).json()
        assert [one["holder"] for one in found["tickets"]] == [FORMULA]
        with reading(running.engine) as connection:
            kept = [row.about for row, _ in audit.rows(connection) if row.act == "list kept"]
        assert kept == [*(f"{one} csv" for one in LISTS), "journal csv", "inside json"]


async def test_the_journal_is_filtered(tmp_path: Path) -> None:
    """By gate, ticket, outcome, reason, operator and time; the same entries in the file."""
    async with central(tmp_path) as running, signed_in(running) as at:
        maker = await fill(running)
        every = (await at.get("/web/journal")).text
        assert every.count("<tr>") == 1 + 7
        for query, count in [
            ({"device": maker.device}, 7),
            ({"device": "f" * 16}, 0),
            ({"ticket": "t-2"}, 2),
            ({"outcome": "refuse"}, 1),
            ({"reason": "unknown"}, 1),
            ({"operator": "Bo"}, 1),
            ({"ticket": "t-1", "outcome": "refuse"}, 0),
            ({"from": "2001-01-01T00:00"}, 7),
            ({"to": "2001-01-01T00:00"}, 0),
        ]:
            page = (await at.http.get("/web/journal", params=query)).text
            assert page.count("<tr>") == (1 + count if count else 0), query
            lines = (await at.http.get("/web/journal/jsonl", params=query)).text.splitlines()
            assert len(lines) == count, query
        assert (await at.http.get("/web/journal", params={"from": "soon"})).status_code == 422
        assert (await at.http.get("/web/journal/csv", params={"to": "soon"})).status_code == 422


async def test_no_code_can_be_tried_by_what_the_journal_shows(tmp_path: Path) -> None:
    """Of its hash a few digits are enough to see that it came again."""
    async with central(tmp_path) as running, signed_in(running) as at:
        await fill(running)
        for way in ("", "/csv", "/jsonl"):
            text = (await at.get(f"/web/journal{way}")).text
            assert "abababab" in text
            assert "ab" * 5 not in text
        entry = json.loads((await at.get("/web/journal/jsonl?outcome=refuse")).text)
        assert entry["code"] == "ab" * 4


async def test_the_journal_is_read_back_page_by_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest first, each once, also while others come; and far back what is rare."""
    monkeypatch.setattr(stories, "PAGE", 3)
    monkeypatch.setattr(stories, "WINDOW", 4)
    monkeypatch.setattr(journal_pages, "SHOWN", 3)
    async with central(tmp_path) as running, signed_in(running) as at:
        maker = Maker()
        await running.enrol(maker)
        await running.exchange(maker, ask(maker.run(20)))
        seen: list[str] = []
        path = "/web/journal"
        while path:
            page = (await at.get(path)).text
            seen += re.findall(r'ticket=(0000-\d+)"', page)
            await running.exchange(maker, ask([maker.make(ticket="new")]))
            found = re.search(r'<a href="(/web/journal\?before=\d+)" rel="next">', page)
            path = found[1] if found else ""
        assert seen == [f"0000-{n}" for n in reversed(range(20))]
        assert "0000-3" in (await at.get("/web/journal?ticket=0000-3")).text
        monkeypatch.setattr(journal_pages, "_LOOKS", 2)
        page = (await at.get("/web/journal?operator=Nobody")).text
        assert "None among the newest" in page
        assert "Older entries" in page


async def test_hostile_entries_and_names_are_only_text(tmp_path: Path) -> None:
    """Of guests, gates, operators, notes, and in the filter's own fields."""
    async with central(tmp_path) as running, signed_in(running) as at:
        maker = await fill(running, HOSTILE, HOSTILE[:-1])
        entry = maker.make(Act.MESSAGE, note=HOSTILE, operator=HOSTILE, zone=HOSTILE, gate=HOSTILE)
        await running.exchange(maker, ask([entry]))
        for path in ("/web/lists/people/inside", "/web/lists/people/expected", "/web/journal"):
            text = (await at.get(path)).text
            assert "alert(1)" in text
            for bad in ("<script>", "<img", "\u202e"):
                assert bad not in text
        query = dict.fromkeys(journal_pages.FILTERS, HOSTILE)
        text = (await at.http.get("/web/journal", params=query)).text
        for bad in ("<script>", "<img", "\u202e"):
            assert bad not in text


@pytest.mark.postgres
async def test_on_postgresql_they_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People, page by page, and the journal, back and on."""
    needs(can_run(), "PostgreSQL (apt install postgresql)")
    monkeypatch.setattr("sync.server.attendance.PAGE", 1)
    with postgres() as url:
        engine = open_central(url)
        async with central(tmp_path, engine=engine) as running:
            made = {"id": "show", "time_zone": "Asia/Shanghai"}
            assert (await running.admin("POST", "/events", json=made)).status_code == 201
            async with signed_in(running) as at:
                await fill(running)
                found = {
                    name: tickets((await at.get(f"/web/lists/people/{name}")).text)
                    for name in LISTS
                }
                assert [len(found[name]) for name in LISTS] == [1, 4, 2, 2]
                inside = (await at.get("/web/lists/people/inside")).text
                assert "2 more without a ticket" in inside
                assert (await at.get("/web/journal?operator=Bo")).text.count("<tr>") == 2
                assert len((await at.get("/web/journal/jsonl")).text.splitlines()) == 7
        engine.dispose()

"""What guests answered at the door, at the server: told to who may read it, and gone in time."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gate.clock import read_wall_ms
from gate.credential.sealed_answers import seal_answers
from sync.server import events
from sync.server.database import reading
from sync.server.retention import Retention
from tests.support.central import Central, Maker, ask, central, parts
from tests.support.venue import TICKETS, TYPES

SAID = {"meal": "soup", "plate": "B-XY 1"}


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    """A server to which a gate has told of a guest who answered."""
    async with central(tmp_path / "server", runs_jobs=False) as made:
        rows = {"types": TYPES, "tickets": TICKETS}
        assert (await made.admin("POST", "/events/show/tickets", json=rows)).status_code == 200
        maker = Maker()
        await made.enrol(maker)
        with reading(made.engine) as connection:
            key = events.key_of(connection, "show")
        sealed = seal_answers(key, "good-1", SAID)
        entry = maker.make(ticket="good-1", answered=("meal", "plate"), answers=sealed)
        await made.exchange(maker, ask([entry], [maker.head()]))
        yield made


async def answers(running: Central) -> Any:
    """What the journal says was answered."""
    page = await running.admin("GET", "/events/show/journal", params={"ticket": "good-1"})
    (line,) = page.json()["entries"]
    assert line["answered"] == ["meal", "plate"]
    return line.get("answers", {})


async def test_the_journal_and_the_story_have_them(running: Central) -> None:
    """For who may know names."""
    assert await answers(running) == SAID
    story = (await running.admin("GET", "/events/show/tickets/good-1")).json()
    assert SAID in [one["entry"]["answers"] for one in story["story"] if "entry" in one]


async def test_questions_are_stated_by_the_api(running: Central) -> None:
    """As a list, or as its text; a list that cannot be is refused."""
    stated = [{"id": "meal", "text": "Which meal?"}]
    patch = {"settings": {"rules": {"questions": stated}}}
    done = await running.admin("PATCH", "/events/show", json=patch)
    assert done.status_code == 200, done.text
    with reading(running.engine) as connection:
        kept = events.row_of(connection, "show").settings.rules["questions"]
    assert json.loads(kept) == stated
    patch = {"settings": {"rules": {"questions": [{"id": "meal"}]}}}
    bad = await running.admin("PATCH", "/events/show", json=patch)
    assert bad.status_code == 422


async def test_a_person_is_told_and_erased(running: Central) -> None:
    """What was answered is among what is held; of who was erased nobody reads it."""
    who = {"who": "ticket:good-1"}
    told = await running.admin("POST", "/events/show/persons/export", json=who)
    assert SAID in told.json()["tickets"][0]["answers"].values()
    done = await running.admin("POST", "/events/show/persons/erase", json=who)
    assert done.status_code == 200
    assert await answers(running) == {}


async def test_after_the_event_nobody_reads_them(running: Central) -> None:
    """The key goes with names and codes."""
    fields = {"ends": "2020-08-02", "keep_days": 1}
    done = await running.admin("PATCH", "/events/show", json=fields)
    assert done.status_code == 200, done.text
    await Retention(running.server, parts()).look(read_wall_ms())
    assert await answers(running) == {}

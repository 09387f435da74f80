"""Automatic check-out at the server: exits as entries, that counts, lists and conflicts follow."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gate.core.entry import CENTRAL, Act, Entry
from sync.server import conflicts, journals
from sync.server.check_out import CheckOuts
from sync.server.database import reading
from sync.server.webhooks.standing import inside_by_zone
from tests.support.central import Central, Maker, ask, central
from tests.support.venue import NOW_MS

HOUR = 3_600_000
TWO = round(datetime.fromisoformat("2026-12-23T14:00:00+08:00").timestamp() * 1000)


class Evening:
    """A server whose event checks out at 14:00 in Shanghai, a gate, and the time."""

    def __init__(self, running: Central, gate: Maker) -> None:
        self.running, self.gate = running, gate
        self.now_ms = NOW_MS
        self.jobs = CheckOuts(running.server)

    async def at(self, ticket: str, at_ms: int, act: Act = Act.ADMISSION, **more: Any) -> None:
        made = self.gate.make(
            act, ticket, at_ms=at_ms, hlc=at_ms << 16, ticket_type="SHOW", persons=1, **more
        )
        await self.running.exchange(self.gate, ask([made]))

    async def look(self, now_ms: int) -> None:
        self.now_ms = now_ms
        await self.jobs.look()

    def exits(self, ticket: str) -> list[Entry]:
        with reading(self.running.engine) as connection:
            facts = journals.facts_of(connection, "show", ticket)
        return [one for one in facts if one.act is Act.EXIT]


@pytest.fixture
async def evening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Evening]:
    async with central(tmp_path / "server") as running:
        gate = Maker()
        await running.enrol(gate)
        types = [{"id": "SHOW", "kind": "meeting", "time_zone": "Asia/Shanghai"}]
        tickets = [{"code": f"C{n}", "id": f"t{n}", "type": "SHOW"} for n in range(3)]
        rows = {"types": types, "tickets": tickets}
        assert (await running.admin("POST", "/events/show/tickets", json=rows)).status_code == 200
        settings = {"settings": {"rules": {"exit_all_at": "14:00"}}}
        assert (await running.admin("PATCH", "/events/show", json=settings)).status_code == 200
        found = Evening(running, gate)
        monkeypatch.setattr("sync.server.check_out.read_wall_ms", lambda: found.now_ms)
        yield found


async def test_everybody_goes_once_at_that_time_and_not_before(evening: Evening) -> None:
    """The exit has the time and the zone, and whoever looks again writes nothing."""
    await evening.at("t0", NOW_MS, zone="A")
    await evening.look(NOW_MS + HOUR)
    assert not evening.exits("t0")
    for _again in range(2):
        await evening.look(TWO + 1000)
    await CheckOuts(evening.running.server).look()
    (kept,) = evening.exits("t0")
    assert (kept.device, kept.at_ms, kept.persons, kept.zone) == (CENTRAL, TWO, 1, "A")
    with reading(evening.running.engine) as connection:
        assert inside_by_zone(connection, "show").get("A") == 0
        assert not journals.history(connection, "show", "t0").inside


async def test_what_came_late_is_kept_too_and_who_came_back_stays_inside(
    evening: Evening,
) -> None:
    """A lane that was cut off let somebody back in by the time alone: no conflict."""
    await evening.look(TWO + 1000)
    await evening.at("t0", NOW_MS)
    await evening.at("t0", TWO + HOUR, uses=0, ordinal=1)
    await evening.look(TWO + 2 * HOUR)
    (kept,) = evening.exits("t0")
    assert kept.at_ms == TWO
    with reading(evening.running.engine) as connection:
        assert journals.history(connection, "show", "t0").inside == 1
        assert not conflicts.find_conflicts(connection, "show")


@pytest.mark.long
async def test_mutation_without_the_exits_coming_back_is_a_conflict(evening: Evening) -> None:
    """What the entries are for."""
    await evening.at("t0", NOW_MS)
    await evening.at("t0", TWO + HOUR, uses=0, ordinal=1)
    with reading(evening.running.engine) as connection:
        assert conflicts.find_conflicts(connection, "show")


async def test_an_event_that_says_nothing_checks_nobody_out(evening: Evening) -> None:
    """Taken back, it writes nothing more, and what is written stays."""
    await evening.at("t0", NOW_MS)
    await evening.look(TWO + 1000)
    settings = {"settings": {"rules": {"exit_all_at": None}}}
    await evening.running.admin("PATCH", "/events/show", json=settings)
    await evening.at("t1", TWO + HOUR)
    await evening.look(TWO + 25 * HOUR)
    assert len(evening.exits("t0")) == 1
    assert not evening.exits("t1")

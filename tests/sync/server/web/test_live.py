"""Open pages are told what is new: soon, by one reader, and not for ever."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from gate.core.entry import Act
from gate.core.outcome import Outcome, Reason
from gate.storage.event import EventRow
from sync.server import tables as t
from sync.server.web import live as live_module
from sync.server.web.live import Readings, _message
from sync.server.web.numbers import Numbers
from sync.server.web.pages import Pages
from sync.server.web.server_numbers import ServerSource
from tests.support.central import Maker, ask, central
from tests.support.web import OpenPage, signed_in


def inside(text: str) -> int:
    found = re.search(r'<p class="number">(-?[0-9]+)</p><h2>inside', text)
    assert found, text[:500]
    return int(found[1])


async def news(page: OpenPage) -> tuple[str, str]:
    """What it is told next, but that there is nothing new."""
    while True:
        kind, text = await page.next()
        if kind != "beat":
            return kind, text


async def test_an_admission_is_on_the_page_within_a_second(tmp_path: Path) -> None:
    """From the push that brought it; and again for the next one.

    Three in a row of some are: a machine may have other things to do meanwhile.
    """
    soon = count = 0
    async with central(tmp_path) as running, signed_in(running) as at:
        maker = Maker()
        await running.enrol(maker)
        page = OpenPage(running.app, at)
        assert await page.begun() == 200
        assert inside((await news(page))[1]) == 0
        while soon < 3:
            count += 1
            assert count < 15, "never"
            sent_s = time.monotonic()
            await running.exchange(maker, ask([maker.make(ticket=f"t{count}")]))
            while inside((await news(page))[1]) != count:
                pass
            soon = soon + 1 if time.monotonic() - sent_s < 1 else 0
            await asyncio.sleep(0.6)
        assert inside((await at.get("/web/tonight")).text) == count
        await page.close()


async def test_many_pages_have_one_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are open, numbers are read as often as for one; closed, no more."""
    times = 0
    numbers = ServerSource.numbers

    async def counted(self: ServerSource, event: str) -> Numbers:
        nonlocal times
        times += 1
        return await numbers(self, event)

    monkeypatch.setattr(ServerSource, "numbers", counted)
    monkeypatch.setattr(live_module, "OF_SESSION", 50)
    monkeypatch.setattr(live_module, "AGAIN_S", 600.0)
    async with central(tmp_path) as running, signed_in(running) as at:
        times = 0
        pages = [OpenPage(running.app, at) for _n in range(30)]
        for page in pages:
            await page.begun()
        texts = {(await news(page))[1] for page in pages}
        assert len(texts) == 1
        assert times <= 2
        for page in pages:
            await page.close()
        seen = times
        maker = Maker()
        await running.enrol(maker)
        await running.exchange(maker, ask([maker.make(ticket="t")]))
        await asyncio.sleep(1)
        assert times == seen


async def test_each_page_is_told_in_its_own_language(tmp_path: Path) -> None:
    """Words of reasons too, which no template has."""
    async with central(tmp_path) as running, signed_in(running) as at:
        maker = Maker()
        await running.enrol(maker)
        refused = {"outcome": Outcome.REFUSE, "reason": Reason.ALREADY_USED}
        await running.exchange(maker, ask([maker.make(Act.REFUSAL, ticket="t", **refused)]))
        for language, word in (("zh_CN", "已使用"), ("en", "Already used")):
            page = OpenPage(running.app, at, f"tonight&language={language}")
            await page.begun()
            assert word in (await news(page))[1]
            await page.close()


async def test_a_session_has_only_so_many_open_pages(tmp_path: Path) -> None:
    """Another one is told to come later; when one is closed it may."""
    async with central(tmp_path) as running, signed_in(running) as at:
        pages = [OpenPage(running.app, at) for _n in range(live_module.OF_SESSION)]
        for page in pages:
            assert await page.begun() == 200
            await page.next()
        late = OpenPage(running.app, at)
        assert await late.begun() == 503
        await pages.pop().close()
        again = OpenPage(running.app, at)
        assert await again.begun() == 200
        for page in (again, *pages):
            await page.close()


async def test_a_revoked_session_is_told_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open page is closed soon after; where that is never looked at, it stays open."""
    monkeypatch.setattr(live_module, "BEAT_S", 0.1)

    async def ends(page: OpenPage, within_s: float) -> bool:
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            if (await page.next())[0] == "over":
                return True
        return False

    async with central(tmp_path) as running, signed_in(running) as at:
        for check_s, within_s, is_over in ((600.0, 1.5, False), (0.2, 60.0, True)):
            monkeypatch.setattr(live_module, "CHECK_S", check_s)
            page = OpenPage(running.app, at)
            await page.begun()
            await page.next()
            await running.server.write(_sign_everybody_out)
            assert await ends(page, within_s) is is_over
            if not is_over:
                await page.close()
            await at.sign_in("Ann")


def _sign_everybody_out(connection: Connection) -> None:
    connection.execute(t.web_session.delete())


async def test_a_page_of_another_kind_is_told_that_something_changed(tmp_path: Path) -> None:
    """It fetches itself anew then: what it shows is its visitor's own."""
    async with central(tmp_path) as running, signed_in(running) as at:
        maker = Maker()
        await running.enrol(maker)
        page = OpenPage(running.app, at, view="gates")
        await page.begun()
        # Both are told of the first reading at once, of which this one says nothing.
        beside = OpenPage(running.app, at)
        await beside.begun()
        assert (await news(beside))[0] == "parts"
        await running.exchange(maker, ask([maker.make(ticket="t")]))
        assert (await news(page))[0] == "changed"
        await beside.close()
        await page.close()


async def test_readings_are_made_one_at_a_time(tmp_path: Path) -> None:
    """Whoever asks meanwhile waits for that one, and slow ones are made more rarely."""

    class Slow:
        at_once = most = times = 0

        async def event(self, event: str) -> EventRow:
            return EventRow(event, "Show", "UTC")

        async def version(self, event: str) -> str:
            return event

        async def numbers(self, event: str) -> Numbers:
            self.times, self.at_once = self.times + 1, self.at_once + 1
            self.most = max(self.most, self.at_once)
            await asyncio.sleep(0.6)
            self.at_once -= 1
            return Numbers(self.times)

    source: Any = Slow()
    async with central(tmp_path) as running:
        readings = Readings(Pages(running.server.access, source, needs_tls=False))
        found = await asyncio.gather(*(readings.state("show") for _n in range(20)))
    assert (source.most, source.times) == (1, 1)
    assert {one.numbers.at_ms for one in found} == {1}
    assert readings.wait_s("show") > 1


@pytest.mark.parametrize("text", ["a\r\nevent: over\n\nb", "a\rdata: x", "a\u2028event: over"])
def test_no_text_ends_an_event(text: str) -> None:
    """Whatever breaks a line in it begins a line of its data."""
    lines = _message("parts", text).removesuffix("\n\n").split("\n")
    assert lines[0] == "event: parts"
    assert all(line.startswith("data: ") and "\r" not in line for line in lines[1:])

"""Two server processes on one PostgreSQL: what one draws of a code the other does not overwrite."""

import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from sync.server.database import in_transaction
from sync.upstream.wechat import forwarding, inbox, pull
from sync.upstream.wechat.mapping import State
from sync.upstream.wechat.pushes import Push, Received
from tests.support import places
from tests.support.wechat import PARTS, Venue, venue

pytestmark = [pytest.mark.postgres, pytest.mark.long]


@pytest.fixture
async def both(tmp_path: Path, cluster: str) -> AsyncIterator[Venue]:
    """A venue on PostgreSQL, whatever else is asked for."""
    async with venue(places.copied(cluster, tmp_path, PARTS)) as made:
        yield made


async def _at_once(here: Venue) -> tuple[State, bool]:
    """A push is drawn while a call states a seat; how the code stands, and if it has the seat."""
    code = await here.wechat.claim(here.card)
    await here.step()
    link, met = here.link(), threading.Event()
    now_ms = time.time_ns() // 1_000_000
    push = Push("user_del_card", now_ms // 1000 + 5, card_id=here.card, code=code)
    waiting = [inbox.Waiting("digest", now_ms, push)]
    seat = {"code": code, "card_id": here.card, "seat_number": "7"}

    def draw(connection: Connection) -> None:
        pull._take(connection, link, waiting, {here.card: {}}, now_ms)
        met.set()
        # So long the other has for what it must not do.
        time.sleep(1.0)

    def state(connection: Connection) -> None:
        met.wait(10)
        path = "/card/meetingticket/updateuser"
        forwarding._record(connection, here.wechat.appid, path, seat)

    threads = [threading.Thread(target=_work, args=(here, job)) for job in (draw, state)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    found = here.kept(code)
    return found.state, "seat_number" in found.attributes


def _work(here: Venue, job: Callable[[Connection], Any]) -> None:
    in_transaction(here.ours.engine, job)


async def test_what_two_processes_draw_at_once_is_both_kept(both: Venue) -> None:
    """A deleted card, and the seat that was stated of it meanwhile."""
    assert await _at_once(both) == (State.DELETED, True)


async def test_without_the_lock_one_is_lost(both: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutation: the call that read the code before the push writes all of it back."""
    monkeypatch.setattr("sync.upstream.links.lock", lambda *_stated: None)
    assert await _at_once(both) == (State.HELD, True)


async def test_a_push_that_comes_to_both_at_once_is_kept_once(both: Venue) -> None:
    """WeChat tries again after five seconds, at whichever process the balancer chooses."""
    code = await both.wechat.claim(both.card)
    await both.step()
    account, met = both.account(), threading.Event()
    push = Push("user_view_card", 5, card_id=both.card, code=code)
    received = Received(push, "<xml></xml>", "1 n")
    answers: list[bool] = []

    def first(connection: Connection) -> None:
        answers.append(inbox.take(connection, account, received, 7))
        met.set()
        time.sleep(1.0)

    def second(connection: Connection) -> None:
        met.wait(10)
        answers.append(inbox.take(connection, account, received, 7))

    threads = [threading.Thread(target=_work, args=(both, job)) for job in (first, second)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert answers == [True, True]

"""Works on the links: pulls and tells, one process for each link, and comes again where it failed.

What there is to do stands in tables. Nothing here is on the way of an entry or a verdict.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.core.upstream_state import UpstreamState
from gate.errors import StoreError
from gate.i18n import sentences
from sync.server import tables as central
from sync.server import ticket_store
from sync.server.background_jobs import BackgroundJobs
from sync.server.server import Server
from sync.server.webhooks import registered
from sync.server.webhooks.payloads import Kind, Message, UpstreamRejected
from sync.upstream import gate_devices, links, outbox, standing, storing
from sync.upstream.links import LEASE_MS, Link
from sync.upstream.outbox import Row
from sync.upstream.seam import Answer, AwayError, StoppedError, Told, Upstream
from sync.upstream.standing import Standing

log = logging.getLogger(__name__)
EVERY_S: Final = 0.25
COUNT_EVERY_S: Final = 5.0
MOST_AGAIN_S: Final = 60.0
"""Longest wait of our own accord; who asks for more with ``Retry-After`` gets it, up to an hour."""
AGAIN: Final = 20
"""So many tickets are asked for again at a time."""
MOST_ASKED_S: Final = 3600.0
_PUSH_IS_WELL: Final[Mapping[str, Any]] = {"push_failures": 0, "push_error": ""}
_Work = Callable[[Link], Awaitable[None]]


def back_off_s(failures: int, asked_s: float = 0.0) -> float:
    """How long to wait after so many failures in a row, at least what was asked for."""
    drawn = random.uniform(0.5, 1.0) * min(MOST_AGAIN_S, 2.0 ** min(failures - 1, 10))  # noqa: S311
    return max(drawn, min(asked_s, MOST_ASKED_S))


class UpstreamWorker:
    """The work of one server process on all links."""

    def __init__(self, server: Server, kinds: Mapping[str, Upstream]) -> None:
        self._server = server
        self._kinds = kinds
        self._holder = secrets.token_hex(8)
        self._leased_ms: dict[str, int] = {}
        self._jobs = BackgroundJobs("upstreams")
        self._under_way: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._again: dict[str, set[str]] = {}
        """By event, tickets that are to be asked for again."""
        self._standing: list[Standing] = []
        watch = server.metrics.watch
        watch("gate_upstream_backlog", "Entries that upstreams are still to be told", self._backlog)
        watch("gate_upstream_failed", "Entries that upstreams did not take", self._failed)
        server.upstream_state = self.state_of
        watch("gate_upstream_wrong", "Upstreams with something wrong", self._wrong)

    def routes(self) -> Sequence[BaseRoute]:
        """None of its own."""
        return ()

    async def start(self) -> None:
        """Begin to work, where this process does."""
        # Every process tells the devices that are connected to it.
        self._jobs.run(self.count, COUNT_EVERY_S)
        if self._server.settings.runs_jobs:
            self._jobs.run(self.follow, EVERY_S)
            self._jobs.run(self.look, EVERY_S)

    async def stop(self) -> None:
        """Stop; another process may go on at once."""
        await self._jobs.stop()
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        with suppress(SQLAlchemyError, StoreError):
            await self._server.write(partial(links.release, holder=self._holder))
        for upstream in self._kinds.values():
            await upstream.close()

    async def count(self) -> bool:
        """Count anew how the links stand, for whoever asks for numbers."""
        self._standing = await self._server.read(standing.every)
        return False

    def state_of(self, event: str) -> UpstreamState | None:
        """How an event's upstream stands; ``None``: it lives in none, or nobody has looked yet."""
        now_ms = read_wall_ms()
        return next((one.state(now_ms) for one in self._standing if one.event == event), None)

    async def follow(self) -> bool:
        """Make outbox rows of new entries; whether there are more."""
        has_more = False
        for event in await self._server.read(outbox.behind):
            job = partial(outbox.follow, event=event, kinds=self._kinds, now_ms=read_wall_ms())
            has_more |= await self._server.write(job)
        return has_more

    async def look(self) -> bool:
        """Begin what is due on every link that is ours to work on."""
        now_ms = read_wall_ms()
        for link in await self._server.read(links.every):
            if link.kind in self._kinds and not link.is_stopped:
                if link.pull_ms <= now_ms:
                    self._begin("pull", link, self.pull)
                if link.push_ms <= now_ms:
                    self._begin("push", link, self.push)
        return False

    async def settled(self) -> None:
        """Wait for what is under way."""
        while self._under_way:
            await asyncio.wait(list(self._under_way.values()))
            await asyncio.sleep(0)

    async def pull(self, link: Link) -> None:
        """Store pages until there is no more for now."""
        upstream = self._kinds[link.kind]
        while (mine := await self._mine(link.event)) and mine.pull_ms <= read_wall_ms():
            is_busy = await self._server.read(_is_any_lane_open, link.event)
            ours = await self._server.read(links.devices_of, mine)
            again = await self._server.read(_orders_of, link.event, self._next_again(link.event))
            page = await upstream.pull(
                mine, is_busy=is_busy, ours=ours, again=frozenset(again.values())
            )
            job = partial(
                storing.store, link=mine, holder=self._holder, page=page, now_ms=read_wall_ms()
            )
            other = await self._server.write(job)
            if other is None:
                # Somebody else's by now, or paired anew: the lease is asked for again.
                self._leased_ms.pop(link.event, None)
                return
            waiting = self._again.setdefault(link.event, set())
            waiting.difference_update(again, self._next_again(link.event) - again.keys())
            waiting |= other
            self._server.publish_changes(link.event)

    async def push(self, link: Link) -> None:
        """Tell what is due, one entry after the other, until nothing is."""
        upstream = self._kinds[link.kind]
        while row := await self._server.read(outbox.next_due, link, read_wall_ms()):
            mine = await self._mine(link.event)
            if mine is None or mine.is_stopped:
                return
            by = await self._server.read(gate_devices.teller, mine, row.due.entry.gate, row.device)
            begin = partial(outbox.begin, event=link.event, row=row, device=by.device)
            if not await self._server.write(begin):
                continue
            try:
                told = await self._tell(upstream, by, row)
            except StoppedError as stopped:
                if by.device == mine.device:
                    raise
                # Its gate's entries are told all the same, by the link's own device.
                await self._give_up(by, stopped)
                continue
            if told.why:
                log.warning("event=%s entry=%s was not taken: %s", link.event, row.name, told.why)
            job = partial(_settle, link=mine, row=row, told=told, now_ms=read_wall_ms())
            await self._server.write(job)
            again = _PUSH_IS_WELL if mine.push_error else {}
            await self._note(link, heard_ms=read_wall_ms(), **again)
        if link.push_error:
            # What could not be told may have been withdrawn since.
            await self._note(link, **_PUSH_IS_WELL)

    async def _tell(self, upstream: Upstream, link: Link, row: Row) -> Told:
        """Tell one entry; what certainly did not arrive counts as never tried."""
        try:
            return await upstream.push(link, row.due)
        except (AwayError, StoppedError) as error:
            if isinstance(error, StoppedError) or not error.may_have_arrived:
                await self._server.write(partial(outbox.give_back, event=link.event, row=row))
            raise

    async def _give_up(self, by: Link, stopped: StoppedError) -> None:
        log.error("event=%s device=%s: %s", by.event, by.device, stopped)
        why = _in_words(stopped)
        job = partial(gate_devices.note_trouble, event=by.event, device=by.device, why=why)
        await self._server.write(job)

    def _next_again(self, event: str) -> frozenset[str]:
        return frozenset(sorted(self._again.get(event, ()))[:AGAIN])

    async def _mine(self, event: str) -> Link | None:
        """The link as it is now, if the work on it is ours."""
        now_ms = read_wall_ms()
        if self._leased_ms.get(event, 0) - now_ms > LEASE_MS // 2:
            return await self._server.read(links.find, event)
        job = partial(links.lease, event=event, holder=self._holder, now_ms=now_ms)
        link = await self._server.write(job)
        if link is None:
            self._leased_ms.pop(event, None)
            return None
        self._leased_ms[event] = now_ms + LEASE_MS
        return link

    def _begin(self, what: str, link: Link, work: _Work) -> None:
        key = (link.event, what)
        if key not in self._under_way:
            task = asyncio.create_task(self._try(what, link, work))
            self._under_way[key] = task
            task.add_done_callback(lambda _done: self._under_way.pop(key, None))

    async def _try(self, what: str, link: Link, work: _Work) -> None:
        """Do some work, and keep what is wrong if it fails."""
        try:
            await work(link)
        except AwayError as away:
            now = await self._server.read(links.find, link.event) or link
            failures = (now.pull_failures if what == "pull" else now.push_failures) + 1
            wait_s = back_off_s(failures, away.again_s)
            log.warning("event=%s %s: %s; again in %.1f s", link.event, what, away, wait_s)
            again_ms = read_wall_ms() + round(wait_s * 1000)
            await self._note(
                link,
                **{
                    f"{what}_ms": again_ms,
                    f"{what}_failures": failures,
                    f"{what}_error": away.message,
                },
            )
        except StoppedError as stopped:
            log.error("event=%s %s: %s", link.event, what, stopped)
            await self._note(link, is_stopped=True, **{f"{what}_error": _in_words(stopped)})
        except (SQLAlchemyError, StoreError) as error:
            # The lease runs out, or the next look begins it anew.
            log.error("event=%s %s: %s", link.event, what, type(error).__name__)
        except Exception as error:  # One event must not stop it for all.
            log.error("event=%s %s: fault", link.event, what, exc_info=error)
            wait_ms = round(MOST_AGAIN_S * 1000)
            again_ms, fault = read_wall_ms() + wait_ms, type(error).__name__
            await self._note(link, **{f"{what}_ms": again_ms, f"{what}_error": fault})

    async def _note(self, link: Link, **fields: Any) -> None:
        job = partial(links.note, event=link.event, holder=self._holder, **fields)
        with suppress(SQLAlchemyError, StoreError):
            await self._server.write(job)

    def _backlog(self) -> float:
        return sum(one.waiting for one in self._standing)

    def _failed(self) -> float:
        return sum(one.failed for one in self._standing)

    def _wrong(self) -> float:
        return sum(bool(one.error) for one in self._standing)


def _settle(connection: Connection, link: Link, row: Row, told: Told, now_ms: int) -> None:
    """Keep how telling an entry went, and tell the organiser of one that will never be taken."""
    outbox.settle(connection, link.event, row, told, now_ms)
    if told.answer is Answer.FAILED:
        entry = row.due.entry
        data = UpstreamRejected(
            entry=entry.name, target=entry.target, ticket=entry.ticket, upstream=link.kind,
            reason=told.why,
        )  # fmt: skip
        message = Message(Kind.UPSTREAM_REJECTED, entry.name, entry.ticket, data)
        registered.publish(connection, link.event, [message], now_ms)


def _in_words(stopped: StoppedError) -> str:
    """What is wrong, and what a person has to do."""
    return sentences(stopped.message, stopped.hint) if stopped.hint else stopped.message


def _orders_of(connection: Connection, event: str, tickets: frozenset[str]) -> dict[str, str]:
    """The orders of some tickets that are here, by ticket."""
    found = ticket_store.find_tickets(connection, event, sorted(tickets))
    return {id_: one.order for id_, one in found.items() if one.order}


def _is_any_lane_open(connection: Connection, event: str) -> bool:
    c = central.device.c
    query = select(c.id).where(c.event == event, c.lane_open == 1).limit(1)
    return connection.execute(query).first() is not None

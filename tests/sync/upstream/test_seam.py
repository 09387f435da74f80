"""Any upstream: pages stored with their cursor, entries told once, one process on a link."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import Connection, create_engine, event, select, update

from gate.clock import read_wall_ms
from gate.core.entry import Act, Entry
from gate.core.outcome import Outcome, Reason
from sync.server import check_out, journals, ticket_store
from sync.server import tables as central_tables
from sync.server.database import in_transaction, open_database, reading
from sync.server.http import Denied
from sync.server.issuing import Issue
from sync.server.part import Subject
from sync.server.web.links import Kind
from sync.upstream import gate_devices, left_out, links, missing, outbox, standing, storing, tables
from sync.upstream.gate_devices import GateDevice
from sync.upstream.links import Link
from sync.upstream.outbox import State
from sync.upstream.part import upstream_part
from sync.upstream.seam import (
    Answer,
    AwayError,
    Due,
    Movement,
    Page,
    Schedule,
    StoppedError,
    Told,
)
from sync.upstream.worker import MOST_AGAIN_S, UpstreamWorker, back_off_s
from tests.support import places
from tests.support.central import Central, Maker, ask, central
from tests.support.places import DATABASES, Place, in_folder
from tests.support.venue import NOW_MS
from tests.support.web import browser, link, signed_in
from tests.sync.server.test_migrations import seen

PARTS = (upstream_part(dict),)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A PostgreSQL with an event's database that is to be copied; its address."""
    with places.cluster(PARTS) as url:
        yield url


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty folder, and a database of each kind."""
    return places.asked_for(request, tmp_path, PARTS)


TYPE = {"id": "A", "kind": "meeting", "time_zone": "UTC"}


def ticket(n: int, **more: Any) -> dict[str, Any]:
    """A ticket's row."""
    return {"id": f"t{n}", "code": f"CODE{n}", "type": "A"} | more


class Shop:
    """An upstream of nothing: it states the pages that it is given, and keeps what it is told."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.asked: list[Any] = []
        self.again: list[frozenset[str]] = []
        self.told: list[tuple[str, bool]] = []
        self.by: list[str] = []
        """Which device told each of them."""
        self.unknown: set[str] = set()
        """Devices that it does not know any more."""
        self.trouble: Exception | None = None
        self.push_trouble: Exception | None = None
        """What is wrong with telling it alone."""
        self.answer = Told()
        self.when: Callable[[Entry, int], Schedule | None] = lambda _entry, now_ms: Schedule(now_ms)

    def schedule(
        self, connection: Connection, link: Link, entry: Entry, now_ms: int
    ) -> Schedule | None:
        return self.when(entry, now_ms)

    async def pull(
        self, link: Link, *, is_busy: bool, ours: frozenset[str], again: frozenset[str]
    ) -> Page:
        self.again.append(again)
        self.asked.append((dict(link.cursor), is_busy, ours))
        await asyncio.sleep(0)
        if self.trouble is not None:
            raise self.trouble
        return self.pages.pop(0) if self.pages else Page(link.cursor, again_s=60)

    async def push(self, link: Link, due: Due) -> Told:
        if trouble := self.trouble or self.push_trouble:
            raise trouble
        if link.device in self.unknown:
            raise StoppedError("unknown device", "Pair it again.")
        self.told.append((due.entry.name, due.was_undone))
        self.by.append(link.device)
        return self.answer

    async def close(self) -> None:
        pass


class Linked:
    """A server with the event ``show`` linked to a shop; nothing runs by itself."""

    def __init__(self, running: Central, shop: Shop) -> None:
        self.running, self.shop = running, shop
        self.maker = Maker()

    @property
    def worker(self) -> UpstreamWorker:
        found: UpstreamWorker = self.running.app.state.mounted["upstreams"]
        return found

    async def pull(self, *pages: Page) -> None:
        """Have the shop state these pages."""
        self.shop.pages += pages
        self.write(lambda c: links.start_again(c, "show"))
        await self.step()

    async def step(self) -> None:
        """Do all there is to do now."""
        while await self.worker.follow():
            pass
        await self.worker.look()
        await self.worker.settled()

    async def did(self, *bodies: bytes) -> None:
        """Have a gate bring entries."""
        await self.running.exchange(self.maker, ask(bodies, [self.maker.head()]))

    def write(self, job: Callable[[Connection], Any]) -> Any:
        return in_transaction(self.running.engine, job)

    def read(self, job: Callable[..., Any], *arguments: Any) -> Any:
        with reading(self.running.engine) as connection:
            return job(connection, *arguments)

    def link(self) -> Link:
        found: Link = self.read(links.need, "show")
        return found

    def status(self, id_: str) -> str:
        return str(self.read(ticket_store.find_ticket, "show", id_).status.value)

    def states(self) -> dict[str, State]:
        c = tables.upstream_entry.c
        rows = self.read(lambda connection: connection.execute(select(c.entry, c.state)).all())
        return {row.entry.rpartition(":")[2]: State(row.state) for row in rows}

    def facts(self, id_: str) -> list[Entry]:
        found: list[Entry] = self.read(journals.facts_of, "show", id_)
        return sorted(found, key=lambda one: one.hlc)


async def test_what_is_to_be_asked_for_again_is_asked_for_by_its_order(place: Place) -> None:
    """Once, and only what is here with an order; after a call that failed it is asked for anew."""
    async with linked(place) as here:
        rows = [ticket(1, order="AAAA1"), ticket(2), ticket(3, order="AAAA3")]
        states = Issue(types=[TYPE], tickets=rows)
        now = {"t1": "8", "t2": "8", "t3": "7", "gone": "8"}
        await here.pull(
            Page({}, issue=states, marks={"t3": "7"}),
            Page({}, marks=now, compares_marks=True, again_s=60),
            Page({}, issue=Issue(tickets=rows[:1]), marks=now),
            Page({}, marks=now, compares_marks=True, again_s=60),
        )
        assert [one for one in here.shop.again if one] == [{"AAAA1"}]


async def _marked_otherwise(place: Place) -> list[frozenset[str]]:
    """Which tickets are asked for again, had the process ended before it asked for any."""
    rows = [ticket(n, order=f"AAAA{n}") for n in range(4)]
    had = {"t0": "7", "t1": "8+", "t3": "9"}
    now = {"t1": "8", "t2": "9", "t3": "9"}
    async with linked(place) as here:
        await here.pull(Page({}, issue=Issue(types=[TYPE], tickets=rows), marks=had, again_s=60))

        def store(page: Page) -> Any:
            holder = here.worker._holder
            return here.write(
                partial(storing.store, link=here.link(), holder=holder, page=page, now_ms=1)
            )

        found = [store(Page({}, marks=now, compares_marks=True)) for _process in range(2)]
        store(Page({}, issue=Issue(tickets=rows), marks=now))
        return [*found, store(Page({}, marks=now, compares_marks=True))]


async def test_what_is_marked_otherwise_is_so_until_it_is_stated_again(place: Place) -> None:
    """Whatever ends before: nobody has to remember that it changed. Gone, other and new marks."""
    other = frozenset({"t0", "t1", "t2"})
    assert await _marked_otherwise(place) == [other, other, frozenset()]


async def test_mutation_marks_that_nobody_keeps_are_asked_for_for_ever(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And of one that is gone nobody hears."""
    monkeypatch.setattr(storing, "_mark", lambda *_all: None)
    other = frozenset({"t1", "t2", "t3"})
    assert await _marked_otherwise(place) == [other, other, other]


async def test_a_check_out_is_kept_by_whoever_is_first_and_never_told(place: Place) -> None:
    """Both systems have it by one setting, at the same moment."""
    async with linked(place) as here:
        moments = {"UTC": NOW_MS + 5000}
        rows = Issue(types=[TYPE], tickets=[ticket(1), ticket(2)])
        theirs = [
            Movement(ref, id_, act, at_ms, "shop", is_check_out=act is Act.EXIT)
            for ref, id_, act, at_ms in (
                ("1", "t1", Act.ADMISSION, NOW_MS), ("2", "t2", Act.ADMISSION, NOW_MS),
                ("3", "t2", Act.EXIT, NOW_MS + 5000),
            )
        ]  # fmt: skip
        await here.pull(Page({}, issue=rows, movements=theirs, again_s=60))
        here.write(lambda c: check_out.write(c, "show", ["t1", "t2"], moments, NOW_MS + 9000))
        late = Movement("4", "t1", Act.EXIT, NOW_MS + 5000, "shop", is_check_out=True)
        await here.pull(Page({}, issue=rows, movements=[*theirs, late], again_s=60))
        for id_ in ("t1", "t2"):
            assert [one.act for one in here.facts(id_)] == [Act.ADMISSION, Act.EXIT]
        assert not here.shop.told


@asynccontextmanager
async def linked(place: Place) -> AsyncIterator[Linked]:
    """A server with a link, its gate not enrolled yet."""
    shop = Shop()
    mounted = (upstream_part(lambda: {"shop": shop}),)
    engine = place.engine()
    try:
        async with central(place.path, engine=engine, mounted=mounted, runs_jobs=False) as running:
            here = Linked(running, shop)
            link = Link("show", "shop", "https://shop", "halls", device="1", token="secret")
            here.write(lambda connection: links.make(connection, link))
            yield here
    finally:
        engine.dispose()


@asynccontextmanager
async def complete(place: Place, tickets: int = 3) -> AsyncIterator[Linked]:
    """The same with tickets, and a gate that is enrolled."""
    async with linked(place) as here:
        rows = [ticket(n) for n in range(tickets)]
        await here.pull(Page({"n": 1}, 60, Issue([TYPE], rows, is_exact=True), is_complete=True))
        await here.running.enrol(here.maker)
        yield here


async def test_a_page_is_stored_with_its_cursor(place: Place) -> None:
    """The next page is asked for from there; the same rows again are no change."""
    async with linked(place) as here:
        issue = Issue([TYPE], [ticket(1)], is_exact=True)
        await here.pull(Page({"n": 1}, 0, issue), Page({"n": 2}, 60, issue, is_complete=True))
        assert [cursor for cursor, _busy, _ours in here.shop.asked] == [{}, {"n": 1}]
        assert here.link().cursor == {"n": 2}
        head = (await here.running.server.tip_cache.newest("show")).cursor
        await here.pull(Page({"n": 3}, 60, issue))
        assert (await here.running.server.tip_cache.newest("show")).cursor == head
        assert here.shop.asked[-1][2] == {"1"}


async def test_no_gate_enrols_before_all_tickets_are_there(place: Place) -> None:
    """The link stays good, and opens once the first pull is complete."""
    async with linked(place) as here:
        body = {"token": await here.running.token(), "device": here.maker.device,
                "key": here.maker.public}  # fmt: skip
        await here.pull(Page({"n": 1}, 60, Issue([TYPE], [ticket(1)]), done=1, total=2))
        answer = await here.running.http.post("/v1/enrol", json=body)
        assert (answer.status_code, answer.json()["error"]) == (409, "not_complete")
        assert "1 of 2" in answer.json()["reason"]
        await here.pull(Page({"n": 2}, 60, Issue(tickets=[ticket(2)]), is_complete=True))
        answer = await here.running.http.post("/v1/enrol", json=body)
        assert answer.status_code == 200


async def test_one_bad_row_keeps_no_other_out(place: Place) -> None:
    """It is named; the others of its page are there."""
    async with linked(place) as here:
        rows = [ticket(1), ticket(2, type="none"), ticket(3)]
        await here.pull(Page({"n": 1}, 60, Issue([TYPE], rows, is_exact=True)))
        assert here.status("t1") == here.status("t3") == "normal"
        assert here.read(ticket_store.find_ticket, "show", "t2") is None
        await here.pull(Page({"n": 2}, 60, Issue(tickets=[ticket(4)], is_exact=True)))
        (named,) = here.read(left_out.some, "show")
        assert (named.ticket, named.why.startswith("t2: ")) == ("t2", True)
        (stands,) = here.read(standing.every)
        assert stands.error == f"tickets that cannot be taken in: 1; {named.why}"


@pytest.mark.examples(2)
@pytest.mark.parametrize("how", ["stated otherwise", "not there any more", "erased", "over"])
async def test_what_was_left_out_is_named_until_it_is_put_right(place: Place, how: str) -> None:
    """However many pages come meanwhile."""
    async with linked(place) as here:
        rows = [ticket(1), ticket(2, type="none")]
        await here.pull(Page({"n": 1}, 60, Issue([TYPE], rows, is_exact=True)))
        assert here.read(left_out.count, "show") == 1
        if how == "stated otherwise":
            await here.pull(Page({"n": 2}, 60, Issue(tickets=[ticket(2)], is_exact=True)))
            assert here.status("t2") == "normal"
        elif how == "not there any more":
            again = Issue(tickets=[ticket(1)], is_exact=True)
            await here.pull(Page({"n": 2}, 60, again, run=1, ends_run=True))
        else:
            personal = upstream_part(dict).personal
            subject = Subject(frozenset({"t2"}))
            here.write(
                (lambda c: personal.erase(c, "show", subject))
                if how == "erased"
                else (lambda c: personal.drops[0](c, "show", None))
            )
        assert here.read(left_out.some, "show") == []


async def test_who_keeps_no_row_forgets_it_with_the_next_page(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation: then nobody ever hears of the ticket again."""
    monkeypatch.setattr("sync.upstream.left_out.put", lambda *_rows: None)
    async with linked(place) as here:
        rows = [ticket(1), ticket(2, type="none")]
        await here.pull(Page({"n": 1}, 60, Issue([TYPE], rows, is_exact=True)))
        (stands,) = here.read(standing.every)
        assert stands.error == ""


async def test_a_code_moves_to_another_ticket(place: Place) -> None:
    """Whose a code is the upstream says."""
    async with complete(place) as here:
        rows = [ticket(1, code="NEW"), ticket(2, other_codes=["CODE1"])]
        await here.pull(Page({"n": 2}, 60, Issue([TYPE], rows, is_exact=True)))
        hashes = here.read(ticket_store.hashes_of, "show", ["CODE1", "NEW"])
        owners = dict(
            here.read(lambda c: list(ticket_store.owners_of(c, "show", [*hashes.values()])))
        )
        assert (owners[hashes["CODE1"]], owners[hashes["NEW"]]) == ("t2", "t1")


async def test_an_entry_is_told_once(place: Place) -> None:
    """Admissions in their order, and refusals of known tickets after them; nothing else."""
    async with complete(place) as here:
        refused = {"outcome": Outcome.REFUSE, "reason": Reason.ALREADY_USED}
        await here.did(
            here.maker.make(Act.REFUSAL, ticket="t1", **refused),
            here.maker.make(ticket="t1"),
            here.maker.make(Act.REFUSAL, code="ab", **refused),
            here.maker.make(Act.EXIT, ticket="t1"),
        )
        await here.step()
        await here.step()
        assert [name.rpartition(":")[2] for name, _undone in here.shop.told] == ["2", "4", "1"]
        assert here.read(outbox.backlog, "show").waiting == 0


async def test_an_undo_that_overtakes_withdraws(place: Place) -> None:
    """Undone before it was told, an admission is told as undone, and its undo not at all."""
    async with complete(place) as here:
        admitted = here.maker.make(ticket="t1")
        undone = here.maker.make(Act.ANNULMENT, ticket="t1", target=f"{here.maker.origin}:1")
        await here.did(admitted, undone)
        await here.step()
        assert here.shop.told == [(f"{here.maker.origin}:1", True)]
        assert here.states() == {"1": State.TOLD, "2": State.WITHDRAWN}


async def test_what_may_have_been_told_is_undone_there(place: Place) -> None:
    """After a lost answer the admission is told again and then its undo: never taken for untold."""
    async with complete(place) as here:
        await here.did(here.maker.make(ticket="t1"))
        here.shop.trouble = AwayError("lost")
        await here.step()
        assert here.states() == {"1": State.TRYING}
        await here.did(here.maker.make(Act.ANNULMENT, ticket="t1", target=f"{here.maker.origin}:1"))
        here.shop.trouble = None
        here.write(lambda connection: links.start_again(connection, "show"))
        await here.step()
        assert [(name[-1], undone) for name, undone in here.shop.told] == [
            ("1", False),
            ("2", False),
        ]


@pytest.mark.long
async def test_an_outbox_that_forgets_what_it_tries_tells_wrongly(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation: without the mark what may have arrived is told as what never counted."""
    monkeypatch.setattr("sync.upstream.outbox.begin", lambda _connection, event, row, device: True)
    async with complete(place) as here:
        await here.did(here.maker.make(ticket="t1"))
        here.shop.trouble = AwayError("lost")
        await here.step()
        await here.did(here.maker.make(Act.ANNULMENT, ticket="t1", target=f"{here.maker.origin}:1"))
        here.shop.trouble = None
        here.write(lambda connection: links.start_again(connection, "show"))
        await here.step()
        assert [undone for _name, undone in here.shop.told] == [True]


async def test_what_is_not_taken_is_counted_and_not_repeated(place: Place) -> None:
    """One entry that it will not have does not hold up the others."""
    async with complete(place) as here:
        here.shop.answer = Told(Answer.FAILED, "cancelled there")
        await here.did(here.maker.make(ticket="t1"), here.maker.make(ticket="t2"))
        await here.step()
        await here.step()
        assert len(here.shop.told) == 2
        (one,) = here.read(standing.every)
        assert (one.failed, one.waiting, one.why_failed) == (2, 0, "cancelled there")


async def test_who_is_away_is_asked_again_later(place: Place) -> None:
    """What is wrong is shown, it waits as long as was asked for, and all is well afterwards."""
    async with complete(place) as here:
        here.shop.trouble = AwayError("too often", again_s=900)
        await here.pull(Page({"n": 2}, 60))
        stands = here.link()
        assert (stands.error, stands.pull_failures, stands.is_stopped) == ("too often", 1, False)
        asked = len(here.shop.asked)
        here.shop.trouble = None
        await here.step()
        assert len(here.shop.asked) == asked
        await here.pull()
        assert (here.link().error, here.link().pull_failures) == ("", 0)


async def test_what_goes_well_says_nothing_of_what_does_not(place: Place) -> None:
    """It cannot be told anything while it states its tickets, and the other way round."""
    async with complete(place) as here:
        here.shop.push_trouble = AwayError("tells nothing")
        await here.did(here.maker.make(ticket="t1"))
        await here.pull()
        assert here.link().error == "tells nothing"
        heard_ms = here.link().heard_ms
        await here.pull(Page({"n": 7}, 60, was_heard=False))
        assert (here.link().error, here.link().heard_ms) == ("tells nothing", heard_ms)
        here.shop.trouble, here.shop.push_trouble = AwayError("states nothing"), None
        await here.pull()
        stands = here.link()
        assert (stands.pull_error, stands.push_error) == ("states nothing",) * 2
        here.shop.trouble = None
        later = {"pull_ms": read_wall_ms() + 60_000, "pull_error": "states nothing"}
        here.write(lambda c: links.start_again(c, "show", **later))
        await here.step()
        assert (here.link().error, here.states()["1"]) == ("states nothing", State.TOLD)


async def test_where_nothing_is_left_to_tell_nothing_is_wrong_with_telling(place: Place) -> None:
    """What it did not hear of went away meanwhile."""
    async with complete(place) as here:
        here.shop.push_trouble = AwayError("tells nothing", may_have_arrived=False)
        await here.did(here.maker.make(ticket="t1"))
        await here.step()
        assert here.link().push_failures == 1
        here.write(lambda c: c.execute(tables.upstream_entry.delete()))
        here.write(lambda c: links.note(c, "show", here.worker._holder, push_ms=0))
        await here.step()
        assert (here.link().error, here.link().push_failures) == ("", 0)


async def test_who_shuts_us_out_is_asked_no_more(place: Place) -> None:
    """Until a person has done something."""
    async with complete(place) as here:
        here.shop.trouble = StoppedError("unknown device")
        await here.pull(Page({"n": 2}, 60))
        assert here.link().is_stopped
        here.shop.trouble = None
        asked = len(here.shop.asked)
        await here.step()
        assert len(here.shop.asked) == asked


async def test_one_process_works_on_a_link(place: Place) -> None:
    """A second has to wait for the lease, and what the first then writes late changes nothing."""
    async with complete(place) as here:
        now_ms, after_ms = read_wall_ms(), read_wall_ms() + 2 * links.LEASE_MS
        first = here.worker._holder
        assert here.write(lambda c: links.lease(c, "show", "second", now_ms)) is None
        assert here.write(lambda c: links.note(c, "show", first, pull_error="in time"))
        assert here.write(lambda c: links.lease(c, "show", "second", after_ms)) is not None
        page = Page({"n": 9}, issue=Issue(tickets=[ticket(9)]))
        late = partial(storing.store, link=here.link(), holder=first, page=page, now_ms=now_ms)
        assert here.write(late) is None
        assert here.read(ticket_store.find_ticket, "show", "t9") is None
        assert here.link().cursor == {"n": 1}


def movement(ref: str, act: Act = Act.ADMISSION, at_ms: int = NOW_MS) -> Movement:
    """What another system did on a ticket."""
    return Movement(ref, "t1", act, at_ms, "shop, device 7")


async def test_what_others_did_is_an_entry_once(place: Place) -> None:
    """With its own time; what they take back is undone; nothing of it is told to them again."""
    async with complete(place) as here:
        issue = Issue(tickets=[ticket(1)], is_exact=True)
        both = (movement("7"), movement("8", Act.EXIT, NOW_MS + 5))
        await here.pull(Page({"n": 2}, 60, issue, movements=both))
        await here.pull(Page({"n": 3}, 60, issue, movements=both))
        assert [(one.act, one.at_ms) for one in here.facts("t1")] == [
            (Act.ADMISSION, NOW_MS), (Act.EXIT, NOW_MS + 5),
        ]  # fmt: skip
        await here.pull(Page({"n": 4}, 60, issue, movements=both[:1]))
        undo = here.facts("t1")[-1]
        assert (undo.act, undo.target) == (Act.ANNULMENT, here.facts("t1")[1].name)
        await here.step()
        assert here.shop.told == []


@pytest.mark.parametrize(("gone", "voided"), [(1, ["t0"]), (4, [])])
async def test_a_comparison_voids_only_a_few(place: Place, gone: int, voided: list[str]) -> None:
    """What is not there any more is void; if that were more than a twentieth, nothing is."""
    async with complete(place, tickets=40) as here:
        rows = [ticket(n) for n in range(gone, 40)]
        pages = [
            Page({"n": n}, 60 * n, Issue(tickets=some, is_exact=True), run=2, ends_run=bool(n))
            for n, some in enumerate((rows[:10], rows[10:]))
        ]
        await here.pull(*pages)
        assert [f"t{n}" for n in range(40) if here.status(f"t{n}") != "normal"] == voided
        assert here.read(missing.count, "show") == (0 if voided else gone)


async def test_missing_tickets_wait_for_a_person(place: Place) -> None:
    """Who voids them has seen as many as there are; what is stated again is missing no more."""
    async with complete(place, tickets=40) as here:
        rows = [ticket(n) for n in range(4, 40)]
        issue = Issue(tickets=rows, is_exact=True)
        await here.pull(Page({"n": 2}, 60, issue, run=2, ends_run=True))
        assert [one.id for one in here.read(missing.some, "show")] == ["t0", "t1", "t2", "t3"]
        await here.pull(Page({"n": 3}, 60, Issue(tickets=[ticket(3)], is_exact=True)))
        void = partial(missing.void, event="show", now_ms=read_wall_ms())
        with pytest.raises(Denied, match="others"):
            here.write(partial(void, seen=4))
        assert here.status("t0") == "normal"
        assert here.write(partial(void, seen=3)) == 3
        assert [here.status(f"t{n}") for n in range(4)] == ["revoked"] * 3 + ["normal"]
        assert here.read(missing.count, "show") == 0
        with pytest.raises(Denied):
            here.write(partial(void, seen=0))


def own_device(here: Linked, gate: str, device: str) -> None:
    """Make a gate a device of its own at the shop."""
    made = GateDevice("show", gate, device, f"token-{device}")
    here.write(partial(gate_devices.put, device=made))


async def test_a_gate_that_is_a_device_tells_by_it(place: Place) -> None:
    """Its entries come from it, all others from the link's own; each is one of ours."""
    async with complete(place) as here:
        own_device(here, "North", "7")
        await here.did(
            here.maker.make(ticket="t1", gate="North"), here.maker.make(ticket="t2", gate="South")
        )
        await here.step()
        assert here.shop.by == ["7", "1"]
        await here.pull()
        assert here.shop.asked[-1][2] == {"1", "7"}


async def test_who_told_it_takes_it_back(place: Place) -> None:
    """An undo comes from the device that told it, whoever's the gate is by then."""
    async with complete(place) as here:
        await here.did(here.maker.make(ticket="t1", gate="North"))
        await here.step()
        own_device(here, "North", "7")
        undo = {"ticket": "t1", "target": f"{here.maker.origin}:1", "gate": "North"}
        await here.did(here.maker.make(Act.ANNULMENT, **undo))
        await here.step()
        assert here.shop.by == ["1", "1"]


async def test_a_gate_s_device_that_is_shut_out_holds_up_nothing(place: Place) -> None:
    """What its gate does is told by the link's own; the trouble is named, until it is paired."""
    async with complete(place) as here:
        own_device(here, "North", "7")
        here.shop.unknown = {"7"}
        await here.did(here.maker.make(ticket="t1", gate="North"))
        await here.step()
        assert here.shop.by == ["1"]
        (one,) = here.read(standing.every)
        assert not one.is_stopped
        assert "North: unknown device. Pair it again." in one.state(read_wall_ms()).error
        own_device(here, "North", "8")
        await here.did(here.maker.make(ticket="t2", gate="North"))
        await here.step()
        assert here.shop.by == ["1", "8"]


async def test_gates_are_told_how_the_upstream_stands(place: Place) -> None:
    """With the devices, in a few bytes; stuck as long as somebody has to look."""
    async with complete(place) as here:
        await here.worker.count()
        answer = await here.running.exchange(here.maker, ask([], [here.maker.head()]))
        assert answer.upstream is not None
        assert (answer.upstream.kind, answer.upstream.is_stuck) == ("shop", False)
        here.shop.trouble = StoppedError("unknown device", "Pair it again")
        await here.pull(Page({"n": 2}, 60))
        await here.worker.count()
        state = here.worker.state_of("show")
        assert state is not None
        assert state.is_stuck
        assert state.error == "unknown device. Pair it again."
        assert here.worker.state_of("another") is None


async def test_what_was_not_taken_is_named(place: Place) -> None:
    """By its entry, the newest first, with the reason."""
    async with complete(place) as here:
        here.shop.answer = Told(Answer.FAILED, "cancelled there")
        await here.did(here.maker.make(ticket="t1"), here.maker.make(ticket="t2"))
        await here.step()
        found = here.read(outbox.not_taken, "show")
        assert [(one.entry.ticket, one.why) for one in found] == [
            ("t2", "cancelled there"), ("t1", "cancelled there"),
        ]  # fmt: skip


async def test_a_supervisor_reads_the_page_of_the_upstream(place: Place) -> None:
    """How it stands, what it did not take; tries it now; and Tonight says when it is stuck."""
    async with complete(place, tickets=40) as here:
        here.shop.answer = Told(Answer.FAILED, "cancelled there")
        await here.did(here.maker.make(ticket="t1"))
        await here.step()
        rows = [*(ticket(n) for n in range(4, 40)), ticket(99, type="none")]
        issue = Issue(tickets=rows, is_exact=True)
        await here.pull(Page({"n": 2}, 60, issue, run=2, ends_run=True))
        await here.worker.count()
        async with signed_in(here.running) as at:
            await at.get("/web/tonight")
            assert "4 tickets are not there any more" in at.page
            await at.get("/web/upstream")
            assert "cancelled there" in at.page
            assert f"{here.maker.origin}:1" in at.page
            assert "1 not taken, the newest: cancelled there" in at.page
            assert "Cannot be taken in: 1" in at.page
            assert "t99: " in at.page
            assert 'void-missing"' not in at.page
            here.write(lambda c: c.execute(update(tables.upstream).values(pull_ms=2**50)))
            await at.send("/web/upstream/retry", why="the network is back")
            assert "It is asked now." in at.page
            assert here.link().pull_ms == 0
            refused = await at.send("/web/upstream/void-missing", seen="4", why="sold out")
            assert refused.status_code == 403
        async with browser(here.running.app) as at:
            await at.open_link(await link(here.running, Kind.ORGANISER))
            await at.get("/web/upstream")
            await at.send("/web/upstream/void-missing", seen="4", why="the list was made smaller")
            assert "4 tickets were voided." in at.page
            await at.get("/web/log")
            assert "the list was made smaller" in at.page
        assert here.status("t0") == "revoked"


def test_waits_grow_to_a_minute_and_never_undercut() -> None:
    """Doubled each time, with chance in it; what the other side asks for counts."""
    assert all(0.5 * 2 ** (n - 1) <= back_off_s(n) <= 2 ** (n - 1) for n in range(1, 6))
    assert back_off_s(50) <= MOST_AGAIN_S
    assert back_off_s(1, 120) == 120


@pytest.mark.parametrize("kind", DATABASES)
def test_the_steps_make_what_the_tables_say(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A table that is changed without a step is seen here."""
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("steps", "tables")]
    if kind == "postgresql":
        url: str = request.getfixturevalue("cluster")
        names = [f"d{uuid4().hex}" for _url in urls]
        for name in names:
            places.create(url, name)
        urls = [url.replace("/postgres", f"/{name}") for name in names]
    made, created = open_database(urls[0], PARTS), create_engine(urls[1])
    tables.metadata.create_all(created)
    wanted = seen(created)
    assert {name: seen(made)[name] for name in wanted} == wanted
    made.dispose()
    created.dispose()


async def test_an_event_that_is_over_asks_for_nothing(place: Place) -> None:
    """With its names and codes its link goes, and the token with it."""
    async with complete(place) as here:
        (drop,) = upstream_part(dict).personal.drops
        assert here.write(lambda connection: drop(connection, "show", None)) is None
        assert here.read(links.every) == []


async def test_what_soon_is_too_late_is_told_first(place: Place) -> None:
    """Whatever came first; but of one ticket what came first, always."""
    async with complete(place) as here:
        ends = {"t0": 5, "t1": 3}
        here.shop.when = lambda one, now_ms: Schedule(
            now_ms, ends.get(one.ticket, 9) if one.act is Act.ADMISSION else 1
        )
        await here.did(
            here.maker.make(ticket="t0"),
            here.maker.make(ticket="t2"),
            here.maker.make(ticket="t1"),
            here.maker.make(Act.EXIT, ticket="t0"),
        )
        await here.step()
        assert [name.rpartition(":")[2] for name, _undone in here.shop.told] == list("3142")


async def test_what_is_told_later_holds_up_its_ticket_only(place: Place) -> None:
    """It was not taken, so an undo withdraws it; others go on."""
    async with complete(place) as here:
        here.shop.answer = Told(Answer.LATER, "gifting", again_s=3600)
        await here.did(here.maker.make(ticket="t0"), here.maker.make(Act.EXIT, ticket="t0"))
        await here.step()
        assert here.states() == {"1": State.WAITING, "2": State.WAITING}
        here.shop.answer = Told()
        await here.did(here.maker.make(ticket="t1"))
        await here.step()
        assert [name[-1] for name, _undone in here.shop.told] == ["1", "3"]
        await here.did(here.maker.make(Act.ANNULMENT, ticket="t0", target=f"{here.maker.origin}:1"))
        await here.step()
        assert here.states()["1"] is State.UNDONE


async def test_what_certainly_did_not_arrive_was_not_tried(place: Place) -> None:
    """An undo withdraws it; of what may have arrived the other side is told that it was tried."""
    async with complete(place) as here:
        await here.did(here.maker.make(ticket="t0"))
        here.shop.trouble = AwayError("no way there", may_have_arrived=False)
        await here.step()
        assert here.states() == {"1": State.WAITING}
        here.shop.trouble = AwayError("lost")
        here.write(lambda connection: links.start_again(connection, "show"))
        await here.step()
        assert here.states() == {"1": State.TRYING}
        row = here.read(outbox.next_due, here.link(), read_wall_ms())
        assert row.due.was_tried


async def test_what_will_be_too_late_is_said_before(place: Place) -> None:
    """An hour before, and with the moment."""
    async with complete(place) as here:
        here.shop.trouble = AwayError("lost")
        here.shop.when = lambda _one, now_ms: Schedule(now_ms, now_ms + 1_800_000)
        await here.did(here.maker.make(ticket="t0"))
        await here.step()
        (one,) = here.read(standing.every)
        assert "too late" in one.error
        assert one.too_late_ms


async def test_what_is_rejected_is_told_to_webhooks(place: Place) -> None:
    """With the entry, the undo's target, and why."""
    async with complete(place) as here:
        url = {"url": "https://backend.example/hook", "kinds": ["upstream_rejected"]}
        made = await here.running.admin("POST", "/events/show/webhooks", json=url)
        assert made.status_code == 201, made.text
        here.shop.answer = Told(Answer.FAILED, "used elsewhere")
        await here.did(here.maker.make(ticket="t1"))
        await here.step()
        rows = here.read(lambda c: c.execute(select(central_tables.outbox.c.body)).scalars().all())
        (body,) = [msgspec.json.decode(row) for row in rows]
        assert body["type"] == "upstream_rejected"
        assert (body["data"]["ticket"], body["data"]["reason"]) == ("t1", "used elsewhere")


async def test_a_device_of_before_is_still_ours(place: Place) -> None:
    """Paired anew or ended and paired again: what it did there is never taken for another's."""
    async with complete(place) as here:
        here.write(lambda c: links.start_again(c, "show", device="2"))
        await here.pull(Page({"n": 2}, 60))
        assert here.shop.asked[-1][2] == {"1", "2"}
        gone = here.write(lambda c: links.remove(c, "show"))
        here.write(lambda c: links.make(c, replace(gone, device="3")))
        assert here.read(links.devices_of, gone) == {"1", "2", "3"}


async def test_an_upstream_that_forgets_is_told_again(place: Place) -> None:
    """In a comparison: what it has lost, and what stands there though it was undone; no more."""
    async with complete(place) as here:
        await here.did(
            here.maker.make(ticket="t0"),
            here.maker.make(ticket="t1"),
            here.maker.make(Act.EXIT, ticket="t1"),
            here.maker.make(ticket="t2"),
        )
        await here.step()
        await here.did(here.maker.make(Act.ANNULMENT, ticket="t2", target=f"{here.maker.origin}:4"))
        await here.step()
        assert len(here.shop.told) == 5
        has = [
            Movement("7", "t0", Act.ADMISSION, NOW_MS + 1, ""),
            Movement("8", "t1", Act.EXIT, NOW_MS + 3, ""),
            Movement("9", "t2", Act.ADMISSION, NOW_MS + 4, ""),
        ]
        issue = Issue(tickets=[ticket(n) for n in range(3)], is_exact=True)
        await here.pull(Page({"n": 3}, 60, issue, told=has))
        assert len(here.shop.told) == 5
        await here.pull(Page({"n": 4}, 60, issue, told=has, run=2, ends_run=True))
        await here.step()
        assert [name[-1] for name, _undone in here.shop.told[5:]] == ["2", "5"]
        has[2:] = [Movement("10", "t1", Act.ADMISSION, NOW_MS + 2, "")]
        await here.pull(Page({"n": 5}, 60, issue, told=has, run=3, ends_run=True))
        await here.step()
        assert len(here.shop.told) == 7


async def test_where_to_go_on_from_is_a_persons_word(place: Place) -> None:
    """A page that was under way when somebody set the cursor is not stored, and asked for again."""
    async with complete(place) as here:
        link = here.link()
        here.write(lambda c: links.start_again(c, "show", cursor={"n": 0}))
        page = Page({"n": 2}, issue=Issue(tickets=[ticket(9)]))
        late = partial(
            storing.store, link=link, holder=here.worker._holder, page=page, now_ms=read_wall_ms()
        )
        assert here.write(late) is None
        assert here.link().cursor == {"n": 0}
        assert here.read(ticket_store.find_ticket, "show", "t9") is None
        late = partial(
            storing.store, link=here.link(), holder=here.worker._holder, page=page, now_ms=1
        )
        assert here.write(late) is not None


def test_what_is_told_next_is_looked_for_by_its_index(tmp_path: Path) -> None:
    """Of a hundred thousand that wait none is looked at but the first; else it is seen here."""
    engine = in_folder(tmp_path, PARTS).engine()
    plans: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def explain(_on: Any, cursor: Any, sql: str, bound: Any, _context: Any, _many: bool) -> None:
        if "earlier" in sql:
            plans.append(
                str(cursor.execute(f"EXPLAIN QUERY PLAN {sql} -- {plans}", bound).fetchall())
            )

    with engine.begin() as connection:
        here = Link("show", "shop", "", "", device="1", token="t")
        assert outbox.next_due(connection, here, NOW_MS) is None
        # The mutation: without the index everything that waits is sorted.
        connection.exec_driver_sql("DROP INDEX upstream_entry_open")
        assert outbox.next_due(connection, here, NOW_MS) is None
    engine.dispose()
    assert ["TEMP B-TREE" in plan for plan in plans] == [False, True]
    assert "upstream_entry_open" in plans[0]

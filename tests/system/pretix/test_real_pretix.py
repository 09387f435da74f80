"""Against a real pretix, as a process of its own: what it sells is here, what we do is there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from gate.clock import read_wall_ms
from gate.core.answers import read_answer
from gate.core.entry import Act
from gate.core.history import History
from gate.core.outcome import Outcome, Reason
from gate.core.place import HouseRules
from gate.core.question import Question, questions_in
from gate.core.questions_rule import next_asked
from gate.credential.sealed_answers import seal_answers
from gate.errors import UsageError
from sync.server import events, journals, ticket_store
from sync.server.console import Console
from sync.server.database import reading
from sync.upstream import standing
from sync.upstream import tables as upstream_tables
from sync.upstream.part import upstream_part
from sync.upstream.pretix import pairing
from sync.upstream.pretix.client import PretixClient
from sync.upstream.pretix.pretix import KIND, Pretix
from sync.upstream.seam import StoppedError
from tests.support.central import Central, Maker, ask, central, parts
from tests.support.pretix import python
from tests.system.pretix.paired import has_told_all
from tests.system.pretix.starting import RealPretix

pytestmark = [
    pytest.mark.pretix,
    pytest.mark.long,
    pytest.mark.timeout(240),
    pytest.mark.skipif(python() is None, reason="no pretix: tests/system/pretix/make_venv.sh"),
]
WITHIN_S = 20.0


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are asked for at once, and who is away again after a moment."""
    monkeypatch.setattr("sync.upstream.pretix.pull.BUSY_S", 0.2)
    monkeypatch.setattr("sync.upstream.pretix.pull.QUIET_S", 0.2)
    monkeypatch.setattr("sync.upstream.pretix.pull.CATALOGUE_MS", 1000)
    monkeypatch.setattr("sync.upstream.worker.MOST_AGAIN_S", 0.3)


class Weather(httpx.AsyncHTTPTransport):
    """The network to pretix, with what may happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.loses_answers = 0
        self.limits = 0
        self.posts = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_down:
            raise httpx.ConnectError("down", request=request)
        is_post = request.method == "POST"
        self.posts += is_post
        if is_post and self.limits:
            self.limits -= 1
            return httpx.Response(429, headers={"Retry-After": "0"}, request=request)
        answer = await super().handle_async_request(request)
        if is_post and self.loses_answers:
            self.loses_answers -= 1
            await answer.aread()
            raise httpx.ReadTimeout("lost", request=request)
        return answer


class Door:
    """A server that is paired with a list of pretix."""

    def __init__(self, running: Central, pretix: RealPretix, event: str, weather: Weather) -> None:
        self.running, self.pretix, self.event, self.weather = running, pretix, event, weather

    def ticket(self, id_: str) -> Any:
        with reading(self.running.engine) as connection:
            return ticket_store.find_ticket(connection, self.event, id_)

    def owner(self, code: str) -> str:
        """The ticket that a code opens for."""
        with reading(self.running.engine) as connection:
            hashed = ticket_store.hashes_of(connection, self.event, [code])
            return dict(ticket_store.owners_of(connection, self.event, list(hashed.values()))).get(
                hashed[code], ""
            )

    def facts(self, ticket: str) -> list[tuple[Act, str]]:
        with reading(self.running.engine) as connection:
            found = journals.facts_of(connection, self.event, ticket)
        return [(one.act, one.source) for one in sorted(found, key=lambda one: one.hlc)]

    def questions(self) -> tuple[Question, ...]:
        """What the event asks."""
        with reading(self.running.engine) as connection:
            rules = events.row_of(connection, self.event).settings.rules
        return questions_in(rules.get("questions", ""))

    def key(self) -> bytes:
        with reading(self.running.engine) as connection:
            return events.key_of(connection, self.event)

    def next_asked(self, ticket: str, given: dict[str, str] | None = None) -> Question | None:
        """What a lane would ask about a ticket after these answers."""
        with reading(self.running.engine) as connection:
            rules = events.row_of(connection, self.event).settings.rules
        house = HouseRules(questions=rules["questions"])
        return next_asked(self.ticket(ticket), History(), given or {}, house)

    def answered_at_door(
        self, ticket: str, typed: dict[str, str], made: dict[str, int]
    ) -> dict[str, str]:
        """Answer whatever is asked, one question after the other, as a lane does."""
        by_id = {str(made[name]): text for name, text in typed.items()}
        given: dict[str, str] = {}
        while (one := self.next_asked(ticket, given)) is not None:
            given[one.id] = read_answer(one, by_id[one.id])
        return given

    def why_of_newest(self) -> str:
        """What is kept of telling the entry that was told last."""
        with reading(self.running.engine) as connection:
            c = upstream_tables.upstream_entry.c
            query = select(c.error).where(c.event == self.event).order_by(c.number.desc()).limit(1)
            return str(connection.execute(query).scalar_one())

    def standing(self) -> standing.Standing:
        with reading(self.running.engine) as connection:
            return next(one for one in standing.every(connection) if one.event == self.event)

    def has_told_all(self) -> bool:
        """Whether pretix was told of every entry that is here."""
        return has_told_all(self.running.engine, self.event)

    def at_pretix(self, position: str, slug: str = "gala") -> list[tuple[str, bool, str]]:
        """What pretix has of a ticket: type, whether it counts, why not."""
        rows = self.pretix.do("checkins")
        return [
            (one["type"], one["ok"], one["why"])
            for one in rows
            if f"p{one['position']}" == position and f"{slug}.{one['list']}" == self.event
        ]


async def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    for _again in range(round(WITHIN_S / 0.1)):
        if is_so():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(what)


@asynccontextmanager
async def door(pretix: RealPretix, path: Path, named: str = "gala.Main") -> AsyncIterator[Door]:
    """A server, paired, with all tickets."""
    weather = Weather()
    mounted = (*parts(), upstream_part(lambda: {KIND: Pretix(PretixClient(weather))}))
    async with central(path, mounted=mounted) as running:
        event = await paired(pretix, running, named, f"of {path.name}")
        here = Door(running, pretix, event, weather)
        await until(lambda: here.standing().is_complete, "the tickets did not come")
        yield here


async def paired(pretix: RealPretix, running: Central, named: str, name: str, **more: str) -> str:
    client = PretixClient()
    try:
        made = await pairing.pair(
            client, Console(running.engine, ""), pairing.read_name(named),
            pairing.read_invitation(pretix.do("device", name=name, **more)),
        )  # fmt: skip
    finally:
        await client.close()
    return made.link.event


async def test_tickets_come_and_go_as_pretix_has_them(pretix: RealPretix, tmp_path: Path) -> None:
    """Full pull, then what changes: paid, new code, split, cancelled, blocked, a new name."""
    codes = pretix.do("secrets")
    async with door(pretix, tmp_path) as here:
        stands = {one: here.ticket(here.owner(codes[one][0])).status.value for one in codes
                  if one in ("BBBB2", "CCCC3", "DDDD4", "EEEE5", "GGGG7", "HHHH8")}  # fmt: skip
        assert stands == {
            "BBBB2": "normal", "CCCC3": "unpaid", "DDDD4": "normal", "EEEE5": "revoked",
            "GGGG7": "unapproved", "HHHH8": "blocked",
        }  # fmt: skip
        mine = here.owner(codes["AAAA1"][1])
        assert here.owner("MEDIUM-0001") == mine
        before = here.owner(codes["BBBB2"][0])
        pretix.do("pay", order="CCCC3")
        pretix.do("change", order="BBBB2", position=1, act="regenerate_secret")
        pretix.do("change", order="AAAA1", position=2, act="split")
        pretix.do("change", order="DDDD4", position=1, act="add_block")
        pretix.do("cancel", order="GGGG7")
        pretix.do("rename", item="VIP", name="Very important")
        unpaid = here.owner(codes["CCCC3"][0])
        await until(lambda: here.ticket(unpaid).status.value == "normal", "paid")
        new = pretix.do("secrets")
        await until(lambda: here.owner(new["BBBB2"][0]) == before, "the new code")
        await until(lambda: here.ticket(mine).order not in ("", "AAAA1"), "split")
        assert here.owner(codes["AAAA1"][1]) == mine
        await until(
            lambda: here.ticket(here.owner(codes["DDDD4"][0])).status.value == "blocked", "blocked"
        )
        await until(
            lambda: here.ticket(here.owner(codes["GGGG7"][0])).status.value == "revoked", "gone"
        )
        await until(lambda: here.ticket(before).type.title == "Very important", "the new name")


async def test_the_same_again_is_no_change(pretix: RealPretix, tmp_path: Path) -> None:
    """However often pretix is asked, the feed stands still while nothing changes there."""
    async with door(pretix, tmp_path) as here:
        heard = here.standing().heard_ms
        head = await here.running.admin("GET", "/events")
        await until(lambda: here.standing().heard_ms > heard + 1000, "it was asked again")
        assert (await here.running.admin("GET", "/events")).json() == head.json()
        cursor = (await here.running.server.tip_cache.newest(here.event)).cursor
        await asyncio.sleep(1.5)
        assert (await here.running.server.tip_cache.newest(here.event)).cursor == cursor


async def test_many_orders_of_one_moment(pretix: RealPretix, tmp_path: Path) -> None:
    """More than a page of orders with the very same moment: none is left out."""
    pretix.do("sell", count=120, prefix="MANY")
    codes = pretix.do("secrets")
    sold = [codes[order][0] for order in codes if order.startswith("MANY")]
    async with door(pretix, tmp_path) as here:
        assert len(sold) == 120
        assert all(here.owner(code) for code in sold)


async def test_what_we_do_is_there_entry_for_entry(pretix: RealPretix, tmp_path: Path) -> None:
    """Admission, exit, undo, refusal; through no network, a lost answer and a rate limit."""
    pretix.do("sell", count=5, prefix="P")
    codes = pretix.do("secrets")
    async with door(pretix, tmp_path) as here:
        first, second, third, fourth, fifth = (here.owner(codes[f"P{n:05}"][0]) for n in range(5))
        maker = Maker()
        await here.running.enrol(maker, event=here.event)

        async def did(*bodies: bytes) -> None:
            await here.running.exchange(maker, ask(bodies, [maker.head()]))

        now = _now_ms()
        admitted = maker.make(ticket=first, at_ms=now)
        await did(admitted)
        await until(lambda: here.at_pretix(first) == [("entry", True, "")], "the admission")
        await did(maker.make(Act.EXIT, ticket=first, at_ms=now + 5))
        here.weather.loses_answers = 1
        await did(maker.make(ticket=second, at_ms=now + 10))
        target = f"{maker.origin}:{maker.seq}"
        entered = [("entry", True, "")]
        await until(lambda: here.at_pretix(second) == entered, "told")
        await until(here.has_told_all, "told in spite of a lost answer")
        assert here.at_pretix(second) == entered
        await did(maker.make(Act.ANNULMENT, ticket=second, target=target, at_ms=now + 20))
        here.weather.limits = 2
        await until(lambda: here.at_pretix(second) == [("entry", False, "annulled")], "the undo")
        here.weather.is_down = True
        await did(maker.make(ticket=third, at_ms=now + 30))
        await did(
            maker.make(Act.REFUSAL, ticket=third, at_ms=now + 40, outcome=Outcome.REFUSE,
                       reason=Reason.ALREADY_USED)
        )  # fmt: skip
        await did(maker.make(ticket=fourth, at_ms=now + 50))
        target = f"{maker.origin}:{maker.seq}"
        await until(lambda: bool(here.standing().error), "that pretix is away is shown")
        await did(maker.make(Act.ANNULMENT, ticket=fourth, target=target, at_ms=now + 60))
        await until(lambda: here.standing().waiting >= 3, "it waits")
        here.weather.is_down = False
        await until(here.has_told_all, "an evening without network, and back")
        assert here.at_pretix(first) == [("entry", True, ""), ("exit", True, "")]
        assert here.at_pretix(third) == [
            ("entry", True, ""), ("entry", False, "already_redeemed"),
        ]  # fmt: skip
        # Sent or not when the network went, it does not count there.
        assert not any(is_good for _type, is_good, _why in here.at_pretix(fourth))
        pretix.do("cancel_position", order="P00004")
        await did(maker.make(ticket=fifth, at_ms=now + 70))
        await until(lambda: here.standing().failed == 1, "what is not taken is counted")
        assert not here.standing().waiting
        assert {source for _act, source in here.facts(first)} == {""}


async def test_questions_are_asked_here_and_answered_there(
    pretix: RealPretix, tmp_path: Path
) -> None:
    """One of each type: asked at our lanes, answered once, in pretix afterwards; and back."""
    made = pretix.do("ask")
    try:
        pretix.do("sell", count=2, prefix="Q")
        codes = pretix.do("secrets")
        async with door(pretix, tmp_path) as here:
            ticket, second = (here.owner(codes[f"Q{n:05}"][0]) for n in range(2))
            questions = here.questions()
            assert len(questions) == 12, "a file that nobody has to give is none of the door's"
            given = here.answered_at_door(
                ticket,
                {"B": "y", "N": "2", "S": "B-XY 12", "T": "no nuts", "C": "2", "M": "1 2",
                 "D": "1.2.2001", "H": "9:05", "W": "2026-12-31 19:30", "CC": "de",
                 "TEL": "+49 30 1234567", "bones": "y"}, made,
            )  # fmt: skip
            assert len(given) == 12
            maker = Maker()
            await here.running.enrol(maker, event=here.event)
            sealed = seal_answers(here.key(), ticket, given)
            now = _now_ms()
            entry = maker.make(ticket=ticket, at_ms=now, answers=sealed, answered=tuple(given))
            await here.running.exchange(maker, ask([entry], [maker.head()]))
            await until(lambda: bool(pretix.do("answers", order="Q00000")), "the answers")
            assert here.at_pretix(ticket) == [("entry", True, "")]
            assert pretix.do("answers", order="Q00000") == {
                "Over 18?": "True", "How many bags?": "2", "Number plate?": "B-XY 12",
                "Allergies?": "no nuts", "Which meal?": "Fish", "Which talks?": "Soup, Fish",
                "Born when?": "2001-02-01", "Train at?": "09:05:00", "From where?": "DE",
                "Arrives when?": "2026-12-31 19:30:00+01:00", "Phone?": "+49301234567",
                "Bones?": "True",
            }  # fmt: skip
            plate = str(made["S"])
            await until(lambda: here.ticket(ticket).answers.get(plate) == "B-XY 12", "back here")
            assert here.next_asked(ticket) is None
            assert not here.standing().failed
            pretix.do("reanswer", order="Q00000", question=made["S"], answer="B-ZZ 1")
            await until(lambda: here.ticket(ticket).answers.get(plate) == "B-ZZ 1", "the change")
            # What pretix will not have it lets go of; the entry stands all the same.
            sealed = seal_answers(here.key(), second, {str(made["N"]): "99"})
            entry = maker.make(ticket=second, at_ms=now + 5, answers=sealed)
            await here.running.exchange(maker, ask([entry], [maker.head()]))
            await until(lambda: here.at_pretix(second) == [("entry", True, "")], "the entry")
            await until(here.has_told_all, "told")
            assert pretix.do("answers", order="Q00001") == {}
            assert here.why_of_newest() == f"pretix did not take the answer to question {made['N']}"
    finally:
        pretix.do("ask_no_more")


async def test_what_pretixscan_does_is_here(pretix: RealPretix, tmp_path: Path) -> None:
    """An entry by a device that is none of ours becomes one here, once; an undone one ends."""
    pretix.do("sell", count=1, prefix="S")
    codes = pretix.do("secrets")
    invitation = msgspec.json.decode(pretix.do("device", name=f"scan {tmp_path.name}"))
    async with (
        httpx.AsyncClient(base_url=f"{pretix.url}/api/v1", timeout=60) as scan,
        door(pretix, tmp_path) as here,
    ):
        me = {"hardware_brand": "x", "hardware_model": "x", "software_brand": "pretixSCAN",
              "software_version": "1"}  # fmt: skip
        asked = me | {"token": invitation["token"]}
        made = (await scan.post("/device/initialize", json=asked)).json()
        scan.headers["Authorization"] = f"Device {made['api_token']}"
        of_list = int(here.event.partition(".")[2])
        redeem = {"lists": [of_list], "secret": codes["S00000"][0], "nonce": tmp_path.name,
                  "source_type": "barcode", "type": "entry"}  # fmt: skip
        answer = await scan.post("/organizers/demo/checkinrpc/redeem/", json=redeem)
        assert answer.status_code == 201, answer.text
        ticket = here.owner(codes["S00000"][0])
        entered = [(Act.ADMISSION, KIND)]
        await until(lambda: here.facts(ticket) == entered, "the entry of the other fleet")
        await asyncio.sleep(1)
        assert here.facts(ticket) == entered
        assert len(here.at_pretix(ticket)) == 1
        undo = {"lists": [of_list], "nonce": tmp_path.name}
        answer = await scan.post("/organizers/demo/checkinrpc/annul/", json=undo)
        assert answer.status_code == 200, answer.text
        await until(lambda: here.facts(ticket) == [*entered, (Act.ANNULMENT, KIND)], "its undo")


async def test_addons_open_by_the_main_ticket(pretix: RealPretix, tmp_path: Path) -> None:
    """On a list that matches add-ons the guest shows the main ticket, and the workshop opens."""
    codes = pretix.do("secrets")["AAAA1"]
    async with door(pretix, tmp_path, "gala.Workshop") as here:
        assert here.owner(codes[0]) == here.owner(codes[-1]) != ""


async def test_a_date_of_a_series(pretix: RealPretix, tmp_path: Path) -> None:
    """Tickets of another date are known, and not what the list accepts."""
    codes = pretix.do("secrets")
    async with door(pretix, tmp_path, "tour.Berlin") as here:
        with reading(here.running.engine) as connection:
            types = events.row_of(connection, here.event).settings.rules["accepted_types"]
        one, other = (here.ticket(here.owner(codes[f"TTTT{n}"][0])) for n in (0, 1))
        assert one.type.id in types
        assert other.type.id not in types


async def test_devices_that_cannot_work_are_refused(pretix: RealPretix, tmp_path: Path) -> None:
    """By the name of their profile, a list that is not there, a code used twice; a lost device."""
    async with door(pretix, tmp_path) as here:
        with pytest.raises(StoppedError, match="pretixscan_online_kiosk"):
            await paired(
                pretix, here.running, "gala.Main", "kiosk", profile="pretixscan_online_kiosk"
            )
        with pytest.raises(UsageError, match="Nowhere"):
            await paired(pretix, here.running, "gala.Nowhere", "nowhere")
        assert pretix.do("is_revoked", name="nowhere")
        pretix.do("revoke", name=f"of {tmp_path.name}")
        await until(lambda: here.standing().is_stopped, "that it was revoked is shown")
        again = await paired(pretix, here.running, f"gala.{here.event[5:]}", "again")
        assert again == here.event
        await until(lambda: not here.standing().is_stopped and not here.standing().error, "again")


def _now_ms() -> int:
    return read_wall_ms() - 60_000


async def pair_gate(pretix: RealPretix, here: Door, gate: str, name: str) -> None:
    """Make a gate a device of its own."""
    client = PretixClient()
    try:
        await pairing.pair_gate(
            client, Console(here.running.engine, ""), here.event, gate,
            pairing.read_invitation(pretix.do("device", name=name, gate=f"{gate} door")),
        )  # fmt: skip
    finally:
        await client.close()


async def test_pretix_says_which_gate_it_was(pretix: RealPretix, tmp_path: Path) -> None:
    """A gate that is a device of its own is named there, an undo too; others as the link is.

    Nothing of it is an entry of another fleet, and a device that is revoked holds up nothing.
    """
    pretix.do("sell", count=4, prefix="G")
    codes = pretix.do("secrets")
    async with door(pretix, tmp_path) as here:
        sold = [here.owner(codes[f"G{n:05}"][0]) for n in range(4)]
        await pair_gate(pretix, here, "North", "north lane")
        maker = Maker()
        await here.running.enrol(maker, event=here.event)
        bodies = [
            maker.make(ticket=sold[0], gate="North", at_ms=read_wall_ms()),
            maker.make(ticket=sold[1], gate="South", at_ms=read_wall_ms()),
            maker.make(
                Act.ANNULMENT, ticket=sold[0], gate="North", target=f"{maker.origin}:1",
                at_ms=read_wall_ms(),
            ),
        ]  # fmt: skip
        for body in bodies:
            await here.running.exchange(maker, ask([body], [maker.head()]))
            await until(here.has_told_all, "told")

        def told() -> list[tuple[str, str, str, bool]]:
            return [
                (f"p{one['position']}", one["by"], one["gate"], one["ok"])
                for one in pretix.do("checkins")
                if f"p{one['position']}" in sold
            ]

        ours = f"of {tmp_path.name}"
        await until(lambda: len(told()) == 2, "both are there")
        assert sorted(told()) == sorted(
            [(sold[0], "north lane", "North door", False), (sold[1], ours, "", True)]
        )
        assert here.standing().failed == 0
        pretix.do("revoke", name="north lane")
        late = maker.make(ticket=sold[2], gate="North", at_ms=read_wall_ms())
        await here.running.exchange(maker, ask([late], [maker.head()]))
        await until(lambda: (sold[2], ours, "", True) in told(), "told by the link's own")
        (device,) = here.standing().devices
        assert device.error
        assert not here.standing().is_stopped
        await asyncio.sleep(1)
        assert here.facts(sold[1]) == [(Act.ADMISSION, "")]

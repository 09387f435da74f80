"""Against a real pretix: check-out by the list's time, wristbands, signed codes, rules."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest
import zstandard

from gate.clock import SystemClock, read_wall_ms
from gate.config import Config
from gate.core.entry import CHECK_OUT, Act
from gate.core.outcome import Outcome, Reason
from gate.core.signed_ticket import Signed
from gate.core.ticket import Status
from gate.core.ticket_feed import Snapshot
from gate.core.verdict import Scan
from gate.credential import code_hash
from gate.lane.lane import Lane
from gate.settings import settings_of
from gate.storage.certificates import Membership, save_membership
from gate.storage.folder import Folder
from gate.storage.ticket_feed import TicketFeed
from sync.server import events, feed, ticket_store
from sync.server.database import reading
from tests.support.central import Maker, ask
from tests.support.pretix import python
from tests.system.pretix.starting import RealPretix
from tests.system.pretix.test_real_pretix import Door, _soon, door, until

__all__ = ["_soon"]
pytestmark = [
    pytest.mark.pretix,
    pytest.mark.long,
    pytest.mark.timeout(240),
    pytest.mark.skipif(python() is None, reason="no pretix: tests/system/pretix/make_venv.sh"),
]
BERLIN = ZoneInfo("Europe/Berlin")


@asynccontextmanager
async def lane_of(here: Door, path: Path) -> AsyncIterator[Lane]:
    """A lane with the event's tickets and settings as they are now."""
    folder, maker = Folder(path), Maker()
    folder.create()
    maker.device = folder.device_id()
    await here.running.enrol(maker, event=here.event)
    snapshot = msgspec.convert((await here.running.get(maker, "/snapshot")).json(), Snapshot)
    packed = (await here.running.get(maker, f"/snapshot/{snapshot.name}")).content
    with reading(here.running.engine) as connection:
        authority = feed.authority_of(connection, here.event).certificate
        stated = events.row_of(connection, here.event).settings
    save_membership(folder, Membership(maker.device, "", authority))
    part = folder.path / "fetched.part"
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)) as reader:
        part.write_bytes(reader.read())
    with closing(TicketFeed(folder)) as replica:
        replica.install(part, snapshot)
    at = settings_of(Config(), stated, maker.device, "North")
    lane = Lane(folder, SystemClock(), at.place, at.rules)
    try:
        lane.open()
        yield lane
    finally:
        lane.close()


async def test_everybody_is_checked_out_once_on_both_sides(
    pretix: RealPretix, tmp_path: Path
) -> None:
    """By one time of day, whoever is first; the setting is the event's here."""
    moment = datetime.now(BERLIN).replace(second=0, microsecond=0) - timedelta(minutes=5)
    pretix.do("sell", count=2, prefix="X")
    pretix.do("list_settings", name="Night", exit_all_at=moment.isoformat())
    codes = pretix.do("secrets")
    async with door(pretix, tmp_path, "gala.Night") as here:
        with reading(here.running.engine) as connection:
            stated = events.row_of(connection, here.event).settings.exit_all_at
        assert stated == f"{moment:%H:%M}"
        ours, theirs = (here.owner(codes[f"X{n:05}"][0]) for n in range(2))
        maker = Maker()
        await here.running.enrol(maker, event=here.event)
        at_ms = round(moment.timestamp() * 1000)
        for ticket in (ours, theirs):
            came_ms = at_ms - 60_000
            body = maker.make(ticket=ticket, at_ms=came_ms, hlc=came_ms << 16)
            await here.running.exchange(maker, ask([body], [maker.head()]))
        await until(lambda: len(here.at_pretix(theirs)) == 1, "the admissions are told")
        pretix.do("exit_all")
        assert here.at_pretix(ours) == [("entry", True, ""), ("exit", True, "")]
        for ticket in (ours, theirs):
            await until(partial(_is_checked_out, here, ticket), "the check-out")
        await asyncio.sleep(11)
        for ticket in (ours, theirs):
            assert len(here.facts(ticket)) == 2
            assert len(here.at_pretix(ticket)) == 2
            assert here.facts(ticket)[1][1] in (CHECK_OUT, "pretix")


def _is_checked_out(here: Door, ticket: str) -> bool:
    return [act for act, _source in here.facts(ticket)] == [Act.ADMISSION, Act.EXIT]


async def test_a_wristband_that_moves_opens_for_whoever_has_it(
    pretix: RealPretix, tmp_path: Path
) -> None:
    """Tied to two, to one, to none: with the next reading, whatever became of the orders."""
    pretix.do("sell", count=2, prefix="W")
    pretix.do("tie", identifier="BAND-77", orders=["W00000", "W00001"])
    codes = pretix.do("secrets")
    async with door(pretix, tmp_path) as here:
        one, other = (here.owner(codes[f"W{n:05}"][0]) for n in range(2))

        def sharing() -> set[str]:
            return {id_ for id_ in (one, other) if here.ticket(id_).identities}

        assert sharing() == {one, other}
        async with lane_of(here, tmp_path / "two") as lane:
            assert lane.admit(Scan("BAND-77", source="camera")).reason is Reason.SEVERAL
            chosen = lane.choose(other)
            assert (chosen.outcome, chosen.ticket and chosen.ticket.id) == (Outcome.ADMIT, other)
        pretix.do("tie", identifier="BAND-77", orders=["W00001"])
        await until(lambda: not sharing(), "it is nobody's together any more")
        await until(lambda: here.owner("BAND-77") == other, "it is the other's alone")
        pretix.do("tie", identifier="BAND-77", orders=[])

        def opens() -> bool:
            with reading(here.running.engine) as connection:
                hashed = ticket_store.hashes_of(connection, here.event, ["BAND-77"])["BAND-77"]
                return any(
                    found == hashed and state == "live"
                    for _id, found, state in ticket_store.codes_of(connection, here.event, [other])
                )

        await until(lambda: not opens(), "it opens for nobody")


async def test_a_signed_code_sold_since_is_told_once_its_ticket_is_known(
    pretix: RealPretix, tmp_path: Path
) -> None:
    """Its admission was on the code alone; pretix's key and what it revoked came by themselves."""
    pretix.do("sell", count=1, prefix="K", slug="signed")
    async with door(pretix, tmp_path, "signed.Door") as here:
        here.weather.is_down = True
        pretix.do("sell", count=2, prefix="L", slug="signed")
        codes = pretix.do("secrets")
        late, gone = codes["L00000"][0], codes["L00001"][0]
        async with lane_of(here, tmp_path / "late") as lane:
            verdict = lane.admit(Scan(late, source="camera"))
            assert verdict.ticket is not None
            assert verdict.ticket.signed is not None
            assert verdict.reason in (Reason.UNSEEN, Reason.ADMITTED)
        with reading(here.running.engine) as connection:
            hashed = code_hash(ticket_store.key_of(connection, here.event), late).hex()
        assert verdict.ticket.id == hashed
        maker = Maker()
        await here.running.enrol(maker, event=here.event)
        signed = Signed(hashed, verdict.ticket.type.id, uses=1, party=1)
        body = maker.make(
            ticket=hashed, ticket_type=verdict.ticket.type.id, at_ms=read_wall_ms() - 9000,
            signed=signed,
        )  # fmt: skip
        await here.running.exchange(maker, ask([body], [maker.head()]))
        pretix.do("change", order="L00001", position=1, act="regenerate_secret")
        here.weather.is_down = False
        await until(lambda: bool(here.owner(late)), "the order came")
        ticket = here.owner(late)
        assert ticket != hashed
        await until(lambda: here.at_pretix(ticket, "signed") == [("entry", True, "")], "told")
        assert here.standing().failed == 0
        new = pretix.do("secrets")["L00001"][0]
        await until(lambda: bool(here.owner(new)), "the other order came")
        await until(
            lambda: (
                here.ticket(here.owner(gone) or "-") is not None
                and here.ticket(here.owner(gone)).status is Status.REVOKED
            ),
            "a code that was revoked before it was ever here is barred",
        )


RULES: list[Any] = [
    {"<": [{"var": "entries_number"}, 1]},
    {"<": [{"var": "entries_today"}, 1]},
    {"isBefore": [{"var": "now"}, {"buildTime": ["date_from"]}, 0]},
    {"isAfter": [{"var": "now"}, {"buildTime": ["date_from"]}, 0]},
    {"==": [{"var": "entry_status"}, "absent"]},
    {"inList": [{"var": "product"}, {"objectList": [{"lookup": ["product", "999", "None"]}]}]},
]


async def test_a_lists_rule_refuses_at_our_lane_what_pretix_refuses(
    pretix: RealPretix, tmp_path: Path
) -> None:
    """First and second entry, each rule; the refusal names the nearest term."""
    async with httpx.AsyncClient(base_url=f"{pretix.url}/api/v1") as scan:
        invitation = msgspec.json.decode(pretix.do("device", name=f"rules {tmp_path.name}"))
        me = {"hardware_brand": "x", "hardware_model": "x", "software_brand": "pretixSCAN",
              "software_version": "1", "token": invitation["token"]}  # fmt: skip
        made = (await scan.post("/device/initialize", json=me)).json()
        scan.headers["Authorization"] = f"Device {made['api_token']}"
        for n, rule in enumerate(RULES):
            pretix.do("list_settings", name="Ruled", rules={"and": [rule]})
            pretix.do("sell", count=1, prefix=f"R{n}")
            code = pretix.do("secrets")[f"R{n}00000"][0]
            async with (
                door(pretix, tmp_path / f"server-{n}", "gala.Ruled") as here,
                lane_of(here, tmp_path / f"lane-{n}") as lane,
            ):
                of_list = int(here.event.partition(".")[2])
                for again in range(2):
                    redeem = {
                        "lists": [of_list], "secret": code, "source_type": "barcode",
                        "type": "entry", "nonce": f"{tmp_path.name}-{n}-{again}",
                    }  # fmt: skip
                    answer = await scan.post("/organizers/demo/checkinrpc/redeem/", json=redeem)
                    is_in = answer.status_code == 201
                    verdict = lane.admit(Scan(code, source="camera", deliberate=True))
                    assert verdict.is_green == is_in, (rule, again, answer.text)
                    if not is_in:
                        assert verdict.reason is Reason.RULE
                        assert verdict.unmet


async def test_a_rule_with_a_word_that_we_do_not_know_is_a_wait(
    pretix: RealPretix, tmp_path: Path
) -> None:
    """Never green: a newer pretix may have more words."""
    pretix.do("list_settings", name="Ruled", rules={"moonPhase": [{"var": "now"}]})
    pretix.do("sell", count=1, prefix="Z")
    code = pretix.do("secrets")["Z00000"][0]
    async with (
        door(pretix, tmp_path, "gala.Ruled") as here,
        lane_of(here, tmp_path / "lane") as lane,
    ):
        verdict = lane.admit(Scan(code, source="camera"))
        assert (verdict.outcome, verdict.reason) == (Outcome.HOLD, Reason.RULE_UNREADABLE)
        assert "moonPhase" in verdict.unreadable

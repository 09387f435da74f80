"""Every field that the card API states, at the gate: what the rules then say, and what is shown."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from gate.core.history import History
from gate.core.outcome import Reason
from gate.core.place import Direction, HouseRules, Place
from gate.core.rules import decide
from gate.core.verdict import Context, Scan
from gate.text.verdict_words import explain
from sync.cardapi import accounts, codes
from sync.cardapi.errcodes import Errcode, Refused
from sync.server import journals
from tests.support.cardapi import DAY_S, Api, boarding, card_api, meeting, movie, scenic
from tests.sync.cardapi.test_cardapi import kept

NOW = int(time.time())
FREE = Place(gate="North")
MEETING, MOVIE, CHECK_IN = (
    "/card/meetingticket/updateuser", "/card/movieticket/updateuser", "/card/boardingpass/checkin",
)  # fmt: skip
SEAT = {"class": "Y", "etkt_bnr": "1"}
SHOW = {"ticket_class": "4D", "duration": 120, "screening_room": "5号影厅"}
GIVE = {"from": "oFan", "to": "oB"}
TODAY = time.strftime("%A", time.gmtime(NOW + 8 * 3600)).upper()
OTHER_DAYS = [{"type": d} for d in ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY",
              "SATURDAY", "SUNDAY") if d != TODAY]  # fmt: skip
HOUR = (NOW + 8 * 3600) // 3600 % 24
HOURS = [{"begin_hour": h, "begin_minute": 0, "end_hour": h, "end_minute": 59}
         for h in (HOUR, (HOUR + 12) % 24)]  # fmt: skip
Steps = Callable[[Api, str], Awaitable[str]]


def call(path: str, **body: Any) -> Steps:
    """One call about the code; the code stays what it was."""

    async def do(api: Api, code: str) -> str:
        answer = await api.ok(path, {"code": code, **body})
        return str(answer.get("code", code))

    return do


def calls(*steps: Steps, shows_old: bool = False) -> Steps:
    """Several, one after the other; what is shown at the gate is the newest code, or the first."""

    async def do(api: Api, code: str) -> str:
        now = code
        for step in steps:
            now = await step(api, now)
        return code if shows_old else now

    return do


async def nothing(_api: Api, code: str) -> str:
    return code


GIFT = call("/v1/gifts", action="start", **GIVE)
TAKEN = call("/v1/gifts", action="accept", **GIVE)
IN = Reason.ADMITTED
CASES: list[tuple[str, dict[str, Any], Steps, Place, int, Reason]] = [
    ("within a fixed range", meeting(), nothing, FREE, NOW, IN),
    ("before it", meeting(), nothing, FREE, NOW - 2 * DAY_S, Reason.TOO_EARLY),
    ("after it", meeting(), nothing, FREE, NOW + 31 * DAY_S, Reason.TOO_LATE),
    ("on the last day of a term", scenic(date_info={"type": 2, "fixed_term": 3}), nothing, FREE,
     NOW + 2 * DAY_S, IN),
    ("the day after", scenic(date_info={"type": 2, "fixed_term": 3}), nothing, FREE,
     NOW + 3 * DAY_S, Reason.TOO_LATE),
    ("a term that has not begun",
     scenic(date_info={"type": 2, "fixed_term": 3, "fixed_begin_term": 1}), nothing, FREE, NOW,
     Reason.TOO_EARLY),
    ("on a day of the week that is closed", scenic(advanced_info={"time_limit": OTHER_DAYS}),
     nothing, FREE, NOW, Reason.OUTSIDE_HOURS),
    ("on one that is open", scenic(advanced_info={"time_limit": [{"type": TODAY}]}), nothing,
     FREE, NOW, IN),
    ("within its hours", scenic(advanced_info={"time_limit": [{"type": TODAY, **HOURS[0]}]}),
     nothing, FREE, NOW, IN),
    ("outside its hours", scenic(advanced_info={"time_limit": [{"type": TODAY, **HOURS[1]}]}),
     nothing, FREE, NOW, Reason.OUTSIDE_HOURS),
    ("at a place that takes it", meeting(location_id_list=[123]), nothing,
     replace(FREE, locations=("123",)), NOW, IN),
    ("at one that does not", meeting(location_id_list=[123]), nothing,
     replace(FREE, locations=("9",)), NOW, Reason.WRONG_PLACE),
    ("anywhere", meeting(location_id_list=None, use_all_locations=True), nothing,
     replace(FREE, locations=("9",)), NOW, IN),
    ("at its entrance", meeting(), call(MEETING, entrance="东北门"),
     replace(FREE, entrance="东北门"), NOW, IN),
    ("at another", meeting(), call(MEETING, entrance="东北门"), replace(FREE, entrance="南门"), NOW,
     Reason.WRONG_ENTRANCE),
    ("in another zone", meeting(), call(MEETING, zone="C区"), replace(FREE, zone="D区"), NOW,
     Reason.WRONG_ZONE),
    ("before the doors open", meeting(), call(MEETING, begin_time=NOW + 600), FREE, NOW,
     Reason.TOO_EARLY),
    ("after the end", meeting(), call(MEETING, begin_time=NOW + 9, end_time=NOW + 600), FREE,
     NOW + 601, Reason.TOO_LATE),
    ("during the film", movie(), call(MOVIE, show_time=NOW - 60, **SHOW), FREE, NOW, IN),
    ("long before the film", movie(), call(MOVIE, show_time=NOW + 9999, **SHOW), FREE, NOW,
     Reason.TOO_EARLY),
    ("after the film", movie(), call(MOVIE, show_time=NOW - 7201, **SHOW), FREE, NOW,
     Reason.TOO_LATE),
    ("in another hall", movie(), call(MOVIE, show_time=NOW, **SHOW),
     replace(FREE, screening_room="1号影厅"), NOW, Reason.WRONG_ROOM),
    ("not checked in", boarding(), nothing, FREE, NOW, Reason.NOT_CHECKED_IN),
    ("checked in", boarding(), call(CHECK_IN, **SEAT), FREE, NOW, IN),
    ("check-in cancelled", boarding(), calls(call(CHECK_IN, **SEAT),
     call(CHECK_IN, is_cancel=True)), FREE, NOW, Reason.NOT_CHECKED_IN),
    ("another flight", boarding(), call(CHECK_IN, **SEAT), replace(FREE, flight="MU1"), NOW,
     Reason.WRONG_FLIGHT),
    ("another boarding gate", boarding(own={"gate": "A11"}), call(CHECK_IN, **SEAT),
     replace(FREE, entrance="B2"), NOW, Reason.WRONG_ENTRANCE),
    ("moved to this boarding gate", boarding(own={"gate": "A11"}),
     call(CHECK_IN, gate="B2", **SEAT), replace(FREE, entrance="B2"), NOW, IN),
    ("before boarding", boarding(), call(CHECK_IN, boarding_time=NOW + 600, **SEAT), FREE, NOW,
     Reason.TOO_EARLY),
    ("before the flight boards", boarding(own={"boarding_time": NOW + 600}),
     call(CHECK_IN, **SEAT), FREE, NOW, Reason.TOO_EARLY),
    ("after departure", boarding(), call(CHECK_IN, **SEAT), FREE, NOW + DAY_S, Reason.TOO_LATE),
    ("gift on its way", meeting(), GIFT, FREE, NOW, Reason.GIFTING),
    ("gift taken", meeting(), calls(GIFT, TAKEN), FREE, NOW, IN),
    ("the giver's old code", meeting(), calls(GIFT, TAKEN, shows_old=True), FREE, NOW,
     Reason.TRANSFERRED),
    ("gift given back", meeting(), calls(GIFT, call("/v1/gifts", action="return", **GIVE)), FREE,
     NOW, IN),
    ("unavailable", meeting(), call("/card/code/unavailable", reason="refund"), FREE, NOW,
     Reason.REVOKED),
    ("deleted by its owner", meeting(), call("/v1/actions", action="delete"), FREE, NOW,
     Reason.DELETED),
]  # fmt: skip


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with card_api(tmp_path / "server") as api:
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """An account for all who have a card of their own there."""
    path = tmp_path_factory.mktemp("shared") / "server"
    async with card_api(path, account_per_s=1e6, account_burst=1e6) as api:
        yield api


def shown_at(card: dict[str, Any], at_s: int) -> int:
    """When a code is shown: a term is of the claim's day, which may be the next one by now."""
    kind = card["card"]["card_type"].lower()
    is_term = card["card"][kind]["base_info"]["date_info"]["type"] == 2
    return at_s + int(time.time()) - NOW if is_term else at_s


def at_the_gate(api: Api, code: str, place: Place, at_s: int) -> Any:
    """What the rules say of what gates hold of the code."""
    ticket, state = kept(api, code)
    context = Context(at_s * 1000, "d", Direction.IN, place, HouseRules())
    return decide(replace(ticket, code_state=state), History(), Scan(code), context)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("card", "steps", "place", "at_s", "reason"), [c[1:] for c in CASES],
                         ids=[c[0] for c in CASES])  # fmt: skip
async def test_the_rule_that_applies(
    shared: Api, card: dict[str, Any], steps: Steps, place: Place, at_s: int, reason: Reason
) -> None:
    """What the API stated decides at the gate, by the gate's own rules."""
    code = await shared.claim(await shared.create(card))
    shown = await steps(shared, code)
    assert at_the_gate(shared, shown, place, shown_at(card, at_s)).reason is reason


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("card", "steps", "at_s"), [(c[1], c[2], c[4]) for c in CASES],
                         ids=[c[0] for c in CASES])  # fmt: skip
async def test_the_same_rules_for_a_call(
    shared: Api, card: dict[str, Any], steps: Steps, at_s: int
) -> None:
    """``consume`` is done when a gate that stands anywhere lets in, and only then; so it is told.

    What it writes is the gate's verdict.
    """
    code = await steps(shared, await shared.claim(await shared.create(card)))
    at_s = shown_at(card, at_s)
    verdict = at_the_gate(shared, code, FREE, at_s)
    with shared.running.engine.begin() as connection:
        account = accounts.find(connection, shared.appid)
        assert account is not None
        asked = {"code": code, "check_consume": False}
        if verdict.reason is Reason.TRANSFERRED:
            with pytest.raises(Refused) as told:
                codes.consume(connection, account, asked, at_s * 1000)
            assert told.value.code is Errcode.BAD_CODE
            return
        can = codes.get(connection, account, asked, at_s * 1000)["can_consume"]
        assert can is verdict.is_green
        if verdict.is_green:
            codes.consume(connection, account, asked, at_s * 1000)
            (entry,) = journals.facts_of(connection, "show", verdict.ticket.id)
            assert (entry.outcome, entry.reason) == (verdict.outcome, verdict.reason)
            return
        with pytest.raises(Refused) as told:
            codes.consume(connection, account, asked, at_s * 1000)
        times = (Reason.TOO_EARLY, Reason.TOO_LATE, Reason.OUTSIDE_HOURS)
        wanted = Errcode.BAD_TIME if verdict.reason in times else Errcode.NOT_USABLE
        assert told.value.code is wanted


async def test_a_call_is_as_early_and_as_late_as_the_account_says(api: Api) -> None:
    """By as much as gates let in before the start and after the end, and no second more."""
    code = await api.claim(await api.create(movie()))
    await api.ok(MOVIE, {"code": code, "show_time": NOW, **SHOW})
    answer = await api.set(early_s=600, late_s=60)
    assert (answer.json()["early_s"], answer.json()["late_s"]) == (600, 60)
    end = NOW + 120 * 60
    for at_s, can in ((NOW - 601, False), (NOW - 600, True), (end + 60, True), (end + 61, False)):
        with api.running.engine.begin() as connection:
            account = accounts.find(connection, api.appid)
            assert account is not None
            assert codes.get(connection, account, {"code": code}, at_s * 1000)["can_consume"] is can


async def test_a_replaced_code(api: Api) -> None:
    """The old one is refused as replaced, the new one is good."""
    card_id = await api.create(use_custom_code=True)
    await api.claim(card_id, code="old")
    await api.ok("/card/code/update", {"card_id": card_id, "code": "old", "new_code": "new"})
    assert at_the_gate(api, "old", FREE, NOW).reason is Reason.REPLACED
    assert at_the_gate(api, "new", FREE, NOW).reason is IN


async def test_both_codes_of_a_boarding_pass(api: Api) -> None:
    """The code itself and what the phone shows instead find the same ticket."""
    code = await api.claim(await api.create(boarding()))
    await api.ok(CHECK_IN, {"code": code, "qrcode_data": "M1DATA", **SEAT})
    one, two = (at_the_gate(api, shown, FREE, NOW) for shown in (code, "M1DATA"))
    assert one.ticket == two.ticket
    assert one.reason is two.reason is IN


async def test_what_the_phone_showed_before_check_in_was_cancelled(api: Api) -> None:
    """It is refused as not checked in, as the code itself is; after the next one as replaced."""
    code = await api.claim(await api.create(boarding()))
    await api.ok(CHECK_IN, {"code": code, "qrcode_data": "M1DATA", **SEAT})
    await api.ok(CHECK_IN, {"code": code, "is_cancel": True})
    for shown in (code, "M1DATA"):
        assert at_the_gate(api, shown, FREE, NOW).reason is Reason.NOT_CHECKED_IN
    await api.ok(CHECK_IN, {"code": code, "qrcode_data": "M2DATA", **SEAT})
    reasons = [at_the_gate(api, one, FREE, NOW).reason for one in (code, "M1DATA", "M2DATA")]
    assert reasons == [IN, Reason.REPLACED, IN]


async def test_what_helps_to_find_the_place_is_shown(api: Api) -> None:
    """Class, hall, seats and hour of a film; flight, gate, seat and name of a passenger."""
    zone = ZoneInfo("Asia/Shanghai")
    code = await api.claim(await api.create(movie()))
    await api.ok(MOVIE, {"code": code, "show_time": NOW, "seat_number": ["5排14号"], **SHOW})
    words = explain(at_the_gate(api, code, FREE, NOW), FREE, zone)
    hour = time.strftime("%H:%M", time.gmtime(NOW + 8 * 3600))
    assert words.ticket == f"XX会议 · 4D · 5号影厅 · 5排14号 · {hour}"
    code = await api.claim(await api.create(boarding(own={"gate": "A11"})))
    stated = {"code": code, "passenger_name": "乘客姓名", "seat": "5C", **SEAT}
    await api.ok(CHECK_IN, stated | {"boarding_time": NOW})
    words = explain(at_the_gate(api, code, FREE, NOW), FREE, zone)
    assert words.ticket == f"XX会议 · Y · CE123 · gate A11 · 5C · 成都-广州 · {hour}"
    assert words.holder == "乘客姓名"
    code = await api.claim(await api.create(meeting(get_limit=9)))
    await api.ok(MEETING, {"code": code, "zone": "C区", "seat_number": "2排15号"})
    words = explain(at_the_gate(api, code, FREE, NOW), FREE, zone)
    assert words.ticket == "XX会议 · C区 · 2排15号"
    given = await calls(GIFT, TAKEN, shows_old=True)(api, code)
    words = explain(at_the_gate(api, given, FREE, NOW), FREE, zone)
    assert "Ask for the new code" in words.remedy

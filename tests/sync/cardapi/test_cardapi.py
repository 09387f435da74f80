"""The card API, call by call: what each does, and each errcode it can answer."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update

from gate.core import entry_codec, hlc
from gate.core.entry import CENTRAL, Act, Entry
from gate.core.ticket import CodeState, Status
from gate.storage.folder import Folder
from gate.storage.ticket_feed import TicketFeed
from gate.storage.tickets import Tickets
from sync.cardapi import accounts, gifts, issued_codes
from sync.cardapi import tables as t
from sync.cardapi.crypto import seal_code
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.issued_codes import CODE_SIGNS
from sync.cardapi.projection import type_row
from sync.server import conflicts, counts, events, feed, journals, ticket_store
from sync.server import tables as of_server
from sync.server.database import reading
from tests.support.cardapi import (
    DAY_S,
    MAKERS,
    Api,
    account,
    base_info,
    boarding,
    card_api,
    meeting,
    movie,
)
from tests.support.central import Maker, ask, card_api_of, open_central, stream
from tests.system.simulation import join, write_snapshot

DEPOSIT = {
    "use_custom_code": True,
    "get_custom_code_mode": "GET_CUSTOM_CODE_MODE_DEPOSIT",
    "sku": {"quantity": 0},
}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """An account at a server, patient with addresses."""
    async with card_api(tmp_path / "server", address_per_s=1000, address_burst=1000) as api:
        yield api


def now() -> int:
    return int(time.time())


def kept(api: Api, code: str) -> Any:
    """The ticket that gates know by a code, as their rules see it, and how the code stands."""
    with reading(api.running.engine) as connection:
        hashed = ticket_store.hashes_of(connection, "show", [code])[code]
        row = connection.execute(
            select(of_server.code).where(of_server.code.c.hash == hashed)
        ).first()
        if row is None:
            return None, None
        return ticket_store.find_ticket(connection, "show", row.ticket), CodeState(row.state)


async def redeem_at_gate(api: Api, maker: Maker, code: str) -> bytes:
    """A gate lets the ticket in and tells the server."""
    ticket, _state = kept(api, code)
    body = maker.make(ticket=ticket.id, ticket_type=ticket.type.id)
    await api.running.exchange(maker, ask([body]))
    return body


async def gate(api: Api) -> Maker:
    """An enrolled gate."""
    maker = Maker()
    await api.running.enrol(maker)
    return maker


@pytest.mark.parametrize("kind", MAKERS)
async def test_the_reference_s_examples_are_taken(api: Api, kind: str) -> None:
    """Each kind is created by the reference's own body, shown as it was, claimed and used once."""
    card_id = await api.create(MAKERS[kind]())
    shown = (await api.ok("/card/get", {"card_id": card_id}))["card"]
    base = shown[kind.lower()]["base_info"]
    assert shown["card_type"] == kind
    assert (len(card_id), card_id[0]) == (28, "p")
    assert (base["id"], base["title"], base["color"]) == (card_id, "XX会议", "#63b359")
    assert base["date_info"]["type"] == "DATE_TYPE_FIX_TIME_RANGE"
    assert base["sku"] == {"quantity": 50_000_000, "total_quantity": 50_000_000}
    assert base["status"] == "CARD_STATUS_VERIFY_OK"
    code = await api.claim(card_id)
    assert len(code) == 20
    assert {*code} <= {*CODE_SIGNS}
    if kind == "BOARDING_PASS":
        await api.fails(40127, "/card/code/consume", {"code": code})
        await api.ok("/card/boardingpass/checkin", {"code": code, "class": "Y", "etkt_bnr": "1"})
    told = await api.ok("/card/code/get", {"code": code})
    assert (told["can_consume"], told["user_card_status"]) == (True, "NORMAL")
    assert told["card"]["card_id"] == card_id
    answer = await api.ok("/card/code/consume", {"code": code})
    assert (answer["card"], answer["openid"]) == ({"card_id": card_id}, "oFan")
    assert await api.status(code) == "CONSUMED"
    await api.fails(40099, "/card/code/consume", {"code": code})
    await api.fails(40099, "/card/code/get", {"code": code})


async def test_the_organisers_rule_holds_for_calls_too(api: Api) -> None:
    """The event's, or its card's own; a call stands at no gate, so one for gates refuses it."""
    card_id = await api.create()
    first, second, third = [await api.claim(card_id) for _ in range(3)]

    async def rule(stated: str | None, part: str = "rules") -> None:
        said = {"rule": stated} if part == "rules" else {card_id: {"rule": stated}}
        settings = {"settings": {part: said}}
        changed = await api.running.admin("PATCH", "/events/show", json=settings)
        assert changed.status_code == 200, changed.text

    await rule('{"==": [{"var": "entries_number"}, 1]}')
    await api.fails(40127, "/card/code/consume", {"code": first})
    await rule('{"==": [{"var": "entries_number"}, 0]}', "types")
    await api.ok("/card/code/consume", {"code": first})
    await rule('{"==": [{"var": "gate"}, {"lookup": ["gate", "1", "North"]}]}', "types")
    await api.fails(40127, "/card/code/consume", {"code": second})
    await rule(None, "types")
    await rule(None)
    await api.ok("/card/code/consume", {"code": third})


async def test_consuming_is_an_entry_of_the_server_s_own(api: Api) -> None:
    """One admission in the event's journal, chained and counted; the second call adds none."""
    card_id = await api.create()
    first, second = await api.claim(card_id), await api.claim(card_id)
    await api.ok("/card/code/consume", {"code": first, "outer_str": "gate-7"})
    await api.fails(40099, "/card/code/consume", {"code": first})
    await api.ok("/card/code/consume", {"code": second})
    with reading(api.running.engine) as connection:
        rows = connection.execute(select(of_server.entry).order_by(of_server.entry.c.number)).all()
    one, two = (entry_codec.decode(row.body) for row in rows)
    assert one.device == "central"
    assert (one.act, one.seq, one.uses, one.ordinal) == (Act.ADMISSION, 1, 1, 0)
    assert (one.note, one.ticket) == ("gate-7", kept(api, first)[0].id)
    assert (two.prev, two.seq) == (rows[0].hash, 2)


async def test_a_gate_s_redemption_shows_as_consumed(api: Api) -> None:
    """At once; and what the gate takes back is usable again."""
    card_id, maker = await api.create(), await gate(api)
    code = await api.claim(card_id)
    body = await redeem_at_gate(api, maker, code)
    assert await api.status(code) == "CONSUMED"
    await api.fails(40099, "/card/code/consume", {"code": code})
    undone = entry_codec.decode(body)
    taken_back = maker.make(
        Act.ANNULMENT, ticket=undone.ticket, target=undone.name, ticket_type=card_id
    )
    await api.running.exchange(maker, ask([taken_back]))
    assert await api.status(code) == "NORMAL"


@pytest.mark.parametrize(("ahead_s", "is_later"), [(30, True), (3600, False)])
async def test_consuming_comes_after_what_is_known_of_the_ticket(
    api: Api, *, ahead_s: int, is_later: bool
) -> None:
    """Also where a gate's clock is ahead: of its undone use and this one, this is the later.

    A clock that is an hour ahead does not drag the server along.
    """
    card_id, maker = await api.create(), await gate(api)
    code = await api.claim(card_id)
    ticket, _state = kept(api, code)
    ahead = (now() + ahead_s) * 1000 << 16
    first = entry_codec.decode(maker.make(ticket=ticket.id, ticket_type=card_id))
    body = entry_codec.encode(replace(first, hlc=ahead))
    maker.prev = entry_codec.digest(body).hex()
    undone = maker.make(Act.ANNULMENT, ticket=ticket.id, target=first.name)
    await api.running.exchange(maker, ask([body, undone]))
    await api.ok("/card/code/consume", {"code": code})
    (used,) = uses_by_api(api, ticket.id)
    assert (used.hlc > ahead) is is_later


@pytest.mark.long
async def test_a_server_that_believes_every_clock_is_caught(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation of the test before: what the server's entry is about is merged without a limit."""
    monkeypatch.setattr(hlc, "MAX_AHEAD_MS", 2**40)
    with pytest.raises(AssertionError):
        await test_consuming_comes_after_what_is_known_of_the_ticket(
            api, ahead_s=3600, is_later=False
        )


async def test_what_was_consumed_and_taken_back_is_consumed_again(api: Api) -> None:
    """A supervisor's undo, once confirmed, frees it; the next use is the server's next of it."""
    card_id, maker = await api.create(), await gate(api)
    code = await api.claim(card_id)
    ticket, _state = kept(api, code)
    await api.ok("/card/code/consume", {"code": code})
    (first,) = uses_by_api(api, ticket.id)
    undone = maker.make(Act.ANNULMENT, ticket=ticket.id, target=first.name)
    await api.running.exchange(maker, ask([undone]))
    # From a gate alone it is a claim about what the server did.
    assert await api.status(code) == "CONSUMED"
    undo = f"{maker.origin}:{maker.seq}"
    body = {"note": "Kim called", "who": "Ann"}
    await api.running.admin("POST", f"/events/show/claims/{undo}/confirm", json=body)
    assert await api.status(code) == "NORMAL"
    await api.ok("/card/code/consume", {"code": code})
    await api.fails(40099, "/card/code/consume", {"code": code})
    assert [use.ordinal for use in uses_by_api(api, ticket.id)] == [0, 1]


def uses_by_api(api: Api, ticket: str) -> list[Entry]:
    with reading(api.running.engine) as connection:
        facts = journals.facts_of(connection, "show", ticket)
    uses = (fact for fact in facts if fact.device == CENTRAL and fact.act is Act.ADMISSION)
    return sorted(uses, key=lambda use: use.seq)


async def test_a_gate_that_was_cut_off_makes_a_conflict(api: Api) -> None:
    """It let in what the API had consumed: both stay, and it is a conflict like any other."""
    card_id, maker = await api.create(), await gate(api)
    code = await api.claim(card_id)
    await api.ok("/card/code/consume", {"code": code})
    await redeem_at_gate(api, maker, code)
    with reading(api.running.engine) as connection:
        (clash,) = conflicts.find_conflicts(connection, "show")
    assert {entry.device for entry in clash.admissions} == {"central", maker.device}
    assert clash.excess == 1
    assert await api.status(code) == "CONSUMED"


async def test_validity_is_judged_at_the_call(api: Api) -> None:
    """Before and after the window consuming is 40079; can_consume says so beforehand."""
    early = {"type": 1, "begin_timestamp": now() + 900, "end_timestamp": now() + 999}
    code = await api.claim(await api.create(date_info=early))
    await api.fails(40079, "/card/code/consume", {"code": code})
    assert (await api.ok("/card/code/get", {"code": code}))["can_consume"] is False
    card_id = await api.create()
    code = await api.claim(card_id)
    past = meeting()["card"]["meeting_ticket"]["base_info"]["date_info"] | {
        "type": "DATE_TYPE_FIX_TIME_RANGE", "end_timestamp": now() - 5,
    }  # fmt: skip
    rewrite(api, card_id, date_info=past)
    await api.fails(40079, "/card/code/consume", {"code": code})
    await api.fails(40127, "/card/code/get", {"code": code})
    assert await api.status(code) == "EXPIRE"
    await api.fails(40079, "/v1/claims", {"card_id": card_id, "openid": "oLate"})


def rewrite(api: Api, card_id: str, **base: Any) -> None:
    """Change a card as time would, behind the API's back; gates are told."""
    with api.running.engine.begin() as connection:
        body = connection.execute(
            select(t.card.c.body).where(t.card.c.card_id == card_id)
        ).scalar_one()
        said = msgspec.json.decode(body)
        said["base"] |= base
        connection.execute(
            update(t.card)
            .where(t.card.c.card_id == card_id)
            .values(body=msgspec.json.encode(said).decode())
        )
        card = issued_codes.find_card(connection, card_id)
        assert card is not None
        issued_codes.publish(connection, card.event, types=[type_row(card)])


async def test_a_custom_code_needs_its_card(api: Api) -> None:
    """41012 without; an unknown one is 40056, as is a right code with another card."""
    card_id = await api.create(use_custom_code=True)
    other = await api.create()
    await api.fails(41013, "/v1/claims", {"card_id": card_id, "openid": "oFan"})
    assert await api.claim(card_id, code="MINE-1") == "MINE-1"
    await api.fails(40116, "/v1/claims", {"card_id": card_id, "openid": "oB", "code": "MINE-1"})
    await api.fails(45021, "/v1/claims", {"card_id": card_id, "openid": "oB", "code": "x" * 21})
    for code in (" ", "]C0ABC", " MINE-1", ["MINE"], "1" * 5000, "MI\nNE", "MI\u202eNE", "1636-1"):
        answer = await api.post("/v1/claims", {"card_id": card_id, "openid": "oB", "code": code})
        assert answer["errcode"] in (40116, 45021), answer
    for path in ("/card/code/get", "/card/code/consume", "/card/code/unavailable"):
        await api.fails(41012, path, {"code": "MINE-1"})
        await api.fails(40056, path, {"code": "MINE-1", "card_id": other})
        await api.fails(40056, path, {"code": "MINE-2", "card_id": card_id})
        await api.fails(41013, path, {"card_id": card_id})
    await api.ok("/card/code/consume", {"code": "MINE-1", "card_id": card_id})
    await api.fails(43009, "/v1/claims", {"card_id": other, "openid": "oB", "code": "MINE-9"})


async def test_one_code_finds_one_ticket_in_an_event(api: Api) -> None:
    """A code that another card of the event has is not free: gates know codes by the event."""
    first = await api.create(use_custom_code=True)
    second = await api.create(use_custom_code=True)
    await api.claim(first, code="MINE-1")
    await api.fails(40116, "/v1/claims", {"card_id": second, "openid": "oB", "code": "MINE-1"})


async def test_codes_are_handed_over_beforehand(api: Api) -> None:
    """Deposit, check, stock, claim: in the documented order, with every refusal on the way."""
    card_id = await api.create(meeting(**DEPOSIT))
    codes = [f"D{n:03}" for n in range(100)]
    told = await api.ok("/card/code/deposit", {"card_id": card_id, "code": codes})
    assert told["succ_code"] == codes
    assert (told["duplicate_code"], told["fail_code"]) == ([], [])
    again = {"card_id": card_id, "code": ["D001", "new", "x" * 21]}
    told = await api.ok("/card/code/deposit", again)
    assert (told["succ_code"], told["duplicate_code"]) == (["new"], ["D001"])
    assert told["fail_code"] == ["x" * 21]
    same = {"card_id": card_id, "code": ["twin", " twin "]}
    await api.fails(40111, "/card/code/deposit", same)
    assert (await api.ok("/card/code/getdepositcount", {"card_id": card_id}))["count"] == 101
    told = await api.ok("/card/code/checkcode", {"card_id": card_id, "code": ["D001", "D999"]})
    assert (told["exist_code"], told["not_exist_code"]) == (["D001"], ["D999"])
    for path in ("/card/code/deposit", "/card/code/checkcode"):
        await api.fails(40109, path, {"card_id": card_id, "code": [str(n) for n in range(101)]})
        await api.fails(40110, path, {"card_id": card_id, "code": []})
        await api.fails(40110, path, {"card_id": card_id, "code": ["a", ""]})
        await api.fails(41013, path, {"card_id": card_id})
        await api.fails(40073, path, {"card_id": "p404", "code": ["a"]})
    await api.fails(40111, "/card/code/deposit", {"card_id": card_id, "code": ["a", "a"]})
    plain = await api.create()
    await api.fails(43009, "/card/code/deposit", {"card_id": plain, "code": ["a"]})
    await api.fails(45031, "/v1/claims", {"card_id": card_id, "openid": "oFan"})
    more = {"card_id": card_id, "increase_stock_value": 102}
    await api.fails(40136, "/card/modifystock", more)
    await api.ok("/card/modifystock", more | {"increase_stock_value": 101})
    assert kept(api, "D001")[0].status is Status.UNCLAIMED
    await api.fails(40056, "/card/code/get", {"code": "D001", "card_id": card_id})
    assert await api.claim(card_id, code="D001") == "D001"
    assert kept(api, "D001")[0].status is Status.NORMAL
    await api.fails(40116, "/v1/claims", {"card_id": card_id, "openid": "oB", "code": "D001"})
    await api.fails(40116, "/v1/claims", {"card_id": card_id, "openid": "oB", "code": "D999"})
    assert await api.claim(card_id, "oB") == "D000"
    listed = [{"card_id": card_id}, {"card_id": card_id, "code": "D002"}]
    both = {"action_name": "QR_MULTIPLE_CARD",
            "action_info": {"multiple_card": {"card_list": listed}}}  # fmt: skip
    ticket = (await api.ok("/card/qrcode/create", both))["ticket"]
    told = await api.ok("/v1/claims", {"ticket": ticket, "openid": "oC"})
    assert sorted(told["codes"]) == ["D002", "D003"]


async def test_no_code_is_made_twice(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody has is not handed out, though chance would have it."""
    card_id = await api.create(get_limit=9)
    drawn = iter(["first", "first", "first", "second"])
    monkeypatch.setattr(issued_codes, "made_code", lambda: next(drawn))
    assert [await api.claim(card_id), await api.claim(card_id)] == ["first", "second"]


async def test_nothing_expires_for_testers(api: Api) -> None:
    """On the list they may use what is over; off it, it has expired."""
    card_id = await api.create()
    code = await api.claim(card_id)
    past = base_info()["date_info"] | {"type": "DATE_TYPE_FIX_TIME_RANGE"}
    rewrite(api, card_id, date_info=past | {"end_timestamp": now() - 5})
    assert await api.status(code) == "EXPIRE"
    await api.ok("/card/testwhitelist/set", {"openid": ["oFan"]})
    assert await api.status(code) == "NORMAL"
    await api.ok("/card/code/consume", {"code": code})


async def test_stock_runs_out_and_is_filled_up(api: Api) -> None:
    """45031 at 0; less than none is 40122, more than all is 45041; card/get tells what is left."""
    card_id = await api.create(sku={"quantity": 1})
    await api.claim(card_id)
    await api.fails(45031, "/v1/claims", {"card_id": card_id, "openid": "oB"})
    await api.ok("/card/modifystock", {"card_id": card_id, "increase_stock_value": "2"})
    await api.claim(card_id, "oB")
    base = (await api.ok("/card/get", {"card_id": card_id}))["card"]["meeting_ticket"]["base_info"]
    assert base["sku"] == {"quantity": 1, "total_quantity": 3}
    await api.fails(40122, "/card/modifystock", {"card_id": card_id, "reduce_stock_value": 2})
    await api.fails(40122, "/card/modifystock", {"card_id": card_id, "reduce_stock_value": -2})
    big = {"card_id": card_id, "increase_stock_value": 100_000_000}
    await api.fails(45041, "/card/modifystock", big)
    full = await api.create(sku={"quantity": 100_000_000})
    one = {"card_id": full, "increase_stock_value": 1}
    await api.fails(45041, "/card/modifystock", one)
    await api.claim(full)
    await api.fails(45041, "/card/modifystock", one)
    await api.ok("/card/modifystock", one | {"reduce_stock_value": 1})


async def test_one_person_may_claim_and_use_so_many(api: Api) -> None:
    """get_limit is 45033, use_limit 40149; the gates are told who has used all they may."""
    card_id = await api.create(get_limit=3, use_limit=1)
    codes = [await api.claim(card_id) for _n in range(3)]
    await api.fails(45033, "/v1/claims", {"card_id": card_id, "openid": "oFan"})
    other = await api.claim(card_id, "oOther")
    await api.ok("/card/code/consume", {"code": codes[0]})
    # The used one is "already used" at gates, whatever is said of it afterwards.
    await api.ok("/card/meetingticket/updateuser", {"code": codes[0], "zone": "C"})
    await api.fails(40149, "/card/code/consume", {"code": codes[1]})
    assert [kept(api, c)[0].status for c in (*codes, other)] == [
        Status.NORMAL, Status.LIMITED, Status.LIMITED, Status.NORMAL,
    ]  # fmt: skip


async def test_a_changed_limit_reaches_the_gates(api: Api) -> None:
    """Who had used all they might is free again when they may use more, and the other way round."""
    card_id = await api.create(get_limit=9, use_limit=1)
    codes = {who: [await api.claim(card_id, who) for _n in range(2)] for who in ("oFan", "oB")}
    gone = await api.claim(card_id)
    await api.ok("/card/code/unavailable", {"code": gone})
    await api.ok("/card/code/consume", {"code": codes["oFan"][0]})
    for limit, status in ((2, Status.NORMAL), (1, Status.LIMITED), (50, Status.NORMAL)):
        change = {"card_id": card_id, "meeting_ticket": {"base_info": {"use_limit": limit}}}
        await api.ok("/card/update", change)
        assert kept(api, codes["oFan"][1])[0].status is status
        assert [kept(api, code)[0].status for code in codes["oB"]] == [Status.NORMAL] * 2
        assert kept(api, gone)[0].status is Status.REVOKED
    await api.ok("/card/code/consume", {"code": codes["oFan"][1]})
    third = await api.claim(card_id)
    for limit, status in ((1, Status.LIMITED), (2, Status.LIMITED), (3, Status.NORMAL)):
        change = {"card_id": card_id, "meeting_ticket": {"base_info": {"use_limit": limit}}}
        await api.ok("/card/update", change)
        assert kept(api, third)[0].status is status


async def test_who_is_over_the_limit_hears_so_of_what_was_taken_back(api: Api) -> None:
    """Two gates let one person in at once; of the one that is undone both say the same."""
    card_id, maker = await api.create(use_limit=1), await gate(api)
    first, second = await api.claim(card_id), await api.claim(card_id)
    body = entry_codec.decode(await redeem_at_gate(api, maker, first))
    await redeem_at_gate(api, maker, second)
    jobs = card_api_of(api.running.app).jobs
    await jobs.follow()
    undone = maker.make(Act.ANNULMENT, ticket=body.ticket, target=body.name)
    await api.running.exchange(maker, ask([undone]))
    await jobs.follow()
    assert kept(api, first)[0].status is Status.LIMITED
    await api.fails(40149, "/card/code/consume", {"code": first})


async def test_what_was_used_is_told_so_after_its_end_too(api: Api) -> None:
    """A backend that had no answer asks again: 40099 is yes, also when the hour has passed."""
    card_id = await api.create()
    code = await api.claim(card_id)
    await api.ok("/card/code/consume", {"code": code})
    past = base_info()["date_info"] | {"type": "DATE_TYPE_FIX_TIME_RANGE"}
    rewrite(api, card_id, date_info=past | {"end_timestamp": now() - 5})
    await api.fails(40099, "/card/code/consume", {"code": code})


async def test_what_the_organiser_said_of_a_ticket_holds_here_too(api: Api) -> None:
    """A ticket that was voided, or given a second use, past the card API: consume as at a gate."""
    card_id = await api.create()
    one, two = await api.claim(card_id), await api.claim(card_id)
    said = {"changes": [{"id": kept(api, two)[0].id, "uses": 2}],
            "voids": [{"id": kept(api, one)[0].id, "status": "revoked"}]}  # fmt: skip
    answer = await api.running.admin("POST", "/events/show/tickets", json=said)
    assert answer.is_success, answer.text
    await api.fails(40127, "/card/code/consume", {"code": one})
    assert (await api.post("/card/code/get", {"code": one}))["can_consume"] is False
    for _n in range(2):
        await api.ok("/card/code/consume", {"code": two})
    await api.fails(40099, "/card/code/consume", {"code": two})


async def test_nobody_claims_what_is_good_at_no_time(api: Api) -> None:
    """A flight that has left, a term that would begin after the end for all: 40079."""
    gone = {"departure_time": now() - 60, "landing_time": now() + 60}
    left = await api.create(boarding(own=gone))
    term = {"type": 2, "fixed_term": 3, "fixed_begin_term": 9, "end_timestamp": now() + DAY_S}
    for card_id in (left, await api.create(date_info=term)):
        await api.fails(40079, "/v1/claims", {"card_id": card_id, "openid": "oFan"})


async def test_a_gate_s_redemption_counts_for_the_limit(api: Api) -> None:
    """What a gate let in limits the person's other tickets, and frees them when taken back."""
    card_id, maker = await api.create(use_limit=1), await gate(api)
    first, second = await api.claim(card_id), await api.claim(card_id)
    body = await redeem_at_gate(api, maker, first)
    jobs = card_api_of(api.running.app).jobs
    await jobs.follow()
    assert kept(api, second)[0].status is Status.LIMITED
    undone = entry_codec.decode(body)
    await api.running.exchange(
        maker, ask([maker.make(Act.ANNULMENT, ticket=undone.ticket, target=undone.name)])
    )
    await jobs.follow()
    assert kept(api, second)[0].status is Status.NORMAL


async def test_who_may_claim(api: Api) -> None:
    """Missing and impossible openids, unknown, deleted and unreviewed cards have their codes."""
    await api.set(review="held")
    card_id = await api.create()
    await api.fails(41009, "/v1/claims", {"card_id": card_id})
    await api.fails(40003, "/v1/claims", {"card_id": card_id, "openid": "o fan"})
    await api.fails(40003, "/v1/claims", {"card_id": card_id, "openid": 5})
    await api.fails(41012, "/v1/claims", {"openid": "oFan"})
    await api.fails(40073, "/v1/claims", {"card_id": "p404", "openid": "oFan"})
    await api.fails(40078, "/v1/claims", {"card_id": card_id, "openid": "oFan"})
    told = await api.ok("/card/testwhitelist/set", {"openid": ["oTester"], "username": ["afdv"]})
    assert told["white_list_size"] == 2
    await api.claim(card_id, "oTester")
    many = {"openid": [f"o{n}" for n in range(10)], "username": ["one"]}
    await api.fails(40150, "/card/testwhitelist/set", many)
    await api.ok("/card/testwhitelist/set", {"openid": [], "username": []})
    await api.fails(40078, "/v1/claims", {"card_id": card_id, "openid": "oTester"})
    await api.running.admin("POST", f"/cards/{card_id}/approve", content=b"{}")
    code = await api.claim(card_id)
    await api.ok("/card/delete", {"card_id": card_id})
    await api.fails(40078, "/v1/claims", {"card_id": card_id, "openid": "oB"})
    gone = {"card_id": card_id}
    await api.fails(40078, "/card/delete", gone)
    await api.fails(40078, "/card/modifystock", gone | {"increase_stock_value": 1})
    await api.fails(40078, "/card/update", gone | {"meeting_ticket": {"map_url": "http://x"}})
    offer = {"action_name": "QR_CARD", "action_info": {"card": gone}}
    await api.fails(40078, "/card/qrcode/create", offer)
    assert await api.status(code) == "NORMAL"
    await api.ok("/card/code/consume", {"code": code})


async def test_review_is_held_where_that_is_wanted(api: Api) -> None:
    """Changes that need it take the card back to it; a flight needs none."""
    await api.set(review="held")
    card_id = await api.create()
    flight = await api.create(boarding())
    await api.claim(flight)
    await api.running.admin("POST", f"/cards/{card_id}/reject", json={"reason": "blurred"})
    assert await card_status(api, card_id) == "CARD_STATUS_VERIFY_FAIL"
    await api.running.admin("POST", f"/cards/{card_id}/approve", content=b"{}")
    change = {"card_id": card_id, "meeting_ticket": {"base_info": {"notice": "new"}}}
    assert (await api.ok("/card/update", change))["send_check"] is True
    assert await card_status(api, card_id) == "CARD_STATUS_NOT_VERIFY"
    map_ = {"card_id": card_id, "meeting_ticket": {"map_url": "http://map"}}
    assert (await api.ok("/card/update", map_))["send_check"] is False
    told = await api.ok("/card/batchget", {"offset": 0, "count": 50})
    assert told["card_id_list"] == sorted([card_id, flight])
    for wanted, found in (("CARD_STATUS_VERIFY_OK", [flight]), ("CARD_STATUS_VERIFY_FALL", [])):
        asked = {"offset": 0, "count": 10, "status_list": [wanted]}
        assert (await api.ok("/card/batchget", asked))["card_id_list"] == found
    await api.fails(40150, "/card/batchget", {"offset": 0, "count": 51})
    await api.fails(40150, "/card/batchget", {"offset": 0, "count": 5, "status_list": ["X"]})


async def card_status(api: Api, card_id: str) -> str:
    shown = (await api.ok("/card/get", {"card_id": card_id}))["card"]
    return str(shown["meeting_ticket"]["base_info"]["status"])


async def test_a_card_s_change_reaches_its_tickets(api: Api) -> None:
    """Widened validity, places and a flight's gate are what gates see of claimed tickets."""
    card_id = await api.create()
    code = await api.claim(card_id)
    end = now() + 99 * DAY_S
    info = base_info()["date_info"] | {"end_timestamp": end}
    base = {"date_info": info, "location_id_list": [7]}
    await api.ok("/card/update", {"card_id": card_id, "meeting_ticket": {"base_info": base}})
    ticket, _state = kept(api, code)
    assert (ticket.type.end, ticket.type.locations) == (end, ("7",))
    assert (await api.ok("/card/code/get", {"code": code}))["card"]["end_time"] == end
    await api.fails(40073, "/card/update", {"card_id": "p404", "meeting_ticket": {}})
    await api.fails(41011, "/card/update", {"card_id": card_id})
    await api.fails(40071, "/card/update", {"card_id": card_id, "movie_ticket": {}})
    narrow = info | {"end_timestamp": end - 1}
    body = {"card_id": card_id, "meeting_ticket": {"base_info": {"date_info": narrow}}}
    await api.fails(40100, "/card/update", body)


async def test_meeting_tickets_get_their_seats(api: Api) -> None:
    """The reference's own update body, and times; each reaches the gates."""
    code = await api.claim(await api.create())
    body = {"code": code, "zone": "C区", "entrance": "东北门", "seat_number": "2排15号"}
    await api.ok("/card/meetingticket/updateuser", body)
    times: dict[str, Any] = {
        "code": code,
        "begin_time": now() + 9000,
        "end_time": str(now() + 9999),
    }
    await api.ok("/card/meetingticket/updateuser", times)
    ticket, _state = kept(api, code)
    assert (ticket.zone, ticket.entrance, ticket.seats) == ("C区", "东北门", ("2排15号",))
    assert (ticket.begin_time, ticket.end_time) == (times["begin_time"], int(times["end_time"]))
    await api.fails(40079, "/card/meetingticket/updateuser", {"code": code, "end_time": now()})
    same = times | {"end_time": times["begin_time"]}
    await api.fails(40079, "/card/meetingticket/updateuser", same)
    none = {"code": code, "begin_time": 0, "end_time": 0, "zone": "", "seat_number": []}
    await api.ok("/card/meetingticket/updateuser", none)
    ticket, _state = kept(api, code)
    assert (ticket.begin_time, ticket.end_time, ticket.zone, ticket.seats) == (None, None, "", ())
    assert ticket.entrance == "东北门"
    await api.fails(41013, "/card/meetingticket/updateuser", {"zone": "C"})
    await api.fails(40056, "/card/meetingticket/updateuser", {"code": "0" * 12, "zone": "C"})
    await api.fails(45021, "/card/meetingticket/updateuser", {"code": code, "zone": "C" * 13})
    show = {"code": code, "ticket_class": "4D", "show_time": 1, "duration": 1}
    await api.fails(45030, "/card/movieticket/updateuser", show)


async def test_movie_tickets_get_their_show(api: Api) -> None:
    """The reference's own update body, with one seat or several."""
    code = await api.claim(await api.create(movie()))
    body = {"code": code, "ticket_class": "4D", "show_time": now() + 600, "duration": 120,
            "screening_room": "5号影厅", "seat_number": ["5排14号", "5排15号"]}  # fmt: skip
    await api.ok("/card/movieticket/updateuser", body)
    ticket, _state = kept(api, code)
    assert (ticket.ticket_class, ticket.duration) == ("4D", 120)
    assert (ticket.screening_room, ticket.seats) == ("5号影厅", ("5排14号", "5排15号"))
    await api.ok("/card/movieticket/updateuser", body | {"seat_number": "1排1号"})
    assert kept(api, code)[0].seats == ("1排1号",)
    for name, errcode in {"ticket_class": 41014, "show_time": 41015, "duration": 41011}.items():
        await api.fails(errcode, "/card/movieticket/updateuser", body | {name: None})


async def test_passengers_check_in_and_back_out(api: Api) -> None:
    """Checked in by the reference's body, found by both codes; cancelled, unchecked again."""
    code = await api.claim(await api.create(boarding()))
    body = {"code": code, "passenger_name": "乘客姓名", "class": "舱等", "seat": "座位号",
            "etkt_bnr": "7812345678901", "qrcode_data": "M1SURNAME/GIVEN", "is_cancel ": False,
            "gate": "A11", "boarding_time": now() + 60}  # fmt: skip
    assert kept(api, code)[0].checked_in is False
    await api.ok("/card/boardingpass/checkin", body)
    ticket, state = kept(api, "M1SURNAME/GIVEN")
    assert (ticket, state) == kept(api, code)
    assert (ticket.checked_in, ticket.holder, ticket.travel_class) == (True, "乘客姓名", "舱等")
    assert (ticket.gate, ticket.seats, ticket.boarding_time) == (
        "A11", ("座位号",), body["boarding_time"],
    )  # fmt: skip
    # Libraries send empty text for what their caller left out.
    await api.ok("/card/boardingpass/checkin", body | {"gate": "", "seat": "", "class": "Y"})
    ticket, _state = kept(api, code)
    assert (ticket.gate, ticket.seats, ticket.travel_class) == ("A11", ("座位号",), "Y")
    other = await api.claim(await api.create(boarding()))
    await api.fails(40150, "/card/boardingpass/checkin", body | {"code": other})
    await api.fails(40150, "/card/boardingpass/checkin", body | {"qrcode_data": other})
    for name in ("class", "etkt_bnr"):
        await api.fails(41011, "/card/boardingpass/checkin", body | {name: ""})
    await api.ok("/card/boardingpass/checkin", {"code": code, "is_cancel": True})
    ticket, state = kept(api, "M1SURNAME/GIVEN")
    # It still finds the ticket: a gate says that it is not checked in, by either code.
    assert (ticket.checked_in, ticket.holder, state) == (False, "", CodeState.LIVE)
    assert kept(api, code)[1] is CodeState.LIVE
    await api.ok("/card/boardingpass/checkin", {"code": code, "is_cancel": True})
    assert kept(api, "M1SURNAME/GIVEN") == (ticket, CodeState.LIVE)
    await api.ok("/card/boardingpass/checkin", body)
    assert kept(api, "M1SURNAME/GIVEN")[1] is CodeState.LIVE
    await api.ok("/card/boardingpass/checkin", {"code": code, "is_cancel": True})
    await api.ok("/card/boardingpass/checkin", {"code": code, "class": "Y", "etkt_bnr": "1"})
    assert kept(api, "M1SURNAME/GIVEN")[1] is CodeState.REPLACED
    again = await api.claim(await api.create(boarding()))
    await api.ok("/card/boardingpass/checkin", body | {"code": again, "qrcode_data": "M7"})
    await api.ok("/card/boardingpass/checkin", {"code": again, "is_cancel": True})
    give = {"code": again, "from": "oFan", "to": "oB"}
    await api.ok("/v1/gifts", give | {"action": "start"})
    await api.ok("/v1/gifts", give | {"action": "accept"})
    assert kept(api, "M7")[1] is CodeState.TRANSFERRED


async def end(api: Api, maker: Maker, how: str, card_id: str, code: str) -> None:
    """What may become of a boarding pass whose phone shows M1."""
    check_in = {"code": code, "class": "Y", "etkt_bnr": "1"}
    if how == "unavailable":
        await api.ok("/card/code/unavailable", {"code": code})
    elif how == "deleted":
        await api.ok("/v1/actions", {"code": code, "action": "delete"})
    elif how == "consumed":
        await api.ok("/card/code/consume", {"code": code})
    elif how == "used at a gate":
        await redeem_at_gate(api, maker, code)
    elif how == "cancelled":
        await api.ok("/card/boardingpass/checkin", {"code": code, "is_cancel": True})
    elif how == "shows another":
        await api.ok("/card/boardingpass/checkin", check_in | {"qrcode_data": "M2"})
    elif how.startswith("left"):
        ago = DAY_S + 60 if how == "left yesterday" else 60
        with api.running.engine.begin() as connection:
            card = issued_codes.find_card(connection, card_id)
            assert card is not None
            gone = {**card.detail, "departure_time": now() - ago}
            issued_codes.set_card(connection, replace(card, detail=gone), is_published=True)
    elif how == "given":
        give = {"code": code, "from": "oFan", "to": "oB"}
        await api.ok("/v1/gifts", give | {"action": "start"})
        await api.ok("/v1/gifts", give | {"action": "accept"})


DONE = ["unavailable", "deleted", "consumed", "used at a gate", "cancelled", "shows another",
        "left yesterday"]  # fmt: skip


@pytest.mark.examples(3)
@pytest.mark.parametrize("how", DONE)
async def test_what_a_phone_showed_of_a_ticket_that_is_done_is_free(
    api: Api, tmp_path: Path, how: str
) -> None:
    """The next ticket has it, at the server and in a gate's replica; the old one lives without."""
    maker, card_id = await gate(api), await api.create(boarding(get_limit=9))
    one, two = await api.claim(card_id), await api.claim(await api.create(boarding()))
    stated = {"class": "Y", "etkt_bnr": "1", "qrcode_data": "M1"}
    await api.ok("/card/boardingpass/checkin", stated | {"code": one})
    folder = Folder(tmp_path / "gate")
    folder.create()
    part = folder.path / "snapshot.part"
    with api.running.engine.begin() as connection:
        join(connection, folder)
        snapshot = write_snapshot(connection, part, now() * 1000)
    with closing(TicketFeed(folder)) as gate_feed:
        gate_feed.install(part, snapshot)
        await end(api, maker, how, card_id, one)
        await api.ok("/card/boardingpass/checkin", stated | {"code": two})
        ticket, state = kept(api, "M1")
        assert (ticket, state) == kept(api, two)
        # Whatever is said of the old one afterwards names no code of another's.
        await card_api_of(api.running.app).jobs.follow()
        for path, body in (
            ("/card/boardingpass/checkin", {"code": one, "class": "F", "etkt_bnr": "2"}),
            ("/card/code/unavailable", {"code": one}),
            ("/v1/actions", {"code": one, "action": "delete"}),
        ):
            assert (await api.post(path, body))["errcode"] in (0, 40099, 40127)
        if how in ("cancelled", "shows another"):
            third = await api.claim(card_id)
            await api.fails(40150, "/card/boardingpass/checkin", stated | {"code": third})
        assert kept(api, "M1") == (ticket, CodeState.LIVE)
        with reading(api.running.engine) as connection:
            gate_feed.apply(feed.changes(connection, "show", gate_feed.cursor, now() * 1000))
        with closing(Tickets(folder)) as replica:
            replica.refresh()
            found = replica.codes.match("M1").ticket
            assert found is not None
            assert (found.id, found.code_state) == (ticket.id, CodeState.LIVE)
            own = replica.codes.match(one).ticket
            assert own is not None
            assert own.id == kept(api, one)[0].id != ticket.id


@pytest.mark.examples(2)
@pytest.mark.parametrize("how", ["still good", "given", "left a minute ago", "its own code",
                                 "of another account"])  # fmt: skip
async def test_what_a_phone_may_still_show_is_not_free(api: Api, how: str) -> None:
    """40150: two guests would come with one picture."""
    card_id = await api.create(boarding())
    one, two = await api.claim(card_id), await api.claim(await api.create(boarding()), "oC")
    stated = {"class": "Y", "etkt_bnr": "1", "qrcode_data": "M1"}
    await api.ok("/card/boardingpass/checkin", stated | {"code": one})
    await end(api, Maker(), how, card_id, one)
    if how == "its own code":
        await api.ok("/card/code/unavailable", {"code": one})
        stated["qrcode_data"] = one
    if how == "of another account":
        await api.ok("/card/code/unavailable", {"code": one})
        other = await account(api.running)
        two = await other.claim(await other.create(boarding()))
        await other.fails(40150, "/card/boardingpass/checkin", stated | {"code": two})
        return
    await api.fails(40150, "/card/boardingpass/checkin", stated | {"code": two})


async def test_a_void_ticket_stays_void(api: Api) -> None:
    """Unavailable is for good: no use, no change, no second time; used ones cannot be voided."""
    card_id = await api.create()
    code, used = await api.claim(card_id), await api.claim(card_id)
    await api.ok("/card/code/unavailable", {"code": code, "reason": "refund"})
    ticket, _state = kept(api, code)
    assert (ticket.status, ticket.status_note) == (Status.REVOKED, "refund")
    assert await api.status(code) == "UNAVAILABLE"
    for path in ("/card/code/consume", "/card/code/unavailable", "/card/code/get",
                 "/card/meetingticket/updateuser"):  # fmt: skip
        await api.fails(40127, path, {"code": code})
    await api.ok("/card/code/consume", {"code": used})
    await api.fails(40099, "/card/code/unavailable", {"code": used})


async def test_a_replaced_code_is_dead(api: Api) -> None:
    """The new code finds the same ticket; the old one is 40056 and refused at gates."""
    card_id = await api.create(use_custom_code=True)
    await api.claim(card_id, code="old")
    ticket, _state = kept(api, "old")
    body = {"card_id": card_id, "code": "old", "new_code": "new"}
    await api.ok("/card/code/update", body)
    once = replace(ticket, issue=1)
    assert kept(api, "old") == (once, CodeState.REPLACED)
    assert kept(api, "new") == (once, CodeState.LIVE)
    await api.fails(40056, "/card/code/update", body)
    await api.fails(40116, "/card/code/update", body | {"code": "new", "new_code": "old"})
    await api.fails(41013, "/card/code/update", {"card_id": card_id, "code": "new"})
    plain = await api.claim(await api.create())
    await api.fails(43009, "/card/code/update", {"code": plain, "new_code": "x"})
    other = {"card_id": card_id, "code": "new", "newcode": "newest"}
    await api.ok("/card/code/update", other)
    await api.ok("/card/code/update", {"card_id": card_id, "code": "newest", "new_code": "last"})
    assert kept(api, "last") == (replace(ticket, shape="4:a", issue=3), CodeState.LIVE)
    listed = await api.ok("/card/user/getcardlist", {"openid": "oFan", "card_id": card_id})
    assert listed["card_list"] == [{"code": "last", "card_id": card_id}]
    await api.ok("/card/code/consume", {"card_id": card_id, "code": "last"})
    await api.fails(40099, "/card/code/update", body | {"code": "last", "new_code": "newer"})


async def test_what_a_person_has(api: Api) -> None:
    """Getcardlist tells all of one person, or of one card; deleted ones are gone from it."""
    one, two = await api.create(), await api.create(movie())
    codes = [await api.claim(one), await api.claim(two), await api.claim(two, "oB")]
    listed = (await api.ok("/card/user/getcardlist", {"openid": "oFan"}))["card_list"]
    assert {(c["card_id"], c["code"]) for c in listed} == {(one, codes[0]), (two, codes[1])}
    await api.ok("/v1/actions", {"code": codes[0], "action": "delete"})
    assert await api.status(codes[0]) == "DELETE"
    assert kept(api, codes[0])[0].status is Status.DELETED
    await api.fails(40127, "/card/code/consume", {"code": codes[0]})
    listed = (await api.ok("/card/user/getcardlist", {"openid": "oFan"}))["card_list"]
    assert [c["card_id"] for c in listed] == [two]
    await api.fails(41009, "/card/user/getcardlist", {})
    await api.fails(40003, "/card/user/getcardlist", {"openid": "o\n"})
    await api.fails(40150, "/v1/actions", {"code": codes[1], "action": "burn"})


async def test_encrypted_codes_are_read_by_their_account(api: Api) -> None:
    """What a claim hands to pages is decrypted; another account's, or anything else, is 40075."""
    card_id = await api.create()
    told = await api.ok("/v1/claims", {"card_id": card_id, "openid": "oFan"})
    sealed = told["encrypt_code"]
    assert (await api.ok("/card/code/decrypt", {"encrypt_code": sealed}))["code"] == told["code"]
    for bad in (None, "", "x", sealed[:-4], seal_code("00" * 32, told["code"]), 5,
                base64.b64encode(b"1" * 40).decode()):  # fmt: skip
        await api.fails(40075, "/card/code/decrypt", {"encrypt_code": bad})


async def test_gifts_change_the_code(api: Api) -> None:
    """Started, it is on its way; accepted, the friend has a new code and the old is dead."""
    card_id = await api.create()
    code = await api.claim(card_id)
    ticket, _state = kept(api, code)
    start = {"code": code, "action": "start", "from": "oFan", "to": "oB"}
    assert (await api.ok("/v1/gifts", start))["status"] == "GIFTING"
    assert await api.status(code) == "GIFTING"
    assert kept(api, code)[0].status is Status.GIFTING
    for path in ("/card/code/consume", "/card/code/get"):
        await api.fails(40127, path, {"code": code})
    await api.fails(40127, "/v1/gifts", start)
    wrong = {"code": code, "action": "accept", "from": "oFan", "to": "oC"}
    await api.fails(40003, "/v1/gifts", wrong)
    told = await api.ok("/v1/gifts", wrong | {"to": "oB"})
    new = told["code"]
    assert told["status"] == "NORMAL"
    await api.fails(40056, "/card/code/get", {"code": code})
    assert kept(api, code)[1] is CodeState.TRANSFERRED
    given, state = kept(api, new)
    assert (given.id, state, given.status) == (ticket.id, CodeState.LIVE, Status.NORMAL)
    assert (await api.ok("/card/code/get", {"code": new}))["openid"] == "oB"
    await api.ok("/v1/gifts", {"code": new, "action": "start", "from": "oB"})
    returned = {"code": new, "action": "return", "from": "oB"}
    assert (await api.ok("/v1/gifts", returned))["status"] == "NORMAL"
    await api.fails(40127, "/v1/gifts", returned)
    await api.ok("/card/code/consume", {"code": new})
    await api.fails(40099, "/v1/gifts", {"code": new, "action": "start", "from": "oB"})


async def test_a_boarding_pass_that_was_given_is_checked_in_anew(api: Api) -> None:
    """Neither the giver's code nor the picture on their phone opens the gate any more."""
    code = await api.claim(await api.create(boarding()))
    stated = {
        "code": code, "class": "Y", "etkt_bnr": "1", "qrcode_data": "M1", "passenger_name": "A",
    }  # fmt: skip
    await api.ok("/card/boardingpass/checkin", stated)
    give = {"code": code, "from": "oFan", "to": "oB"}
    await api.ok("/v1/gifts", give | {"action": "start"})
    new = (await api.ok("/v1/gifts", give | {"action": "accept"}))["code"]
    ticket, _state = kept(api, new)
    assert (ticket.checked_in, ticket.holder) == (False, "")
    assert kept(api, code)[1] is kept(api, "M1")[1] is CodeState.TRANSFERRED
    for old in ("M1", code):
        await api.fails(
            40150, "/card/boardingpass/checkin", stated | {"code": new, "qrcode_data": old}
        )
    await api.ok("/card/boardingpass/checkin", stated | {"code": new, "qrcode_data": "M2"})
    assert kept(api, "M1")[1] is CodeState.TRANSFERRED
    assert kept(api, "M2")[1] is CodeState.LIVE


async def test_gifts_that_are_refused(api: Api) -> None:
    """Of others' tickets, to nobody, to oneself, of cards that may not be given."""
    code = await api.claim(await api.create())
    start = {"code": code, "action": "start", "from": "oFan"}
    await api.fails(40003, "/v1/gifts", start | {"from": "oB"})
    await api.fails(40003, "/v1/gifts", start | {"to": "oFan"})
    await api.fails(41009, "/v1/gifts", {"code": code, "action": "start"})
    await api.fails(40150, "/v1/gifts", start | {"action": "throw"})
    kept_back = await api.claim(await api.create(can_give_friend=False))
    await api.fails(45030, "/v1/gifts", start | {"code": kept_back})
    await api.ok("/v1/gifts", start)
    await api.fails(41009, "/v1/gifts", start | {"action": "accept"})
    await api.fails(40003, "/v1/gifts", start | {"action": "accept", "to": "oFan"})


async def test_a_gift_of_what_a_cut_off_gate_let_in(api: Api) -> None:
    """The giver walked in by the old code meanwhile: nobody can take it; it returns as used."""
    card_id, maker = await api.create(), await gate(api)
    code = await api.claim(card_id)
    start = {"code": code, "action": "start", "from": "oFan"}
    await api.ok("/v1/gifts", start)
    await redeem_at_gate(api, maker, code)
    await api.fails(40099, "/v1/gifts", start | {"action": "accept", "to": "oB"})
    assert await api.status(code) == "CONSUMED"
    assert (await api.ok("/v1/gifts", start | {"action": "return"}))["status"] == "CONSUMED"


async def test_what_has_expired_is_not_taken_as_a_gift(api: Api) -> None:
    """40127, also when it expired on its way."""
    card_id = await api.create()
    code = await api.claim(card_id)
    start = {"code": code, "action": "start", "from": "oFan"}
    await api.ok("/v1/gifts", start)
    past = base_info()["date_info"] | {"type": "DATE_TYPE_FIX_TIME_RANGE"}
    rewrite(api, card_id, date_info=past | {"end_timestamp": now() - 5})
    await api.fails(40127, "/v1/gifts", start | {"action": "accept", "to": "oB"})
    assert (await api.ok("/v1/gifts", start | {"action": "return"}))["status"] == "EXPIRE"
    await api.fails(40127, "/v1/gifts", start)


async def test_a_gift_not_taken_in_time_comes_back(api: Api) -> None:
    """After its day it is its giver's again, usable and told as GIFT_TIMEOUT."""
    code = await api.claim(await api.create())
    await api.ok("/v1/gifts", {"code": code, "action": "start", "from": "oFan"})
    jobs = card_api_of(api.running.app).jobs
    await jobs.end_gifts()
    with api.running.engine.begin() as connection:
        # Whoever looked before saw an older gift of it, which was given back meanwhile.
        card_id = connection.execute(select(t.issued_code.c.card_id)).scalar_one()
        assert gifts.time_out(connection, card_id, code, now() * 1000) is None
    assert await api.status(code) == "GIFTING"
    with api.running.engine.begin() as connection:
        connection.execute(update(t.issued_code).values(gift_ends_s=now()))
    late = {"code": code, "action": "accept", "from": "oFan", "to": "oB"}
    await api.fails(40127, "/v1/gifts", late)
    await jobs.end_gifts()
    assert await api.status(code) == "GIFT_TIMEOUT"
    assert kept(api, code)[0].status is Status.NORMAL
    await api.ok("/card/code/consume", {"code": code})
    assert gifts.GIFT_S == DAY_S


async def test_orders_and_refunds_are_done_once(api: Api) -> None:
    """Repeated, they answer the same and do nothing; with another body they are refused."""
    one, two = await api.create(get_limit=9), await api.create(movie())
    items = [{"card_id": one, "count": 2}, {"card_id": two, "count": 1}]
    order = {"order_id": "A1", "openid": "oFan", "items": items, "paid_at": now()}
    codes = (await api.ok("/v1/orders", order))["codes"]
    assert len(set(codes)) == 3
    assert (await api.ok("/v1/orders", order))["codes"] == codes
    await api.fails(40150, "/v1/orders", order | {"openid": "oB"})
    await api.fails(40150, "/v1/orders", order | {"items": items[:1]})
    refund = {"refund_id": "R1", "order_id": "A1", "codes": codes[:1], "reason": "ill"}
    assert (await api.ok("/v1/refunds", refund))["codes"] == codes[:1]
    assert (await api.ok("/v1/refunds", refund))["codes"] == codes[:1]
    assert await api.status(codes[0]) == "UNAVAILABLE"
    assert await api.status(codes[1]) == "NORMAL"
    await api.fails(40150, "/v1/refunds", refund | {"reason": "tired"})
    await api.fails(40127, "/v1/refunds", refund | {"refund_id": "R2"})
    await api.fails(40127, "/v1/refunds", {"refund_id": "R2", "order_id": "A1"})
    assert await api.status(codes[1]) == "NORMAL"
    await api.fails(40056, "/v1/refunds", refund | {"refund_id": "R3", "codes": ["x"]})
    await api.fails(40150, "/v1/refunds", refund | {"refund_id": "R3", "order_id": "A9"})


async def test_an_order_is_issued_whole_or_not_at_all(api: Api) -> None:
    """What lacks stock for one item issues nothing of the others, and may be tried again."""
    plenty, few = await api.create(get_limit=9), await api.create(sku={"quantity": 1})
    items = [{"card_id": plenty, "count": 2}, {"card_id": few, "count": 2}]
    order = {"order_id": "A1", "openid": "oFan", "items": items}
    await api.fails(45031, "/v1/orders", order)
    assert api.running.count(t.issued_code) == 0
    await api.ok("/card/modifystock", {"card_id": few, "increase_stock_value": 1})
    assert len((await api.ok("/v1/orders", order))["codes"]) == 4
    await api.fails(45031, "/v1/orders", order | {"order_id": "A2"})
    eight = [{"card_id": plenty, "count": 4}, {"card_id": plenty, "count": 4}]
    await api.fails(45033, "/v1/orders", order | {"order_id": "A2", "items": eight})
    for body, code in (
        (order | {"order_id": ""}, 41011), (order | {"items": []}, 41011),
        (order | {"openid": None}, 41009), (order | {"order_id": "A3", "items": [{}]}, 41012),
        (order | {"order_id": "A3", "items": [{"card_id": plenty, "count": 0}]}, 40150),
        (order | {"order_id": "A3", "items": [{"card_id": "p404", "count": 1}]}, 40073),
        (order | {"order_id": "A3", "items": [{"card_id": plenty, "count": 10_001}]}, 40150),
    ):  # fmt: skip
        await api.fails(code, "/v1/orders", body)
    custom = await api.create(use_custom_code=True)
    for count in (1, 2):
        own = order | {"order_id": "A3", "items": [{"card_id": custom, "count": count}]}
        await api.fails(40158, "/v1/orders", own)


async def test_what_a_refund_may_void(api: Api) -> None:
    """Thrown away or on its way to a friend, yes; used, no; an empty list is not "all"."""
    card_id = await api.create(get_limit=9)
    order = {"order_id": "A", "openid": "oFan", "items": [{"card_id": card_id, "count": 4}]}
    used, thrown, giving, both = (await api.ok("/v1/orders", order))["codes"]
    await api.ok("/card/code/consume", {"code": used})
    await api.ok("/card/code/consume", {"code": both})
    for code in (thrown, both):
        await api.ok("/v1/actions", {"code": code, "action": "delete"})
    await api.ok("/v1/gifts", {"code": giving, "action": "start", "from": "oFan", "to": "oB"})
    refund = {"refund_id": "R", "order_id": "A"}
    await api.fails(40110, "/v1/refunds", refund | {"codes": []})
    for codes in ({}, {"codes": [used]}, {"codes": [thrown, both]}):
        await api.fails(40099, "/v1/refunds", refund | codes)
    assert kept(api, thrown)[0].status is Status.DELETED
    await api.fails(40127, "/card/code/unavailable", {"code": thrown})
    twice = refund | {"codes": [thrown, giving, thrown]}
    assert (await api.ok("/v1/refunds", twice))["codes"] == [thrown, giving]
    for code in (thrown, giving):
        assert await api.status(code) == "UNAVAILABLE"
        assert kept(api, code)[0].status is Status.REVOKED
    taken = {"code": giving, "action": "accept", "from": "oFan", "to": "oB"}
    await api.fails(40127, "/v1/gifts", taken)
    assert await api.status(used) == "CONSUMED"


async def test_a_refund_finds_what_was_given_on(api: Api) -> None:
    """The friend's new code dies with the order that paid for the ticket."""
    card_id = await api.create()
    items = [{"card_id": card_id, "count": 1}]
    order = {"order_id": "A1", "openid": "oFan", "items": items}
    (code,) = (await api.ok("/v1/orders", order))["codes"]
    await api.ok("/v1/gifts", {"code": code, "action": "start", "from": "oFan"})
    accept = {"code": code, "action": "accept", "from": "oFan", "to": "oB"}
    new = (await api.ok("/v1/gifts", accept))["code"]
    await api.ok("/v1/refunds", {"refund_id": "R1", "order_id": "A1"})
    assert await api.status(new) == "UNAVAILABLE"
    assert kept(api, new)[0].status is Status.REVOKED


async def test_qr_codes_offer_cards(api: Api) -> None:
    """One that names a person or a code works once and for them; it ends when it says."""
    card_id = await api.create(get_limit=9)

    def offer(**card: Any) -> dict[str, Any]:
        said = {"card_id": card_id, **card}
        return {"action_name": "QR_CARD", "expire_seconds": 1800, "action_info": {"card": said}}

    path = "/card/qrcode/create"
    told = await api.ok(path, offer(outer_str="12b"))
    assert told["expire_seconds"] == 1800
    assert told["ticket"] in told["show_qrcode_url"]
    claim = {"ticket": told["ticket"], "openid": "oFan"}
    code = (await api.ok("/v1/claims", claim))["code"]
    assert (await api.ok("/card/code/get", {"code": code}))["outer_str"] == "12b"
    await api.ok("/v1/claims", claim)
    bound = (await api.ok(path, offer(openid="oB")))["ticket"]
    await api.fails(40003, "/v1/claims", {"ticket": bound, "openid": "oFan"})
    await api.ok("/v1/claims", {"ticket": bound, "openid": "oB"})
    await api.fails(40053, "/v1/claims", {"ticket": bound, "openid": "oB"})
    await api.fails(40053, "/v1/claims", {"ticket": "none", "openid": "oB"})
    assert told["show_qrcode_url"].startswith(f"{api.running.http.base_url}/cgi-bin/showqrcode?")
    picture = await api.running.http.get(told["show_qrcode_url"])
    assert picture.content.startswith(b"\x89PNG")
    for ticket in ("", "a text of one's own", "\0", told["ticket"][:-1]):
        drawn = await api.running.http.get("/cgi-bin/showqrcode", params={"ticket": ticket})
        assert drawn.json()["errcode"] == 40053
    once = (await api.ok(path, offer(is_unique_code=True)))["ticket"]
    await api.ok("/v1/claims", {"ticket": once, "openid": "oB"})
    await api.fails(40053, "/v1/claims", {"ticket": once, "openid": "oC"})
    ended = (await api.ok(path, offer()))["ticket"]
    with api.running.engine.begin() as connection:
        here = t.offer.c.ticket == ended
        connection.execute(update(t.offer).where(here).values(ends_s=now() - 1))
    await api.fails(40053, "/v1/claims", {"ticket": ended, "openid": "oB"})
    drawn = await api.running.http.get("/cgi-bin/showqrcode", params={"ticket": ended})
    assert drawn.json()["errcode"] == 40053
    for body, errcode in (
        ({}, 40053), ({"action_name": "QR_CARD"}, 40053), (offer(card_id=None), 40053),
        (offer(card_id="p404"), 40073), (offer() | {"expire_seconds": 59}, 40053),
        (offer() | {"expire_seconds": 1801}, 40053), (offer() | {"action_name": "QR"}, 40053),
    ):  # fmt: skip
        await api.fails(errcode, path, body)
    custom = await api.create(use_custom_code=True)
    await api.fails(41013, path, offer(card_id=custom))
    mine = (await api.ok(path, offer(card_id=custom, code="MINE")))["ticket"]
    assert (await api.ok("/v1/claims", {"ticket": mine, "openid": "oB"}))["code"] == "MINE"
    personal = await api.create(bind_openid=True)
    await api.fails(41009, path, offer(card_id=personal))
    few = await api.create(sku={"quantity": 1})
    await api.claim(few)
    await api.fails(45031, path, offer(card_id=few, is_unique_code=True))
    both = {"action_name": "QR_MULTIPLE_CARD", "action_info": {"multiple_card": {"card_list": [
        {"card_id": card_id}, {"card_id": personal, "openid": "oC"}]}}}  # fmt: skip
    many = (await api.ok(path, both))["ticket"]
    assert len((await api.ok("/v1/claims", {"ticket": many, "openid": "oC"}))["codes"]) == 2


@pytest.mark.examples(2)
@pytest.mark.parametrize("where", ["", "card", "action_info", "multiple_card", "card_list"])
async def test_an_offer_ends_wherever_that_is_said(api: Api, where: str) -> None:
    """Older pages say ``expire_seconds`` of the card; of several the shortest; 0 says nothing."""
    card_id = await api.create()

    async def life(seconds: Any, name: str, **top: Any) -> int:
        ends = {"expire_seconds": seconds}
        card = {"card_id": card_id, "code": "", **(ends if where in ("card", "card_list") else {})}
        several = {"card_list": [{"card_id": card_id}, card]}
        several |= ends if where == "multiple_card" else {}
        info = {"card": card, "multiple_card": several}
        info |= ends if where == "action_info" else {}
        body = {"action_name": name, "action_info": info, **top}
        body |= ends if not where else {}
        answer = await api.post("/card/qrcode/create", body)
        return int(answer.get("expire_seconds", -answer["errcode"]))

    name = "QR_MULTIPLE_CARD" if where in ("multiple_card", "card_list") else "QR_CARD"
    assert await life(1800, name) == await life("1800", name) == 1800
    assert await life(0, name) == await life("", name) == 365 * DAY_S
    assert await life(59, name) == await life(1801, name) == -40053
    if where:
        assert await life(1800, name, expire_seconds=60) == 60
        assert await life(90, name, expire_seconds=1800) == 90


async def test_addresses_are_whole_and_where_the_server_is_reached(tmp_path: Path) -> None:
    """As whoever asks has reached it, or as the server was told; and they can be fetched."""
    async with card_api(tmp_path / "one") as api:
        card = {"card_id": await api.create()}
        offer = {"action_name": "QR_CARD", "action_info": {"card": card}}
        response = await api.running.http.post(
            "/card/qrcode/create", params={"access_token": api.token}, json=offer,
            headers={"Host": "gates.example.org:8470"},
        )  # fmt: skip
        url = response.json()["show_qrcode_url"]
        assert url.startswith("http://gates.example.org:8470/cgi-bin/showqrcode?ticket=")
        assert (await api.running.http.get(url)).content.startswith(b"\x89PNG")
    async with card_api(tmp_path / "two", url="https://gates.example.org/venue") as api:
        card["card_id"] = await api.create()
        url = (await api.ok("/card/qrcode/create", offer))["show_qrcode_url"]
        assert url.startswith("https://gates.example.org/venue/cgi-bin/showqrcode?ticket=")


async def test_tokens_live_and_end(api: Api) -> None:
    """A new token ends the old in five minutes; the stable one stays the same; secrets count."""
    http = api.running.http
    query = {"grant_type": "client_credential", "appid": api.appid, "secret": api.secret}

    async def ask_(path: str = "/cgi-bin/token", **other: Any) -> dict[str, Any]:
        if path.endswith("stable_token"):
            answer = await http.post(path, json=query | other)
        else:
            answer = await http.get(path, params=query | other)
        assert answer.status_code == 200
        told: dict[str, Any] = answer.json()
        return told

    told = await ask_()
    assert told["expires_in"] == 7200
    assert set(told) == {"access_token", "expires_in"}
    old, api.token = api.token, told["access_token"]
    assert (await api.post("/card/getcolors", {}, token=old))["errcode"] == 0
    stable = await ask_("/cgi-bin/stable_token")
    again = await ask_("/cgi-bin/stable_token")
    assert stable["access_token"] == again["access_token"]
    assert 300 <= again["expires_in"] <= 7200
    assert len(stable["access_token"]) <= 512
    forced = await ask_("/cgi-bin/stable_token", force_refresh=True)
    assert forced["access_token"] != stable["access_token"]
    dead = await api.post("/card/getcolors", {}, token=stable["access_token"])
    assert dead["errcode"] == 42001
    assert (await ask_("/cgi-bin/stable_token", force_refresh=True))["errcode"] == 45011
    assert (await api.post("/card/getcolors", {}))["errcode"] == 0
    wrong = {
        "grant_type": ("x", 40002), "appid": ("wx0", 40013), "secret": ("0" * 32, 40125),
    }  # fmt: skip
    for path in ("/cgi-bin/token", "/cgi-bin/stable_token"):
        for name, (value, errcode) in wrong.items():
            assert (await ask_(path, **{name: value}))["errcode"] == errcode
        assert (await ask_(path, appid=""))["errcode"] == 41002
        assert (await ask_(path, secret=""))["errcode"] == 41004
    assert (await http.post("/cgi-bin/token", json=query)).json()["errcode"] == 43001
    assert (await http.get("/cgi-bin/stable_token")).json()["errcode"] == 43002
    for token, errcode in (("", 41001), ("nobody", 40001), ("x" * 513, 40014)):
        assert (await api.post("/card/getcolors", {}, token=token))["errcode"] == errcode
    await api.set(addresses=["192.0.2.1"])
    assert (await ask_())["errcode"] == 40164


def test_the_life_of_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock: the overlap, the renewal before the end, the quotas of the day."""
    assert accounts.TOKENS_A_DAY == 2000
    monkeypatch.setattr(accounts, "TOKENS_A_DAY", 60)
    engine = open_central(f"sqlite:///{tmp_path}/c.db")
    start = 1_800_000_000_000
    with engine.begin() as connection:
        events.create_event(connection, "show", "", "UTC", 0)
        account_, secret = accounts.create(connection, "show", 0)
        said = {"grant_type": "client_credential", "appid": account_.appid, "secret": secret}

        def fresh(at_ms: int) -> str:
            return accounts.fresh_token(connection, said, "", at_ms).access_token

        def stable(at_ms: int, **more: Any) -> accounts.Grant:
            return accounts.stable_token(connection, said | more, "", at_ms)

        def works(token: str, at_ms: int) -> bool:
            try:
                return accounts.with_token(connection, token, at_ms) == account_
            except Refused as refused:
                return refused.code is not Errcode.TOKEN_EXPIRED

        first = fresh(start)
        assert works(first, start + 7_199_999)
        assert not works(first, start + 7_200_000)
        second = fresh(start + 1000)
        assert works(first, start + 300_999)
        assert not works(first, start + 301_000)
        assert works(second, start + 301_000)
        third = fresh(start + 200_000)
        assert not works(first, start + 301_000), "its end is not put off"
        assert works(second, start + 499_999)
        assert not works(second, start + 500_000)
        second = third
        one = stable(start)
        late = start + 6_900_000
        assert stable(late - 1).access_token == one.access_token
        assert stable(late - 1).expires_in == 300
        two = stable(late)
        assert two.access_token != one.access_token
        assert works(one.access_token, late + 299_999)
        assert works(second, late)
        forced = stable(late + 1, force_refresh=True)
        assert not works(two.access_token, late + 1)
        assert works(forced.access_token, late + 1)
        for call, count, code in (
            (fresh, accounts.TOKENS_A_DAY - 3, Errcode.DAILY_QUOTA),
            (lambda at: stable(at, force_refresh=True), accounts.FORCED_A_DAY - 1,
             Errcode.DAILY_QUOTA),
        ):  # fmt: skip
            for n in range(count):
                call(late + 60_000 * (n + 1) if code and call is not fresh else late)
            with pytest.raises(Refused) as told:
                call(late + 60_000 * (count + 1) if call is not fresh else late)
            assert told.value.code is code
        # A day ends at midnight in China, 16:00 UTC.
        midnight = (start // 86_400_000) * 86_400_000 + 16 * 3_600_000
        with pytest.raises(Refused):
            fresh(midnight - 1)
        fresh(midnight)
    engine.dispose()


async def test_the_edge(api: Api) -> None:
    """Wrong methods, bodies and addresses have their codes; unknown fields are passed over."""
    http = api.running.http
    assert (await http.get("/card/create")).json()["errcode"] == 43002
    await api.fails(44002, "/card/get", b"")
    await api.fails(44002, "/card/get", b"  ")
    await api.fails(47001, "/card/get", b"{,}")
    await api.fails(47001, "/card/get", b"[]")
    await api.fails(47001, "/card/get", b'"x"')
    await api.fails(47001, "/card/get", b"\xff\xfe")
    await api.fails(47001, "/card/get", b"[" * 100_000)
    for escaped in (rb'{"card_id": "\u4f1a"}', rb'{"card_id": "\\\u4f1a"}', rb'{"\u00e9": 1}'):
        await api.fails(47002, "/card/get", escaped)
    # A backslash before a "u", and control characters, which JSON cannot state otherwise.
    for plain in (rb'{"card_id": "\\u4f1a"}', rb'{"card_id": "\u000a"}'):
        await api.fails(40073, "/card/get", plain)
    await api.fails(45021, "/card/get", b" " * (2 * 1024 * 1024))
    large = await http.post("/card/get", content=b" " * (2 * 1024 * 1024),
                            params={"access_token": api.token})  # fmt: skip
    assert large.headers["connection"] == "close"
    await api.fails(40066, "/card/nothing/activate", {})
    await api.fails(40066, "/card/code/marks", {})
    await api.fails(41012, "/card/get", {"unheard_of": [1]})
    await api.fails(40073, "/card/get", {"card_id": ["x"]})
    await api.fails(45021, "/card/get", {"card_id": "p" * 33})
    colors = (await api.ok("/card/getcolors", {}))["colors"]
    assert {"name": "Color010", "value": "#63b359"} in colors
    got = await http.get("/card/getcolors", params={"access_token": api.token})
    assert got.json()["colors"] == colors


async def test_accounts_do_not_see_each_other(api: Api) -> None:
    """Cards and codes of one account are unknown to another, also in the same event."""
    other = await account(api.running)
    card_id = await api.create()
    code = await api.claim(card_id)
    await other.fails(40073, "/card/get", {"card_id": card_id})
    await other.fails(40073, "/card/update", {"card_id": card_id, "meeting_ticket": {}})
    for path in ("/card/code/get", "/card/code/consume", "/card/code/unavailable"):
        await other.fails(40056, path, {"code": code})
    assert (await other.ok("/card/user/getcardlist", {"openid": "oFan"}))["card_list"] == []
    assert (await other.ok("/card/batchget", {"offset": 0, "count": 9}))["total_num"] == 0


async def test_what_comes_with_a_request_is_as_long_as_it_may_be(api: Api) -> None:
    """Ids, reasons and what comes back in events: the limit is taken, one byte more is 45021."""
    card_id = await api.create(get_limit=99)
    items = [{"card_id": card_id, "count": 1}]
    order = {"order_id": "票" * 21 + "A", "openid": "oFan", "items": items}
    await api.ok("/v1/orders", order)

    async def another(path: str, body: dict[str, Any]) -> dict[str, Any]:
        return body | {"code": await api.claim(card_id)} if path.startswith("/card/code") else body

    for path, name, limit, body in (
        ("/v1/claims", "outer_str", 128, {"card_id": card_id, "openid": "oFan"}),
        ("/card/code/consume", "outer_str", 128, {}),
        ("/card/code/unavailable", "reason", 3072, {}),
        ("/v1/orders", "order_id", 64, order),
        ("/v1/orders", "outer_str", 128, order | {"order_id": "B"}),
        ("/v1/refunds", "reason", 3072, {"refund_id": "R", "order_id": "B"}),
        ("/v1/refunds", "refund_id", 64, {"order_id": order["order_id"]}),
    ):
        longest = "票" * (limit // 3) + "a" * (limit % 3)
        await api.fails(45021, path, await another(path, body | {name: longest + "a"}))
        await api.ok(path, await another(path, body | {name: longest}))
    card = {"card_id": card_id, "outer_str": "a" * 129}
    offer = {"action_name": "QR_CARD", "action_info": {"card": card}}
    await api.fails(45021, "/card/qrcode/create", offer)


async def test_a_card_belongs_to_an_event(api: Api) -> None:
    """To its account's, or to the one that it names; the account's can be changed."""
    await api.running.admin("POST", "/events", json={"id": "gala", "time_zone": "UTC"})
    body = meeting()
    body["card"]["event"] = "gala"
    await api.fails(40150, "/card/create", body)
    assert (await api.set(events=["gala", "none"])).status_code == 422
    assert (await api.set(events=["gala"])).json()["events"] == ["gala"]
    await api.claim(await api.create(body))
    assert (await api.set(event="gala")).status_code == 200
    await api.claim(await api.create())
    await api.fails(40150, "/card/create", meeting() | {"card": body["card"] | {"event": "no"}})
    assert (await api.set(event="none")).status_code == 422
    with reading(api.running.engine) as connection:
        assert counts.totals(connection, "gala") == {"types": 2, "tickets": 2}
        assert counts.totals(connection, "show") == {"types": 0, "tickets": 0}


@pytest.mark.parametrize("is_mutant", [False, True])
async def test_what_a_call_changes_is_told_at_once(
    api: Api, monkeypatch: pytest.MonkeyPatch, *, is_mutant: bool
) -> None:
    """Connected devices do not wait for the next look at the counters, as they would untold."""
    server = api.running.server
    monkeypatch.setattr("sync.server.tip_cache.GOOD_FOR_S", DAY_S)
    if is_mutant:
        monkeypatch.setattr(server, "publish_changes", lambda event: None)
    before = await server.tip_cache.cursor("show")
    await api.create()
    assert (await server.tip_cache.cursor("show") == before) is is_mutant


@pytest.mark.parametrize("is_mutant", [False, True])
async def test_a_call_wakes_the_streams_itself(
    api: Api, monkeypatch: pytest.MonkeyPatch, *, is_mutant: bool
) -> None:
    """What it changes is sent to connected devices though nobody looks at the counters."""
    monkeypatch.setattr("sync.server.stream.LOOK_EVERY_S", DAY_S)
    if is_mutant:
        monkeypatch.setattr(api.running.server, "publish_changes", lambda event: None)
    maker = Maker()
    await api.running.enrol(maker)
    async with stream(api.running, maker) as socket:
        before = after = (await socket.read()).head
        await api.create()
        with suppress(TimeoutError):
            async with asyncio.timeout(1 if is_mutant else 30):
                while after == before:
                    after = (await socket.read()).head or before
        assert (after != before) is not is_mutant


async def test_only_what_may_have_changed_is_told(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of calls that are done and write, of reviews, and of gifts that came back; of no other."""
    told: list[str] = []
    monkeypatch.setattr(api.running.server, "publish_changes", told.append)
    await api.running.admin("POST", "/events", json={"id": "gala", "time_zone": "UTC"})
    await api.set(events=["gala"], review="held")
    card_id = await api.create()
    assert sorted(told) == ["gala", "show"]
    told.clear()
    await api.ok("/card/get", {"card_id": card_id})
    await api.fails(40078, "/v1/claims", {"card_id": card_id, "openid": "oFan"})
    assert told == []
    await api.running.admin("POST", f"/cards/{card_id}/approve", content=b"{}")
    assert told == ["show"]
    code = await api.claim(card_id)
    await api.ok("/v1/gifts", {"code": code, "action": "start", "from": "oFan"})
    jobs = card_api_of(api.running.app).jobs
    told.clear()
    await jobs.end_gifts()
    assert told == []
    with api.running.engine.begin() as connection:
        connection.execute(update(t.issued_code).values(gift_ends_s=now()))
    await jobs.end_gifts()
    assert told == ["show"]

"""How often a ticket is good, by its row, its type's, its event: the same wherever it is asked."""

import io
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from gate.core.ticket import UNLIMITED
from gate.core.ticket_feed import Changes, Snapshot
from gate.storage.certificates import Membership, save_membership
from gate.storage.folder import Folder
from gate.storage.ticket_feed import TicketFeed
from gate.storage.tickets import Tickets
from sync.server import feed, ticket_store
from sync.server.database import reading
from tests.support.cardapi import account
from tests.support.central import Central, Maker, ask, central

SETTINGS = {"rules": {"use_limit": 3}, "types": {"pass": {"use_limit": "unlimited"}}}
LIMITS = {"gala": 3, "gala-own": 9, "once": 1, "once-own": 2, "pass": UNLIMITED, "pass-own": 1}


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    """A server with three types: one that says nothing, one that says once, one with a setting."""
    async with central(tmp_path / "server") as running:
        types: list[dict[str, Any]] = [
            {"id": id_, "kind": "meeting", "time_zone": "UTC"} for id_ in ("gala", "once", "pass")
        ]
        types[1]["use_limit"] = 1
        tickets: list[dict[str, Any]] = [
            {"code": id_, "id": id_, "type": id_.partition("-")[0]} for id_ in LIMITS
        ]
        for one in tickets:
            if one["id"].endswith("-own"):
                one["uses"] = LIMITS[one["id"]]
        rows = {"types": types, "tickets": tickets}
        issued = await running.admin("POST", "/events/show/tickets", json=rows)
        assert issued.status_code == 200, issued.text
        yield running


async def state(running: Central, settings: dict[str, Any]) -> None:
    done = await running.admin("PATCH", "/events/show", json={"settings": settings})
    assert done.status_code == 200, done.text


async def fetched(running: Central, maker: Maker, folder: Folder) -> TicketFeed:
    """The gate's feed, with the server's snapshot."""
    folder.create()
    snapshot = msgspec.convert((await running.get(maker, "/snapshot")).json(), Snapshot)
    packed = (await running.get(maker, f"/snapshot/{snapshot.name}")).content
    with reading(running.engine) as connection:
        authority = feed.authority_of(connection, "show").certificate
    save_membership(folder, Membership(folder.device_id(), "", authority))
    part = folder.path / "fetched.part"
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)) as reader:
        part.write_bytes(reader.read())
    gate_feed = TicketFeed(folder)
    gate_feed.install(part, snapshot)
    return gate_feed


def at_server(running: Central) -> dict[str, int]:
    with reading(running.engine) as connection:
        found = {id_: ticket_store.find_ticket(connection, "show", id_) for id_ in LIMITS}
    return {id_: ticket.use_limit for id_, ticket in found.items() if ticket}


def at_gate(tickets: Tickets) -> dict[str, int]:
    """By id, by code and in a row the same."""
    by_id = {id_: ticket.use_limit for id_ in LIMITS if (ticket := tickets.get(id_))}
    by_code = {id_: one.use_limit for id_ in LIMITS if (one := tickets.codes.match(id_).ticket)}
    assert by_id == by_code == {one.id: one.use_limit for one in tickets.every()}
    return by_id


async def test_gate_and_server_agree(running: Central, tmp_path: Path) -> None:
    """The ticket's row, its type's row, the type's setting, the event's: the first that says."""
    maker = Maker()
    await running.enrol(maker)
    await state(running, SETTINGS)
    folder = Folder(tmp_path / "gate")
    with closing(await fetched(running, maker, folder)), closing(Tickets(folder)) as tickets:
        assert at_server(running) == at_gate(tickets) == LIMITS


async def test_a_change_is_there_with_its_page(running: Central, tmp_path: Path) -> None:
    """An open replica goes by the settings of the very position it tells."""
    maker = Maker()
    await running.enrol(maker)
    folder = Folder(tmp_path / "gate")
    with closing(await fetched(running, maker, folder)) as own, closing(Tickets(folder)) as tickets:
        unsaid = LIMITS | {"gala": 1, "pass": 1}
        assert at_server(running) == at_gate(tickets) == unsaid
        await state(running, SETTINGS)
        page = await running.get(maker, f"/changes?cursor={own.cursor}")
        assert at_gate(tickets) == unsaid
        own.apply(msgspec.json.decode(page.content, type=Changes))
        assert at_server(running) == at_gate(tickets) == LIMITS
        await state(running, {"rules": {"use_limit": None}, "types": {"pass": None}})
        page = await running.get(maker, f"/changes?cursor={own.cursor}")
        own.apply(msgspec.json.decode(page.content, type=Changes))
        assert at_server(running) == at_gate(tickets) == unsaid


async def test_a_server_that_reads_rows_alone_is_noticed(
    running: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation beside the tests above."""
    await state(running, SETTINGS)
    monkeypatch.setattr(ticket_store, "type_as_stated", lambda body, _type, _settings: body)
    assert at_server(running) == LIMITS | {"gala": 1, "pass": 1}


async def test_what_is_a_conflict_follows_it(running: Central) -> None:
    """Two gates let one in on a ticket: too many if it is good once, not if twice."""
    for name in ("North", "South"):
        maker = Maker(name[0].encode().hex() * 8)
        await running.enrol(maker, name)
        await running.exchange(maker, ask([maker.make(ticket="gala")]))
    (clash,) = (await running.admin("GET", "/events/show/conflicts")).json()
    assert (clash["ticket"], clash["excess"]) == ("gala", 1)
    await state(running, {"types": {"gala": {"use_limit": 2}}})
    assert (await running.admin("GET", "/events/show/conflicts")).json() == []


async def test_the_card_api_goes_by_it(running: Central) -> None:
    """A code of a card that the event calls good twice is consumed by the second use."""
    api = await account(running)
    card = await api.create()
    code = await api.claim(card)
    await state(running, {"rules": {"use_limit": 3}, "types": {card: {"use_limit": 2}}})
    await api.ok("/card/code/consume", {"code": code})
    assert await api.status(code) == "NORMAL"
    await api.ok("/card/code/consume", {"code": code})
    assert await api.status(code) == "CONSUMED"
    await api.fails(40099, "/card/code/consume", {"code": code})


async def test_what_it_may_be(running: Central) -> None:
    """A number from 1, or unlimited; a gate's profile does not state it."""
    for wrong in ({"rules": {"use_limit": 0}}, {"types": {"gala": {"use_limit": "many"}}},
                  {"profiles": {"North": {"use_limit": 2}}}):  # fmt: skip
        done = await running.admin("PATCH", "/events/show", json={"settings": wrong})
        assert done.status_code == 422, done.text

"""Rotating codes at the server: keys made and kept, the text of now, and all let go of."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from gate.core.rotation import Shown
from gate.credential.rotating import Pattern, prove, read
from gate.storage.ticket_rows import bare_body
from sync.server import erasing, rotating
from sync.server import tables as t
from sync.server.database import in_transaction, reading
from tests.support.central import Central, central

LIVE = "{code}-{totp_timestamp_seconds}-{totp_value_0}"
KEY = "3132333435363738393031323334353637383930"
TYPES = [
    {"id": "LIVE", "kind": "meeting", "rotating": LIVE},
    {"id": "TWO", "kind": "meeting", "rotating": "{code}/{totp_value_0}/{totp_value_1}"},
    {"id": "PLAIN", "kind": "meeting"},
]


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    """A server with one event, and types that rotate."""
    async with central(tmp_path / "server") as running:
        await state(running, types=TYPES)
        yield running


async def state(running: Central, status: int = 200, **stated: Any) -> dict[str, Any]:
    answer = await running.admin("POST", "/events/show/tickets", json=stated)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def now(running: Central, ticket: str, status: int = 200) -> dict[str, Any]:
    answer = await running.admin("GET", f"/events/show/tickets/{ticket}/code")
    assert answer.status_code == status, answer.text
    assert status != 200 or answer.headers["Cache-Control"] == "no-store"
    told: dict[str, Any] = answer.json()
    return told


def held(running: Central) -> dict[str, tuple[str, str]]:
    with reading(running.engine) as connection:
        rows = connection.execute(select(t.rotating)).all()
    return {row.ticket: (row.code, row.secrets) for row in rows}


async def test_the_text_of_now_is_proved_by_the_stated_key(running: Central) -> None:
    """With the period it is good for, and the server's clock."""
    await state(running, tickets=[{"code": "C1", "type": "LIVE", "id": "c1", "rotating_keys": KEY}])
    told = await now(running, "c1")
    assert told["begin_ms"] <= told["now_ms"] < told["end_ms"] == told["begin_ms"] + 15_000
    pattern = Pattern(LIVE)
    parts = read(pattern, told["text"])
    assert parts is not None
    assert parts.code == "C1"
    found = prove(pattern, parts, [bytes.fromhex(KEY)], told["now_ms"])
    assert (found.shown, found.at_ms) == (Shown.MOVING, told["begin_ms"])


async def test_keys_that_nobody_states_are_made(running: Central) -> None:
    """Each ticket has its own, for each value one; stating the same again changes nothing."""
    rows = [
        {"code": "C1", "type": "TWO", "id": "c1"},
        {"code": "C2", "type": "TWO", "id": "c2"},
        {"code": "C3", "type": "PLAIN", "id": "c3"},
    ]
    await state(running, tickets=rows)
    made = held(running)
    assert set(made) == {"c1", "c2"}
    keys = [key for _code, secrets in made.values() for key in secrets.split("|")]
    assert len({*keys}) == 4
    again = await state(running, tickets=rows)
    assert (again["unchanged"], held(running)) == (3, made)
    assert (await now(running, "c1"))["text"].startswith("C1/")
    await now(running, "c3", 404)
    await now(running, "nobody", 404)


async def test_the_feed_has_no_key(running: Central) -> None:
    """What gates are told is sealed with the code, and the code is not told either."""
    await state(running, tickets=[{"code": "C1", "type": "LIVE", "id": "c1", "rotating_keys": KEY}])
    with reading(running.engine) as connection:
        bodies = list(connection.execute(select(t.change.c.body)).scalars())
    assert any("rotating_keys" in str(body) for body in bodies)
    assert not [body for body in bodies if KEY in str(body)]


async def test_a_changed_ticket_goes_on_rotating_until_it_is_void(running: Central) -> None:
    """A change keeps the keys; a refunded ticket shows nothing any more."""
    await state(running, tickets=[{"code": "C1", "type": "LIVE", "id": "c1"}])
    before = held(running)
    await state(running, changes=[{"id": "c1", "zone": "D"}])
    assert held(running) == before
    assert (await now(running, "c1"))["text"].startswith("C1-")
    await state(running, voids=[{"id": "c1"}])
    await now(running, "c1", 404)


async def test_a_ticket_of_another_type_rotates_no_more(running: Central) -> None:
    """Its secrets are let go of."""
    await state(running, tickets=[{"code": "C1", "type": "LIVE", "id": "c1"}])
    await state(running, tickets=[{"code": "C1", "type": "PLAIN", "id": "c1"}])
    assert held(running) == {}


async def test_who_is_erased_leaves_no_key(running: Central) -> None:
    """Neither in the table nor in the ticket's body."""
    await state(running, tickets=[{"code": "C1", "type": "LIVE", "id": "c1"}])
    assert in_transaction(running.engine, partial(erasing.erase, event="show", ids=["c1"])) == [
        "c1"
    ]
    with reading(running.engine) as connection:
        body = connection.execute(select(t.ticket.c.body)).scalar_one()
    assert held(running) == {}
    assert rotating.MARK not in body
    stated = msgspec.json.encode({"id": "c1", "type_id": "LIVE", "rotating_keys": ["00"]}).decode()
    assert rotating.MARK not in bare_body(stated)


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ({"type": "LIVE", "rotating_keys": "00"}, "rotating_keys: 10 to 64 bytes each"),
        ({"type": "LIVE", "rotating_keys": f"{KEY}|{KEY}"}, "found 2; its type wants 1"),
        ({"type": "PLAIN", "rotating_keys": KEY}, "found 1; its type wants 0"),
    ],
)
async def test_what_cannot_rotate_is_refused(
    running: Central, row: dict[str, Any], wrong: str
) -> None:
    """In words, and nothing is kept."""
    told = await state(running, 422, tickets=[{"code": "C1", "id": "c1", **row}])
    assert wrong in told["reason"]
    assert held(running) == {}


async def test_a_pattern_that_cannot_be_read_is_refused(running: Central) -> None:
    """With an example of one that can."""
    told = await state(running, 422, types=[{"id": "X", "kind": "meeting", "rotating": "{code}"}])
    assert LIVE in told["reason"]


async def test_a_list_says_what_rotates_as_rows_do(running: Central) -> None:
    """Keys that it states are kept, others are made; through all that a list passes."""
    rows = f"code,type,id,rotating_keys\nC1,LIVE,c1,{KEY}\nC2,LIVE,c2,\nC3,PLAIN,c3,\n"
    answer = await running.admin("POST", "/events/show/list", content=rows.encode())
    assert answer.status_code == 200, answer.text
    kept = held(running)
    assert kept["c1"] == ("C1", KEY)
    assert kept["c2"][0] == "C2"
    assert "c3" not in kept
    assert (await now(running, "c2"))["text"].startswith("C2-")
    before = kept
    await running.admin("POST", "/events/show/list", content=rows.encode())
    assert held(running) == before

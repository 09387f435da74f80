"""What came in on a signed code that was in no list becomes its ticket's once that is known."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from gate.core.entry import Act, Entry
from gate.core.signed_ticket import Scheme, Signed
from gate.credential import code_hash
from gate.storage.signing_keys import SigningKey
from sync.server import conflicts, counts, feed, journals, signing, ticket_store
from sync.server.database import in_transaction, reading
from sync.server.unseen import UnseenCodes, adopt, waiting
from tests.support.central import Central, Maker, ask, central
from tests.support.signing import event_key, pretix_code
from tests.support.venue import NOW_MS

CODE = pretix_code()


class Late:
    """A server that believes a key of pretix's, and a gate that scanned a code of it."""

    def __init__(self, running: Central) -> None:
        self.running, self.gate = running, Maker()
        with reading(running.engine) as connection:
            self.hash = code_hash(ticket_store.key_of(connection, "show"), CODE).hex()

    async def did(self, act: Act, **more: Any) -> Entry:
        signed = Signed(self.hash, "2", uses=1, party=1)
        about: dict[str, Any] = {"ticket": self.hash, "ticket_type": "2", "signed": signed}
        made = self.gate.make(act, **about | more)
        await self.running.exchange(self.gate, ask([made]))
        return self.facts(self.hash)[-1]

    async def sold(self) -> None:
        row = {"code": CODE, "id": "p1", "type": "2"}
        done = await self.running.admin("POST", "/events/show/tickets", json={"tickets": [row]})
        assert done.status_code == 200, done.text

    async def look(self) -> None:
        await UnseenCodes(self.running.server).look()

    def facts(self, ticket: str) -> list[Entry]:
        with reading(self.running.engine) as connection:
            found = journals.facts_of(connection, "show", ticket)
        return sorted(found, key=lambda one: one.hlc)

    def used(self, ticket: str) -> int:
        with reading(self.running.engine) as connection:
            return journals.history(connection, "show", ticket).used


@pytest.fixture
async def late(tmp_path: Path) -> AsyncIterator[Late]:
    async with central(tmp_path / "server") as running:
        rows = {"types": [{"id": "2", "kind": "meeting", "time_zone": "UTC"}]}
        assert (await running.admin("POST", "/events/show/tickets", json=rows)).status_code == 200
        here = Late(running)
        in_transaction(running.engine, _believe)
        await running.enrol(here.gate)
        yield here


def _believe(connection: Connection) -> None:
    key = SigningKey(event_key(2, Scheme.PRETIX))
    signing.state_keys(connection, "show", feed.lock(connection, "show"), [key])


async def test_it_becomes_the_tickets_as_soon_as_that_is_known_and_once(late: Late) -> None:
    """With its time; on the code nothing stands any more, and nobody is counted twice."""
    await late.did(Act.ADMISSION)
    await late.look()
    assert (late.used(late.hash), late.facts("p1")) == (1, [])
    await late.sold()
    for _again in range(2):
        await late.look()
    (copy,) = late.facts("p1")
    assert (copy.act, copy.at_ms, copy.uses, copy.persons) == (Act.ADMISSION, NOW_MS + 1, 1, 1)
    assert (late.used("p1"), late.used(late.hash)) == (1, 0)
    with reading(late.running.engine) as connection:
        assert sum(c.admitted for c in _counts(connection)) == 1


def _counts(connection: Any) -> list[Any]:
    return list(counts.by_gate(connection, "show"))


async def test_a_second_green_before_the_list_came_is_a_conflict_of_the_ticket(late: Late) -> None:
    """What is on the code and what is on the ticket is one history."""
    await late.did(Act.ADMISSION)
    await late.sold()
    admission = late.gate.make(Act.ADMISSION, "p1", ticket_type="2")
    await late.running.exchange(late.gate, ask([admission]))
    await late.look()
    with reading(late.running.engine) as connection:
        clash = conflicts.conflict_of(connection, "show", "p1")
        assert clash is not None
        assert clash.excess == 1
        assert waiting(connection, "show") == [late.hash]


async def test_an_undo_of_the_one_undoes_the_other(late: Late) -> None:
    """Whether it comes before the ticket is known or after."""
    first = await late.did(Act.ADMISSION)
    await late.sold()
    await late.look()
    await late.did(Act.ANNULMENT, target=first.name)
    await late.look()
    assert late.used("p1") == 0
    second = await late.did(Act.ADMISSION, ordinal=1)
    await late.did(Act.ANNULMENT, target=second.name)
    await late.look()
    assert late.used("p1") == 0


@pytest.mark.long
async def test_mutation_without_it_the_ticket_lets_in_again(late: Late) -> None:
    """What it is for: the ticket's own history knows nothing of its code's."""
    await late.did(Act.ADMISSION)
    await late.sold()
    assert late.used("p1") == 0
    done = in_transaction(late.running.engine, lambda c: adopt(c, "show", late.hash, NOW_MS + 1000))
    assert (done, late.used("p1")) == (2, 1)

"""People who want to be forgotten, in every fifth history of the simulation that has a server.

The list of them is outside the server's database, so it outlives a restore; what the feed has told
of their tickets is kept here in a table of the database's own, for the truth of what is irregular.
"""

from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select, text

from gate.storage.ticket_rows import bare_body
from sync.server import persons, tables
from sync.server.database import in_transaction

if TYPE_CHECKING:
    from tests.system.simulation import World

EVENT = "show"
OFTEN = 0.06
TICKETS = 6
"""The first, which every backup has."""
_KEEP = "CREATE TABLE IF NOT EXISTS told AS SELECT * FROM change WHERE 0"


class Forgotten:
    """Some of the tickets' holders are erased, one now and then."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"forgotten {seed}")
        self._is_on = seed % 5 == 3 and seed % 3 != 2
        self.ids: set[str] = set()

    def may_happen(self, world: "World") -> None:
        """After a step: perhaps somebody asks, and perhaps the server dies over it."""
        if not self._is_on or self._random.random() >= OFTEN:
            return
        id_ = f"t{self._random.randrange(TICKETS)}"
        gate = self._random.choice(world.gates)
        dies = self._random.random() < 0.3
        world.counted["erase"] += 1
        world.try_with(
            lambda _gate: self._erase(world, id_), gate,
            dies_at=self._random.randint(0, 20) if dies else -1,
        )  # fmt: skip

    def _erase(self, world: "World", id_: str) -> None:
        def job(connection: Connection) -> None:
            _keep(connection, [id_])
            persons.erase(connection, EVENT, f"ticket:{id_}", world.root, ())

        in_transaction(world.engine, job)
        self.ids.add(id_)

    def after_restore(self, world: "World") -> None:
        """The server is back from an older database; it does not serve before this."""
        if not self._is_on:
            return

        def job(connection: Connection) -> None:
            # A server that died over it has written it down: it is done now.
            ids = [line.what for line in persons._read(world.root)]
            _keep(connection, ids)
            persons.erase_again(connection, world.root, ())

        in_transaction(world.engine, job)

    def check(self, world: "World") -> None:
        """Nothing is left of them, at the server or at any gate."""
        with world.engine.connect() as connection:
            t, c, k = tables.ticket.c, tables.change.c, tables.code.c
            for id_ in self.ids:
                body = connection.execute(select(t.body).where(t.id == id_)).scalar_one()
                assert body == bare_body(body), "the server knows whose it was"
                told = select(c.seq).where(c.ref == id_, c.kind == "ticket")
                assert not connection.execute(told).all(), "the server still tells of it"
                assert not connection.execute(select(k.hash).where(k.ticket == id_)).all()
        for gate in world.gates:
            assert gate.feed
            db = gate.feed.file.connection()
            assert db
            for id_ in self.ids:
                change = "SELECT 1 FROM change WHERE ref = ? AND kind = 'ticket'"
                assert not db.execute(change, (id_,)).fetchall(), f"{gate.name} still tells of it"


def all_told(connection: Connection) -> list[Any]:
    """Every change that the feed has ever told of, those included of which it tells no more."""
    connection.execute(text(_KEEP))
    now = connection.execute(tables.change.select()).all()
    before = connection.execute(text("SELECT * FROM told")).all()
    return sorted({row.seq: row for row in (*before, *now)}.values(), key=lambda row: row.seq)


def _keep(connection: Connection, ids: list[str]) -> None:
    connection.execute(text(_KEEP))
    for id_ in ids:
        of = {"id": id_}
        connection.execute(text("INSERT INTO told SELECT * FROM change WHERE ref = :id"), of)

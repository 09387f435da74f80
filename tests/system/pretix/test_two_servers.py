"""Two server processes of one PostgreSQL: one works on a link, the other when that is no more."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from sqlalchemy import Engine, create_engine, select

from gate.core.outcome import Outcome
from sync.server.database import reading
from sync.upstream import tables
from tests.conftest import needs
from tests.support import postgres
from tests.support.fake_pretix import FakePretix
from tests.system.network import free_port
from tests.system.pretix.paired import Gate, QuickServer, has_told_all, until

pytestmark = [
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.long,
    pytest.mark.timeout(300),
]
ORDERS = 6000


@pytest.fixture
def database() -> Iterator[str]:
    """An empty PostgreSQL."""
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    with postgres.postgres() as url:
        yield url


def seen_by(url: str) -> dict[str, Any]:
    """What a made-up pretix says of itself; nothing while it does not answer."""
    with suppress(httpx.HTTPError):
        found: dict[str, Any] = httpx.get(f"{url}/-/", trust_env=False).json()
        return found
    return {}


@pytest.fixture
def fake() -> Iterator[str]:
    """A made-up pretix with many orders."""
    port = free_port()
    command = [sys.executable, "-m", "tests.support.fake_pretix", str(port), str(ORDERS)]
    process = subprocess.Popen(command)
    url = f"http://127.0.0.1:{port}"
    until(lambda: bool(seen_by(url)), "the made-up pretix does not answer")
    yield url
    process.kill()
    process.wait()


class Stands(NamedTuple):
    """How the one link stands."""

    done: int
    is_complete: bool
    lease: str


def stands(engine: Engine) -> Stands:
    """It, as the database has it."""
    u = tables.upstream.c
    with reading(engine) as connection:
        row = connection.execute(select(u.done, u.is_complete, u.lease)).one()
    return Stands(int(row.done), bool(row.is_complete), str(row.lease))


def test_another_process_takes_over(database: str, fake: str, tmp_path: Path) -> None:
    """Killed in the first pull, and again before it has told: nothing is lost or told twice."""
    one = QuickServer(tmp_path / "server", "--database", database)
    engine = create_engine(database)
    two = None
    gates = []
    try:
        code = {"handshake_version": 1, "url": fake, "token": "x"}
        one.event = one.pair("gala.Main", json.dumps(code))
        until(lambda: stands(engine).done > 500, "the first does not work")
        two = QuickServer(tmp_path / "server", "--database", database)
        two.event = one.event
        at = stands(engine)
        one.kill()
        assert at.done < ORDERS, "it was done before it was killed"
        until(lambda: stands(engine).lease not in ("", at.lease), "nobody takes over")
        until(lambda: stands(engine).is_complete, lambda: stands(engine), 180)
        assert stands(engine).done == ORDERS
        # A page begins with the last order of the one before; few are asked for a second time.
        assert seen_by(fake)["pages"] < ORDERS // 49 * 1.5

        one.start()
        gates = [Gate(tmp_path / name, at_, name) for name, at_ in (("north", one), ("south", two))]
        pretix = FakePretix(ORDERS)
        orders = [pretix.order(n, is_whole=False) for n in range(200)]
        paid = [one["positions"][0] for one in orders if one["status"] == "p"]
        codes = [one["secret"] for one in paid if one["variation"]]
        for n, secret in enumerate(codes[:6]):
            assert gates[n % 2].scan(secret) is Outcome.ADMIT
        until(lambda: len(seen_by(fake)["told"]) == 6, lambda: seen_by(fake))
        # Not between the answer and the word that it came: then it would be told again.
        until(lambda: has_told_all(engine, one.event), "what was told is not settled")
        holder = stands(engine).lease
        two.kill()
        for secret in codes[6:9]:
            assert gates[0].scan(secret) is Outcome.ADMIT
        until(lambda: len(seen_by(fake)["told"]) == 9, lambda: seen_by(fake))
        assert stands(engine).lease != holder
        assert set(seen_by(fake)["told"].values()) == {1}
    finally:
        for gate in gates:
            gate.close()
        one.close()
        if two is not None:
            two.close()
        engine.dispose()

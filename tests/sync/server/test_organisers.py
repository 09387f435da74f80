"""The organiser's tokens by event and right, and the log of who did what."""

import csv
import hashlib
import io
import re
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from starlette.requests import HTTPConnection

from sync.server import audit, organisers
from sync.server import tables as t
from sync.server.audit import Actor
from sync.server.database import in_transaction, open_database, reading
from sync.server.devices import hash_of
from sync.server.organiser_requests import Needs
from sync.server.organisers import Right
from tests.conftest import needs
from tests.support import postgres
from tests.support.cardapi import account
from tests.support.central import TABLES, Central, Maker, ask, central
from tests.support.programs import run
from tests.support.venue import NOW_MS
from tests.sync.server.test_serve import make_events
from tests.sync.server.test_server_security import ORGANISER, filled

NAME, CODE = "Annabelle Quill", "QUILLCODE1"
ROWS: dict[str, Any] = {
    "types": [{"id": "A", "kind": "meeting"}],
    "tickets": [{"code": CODE, "type": "A", "id": "q-1", "holder": NAME}],
}


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    """A server with two events, one with a ticket of somebody's."""
    async with central(
        tmp_path / "server", runs_jobs=False, address_per_s=1e6, address_burst=1e6
    ) as made:
        other = {"id": "other", "time_zone": "UTC"}
        assert (await made.admin("POST", "/events", json=other)).status_code == 201
        issued = await made.admin("POST", "/events/show/tickets", json=ROWS)
        assert issued.status_code == 200
        yield made


async def token(running: Central, *rights: Right, event: str = "show", **more: Any) -> str:
    """A token with those rights."""
    asked = {"name": "Box office", "rights": rights, "event": event, **more}
    made = await running.admin("POST", "/organisers", json=asked)
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


async def by(running: Central, token: str, method: str, path: str, **more: Any) -> Any:
    """Ask with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    return await running.http.request(method, path, headers=headers, **more)


def routes(running: Central) -> list[tuple[str, str, Right]]:
    """Every route of the organiser's that there is, and the right it names."""
    found = []
    for route in running.app.routes:
        path = getattr(route, "path", "")
        if path.startswith(ORGANISER):
            needing = getattr(route.endpoint, "__self__", None)  # type: ignore[attr-defined]
            assert isinstance(needing, Needs), path
            methods = sorted(route.methods - {"HEAD"})  # type: ignore[attr-defined]
            found += [(method, path, needing.right) for method in methods]
    return found


async def rows(running: Central, **query: str) -> list[dict[str, Any]]:
    answer = await running.admin("GET", "/audit", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


class TestRights:
    """A token opens what it says, and nothing else."""

    async def test_every_route_with_every_right(self, running: Central) -> None:
        """Of all routes each opens to the right it names, and to none of the others."""
        table = routes(running)
        assert len(table) > 25
        assert {right for _m, _p, right in table} == set(Right)
        for right in Right:
            secret = await token(running, right, event="")
            for method, path, needed in table:
                answer = await by(running, secret, method, filled(path), content=b"{}")
                told = (answer.status_code, path, right)
                if right is needed:
                    assert answer.status_code not in (401, 403), told
                else:
                    assert answer.status_code == 403, told
                    assert answer.json()["error"] == "not_allowed"

    async def test_counts_see_no_name(self, running: Central) -> None:
        """Whoever may read counts reads no name and no code, whatever they ask for."""
        await running.enrol(maker := Maker())
        admission = maker.make(ticket="q-1", operator="Kim Operator")
        await running.exchange(maker, ask([admission], [maker.head()]))
        secret = await token(running, Right.COUNTS)
        opened = 0
        for method, path, needed in routes(running):
            answer = await by(running, secret, method, filled(path), content=b"{}")
            opened += needed is Right.COUNTS
            for text in (NAME, CODE, "Kim Operator"):
                assert text not in answer.text, path
        assert opened > 3

    async def test_one_event_cannot_touch_another(self, running: Central) -> None:
        """On no route whatsoever: neither is it told of the other nor changes it."""
        secret = await token(running, *Right, event="other")
        await account(running)
        before = [running.count(table) for table in TABLES]
        for method, path, _right in routes(running):
            answer = await by(running, secret, method, filled(path), json={
                "id": "show", "time_zone": "UTC", "event": "show", "name": "x",
                "rights": ["counts"]})  # fmt: skip
            if "{event}" in path:
                assert (answer.status_code, answer.json()["error"]) == (403, "other_event"), path
            assert "show" not in answer.text, path
        after = [running.count(table) for table in TABLES]
        grown = {table.name: b - a for table, a, b in
                 zip(TABLES, before, after, strict=True) if a != b}  # fmt: skip
        # But for the row that it was used at all.
        assert grown == {"audit": 1}
        listed = (await by(running, secret, "GET", "/v1/events")).json()
        assert [one["id"] for one in listed] == ["other"]

    async def test_nobody_gives_what_they_lack(self, running: Central) -> None:
        """No token makes, rolls or ends one that may do more than itself, or elsewhere."""
        secret = await token(running, Right.ADMINISTER, Right.COUNTS)
        for asked in ({"rights": ["names"], "event": "show"}, {"rights": ["counts"], "event": ""},
                      {"rights": ["counts"], "event": "other"}):  # fmt: skip
            answer = await by(running, secret, "POST", "/v1/organisers", json={"name": "x"} | asked)
            assert answer.status_code == 403, asked
        asked = {"name": "x", "event": "show", "rights": ["counts"]}
        made = await by(running, secret, "POST", "/v1/organisers", json=asked)
        assert made.status_code == 201
        await token(running, Right.NAMES)
        listed = (await running.admin("GET", "/organisers")).json()
        (beyond,) = [one["id"] for one in listed if "names" in one["rights"]]
        for act in ("roll", "end"):
            answer = await by(running, secret, "POST", f"/v1/organisers/{beyond}/{act}")
            assert (answer.status_code, answer.json()["error"]) == (404, "no_token")


class TestLife:
    """A token's end, and its successor."""

    async def test_it_ends(self, running: Central) -> None:
        """By itself at its time, and by a word at once; only its hash was kept."""
        secret = await token(running, Right.COUNTS)
        assert (await by(running, secret, "GET", "/v1/events")).status_code == 200
        assert secret.encode() not in (running.folder / "central.db").read_bytes()
        with running.engine.begin() as connection:
            connection.execute(update(t.organiser).values(ends_ms=int(time.time() * 1000) - 1))
        answer = await by(running, secret, "GET", "/v1/events")
        assert (answer.status_code, answer.json()["error"]) == (401, "expired_token")
        other = await token(running, Right.COUNTS)
        (line,) = (await running.admin("GET", "/organisers")).json()
        assert "token" not in line
        await running.admin("POST", f"/organisers/{line['id']}/end")
        assert (await by(running, other, "GET", "/v1/events")).status_code == 401
        assert (await running.admin("POST", f"/organisers/{line['id']}/end")).status_code == 404

    async def test_it_is_rolled_without_a_gap(self, running: Central) -> None:
        """The new one is good at once, the old one for a day beside it, or until it is ended."""
        old = await token(running, Right.COUNTS, Right.TICKETS, lifetime_s=7 * 86_400)
        (line,) = (await running.admin("GET", "/organisers")).json()
        made = (await running.admin("POST", f"/organisers/{line['id']}/roll")).json()
        assert (made["rights"], made["event"], made["name"]) == (
            line["rights"], "show", "Box office")  # fmt: skip
        assert made["ends_ms"] - made["made_ms"] == 7 * 86_400_000
        for secret in (old, made["token"]):
            assert (await by(running, secret, "GET", "/v1/events")).status_code == 200
        left = {
            one["id"]: one["ends_ms"] for one in (await running.admin("GET", "/organisers")).json()
        }
        assert 0 <= left[line["id"]] - made["made_ms"] <= organisers.OVERLAP_S * 1000
        await running.admin("POST", f"/organisers/{line['id']}/end")
        assert (await by(running, old, "GET", "/v1/events")).status_code == 401
        assert (await by(running, made["token"], "GET", "/v1/events")).status_code == 200

    @pytest.mark.parametrize(
        "asked",
        [{"rights": []}, {"rights": ["all"]}, {"rights": ["counts"], "name": "a\nb"},
         {"rights": ["counts"], "event": "none"}, {"rights": ["counts"], "lifetime_s": 1}],
    )  # fmt: skip
    async def test_what_is_none(self, running: Central, asked: dict[str, Any]) -> None:
        """A token without a right, with one that is none, for no event or no time is refused."""
        answer = await running.admin("POST", "/organisers", json={"name": "x"} | asked)
        assert answer.status_code in (404, 422)
        assert running.count(t.organiser) == 0


class TestAudit:
    """Who did what."""

    async def test_everything_is_written_down(self, running: Central) -> None:
        """By whom, from where, about what; and no name, code or secret among it."""
        await running.enrol(maker := Maker())
        event, device = "/events/show", f"/events/show/devices/{maker.device}"
        links = (await running.admin("POST", f"{event}/tokens", json={"name": "South"})).json()
        await running.admin("POST", f"{event}/tokens/South/withdraw")
        await running.admin("POST", f"{device}/retire")
        await running.admin("POST", f"{device}/retire")
        await running.admin("POST", f"{device}/unretire")
        await running.admin("POST", f"{event}/tickets", json={"voids": [{"id": "q-1"}]})
        await running.admin("PATCH", event, json={"ends": "2099-01-01"})
        await running.admin("POST", f"{event}/persons/export", json={"who": f"code:{CODE}"})
        await running.admin("POST", f"{event}/persons/erase", json={"who": f"code:{CODE}"})
        await running.admin("POST", f"{device}/revoke")
        secret = await token(running, Right.COUNTS)
        await by(running, secret, "GET", "/v1/events")
        await by(running, secret, "GET", "/v1/events")
        found = await rows(running)
        acts = [row["act"] for row in found]
        for once in ("retire", "unretire", "void", "settings", "export", "erase", "revoke",
                     "withdraw", "enrol"):  # fmt: skip
            assert acts.count(once) == 1, (once, acts)
        assert acts.count("token used") == 2, "the server's own, and the new one"
        assert acts.count("event made") == 2
        by_act = {row["act"]: row for row in found}
        assert by_act["revoke"]["about"] == maker.device
        assert "q-1" in by_act["void"]["about"]
        assert (by_act["erase"]["who"], by_act["erase"]["about"]) == ("admin", "q-1")
        assert by_act["erase"]["address"]
        assert by_act["enrol"]["who"] == maker.device
        for text in (NAME, CODE, secret, links["token"], running.credentials[maker.device]):
            assert text not in str(found)
        of_show = await rows(running, event="show")
        assert {row["event"] for row in of_show} == {"show"}

    async def test_a_backends_voids_are_there(self, running: Central) -> None:
        """What an account of the card API voids is told with the account's id."""
        api = await account(running)
        code = await api.claim(await api.create(), "oFan")
        await api.ok("/card/code/unavailable", {"code": code, "reason": "refund"})
        (row,) = [row for row in await rows(running) if row["act"] == "void"]
        assert (row["who"], row["event"]) == (api.appid, "show")
        assert code not in str(row)

    async def test_what_was_refused_is_not(self, running: Central) -> None:
        """A row and what it tells of are one transaction: neither without the other."""
        before = await rows(running)
        bad = {"tickets": [{"code": "X", "type": "none"}], "voids": [{"id": "nobody"}]}
        assert (await running.admin("POST", "/events/show/tickets", json=bad)).status_code == 422
        assert (await running.admin("POST", "/events/show/devices/x/revoke")).status_code == 404
        assert await rows(running) == before

    async def test_failed_sign_ins_are_folded(self, running: Central) -> None:
        """A flood of wrong tokens is a row with its number, not a row each."""
        for _n in range(50):
            await by(running, "wrong", "GET", "/v1/events")
        await running.server.callers.failed.keep(running.server.access, every_s=0)
        await running.server.callers.failed.keep(running.server.access, every_s=0)
        found = [row for row in await rows(running) if row["act"] == "sign-in failed"]
        assert [row["about"] for row in found] == ["50 times"]

    async def test_many_addresses_share_a_row(self, running: Central) -> None:
        """However many addresses a flood has, so many rows and no more are written."""
        for n in range(500):
            scope = {"type": "http", "headers": [], "client": (f"10.0.{n // 250}.{n % 250}", 1)}
            running.server.callers._count_failure(scope_request(scope))
        await running.server.callers.failed.keep(running.server.access, every_s=0)
        found = [row for row in await rows(running) if row["act"] == "sign-in failed"]
        assert len(found) <= 21
        assert sum(int(row["about"].split()[0]) for row in found) == 500

    async def test_use_is_told_once_an_hour(
        self, running: Central, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And again after that."""
        secret = await token(running, Right.COUNTS)
        for _n in range(3):
            await by(running, secret, "GET", "/v1/events")
        monkeypatch.setattr("sync.server.callers.USED_EVERY_MS", 0)
        await by(running, secret, "GET", "/v1/events")
        found = [r for r in await rows(running) if "Box office" in r["who"]]
        assert [row["act"] for row in found] == ["token used"] * 2

    async def test_a_table_has_no_formula(self, running: Central) -> None:
        """A name that a spreadsheet would take for a formula stays text."""
        await running.admin("POST", "/organisers", json={
            "name": "=cmd|' /C calc'!A1", "rights": ["administer"], "event": ""})  # fmt: skip
        made = (await running.admin("GET", "/organisers")).json()[0]
        with running.engine.begin() as connection:
            audit.note(connection, Actor("=1+1", "+1"), "x", 1, about="@SUM(A1)")
        table = (await running.admin("GET", "/audit?format=csv")).text
        parsed = list(csv.reader(io.StringIO(table)))
        assert parsed[0] == list(audit.COLUMNS)
        assert not [cell for row in parsed for cell in row if cell[:1] in tuple("=+-@")]
        assert any(made["id"] in cell for row in parsed for cell in row)

    async def test_pages(self, running: Central) -> None:
        """After a row come the next."""
        first = await rows(running)
        assert await rows(running, after=str(first[0]["seq"])) == first[1:]
        for bad in ("-1", "x", "9" * 40):
            assert (await running.admin("GET", f"/audit?after={bad}")).status_code == 422


def scope_request(scope: dict[str, Any]) -> Any:
    return HTTPConnection(scope)


@pytest.fixture(scope="module")
def pg_url() -> Iterator[str]:
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    with postgres.postgres() as url:
        yield url


class TestChain:
    """Rows are added, and nothing else can be done to them unseen."""

    @pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
    def engine(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
        """A database with some rows."""
        url = f"sqlite:///{tmp_path}/central.db"
        if request.param == "postgresql":
            url = request.getfixturevalue("pg_url")
        engine = open_database(url)
        with engine.begin() as connection:
            connection.execute(delete(t.audit))
            connection.execute(update(t.meta).where(t.meta.c.key == "audit").values(value="0:"))
            for n in range(5):
                audit.note(connection, Actor("a"), "act", NOW_MS + n, event="show", about=str(n))
        yield engine
        engine.dispose()

    def test_it_holds(self, engine: Any) -> None:
        """As it was written."""
        with reading(engine) as connection:
            assert list(audit.findings(connection)) == []
            assert audit.tip(connection).startswith("5:")
            assert [row.about for row, _hash in audit.rows(connection)] == list("01234")

    @pytest.mark.parametrize(
        ("meddle", "found"),
        [
            (lambda c: c.execute(update(t.audit).where(t.audit.c.seq == 3).values(
                body=t.audit.c.body + " ")), ["row 3 was altered"]),
            (lambda c: c.execute(delete(t.audit).where(t.audit.c.seq == 3)),
             ["row 3 is missing"]),
            (lambda c: c.execute(delete(t.audit).where(t.audit.c.seq == 5)),
             ["from row 5 on the log was cut off"]),
            (lambda c: c.execute(update(t.audit).where(t.audit.c.seq == 2).values(event="x")),
             ["row 2 does not go on from the one before"]),
            (lambda c: rewrite(c, 2), ["row 3 does not go on from the one before"]),
        ],
        ids=["altered", "taken out", "cut off", "moved to an event", "made up anew"],
    )  # fmt: skip
    def test_what_was_done_to_it_is_seen(self, engine: Any, meddle: Any, found: list[str]) -> None:
        """Whatever it is, and where."""
        in_transaction(engine, meddle)
        with reading(engine) as connection:
            assert list(audit.findings(connection)) == found

    def test_two_write_at_once(self, engine: Any) -> None:
        """Each row has its own number, and the chain holds."""

        def write(n: int) -> None:
            in_transaction(engine, lambda c: audit.note(c, Actor("a"), "x", n))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(24)))
        with reading(engine) as connection:
            assert list(audit.findings(connection)) == []
            assert audit.tip(connection).startswith("29:")


def rewrite(connection: Any, seq: int) -> None:
    """What somebody with the database in their hands might do: a row of their own, well hashed."""
    body = connection.execute(select(t.audit.c.body).where(t.audit.c.seq == seq)).scalar_one()
    body = body.replace('"act":"act"', '"act":"nothing"')
    hashed = hashlib.sha256(body.encode()).hexdigest()
    connection.execute(update(t.audit).where(t.audit.c.seq == seq).values(body=body, hash=hashed))


class TestCommands:
    """The same at the server's machine, as a real process."""

    def test_a_token_from_its_making_to_its_end(self, tmp_path: Path) -> None:
        """Made, rolled, ended, and all of it in the log, which is written out and checked."""
        make_events(tmp_path / "s", "gala")
        where = ("--server-dir", str(tmp_path / "s"))

        def gate(*arguments: str, code: int = 0) -> str:
            ran = run("serve", *arguments, *where, timeout=60)
            assert ran.returncode == code, ran.stderr
            assert "Traceback" not in ran.stderr
            return ran.stdout

        made = gate("--new-organiser", "Box office", "--rights", "counts,tickets",
                    "--event", "gala", "--for-days", "7")  # fmt: skip
        found = re.search(r"^([0-9a-f]{12}) .* gala  counts,tickets  Box office$", made, re.M)
        assert found, made
        secret = made.split()[-1]
        engine = open_database(f"sqlite:///{tmp_path / 's' / 'central.db'}")
        with reading(engine) as connection:
            kept = organisers.with_token(connection, hash_of(secret))
        assert kept is not None
        assert kept.rights == {Right.COUNTS, Right.TICKETS}
        rolled = gate("--roll-organiser", found[1])
        assert len(gate("--organisers").splitlines()) == 2
        gate("--end-organiser", found[1])
        assert gate("--organisers").split()[0] == rolled.split()[0]
        gate("--audit", str(tmp_path / "audit.csv"))
        acts = [
            row["act"] for row in csv.DictReader((tmp_path / "audit.csv").read_text().splitlines())
        ]
        assert acts == ["token made", "token rolled", "token ended"]
        for wrong in (("--audit", str(tmp_path / "audit.csv")), ("--end-organiser", found[1]),
                      ("--new-organiser", "x", "--rights", "all"),
                      ("--erase-person", "nobody")):  # fmt: skip
            gate(*wrong, code=2)
        with engine.begin() as connection:
            connection.execute(update(t.audit).where(t.audit.c.seq == 2).values(event="x"))
        engine.dispose()
        gate("--audit", "-", code=1)

"""Ready replicas: built from one moment, packed, checked, fetched in parts, reused while good."""

import asyncio
import hashlib
import io
import json
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from sqlalchemy import Engine

from gate.core.ticket_feed import Snapshot
from gate.storage import snapshot_cache
from gate.storage.certificates import Membership, save_membership
from gate.storage.checksums import read_meta
from gate.storage.folder import Folder
from gate.storage.ticket_feed import TicketFeed
from gate.storage.ticket_filling import MemberRow
from gate.storage.tickets import Tickets
from sync.server import events, feed, issuing, snapshot
from sync.server import tables as t
from sync.server.database import in_transaction
from tests.support.central import Central, Maker, central
from tests.support.venue import TICKETS, TYPES


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    """A server with the tickets of ``tests.support.venue``."""
    async with central(tmp_path / "server") as running:
        rows = {"types": TYPES, "tickets": TICKETS}
        issued = await running.admin("POST", "/events/show/tickets", json=rows)
        assert issued.status_code == 200, issued.text
        yield running


@pytest.fixture
async def maker(running: Central) -> Maker:
    """An enrolled device."""
    maker = Maker()
    await running.enrol(maker)
    return maker


def unpacked(packed: bytes) -> bytes:
    """The file as it will be used."""
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)) as reader:
        return reader.read()


async def issue(running: Central, first: int, count: int) -> None:
    """So many more tickets."""
    rows = [{"code": f"M{n}", "type": "SHOW", "id": f"m{n}"} for n in range(first, first + count)]
    issued = await running.admin("POST", "/events/show/tickets", json={"tickets": rows})
    assert issued.status_code == 200, issued.text


async def test_the_gate_opens_it(running: Central, maker: Maker, tmp_path: Path) -> None:
    """What is fetched is what was announced, and the gate's own code finds the tickets in it."""
    told = (await running.get(maker, "/snapshot")).json()
    packed = await running.get(maker, f"/snapshot/{told['name']}")
    assert len(packed.content) == told["packed_bytes"]
    content = unpacked(packed.content)
    assert (len(content), hashlib.sha256(content).hexdigest()) == (told["bytes"], told["sha256"])
    folder = Folder(tmp_path / "gate")
    folder.create()
    with running.engine.connect() as connection:
        authority = feed.authority_of(connection, "show").certificate
    save_membership(folder, Membership(folder.device_id(), "", authority))
    part = folder.path / "fetched.part"
    part.write_bytes(content)
    gate_feed = TicketFeed(folder)
    gate_feed.install(part, msgspec.convert(told, Snapshot))
    assert gate_feed.cursor == told["cursor"]
    assert gate_feed.members() == {
        maker.device: MemberRow(maker.device, "North", maker.public, "enrolled")
    }
    gate_feed.close()
    with closing(Tickets(folder)) as replica:
        replica.refresh()
        found = replica.codes.match("VOID1").ticket
        assert found is not None
        assert (found.id, found.status_note) == ("void-1", "refund")
        moved = replica.codes.match("OLD1").ticket
        assert moved is not None
        assert moved.code_state == "transferred" or moved.code_state == "replaced"
        assert [ticket.id for ticket in replica.search("angstrom")] == ["named-1"]
        assert sum(line.tickets for line in replica.census()) == len(TICKETS)


async def test_the_feed_goes_on_from_it(running: Central, maker: Maker) -> None:
    """Its cursor names the moment it shows: the feed has exactly what came after."""
    told = (await running.get(maker, "/snapshot")).json()
    await issue(running, 0, 3)
    page = (await running.get(maker, f"/changes?cursor={told['cursor']}")).json()
    assert [change["ref"] for change in page["changes"]] == ["m0", "m1", "m2"]


async def test_only_the_devices_schema_is_in_it(running: Central, maker: Maker) -> None:
    """It is a SQLite file in WAL mode with the gate's tables, without a word of the server's."""
    told = (await running.get(maker, "/snapshot")).json()
    content = unpacked((await running.get(maker, f"/snapshot/{told['name']}")).content)
    assert content[18:20] == b"\x02\x02"
    path = running.folder / "looked-at.db"
    path.write_bytes(content)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        assert {"meta", "ticket_type", "ticket", "code", "census"} <= tables
        assert not {"device", "token", "entry", "stream"} & tables
        assert set(read_meta(db)) >= {"key", "epoch", "seq", "cursor"}
        # A gate makes its own, by the folding of its own program.
        assert db.execute("SELECT count(*) FROM search").fetchone() == (0,)
        assert "search" not in read_meta(db)
    assert running.credentials[maker.device].encode() not in content


async def test_it_is_fetched_in_parts(running: Central, maker: Maker) -> None:
    """A download that was cut goes on where it ended; a range beyond the end says so."""
    told = (await running.get(maker, "/snapshot")).json()
    path = f"/snapshot/{told['name']}"
    whole = (await running.get(maker, path)).content
    rest = await running.get(maker, path, Range="bytes=100-")
    assert (rest.status_code, rest.content) == (206, whole[100:])
    assert rest.headers["content-range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    same = {"If-Range": f'"{told["sha256"]}"', "Range": "bytes=100-"}
    assert (await running.get(maker, path, **same)).content == whole[100:]
    another = {"If-Range": f'"{"0" * 64}"', "Range": "bytes=100-"}
    assert (await running.get(maker, path, **another)).content == whole
    some = await running.get(maker, path, Range="bytes=10-19")
    assert (some.status_code, some.content) == (206, whole[10:20])
    late = await running.get(maker, path, Range=f"bytes={len(whole)}-")
    assert (late.status_code, late.json()["error"]) == (416, "range")
    for odd in ("bytes=5-2", "bytes=0-1,3-4", "pages=1-", "bytes=-5", "bytes=x-"):
        answer = await running.get(maker, path, Range=odd)
        assert (answer.status_code, answer.content) == (200, whole)


@pytest.mark.examples(2)
@pytest.mark.parametrize(
    "name",
    ["nothing.db", "tickets-aa-1.db", "..%2fcentral.db", "tickets-aa-1.db.json", "%00", "tickets"],
)
async def test_no_other_file_is_given(running: Central, maker: Maker, name: str) -> None:
    """Only names of snapshots are looked for; anything else is 404 with a reason."""
    answer = await running.get(maker, f"/snapshot/{name}")
    assert answer.status_code == 404
    assert answer.json()["error"] in ("no_snapshot", "not_found")


async def test_it_is_reused_while_it_is_good(
    running: Central, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same file serves until too much has changed; then the two newest stay."""
    monkeypatch.setattr(snapshot_cache, "LATE_CHANGES", 10)
    names = []
    for n in range(4):
        names.append((await running.get(maker, "/snapshot")).json()["name"])
        await issue(running, n * 100, 5)
        assert (await running.get(maker, "/snapshot")).json()["name"] == names[-1]
        await issue(running, n * 100 + 50, 6)
    assert len(set(names)) == 4
    kept = {path.name for path in (running.folder / "snapshots" / "show").glob("*.zst")}
    assert kept == {f"{name}.zst" for name in names[-2:]}


async def test_a_new_epoch_makes_a_new_one(running: Central, maker: Maker) -> None:
    """After the server was restored, no snapshot of its other life is given out."""
    before = (await running.get(maker, "/snapshot")).json()
    in_transaction(running.engine, events.new_epochs)
    running.server.tip_cache.forget("show")
    after = (await running.get(maker, "/snapshot")).json()
    assert before["name"] != after["name"]
    assert before["cursor"].split(":")[0] != after["cursor"].split(":")[0]


async def test_none_of_a_life_that_was_lost_is_given(running: Central, maker: Maker) -> None:
    """After a backup was restored the numbers come again: a file from before leads nowhere."""
    before = (await running.get(maker, "/snapshot")).json()
    with running.engine.begin() as connection:
        connection.execute(t.change.update().values(id="abcdef"))
    running.server.tip_cache.forget("show")
    after = (await running.get(maker, "/snapshot")).json()
    assert after["cursor"].endswith(":abcdef")
    assert before["cursor"].rpartition(":")[0] == after["cursor"].rpartition(":")[0]


async def test_it_is_built_once_for_all_who_wait(
    running: Central, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many who ask at once get the same file, built once."""
    built: list[str] = []
    real = snapshot.build

    def counted(engine: Engine, event: str, directory: Path) -> Any:
        built.append(event)
        return real(engine, event, directory)

    monkeypatch.setattr(snapshot, "build", counted)
    answers = await asyncio.gather(*(running.get(maker, "/snapshot") for _n in range(8)))
    assert {answer.json()["sha256"] for answer in answers} == {answers[0].json()["sha256"]}
    assert built == ["show"]


async def test_whoever_asks_early_is_told_to_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a long build runs the answer is 202 with a reason; afterwards the snapshot is there."""
    go_on = threading.Event()
    real = snapshot.build

    def slow(engine: Engine, event: str, directory: Path) -> Any:
        assert go_on.wait(10)
        return real(engine, event, directory)

    monkeypatch.setattr(snapshot, "build", slow)
    async with central(tmp_path / "server", snapshot_wait_s=0.01) as running:
        await running.enrol(maker := Maker())
        answer = await running.get(maker, "/snapshot")
        assert (answer.status_code, answer.json()["error"]) == (202, "building")
        assert int(answer.headers["retry-after"]) > 0
        go_on.set()
        for _n in range(500):
            answer = await running.get(maker, "/snapshot")
            if answer.status_code == 200:
                break
            await asyncio.sleep(0.01)
        assert answer.json()["name"].startswith("tickets-")


async def test_a_build_shows_one_moment(running: Central) -> None:
    """Tickets that are issued while it is built are not in it, nor in its cursor."""
    before = in_transaction(running.engine, lambda c: feed.cursor_of(c, "show"))
    late = issuing.Issue(tickets=[{"code": "LATE", "type": "SHOW", "id": "zz-late"}])

    def meddle(_done: int, _total: int) -> None:
        if not meddled:
            meddled.append(in_transaction(running.engine, lambda c: issuing.issue(c, "show", late)))

    meddled: list[object] = []
    monkey = pytest.MonkeyPatch()
    monkey.setattr(snapshot, "_STEP", 5)
    directory = running.folder / "apart"
    try:
        built = await asyncio.to_thread(snapshot.build, running.engine, "show", directory, meddle)
    finally:
        monkey.undo()
    assert meddled
    assert built.cursor == before
    content = unpacked((directory / f"{built.name}.zst").read_bytes())
    assert b"zz-late" not in content
    assert json.loads((directory / f"{built.name}.json").read_bytes())["tickets"] == len(TICKETS)
    assert not list(directory.glob("*.part*"))


async def test_a_damaged_side_file_is_built_again(running: Central, maker: Maker) -> None:
    """A snapshot whose description cannot be read, or whose file is gone, is none."""
    told = (await running.get(maker, "/snapshot")).json()
    directory = running.folder / "snapshots" / "show"
    (directory / f"{told['name']}.json").write_text("{")
    assert (await running.get(maker, "/snapshot")).json()["name"] == told["name"]
    (directory / f"{told['name']}.zst").unlink()
    assert (await running.get(maker, "/snapshot")).status_code == 200
    assert (directory / f"{told['name']}.zst").exists()

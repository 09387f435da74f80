"""Files that rot, vanish or are replaced under a running gate: it mends itself, and tells on."""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import pytest

from gate.errors import StoreError
from gate.storage import damage
from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica
from tests.sync.cardapi.test_end_to_end import GateProcess
from tests.system.network import Server, until

LET_IN = {"ADMIT", "ATTENTION"}
TICKETS = 3000
HOW = ("flip", "cut", "delete", "replace", "pointer")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "server")
    server.issue(TICKETS)
    yield server
    server.close()


@pytest.fixture
def gate(tmp_path: Path, server: Server) -> Iterator[GateProcess]:
    gate = GateProcess(tmp_path / "north", server, "North")
    gate.start()
    yield gate
    gate.close()


def spoil(path: Path, how: str, near: bytes = b"") -> None:
    """Do to a file what disks and people do."""
    if how == "delete":
        path.unlink()
    elif how == "replace":
        copy = path.with_name("copy")
        shutil.copy(path, copy)
        os.replace(copy, path)
    elif how == "cut":
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 4096 // 2 * 4096)
    else:
        with path.open("r+b") as file:
            content = file.read()
            at = content.index(near)
            while at >= 0:
                file.seek(at)
                file.write(bytes([content[at] ^ 0x10]))
                at = content.find(near, at + 1)


def checkpoint(path: Path) -> None:
    """Have what is in the log in the file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def answer(gate: GateProcess, code: str, bound_s: float = 30.0) -> str:
    """Scan a code until it is answered: what was in view just now is not at once."""
    assert gate.process is not None
    assert gate.process.stdin is not None
    before, until_s = len(gate.verdicts()), time.monotonic() + bound_s
    while len(gate.verdicts()) == before:
        assert time.monotonic() < until_s
        gate.process.stdin.write(f"{code}\n")
        gate.process.stdin.flush()
        again_s = time.monotonic() + 0.6
        while len(gate.verdicts()) == before and time.monotonic() < again_s:
            time.sleep(0.01)
    return gate.verdicts()[before]


def admitted(gate: GateProcess, code: str) -> set[str]:
    """Scan a code until it is let in; what was answered on the way."""
    said: set[str] = set()
    while not said & LET_IN:
        assert len(said) < 3, said
        said.add(answer(gate, code))
    return said - LET_IN


def heard(gate: GateProcess) -> set[tuple[str, int, str]]:
    """What is in its peer store, as long as that can be read."""
    with suppress(sqlite3.DatabaseError):
        return gate.heard()
    return set()


@pytest.mark.long
def test_spoiled_tickets_are_fetched_again(gate: GateProcess, server: Server) -> None:
    """Nobody is called unknown meanwhile, every green is told, and the file is another one."""
    folder, let_in = gate.folder, 0
    for n, how in enumerate(HOW):
        live = live_replica(folder)
        if how == "pointer":
            folder.pointer.write_text("tickets-none-1.db\n")
        else:
            spoil(live, how, f'"t{100 + n}"'.encode())
        # What the lane has in memory is sound: it meets the damage where it has not read yet.
        for guest in range(100 + n, TICKETS, TICKETS // 7):
            assert admitted(gate, f"C{guest:06d}") <= {"HOLD"}, how
            let_in += 1
            if is_replaced(folder, live.name):
                break
        until(lambda name=live.name: is_replaced(folder, name))  # type: ignore[misc]
    until(lambda: gate.own() <= _held(server))
    assert len([word for word in gate.verdicts() if word in LET_IN]) == let_in


@pytest.mark.long
def test_a_spoiled_peer_store_is_told_again(gate: GateProcess, server: Server) -> None:
    """Whatever became of the file: another one is there, with everything, and greens go on."""
    folder = gate.folder
    other = GateProcess(folder.path.parent / "south", server, "South")
    other.start()
    try:
        for n, how in enumerate(("flip", "cut", "delete", "replace")):
            assert not admitted(other, f"C{n:06d}")
            until(lambda: other.own() <= heard(gate))
            path = folder.peers
            if how == "flip":
                checkpoint(path)
            spoil(path, how, b'"act"')
            # Whoever reads it first finds it: the lane, or the worker that takes in one more.
            assert not admitted(other, f"C{n + 10:06d}")
            said = answer(gate, f"C{n:06d}")
            if how != "flip":  # a page that is written anew before it is read is sound again
                until(lambda path=path: folder.peers != path)  # type: ignore[misc]
            until(lambda: other.own() <= heard(gate))
            assert said in ("REFUSE", "HOLD"), how
            assert answer(gate, f"C{n + 10:06d}") == "REFUSE", how
            assert not admitted(gate, f"C{n + 20:06d}")
        until(lambda: gate.own() <= _held(server))
    finally:
        other.close()


@pytest.mark.long
def test_a_spoiled_journal_goes_on_and_loses_nothing(gate: GateProcess, server: Server) -> None:
    """One scan holds, a new file has what was whole, and every green is told; none comes twice."""
    folder = gate.folder
    for n, how in enumerate(("delete", "replace", "cut", "flip")):
        assert not admitted(gate, f"C{n:06d}")
        path = folder.journal
        if how == "flip":
            # Of what was told already, so that only the lane itself misses it.
            until(lambda: gate.own() <= _held(server))
            checkpoint(path)
        spoil(path, how, f'"ticket":"t{n}"'.encode())
        said = admitted(gate, f"C{n + 10:06d}")
        assert said <= {"HOLD"}, how
        until(lambda path=path: folder.journal != path)  # type: ignore[misc]
        assert not admitted(gate, f"C{n + 20:06d}"), how
        until(lambda: gate.own() <= _held(server))
        assert answer(gate, f"C{n:06d}") in ("REFUSE", "RESCAN"), how
    until(lambda: len(admissions(server)) == 12)
    assert len([word for word in gate.verdicts() if word in LET_IN]) == 12


def admissions(server: Server) -> set[str]:
    with closing(sqlite3.connect(f"file:{server.folder}/central.db?mode=ro", uri=True)) as db:
        bodies = [msgspec.json.decode(body) for (body,) in db.execute("SELECT body FROM entry")]
    return {body["ticket"] for body in bodies if body["act"] == "admission"}


def is_replaced(folder: Folder, name: str) -> bool:
    return live_replica_name(folder) not in ("", name) and not damage.unmended(folder, "tickets")


def live_replica_name(folder: Folder) -> str:
    try:
        return live_replica(folder).name
    except StoreError:
        return ""


def _held(server: Server) -> set[tuple[str, int, str]]:
    return {(o, s, h.hex() if isinstance(h, bytes) else h) for o, s, h in server.entries()}

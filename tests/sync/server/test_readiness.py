"""``/readyz``: whether the server can take in what devices bring."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event

from gate.storage.room import RESERVED_BYTES
from sync.server import readiness
from tests.support.central import Central, central
from tests.system.network import Server, until


async def ready(running: Central) -> tuple[int, str]:
    answer = await running.http.get("/readyz")
    return answer.status_code, answer.json().get("reason", "")


@pytest.fixture(autouse=True)
def _look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "KEPT_S", 0.0)


async def test_a_full_disk_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a byte less than is reserved; with that, it is."""
    usage = shutil.disk_usage(tmp_path)

    def disk(usage: object, _folder: Path) -> object:
        return usage

    async with central(tmp_path / "server") as running:
        for free, status in ((RESERVED_BYTES - 1, 503), (RESERVED_BYTES, 200)):
            monkeypatch.setattr(shutil, "disk_usage", partial(disk, usage._replace(free=free)))
            assert (await ready(running))[0] == status


async def test_a_database_that_cannot_be_written_is_not_ready(tmp_path: Path) -> None:
    """Though it can be read."""
    async with central(tmp_path / "server") as running:
        assert await ready(running) == (200, "")

        @event.listens_for(running.engine, "begin")
        def deny(connection: object) -> None:
            connection.exec_driver_sql("PRAGMA query_only = ON")  # type: ignore[attr-defined]

        status, why = await ready(running)
        assert (status, why) == (503, "The server's database cannot be written.")
        event.remove(running.engine, "begin", deny)


async def test_one_that_does_not_answer_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it without end."""
    monkeypatch.setattr(readiness, "ANSWER_S", 0.05)
    async with central(tmp_path / "server") as running:
        with running.engine.begin():
            assert (await ready(running))[0] == 503


async def test_whoever_asks_often_costs_no_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked by anybody."""
    monkeypatch.setattr(readiness, "KEPT_S", 60.0)
    written: list[object] = []
    real = readiness._write_anything
    monkeypatch.setattr(readiness, "_write_anything", lambda c: written.append(real(c)))
    async with central(tmp_path / "server") as running:
        for _n in range(50):
            assert (await ready(running))[0] == 200
    assert len(written) == 1


@contextmanager
def small_disk(at: Path, size: int) -> Iterator[None]:
    at.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={size}", "gate", str(at)]
    if os.geteuid() != 0 or subprocess.run(mounted, check=False, capture_output=True).returncode:
        pytest.skip("a file system of its own cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


@pytest.mark.long
def test_a_disk_that_fills_up_is_told_of(tmp_path: Path) -> None:
    """A real one, under a server at work: not ready while it is full, and ready again after."""
    with small_disk(tmp_path / "disk", RESERVED_BYTES + 8_000_000):
        server = Server(tmp_path / "disk" / "server")

        def status() -> int:
            return httpx.get(f"{server.url}/readyz", timeout=10, trust_env=False).status_code

        try:
            filling = tmp_path / "disk" / "filling"
            filling.write_bytes(bytes(8_000_000))
            until(lambda: status() == 503)
            filling.unlink()
            until(lambda: status() == 200)
        finally:
            server.close()

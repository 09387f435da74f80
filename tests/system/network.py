"""A server and gates as real processes on loopback, with a bad network in between."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx

from gate.cli.enrol_device import enrol_device
from gate.cli.sync_report import as_json, status
from gate.clock import SystemClock
from gate.core.place import HouseRules, Place
from gate.lane.lane import Lane
from gate.storage.enrolment_link import link_to
from gate.storage.folder import Folder
from tests.support.programs import Program, run

GATE = [sys.executable, "-m", "gate"]
EVENT = "default"
_PORTS_HELD = 100
_held: deque[int] = deque()
"""Sockets at the ports that were chosen last."""


def until(holds: Callable[[], bool], bound_s: float = 60.0) -> float:
    """Wait for something to hold; the answer is how long that took."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() < started + bound_s, "waited for too long"
        time.sleep(0.02)
    return time.monotonic() - started


def free_port() -> int:
    """One to listen at. Until then, and while what listens there is down, nobody else is given it.

    A socket that is bound to it and does not listen keeps it from whoever takes any port, and is in
    the way of nobody who asks for this one.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        _held.append(probe.detach())
    if len(_held) > _PORTS_HELD:
        os.close(_held.popleft())
    return port


class Server:
    """``gate serve`` as a process that may be killed and started again."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder, self.arguments = folder, arguments
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: Program | None = None
        self.start()

    def start(self) -> None:
        self.process = Program(
            "serve", "--server-dir", str(self.folder), "--listen", f"127.0.0.1:{self.port}",
            "--time-zone", "Asia/Shanghai", *self.arguments,
        )  # fmt: skip
        until(self._answers)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the server ended"
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False).is_success
        return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(15)

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        token = (self.folder / "admin.token").read_text().strip()
        response = httpx.request(
            method,
            f"{self.url}/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
        )
        assert response.is_success, response.text
        return response.json()

    def issue(self, count: int, *, first: int = 0) -> None:
        """Tickets with the codes C000000 and up."""
        self.admin("POST", f"/events/{EVENT}/tickets",
                   {"types": [{"id": "A", "kind": "meeting", "title": "Gala"}]})  # fmt: skip
        for begin in range(first, first + count, 2500):
            rows = [
                {"code": f"C{n:06d}", "type": "A", "id": f"t{n}"}
                for n in range(begin, min(begin + 2500, first + count))
            ]
            self.admin("POST", f"/events/{EVENT}/tickets", {"tickets": rows})

    def link(self, name: str, url: str = "") -> str:
        token = self.admin("POST", f"/events/{EVENT}/tokens", {"name": name})["token"]
        return link_to(url or self.url, token, "")

    def entries(self) -> list[tuple[str, int, str]]:
        """What the server holds, from its file."""
        with closing(sqlite3.connect(f"file:{self.folder}/central.db?mode=ro", uri=True)) as db:
            return db.execute("SELECT origin, seq, hash FROM entry").fetchall()


class Device:
    """An enrolled folder: the lane in this process, the sync worker in its own."""

    def __init__(self, path: Path, server: Server, name: str, url: str = "") -> None:
        self.folder = Folder(path)
        self.name = name
        enrol_device(self.folder, server.link(name, url), again=False)
        self.worker: Program | None = None
        self.lane: Lane | None = None

    def open(self) -> Lane:
        self.lane = Lane(self.folder, SystemClock(), Place(self.name), HouseRules(rescan_s=0))
        self.lane.open()
        return self.lane

    def shut(self) -> None:
        if self.lane is not None:
            self.lane.close()
            self.lane = None

    def start(self) -> None:
        self.worker = Program(
            "sync", "--data-dir", str(self.folder.path), "--set", "sync.poll_s=0.2"
        )

    def kill(self) -> None:
        assert self.worker is not None
        self.worker.kill()
        self.worker.wait()
        self.worker = None

    def close(self) -> None:
        self.shut()
        if self.worker is not None:
            self.worker.terminate()
            self.worker.wait(20)
            self.worker = None

    def once(self) -> subprocess.CompletedProcess[str]:
        """``gate sync --once``."""
        return run("sync", "--once", "--data-dir", str(self.folder.path), timeout=120)

    def status(self) -> dict[str, Any]:
        """What ``gate sync status --json`` tells."""
        told: dict[str, Any] = json.loads(as_json(status(self.folder)))
        return told

    def own(self) -> set[tuple[str, int, str]]:
        """What the device's journal holds, from its file."""
        return self._entries(self.folder.journal)

    def heard(self) -> set[tuple[str, int, str]]:
        return self._entries(self.folder.peers) if self.folder.peers.exists() else set()

    @staticmethod
    def _entries(path: Path) -> set[tuple[str, int, str]]:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT origin, seq, hash FROM entry").fetchall()
        return {(origin, seq, hash_.hex()) for origin, seq, hash_ in rows}

"""A venue of gates without a server, as real processes: one folder and one sync worker each."""

import json
import os
import sqlite3
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

from gate.clock import SystemClock
from gate.config import Config, load
from gate.core.entry import Entry
from gate.core.ticket import Status
from gate.core.verdict import Scan, Verdict
from gate.lane.lane import Lane
from gate.reports.ticket_import import import_files
from gate.storage import venue_host
from gate.storage.certificates import Authority, Membership, save_membership
from gate.storage.device_key import DeviceKey
from gate.storage.folder import Folder, write_durably
from gate.storage.journal_reader import JournalReader
from gate.storage.ticket_filling import MemberRow
from gate.storage.tickets import Tickets
from tests.support.programs import Program
from tests.support.venue import write_rows
from tests.system.network import free_port, until

VIPS = 20


class Member:
    """One gate of the venue."""

    def __init__(self, folder: Folder, name: str, port: int, *, host: str = "127.0.0.1") -> None:
        self.folder, self.name, self.port, self.host = folder, name, port, host
        self.process: Program | None = None
        self._lane: Lane | None = None

    @property
    def device(self) -> str:
        return self.folder.device_id()

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def config_file(self) -> Path:
        return self.folder.path / "config.toml"

    def configure(
        self,
        seeds: Sequence[str],
        *,
        announce: bool = False,
        heard_within_s: float = 10.0,
        more: str = "",
    ) -> None:
        """Write its configuration; ``more`` is put after it as it is."""
        said = ", ".join(f'"{seed}"' for seed in seeds)
        self.config_file.write_text(
            f'[gate]\nname = "{self.name}"\n[lan]\nport = {self.port}\naddress = "{self.host}"\n'
            f"gates = [{said}]\nannounce = {str(announce).lower()}\n[debounce]\nrescan_s = 0\n"
            f"[sync]\nheard_within_s = {heard_within_s}\n{more}"
        )

    def config(self) -> Config:
        return load(self.config_file, {}, [f"data_dir={self.folder.path}", "camera.device=off"])

    def start(self, network: str = "") -> None:
        """Start the worker; ``network`` is the namespace it is to be in."""
        self.process = Program(
            "sync", "--child", "--config", str(self.config_file), "--data-dir",
            str(self.folder.path), network=network,
        )  # fmt: skip

    def stop(self) -> None:
        if self.process is not None:
            self.process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def lane(self) -> Lane:
        if self._lane is None:
            config = self.config()
            self._lane = Lane(
                self.folder,
                SystemClock(),
                config.place(),
                config.house_rules(),
                heard_within_s=config.sync.heard_within_s,
            )
            self._lane.open()
        return self._lane

    def nudge(self) -> None:
        if self.process is not None:
            with suppress(OSError, ValueError):
                os.write(self.process.stdin.fileno(), b"\n")

    def scan(self, code: str) -> Verdict:
        verdict = self.lane().admit(Scan(code, "QRCode", "test", deliberate=True))
        self.nudge()
        return verdict

    def close_lane(self) -> None:
        if self._lane is not None:
            self._lane.close()
            self._lane = None
        self.nudge()

    def close(self) -> None:
        self.close_lane()
        self.stop()

    def told(self) -> dict[str, object]:
        with suppress(OSError, ValueError):
            return dict(json.loads(self.folder.sync_status.read_bytes()))
        return {}

    def entries(self) -> list[Entry]:
        """What it did, the oldest first."""
        reader = JournalReader(self.folder.journal)
        found = [entry for _row, entry in reader.page(limit=100_000)]
        reader.close()
        return found

    def status_of(self, ticket: str) -> Status | None:
        """How a ticket stands, by its list."""
        with closing(Tickets(self.folder)) as tickets:
            tickets.refresh()
            found = tickets.get(ticket)
            return found.status if found else None

    def connected(self) -> int:
        return int(str(self.told().get("connected_peers", 0)))

    def held(self) -> int:
        """How many entries of others it holds."""
        if not self.folder.peers.exists():
            return 0
        path = f"{self.folder.peers.resolve().as_uri()}?mode=ro"
        with (
            suppress(sqlite3.OperationalError),
            closing(sqlite3.connect(path, uri=True)) as db,
        ):
            return int(db.execute("SELECT count(*) FROM entry").fetchone()[0])
        return 0


class Venue:
    """Some gates that know each other's venue, and the same tickets."""

    def __init__(
        self, root: Path, count: int, tickets: int = 200, hosts: Mapping[int, str] | None = None
    ) -> None:
        self._root = root
        rows: list[dict[str, object]] = [
            {"code": f"C{n:06d}", "type": "SHOW", "id": f"t{n}"} for n in range(tickets)
        ]
        rows += [{"code": f"V{n:06d}", "type": "VIP", "id": f"v{n}"} for n in range(VIPS)]
        self.tickets = rows
        template = Folder(root / "g0")
        kept = venue_host.create(template, "Test", "G0", "Asia/Shanghai")
        self.authority = Authority.from_pem(kept.key, kept.authority)
        self.gates: list[Member] = []
        for n in range(count):
            host = (hosts or {}).get(n, "127.0.0.1")
            self.gates.append(self.add(root / f"g{n}", f"G{n}", host))
        self.import_tickets()
        for member in self.gates[1:]:
            _copy_tickets(template, member.folder)
        seed = self.gates[0].place
        for member in self.gates:
            member.configure([seed] if member is not self.gates[0] else [])

    def add(self, path: Path, name: str, host: str = "127.0.0.1") -> Member:
        folder = Folder(path)
        folder.create()
        key = DeviceKey(folder)
        certificate = self.authority.issue(folder.device_id(), key.public)
        kept = Membership(folder.device_id(), certificate, self.authority.certificate)
        save_membership(folder, kept)
        row = MemberRow(folder.device_id(), name, key.public, venue_host.ENROLLED)
        venue_host.publish(Folder(self._root / "g0"), row)
        return Member(folder, name, free_port() if host == "127.0.0.1" else 8471, host=host)

    def import_tickets(self) -> None:
        """Bring the tickets in at the host, as they are now."""
        types = [{"id": "SHOW", "kind": "MEETING_TICKET"}, {"id": "VIP", "kind": "MEETING_TICKET"}]
        files = [
            write_rows(self._root / "types.jsonl", types),
            write_rows(self._root / "tickets.jsonl", self.tickets),
        ]
        import_files(Folder(self._root / "g0"), files)

    def start(self, bound_s: float = 30.0) -> None:
        """Start every worker and wait until each hears all others."""
        for member in self.gates:
            member.start()
        self.wait_connected(bound_s)

    def wait_connected(self, bound_s: float = 30.0) -> float:
        others = len(self.gates) - 1
        return until(
            lambda: all(member.told() and member.connected() == others for member in self.gates),
            bound_s,
        )

    def all_know(self) -> bool:
        """Whether everybody holds everything that anybody did."""
        total = sum(len(member.entries()) for member in self.gates)
        return all(member.held() + len(member.entries()) == total for member in self.gates)

    def close(self) -> None:
        threads = [threading.Thread(target=member.close) for member in self.gates]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _copy_tickets(source: Folder, target: Folder) -> None:
    name = source.pointer.read_text().strip()
    (target.path / name).write_bytes((source.path / name).read_bytes())
    write_durably(target.pointer, (name + "\n").encode())

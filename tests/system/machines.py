"""The machines of a night: a server and gates, each with a host, a disk and a clock of its own."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gate.cli.enrol_device import enrol_device
from gate.core import entry_codec
from gate.core.entry import Act, Entry, device_of
from gate.storage.folder import Folder
from tests.system.hosts import Hosts

EVENT = "default"
PORT = 8470
DISK_MIB = 256
CLOCK = Path(__file__).with_name("clock")


def boot_ms() -> int:
    """The clock that every process of this machine shares, and no fault moves."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


@dataclass(frozen=True)
class Shown:
    """A verdict that a person saw."""

    at_ms: int
    """When it was read, by the boot clock: not before it was shown."""
    word: str
    ticket: str


class Disk:
    """A file system of its own, which can be full, read-only, or go back to what it once held."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none")
        self._filler = path / "filler"

    def fill(self) -> None:
        with suppress(OSError), self._filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65536))

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)

    def copy(self, name: str) -> Path:
        """Keep what is on it now, elsewhere."""
        kept = self.path.with_name(f"{self.path.name}-{name}")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.path, kept, symlinks=True)
        return kept

    def put_back(self, kept: Path) -> None:
        """Hold what was kept, and nothing else."""
        for found in self.path.iterdir():
            if found.is_dir():
                shutil.rmtree(found)
            else:
                found.unlink()
        shutil.copytree(kept, self.path, symlinks=True, dirs_exist_ok=True)

    def read_only(self, *, is_so: bool) -> None:
        """Only while nobody has a file of it open for writing."""
        self._mount("-o", f"remount,{'ro' if is_so else 'rw'}")

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.path)], check=False, capture_output=True)

    def _mount(self, *words: str) -> None:
        subprocess.run(["mount", *words, str(self.path)], check=True, capture_output=True)


class Machine:
    """What the server and a gate have in common: processes that may die, and are begun again."""

    def __init__(self, root: Path, name: str, hosts: Hosts, host: int) -> None:
        self.name, self.hosts, self.host = name, hosts, host
        self.disk = Disk(root / name)
        self.complaints = root / f"{name}.err"
        self.clock = root / f"{name}.clock"
        self.process: subprocess.Popen[bytes] | None = None
        self.may_run = True
        """Whether it is begun again when it has ended, as systemd would."""
        self.ended: list[int] = []
        """Exit codes of what ended without being killed."""
        self._began_s = 0.0

    def begin(self, command: Sequence[str]) -> None:
        environment = os.environ | {
            "PYTHONPATH": str(CLOCK), "GATE_TEST_CLOCK": str(self.clock), "GATE_LANGUAGE": "en",
        }  # fmt: skip
        self._let_go()
        with self.complaints.open("ab") as complaints:
            self.process = subprocess.Popen(
                [*self.hosts.at(self.host), sys.executable, "-m", "gate", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=environment,
                bufsize=0,
                start_new_session=True,
            )
        self._began_s = time.monotonic()

    def start(self) -> None:
        raise NotImplementedError

    def look_after(self) -> None:
        """Begin it again if it has ended, not more often than once a second."""
        if not self.may_run or time.monotonic() < self._began_s + 1:
            return
        if self.process is None or self.process.poll() is not None:
            if self.process is not None and self.process.returncode not in (None, -signal.SIGKILL):
                self.ended.append(self.process.returncode)
            self.start()

    def processes(self) -> list[int]:
        """Every program that has to do with its disk, also one whose parent is dead."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = (path / "cmdline").read_bytes().split(b"\0")
                is_alive = b") Z " not in (path / "stat").read_bytes()
                if b"gate" in command and is_alive and self._is_ours(command):
                    found.append(int(path.name))
        return found

    def _is_ours(self, command: list[bytes]) -> bool:
        # Not those that this very test has forked, which have its own command line.
        return any(word.startswith(f"{self.disk.path}/".encode()) for word in command)

    def signal(self, number: int, pids: Iterable[int] | None = None) -> None:
        for pid in self.processes() if pids is None else pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """As a power cut ends it."""
        while pids := self.processes():
            self.signal(signal.SIGKILL, pids)
            time.sleep(0.01)
        if self.process is not None:
            self.process.wait()
        self._let_go()

    def _let_go(self) -> None:
        """Close what it was typed at with; its lines are closed by whoever reads them."""
        if self.process is not None and self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()
        self.process = None

    def close(self) -> None:
        self.may_run = False
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.ended.append(-signal.SIGKILL)
        self.kill()


class Gate(Machine):
    """``gate scan --plain`` with its worker: codes are typed at it, and its lines are read."""

    def __init__(self, root: Path, name: str, hosts: Hosts, host: int) -> None:
        super().__init__(root, name, hosts, host)
        self.folder = Folder(self.disk.path / "data")
        self.config = root / f"{name}.toml"
        self.config.write_text(
            f'[gate]\nname = "{name}"\n[lan]\nport = 8471\naddress = "0.0.0.0"\nannounce = true\n'
            '[debounce]\nrescan_s = 0\n[camera]\ndevice = "off"\n[sync]\npoll_s = 1.0\n'
        )
        self.lines: list[str] = []
        self.shown: list[Shown] = []
        self.device = ""

    def enrol(self, link: str) -> None:
        self.hosts.do(self.host, lambda: enrol_device(self.folder, link, again=False))
        self.device = self.folder.device_id()

    def start(self) -> None:
        self.begin(["scan", "--plain", "--config", str(self.config),
                    "--data-dir", str(self.folder.path)])  # fmt: skip
        assert self.process is not None
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for raw in iter(process.stdout.readline, b""):
                at_ms, line = boot_ms(), raw.decode("utf-8", "replace").rstrip("\n")
                self.lines.append(line)
                words = line.split()
                if len(words) > 1 and words[0].count(":") == 2:
                    ticket = line[line.find("[") + 1 : line.find("]")] if "[" in line else ""
                    self.shown.append(Shown(at_ms, words[1], ticket))

    def type(self, code: str) -> None:
        process = self.process
        if process is not None and process.stdin is not None:
            with suppress(OSError):
                os.set_blocking(process.stdin.fileno(), False)
                os.write(process.stdin.fileno(), f"{code}\n".encode())

    def worker(self) -> list[int]:
        lane = self.process.pid if self.process is not None else 0
        return [pid for pid in self.processes() if pid != lane]

    def held(self) -> dict[str, Entry]:
        """Every entry that it holds, by its hash."""
        return {
            hash_: entry
            for path in (self.folder.journal, self.folder.peers)
            for hash_, entry in read_entries(path).items()
        }

    def cursor(self) -> str:
        """How far it has read the feed; empty when that cannot be read."""
        with suppress(OSError, sqlite3.Error):
            path = self.folder.path / self.folder.pointer.read_text().strip()
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
                row = db.execute("SELECT value FROM meta WHERE key = 'cursor'").fetchone()
                return str(row[0]) if row else ""
        return ""


class Server(Machine):
    """``gate serve``, with a certificate of its own."""

    def __init__(self, root: Path, hosts: Hosts, host: int, database: str = "") -> None:
        super().__init__(root, "server", hosts, host)
        self.folder = self.disk.path / "data"
        self.url = f"https://{hosts.address(host)}:{PORT}"
        self.database = database
        self._flags: list[str] = []

    def start(self) -> None:
        flags, self._flags = self._flags, []
        self.begin([*self._command(), "--listen", f"{self.hosts.address(self.host)}:{PORT}",
                    "--self-signed", *flags])  # fmt: skip
        assert self.process is not None
        threading.Thread(target=self._drain, args=(self.process,), daemon=True).start()

    def _command(self) -> list[str]:
        store = ["--database", self.database] if self.database else []
        return ["serve", "--server-dir", str(self.folder), "--time-zone", "Asia/Shanghai", *store]

    @staticmethod
    def _drain(process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for _line in iter(process.stdout.readline, b""):
                pass

    def restored(self) -> None:
        """Begin it next time as after a restored backup."""
        self._flags = ["--restored"]

    def is_ready(self) -> bool:
        def ask() -> bool:
            return httpx.get(
                f"{self.url}/readyz", timeout=2, trust_env=False, verify=False
            ).is_success

        with suppress(httpx.HTTPError):
            return self.hosts.do(self.host, ask)
        return False

    def admin(self, method: str, path: str, body: Any = None, timeout_s: float = 30) -> Any:
        """Ask something of the organiser's API. Raises httpx.HTTPError."""
        token = (self.folder / "admin.token").read_text().strip()

        def ask() -> httpx.Response:
            return httpx.request(
                method, f"{self.url}/v1/events/{EVENT}{path}", json=body, timeout=timeout_s,
                headers={"Authorization": f"Bearer {token}"}, trust_env=False,
                verify=False,
            )  # fmt: skip

        answer = self.hosts.do(self.host, ask)
        answer.raise_for_status()
        return answer.json()

    def link(self, name: str) -> str:
        """An invitation, as the technician gets it."""
        ran = subprocess.run(
            [sys.executable, "-m", "gate", *self._command(), "--new-token", name],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return next(line for line in ran.stdout.splitlines() if line.startswith("VENUEGATE:"))

    def held(self) -> dict[str, Entry]:
        """Every entry that it holds, by its hash."""
        if self.database:
            import sqlalchemy  # noqa: PLC0415  only where it is PostgreSQL

            engine = sqlalchemy.create_engine(self.database)
            with engine.connect() as connection:
                rows = connection.execute(sqlalchemy.text("SELECT hash, body FROM entry")).all()
            engine.dispose()
            return dict(_whole(rows))
        return read_entries(self.folder / "central.db")


def read_entries(path: Path) -> dict[str, Entry]:
    """The entries in a file, by hash; none where it is not there or cannot be read."""
    if not path.exists():
        return {}
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT hash, body FROM entry").fetchall()
        return dict(_whole(rows))
    return {}


def _whole(rows: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, Entry]]:
    """What is what was hashed: a file that a fault has just damaged has other rows too."""
    for hash_, body in rows:
        with suppress(TypeError, ValueError):
            content = body.encode() if isinstance(body, str) else bytes(body)
            digest = entry_codec.digest(content).hex()
            if digest == (hash_ if isinstance(hash_, str) else bytes(hash_).hex()):
                yield digest, entry_codec.decode(content)


def admissions(held: Iterable[Entry]) -> list[Entry]:
    """Those that stand."""
    known = list(held)
    annulled = {e.target for e in known if e.act is Act.ANNULMENT}
    return [e for e in known if e.act is Act.ADMISSION and e.name not in annulled]


def of_device(held: Iterable[Entry], device: str) -> list[Entry]:
    return [e for e in held if device_of(e.origin) == device]


def until(holds: Callable[[], bool], bound_s: float, what: str) -> float:
    """Wait for something; how long that took. Raises TimeoutError."""
    started = time.monotonic()
    while not holds():
        if time.monotonic() > started + bound_s:
            raise TimeoutError(what)
        time.sleep(0.1)
    return time.monotonic() - started

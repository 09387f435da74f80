"""A rehearsal: three lanes, a LAN and a server on this machine, with cables pulled on a script.

Everything is real but the distance: a server process, three sync workers, three lanes.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.text import Text

from gate import config_tables
from gate.cli.enrol_device import enrol_device
from gate.clock import SystemClock, read_wall_ms
from gate.core.coverage import Coverage
from gate.core.outcome import Basis, Outcome
from gate.core.place import HouseRules, Place
from gate.core.verdict import Scan, Verdict
from gate.errors import GateError, StoreError, UsageError
from gate.i18n import _
from gate.lane.lane import Lane
from gate.storage.certificates import load_membership
from gate.storage.conflicts import find_conflicts
from gate.storage.enrolment_link import link_to
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder
from gate.text.connectivity_words import BASIS_WORDS, basis_words
from gate.text.outcome_words import OUTCOME_WORDS
from gate.text.printable import printable
from gate.text.zones import machine_zone
from sync.server import events, issuing
from sync.server.database import open_database
from sync.server.enrolment import mint_token
from sync.transport.http_client import ServerClient
from sync.transport.listening import bind
from sync.worker.worker import Worker

EVENT = "default"
NAMES = ("North", "East", "South", "West", "Hall", "Yard", "Dock", "Roof")
HEARD_WITHIN_S = 4.0
PATIENCE_S = 90.0
LOOK_S = 0.002
_STYLES = {Outcome.ADMIT: "bold white on green4", Outcome.REFUSE: "bold white on red3"}


class Rehearsal:
    """What happens, told line by line."""

    def __init__(self, root: Path, count: int, console: Console | None = None) -> None:
        if count > len(NAMES):
            raise UsageError(_("a rehearsal has at most {n} gates").format(n=len(NAMES)), "")
        self._root = root
        self._console = console or Console(highlight=False)
        self._began_s = time.monotonic()
        self._server = _Server(root / "server")
        self._count = count
        self._gates: list[_Gate] = []

    def run(self) -> None:
        """Play it to its end. Raises StoreError when something does not come about in time."""
        with ExitStack() as stack:
            stack.callback(self._server.stop)
            self._note(_("a server and {n} gates start").format(n=self._count))
            names = NAMES[: self._count]
            links = self._server.make(40, names)
            self._server.start()
            for name, link in zip(names, links, strict=True):
                gate = _Gate(self._root / name, name, link, self._gates)
                self._gates.append(gate)
                stack.callback(gate.close)
            self._wait_for(Basis.CENTRAL, self._gates)
            self._play()

    def _play(self) -> None:
        first, second, last = self._gates[0], self._gates[1], self._gates[-1]
        self._twice(first, second, 0)
        self._headline(_("The internet is gone"))
        self._server.stop()
        self._wait_for(Basis.LAN, self._gates)
        self._twice(second, last, 1)
        self._headline(_("{gate}'s cable is pulled").format(gate=last.name))
        last.plug(is_in=False)
        self._wait_for(Basis.ALONE, [first, last])
        self._scan(first, 2)
        self._scan(last, 2)
        self._note(_("two guests with one ticket are inside: nobody could know"))
        self._headline(_("The cable is back"))
        last.plug(is_in=True)
        self._conflicts(2)
        self._wait_for(Basis.LAN, self._gates)
        self._twice(last, first, 3)
        self._headline(_("The internet is back"))
        self._server.start()
        self._wait_for(Basis.CENTRAL, self._gates, wake=True)
        waited = self._until(lambda: not any(gate.unacked() for gate in self._gates))
        self._note(_("the server holds everything after {n:.1f} s").format(n=waited))

    def _twice(self, one: "_Gate", other: "_Gate", ticket: int) -> None:
        """A ticket is used at one gate and refused at another as soon as it is known there."""
        self._scan(one, ticket)
        green = time.monotonic()
        self._until(lambda: other.knows(_id(ticket)))
        known = time.monotonic() - green
        self._scan(other, ticket, _("known there after {n:.0f} ms").format(n=known * 1000))

    def _conflicts(self, ticket: int) -> None:
        for gate in self._gates:
            waited = self._until(partial(gate.is_in_conflict, _id(ticket)))
            sentence = _("{gate}: CONFLICT on ticket {ticket}, seen after {n:.1f} s")
            self._note(sentence.format(gate=gate.name, ticket=_id(ticket), n=waited))

    def _scan(self, gate: "_Gate", ticket: int, more: str = "") -> None:
        verdict = gate.scan(_code(ticket))
        line = Text(f"{self._at()}  {gate.name:8}")
        word = _(OUTCOME_WORDS[verdict.outcome])
        line.append(f" {word} ", _STYLES.get(verdict.outcome, "bold reverse"))
        basis = basis_words(verdict.basis, verdict.basis_age_ms)
        line.append(f"  {printable(_code(ticket))}  {basis}{'  ' + more if more else ''}")
        self._console.print(line)

    def _wait_for(self, basis: Basis, gates: "list[_Gate]", *, wake: bool = False) -> None:
        began, waiting = time.monotonic(), list(gates)

        def has_one_more() -> bool:
            for gate in waiting:
                if wake:
                    # As the return of a network would.
                    gate.nudge()
            has = [gate for gate in waiting if gate.coverage().basis is basis]
            for gate in has:
                waiting.remove(gate)
                who = ", ".join(printable(lane.name) for lane in gate.coverage().unheard)
                sentence = f"{gate.name}: {_(BASIS_WORDS[basis])}"
                if who:
                    sentence += " · " + _("unheard: {names}").format(names=who)
                self._note(f"{sentence}  ({time.monotonic() - began:.1f} s)")
            return bool(has)

        while waiting:
            self._until(has_one_more)

    def _until(self, holds: Callable[[], bool]) -> float:
        began = time.monotonic()
        while not holds():
            for gate in self._gates:
                gate.check()
            if time.monotonic() - began > PATIENCE_S:
                raise StoreError(
                    _("the rehearsal waited for {n:.0f} s and nothing came").format(n=PATIENCE_S),
                    _("Is this machine very busy? Its files are in {path}.").format(
                        path=self._root
                    ),
                )
            time.sleep(LOOK_S)
        return time.monotonic() - began

    def _headline(self, text: str) -> None:
        self._console.rule(Text(f"{self._at()}  {text}", "bold"))

    def _note(self, text: str) -> None:
        self._console.print(Text(f"{self._at()}  {text}"))

    def _at(self) -> str:
        seconds = time.monotonic() - self._began_s
        return f"{int(seconds) // 60}:{seconds % 60:04.1f}"


class _Server:
    """``gate serve`` as a process that can be stopped and started."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def make(self, count: int, names: Sequence[str]) -> list[str]:
        """An event with some tickets, and a link for each of those gates."""
        self._path.mkdir(parents=True, exist_ok=True)
        engine = open_database(f"sqlite:///{self._path / 'central.db'}")
        rows = [{"code": _code(n), "type": "SHOW", "id": _id(n)} for n in range(count)]
        with engine.begin() as connection:
            now_ms = read_wall_ms()
            events.create_event(connection, EVENT, "Winter Gala", machine_zone().name, now_ms)
            kinds = [{"id": "SHOW", "kind": "meeting", "title": "Winter Gala"}]
            issuing.issue(connection, EVENT, issuing.Issue(kinds, rows))
            tokens = [mint_token(connection, EVENT, name, now_ms)[0] for name in names]
        engine.dispose()
        return [link_to(f"http://127.0.0.1:{self._port}", token, "") for token in tokens]

    def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  ourselves
            [sys.executable, "-m", "gate", "serve", "--server-dir", str(self._path),
             "--listen", f"127.0.0.1:{self._port}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None


class _Gate:
    """One lane and its sync worker, which has a thread of its own."""

    def __init__(self, path: Path, name: str, link: str, others: "list[_Gate]") -> None:
        self.name = name
        self._folder = Folder(path)
        self._fault: Exception | None = None
        self._worker: Worker | None = None
        self.port = _free_port()
        self._seeds = tuple(f"127.0.0.1:{gate.port}" for gate in others[:1])
        began = time.monotonic()
        while True:
            try:
                self._enrolment = enrol_device(self._folder, link, again=False)
                break
            except GateError:
                # The server has only just been started.
                if time.monotonic() - began > PATIENCE_S:
                    raise
                time.sleep(0.1)
        self._thread = threading.Thread(target=self._work, name=f"sync {name}", daemon=True)
        self._thread.start()
        while not self._folder.pointer.exists() and time.monotonic() - began < PATIENCE_S:
            self.check()
            time.sleep(0.05)
        self._lane = Lane(
            self._folder,
            SystemClock(),
            Place(name),
            HouseRules(rescan_s=0),
            heard_within_s=HEARD_WITHIN_S,
        )
        self._lane.open()

    def scan(self, code: str) -> Verdict:
        verdict = self._lane.admit(Scan(code, "QRCode", "rehearsal", deliberate=True))
        self.nudge()
        return verdict

    def nudge(self) -> None:
        if self._worker is not None:
            self._worker.nudge()

    def coverage(self) -> Coverage:
        return self._lane.connectivity().coverage

    def unacked(self) -> int:
        return self._lane.connectivity().sync_status.unacked

    def knows(self, ticket: str) -> bool:
        with Fleet(self._folder) as venue:
            return bool(venue.facts(ticket))

    def is_in_conflict(self, ticket: str) -> bool:
        with Fleet(self._folder) as venue:
            return any(conflict.ticket == ticket for conflict in find_conflicts(venue))

    def plug(self, *, is_in: bool) -> None:
        if self._worker is not None:
            self._worker.plug(is_in=is_in)

    def check(self) -> None:
        """Raises what has ended the worker."""
        if self._fault is not None:
            raise self._fault

    def close(self) -> None:
        self._lane.close()
        if self._worker is not None:
            self._worker.stop()
        self._thread.join(10)

    def _work(self) -> None:
        try:
            with self._made() as worker:
                worker.run()
        except Exception as error:  # noqa: BLE001  told by the thread that waits
            self._fault = error

    @contextmanager
    def _made(self) -> Iterator[Worker]:
        lan = config_tables.Lan(
            address="127.0.0.1", port=self.port, gates=self._seeds, announce=False
        )
        with ExitStack() as stack:
            client = ServerClient(self._enrolment)
            stack.callback(client.close)
            self._worker = Worker(
                self._folder,
                self._enrolment,
                client,
                SystemClock(),
                gate=self.name,
                membership=load_membership(self._folder),
                lan=lan,
            )
            stack.callback(self._worker.close)
            yield self._worker


def _free_port() -> int:
    with bind("127.0.0.1", 0) as found:
        return int(found.getsockname()[1])


def _code(n: int) -> str:
    return f"GALA-{n:04d}"


def _id(n: int) -> str:
    return f"gala-{n}"

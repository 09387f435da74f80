"""A server and gates as processes, with operators and tickets: an evening to look at."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from gate.config import Config
from gate.core.outcome import Outcome
from gate.core.place import Direction, HouseRules
from gate.core.verdict import Scan
from gate.lane.lane_settings import LaneSettings
from tests.support.chromium import Person, person
from tests.support.programs import run
from tests.system.network import EVENT, Device, Server, until

PIN = "730164"
SUPERVISOR, STAFF = "Ann", "Ben"
TICKETS = 60
ZONES = {"North": "Hall", "South": "Stalls"}


class Evening:
    """One server, gates at work, and a supervisor who knows her PIN."""

    def __init__(self, root: Path, *flags: str) -> None:
        self.server = Server(root / "server", *flags)
        self.gates: dict[str, Device] = {}
        self.scanned = 0
        self._root = root

    def prepare(self, gates: Sequence[str]) -> None:
        """Tickets, zones, operators and gates."""
        self.server.issue(TICKETS)
        profiles = {name: {"zone": ZONES[name], "zone_capacity": 40} for name in gates}
        self.say({"settings": {"profiles": profiles}})
        at = ("--server-dir", str(self.server.folder), *self.server.arguments)
        for name, role in ((SUPERVISOR, "supervisor"), (STAFF, "staff")):
            self.run("operator", "add", name, "--role", role, *at, input_=f"{PIN}\n")
        for name in gates:
            self.gates[name] = self._gate(self._root / name, name)

    def _gate(self, path: Path, name: str) -> Device:
        device = Device(path, self.server, name)
        assert device.once().returncode == 0
        lane, settings = device.open(), LaneSettings(Config(), device.folder)
        lane.go_by(settings.current.place, HouseRules(rescan_s=0), Direction.IN)
        device.start()
        return device

    def say(self, settings: Mapping[str, Any]) -> None:
        """State something of the event."""
        self.server.admin("PATCH", f"/events/{EVENT}", settings)

    def admit(self, gate: str, count: int = 1) -> None:
        """So many guests more come in at a gate."""
        for _ in range(count):
            assert self.scan(gate, f"C{self.scanned:06d}") is Outcome.ADMIT
            self.scanned += 1

    def scan(self, gate: str, code: str, direction: Direction = Direction.IN) -> Outcome:
        """A ticket is held before a gate; the answer is its lane's."""
        lane = self.gates[gate].lane
        assert lane is not None
        lane.direction = direction
        return lane.admit(Scan(code, deliberate=True)).outcome

    def settled(self) -> None:
        """Wait until the server, and each gate, hold what every gate did."""
        until(lambda: self._is_settled(list(self.gates.values())))

    def _is_settled(self, gates: list[Device]) -> bool:
        own = [gate.own() for gate in gates]
        total = set().union(*own)
        known = [gate.heard() | mine for gate, mine in zip(gates, own, strict=True)]
        return all(one == total for one in known) and len(self.server.entries()) == len(total)

    def report(self, gate: str) -> dict[str, Any]:
        """What ``gate report --venue`` counts there."""
        told = self.run("report", "--venue", "--format", "json", "--data-dir",
                         str(self.gates[gate].folder.path))  # fmt: skip
        found: dict[str, Any] = json.loads(told)
        return found

    def lane_link(self, gate: str) -> str:
        """A link that a supervisor makes at a lane."""
        told = self.run("web", "link", "--data-dir", str(self.gates[gate].folder.path),
                         input_=f"{SUPERVISOR}\n{PIN}\n")  # fmt: skip
        return told.split()[-1]

    def link(self, kind: str, name: str = "Mia") -> str:
        """A link that is made at the server's machine."""
        folder, flags = str(self.server.folder), self.server.arguments
        made = ("--web-link", name, "--web-kind", kind, "--url", self.server.url)
        return self.run("serve", "--server-dir", folder, *flags, *made).split()[-1]

    @staticmethod
    def run(*arguments: str, input_: str = "") -> str:
        """What a command of ``gate`` prints."""
        ran = run(*arguments, input_=input_, timeout=60)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    @contextmanager
    def signed_in(
        self, browser: Browser, kind: str = "organiser", screen: str = "desktop", **more: Any
    ) -> Iterator[Person]:
        """Somebody who came by a link of that kind, with Tonight open."""
        with person(browser, self.server.url, screen, **more) as at:
            open_link(at, self.link(kind))
            yield at

    def close(self) -> None:
        """End the gates."""
        for gate in self.gates.values():
            gate.close()


@contextmanager
def an_evening(root: Path, *flags: str, gates: Sequence[str] = tuple(ZONES)) -> Iterator[Evening]:
    """An evening until it is over; ``flags`` are those of ``gate serve``."""
    made = Evening(root, *flags)
    with closing_server(made.server):
        try:
            made.prepare(gates)
            yield made
        finally:
            made.close()


@contextmanager
def closing_server(server: Server) -> Iterator[Server]:
    """A server until then; killed where it does not end."""
    try:
        yield server
    finally:
        try:
            server.close()
        finally:
            server.kill()


def open_link(at: Person, link: str) -> None:
    """Open a link, and say that it is meant."""
    at.page.goto(link)
    at.page.locator("main button.main").click()


def seconds_until_shown(at: Person, evening: Evening, gate: str) -> float:
    """From the verdict of one more admission to its being on the page that is open."""
    begun = at.number("inside, at least")
    evening.admit(gate)
    admitted_s = time.monotonic()
    at.wait_for(".figure.large .number", str(begun + 1))
    return time.monotonic() - admitted_s

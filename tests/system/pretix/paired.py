"""``gate serve`` as a process, paired with a real pretix as an operator pairs it, and its gates."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, select

from gate.core.outcome import Outcome
from gate.core.place import Direction
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.storage.enrolment_link import link_to
from sync.server import tables as central
from sync.server import ticket_store
from sync.server.database import reading
from sync.upstream import links, outbox, standing, worker
from sync.upstream.pretix import pull
from tests.support.programs import Program, run
from tests.system.network import Device, Server
from tests.system.network import until as until_so
from tests.system.pretix.between import Between
from tests.system.pretix.compared import differences, ours
from tests.system.pretix.starting import RealPretix

WITHIN_S = 60.0
"""Most of it is for machines that are busy with other things."""


def hasten() -> None:
    """In a server's process: ask every moment, and come again soon."""
    pull.BUSY_S = pull.QUIET_S = 0.4
    pull.CATALOGUE_MS = 1000  # type: ignore[misc]
    worker.MOST_AGAIN_S = 0.5  # type: ignore[misc]
    links.LEASE_MS = 4000  # type: ignore[misc]
    worker.LEASE_MS = 4000  # type: ignore[attr-defined]


def until(
    holds: Callable[[], bool], what: str | Callable[[], object], bound_s: float = WITHIN_S
) -> None:
    """Wait for something to hold. Raises AssertionError with what it was, or is by then."""
    try:
        until_so(holds, bound_s)
    except AssertionError as error:
        raise AssertionError(what if isinstance(what, str) else what()) from error


class QuickServer(Server):
    """A server that asks its upstreams every moment."""

    event = ""

    @property
    def database(self) -> str:
        """The address of its database."""
        at = self.arguments
        named = at[at.index("--database") + 1] if "--database" in at else ""
        return named or f"sqlite:///{self.folder / 'central.db'}"

    def start(self, *more: str) -> None:
        self.process = Program(
            "serve", "--server-dir", str(self.folder), "--listen", f"127.0.0.1:{self.port}",
            "--time-zone", "Asia/Shanghai", *self.arguments, *more, prepare=hasten,
        )  # fmt: skip
        until(self._answers, "the server does not answer", 60)

    def pair(self, named: str, code: str) -> str:
        """``gate pretix pair``, with the code in a file; the answer is the event."""
        file = self.folder / "code.json"
        file.write_text(code)
        where = ("--database", self.database, "--server-dir", str(self.folder))
        ran = run("pretix", "pair", named, "--code-file", str(file), *where, timeout=60)
        assert ran.returncode == 0, ran.stderr
        found = re.match(r"(\S+): ", ran.stdout)
        assert found is not None, ran.stdout
        return found[1]

    def link(self, name: str, url: str = "") -> str:
        token = self.admin("POST", f"/events/{self.event}/tokens", {"name": name})["token"]
        return link_to(url or self.url, token, "")


class PairedServer(QuickServer):
    """A server that is paired with a list of pretix, through a network of ours."""

    def __init__(
        self, folder: Path, pretix: RealPretix, *arguments: str, named: str = "gala.Main"
    ) -> None:
        self.pretix, self.between = pretix, Between(pretix.url)
        self.device = folder.parent.name
        """What it is called in pretix."""
        self.may_forget = False
        """Whether pretix was restored, and has forgotten what did not count."""
        super().__init__(folder, *arguments)
        self.engine: Engine = create_engine(self.database)
        self.event = self.pair_as(named, self.device)
        until(lambda: self.standing().is_complete, self.standing)

    def pair_as(self, named: str, device: str) -> str:
        """Pair as a new device of pretix; the answer is the event."""
        code = json.loads(self.pretix.do("device", name=device)) | {"url": self.between.url}
        return self.pair(named, json.dumps(code))

    def close(self) -> None:
        super().close()
        self.engine.dispose()
        self.between.close()

    def standing(self) -> standing.Standing:
        with reading(self.engine) as connection:
            return next(one for one in standing.every(connection) if one.event == self.event)

    def ticket(self, code: str) -> Any:
        """The ticket that a code opens for; ``None`` if it opens for none."""
        with reading(self.engine) as connection:
            hashed = ticket_store.hashes_of(connection, self.event, [code])[code]
            owner = dict(ticket_store.owners_of(connection, self.event, [hashed])).get(hashed, "")
            return ticket_store.find_ticket(connection, self.event, owner)

    def conflicts(self) -> int:
        """How many conflicts the server shows."""
        return len(self.raw_conflicts())

    def raw_conflicts(self) -> Any:
        return self.admin("GET", f"/events/{self.event}/conflicts")

    def is_settled(self, gates: "list[Gate]") -> bool:
        """Whether nothing waits: at no gate for the server, and at the server for pretix."""
        e = central.entry.c
        with reading(self.engine) as connection:
            rows = connection.execute(select(e.origin, e.seq).where(e.event == self.event))
            here = {tuple(row) for row in rows}
        done = {(origin, seq) for gate in gates for origin, seq, _hash in gate.own()}
        return done <= here and self.has_told_all()

    def has_told_all(self) -> bool:
        """Whether every entry that the server holds was followed and told."""
        return has_told_all(self.engine, self.event)

    def differences(self) -> list[str]:
        """What pretix and this server do not agree on."""
        of_list = int(self.event.partition(".")[2])
        rows = [row for row in self.pretix.do("checkins") if row["list"] == of_list]
        return differences(ours(self.engine, self.event), rows, may_forget=self.may_forget)

    def agrees(self, gates: "list[Gate]", bound_s: float = WITHIN_S) -> None:
        """The end of every proof: nothing waits, and both say the same, entry for entry."""
        until(
            lambda: self.is_settled(gates),
            lambda: (self.standing(), [gate.status()["unacked"] for gate in gates]),
            bound_s,
        )
        deadline = time.monotonic() + WITHIN_S
        while found := self.differences():
            # What pretixSCAN did is asked for every moment.
            assert time.monotonic() < deadline, "\n".join(found)
            time.sleep(0.2)

    def has_opened(self, code: str, status: str) -> bool:
        found = self.ticket(code)
        return found is not None and found.status.value == status


def has_told_all(engine: Engine, event: str) -> bool:
    """Whether every entry that a server holds was followed and told.

    An entry that nobody has followed yet is not counted as waiting.
    """
    with reading(engine) as connection:
        is_behind = event in outbox.behind(connection)
        return not is_behind and not outbox.backlog(connection, event).waiting


class Gate(Device):
    """A gate of the server: its lane here, its sync worker a process of its own."""

    def __init__(self, path: Path, server: QuickServer, name: str) -> None:
        super().__init__(path, server, name)
        assert self.once().returncode == 0
        self.at: Lane = self.open()
        self.start()

    def scan(self, code: str, direction: Direction = Direction.IN) -> Outcome:
        """What the lane answers."""
        self.at.direction = direction
        return self.at.admit(Scan(code, deliberate=True)).outcome

    def would(self, code: str) -> Outcome:
        """What it would answer; nothing is redeemed."""
        self.at.direction = Direction.IN
        return self.at.check(code, "keyboard").outcome

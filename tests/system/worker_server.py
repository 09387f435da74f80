"""The server of a false world of sync workers: the real tables and queries, without its sockets."""

import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
from msgspec import Raw
from sqlalchemy import Connection, select, update

from gate.core.enrolment import Enrol
from gate.core.intake import read_bodies
from gate.core.replication import Have, tips_to_text
from gate.core.signed_tip import Rejected
from gate.core.ticket_feed import Cursor, ResyncNeeded, Snapshot
from gate.storage.certificates import join
from gate.storage.device_key import DeviceKey, verifier
from gate.storage.enrolment import Enrolment
from gate.storage.folder import Folder
from gate.storage.ticket_feed import TicketFeed
from sync.server import (
    device_reports,
    devices,
    enrolment,
    events,
    feed,
    intake,
    issuing,
    journals,
    snapshot,
    tables,
)
from sync.server.database import in_transaction, open_database, reading
from sync.server.device_cache import DeviceCache
from sync.server.devices import State
from sync.server.head_cache import Memory
from sync.server.journals import News
from sync.wire import PREFIX, Frame, Problem, SyncRequest, SyncResponse, SyncResponseStamp
from sync.worker.feed_follower import unpack
from tests.system.fibers import Kernel
from tests.system.simulation import EVENT, central_template, compiled
from tests.system.worker_carriers import FalseStream, Gate

if TYPE_CHECKING:
    from tests.system.worker_simulation import World

PAGE = 6
"""Changes of tickets in one answer: few, so that one is not all."""


class Central:
    """The server: its tables and queries, asked by one event's gates."""

    def __init__(self, world: "World") -> None:
        self.world = world
        path = world.root / "central.db"
        shutil.copy(central_template(), path)
        self.engine = open_database(f"sqlite:///{path}")
        # What was compiled for one world serves the next.
        self.engine.dialect, self.engine._compiled_cache = compiled()
        self.memory = Memory(self.engine)
        self.mood = "up"
        self.is_packing = self.has_no_streams = False
        self.lost_snapshots = 0
        self.signed_tips: list[tuple[float, int]] = []
        """How long the feed was since when."""
        self.held: set[str] = set()
        self.number, self.told_number, self.told_head = 0, 0, ""
        self.lanes_s = self.marks_s = 0.0
        self.touched: Have = {}
        self.told: Have = {}
        """What is to be told on all streams."""
        self.made = 0
        self.device_cache = DeviceCache(self._devices)
        self.packed: dict[str, tuple[Path, Snapshot]] = {}
        with self.engine.begin() as connection:
            events.create_event(connection, EVENT, "Show", "UTC", world.wall_ms())
        self.issue(8)

    async def _devices(self) -> list[devices.Device]:
        with reading(self.engine) as connection:
            return devices.all_devices(connection)

    def read_devices(self) -> None:
        """Know the devices as the tables do."""
        self.device_cache._read_at = float("-inf")
        with suppress(StopIteration):
            self.device_cache.refresh().send(None)
        self.verify = verifier(lambda device: self.device_cache.key_of(EVENT, device))

    def write(self, job: Callable[[Connection], Any]) -> Any:
        """Commit, and know what is there afterwards."""
        found = in_transaction(self.engine, job)
        with reading(self.engine) as connection:
            cursor = feed.cursor_of(connection, EVENT)
            query = select(tables.entry.c.hash, tables.entry.c.number).where(
                tables.entry.c.number > self.number
            )
            for hash_, number in connection.execute(query):
                self.held.add(hash_)
                self.number = max(number, self.number)
        self.head = cursor
        seq = Cursor.parse(cursor).seq
        if not self.signed_tips or self.signed_tips[-1][1] != seq:
            self.signed_tips.append((self.world.kernel.now_s, seq))
        return found

    def issue(self, count: int = 1, change: dict[str, str] | None = None) -> None:
        rows = [
            {"code": f"C{n:04d}", "type": "ONE", "id": f"t{n}"}
            for n in range(self.made, self.made + count)
        ]
        types = () if self.made else [{"id": "ONE", "kind": "meeting"}]
        stated = issuing.Issue(changes=[change]) if change else issuing.Issue(types, rows)
        self.write(lambda c: issuing.issue(c, EVENT, stated, self.world.wall_ms()))
        self.made += 0 if change else count

    def forget_changes(self) -> None:
        """From now on nobody who is behind can go on reading."""
        self.issue()
        _epoch, seq, id_ = self.head.split(":")
        base = {"base": int(seq), "base_id": id_}
        self.write(lambda c: c.execute(update(tables.stream).values(base)))

    def enrol(self, folder: Folder, name: str) -> Enrolment:
        device = folder.device_id()

        def admit(connection: Connection) -> Any:
            token, _ms = enrolment.mint_token(connection, EVENT, name, self.world.wall_ms())
            asked = Enrol(token, device, DeviceKey(folder).public)
            return enrolment.enrol(connection, asked, self.world.wall_ms())

        enrolled = self.write(admit)
        join(folder, enrolled)
        self.read_devices()
        return Enrolment("http://central", enrolled.credential, EVENT, "", name)

    def bring_tickets(self, folder: Folder) -> None:
        """As they came before the server was given up."""
        kept = self._packed()[1]
        packed, part = next(self._packed()[0].glob("*.zst")), folder.path / "tickets.part"
        unpack(packed, part, kept)
        with closing(TicketFeed(folder)) as feed:
            feed.install(part, kept)

    def _packed(self) -> tuple[Path, Snapshot]:
        if self.head not in self.packed:
            folder = self.world.root / "snapshots" / self.head.replace(":", "-")
            self.packed[self.head] = folder, snapshot.build(self.engine, EVENT, folder)
        return self.packed[self.head]

    def revoke(self, gate: Gate) -> None:
        self.write(lambda c: devices.set_state(c, EVENT, gate.device, State.REVOKED))
        gate.is_revoked = True
        self.read_devices()
        for stream in [one for one in self.world.streams if one.gate is gate]:
            stream.reset("revoked")

    def seq_at(self, at_s: float) -> int:
        """How long the feed was at a moment."""
        return max((seq for since_s, seq in self.signed_tips if since_s <= at_s), default=0)

    # What it answers

    def handle(self, gate: Gate, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix(PREFIX)
        if gate.is_revoked:
            return _json(Problem("revoked", ""), 401)
        if path == "/exchange":
            ask = msgspec.json.decode(request.read(), type=SyncRequest)
            return _json(self.exchange(gate, ask))
        if path == "/changes":
            cursor = request.url.params["cursor"]
            try:
                with reading(self.engine) as connection:
                    return _json(
                        feed.changes(connection, EVENT, cursor, self.world.wall_ms(), PAGE)
                    )
            except ResyncNeeded:
                return _json(Problem("resync", ""), 409)
        return self._snapshot(path, request.headers.get("Range", ""))

    def _snapshot(self, path: str, part: str) -> httpx.Response:
        if path == "/snapshot":
            if self.is_packing:
                answer = _json(Problem("building", ""), 202)
                answer.headers["Retry-After"] = "2"
                return answer
            return _json(self._packed()[1])
        name = path.rpartition("/")[2]
        found = [(folder, one) for folder, one in self.packed.values() if one.name == name]
        if self.lost_snapshots or not found:
            self.lost_snapshots = max(0, self.lost_snapshots - 1)
            return _json(Problem("no_snapshot", ""), 404)
        folder, kept = found[-1]
        content = next(folder.glob("*.zst")).read_bytes()
        begin = int(part.removeprefix("bytes=").partition("-")[0] or 0)
        status = 206 if begin else 200
        headers = {"ETag": f'"{kept.sha256}"'}
        return httpx.Response(status, headers=headers, content=content[begin:])

    def exchange(self, gate: Gate, ask: SyncRequest) -> SyncResponse:
        rejected, later = self.take(gate, ask)
        with reading(self.engine) as connection:
            frame = journals.answer(connection, EVENT, ask.frame, self.touched)
        frame = msgspec.structs.replace(frame, rejected=rejected, later=later)
        return self._answer(frame, ask, self.head, lanes=True)

    def take(self, gate: Gate, ask: SyncRequest) -> tuple[list[Rejected], list[str]]:
        self.device_cache.reports.note(gate.device, ask.report, ask.stamp)
        carried, rejected = read_bodies(bytes(raw) for raw in ask.frame.entries)
        self.touched = {}
        if not carried and not ask.frame.signed_tips:
            return rejected, []
        signed_tips = [
            head for head in ask.frame.signed_tips
            if head.origin.startswith(gate.device) or self.verify(head)
        ]  # fmt: skip
        vouched = {(head.origin, head.seq, head.hash) for head in signed_tips}
        push = intake.Push(gate.device, carried, vouched, signed_tips)
        taken = self.write(
            lambda c: intake.accept(c, EVENT, [push], self.memory, now_ms=self.world.wall_ms())
        )
        self.touched = taken.tips
        for one in carried:
            if one.entry.device == gate.device:
                self.touched.setdefault(one.entry.origin, frozenset())
        self.told |= self.touched
        return rejected, sorted(taken.later)

    def hear(self, stream: FalseStream, data: bytes) -> None:
        """What came on a stream."""
        if self.mood != "up":
            return
        ask = msgspec.json.decode(data, type=SyncRequest)
        if ask.frame.compares:
            stream.tell(self.exchange(stream.gate, ask))
            return
        rejected, later = self.take(stream.gate, ask)
        if rejected or later or ask.report is not None:
            stream.tell(self._answer(Frame(rejected=rejected, later=later), ask))

    def tick(self) -> None:
        """Four times a second: the news, to all streams."""
        self.world.kernel.after(0.25, self.tick)
        if self.mood != "up" or not self.world.streams:
            self.told_number = self.number
            return
        now_s = self.world.kernel.now_s
        news = News(self.told_number, [], {}, [])
        if self.number > self.told_number:
            with reading(self.engine) as connection:
                news = journals.news(connection, EVENT, self.told_number)
        lanes, marks = now_s - self.lanes_s > 2.0, now_s - self.marks_s > 0.9
        if not (lanes or marks or self.told or news.bodies or self.head != self.told_head):
            return
        frame = Frame(
            have=tips_to_text(self.told | news.tips),
            entries=[Raw(body) for body in news.bodies],
            signed_tips=news.signed_tips,
        )
        self.told, self.told_number, self.told_head = {}, news.number, self.head
        self.lanes_s = now_s if lanes else self.lanes_s
        self.marks_s = now_s if marks else self.marks_s
        answer = self._answer(frame, None, self.head, lanes=lanes, marks=marks)
        for stream in list(self.world.streams):
            stream.tell(answer)

    def _answer(
        self, frame: Frame, ask: SyncRequest | None, head: str = "", *, lanes: bool = False,
        marks: bool = False,
    ) -> SyncResponse:  # fmt: skip
        told = self.device_cache.watermarks(EVENT) if lanes or marks else {}
        got_ms = ask.stamp.at_ms if ask is not None and ask.stamp is not None else None
        stamp = SyncResponseStamp(
            device_reports.CLOCK, server_boot_ms(self.world.kernel), got_ms, told
        )
        said = self.device_cache.lanes(EVENT) if lanes else None
        return SyncResponse(frame, self.world.wall_ms(), head, said, stamp)


def server_boot_ms(kernel: Kernel) -> int:
    """What the server's boot clock shows."""
    return round(kernel.now_s * 1000) + 77_000


def _json(said: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=msgspec.json.encode(said))

"""Gates and a central server in one process: the real code, a false world, one seed.

What is real: lanes, journals, replicas, exchange, feed, the server's tables and queries, what gates
say to each other, the bytes of every message. What is false: clocks, links and the moments at which
processes die. Every third history has no server at all, every fourth has frames of few entries.
Among the members is one that lies. A history is a seed; the same seed is the same history. Run one
alone with::

    python -m tests.system.simulation SEED [MUTATION]
"""

import hashlib
import itertools
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import pytest
from sqlalchemy import Connection, Engine, event, func, select
from sqlite_utils import Database

from gate.core import entry_codec, replication
from gate.core.entry import FACTS, Act, Entry
from gate.core.history import KNOWINGLY, History, fold
from gate.core.hlc import Reading
from gate.core.intake import read_bodies
from gate.core.irregular import Irregular
from gate.core.outcome import Flag, Outcome, Reason
from gate.core.place import Direction, HouseRules, Place, Role
from gate.core.replication import Span, tips_from_text
from gate.core.ticket_feed import Changes, File, ResyncNeeded, Snapshot
from gate.core.verdict import Scan, Verdict
from gate.credential import sealed_answers
from gate.errors import GateError, UsageError
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.storage import device_key, held_entries, journal, schema, signed_tips, sync_status
from gate.storage import sqlite as store_sqlite
from gate.storage.certificates import MEMBER, Membership
from gate.storage.checksums import put_meta
from gate.storage.conflicts import find_conflicts, irregular_admissions
from gate.storage.device_key import DeviceKey, verifier
from gate.storage.entries import read_facts
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder, write_durably
from gate.storage.peer_store import PeerStore
from gate.storage.peers import read_peer_history
from gate.storage.replica_file import live_replica
from gate.storage.sqlite import open_reader
from gate.storage.sync_status import SyncStatus
from gate.storage.ticket_feed import TicketFeed
from gate.storage.ticket_filling import put_member, put_ticket, put_type
from sync.server import (
    conflicts,
    counts,
    devices,
    erasing,
    events,
    feed,
    intake,
    issuing,
    journals,
    tables,
    ticket_store,
)
from sync.server.database import in_transaction, open_database
from sync.server.head_cache import Memory
from sync.session import send_window
from sync.session.server_session import ServerSession
from sync.session.watermarks import Watermarks
from sync.transport.lan_stream import Connected, Disconnected, Link, MessageReceived
from sync.wire import Frame, Heartbeat, PeerMessage, SyncRequest, SyncResponse
from sync.worker.peers import PeerSet
from tests.system import guest_questions
from tests.system.disowning import disown_somebody, effective, until_of
from tests.system.door_counts import DoorCounts, standing_counts
from tests.system.flooder import FLOODER, Bound, Flooder, of_flooder, small_limits
from tests.system.forgotten import Forgotten, all_told
from tests.system.guest_questions import QUESTIONS, GuestQuestions
from tests.system.liar import Liar

EVENT = "show"
START_MS = 1_798_000_000_000
TICKETS = 6
TYPES: list[dict[str, object]] = [
    {"id": "ONE", "kind": "meeting"},
    {"id": "PAIR", "kind": "meeting", "use_limit": 2, "party_size": 2},
    {"id": "ASKS", "kind": "meeting", "ask": "Over 18?"},
    guest_questions.TYPE,
]
KINDS = {1: "ASKS", 2: "FORM", 3: "ASKS", 4: "PAIR"}
"""Types of tickets by number, of five; all others are ``ONE``."""
SUPERVISOR = Operator("boss", Role.SUPERVISOR)
LIAR = "f" * 16
"""A member of the venue that says whatever does harm."""


class Crash(BaseException):
    """The process is gone. Nothing of ours may catch this and go on."""


class Fuse:
    """Lets a process die at the n-th statement from now, before or after it has happened."""

    def __init__(self) -> None:
        self.left = -1
        self.after = self.in_commit = False
        self.commits = 0
        """Tried so far, so that nobody looks for what nobody has written."""

    def set(self, left: int, *, after: bool, in_commit: bool = False) -> None:
        self.left, self.after, self.in_commit = left, after, in_commit

    def burn(self, run: Callable[[], Any]) -> Any:
        if self.left < 0:
            return run()
        self.left -= 1
        if self.left >= 0:
            return run()
        self.left = -1
        if self.after:
            run()
        raise Crash


FUSE = Fuse()


class FusedConnection(sqlite3.Connection):
    """A connection on which every statement may be the last."""

    def execute(self, sql: str, *bound: Any) -> sqlite3.Cursor:
        if sql == "ROLLBACK":
            return super().execute(sql, *bound)
        FUSE.commits += sql == "COMMIT"
        found: sqlite3.Cursor = FUSE.burn(lambda: super(FusedConnection, self).execute(sql, *bound))
        return found

    def executemany(self, sql: str, *bound: Any) -> sqlite3.Cursor:
        found: sqlite3.Cursor = FUSE.burn(
            lambda: super(FusedConnection, self).executemany(sql, *bound)
        )
        return found


def _connect(database: str | Path, **options: Any) -> sqlite3.Connection:
    options |= {"factory": FusedConnection, "check_same_thread": False}
    made: sqlite3.Connection = sqlite3.connect(database, **options)
    return made


class AtOnce:
    """Stands where a lane's thread is."""

    def submit(self, work: Callable[..., Any], *given: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        try:
            done.set_result(work(*given))
        except BaseException as error:  # noqa: BLE001  a future keeps whatever comes
            done.set_exception(error)
        return done

    def shutdown(self) -> None:
        pass


class Clock:
    """A device's clocks, off by whatever the world likes."""

    def __init__(self, world: "World", off_ms: int) -> None:
        self.world, self.off_ms, self.boots = world, off_ms, 0

    def read(self) -> Reading:
        return Reading(self.world.now_ms + self.off_ms, self.world.now_ms - START_MS + 1, "boot")

    def is_synchronised(self) -> bool:
        return False


@dataclass
class Gate:
    """One device: its folder, and what runs on it while it runs."""

    name: str
    folder: Folder
    clock: Clock
    direction: Direction = Direction.IN
    lane: Lane | None = None
    peer_store: PeerStore | None = None
    feed: TicketFeed | None = None
    server_session: ServerSession | None = None
    online: bool = True
    session: int = 0
    whole: int = -1
    """Number of the message that said everything held."""
    inbox: list[tuple[int, int, bytes]] = field(default_factory=list)
    last_hash: str = ""
    seen_row: int = 0
    backups: list[tuple[Path, str, int]] = field(default_factory=list)
    others: PeerSet | None = None
    revoked: bool = False
    shuns: set[str] = field(default_factory=set)
    """Devices it has heard were revoked: it has no stream with them any more."""

    @property
    def device(self) -> str:
        return self.folder.device_id()


@dataclass(eq=False)
class Wire:
    """A stream between two gates: nothing is lost on it but by its end."""

    ends: tuple[Gate, Gate]
    links: tuple[Link, Link]
    """At the first the link to the second, and the other way round."""
    coming: tuple[deque[bytes], deque[bytes]] = field(default_factory=lambda: (deque(), deque()))
    """What is on its way to the first, and to the second."""


class FalseLan:
    """Stands where a gate's sockets are."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def send(self, words: Iterable[tuple[Link, bytes]]) -> None:
        for link, data in words:
            for wire in self._world.wires:
                if link in wire.links:
                    wire.coming[1 - wire.links.index(link)].append(data)

    def know(self, places: Mapping[str, str]) -> None:
        pass


class World:
    """Everything there is, driven by one random source."""

    def __init__(self, seed: int, root: Path, *, steps: int = 56) -> None:
        self.seed, self.root, self.steps = seed, root, steps
        self.random = random.Random(seed)
        self.numbers = itertools.count()
        self.now_ms = START_MS
        self.minted = 0
        self.outbox: list[tuple[Gate, int, int, bytes]] = []
        self.messages = 0
        self.gates: list[Gate] = []
        self.keys: dict[str, str] = {}
        self.central_backups: list[Path] = []
        self.claimed: dict[str, set[tuple[str, int, str]]] = defaultdict(set)
        self.bodies: dict[str, bytes] = {}
        """Every entry that was ever committed by its maker, by hash."""
        self.home: dict[str, bool] = {}
        """Whether its maker must still have it."""
        self.after: dict[tuple[str, str], set[str]] = defaultdict(set)
        """What each device did next, by (device, hash of what it had done): the truth of alarms."""
        self.lost: set[str] = set()
        self.made = 0
        self.counted: Counter[str] = Counter()
        self.verify = verifier(lambda device: self.keys.get(device, ""))
        self.has_central = seed % 3 != 2
        self.wires: list[Wire] = []
        self.sent = 0
        """Entries that came to gates from gates."""
        self.snapshots: dict[tuple[str, bytes], tuple[Snapshot, bytes]] = {}
        self.changed_at: dict[str, int] = {}
        """When the server made a ticket void or good again, by the change's id."""
        self.true_ms: dict[str, int] = {}
        """When an entry was made, whatever its maker's clock said, by hash."""
        self.true_list: dict[str, str] = {}
        """On which list it was decided, by hash."""
        self.liar = Liar()
        self.keys[LIAR] = self.liar.public
        self.forgotten = Forgotten(seed)
        self.door_counts = DoorCounts(seed)
        self.questions = GuestQuestions(seed)
        self.flooder, self.bound = Flooder(), Bound()
        self.keys[FLOODER] = self.flooder.public

    # The world's parts

    def build(self) -> None:
        template = central_template()
        self.central_path = self.root / "central.db"
        shutil.copy(template, self.central_path)
        self.engine = self.open_central()
        with self.engine.begin() as connection:
            events.create_event(connection, EVENT, "Show", "UTC", self.now_ms)
            self.issue(connection, TICKETS)
            self.restate(connection, {"id": "t5", "status": "revoked"})
        for n in range(self.random.randint(2, 6)):
            self.add_gate(f"G{n}")
        self.central_backups.append(self.copy_central())

    def open_central(self) -> Engine:
        engine = open_database(f"sqlite:///{self.central_path}")
        # What was compiled for one world serves the next.
        engine.dialect, engine._compiled_cache = compiled()
        event.listen(engine, "before_cursor_execute", _burn)
        event.listen(engine, "commit", _burn_commit)
        self.memory = Memory(engine)
        return engine

    def issue(self, connection: Connection, count: int) -> None:
        rows = [
            {"code": f"C{n:04d}", "type": KINDS.get(n % 5, "ONE"), "id": f"t{n}"}
            for n in range(self.made, self.made + count)
        ]
        stated = issuing.Issue(TYPES if not self.made else (), rows)
        issuing.issue(connection, EVENT, stated, self.now_ms)
        self.made += count

    def restate(self, connection: Connection, fields: dict[str, str]) -> None:
        stated = issuing.Issue(changes=[fields])
        cursor = issuing.issue(connection, EVENT, stated, self.now_ms).cursor
        self.changed_at[cursor.rpartition(":")[2]] = self.now_ms

    def add_gate(self, name: str) -> None:
        folder = Folder(self.root / name)
        folder.create()
        write_durably(folder.path / "device", f"{len(self.gates):016x}\n".encode())
        off_ms = self.random.choice([0, 0, 0, 3_600_000, -7_200_000, 30_000, -30_000])
        gate = Gate(name, folder, Clock(self, off_ms))
        gate.direction = self.random.choice([Direction.IN] * 4 + [Direction.BOTH])
        self.gates.append(gate)
        with self.engine.begin() as connection:
            join(connection, folder)
        self.start(gate)
        self.snapshot(gate)
        self.keys[gate.device] = DeviceKey(folder).public
        self.backup_gate(gate)

    def start(self, gate: Gate) -> None:
        gate.lane = Lane(
            gate.folder, gate.clock, Place(gate.name),
            HouseRules(rescan_s=0, questions=QUESTIONS), gate.direction,
        )  # fmt: skip
        gate.lane._thread = AtOnce()  # type: ignore[assignment]
        gate.peer_store = PeerStore(gate.folder)
        gate.feed = TicketFeed(gate.folder)
        gate.others = PeerSet(
            gate.peer_store,
            DeviceKey(gate.folder),
            FalseLan(self),  # type: ignore[arg-type]
            gate.clock,
            lambda device: self.keys.get(device, ""),
            watermarks=Watermarks(gate.peer_store.entries.lacking),
        )
        if gate.feed.cursor:
            self.draw(gate)
        self.connect(gate)

    def connect(self, gate: Gate) -> None:
        assert gate.peer_store
        gate.session += 1
        gate.inbox.clear()
        gate.whole = -1
        gate.server_session = ServerSession(gate.peer_store, DeviceKey(gate.folder))

    def stop(self, gate: Gate) -> None:
        """The process ends without a word: nothing is committed that was not."""
        for wire in [one for one in self.wires if gate in one.ends]:
            self.cut(wire)
        if gate.lane is not None:
            gate.lane._do(lambda: self._drop(gate.lane))
            gate.lane._thread.shutdown()
        if gate.peer_store is not None:
            gate.peer_store.file.connection.close()
            gate.peer_store.journal.close()
        if gate.feed is not None and gate.feed.file._connection is not None:
            gate.feed.file._connection.close()
        gate.lane = gate.peer_store = gate.feed = gate.server_session = gate.others = None

    @staticmethod
    def _drop(lane: Any) -> None:
        if lane._files.is_open:
            lane._files.journal().connection.close()
        lane._files.let_go_of_others()

    def mint(self, size: int) -> str:
        self.minted += 1
        return f"{self.minted:0{2 * size}x}"

    # What is true

    def note(self, gate: Gate) -> None:
        """Write down what the gate has committed since the last look."""
        if not gate.folder.journal.exists():
            return
        connection = open_reader(gate.folder.journal)
        with suppress(sqlite3.OperationalError):
            for row, body, hash_ in connection.execute(
                "SELECT id, body, hash FROM entry WHERE id > ? ORDER BY id", (gate.seen_row,)
            ).fetchall():
                digest = hash_.hex()
                self.bodies[digest] = body.encode()
                self.home[digest] = True
                self.after[gate.device, gate.last_hash].add(digest)
                self.true_ms.setdefault(digest, self.now_ms)
                self.true_list.setdefault(digest, list_of(gate.folder))
                gate.last_hash, gate.seen_row = digest, row
        connection.close()

    def held_by(self, gate: Gate) -> dict[str, bytes]:
        found = {}
        for path in (gate.folder.journal, gate.folder.peers):
            if path.exists():
                connection = open_reader(path)
                with suppress(sqlite3.OperationalError):
                    for hash_, body in connection.execute("SELECT hash, body FROM entry"):
                        found[hash_.hex()] = body.encode()
                connection.close()
        return found

    def held_by_central(self) -> dict[str, bytes]:
        with self.engine.connect() as connection:
            rows = connection.execute(tables.entry.select()).all()
        return {row.hash: row.body.encode() for row in rows}

    def account(self) -> None:
        """After something was destroyed: what nobody has any more is lost in the world's sense."""
        trusted = [gate for gate in self.gates if not gate.revoked]
        held = set(self.held_by_central()).union(*(self.held_by(gate) for gate in trusted))
        self.lost |= {h for h in self.bodies if not self.home[h] and h not in held}

    # What happens

    def run(self) -> None:
        self.build()
        for _ in range(self.steps):
            self.now_ms += self.random.choice([0, 1, 7, 500, 20_000])
            self.step()
            self.forgotten.may_happen(self)
            self.door_counts.may_happen(self)
        self.counted["form asked"] = self.questions.asked
        self.counted["form answered"] = self.questions.answered
        self.heal()
        self.check()

    def step(self) -> None:
        ops = [
            (30, self.do_scan), (3, self.do_undo), (3, self.do_override), (26, self.do_talk),
            (26, self.do_deliver), (12, self.do_feed), (6, self.do_link), (4, self.do_crash),
            (3, self.do_restart), (3, self.do_backup), (2, self.do_restore), (3, self.do_central),
            (1, self.do_clone), (2, self.do_clock), (8, self.do_issue), (3, self.do_stick),
            (2, self.do_peers_cut), (8, self.do_wire), (24, self.do_beat), (40, self.do_word),
            (5, self.do_lie), (4, self.do_flood), (0.5, self.do_revoke), (2, self.do_news),
            (2, self.do_disown),
        ]  # fmt: skip
        weights, acts = zip(*ops, strict=True)
        act = self.random.choices(acts, weights)[0]
        self.counted[act.__name__] += 1
        gate = self.random.choice(self.gates)
        # What somebody does to a machine that is off does not die half-way.
        by_hand = (self.do_backup, self.do_restore, self.do_central, self.do_clone,
                   self.do_peers_cut)  # fmt: skip
        danger = {self.do_feed: (0.2, 8), self.do_deliver: (0.15, 30), self.do_word: (0.12, 30)}
        often, statements = danger.get(act, (0.06, 14))
        if act not in by_hand and self.random.random() < often:
            FUSE.set(self.random.randint(0, statements), after=self.random.random() < 0.5)
        self.live_or_die(act, gate)
        if act not in (self.do_talk, self.do_deliver, self.do_feed, self.do_issue, self.do_word):
            self.note(gate)

    def try_with(self, act: Callable[[Gate], None], gate: Gate, *, dies_at: int) -> None:
        """Have something done over which a process may die, at so many statements from now."""
        FUSE.set(dies_at, after=False)
        self.live_or_die(act, gate)

    def live_or_die(self, act: Callable[[Gate], None], gate: Gate) -> None:
        """Do it while the fuse burns; whoever dies of it begins again."""
        try:
            act(gate)
        except Crash:
            self.counted["crash"] += 1
            self.after_crash(act, gate)
        finally:
            FUSE.set(-1, after=False)

    def after_crash(self, act: Callable[[Gate], None], gate: Gate) -> None:
        self.engine.dispose()
        self.engine = self.open_central()
        self.check_claims()
        for one in self.gates:
            self.note(one)
            # A message or a stick may have died at another gate than the one that acted.
            elsewhere = (self.do_deliver, self.do_stick, self.do_word, self.do_wire, self.do_lie,
                         self.do_flood)  # fmt: skip
            if one is gate or one.lane is None or act in elsewhere:
                self.stop(one)
                self.start(one)

    def do_scan(self, gate: Gate) -> None:
        assert gate.lane
        self.answer(gate)
        code = f"C{self.random.randrange(min(self.made, TICKETS + 2)):04d}"
        verdict = gate.lane.admit(Scan(code, "QRCode", "sim", deliberate=True))
        verdict = self.questions.answer(gate, verdict)
        self.check_verdict(gate, verdict)

    def answer(self, gate: Gate) -> None:
        """Answer what the lane has asked, if it has; much may have happened since."""
        assert gate.lane
        asked = gate.lane.last_verdict
        if asked is None or asked.outcome is not Outcome.ASK or asked.asked is not None:
            return
        assert asked.ticket
        self.counted["asked"] += 1
        yes = self.counted["asked"] % 4 != 0
        with suppress(UsageError):
            verdict = gate.lane.answer(yes=yes, ticket=asked.ticket.id)
            self.counted["answered"] += 1
            assert yes or not verdict.is_green, "a green after a no"
            self.check_verdict(gate, verdict)

    def check_verdict(self, gate: Gate, verdict: Verdict) -> None:
        if verdict.outcome is Outcome.ASK:
            assert not verdict.entry, "something was kept before the answer"
        if verdict.outcome is Outcome.ADMIT:
            assert verdict.ticket
            is_answered = Flag.YES in verdict.flags
            assert is_answered == bool(verdict.ticket.type.ask), "a green that was not asked about"
            assert gate.feed
            known = {h: entry_codec.decode(body) for h, body in self.held_by(gate).items()}
            until = until_of(m for m in gate.feed.members().values() if m.id != gate.device)
            counted = effective(known, until).values()
            facts = [entry for entry in counted if entry.ticket == verdict.ticket.id]
            # Of what it had heard, whatever others say of it.
            assert not overfull(facts, verdict.ticket.use_limit), "a green on a used ticket"
            if verdict.ticket.type.id == "FORM":
                (made,) = (entry for entry in facts if entry.name == verdict.entry)
                guest_questions.check(gate, made, facts)

    def do_undo(self, gate: Gate) -> None:
        assert gate.lane
        target = ""
        if self.random.random() < 0.5 and self.bodies:
            known = [b for b in self.held_by(gate).values() if b'"admission"' in b]
            if known:
                target = entry_codec.decode(self.random.choice(known)).name
        with suppress(GateError):
            gate.lane.undo(target, SUPERVISOR, "sim")

    def do_override(self, gate: Gate) -> None:
        assert gate.lane
        verdict = gate.lane.last_verdict
        if verdict is not None and verdict.outcome is Outcome.REFUSE:
            with suppress(GateError):
                gate.lane.override(SUPERVISOR, "sim")

    def do_talk(self, gate: Gate) -> None:
        """Say something to the server; the link has it, or has lost it."""
        assert gate.server_session
        if not gate.online or gate.revoked or not self.has_central:
            return
        if self.random.random() < 0.2:
            gate.server_session.needs_whole = True
        is_whole = gate.server_session.needs_whole
        ask = gate.server_session.next_request()
        self.messages += 1
        if is_whole:
            gate.whole = self.messages
        self.outbox.append((gate, gate.session, self.messages, msgspec.json.encode(ask)))

    def do_deliver(self, gate: Gate) -> None:
        """Let a message arrive, somewhere, somehow."""
        to_gates = [one for one in self.gates if one.inbox]
        if self.outbox and (not to_gates or self.random.random() < 0.5):
            n = 0 if self.random.random() < 0.7 else self.random.randrange(len(self.outbox))
            sender, session, number, data = self.outbox.pop(n)
            if self.random.random() < 0.1:
                self.outbox.append((sender, session, number, data))
            if sender.online and not sender.revoked and self.random.random() < 0.9:
                self.arrive(sender, session, number, self.garble(data))
        elif to_gates:
            at = self.random.choice(to_gates)
            session, number, data = at.inbox.pop(0)
            if self.random.random() < 0.1:
                at.inbox.append((session, number, data))
            if at.online and session == at.session and self.random.random() < 0.9:
                self.hear(at, number, self.garble(data))

    def garble(self, data: bytes) -> bytes:
        if self.random.random() < 0.04:
            return data[: self.random.randrange(len(data) + 1)]
        return data

    def arrive(self, gate: Gate, session: int, number: int, data: bytes) -> None:
        try:
            ask = msgspec.json.decode(data, type=SyncRequest)
        except msgspec.DecodeError:
            return
        if self.random.random() < 0.05:
            FUSE.set(-1, after=False, in_commit=True)
        self.tell(gate, session, number, ask)

    def tell(self, gate: Gate, session: int, number: int, ask: SyncRequest) -> None:
        answer = central_answers(self, gate.device, ask)
        gate.inbox.append((session, number, msgspec.json.encode(answer)))

    def hear(self, gate: Gate, number: int, data: bytes) -> None:
        assert gate.server_session
        try:
            answer = msgspec.json.decode(data, type=SyncResponse)
        except msgspec.DecodeError:
            return
        gate.server_session.receive(answer, self.now_ms, to_whole=number == gate.whole)
        self.measure(gate)
        told = tips_from_text(answer.frame.have)
        if number == gate.whole and answer.frame.page:
            told = replication.Page(*answer.frame.page).within(gate.server_session._out.known)
        for origin, tips in told.items():
            self.claimed[gate.device] |= {(origin, tip.seq, tip.hash) for tip in tips}

    def measure(self, gate: Gate) -> None:
        """The sync worker has compared the clocks."""
        boot_ms = gate.clock.read().boot_ms
        said = SyncStatus("boot", boot_ms, "central", boot_ms, link="poll",
                         ahead_ms=-gate.clock.off_ms, error_ms=1)  # fmt: skip
        sync_status.write(gate.folder, said)

    def check_claims(self) -> None:
        """What the server once said it holds, it holds after its process died."""
        held = {h[:32] for h in self.held_by_central()}
        for claims in self.claimed.values():
            for origin, seq, digest in claims:
                assert digest in held, f"receipt for {origin}:{seq} was not true"

    def do_feed(self, gate: Gate) -> None:
        assert gate.feed
        if not gate.online or gate.revoked or not self.has_central:
            return
        try:
            page = in_transaction(
                self.engine,
                lambda c: feed.changes(
                    c, EVENT, gate.feed.cursor if gate.feed else "", self.now_ms, 3
                ),
            )
        except ResyncNeeded:
            self.snapshot(gate)
            return
        data = self.garble(msgspec.json.encode(page))
        with suppress(msgspec.DecodeError):
            changes = msgspec.json.decode(data, type=Changes)
            if self.random.random() < 0.3:
                # In the middle of a page, where most can go wrong.
                FUSE.set(self.random.randint(0, 10), after=self.random.random() < 0.5)
            if changes.changes:
                gate.feed.apply(changes)
                self.draw(gate)

    def draw(self, gate: Gate) -> None:
        """The sync worker has seen that the feed has gone on."""
        assert gate.feed
        assert gate.peer_store
        gate.peer_store.disown(gate.feed.members().values())

    def do_disown(self, _gate: Gate) -> None:
        """What a lost device did, and what comes of it yet, counts no more."""
        if self.has_central:
            lost = {one.device: self.keys[one.device] for one in self.gates if one.revoked}
            lost[LIAR] = self.keys[LIAR]
            in_transaction(
                self.engine, lambda c: disown_somebody(c, EVENT, lost, self.random, self.now_ms)
            )

    def snapshot(self, gate: Gate) -> None:
        assert gate.feed
        part = gate.folder.path / "snapshot.part"
        with self.engine.begin() as connection:
            state = (
                feed.cursor_of(connection, EVENT),
                feed.chain_hash_of(connection, EVENT),
            )
            if state not in self.snapshots:
                # The server may die of it, and in one process its lock would outlive it.
                made = self.root / f"snapshot-{next(self.numbers)}"
                snapshot = write_snapshot(connection, made, self.now_ms)
                self.snapshots[state] = snapshot, made.read_bytes()
        snapshot, content = self.snapshots[state]
        part.write_bytes(content)
        gate.feed.install(part, snapshot)
        self.draw(gate)

    def do_link(self, gate: Gate) -> None:
        gate.online = not gate.online
        if gate.online:
            self.connect(gate)

    def do_crash(self, gate: Gate) -> None:
        self.stop(gate)
        self.start(gate)

    def do_restart(self, gate: Gate) -> None:
        assert gate.lane
        gate.lane.close()
        gate.lane = None
        self.stop(gate)
        self.start(gate)

    def do_backup(self, gate: Gate) -> None:
        self.backup_gate(gate)
        if self.random.random() < 0.4:
            self.central_backups.append(self.copy_central())

    def backup_gate(self, gate: Gate) -> None:
        self.note(gate)
        kept = self.root / f"backup-{gate.name}-{len(gate.backups)}"
        copy_folder(gate.folder.path, kept)
        gate.backups.append((kept, gate.last_hash, gate.seen_row))

    def copy_central(self) -> Path:
        kept = self.root / f"central-{len(self.central_backups)}.db"
        copy_database(self.central_path, kept)
        return kept

    def do_restore(self, gate: Gate) -> None:
        self.note(gate)
        if not gate.backups:
            return
        self.bound.forget(gate.name)
        kept, last_hash, row = self.random.choice(gate.backups)
        had = own_hashes(gate.folder)
        self.stop(gate)
        shutil.rmtree(gate.folder.path)
        copy_folder(kept, gate.folder.path)
        gate.last_hash, gate.seen_row = last_hash, row
        others = [
            own_hashes(g.folder) for g in self.gates if g is not gate and g.device == gate.device
        ]
        still = own_hashes(gate.folder).union(*others)
        for digest in had - still:
            self.home[digest] = False
        self.start(gate)
        self.account()

    def do_peers_cut(self, gate: Gate) -> None:
        """A power cut takes the last commits of what is not synced: rows and tips together."""
        if not gate.backups:
            return
        kept, *_rest = self.random.choice(gate.backups)
        self.bound.forget(gate.name)
        self.stop(gate)
        for suffix in ("", "-wal", "-shm"):
            Path(f"{gate.folder.peers}{suffix}").unlink(missing_ok=True)
        if (kept / "peers.db").exists():
            shutil.copy(kept / "peers.db", gate.folder.peers)
        self.start(gate)
        self.account()

    def do_central(self, gate: Gate) -> None:
        """The server is restored from a backup, and nobody says so."""
        if not self.central_backups or not self.has_central:
            return
        self.bound.forget("central")
        self.engine.dispose()
        for suffix in ("-wal", "-shm"):
            Path(f"{self.central_path}{suffix}").unlink(missing_ok=True)
        copy_database(self.random.choice(self.central_backups), self.central_path)
        self.engine = self.open_central()
        self.forgotten.after_restore(self)
        self.claimed.clear()
        for one in self.gates:
            self.connect(one)
        self.outbox.clear()
        self.account()
        with self.engine.connect() as connection:
            self.made = counts.totals(connection, EVENT)["tickets"]
        for _ in range(self.random.randint(0, 4)):
            self.do_issue(gate)

    def do_clone(self, gate: Gate) -> None:
        if len(self.gates) >= 8:
            return
        self.note(gate)
        self.stop(gate)
        name = f"{gate.name}c{len(self.gates)}"
        copy_folder(gate.folder.path, self.root / name)
        clone = Gate(name, Folder(self.root / name), Clock(self, gate.clock.off_ms))
        clone.last_hash, clone.seen_row = gate.last_hash, gate.seen_row
        clone.revoked, clone.shuns = gate.revoked, set(gate.shuns)
        self.gates.append(clone)
        self.start(gate)
        self.start(clone)
        self.backup_gate(clone)

    def do_clock(self, gate: Gate) -> None:
        self.bound.forget(gate.name)
        gate.clock.off_ms += self.random.choice([-10_800_000, 5_000, 3_600_000, -400_000])

    def do_issue(self, gate: Gate) -> None:
        def job(connection: Connection) -> None:
            if self.random.random() < 0.5:
                self.issue(connection, 1)
            else:
                id_ = f"t{self.random.randrange(self.made)}"
                number = self.random.randrange(1000)
                if erasing.which_erased(connection, EVENT, [id_]):
                    return
                fields = {"id": id_, "status_note": f"note {number}"}
                status = ("revoked", "normal", "deleted", "")[number % 4]
                self.restate(connection, fields | ({"status": status} if status else {}))

        made = self.made
        try:
            in_transaction(self.engine, job)
        except BaseException:
            with self.engine.connect() as connection:
                self.made = counts.totals(connection, EVENT)["tickets"]
            assert made <= self.made
            raise

    def do_stick(self, gate: Gate) -> None:
        """Somebody carries a journal over by hand."""
        other = self.random.choice(self.gates)
        if other.device == gate.device or not (gate.peer_store and other.peer_store):
            return
        key = DeviceKey(other.folder)
        for origin in other.peer_store.own_have():
            run = other.peer_store.entries.span(Span(origin, 0), 500)
            head = key.sign(origin, run[-1].seq, run[-1].hash)
            gate.peer_store.intake.accept(
                [one.body for one in run],
                other.device,
                [head],
                verifier(lambda d: self.keys.get(d, "")),
            )

    # Between gates

    def do_wire(self, gate: Gate) -> None:
        """A stream between two gates begins, or ends with all that was on its way."""
        other = self.random.choice(self.gates)
        wire = self.wire_of(gate, other)
        if wire is not None:
            self.cut(wire)
        else:
            self.link(gate, other)

    def wire_of(self, one: Gate, other: Gate) -> Wire | None:
        return next((w for w in self.wires if one in w.ends and other in w.ends), None)

    def link(self, one: Gate, other: Gate) -> Wire | None:
        if one.device == other.device or one.device in other.shuns or other.device in one.shuns:
            return None
        for at, to in ((one, other), (other, one)):
            # A gate hears one machine of an id, whatever was cloned.
            for wire in list(self.wires):
                if at in wire.ends and any(end.device == to.device for end in wire.ends):
                    self.cut(wire)
        wire = Wire((one, other), (self.end(other), self.end(one)))
        self.wires.append(wire)
        for end, link in zip(wire.ends, wire.links, strict=True):
            assert end.others
            end.others.receive(Connected(link))
        return wire

    def end(self, other: Gate) -> Link:
        return Link(other.device, self.keys[other.device], "", False, None, 0.0)  # type: ignore[arg-type]

    def cut(self, wire: Wire) -> None:
        if wire in self.wires:
            self.wires.remove(wire)
            for end, link in zip(wire.ends, wire.links, strict=True):
                if end.others is not None:
                    end.others.receive(Disconnected(link, ""))

    def do_beat(self, gate: Gate) -> None:
        assert gate.others
        gate.others.publish()
        if self.random.random() < 0.5:
            hears = gate.online and self.has_central and not gate.revoked
            gate.others.heartbeat(Heartbeat(name=gate.name), is_central_connected=hears)

    def do_word(self, _gate: Gate) -> None:
        """What a gate has said arrives at another."""
        busy = [(w, n) for w in self.wires for n in (0, 1) if w.coming[n]]
        if busy:
            wire, at = self.random.choice(busy)
            self.word(wire, at, self.garble(wire.coming[at].popleft()))

    def word(self, wire: Wire, at: int, data: bytes) -> None:
        gate = wire.ends[at]
        assert gate.others
        try:
            word = msgspec.json.decode(data, type=PeerMessage)
        except msgspec.DecodeError:
            self.cut(wire)
            return
        self.sent += len(word.frame.entries)
        gate.others.receive(MessageReceived(wire.links[at], word))

    def do_revoke(self, gate: Gate) -> None:
        """A device is found to be lost: the server takes nothing from it, nor who hears of it."""
        others = [one for one in self.gates if one.device != gate.device and not one.revoked]
        if len({one.device for one in others}) < 2:
            return
        for one in self.gates:
            if one.device == gate.device:
                one.revoked = True
        self.note(gate)

    def do_news(self, gate: Gate) -> None:
        """A gate hears by the feed who was revoked; until then it has believed them."""
        if gate.revoked:
            return
        gate.shuns |= {one.device for one in self.gates if one.revoked}
        for wire in [w for w in self.wires if gate in w.ends]:
            if any(end.device in gate.shuns for end in wire.ends):
                self.cut(wire)

    def do_lie(self, gate: Gate) -> None:
        """A member forges, alters, replays, re-orders, or tells everybody another story."""
        if gate.peer_store is None or gate.revoked:
            return
        known = list(self.bodies.values())
        raw, signed_tips, made = self.liar.lie(self.random, known, self.now_ms)
        for body in made:
            entry, digest = entry_codec.decode(body), entry_codec.digest(body).hex()
            self.bodies[digest], self.home[digest] = body, False
            self.after[LIAR, entry.prev].add(digest)
        assert gate.others
        if LIAR not in gate.others.connected:
            gate.others.receive(Connected(Link(LIAR, self.keys[LIAR], "", False, None, 0.0)))  # type: ignore[arg-type]
        word = self.liar.word(
            self.random, raw, signed_tips, known, [one.device for one in self.gates]
        )
        link = gate.others.connected[LIAR].link
        gate.others.receive(MessageReceived(link, roundtrip(word, PeerMessage)))

    def do_flood(self, gate: Gate) -> None:
        """A member tells a gate or the server more than anybody should take in."""
        if gate.peer_store is None or gate.revoked:
            return
        to_central = self.has_central and self.random.random() < 0.5
        for _ in range(self.random.randint(1, 3)):
            raw, signed_tips, made = self.flooder.flood(self.random, self.now_ms)
            for body in made:
                entry, digest = entry_codec.decode(body), entry_codec.digest(body).hex()
                self.bodies[digest], self.home[digest] = body, False
                self.after[FLOODER, entry.prev].add(digest)
            frame = Frame(entries=[msgspec.Raw(body) for body in raw], signed_tips=signed_tips)
            if to_central:
                self.flood_central(frame)
            else:
                self.flood_gate(gate, frame)

    def flood_central(self, frame: Frame) -> None:
        before = of_flooder(self.held_by_central().values())
        central_answers(self, FLOODER, roundtrip(SyncRequest(frame), SyncRequest))
        after = of_flooder(self.held_by_central().values())
        self.bound.check("central", before, after, self.now_ms)

    def flood_gate(self, gate: Gate, frame: Frame) -> None:
        assert gate.others
        if FLOODER not in gate.others.connected:
            link = Link(FLOODER, self.keys[FLOODER], "", False, None, 0.0)  # type: ignore[arg-type]
            gate.others.receive(Connected(link))
        before = of_flooder(self.held_by(gate).values())
        link = gate.others.connected[FLOODER].link
        gate.others.receive(MessageReceived(link, roundtrip(PeerMessage(frame), PeerMessage)))
        after = of_flooder(self.held_by(gate).values())
        self.bound.check(gate.name, before, after, gate.clock.read().wall_ms)

    # The end

    def heal(self) -> None:
        for gate in self.gates:
            self.do_news(gate)
        for gate in self.gates:
            if gate.revoked:
                for digest in own_hashes(gate.folder):
                    self.home[digest] = False
        self.account()
        self.revoked = [gate for gate in self.gates if gate.revoked]
        self.gates = [gate for gate in self.gates if not gate.revoked]
        for gate in self.gates:
            gate.online = True
            self.connect(gate)
        self.outbox.clear()
        self.expected = set(self.bodies) - self.lost
        for _ in range(60):
            before = self.versions()
            # What is over somebody's allowance comes in later.
            self.now_ms += 3_600_000
            if self.has_central:
                for gate in self.gates:
                    self.settle(gate)
            else:
                self.settle_alone()
            if self.versions() == before:
                break
        else:
            raise AssertionError("it never came to rest")
        self.compare_again()

    def compare_again(self) -> None:
        """Whoever holds the same as another finds that out without a single entry being sent."""
        if not self.has_central:
            self.sent = 0
            for gate in self.gates:
                assert gate.others
                for peer in gate.others.connected.values():
                    peer.peer_session.compare()
                gate.others.heartbeat(Heartbeat(name=gate.name), is_central_connected=False)
            self.pump()
            assert self.sent == 0, "told again what was held"
            return
        for gate in self.gates:
            assert gate.server_session
            gate.server_session.needs_whole, is_done = True, False
            while not is_done:
                ask = gate.server_session.next_request()
                answer = central_answers(self, gate.device, roundtrip(ask, SyncRequest))
                assert not ask.frame.entries, "told again what was held"
                assert not answer.frame.entries, "told again what was held"
                heard = gate.server_session.receive(
                    roundtrip(answer, SyncResponse), self.now_ms, to_whole=True
                )
                is_done = not heard.more

    def settle_alone(self) -> None:
        """Every gate meets every other, and they talk until nobody has anything to say."""
        for n, one in enumerate(self.gates):
            for other in self.gates[n + 1 :]:
                if self.wire_of(one, other) or self.link(one, other):
                    self.meet(one, other)
        self.meet(*self.gates)

    def meet(self, *gates: Gate) -> None:
        """Some of them talk for as long as somebody learns anything, and a little longer."""
        for gate in gates:
            assert gate.others
            for peer in gate.others.connected.values():
                peer.peer_session.compare()
        quiet = 0
        # Long enough to ask everybody who says to hold something, those that lie before the others:
        # two machines of one id are never heard at once, so this may be their only chance.
        while quiet < 12:
            before = self.versions_of_gates()
            for gate in gates:
                assert gate.others
                gate.others.heartbeat(Heartbeat(name=gate.name), is_central_connected=False)
            self.pump()
            quiet += 1
            if self.versions_of_gates() != before:
                quiet = 0

    def pump(self) -> None:
        for _ in range(4000):
            busy = [(w, n) for w in self.wires for n in (0, 1) if w.coming[n]]
            if not busy:
                return
            wire, at = busy[0]
            self.word(wire, at, wire.coming[at].popleft())
        raise AssertionError("they never stop talking")

    def settle(self, gate: Gate) -> None:
        assert gate.server_session
        assert gate.feed
        for _ in range(400):
            gate.server_session.needs_whole = True
            ask = gate.server_session.next_request()
            answer = central_answers(self, gate.device, roundtrip(ask, SyncRequest))
            heard = gate.server_session.receive(
                roundtrip(answer, SyncResponse), self.now_ms, to_whole=True
            )
            quiet = not heard.more and not heard.new and not ask.frame.entries
            if quiet and not gate.server_session.has_to_send():
                break
        for _ in range(200):
            try:
                page = in_transaction(
                    self.engine,
                    lambda c: feed.changes(c, EVENT, gate.feed.cursor, self.now_ms),  # type: ignore[union-attr]
                )
            except ResyncNeeded:
                self.snapshot(gate)
                continue
            if not page.changes:
                return
            gate.feed.apply(roundtrip(page, Changes))
            self.draw(gate)

    def versions(self) -> list[int]:
        """Another list once anybody has learnt anything."""
        with self.engine.connect() as connection:
            held = connection.execute(select(func.count()).select_from(tables.entry)).scalar_one()
        return [held, *self.versions_of_gates()]

    def versions_of_gates(self) -> list[int]:
        return [gate.peer_store.entries.version for gate in self.gates if gate.peer_store]

    def check(self) -> None:
        central = self.held_by_central() if self.has_central else self.held_by(self.gates[0])
        assert self.expected <= set(central), "entries were lost"
        assert set(central) <= set(self.bodies), "entries were made up"
        real = [body for body in central.values() if entry_codec.decode(body).device != LIAR]
        names = Counter(entry_codec.decode(body).name for body in real)
        assert max(names.values(), default=1) == 1, "one name was given twice"
        for gate in self.gates:
            held = self.held_by(gate)
            assert set(held) == set(central), f"{gate.name} holds other entries"
            assert own_hashes(gate.folder).isdisjoint(peer_hashes(gate.folder)), "doubled"
            assert gate.server_session
            assert gate.peer_store
            assert not self.has_central or gate.server_session.unacked() == 0, (
                "no receipt in the end"
            )
            rejected = set(gate.peer_store.quarantine._counts)
            assert rejected <= {FLOODER}, f"{gate.name} has rejected {rejected}"
        counted = self.counted_of(central)
        self.check_states([entry_codec.decode(body) for body in counted.values()])
        self.check_irregular(counted)
        self.check_alarms(set(central))
        if self.has_central:
            self.check_tickets()
            self.forgotten.check(self)

    def counted_of(self, held: dict[str, bytes]) -> dict[str, bytes]:
        """What has an effect, by the feed of which all are at the end."""
        with self.engine.connect() as connection:
            until = until_of(devices.members(connection, EVENT))
        made = {digest: entry_codec.decode(body) for digest, body in held.items()}
        return {digest: held[digest] for digest in effective(made, until)}

    def check_states(self, everything: list[Entry]) -> None:
        by_ticket: dict[str, list[Entry]] = defaultdict(list)
        for entry in everything:
            if entry.ticket:
                by_ticket[entry.ticket].append(entry)
        # A server that was restored to before a ticket was made does not know how often it is good.
        limits = {f"t{n}": 2 if n % 5 in (2, 4) and n < self.made else 1 for n in range(10_000)}
        truth = {t for t, es in by_ticket.items() if overfull(es, limits[t])}
        facts = standing(everything) + standing_counts(everything)
        if self.has_central:
            with self.engine.connect() as connection:
                central = {c.ticket for c in conflicts.find_conflicts(connection, EVENT)}
                assert central == truth, f"conflicts {central} are not {truth}"
                for ticket, es in by_ticket.items():
                    assert journals.history(connection, EVENT, ticket) == fold(es)
                counted = counts.by_gate(connection, EVENT)
            assert sum(c.admitted - c.exited for c in counted) == net(facts), "the server's tally"
        else:
            for gate in self.gates:
                with Fleet(gate.folder) as venue:
                    found = {c.ticket for c in find_conflicts(venue)}
                assert found == truth, f"{gate.name}: conflicts {found} are not {truth}"
        for gate in self.gates:
            assert gate.lane
            assert gate.peer_store
            for ticket, es in by_ticket.items():
                seen = history_at(gate.lane, ticket)
                assert seen == fold(es), f"{gate.name} sees another history of {ticket}"
                heard = read_facts(gate.peer_store.file.connection, ticket)
                if heard:
                    assert read_peer_history(gate.peer_store.file.connection, ticket) == fold(heard)
            rows = 0
            for path in (gate.folder.journal, gate.folder.peers):
                if path.exists():
                    connection_ = open_reader(path)
                    # A gate that died as it made its file and never scanned since has no tables.
                    with suppress(sqlite3.OperationalError):
                        rows += connection_.execute(
                            "SELECT coalesce(sum(admitted) - sum(exited), 0) FROM tally"
                        ).fetchone()[0]
                    connection_.close()
            assert rows == net(facts), f"{gate.name} counts {rows}, true is {net(facts)}"

    def check_irregular(self, held: dict[str, bytes]) -> None:
        """Server and gates derive the same, and that is what happened."""
        made = {digest: entry_codec.decode(body) for digest, body in held.items()}
        for digest, entry in made.items():
            # An override is decided on what was shown, an undo on no list at all.
            if entry.outcome and not entry.overruled and digest in self.true_list:
                assert entry.position == self.true_list[digest], "decided on another list"
        with self.engine.connect() as connection:
            rows = all_told(connection)
            found = conflicts.irregular_admissions(connection, EVENT)
        states: dict[str, list[Standing]] = defaultdict(list)
        for row in rows if self.has_central else rows[: len(TYPES) + TICKETS + 1]:
            if row.kind == "ticket":
                status = msgspec.json.decode(row.body).get("status")
                at_ms = self.changed_at.get(row.id, START_MS)
                states[row.ref].append(Standing(row.seq, at_ms, status in ("revoked", "deleted")))
        truth = {
            (entry.ticket, entry.name, kind)
            for entry in standing(list(made.values()))
            if entry.act is Act.ADMISSION and (kind := irregularity(entry, states[entry.ticket]))
        }
        if self.has_central:
            assert told(found) == truth, f"irregular {told(found)} are not {truth}"
        for gate in self.gates:
            with Fleet(gate.folder) as venue:
                seen = irregular_admissions(venue)
            assert told(seen) == truth, f"{gate.name}: irregular {told(seen)} are not {truth}"
            assert not self.has_central or seen == found
        if not self.counted["do_central"] and not self.counted["do_restore"]:
            self.check_irregular_is_true(made, states, {(name, kind) for _t, name, kind in truth})

    def check_irregular_is_true(
        self,
        made: dict[str, Entry],
        states: "dict[str, list[Standing]]",
        judged: set[tuple[str, str]],
    ) -> None:
        """By the world's own clock, where the gate's was as good as it was said to be."""
        known = set(standing(list(made.values())))
        for digest, entry in made.items():
            if entry not in known or entry.act is not Act.ADMISSION or digest not in self.true_ms:
                continue
            true_ms, kinds = self.true_ms[digest], {k for name, k in judged if name == entry.name}
            error_ms = abs(entry.at_ms + (entry.server_ahead_ms or 0) - true_ms)
            may_be_wrong_ms = 300_000 if entry.server_ahead_ms is None else 5_000
            if not entry.trusted or error_ms > may_be_wrong_ms:
                continue
            before = [one for one in states[entry.ticket] if one.at_ms < true_ms]
            is_void = bool(before) and before[-1].is_void
            if is_void:
                assert kinds & {"against_list", "irregular", "cannot_be_told"}, "nobody hears of it"
            elif entry.overruled not in (Reason.REVOKED, Reason.DELETED):
                assert not kinds & {"against_list", "irregular"}, "somebody is accused"

    def check_alarms(self, held: set[str]) -> None:
        truth = {d for (d, _prev), nexts in self.after.items() if len(nexts & held) > 1}
        if self.has_central:
            with self.engine.connect() as connection:
                found = {a.device for a in conflicts.find_alarms(connection, EVENT)}
            assert found == truth, f"alarms for {found}, true is {truth}"
        for gate in self.gates:
            assert gate.peer_store
            assert {a.device for a in gate.peer_store.alarms()} == truth

    def check_tickets(self) -> None:
        with self.engine.connect() as connection:
            truth = {
                one.id: (one.body, {h: str(s) for h, s in one.codes.items()})
                for one in ticket_store.all_tickets(connection, EVENT)
            }
        for gate in self.gates:
            assert gate.feed
            db = gate.feed.file.connection()
            assert db
            codes: dict[str, dict[bytes, str]] = defaultdict(dict)
            for id_, hash_, state in db.execute(
                "SELECT k.id, c.hash, c.state FROM code c JOIN ticket k ON k.row = c.ticket"
            ):
                codes[id_][hash_] = state
            found = {
                id_: (body, codes[id_]) for id_, body in db.execute("SELECT id, body FROM ticket")
            }
            assert found == truth, f"{gate.name} has other tickets"

    def close(self) -> None:
        FUSE.set(-1, after=False)
        for gate in [*self.gates, *getattr(self, "revoked", ())]:
            self.stop(gate)
        self.engine.dispose()


def central_answers(world: World, device: str, ask: SyncRequest) -> SyncResponse:
    """The server's turn, as its application does it."""
    carried, rejected = read_bodies(bytes(raw) for raw in ask.frame.entries)
    vouched = {(h.origin, h.seq, h.hash) for h in ask.frame.signed_tips if world.verify(h)}

    def job(connection: Connection) -> SyncResponse:
        push = intake.Push(device, carried, vouched, ask.frame.signed_tips)
        taken = intake.accept(connection, EVENT, [push], world.memory, now_ms=world.now_ms)
        frame = journals.answer(connection, EVENT, ask.frame, taken.tips)
        left = {"rejected": rejected, "later": sorted(taken.later)}
        return SyncResponse(msgspec.structs.replace(frame, **left), world.now_ms)

    return in_transaction(world.engine, job)


def join(connection: Connection, folder: Folder) -> None:
    """Let a gate know the event's authority."""
    authority = feed.authority_of(connection, EVENT).certificate
    member = Membership(folder.device_id(), "", authority)
    (folder.path / MEMBER).write_bytes(msgspec.json.encode(member))


def write_snapshot(connection: Connection, path: Path, now_ms: int) -> Snapshot:
    """A replica as the server makes it, without its packing."""
    path.unlink(missing_ok=True)
    shutil.copy(replica_template(), path)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN")
    cursor = feed.cursor_of(connection, EVENT)
    epoch, seq, _id = cursor.split(":")
    for id_, body in ticket_store.all_types(connection, EVENT):
        put_type(db, id_, body)
    for one in ticket_store.all_tickets(connection, EVENT):
        put_ticket(db, None, one, is_found=False)
    for member in devices.members(connection, EVENT):
        put_member(db, member)
    key = connection.execute(tables.event.select()).one().key
    chained = feed.chain_hash_of(connection, EVENT)
    meta = {"key": key, "epoch": epoch, "seq": seq, "cursor": cursor, "chain_hash": chained.hex(),
            "built_ms": str(now_ms)}  # fmt: skip
    put_meta(db, meta)
    db.execute("COMMIT")
    db.close()
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    checkpoint = feed.authority_of(connection, EVENT).checkpoint(
        cursor, chained, now_ms, File(digest, len(content))
    )
    return Snapshot(f"tickets-{epoch}-{seq}.db", cursor, len(content), digest, 0, checkpoint)


def history_at(lane: Lane, ticket: str) -> History:
    """What the lane would decide on."""
    kept: Any = SimpleNamespace(id=ticket, unseen_as=())
    return lane._do(lambda: lane._files.histories(kept)[1])


def standing(es: list[Entry]) -> list[Entry]:
    # By ticket too: of a device that goes on twice, two entries have one name.
    undos = [e for e in es if e.act is Act.ANNULMENT]
    gone = {(e.ticket, e.target) for e in undos if e.target.startswith(f"{e.device}.")}
    facts = [e for e in es if e.act in FACTS and e.act is not Act.ANNULMENT]
    return [e for e in facts if (e.ticket, e.name) not in gone]


def net(es: list[Entry]) -> int:
    came_in = (Act.ADMISSION, Act.COUNT_IN)
    return sum(e.persons if e.act in came_in else -e.persons for e in es)


class Standing(NamedTuple):
    """What one change has said of a ticket."""

    seq: int
    at_ms: int
    is_void: bool


def irregularity(entry: Entry, states: list[Standing]) -> str:
    """How an admission stands to what the feed said of its ticket, without the code under test."""
    seq = int(entry.position.partition(":")[2] or -1)
    listed = [one for one in states if one.seq <= seq]
    if entry.overruled in (Reason.REVOKED, Reason.DELETED) or (listed and listed[-1].is_void):
        return "against_list" if any(one.is_void for one in states) else ""
    later = [one for one in states if one.seq > seq]
    if not any(one.is_void for one in later):
        return ""
    if not entry.trusted:
        return "cannot_be_told"
    is_compared = entry.server_ahead_ms is not None
    at_ms = entry.at_ms + (entry.server_ahead_ms or 0)
    error_ms = 5_000 + (entry.server_error_ms or 0) if is_compared else 300_000
    moments = range(at_ms - error_ms, at_ms + error_ms + 1)
    edges = [one.at_ms for one in later if one.at_ms in moments]
    looks = {moments[0], moments[-1], *edges, *(at - 1 for at in edges if at - 1 in moments)}
    seen = {is_void_at(later, at) for at in looks}
    if seen == {True} and moments[0] not in edges:
        return "irregular"
    if True in seen:
        return "cannot_be_told"
    return "used_before_void" if later[-1].is_void else ""


def is_void_at(states: list[Standing], at_ms: int) -> bool:
    before = [one for one in states if one.at_ms <= at_ms]
    return bool(before) and before[-1].is_void


def told(found: list[Irregular]) -> set[tuple[str, str, str]]:
    """What was derived, to be compared."""
    return {(x.ticket, one.entry.name, one.kind.value) for x in found for one in x.admissions}


def list_of(folder: Folder) -> str:
    """The position of a gate's ticket list."""
    connection = open_reader(live_replica(folder))
    try:
        query = "SELECT value FROM meta WHERE key = 'cursor'"
        return str(connection.execute(query).fetchone()[0]).rpartition(":")[0]
    finally:
        connection.close()


def overfull(es: list[Entry], limit: int) -> bool:
    """Whether too many went in, counted without the code under test."""
    facts = standing(es)
    unknowing = [e for e in facts if e.act is Act.ADMISSION and e.overruled not in KNOWINGLY]
    went_out = sum(e.persons for e in facts if e.act is Act.EXIT)
    return (
        sum(e.uses for e in unknowing) > limit
        or sum(e.persons for e in unknowing) - went_out > limit
    )


def own_hashes(folder: Folder) -> set[str]:
    return _hashes(folder.journal)


def peer_hashes(folder: Folder) -> set[str]:
    return _hashes(folder.peers)


def _hashes(path: Path) -> set[str]:
    if not path.exists():
        return set()
    connection = open_reader(path)
    try:
        return {row[0].hex() for row in connection.execute("SELECT hash FROM entry")}
    except sqlite3.OperationalError:
        return set()
    finally:
        connection.close()


def copy_folder(source: Path, target: Path) -> None:
    """What a backup program sees of a folder: every database as of one moment."""
    target.mkdir(exist_ok=True)
    for path in source.iterdir():
        if path.suffix == ".db":
            copy_database(path, target / path.name)
        elif path.is_file() and not path.name.endswith(("-wal", "-shm", ".lock")):
            shutil.copy(path, target / path.name)


def copy_database(source: Path, target: Path) -> None:
    """The file and its log, as they are: nobody writes meanwhile."""
    for suffix in ("", "-wal"):
        part = Path(f"{source}{suffix}")
        if part.exists():
            shutil.copy(part, f"{target}{suffix}")
        else:
            Path(f"{target}{suffix}").unlink(missing_ok=True)


def roundtrip(message: Any, kind: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(message), type=kind)


def _burn(*_args: Any) -> None:
    FUSE.burn(lambda: None)


def _burn_commit(_connection: Any) -> None:
    if FUSE.in_commit:
        FUSE.in_commit = False
        raise Crash
    FUSE.burn(lambda: None)


@cache
def scratch() -> Path:
    """Where files cost nothing."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None, prefix="venue-gate-"))


@cache
def central_template() -> Path:
    path = scratch() / "central-template.db"
    open_database(f"sqlite:///{path}").dispose()
    return path


@cache
def replica_template() -> Path:
    path = scratch() / "replica-template.db"
    db = sqlite3.connect(path, isolation_level=None)
    schema.tickets.apply(Database(db))
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    return path


@cache
def compiled() -> tuple[Any, Any]:
    """A dialect of SQLAlchemy's, and what it has compiled so far."""
    engine = open_database(f"sqlite:///{central_template()}")
    engine.dispose()
    return engine.dialect, engine._compiled_cache


def follow_journal(holdings: PeerStore) -> bool:
    """Look into the journal only if anything was written since; true of any journal of a world."""
    commits, seen = FUSE.commits, getattr(holdings, "seen_commits", -1)
    is_longer = commits != seen and really_follow(holdings)
    holdings.seen_commits = commits  # type: ignore[attr-defined]
    return is_longer


really_follow = PeerStore.follow_journal


FRAME, HEAD_EVERY = 6, 2


@contextmanager
def short_frames() -> Iterator[None]:
    """Frames that hold a little of what there is, and heads to go with them."""

    def few(spans: Any, read: Any, *, most: int, most_bytes: int) -> Any:
        return replication.frame_of(spans, read, most=min(most, FRAME), most_bytes=most_bytes)

    with pytest.MonkeyPatch.context() as patch:
        for module in (held_entries, journals):
            patch.setattr(module, "frame_of", few)
        for module in (signed_tips, send_window):
            patch.setattr(module, "HEAD_EVERY", HEAD_EVERY)
        yield


@contextmanager
def false_world() -> Iterator[Callable[[str], None]]:
    """Random names by number, connections that can die; given is a way to name the world."""
    current: list[World] = []

    def use(world: Any) -> None:
        current[:] = [world]

    def token_hex(size: int) -> str:
        return current[0].mint(size)

    shim = SimpleNamespace(**{n: getattr(sqlite3, n) for n in dir(sqlite3) if n[0] != "_"})
    shim.connect = _connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_sqlite, "sqlite3", shim)
        nonces = SimpleNamespace(token_bytes=lambda size: bytes.fromhex(token_hex(size)))
        patch.setattr(sealed_answers, "secrets", nonces)
        for module in (journal, events, feed):
            patch.setattr(module, "secrets", SimpleNamespace(token_hex=token_hex))
        # Everybody checks the same few signatures, and nothing else here takes as long.
        patch.setattr(device_key, "is_good", cache(device_key.is_good))
        patch.setattr(PeerStore, "follow_journal", follow_journal)
        yield use


def run_history(seed: int) -> Counter[str]:
    """Live one history and check its end. Raises AssertionError when a law was broken."""
    root = Path(tempfile.mkdtemp(dir=scratch()))
    with ExitStack() as stack:
        use = stack.enter_context(false_world())
        stack.enter_context(small_limits())
        if seed % 4 == 3:
            stack.enter_context(short_frames())
        world = World(seed, root)
        use(world)  # type: ignore[arg-type]
        try:
            world.run()
        finally:
            world.close()
            shutil.rmtree(root, ignore_errors=True)
    return world.counted


if __name__ == "__main__":
    from tests.system.simulation_mutations import mutated

    with mutated(sys.argv[2] if len(sys.argv) > 2 else ""):
        print(run_history(int(sys.argv[1])))

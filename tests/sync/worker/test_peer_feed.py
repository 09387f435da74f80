"""Gates that take tickets from each other: no change is skipped, however long the chain is."""

import os
import random
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import Connection, Engine, event

import sync.server.feed
from gate.core.enrolment import Enrol
from gate.core.ticket_feed import (
    Change,
    Changes,
    Checkpoint,
    Cursor,
    File,
    ResyncNeeded,
    Snapshot,
    chain_hash,
)
from gate.errors import BusyError, DamagedError, StoreError
from gate.lists.intake import Wanted
from gate.reports.ticket_import import import_files
from gate.storage import feed_authority, remembered_changes, snapshot_cache, ticket_feed, venue_host
from gate.storage.certificates import Authority, Membership, save_membership
from gate.storage.checksums import read_meta
from gate.storage.event import EventRow
from gate.storage.feed_authority import FeedAuthority
from gate.storage.folder import Folder, Lock
from gate.storage.host_feed import HostFeed
from gate.storage.replica_file import FILE_NAME, chain_hash_here, live_replica
from gate.storage.sqlite import open_reader
from gate.storage.ticket_feed import Position, TicketFeed
from gate.storage.ticket_filling import MemberRow, put_change
from gate.storage.ticket_search import terms_of
from gate.storage.tickets import Tickets
from sync.server import devices, enrolment, events, feed, issuing, snapshot
from sync.server import tables as t
from sync.server.database import open_database
from sync.server.devices import State
from sync.server.http import Denied
from sync.worker import peer_feed
from sync.worker.feed_follower import FeedFollower, unpack
from sync.worker.peer_feed import PeerFeed, shared_file, shared_snapshot
from tests.support.venue import NOW_MS, fill, write_rows

EVENT = "show"
HISTORIES = int(os.environ.get("GATE_TEST_EXAMPLES", "20")) // 5
STEPS = 70


class Crash(Exception):
    """The power went."""


class Replica:
    """A gate's ticket file, and what it last asked."""

    def __init__(self, path: Path, authority: str) -> None:
        self.folder = Folder(path)
        self.folder.create()
        save_membership(self.folder, Membership(self.folder.device_id(), "", authority))
        self.feed = TicketFeed(self.folder)

    def restart(self) -> None:
        self.feed.close()
        self.feed = TicketFeed(self.folder)

    def begin(self, source: "Server | Neighbour", *, is_gate: bool | None = None) -> None:
        """A new snapshot from there, as the worker takes it."""
        is_gate = isinstance(source, Neighbour) if is_gate is None else is_gate
        client: Any = source
        following(self)._begin_anew(client, is_gate=is_gate)

    def seq(self) -> int:
        return Cursor.parse(self.feed.cursor).seq

    def rows(self) -> dict[tuple[str, str], tuple[str, Any]]:
        """Everything in it: by kind and id, the body and the codes."""
        connection = self.feed.file.connection()
        assert connection is not None
        return rows_of(connection)


def chain_hash_at(one: Replica) -> bytes:
    """What its next change will be linked to."""
    connection = one.feed.file.connection()
    assert connection
    return chain_hash_here(read_meta(connection))


def rows_of(connection: sqlite3.Connection) -> dict[tuple[str, str], tuple[str, Any]]:
    run = connection.execute
    found_by = {row: set(terms.split()) for row, terms in run("SELECT rowid, terms FROM search")}
    found: dict[tuple[str, str], tuple[str, Any]] = {
        ("type", id_): (body, {}) for id_, body in run("SELECT id, body FROM ticket_type")
    }
    for row, id_, body in run("SELECT row, id, body FROM ticket").fetchall():
        codes = run("SELECT hash, state FROM code WHERE ticket = ?", (row,)).fetchall()
        assert found_by.get(row, set()) == terms_of(body), "found by another name than its own"
        found["ticket", id_] = (body, {hashed.hex(): state for hashed, state in codes})
    for row in run("SELECT id, name, key, state, proof FROM member"):
        found["device", row[0]] = (msgspec.json.encode(MemberRow(*row)).decode(), {})
    return found


class Server:
    """What a gate asks of the server."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self.engine = engine
        self.directory = directory

    def changes(self, cursor: str, limit: int = 1000) -> Changes:
        with self.engine.connect() as connection:
            return feed.changes(connection, EVENT, cursor, NOW_MS, limit)

    def snapshot(self) -> Snapshot:
        with self.engine.connect() as connection:
            at = Cursor.parse(feed.cursor_of(connection, EVENT))
        found = snapshot_cache.find(self.directory, at)
        is_new = found and at.seq - Cursor.parse(found.cursor).seq < 5
        return found if found and is_new else snapshot.build(self.engine, EVENT, self.directory)

    def download(self, snapshot: Snapshot, part: Path, _progress: object) -> None:
        found = snapshot_cache.get(self.directory, snapshot.name)
        assert found
        shutil.copy(found[0], part)


class Neighbour:
    """What a gate asks of another."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def changes(self, cursor: str, limit: int = 1000) -> Changes:
        with PeerFeed(self.folder) as shared:
            return shared.page(cursor, limit)

    def snapshot(self) -> Snapshot:
        return shared_snapshot(self.folder)[0]

    def download(self, snapshot: Snapshot, part: Path, _progress: object) -> None:
        file = shared_file(self.folder, snapshot.name)
        assert file
        shutil.copy(file, part)


def forged(page: Changes, to: Replica, chance: random.Random) -> Changes:
    """What a lying gate may make of a page, with whatever seals it has."""
    at = Cursor.parse(to.feed.cursor)
    changes, checkpoint = list(page.changes), page.checkpoint
    n = chance.randrange(len(changes)) if changes else 0
    void = msgspec.Raw(b'{"id":"t0","type_id":"T0","status":"revoked"}')
    made = Change(at.seq + len(changes) + 1, "ab" * 8, "ticket", "t0", void)
    what = chance.choice(["body", "codes", "ref", "id", "drop", "add", "swap", "nothing"])
    if what == "add" or not changes:
        changes.append(made)
    elif what == "drop":
        del changes[n]
        changes = [msgspec.structs.replace(c, seq=at.seq + i) for i, c in enumerate(changes, 1)]
    elif what == "swap":
        chance.shuffle(changes)
        changes = [msgspec.structs.replace(c, seq=at.seq + i) for i, c in enumerate(changes, 1)]
    elif what in ("body", "codes", "ref", "id"):
        new = {"body": void, "codes": {"ab" * 32: "live"}, "ref": "t1", "id": "cd" * 8}[what]
        changes[n] = msgspec.structs.replace(changes[n], **{what: new})
    end = str(at._replace(seq=changes[-1].seq, id=changes[-1].id)) if changes else str(at)
    if checkpoint is not None:
        chained = chain_hash_at(to)
        for change in changes:
            chained = chain_hash(chained, change)
        checkpoints = [
            checkpoint,
            msgspec.structs.replace(checkpoint, cursor=end),
            msgspec.structs.replace(checkpoint, cursor=end, chain_hash=chained.hex()),
            msgspec.structs.replace(checkpoint, as_of_ms=checkpoint.as_of_ms + 1),
            Authority.mint().checkpoint(end, chained, NOW_MS),
        ]
        checkpoint = chance.choice(checkpoints)
    return Changes(changes, end, page.more, checkpoint)


class History:
    """A server, and three gates of which each has its tickets from the one before."""

    def __init__(self, path: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        path.mkdir()
        self.engine = open_database(f"sqlite:///{path}/central.db")
        # Nothing is proved here about the server's disk.
        event.listen(self.engine, "connect", lambda c, _r: c.execute("PRAGMA synchronous = OFF"))
        self.engine.dispose()
        with self.engine.begin() as connection:
            events.create_event(connection, EVENT, "Show", "UTC", NOW_MS)
            types = [{"id": f"T{n}", "kind": "meeting"} for n in range(2)]
            issuing.issue(connection, EVENT, issuing.Issue(types))
            authority = feed.authority_of(connection, EVENT).certificate
        self.server = Server(self.engine, path / "snapshots")
        self.types, self.made, self.codes = 2, 0, 0
        self.devices: list[str] = []
        self.chain = [Replica(path / name, authority) for name in "abc"]
        for n in range(3):
            self.install(n)

    def close(self) -> None:
        for one in self.chain:
            one.feed.close()
        self.engine.dispose()

    def run(self) -> None:
        acts: list[Callable[[], None]] = [
            self.issue, self.issue, self.change, self.change, self.state_anew, self.retype,
            self.device, self.pull, self.pull, self.pull, self.pull, self.crash, self.restart,
            self.refresh, self.lie,
        ]  # fmt: skip
        for _step in range(STEPS):
            self.chance.choice(acts)()
            self.check()
        for n in range(3):
            while self.follow(n, 1000):
                self.check()
        last = self.truth()
        assert [one.rows() for one in self.chain] == [last] * 3

    # What happens

    def write(self, job: Callable[[Connection], Any]) -> None:
        with self.engine.begin() as connection:
            job(connection)

    def code(self) -> str:
        self.codes += 1
        return f"CODE{self.codes}"

    def issue(self) -> None:
        count = self.chance.randint(1, 4)
        rows = [
            {"code": self.code(), "type": f"T{self.chance.randrange(self.types)}",
             "id": f"t{self.made + n}", "holder": f"Ann {self.made + n}"}
            for n in range(count)
        ]  # fmt: skip
        self.made += count
        self.write(lambda c: issuing.issue(c, EVENT, issuing.Issue(tickets=rows)))

    def change(self) -> None:
        if self.made:
            said = self.chance.choice(
                [{"status": "revoked", "status_note": "refund"}, {"status": "normal"},
                 {"holder": f"Bo {self.chance.random()}".replace(".", "")}, {"zone": "B"}]
            )  # fmt: skip
            one = {"id": f"t{self.chance.randrange(self.made)}", **said}
            self.write(lambda c: issuing.issue(c, EVENT, issuing.Issue(changes=[one])))

    def state_anew(self) -> None:
        """The ticket gets another code; the old one is replaced or transferred."""
        if self.made:
            n = self.chance.randrange(self.made)
            row = {"code": self.code(), "type": "T0", "id": f"t{n}"}
            self.write(lambda c: issuing.issue(c, EVENT, issuing.Issue(tickets=[row])))

    def retype(self) -> None:
        """A ticket becomes one of a type that is new."""
        if self.made:
            new = {"id": f"T{self.types}", "kind": "scenic", "title": "New"}
            row = {"code": self.code(), "type": f"T{self.types}",
                   "id": f"t{self.chance.randrange(self.made)}"}  # fmt: skip
            self.types += 1
            self.write(lambda c: issuing.issue(c, EVENT, issuing.Issue([new], [row])))

    def device(self) -> None:
        if not self.devices or self.chance.random() < 0.5:
            id_ = f"{len(self.devices):016x}"
            self.devices.append(id_)

            def enrol(connection: Connection) -> None:
                token, _end = enrolment.mint_token(connection, EVENT, f"Gate {id_}", NOW_MS)
                enrolment.enrol(connection, Enrol(token, id_, "ab" * 32), NOW_MS)

            self.write(enrol)
        else:
            id_, state = self.chance.choice(self.devices), self.chance.choice([*State])
            with self.engine.begin() as connection:
                try:
                    devices.set_state(connection, EVENT, id_, state)
                except Denied:
                    return

    def pull(self) -> None:
        self.follow(self.chance.randrange(3), self.chance.choice([1, 2, 3, 7]))

    def crash(self) -> None:
        """The power goes in the middle of a page."""
        n = self.chance.randrange(3)
        left = self.chance.randint(0, 3)

        def dies(connection: sqlite3.Connection, change: Change) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Crash
            put_change(connection, change)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ticket_feed, "put_change", dies)
            try:
                self.follow(n, 5)
            except Crash:
                self.chain[n].restart()

    def restart(self) -> None:
        self.chance.choice(self.chain).restart()

    def refresh(self) -> None:
        self.install(self.chance.randrange(3))

    # How tickets get there

    def follow(self, n: int, limit: int) -> bool:
        """One page from wherever the gate reads now; whether there was anything in it."""
        one = self.chain[n]
        try:
            page = self.page(n, limit)
        except ResyncNeeded:
            self.install(n)
            return True
        assert len({change.seq for change in page.changes}) == len(page.changes)
        if page.changes:
            one.feed.apply(page)
        return bool(page.changes)

    def page(self, n: int, limit: int) -> Changes:
        """What the gate is told, as it comes off the wire."""
        # Whoever is cut off from its neighbour may find the one behind it.
        at = n - 1 if self.chance.random() < 0.8 else 0
        source = Neighbour(self.chain[at].folder) if n else self.server
        page = source.changes(self.chain[n].feed.cursor, limit)
        return msgspec.json.decode(msgspec.json.encode(page), type=Changes)

    def lie(self) -> None:
        """A neighbour alters what it hands on, or makes something up."""
        n = self.chance.randrange(3)
        one = self.chain[n]
        try:
            page = self.page(n, 5)
        except ResyncNeeded:
            return
        with suppress(DamagedError):
            one.feed.apply(forged(page, one, self.chance))

    def install(self, n: int) -> None:
        one = self.chain[n]
        if n == 0:
            one.begin(self.server)
            return
        with suppress(DamagedError, ResyncNeeded):  # it is no newer, or leads nowhere
            one.begin(Neighbour(self.chain[n - 1].folder))
        if not one.folder.pointer.exists():
            one.begin(self.server)

    # What must hold

    def truth(self) -> dict[tuple[str, str], tuple[str, Any]]:
        return {ref: versions[-1][1] for ref, versions in self.versions().items()}

    def versions(self) -> dict[tuple[str, str], list[tuple[int, tuple[str, Any]]]]:
        """What the server has said of each thing, by number."""
        with self.engine.connect() as connection:
            rows = connection.execute(t.change.select().order_by(t.change.c.seq)).all()
        found: dict[tuple[str, str], list[tuple[int, tuple[str, Any]]]] = {}
        for row in rows:
            said = (row.body, msgspec.json.decode(row.codes))
            found.setdefault((row.kind, row.ref), []).append((row.seq, said))
        return found

    def check(self) -> None:
        """Each gate has everything as it was at its cursor, and nothing else."""
        versions = self.versions()
        for one in self.chain:
            seq = one.seq()
            then = {
                ref: [what for n, what in said if n <= seq][-1]
                for ref, said in versions.items()
                if said[0][0] <= seq
            }
            assert one.rows() == then, f"not as it was at {seq}"


def play(path: Path, seeds: range) -> None:
    """So many histories; the first that breaks a law is told by its seed."""
    for seed in seeds:
        history = History(path / str(seed), seed)
        try:
            history.run()
        except (AssertionError, DamagedError) as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        finally:
            history.close()


def test_nothing_is_skipped_in_a_chain(tmp_path: Path) -> None:
    """From server to gate to gate to gate, over crashes, restarts and snapshots."""
    play(tmp_path, range(HISTORIES))


def _apply_cursor_first(self: TicketFeed, page: Changes) -> None:
    connection = self.file.connection()
    assert connection
    connection.execute("UPDATE meta SET value = ? WHERE key = 'cursor'", (page.cursor,))
    _apply(self, page)


def _says_it_is_all(self: PeerFeed, cursor: str, limit: int = 1000) -> Changes:
    page = _page(self, cursor, limit)
    return Changes(page.changes, str(self.head()), checkpoint=page.checkpoint)


def _leaves_one_out(self: PeerFeed, cursor: str, limit: int = 1000) -> Changes:
    page = _page(self, cursor, limit)
    return msgspec.structs.replace(page, changes=[*page.changes[:1], *page.changes[2:]])


def _believes_seals(
    _self: FeedAuthority, checkpoint: Checkpoint | None, cursor: str, chained: str
) -> Checkpoint:
    return checkpoint or Checkpoint(cursor, chained)


def _believes_signatures(
    self: FeedAuthority, checkpoint: Checkpoint | None, cursor: str, chained: str
) -> Checkpoint:
    assert checkpoint
    return _checked(self, checkpoint, checkpoint.cursor, checkpoint.chain_hash)


def _copy_of_another_moment(real: Callable[..., Any], *given: Any) -> Any:
    made = real(*given)
    with closing(sqlite3.connect(given[2], isolation_level=None)) as copy:
        copy.execute("DELETE FROM ticket WHERE row = (SELECT max(row) FROM ticket)")
    return made


_page, _apply, _checked, _fill = (
    PeerFeed.page,
    TicketFeed.apply,
    FeedAuthority.checked,
    snapshot._fill,
)
FOLLOWS_ANYTHING = (ticket_feed, "_check_follows", lambda *_all: None)
MUTATIONS: dict[str, list[tuple[object, str, object]]] = {
    "the cursor before its page": [(TicketFeed, "apply", _apply_cursor_first)],
    "a cursor beyond its page": [
        (PeerFeed, "page", _says_it_is_all),
        (FeedAuthority, "checked", _believes_seals),
        FOLLOWS_ANYTHING,
    ],
    "a page with a hole": [
        (PeerFeed, "page", _leaves_one_out),
        (FeedAuthority, "checked", _believes_seals),
        FOLLOWS_ANYTHING,
    ],
    "a hole that is found": [(PeerFeed, "page", _leaves_one_out)],
    "nobody looks at seals": [(FeedAuthority, "checked", _believes_seals)],
    "any authority's checkpoint is good": [(feed_authority, "is_good", lambda *_all: True)],
    "a checkpoint of something else": [(FeedAuthority, "checked", _believes_signatures)],
    "changes are not linked": [
        (ticket_feed, "chain_hash", lambda before, _change: before),
        (sync.server.feed, "chain_hash", lambda before, _change: before),
    ],
    "a copy that names another moment": [
        (snapshot, "_fill", partial(_copy_of_another_moment, snapshot._fill))
    ],
}


@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.long
def test_a_broken_law_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Each way to skip a change fails some history."""
    for at, what, new in MUTATIONS[name]:
        monkeypatch.setattr(at, what, new)
    with pytest.raises(AssertionError, match="seed"):
        play(tmp_path, range(60))


# Without a server: a host, and what the others may ask of it


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Replica]:
    """The tickets of ``tests.support.venue`` at the host of a venue."""
    folder = Folder(tmp_path / "host")
    venue_host.create(folder, "Gala", "Host", "UTC")
    host = Replica(folder.path, venue_host.load(folder).authority)
    fill(host.folder)
    yield host
    host.feed.close()


def tell(host: Replica, id_: str, state: str = "enrolled") -> Cursor:
    """A change of the host's own; how far it is then."""
    body = msgspec.json.encode(MemberRow(id_, f"Gate {id_}", "ab" * 32, state))
    authority = venue_host.authority_of(host.folder)
    assert authority
    HostFeed(host.feed, authority).append("device", id_, body, NOW_MS)
    return Cursor.parse(host.feed.cursor)


def others(host: Replica) -> set[str]:
    """The devices that the host has told of."""
    return set(host.feed.members()) - {host.folder.device_id()}


@contextmanager
def follower(path: Path, host: Replica) -> Iterator[Replica]:
    """A gate with the host's tickets."""
    one = Replica(path, venue_host.load(host.folder).authority)
    one.begin(Neighbour(host.folder))
    yield one
    one.feed.close()


def page_of(source: Replica, cursor: str | Cursor, limit: int = 1000) -> Changes:
    with PeerFeed(source.folder) as shared:
        return shared.page(str(cursor), limit)


def test_a_change_of_the_hosts_own_reaches_the_others(host: Replica, tmp_path: Path) -> None:
    """It has the next number and a random id, and is followed from there."""
    before = Cursor.parse(host.feed.cursor)
    with follower(tmp_path / "gate", host) as gate:
        begun = gate.feed.position()
        made = [tell(host, "a"), tell(host, "b"), tell(host, "a", "revoked")]
        assert [one.seq - before.seq for one in made] == [1, 2, 3]
        assert len({one.id for one in made}) == 3
        first = page_of(host, gate.feed.cursor, 2)
        assert (len(first.changes), first.more, first.cursor) == (2, True, str(made[1]))
        gate.feed.apply(first)
        assert gate.feed.position() == Position(str(made[1]), NOW_MS) != begun
        gate.feed.apply(page_of(host, gate.feed.cursor))
        assert gate.feed.members() == host.feed.members()
        assert host.feed.members()["a"].state == "revoked"
        assert gate.feed.cursor == str(made[2])
        assert page_of(host, made[2]) == Changes([], str(made[2]))


def test_only_known_cursors_are_followed(host: Replica) -> None:
    """From before what is remembered, beyond the end, of another life, with another id: resync."""
    base = Cursor.parse(host.feed.cursor)
    end = tell(host, "a")
    assert page_of(host, base).cursor == str(end)
    wrong: list[str | Cursor] = [
        "", "x", base._replace(seq=base.seq - 1), end._replace(seq=end.seq + 1),
        end._replace(epoch="ffff"), end._replace(id="00"), base._replace(id="00"),
    ]  # fmt: skip
    for cursor in wrong:
        with pytest.raises(ResyncNeeded):
            page_of(host, cursor)


def test_two_lives_of_one_host_are_told_apart(host: Replica, tmp_path: Path) -> None:
    """A gate that has read more than the host's backup held is told so by the id, not a number."""
    with follower(tmp_path / "gate", host) as gate:
        kept, live = tmp_path / "backup.db", live_replica(host.folder)
        with closing(sqlite3.connect(kept)) as backup, closing(open_reader(live)) as now:
            now.backup(backup)
        tell(host, "a")
        gate.feed.apply(page_of(host, gate.feed.cursor))
        host.feed.close()
        live.write_bytes(kept.read_bytes())
        tell(host, "b")
        assert Cursor.parse(host.feed.cursor).seq == gate.seq()
        with pytest.raises(ResyncNeeded):
            page_of(host, gate.feed.cursor)


def test_a_number_alone_would_skip_changes(
    host: Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation of the test before: by its number the gate seems to have read it all."""
    monkeypatch.setattr(PeerFeed, "_is_known", lambda *_all: True)
    test = test_two_lives_of_one_host_are_told_apart
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        test(host, tmp_path)


def test_what_is_remembered_has_its_bound(host: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file does not grow for ever; whoever is further behind takes a snapshot."""
    monkeypatch.setattr(remembered_changes, "REMEMBERED", 5)
    begun = Cursor.parse(host.feed.cursor)
    made = [tell(host, f"d{n}") for n in range(30)]
    connection = host.feed.file.connection()
    assert connection is not None
    (count,) = connection.execute("SELECT count(*) FROM change").fetchone()
    assert 5 <= count <= 10
    for cursor in (begun, made[10]):
        with pytest.raises(ResyncNeeded):
            page_of(host, cursor)
    assert len(page_of(host, made[-1 - count]).changes) == count


def sealed(host: Replica, changes: list[Change], cursor: str) -> Changes:
    """A page as the host's authority would tell it, whatever is in it."""
    authority = venue_host.authority_of(host.folder)
    assert authority
    chained = chain_hash_at(host)
    for change in changes:
        chained = chain_hash(chained, change)
    return Changes(changes, cursor, checkpoint=authority.checkpoint(cursor, chained, NOW_MS))


def test_a_page_that_does_not_go_on_from_here_changes_nothing(host: Replica) -> None:
    """One that begins later, has a hole, ends elsewhere, is of another life or in disorder."""
    here = Cursor.parse(host.feed.cursor)
    body = msgspec.Raw(msgspec.json.encode(MemberRow("a", "A", "", "enrolled")))

    def page(*numbers: int, end: int, epoch: str = here.epoch, id_: str = "") -> Changes:
        changes = [Change(here.seq + n, f"{n:02x}", "device", "a", body) for n in numbers]
        return sealed(host, changes, f"{epoch}:{here.seq + end}:{id_ or f'{end:02x}'}")

    wrong = [
        page(2, end=2), page(1, 3, end=3), page(1, 2, end=3), page(1, end=1, epoch="ffff"),
        page(1, end=1, id_="ff"), page(end=1), page(2, 1, end=2), page(end=0),
        sealed(host, [], ""), sealed(host, [], "nonsense"),
    ]  # fmt: skip
    for one in wrong:
        with pytest.raises(DamagedError, match="do not go on"):
            host.feed.apply(one)
    assert host.feed.cursor == str(here)
    assert others(host) == set()
    host.feed.apply(page(1, 2, end=2))
    assert others(host) == {"a"}


@pytest.mark.parametrize(
    ("kind", "body", "codes"),
    [
        ("device", "[]", {}), ("device", '{"id": 7}', {}), ("ticket", '"x"', {}),
        ("ticket", "{}", {"no hex": "live"}), ("ticket", "{}", {"ab": "unheard of"}),
    ],
)  # fmt: skip
def test_nonsense_from_a_gate_changes_nothing(
    host: Replica, kind: Any, body: str, codes: dict[str, str]
) -> None:
    """What cannot be read is a fault that is told, and the cursor stays where it is."""
    here = Cursor.parse(host.feed.cursor)
    made = here._replace(seq=here.seq + 1, id="aa")
    change = Change(made.seq, made.id, kind, "x", msgspec.Raw(body.encode()), codes)
    with pytest.raises(DamagedError):
        host.feed.apply(sealed(host, [change], str(made)))
    assert host.feed.cursor == str(here)


def test_an_import_is_newer_for_everybody(host: Replica, tmp_path: Path) -> None:
    """Numbers go on, the devices stay, and the worker that had the file open goes on in the new."""
    end = tell(host, "a", "revoked")
    with follower(tmp_path / "gate", host) as gate:
        rows = write_rows(tmp_path / "more.jsonl", [{"code": "LATE", "type": "SHOW", "id": "z"}])
        import_files(host.folder, [rows], built_ms=NOW_MS + 7)
        after = Cursor.parse(host.feed.cursor)
        assert (after.epoch, after.seq) == (end.epoch, end.seq + 1)
        assert host.feed.members()["a"].state == "revoked"
        assert host.feed.position().as_of_ms == NOW_MS + 7
        with pytest.raises(ResyncNeeded):
            page_of(host, gate.feed.cursor)
        last = tell(host, "b")
        with follower(tmp_path / "other", host) as other:
            assert other.feed.cursor == str(last)
            assert others(other) == {"a", "b", host.folder.device_id()}
            assert ("ticket", "z") in other.rows()


def test_replacing_tickets_keeps_the_devices(host: Replica, tmp_path: Path) -> None:
    """``--replace`` forgets every ticket, and no revocation."""
    end = tell(host, "a", "revoked")
    rows = [{"id": "N", "kind": "meeting"}, {"code": "NEW", "type": "N", "id": "n"}]
    import_files(host.folder, [write_rows(tmp_path / "new.jsonl", rows)], Wanted(replace=True))
    assert Cursor.parse(host.feed.cursor)[:2] == (end.epoch, end.seq + 1)
    of_host = ("device", host.folder.device_id())
    assert set(host.rows()) == {("type", "N"), ("ticket", "n"), ("device", "a"), of_host}
    with closing(Tickets(host.folder)) as found:
        found.refresh()
        assert found.codes.match("NEW").ticket is not None
        assert found.codes.match("GOOD001").ticket is None
        assert [line.tickets for line in found.census()] == [1]


def test_a_list_of_a_gates_own_is_nobodys_source(tmp_path: Path) -> None:
    """What a gate imported before it joined is complete as of no moment of the venue's."""
    gate = Replica(tmp_path / "gate", "")
    fill(gate.folder)
    assert gate.feed.position().as_of_ms == 0
    assert gate.feed.cursor
    gate.feed.close()


def test_nothing_is_changed_while_tickets_are_imported(host: Replica) -> None:
    """It would be lost with the file it went into: it is refused, and done later."""
    before = host.feed.cursor
    lock = Lock(host.folder, "import")
    with pytest.raises(BusyError):
        tell(host, "a")
    assert host.feed.cursor == before
    lock.close()
    tell(host, "a")
    assert others(host) == {"a"}


def test_a_venue_begins_without_tickets(tmp_path: Path) -> None:
    """The devices are there to be told of; what is there already is left."""
    host = Replica(tmp_path / "host", "")
    with pytest.raises(StoreError), PeerFeed(host.folder):
        pass
    assert (host.feed.position(), host.feed.members()) == (Position("", 0), {})
    HostFeed(host.feed, Authority.mint()).begin(NOW_MS, EventRow("v", "Gala", "UTC"))
    begun = host.feed.cursor
    assert begun.endswith(":0:")
    HostFeed(host.feed, Authority.mint()).begin(NOW_MS + 1, EventRow("v", "Gala", "Europe/Berlin"))
    assert host.feed.cursor == begun
    assert page_of(host, begun) == Changes([], begun)
    host.feed.close()


# Copies


def kept(host: Replica) -> set[str]:
    """What lies ready for others."""
    return {path.name for path in host.folder.shared.iterdir() if path.name != "build.lock"}


def test_a_copy_is_kept_while_it_is_good(host: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made once, until more than so many changes came; then the two newest stay."""
    monkeypatch.setattr(snapshot_cache, "LATE_CHANGES", 3)
    names = []
    for _round in range(4):
        snapshot, file = shared_snapshot(host.folder)
        assert FILE_NAME.fullmatch(snapshot.name)
        assert shared_file(host.folder, snapshot.name) == file
        assert file.stat().st_size == snapshot.packed_bytes
        names.append(snapshot.name)
        for n in range(3):
            tell(host, f"d{n}")
        assert shared_snapshot(host.folder)[0] == snapshot
        tell(host, "one more")
    assert len(set(names)) == 4
    assert kept(host) == {f"{name}{end}" for name in names[-2:] for end in (".zst", ".json")}
    assert shared_file(host.folder, names[0]) is None
    assert shared_file(host.folder, "../venue.json") is None


def test_a_copy_nobody_could_go_on_from_is_not_given(host: Replica, tmp_path: Path) -> None:
    """After an import the changes before it are forgotten: an older copy would lead nowhere."""
    old, _file = shared_snapshot(host.folder)
    rows = write_rows(tmp_path / "more.jsonl", [{"code": "LATE", "type": "SHOW"}])
    import_files(host.folder, [rows])
    new, _file = shared_snapshot(host.folder)
    assert new.cursor == host.feed.cursor != old.cursor
    assert page_of(host, new.cursor) == Changes([], new.cursor)


def test_a_copy_has_everything_but_how_it_came(host: Replica, tmp_path: Path) -> None:
    """Key, cursor and time stay; it begins at its cursor, and is a file in WAL mode."""
    tell(host, "a")
    connection = host.feed.file.connection()
    assert connection is not None
    meta = read_meta(connection)
    snapshot, file = shared_snapshot(host.folder)
    part = tmp_path / "copy.db"
    unpack(file, part, snapshot)
    assert part.read_bytes()[18:20] == b"\x02\x02"
    with closing(open_reader(part)) as copy:
        found = read_meta(copy)
        assert (snapshot.cursor, snapshot.checkpoint.chain_hash) == (
            found["cursor"],
            found["chain_hash"],
        )
        assert found == {**meta, "base": meta["cursor"]}
        assert copy.execute("SELECT count(*) FROM change").fetchone() == (0,)
        assert rows_of(copy) == host.rows()


def test_a_copy_that_was_interrupted_is_begun_anew(
    host: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a dead process left is cleared away, and never given out."""
    for name in ("build.part", "build.part-wal", "build.part.zst.part"):
        host.folder.shared.mkdir(exist_ok=True)
        (host.folder.shared / name).write_bytes(b"half")
    with monkeypatch.context() as patch:
        patch.setattr(snapshot_cache, "write_durably", _crash)
        with pytest.raises(Crash):
            shared_snapshot(host.folder)
    snapshot, _file = shared_snapshot(host.folder)
    assert kept(host) == {f"{snapshot.name}.zst", f"{snapshot.name}.json"}
    (host.folder.shared / f"{snapshot.name}.zst").unlink()
    assert shared_snapshot(host.folder)[1].exists()


def _crash(*_all: object) -> None:
    raise Crash


def test_a_copy_is_made_once_for_all_who_wait(
    host: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gates that ask at once get the same."""
    made: list[Path] = []
    real = peer_feed._copy

    def counted(live: Path, part: Path) -> tuple[dict[str, str], int]:
        made.append(live)
        return real(live, part)

    monkeypatch.setattr(peer_feed, "_copy", counted)
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(shared_snapshot(host.folder)[0].sha256))
        for _n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(made), len(found), len(set(found))) == (1, 4, 1)


def test_a_file_that_is_no_replica_is_not_installed(host: Replica, tmp_path: Path) -> None:
    """One without a cursor, key or time is refused, whoever vouches for it; all stays as it is."""
    told, file = shared_snapshot(host.folder)
    before = host.folder.pointer.read_text()
    for said in ("cursor = ''", "key = 'xx'", "built_ms = 'soon'", "as_of_ms = 'later'"):
        part = tmp_path / "copy.part"
        unpack(file, part, told)
        key, _is, value = said.split()
        with closing(sqlite3.connect(part)) as copy, copy:
            copy.execute(f"UPDATE meta SET value = {value} WHERE key = ?", (key,))
        with pytest.raises(DamagedError):
            host.feed.install(part, told)
    assert host.folder.pointer.read_text() == before


# What a lying gate may try with a snapshot


def test_a_snapshot_is_the_authoritys(host: Replica, tmp_path: Path) -> None:
    """Another file, another cursor, another time or another venue's word: nothing is fetched."""
    tell(host, "a")
    told, file = shared_snapshot(host.folder)
    checkpoint, other = told.checkpoint, Authority.mint()
    said = File(told.sha256, told.bytes, told.packed_bytes)
    chained = bytes.fromhex(checkpoint.chain_hash)
    at = Cursor.parse(told.cursor)
    further = str(at._replace(seq=at.seq + 1))
    replace = msgspec.structs.replace
    lies = [
        replace(told, sha256="ab" * 32),
        replace(told, sha256="ab" * 32, checkpoint=replace(checkpoint, content="ab" * 32)),
        replace(told, cursor=further),
        replace(told, cursor=further, checkpoint=replace(checkpoint, cursor=further)),
        replace(told, checkpoint=replace(checkpoint, as_of_ms=checkpoint.as_of_ms + 1)),
        replace(told, checkpoint=other.checkpoint(told.cursor, chained, checkpoint.as_of_ms, said)),
        replace(told, bytes=told.bytes + 1),
        replace(told, packed_bytes=2**50),
        replace(told, bytes=2**50, checkpoint=replace(checkpoint, bytes=2**50)),
        replace(told, checkpoint=replace(checkpoint, signature="")),
        replace(told, checkpoint=replace(checkpoint, signature="zz")),
    ]
    with follower(tmp_path / "gate", host) as gate:
        before = gate.feed.cursor
        for lie in lies:
            with pytest.raises(DamagedError, match="authority"):
                gate.feed.authority.check_snapshot(lie)
        # A true word on a true file, of another moment than the file says.
        part = tmp_path / "copy.part"
        unpack(file, part, told)
        authority = venue_host.authority_of(host.folder)
        assert authority
        wrong = authority.checkpoint(further, chained, checkpoint.as_of_ms, said)
        with pytest.raises(DamagedError, match="authority"):
            gate.feed.install(part, replace(told, cursor=further, checkpoint=wrong))
        assert gate.feed.cursor == before


def test_older_tickets_are_not_taken_from_a_gate(host: Replica, tmp_path: Path) -> None:
    """A gate that was set back offers what the authority once said: true then, and older now."""
    with follower(tmp_path / "old", host) as old, follower(tmp_path / "gate", host) as gate:
        for n in range(3):
            tell(host, f"d{n}")
        rows = write_rows(tmp_path / "more.jsonl", [{"code": "LATE", "type": "SHOW", "id": "z"}])
        import_files(host.folder, [rows], built_ms=NOW_MS + 7)
        gate.begin(Neighbour(host.folder))
        before = gate.feed.cursor
        with pytest.raises(DamagedError, match="older"):
            gate.begin(Neighbour(old.folder))
        assert gate.feed.cursor == before


def test_a_copy_is_handed_on_as_it_came(host: Replica, tmp_path: Path) -> None:
    """A gate that is no host packs nothing of its own: the file is the one the authority sealed."""
    with follower(tmp_path / "one", host) as one:
        first, file = shared_snapshot(host.folder)
        for n in range(3):
            tell(host, f"d{n}")
        one.feed.apply(page_of(host, one.feed.cursor))
        second, same = shared_snapshot(one.folder)
        assert (second, same.read_bytes()) == (first, file.read_bytes())
        assert len(page_of(one, second.cursor).changes) == 3
        for path in one.folder.shared.iterdir():
            path.unlink()
        with pytest.raises(ResyncNeeded):
            shared_snapshot(one.folder)


def test_much_that_was_told_is_worth_a_new_snapshot(
    host: Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a gate remembers for others does not grow for ever: it begins anew with its source."""
    monkeypatch.setattr(remembered_changes, "REMEMBERED", 2)
    with follower(tmp_path / "gate", host) as gate:
        for n in range(5):
            assert not gate.feed.remembered.is_much()
            tell(host, f"d{n}")
            gate.feed.apply(page_of(host, gate.feed.cursor))
        assert gate.feed.remembered.is_much()
        monkeypatch.setattr(snapshot_cache, "LATE_CHANGES", 0)
        gate.begin(Neighbour(host.folder), is_gate=False)
        assert not gate.feed.remembered.is_much()


def test_an_older_snapshot_takes_nothing_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate that remembers much forgets what the server's file has, and stays where it is."""
    monkeypatch.setattr(remembered_changes, "REMEMBERED", 2)
    world = History(tmp_path / "venue", 1)
    gate, behind, _third = world.chain
    try:
        for _ in range(5):
            world.issue()
        older = world.server.snapshot()
        world.issue()
        while world.follow(0, 1000):
            pass
        here, rows = gate.feed.cursor, gate.rows()
        assert gate.feed.remembered.is_much()
        assert older.cursor != here
        monkeypatch.setattr(world.server, "snapshot", lambda: older)
        monkeypatch.setattr(TicketFeed, "install", lambda *_all: pytest.fail("went back"))
        following(gate).follow(cast("Any", world.server), here)
        assert (gate.feed.cursor, gate.rows()) == (here, rows)
        assert not gate.feed.remembered.holds(older.cursor)
        # There is nothing left that this file would help to forget.
        monkeypatch.setattr(world.server, "download", lambda *_all: pytest.fail("fetched again"))
        following(gate).follow(cast("Any", world.server), here)
        monkeypatch.undo()
        behind.begin(Neighbour(gate.folder))
        assert behind.feed.cursor == older.cursor
        following(behind).follow(cast("Any", Neighbour(gate.folder)), here, is_gate=True)
        assert behind.rows() == rows
    finally:
        world.close()


def following(one: Replica) -> FeedFollower:
    """What brings a replica up to its source."""
    return FeedFollower(one.folder, one.feed, lambda work: work(), lambda *_said: None)

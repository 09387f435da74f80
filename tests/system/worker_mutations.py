"""Promises of the sync worker broken on purpose: each must be caught by some history."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gate.core.model import CENTRAL
from gate.storage import own_journal
from gate.storage.peer_store import PeerStore
from gate.storage.peers_file import PeersFile
from gate.storage.sync_status import SyncStatus
from sync.transport import http_client
from sync.transport.http_client import ServerUnreachable
from sync.wire import SyncResponse
from sync.worker import worker
from sync.worker.peers import Peer
from sync.worker.worker import Worker

_back_off_s = worker._back_off_s
_call, _follow_feed, _said = Worker._call, Worker._follow_feed, Worker._said
_checkpoint = PeersFile.checkpoint
_heard, _listen, _lose = Worker._heard, Worker._listen, Worker._lose


def _nothing(*_given: Any, **_named: Any) -> None:
    pass


def _zero(*_given: Any, **_named: Any) -> int:
    return 0


def _never_longer(_failures: int, *, is_busy: bool = False) -> float:
    return _back_off_s(1, is_busy=is_busy)


def _never_reset(failures: int, *, is_busy: bool = False) -> float:
    return _back_off_s(failures + 100, is_busy=is_busy)


def _without_end(failures: int, *, is_busy: bool = False) -> float:
    return random.uniform(1, 2 ** min(failures, 10))


def _wait_in_vain(self: Worker, work: Callable[[], Any]) -> Any:
    """Nobody is served meanwhile."""
    return work()


def _deaf(self: Worker, work: Callable[[], Any]) -> Any:
    """To be asked to end while the server is asked is forgotten."""
    before = self._stopping
    found = _call(self, work)
    self._stopping = self._follower.is_stopping = before
    return found


def _heard_now(self: Worker, answer: SyncResponse, _came_ms: int) -> None:
    """What waited counts as heard when there is time for it."""
    _heard(self, answer, self._clock.read().boot_ms)


def _believe(self: Worker, cursor: str) -> int | None:
    """Whoever hears the server and has the same tickets shows that they are all there are."""
    assert self._gates is not None
    linked, hearing = self._gates.linked, self._gates.who_hear(CENTRAL)
    same = any(linked[device].heartbeat.report.cursor == cursor for device in hearing)
    return self._clock.read().boot_ms if same else None


def _as_told(_self: Peer, theirs_ms: int | None, _now_ms: int) -> int | None:
    return theirs_ms


def _look_over(self: PeersFile) -> None:
    """Without looking first whether the file is there."""
    presence, self.presence = self.presence, _Absent()  # type: ignore[assignment]
    try:
        _checkpoint(self)
    finally:
        self.presence = presence


class _Absent:
    def require(self) -> None:
        pass


def _by_name(path: Path) -> tuple[int, int] | None:
    """Whatever has a name is the same file."""
    return (0, hash(path)) if path.exists() else None


def _current(self: Worker, answer: SyncResponse, came_ms: int) -> None:
    """To be answered counts as having all tickets."""
    _heard(self, answer, came_ms)
    self._tickets_boot_ms = self._clock.read().boot_ms
    self._say()


def _tell_each(self: Worker, why: str) -> None:
    worker.log.warning("server: %s", why)
    _lose(self, why)


def _keep_link(self: Worker, why: str) -> None:
    self._last_error = why
    self._say()


def _listen_on(self: Worker) -> None:
    try:
        _listen(self)
    finally:
        self._link = "stream"


@contextmanager
def _said_twice(self: Worker) -> Iterator[None]:
    """Whoever started it is told the end as if it were news."""
    told = self._told
    try:
        with _said(self):
            yield
    except Exception as fault:
        told(SyncStatus(last_error=worker._told(fault)))
        raise


def _try_again(*_given: Any) -> ServerUnreachable:
    return ServerUnreachable("not now")


def _read_once(self: Worker) -> None:
    if not self._feed.cursor:
        _follow_feed(self)


Change = tuple[object, str, object]

MUTATIONS: dict[str, list[Change]] = {
    "a wait is never longer": [(worker, "_back_off_s", _never_longer)],
    "a wait is as long after a good time": [(worker, "_back_off_s", _never_reset)],
    "a wait has no bound": [(worker, "_back_off_s", _without_end)],
    "nothing is waited for": [(Worker, "_wait", _nothing)],
    "who packs is asked without a pause": [(Worker, "_pause", _nothing)],
    "it looks without a pause": [(worker, "LOOK_EVERY_S", 0.01)],
    "time stands still": [(worker, "LOOK_EVERY_S", 0.0)],
    "gates wait for the server": [(Worker, "_call", _wait_in_vain)],
    "gates are not told": [
        (worker.PeerSet, "tell", _nothing),
        (worker.PeerSet, "heartbeat", _nothing),
    ],
    "whoever ends it waits for ever": [(Worker, "stop", _nothing)],
    "whoever ends it while the server is asked waits for ever": [(Worker, "_call", _deaf)],
    "nothing is unsent": [(Worker, "_unacked", _zero)],
    "whoever is answered has all tickets": [(Worker, "_heard", _current)],
    "whoever hears the server has all tickets": [(Worker, "_current_by_gates", _believe)],
    "a moment is told by another's clock": [(Peer, "placed", _as_told)],
    "what waited is heard now": [(Worker, "_heard", _heard_now)],
    "a silent stream is believed": [(worker, "SILENCE_S", 1e9)],
    "a link that was lost is told on": [
        (Worker, "_lose", _keep_link),
        (Worker, "_listen", _listen_on),
    ],
    "each try is told": [(Worker, "_lose", _tell_each)],
    "its end is told twice": [(Worker, "_said", _said_twice)],
    "who was revoked tries again": [(http_client, "_unwelcome", _try_again)],
    "a lost peer store is not noticed": [
        (PeerStore, "look_after_files", _nothing),
        (PeersFile, "checkpoint", _nothing),
    ],
    "a lost peer store is looked over": [(PeersFile, "checkpoint", _look_over)],
    "a journal is known by its name": [(own_journal, "file_id", _by_name)],
    "tickets are read once": [(Worker, "_follow_feed", _read_once)],
}


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """One promise broken while the block runs; with no name, none."""
    changes = MUTATIONS[name] if name else []
    before = [(at, what, getattr(at, what)) for at, what, _new in changes]
    for at, what, new in changes:
        setattr(at, what, new)
    try:
        yield
    finally:
        for at, what, old in before:
            setattr(at, what, old)

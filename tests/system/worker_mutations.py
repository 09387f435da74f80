"""Promises of the sync worker broken on purpose: each must be caught by some history."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gate.core.entry import CENTRAL
from gate.core.event_device import DeviceReport
from gate.storage import own_journal
from gate.storage.peer_store import PeerStore
from gate.storage.peers_file import PeersFile
from gate.storage.sync_status import SyncStatus
from sync.transport import http_client
from sync.transport.http_client import ServerClient, ServerUnreachable
from sync.wire import SyncResponse
from sync.worker import event_pump, server_contact, server_link, status_writer
from sync.worker.event_pump import EventPump
from sync.worker.lan_link import LanLink
from sync.worker.peers import Peer, PeerSet
from sync.worker.server_link import ServerLink
from sync.worker.status_writer import StatusWriter
from sync.worker.ticket_sources import TicketSources
from sync.worker.worker import Worker

_back_off_s = server_link._back_off_s
_call = EventPump.call
_checkpoint = PeersFile.checkpoint
_follow_server = TicketSources.follow_server
_heartbeat = LanLink._heartbeat
_listen, _lose, _received = ServerLink._listen, ServerLink._lose, ServerLink._received
_until_the_end = StatusWriter.until_the_end


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


def _wait_in_vain(self: EventPump, work: Callable[[], Any]) -> Any:
    """Nobody is served meanwhile."""
    return work()


def _deaf(self: EventPump, work: Callable[[], Any]) -> Any:
    """To be asked to end while the server is asked is forgotten."""
    before = self.stop.is_set
    found = _call(self, work)
    self.stop.is_set = before
    return found


def _received_now(self: ServerLink, response: SyncResponse, _came_ms: int) -> None:
    """What waited counts as heard when there is time for it."""
    _received(self, response, self._files.clock.read().boot_ms)


def _believe(self: LanLink, report: Callable[[], DeviceReport]) -> None:
    """Whoever hears the server and has the same tickets shows that they are all there are."""
    connected, hearing = self.peers.connected, self.peers.connected_to(CENTRAL)
    cursor = self._files.feed.cursor
    if any(connected[device].heartbeat.report.cursor == cursor for device in hearing):
        self._sources.be_current(self._files.clock.read().boot_ms)
    _heartbeat(self, report)


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


def _current(self: ServerLink, response: SyncResponse, came_ms: int) -> None:
    """To be answered counts as having all tickets."""
    _received(self, response, came_ms)
    self._sources.current_ms = self._files.clock.read().boot_ms
    self._status.write()


def _tell_each(self: ServerLink, why: str) -> None:
    server_link.log.warning("server: %s", why)
    _lose(self, why)


def _keep_link(self: ServerLink, why: str) -> None:
    self._contact.last_error = why
    self._status.write()


def _listen_on(self: ServerLink) -> None:
    try:
        _listen(self)
    finally:
        self._contact.link = "stream"


@contextmanager
def _end_twice(self: StatusWriter) -> Iterator[None]:
    """Whoever started it is told the end as if it were news."""
    notify = self._notify
    try:
        with _until_the_end(self):
            yield
    except Exception as fault:
        notify(SyncStatus(last_error=status_writer._message_of(fault)))
        raise


def _try_again(*_given: Any) -> ServerUnreachable:
    return ServerUnreachable("not now")


def _read_once(self: TicketSources, server: ServerClient) -> None:
    if not self._files.feed.cursor:
        _follow_server(self, server)


Change = tuple[object, str, object]

MUTATIONS: dict[str, list[Change]] = {
    "a wait is never longer": [(server_link, "_back_off_s", _never_longer)],
    "a wait is as long after a good time": [(server_link, "_back_off_s", _never_reset)],
    "a wait has no bound": [(server_link, "_back_off_s", _without_end)],
    "nothing is waited for": [(Worker, "_wait", _nothing)],
    "who packs is asked without a pause": [(EventPump, "pause", _nothing)],
    "it looks without a pause": [(event_pump, "LOOK_EVERY_S", 0.01)],
    "time stands still": [(event_pump, "LOOK_EVERY_S", 0.0)],
    "gates wait for the server": [(EventPump, "call", _wait_in_vain)],
    "gates are not told": [(PeerSet, "publish", _nothing), (PeerSet, "heartbeat", _nothing)],
    "whoever ends it waits for ever": [(Worker, "stop", _nothing)],
    "whoever ends it while the server is asked waits for ever": [(EventPump, "call", _deaf)],
    "nothing is unsent": [(StatusWriter, "unacked", _zero)],
    "whoever is answered has all tickets": [(ServerLink, "_received", _current)],
    "whoever hears the server has all tickets": [(LanLink, "_heartbeat", _believe)],
    "a moment is told by another's clock": [(Peer, "placed", _as_told)],
    "what waited is heard now": [(ServerLink, "_received", _received_now)],
    "a silent stream is believed": [
        (server_link, "SILENCE_S", 1e9),
        (server_contact, "SILENCE_S", 1e9),
    ],
    "a link that was lost is told on": [
        (ServerLink, "_lose", _keep_link),
        (ServerLink, "_listen", _listen_on),
    ],
    "each try is told": [(ServerLink, "_lose", _tell_each)],
    "its end is told twice": [(StatusWriter, "until_the_end", _end_twice)],
    "who was revoked tries again": [(http_client, "_unwelcome", _try_again)],
    "a lost peer store is not noticed": [
        (PeerStore, "look_after_files", _nothing),
        (PeersFile, "checkpoint", _nothing),
    ],
    "a lost peer store is looked over": [(PeersFile, "checkpoint", _look_over)],
    "a journal is known by its name": [(own_journal, "file_id", _by_name)],
    "tickets are read once": [(TicketSources, "follow_server", _read_once)],
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

"""Laws broken on purpose: each must be caught by some history."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from gate.core import history, irregular, questions_rule, tally
from gate.core import hlc as clock
from gate.core.allowance import Meter
from gate.core.entry import Act
from gate.core.intake import read_bodies
from gate.core.replication import DIGITS, Carried, Have, Intake, Page, Tip
from gate.core.ticket_feed import Changes
from gate.core.voids import with_voids
from gate.lane import entries, files
from gate.storage import device_key, peer_folds, peer_intake, ticket_feed
from gate.storage.checksums import put_meta
from gate.storage.disowned import Disowned
from gate.storage.journal import Journal, Link
from gate.storage.peer_folds import PeerFolds
from gate.storage.peer_store import PeerStore
from gate.storage.replica_reader import ReplicaReader
from gate.storage.ticket_feed import TicketFeed
from gate.storage.ticket_filling import MemberRow, put_change
from sync.server import counts, feed, intake, issuing, journals, persons
from sync.server.database import in_transaction
from sync.session.peer_session import RelayRequests
from sync.session.server_session import ServerSession
from sync.wire import SyncRequest, SyncResponse
from tests.system.simulation import EVENT, Gate, World


def _link_without_incarnation(self: Journal, at_ms: int, known_hlc: int = 0) -> Link:
    head = self._head
    origin = f"{self._device}.0"
    hlc = clock.tick(max(head.hlc, known_hlc), at_ms)
    return Link(origin, head.seq + 1, head.hash, "", "", "", hlc)


_link = Journal.link


def _link_without_predecessor(self: Journal, at_ms: int, known_hlc: int = 0) -> Link:
    return _link(self, at_ms, known_hlc)._replace(prev="", follows="")


def _offer_by_number(self: Intake, one: Carried) -> bool:
    origin, seq, short = one.entry.origin, one.entry.seq, one.hash[:DIGITS]
    tips = self.tips.get(origin, frozenset())
    newest = max((tip.seq for tip in tips), default=0)
    if seq != newest + 1:
        if seq > newest:
            self.gaps.add(origin)
        return False
    self.tips[origin] = frozenset({Tip(seq, short)})
    self._fresh.setdefault((origin, seq), set()).add(short)
    self.taken.append(one)
    return True


def _apply_cursor_first(self: TicketFeed, page: Changes) -> None:
    connection = self.file.connection()
    assert connection
    put_meta(connection, {"cursor": page.cursor})
    for change in page.changes:
        put_change(connection, change)


def _tell_before_commit(
    self: World, gate: Gate, session: int, number: int, ask: SyncRequest
) -> None:
    carried, rejected = read_bodies(bytes(raw) for raw in ask.frame.entries)
    vouched = {(h.origin, h.seq, h.hash) for h in ask.frame.signed_tips if self.verify(h)}

    def job(connection: Any) -> None:
        push = intake.Push(gate.device, carried, vouched, ask.frame.signed_tips)
        touched = intake.accept(connection, EVENT, [push], self.memory).tips
        frame = journals.answer(connection, EVENT, ask.frame, touched)
        answer = SyncResponse(msgspec.structs.replace(frame, rejected=rejected), self.now_ms)
        data = msgspec.json.encode(answer)
        gate.inbox.append((session, number, data))
        self.hear(gate, number, data)

    in_transaction(self.engine, job)


_put_receipts = ServerSession._put_receipts


def _delete_what_is_receipted(self: ServerSession, told: Have) -> None:
    _put_receipts(self, told)
    path = self._peer_store._folder.journal
    if not path.exists():
        return
    db = sqlite3.connect(path, isolation_level=None)
    for origin, tips in self._peer_store.receipts.acked().items():
        newest = max((tip.seq for tip in tips), default=0)
        db.execute("DELETE FROM entry WHERE origin = ? AND seq <= ?", (origin, newest - 1))
    db.close()


def _believe_everybody(batch: Iterable[Carried], *_args: Any) -> list[Carried]:
    return list(batch)


_disown, _fold_anew = PeerStore.disown, PeerFolds._fold_anew


def _disown_elsewhere(self: PeerStore, members: Iterable[MemberRow]) -> None:
    if int(self.device, 16) % 2:
        _disown(self, members)


def _forget_disowned(self: PeerFolds, device: str) -> None:
    _fold_anew(self, device)
    self._file.connection.execute("DELETE FROM entry WHERE id IN (SELECT entry FROM disowned)")


def _any(*_args: Any) -> bool:
    return True


def _ask_nobody(*_args: Any, **_options: Any) -> None:
    pass


def _forget_what_is_over(before: str | None, body: str, position: str, at_ms: int) -> str:
    made = with_voids(before, body, position, at_ms)
    return body if '"until":' in made else made


def _forget_answers(known: history.History, _facts: object) -> history.History:
    return known


def _seal_nothing(*_args: Any) -> str:
    return ""


def _knew_nothing(*_args: Any) -> bool:
    return False


def _newest_list(self: ReplicaReader) -> str:
    return f"{self.life}:999"


def _nothing(*_args: Any) -> None:
    return None


_scan_row = tally.scan_row


def _never_takes_a_count_back(entry: Any, find: Any) -> Any:
    at, added = _scan_row(entry, find)
    return at, (added[0], 0, 0, 0) if entry.act is Act.COUNT_UNDONE else added


def _again_nobody(*_args: Any) -> int:
    return 0


class _NoLimit(Meter):
    """Takes in whatever comes."""

    def spent(self, _devices: Iterable[str], _by: str) -> set[str]:
        return set()


def _nothing_is_beyond(_self: Page, _have: Have) -> Have:
    return {}


MUTATIONS: dict[str, list[tuple[object, str, object]]] = {
    "disowned entries still count at one node": [(PeerStore, "disown", _disown_elsewhere)],
    "disowned entries that come late count": [(Disowned, "counts", _any)],
    "disowning forgets entries": [(PeerFolds, "_fold_anew", _forget_disowned)],
    "any annulment counts": [(history, "counts_at_once", _any)],
    "no incarnation": [(Journal, "link", _link_without_incarnation)],
    "no predecessor link": [
        (Journal, "link", _link_without_predecessor),
        (Intake, "offer", _offer_by_number),
    ],
    "cursor without its id": [(feed, "_is_known", _any)],
    "cursor outside the transaction": [(TicketFeed, "apply", _apply_cursor_first)],
    "receipt before commit": [(World, "tell", _tell_before_commit)],
    "own entries deleted on receipt": [(ServerSession, "_put_receipts", _delete_what_is_receipted)],
    "hearsay is believed": [(peer_intake, "own_or_vouched", _believe_everybody)],
    "any signature is good": [(device_key, "is_good", _any)],
    "nobody is asked": [(RelayRequests, "share_out", _ask_nobody)],
    "a void that is over is forgotten": [(issuing, "with_voids", _forget_what_is_over)],
    "clocks alone say what is irregular": [(irregular, "_knew", _knew_nothing)],
    "gates take a flood in": [(peer_intake, "Meter", _NoLimit)],
    "the server takes a flood in": [(intake, "Meter", _NoLimit)],
    "beyond a page nothing is held": [(Page, "beyond", _nothing_is_beyond)],
    "the list is not the one decided on": [(ReplicaReader, "position", property(_newest_list))],
    "a gate tells on of who was erased": [(ticket_feed, "forget_named", _nothing)],
    "who reads old changes is not sent back": [(feed, "begin_at", _nothing)],
    "a count that was undone goes on": [
        (tally, "scan_row", _never_takes_a_count_back),
        (peer_folds, "scan_row", _never_takes_a_count_back),
        (counts, "scan_row", _never_takes_a_count_back),
    ],
    "a backup brings back who was erased": [(persons, "erase_again", _again_nobody)],
    "guests are asked nothing": [(questions_rule, "next_asked", _nothing)],
    "who has answered is asked again": [(files, "with_answered", _forget_answers)],
    "answers are left at the lane": [(entries, "seal_answers", _seal_nothing)],
}


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """One law broken while the block runs; with no name, none."""
    changes = MUTATIONS[name] if name else []
    before = [(at, what, getattr(at, what)) for at, what, _new in changes]
    for at, what, new in changes:
        setattr(at, what, new)
    try:
        yield
    finally:
        for at, what, old in before:
            setattr(at, what, old)

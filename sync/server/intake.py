"""Entries taken into the event's journals: whole, never refused, folded by the gate's own code.

Every function works in the transaction it is handed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from gate import __version__
from gate.core import entry_codec
from gate.core import hlc as clock
from gate.core.allowance import Allowance, Meter, fresh
from gate.core.disowning import Effect, Fact, effect
from gate.core.entry import CENTRAL, Act, Entry, device_of
from gate.core.replication import DIGITS, Carried, Have, Intake, Tip, own_or_vouched
from gate.core.retirement import RETIREMENTS
from gate.core.signed_tip import SignedTip
from gate.i18n import _
from sync.server import counts, feed, journals, lanes
from sync.server import tables as t
from sync.server.disowned import counting, judge, mark, of_device, touched
from sync.server.head_cache import Known, Memory
from sync.server.http import Denied
from sync.server.prepared import Prepared, put


@dataclass(slots=True)
class Push:
    """What one device brought, decoded."""

    device: str | None
    """``None`` when the server itself is the maker."""
    carried: list[Carried]
    vouched: Collection[tuple[str, int, str]]
    """Heads whose signature was found good: origin, seq and hash."""
    signed_tips: Sequence[SignedTip] = ()


class Taken(NamedTuple):
    """What became of what devices brought."""

    tips: Have
    """Of every origin that was touched."""
    later: frozenset[str]
    """Devices of which more came than may be taken in now."""


def accept(
    connection: Connection,
    event: str,
    pushes: Iterable[Push],
    memory: Memory | None = None,
    *,
    now_ms: int | None = None,
) -> Taken:
    """Take in what devices brought, of each as much as it may have by ``now_ms``.

    ``memory`` saves asking the tables for what this process has written itself. Without a moment
    there is no limit.
    """
    frames: list[tuple[str, list[Carried]]] = []
    signed_tips: list[SignedTip] = []
    for push in pushes:
        believed = push.carried
        if push.device is not None:
            believed = own_or_vouched(believed, push.device, push.vouched)
        frames.append((push.device or CENTRAL, believed))
        signed_tips += [h for h in push.signed_tips if (h.origin, h.seq, h.hash) in push.vouched]
    carried = [one for _by, believed in frames for one in believed]
    if not carried and not signed_tips:
        return Taken({}, frozenset())
    known = (memory or Memory()).of(connection, event, *journals.lock(connection, event))
    touched = {one.entry.origin for one in carried}
    before = {o: known.tips.get(o, frozenset()) for o in touched}
    meter = None
    if now_ms is not None:

        def allowance(device: str) -> Allowance:
            row = _ALLOWANCE_OF.run(connection, [(event, device)]).first()
            return fresh() if row is None else Allowance._make(row)

        meter = Meter(allowance, now_ms)
    intake = Intake(dict(before), _Held(connection, event, carried).hashes_at, meter)
    for by, believed in frames:
        makers = {device_of(one.entry.origin) for one in believed}
        spent = meter.spent(makers, by) if meter is not None else ()
        for one in believed:
            if device_of(one.entry.origin) not in spent:
                intake.offer(one)
    if intake.taken and meter is not None:
        _put_allowances(connection, event, meter.drawn)
    if intake.taken:
        _keep(connection, event, known, before, intake)
    named = {(one.entry.origin, one.entry.seq, one.hash) for one in carried}
    signed_tips = [
        h for h in signed_tips if (h.origin, h.seq, h.hash) in named or _is_tip(known, h)
    ]
    if signed_tips:
        # Heads that come alone are told with the next entry.
        number = known.number + (not intake.taken)
        rows = [(event, h.origin, h.seq, h.hash, h.signature, number) for h in signed_tips]
        put(connection, t.signed_tip, rows)
    tips = {origin: tips for origin, tips in intake.tips.items() if tips}
    return Taken(tips, frozenset(meter.later) if meter is not None else frozenset())


def _put_allowances(connection: Connection, event: str, drawn: Mapping[str, Allowance]) -> None:
    rows = [(event, device, *one) for device, one in sorted(drawn.items())]
    put(connection, t.allowance, rows, *_ALLOWANCE)


_ALLOWANCE = ("remaining", "at_ms", "taken")
_ALLOWANCE_OF = Prepared(
    select(*(t.allowance.c[name] for name in _ALLOWANCE)).where(
        t.allowance.c.event == bindparam("event"), t.allowance.c.device == bindparam("device")
    ),
    ["event", "device"],
)


def _is_tip(known: Known, head: SignedTip) -> bool:
    return Tip(head.seq, head.hash[:DIGITS]) in known.tips.get(head.origin, ())


class _Held:
    """Hashes held under names, asked for once for a whole batch."""

    def __init__(self, connection: Connection, event: str, batch: Sequence[Carried]) -> None:
        self._connection = connection
        self._event = event
        self._batch = batch
        self._known: dict[tuple[str, int], set[str]] | None = None

    def hashes_at(self, origin: str, seq: int) -> frozenset[str]:
        """The hashes; only a batch that is not simply the next one has to ask."""
        if self._known is None:
            self._known = defaultdict(set)
            least: dict[str, int] = {}
            most: dict[str, int] = {}
            for one in self._batch:
                o, s = one.entry.origin, one.entry.seq
                least[o] = min(least.get(o, s), s)
                most[o] = max(most.get(o, s), s)
            for o, low in least.items():
                rows = self._connection.execute(
                    select(t.entry.c.seq, t.entry.c.hash).where(
                        t.entry.c.event == self._event,
                        t.entry.c.origin == o,
                        t.entry.c.seq.between(low - 1, most[o]),
                    )
                )
                for s, hash_ in rows:
                    self._known[o, s].add(hash_[:DIGITS])
        return frozenset(self._known.get((origin, seq), ()))


def _keep(connection: Connection, event: str, known: Known, before: Have, intake: Intake) -> None:
    number = known.number
    rows, starts = [], []
    opened: dict[str, int] = {}
    for one in intake.taken:
        e = one.entry
        number += 1
        rows.append(
            (event, number, e.origin, e.seq, one.hash, e.act.value, e.ticket, one.body.decode())
        )
        if e.seq == 1:
            starts.append((event, e.origin, e.follows))
        if e.act is Act.ANNULMENT and e.ticket:
            known.annulled.add(e.ticket)
        elif e.act in (Act.LANE_OPENED, Act.LANE_CLOSED):
            opened[e.device] = int(e.act is Act.LANE_OPENED)
    _INSERT_ENTRIES.insert(connection, rows)
    _SET_ENTRIES.run(connection, [(event, number)])
    put(connection, t.origin, starts)
    _put_tips(connection, event, before, intake)
    gone, anew = judge(known, intake)
    mark(connection, event, (row[1] for row in rows if row[4] in gone))
    taken = [one for one in intake.taken if one.hash not in gone]
    counts.add_taken(connection, event, known, taken, anew)
    opened |= lanes.after_retirements(connection, event, known, taken)
    lanes.put_open(connection, opened)
    known.number = number
    known.tips |= {
        origin: intake.tips[origin] for origin in {one.entry.origin for one in intake.taken}
    }


_COLUMNS = ("event", "number", "origin", "seq", "hash", "act", "ticket", "body")
_INSERT_ENTRIES = Prepared(insert(t.entry), _COLUMNS)
_SET_ENTRIES = Prepared(
    update(t.stream)
    .where(t.stream.c.event == bindparam("b_event"))
    .values(entries=bindparam("b_entries")),
    ["b_event", "b_entries"],
)


def _put_tips(connection: Connection, event: str, before: Have, intake: Intake) -> None:
    moved, added, gone = [], [], []
    for origin in {one.entry.origin for one in intake.taken}:
        old, new = before.get(origin, frozenset()), intake.tips[origin]
        if len(old) == 1 and len(new) == 1:
            (was,), (now,) = old, new
            moved.append((event, origin, was.hash, now.hash, now.seq))
            continue
        gone += [(origin, tip) for tip in old - new]
        added += [
            {"event": event, "origin": origin, "hash": tip.hash, "seq": tip.seq}
            for tip in new - old
        ]
    if moved:
        _MOVE_TIP.run(connection, moved)
    for origin, tip in gone:
        connection.execute(
            delete(t.tip).where(
                t.tip.c.event == event, t.tip.c.origin == origin, t.tip.c.hash == tip.hash
            )
        )
    if added:
        connection.execute(insert(t.tip), added)


_MOVE_TIP = Prepared(
    update(t.tip)
    .where(
        t.tip.c.event == bindparam("b_event"),
        t.tip.c.origin == bindparam("b_origin"),
        t.tip.c.hash == bindparam("b_old"),
    )
    .values(hash=bindparam("b_hash"), seq=bindparam("b_seq")),
    ["b_event", "b_origin", "b_old", "b_hash", "b_seq"],
)


def disown(connection: Connection, event: str, device: str, until: Have | None) -> Effect:
    """Let a device's entries count no further than some tips, and no less; what changes by it.

    The event's lock must be held, and the device's row say the same. ``None``: all of them count.
    """
    tickets = touched(connection, event, device)
    before = counting(connection, event, tickets)
    counts.count_anew(connection, event, device, until)
    after = counting(connection, event, tickets)
    c = t.entry.c
    words = select(c.body).where(*of_device(event, device), c.act.in_(sorted(RETIREMENTS)))
    targets = {entry_codec.decode(body).target for body in connection.execute(words).scalars()}
    if targets:
        known = Memory().of(connection, event, *journals.lock(connection, event))
        opened = {one: lanes.is_open(connection, event, one, known) for one in sorted(targets)}
        lanes.put_open(connection, opened)
    return effect(
        Fact(entry, number in before, number in after) for number, entry in (before | after).items()
    )


def record(
    connection: Connection,
    event: str,
    now_ms: int,
    after: Iterable[int] = (),
    memory: Memory | None = None,
    *,
    at_ms: int | None = None,
    **fields: Any,
) -> Entry:
    """Make an entry of the server's own; the event's lock must be held.

    ``at_ms`` is when it happened, where that was not now. It comes ``after`` the hybrid times of
    what it is about, but for those of clocks too far ahead.
    Raises Denied for what no gate would take.
    """
    epoch, feed_head = feed.position_of(connection, event)
    origin = f"{CENTRAL}.{epoch}"
    newest = connection.execute(_NEWEST, {"event": event, "origin": origin}).first()
    last = entry_codec.decode(newest.body) if newest else None
    latest = clock.latest_believable(now_ms)
    believable = max((hlc for hlc in after if hlc <= latest), default=0)
    made = entry_codec.clean(
        Entry(
            origin=origin,
            seq=last.seq + 1 if last else 1,
            prev=newest.hash if newest else "",
            at_ms=now_ms if at_ms is None else at_ms,
            boot_ms=0,
            hlc=clock.tick(max(last.hlc if last else 0, believable), now_ms),
            version="" if last else __version__,
            gate=CENTRAL,
            server_ahead_ms=0,
            server_error_ms=0,
            position=f"{epoch}:{feed_head}",
            **fields,
        )
    )
    body = entry_codec.encode(made)
    if len(body) > entry_codec.MAX_ENTRY or len(made.note.encode()) > entry_codec.MAX_NOTE:
        raise Denied(422, "too_large", _("This is too long for an entry of the journal."))
    carried = Carried(made, body, entry_codec.digest(body).hex())
    accept(connection, event, [Push(None, [carried], ())], memory)
    return made


_NEWEST = (
    select(t.entry.c.body, t.entry.c.hash)
    .where(t.entry.c.event == bindparam("event"), t.entry.c.origin == bindparam("origin"))
    .order_by(t.entry.c.seq.desc(), t.entry.c.hash.desc())
    .limit(1)
)

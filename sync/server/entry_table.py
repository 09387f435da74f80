"""The event's journals at the server: taken in whole, never refused, folded by the gate's own code.

Every function works in the transaction it is handed.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from gate import __version__
from gate.core import entry_codec
from gate.core import hlc as clock
from gate.core.allowance import MOST, Allowance, Meter, fresh
from gate.core.disowning import Effect, Fact, effect
from gate.core.history import Claimed, Conflict, claimed, claims, conflict, entry_order, fold
from gate.core.intake import read_bodies, signed_tips_for, step_of
from gate.core.irregular import Irregular, Irregularity, irregular
from gate.core.limits import FRAME_BYTES, MAX_ENTRIES
from gate.core.model import CENTRAL, FACTS, Act, Entry, History, Outcome, Ticket, device_of
from gate.core.origins import OriginCounts, by_origin
from gate.core.replication import (
    DIGITS,
    MAX_BRANCHES,
    Alarm,
    Carried,
    Have,
    Intake,
    Page,
    Span,
    Start,
    Step,
    Tip,
    alarms,
    changed,
    flooding,
    frame_of,
    gather,
    missing,
    own_or_vouched,
    tips_from_text,
    tips_to_text,
)
from gate.core.retirement import RETIREMENTS, newest, stands
from gate.core.signed_tip import SignedTip
from gate.core.tally import TALLY_COUNTS, TALLY_KEY, scan_row, taken_back, tally_key
from gate.i18n import _
from sync.server import tables as t
from sync.server.disowned import counting, judge, mark, mark_all, of_device, touched
from sync.server.head_cache import Known, Memory
from sync.server.http import Denied
from sync.server.prepared import Prepared
from sync.wire import PAGE_ORIGINS, Frame

_ticket = msgspec.json.Decoder(Ticket)


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
    push_batches: Iterable[Push],
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
    for push in push_batches:
        believed = push.carried
        if push.device is not None:
            believed = own_or_vouched(believed, push.device, push.vouched)
        frames.append((push.device or CENTRAL, believed))
        signed_tips += [h for h in push.signed_tips if (h.origin, h.seq, h.hash) in push.vouched]
    carried = [one for _by, believed in frames for one in believed]
    if not carried and not signed_tips:
        return Taken({}, frozenset())
    known = (memory or Memory()).of(connection, event, *_locked(connection, event))
    touched = {one.entry.origin for one in carried}
    before = {o: known.tips.get(o, frozenset()) for o in touched}
    meter = None
    if now_ms is not None:

        def allowance(device: str) -> Allowance:
            row = _ALLOWANCE_OF.run(connection, [(event, device)]).first()
            return fresh() if row is None else Allowance._make(row)

        meter = Meter(allowance, now_ms)
    intake = Intake(dict(before), _Held(connection, event, carried).hashes_at)
    for by, believed in frames:
        makers = {device_of(one.entry.origin) for one in believed}
        spent = meter.spent(makers, by) if meter is not None else ()
        for one in believed:
            origin = one.entry.origin
            is_new_origin = not intake.tips[origin]
            if device_of(origin) not in spent and intake.offer(one) and meter is not None:
                meter.draw(origin, len(one.body), is_new_origin=is_new_origin)
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
        at = {"event": event, "number": known.number + (not intake.taken)}
        _put(connection, t.head, [at | msgspec.structs.asdict(head) for head in signed_tips])
    tips = {origin: tips for origin, tips in intake.tips.items() if tips}
    return Taken(tips, frozenset(meter.later) if meter is not None else frozenset())


def _put_allowances(connection: Connection, event: str, drawn: Mapping[str, Allowance]) -> None:
    rows = [(event, device, *one) for device, one in sorted(drawn.items())]
    _allowance_upsert(connection).run(connection, rows)


def _allowance_upsert(connection: Connection) -> Prepared:
    name = connection.dialect.name
    if name not in _ALLOWANCE_UPSERTS:
        into = _insert(connection, t.allowance)
        upsert = into.on_conflict_do_update(
            index_elements=list(t.allowance.primary_key.columns),
            set_={column: into.excluded[column] for column in _ALLOWANCE},
        )
        _ALLOWANCE_UPSERTS[name] = Prepared(upsert, ("event", "device", *_ALLOWANCE))
    return _ALLOWANCE_UPSERTS[name]


_ALLOWANCE = ("remaining", "at_ms", "taken")
_ALLOWANCE_UPSERTS: dict[str, Prepared] = {}
_ALLOWANCE_OF = Prepared(
    select(*(t.allowance.c[name] for name in _ALLOWANCE)).where(
        t.allowance.c.event == bindparam("event"), t.allowance.c.device == bindparam("device")
    ),
    ["event", "device"],
)


def _is_tip(known: Known, head: SignedTip) -> bool:
    return Tip(head.seq, head.hash[:DIGITS]) in known.tips.get(head.origin, ())


_LOCK = Prepared(
    select(t.stream.c.entries, t.stream.c.head)
    .where(t.stream.c.event == bindparam("event"))
    .with_for_update(),
    ["event"],
)


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
    lanes: dict[str, int] = {}
    for one in intake.taken:
        e = one.entry
        number += 1
        rows.append(
            (event, number, e.origin, e.seq, one.hash, e.act.value, e.ticket, one.body.decode())
        )
        if e.seq == 1:
            starts.append({"event": event, "origin": e.origin, "follows": e.follows})
        if e.act is Act.ANNULMENT and e.ticket:
            known.annulled.add(e.ticket)
        elif e.act in (Act.LANE_OPENED, Act.LANE_CLOSED):
            lanes[e.device] = int(e.act is Act.LANE_OPENED)
    _INSERT_ENTRIES.insert(connection, rows)
    _SET_ENTRIES.run(connection, [(event, number)])
    if starts:
        _put(connection, t.origin, starts)
    _put_tips(connection, event, before, intake)
    gone, anew = judge(known, intake)
    mark(connection, event, (row[1] for row in rows if row[4] in gone))
    taken = [one for one in intake.taken if one.hash not in gone]
    _count(connection, event, known, taken, anew)
    _put_lanes(connection, lanes | _retired(connection, event, known, taken))
    known.number = number
    known.tips |= {
        origin: intake.tips[origin] for origin in {one.entry.origin for one in intake.taken}
    }


def _count(
    connection: Connection,
    event: str,
    known: Known,
    taken: Sequence[Carried],
    anew: Collection[str],
) -> None:
    """Count what was taken and has an effect; of the devices in ``anew`` everything."""
    counts: dict[tuple[Any, ...], list[int]] = {}
    facts: set[str] = set()
    for one in taken:
        e = one.entry
        if e.act in FACTS and e.ticket:
            facts.add(e.ticket)
        if e.device not in anew:
            _add(counts, *scan_row(e, lambda name: find(connection, event, name)))
    for device in sorted(anew):
        _count_anew(connection, event, device, known.disowned[device], counts)
    if annulled := facts & known.annulled:
        _take_back(connection, event, annulled, counts)
    _upsert_tally(connection, event, counts)


def _put_lanes(connection: Connection, lanes: Mapping[str, int]) -> None:
    for device, is_open in lanes.items():
        connection.execute(
            update(t.device).where(t.device.c.id == device).values(lane_open=is_open)
        )


def _retired(
    connection: Connection, event: str, known: Known, taken: Sequence[Carried]
) -> dict[str, int]:
    """Whether the lanes are open of which somebody said that they are retired, or not any more."""
    words = [entry_codec.decode(one.body) for one in taken if one.entry.act in RETIREMENTS]
    known.retirements = (
        newest([*known.retirements.values(), *words]) if words else known.retirements
    )
    concerned = {word.target for word in words}
    if known.retirements:
        concerned |= {one.entry.device for one in taken if one.entry.device in known.retirements}
    return {device: _is_open(connection, event, device, known) for device in sorted(concerned)}


def _is_open(connection: Connection, event: str, device: str, known: Known) -> int:
    """Whether a lane is open by its own newest word, and by the one that has retired it."""
    c = t.entry.c
    own = (c.event == event, c.origin > f"{device}.", c.origin < f"{device}/")
    newest_first = select(c.body).where(*own).order_by(c.number.desc())
    lanes = newest_first.where(c.act.in_([Act.LANE_OPENED.value, Act.LANE_CLOSED.value]))
    body = connection.execute(lanes.limit(1)).scalar()
    if body is None or entry_codec.decode(body).act is not Act.LANE_OPENED:
        return 0
    word = known.retirements.get(device)
    tips = (
        entry_codec.decode(body)
        for body in connection.execute(newest_first.limit(NEWEST)).scalars()
    )
    return int(not stands(word, tips, time.time_ns() // 1_000_000))


NEWEST = 16
"""How many of a retired device's newest entries may have come before one that is older."""
_COLUMNS = ("event", "number", "origin", "seq", "hash", "act", "ticket", "body")
_INSERT_ENTRIES = Prepared(insert(t.entry), _COLUMNS)
_SET_ENTRIES = Prepared(
    update(t.stream)
    .where(t.stream.c.event == bindparam("b_event"))
    .values(entries=bindparam("b_entries")),
    ["b_event", "b_entries"],
)
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


def disown(connection: Connection, event: str, device: str, until: Have | None) -> Effect:
    """Let a device's entries count no further than some tips, and no less; what changes by it.

    The event's lock must be held, and the device's row say the same. ``None``: all of them count.
    """
    tickets = touched(connection, event, device)
    before = counting(connection, event, tickets)
    counts: dict[tuple[Any, ...], list[int]] = {}
    _count_anew(connection, event, device, until, counts)
    _upsert_tally(connection, event, counts)
    after = counting(connection, event, tickets)
    c = t.entry.c
    words = select(c.body).where(*of_device(event, device), c.act.in_(sorted(RETIREMENTS)))
    targets = {entry_codec.decode(body).target for body in connection.execute(words).scalars()}
    if targets:
        known = Memory().of(connection, event, *lock(connection, event))
        _put_lanes(
            connection, {one: _is_open(connection, event, one, known) for one in sorted(targets)}
        )
    return effect(
        Fact(entry, number in before, number in after) for number, entry in (before | after).items()
    )


def _count_anew(
    connection: Connection,
    event: str,
    device: str,
    until: Have | None,
    counts: dict[tuple[Any, ...], list[int]],
) -> None:
    """Note which of a device's entries have no effect, and count the others again."""
    kept = mark_all(connection, event, device, until)
    c = t.taken_back.c
    names = (c.name > f"{device}.", c.name < f"{device}/")
    connection.execute(delete(t.tally).where(t.tally.c.event == event, t.tally.c.device == device))
    connection.execute(delete(t.taken_back).where(c.event == event, *names))
    for entry in kept:
        _add(counts, *scan_row(entry, lambda name: find(connection, event, name)))
    _take_back(connection, event, touched(connection, event, device), counts)


def _take_back(
    connection: Connection, event: str, tickets: set[str], counts: dict[tuple[Any, ...], list[int]]
) -> None:
    for at_ticket in sorted(tickets):
        for gone, added in taken_back(facts_of(connection, event, at_ticket)):
            done = _insert(connection, t.taken_back).on_conflict_do_nothing()
            if connection.execute(done.values(event=event, name=gone.name)).rowcount:
                _add(counts, gone, added)


def _add(
    counts: dict[tuple[Any, ...], list[int]], at: Entry, added: tuple[int, int, int, int]
) -> None:
    key = (at.device, *tally_key(at))
    line = counts.get(key)
    if line is None:
        counts[key] = list(added)
        return
    for n, count in enumerate(added):
        line[n] += count


def _upsert_tally(
    connection: Connection, event: str, counts: dict[tuple[Any, ...], list[int]]
) -> None:
    # In order, so that two servers that count at once cannot wait for each other.
    rows = [(event, *key, *counts[key]) for key in sorted(counts)]
    if rows:
        _tally_upsert(connection).run(connection, rows)


def _tally_upsert(connection: Connection) -> Prepared:
    name = connection.dialect.name
    if name not in _TALLY_UPSERTS:
        into = _insert(connection, t.tally)
        upsert = into.on_conflict_do_update(
            index_elements=list(t.tally.primary_key.columns),
            set_={c: t.tally.c[c] + into.excluded[c] for c in TALLY_COUNTS},
        )
        _TALLY_UPSERTS[name] = Prepared(upsert, ("event", "device", *TALLY_KEY, *TALLY_COUNTS))
    return _TALLY_UPSERTS[name]


_TALLY_UPSERTS: dict[str, Prepared] = {}


def _insert(connection: Connection, table: Any) -> Any:
    module = postgresql if connection.dialect.name == "postgresql" else sqlite
    return module.insert(table)


def _put(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    connection.execute(_insert(connection, table).on_conflict_do_nothing(), rows)


def have(connection: Connection, event: str, origins: Iterable[str] | None = None) -> Have:
    """The tips of an event's origins, or of some of them."""
    query = select(t.tip.c.origin, t.tip.c.seq, t.tip.c.hash).where(t.tip.c.event == event)
    if origins is not None:
        query = query.where(t.tip.c.origin.in_(list(origins)))
    return gather(connection.execute(query))


def _have_within(connection: Connection, event: str, page: Page, most: int) -> tuple[Have, Page]:
    """The tips of a page's origins; of more than so many the first, and then a shorter page."""
    c = t.tip.c
    # In the order of the characters' numbers, whatever language the database is in.
    origin = c.origin.collate("C") if connection.dialect.name == "postgresql" else c.origin
    query = select(c.origin, c.seq, c.hash).where(c.event == event, origin > page.after)
    if page.to:
        query = query.where(origin <= page.to)
    rows = connection.execute(query.order_by(origin).limit(most + MAX_BRANCHES)).all()
    if len(rows) < most + MAX_BRANCHES:
        return gather(rows), page
    # The last one may have more branches.
    rows = [row for row in rows if row.origin != rows[-1].origin]
    return gather(rows), page._replace(to=rows[-1].origin)


def answer(connection: Connection, event: str, asked: Frame, touched: Have) -> Frame:
    """What to say to a device after what it brought was taken in."""
    if asked.page is None:
        return Frame(have=tips_to_text(touched))
    page, theirs = Page(*asked.page), tips_from_text(asked.have)
    # However many of them are known there already, a page of others is among these.
    mine, page = _have_within(connection, event, page, len(theirs) + PAGE_ORIGINS)
    # What differs may not fit: then less of the range is answered, and asked for the rest anew.
    page = page.cut(changed(mine, theirs), PAGE_ORIGINS)
    mine, theirs = page.within(mine), page.within(theirs)
    journals = _Journals(connection, event)
    spans = missing(mine, theirs, journals)
    raw, more = bodies(connection, event, spans)
    told = changed(mine, theirs)
    # Of what the device holds and we do not, it must hear that we do not.
    told |= {origin: frozenset() for origin in theirs if origin not in mine}
    return Frame(
        have=tips_to_text(touched | told),
        page=page,
        entries=[msgspec.Raw(body) for body in raw],
        signed_tips=signed_tips_for(read_bodies(raw)[0], journals.signed_tips),
        more=more,
    )


@dataclass(frozen=True, slots=True)
class _Journals:
    """What is held of an event."""

    connection: Connection
    event: str

    def hashes_at(self, origin: str, seq: int) -> frozenset[str]:
        query = select(t.entry.c.hash).where(*self._of(origin), t.entry.c.seq == seq)
        return frozenset(hash_[:DIGITS] for (hash_,) in self.connection.execute(query))

    def steps(self, origin: str) -> list[Step]:
        c = t.entry.c
        query = select(c.seq, c.hash, c.body).where(*self._of(origin)).order_by(c.seq)
        return [step_of(*row) for row in self.connection.execute(query)]

    def signed_tips(self, origin: str, first: int, last: int) -> list[SignedTip]:
        found = _HEADS.run(self.connection, [(self.event, origin, first, last)])
        return [SignedTip(*list(row)) for row in found]

    def _of(self, origin: str) -> tuple[ColumnElement[bool], ...]:
        return t.entry.c.event == self.event, t.entry.c.origin == origin


_HEADS = Prepared(
    select(t.head.c.origin, t.head.c.seq, t.head.c.hash, t.head.c.signature).where(
        t.head.c.event == bindparam("event"),
        t.head.c.origin == bindparam("origin"),
        t.head.c.seq.between(bindparam("first"), bindparam("last")),
    ),
    ["event", "origin", "first", "last"],
)
_BODIES = Prepared(
    select(t.entry.c.body)
    .where(
        t.entry.c.event == bindparam("event"),
        t.entry.c.origin == bindparam("origin"),
        t.entry.c.seq > bindparam("after"),
        t.entry.c.seq <= bindparam("last"),
    )
    .order_by(t.entry.c.seq, t.entry.c.hash),
    ["event", "origin", "after", "last"],
)


def bodies(
    connection: Connection, event: str, spans: Iterable[Span], limit: int = MAX_ENTRIES
) -> tuple[list[bytes], bool]:
    """The entries of the spans, as many as fit into a frame, and whether there are more."""

    def read(span: Span, most: int) -> Iterator[bytes]:
        rows = _BODIES.run(connection, [(event, span.origin, span.after, span.after + most)])
        return (body.encode() for (body,) in rows)

    return frame_of(spans, read, most=limit, most_bytes=FRAME_BYTES)


@dataclass(frozen=True, slots=True)
class News:
    """Entries after a number, for the stream."""

    number: int
    bodies: list[bytes]
    tips: Have
    signed_tips: list[SignedTip]


def news(connection: Connection, event: str, after: int, limit: int = MAX_ENTRIES) -> News:
    """What came in after a number, in the order it was committed."""
    rows = connection.execute(
        select(t.entry.c.number, t.entry.c.body, t.entry.c.origin)
        .where(t.entry.c.event == event, t.entry.c.number > after)
        .order_by(t.entry.c.number)
        .limit(limit)
    ).all()
    if not rows:
        return News(after, [], {}, [])
    newest = rows[-1][0]
    c = t.head.c
    signed_tips = connection.execute(
        select(c.origin, c.seq, c.hash, c.signature).where(
            c.event == event, c.number.between(after + 1, newest)
        )
    )
    tips = have(connection, event, {row[2] for row in rows})
    return News(
        newest, [row[1].encode() for row in rows], tips, [SignedTip(*row) for row in signed_tips]
    )


def newest_number(connection: Connection, event: str) -> int:
    """The number of the newest entry."""
    query = select(t.stream.c.entries).where(t.stream.c.event == event)
    return int(connection.execute(query).scalar() or 0)


def find(connection: Connection, event: str, name: str) -> Entry | None:
    """The entry of that name."""
    origin, _colon, seq = name.partition(":")
    if not (seq.isascii() and seq.isdecimal() and len(seq) < 16):
        return None
    body = connection.execute(
        select(t.entry.c.body).where(
            t.entry.c.event == event, t.entry.c.origin == origin, t.entry.c.seq == int(seq)
        )
    ).scalar()
    return None if body is None else entry_codec.decode(body)


def facts_of(
    connection: Connection, event: str, ticket: str, acts: Iterable[Act] = FACTS
) -> list[Entry]:
    """Every entry of an event that counts and that a ticket's history folds from."""
    bound = {"event": event, "ticket": ticket, "acts": [act.value for act in acts]}
    return [entry_codec.decode(body) for body in connection.execute(_FACTS_OF, bound).scalars()]


_FACTS_OF = select(t.entry.c.body).where(
    t.entry.c.event == bindparam("event"),
    t.entry.c.ticket == bindparam("ticket"),
    t.entry.c.act.in_(bindparam("acts", expanding=True)),
    t.COUNTS,
)


def history(connection: Connection, event: str, ticket: str) -> History:
    """What a ticket has done, anywhere."""
    return fold(facts_of(connection, event, ticket))


def conflicts(connection: Connection, event: str) -> list[Conflict]:
    """Tickets on which more went in than they are good for, derived from the entries."""
    twice = (
        select(t.entry.c.ticket)
        .where(t.entry.c.event == event, t.entry.c.act == Act.ADMISSION.value)
        .group_by(t.entry.c.ticket)
        .having(func.count() > 1)
    )
    found = []
    for (ticket,) in connection.execute(twice).all():
        kept = find_ticket(connection, event, ticket)
        limit, party = (kept.use_limit, kept.party_size) if kept else (1, 1)
        facts = facts_of(connection, event, ticket, (*FACTS, Act.RESOLUTION))
        clash = conflict(facts, limit, party)
        if clash is not None:
            found.append(clash)
    return sorted(found, key=lambda c: (c.resolution is not None, -c.admissions[-1].hlc))


def open_claims(connection: Connection, event: str) -> list[Claimed]:
    """Tickets with undos that nobody has confirmed, those that wait for a word first."""
    c = t.entry.c
    undone = select(c.ticket).where(c.event == event, c.act == Act.ANNULMENT.value, t.COUNTS)
    tickets = connection.execute(undone.distinct().order_by(c.ticket)).scalars().all()
    found = [
        one
        for ticket in tickets
        if (one := claimed(facts_of(connection, event, ticket, (*FACTS, Act.RESOLUTION))))
    ]
    return sorted(found, key=lambda one: (one.resolution is not None, -one.undos[-1].hlc))


def confirm(
    connection: Connection, event: str, undo: str, *, note: str, who: str, now_ms: int
) -> Entry | None:
    """Let an undo that is only a claim count; ``None`` when no such claim is there."""
    lock(connection, event)
    said = find(connection, event, undo)
    facts = facts_of(connection, event, said.ticket) if said is not None else []
    if said is None or said not in claims(facts):
        return None
    return record(
        connection,
        event,
        now_ms,
        [said.hlc],
        act=Act.ANNULMENT,
        operator=who,
        ticket=said.ticket,
        ticket_type=said.ticket_type,
        target=said.target,
        note=note,
    )


def origins(connection: Connection, event: str) -> list[OriginCounts]:
    """What every device has done since each of its starts."""
    c = t.entry.c
    where = (c.event == event, c.act.in_(sorted(FACTS)), c.ticket != "", t.COUNTS)
    bodies = connection.execute(select(c.body).where(*where)).scalars()
    return by_origin(entry_codec.decode(body) for body in bodies)


def irregular_admissions(connection: Connection, event: str) -> list[Irregular]:
    """Tickets that were used and are, or were, void; those that wait for a word first."""
    used = (
        select(t.voided.c.ticket)
        .where(
            t.voided.c.event == event,
            select(t.entry.c.number)
            .where(
                t.entry.c.event == event,
                t.entry.c.ticket == t.voided.c.ticket,
                t.entry.c.act == Act.ADMISSION.value,
            )
            .exists(),
        )
        .order_by(t.voided.c.ticket)
    )
    listed = connection.execute(used).scalars().all()
    found = [one for ticket in listed if (one := irregular_of(connection, event, ticket))]
    return sorted(found, key=lambda one: (not one.is_open, -one.admissions[-1].entry.hlc))


def count_irregular(connection: Connection) -> tuple[dict[str, int], int]:
    """Irregular admissions of every event by kind, and how many tickets wait for a word."""
    kinds = dict.fromkeys((kind.value for kind in Irregularity), 0)
    tickets_open = 0
    for event in connection.execute(select(t.event.c.id)).scalars().all():
        for one in irregular_admissions(connection, event):
            tickets_open += one.is_open
            for judged in one.admissions:
                kinds[judged.kind] += 1
    return kinds, tickets_open


def irregular_of(
    connection: Connection, event: str, ticket: str, facts: Iterable[Entry] | None = None
) -> Irregular | None:
    """What is irregular about one ticket's admissions; ``facts`` saves asking for its entries."""
    kept = find_ticket(connection, event, ticket)
    if kept is None or not kept.voids:
        return None
    if facts is None:
        facts = facts_of(connection, event, ticket, (*FACTS, Act.RESOLUTION))
    life = connection.execute(_LIFE, {"event": event}).one().epoch
    return irregular(facts, kept.voids, life)


def find_ticket(connection: Connection, event: str, ticket: str) -> Ticket | None:
    """A ticket as the gate's rules see it."""
    row = connection.execute(
        select(t.ticket.c.body, t.ticket_type.c.body)
        .join_from(
            t.ticket,
            t.ticket_type,
            (t.ticket_type.c.event == t.ticket.c.event)
            & (t.ticket_type.c.id == t.ticket.c.type_id),
        )
        .where(t.ticket.c.event == event, t.ticket.c.id == ticket)
    ).first()
    return None if row is None else _ticket.decode('{"type":' + row[1] + "," + row[0][1:])


def resolve(
    connection: Connection, event: str, ticket: str, *, note: str, who: str, now_ms: int
) -> Entry | None:
    """Settle a conflict, or irregular admissions; ``None`` when there is neither of the ticket."""
    lock(connection, event)
    clash = next((c for c in conflicts(connection, event) if c.ticket == ticket), None)
    strange = irregular_of(connection, event, ticket)
    about = {e.name: e for e in clash.admissions} if clash else {}
    about |= {one.entry.name: one.entry for one in strange.admissions} if strange else {}
    about |= {e.name: e for e in claims(facts_of(connection, event, ticket))}
    if not about:
        return None
    admissions = sorted(about.values(), key=entry_order)
    return record(
        connection,
        event,
        now_ms,
        [e.hlc for e in admissions],
        act=Act.RESOLUTION,
        operator=who,
        ticket=ticket,
        ticket_type=admissions[0].ticket_type,
        note=note,
        covers=tuple(e.name for e in admissions),
    )


def lock(connection: Connection, event: str) -> tuple[int, int]:
    """Wait until nobody else writes to the event, until the transaction ends.

    The answer is how far its entries and its feed are.
    """
    return _locked(connection, event)


def _locked(connection: Connection, event: str) -> tuple[int, int]:
    row: Any = _LOCK.run(connection, [(event,)]).one()
    return int(row[0]), int(row[1])


def record(
    connection: Connection,
    event: str,
    now_ms: int,
    heard: Iterable[int] = (),
    memory: Memory | None = None,
    **said: Any,
) -> Entry:
    """Make an entry of the server's own; the event's lock must be held.

    ``heard`` are the hybrid times of what it is about; it comes after them, but for those of
    clocks too far ahead. Raises Denied for what no gate would take.
    """
    epoch, feed_head = connection.execute(_LIFE, {"event": event}).one()
    origin = f"{CENTRAL}.{epoch}"
    newest = connection.execute(_NEWEST, {"event": event, "origin": origin}).first()
    last = entry_codec.decode(newest.body) if newest else None
    latest_ms = now_ms + clock.MAX_AHEAD_MS
    believable = max((hlc for hlc in heard if clock.wall_ms(hlc) <= latest_ms), default=0)
    made = entry_codec.clean(
        Entry(
            origin=origin,
            seq=last.seq + 1 if last else 1,
            prev=newest.hash if newest else "",
            at_ms=now_ms,
            boot_ms=0,
            hlc=clock.tick(max(last.hlc if last else 0, believable), now_ms),
            version="" if last else __version__,
            gate=CENTRAL,
            server_ahead_ms=0,
            server_error_ms=0,
            position=f"{epoch}:{feed_head}",
            **said,
        )
    )
    body = entry_codec.encode(made)
    if len(body) > entry_codec.MAX_ENTRY or len(made.note.encode()) > entry_codec.MAX_NOTE:
        raise Denied(422, "too_large", _("This is too long for an entry of the journal."))
    carried = Carried(made, body, entry_codec.digest(body).hex())
    accept(connection, event, [Push(None, [carried], ())], memory)
    return made


_LIFE = select(t.stream.c.epoch, t.stream.c.head).where(t.stream.c.event == bindparam("event"))
_NEWEST = (
    select(t.entry.c.body, t.entry.c.hash)
    .where(t.entry.c.event == bindparam("event"), t.entry.c.origin == bindparam("origin"))
    .order_by(t.entry.c.seq.desc(), t.entry.c.hash.desc())
    .limit(1)
)


def find_alarms(connection: Connection, event: str) -> list[Alarm]:
    """Which devices were cloned, restored or rolled back."""
    rows = connection.execute(
        select(t.origin.c.origin, t.origin.c.follows).where(t.origin.c.event == event)
    )
    return alarms([Start(*row) for row in rows], have(connection, event))


def find_floods(connection: Connection, event: str) -> list[Alarm]:
    """Which devices have more taken in than any that works, and some of their origins."""
    origins = sorted(connection.execute(_ORIGINS, {"event": event}).scalars())
    c = t.allowance.c
    spent = select(c.device).where(c.event == event, c.taken >= MOST)
    found = sorted({*flooding(origins), *connection.execute(spent).scalars()})
    return [
        Alarm(device, "", tuple(o for o in origins if device_of(o) == device)) for device in found
    ]


_ORIGINS = select(t.origin.c.origin).where(t.origin.c.event == bindparam("event"))


_VERDICTS = frozenset(outcome.value for outcome in Outcome)


@dataclass(frozen=True, slots=True)
class Count:
    """What one device has counted at one gate."""

    device: str
    gate: str
    scans: int
    admitted: int
    exited: int
    refused: int
    annulled: int


def counts(connection: Connection, event: str) -> list[Count]:
    """The event's counts, by device and gate."""
    c = t.tally.c
    found: dict[tuple[str, str], list[int]] = {}
    rows = connection.execute(
        select(
            c.device, c.gate, c.outcome,
            func.sum(c.entries), func.sum(c.admitted), func.sum(c.exited), func.sum(c.annulled),
        )
        .where(c.event == event)
        .group_by(c.device, c.gate, c.outcome)
    )  # fmt: skip
    for device, gate, outcome, made, admitted, exited, annulled in rows:
        line = found.setdefault((device, gate), [0, 0, 0, 0, 0])
        # What is no verdict, such as the opening of a lane, is counted beside the verdicts.
        scans = made if outcome in _VERDICTS else 0
        refused = scans if outcome == Outcome.REFUSE else 0
        for n, count in enumerate((scans, admitted, exited, refused, annulled)):
            line[n] += int(count)
    return [Count(*key, *line) for key, line in sorted(found.items())]

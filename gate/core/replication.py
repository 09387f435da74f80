"""Which entries go where: pure, and the same between any two nodes.

An entry is named ``(origin, seq)`` and known by its hash. Who holds an entry holds its whole origin
before it, so a node says what it holds by the newest entry of each origin: its tip. An origin has
one tip; a cloned machine that went on twice has one for each branch, and both are kept.

Nothing here knows a disk, a socket or a clock: what is held is asked through callables.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any, NamedTuple, Protocol

from gate.core.allowance import MANY_ORIGINS, Meter
from gate.core.entry import CENTRAL, Entry, device_of

MAX_BRANCHES = 32
"""A machine is not cloned more often than that. Further branches of an origin are not taken, so
that one hostile device cannot make every frame too long; the alarm is up long before."""
DIGITS = 32
"""Hex digits of an entry's hash in a tip: 128 bits, as ``prev`` is compared."""


class Tip(NamedTuple):
    """The newest entry of an origin, or of one branch of it."""

    seq: int
    hash: str
    """First ``DIGITS`` hex digits of the SHA-256 of the entry."""


_NOTHING = Tip(0, "")
Have = dict[str, frozenset[Tip]]
"""What a node holds: the tips of every origin."""
HashesAt = Callable[[str, int], frozenset[str]]
"""Hashes of the entries held under a name: none, one, or one for each branch."""


class Page(NamedTuple):
    """A range of origins, in the order of their texts: what one frame of a comparison is about.

    Within it an origin that is not named is not held; beyond it nothing is said.
    """

    after: str = ""
    to: str = ""
    """The last of the range; empty: there is none."""

    def covers(self, origin: str) -> bool:
        """Whether an origin is in the range."""
        return self.after < origin and (not self.to or origin <= self.to)

    def within(self, have: Have) -> Have:
        """What is held of the range."""
        return {origin: tips for origin, tips in have.items() if self.covers(origin)}

    def beyond(self, have: Have) -> Have:
        """What is held of the rest."""
        return {origin: tips for origin, tips in have.items() if not self.covers(origin)}

    def cut(self, origins: Collection[str], most: int) -> "Page":
        """As much of the range as has so many of its origins."""
        if len(origins) <= most:
            return self
        return self._replace(to=nsmallest(most, origins)[-1])


def next_page(have: Have, after: str, most: int) -> Page:
    """The range with the next origins that are held, after one of them."""
    return Page(after).cut([origin for origin in have if origin > after], most)


class Step(NamedTuple):
    """An entry as a step of its branch; both hashes as tips name them."""

    seq: int
    hash: str
    prev: str


class Held(Protocol):
    """What ``missing`` asks of a node."""

    def hashes_at(self, origin: str, seq: int) -> frozenset[str]:
        """Hashes of the entries held under a name."""

    def steps(self, origin: str) -> Sequence[Step]:
        """Every entry held of an origin that has branches, by ``seq``."""


class Span(NamedTuple):
    """Entries of an origin that the other side lacks: those after ``after``."""

    origin: str
    after: int


def missing(
    mine: Have, theirs: Have, held: Held, *, only: Callable[[str], bool] = bool
) -> list[Span]:
    """What to send, given what the other side says it holds.

    Whoever is ahead sends. Where an origin has branched, also unseen, it is sent from the first
    entry on that the other may lack; what it holds of the rest already does no harm.
    """
    spans = []
    for origin, tips in mine.items():
        other = theirs.get(origin, frozenset())
        if tips <= other or not only(origin):
            continue
        spans.append(Span(origin, _common(origin, tips, other, held)))
    return [span for span in spans if span.after >= 0]


def _common(origin: str, mine: frozenset[Tip], theirs: frozenset[Tip], held: Held) -> int:
    """The seq up to which the other holds what we hold; -1 when it has all of it."""
    if len(mine) == 1 and max(theirs, default=_NOTHING).seq > max(mine).seq:
        # They are ahead and will see whether our tip is on their chain.
        return -1
    common = [tip for tip in theirs if tip.hash in held.hashes_at(origin, tip.seq)]
    if len(mine) == 1 or not common:
        return max(common, default=_NOTHING).seq
    steps = held.steps(origin)
    theirs_hold = {tip.hash for tip in theirs}
    for step in reversed(steps):
        if step.hash in theirs_hold:
            theirs_hold.add(step.prev)
    lacking = (step.seq for step in steps if step.hash not in theirs_hold)
    return next(lacking, 0) - 1


class HeldEntry(NamedTuple):
    """An entry as it is held, with what it is known by: nobody has to parse or hash it again."""

    origin: str
    seq: int
    hash: str
    """SHA-256 of the body, hex."""
    prev: str
    body: bytes


def frame_of(
    spans: Iterable[Span],
    read: Callable[[Span, int], Iterable[HeldEntry]],
    *,
    most: int,
    most_bytes: int,
) -> tuple[list[HeldEntry], bool]:
    """The entries of the spans, as many as fit into a frame, and whether there are more.

    ``read`` gives a span's entries in order, at most as many as it is told.
    """
    out: list[HeldEntry] = []
    size = 0
    for span in spans:
        for one in read(span, most + 1 - len(out)):
            if len(out) >= most or (out and size + len(one.body) > most_bytes):
                return out, True
            out.append(one)
            size += len(one.body)
    return out, False


class Carried(NamedTuple):
    """An entry as it came, parsed and hashed once: its exact bytes, and their SHA-256 in hex."""

    entry: Entry
    """To look at only: see ``gate.core.entry_codec.glance``."""
    body: bytes
    hash: str

    @property
    def origin(self) -> str:
        """Its maker and that one's start."""
        return self.entry.origin

    @property
    def seq(self) -> int:
        """Its number within that."""
        return self.entry.seq

    @property
    def prev(self) -> str:
        """The hash of the entry before."""
        return self.entry.prev


Linked = Carried | HeldEntry
"""An entry on its way, in or out: what it is called, and after which one it comes."""


@dataclass(slots=True)
class Intake:
    """One batch of another node's entries, judged against what is held.

    An entry is taken only if it is held already or follows one that is held: a batch that comes
    twice, late or with holes changes nothing that a later one does not put right.
    """

    tips: Have
    """Of the origins in the batch; kept up to date."""
    hashes_at: HashesAt
    meter: Meter | None = None
    """What is taken is drawn from its makers' allowances; without one there is no limit."""
    taken: list[Carried] = field(default_factory=list)
    gaps: set[str] = field(default_factory=set)
    """Origins of which something before what was offered is not held."""
    _fresh: dict[tuple[str, int], set[str]] = field(default_factory=dict)

    def offer(self, one: Carried) -> bool:
        """Take the entry if it is new and its predecessor is held; whether it was taken."""
        origin, seq, short = one.entry.origin, one.entry.seq, one.hash[:DIGITS]
        tips = self.tips.get(origin, frozenset())
        before = Tip(seq - 1, one.entry.prev[:DIGITS])
        if before not in tips:
            if short in self._held(origin, seq):
                return False
            if seq > 1 and before.hash not in self._held(origin, seq - 1):
                self.gaps.add(origin)
                return False
            if len(tips) >= MAX_BRANCHES:
                return False
        now = Tip(seq, short)
        goes_on = len(tips) == 1 and before in tips
        self.tips[origin] = frozenset((now,)) if goes_on else tips - {before} | {now}
        self._fresh.setdefault((origin, seq), set()).add(short)
        self.taken.append(one)
        if self.meter is not None:
            self.meter.draw(origin, len(one.body), is_new_origin=not tips)
        return True

    def _held(self, origin: str, seq: int) -> frozenset[str]:
        return self.hashes_at(origin, seq) | self._fresh.get((origin, seq), set())


def own_or_vouched(
    batch: Iterable[Carried],
    sender: str,
    signed_tips: Collection[tuple[str, int, str]],
) -> list[Carried]:
    """The entries to believe: the sender's own, and others' up to a tip their maker signed.

    ``signed_tips`` are the verified ones, origin, seq and hash. One vouches for what it names and
    for all before that on its branch; what comes after it waits for the next one.
    """
    entries = list(batch)
    by_hash = {one.hash: one for one in entries}
    believed = {one.hash for one in entries if device_of(one.origin) == sender}
    for last in entries:
        if (last.origin, last.seq, last.hash) in signed_tips:
            _cover(last, by_hash, believed)
    return [one for one in entries if one.hash in believed]


def vouching(batch: Iterable[Linked], signed: Collection[str], every: int) -> set[str]:
    """Of signed hashes, those to send with a batch: one for each branch, as late as there is one.

    Also those at a multiple of ``every``, for whoever carries the entries on in smaller batches.
    """
    by_hash = {one.hash: one for one in batch}
    covered: set[str] = set()
    chosen = set()
    ends = [one for hash_ in signed if (one := by_hash.get(hash_)) is not None]
    for last in sorted(ends, key=lambda one: -one.seq):
        if last.hash in covered and last.seq % every:
            continue
        chosen.add(last.hash)
        _cover(last, by_hash, covered)
    return chosen


def _cover(last: Linked, by_hash: Mapping[str, Linked], covered: set[str]) -> None:
    """Add an entry and all before it on its branch, as far as they are there without a hole."""
    one: Linked | None = last
    while one is not None and one.hash not in covered:
        covered.add(one.hash)
        before = by_hash.get(one.prev)
        is_next = before is not None and (before.origin, before.seq + 1) == (one.origin, one.seq)
        one = before if is_next else None


def changed(mine: Have, known: Have) -> Have:
    """Of what a node holds, the origins that the other side does not know it by."""
    return {origin: tips for origin, tips in mine.items() if known.get(origin) != tips}


def receipted(mine: Have, receipts: Have, hashes_at: HashesAt) -> dict[str, int]:
    """For each origin, up to which seq a receipt covers what we hold; 0 when it covers nothing."""
    covered = {}
    for origin, tips in mine.items():
        covered[origin] = 0
        for tip in receipts.get(origin, frozenset()):
            if tip in tips or tip.hash in hashes_at(origin, tip.seq):
                covered[origin] = max(covered[origin], tip.seq)
    return covered


class Start(NamedTuple):
    """How an incarnation began: what its first entry says of the entry before it."""

    origin: str
    follows: str
    """Name of the device's previous entry; empty for its very first."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A device did two things after one and the same entry: cloned, restored, or rolled back."""

    device: str
    after: str
    """Name of the entry that was followed twice; empty: the device began twice."""
    origins: tuple[str, ...]
    """Where it went on."""


def alarms(starts: Iterable[Start], have: Have) -> list[Alarm]:
    """Derive which devices were cloned, restored from a backup or rolled back.

    A device's entries are one line: each has one successor. Derived from the entries alone, so
    every node that holds them says the same. The server itself begins anew when it is restored,
    which is no alarm.
    """
    ways: dict[tuple[str, str], set[str]] = {}
    for start in starts:
        if device_of(start.origin) == CENTRAL:
            continue
        ways.setdefault((device_of(start.origin), start.follows), set()).add(start.origin)
    found = []
    for (device, follows), origins in ways.items():
        origin, _colon, seq = follows.partition(":")
        goes_on = any(tip.seq > int(seq or 0) for tip in have.get(origin, ()))
        if follows and goes_on:
            origins.add(origin)
        if len(origins) > 1:
            found.append(Alarm(device, follows, tuple(sorted(origins))))
    for origin, tips in have.items():
        if len(tips) > 1 and device_of(origin) != CENTRAL:
            found.append(Alarm(device_of(origin), origin, (origin,)))
    return sorted(found, key=lambda a: (a.device, a.after, a.origins))


def flooding(origins: Iterable[str]) -> list[str]:
    """Which devices have begun more origins than any that works does."""
    begun = Counter(map(device_of, origins))
    return sorted(d for d, count in begun.items() if count > MANY_ORIGINS and d != CENTRAL)


def gather(rows: Iterable[Sequence[Any]]) -> Have:
    """Rows of origin, seq and hash (hex, or bytes) as what a node holds.

    Raises TypeError or AttributeError for what is no such row.
    """
    found: dict[str, set[Tip]] = {}
    for origin, seq, hash_ in rows:
        if not (isinstance(origin, str) and isinstance(seq, int)):
            msg = "no name of an entry"
            raise TypeError(msg)
        digits = hash_ if isinstance(hash_, str) else hash_.hex()
        found.setdefault(origin, set()).add(Tip(seq, digits[:DIGITS]))
    return {origin: frozenset(tips) for origin, tips in found.items()}


def joined(
    received: Have, own: Mapping[str, Tip], goes_on: Callable[[str, Tip], bool]
) -> dict[str, frozenset[Tip]]:
    """What a device holds: what it received, and its own journal's newest entries.

    ``goes_on`` tells whether an entry after such a one was received: after a restored backup, what
    was pulled back goes on where the journal ends.
    """
    have = dict(received)
    for origin, tip in own.items():
        others = have.get(origin, frozenset())
        have[origin] = others if others and goes_on(origin, tip) else others | {tip}
    return have


def tip_name(origin: str, tip: Tip) -> str:
    """An entry as the newest of its device: ``origin:seq:hash``."""
    return f"{origin}:{tip.seq}:{tip.hash}"


def read_tip(name: str) -> tuple[str, Tip]:
    """Its origin, and the tip. The name must be of that form."""
    origin, _colon, tip = name.partition(":")
    return origin, _tip(tip)


def tips_to_text(have: Have) -> dict[str, list[str]]:
    """As frames carry it."""
    return {
        origin: [f"{tip.seq}:{tip.hash}" for tip in sorted(tips)] for origin, tips in have.items()
    }


def tips_from_text(have: Mapping[str, Iterable[str]]) -> Have:
    """As frames carried it."""
    return {origin: frozenset(map(_tip, texts)) for origin, texts in have.items()}


def _tip(text: str) -> Tip:
    seq, _colon, digest = text.partition(":")
    return Tip(int(seq), digest)

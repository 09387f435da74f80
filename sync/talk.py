"""A device's side of the exchange with the server: what to say next, what to make of the answer.

It knows neither socket nor clock: whoever carries the messages may lose, repeat, delay or reorder
them, and may stop between any two lines.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import Raw

from gate.domain.model import device_of
from sync.exchange import Have, Span, Tip, missing, receipted, tips_from_text, tips_to_text
from sync.keys import DeviceKey
from sync.protocol import HEAD_EVERY, Answer, Ask, Frame, Head, Refused, Report
from sync.replica import Holdings, read_bodies


@dataclass(frozen=True, slots=True)
class Heard:
    """What an answer brought."""

    new: int
    """Entries that were not held before."""
    more: bool
    """The server has more for us, or something before what it sent is missing."""


class Talk:
    """One connection's worth of talking; a new one begins with everything both sides hold."""

    def __init__(self, holdings: Holdings, key: DeviceKey) -> None:
        self._holdings = holdings
        self._key = key
        self._known: Have = holdings.receipts()
        self._is_whole = False
        self._asked: Have = {}
        self._sent: dict[str, tuple[str, int]] = {}
        self._offered: dict[str, int] = {}
        self._signed: dict[str, int] = {}
        self._blocked = {r.origin: r.seq for r in holdings.quarantined() if r.origin}
        self.needs_whole = True
        """Whether the next message is to say all that is held, and to ask for all that is not."""

    def ask(self, report: Report | None = None, *, sign: bool = True) -> Ask:
        """The next message: what the server lacks, as far as it is known."""
        holdings = self._holdings
        mine = holdings.have()
        if self.needs_whole:
            # Whatever was on its way may not have come through.
            self._offered.clear()
            self._signed.clear()
        spans = self._missing(mine)
        raw, more = holdings.bodies(spans)
        heads = self._heads(raw)
        if sign and not more:
            heads += self._sign(mine)
        if heads:
            holdings.put_heads(h for h in heads if device_of(h.origin) == holdings.device)
        whole = self.needs_whole
        if whole:
            self._asked = mine
        return Ask(
            frame=Frame(
                have=tips_to_text(mine) if whole else {},
                whole=whole,
                entries=[Raw(body) for body in raw],
                heads=heads,
                more=more,
            ),
            report=report,
        )

    def hear(self, answer: Answer, now_ms: int, *, to_whole: bool = False) -> Heard:
        """Take in an answer. ``to_whole``: it answers a message that said all that is held."""
        holdings, frame = self._holdings, answer.frame
        taken = holdings.accept(
            [bytes(body) for body in frame.entries], None, frame.heads, _central_is_believed
        )
        told = tips_from_text(frame.have)
        self._look_back(told)
        if to_whole:
            # What is not named is held by the server as we said.
            self._known = {o: told.get(o, tips) for o, tips in self._asked.items()} | told
            self._is_whole = True
            self.needs_whole = False
        else:
            self._known |= told
        self._put_receipts(told, to_whole=to_whole)
        if frame.refused:
            self._note_refusals(frame.refused, now_ms)
        if taken.refused:
            holdings.quarantine(taken.refused, now_ms)
        if taken.gaps:
            self.needs_whole = True
        return Heard(taken.new, frame.more or bool(taken.gaps))

    def unsent(self) -> int:
        """How many of this device's own entries the server has not said it holds."""
        own = self._holdings.own_have()
        covered = receipted(own, self._holdings.receipts(), self._holdings.hashes_at)
        return sum(max(0, _newest(tips) - covered[origin]) for origin, tips in own.items())

    def has_to_send(self) -> bool:
        """Whether there is anything the server is not known to hold and may be told."""
        return bool(self._missing(self._holdings.have()))

    def _look_back(self, told: Have) -> None:
        """Offer again what the server did not take of what it was offered."""
        for origin, tips in told.items():
            taken, known = _newest(tips), _newest(self._known.get(origin, frozenset()))
            if not tips:
                # Something before what it was offered is missing there.
                self._offered.pop(origin, None)
            elif not self._is_own(origin) and known < taken < self._offered.get(origin, 0):
                # Others' entries count up to the last signed one of a frame; go on from there.
                self._offered[origin] = taken

    def _missing(self, mine: Have) -> list[Span]:
        def may_send(origin: str) -> bool:
            # Others' entries only once the server has said what it holds of everything.
            return self._is_whole or self._is_own(origin)

        spans = missing(mine, self._known, self._holdings.hashes_at, only=may_send)
        return [
            span._replace(after=after)
            for span in spans
            if (after := self._not_offered(span, mine)) >= 0
            and after + 1 < self._blocked.get(span.origin, after + 2)
        ]

    def _not_offered(self, span: Span, mine: Have) -> int:
        """Where to go on, given what is on its way already; -1 when all of it is."""
        tips = mine[span.origin]
        offered = self._offered.get(span.origin, 0)
        if offered >= _newest(tips):
            return -1
        # Branches have entries of one number; the last may have been cut off from its twin.
        return max(span.after, offered if len(tips) == 1 else offered - 1)

    def _heads(self, raw: list[bytes]) -> list[Head]:
        """What vouches for the entries of a frame: ours now and then, others' as they came."""
        self._sent = {}
        heads: list[Head] = []
        others: set[str] = set()
        for one in read_bodies(raw)[0]:
            origin, seq = one.entry.origin, one.entry.seq
            self._sent[one.hash] = (origin, seq)
            self._offered[origin] = max(seq, self._offered.get(origin, 0))
            if device_of(origin) != self._holdings.device:
                others.add(origin)
            elif seq % HEAD_EVERY == 0:
                heads.append(self._key.sign(origin, seq, one.hash))
        return heads + self._holdings.heads(sorted(others))

    def _sign(self, mine: Have) -> list[Head]:
        """Vouch for this device's newest entries, so that others can carry them on."""
        heads = []
        for origin, tips in mine.items():
            newest = _newest(tips)
            if not self._is_own(origin) or self._signed.get(origin, 0) >= newest:
                continue
            self._signed[origin] = newest
            heads += [
                self._key.sign(origin, tip.seq, hash_)
                for tip in tips
                for hash_ in self._holdings.whole_hashes(origin, tip.seq)
            ]
        return heads

    def _put_receipts(self, told: Have, *, to_whole: bool) -> None:
        own = {o: t for o, t in (self._known if to_whole else told).items() if self._is_own(o)}
        receipts = self._holdings.receipts() if own else {}
        if any(receipts.get(origin) != tips for origin, tips in own.items()):
            self._holdings.put_receipts(own)

    def _is_own(self, origin: str) -> bool:
        return device_of(origin) == self._holdings.device

    def _note_refusals(self, refused: Iterable[Refused], now_ms: int) -> None:
        kept = []
        for one in refused:
            origin, seq = self._sent.get(one.hash, (one.origin, one.seq))
            if origin:
                self._blocked[origin] = min(seq, self._blocked.get(origin, seq))
            kept.append(Refused(origin, seq, one.reason, one.hash))
        self._holdings.quarantine(kept, now_ms)


def _central_is_believed(_head: Head) -> bool:
    return True


def _newest(tips: Iterable[Tip]) -> int:
    return max((tip.seq for tip in tips), default=0)

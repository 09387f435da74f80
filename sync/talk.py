"""A device's side of the exchange with the server: what to say next, what to make of the answer.

It knows neither socket nor clock: whoever carries the messages may lose, repeat, delay or reorder
them, and may stop between any two lines.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from msgspec import Raw

from sync.exchange import Have, tips_from_text, tips_to_text
from sync.keys import DeviceKey
from sync.outbound import Outbound, by_hash, unsent
from sync.protocol import Answer, Ask, Frame, Head, Refused, Report
from sync.replica import Holdings


@dataclass(frozen=True, slots=True)
class Heard:
    """What an answer brought."""

    new: int
    """Entries that were not held before."""
    more: bool
    """The server has more for us, or something before what it sent is missing."""


class Talk:
    """One connection's worth of talking; a new one begins with everything both sides hold."""

    def __init__(
        self, holdings: Holdings, key: DeviceKey, relays: Callable[[str], bool] | None = None
    ) -> None:
        self._holdings = holdings
        self._out = Outbound(holdings, key, holdings.receipts())
        for one in holdings.quarantined():
            self._block(one.origin, one.seq)
        self._relays = relays
        """Which others' origins are passed on between comparisons; all, unless somebody says."""
        self._is_whole = False
        self._asked: Have = {}
        self._sent: Mapping[str, tuple[str, int]] = {}
        self.needs_whole = True
        """Whether the next message is to say all that is held, and to ask for all that is not."""

    @property
    def known(self) -> Have:
        """What the server is known to hold."""
        return self._out.known

    def ask(self, report: Report | None = None, *, sign: bool = True) -> Ask:
        """The next message: what the server lacks, as far as it is known."""
        mine = self._holdings.have()
        if self.needs_whole:
            self._out.begin_again()
        load = self._out.load(mine, self._may_send, sign=sign)
        self._sent = by_hash(load.raw)
        whole = self.needs_whole
        if whole:
            self._asked = mine
        return Ask(
            frame=Frame(
                have=tips_to_text(mine) if whole else {},
                whole=whole,
                entries=[Raw(body) for body in load.raw],
                heads=load.heads,
                more=load.more,
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
        if to_whole:
            # What is not named is held by the server as we said.
            told = self._asked | told
        self._out.learn(told)
        if to_whole:
            self._out.known = told
            self._is_whole = True
            self.needs_whole = False
        self._put_receipts(told)
        if frame.refused:
            self._note_refusals(frame.refused, now_ms)
        if taken.refused:
            holdings.quarantine(taken.refused, now_ms)
        if taken.gaps:
            self.needs_whole = True
        return Heard(taken.new, frame.more or bool(taken.gaps))

    def unsent(self) -> int:
        """How many of this device's own entries the server has not said it holds."""
        return unsent(self._holdings, self._holdings.receipts())

    def has_to_send(self) -> bool:
        """Whether there is anything the server is not known to hold and may be told."""
        return bool(self._out.spans(self._holdings.have(), self._may_send))

    def _may_send(self, origin: str) -> bool:
        if self._out.is_own(origin):
            return True
        # Others' entries only once the server has said what it holds of everything.
        return self._is_whole and (self.needs_whole or self._relays is None or self._relays(origin))

    def _put_receipts(self, told: Have) -> None:
        own = {origin: tips for origin, tips in told.items() if self._out.is_own(origin)}
        receipts = self._holdings.receipts() if own else {}
        if any(receipts.get(origin) != tips for origin, tips in own.items()):
            self._holdings.put_receipts(own)

    def _note_refusals(self, refused: Iterable[Refused], now_ms: int) -> None:
        kept = []
        for one in refused:
            origin, seq = self._sent.get(one.hash, (one.origin, one.seq))
            self._block(origin, seq)
            kept.append(Refused(origin, seq, one.reason, one.hash))
        self._holdings.quarantine(kept, now_ms)

    def _block(self, origin: str, seq: int) -> None:
        """Send nothing from there on."""
        if origin:
            self._out.blocked[origin] = min(seq, self._out.blocked.get(origin, seq))


def _central_is_believed(_head: Head) -> bool:
    return True

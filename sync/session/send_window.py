"""What another node lacks, as far as is known, and what of it is on its way there."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from gate.core.entry import device_of
from gate.core.intake import signed_tips_for
from gate.core.limits import HEAD_EVERY, MAX_ENTRIES
from gate.core.replication import Have, HeldEntry, Span, Tip, missing, receipted
from gate.core.signed_tip import SignedTip
from gate.storage.device_key import DeviceKey
from gate.storage.peer_store import PeerStore

MaySend = Callable[[str], bool]


class Load(NamedTuple):
    """Entries for one frame, and what vouches for them."""

    entries: list[HeldEntry]
    signed_tips: list[SignedTip]
    more: bool
    """There is more that did not fit."""


class SendWindow:
    """One connection's worth of sending to one other node."""

    def __init__(self, peer_store: PeerStore, key: DeviceKey, known: Have) -> None:
        self._peer_store = peer_store
        self._key = key
        self.known = known
        """What the other node is known to hold."""
        self.blocked: dict[str, int] = {}
        """Entries that it will never take, by origin: nothing from there on is sent."""
        self._waiting: frozenset[str] = frozenset()
        """Devices of which it takes no more before the next comparison."""
        self._offered: dict[str, int] = {}
        self._signed: dict[str, int] = {}

    def begin_again(self) -> None:
        """Whatever was on its way may not have come through."""
        self._offered.clear()
        self._signed.clear()
        self._waiting = frozenset()

    def wait(self, devices: Iterable[str]) -> None:
        """The other side has taken all it takes now of some devices."""
        self._waiting |= frozenset(devices)

    def learn(self, theirs: Have) -> None:
        """The other side says what it now holds of some origins."""
        for origin, tips in theirs.items():
            taken, known = newest(tips), newest(self.known.get(origin, frozenset()))
            if not tips and known:
                # Something before what it was offered is missing there. Whoever was offered all of
                # it and took nothing is not offered it again before all is compared.
                self._offered.pop(origin, None)
            elif not self.is_own(origin) and known < taken < self._offered.get(origin, 0):
                # Others' entries count up to the last signed one of a frame; go on from there.
                self._offered[origin] = taken
        self.known |= theirs

    def spans(self, mine: Have, may_send: MaySend) -> list[Span]:
        """What is to be sent that is not on its way."""

        def may_send_now(origin: str) -> bool:
            return may_send(origin) and device_of(origin) not in self._waiting

        found = missing(mine, self.known, self._peer_store.entries, only=may_send_now)
        return [
            span._replace(after=after)
            for span in found
            if (after := self._not_offered(span, mine)) >= 0
            and after + 1 < self.blocked.get(span.origin, after + 2)
        ]

    def load(self, mine: Have, may_send: MaySend, *, sign: bool) -> Load:
        """Take the next frame's worth of it on the way."""
        spans = self.spans(mine, may_send)
        entries, more = self._peer_store.entries.frame(spans)
        if not more:
            # All that can be read of them; of a journal that is rotten that is not all there is.
            self._offered.update({span.origin: newest(mine[span.origin]) for span in spans})
        signed_tips = self._signed_tips(entries, sign=sign)
        if sign and not more:
            signed_tips += self._sign(mine)
        if own := [head for head in signed_tips if self.is_own(head.origin)]:
            self._peer_store.signed_tips.put(own)
        return Load(entries, signed_tips, more)

    def is_own(self, origin: str) -> bool:
        """Whether an origin is of this very device."""
        return device_of(origin) == self._peer_store.device

    def _not_offered(self, span: Span, mine: Have) -> int:
        """Where to go on, given what is on its way already; -1 when all of it is."""
        tips = mine[span.origin]
        offered = self._offered.get(span.origin, 0)
        if offered >= newest(tips):
            return -1
        # Branches have entries of one number; the last may have been cut off from its twin.
        return max(span.after, offered if len(tips) == 1 else offered - 1)

    def _signed_tips(self, batch: list[HeldEntry], *, sign: bool) -> list[SignedTip]:
        """What vouches for the entries of a frame: ours now and then, others' as they came."""
        signed_tips: list[SignedTip] = []
        followed = {one.prev for one in batch}
        for one in batch:
            origin, seq = one.origin, one.seq
            self._offered[origin] = max(seq, self._offered.get(origin, 0))
            if self.is_own(origin) and (
                seq % HEAD_EVERY == 0 or (sign and one.hash not in followed)
            ):
                signed_tips.append(self._key.sign(origin, seq, one.hash))
                self._signed[origin] = max(seq, self._signed.get(origin, 0))
        others = (one for one in batch if not self.is_own(one.origin))
        return [*signed_tips, *signed_tips_for(others, self._peer_store.signed_tips.of)][
            :MAX_ENTRIES
        ]

    def _sign(self, mine: Have) -> list[SignedTip]:
        """Vouch for this device's newest entries, so that others can carry them on."""
        signed_tips = []
        own = f"{self._peer_store.device}."
        for origin in [origin for origin in mine if origin.startswith(own)]:
            tips = mine[origin]
            last = newest(tips)
            if self._signed.get(origin, 0) >= last:
                continue
            self._signed[origin] = last
            signed_tips += [
                self._key.sign(origin, tip.seq, hash_)
                for tip in tips
                for hash_ in self._peer_store.entries.whole_hashes(origin, tip.seq)
            ]
        return signed_tips


def unacked(peer_store: PeerStore, known: Have) -> int:
    """How many of this device's own entries another node is not known to hold."""
    own = peer_store.own_have()
    covered = receipted(own, known, peer_store.entries.hashes_at)
    return sum(max(0, newest(tips) - covered[origin]) for origin, tips in own.items())


def newest(tips: Iterable[Tip]) -> int:
    """The greatest number among the tips of an origin."""
    return max((tip.seq for tip in tips), default=0)

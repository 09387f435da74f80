"""A device's side of the exchange with the server: what to send next, what to make of the response.

It knows neither socket nor clock: whoever carries the messages may lose, repeat, delay or reorder
them, and may stop between any two lines.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from msgspec import Raw

from gate.core.entry import CENTRAL
from gate.core.event_device import DeviceReport
from gate.core.replication import Have, HeldEntry, Page, next_page, tips_from_text, tips_to_text
from gate.core.signed_tip import Rejected, SignedTip
from gate.storage.device_key import DeviceKey
from gate.storage.peer_store import PeerStore
from sync.session.send_window import SendWindow, unacked
from sync.wire import PAGE_ORIGINS, Frame, SyncRequest, SyncResponse


@dataclass(frozen=True, slots=True)
class Received:
    """What a response brought."""

    new: int
    """Entries that were not held before."""
    more: bool
    """There is more to compare, or something before what the server sent is missing."""


class ServerSession:
    """One connection's worth of it; a new one begins with everything both sides hold."""

    def __init__(
        self, peer_store: PeerStore, key: DeviceKey, relays: Callable[[str], bool] | None = None
    ) -> None:
        self._peer_store = peer_store
        self._out = SendWindow(peer_store, key, peer_store.receipts.acked())
        for one in peer_store.quarantine.by_server():
            self._block(one.origin, one.seq)
        self._relays = relays
        """Which others' origins are passed on between comparisons; all, unless somebody says."""
        self._is_whole = False
        self._after = ""
        """How far the comparison has come that is going on."""
        self._page, self._asked = Page(), Have()
        self._sent: Mapping[str, HeldEntry] = {}
        """The entries of the last message, by their hash."""
        self.needs_whole = True
        """Whether all that is held is to be compared: the next messages say it, page by page."""

    def next_request(self, report: DeviceReport | None = None, *, sign: bool = True) -> SyncRequest:
        """The next request: what the server lacks, as far as it is known."""
        mine = self._peer_store.have()
        if self.needs_whole and not self._after:
            self._out.begin_again()
        load = self._out.load(mine, self._may_send, sign=sign)
        self._sent = {one.hash: one for one in load.entries}
        page = None
        if self.needs_whole:
            page = self._page = next_page(mine, self._after, PAGE_ORIGINS)
            self._asked = page.within(mine)
        return SyncRequest(
            frame=Frame(
                have=tips_to_text(self._asked) if page else {},
                page=page,
                entries=[Raw(one.body) for one in load.entries],
                signed_tips=load.signed_tips,
                more=load.more,
            ),
            report=report,
        )

    def receive(self, response: SyncResponse, now_ms: int, *, to_whole: bool = False) -> Received:
        """Take in a response. ``to_whole``: it answers the request that last compared a page."""
        peer_store, frame = self._peer_store, response.frame
        taken = peer_store.intake.accept(
            [bytes(body) for body in frame.entries], None, frame.signed_tips, _central_is_believed
        )
        theirs = tips_from_text(frame.have)
        self._out.wait(frame.later)
        # Where there is no room nothing more is asked for before the next comparison.
        has_gaps = bool(taken.gaps) and not taken.is_full
        more = frame.more and not taken.is_full
        page = Page(*frame.page) if frame.page else self._page
        if to_whole:
            # What is not named is held by the server as we said.
            theirs = page.within(self._asked) | theirs
        self._out.learn(theirs)
        if to_whole:
            self._out.known = page.beyond(self._out.known) | theirs
            if not (more or has_gaps):
                self._go_on(page)
        self._put_receipts(theirs)
        if frame.rejected:
            self._note_rejected(frame.rejected, now_ms)
        if taken.rejected:
            peer_store.quarantine.put(taken.rejected, now_ms, CENTRAL)
        if has_gaps:
            self.needs_whole, self._after = True, ""
        return Received(taken.new, more or has_gaps or (to_whole and self.needs_whole))

    def _go_on(self, page: Page) -> None:
        """A page was compared; after the last of them everything is."""
        if page.after != self._after:
            return  # its answer came twice
        if page.to > self._after:
            self._after = page.to
            return
        self._after = ""
        self._is_whole, self.needs_whole = True, False

    def unacked(self) -> int:
        """How many of this device's own entries the server has not said it holds."""
        return unacked(self._peer_store, self._peer_store.receipts.acked())

    def has_to_send(self) -> bool:
        """Whether there is anything the server is not known to hold and may be sent."""
        return bool(self._out.spans(self._peer_store.have(), self._may_send))

    def _may_send(self, origin: str) -> bool:
        if self._out.is_own(origin):
            return True
        # Others' entries only once the server has said what it holds of everything.
        return self._is_whole and (self.needs_whole or self._relays is None or self._relays(origin))

    def _put_receipts(self, theirs: Have) -> None:
        own = {origin: tips for origin, tips in theirs.items() if self._out.is_own(origin)}
        receipts = self._peer_store.receipts.acked() if own else {}
        if any(receipts.get(origin) != tips for origin, tips in own.items()):
            self._peer_store.receipts.put(own)

    def _note_rejected(self, rejected: Iterable[Rejected], now_ms: int) -> None:
        kept = []
        for one in rejected:
            sent = self._sent.get(one.hash, one)
            self._block(sent.origin, sent.seq)
            kept.append(Rejected(sent.origin, sent.seq, one.reason, one.hash))
        self._peer_store.quarantine.put(kept, now_ms)

    def _block(self, origin: str, seq: int) -> None:
        """Send nothing from there on."""
        if origin:
            self._out.blocked[origin] = min(seq, self._out.blocked.get(origin, seq))


def _central_is_believed(_head: SignedTip) -> bool:
    return True

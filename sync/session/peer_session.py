"""Two gates of a venue telling each other: the same exchange as with the server, from both sides.

Each pushes what it did itself at once. What it heard from others it passes on only to whom asks:
normally everybody hears everybody, and an entry crosses every link once.

Like ``server_session`` it knows neither socket nor clock. Messages may be lost, if all that follow
on that connection are; whole comparisons put right what any other loss leaves open.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from msgspec import Raw

from gate.core.entry import CENTRAL, device_of
from gate.core.replication import (
    Have,
    HeldEntry,
    Page,
    Tip,
    next_page,
    tips_from_text,
    tips_to_text,
)
from gate.core.signed_tip import SignedTip
from gate.storage.device_key import DeviceKey
from gate.storage.peer_store import PeerStore
from sync.session.send_window import SendWindow, unacked
from sync.wire import MAX_LATER, PAGE_ORIGINS, Frame, PeerMessage

WINDOW = 4
"""Frames with entries, or pages of a comparison, that may be on their way: what a slow link has to
hold."""
KNOWN_ORIGINS = 100_000
"""Origins that another may name between two of its comparisons; who names more is told nothing
before the next."""
ALL = "*"


class PeerSession:
    """One connection's worth of it with one other gate."""

    def __init__(
        self,
        peer_store: PeerStore,
        key: DeviceKey,
        device: str,
        verify: Callable[[SignedTip], bool],
    ) -> None:
        self.device = device
        self._peer_store = peer_store
        self._verify = verify
        self._out = SendWindow(peer_store, key, {})
        self.is_known = False
        """Whether the other has said all that it holds."""
        self._known_to: str | None = None
        """How far it has come in saying so."""
        self._needs_whole = True
        self._after: str | None = None
        """How far we have come in saying what we hold."""
        self._has_gap = False
        self._owed: set[str] = set()
        self._later: frozenset[str] = frozenset()
        self._acks_due = 0
        self._in_flight = 0
        self.passes_on: frozenset[str] = frozenset()
        self.asked: frozenset[str] = frozenset()
        """What the other was asked to pass on."""
        self._asks_anew = False
        self.connected: Mapping[str, str] = {}
        """Whom the other hears, and where they listen."""
        self._lacking: dict[str, frozenset[Tip]] = {}
        """What the other was found to hold that we do not."""

    def next_message(self) -> PeerMessage | None:
        """The next message; ``None`` when there is nothing to send."""
        mine = self._peer_store.have()
        have = {origin: mine.get(origin, frozenset()) for origin in self._owed}
        page = self._next_page(mine)
        if page is not None:
            have |= page.within(mine)
        relay_requests = sorted(self.asked) if self._asks_anew else None
        if relay_requests is not None:
            # So that what came on other ways is not sent again; it does no harm if it is.
            held = {o: tips for o, tips in mine.items() if self._is_asked(o)}
            have |= dict(islice(held.items(), PAGE_ORIGINS))
        entries: list[HeldEntry] = []
        signed_tips: list[SignedTip] = []
        if self.is_known and self._in_flight < WINDOW:
            entries, signed_tips, _more = self._out.load(mine, self._may_send, sign=True)
        acks = self._acks_due
        if not (page or have or entries or signed_tips or acks or relay_requests is not None):
            return None
        later = sorted(self._later)[:MAX_LATER]
        self._owed.clear()
        self._acks_due, self._asks_anew, self._later = 0, False, frozenset()
        self._in_flight += bool(entries or page)
        bodies = [Raw(one.body) for one in entries]
        frame = Frame(tips_to_text(have), page, bodies, signed_tips, later=later)
        return PeerMessage(frame, acks, relay_requests)

    def _next_page(self, mine: Have) -> Page | None:
        """What of a comparison is to be said now; one after the other, as the link takes them."""
        if self._needs_whole and self._after is None:
            self._needs_whole, self._after = False, ""
            self._out.begin_again()
        if self._after is None or self._in_flight >= WINDOW:
            return None
        page = next_page(mine, self._after, PAGE_ORIGINS)
        self._after = page.to or None
        return page

    def has_to_send(self) -> bool:
        """Whether there are entries or pages to be sent that the window has room for."""
        if self._in_flight >= WINDOW:
            return False
        if self._needs_whole or self._after is not None:
            return True
        return self.is_known and bool(self._out.spans(self._peer_store.have(), self._may_send))

    def unacked(self) -> int:
        """How many of this device's own entries the other has not said it holds."""
        return unacked(self._peer_store, self._out.known)

    def receive(self, message: PeerMessage, now_ms: int) -> None:
        """Take in a message of the other."""
        frame = message.frame
        # Nobody is believed without a signature, not even on its own word: what could not be passed
        # on would be held by some only.
        taken = self._peer_store.intake.accept(
            [bytes(body) for body in frame.entries],
            "",
            frame.signed_tips,
            self._verify,
            by=self.device,
            now_ms=now_ms,
        )
        theirs = tips_from_text(frame.have)
        if frame.page is None:
            self._out.learn(theirs)
        else:
            self._receive_page(Page(*frame.page), theirs)
        self._in_flight = max(0, self._in_flight - message.acked)
        self._out.wait(frame.later)
        self._lacking = self._lacked(self._lacking | theirs)
        if len(self._out.known) > KNOWN_ORIGINS:
            self._out.known, self._lacking, self.is_known = {}, {}, False
        if message.relay_requests is not None:
            self.passes_on = frozenset(message.relay_requests)
        if message.heartbeat is not None:
            if message.heartbeat.connected is not None:
                self.connected = message.heartbeat.connected
            if self._has_gap:
                self._needs_whole, self._has_gap = True, False
        self._acks_due += bool(frame.entries or frame.page)
        self._owed |= taken.touched
        self._later |= taken.later
        if taken.rejected:
            self._peer_store.quarantine.put(taken.rejected, now_ms, self.device)
        # At the next heartbeat, for it may be that the other does not hold what is missing.
        self._has_gap = self._has_gap or bool(taken.gaps)

    def holds_all(self) -> bool:
        """Whether the other has said all that it holds, and we hold that too."""
        return self.is_known and not self.more()

    def _receive_page(self, page: Page, theirs: Have) -> None:
        """A part of what the other holds; the last makes it known."""
        if not page.after:
            # Whatever was on its way has come, or is sent again.
            self._out.begin_again()
            self._in_flight = 0
            self._known_to = ""
        self._out.known = page.beyond(self._out.known) | theirs
        self._lacking = page.beyond(self._lacking)
        if page.after == self._known_to:
            self._known_to = page.to or None
            self.is_known = self.is_known or not page.to

    def compare(self) -> None:
        """Say all that is held with the next message; the other then knows what is lacking."""
        self._needs_whole = True

    def ask_for(self, devices: Iterable[str]) -> None:
        """Have the other pass on what those devices did, and nothing else of others."""
        wanted = frozenset(devices)
        self._asks_anew = self._asks_anew or wanted != self.asked
        self.asked = wanted

    def more(self) -> set[str]:
        """Devices of which the other holds more than we do."""
        self._lacking = self._lacked(self._lacking)
        return {device_of(origin) for origin in self._lacking}

    def _lacked(self, theirs: Have) -> Have:
        mine, hashes_at = self._peer_store.have(), self._peer_store.entries.hashes_at
        return {
            origin: tips
            for origin, tips in theirs.items()
            if any(
                t.hash not in hashes_at(origin, t.seq) for t in tips - mine.get(origin, frozenset())
            )
        }

    def _is_asked(self, origin: str) -> bool:
        return ALL in self.asked or device_of(origin) in self.asked

    def _may_send(self, origin: str) -> bool:
        device = device_of(origin)
        if device == self._peer_store.device or device in self.passes_on:
            return True
        return ALL in self.passes_on and device != self.device and device not in self.connected


@dataclass(slots=True)
class RelayRequests:
    """Who is asked to pass on what: kept steady, so that nobody is asked twice for nothing."""

    patience: int = 3
    """How many looks a device, or who hears it, gets to tell what others hold of it."""
    _lacking: dict[str, int] = field(default_factory=dict)

    def share_out(
        self, sessions: Sequence[PeerSession], me: str, *, is_central_connected: bool
    ) -> None:
        """Ask for everything that somebody holds and its maker cannot tell us itself."""
        connected_here = {session.device for session in sessions}
        relay_requests: dict[str, set[str]] = {session.device: set() for session in sessions}
        bridge = (
            None
            if is_central_connected
            else _one_of([session for session in sessions if CENTRAL in session.connected], ALL)
        )
        if bridge is not None:
            relay_requests[bridge.device].add(ALL)
        out_of_reach = (
            {d for session in sessions for d in session.connected} - connected_here - {me, CENTRAL}
        )
        for device in out_of_reach:
            knows = [session for session in sessions if device in session.connected]
            if bridge is None or device not in bridge.connected:
                chosen = _one_of(knows, device)
                if chosen is not None:
                    relay_requests[chosen.device].add(device)
        more = {session.device: session.more() for session in sessions}
        lacking = {device for devices in more.values() for device in devices}
        self._lacking = {device: self._lacking.get(device, 0) + 1 for device in sorted(lacking)}
        for device, looks in self._lacking.items():
            # Whoever says that it hears a device may be wrong, or lie.
            is_promised = device in connected_here or device in out_of_reach
            if looks > self.patience or not is_promised:
                holders = sorted(d for d, devices in more.items() if device in devices)
                # Who does not help is not asked for ever.
                relay_requests[holders[looks // self.patience % len(holders)]].add(device)
        for session in sessions:
            session.ask_for(relay_requests[session.device])


def _one_of(sessions: Sequence[PeerSession], device: str) -> PeerSession | None:
    """The one that is asked already, or else the one that is asked for least."""
    asked = [session for session in sessions if device in session.asked]
    return min(
        asked or sessions,
        key=lambda session: (len(session.asked), session.device),
        default=None,
    )

"""Several codes in the camera's picture: which is decided now, which waits, which is furniture.

Pure: times are milliseconds that are handed in, and what is to be done is the answer.

- A known ticket is decided at once. A second one waits while the first is in view: until that was
  out of view for a while, or this one has come to lie where the first was.
- An unknown code is held back for a moment, in which a known one takes its place. Beside a known
  one it is no verdict, and none later as long as it stays.
- An unknown code that has lain at one place for long belongs to the place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gate.capture.debounce import Debounce
from gate.capture.glimpse import WHOLE, Decide, Furniture, Glimpse, Notice, Spot

HELD_BACK_MS = 300
"""So long an unknown code waits for a known one of the same picture."""
AFTER_KNOWN_MS = 500
"""So long after a known one was in view, an unknown code is no verdict."""
FURNITURE_MS = 10_000
"""In view at one place for so long, an unknown code is furniture."""
GONE_MS = 60_000
"""Furniture may be hidden by guests; out of view for so long it has been taken away."""
FAULT_AGAIN_MS = 1500
"""How often a code in view is decided again that a fault has held."""
LEFT_KEPT = 3
"""Unknown codes that are still to be decided though they have left the view; older ones are not."""
SIGHTED_KEPT = 1000


@dataclass(slots=True)
class _Sighted:
    """One code's stay in the picture."""

    glimpse: Glimpse
    first_ms: int
    seen_ms: int
    wants: bool = False
    """It is a new scan and still to be decided."""
    is_together: bool = False
    """A ticket that was in one picture with another, which was decided."""
    is_beside: bool = False
    """An unknown code whose place a known one took."""
    after: str = ""
    """The unknown code of the same picture that was decided instead."""
    fault_ms: int | None = None
    home: Spot = WHOLE
    lain_ms: int = 0
    is_furniture: bool = False


class View:
    """What one camera has in view."""

    def __init__(self, debounce: Debounce) -> None:
        self._debounce = debounce
        self._out_ms = debounce.out_of_view_ms
        self._sighted: dict[str, _Sighted] = {}
        self._known_ms: int | None = None

    def frame(
        self, glimpses: Sequence[Glimpse], now_ms: int, *, listening: bool = True
    ) -> list[Decide]:
        """Take the codes of one frame; answers with those that are to be decided now.

        While nobody listens nothing is a scan, and what lies in view then is none afterwards.
        """
        codes = {glimpse.key: glimpse for glimpse in reversed(glimpses)}
        if not listening:
            self._pass_by(codes, now_ms)
            return []
        seen = [self._sight(code, now_ms) for code in reversed(codes.values())]
        known = [one for one in seen if one.glimpse.ticket is not None]
        if known:
            self._known_ms = now_ms
            self._take_places(seen)
        decides = [self._decide(one, now_ms) for one in known if self._may(one, now_ms)]
        self._mark_together(known, now_ms)
        decides += [
            self._decide(one, now_ms, is_again=True) for one in seen if _is_due(one, now_ms)
        ]
        return decides + self.tick(now_ms)

    def tick(self, now_ms: int) -> list[Decide]:
        """Unknown codes that have been held back long enough; called whenever one is due."""
        self._unblock(now_ms)
        for one in self._pending():
            if self._due(one) <= now_ms:
                return [self._decide_unknown(one, now_ms)]
        return []

    def end(self, now_ms: int) -> list[Decide]:
        """The source has ended: what was held back is decided, for nothing more will come."""
        # Deciding one settles what others of the same picture wait for.
        return [self._decide_unknown(one, now_ms) for one in self._pending() if not one.after]

    def meant(self, ticket: str, now_ms: int) -> list[Decide]:
        """A key says that the ticket which waits is meant too."""
        return [self._decide(one, now_ms) for one in self._waiting(now_ms) if _id(one) == ticket]

    def fault(self, code: str, now_ms: int) -> None:
        """A fault has held a code: it is decided again while it stays in view."""
        if code in self._sighted:
            self._sighted[code].fault_ms = now_ms

    def notice(self, now_ms: int) -> Notice | None:
        """What is to be said beside the verdict now."""
        waiting = self._waiting(now_ms)
        if waiting:
            return Notice(waiting[0].glimpse.ticket, len(waiting) - 1)
        return Notice() if self._beside(now_ms) else None

    def due_ms(self, now_ms: int) -> int | None:
        """When ``tick`` and ``notice`` want to be asked again, if no frame comes before."""
        dues = [self._due(one) for one in self._pending()]
        dues += [one.seen_ms + self._out_ms for one in self._waiting(now_ms)]
        if self._known_ms is not None:
            dues += [
                min(self._known_ms, one.seen_ms) + AFTER_KNOWN_MS + 1
                for one in self._beside(now_ms)
            ]
        return min(dues, default=None)

    def furniture(self, now_ms: int) -> list[Furniture]:
        """The codes that lie in view and are never decided."""
        return [
            Furniture(one.glimpse.scan.text, one.glimpse.scan.symbology, one.home)
            for one in self._sighted.values()
            if one.is_furniture and now_ms - one.seen_ms < GONE_MS
        ]

    def _sight(self, code: Glimpse, now_ms: int) -> _Sighted:
        one = self._sighted.pop(code.key, None)
        if one is None or now_ms - one.seen_ms >= GONE_MS:
            one = _Sighted(code, now_ms, now_ms, home=code.spot)
            if code.ticket is not None:
                # Perhaps it has lain here while it was unknown.
                self._sighted.pop(f"?{code.scan.text}", None)
        gone_ms, one.seen_ms, one.glimpse = now_ms - one.seen_ms, now_ms, code
        self._sighted[code.key] = one
        self._keep_few(now_ms)
        if gone_ms >= self._out_ms:
            one.first_ms, one.after, one.fault_ms = now_ms, "", None
            one.wants = one.is_together = one.is_beside = False
        if self._debounce.in_view(code.key, now_ms):
            one.wants = True
        if code.ticket is None:
            self._settle(one, gone_ms)
        return one

    def _settle(self, one: _Sighted, gone_ms: int) -> None:
        """Tell whether an unknown code belongs to the place."""
        if not one.home.is_near(one.glimpse.spot):
            if one.is_furniture:
                # Somebody shows it.
                one.is_furniture, one.wants, one.is_beside = False, True, False
                one.first_ms = one.seen_ms
            one.home, one.lain_ms = one.glimpse.spot, 0
        elif gone_ms < self._out_ms:
            one.lain_ms += gone_ms
        one.is_furniture |= one.lain_ms >= FURNITURE_MS
        one.wants &= not one.is_furniture

    def _take_places(self, seen: Iterable[_Sighted]) -> None:
        """A known ticket is there: unknown codes beside it are no verdict while they stay."""
        for one in self._sighted.values():
            if one.glimpse.ticket is None and one.wants:
                one.wants, one.is_beside = False, True
        for one in seen:
            one.is_beside |= one.glimpse.ticket is None

    def _may(self, one: _Sighted, now_ms: int) -> bool:
        """Whether a ticket's turn has come."""
        if not one.wants or any(self._hinders(other, one, now_ms) for other in self._decided()):
            return False
        return self._debounce.readable_ms(one.glimpse) <= now_ms

    def _decided(self) -> list[_Sighted]:
        return [
            one
            for one in self._sighted.values()
            if one.glimpse.ticket is not None and not one.wants
        ]

    def _hinders(self, first: _Sighted, one: _Sighted, now_ms: int) -> bool:
        """Whether a ticket that was decided is still in the picture of another."""
        gone_ms = now_ms - first.seen_ms
        if gone_ms >= self._out_ms:
            return False
        if gone_ms == 0 or one.is_together:
            return True
        if first.glimpse.spot.overlaps(one.glimpse.spot):
            # It lies where the first one lay, which therefore is covered or taken away.
            return False
        return gone_ms < HELD_BACK_MS

    def _mark_together(self, known: Sequence[_Sighted], now_ms: int) -> None:
        """Two tickets of one picture: the one waits until the other is out of it."""
        if all(one.wants for one in known):
            return
        for one in self._sighted.values():
            if one.wants and now_ms - one.seen_ms < self._out_ms:
                one.is_together |= one.glimpse.ticket is not None

    def _beside(self, now_ms: int) -> list[_Sighted]:
        """Unknown codes in view while a known one is, or was just now."""
        if self._known_ms is None or now_ms - self._known_ms > AFTER_KNOWN_MS:
            return []
        return [
            one
            for one in self._sighted.values()
            if one.glimpse.ticket is None
            and (one.wants or one.is_beside)
            and not one.is_furniture
            and now_ms - one.seen_ms <= AFTER_KNOWN_MS
        ]

    def _waiting(self, now_ms: int) -> list[_Sighted]:
        waiting = [
            one
            for one in self._sighted.values()
            if one.wants and one.is_together and now_ms - one.seen_ms < self._out_ms
        ]
        return sorted(waiting, key=lambda one: one.first_ms)

    def _pending(self) -> list[_Sighted]:
        """Unknown codes that are to be decided, in the order in which they came."""
        pending = [
            one for one in self._sighted.values() if one.wants and one.glimpse.ticket is None
        ]
        return sorted(pending, key=lambda one: one.first_ms)

    def _due(self, one: _Sighted) -> int:
        due_ms = max(one.first_ms + HELD_BACK_MS, self._debounce.readable_ms(one.glimpse))
        if self._known_ms is not None:
            due_ms = max(due_ms, self._known_ms + AFTER_KNOWN_MS)
        if one.after in self._sighted:
            due_ms = max(due_ms, self._sighted[one.after].seen_ms + self._out_ms)
        return due_ms

    def _unblock(self, now_ms: int) -> None:
        """Let what another was decided instead of have its turn once that one is out of view."""
        pending = self._pending()
        left = [one for one in pending if now_ms - one.seen_ms >= self._out_ms]
        for one in left:
            # It left with the other: both were one guest's.
            one.wants = not one.after
        for one in [one for one in left if one.wants][:-LEFT_KEPT]:
            one.wants = False
        for one in pending:
            other = self._sighted.get(one.after)
            if other is None or now_ms - other.seen_ms >= self._out_ms:
                one.after = ""

    def _decide_unknown(self, one: _Sighted, now_ms: int) -> Decide:
        for other in self._pending():
            is_of_one_picture = abs(other.first_ms - one.first_ms) < HELD_BACK_MS
            if other is not one and is_of_one_picture:
                other.after = one.glimpse.key
        return self._decide(one, now_ms)

    def _decide(self, one: _Sighted, now_ms: int, *, is_again: bool = False) -> Decide:
        one.wants = one.is_together = False
        one.after, one.fault_ms = "", None
        self._debounce.decided(one.glimpse, now_ms)
        return Decide(one.glimpse, is_again)

    def _pass_by(self, codes: Iterable[str], now_ms: int) -> None:
        for code in [code for code, one in self._sighted.items() if one.wants]:
            del self._sighted[code]
            self._debounce.forget(code)
        for code in codes:
            self._debounce.stays(code, now_ms)
            if code in self._sighted:
                self._sighted[code].seen_ms = now_ms

    def _keep_few(self, now_ms: int) -> None:
        oldest = next(iter(self._sighted))
        if now_ms - self._sighted[oldest].seen_ms >= GONE_MS or len(self._sighted) > SIGHTED_KEPT:
            del self._sighted[oldest]


def _id(one: _Sighted) -> str:
    return one.glimpse.ticket.id if one.glimpse.ticket else ""


def _is_due(one: _Sighted, now_ms: int) -> bool:
    return one.fault_ms is not None and now_ms - one.fault_ms >= FAULT_AGAIN_MS

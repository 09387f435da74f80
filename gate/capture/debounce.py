"""When a second reading is the same scan, and how long a verdict stays to be read.

Codes go by their key: all codes of one ticket are one. A different ticket never waits here.
"""

from dataclasses import dataclass

from gate.capture.glimpse import Glimpse

REMEMBERED = 1000
"""Codes remembered at a lane; the oldest go first."""
READ_MS = 1500
"""No verdict gives way earlier, but to that of another ticket."""
ELSEWHERE_MS = 300
"""Out of view for so long, what was held is a new scan once another code was decided."""


@dataclass(slots=True)
class _Sighting:
    seen_ms: int
    decided_ms: int | None = None
    is_held: bool = False
    is_covered: bool = False


class Debounce:
    """The memory of one lane, for its camera and its scanners together. Times are milliseconds."""

    def __init__(
        self, *, out_of_view_ms: int = 800, camera_ms: int = 3000, scanner_ms: int = 1500
    ) -> None:
        self.out_of_view_ms = out_of_view_ms
        self._camera_ms = camera_ms
        self._scanner_ms = scanner_ms
        self._seen: dict[str, _Sighting] = {}
        self._held: set[str] = set()
        self._shown: Glimpse | None = None
        self._shown_ms = 0

    def in_view(self, code: str, now_ms: int) -> bool:
        """Whether a code in the camera's picture begins a new scan.

        The same code is one scan until it has been out of view for a while *and* some seconds
        have passed since it was decided; after a WAIT or ASK, until it has been out of view.
        """
        last = self._seen.get(code)
        if last is None:
            self._remember(code, _Sighting(now_ms))
            return True
        gone_ms, last.seen_ms = now_ms - last.seen_ms, now_ms
        self._remember(code, last)
        if last.is_covered and gone_ms >= ELSEWHERE_MS:
            return True
        last.is_covered = False
        if gone_ms < self.out_of_view_ms:
            return False
        if last.is_held or last.decided_ms is None:
            return True
        return now_ms - last.decided_ms >= self._camera_ms

    def stays(self, code: str, now_ms: int) -> None:
        """Note that a code is in view while nothing that is read is a scan."""
        if code in self._seen:
            self._seen[code].seen_ms = now_ms

    def scanned(self, code: str, now_ms: int) -> bool:
        """Whether a code from a scanner's trigger is a new scan: not right after the last."""
        last = self._seen.get(code)
        if last is None or last.decided_ms is None:
            return True
        return last.is_covered or now_ms - last.decided_ms >= self._scanner_ms

    def decided(self, glimpse: Glimpse, now_ms: int) -> None:
        """Note that a code is decided now, and what of before that ends."""
        for other in self._held & self._seen.keys():
            self._seen[other].is_covered = True
        self._held.clear()
        self._remember(glimpse.key, _Sighting(now_ms, now_ms))
        self._shown, self._shown_ms = glimpse, now_ms

    def held(self, code: str) -> None:
        """The verdict was WAIT or ASK: it is a new scan as soon as it was out of view."""
        if code in self._seen:
            self._seen[code].is_held = True
            self._held.add(code)

    def forget(self, code: str) -> None:
        """Let the next reading of a code be a new scan."""
        self._seen.pop(code, None)

    def shown(self, now_ms: int) -> None:
        """A verdict has just come to be seen."""
        self._shown_ms = max(self._shown_ms, now_ms)

    def readable_ms(self, glimpse: Glimpse) -> int:
        """From when on this code's verdict may take the place of the one that is shown."""
        shown = self._shown
        if shown is None:
            return 0
        is_another_ticket = (
            glimpse.ticket is not None
            and glimpse.key != shown.key
            and glimpse.scan.text != shown.scan.text
        )
        return 0 if is_another_ticket else self._shown_ms + READ_MS

    @property
    def shows_a_ticket(self) -> bool:
        """Whether the last verdict was about a ticket."""
        return self._shown is not None and self._shown.ticket is not None

    def _remember(self, code: str, sighting: _Sighting) -> None:
        self._seen.pop(code, None)
        self._seen[code] = sighting
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]

"""A USB scanner that types: from a burst of keys to one code.

Enter, Tab, CR, LF, CR LF or a gap ends a code. Control characters inside stay: GS separates GS1
fields (GS1 General Specifications, 7.8).
"""

ENDS = frozenset("\r\n\t")
GAP_MS = 100
"""Longest pause within a burst; scanners type every 1 to 10 ms and sometimes stutter."""
SHORTEST_BURST = 4
"""Fewer characters before a silence are somebody's finger on the keyboard, not a scanner."""
LIMIT = 5000
"""More characters than any code has; the rest of such a burst is dropped."""


class Wedge:
    """Collects the characters of a burst. Times are milliseconds of any steady clock."""

    def __init__(self, gap_ms: int = GAP_MS) -> None:
        self._gap_ms = gap_ms
        self._typed: list[str] = []
        self._last_ms = 0

    def type(self, characters: str, now_ms: int) -> list[str]:
        """Take characters as they come; answer with the codes they complete."""
        codes = self.pause(now_ms)
        self._last_ms = now_ms
        for character in characters:
            if character in ENDS:
                codes += self.end()
            elif len(self._typed) < LIMIT:
                self._typed.append(character)
        return codes

    def pause(self, now_ms: int) -> list[str]:
        """The code that a long enough silence has completed, if any."""
        if not self._typed or now_ms - self._last_ms < self._gap_ms:
            return []
        codes = self.end()
        return codes if len(codes[0]) >= SHORTEST_BURST else []

    def end(self) -> list[str]:
        """What has been typed so far, as a code; none after nothing."""
        code = "".join(self._typed)
        self._typed.clear()
        return [code] if code else []

    @property
    def typed(self) -> int:
        """Characters waiting for the end of their burst."""
        return len(self._typed)

"""A USB scanner that types: from a burst of keys to one code.

Enter, Tab, CR, LF, CR LF or a gap ends a code. Control characters inside stay: GS separates GS1
fields (GS1 General Specifications, 7.8).
"""

ENDS = frozenset("\r\n\t")
GAP_MS = 100
"""Longest pause within a burst; scanners type every 1 to 10 ms and sometimes stutter."""
SHORTEST_BURST = 4
"""Fewer characters before a silence are somebody's finger on the keyboard, not a scanner."""
BURST_MS = 30
"""What types faster than this for each character is no person."""
BURST_LEAST = 6
"""Fewer characters in a field are never taken for a scanner's."""
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


class Bursts:
    """Tells a scanner's burst from a person's typing, where both come into one field.

    A burst is so many characters in so little time that nobody can have typed them. Times are
    milliseconds of any steady clock, taken when the key came in.
    """

    def __init__(self, gap_ms: int = GAP_MS) -> None:
        self._gap_ms = gap_ms
        self._typed: list[str] = []
        self._first_ms = 0.0
        self._last_ms = 0.0

    def type(self, characters: str, at_ms: float) -> None:
        """Take characters as they come."""
        if not self._typed or at_ms - self._last_ms > self._gap_ms:
            self._typed, self._first_ms = [], at_ms
        self._typed += characters[: LIMIT - len(self._typed)]
        self._last_ms = at_ms

    def is_within(self, at_ms: float) -> bool:
        """Whether what comes now follows too fast for a person."""
        return bool(self._typed) and at_ms - self._last_ms <= BURST_MS

    def end(self, at_ms: float) -> str:
        """The burst that an Enter or Tab ends now; empty when a person has typed."""
        is_late = at_ms - self._last_ms > self._gap_ms
        is_burst = not is_late and self._is_burst(at_ms)
        typed = self.forget()
        return typed if is_burst else ""

    def pause(self) -> str:
        """The burst that a silence has ended; empty when a person typed or held a key down."""
        is_burst = self._is_burst(self._last_ms) and len(set(self._typed)) > 1
        typed = self.forget()
        return typed if is_burst else ""

    def forget(self) -> str:
        """Begin anew; answers with what was typed."""
        typed = "".join(self._typed)
        self._typed = []
        return typed

    def _is_burst(self, until_ms: float) -> bool:
        count = len(self._typed)
        return count >= BURST_LEAST and until_ms - self._first_ms <= BURST_MS * count

"""When a second reading of a code is still the same scan. A different code never waits."""

from dataclasses import dataclass

REMEMBERED = 1000
"""Codes remembered at a lane; the oldest go first."""


@dataclass(slots=True)
class _Sighting:
    passed_ms: int
    seen_ms: int


class Debounce:
    """The memory of one lane, for its camera and its scanners together. Times are milliseconds."""

    def __init__(
        self, *, out_of_view_ms: int = 800, camera_ms: int = 3000, scanner_ms: int = 1500
    ) -> None:
        self._out_of_view_ms = out_of_view_ms
        self._camera_ms = camera_ms
        self._scanner_ms = scanner_ms
        self._seen: dict[str, _Sighting] = {}

    def in_view(self, code: str, now_ms: int) -> bool:
        """Whether a code in the camera's picture is a new scan.

        The same code is one scan until it has been out of view for a while *and* some seconds
        have passed.
        """
        last = self._seen.get(code)
        if last is None:
            self._remember(code, now_ms)
            return True
        gone_ms, passed_ms = now_ms - last.seen_ms, now_ms - last.passed_ms
        last.seen_ms = now_ms
        if gone_ms < self._out_of_view_ms or passed_ms < self._camera_ms:
            return False
        self._remember(code, now_ms)
        return True

    def scanned(self, code: str, now_ms: int) -> bool:
        """Whether a code from a scanner's trigger is a new scan: not right after the last."""
        last = self._seen.get(code)
        if last is not None and now_ms - last.passed_ms < self._scanner_ms:
            return False
        self._remember(code, now_ms)
        return True

    def forget(self, code: str) -> None:
        """Let the next reading of a code be a new scan."""
        self._seen.pop(code, None)

    def _remember(self, code: str, now_ms: int) -> None:
        self._seen.pop(code, None)
        self._seen[code] = _Sighting(now_ms, now_ms)
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]

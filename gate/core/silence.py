"""Which gates have fallen silent while their lanes were open, and are heard again: each once."""

from collections.abc import Iterable
from dataclasses import dataclass

from gate.core.coverage import OtherLane

SILENT_AFTER_MS = 20_000
"""A gate says twice a second that it is there, and the server passes that on every few seconds."""


@dataclass(frozen=True, slots=True)
class Change:
    """A gate that fell silent, or is heard again."""

    lane: OtherLane
    is_heard: bool


class Silence:
    """Follows the lanes that are at work.

    One that was closed, retired or ended by a signal is not at work, so its silence is none; nor is
    one that was not heard since this began: that is no news.
    """

    def __init__(self, after_ms: int = SILENT_AFTER_MS) -> None:
        self._after_ms = after_ms
        self._heard: set[str] = set()
        self._silent: set[str] = set()

    def look(self, lanes: Iterable[OtherLane], now_boot_ms: int) -> list[Change]:
        """What has changed since the last look."""
        changes = []
        for lane in lanes:
            if not lane.active:
                self._heard.discard(lane.device)
                self._silent.discard(lane.device)
                continue
            heard_ms = lane.heard_boot_ms
            if heard_ms is not None and now_boot_ms - heard_ms <= self._after_ms:
                self._heard.add(lane.device)
                if lane.device in self._silent:
                    self._silent.remove(lane.device)
                    changes.append(Change(lane, is_heard=True))
            elif lane.device in self._heard:
                self._heard.remove(lane.device)
                self._silent.add(lane.device)
                changes.append(Change(lane, is_heard=False))
        return changes

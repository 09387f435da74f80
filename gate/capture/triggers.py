"""Several lines from one trigger of a scanner that types: the known one counts, and counts once.

Pure, as ``view`` is. Lines belong to one trigger while no silence between them is longer than
``TRIGGER_MS``; a line that is being typed belongs to the trigger in which it began.
"""

from dataclasses import dataclass

from gate.capture.debounce import READ_MS, Debounce
from gate.capture.glimpse import Decide, Glimpse, Notice
from gate.capture.keyboard_wedge import GAP_MS

TRIGGER_MS = 50
"""The longest silence between two lines of one trigger."""
PENDING_KEPT = 20
"""Unknown codes that wait to be decided; the oldest go first."""


@dataclass(slots=True)
class Trigger:
    """What one pull of a trigger has typed so far."""

    last_ms: int
    is_typing: bool = False
    awaited: int = 0
    """Lines that are complete and not looked up yet."""
    known: Glimpse | None = None
    unknown: Glimpse | None = None
    """To be decided once the trigger is over without a known one."""


class Triggers:
    """What the typing scanners of one lane send."""

    def __init__(self, debounce: Debounce, gap_ms: int = GAP_MS) -> None:
        self._debounce = debounce
        self._gap_ms = gap_ms
        self._running: dict[str, Trigger] = {}
        self._pending: list[Trigger] = []
        self._waiting: Glimpse | None = None
        self._beside_ms: int | None = None

    def typing(self, source: str, now_ms: int) -> None:
        """Characters are coming from a scanner: the trigger goes on."""
        trigger = self._trigger(source, now_ms)
        trigger.last_ms, trigger.is_typing = now_ms, True

    def line(self, source: str, now_ms: int) -> Trigger:
        """A line is complete; ``typed`` says what it was once it has been looked up."""
        trigger = self._trigger(source, now_ms)
        trigger.last_ms, trigger.is_typing = now_ms, False
        trigger.awaited += 1
        return trigger

    def typed(self, trigger: Trigger, line: Glimpse, now_ms: int) -> list[Decide]:
        """Take a line of a trigger; answers with what is to be decided now."""
        trigger.awaited -= 1
        if line.ticket is None:
            if trigger.known is not None:
                self._beside_ms = now_ms
            elif trigger.unknown is None and self._debounce.scanned(line.key, now_ms):
                trigger.unknown = line
                self._pending = [*self._pending, trigger][-PENDING_KEPT:]
            return []
        if trigger.known is not None:
            if trigger.known.key != line.key:
                self._waiting = line
            return []
        trigger.known = line
        if self._pending:
            # One that was held back gives way, as beside a known one in a picture.
            self._pending.clear()
            self._beside_ms = now_ms
        return self.alone(line, now_ms)

    def alone(self, line: Glimpse, now_ms: int) -> list[Decide]:
        """Take a line that is a trigger of its own, as down a pipe."""
        return self._decide(line, now_ms) if self._debounce.scanned(line.key, now_ms) else []

    def tick(self, now_ms: int) -> list[Decide]:
        """Unknown codes whose trigger is over."""
        for trigger in self._pending:
            if not trigger.awaited and trigger.unknown and self._due(trigger) <= now_ms:
                self._pending.remove(trigger)
                return self._decide(trigger.unknown, now_ms)
        return []

    def end(self, now_ms: int) -> list[Decide]:
        """Nothing more will come: what was held back is decided."""
        pending, self._pending = self._pending, []
        return [
            decide
            for trigger in pending
            if trigger.unknown is not None
            for decide in self._decide(trigger.unknown, now_ms)
        ]

    def meant(self, ticket: str, now_ms: int) -> list[Decide]:
        """A key says that the other ticket of the trigger is meant too."""
        waiting = self._waiting
        if waiting is None or waiting.ticket is None or waiting.ticket.id != ticket:
            return []
        return self._decide(waiting, now_ms)

    def forget(self) -> None:
        """Nobody listens any more: what was held back is no scan."""
        self._pending.clear()
        self._waiting = self._beside_ms = None

    def notice(self, now_ms: int) -> Notice | None:
        """What is to be said beside the verdict now."""
        if self._waiting is not None:
            return Notice(self._waiting.ticket)
        if self._beside_ms is not None and now_ms - self._beside_ms < READ_MS:
            return Notice()
        return None

    def due_ms(self, now_ms: int) -> int | None:
        """When ``tick`` and ``notice`` want to be asked again."""
        dues = [self._due(trigger) for trigger in self._pending if not trigger.awaited]
        if self._beside_ms is not None and now_ms - self._beside_ms < READ_MS:
            dues.append(self._beside_ms + READ_MS)
        return min(dues, default=None)

    def _trigger(self, source: str, now_ms: int) -> Trigger:
        trigger = self._running.get(source)
        if trigger is None or now_ms > trigger.last_ms + self._silence_ms(trigger):
            trigger = self._running[source] = Trigger(now_ms)
            self._waiting = None
        return trigger

    def _silence_ms(self, trigger: Trigger) -> int:
        return max(self._gap_ms, TRIGGER_MS) if trigger.is_typing else TRIGGER_MS

    def _due(self, trigger: Trigger) -> int:
        over_ms = trigger.last_ms + self._silence_ms(trigger) + 1
        if trigger.unknown is None or not self._debounce.shows_a_ticket:
            # Whoever pulls a trigger looks for the answer: STOP after STOP hides nothing.
            return over_ms
        return max(over_ms, self._debounce.readable_ms(trigger.unknown))

    def _decide(self, line: Glimpse, now_ms: int) -> list[Decide]:
        self._waiting = None
        self._debounce.decided(line, now_ms)
        return [Decide(line)]

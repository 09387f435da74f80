"""Opens for who was let in, once the entry is on disk, in a thread that no verdict waits for."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gate.config_tables import Output
from gate.core.outcome import Outcome
from gate.core.place import Direction
from gate.core.verdict import Verdict
from gate.errors import OutputError
from gate.i18n import _, sentences
from gate.output.passage import Sensor, sensor_of
from gate.output.relay import Relay, relay_of

log = logging.getLogger(__name__)

STALE_S = 3.0
"""What cannot be opened so soon is not opened at all: by then somebody else stands there."""
LATEST_S = 20.0
"""The same for whoever waits for the one before to go through."""
BETWEEN_S = 0.5
"""From one person of a group to the next, where nothing sees them go through."""
CHECK_EVERY_S = 10.0
_MOST_WAITING = 16


@dataclass(frozen=True, slots=True)
class _Opening:
    """Somebody who was let in, and when, by ``time.monotonic``."""

    entry: str
    persons: int
    at_s: float


class Turnstile:
    """Takes verdicts from the lane and waits for nobody; its own thread moves the relay.

    ``on_trouble`` hears what is wrong with relay or sensor, and an empty text once all is well;
    ``on_no_passage`` the entry of who was let in and did not go through. Both in its thread.
    """

    def __init__(
        self,
        output: Output,
        on_trouble: Callable[[str], object],
        on_no_passage: Callable[[str], object],
        *,
        relay: Relay | None = None,
        sensor: Sensor | None = None,
    ) -> None:
        """Raises OutputError where the configuration names what is no relay or sensor."""
        self._output = output
        self._on_trouble, self._on_no_passage = on_trouble, on_no_passage
        self._relay = relay or relay_of(output)
        self._sensor = sensor or sensor_of(output)
        self._outcomes = {Outcome.ADMIT}
        self._outcomes |= {Outcome.ATTENTION} if output.check else set()
        self._outcomes |= {Outcome.EXIT} if output.exits else set()
        self._waiting: deque[_Opening] = deque()
        self._news = threading.Condition()
        self._ending = threading.Event()
        self._troubles: dict[str, str] = {}
        self._free_s = 0.0
        """When the guest before had gone through, or had not."""
        self.opened = 0
        """How often it has opened."""
        self.not_passed = self.not_passed_in_row = 0
        """For how many it has opened who were not seen to go through; of these the newest ones."""
        self._thread = threading.Thread(target=self._run, name="turnstile", daemon=True)

    @property
    def trouble(self) -> str:
        """What is wrong just now."""
        return " ".join(self._troubles.values())

    @property
    def sees_passages(self) -> bool:
        """Whether it is told who goes through."""
        return self._sensor is not None

    def start(self) -> None:
        """Look whether relay and sensor are there, and open from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Open no more; the relay is left closed."""
        with self._news:
            self._ending.set()
            self._news.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def take(self, verdict: Verdict) -> None:
        """Open, if this verdict is one to open for: it was recorded just now, and is green.

        Another reading of a ticket that was decided is none: it has another outcome, and no use.
        """
        if not self._opens_for(verdict):
            return
        with self._news:
            if len(self._waiting) == _MOST_WAITING:
                log.warning("turnstile: too many wait; not opened for %s", verdict.entry)
                return
            persons = max(1, verdict.persons)
            self._waiting.append(_Opening(verdict.entry, persons, time.monotonic()))
            self._news.notify()

    def _opens_for(self, verdict: Verdict) -> bool:
        if not verdict.entry or verdict.outcome not in self._outcomes:
            return False
        return verdict.direction is not Direction.CHECK

    def _run(self) -> None:
        checked_s = float("-inf")
        while not self._ending.is_set():
            if time.monotonic() - checked_s >= CHECK_EVERY_S:
                self._try("relay", self._relay.check)
                checked_s = time.monotonic()
            with self._news:
                if not (self._waiting or self._ending.is_set()):
                    self._news.wait(CHECK_EVERY_S)
                opening = self._waiting.popleft() if self._waiting else None
            if opening is not None:
                self._open(opening)
                checked_s = time.monotonic()
        self._relay.close()
        if self._sensor is not None:
            self._sensor.close()

    def _open(self, opening: _Opening) -> None:
        now_s = time.monotonic()
        ready_s = max(opening.at_s, self._free_s)
        if now_s - ready_s > STALE_S or now_s - opening.at_s > LATEST_S:
            log.warning("turnstile: too late for %s", opening.entry)
            self._tell("relay", _("Not opened in time: let the guest through by hand."))
            return
        for person in range(opening.persons):
            if person and self._sensor is None:
                self._ending.wait(BETWEEN_S)
            if self._ending.is_set() or not self._open_once(opening.entry):
                return

    def _open_once(self, entry: str) -> bool:
        """Open for one person; whether the next one of the same group may follow."""
        sensor = self._sensor
        is_armed = sensor is not None and self._try("sensor", sensor.arm)
        if not self._try("relay", lambda: self._relay.pulse(self._output.pulse_ms, self._ending)):
            return False
        self.opened += 1
        if not is_armed:
            return True
        passed = self._has_passed(entry)
        self._free_s = time.monotonic()
        return passed

    def _has_passed(self, entry: str) -> bool:
        """Whether somebody went through; a sensor that is broken is not held against the guest."""
        assert self._sensor is not None
        try:
            passed = self._sensor.wait(self._output.passage_s, self._ending)
        except OutputError as fault:
            self._tell("sensor", sentences(fault.message, fault.hint))
            return True
        if passed:
            self.not_passed_in_row = 0
        elif not self._ending.is_set():
            self.not_passed += 1
            self.not_passed_in_row += 1
            log.warning("turnstile: nobody went through on %s", entry)
            self._on_no_passage(entry)
        return passed

    def _try(self, part: str, work: Callable[[], object]) -> bool:
        try:
            work()
        except OutputError as fault:
            self._tell(part, sentences(fault.message, fault.hint))
            return False
        self._tell(part, "")
        return True

    def _tell(self, part: str, trouble: str) -> None:
        """Keep what is wrong with ``relay`` or ``sensor``, and say it once."""
        if trouble == self._troubles.get(part, ""):
            return
        self._troubles = {**self._troubles, part: trouble} if trouble else {
            name: of for name, of in self._troubles.items() if name != part
        }  # fmt: skip
        log.warning("turnstile: %s: %s", part, trouble or "well again")
        self._on_trouble(self.trouble)

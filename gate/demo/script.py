"""The demo's operator: presses keys at the moments of a script."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gate.core.place import Direction
from gate.core.verdict import Verdict
from gate.lane.lane import Lane


@dataclass(frozen=True, slots=True)
class Turn:
    """Something the operator does at a moment of the film."""

    at_s: float
    direction: Direction | None = None
    next_person: bool = False


class Prompter:
    """Does what the script says the operator does, at its moments."""

    def __init__(
        self,
        turns: Sequence[Turn],
        lane: Lane,
        on_verdict: Callable[[Verdict], None],
        on_turn: Callable[[Direction], None],
    ) -> None:
        self._turns = turns
        self._lane = lane
        self._on_verdict = on_verdict
        self._on_turn = on_turn
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prompter", daemon=True)

    def start(self) -> None:
        """Begin with the film."""
        self._thread.start()

    def stop(self) -> None:
        """Leave the operator alone."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        started = time.monotonic()
        for turn in self._turns:
            if self._stopping.wait(max(0.0, started + turn.at_s - time.monotonic())):
                return
            if turn.direction is not None:
                self._lane.direction = turn.direction
                self._on_turn(turn.direction)
            if turn.next_person and self._lane.last_verdict and self._lane.last_verdict.ticket:
                self._on_verdict(self._lane.next_person())

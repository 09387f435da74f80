"""What a lane at work goes by: it follows what its event states."""

import logging
from collections.abc import Callable

from gate.config import Config
from gate.core.event_settings import EventSettings
from gate.errors import GateError
from gate.lane import known_operators
from gate.lane.lane import Lane
from gate.settings import GateSettings
from gate.storage.event import EventRow
from gate.storage.folder import Folder
from gate.storage.gate_settings import gate_settings, stated_settings

log = logging.getLogger(__name__)


class LaneSettings:
    """The settings of a lane, as the event has them now.

    Tickets that cannot be read say nothing of it: what was so stays.
    """

    def __init__(self, own: Config, folder: Folder) -> None:
        self._own, self._folder = own, folder
        self._stated = self._read()
        self._is_kept = False
        """Whether the operators of what was stated are in the file of the known ones."""
        self.current = gate_settings(own, folder, self._stated)
        self.on_change: Callable[[GateSettings], None] | None = None
        """Called in the thread that looks, once the lane goes by them."""

    def follow(self, lane: Lane, event: EventRow) -> None:
        """Have the lane go by what its event says now; for quiet moments.

        Raises GateError when the lane cannot write who was signed out by it, or known operators.
        """
        stated = event.settings
        is_same = stated == self._stated
        if not (is_same and self._is_kept):
            known_operators.keep(self._folder, stated.operators)
            self._is_kept = True
        if not is_same:
            self._go_by(lane, stated)

    def _go_by(self, lane: Lane, stated: EventSettings) -> None:
        self._stated, before = stated, self.current
        now = self.current = gate_settings(self._own, self._folder, stated)
        way = now.config.gate.direction
        # Whoever turned the lane by a key is not turned back by a change of something else.
        lane.go_by(now.place, now.rules, None if way is before.config.gate.direction else way)
        _sign_out_withdrawn(lane, stated)
        if self.on_change is not None:
            self.on_change(now)

    def _read(self) -> EventSettings:
        try:
            return stated_settings(self._folder)
        except GateError as fault:
            log.warning("settings: %s", fault.message)
            return EventSettings()


def _sign_out_withdrawn(lane: Lane, stated: EventSettings) -> None:
    signed_in = lane.operator
    if stated.operators is None or signed_in is None:
        return
    if (signed_in.name, signed_in.role) not in {(one.name, one.role) for one in stated.operators}:
        lane.sign_out()

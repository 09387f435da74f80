"""The lane of a folder at which nobody works, for a command that has something to write."""

from collections.abc import Iterator
from contextlib import contextmanager

from gate.clock import SystemClock
from gate.config import Config
from gate.errors import BusyError
from gate.lane.lane import Lane
from gate.lane.lane_settings import LaneSettings
from gate.storage.folder import Folder, Lock


@contextmanager
def idle_lane(config: Config, folder: Folder) -> Iterator[Lane | None]:
    """The lane, not opened; ``None`` where another process has it: leave it what is to be written.

    Raises GateError when it cannot be had otherwise.
    """
    try:
        lock = Lock(folder)
    except BusyError:
        yield None
        return
    try:
        now = LaneSettings(config, folder).current
        lane = Lane(folder, SystemClock(), now.place, now.rules, now.config.gate.direction)
        lane.stay_closed()
        try:
            yield lane
        finally:
            lane.close()
    finally:
        lock.close()

"""How this device is: its machine, what its lane says of itself, and how old its list is."""

from gate.core.health import Health
from gate.core.hlc import Reading
from gate.machine import Machine, read_machine
from gate.storage import lane_status
from gate.storage.folder import Folder

READ_EVERY_MS = 10_000
"""How often the machine is asked: batteries answer slowly."""


class OwnHealth:
    """Reads it, the machine's part not more often than need be."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._machine = Machine()
        self._read_boot_ms: int | None = None

    def read(self, now: Reading, tickets_boot_ms: int | None) -> Health:
        """How it is; ``tickets_boot_ms``: when the tickets were last known to be all there."""
        last = self._read_boot_ms
        if last is None or not 0 <= now.boot_ms - last < READ_EVERY_MS:
            self._machine, self._read_boot_ms = read_machine(self._folder.path), now.boot_ms
        machine, lane = self._machine, lane_status.read(self._folder, now)
        age_ms = None if tickets_boot_ms is None else max(0, now.boot_ms - tickets_boot_ms)
        if self._folder.venue.exists():
            # A list of one's own is as current as it can be.
            age_ms = 0
        return Health(
            disk_free_mb=machine.disk_free_mb,
            battery=machine.battery,
            is_charging=machine.is_charging,
            heat_c=machine.heat_c,
            camera=lane.camera,
            scanner=lane.scanner,
            turnstile=lane.turnstile,
            not_passed=lane.not_passed,
            not_passed_in_row=lane.not_passed_in_row,
            sound=lane.sound,
            is_clock_trusted=lane.is_clock_trusted,
            list_age_s=None if age_ms is None else age_ms // 1000,
        )

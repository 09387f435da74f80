"""What an event says of its rules, its gates and its operators: it travels with the tickets.

Values are kept as they were stated, by the names that ``gate.settings`` lists; what is not stated
is not there, so that whoever reads it can tell "nobody said" from a default.
"""

from typing import Any

from msgspec import Struct

from gate.core.place import Role

Value = Any
"""Whatever JSON can hold: a newer program may state what an older one has no type for."""
Stated = dict[str, Value]


class OperatorRow(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who may work here; salt and hash of the PIN in hex, see ``gate.operators``."""

    name: str
    role: Role
    salt: str
    hash: str


class EventSettings(Struct, frozen=True, omit_defaults=True):
    """All that an event states beside its tickets."""

    rules: Stated = {}
    types: dict[str, Stated] = {}
    """Of ticket types, by id: what is other than the event's."""
    profiles: dict[str, Stated] = {}
    """Of gates, by the profile's name: where each stands, and what is other there."""
    assigned: dict[str, str] = {}
    """The profile of a device, by its id, where it is not the one of the device's own name."""
    operators: tuple[OperatorRow, ...] | None = None
    """Who may work at every gate; ``None``: the event has never stated any, and each gate has its
    own."""

    def profile_of(self, device: str, name: str) -> str:
        """The name of a device's profile; empty when it was told none."""
        named = self.assigned.get(device, name)
        return named if named in self.profiles else ""


class EventFields(Struct, frozen=True):
    """What of an event itself is to be another; ``None`` stays as it is."""

    time_zone: str | None = None
    ends_s: int | None = None
    """Its last second (Unix); 0: nobody knows."""
    keep_days: int | None = None
    isolated_hours: int | None = None

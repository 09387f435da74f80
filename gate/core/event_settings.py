"""What an event says of its rules, its gates and its operators: it travels with the tickets.

Values are kept as they were stated, by the names that ``gate.settings`` lists; what is not stated
is not there, so that whoever reads it can tell "nobody said" from a default.
"""

import re
from typing import Any

from msgspec import Struct

from gate.core import check_out
from gate.core.place import Role
from gate.core.ticket import UNLIMITED

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

    @property
    def exit_all_at(self) -> str:
        """From which time of day on everybody counts as outside; empty: none."""
        stated = self.rules.get("exit_all_at")
        return stated if isinstance(stated, str) and re.fullmatch(check_out.PATTERN, stated) else ""

    def use_limit_of(self, type_id: str) -> int | None:
        """How often a ticket is good where neither its row nor its type's says; ``None``: once."""
        of_type = self.types.get(type_id)
        limit = _use_limit(of_type.get("use_limit")) if of_type else None
        return _use_limit(self.rules.get("use_limit")) if limit is None else limit

    def rule_of(self, type_id: str) -> str:
        """The rule by which people are let in, where a ticket's type has none of its own."""
        stated = self.types.get(type_id, {}).get("rule") or self.rules.get("rule")
        return stated if isinstance(stated, str) else ""

    def profile_of(self, device: str, name: str) -> str:
        """The name of a device's profile; empty when it was told none."""
        named = self.assigned.get(device, name)
        return named if named in self.profiles else ""


def _use_limit(stated: Value) -> int | None:
    """What this program knows no such value of counts as not stated."""
    if stated is None:
        return None
    if stated == "unlimited":
        return UNLIMITED
    is_count = isinstance(stated, int) and not isinstance(stated, bool)
    return stated if is_count and 0 < stated < UNLIMITED else None


def type_as_stated(body: bytes, type_id: str, settings: EventSettings) -> bytes:
    """A kept ticket type with what its event states of it; what the type's own row says wins."""
    limit = settings.use_limit_of(type_id)
    # Of two members of one name the last counts.
    return body if limit is None else b'{"use_limit":%d,' % limit + body[1:]


class EventFields(Struct, frozen=True):
    """What of an event itself is to be another; ``None`` stays as it is."""

    time_zone: str | None = None
    ends_s: int | None = None
    """Its last second (Unix); 0: nobody knows."""
    keep_days: int | None = None
    isolated_hours: int | None = None

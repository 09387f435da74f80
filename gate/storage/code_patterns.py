"""How the ticket types of a replica put their rotating codes together, read once for each list."""

import msgspec

from gate.core.ticket import TicketType
from gate.credential.rotating import Pattern
from gate.storage.checksums import of_named, require
from gate.storage.replica_reader import ReplicaReader
from gate.storage.ticket_rows import pattern_of

_type = msgspec.json.Decoder(TicketType)
_TYPES = """
SELECT id, CAST(body AS BLOB), sum FROM ticket_type
WHERE json_extract(body, '$.rotating') IS NOT NULL ORDER BY id
"""


class Patterns:
    """The patterns of a replica."""

    def __init__(self, replica: ReplicaReader) -> None:
        self._replica = replica
        self._read_at: tuple[int, int] | None = None
        self._patterns: tuple[Pattern, ...] = ()

    def read(self) -> tuple[Pattern, ...]:
        """Every one of them, each once; empty in an event in which no code rotates."""
        # A list that has changed may have another type; most scans find it as it was.
        changes = self._replica.changes()
        if changes != self._read_at:
            kinds = []
            with self._replica.reading():
                for id_, body, total in self._replica.connection().execute(_TYPES):
                    require(total, of_named, id_, body)
                    kinds.append(_type.decode(body))
            patterns = (pattern_of(kind) for kind in kinds)
            self._patterns = tuple(dict.fromkeys(one for one in patterns if one is not None))
            self._read_at = changes
        return self._patterns

"""The event's operators as they were last read here, for when its tickets cannot be read.

Operators travel with the tickets. Whoever works at a gate whose tickets are damaged still has to be
let in, so what a lane reads of them it keeps in a small file of its own. It is used only then:
whoever was withdrawn since is found out by the next tickets that can be read.
"""

import logging
from collections.abc import Sequence

import msgspec

from gate.core.event_settings import OperatorRow
from gate.storage.folder import Folder, write_durably
from gate.storage.revocation import is_revoked
from gate.storage.sqlite import faults

log = logging.getLogger(__name__)
_rows = msgspec.json.Decoder(tuple[OperatorRow, ...])


def keep(folder: Folder, operators: Sequence[OperatorRow] | None) -> None:
    """Keep them, or none any more; the same again is not written. Raises StoreError."""
    path = folder.known_operators
    with faults(path):
        if operators is None or is_revoked(folder):
            path.unlink(missing_ok=True)
        elif read(folder) != tuple(operators):
            write_durably(path, msgspec.json.encode(operators))
            # Whoever forgets a revoked gate's files notes that it was revoked before: it may have
            # looked here before this was written.
            if is_revoked(folder):
                path.unlink(missing_ok=True)


def read(folder: Folder) -> tuple[OperatorRow, ...] | None:
    """Who they were; ``None`` where nothing is known, or this gate belongs to no event."""
    if not (folder.enrolment.exists() or folder.venue.exists()):
        return None
    try:
        return _rows.decode(folder.known_operators.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeError) as error:
        log.warning("%s: %s", folder.known_operators.name, error)
        return None

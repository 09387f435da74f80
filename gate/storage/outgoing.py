"""What commands leave for the lane to write: it alone writes the journal."""

import logging
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gate.storage.folder import Folder, write_durably
from gate.storage.sqlite import faults

log = logging.getLogger(__name__)


class Outgoing(msgspec.Struct, frozen=True):
    """A message, and the gates it is for; none: all."""

    text: str
    gates: tuple[str, ...] = ()


class SignOff(msgspec.Struct, frozen=True):
    """Who has looked at so many gates before doors, and what was not green of them."""

    name: str
    gates: int
    not_green: str = ""


_KINDS: dict[str, type[Outgoing | SignOff]] = {"message": Outgoing, "signoff": SignOff}
PATTERNS = tuple(f"{kind}-*.json" for kind in _KINDS)


def leave(folder: Folder, what: Outgoing | SignOff) -> None:
    """Leave it for whoever has the lane. Raises StoreError."""
    kind = next(name for name, struct in _KINDS.items() if isinstance(what, struct))
    path = folder.path / f"{kind}-{secrets.token_hex(8)}.json"
    with faults(path):
        write_durably(path, msgspec.json.encode(what))


def waiting(folder: Folder) -> Iterator[tuple[Path, Outgoing | SignOff]]:
    """What waits; whoever has written one deletes its file. What cannot be read is deleted here."""
    for kind, struct in _KINDS.items():
        for path in sorted(folder.path.glob(f"{kind}-*.json")):
            with faults(path):
                try:
                    left = msgspec.json.decode(path.read_bytes(), type=struct)
                except (msgspec.DecodeError, UnicodeError) as error:
                    log.warning("%s: %s", path.name, error)
                    path.unlink()
                    continue
            yield path, left

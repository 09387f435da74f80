"""Messages that wait for the lane to send them: it alone writes the journal."""

import logging
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gate.storage.folder import Folder, write_durably
from gate.storage.sqlite import faults

log = logging.getLogger(__name__)

PATTERN = "message-*.json"


class Outgoing(msgspec.Struct, frozen=True):
    """A message, and the gates it is for; none: all."""

    text: str
    gates: tuple[str, ...] = ()


def leave(folder: Folder, message: Outgoing) -> None:
    """Leave a message for whoever has the lane. Raises StoreError."""
    path = folder.path / f"message-{secrets.token_hex(8)}.json"
    with faults(path):
        write_durably(path, msgspec.json.encode(message))


def waiting(folder: Folder) -> Iterator[tuple[Path, Outgoing]]:
    """What waits; whoever has sent one deletes its file. What cannot be read is deleted here."""
    for path in sorted(folder.path.glob(PATTERN)):
        with faults(path):
            try:
                message = msgspec.json.decode(path.read_bytes(), type=Outgoing)
            except (msgspec.DecodeError, UnicodeError) as error:
                log.warning("%s: %s", path.name, error)
                path.unlink()
                continue
        yield path, message

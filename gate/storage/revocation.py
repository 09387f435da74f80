"""A device that was revoked: it lets nobody in, and keeps its journal and nothing else.

The note of it is written first and is for good: a new link makes a new device, in a folder that was
wiped. It holds the device's last word on its journal, because its key goes with the rest.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import msgspec

from gate.errors import RevokedError, StoreError
from gate.i18n import _
from gate.storage.extent import Mark, measure
from gate.storage.folder import Folder, is_there, write_durably
from gate.storage.forgetting import delete, is_of_others
from gate.storage.journal_reader import JournalReader
from gate.storage.sqlite import BUSY_TIMEOUT_S, faults

Sign = Callable[[Sequence[Mark]], Sequence[Any]]


class _Revocation(msgspec.Struct, frozen=True):
    signed_tips: list[dict[str, Any]] = []
    """The journal's marks as the device signed them (``gate.core.signed_tip.Head``)."""


_decoder = msgspec.json.Decoder(_Revocation)


def is_revoked(folder: Folder) -> bool:
    """Whether this device was revoked; cheap enough to ask before every scan."""
    return is_there(str(folder.revocation))


def require_not_revoked(folder: Folder) -> None:
    """Raises RevokedError, with what to do, on a device that was revoked."""
    if is_revoked(folder):
        raise revoked()


def revoked() -> RevokedError:
    """What is said of a device that was revoked."""
    return RevokedError(
        _("this gate was revoked and lets nobody in"),
        _("Keep its journal (gate log --bundle FILE), then gate wipe and enrol it as a new one."),
    )


def revoke(folder: Folder, sign: Sign) -> None:
    """Note that this device was revoked, and delete names, codes and keys.

    The lane writes nothing from then on. Raises StoreError when not all could be deleted; done
    again, it goes on.
    """
    if not is_revoked(folder):
        _note(folder, sign)
    delete(folder, is_of_others)


def heads_of(folder: Folder) -> list[dict[str, Any]]:
    """What the device has signed of its journal before its key was deleted."""
    with faults(folder.revocation):
        content = folder.revocation.read_bytes()
    try:
        return _decoder.decode(content).signed_tips
    except (msgspec.DecodeError, UnicodeError):
        return []


def _note(folder: Folder, sign: Sign) -> None:
    if not folder.journal.exists():
        _write(folder, ())
        return
    try:
        with closing(_holding_back(folder)), closing(JournalReader(folder.journal)) as reader:
            _write(folder, sign(measure(reader).marks))
    except (StoreError, sqlite3.Error):
        # A journal that cannot be read, or signed, must not keep the rest on the disk.
        _write(folder, ())


def _holding_back(folder: Folder) -> sqlite3.Connection:
    """Keep the lane from writing: what it writes later would not be signed."""
    connection = sqlite3.connect(folder.journal, isolation_level=None, timeout=BUSY_TIMEOUT_S)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _write(folder: Folder, signed_tips: Sequence[Any]) -> None:
    with faults(folder.revocation):
        kept = _Revocation([msgspec.to_builtins(head) for head in signed_tips])
        write_durably(folder.revocation, msgspec.json.encode(kept))

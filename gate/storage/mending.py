"""A peer store that was damaged is put aside; the next one begins with what was whole of it.

What is missing then is told again by the server and the other gates. The file that was damaged
stays under its name while anybody may have it open.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import islice

import msgspec

from gate.core.limits import MAX_ENTRIES
from gate.core.signed_tip import SignedTip
from gate.errors import DamagedError, StoreError
from gate.storage import damage
from gate.storage.folder import Folder, successor, sync_folder
from gate.storage.peer_store import PeerStore
from gate.storage.salvage import readable_entries
from gate.storage.sqlite import UNREADABLE, faults, open_reader

log = logging.getLogger(__name__)

_COLUMNS = ("origin", "seq", "hash", "signature")
PUT_ASIDE = 10
"""So many damaged peer stores are kept; with more of them it is the disk."""


def mend(folder: Folder, fault: DamagedError) -> bool:
    """Put a new peer store in the place of a damaged one; ``False`` when the fault is another.

    For whoever holds the folder's ``sync`` lock, and has closed the file. Raises StoreError when
    the disk does not take it.
    """
    old = fault.file
    if old is None or not old.name.startswith(damage.PEERS):
        return False
    if len(list(folder.path.glob("peers*.db"))) > PUT_ASIDE:
        return False
    damage.found(folder, damage.PEERS, fault)
    new = successor(old)
    part = new.with_name(f"{new.stem}.part")
    with faults(part):
        for left in (part, part.with_name(f"{part.name}-wal"), part.with_name(f"{part.name}-shm")):
            left.unlink(missing_ok=True)
    # The lane follows as soon as the name is there: by then everything is in it.
    with (
        closing(PeerStore(folder, part)) as peer_store,
        suppress(StoreError, *UNREADABLE),
        closing(open_reader(old)) as connection,
    ):
        _take(peer_store, connection)
    with faults(new):
        os.replace(part, new)
        sync_folder(folder.path)
    log.error("%s; %s goes on", fault.message, new.name)
    damage.mended(folder, damage.PEERS)
    return True


def _take(peer_store: PeerStore, old: sqlite3.Connection) -> None:
    signed_tips = list(_readable_tips(old))
    bodies = (body for _hash, body in readable_entries(old))
    for frame in _frames(bodies):
        # They were verified when they came: who is not vouched for is not in the store.
        peer_store.intake.accept(frame, None)
    peer_store.signed_tips.put(
        h for h in signed_tips if h.hash in peer_store.entries.whole_hashes(h.origin, h.seq)
    )


def _readable_tips(old: sqlite3.Connection) -> Iterator[SignedTip]:
    """Signed tips that still are some: rot makes NULL and anything else of a column."""
    with suppress(*UNREADABLE):
        rows = old.execute("SELECT origin, seq, hash, signature FROM signed_tip")
        for row in rows:
            with suppress(msgspec.ValidationError):
                yield msgspec.convert(dict(zip(_COLUMNS, row, strict=True)), SignedTip)


def _frames(bodies: Iterator[bytes]) -> Iterator[list[bytes]]:
    while frame := list(islice(bodies, MAX_ENTRIES)):
        yield frame

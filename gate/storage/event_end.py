"""What of the tickets goes after the event's end: names, codes, whatever else is personal."""

import secrets

from gate.core.ticket_feed import Cursor
from gate.credential import KEY_BYTES
from gate.errors import BusyError
from gate.storage import snapshot_cache
from gate.storage.checksums import of_ticket, put_meta, read_meta
from gate.storage.folder import Lock
from gate.storage.remembered_changes import forget_to
from gate.storage.replica_file import ReplicaFile
from gate.storage.sqlite import faults, scrub, writing
from gate.storage.ticket_rows import bare_body
from gate.storage.ticket_search import drop_terms


def drop_personal(file: ReplicaFile, now_ms: int) -> bool:
    """Let go of names, codes and whatever else is personal; whether there was any.

    What counts, conflicts and reports are made of stays; packed copies and older replicas go, the
    last only where no lane may have them open.
    """
    connection = file.connection()
    if connection is None:
        return False
    _remove_older(file)
    with faults(file.path):
        meta = read_meta(connection)
    if meta.get("bare_ms"):
        return False
    folder = file.folder
    with faults(folder.path):
        snapshot_cache.forget_before(folder.shared, Cursor.parse(meta["cursor"]).seq + 1)
        for left in folder.path.glob("tickets-*.part"):
            left.unlink(missing_ok=True)
        for exported in folder.lists.glob("*"):
            exported.unlink(missing_ok=True)
    connection.create_function("bare_body", 1, bare_body, deterministic=True)
    connection.create_function("sum_of", 2, _sum_of, deterministic=True)
    with writing(connection, file.path):
        connection.execute(
            "UPDATE ticket SET body = bare_body(body), sum = sum_of(row, bare_body(body))"
        )
        connection.execute("DELETE FROM code")
        connection.execute("DELETE FROM identity")
        connection.execute("DELETE FROM code_block")
        drop_terms(connection)
        forget_to(connection, Cursor.parse(meta["cursor"]))
        # No hash of a code that the journal has can be tried by it any more.
        put_meta(connection, {"bare_ms": now_ms, "key": secrets.token_hex(KEY_BYTES)})
    scrub(connection, file.path)
    return True


def _remove_older(file: ReplicaFile) -> None:
    """Remove replicas that were live once, unless a lane is at work: it may have one open."""
    folder, live = file.folder, file.path.name
    with faults(folder.path):
        older = [p for p in folder.path.glob("tickets-*.db*") if not p.name.startswith(live)]
    if not older:
        return
    try:
        lock = Lock(folder)
    except BusyError:
        return
    try:
        with faults(folder.path):
            for path in older:
                path.unlink(missing_ok=True)
    finally:
        lock.close()


def _sum_of(row: int, body: str) -> int:
    return of_ticket(row, body.encode())

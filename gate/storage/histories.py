"""What each ticket has done, kept beside the entries of a journal file that it follows from."""

import sqlite3

from gate.core.history import History, Movement, fold, movement_of
from gate.storage.checksums import WrongChecksum
from gate.storage.entries import OF_TICKET, read_facts, sound

FEW = 8
"""So many redemptions are counted again when they are read."""
_ANY_FACT = f"SELECT 1 {OF_TICKET} LIMIT 1"

_NEWEST_CODE = f"SELECT max(json_extract(body, '$.code_ms')) {OF_TICKET}"

_EXTEND = """
INSERT INTO state VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (ticket) DO UPDATE SET
    used = excluded.used, inside = excluded.inside, redemptions = excluded.redemptions,
    first = coalesce(first, excluded.first), last = excluded.last
"""

# By value, not by name: a cloned or lying machine can give one name to two entries.
_ENTRY_AT = """
    (SELECT id FROM entry WHERE origin = :{0}_origin AND seq = :{0}_seq AND ticket = :ticket
        AND json_extract(body, '$.hlc') = :{0}_hlc AND json_extract(body, '$.at_ms') = :{0}_at_ms
        AND coalesce(json_extract(body, '$.gate'), '') = :{0}_gate LIMIT 1)"""
_REMEMBER = f"""
INSERT INTO state VALUES (
    :ticket, :used, :inside, :redemptions,{_ENTRY_AT.format("first")},{_ENTRY_AT.format("last")}
)
ON CONFLICT (ticket) DO UPDATE SET
    used = excluded.used, inside = excluded.inside, redemptions = excluded.redemptions,
    first = excluded.first, last = excluded.last
"""


def extend(
    connection: sqlite3.Connection,
    ticket: str,
    counts: tuple[int, int, int],
    first: int | None,
    last: int | None,
) -> None:
    """Add a movement to a ticket's history: what it comes to, and the rows of its ends."""
    connection.execute(_EXTEND, (ticket, *counts, first, last))


def remember(connection: sqlite3.Connection, ticket: str, history: History) -> None:
    """Materialise a ticket's history in the transaction that changed it."""
    connection.execute(
        _REMEMBER,
        {
            "ticket": ticket,
            "used": history.used,
            "inside": history.inside,
            "redemptions": history.redemptions,
            **_end("first", history.first),
            **_end("last", history.last),
        },
    )


def _end(which: str, movement: Movement | None) -> dict[str, object]:
    if movement is None:
        return dict.fromkeys(
            f"{which}_{name}" for name in ("origin", "seq", "hlc", "at_ms", "gate")
        )
    return {
        f"{which}_origin": movement.origin,
        f"{which}_seq": movement.seq,
        f"{which}_hlc": movement.hlc,
        f"{which}_at_ms": movement.at_ms,
        f"{which}_gate": movement.gate,
    }


def read_history(connection: sqlite3.Connection, ticket: str) -> History | None:
    """The materialised history of a ticket in a journal file; ``None`` when it knows nothing."""
    row = connection.execute(
        "SELECT used, inside, redemptions, first, last FROM state WHERE ticket = ?", (ticket,)
    ).fetchone()
    if row is None:
        return None
    used, inside, redemptions, first, last = row
    ends = {}
    for row_number in {first, last} - {None}:
        found = connection.execute(
            "SELECT body, hash FROM entry WHERE id = ?", (row_number,)
        ).fetchone()
        ends[row_number] = movement_of(sound(*(found or ("", b""))))
    return History(used, inside, redemptions, ends.get(first), ends.get(last))


def newest_code_ms(connection: sqlite3.Connection, ticket: str) -> int | None:
    """The newest rotating code by which anybody went in or out on a ticket, as entries say.

    Undone or not: a code that was shown once is older than the next that its phone shows.
    """
    (newest,) = connection.execute(_NEWEST_CODE, (ticket,)).fetchone()
    return newest if isinstance(newest, int) else None


def read_sound_history(connection: sqlite3.Connection, ticket: str) -> History | None:
    """As ``read_history``, and looked at twice: the entries have to say the same.

    Raises WrongChecksum where they do not, or are not what was hashed.
    """
    history = read_history(connection, ticket)
    if history is None:
        is_sound = connection.execute(_ANY_FACT, (ticket,)).fetchone() is None
    else:
        is_few = history.redemptions <= FEW
        is_sound = not is_few or fold(read_facts(connection, ticket)) == history
    if not is_sound:
        msg = "a history does not follow from its entries"
        raise WrongChecksum(msg)
    return history

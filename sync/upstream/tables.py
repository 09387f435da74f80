"""The upstreams' own tables, beside the server's in one database."""

from typing import Final

from sqlalchemy import Index, MetaData, Table
from sqlalchemy import text as condition

from sync.server.columns import number, text

metadata = MetaData()
OPEN: Final = ("waiting", "trying", "undone")
"""States of an entry that is still to be told."""
IS_OPEN: Final = condition(f"state IN {OPEN}")
IS_FAILED: Final = condition("state = 'failed'")
HAS_ERROR: Final = condition("error <> ''")
"""As the indexes have it: told of another way a database does not know that they are meant."""

upstream = Table(
    "upstream",
    metadata,
    text("event", key=True),
    text("kind"),
    text("url"),
    text("account"),
    # What we are there, and what we show to be it.
    text("device"),
    text("token"),
    # Which part of it the event is, and how far it was read: JSON that only its kind understands.
    text("target"),
    text("cursor"),
    number("is_complete"),
    number("done"),
    number("total"),
    # Up to which entry the event's journal was followed.
    number("followed"),
    text("lease"),
    number("leased_ms"),
    number("pull_ms"),
    number("push_ms"),
    number("heard_ms"),
    # Pulling and telling fail each by itself: the one that goes well says nothing of the other.
    number("pull_failures"),
    text("pull_error"),
    number("is_stopped"),
    number("push_failures"),
    text("push_error"),
)
# What we were ever called by an upstream: what such a device did there was done by our gates.
upstream_device = Table(
    "upstream_device",
    metadata,
    text("url", key=True),
    text("account", key=True),
    text("device", key=True),
)
# What of an event's entries is to be told, was told, or was withdrawn before it was: kept as long
# as the entries are, for what was told once must never be told again after it was undone.
upstream_entry = Table(
    "upstream_entry",
    metadata,
    text("event", key=True),
    text("entry", key=True),
    # What people wait for is told before what was refused.
    number("is_late"),
    number("number"),
    text("ticket"),
    text("state"),
    number("due_ms"),
    text("error"),
    # Which of our devices told it, or tries to; empty: none yet.
    text("device"),
    # From when on it would be told in vain.
    number("ends_ms"),
    # In the order in which they are told: the next is near its beginning, however many wait.
    Index(
        "upstream_entry_open",
        "event",
        "is_late",
        "ends_ms",
        "number",
        "due_ms",
        sqlite_where=IS_OPEN,
        postgresql_where=IS_OPEN,
    ),
    Index(
        "upstream_entry_failed",
        "event",
        "number",
        sqlite_where=IS_FAILED,
        postgresql_where=IS_FAILED,
    ),
    Index(
        "upstream_entry_error",
        "event",
        "number",
        sqlite_where=HAS_ERROR,
        postgresql_where=HAS_ERROR,
    ),
    Index("upstream_entry_ticket", "event", "ticket"),
)
# Which of their movements are entries of ours.
upstream_movement = Table(
    "upstream_movement",
    metadata,
    text("event", key=True),
    text("ref", key=True),
    text("ticket"),
    text("entry"),
    Index("upstream_movement_ticket", "event", "ticket"),
)
# By what marks tickets were stated last; without a row it is an empty one.
upstream_mark = Table(
    "upstream_mark",
    metadata,
    text("event", key=True),
    text("ticket", key=True),
    text("mark"),
)
# Tickets that the comparison under way has met.
upstream_met = Table(
    "upstream_met",
    metadata,
    text("event", key=True),
    text("ticket", key=True),
    number("run"),
)
# Gates that are devices of their own there.
upstream_gate_device = Table(
    "upstream_gate_device",
    metadata,
    text("event", key=True),
    text("gate", key=True),
    text("device"),
    text("token"),
    text("error"),
)
# Tickets that it states and that cannot be taken in as they are, and why not: until they can.
upstream_left_out = Table(
    "upstream_left_out",
    metadata,
    text("event", key=True),
    text("ticket", key=True),
    text("why"),
    number("since_ms"),
)
# Tickets that the newest comparison has not met, so many that a person has to look first.
upstream_missing = Table(
    "upstream_missing",
    metadata,
    text("event", key=True),
    text("ticket", key=True),
)

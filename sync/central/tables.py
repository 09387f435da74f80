"""The server's tables, on SQLite and on PostgreSQL alike, and how older databases are brought up.

An event is a shard: every key begins with it, and its row in ``stream`` is the lock and the counter
under which everything of the event is numbered, so that number order is commit order.
"""

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    select,
)

from gate.errors import StoreError
from gate.language import _

metadata = MetaData()


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False)


def _number(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=key, nullable=False, autoincrement=False)


meta = Table("meta", metadata, _text("key", key=True), _text("value"))

event = Table(
    "event",
    metadata,
    _text("id", key=True),
    _text("name"),
    _text("time_zone"),
    _text("key"),
    _number("created_ms"),
    # The venue's own key and certificate, with which its gates know each other.
    _text("authority_key"),
    _text("authority"),
)
stream = Table(
    "stream",
    metadata,
    _text("event", key=True),
    _text("epoch"),
    _number("head"),
    _number("entries"),
)
ticket_type = Table(
    "ticket_type", metadata, _text("event", key=True), _text("id", key=True), _text("body")
)
ticket = Table(
    "ticket",
    metadata,
    _text("event", key=True),
    _text("id", key=True),
    _text("type_id"),
    _text("body"),
)
code = Table(
    "code",
    metadata,
    _text("event", key=True),
    Column("hash", LargeBinary, primary_key=True, nullable=False),
    _text("ticket"),
    _text("state"),
    Index("code_ticket", "event", "ticket"),
)
change = Table(
    "change",
    metadata,
    _text("event", key=True),
    _number("seq", key=True),
    _text("id"),
    _text("kind"),
    _text("ref"),
    _text("body"),
    _text("codes"),
)
device = Table(
    "device",
    metadata,
    _text("id", key=True),
    _text("event"),
    _text("name"),
    _text("public_key"),
    Column("credential", Text, nullable=False, unique=True),
    _text("state"),
    _number("enrolled_ms"),
    _number("heard_ms"),
    Column("lane_open", Integer, nullable=False),
    _text("report"),
)
token = Table(
    "token",
    metadata,
    _text("hash", key=True),
    _text("event"),
    _text("name"),
    _number("expires_ms"),
    _text("used_by"),
)
entry = Table(
    "entry",
    metadata,
    _text("event", key=True),
    _number("number", key=True),
    _text("origin"),
    _number("seq"),
    _text("hash"),
    _text("act"),
    _text("ticket"),
    _text("body"),
    UniqueConstraint("event", "origin", "seq", "hash"),
    Index("entry_ticket", "event", "ticket", "act"),
)
tip = Table(
    "tip",
    metadata,
    _text("event", key=True),
    _text("origin", key=True),
    _text("hash", key=True),
    _number("seq"),
)
origin = Table(
    "origin", metadata, _text("event", key=True), _text("origin", key=True), _text("follows")
)
head = Table(
    "head",
    metadata,
    _text("event", key=True),
    _text("origin", key=True),
    _number("seq", key=True),
    _text("hash", key=True),
    _text("signature"),
    _number("number"),
    Index("head_number", "event", "number"),
)
tally = Table(
    "tally",
    metadata,
    _text("event", key=True),
    _text("device", key=True),
    _number("minute", key=True),
    _text("gate", key=True),
    _text("zone", key=True),
    _text("ticket_type", key=True),
    _text("outcome", key=True),
    _text("reason", key=True),
    _text("operator", key=True),
    _number("entries"),
    _number("admitted"),
    _number("exited"),
    _number("annulled"),
)
taken_back = Table("taken_back", metadata, _text("event", key=True), _text("name", key=True))
quarantine = Table(
    "quarantine",
    metadata,
    _text("device", key=True),
    _text("digest", key=True),
    _number("at_ms"),
    _text("reason"),
    Column("body", LargeBinary, nullable=False),
)


def _create(connection: Connection) -> None:
    """Version 0.2: everything."""
    metadata.create_all(connection)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_create,)
"""What makes a database of version n one of version n + 1; only ever added to."""


def migrate(connection: Connection) -> None:
    """Bring a database up to this program. Raises StoreError when it is of a newer one."""
    version = 0
    if inspect(connection).has_table("meta"):
        row = connection.execute(select(meta.c.value).where(meta.c.key == "version")).first()
        version = int(row[0]) if row else 0
    if version > len(MIGRATIONS):
        raise StoreError(
            _("the server's database is of a newer version of this program"),
            _("Install the newer version; the database is left as it is."),
        )
    for step in MIGRATIONS[version:]:
        step(connection)
    if version < len(MIGRATIONS):
        connection.execute(meta.delete().where(meta.c.key == "version"))
        connection.execute(meta.insert().values(key="version", value=str(len(MIGRATIONS))))

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
    _number("isolated_hours"),
    _text("key"),
    _number("created_ms"),
    # The venue's own key and certificate, with which its gates know each other.
    _text("authority_key"),
    _text("authority"),
    # Its last second (Unix), 0: not known; how long after it what is personal is kept; when it
    # began to be dropped, 0: not yet; and whether all of it is gone.
    _number("ends_s"),
    _number("keep_days"),
    _number("dropped_ms"),
    Column("is_bare", Integer, nullable=False),
)
stream = Table(
    "stream",
    metadata,
    _text("event", key=True),
    _text("epoch"),
    _number("head"),
    _number("entries"),
    # What the next change is linked to.
    Column("link", LargeBinary, nullable=False),
    # From which change on the feed can be read, and the one of the latest erasure.
    _number("base"),
    _text("base_id"),
    _number("erased"),
)
# What was erased: the id of a ticket, or a keyed hash of the person whose it was.
erased = Table("erased", metadata, _text("event", key=True), _text("what", key=True))
audit = Table(
    "audit",
    metadata,
    _number("seq", key=True),
    _text("event"),
    _text("body"),
    _text("hash"),
    Index("audit_event", "event", "seq"),
)
organiser = Table(
    "organiser",
    metadata,
    _text("id", key=True),
    Column("hash", Text, nullable=False, unique=True),
    _text("name"),
    _text("event"),
    _text("rights"),
    _number("made_ms"),
    _number("ends_ms"),
    _number("used_ms"),
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
voided = Table("voided", metadata, _text("event", key=True), _text("ticket", key=True))
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
    Column("link", LargeBinary, nullable=False),
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
    _text("stamp"),
    # Up to where its entries count, once it is disowned; empty: all of them do.
    _text("counts_until"),
    # When two machines were last seen to use its credential; 0: never since it has that.
    _number("twin_ms"),
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
disowned = Table("disowned", metadata, _text("event", key=True), _number("number", key=True))
COUNTS = ~(
    select(disowned.c.number)
    .where(disowned.c.event == entry.c.event, disowned.c.number == entry.c.number)
    .exists()
)
"""That an entry is not one of those of a disowned device that have no effect."""
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
allowance = Table(
    "allowance",
    metadata,
    _text("event", key=True),
    _text("device", key=True),
    _number("remaining"),
    _number("at_ms"),
    _number("taken"),
)
quarantine = Table(
    "quarantine",
    metadata,
    _text("device", key=True),
    _text("digest", key=True),
    _number("at_ms"),
    _text("reason"),
    Column("body", LargeBinary, nullable=False),
)

account = Table(
    "account",
    metadata,
    _text("appid", key=True),
    _text("event"),
    _text("secret"),
    _text("key"),
    _text("original_id"),
    _text("review"),
    _text("events"),
    _text("addresses"),
    _text("callback"),
    _text("callback_token"),
    _text("aes_key"),
    _text("mode"),
    _number("grace_s"),
    _number("early_s"),
    _number("late_s"),
    _number("created_ms"),
)
access_token = Table(
    "access_token",
    metadata,
    _text("hash", key=True),
    _text("appid"),
    _text("kind"),
    _text("serial"),
    _number("made_ms"),
    _number("ends_ms"),
    Index("access_token_account", "appid", "kind"),
)
quota = Table(
    "quota",
    metadata,
    _text("appid", key=True),
    _text("name", key=True),
    _number("period", key=True),
    _number("used"),
)
card = Table(
    "card",
    metadata,
    _text("card_id", key=True),
    _text("appid"),
    _text("event"),
    _text("kind"),
    _text("status"),
    _text("body"),
    _number("quantity"),
    _number("total"),
    _number("initial"),
    _number("created_s"),
    _number("updated_s"),
    _number("reminded_s"),
    Index("card_account", "appid", "created_s", "card_id"),
    Index("card_event", "event"),
)
holding = Table(
    "holding",
    metadata,
    _text("card_id", key=True),
    _text("code", key=True),
    _text("appid"),
    _text("ticket"),
    _text("state"),
    _text("openid"),
    _text("claimed_by"),
    _text("outer_str"),
    _number("issued_s"),
    _number("claimed_s"),
    _number("gifted_s"),
    _number("redeemed_s"),
    _number("ends_s"),
    _number("gift_ends_s"),
    _text("friend"),
    _text("note"),
    _text("said"),
    Index("holding_code", "appid", "code"),
    Index("holding_ticket", "ticket"),
    Index("holding_openid", "appid", "openid"),
    Index("holding_claimed", "card_id", "claimed_by"),
    Index("holding_state", "card_id", "state", "code"),
    Index("holding_gift", "state", "gift_ends_s"),
)
notice = Table(
    "notice",
    metadata,
    Column(
        "id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    _text("appid"),
    _text("line"),
    _text("state"),
    _number("due_ms"),
    _number("leased_ms"),
    _number("tries"),
    _text("entry"),
    _text("body"),
    Index("notice_due", "state", "due_ms"),
    Index("notice_line", "line", "state", "id"),
    Index("notice_entry", "entry"),
    sqlite_autoincrement=True,
)
card_order = Table(
    "card_order",
    metadata,
    _text("appid", key=True),
    _text("order_id", key=True),
    _text("digest"),
    _text("openid"),
    _text("codes"),
    _number("made_s"),
)
card_refund = Table(
    "card_refund",
    metadata,
    _text("appid", key=True),
    _text("refund_id", key=True),
    _text("digest"),
    _text("order_id"),
    _text("codes"),
    _number("made_s"),
)
offer = Table(
    "offer",
    metadata,
    _text("ticket", key=True),
    _text("appid"),
    _text("body"),
    _number("ends_s"),
    Column("is_used", Integer, nullable=False),
)
tester = Table("tester", metadata, _text("appid", key=True), _text("openid", key=True))
card_view = Table(
    "card_view",
    metadata,
    _text("card_id", key=True),
    _number("day", key=True),
    _text("openid", key=True),
    _number("views"),
)
followed = Table("followed", metadata, _text("event", key=True), _number("number"))
CARD_TABLES = (
    account, access_token, quota, card, holding, notice, card_order, card_refund, offer, tester,
    card_view, followed,
)  # fmt: skip


def _create(connection: Connection) -> None:
    """Version 0.2: events, tickets, devices and journals."""
    metadata.create_all(connection, [one for one in metadata.sorted_tables if one not in _LATER])
    # The row that whoever adds to the audit log locks.
    connection.execute(meta.insert().values(key="audit", value="0:"))


def _add_cards(connection: Connection) -> None:
    """The card API: accounts, cards, codes, what is to be told to callbacks."""
    metadata.create_all(connection, CARD_TABLES)


def _add_voids(connection: Connection) -> None:
    """Tickets that ever were void, to be found among the others."""
    metadata.create_all(connection, [voided])


_LATER = frozenset({*CARD_TABLES, voided})
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_create, _add_cards, _add_voids)
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

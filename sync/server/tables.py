"""The server's tables, on SQLite and on PostgreSQL alike.

``migrations`` makes them: what is changed here wants a step there.

An event is a shard: every key begins with it, and its row in ``stream`` is the lock and the counter
under which everything of the event is numbered, so that number order is commit order.
"""

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    select,
)

from sync.server.columns import number, ordered_text, text

metadata = MetaData()


meta = Table("meta", metadata, text("key", key=True), text("value"))

event = Table(
    "event",
    metadata,
    text("id", key=True),
    text("name"),
    text("time_zone"),
    number("isolated_hours"),
    text("key"),
    number("created_ms"),
    # The venue's own key and certificate, with which its gates know each other.
    text("authority_key"),
    text("authority"),
    # Its last second (Unix), 0: not known; how long after it what is personal is kept; when it
    # began to be dropped, 0: not yet; and whether all of it is gone.
    number("ends_s"),
    number("keep_days"),
    number("dropped_ms"),
    Column("is_bare", Integer, nullable=False),
    # What it says of its rules, gates and operators, as JSON.
    text("settings"),
)
stream = Table(
    "stream",
    metadata,
    text("event", key=True),
    text("epoch"),
    number("head"),
    number("entries"),
    # What the next change is linked to.
    Column("link", LargeBinary, nullable=False),
    # From which change on the feed can be read, and the one of the latest erasure.
    number("base"),
    text("base_id"),
    number("erased"),
)
# What was erased: the id of a ticket, or a keyed hash of the person whose it was.
erased = Table("erased", metadata, text("event", key=True), text("what", key=True))
audit = Table(
    "audit",
    metadata,
    number("seq", key=True),
    text("event"),
    text("body"),
    text("hash"),
    Index("audit_event", "event", "seq"),
)
organiser = Table(
    "organiser",
    metadata,
    text("id", key=True),
    Column("hash", Text, nullable=False, unique=True),
    text("name"),
    text("event"),
    text("rights"),
    number("made_ms"),
    number("ends_ms"),
    number("used_ms"),
)
ticket_type = Table(
    "ticket_type", metadata, text("event", key=True), text("id", key=True), text("body")
)
ticket = Table(
    "ticket",
    metadata,
    text("event", key=True),
    text("id", key=True),
    text("type_id"),
    text("body"),
)
# What tickets are found by, a term of a name, a seat or an order each; and the tickets whose terms
# are still those of before, or none.
term = Table(
    "term",
    metadata,
    text("event", key=True),
    ordered_text("term", key=True),
    text("ticket", key=True),
    Index("term_ticket", "event", "ticket", "term"),
)
unsearched = Table("unsearched", metadata, text("event", key=True), text("ticket", key=True))
# Of tickets whose code rotates: what the server has to have to say which it is now.
rotating = Table(
    "rotating",
    metadata,
    text("event", key=True),
    text("ticket", key=True),
    text("code"),
    text("secrets"),
)
voided = Table("voided", metadata, text("event", key=True), text("ticket", key=True))
code = Table(
    "code",
    metadata,
    text("event", key=True),
    Column("hash", LargeBinary, primary_key=True, nullable=False),
    text("ticket"),
    text("state"),
    Index("code_ticket", "event", "ticket"),
)
change = Table(
    "change",
    metadata,
    text("event", key=True),
    number("seq", key=True),
    text("id"),
    text("kind"),
    text("ref"),
    text("body"),
    text("codes"),
    Column("link", LargeBinary, nullable=False),
    # When it was made, by the server's clock; 0: by a server that did not keep that.
    number("at_ms"),
    Index("change_ref", "event", "ref"),
)
device = Table(
    "device",
    metadata,
    text("id", key=True),
    text("event"),
    text("name"),
    text("public_key"),
    Column("credential", Text, nullable=False, unique=True),
    text("state"),
    number("enrolled_ms"),
    number("heard_ms"),
    Column("lane_open", Integer, nullable=False),
    text("report"),
    text("stamp"),
    # Up to where its entries count, once it is disowned; empty: all of them do.
    text("counts_until"),
    # When two machines were last seen to use its credential; 0: never since it has that.
    number("twin_ms"),
)
token = Table(
    "token",
    metadata,
    text("hash", key=True),
    text("event"),
    text("name"),
    number("expires_ms"),
    text("used_by"),
)
entry = Table(
    "entry",
    metadata,
    text("event", key=True),
    number("number", key=True),
    text("origin"),
    number("seq"),
    text("hash"),
    text("act"),
    text("ticket"),
    text("body"),
    UniqueConstraint("event", "origin", "seq", "hash"),
    Index("entry_ticket", "event", "ticket", "act"),
)
disowned = Table("disowned", metadata, text("event", key=True), number("number", key=True))
COUNTS = ~(
    select(disowned.c.number)
    .where(disowned.c.event == entry.c.event, disowned.c.number == entry.c.number)
    .exists()
)
"""That an entry is not one of those of a disowned device that have no effect."""
tip = Table(
    "tip",
    metadata,
    text("event", key=True),
    text("origin", key=True),
    text("hash", key=True),
    number("seq"),
)
origin = Table(
    "origin", metadata, text("event", key=True), text("origin", key=True), text("follows")
)
signed_tip = Table(
    "signed_tip",
    metadata,
    text("event", key=True),
    text("origin", key=True),
    number("seq", key=True),
    text("hash", key=True),
    text("signature"),
    number("number"),
    Index("head_number", "event", "number"),
)
tally = Table(
    "tally",
    metadata,
    text("event", key=True),
    text("device", key=True),
    number("minute", key=True),
    text("gate", key=True),
    text("zone", key=True),
    text("ticket_type", key=True),
    text("outcome", key=True),
    text("reason", key=True),
    text("operator", key=True),
    number("entries"),
    number("admitted"),
    number("exited"),
    number("annulled"),
)
taken_back = Table("taken_back", metadata, text("event", key=True), text("name", key=True))
allowance = Table(
    "allowance",
    metadata,
    text("event", key=True),
    text("device", key=True),
    number("remaining"),
    number("at_ms"),
    number("taken"),
)
quarantine = Table(
    "quarantine",
    metadata,
    text("device", key=True),
    text("digest", key=True),
    number("at_ms"),
    text("reason"),
    Column("body", LargeBinary, nullable=False),
)
# The pages. Secrets are kept as hashes only, whose first digits are the ids.
web_link = Table(
    "web_link",
    metadata,
    text("id", key=True),
    Column("hash", Text, nullable=False, unique=True),
    text("event"),
    # What it opens, see ``web.links``; for whom it is, and who made it.
    text("kind"),
    text("name"),
    text("made_by"),
    number("made_ms"),
    number("ends_ms"),
    # When it was opened last; 0: not yet.
    number("used_ms"),
)
web_browser = Table(
    "web_browser",
    metadata,
    text("id", key=True),
    Column("hash", Text, nullable=False, unique=True),
    text("event"),
    text("name"),
    # What it says it is.
    text("agent"),
    number("made_ms"),
    number("ends_ms"),
    # Wrong PINs since the last right one, and until when it has to wait.
    number("wrong"),
    number("waits_until_ms"),
)
web_session = Table(
    "web_session",
    metadata,
    text("id", key=True),
    Column("hash", Text, nullable=False, unique=True),
    text("event"),
    # What it came by: a browser that was paired, or a link.
    text("browser"),
    text("link"),
    # Whose it is: an operator and a sign of the PIN, or nobody by name.
    text("level"),
    text("who"),
    text("proof"),
    number("made_ms"),
    number("seen_ms"),
    number("ends_ms"),
)

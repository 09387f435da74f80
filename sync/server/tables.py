"""The server's tables, on SQLite and on PostgreSQL alike.

``migrations`` makes them: what is changed here wants a step there.

An event is a shard: every key begins with it, and its row in ``stream`` is the lock and the counter
under which everything of the event is numbered, so that number order is commit order.
"""

from sqlalchemy import (
    BigInteger,
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
# Who signs its tickets: the public key as JSON, and the private one where it is our own.
signing_key = Table(
    "signing_key",
    metadata,
    text("event", key=True),
    text("id", key=True),
    text("body"),
    text("private"),
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
# A list that is on its way in, and the codes that are to be its tickets': see ``pending``.
pending_list = Table(
    "pending_list",
    metadata,
    text("event", key=True),
    text("token"),
    number("begun_ms"),
    Column("is_accepted", Integer, nullable=False),
    Column("frees_codes", Integer, nullable=False),
)
pending = Table(
    "pending",
    metadata,
    text("event", key=True),
    number("n", key=True),
    text("kind"),
    text("ref"),
    text("body"),
    text("codes"),
)
pending_code = Table(
    "pending_code",
    metadata,
    text("event", key=True),
    Column("hash", LargeBinary, primary_key=True, nullable=False),
    text("ticket"),
    Index("pending_code_ticket", "event", "ticket"),
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
# What backends outside are to hear, see ``webhooks.outbox``.
outbox = Table(
    "outbox",
    metadata,
    Column(
        "id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    text("channel"),
    text("recipient"),
    text("line"),
    text("state"),
    number("due_ms"),
    number("leased_ms"),
    number("tries"),
    text("entry"),
    text("body"),
    Index("outbox_due", "state", "due_ms"),
    Index("outbox_entry", "entry"),
    Index("outbox_line", "line", "state", "id"),
    Index("outbox_recipient", "recipient", "state", "id"),
    sqlite_autoincrement=True,
)
webhook = Table(
    "webhook",
    metadata,
    text("id", key=True),
    text("event"),
    text("url"),
    text("kinds"),
    # What it is told is signed with it, so it is kept as it is.
    text("secret"),
    number("made_ms"),
    # The last try that went well, the last that did not and why; 0: there was none.
    number("delivered_ms"),
    number("failed_ms"),
    text("error"),
    # What it was not told because too much waited.
    number("missed"),
    Index("webhook_event_of", "event", "made_ms"),
)
# How far webhooks of an event were told of its entries and of its feed.
webhook_followed = Table(
    "webhook_followed",
    metadata,
    text("event", key=True),
    number("entries"),
    text("epoch"),
    number("changes"),
)
# What is so now and was told: a zone that is full, a silent gate, a revoked device.
webhook_standing = Table(
    "webhook_standing",
    metadata,
    text("event", key=True),
    text("kind", key=True),
    text("what", key=True),
    number("since_ms"),
)

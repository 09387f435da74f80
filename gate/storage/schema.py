"""The tables of every file in the data folder, and how older files are brought up to date."""

import sqlite3

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

journal = Migrations("journal")
peers = Migrations("peers")
tickets = Migrations("tickets")

# The body is the entry, byte for byte as its maker hashed it. Every other column is read out of
# it, so that no column can say anything else than the hash vouches for.
_ENTRY = """
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    body TEXT NOT NULL,
    act TEXT GENERATED ALWAYS AS (json_extract(body, '$.act')) VIRTUAL,
    ticket TEXT GENERATED ALWAYS AS (json_extract(body, '$.ticket')) VIRTUAL,
    ordinal INTEGER GENERATED ALWAYS AS (json_extract(body, '$.ordinal')) VIRTUAL,
    UNIQUE (origin, seq)
);
"""
_STATE = """
CREATE TABLE state (
    ticket TEXT PRIMARY KEY,
    used INTEGER NOT NULL,
    inside INTEGER NOT NULL,
    redemptions INTEGER NOT NULL,
    first INTEGER REFERENCES entry (id),
    last INTEGER REFERENCES entry (id)
) WITHOUT ROWID;
"""
_TALLY = """
CREATE TABLE tally (
    minute INTEGER NOT NULL,
    gate TEXT NOT NULL,
    zone TEXT NOT NULL,
    ticket_type TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    operator TEXT NOT NULL,
    entries INTEGER NOT NULL,
    admitted INTEGER NOT NULL,
    exited INTEGER NOT NULL,
    annulled INTEGER NOT NULL,
    PRIMARY KEY (minute, gate, zone, ticket_type, outcome, reason, operator)
) WITHOUT ROWID;
"""

# Every node keeps all entries, but not all of them have an effect.
_ALL_COUNT = """
CREATE VIEW counted AS SELECT * FROM entry;
"""
_MOST_COUNT = """
CREATE TABLE disowning (device TEXT PRIMARY KEY, counts_until TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE disowned (entry INTEGER PRIMARY KEY REFERENCES entry (id));
CREATE VIEW counted AS SELECT * FROM entry
    WHERE NOT EXISTS (SELECT 1 FROM disowned WHERE disowned.entry = entry.id);
"""

# Law 2: one ticket, one use, one device. The second line of defence behind the transaction; only
# admissions have an ordinal, so other facts never collide.
_ONE_USE = """
CREATE UNIQUE INDEX entry_facts ON entry (ticket, ordinal)
    WHERE act IN ('admission', 'exit', 'annulment');
"""


# What others did is kept as it came: nothing is promised about uses, and a cloned machine may have
# given one name to two entries. Tips are the newest entry of every branch of an origin. What the
# server refused of it is in quarantine under no name, what others brought and is none under theirs.
# A store has an id, so that whoever reads it knows it from another in its place; it is complete
# once all that somebody else held was fetched since it was made.
_OTHERS = """
CREATE TABLE store (id TEXT NOT NULL, is_complete INTEGER NOT NULL);
INSERT INTO store VALUES (lower(hex(randomblob(8))), 0);
CREATE INDEX entry_facts ON entry (ticket) WHERE act IN ('admission', 'exit', 'annulment');
CREATE TABLE tip (
    origin TEXT NOT NULL,
    hash BLOB NOT NULL,
    seq INTEGER NOT NULL,
    hlc INTEGER NOT NULL,
    PRIMARY KEY (origin, hash)
) WITHOUT ROWID;
CREATE TABLE origin (
    origin TEXT PRIMARY KEY,
    follows TEXT NOT NULL,
    prev TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE taken_back (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE signed_tip (
    origin TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (origin, seq, hash)
) WITHOUT ROWID;
CREATE TABLE receipt (
    origin TEXT NOT NULL,
    hash TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (origin, hash)
) WITHOUT ROWID;
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    bringer TEXT NOT NULL,
    origin TEXT NOT NULL,
    seq INTEGER NOT NULL,
    reason TEXT NOT NULL,
    hash TEXT NOT NULL,
    UNIQUE (bringer, hash)
);
CREATE TABLE allowance (
    device TEXT PRIMARY KEY,
    remaining INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    taken INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE device (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL
) WITHOUT ROWID;
"""


# Tickets of which a history is told with undos that nobody has confirmed.
_CLAIMS = """
CREATE TABLE claimed (ticket TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_UNDOS = """
CREATE INDEX entry_undos ON entry (ticket) WHERE act = 'annulment';
"""
# What is left of a journal that was damaged, in the one that goes on: entries after a lost one,
# the numbers of those that are lost, and where it ended.
_SALVAGED = """
CREATE TABLE orphan (
    id INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    seq INTEGER NOT NULL,
    ticket TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    body TEXT NOT NULL
);
CREATE INDEX orphan_ticket ON orphan (ticket);
CREATE TABLE missing (
    origin TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (origin, first)
) WITHOUT ROWID;
CREATE TABLE ended (
    origin TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    hlc INTEGER NOT NULL
);
"""


_RESOLUTIONS = """
CREATE INDEX entry_resolutions ON entry (ticket) WHERE act = 'resolution';
"""
_OWN_LANE = """
CREATE INDEX entry_lane ON entry (id) WHERE act IN ('lane_opened', 'lane_closed');
"""
_LANES = """
CREATE INDEX entry_lanes ON entry (origin) WHERE act IN ('lane_opened', 'lane_closed');
"""
# Who was ticked on paper may have used a ticket twice at this one device.
_PAPER = """
CREATE INDEX entry_paper ON entry (ticket)
    WHERE act = 'admission' AND json_extract(body, '$.source') = 'paper';
"""
_RETIREMENTS = """
CREATE INDEX entry_retirements ON entry (id) WHERE act IN ('retirement', 'reinstatement');
"""
_MESSAGES = """
CREATE INDEX entry_messages ON entry (id) WHERE act IN ('message', 'acknowledgement');
"""
_SIGN_OFFS = """
CREATE INDEX entry_sign_offs ON entry (id) WHERE act = 'sign_off';
"""


@journal()
def create_journal(db: Database) -> None:
    """Version 0.2: entries, what folds from them, and what a damaged journal left to this one."""
    _run(
        db,
        _ENTRY
        + _STATE
        + _TALLY
        + _ONE_USE
        + _RESOLUTIONS
        + _UNDOS
        + _ALL_COUNT
        + _OWN_LANE
        + _SALVAGED,
    )


@journal()
def index_paper(db: Database) -> None:
    """Version 0.2: admissions that were ticked on paper."""
    _run(db, _PAPER)


@peers()
def create_peers(db: Database) -> None:
    """Version 0.2: the same entries, of other devices, and how far each of them is known."""
    entry = _ENTRY.replace("UNIQUE (origin, seq)", "UNIQUE (origin, seq, hash)")
    tally = _TALLY.replace("    minute", "    device TEXT NOT NULL,\n    minute", 1)
    tally = tally.replace("KEY (minute", "KEY (device, minute")
    _run(
        db,
        entry
        + _STATE
        + tally
        + _OTHERS
        + _RESOLUTIONS
        + _LANES
        + _RETIREMENTS
        + _MOST_COUNT
        + _CLAIMS
        + _UNDOS,
    )


@journal()
def index_messages(db: Database) -> None:
    """After 0.2: messages to gates, and who has read them."""
    _run(db, _MESSAGES)


@peers()
def index_messages_of_others(db: Database) -> None:
    """After 0.2: the same of other devices."""
    _run(db, _MESSAGES)


@journal()
def index_sign_offs(db: Database) -> None:
    """After 0.2: who signed off the gates before doors."""
    _run(db, _SIGN_OFFS)


@peers()
def index_sign_offs_of_others(db: Database) -> None:
    """After 0.2: the same of other devices."""
    _run(db, _SIGN_OFFS)


@tickets()
def create_tickets(db: Database) -> None:
    """Version 0.2: ticket types, tickets, the keyed hashes of their codes and of what these name.

    With it how far the replica is and how it came there, so that others may follow it; how long the
    codes of a type are, and of which classes of characters; and which tickets ever were void.
    """
    _run(
        db,
        """
        CREATE TABLE meta (
            key TEXT PRIMARY KEY,
            value TEXT NOT NULL,
            sum INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE ticket_type (
            id TEXT PRIMARY KEY,
            body TEXT NOT NULL,
            sum INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE ticket (
            row INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            body TEXT NOT NULL,
            sum INTEGER NOT NULL,
            type_id TEXT GENERATED ALWAYS AS (json_extract(body, '$.type_id')) VIRTUAL,
            status TEXT GENERATED ALWAYS AS
                (coalesce(json_extract(body, '$.status'), 'normal')) VIRTUAL
        );
        CREATE TABLE code (
            hash BLOB PRIMARY KEY,
            ticket INTEGER NOT NULL REFERENCES ticket (row),
            state TEXT NOT NULL,
            sum INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX code_ticket ON code (ticket);
        CREATE TABLE identity (
            hash BLOB NOT NULL,
            ticket INTEGER NOT NULL REFERENCES ticket (row),
            PRIMARY KEY (hash, ticket)
        ) WITHOUT ROWID;
        CREATE TABLE code_block (
            bucket INTEGER PRIMARY KEY,
            sum INTEGER NOT NULL,
            tails BLOB NOT NULL
        );
        CREATE TABLE census (
            type_id TEXT NOT NULL,
            status TEXT NOT NULL,
            tickets INTEGER NOT NULL,
            PRIMARY KEY (type_id, status)
        ) WITHOUT ROWID;
        CREATE TRIGGER ticket_added AFTER INSERT ON ticket BEGIN
            INSERT INTO census VALUES (new.type_id, new.status, 1)
                ON CONFLICT DO UPDATE SET tickets = tickets + 1;
        END;
        CREATE TRIGGER ticket_changed AFTER UPDATE ON ticket BEGIN
            UPDATE census SET tickets = tickets - 1
                WHERE type_id = old.type_id AND status = old.status;
            INSERT INTO census VALUES (new.type_id, new.status, 1)
                ON CONFLICT DO UPDATE SET tickets = tickets + 1;
        END;
        CREATE TABLE change (
            seq INTEGER PRIMARY KEY,
            id TEXT NOT NULL,
            kind TEXT NOT NULL,
            ref TEXT NOT NULL,
            body TEXT NOT NULL,
            codes TEXT NOT NULL,
            checkpoint TEXT
        );
        CREATE INDEX change_checkpoint ON change (seq) WHERE checkpoint IS NOT NULL;
        CREATE TABLE member (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            key TEXT NOT NULL,
            state TEXT NOT NULL,
            proof TEXT NOT NULL,
            counts_until TEXT NOT NULL,
            sum INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE shape (
            type_id TEXT NOT NULL,
            shape TEXT NOT NULL,
            tickets INTEGER NOT NULL,
            again TEXT GENERATED ALWAYS AS (hex(shape)) STORED,
            PRIMARY KEY (type_id, shape)
        ) WITHOUT ROWID;
        CREATE TRIGGER shape_added AFTER INSERT ON ticket BEGIN
            INSERT INTO shape (type_id, shape, tickets)
                VALUES (new.type_id, coalesce(json_extract(new.body, '$.shape'), ''), 1)
                ON CONFLICT DO UPDATE SET tickets = tickets + 1;
        END;
        CREATE TRIGGER shape_changed AFTER UPDATE ON ticket BEGIN
            UPDATE shape SET tickets = tickets - 1 WHERE type_id = old.type_id
                AND shape = coalesce(json_extract(old.body, '$.shape'), '');
            INSERT INTO shape (type_id, shape, tickets)
                VALUES (new.type_id, coalesce(json_extract(new.body, '$.shape'), ''), 1)
                ON CONFLICT DO UPDATE SET tickets = tickets + 1;
        END;
        CREATE INDEX ticket_voids ON ticket (id) WHERE json_extract(body, '$.voids') IS NOT NULL;
        """,
    )


# Every term is found alone or by its beginning: where in a row it stands is not kept.
SEARCH = """
CREATE VIRTUAL TABLE search USING fts5 (
    terms, tokenize = "ascii tokenchars '~-'", prefix = '1 2 3', detail = none, columnsize = 0
)
"""


@tickets()
def find_in_any_spelling(db: Database) -> None:
    """Version 0.2: names, seats and orders in every spelling that may be typed."""
    _run(db, f"DROP TABLE IF EXISTS holder;\n{SEARCH};\n")


@tickets()
def keep_event_keys(db: Database) -> None:
    """After 0.2: the keys that sign tickets of the event."""
    _run(
        db,
        """
        CREATE TABLE event_key (
            id TEXT PRIMARY KEY,
            body TEXT NOT NULL,
            sum INTEGER NOT NULL
        ) WITHOUT ROWID;
        """,
    )


def _run(db: Database, script: str) -> None:
    # executescript() would commit the migration's own transaction.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.conn.execute(statement)
            statement = ""

-- Version 0.2.
CREATE TABLE allowance (
    event TEXT NOT NULL,
    device TEXT NOT NULL,
    remaining BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    PRIMARY KEY (event, device)
);
CREATE TABLE audit (
    seq BIGINT NOT NULL,
    event TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (seq)
);
CREATE INDEX audit_event ON audit (event, seq);
CREATE TABLE change (
    event TEXT NOT NULL,
    seq BIGINT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    ref TEXT NOT NULL,
    body TEXT NOT NULL,
    codes TEXT NOT NULL,
    link BYTEA NOT NULL,
    PRIMARY KEY (event, seq)
);
CREATE TABLE code (
    event TEXT NOT NULL,
    hash BYTEA NOT NULL,
    ticket TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (event, hash)
);
CREATE INDEX code_ticket ON code (event, ticket);
CREATE TABLE device (
    id TEXT NOT NULL,
    event TEXT NOT NULL,
    name TEXT NOT NULL,
    public_key TEXT NOT NULL,
    credential TEXT NOT NULL,
    state TEXT NOT NULL,
    enrolled_ms BIGINT NOT NULL,
    heard_ms BIGINT NOT NULL,
    lane_open INTEGER NOT NULL,
    report TEXT NOT NULL,
    stamp TEXT NOT NULL,
    counts_until TEXT NOT NULL,
    twin_ms BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (credential)
);
CREATE TABLE disowned (
    event TEXT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (event, number)
);
CREATE TABLE entry (
    event TEXT NOT NULL,
    number BIGINT NOT NULL,
    origin TEXT NOT NULL,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    act TEXT NOT NULL,
    ticket TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (event, number),
    UNIQUE (event, origin, seq, hash)
);
CREATE INDEX entry_ticket ON entry (event, ticket, act);
CREATE TABLE erased (
    event TEXT NOT NULL,
    what TEXT NOT NULL,
    PRIMARY KEY (event, what)
);
CREATE TABLE event (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    isolated_hours BIGINT NOT NULL,
    key TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    authority_key TEXT NOT NULL,
    authority TEXT NOT NULL,
    ends_s BIGINT NOT NULL,
    keep_days BIGINT NOT NULL,
    dropped_ms BIGINT NOT NULL,
    is_bare INTEGER NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE meta (
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (key)
);
CREATE TABLE organiser (
    id TEXT NOT NULL,
    hash TEXT NOT NULL,
    name TEXT NOT NULL,
    event TEXT NOT NULL,
    rights TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    ends_ms BIGINT NOT NULL,
    used_ms BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (hash)
);
CREATE TABLE origin (
    event TEXT NOT NULL,
    origin TEXT NOT NULL,
    follows TEXT NOT NULL,
    PRIMARY KEY (event, origin)
);
CREATE TABLE quarantine (
    device TEXT NOT NULL,
    digest TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    reason TEXT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (device, digest)
);
CREATE TABLE signed_tip (
    event TEXT NOT NULL,
    origin TEXT NOT NULL,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    signature TEXT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (event, origin, seq, hash)
);
CREATE INDEX head_number ON signed_tip (event, number);
CREATE TABLE stream (
    event TEXT NOT NULL,
    epoch TEXT NOT NULL,
    head BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    link BYTEA NOT NULL,
    base BIGINT NOT NULL,
    base_id TEXT NOT NULL,
    erased BIGINT NOT NULL,
    PRIMARY KEY (event)
);
CREATE TABLE taken_back (
    event TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (event, name)
);
CREATE TABLE tally (
    event TEXT NOT NULL,
    device TEXT NOT NULL,
    minute BIGINT NOT NULL,
    gate TEXT NOT NULL,
    zone TEXT NOT NULL,
    ticket_type TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    operator TEXT NOT NULL,
    entries BIGINT NOT NULL,
    admitted BIGINT NOT NULL,
    exited BIGINT NOT NULL,
    annulled BIGINT NOT NULL,
    PRIMARY KEY (event, device, minute, gate, zone, ticket_type, outcome, reason, operator)
);
CREATE TABLE ticket (
    event TEXT NOT NULL,
    id TEXT NOT NULL,
    type_id TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (event, id)
);
CREATE TABLE ticket_type (
    event TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (event, id)
);
CREATE TABLE tip (
    event TEXT NOT NULL,
    origin TEXT NOT NULL,
    hash TEXT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (event, origin, hash)
);
CREATE TABLE token (
    hash TEXT NOT NULL,
    event TEXT NOT NULL,
    name TEXT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_by TEXT NOT NULL,
    PRIMARY KEY (hash)
);
CREATE TABLE voided (
    event TEXT NOT NULL,
    ticket TEXT NOT NULL,
    PRIMARY KEY (event, ticket)
);
INSERT INTO meta (key, value) VALUES ('audit', '0:');

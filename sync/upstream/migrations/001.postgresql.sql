-- Version 0.2.
CREATE TABLE upstream (
    event TEXT NOT NULL,
    kind TEXT NOT NULL,
    url TEXT NOT NULL,
    account TEXT NOT NULL,
    device TEXT NOT NULL,
    token TEXT NOT NULL,
    target TEXT NOT NULL,
    cursor TEXT NOT NULL,
    is_complete BIGINT NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT NOT NULL,
    followed BIGINT NOT NULL,
    lease TEXT NOT NULL,
    leased_ms BIGINT NOT NULL,
    pull_ms BIGINT NOT NULL,
    push_ms BIGINT NOT NULL,
    heard_ms BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    error TEXT NOT NULL,
    is_stopped BIGINT NOT NULL,
    PRIMARY KEY (event)
);
CREATE TABLE upstream_entry (
    event TEXT NOT NULL,
    entry TEXT NOT NULL,
    is_late BIGINT NOT NULL,
    number BIGINT NOT NULL,
    ticket TEXT NOT NULL,
    state TEXT NOT NULL,
    due_ms BIGINT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (event, entry)
);
CREATE INDEX upstream_entry_due ON upstream_entry (event, state, is_late, number);
CREATE TABLE upstream_met (
    event TEXT NOT NULL,
    ticket TEXT NOT NULL,
    run BIGINT NOT NULL,
    PRIMARY KEY (event, ticket)
);
CREATE TABLE upstream_movement (
    event TEXT NOT NULL,
    ref TEXT NOT NULL,
    ticket TEXT NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (event, ref)
);
CREATE INDEX upstream_movement_ticket ON upstream_movement (event, ticket);

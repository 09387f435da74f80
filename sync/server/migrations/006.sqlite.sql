CREATE TABLE outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    line TEXT NOT NULL,
    state TEXT NOT NULL,
    due_ms BIGINT NOT NULL,
    leased_ms BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    entry TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX outbox_due ON outbox (state, due_ms);
CREATE INDEX outbox_entry ON outbox (entry);
CREATE INDEX outbox_line ON outbox (line, state, id);
CREATE INDEX outbox_recipient ON outbox (recipient, state, id);
CREATE TABLE webhook (
    id TEXT NOT NULL,
    event TEXT NOT NULL,
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,
    secret TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    delivered_ms BIGINT NOT NULL,
    failed_ms BIGINT NOT NULL,
    error TEXT NOT NULL,
    missed BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX webhook_event_of ON webhook (event, made_ms);
CREATE TABLE webhook_followed (
    event TEXT NOT NULL,
    entries BIGINT NOT NULL,
    epoch TEXT NOT NULL,
    changes BIGINT NOT NULL,
    PRIMARY KEY (event)
);
CREATE TABLE webhook_standing (
    event TEXT NOT NULL,
    kind TEXT NOT NULL,
    what TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    PRIMARY KEY (event, kind, what)
);

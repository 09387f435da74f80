-- Version 0.2.
CREATE TABLE access_token (
    hash TEXT NOT NULL,
    appid TEXT NOT NULL,
    kind TEXT NOT NULL,
    serial TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    ends_ms BIGINT NOT NULL,
    PRIMARY KEY (hash)
);
CREATE INDEX access_token_account ON access_token (appid, kind);
CREATE TABLE account (
    appid TEXT NOT NULL,
    event TEXT NOT NULL,
    secret TEXT NOT NULL,
    "key" TEXT NOT NULL,
    original_id TEXT NOT NULL,
    review TEXT NOT NULL,
    events TEXT NOT NULL,
    addresses TEXT NOT NULL,
    callback TEXT NOT NULL,
    callback_token TEXT NOT NULL,
    aes_key TEXT NOT NULL,
    mode TEXT NOT NULL,
    grace_s BIGINT NOT NULL,
    early_s BIGINT NOT NULL,
    late_s BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (appid)
);
CREATE TABLE card (
    card_id TEXT NOT NULL,
    appid TEXT NOT NULL,
    event TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    body TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    total BIGINT NOT NULL,
    initial BIGINT NOT NULL,
    created_s BIGINT NOT NULL,
    updated_s BIGINT NOT NULL,
    reminded_s BIGINT NOT NULL,
    PRIMARY KEY (card_id)
);
CREATE INDEX card_account ON card (appid, created_s, card_id);
CREATE INDEX card_event ON card (event);
CREATE TABLE card_order (
    appid TEXT NOT NULL,
    order_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    openid TEXT NOT NULL,
    codes TEXT NOT NULL,
    made_s BIGINT NOT NULL,
    PRIMARY KEY (appid, order_id)
);
CREATE TABLE card_refund (
    appid TEXT NOT NULL,
    refund_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    order_id TEXT NOT NULL,
    codes TEXT NOT NULL,
    made_s BIGINT NOT NULL,
    PRIMARY KEY (appid, refund_id)
);
CREATE TABLE card_view (
    card_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    openid TEXT NOT NULL,
    views BIGINT NOT NULL,
    PRIMARY KEY (card_id, day, openid)
);
CREATE TABLE followed (
    event TEXT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (event)
);
CREATE TABLE issued_code (
    card_id TEXT NOT NULL,
    code TEXT NOT NULL,
    appid TEXT NOT NULL,
    ticket TEXT NOT NULL,
    state TEXT NOT NULL,
    openid TEXT NOT NULL,
    claimed_by TEXT NOT NULL,
    outer_str TEXT NOT NULL,
    issued_s BIGINT NOT NULL,
    claimed_s BIGINT NOT NULL,
    gifted_s BIGINT NOT NULL,
    redeemed_s BIGINT NOT NULL,
    ends_s BIGINT NOT NULL,
    gift_ends_s BIGINT NOT NULL,
    friend TEXT NOT NULL,
    note TEXT NOT NULL,
    said TEXT NOT NULL,
    PRIMARY KEY (card_id, code)
);
CREATE INDEX issued_code_claimed ON issued_code (card_id, claimed_by);
CREATE INDEX issued_code_code ON issued_code (appid, code);
CREATE INDEX issued_code_gift ON issued_code (state, gift_ends_s);
CREATE INDEX issued_code_openid ON issued_code (appid, openid);
CREATE INDEX issued_code_state ON issued_code (card_id, state, code);
CREATE INDEX issued_code_ticket ON issued_code (ticket);
CREATE TABLE offer (
    ticket TEXT NOT NULL,
    appid TEXT NOT NULL,
    body TEXT NOT NULL,
    ends_s BIGINT NOT NULL,
    is_used INTEGER NOT NULL,
    PRIMARY KEY (ticket)
);
CREATE TABLE quota (
    appid TEXT NOT NULL,
    name TEXT NOT NULL,
    period BIGINT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (appid, name, period)
);
CREATE TABLE tester (
    appid TEXT NOT NULL,
    openid TEXT NOT NULL,
    PRIMARY KEY (appid, openid)
);
CREATE TABLE webhook_event (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    appid TEXT NOT NULL,
    line TEXT NOT NULL,
    state TEXT NOT NULL,
    due_ms BIGINT NOT NULL,
    leased_ms BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    entry TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX webhook_event_due ON webhook_event (state, due_ms);
CREATE INDEX webhook_event_entry ON webhook_event (entry);
CREATE INDEX webhook_event_line ON webhook_event (line, state, id);

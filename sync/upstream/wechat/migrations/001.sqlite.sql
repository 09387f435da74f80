-- Accounts, codes, pushes, and what is still to be read.
CREATE TABLE wechat_account (
    appid TEXT NOT NULL,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    "key" TEXT NOT NULL,
    push_token TEXT NOT NULL,
    aes_key TEXT NOT NULL,
    relay TEXT NOT NULL,
    token TEXT NOT NULL,
    token_ends_ms BIGINT NOT NULL,
    forced_ms BIGINT NOT NULL,
    pushed_ms BIGINT NOT NULL,
    PRIMARY KEY (appid)
);
CREATE TABLE wechat_code (
    appid TEXT NOT NULL,
    card_id TEXT NOT NULL,
    code TEXT NOT NULL,
    event TEXT NOT NULL,
    ticket TEXT NOT NULL,
    state TEXT NOT NULL,
    openid TEXT NOT NULL,
    claimed_s BIGINT NOT NULL,
    gifted_s BIGINT NOT NULL,
    next_code TEXT NOT NULL,
    ours TEXT NOT NULL,
    theirs TEXT NOT NULL,
    theirs_ms BIGINT NOT NULL,
    theirs_note TEXT NOT NULL,
    attributes TEXT NOT NULL,
    state_s BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    is_stated BIGINT NOT NULL,
    PRIMARY KEY (appid, card_id, code)
);
CREATE INDEX wechat_code_code ON wechat_code (appid, code);
CREATE INDEX wechat_code_openid ON wechat_code (event, openid);
CREATE INDEX wechat_code_stated ON wechat_code (event, is_stated, ticket);
CREATE INDEX wechat_code_ticket ON wechat_code (event, ticket);
CREATE TABLE wechat_push (
    appid TEXT NOT NULL,
    digest TEXT NOT NULL,
    nonce TEXT NOT NULL,
    created_s BIGINT NOT NULL,
    received_ms BIGINT NOT NULL,
    is_done BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (appid, digest)
);
CREATE INDEX wechat_push_nonce ON wechat_push (appid, nonce);
CREATE INDEX wechat_push_received ON wechat_push (received_ms);
CREATE INDEX wechat_push_waiting ON wechat_push (appid, is_done, created_s, received_ms);
CREATE TABLE wechat_reading (
    event TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    card_id TEXT NOT NULL,
    PRIMARY KEY (event, kind, name, card_id)
);

BEGIN TRANSACTION;
CREATE TABLE access_token (
    hash TEXT NOT NULL,
    appid TEXT NOT NULL,
    kind TEXT NOT NULL,
    serial TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    ends_ms BIGINT NOT NULL,
    PRIMARY KEY (hash)
);
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
INSERT INTO "account" VALUES('wx6d99d543aaea154c','show','654ac02e2d074e48bfc66bcb085a65931e43c495270a97362521ad9e98e92051','7c15573356ec0dd7b11ff51bedaf1ae0533f66f1081250c3740ffbcf2fbea5ed','gh_677f91e20df1','automatic','','','','','','plain',120,0,0,1798000000000);
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
CREATE TABLE change (
    event TEXT NOT NULL,
    seq BIGINT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    ref TEXT NOT NULL,
    body TEXT NOT NULL,
    codes TEXT NOT NULL,
    link BLOB NOT NULL,
    PRIMARY KEY (event, seq)
);
INSERT INTO "change" VALUES('show',1,'e18543f19f5ae9e7','type','A','{"id":"A","kind":"MEETING_TICKET","title":"Gala","time_zone":"Asia/Shanghai"}','{}',X'5B22B9F9649ABDCF4E1DBC5382C1EEB26117835BFE121D55A20F5D269AC71E1D');
INSERT INTO "change" VALUES('show',2,'c58bec095cdd470a','ticket','t1','{"id":"t1","shape":"2:0A","type_id":"A"}','{"6200c9af91dbdb19316b44710eb9c04f":"live"}',X'EE0BF18D31AB56E81C53F17546A4963B42DCF8F4ED6C752E68DFA3069B2337FB');
INSERT INTO "change" VALUES('show',3,'34f87d332de19a14','ticket','t2','{"id":"t2","shape":"2:0A","type_id":"A"}','{"1fc1abcb5e39bb4cf634f4d30bf43777":"live"}',X'26830854CDD8B28BD6859295DAD5A111B1FE058B887DABFEFF76ED32DB3C2AD6');
CREATE TABLE code (
    event TEXT NOT NULL,
    hash BLOB NOT NULL,
    ticket TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (event, hash)
);
INSERT INTO "code" VALUES('show',X'6200C9AF91DBDB19316B44710EB9C04F','t1','live');
INSERT INTO "code" VALUES('show',X'1FC1ABCB5E39BB4CF634F4D30BF43777','t2','live');
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
    "key" TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    authority_key TEXT NOT NULL,
    authority TEXT NOT NULL,
    ends_s BIGINT NOT NULL,
    keep_days BIGINT NOT NULL,
    dropped_ms BIGINT NOT NULL,
    is_bare INTEGER NOT NULL,
    PRIMARY KEY (id)
);
INSERT INTO "event" VALUES('show','Show','Asia/Shanghai',0,'9b5288dd739dcdf05afa69e77579fca139da7144a557c41b6a2f16f56b835d95',1798000000000,'none','-----BEGIN CERTIFICATE-----
MIIBSTCB/KADAgECAhRYGT2fKrUIG5aCjcgy60OrnfztGTAFBgMrZXAwEDEOMAwG
A1UEAwwFdmVudWUwIBcNNzAwMTAxMDAwMDAwWhgPOTk5OTEyMzEyMzU5NTlaMBAx
DjAMBgNVBAMMBXZlbnVlMCowBQYDK2VwAyEAOdM+IHloXs0yPlh0GJw6UvfiKqhT
XCxqgmDX2gYvqEejZjBkMB0GA1UdDgQWBBS2onF9cRUk0FjGzvAduCbUyWWxMzAf
BgNVHSMEGDAWgBS2onF9cRUk0FjGzvAduCbUyWWxMzASBgNVHRMBAf8ECDAGAQH/
AgEAMA4GA1UdDwEB/wQEAwICBDAFBgMrZXADQQAP4mMqcx17h/+XBTPf70w71mLn
S26nBNG5B+2WXV4g2Ft/qnsZvXCQndXmbH6I8etGkAlztA0PVpRQYCGJ/9QL
-----END CERTIFICATE-----
',0,30,0,0);
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
CREATE TABLE meta (
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('audit','0:');
INSERT INTO "meta" VALUES('version','1');
INSERT INTO "meta" VALUES('version cards','1');
CREATE TABLE offer (
    ticket TEXT NOT NULL,
    appid TEXT NOT NULL,
    body TEXT NOT NULL,
    ends_s BIGINT NOT NULL,
    is_used INTEGER NOT NULL,
    PRIMARY KEY (ticket)
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
    body BLOB NOT NULL,
    PRIMARY KEY (device, digest)
);
CREATE TABLE quota (
    appid TEXT NOT NULL,
    name TEXT NOT NULL,
    period BIGINT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (appid, name, period)
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
CREATE TABLE stream (
    event TEXT NOT NULL,
    epoch TEXT NOT NULL,
    head BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    link BLOB NOT NULL,
    base BIGINT NOT NULL,
    base_id TEXT NOT NULL,
    erased BIGINT NOT NULL,
    PRIMARY KEY (event)
);
INSERT INTO "stream" VALUES('show','dcfc7ae71fede004',3,0,X'26830854CDD8B28BD6859295DAD5A111B1FE058B887DABFEFF76ED32DB3C2AD6',0,'',0);
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
CREATE TABLE tester (
    appid TEXT NOT NULL,
    openid TEXT NOT NULL,
    PRIMARY KEY (appid, openid)
);
CREATE TABLE ticket (
    event TEXT NOT NULL,
    id TEXT NOT NULL,
    type_id TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (event, id)
);
INSERT INTO "ticket" VALUES('show','t1','A','{"id":"t1","shape":"2:0A","type_id":"A"}');
INSERT INTO "ticket" VALUES('show','t2','A','{"id":"t2","shape":"2:0A","type_id":"A"}');
CREATE TABLE ticket_type (
    event TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (event, id)
);
INSERT INTO "ticket_type" VALUES('show','A','{"id":"A","kind":"MEETING_TICKET","title":"Gala","time_zone":"Asia/Shanghai"}');
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
CREATE INDEX audit_event ON audit (event, seq);
CREATE INDEX code_ticket ON code (event, ticket);
CREATE INDEX entry_ticket ON entry (event, ticket, act);
CREATE INDEX head_number ON signed_tip (event, number);
CREATE INDEX access_token_account ON access_token (appid, kind);
CREATE INDEX card_account ON card (appid, created_s, card_id);
CREATE INDEX card_event ON card (event);
CREATE INDEX issued_code_claimed ON issued_code (card_id, claimed_by);
CREATE INDEX issued_code_code ON issued_code (appid, code);
CREATE INDEX issued_code_gift ON issued_code (state, gift_ends_s);
CREATE INDEX issued_code_openid ON issued_code (appid, openid);
CREATE INDEX issued_code_state ON issued_code (card_id, state, code);
CREATE INDEX issued_code_ticket ON issued_code (ticket);
CREATE INDEX webhook_event_due ON webhook_event (state, due_ms);
CREATE INDEX webhook_event_entry ON webhook_event (entry);
CREATE INDEX webhook_event_line ON webhook_event (line, state, id);
DELETE FROM "sqlite_sequence";
COMMIT;

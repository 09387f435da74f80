CREATE TABLE api_ticket (
    appid TEXT NOT NULL,
    kind TEXT NOT NULL,
    serial TEXT NOT NULL,
    ends_ms BIGINT NOT NULL,
    PRIMARY KEY (appid, kind, serial)
);
CREATE TABLE used_card_ext (
    appid TEXT NOT NULL,
    hash TEXT NOT NULL,
    ends_ms BIGINT NOT NULL,
    PRIMARY KEY (appid, hash)
);
CREATE TABLE card_image (
    name TEXT NOT NULL,
    appid TEXT NOT NULL,
    media_type TEXT NOT NULL,
    content BYTEA NOT NULL,
    made_ms BIGINT NOT NULL,
    PRIMARY KEY (name)
);
CREATE INDEX card_image_account ON card_image (appid);
CREATE TABLE landing_page (
    token TEXT NOT NULL,
    appid TEXT NOT NULL,
    page_id BIGINT NOT NULL,
    body TEXT NOT NULL,
    ends_s BIGINT NOT NULL,
    PRIMARY KEY (token)
);
CREATE UNIQUE INDEX landing_page_account ON landing_page (appid, page_id);

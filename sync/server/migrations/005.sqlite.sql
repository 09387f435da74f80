CREATE TABLE pending (
    event TEXT NOT NULL,
    n BIGINT NOT NULL,
    kind TEXT NOT NULL,
    ref TEXT NOT NULL,
    body TEXT NOT NULL,
    codes TEXT NOT NULL,
    PRIMARY KEY (event, n)
);
CREATE TABLE pending_code (
    event TEXT NOT NULL,
    hash BLOB NOT NULL,
    ticket TEXT NOT NULL,
    PRIMARY KEY (event, hash)
);
CREATE INDEX pending_code_ticket ON pending_code (event, ticket);
CREATE TABLE pending_list (
    event TEXT NOT NULL,
    token TEXT NOT NULL,
    begun_ms BIGINT NOT NULL,
    is_accepted INTEGER NOT NULL,
    frees_codes INTEGER NOT NULL,
    PRIMARY KEY (event)
);

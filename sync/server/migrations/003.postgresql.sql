CREATE TABLE web_link (
    id TEXT NOT NULL,
    hash TEXT NOT NULL,
    event TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    ends_ms BIGINT NOT NULL,
    used_ms BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (hash)
);
CREATE TABLE web_browser (
    id TEXT NOT NULL,
    hash TEXT NOT NULL,
    event TEXT NOT NULL,
    name TEXT NOT NULL,
    agent TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    ends_ms BIGINT NOT NULL,
    wrong BIGINT NOT NULL,
    waits_until_ms BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (hash)
);
CREATE TABLE web_session (
    id TEXT NOT NULL,
    hash TEXT NOT NULL,
    event TEXT NOT NULL,
    browser TEXT NOT NULL,
    link TEXT NOT NULL,
    level TEXT NOT NULL,
    who TEXT NOT NULL,
    proof TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    ends_ms BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (hash)
);

ALTER TABLE change ADD COLUMN at_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX change_ref ON change (event, ref);
CREATE TABLE term (
    event TEXT NOT NULL,
    term TEXT COLLATE "C" NOT NULL,
    ticket TEXT NOT NULL,
    PRIMARY KEY (event, term, ticket)
);
CREATE INDEX term_ticket ON term (event, ticket, term);
CREATE TABLE unsearched (
    event TEXT NOT NULL,
    ticket TEXT NOT NULL,
    PRIMARY KEY (event, ticket)
);
INSERT INTO unsearched SELECT event, id FROM ticket;

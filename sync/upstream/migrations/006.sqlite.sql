-- Tickets that cannot be taken in as the upstream states them.
CREATE TABLE upstream_left_out (
    event TEXT NOT NULL,
    ticket TEXT NOT NULL,
    why TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    PRIMARY KEY (event, ticket)
);

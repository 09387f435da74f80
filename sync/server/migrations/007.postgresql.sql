CREATE TABLE signing_key (
    event TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    private TEXT NOT NULL,
    PRIMARY KEY (event, id)
);

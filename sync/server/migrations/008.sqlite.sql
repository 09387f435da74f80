CREATE TABLE rotating (
    event TEXT NOT NULL,
    ticket TEXT NOT NULL,
    code TEXT NOT NULL,
    secrets TEXT NOT NULL,
    PRIMARY KEY (event, ticket)
);

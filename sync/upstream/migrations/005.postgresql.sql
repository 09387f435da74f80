-- What is told next is near the beginning of an index; by what marks tickets were stated.
DROP INDEX upstream_entry_due;
CREATE INDEX upstream_entry_open ON upstream_entry (event, is_late, ends_ms, number, due_ms) WHERE state IN ('waiting', 'trying', 'undone');
CREATE INDEX upstream_entry_failed ON upstream_entry (event, number) WHERE state = 'failed';
CREATE INDEX upstream_entry_error ON upstream_entry (event, number) WHERE error <> '';
CREATE TABLE upstream_mark (
    event TEXT NOT NULL,
    ticket TEXT NOT NULL,
    mark TEXT NOT NULL,
    PRIMARY KEY (event, ticket)
);

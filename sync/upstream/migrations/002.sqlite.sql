ALTER TABLE upstream_entry ADD COLUMN device TEXT NOT NULL DEFAULT '';
CREATE TABLE upstream_gate_device (
    event TEXT NOT NULL,
    gate TEXT NOT NULL,
    device TEXT NOT NULL,
    token TEXT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (event, gate)
);
CREATE TABLE upstream_missing (
    event TEXT NOT NULL,
    ticket TEXT NOT NULL,
    PRIMARY KEY (event, ticket)
);

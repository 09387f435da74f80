-- When an entry is told in vain, and which of a ticket comes first.
ALTER TABLE upstream_entry ADD COLUMN ends_ms BIGINT NOT NULL DEFAULT 9007199254740992;
CREATE INDEX upstream_entry_ticket ON upstream_entry (event, ticket);

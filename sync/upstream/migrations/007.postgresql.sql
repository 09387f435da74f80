-- Pulling and telling fail each by itself.
ALTER TABLE upstream RENAME COLUMN failures TO pull_failures;
ALTER TABLE upstream RENAME COLUMN error TO pull_error;
ALTER TABLE upstream ADD COLUMN push_failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE upstream ADD COLUMN push_error TEXT NOT NULL DEFAULT '';

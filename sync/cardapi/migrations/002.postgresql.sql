INSERT INTO outbox (channel, recipient, line, state, due_ms, leased_ms, tries, entry, body)
    SELECT 'cards', appid, line, state, due_ms, leased_ms, tries, entry, body
    FROM webhook_event ORDER BY id;
DROP TABLE webhook_event;

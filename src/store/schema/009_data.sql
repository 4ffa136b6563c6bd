-- 009: what is known of a person goes again, by request or by age.

-- Days; -1: RETAIN_MESSAGES_DAYS, RETAIN_RAW_DAYS; 0: for ever.
ALTER TABLE tenants ADD COLUMN retain_messages_days INTEGER NOT NULL DEFAULT -1;
ALTER TABLE tenants ADD COLUMN retain_raw_days INTEGER NOT NULL DEFAULT -1;

-- Rows that still hold something, the oldest first: retention looks nowhere else.
CREATE INDEX messages_body_age ON messages (tenant_id, created_us)
	WHERE body IS NOT NULL OR quoted_text IS NOT NULL;
CREATE INDEX messages_raw_age ON messages (tenant_id, created_us)
	WHERE raw IS NOT NULL;
CREATE INDEX scheduled_body_age ON scheduled_messages (tenant_id, updated_us)
	WHERE body <> '' AND status NOT IN ('waiting', 'queued');

-- What one person wrote where more write, and quotes of messages that are not known.
CREATE INDEX messages_participant ON messages (tenant_id, participant)
	WHERE participant IS NOT NULL;
CREATE INDEX messages_quoted ON messages (tenant_id, id) WHERE quoted_text IS NOT NULL;

-- The same columns in another order, so that the foreign key of a conversation that is
-- deleted finds its messages without a walk through the table.
DROP INDEX messages_conversation;
CREATE INDEX messages_conversation ON messages (conversation_id, tenant_id, id);

-- What the action's name does not say: how many, which jobs, hashes of erased names.
-- Never words, names or numbers of people.
ALTER TABLE audit ADD COLUMN detail TEXT;

-- 005: when the bot answers.

-- The tenant's clock: an IANA name; empty: UTC.
ALTER TABLE tenants ADD COLUMN time_zone TEXT;
-- When it is open ("Mon-Fri 09:00-18:00"; empty: always), and what it says else.
ALTER TABLE tenants ADD COLUMN hours TEXT;
ALTER TABLE tenants ADD COLUMN closed_text TEXT;
-- Words that end and begin messages to a contact, and what is said then.
ALTER TABLE tenants ADD COLUMN stop_words TEXT;
ALTER TABLE tenants ADD COLUMN start_words TEXT;
ALTER TABLE tenants ADD COLUMN stop_text TEXT;
ALTER TABLE tenants ADD COLUMN start_text TEXT;

-- Until now this contact wants to hear nothing from the bot; NULL: it may write.
ALTER TABLE contacts ADD COLUMN opted_out_us INTEGER;

-- closed_said_us: when closed_text was last said here.
ALTER TABLE conversations ADD COLUMN closed_said_us INTEGER NOT NULL DEFAULT 0;

-- Who did it: customer, phone, cli, or the system.
ALTER TABLE audit ADD COLUMN actor TEXT;
ALTER TABLE audit ADD COLUMN conversation_id INTEGER
	REFERENCES conversations ON DELETE CASCADE;
CREATE INDEX audit_conversation ON audit (conversation_id)
	WHERE conversation_id IS NOT NULL;

-- 007: what was talked about, and what is known of whom.

-- Minutes of silence that end a session; -1: SESSION_IDLE_MIN.
ALTER TABLE tenants ADD COLUMN session_idle_min INTEGER NOT NULL DEFAULT -1;

-- A stretch of a conversation, by the customer's messages alone: it goes on while
-- these come.  summarized_us: when its words went into the conversation's summary, or
-- it was too short for that.
CREATE TABLE sessions (
	id INTEGER PRIMARY KEY,
	tenant_id TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
	conversation_id INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
	seq INTEGER NOT NULL,
	started_us INTEGER NOT NULL,
	closed_us INTEGER,
	summarized_us INTEGER,
	UNIQUE (conversation_id, seq)
) STRICT;
CREATE UNIQUE INDEX sessions_open ON sessions (conversation_id)
	WHERE closed_us IS NULL;
CREATE INDEX sessions_idle ON sessions (started_us) WHERE closed_us IS NULL;
CREATE INDEX sessions_unsummarized ON sessions (closed_us)
	WHERE closed_us IS NOT NULL AND summarized_us IS NULL;

-- Of everything before, in short; rolled on with each session.
ALTER TABLE conversations ADD COLUMN summary TEXT;
ALTER TABLE conversations ADD COLUMN summary_us INTEGER NOT NULL DEFAULT 0;

CREATE TABLE contact_facts (
	contact_id INTEGER NOT NULL REFERENCES contacts ON DELETE CASCADE,
	tenant_id TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	updated_us INTEGER NOT NULL,
	PRIMARY KEY (contact_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_facts_tenant ON contact_facts (tenant_id);

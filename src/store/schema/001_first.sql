-- 001: tenants, who writes to them, and what was said.
--
-- Times are Unix microseconds, UTC.  Every row names its tenant; every query does.
-- Statuses and states only move forward, in the order in which they are listed.
--
-- Migrations run with foreign keys off, each exactly once, all in one transaction;
-- the version is the number in the file name, kept in PRAGMA user_version.  A
-- released file is never edited: add the next number.  What the previous release
-- reads must stay readable for one release.

-- Columns: TENANT_FIELDS in store.h.
CREATE TABLE tenants (
	id TEXT PRIMARY KEY NOT NULL,
	name TEXT,
	status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused')),
	gateway_url TEXT,
	ai_provider TEXT,
	ai_model TEXT,
	prompt TEXT,
	ai_temperature REAL NOT NULL DEFAULT -1,
	ai_max_tokens INTEGER NOT NULL DEFAULT 0,
	default_text TEXT,
	rules TEXT NOT NULL DEFAULT '[]',
	ambiguous TEXT NOT NULL DEFAULT 'dead' CHECK (ambiguous IN ('dead', 'resend')),
	created_us INTEGER NOT NULL
) STRICT;

-- A person, group or channel that a tenant talks with.
CREATE TABLE contacts (
	id INTEGER PRIMARY KEY,
	tenant_id TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
	push_name TEXT,
	created_us INTEGER NOT NULL
) STRICT;

-- Under which names.  The digits of a lid are no phone.
CREATE TABLE contact_identities (
	tenant_id TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
	kind TEXT NOT NULL CHECK (kind IN ('jid', 'lid', 'phone')),
	value TEXT NOT NULL,
	contact_id INTEGER NOT NULL REFERENCES contacts ON DELETE CASCADE,
	PRIMARY KEY (tenant_id, kind, value)
) STRICT, WITHOUT ROWID;

-- canonical_key: user@server, without device and agent (store_contacts.c).
CREATE TABLE conversations (
	id INTEGER PRIMARY KEY,
	tenant_id TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
	canonical_key TEXT NOT NULL,
	contact_id INTEGER NOT NULL REFERENCES contacts,
	created_us INTEGER NOT NULL,
	UNIQUE (tenant_id, canonical_key)
) STRICT;

-- One question, one answer.  attempt is the fence: whoever comes with a lower one
-- has lost the job to another worker.
CREATE TABLE turns (
	id INTEGER PRIMARY KEY,
	tenant_id TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
	conversation_id INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
	seq INTEGER NOT NULL,
	state TEXT NOT NULL
		CHECK (state IN ('open', 'asked', 'kept', 'sending', 'done')),
	attempt INTEGER NOT NULL,
	job_id TEXT,
	tokens_in INTEGER NOT NULL DEFAULT 0,
	tokens_out INTEGER NOT NULL DEFAULT 0,
	created_us INTEGER NOT NULL,
	updated_us INTEGER NOT NULL,
	UNIQUE (conversation_id, seq)
) STRICT;

-- chat is the address exactly as it came: where the answer goes.
CREATE TABLE messages (
	id INTEGER PRIMARY KEY,
	tenant_id TEXT NOT NULL REFERENCES tenants,
	conversation_id INTEGER NOT NULL REFERENCES conversations,
	turn_id INTEGER NOT NULL REFERENCES turns,
	direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
	source TEXT NOT NULL CHECK (source IN ('customer', 'bot', 'human', 'system')),
	provider TEXT NOT NULL,
	chat TEXT NOT NULL,
	provider_message_id TEXT,
	outbound_key TEXT,
	reply_to INTEGER REFERENCES messages,
	kind TEXT NOT NULL,
	body TEXT,
	raw TEXT,
	status TEXT NOT NULL CHECK (status IN ('received', 'undecrypted', 'pending',
		'sending', 'sent', 'delivered', 'read', 'failed')),
	reason TEXT,
	attempts INTEGER NOT NULL DEFAULT 0,
	created_us INTEGER NOT NULL,
	sent_us INTEGER,
	updated_us INTEGER NOT NULL,
	UNIQUE (tenant_id, provider, chat, direction, provider_message_id),
	CHECK (direction = 'out' OR provider_message_id IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX messages_outbound_key ON messages (outbound_key)
	WHERE outbound_key IS NOT NULL;
CREATE INDEX messages_conversation ON messages (tenant_id, conversation_id, id);
CREATE INDEX messages_tenant ON messages (tenant_id, id);
CREATE INDEX messages_turn ON messages (turn_id);
-- For the foreign key: a message is deleted only if nothing replies to it.
CREATE INDEX messages_reply_to ON messages (reply_to) WHERE reply_to IS NOT NULL;

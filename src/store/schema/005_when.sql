-- 005: when the bot answers.

-- The tenant's clock: an IANA name; empty: UTC.
ALTER TABLE tenants ADD COLUMN time_zone TEXT;
-- When it is open ("Mon-Fri 09:00-18:00"; empty: always), and what it says else.
ALTER TABLE tenants ADD COLUMN hours TEXT;
ALTER TABLE tenants ADD COLUMN closed_text TEXT;
-- Words that end and begin messages to a contact, and what is said then.  Only what
-- nobody means otherwise: a Spaniard's "baja" may be a size.
ALTER TABLE tenants ADD COLUMN stop_words TEXT DEFAULT
	'STOP, UNSUBSCRIBE, הסר, הסירו אותי, إلغاء الاشتراك, СТОП, стоп, Стоп, отписаться, ABMELDEN, DESINSCRIRE, DÉSINSCRIRE, DESUSCRIBIR';
ALTER TABLE tenants ADD COLUMN start_words TEXT DEFAULT
	'START, UNSTOP, SUBSCRIBE, התחל, СТАРТ, старт, Старт, اشتراك';
ALTER TABLE tenants ADD COLUMN stop_text TEXT DEFAULT
	'You will get no more messages from us here. Write START to get them again.';
ALTER TABLE tenants ADD COLUMN start_text TEXT DEFAULT
	'You get our messages again. How can we help?';
-- Whether it answers in groups, and the phone by which it is mentioned there.
ALTER TABLE tenants ADD COLUMN groups TEXT NOT NULL DEFAULT 'never'
	CHECK (groups IN ('never', 'mentioned'));
ALTER TABLE tenants ADD COLUMN own_number TEXT;

-- The tenant's own addresses, as messages of its phone in groups show them.
CREATE TABLE own_names (
	tenant_id TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
	value TEXT NOT NULL,
	PRIMARY KEY (tenant_id, value)
) STRICT, WITHOUT ROWID;

-- Until now this contact wants to hear nothing from the bot; NULL: it may write.
ALTER TABLE contacts ADD COLUMN opted_out_us INTEGER;

-- muted_us: since when the owner wants no answers here; 0: he does.
-- closed_said_us: when closed_text was last said here.
ALTER TABLE conversations ADD COLUMN muted_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN closed_said_us INTEGER NOT NULL DEFAULT 0;

-- A stop or start word has decided what the answer is: stop_text or start_text.
ALTER TABLE turns ADD COLUMN says TEXT CHECK (says IN ('stop', 'start'));

-- How many bytes at the end of body the person wrote himself; the rest is in brackets
-- before them, and ours.  NULL: not known, all.
ALTER TABLE messages ADD COLUMN spoken INTEGER;

-- Who did it: customer, phone, cli, or the system.
-- Actions: chat.pause, chat.resume, contact.opt_out, contact.opt_in
ALTER TABLE audit ADD COLUMN actor TEXT;
ALTER TABLE audit ADD COLUMN conversation_id INTEGER
	REFERENCES conversations ON DELETE CASCADE;
CREATE INDEX audit_conversation ON audit (conversation_id)
	WHERE conversation_id IS NOT NULL;

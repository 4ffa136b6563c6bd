-- 008: messages that are no answer: at a time, again and again, to many.

-- "22:00-08:00" on the tenant's clock; empty: none.
ALTER TABLE tenants ADD COLUMN quiet_hours TEXT;
-- What {name} and {first_name} say of a contact without a name; empty: Customer.
ALTER TABLE tenants ADD COLUMN customer_name TEXT;

-- One text to many.  next_us: when the next recipient may be written to, so that the
-- pace holds across pauses and restarts.
CREATE TABLE broadcasts (
	id INTEGER PRIMARY KEY,
	tenant_id TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
	name TEXT,
	body TEXT NOT NULL,
	rate_per_min INTEGER NOT NULL,
	status TEXT NOT NULL DEFAULT 'draft'
		CHECK (status IN ('draft', 'running', 'paused', 'cancelled', 'done')),
	next_us INTEGER NOT NULL DEFAULT 0,
	created_us INTEGER NOT NULL,
	updated_us INTEGER NOT NULL
) STRICT;
CREATE INDEX broadcasts_tenant ON broadcasts (tenant_id, id);
CREATE INDEX broadcasts_running ON broadcasts (id) WHERE status = 'running';

-- One message to one person.  chat is the address it goes to; who says whose that is:
-- a value of contact_identities, known there or not yet.  slot_us is the time it is
-- for, due_us when it goes (quiet hours move it).  round rises whenever the row waits
-- anew and is part of its job's id: a job of an earlier round does nothing.
-- message_id: the row that is sent in this round, once it is kept.  looked_us: when its
-- job was queued, or last seen alive.
CREATE TABLE scheduled_messages (
	id INTEGER PRIMARY KEY,
	tenant_id TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
	broadcast_id INTEGER REFERENCES broadcasts ON DELETE CASCADE,
	key TEXT,
	chat TEXT NOT NULL,
	who TEXT NOT NULL,
	name TEXT,
	body TEXT NOT NULL,
	schedule TEXT,
	zone TEXT,
	unless_reply INTEGER NOT NULL DEFAULT 0,
	slot_us INTEGER NOT NULL,
	due_us INTEGER NOT NULL,
	round INTEGER NOT NULL DEFAULT 1,
	status TEXT NOT NULL DEFAULT 'waiting' CHECK (status IN
		('waiting', 'queued', 'sent', 'failed', 'cancelled', 'skipped')),
	reason TEXT,
	looked_us INTEGER NOT NULL DEFAULT 0,
	message_id INTEGER REFERENCES messages ON DELETE SET NULL,
	sent_count INTEGER NOT NULL DEFAULT 0,
	sent_us INTEGER,
	created_us INTEGER NOT NULL,
	updated_us INTEGER NOT NULL,
	UNIQUE (tenant_id, key)
) STRICT;
CREATE INDEX scheduled_tenant ON scheduled_messages (tenant_id, id);
CREATE INDEX scheduled_due ON scheduled_messages (due_us) WHERE status = 'waiting';
CREATE INDEX scheduled_queued ON scheduled_messages (looked_us)
	WHERE status = 'queued';
CREATE INDEX scheduled_unless_reply ON scheduled_messages (tenant_id, who)
	WHERE unless_reply = 1 AND status IN ('waiting', 'queued');
CREATE INDEX scheduled_broadcast ON scheduled_messages (broadcast_id, status)
	WHERE broadcast_id IS NOT NULL;
CREATE INDEX scheduled_message ON scheduled_messages (message_id)
	WHERE message_id IS NOT NULL;

-- Who a broadcast is for, each once.  scheduled_id: the message it became; a pause
-- takes back what is not being sent.
CREATE TABLE broadcast_recipients (
	id INTEGER PRIMARY KEY,
	tenant_id TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
	broadcast_id INTEGER NOT NULL REFERENCES broadcasts ON DELETE CASCADE,
	chat TEXT NOT NULL,
	who TEXT NOT NULL,
	name TEXT,
	scheduled_id INTEGER REFERENCES scheduled_messages ON DELETE SET NULL,
	UNIQUE (broadcast_id, who)
) STRICT;
CREATE INDEX broadcast_pending ON broadcast_recipients (broadcast_id, id)
	WHERE scheduled_id IS NULL;
CREATE INDEX broadcast_scheduled ON broadcast_recipients (scheduled_id)
	WHERE scheduled_id IS NOT NULL;

-- Actions: broadcast.create, .start, .pause, .resume, .cancel, .done
ALTER TABLE audit ADD COLUMN broadcast_id INTEGER REFERENCES broadcasts ON DELETE CASCADE;
CREATE INDEX audit_broadcast ON audit (broadcast_id) WHERE broadcast_id IS NOT NULL;

-- 003: one person, several names.

-- Whose numbers without + are: ISO code or calling code (codec/phone.h).
ALTER TABLE tenants ADD COLUMN country TEXT;

-- Phones were digits as they stand in an address; now E.164, with its +.
DELETE FROM contact_identities WHERE kind = 'phone'
	AND (length(value) NOT BETWEEN 8 AND 15 OR value GLOB '*[^0-9]*' OR value GLOB '0*');
UPDATE contact_identities SET value = '+' || value WHERE kind = 'phone';
CREATE INDEX contact_identities_contact ON contact_identities (contact_id);

-- A contact that turned out to be another one has no identities any more, and its
-- conversation holds nothing but twins (below).  Both rows stay, so that the merge
-- can be undone.
ALTER TABLE contacts ADD COLUMN merged_into INTEGER REFERENCES contacts;
CREATE INDEX contacts_merged_into ON contacts (merged_into)
	WHERE merged_into IS NOT NULL;
CREATE UNIQUE INDEX conversations_contact ON conversations (contact_id);

-- The same message that came under two names of one person: the later row says
-- which is the earlier, and stays out of the conversation.
ALTER TABLE messages ADD COLUMN twin_of INTEGER REFERENCES messages;
CREATE INDEX messages_twin_of ON messages (twin_of) WHERE twin_of IS NOT NULL;

-- Before, a message was known by its address with the device.
UPDATE messages SET twin_of = (SELECT min(m.id) FROM messages AS m
		WHERE m.conversation_id = messages.conversation_id
		AND m.provider = messages.provider AND m.direction = messages.direction
		AND m.provider_message_id = messages.provider_message_id)
	WHERE id NOT IN (SELECT min(id) FROM messages
		GROUP BY conversation_id, provider, direction, provider_message_id)
	AND provider_message_id IS NOT NULL;
CREATE UNIQUE INDEX messages_once
	ON messages (conversation_id, provider, direction, provider_message_id)
	WHERE twin_of IS NULL;

-- What was decided and can't be seen in the rows themselves.  Actions:
--   contact.merge      other_id became contact_id; undone_us: and was parted again
--   contact.unmerge    other_id was parted from contact_id
--   contact.conflict   a message says that they are one, their names that they aren't
CREATE TABLE audit (
	id INTEGER PRIMARY KEY,
	tenant_id TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
	action TEXT NOT NULL,
	contact_id INTEGER REFERENCES contacts ON DELETE CASCADE,
	other_id INTEGER REFERENCES contacts ON DELETE CASCADE,
	created_us INTEGER NOT NULL,
	undone_us INTEGER
) STRICT;
CREATE INDEX audit_tenant ON audit (tenant_id, id);
CREATE INDEX audit_contact ON audit (contact_id);
CREATE INDEX audit_other ON audit (other_id);

-- Which rows an act moved, to move them back:
--   jid, lid, phone   value: the identity
--   name              value: contact_id had none and took this one
--   turn              was: its seq before
--   message           into contact_id's conversation
--   twin              stayed in other_id's; was: the earlier row
--   away              out of contact_id's into other_id's; was: the earlier row
--   last_turn         the newest turn of both conversations at that time
CREATE TABLE audit_moves (
	audit_id INTEGER NOT NULL REFERENCES audit ON DELETE CASCADE,
	what TEXT NOT NULL,
	row_id INTEGER NOT NULL DEFAULT 0,
	value TEXT NOT NULL DEFAULT '',
	was INTEGER,
	PRIMARY KEY (audit_id, what, row_id, value)
) STRICT, WITHOUT ROWID;

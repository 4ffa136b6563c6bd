-- 004: what becomes of a message after it was sent.
--
-- target_id is the provider's id of the message that this one edits, revokes, reacts
-- to or quotes; reply_to is that message's row, once it is known, whichever came
-- first.  quoted_text is what was quoted of a message that is not known.
ALTER TABLE messages ADD COLUMN target_id TEXT;
ALTER TABLE messages ADD COLUMN quoted_text TEXT;
CREATE INDEX messages_target ON messages (conversation_id, target_id)
	WHERE target_id IS NOT NULL;

-- Who wrote it, where more than one person writes.
ALTER TABLE messages ADD COLUMN participant TEXT;

-- Of a reaction; '' takes an earlier one back.
ALTER TABLE messages ADD COLUMN emoji TEXT;

-- When it reached the other's phone and was read there; when its author changed its
-- body, or took it back: then body is NULL.
ALTER TABLE messages ADD COLUMN delivered_us INTEGER;
ALTER TABLE messages ADD COLUMN read_us INTEGER;
ALTER TABLE messages ADD COLUMN edited_us INTEGER;
ALTER TABLE messages ADD COLUMN revoked_us INTEGER;

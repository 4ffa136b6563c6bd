-- 002: a burst is one turn; a person on the phone silences the bot in a chat.

-- -1: REPLY_DEBOUNCE_MS, HUMAN_PAUSE_MIN.
ALTER TABLE tenants ADD COLUMN debounce_ms INTEGER NOT NULL DEFAULT -1;
ALTER TABLE tenants ADD COLUMN human_pause_min INTEGER NOT NULL DEFAULT -1;

-- Until then the bot does not answer.
ALTER TABLE conversations ADD COLUMN human_until_us INTEGER NOT NULL DEFAULT 0;

-- The turn that later messages of a burst join.
CREATE INDEX turns_open ON turns (conversation_id) WHERE state = 'open';

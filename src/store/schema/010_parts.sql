-- 010: a long answer goes out in parts.

-- Of a reply, from 1.
ALTER TABLE messages ADD COLUMN part INTEGER NOT NULL DEFAULT 1;

-- -1: REPLY_PART_CHARS.
ALTER TABLE tenants ADD COLUMN reply_part_chars INTEGER NOT NULL DEFAULT -1;

-- 015: what a person at the business has read.

-- NULL: nothing.  Unread is a chat whose customer has written since.
ALTER TABLE conversations ADD COLUMN last_read_us INTEGER;

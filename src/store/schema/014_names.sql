-- 014: what a contact is called, and who says so.

-- name_source: push, verified, ai, user (codec/name.h); NULL without a name.
-- push_name is for the release before, which reads it; it is written no more.
ALTER TABLE contacts ADD COLUMN name TEXT;
ALTER TABLE contacts ADD COLUMN name_source TEXT;
UPDATE contacts SET name = push_name, name_source = 'push' WHERE push_name IS NOT NULL;

-- Of audit_moves, with a merge in which the kept contact took the other's name:
--   name, name_source          value: what it took
--   name_was, name_source_was  value: what it had; none: it had no name

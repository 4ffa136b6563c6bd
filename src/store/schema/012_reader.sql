-- 012: a release back still runs on this database.

-- The oldest schema version whose programs can work with these tables.  A file that
-- needs more than store_schema.c's RELEASED says so: -- reader: N
CREATE TABLE schema_reader (oldest INTEGER NOT NULL);
INSERT INTO schema_reader VALUES (12);

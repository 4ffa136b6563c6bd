-- 017: the life of one message, from the webhook to its answer (docs/tracing.md).
-- Of what came in: the job that carried it, its trace, when the api had queued it and
-- when a worker took it; NULL where that is not known.
ALTER TABLE messages ADD COLUMN job_id TEXT;
ALTER TABLE messages ADD COLUMN trace_id TEXT;
ALTER TABLE messages ADD COLUMN queued_us INTEGER;
ALTER TABLE messages ADD COLUMN claimed_us INTEGER;
-- Of what goes out: when it was first posted.
ALTER TABLE messages ADD COLUMN posted_us INTEGER;
-- When the AI was first asked for the answer that was kept, and when it had it.
ALTER TABLE turns ADD COLUMN asked_us INTEGER;
ALTER TABLE turns ADD COLUMN answered_us INTEGER;

-- 006: what a tenant's AI is, is told, and costs.

ALTER TABLE tenants ADD COLUMN language TEXT;
ALTER TABLE tenants ADD COLUMN ai_base_url TEXT;
ALTER TABLE tenants ADD COLUMN ai_api_key TEXT;
-- Empty: OPENAI_MODEL_FALLBACKS.
ALTER TABLE tenants ADD COLUMN ai_fallbacks TEXT;
-- 0: AI_INPUT_TOKENS.  -1: AI_HISTORY.  0: no limit.
ALTER TABLE tenants ADD COLUMN ai_input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN ai_history INTEGER NOT NULL DEFAULT -1;
ALTER TABLE tenants ADD COLUMN ai_daily_budget REAL NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN fallback_text TEXT;
ALTER TABLE tenants ADD COLUMN tools TEXT;
ALTER TABLE tenants ADD COLUMN tools_secret TEXT;

-- Each text that tenants.prompt has had.  prompt_version: the one that it has.
CREATE TABLE prompts (
	tenant_id TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
	version INTEGER NOT NULL,
	text TEXT NOT NULL,
	created_us INTEGER NOT NULL,
	PRIMARY KEY (tenant_id, version)
) STRICT, WITHOUT ROWID;
ALTER TABLE tenants ADD COLUMN prompt_version INTEGER NOT NULL DEFAULT 0;
INSERT INTO prompts (tenant_id, version, text, created_us)
	SELECT id, 1, prompt, created_us FROM tenants WHERE prompt IS NOT NULL;
UPDATE tenants SET prompt_version = 1 WHERE prompt IS NOT NULL;
ALTER TABLE turns ADD COLUMN prompt_version INTEGER;
ALTER TABLE turns ADD COLUMN model TEXT;

-- What was asked and paid for; day: of the tenant's clock.  A request whose server
-- tells no usage is counted by our own estimate, and in `estimated`.
CREATE TABLE ai_usage (
	tenant_id TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
	day TEXT NOT NULL,
	model TEXT NOT NULL,
	requests INTEGER NOT NULL DEFAULT 0,
	estimated INTEGER NOT NULL DEFAULT 0,
	tokens_in INTEGER NOT NULL DEFAULT 0,
	tokens_out INTEGER NOT NULL DEFAULT 0,
	cost_micros INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (tenant_id, day, model)
) STRICT, WITHOUT ROWID;

-- The AI failed here and the fallback text was said; 0: not since its last answer.
ALTER TABLE conversations ADD COLUMN fell_back_us INTEGER NOT NULL DEFAULT 0;

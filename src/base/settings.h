/* SPDX-License-Identifier: MIT */
/* settings.h: every setting, one row each.
 *
 * A row is: kind, field, environment name, default, least, most (numbers) or
 * the allowed words (WORD), help.  From a row come the field of struct settings,
 * the parser, `prosaas config` and docs/config.md.
 *
 *   TEXT    const char *, NULL when unset and without default
 *   SECRET  the same, masked when shown, also read from the file NAME_FILE
 *   NUMBER  int64_t within bounds
 *   REAL    double within bounds
 *   WORD    const char *, one of the allowed
 *
 * The environment comes first, then NAME_FILE, then the default.  To add a
 * setting: one row here. */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"

struct buf;

/* The queue of jobs that no worker of Python's could run: those that we queue
 * ourselves.  settings_load appends it to RQ_QUEUES, so that each role knows it. */
#define OWN_QUEUE "prosaas"

/* clang-format off */
#define SETTINGS(X)                                                                             \
	X(WORD, role, "SERVICE_ROLE", "all", 0, 0, "api|worker|scheduler|admin|all", "What this process does when the command line does not say") \
	X(TEXT, host, "HOST", NULL, 0, 0, NULL, "Address to listen on; unset: 127.0.0.1 in `all`, else 0.0.0.0") \
	X(NUMBER, port, "PORT", "5000", 0, 65535, NULL, "Port of the webhook")                  \
	X(TEXT, redis_url, "REDIS_URL", NULL, 0, 0, NULL, "redis://[user:password@]host[:port][/db] or unix://path[?db=n]; unset: `all` starts a private one") \
	X(TEXT, database_url, "DATABASE_URL", NULL, 0, 0, NULL, "sqlite:///path; unset: prosaas.db in DATA_DIR") \
	X(TEXT, data_dir, "DATA_DIR", "./data", 0, 0, NULL, "Directory for the embedded database, Redis and tokens") \
	X(SECRET, internal_secret, "INTERNAL_SECRET", NULL, 0, 0, NULL, "Webhooks carry it in X-Internal-Secret; unset: every webhook is 401") \
	X(SECRET, internal_secret_previous, "INTERNAL_SECRET_PREVIOUS", NULL, 0, 0, NULL, "Valid as well while the secret is being rotated") \
	X(SECRET, admin_token, "ADMIN_TOKEN", NULL, 0, 0, NULL, "Bearer token of the admin API; unset: it answers 401") \
	X(NUMBER, admin_port, "ADMIN_PORT", "5050", 0, 65535, NULL, "Port of the admin API")    \
	X(TEXT, admin_hosts, "ADMIN_HOSTS", NULL, 0, 0, NULL, "Names, comma separated, that the Host of an admin request may have besides addresses and localhost") \
	X(TEXT, rq_queues, "RQ_QUEUES", "high,default,low,maintenance,broadcasts", 0, 0, NULL, "Queues, first is served first; `prosaas`, our own work, is served last where it is not named") \
	X(WORD, rq_serializer, "RQ_SERIALIZER", "pickle", 0, 0, "pickle|json", "How job data is written; both are read") \
	X(TEXT, job_function, "JOB_FUNCTION", "server.jobs.webhook_process_job.webhook_process_job", 0, 0, NULL, "func_name written into jobs, so that Python workers can take them") \
	X(NUMBER, worker_concurrency, "WORKER_CONCURRENCY", "256", 1, 10000, NULL, "Jobs in flight per worker process") \
	X(NUMBER, tenant_concurrency, "TENANT_CONCURRENCY", "0", 0, 10000, NULL, "Jobs of one tenant in flight per worker process; 0: three quarters of WORKER_CONCURRENCY") \
	X(NUMBER, job_timeout_s, "JOB_TIMEOUT", "300", 1, 86400, NULL, "Seconds an attempt may take") \
	X(NUMBER, job_retries, "JOB_RETRIES", "3", 0, 100, NULL, "Further attempts after a transient error") \
	X(TEXT, cron_file, "CRON_FILE", NULL, 0, 0, NULL, "JSON file of what the scheduler queues by the clock (docs/cron.md); unset: nothing") \
	X(NUMBER, reply_debounce_ms, "REPLY_DEBOUNCE_MS", "1200", 0, 60000, NULL, "Milliseconds of quiet in a chat before it is answered, so that a burst gets one answer; 0: one message, one answer") \
	X(NUMBER, human_pause_min, "HUMAN_PAUSE_MIN", "30", 0, 10080, NULL, "Minutes for which a person who answers from the phone silences the bot in that chat; 0: never") \
	X(NUMBER, replies_max_hour, "REPLIES_MAX_HOUR", "60", 0, 1000, NULL, "Replies of the bot in one chat an hour, against two bots that answer each other; 0: no limit") \
	X(NUMBER, session_idle_min, "SESSION_IDLE_MIN", "60", 0, 10080, NULL, "Minutes of a customer's silence that end a session, of which the AI then makes a summary and notes (docs/conversations.md); 0: none ends") \
	X(NUMBER, reply_part_chars, "REPLY_PART_CHARS", "1500", 0, 60000, NULL, "Longer answers are sent in parts, cut where a paragraph, a line or a sentence ends; 0: in one") \
	X(NUMBER, answer_max_age_min, "ANSWER_MAX_AGE_MIN", "1440", 0, 525600, NULL, "Minutes after which a message, by its sender's clock, is stored and not answered any more (history that a phone delivers late); 0: no limit") \
	X(NUMBER, retain_messages_days, "RETAIN_MESSAGES_DAYS", "0", 0, 36500, NULL, "Days after which what was said is blanked, unless the tenant says otherwise (docs/privacy.md); 0: never") \
	X(NUMBER, retain_raw_days, "RETAIN_RAW_DAYS", "30", 0, 36500, NULL, "Days after which a message as it came (its JSON) is blanked, likewise; 0: never") \
	X(NUMBER, dedupe_ttl_s, "DEDUPE_TTL", "3600", 1, 2592000, NULL, "Seconds the Redis layer remembers a message id") \
	X(NUMBER, max_body_bytes, "MAX_BODY_BYTES", "1048576", 1024, 67108864, NULL, "Largest webhook body; 413 above") \
	X(NUMBER, max_queue_depth, "MAX_QUEUE_DEPTH", "1000000", 1, 1000000000, NULL, "Jobs waiting in a queue above which webhooks are answered 503") \
	X(NUMBER, enqueue_deadline_ms, "ENQUEUE_DEADLINE_MS", "2000", 10, 60000, NULL, "Milliseconds to wait for Redis before answering 503") \
	X(WORD, ai_provider, "AI_PROVIDER", "builtin", 0, 0, "builtin|openai", "Who writes answers: rules and a default text per tenant, or an OpenAI-compatible server") \
	X(TEXT, openai_base_url, "OPENAI_BASE_URL", "https://api.openai.com/v1", 0, 0, NULL, "Base URL of the AI provider") \
	X(SECRET, openai_api_key, "OPENAI_API_KEY", NULL, 0, 0, NULL, "Bearer token of the AI provider") \
	X(TEXT, openai_model, "OPENAI_MODEL", "gpt-4o-mini", 0, 0, NULL, "Model, unless the tenant names one") \
	X(TEXT, openai_fallbacks, "OPENAI_MODEL_FALLBACKS", NULL, 0, 0, NULL, "Models, comma separated, that are asked in turn when the first fails (docs/ai.md)") \
	X(TEXT, ai_prices, "AI_PRICES", "gpt-4o-mini=0.15/0.60", 0, 0, NULL, "What a million tokens cost, in and out, by model: gpt-4o-mini=0.15/0.60, gpt-4o=2.50/10; a model that is not named costs nothing") \
	X(TEXT, tools_allowed_hosts, "TOOLS_ALLOWED_HOSTS", NULL, 0, 0, NULL, "Hosts (name or name:port), comma separated, that tools of tenants may be on; unset: the AI has no tools") \
	X(NUMBER, ai_input_tokens, "AI_INPUT_TOKENS", "6000", 500, 1000000, NULL, "What one question may cost, in tokens as we estimate them; the oldest history is left out first") \
	X(NUMBER, ai_timeout_s, "AI_TIMEOUT", "30", 1, 600, NULL, "Seconds one AI request may take") \
	X(NUMBER, ai_max_tokens, "AI_MAX_TOKENS", "350", 1, 100000, NULL, "Longest answer, in tokens") \
	X(REAL, ai_temperature, "AI_TEMPERATURE", "0.3", 0, 2, NULL, "Sampling temperature")    \
	X(NUMBER, ai_history, "AI_HISTORY", "20", 0, 200, NULL, "Earlier messages sent along")   \
	X(TEXT, baileys_base_url, "BAILEYS_BASE_URL", NULL, 0, 0, NULL, "Baileys gateway, e.g. http://baileys:3300; unset: `all` starts a fake one") \
	X(TEXT, meta_wa_phone_number_id, "META_WA_PHONE_NUMBER_ID", NULL, 0, 0, NULL, "Phone at WhatsApp's Cloud API of tenants with gateway=meta that name none; what comes in for it is the first one's (docs/sending.md, docs/cloud-api.md)") \
	X(SECRET, meta_wa_access_token, "META_WA_ACCESS_TOKEN", NULL, 0, 0, NULL, "Key for it, unless the tenant has its own") \
	X(TEXT, meta_wa_api_version, "META_WA_API_VERSION", "v23.0", 0, 0, NULL, "Version of the Cloud API") \
	X(TEXT, meta_wa_base_url, "META_WA_BASE_URL", "https://graph.facebook.com", 0, 0, NULL, "Where the Cloud API is") \
	X(NUMBER, meta_wa_status_wait_s, "META_WA_STATUS_WAIT", "60", 0, 3600, NULL, "Seconds to wait for the status of a message whose answer from the Cloud API was lost, before it counts as ambiguous (docs/reliability.md)") \
	X(NUMBER, window_hold_days, "WINDOW_HOLD_DAYS", "7", 0, 365, NULL, "Days a message waits for its customer to write where WhatsApp's 24-hour window is closed and the tenant has no template (docs/sending.md); 0: it fails at once") \
	X(SECRET, meta_wa_app_secret, "META_WA_APP_SECRET", NULL, 0, 0, NULL, "Signs the Cloud API's webhooks, unless the tenant names one; comma separated while it is rotated; unset: they are 401") \
	X(SECRET, meta_wa_verify_token, "META_WA_VERIFY_TOKEN", NULL, 0, 0, NULL, "Proves to us that it is Meta that asks whether our webhook is ours") \
	X(SECRET, secrets_key, "SECRETS_KEY", NULL, 0, 0, NULL, "Seals the secrets of tenants in the database and in Redis: 32 bytes as 64 hex digits or as base64; unset: they lie open, and tenants have no app secret and verify token of their own") \
	X(SECRET, secrets_key_previous, "SECRETS_KEY_PREVIOUS", NULL, 0, 0, NULL, "Opens what was sealed before SECRETS_KEY was replaced") \
	X(WORD, typing, "TYPING", "on", 0, 0, "on|off", "Whether a chat shows \"typing...\" while the AI thinks about its answer") \
	X(WORD, gateway, "GATEWAY", "fake", 0, 0, "fake|baileys", "Gateway that `all` starts while BAILEYS_BASE_URL is unset: one that shows what would be sent, or WhatsApp by Baileys (gateway/README.md)") \
	X(TEXT, gateway_dir, "GATEWAY_DIR", "gateway", 0, 0, NULL, "With GATEWAY=baileys: where gateway/ of the checkout is") \
	X(NUMBER, fake_gateway_port, "FAKE_GATEWAY_PORT", "3300", 0, 65535, NULL, "Port of the gateway that `all` starts, fake or not") \
	X(WORD, stats_auth, "STATS_AUTH", "local", 0, 0, "local|required|off", "Who may read /api/jobs/* and /metrics without the secret") \
	X(TEXT, stats_networks, "STATS_NETWORKS", NULL, 0, 0, NULL, "CIDRs, comma separated, that count as local too") \
	X(TEXT, alert_webhook_url, "ALERT_WEBHOOK_URL", NULL, 0, 0, NULL, "Where alerts are posted, each once when it begins and once when it is over: JSON with a `text` as Slack takes it (docs/alerts.md); unset: only the log") \
	X(SECRET, alert_webhook_secret, "ALERT_WEBHOOK_SECRET", NULL, 0, 0, NULL, "Signs these posts: X-Prosaas-Signature: sha256=<HMAC of the body>; unset: not signed") \
	X(TEXT, alert_off, "ALERT_OFF", NULL, 0, 0, NULL, "Alerts, comma separated, that nobody looks at (docs/alerts.md has the names)") \
	X(REAL, alert_webhook_ms, "ALERT_WEBHOOK_MS", "500", 0, 60000, NULL, "webhook_slow: 95 of 100 webhooks are to be answered in less") \
	X(REAL, alert_queue_depth, "ALERT_QUEUE_DEPTH", "1000", 0, 1000000000, NULL, "queue_deep: jobs that wait") \
	X(REAL, alert_failure_percent, "ALERT_FAILURE_PERCENT", "5", 0, 100, NULL, "jobs_failing: failed jobs of 100 that end") \
	X(REAL, alert_redis_failures, "ALERT_REDIS_FAILURES", "0", 0, 1000000, NULL, "redis_failing: connections to Redis lost or refused within the window") \
	X(REAL, alert_webhook_target_ms, "ALERT_WEBHOOK_TARGET_MS", "100", 0, 60000, NULL, "webhook_over_target: as ALERT_WEBHOOK_MS") \
	X(REAL, alert_enqueue_target_percent, "ALERT_ENQUEUE_TARGET_PERCENT", "0.1", 0, 100, NULL, "enqueue_under_target: messages of 100 that could not be queued") \
	X(REAL, alert_job_target_ms, "ALERT_JOB_TARGET_MS", "5000", 0, 3600000, NULL, "job_over_target: 95 of 100 jobs are to take less, the AI not counted") \
	X(REAL, alert_failure_target_percent, "ALERT_FAILURE_TARGET_PERCENT", "1", 0, 100, NULL, "jobs_over_target: as ALERT_FAILURE_PERCENT") \
	X(REAL, alert_queue_target, "ALERT_QUEUE_TARGET", "100", 0, 1000000000, NULL, "queue_over_target: as ALERT_QUEUE_DEPTH") \
	X(REAL, alert_oldest_s, "ALERT_OLDEST_S", "300", 0, 864000, NULL, "queue_old: seconds that a job has waited") \
	X(REAL, alert_dead_letters, "ALERT_DEAD_LETTERS", "0", 0, 1000000, NULL, "dead_letters: new ones within the window") \
	X(REAL, alert_unknown_tenant, "ALERT_UNKNOWN_TENANT", "0", 0, 1000000, NULL, "unknown_tenant: jobs of tenants that are not in the database, within the window") \
	X(REAL, alert_session_down_s, "ALERT_SESSION_DOWN_S", "300", 0, 864000, NULL, "session_down: seconds that a WhatsApp session has not been connected") \
	X(REAL, alert_ai_percent, "ALERT_AI_PERCENT", "20", 0, 100, NULL, "ai_failing: failed AI requests of 100") \
	X(REAL, alert_send_percent, "ALERT_SEND_PERCENT", "20", 0, 100, NULL, "sending_failing: failed posts to the gateway of 100") \
	X(REAL, alert_memory_percent, "ALERT_MEMORY_PERCENT", "50", 1, 10000, NULL, "redis_memory_growing, process_memory_growing: growth against ALERT_MEMORY_WINDOW_S ago") \
	X(NUMBER, alert_memory_window_s, "ALERT_MEMORY_WINDOW_S", "3600", 1, 604800, NULL, "Seconds after which memory is compared") \
	X(NUMBER, alert_memory_min_mb, "ALERT_MEMORY_MIN_MB", "64", 0, 1000000, NULL, "Growth by fewer MB is none") \
	X(NUMBER, alert_min_events, "ALERT_MIN_EVENTS", "10", 1, 1000000, NULL, "A share or a time of fewer events within the window says nothing") \
	X(NUMBER, alert_window_s, "ALERT_WINDOW_S", "300", 1, 3600, NULL, "Seconds over which events are counted") \
	X(NUMBER, alert_for_s, "ALERT_FOR_S", "60", 0, 86400, NULL, "Seconds that something has to be wrong before it is an alert; redis_failing, dead_letters and unknown_tenant are one at once") \
	X(NUMBER, alert_resolve_s, "ALERT_RESOLVE_S", "120", 0, 86400, NULL, "Seconds that it has to be well before the alert is over") \
	X(NUMBER, alert_every_ms, "ALERT_EVERY_MS", "5000", 100, 60000, NULL, "Milliseconds between two looks of the scheduler") \
	X(WORD, log_level, "LOG_LEVEL", "info", 0, 0, "error|warn|info|debug", "What is logged") \
	X(WORD, log_format, "LOG_FORMAT", "text", 0, 0, "text|json", "Lines for eyes or for machines") \
	X(TEXT, otel_endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT", NULL, 0, 0, NULL, "Where workers post spans, by OTLP/HTTP with JSON: http://collector:4318 (docs/tracing.md); unset: nowhere") \
	X(TEXT, otel_service_name, "OTEL_SERVICE_NAME", "prosaas", 0, 0, NULL, "service.name of these spans") \
	X(NUMBER, metrics_port, "METRICS_PORT", NULL, 0, 65535, NULL, "Port of /healthz, /readyz and /metrics; unset: 5001 worker, 5002 scheduler") \
	X(TEXT, probe_socket, "PROBE_SOCKET", NULL, 0, 0, NULL, "Unix socket where this very process answers /healthz, /readyz and /metrics too, also while it drains: of several that share a port one can be asked; unset: none") \
	X(WORD, reuse_port, "REUSE_PORT", "off", 0, 0, "off|on", "Whether another process may listen on the port as well, so that the next release takes over before this one goes (docs/deploy.md)") \
	X(NUMBER, drain_timeout_s, "DRAIN_TIMEOUT", "30", 0, 3600, NULL, "Seconds to finish after SIGTERM") \
	X(NUMBER, max_connections, "MAX_CONNECTIONS", "10000", 1, 1000000, NULL, "Open connections above which accepting pauses") \
	X(NUMBER, request_timeout_ms, "REQUEST_TIMEOUT_MS", "10000", 100, 600000, NULL, "Milliseconds from the first byte of a request to its last") \
	X(NUMBER, idle_timeout_ms, "IDLE_TIMEOUT_MS", "60000", 100, 3600000, NULL, "Milliseconds a connection may be idle") \
	X(TEXT, test_crash_at, "TEST_CRASH_AT", NULL, 0, 0, NULL, "With TEST_JOBS=on: the step of a job at which a worker kills itself, for tests of crashes") \
	X(WORD, test_jobs, "TEST_JOBS", "off", 0, 0, "off|on", "Whether workers run prosaas.test.*: jobs for tests and benchmarks, one of which crashes them")
/* clang-format on */

#define SETTING_C_TEXT   const char *
#define SETTING_C_SECRET const char *
#define SETTING_C_WORD   const char *
#define SETTING_C_NUMBER int64_t
#define SETTING_C_REAL   double

struct settings {
#define SETTING_FIELD_(kind, field, env, def, lo, hi, words, help) \
	SETTING_C_##kind field;
	SETTINGS(SETTING_FIELD_)
#undef SETTING_FIELD_
};

enum { SETTING_UNSET = -1 }; /* a NUMBER without default that was not set */

/* settings_load reads the environment.  0, or -EINVAL with one line in err that
 * names the setting, the value (secrets masked) and what is allowed.  Texts live
 * until the process ends. */
int settings_load(struct settings *s, char err[256]) MUSTCHECK;

/* settings_show lists each setting: name, value, where it came from, help. */
void settings_show(const struct settings *s, struct buf *out);

/* settings_markdown writes docs/config.md. */
void settings_markdown(struct buf *out);

#endif

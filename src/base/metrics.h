/* SPDX-License-Identifier: MIT */
/* metrics.h: every number this program reports, one row each.
 *
 * A row is: name in C, kind, Prometheus name, labels, one line of help.  Rows of
 * one Prometheus name stand together.  Base units, no tenant, chat or phone in a
 * label.  Kinds:
 *
 *   COUNTER    only rises             MICROS  a counter kept in millionths
 *   GAUGE      is set                 SURVEY  a gauge that is not shown until it is
 *   HISTOGRAM  takes microseconds,            set: what only one role looks at
 *              shows seconds          SIZES   a histogram of counts
 *
 * Only the loop's thread writes: no lock, no allocation.  To add a number: one
 * row here, one metric_*() call where it happens.  docs/alerts.md says what to
 * look at; deploy/ has rules and a dashboard made of these names. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdint.h>

#include "base/str.h"

struct buf;

#define METRICS_HTTP_(X, id, code)                    \
	X(id, COUNTER, "prosaas_http_requests_total", \
		"route=\"webhook\",code=\"" code "\"", "Answers by route and status")

/* clang-format off */
#define METRICS_DOOR_(X, id, name, help)                                   \
	X(id##ENQUEUED, COUNTER, name, "outcome=\"enqueued\"", help)       \
	X(id##DUPLICATE, COUNTER, name, "outcome=\"duplicate\"", "")       \
	X(id##DEAD, COUNTER, name, "outcome=\"dead_lettered\"", "")        \
	X(id##FULL, COUNTER, name, "outcome=\"queue_full\"", "")           \
	X(id##ERROR, COUNTER, name, "outcome=\"error\"", "")               \
	X(id##UNAVAILABLE, COUNTER, name, "outcome=\"unavailable\"", "")

#define METRICS(X)                                                                              \
	METRICS_HTTP_(X, M_HTTP_200, "200")                                                     \
	METRICS_HTTP_(X, M_HTTP_400, "400")                                                     \
	METRICS_HTTP_(X, M_HTTP_401, "401")                                                     \
	METRICS_HTTP_(X, M_HTTP_503, "503")                                                     \
	X(M_HTTP_SECONDS, HISTOGRAM, "prosaas_http_request_duration_seconds", "route=\"webhook\"", "From the whole request read to the answer written") \
	X(M_CONNECTIONS, GAUGE, "prosaas_http_connections", "", "Open connections")             \
	X(M_HTTP_BAD, COUNTER, "prosaas_http_bad_requests_total", "", "Connections closed for what is not strict HTTP/1.1 or too slow") \
	METRICS_DOOR_(X, M_MSG_, "prosaas_webhook_messages_total", "Messages of webhooks by what became of them") \
	METRICS_DOOR_(X, M_UPDATE_, "prosaas_webhook_updates_total", "Receipts, edits and other updates of messages, likewise") \
	X(M_CLOUD_UNKNOWN, COUNTER, "prosaas_cloud_unknown_phones_total", "", "Webhooks of the Cloud API for a phone that is no tenant's") \
	X(M_CLOUD_ERRORS, COUNTER, "prosaas_cloud_notes_total", "kind=\"error\"", "What the Cloud API reports besides messages and statuses: errors, and events that mean nothing to us") \
	X(M_CLOUD_EVENTS, COUNTER, "prosaas_cloud_notes_total", "kind=\"event\"", "") \
	X(M_BATCHES, COUNTER, "prosaas_enqueue_batches_total", "", "Script calls that enqueue") \
	X(M_BATCH_SIZE, SIZES, "prosaas_enqueue_batch_messages", "", "Messages in one script call that enqueues") \
	X(M_BATCH_SECONDS, HISTOGRAM, "prosaas_enqueue_batch_duration_seconds", "", "From sending a batch to its answer") \
	X(M_REDIS_UP, GAUGE, "prosaas_redis_up", "", "1 while connected and ready")             \
	X(M_REDIS_CONNECTS, COUNTER, "prosaas_redis_connects_total", "", "Connections that became ready") \
	X(M_REDIS_REFUSED, COUNTER, "prosaas_redis_errors_total", "kind=\"connect\"", "Connections to Redis that could not be made, were lost, or closed because an answer was late") \
	X(M_REDIS_LOST, COUNTER, "prosaas_redis_errors_total", "kind=\"lost\"", "") \
	X(M_REDIS_LATE, COUNTER, "prosaas_redis_errors_total", "kind=\"timeout\"", "") \
	X(M_REDIS_ERROR_REPLIES, COUNTER, "prosaas_redis_error_replies_total", "", "Commands that Redis answered with an error") \
	X(M_REDIS_SECONDS, HISTOGRAM, "prosaas_redis_command_duration_seconds", "", "From a command written to its answer; those that block are left out") \
	X(M_JOBS_OK, COUNTER, "prosaas_jobs_finished_total", "result=\"ok\"", "Job attempts by result") \
	X(M_JOBS_RETRY, COUNTER, "prosaas_jobs_finished_total", "result=\"retry\"", "")         \
	X(M_JOBS_WAIT, COUNTER, "prosaas_jobs_finished_total", "result=\"wait\"", "")           \
	X(M_JOBS_FAILED, COUNTER, "prosaas_jobs_finished_total", "result=\"failed\"", "")       \
	X(M_JOBS_DUE, COUNTER, "prosaas_jobs_finished_total", "result=\"debounced\"", "")        \
	X(M_JOBS_BACK, COUNTER, "prosaas_jobs_finished_total", "result=\"handed_back\"", "")    \
	X(M_JOBS_STOPPED, COUNTER, "prosaas_jobs_finished_total", "result=\"stopped\"", "")     \
	X(M_JOBS_FENCED, COUNTER, "prosaas_jobs_finished_total", "result=\"fenced\"", "")       \
	X(M_JOB_SECONDS, HISTOGRAM, "prosaas_job_duration_seconds", "", "From claim to end")    \
	X(M_JOB_OWN_SECONDS, HISTOGRAM, "prosaas_job_own_duration_seconds", "", "The same without the time that the AI took: the 5 s target is of this") \
	X(M_STEP_LOAD, HISTOGRAM, "prosaas_job_step_duration_seconds", "step=\"load\"", "Steps of a job that answers: tenant and chat from the database, the AI, the answer into the database, sending") \
	X(M_STEP_ASK, HISTOGRAM, "prosaas_job_step_duration_seconds", "step=\"ai\"", "") \
	X(M_STEP_KEEP, HISTOGRAM, "prosaas_job_step_duration_seconds", "step=\"keep\"", "") \
	X(M_STEP_SEND, HISTOGRAM, "prosaas_job_step_duration_seconds", "step=\"send\"", "") \
	X(M_JOB_WAIT_SECONDS, HISTOGRAM, "prosaas_job_queue_wait_seconds", "", "From enqueue to claim") \
	X(M_JOBS_RUNNING, GAUGE, "prosaas_jobs_running", "", "Jobs in flight in this worker")   \
	X(M_DEAD_NO_TENANT, COUNTER, "prosaas_dead_letters_total", "reason=\"unknown_tenant\"", "Jobs and messages given up and kept for a person, by reason") \
	X(M_DEAD_NO_FUNCTION, COUNTER, "prosaas_dead_letters_total", "reason=\"unknown_function\"", "") \
	X(M_DEAD_UNPROCESSABLE, COUNTER, "prosaas_dead_letters_total", "reason=\"unprocessable\"", "") \
	X(M_DEAD_AMBIGUOUS, COUNTER, "prosaas_dead_letters_total", "reason=\"ambiguous\"", "") \
	X(M_DEAD_POISON, COUNTER, "prosaas_dead_letters_total", "reason=\"poison\"", "") \
	X(M_DEAD_SPENT, COUNTER, "prosaas_dead_letters_total", "reason=\"retries_spent\"", "") \
	X(M_DEAD_OTHER, COUNTER, "prosaas_dead_letters_total", "reason=\"other\"", "") \
	X(M_ABSORBED, COUNTER, "prosaas_turn_messages_absorbed_total", "", "Messages answered along with an earlier one of their chat") \
	X(M_SILENCED_OPTED_OUT, COUNTER, "prosaas_turns_silenced_total", "reason=\"opted_out\"", "Turns without an answer, by what silences the bot in their chat (docs/answering.md)") \
	X(M_SILENCED_MUTED, COUNTER, "prosaas_turns_silenced_total", "reason=\"muted\"", "") \
	X(M_SILENCED_HUMAN, COUNTER, "prosaas_turns_silenced_total", "reason=\"human\"", "") \
	X(M_SILENCED_LOOP, COUNTER, "prosaas_turns_silenced_total", "reason=\"loop\"", "") \
	X(M_SILENCED_REPEAT, COUNTER, "prosaas_turns_silenced_total", "reason=\"repeat\"", "") \
	X(M_SILENCED_ECHO, COUNTER, "prosaas_turns_silenced_total", "reason=\"echo\"", "") \
	X(M_SILENCED_CLOSED, COUNTER, "prosaas_turns_silenced_total", "reason=\"closed\"", "") \
	X(M_RECEIPT_NEW, COUNTER, "prosaas_receipts_total", "result=\"new\"", "What became of messages we sent: said something new, known already, or of a message that is not ours") \
	X(M_RECEIPT_KNOWN, COUNTER, "prosaas_receipts_total", "result=\"known\"", "")           \
	X(M_RECEIPT_UNKNOWN, COUNTER, "prosaas_receipts_total", "result=\"unknown\"", "")       \
	X(M_AI_OK, COUNTER, "prosaas_ai_requests_total", "outcome=\"ok\"", "AI requests by outcome") \
	X(M_AI_ERROR, COUNTER, "prosaas_ai_requests_total", "outcome=\"error\"", "")            \
	X(M_AI_RESTING, COUNTER, "prosaas_ai_requests_total", "outcome=\"resting\"", "") \
	X(M_AI_UNPROMPTED, COUNTER, "prosaas_ai_unprompted_total", "", "Turns without an answer because their tenant has no prompt") \
	X(M_TOOL_OK, COUNTER, "prosaas_tool_calls_total", "outcome=\"ok\"", "Calls that the AI asked for, by outcome") \
	X(M_TOOL_ERROR, COUNTER, "prosaas_tool_calls_total", "outcome=\"error\"", "") \
	X(M_AI_FELL_BACK, COUNTER, "prosaas_ai_fallback_texts_total", "", "Turns answered with the fallback text because the AI failed for good") \
	X(M_AI_REPEATED, COUNTER, "prosaas_ai_repeats_total", "", "Answers that begin as the last thing said in their chat") \
	X(M_SESSIONS_CLOSED, COUNTER, "prosaas_sessions_closed_total", "", "Sessions that ended because the customer was silent") \
	X(M_SUMMARIES, COUNTER, "prosaas_summaries_total", "", "Sessions whose summary was made") \
	X(M_AI_SECONDS, HISTOGRAM, "prosaas_ai_request_duration_seconds", "", "One AI request") \
	X(M_AI_TOKENS_IN, COUNTER, "prosaas_ai_tokens_total", "kind=\"prompt\"", "Tokens the provider counted") \
	X(M_AI_TOKENS_OUT, COUNTER, "prosaas_ai_tokens_total", "kind=\"completion\"", "")       \
	X(M_AI_COST, MICROS, "prosaas_ai_cost_total", "", "What those tokens cost, in the currency of AI_PRICES") \
	X(M_SEND_OK, COUNTER, "prosaas_send_total", "outcome=\"ok\"", "Messages to the gateway by outcome") \
	X(M_SEND_ERROR, COUNTER, "prosaas_send_total", "outcome=\"error\"", "")                 \
	X(M_SEND_AMBIGUOUS, COUNTER, "prosaas_send_total", "outcome=\"ambiguous\"", "")         \
	X(M_SEND_RESTING, COUNTER, "prosaas_send_total", "outcome=\"resting\"", "") \
	X(M_TYPING_OK, COUNTER, "prosaas_typing_requests_total", "outcome=\"ok\"", "Requests to show \"typing...\" in a chat or end it, by outcome") \
	X(M_TYPING_ERROR, COUNTER, "prosaas_typing_requests_total", "outcome=\"error\"", "")     \
	X(M_BREAKER_OPEN, GAUGE, "prosaas_breaker_open", "", "Destinations that rest after failures") \
	X(M_BREAKER_REFUSED, COUNTER, "prosaas_breaker_refused_total", "", "Calls not made because their destination rests") \
	X(M_STORE_COMMITS, COUNTER, "prosaas_store_commits_total", "", "Database commits")      \
	X(M_STORE_OPS, COUNTER, "prosaas_store_operations_total", "", "Operations in those commits") \
	X(M_STORE_ERRORS, COUNTER, "prosaas_store_errors_total", "", "Operations that the database failed") \
	X(M_STORE_BATCH, SIZES, "prosaas_store_commit_operations", "", "Operations in one commit") \
	X(M_STORE_SECONDS, HISTOGRAM, "prosaas_store_commit_duration_seconds", "", "One commit, begin to end") \
	X(M_RETENTION_MESSAGES, COUNTER, "prosaas_retention_rows_total", "class=\"messages\"", "Rows of messages blanked for their age") \
	X(M_RETENTION_RAW, COUNTER, "prosaas_retention_rows_total", "class=\"raw\"", "")           \
	X(M_LEADER, GAUGE, "prosaas_leader", "", "1 in the scheduler that leads")               \
	X(M_SCHED_MOVED, COUNTER, "prosaas_scheduled_moved_total", "", "Due jobs put on their queue") \
	X(M_LEASES_RETURNED, COUNTER, "prosaas_leases_recovered_total", "", "Jobs of dead workers put back") \
	X(M_CRON_RUN, COUNTER, "prosaas_cron_slots_total", "outcome=\"run\"", "Cron slots by what became of them; missed ones in a row count once") \
	X(M_CRON_DUPLICATE, COUNTER, "prosaas_cron_slots_total", "outcome=\"duplicate\"", "")  \
	X(M_CRON_MISSED, COUNTER, "prosaas_cron_slots_total", "outcome=\"missed\"", "")        \
	X(M_CRON_ERROR, COUNTER, "prosaas_cron_slots_total", "outcome=\"error\"", "")          \
	X(M_OUTBOX_SENT, COUNTER, "prosaas_outbox_messages_total", "outcome=\"sent\"", "Messages that are no answer, by what became of them") \
	X(M_OUTBOX_FAILED, COUNTER, "prosaas_outbox_messages_total", "outcome=\"failed\"", "") \
	X(M_OUTBOX_NOT_SENT, COUNTER, "prosaas_outbox_messages_total", "outcome=\"not_sent\"", "") \
	X(M_SEND_HELD, COUNTER, "prosaas_send_held_total", "", "Messages that wait for their customer to write: WhatsApp's 24-hour window is closed") \
	X(M_SEND_TEMPLATE, COUNTER, "prosaas_send_templates_total", "", "Messages that were sent as templates") \
	X(M_SPANS_SENT, COUNTER, "prosaas_spans_total", "outcome=\"sent\"", "Spans for OTEL_EXPORTER_OTLP_ENDPOINT, by what became of them") \
	X(M_SPANS_DROPPED, COUNTER, "prosaas_spans_total", "outcome=\"dropped\"", "") \
	X(M_LANES_MENDED, COUNTER, "prosaas_lanes_mended_total", "", "Lanes whose holder had gone, given to the next that waited") \
	X(M_WORKERS, SURVEY, "prosaas_workers", "", "Workers whose heartbeat is fresh, of ours or of RQ's; schedulers look") \
	X(M_LANES_WAITING, SURVEY, "prosaas_lanes_waiting", "", "Chats in which jobs wait for the one that runs") \
	X(M_SESSIONS_CONNECTED, SURVEY, "prosaas_gateway_sessions", "state=\"connected\"", "WhatsApp sessions of tenants by what their gateway last said") \
	X(M_SESSIONS_CONNECTING, SURVEY, "prosaas_gateway_sessions", "state=\"connecting\"", "") \
	X(M_SESSIONS_DISCONNECTED, SURVEY, "prosaas_gateway_sessions", "state=\"disconnected\"", "") \
	X(M_SESSIONS_QR, SURVEY, "prosaas_gateway_sessions", "state=\"qr\"", "") \
	X(M_SESSIONS_RESTRICTED, SURVEY, "prosaas_gateway_sessions", "state=\"restricted\"", "") \
	X(M_SESSIONS_UNKNOWN, SURVEY, "prosaas_gateway_sessions", "state=\"unknown\"", "") \
	X(M_SESSION_DOWN_SECONDS, SURVEY, "prosaas_gateway_session_down_seconds", "", "For how long the session that is not connected for longest is not; 0: all are") \
	X(M_REDIS_MEMORY, SURVEY, "prosaas_redis_memory_used_bytes", "", "used_memory of Redis") \
	X(M_REDIS_MEMORY_MAX, SURVEY, "prosaas_redis_memory_max_bytes", "", "maxmemory of Redis, 0 without a limit") \
	X(M_PROCESS_MEMORY, GAUGE, "prosaas_process_resident_memory_bytes", "", "Memory of this process that is in RAM") \
	X(M_PROCESS_FDS, GAUGE, "prosaas_process_open_fds", "", "Open descriptors") \
	X(M_PROCESS_FDS_MAX, GAUGE, "prosaas_process_max_fds", "", "Descriptors that it may have") \
	X(M_PROCESS_CPU, MICROS, "prosaas_process_cpu_seconds_total", "", "CPU time, user and system") \
	X(M_START_TIME, GAUGE, "prosaas_start_time_seconds", "", "When this process started, Unix time") \
	X(M_BUILD_INFO, GAUGE, "prosaas_build_info", "version=\"" PROSAAS_VERSION "\",commit=\"" PROSAAS_COMMIT "\"", "1; which build this is")

/* Of each queue, as schedulers see them: name in C, Prometheus name, more labels, help. */
#define QUEUE_METRICS(X)                                                                        \
	X(Q_DEPTH, "prosaas_queue_depth", "", "Jobs that wait, wherever their ids are")         \
	X(Q_OLDEST, "prosaas_queue_oldest_age_seconds", "", "For how long the oldest of them waits") \
	X(Q_READY, "prosaas_queue_jobs", ",state=\"ready\"", "Jobs by state; of those that wait: dealt out to tenants, parked behind another of their chat, debounced") \
	X(Q_PARKED, "prosaas_queue_jobs", ",state=\"parked\"", "")                              \
	X(Q_DEBOUNCED, "prosaas_queue_jobs", ",state=\"debounced\"", "")                        \
	X(Q_STARTED, "prosaas_queue_jobs", ",state=\"started\"", "")                            \
	X(Q_SCHEDULED, "prosaas_queue_jobs", ",state=\"scheduled\"", "")                        \
	X(Q_DEFERRED, "prosaas_queue_jobs", ",state=\"deferred\"", "")                          \
	X(Q_FAILED, "prosaas_queue_jobs", ",state=\"failed\"", "")
/* clang-format on */

enum metric {
#define METRIC_ENUM_(id, kind, name, labels, help) id,
	METRICS(METRIC_ENUM_)
#undef METRIC_ENUM_
		METRIC_COUNT
};

enum queue_metric {
#define METRIC_QUEUE_(id, name, labels, help) id,
	QUEUE_METRICS(METRIC_QUEUE_)
#undef METRIC_QUEUE_
		QUEUE_METRIC_COUNT
};

enum {
	METRIC_BUCKETS = 15, /* of a histogram, without the last, which has no bound */
	METRIC_QUEUES_MAX = 64,
};

void metric_add(enum metric m, uint64_t n);
void metric_set(enum metric m, int64_t v);
void metric_observe(enum metric m, int64_t v); /* microseconds, or a count of SIZES */
int64_t metric_get(enum metric m); /* counter, gauge, or a histogram's count */

/* metric_lap observes what has passed since *mark_us (monotonic), which becomes now. */
void metric_lap(enum metric m, int64_t *mark_us);

/* metric_buckets copies how many a histogram took below each bound and not below the
 * one before; metric_bound_us is the bound of bucket i. */
void metric_buckets(enum metric m, int64_t ret[METRIC_BUCKETS]);
int64_t metric_bound_us(int i);

/* metric_queue_set sets a number of a queue; above METRIC_QUEUES_MAX queues the rest is
 * not shown. */
void metric_queue_set(enum queue_metric m, struct str queue, int64_t v);

/* metric_unknown: what was surveyed is no longer known, and not shown until it is. */
void metric_unknown(void);

/* metrics_render appends the Prometheus text exposition format 0.0.4. */
void metrics_render(struct buf *out);

#endif

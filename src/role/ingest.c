/* SPDX-License-Identifier: MIT */
/* ingest.c: one webhook, from its bytes to Redis. */
#include "role/ingest.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "codec/trace.h"
#include "codec/webhook.h"
#include "queue/accept.h"
#include "role/probe.h"

#define RETRY "Retry-After: 1\r\n"
#define NO_JSON                                                                   \
	"{\"error\":\"service_unavailable\",\"message\":\"Job queue temporarily " \
	"unavailable\"}"

/* Both in the request's arena; they live until it is answered. */
struct webhook_call {
	struct ingest *in;
	struct http_req *req;
	struct part *parts;
	size_t count, pending;
	bool failed;
};

struct part { /* one body */
	struct webhook_call *call;
	struct webhook w;
	struct accept accept;
};

static void
reply(struct http_req *req, int status)
{
	static const struct {
		int status;
		enum metric metric;
	} rows[] = {{200, M_HTTP_200}, {400, M_HTTP_400}, {401, M_HTTP_401},
		{503, M_HTTP_503}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].status == status)
			metric_add(rows[i].metric, 1);
	if (req->started_us)
		metric_observe(M_HTTP_SECONDS, clock_mono_us() - req->started_us);
	if (status == 200)
		http_reply(req, 200, NULL, STR(""), NULL);
	else if (status == 503)
		http_reply(req, 503, "application/json", STR(NO_JSON), RETRY);
}

int
ingest_gate(const struct ingest *in, struct http_req *req, const char **ret_json)
{
	if (secret_matches(in->s, http_header(req, "X-Internal-Secret", NULL)))
		return 0;
	metric_add(M_HTTP_401, 1);
	*ret_json = "{\"error\":\"unauthorized\"}";
	return 401;
}

static void
count(const struct webhook_msg *m, enum enqueue_outcome outcome)
{
	static const enum metric rows[][2] = {
		/* of messages, of updates */
		[ENQUEUE_OK] = {M_MSG_ENQUEUED, M_UPDATE_ENQUEUED},
		[ENQUEUE_DEAD] = {M_MSG_DEAD, M_UPDATE_DEAD},
		[ENQUEUE_DUPLICATE] = {M_MSG_DUPLICATE, M_UPDATE_DUPLICATE},
		[ENQUEUE_FULL] = {M_MSG_FULL, M_UPDATE_FULL},
		[ENQUEUE_ERROR] = {M_MSG_ERROR, M_UPDATE_ERROR},
		[ENQUEUE_UNAVAILABLE] = {M_MSG_UNAVAILABLE, M_UPDATE_UNAVAILABLE},
	};

	metric_add(rows[outcome][m->update], 1);
	if (outcome == ENQUEUE_DEAD)
		metric_add(M_DEAD_UNPROCESSABLE, 1);
}

/* One outcome: its log line and its number.  Returns whether the message is safe.
 * Each reply has three receipts or so: that all is well is said at debug. */
static bool
record(const struct part *part, size_t i, enum enqueue_outcome outcome,
	struct str words)
{
	const struct webhook_msg *m = &part->w.msgs[i];
	struct str tenant = part->w.tenant, id = part->accept.job_ids[i];
	enum log_level usual = m->update ? LOG_DEBUG : LOG_INFO;
	const char *msg_id = log_safe(m->id);

	count(m, outcome);
	switch (outcome) {
	case ENQUEUE_OK:
		log_line(usual,
			"✅ Enqueued webhook_process_job tenant=%.*s msg_id=%s "
			"job_id=%.*s trace=%.*s",
			STR_FMT(tenant), msg_id, STR_FMT(id),
			STR_FMT(part->accept.traces[i]));
		return true;
	case ENQUEUE_DUPLICATE:
		log_line(usual,
			"⏭️ Skipped duplicate webhook tenant=%.*s msg_id=%s",
			STR_FMT(tenant), msg_id);
		return true;
	case ENQUEUE_DEAD:
		log_warn("☠️ Dead-lettered webhook tenant=%.*s msg_id=%s "
			 "job_id=%.*s trace=%.*s reason=unprocessable: %s",
			STR_FMT(tenant), msg_id, STR_FMT(id),
			STR_FMT(part->accept.traces[i]),
			accept_reason(&part->accept, i));
		return true;
	case ENQUEUE_FULL:
		log_warn("queue full: refused tenant=%.*s msg_id=%s", STR_FMT(tenant),
			msg_id);
		return false;
	case ENQUEUE_ERROR:
		log_warn("Redis refused tenant=%.*s msg_id=%s: %.*s", STR_FMT(tenant),
			msg_id, STR_FMT(words));
		return false;
	case ENQUEUE_UNAVAILABLE:
		return false;
	}
	return false;
}

static void
on_outcome(void *arg, size_t i, enum enqueue_outcome outcome, struct str words)
{
	const struct part *part = arg;
	struct webhook_call *call = part->call;

	if (!record(part, i, outcome, words))
		call->failed = true;
	if (--call->pending == 0)
		reply(call->req, call->failed ? 503 : 200);
}

/* 0, or negative after the 400. */
static int
scan(struct webhook_call *call, const struct str *bodies)
{
	struct http_req *req = call->req;
	char err[128];

	for (size_t i = 0; i < call->count; i++) {
		struct part *part = &call->parts[i];

		part->call = call;
		int bad = webhook_scan(&req->arena, bodies[i], &part->w, err);
		if (bad < 0) {
			reply(req, 400);
			http_reply_error(req, 400, "bad_request", err);
			return bad;
		}
		call->pending += part->w.count;
	}
	return 0;
}

static void
refuse_all(const struct webhook_call *call)
{
	for (size_t i = 0; i < call->count; i++)
		for (size_t k = 0; k < call->parts[i].w.count; k++)
			count(&call->parts[i].w.msgs[k], ENQUEUE_UNAVAILABLE);
	reply(call->req, 503);
}

static void
accept_all(struct webhook_call *call)
{
	struct str trace = trace_of(http_header(call->req, "traceparent", NULL));

	for (size_t i = 0; i < call->count; i++) {
		struct part *part = &call->parts[i];

		part->accept = (struct accept){.s = call->in->s,
			.enqueue = call->in->enqueue,
			.arena = &call->req->arena,
			.w = &part->w,
			.trace = trace};
		accept_messages(&part->accept, on_outcome, part);
	}
}

void
ingest_bodies(
	struct ingest *in, struct http_req *req, const struct str *bodies, size_t n)
{
	struct webhook_call *call = ARENA_NEW(&req->arena, struct webhook_call);

	call->in = in;
	call->req = req;
	call->count = n;
	call->parts = arena_zalloc(&req->arena, (n + 1) * sizeof(*call->parts));
	if (scan(call, bodies) < 0)
		return;
	if (call->pending == 0)
		reply(req, 200);
	else if (!enqueue_may(in->enqueue))
		refuse_all(call);
	else
		accept_all(call);
}

void
ingest_webhook(struct ingest *in, struct http_req *req)
{
	ingest_bodies(in, req, &req->body, 1);
}

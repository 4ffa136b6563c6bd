/* SPDX-License-Identifier: MIT */
/* ingest.c: one webhook, from its bytes to Redis. */
#include "role/ingest.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "codec/webhook.h"
#include "queue/accept.h"
#include "role/probe.h"

#define RETRY "Retry-After: 1\r\n"
#define NO_JSON                                                                   \
	"{\"error\":\"service_unavailable\",\"message\":\"Job queue temporarily " \
	"unavailable\"}"

struct webhook_call { /* in the request's arena; lives until it is answered */
	struct ingest *in;
	struct http_req *req;
	struct webhook w;
	struct accept accept;
	size_t pending;
	bool failed;
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
record(const struct webhook_call *call, size_t i, enum enqueue_outcome outcome,
	struct str words)
{
	const struct webhook_msg *m = &call->w.msgs[i];
	struct str tenant = call->w.tenant, id = call->accept.job_ids[i];
	enum log_level usual = m->update ? LOG_DEBUG : LOG_INFO;
	const char *msg_id = log_safe(m->id);

	count(m, outcome);
	switch (outcome) {
	case ENQUEUE_OK:
		log_line(usual,
			"✅ Enqueued webhook_process_job tenant=%.*s msg_id=%s "
			"job_id=%.*s",
			STR_FMT(tenant), msg_id, STR_FMT(id));
		return true;
	case ENQUEUE_DUPLICATE:
		log_line(usual,
			"⏭️ Skipped duplicate webhook tenant=%.*s msg_id=%s",
			STR_FMT(tenant), msg_id);
		return true;
	case ENQUEUE_DEAD:
		log_warn("☠️ Dead-lettered webhook tenant=%.*s msg_id=%s "
			 "job_id=%.*s "
			 "reason=unprocessable: %s",
			STR_FMT(tenant), msg_id, STR_FMT(id),
			accept_reason(&call->accept, i));
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
	struct webhook_call *call = arg;

	if (!record(call, i, outcome, words))
		call->failed = true;
	if (--call->pending == 0)
		reply(call->req, call->failed ? 503 : 200);
}

void
ingest_webhook(struct ingest *in, struct http_req *req)
{
	struct webhook_call *call = ARENA_NEW(&req->arena, struct webhook_call);
	char err[128];

	call->in = in;
	call->req = req;
	if (webhook_scan(&req->arena, req->body, &call->w, err) < 0) {
		reply(req, 400);
		http_reply_error(req, 400, "bad_request", err);
		return;
	}
	if (call->w.count == 0) {
		reply(req, 200);
		return;
	}
	if (!enqueue_may(in->enqueue)) {
		for (size_t i = 0; i < call->w.count; i++)
			count(&call->w.msgs[i], ENQUEUE_UNAVAILABLE);
		reply(req, 503);
		return;
	}
	call->pending = call->w.count;
	call->accept = (struct accept){.s = in->s,
		.enqueue = in->enqueue,
		.arena = &req->arena,
		.w = &call->w};
	accept_messages(&call->accept, on_outcome, call);
}

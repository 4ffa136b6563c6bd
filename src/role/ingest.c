/* SPDX-License-Identifier: MIT */
/* ingest.c: one webhook, from its bytes to Redis. */
#include "role/ingest.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "codec/rqjob.h"
#include "codec/webhook.h"
#include "queue/enqueue.h"
#include "role/probe.h"

#define QUEUE "default"
#define UNFIT "unprocessable: "
#define RETRY "Retry-After: 1\r\n"
#define NO_JSON                                                                   \
	"{\"error\":\"service_unavailable\",\"message\":\"Job queue temporarily " \
	"unavailable\"}"

struct webhook_call { /* in the request's arena; lives until it is answered */
	struct ingest *in;
	struct http_req *req;
	struct webhook w;
	struct str *job_ids;
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

/* One outcome: its log line and its number.  Returns whether the message is safe. */
static bool
record(const struct webhook_call *call, size_t i, enum enqueue_outcome outcome,
	struct str words)
{
	const struct webhook_msg *m = &call->w.msgs[i];
	struct str tenant = call->w.tenant, id = call->job_ids[i];
	const char *msg_id = log_safe(m->id);

	switch (outcome) {
	case ENQUEUE_OK:
		metric_add(M_MSG_ENQUEUED, 1);
		log_info("✅ Enqueued webhook_process_job tenant=%.*s msg_id=%s "
			 "job_id=%.*s",
			STR_FMT(tenant), msg_id, STR_FMT(id));
		return true;
	case ENQUEUE_DUPLICATE:
		metric_add(M_MSG_DUPLICATE, 1);
		log_info("⏭️ Skipped duplicate webhook tenant=%.*s msg_id=%s",
			STR_FMT(tenant), msg_id);
		return true;
	case ENQUEUE_DEAD:
		metric_add(M_MSG_DEAD, 1);
		log_warn("☠️ Dead-lettered webhook tenant=%.*s msg_id=%s "
			 "job_id=%.*s "
			 "reason=%s%s",
			STR_FMT(tenant), msg_id, STR_FMT(id), UNFIT,
			m->unfit ? m->unfit : "limits");
		return true;
	case ENQUEUE_FULL:
		metric_add(M_MSG_FULL, 1);
		log_warn("queue full: refused tenant=%.*s msg_id=%s", STR_FMT(tenant),
			msg_id);
		return false;
	case ENQUEUE_ERROR:
		metric_add(M_MSG_ERROR, 1);
		log_warn("Redis refused tenant=%.*s msg_id=%s: %.*s", STR_FMT(tenant),
			msg_id, STR_FMT(words));
		return false;
	case ENQUEUE_UNAVAILABLE:
		metric_add(M_MSG_UNAVAILABLE, 1);
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

/* Everything that names a message comes from (tenant, provider, chat, fromMe, id);
 * chat and id are a peer's bytes, NUL among them. */
static void
name_message(struct webhook_call *call, size_t i, struct enqueue_msg *out)
{
	struct arena *a = &call->req->arena;
	const struct webhook_msg *m = &call->w.msgs[i];
	struct str tenant = call->w.tenant, from_me = m->from_me ? STR("1") : STR("0");
	struct str id[] = {tenant, STR("baileys"), m->chat, from_me, m->id};
	struct str key[] = {STR("job_lock:webhook:baileys:"), m->id};
	struct str lane[] = {tenant, STR(":"), m->chat};
	struct str field[] = {tenant, STR("|"), m->chat, STR("|"), from_me,
		m->stub ? STR("|stub") : STR("")};
	char digest[DIGEST_ID_SIZE];

	digest_id(id, ARRAY_LEN(id), digest);
	call->job_ids[i] = arena_printf(a, "wh_%s%s", digest, m->stub ? "-stub" : "");
	out->job_id = call->job_ids[i];
	out->lock_key = arena_join(a, key, ARRAY_LEN(key));
	out->lock_field = arena_join(a, field, ARRAY_LEN(field));
	if (!m->from_me) /* ours only write: they don't wait behind an answer */
		out->lane = arena_join(a, lane, ARRAY_LEN(lane));
	out->description = arena_printf(a, "webhook_process_job tenant=%.*s msg_id=%s",
		STR_FMT(tenant), log_safe(m->id));
}

static void
add_message(struct webhook_call *call, size_t i, struct buf *data)
{
	const struct settings *s = call->in->s;
	const struct webhook_msg *m = &call->w.msgs[i];
	struct enqueue_msg out = {.queue = STR(QUEUE), .tenant = call->w.tenant};
	bool as_json = strcmp(s->rq_serializer, "json") == 0;

	name_message(call, i, &out);
	buf_clear(data, 1 << 20);
	int bad = rqjob_webhook(
		data, as_json, str_of(s->job_function), call->w.tenant, m->raw);
	if (m->unfit || bad < 0) {
		out.dead_reason = arena_printf(&call->req->arena, UNFIT "%s",
			m->unfit ? m->unfit : err_text(bad));
		out.raw = m->raw;
	}
	out.data = buf_str(data);
	enqueue_add(call->in->enqueue, &out, on_outcome, call, i);
}

void
ingest_webhook(struct ingest *in, struct http_req *req)
{
	static struct buf data; /* scratch: enqueue_add() copies */
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
		metric_add(M_MSG_UNAVAILABLE, call->w.count);
		reply(req, 503);
		return;
	}
	call->pending = call->w.count;
	call->job_ids = arena_alloc(&req->arena, call->w.count * sizeof(struct str));
	for (size_t i = 0; i < call->w.count; i++)
		add_message(call, i, &data);
}

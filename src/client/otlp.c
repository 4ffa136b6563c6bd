/* SPDX-License-Identifier: MIT */
/* otlp.c: spans for a collector. */
#include "client/otlp.h"

#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "client/api.h"
#include "codec/val.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "version.h"

enum {
	BATCH = 512, /* spans: some 200 KB */
	EVERY_MS = 1000,
	TIMEOUT_MS = 5000,
	KEEP = 256 << 10, /* of a buffer between batches */
};

struct otlp {
	const struct settings *s;
	struct http_client *http;
	uv_timer_t tick;
	struct flow flow;
	struct http_call call;
	struct arena arena;
	const char *url;
	struct buf waiting, out; /* spans, comma separated; a whole request */
	uint64_t waiting_count, out_count;
	bool busy, quitting, failing;
};

static flow_step posted;

/* --- one batch -------------------------------------------------------------- */

static void
on_done(struct flow *f, int err)
{
	(void)f, (void)err;
}

static void
wrap(struct otlp *o)
{
	buf_clear(&o->out, KEEP);
	buf_addz(&o->out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
			  "{\"key\":\"service.name\",\"value\":{\"stringValue\":");
	json_quote(&o->out, str_of(o->s->otel_service_name));
	buf_addz(&o->out, "}},{\"key\":\"service.version\",\"value\":{\"stringValue\":"
			  "\"" PROSAAS_VERSION "\"}}]},\"scopeSpans\":[{\"scope\":"
			  "{\"name\":\"prosaas\"},\"spans\":[");
	buf_adds(&o->out, buf_str(&o->waiting));
	buf_addz(&o->out, "]}]}]}");
}

static void
post(struct otlp *o)
{
	static const char *const headers[] = {"Content-Type: application/json", NULL};

	if (o->busy || o->waiting_count == 0)
		return;
	wrap(o);
	o->busy = true;
	o->out_count = o->waiting_count;
	o->waiting_count = 0;
	buf_clear(&o->waiting, KEEP);
	o->call = (struct http_call){.method = "POST",
		.url = o->url,
		.headers = headers,
		.body = buf_str(&o->out),
		.timeout_ms = TIMEOUT_MS};
	flow_init(&o->flow, posted, "posted", on_done);
	http_call_start(o->http, &o->call, &o->flow);
}

static void
complain(const struct otlp *o)
{
	char why[API_WORDS];

	api_words(why, &o->call, STR(""));
	log_warn("OTEL_EXPORTER_OTLP_ENDPOINT does not take spans, they are dropped: "
		 "%s",
		why);
}

static int
posted(struct flow *f)
{
	struct otlp *o = container_of(f, struct otlp, flow);
	bool well = o->call.status / 100 == 2;

	metric_add(well ? M_SPANS_SENT : M_SPANS_DROPPED, o->out_count);
	if (!well && !o->failing) /* once an outage */
		complain(o);
	o->failing = !well;
	o->busy = false;
	http_call_done(&o->call);
	if (o->quitting || o->waiting_count >= BATCH)
		post(o);
	return 0;
}

static void
on_tick(uv_timer_t *timer)
{
	post(timer->data);
}

/* --- one span --------------------------------------------------------------- */

/* 64-bit numbers are texts in OTLP's JSON. */
static void
add_time(struct buf *b, const char *name, int64_t us)
{
	buf_addf(b, ",\"%s\":\"%lld000\"", name, (long long)us);
}

static void
add_attributes(struct buf *b, const struct otlp_span *s)
{
	buf_addz(b, ",\"attributes\":[{\"key\":\"prosaas.tenant\",\"value\":"
		    "{\"stringValue\":");
	json_quote(b, s->tenant);
	buf_addz(b, "}},{\"key\":\"prosaas.job_id\",\"value\":{\"stringValue\":");
	json_quote(b, s->job_id);
	buf_addf(b,
		"}},{\"key\":\"prosaas.attempt\",\"value\":{\"intValue\":\"%lld\"}}]",
		(long long)s->attempt);
}

static void
add_span(struct buf *b, const struct otlp_span *s)
{
	buf_addf(
		b, "{\"traceId\":\"%.*s\",\"spanId\":\"%s\"", STR_FMT(s->trace), s->id);
	if (s->parent)
		buf_addf(b, ",\"parentSpanId\":\"%s\"", s->parent);
	buf_addf(b, ",\"name\":\"%s\",\"kind\":%d", s->name, s->kind);
	add_time(b, "startTimeUnixNano", s->start_us);
	add_time(b, "endTimeUnixNano", s->end_us);
	add_attributes(b, s);
	if (s->error) {
		buf_addz(b, ",\"status\":{\"code\":2,\"message\":");
		json_quote(b, str_of(s->error));
		buf_addc(b, '}');
	}
	buf_addc(b, '}');
}

void
otlp_add(struct otlp *o, const struct otlp_span *span)
{
	if (!o)
		return;
	if (buf_len(&o->waiting) >= OTLP_PENDING_MAX) {
		metric_add(M_SPANS_DROPPED, 1);
		return;
	}
	if (o->waiting_count++ > 0)
		buf_addc(&o->waiting, ',');
	add_span(&o->waiting, span);
	if (o->waiting_count >= BATCH)
		post(o);
}

/* --- life ------------------------------------------------------------------- */

void
otlp_quit(struct otlp *o)
{
	if (!o)
		return;
	o->quitting = true;
	uv_timer_stop(&o->tick);
	post(o);
}

bool
otlp_idle(const struct otlp *o)
{
	return !o || (!o->busy && o->waiting_count == 0);
}

struct otlp *
otlp_new(struct loop *l, struct http_client *http, const struct settings *s)
{
	struct str base = str_of(s->otel_endpoint);

	if (base.n == 0)
		return NULL;
	struct otlp *o = xcalloc(1, sizeof(*o));
	o->s = s;
	o->http = http;
	arena_init(&o->arena);
	o->url = api_url(&o->arena, base, "/v1/traces");
	buf_init(&o->waiting);
	buf_init(&o->out);
	uv_timer_init(&l->uv, &o->tick);
	o->tick.data = o;
	uv_timer_start(&o->tick, on_tick, EVERY_MS, EVERY_MS);
	return o;
}

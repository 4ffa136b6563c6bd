/* SPDX-License-Identifier: MIT */
/* notify.c: notices of alerts to ALERT_WEBHOOK_URL. */
#include "role/notify.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/log.h"
#include "base/settings.h"
#include "client/api.h"
#include "net/http_client.h"

enum { TIMEOUT_MS = 10000, REST_MIN_MS = 1000, REST_MAX_MS = 60000 };

struct notify {
	struct loop *loop;
	const struct settings *s;
	struct http_client *http;
	void (*delivered)(void *arg, struct str notice);
	void *arg;

	struct flow flow;
	struct http_call call;
	struct buf notice;
	char signature[sizeof("X-Prosaas-Signature: sha256=") + DIGEST_HMAC_HEX_SIZE];
	const char *headers[3];
	bool busy;
	int64_t rest_ms, not_before_ms;
};

static void
rest(struct notify *n)
{
	char why[API_WORDS];

	api_words(why, &n->call, STR(""));
	if (n->rest_ms == 0) /* once an outage */
		log_warn("ALERT_WEBHOOK_URL does not take notices, they are tried "
			 "again: %s",
			why);
	n->rest_ms = n->rest_ms == 0 ? REST_MIN_MS : n->rest_ms * 2;
	if (n->rest_ms > REST_MAX_MS)
		n->rest_ms = REST_MAX_MS;
	n->not_before_ms = clock_mono_ms() + n->rest_ms;
}

static int
posted(struct flow *f)
{
	struct notify *n = container_of(f, struct notify, flow);
	bool well = n->call.status / 100 == 2;

	n->busy = false;
	if (well)
		n->rest_ms = 0;
	else
		rest(n);
	http_call_done(&n->call);
	if (well)
		n->delivered(n->arg, buf_str(&n->notice));
	return 0;
}

static void
on_done(struct flow *f, int err)
{
	(void)f, (void)err;
}

static void
sign(struct notify *n)
{
	struct str key = str_of(n->s->alert_webhook_secret);
	char hex[DIGEST_HMAC_HEX_SIZE];

	n->headers[0] = "Content-Type: application/json";
	n->headers[1] = NULL;
	if (key.n == 0)
		return;
	digest_hmac_hex(256, key, buf_str(&n->notice), hex);
	snprintf(n->signature, sizeof(n->signature), "X-Prosaas-Signature: sha256=%s",
		hex);
	n->headers[1] = n->signature;
}

void
notify_give(struct notify *n, struct str notice)
{
	if (n->busy || !notify_wanted(n) || clock_mono_ms() < n->not_before_ms)
		return;
	if (!n->http)
		n->http = http_client_new(n->loop);
	n->busy = true;
	buf_clear(&n->notice, 1 << 12);
	buf_adds(&n->notice, notice);
	sign(n);
	n->call = (struct http_call){.method = "POST",
		.url = n->s->alert_webhook_url,
		.headers = n->headers,
		.body = buf_str(&n->notice),
		.timeout_ms = TIMEOUT_MS};
	flow_init(&n->flow, posted, "posted", on_done);
	http_call_start(n->http, &n->call, &n->flow);
}

bool
notify_wanted(const struct notify *n)
{
	return n->s->alert_webhook_url != NULL;
}

struct notify *
notify_new(struct loop *l, const struct settings *s, struct http_client *http,
	void (*delivered)(void *arg, struct str notice), void *arg)
{
	struct notify *n = xcalloc(1, sizeof(*n));

	n->loop = l;
	n->s = s;
	n->http = http;
	n->delivered = delivered;
	n->arg = arg;
	buf_init(&n->notice);
	return n;
}

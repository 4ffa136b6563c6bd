/* SPDX-License-Identifier: MIT */
/* gateway.c: the Baileys HTTP API.
 *
 *   gateway_send:  call ---> request_body ---> POST /send ---> gateway_send_finish
 *   gateway_probe:                         GET /healthz ---> gateway_probe_finish
 *   gateway_typing:               POST /sendTyping ---> gateway_typing_finish
 *
 * The one question here is whether WhatsApp may have the message although nobody
 * said so.  It may when the request left and no readable answer came back; when
 * the gateway gave up waiting for WhatsApp (500 send_failed: its own 30 s timer
 * stops nothing); and when a proxy lost the gateway's answer (502, 504).  Then it
 * is ERR_AMBIGUOUS, and only a gateway that remembers keys is asked again.
 *
 * A destination is a tenant's session behind a gateway: one that has lost WhatsApp
 * (503) says nothing about its neighbours. */
#include "client/gateway.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "client/api.h"
#include "codec/val.h"

enum {
	SEND_MS = 35000, /* the gateway itself gives up after 30 s: wait for its word */
	PROBE_MS = 5000,
	TYPING_MS = 2000, /* the gateway waits for nobody there; later is no use */
	TYPING_ANSWER_MAX = 4096,
};

struct gateway {
	struct http_client *http;
	const struct settings *settings;
	struct breaker *breaker;
	struct arena arena; /* headers */
	const char *headers[3];
};

struct gateway *
gateway_new(struct http_client *http, const struct settings *s, struct breaker *b)
{
	struct gateway *g = xcalloc(1, sizeof(*g));

	g->http = http;
	g->settings = s;
	g->breaker = b;
	arena_init(&g->arena);
	g->headers[0] = "Content-Type: application/json";
	if (s->internal_secret)
		g->headers[1] = api_header(
			&g->arena, "X-Internal-Secret: ", s->internal_secret);
	return g;
}

static const char *
url_of(const struct gateway *g, const struct gateway_call *call, const char *path)
{
	struct str base = call->base_url;

	if (base.n == 0)
		base = str_of(g->settings->baileys_base_url);
	return api_url(call->arena, base, path);
}

/* How the name of a destination ends; no tenant's id has a blank. */
#define SESSION_END " tenant %.*s"

static void
start(struct gateway *g, struct gateway_call *call, struct flow *f)
{
	const char *key = arena_printf(call->arena, "gateway %s" SESSION_END,
		url_of(g, call, ""), STR_FMT(call->tenant))
				  .p;

	api_start(g->http, &call->http, f, g->breaker, &call->pass, key);
}

void
gateway_resume(struct gateway *g, struct str tenant)
{
	struct arena arena;

	arena_init(&arena);
	breaker_close_ending(
		g->breaker, arena_printf(&arena, SESSION_END, STR_FMT(tenant)).p);
	arena_done(&arena);
}

static void
add_field(struct buf *b, const char *name, struct str value)
{
	buf_addf(b, ",\"%s\":", name);
	json_quote(b, value);
}

/* The original's name of business 1. */
static struct str
name_of_tenant(const struct gateway_call *call)
{
	struct str tenant = call->tenant;

	if (!str_is_number(tenant))
		return tenant;
	return arena_printf(call->arena, "business_%.*s", STR_FMT(tenant));
}

static struct str
request_body(const struct gateway_call *call)
{
	struct buf b;

	buf_init(&b);
	buf_addz(&b, "{\"type\":\"text\"");
	add_field(&b, "tenantId", name_of_tenant(call));
	add_field(&b, "to", call->to);
	add_field(&b, "text", call->text);
	add_field(&b, "idempotencyKey", call->key);
	add_field(&b, "messageId", call->key);
	buf_addc(&b, '}');

	struct str body = arena_str(call->arena, buf_str(&b));
	buf_done(&b);
	return body;
}

void
gateway_send(struct gateway *g, struct gateway_call *call, struct flow *f)
{
	call->http = (struct http_call){
		.method = "POST",
		.url = url_of(g, call, "/send"),
		.headers = g->headers,
		.body = request_body(call),
		.timeout_ms = SEND_MS,
		.once = true,
	};
	start(g, call, f);
}

static int
err_of_status(int status)
{
	if (status / 100 == 2)
		return 0;
	if (status == 503) /* "WhatsApp not connected" */
		return ERR_UNAVAILABLE;
	return api_err_of(status);
}

static bool
is_ambiguous(const struct http_call *http, const struct val *v)
{
	if (http->err < 0)
		return http->sent;

	switch (http->status) {
	case 500:
		return str_eqz(val_text(val_get(v, "error")), "send_failed");
	case 502:
	case 504:
		return true;
	default:
		return http->status / 100 == 2 && !val_true(val_get(v, "ok"));
	}
}

static int
settle(struct gateway_call *call, enum breaker_outcome outcome)
{
	call->err = api_settle(&call->http, &call->pass, outcome, call->err,
		call->words, &call->retry_after_ms);
	return call->err;
}

static void
count(int err)
{
	enum metric m = M_SEND_ERROR;

	if (err == ERR_OPEN) /* nothing was tried */
		return;
	if (err == 0)
		m = M_SEND_OK;
	else if (err == ERR_AMBIGUOUS)
		m = M_SEND_AMBIGUOUS;
	metric_add(m, 1);
}

/* Reads what both calls have in common; returns the answer's tree or NULL. */
static const struct val *
finish(struct gateway_call *call)
{
	struct http_call *http = &call->http;
	const struct val *v = NULL;

	if (http->err == 0)
		v = api_json(call->arena, http);
	call->err = http->err < 0 ? http->err : err_of_status(http->status);
	call->message_id = (struct str){0};
	call->durable = false;
	call->words[0] = '\0';
	return v;
}

/* A code, or what the original's service says in words. */
static struct str
error_of(const struct val *v)
{
	static const char *const known[] = {"WhatsApp not connected", "Bad request",
		"Missing tenantId", "Missing to", "Missing text"};
	struct str what = val_text(val_get(v, "error"));

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eqz(what, known[i]))
			return what;
	return api_code(what);
}

int
gateway_send_finish(struct gateway_call *call)
{
	const struct val *v = finish(call);
	struct str what = error_of(v);

	if (is_ambiguous(&call->http, v))
		call->err = ERR_AMBIGUOUS;
	if (call->http.status / 100 == 2)
		what = STR("without \"ok\":true");
	if (call->err < 0)
		api_words(call->words, &call->http, what);
	else
		call->message_id =
			arena_str(call->arena, val_text(val_get(v, "messageId")));
	count(call->err);
	return settle(call, api_outcome(&call->http, call->err));
}

void
gateway_probe(struct gateway *g, struct gateway_call *call, struct flow *f)
{
	call->http = (struct http_call){
		.method = "GET",
		.url = url_of(g, call, "/healthz"),
		.headers = g->headers,
		.timeout_ms = PROBE_MS,
	};
	start(g, call, f);
}

int
gateway_probe_finish(struct gateway_call *call)
{
	const struct val *v = finish(call);
	enum breaker_outcome outcome = api_outcome(&call->http, call->err);

	if (outcome == BREAKER_OK) /* it lives, but sending is another matter */
		outcome = BREAKER_NONE;
	if (call->err < 0)
		api_words(call->words, &call->http, error_of(v));
	else
		call->durable = str_eqz(val_text(val_get(v, "idempotency")), "durable");
	return settle(call, outcome);
}

/* --- typing ----------------------------------------------------------------- */

static struct str
typing_body(const struct gateway_call *call, bool on)
{
	struct buf b;

	buf_init(&b);
	buf_addf(&b, "{\"typing\":%s", on ? "true" : "false");
	add_field(&b, "tenantId", name_of_tenant(call));
	add_field(&b, "jid", call->to);
	buf_addc(&b, '}');

	struct str body = arena_str(call->arena, buf_str(&b));
	buf_done(&b);
	return body;
}

/* Past the breaker: a gateway that shows no typing may send very well. */
void
gateway_typing(struct gateway *g, struct gateway_call *call, bool on, struct flow *f)
{
	call->http = (struct http_call){
		.method = "POST",
		.url = url_of(g, call, "/sendTyping"),
		.headers = g->headers,
		.body = typing_body(call, on),
		.timeout_ms = TYPING_MS,
		.answer_max = TYPING_ANSWER_MAX,
		.once = true, /* one that comes late undoes the next */
	};
	http_call_start(g->http, &call->http, f);
}

int
gateway_typing_finish(struct gateway_call *call)
{
	struct str none = {NULL, 0};

	call->err = call->http.err;
	if (call->err == 0)
		call->err = err_of_status(call->http.status);
	call->reached = call->http.sent;
	if (call->err < 0)
		api_words(call->words, &call->http, none);
	http_call_done(&call->http);
	return call->err;
}

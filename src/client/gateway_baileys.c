/* SPDX-License-Identifier: MIT */
/* gateway_baileys.c: the Baileys HTTP API.
 *
 *   POST {base}/send      {"type":"text","tenantId","to","text",
 *                          "idempotencyKey","messageId"}
 *   POST {base}/sendTyping {"typing","tenantId","jid"}
 *   GET  {base}/healthz   {"idempotency":"durable"} from one that remembers keys on
 *                         disk; the original answers "ok"
 *
 *   200 {"ok":true,"messageId":...}      0
 *   503, no connection                   ERR_UNAVAILABLE: nothing was sent
 *   5xx                                  ERR_REMOTE: nothing was sent
 *   500 send_failed, a lost answer       ERR_AMBIGUOUS: WhatsApp may have taken it
 *     (also cancelled after sending, a 200 one cannot read, 502 and 504 of a proxy)
 *   401, 403                             ERR_DENIED
 *   400 and other 4xx, 3xx               ERR_REFUSED
 *   429                                  ERR_THROTTLED
 *
 * The one question here is whether WhatsApp may have the message although nobody
 * said so.  It may when the request left and no readable answer came back; when
 * the gateway gave up waiting for WhatsApp (500 send_failed: its own 30 s timer
 * stops nothing); and when a proxy lost the gateway's answer (502, 504).  Then it
 * is ERR_AMBIGUOUS, and only a gateway that remembers keys is asked again.
 *
 * Every gateway gets INTERNAL_SECRET in X-Internal-Secret, also a tenant's own: it
 * needs it anyway to deliver webhooks to us. */
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"
#include "client/api.h"
#include "client/gateway_priv.h"
#include "codec/tenant.h"
#include "codec/val.h"

enum {
	SEND_MS = 35000, /* the gateway itself gives up after 30 s: wait for its word */
	PROBE_MS = 5000,
	TYPING_MS = 2000, /* the gateway waits for nobody there; later is no use */
	TYPING_ANSWER_MAX = 4096,
};

/* --- requests --------------------------------------------------------------- */

static struct str
base(const struct gateway *g, const struct gateway_call *call)
{
	struct str own = call->from.base_url;

	return own.n > 0 ? own : str_of(g->settings->baileys_base_url);
}

static const char *
url_of(const struct gateway *g, const struct gateway_call *call, const char *path)
{
	return api_url(call->arena, base(g, call), path);
}

static const char *const *
headers(const struct gateway *g, const struct gateway_call *call)
{
	const char **lines = arena_zalloc(call->arena, 4 * sizeof(*lines));
	size_t n = 0;

	lines[n++] = "Content-Type: application/json";
	if (call->traceparent)
		lines[n++] = call->traceparent;
	if (g->settings->internal_secret)
		lines[n] = api_header(call->arena,
			"X-Internal-Secret: ", g->settings->internal_secret);
	return lines;
}

static void
add_field(struct buf *b, const char *name, struct str value)
{
	buf_addf(b, ",\"%s\":", name);
	json_quote(b, value);
}

static struct str
request_body(const struct gateway_call *call)
{
	struct buf b;

	buf_init(&b);
	buf_addz(&b, "{\"type\":\"text\"");
	add_field(&b, "tenantId", tenant_told(call->arena, call->from.tenant));
	add_field(&b, "to", call->to);
	add_field(&b, "text", call->text);
	add_field(&b, "idempotencyKey", call->key);
	add_field(&b, "messageId", call->key);
	buf_addc(&b, '}');

	struct str body = arena_str(call->arena, buf_str(&b));
	buf_done(&b);
	return body;
}

static void
ask_send(const struct gateway *g, struct gateway_call *call)
{
	if (call->content.n > 0) {
		call->err = ERR_REFUSED;
		snprintf(call->words, sizeof(call->words),
			"this tenant's gateway sends texts only");
		return;
	}
	call->http = (struct http_call){
		.method = "POST",
		.url = url_of(g, call, "/send"),
		.headers = headers(g, call),
		.body = request_body(call),
		.timeout_ms = SEND_MS,
		.once = true,
	};
}

static void
ask_probe(const struct gateway *g, struct gateway_call *call)
{
	call->http = (struct http_call){
		.method = "GET",
		.url = url_of(g, call, "/healthz"),
		.headers = headers(g, call),
		.timeout_ms = PROBE_MS,
	};
}

static struct str
typing_body(const struct gateway_call *call, bool on)
{
	struct buf b;

	buf_init(&b);
	buf_addf(&b, "{\"typing\":%s", on ? "true" : "false");
	add_field(&b, "tenantId", tenant_told(call->arena, call->from.tenant));
	add_field(&b, "jid", call->to);
	buf_addc(&b, '}');

	struct str body = arena_str(call->arena, buf_str(&b));
	buf_done(&b);
	return body;
}

static void
ask_typing(const struct gateway *g, struct gateway_call *call, bool on)
{
	call->http = (struct http_call){
		.method = "POST",
		.url = url_of(g, call, "/sendTyping"),
		.headers = headers(g, call),
		.body = typing_body(call, on),
		.timeout_ms = TYPING_MS,
		.answer_max = TYPING_ANSWER_MAX,
		.once = true, /* one that comes late undoes the next */
	};
}

/* --- answers ---------------------------------------------------------------- */

static int
err_of(const struct http_call *http)
{
	if (http->err < 0)
		return http->err;
	if (http->status / 100 == 2)
		return 0;
	if (http->status == 503) /* "WhatsApp not connected" */
		return ERR_UNAVAILABLE;
	return api_err_of(http->status);
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

static enum breaker_outcome
sent(struct gateway_call *call, const struct val *v)
{
	struct str what = error_of(v);

	call->err = err_of(&call->http);
	if (is_ambiguous(&call->http, v))
		call->err = ERR_AMBIGUOUS;
	if (call->http.status / 100 == 2)
		what = STR("without \"ok\":true");
	if (call->err < 0)
		api_words(call->words, &call->http, what);
	else
		call->message_id =
			arena_str(call->arena, val_text(val_get(v, "messageId")));
	return api_outcome(&call->http, call->err);
}

static void
probed(struct gateway_call *call, const struct val *v)
{
	call->err = err_of(&call->http);
	if (call->err < 0)
		api_words(call->words, &call->http, error_of(v));
	else
		call->durable = str_eqz(val_text(val_get(v, "idempotency")), "durable");
}

static void
typed(struct gateway_call *call)
{
	struct str none = {NULL, 0};

	call->err = err_of(&call->http);
	if (call->err < 0)
		api_words(call->words, &call->http, none);
}

const struct gateway_way gateway_baileys = {
	.name = "baileys",
	.base = base,
	.send = ask_send,
	.sent = sent,
	.probe = ask_probe,
	.probed = probed,
	.typing = ask_typing,
	.typed = typed,
};

/* SPDX-License-Identifier: MIT */
/* gateway.c: which way a tenant's messages go, and what all ways have in common.
 *
 *   gateway_send:   way->send ---> start ---> ... ---> gateway_send_finish
 *   gateway_probe:  way->probe --> start ---> ... ---> gateway_probe_finish
 *   gateway_typing: way->typing -> ask ------> ... ---> gateway_typing_finish
 *
 * A destination is a tenant's account behind a URL: one that has lost WhatsApp says
 * nothing about its neighbours. */
#include "client/gateway.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/metrics.h"
#include "client/api.h"
#include "client/gateway_priv.h"
#include "store/store.h"

/* The first is that of a tenant whose property says nothing. */
static const struct gateway_way *const ways[] = {&gateway_baileys, &gateway_cloud};

struct gateway *
gateway_new(struct http_client *http, const struct settings *s, struct breaker *b)
{
	struct gateway *g = xcalloc(1, sizeof(*g));

	g->http = http;
	g->settings = s;
	g->breaker = b;
	return g;
}

/* --- whose ------------------------------------------------------------------ */

struct gateway_account
gateway_account_of(const struct tenant *t)
{
	return (struct gateway_account){
		.tenant = t->id,
		.gateway = t->gateway,
		.base_url = t->gateway_url,
		.phone_number_id = t->meta_phone_number_id,
		.access_token = t->meta_access_token,
		.template = t->meta_template,
		.template_language = t->meta_template_language,
	};
}

struct gateway_account
gateway_account_copy(struct arena *a, const struct gateway_account *from)
{
	return (struct gateway_account){
		.tenant = arena_str(a, from->tenant),
		.gateway = arena_str(a, from->gateway),
		.base_url = arena_str(a, from->base_url),
		.phone_number_id = arena_str(a, from->phone_number_id),
		.access_token = arena_str(a, from->access_token),
		.template = arena_str(a, from->template),
		.template_language = arena_str(a, from->template_language),
	};
}

static const struct gateway_way *
way_of(const struct gateway_account *from)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (str_eqz(from->gateway, ways[i]->name))
			return ways[i];
	return ways[0];
}

int64_t
gateway_window_us(const struct gateway_account *from)
{
	return way_of(from)->window_us;
}

size_t
gateway_text_max(const struct gateway_account *from)
{
	return way_of(from)->text_max;
}

bool
gateway_takes_content(const struct gateway_account *from)
{
	return way_of(from)->takes_content;
}

int
gateway_check_tenant(const void *settings, const struct tenant *t, char words[256])
{
	struct gateway_account from = gateway_account_of(t);
	const struct gateway_way *way = way_of(&from);

	return way->check ? way->check(settings, &from, words) : 0;
}

/* --- one call --------------------------------------------------------------- */

static void
prepare(struct gateway_call *call)
{
	call->way = way_of(&call->from);
	call->http = (struct http_call){0};
	call->pass = (struct breaker_pass){0};
	call->err = 0;
	call->doubt_ms = 0;
	call->words[0] = '\0';
}

/* True when the way has nobody to ask. */
static bool
refuse(struct gateway *g, struct gateway_call *call, struct flow *f)
{
	if (call->http.url)
		return false;
	http_call_refuse(g->http, &call->http, f, call->err, call->words, -1);
	return true;
}

/* How the name of a destination ends; no tenant's id has a blank. */
#define SESSION_END " tenant %.*s"

static void
start(struct gateway *g, struct gateway_call *call, struct flow *f)
{
	if (refuse(g, call, f))
		return;
	struct str base = call->way->base(g, call);
	const char *key = arena_printf(call->arena, "gateway %s" SESSION_END,
		api_url(call->arena, base, ""), STR_FMT(call->from.tenant))
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

static int
settle(struct gateway_call *call, enum breaker_outcome outcome)
{
	call->err = api_settle(&call->http, &call->pass, outcome, call->err,
		call->words, &call->retry_after_ms);
	return call->err;
}

/* The results as they are until the way has read more; returns the answer's tree. */
static const struct val *
finish(struct gateway_call *call)
{
	const struct val *v = NULL;

	if (call->http.err == 0 && call->http.status)
		v = api_json(call->arena, &call->http);
	call->err = call->http.err;
	call->message_id = (struct str){0};
	call->durable = false;
	call->words[0] = '\0';
	return v;
}

/* --- send ------------------------------------------------------------------- */

static void
count(int err)
{
	enum metric m = M_SEND_ERROR;

	if (err == ERR_OPEN) /* nothing was tried */
		m = M_SEND_RESTING;
	else if (err == 0)
		m = M_SEND_OK;
	else if (err == ERR_AMBIGUOUS)
		m = M_SEND_AMBIGUOUS;
	metric_add(m, 1);
}

void
gateway_send(struct gateway *g, struct gateway_call *call, struct flow *f)
{
	prepare(call);
	call->way->send(g, call);
	start(g, call, f);
}

int
gateway_send_finish(struct gateway_call *call)
{
	const struct val *v = finish(call);
	enum breaker_outcome outcome = call->way->sent(call, v);

	count(call->err);
	return settle(call, outcome);
}

/* --- probe ------------------------------------------------------------------ */

void
gateway_probe(struct gateway *g, struct gateway_call *call, struct flow *f)
{
	prepare(call);
	call->way->probe(g, call);
	start(g, call, f);
}

int
gateway_probe_finish(struct gateway_call *call)
{
	const struct val *v = finish(call);

	call->way->probed(call, v);
	enum breaker_outcome outcome = api_outcome(&call->http, call->err);
	if (outcome == BREAKER_OK) /* it lives, but sending is another matter */
		outcome = BREAKER_NONE;
	return settle(call, outcome);
}

/* --- typing ----------------------------------------------------------------- */

/* Past the breaker: a gateway that shows no typing may send very well. */
void
gateway_typing(struct gateway *g, struct gateway_call *call, bool on, struct flow *f)
{
	prepare(call);
	call->way->typing(g, call, on);
	if (!refuse(g, call, f))
		http_call_start(g->http, &call->http, f);
}

int
gateway_typing_finish(struct gateway_call *call)
{
	call->err = call->http.err;
	call->reached = call->http.sent;
	call->way->typed(call);
	http_call_done(&call->http);
	return call->err;
}

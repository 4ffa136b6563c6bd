/* SPDX-License-Identifier: MIT */
/* door.c: checks that ask over HTTP: the api, the gateways, the AI providers.
 *
 * Nothing here costs money or reaches a customer: health pages, a list of models, and
 * a webhook without messages, which queues nothing. */
#include <stdio.h>

#include "client/api.h"
#include "codec/session.h"
#include "codec/tenant.h"
#include "codec/val.h"
#include "doctor/looks.h"
#include "store/store.h"

enum {
	ASK_MS = 3000,
	AI_MS = 10000,
	WEBHOOK_MS = 5000,
	TRIES = 3,             /* of which the best counts: the machine may be busy */
	SLOW_WARN_US = 500000, /* the guide's alert */
	SLOW_BAD_US = 1000000, /* the guide's rollback */
	SESSIONS_MAX = 100,
	SERVERS_MAX = 20,
};

static const char *
secret_header(struct doctor *d)
{
	const char *secret = d->s->internal_secret;

	return secret ? api_header(&d->arena, "X-Internal-Secret: ", secret) : NULL;
}

static bool
get(struct doctor *d, struct ask_page *page, const char *url, const char *header)
{
	const char *headers[] = {header, NULL};

	*page = (struct ask_page){
		.method = "GET", .url = url, .headers = headers, .timeout_ms = ASK_MS};
	bool fine = ask_http(&d->ask, page);
	page->headers = NULL;
	return fine;
}

static const char *
url(struct doctor *d, const char *base, const char *path)
{
	return api_url(&d->arena, str_of(base), path);
}

/* --- the api -------------------------------------------------------------------- */

void
look_api(struct doctor *d, struct finding *f)
{
	struct ask_page page;

	if (!d->api_url) {
		found(d, f, VERDICT_UNKNOWN,
			"PORT=0: nobody knows where it is; say it with --api URL");
		return;
	}
	if (!get(d, &page, url(d, d->api_url, "/readyz"), NULL)) {
		found(d, f, VERDICT_BAD, "%s: %s", d->api_url, d->ask.words);
		return;
	}
	struct str why = val_text(val_get(ask_json(&d->ask, page.text), "message"));
	if (page.status == 200)
		found(d, f, VERDICT_OK, "%s is ready", d->api_url);
	else
		found(d, f, VERDICT_BAD, "%s is not ready: HTTP %d %.*s", d->api_url,
			page.status, STR_FMT(why));
}

/* Two Redis, and each looks fine: webhooks are queued in one, workers wait at the
 * other.  They are told apart by who works there. */
void
look_api_redis(struct doctor *d, struct finding *f)
{
	struct ask_page page;
	const struct val *w;
	size_t theirs = 0, known = 0;

	if (!d->work) {
		found(d, f, VERDICT_UNKNOWN, "REDIS_URL could not be looked at");
		return;
	}
	bool fine =
		get(d, &page, url(d, d->api_url, "/api/jobs/health"), secret_header(d));
	if (!fine || page.status != 200) {
		found(d, f, VERDICT_UNKNOWN, "/api/jobs/health: %s %d",
			fine ? "HTTP" : d->ask.words, page.status);
		return;
	}
	const struct val *list = val_get(ask_json(&d->ask, page.text), "workers");
	for (size_t i = 0; (w = val_at(list, i)) != NULL; i++, theirs++)
		known += work_has(d, val_text(val_get(w, "name")));
	size_t ours = work_count(d);
	if (theirs + ours > 0 && known == 0)
		found(d, f, VERDICT_BAD,
			"the api's Redis has %zu workers, the one of REDIS_URL here "
			"%zu, and none is the same",
			theirs, ours);
	else
		found(d, f, VERDICT_OK, "%zu workers in common", known);
}

static int64_t
best_of(struct doctor *d, struct ask_page *page)
{
	int64_t best_us = INT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		if (!ask_http(&d->ask, page))
			return -1;
		if (page->took_us < best_us)
			best_us = page->took_us;
	}
	return best_us;
}

void
look_webhook(struct doctor *d, struct finding *f)
{
	const char *headers[] = {
		secret_header(d), "Content-Type: application/json", NULL};
	struct ask_page page = {.method = "POST",
		.url = url(d, d->api_url, "/webhook/whatsapp/incoming"),
		.headers = headers,
		.body = STR("{\"tenantId\":\"1\",\"payload\":{\"messages\":[]}}"),
		.timeout_ms = WEBHOOK_MS};

	if (!headers[0]) {
		found(d, f, VERDICT_UNKNOWN, "INTERNAL_SECRET is not set");
		return;
	}
	int64_t us = best_of(d, &page);
	if (us < 0)
		found(d, f, VERDICT_BAD, "%s: %s", page.url, d->ask.words);
	else if (page.status == 401)
		found(d, f, VERDICT_BAD,
			"401: the api has another INTERNAL_SECRET than this "
			"environment");
	else if (page.status != 200)
		found(d, f, VERDICT_BAD, "HTTP %d", page.status);
	else
		found(d, f,
			us >= SLOW_BAD_US    ? VERDICT_BAD
			: us >= SLOW_WARN_US ? VERDICT_WARN
					     : VERDICT_OK,
			"one without messages is answered 200 in %.1f ms",
			(double)us / 1000);
	if (page.status == 401)
		found_mend(d, f,
			"# give api, gateway and this shell the same "
			"INTERNAL_SECRET, then restart the api");
}

/* --- gateways --------------------------------------------------------------------- */

static bool
is_on_baileys(const struct tenant *t)
{
	return str_eqz(t->status, "active") && str_eqz(t->gateway, "baileys");
}

/* The servers that active tenants are on, each once; without a database to know
 * tenants from, the setting's.  Returns how many. */
static size_t
gateways_of(struct doctor *d, const char *urls[SERVERS_MAX])
{
	size_t n = 0, k;

	for (size_t i = 0; i < d->tenant_count && n < SERVERS_MAX; i++) {
		const char *its = doctor_gateway_url(d, &d->tenants[i]);

		if (!is_on_baileys(&d->tenants[i]) || !its)
			continue;
		for (k = 0; k < n && strcmp(urls[k], its) != 0; k++)
			;
		urls[n] = its;
		n += k == n;
	}
	if (d->tenant_count == 0 && d->s->baileys_base_url)
		urls[n++] = d->s->baileys_base_url;
	return n;
}

/* One who is on Baileys and has no way to it. */
static const struct tenant *
stranded(struct doctor *d)
{
	for (size_t i = 0; i < d->tenant_count; i++)
		if (is_on_baileys(&d->tenants[i]) &&
			!doctor_gateway_url(d, &d->tenants[i]))
			return &d->tenants[i];
	return NULL;
}

void
look_gateway(struct doctor *d, struct finding *f)
{
	const char *urls[SERVERS_MAX];
	const struct tenant *lost = stranded(d);
	size_t n = gateways_of(d, urls);
	struct ask_page page;

	if (lost) {
		found(d, f, VERDICT_BAD,
			"BAILEYS_BASE_URL is not set, and tenant %.*s has no "
			"gateway_url",
			STR_FMT(lost->id));
		found_mend(d, f,
			"export BAILEYS_BASE_URL=http://baileys:3300  # of the "
			"workers, then restart them");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct str shown = doctor_url_shown(d, urls[i]);
		bool fine = get(d, &page, url(d, urls[i], "/healthz"), NULL);

		if (fine && page.status < 500)
			continue;
		found(d, f, VERDICT_BAD, "%.*s: %s", STR_FMT(shown),
			fine ? "answers with an error of its own" : d->ask.words);
		return;
	}
	found(d, f, VERDICT_OK, "%zu answer", n);
}

void
look_gateway_durable(struct doctor *d, struct finding *f)
{
	const char *urls[SERVERS_MAX];
	size_t n = gateways_of(d, urls);
	struct ask_page page;

	for (size_t i = 0; i < n; i++) {
		if (!get(d, &page, url(d, urls[i], "/healthz"), NULL))
			continue;
		const struct val *v = ask_json(&d->ask, page.text);
		if (str_eqz(val_text(val_get(v, "idempotency")), "durable"))
			continue;
		found(d, f, VERDICT_WARN,
			"%.*s does not say that it remembers keys on disk",
			STR_FMT(doctor_url_shown(d, urls[i])));
		return;
	}
	found(d, f, VERDICT_OK, "%zu remember what was sent", n);
}

/* --- sessions --------------------------------------------------------------------- */

/* One of the words of codec/session.h, or why nobody could be asked; absent when the
 * gateway has no such page. */
static struct str
state_of(struct doctor *d, const struct tenant *t, const char *name)
{
	struct ask_page page;
	const char *path = arena_printf(&d->arena, "/whatsapp/%s/status", name).p;

	if (!get(d, &page, url(d, doctor_gateway_url(d, t), path), secret_header(d)))
		return arena_str(&d->arena, str_of(d->ask.words));
	const struct val *v = ask_json(&d->ask, page.text);
	if (page.status != 200 || !v)
		return (struct str){0};
	if (val_true(val_get(v, "connected")))
		return STR("connected");
	struct str said = val_text(val_get(v, "sessionState"));
	const char *state = session_state(said, (struct str){0});
	/* The original says connected while its phone is not paired. */
	return strcmp(state, "connected") == 0 ? STR("disconnected") : str_of(state);
}

/* What the gateway last told the api (queue/sessions.h), in the same words. */
static struct str
told_state(struct doctor *d, const struct tenant *t)
{
	const char *key =
		arena_printf(&d->arena, "prosaas:session:%.*s", STR_FMT(t->id)).p;

	if (doctor_was(d, "redis") != VERDICT_OK)
		return (struct str){0};
	return val_text(ask_redis(&d->ask, "HGET", key, "state", NULL));
}

static enum verdict
judge_state(struct str state)
{
	if (!state.p || str_eqz(state, "unknown"))
		return VERDICT_UNKNOWN;
	if (str_eqz(state, "connected"))
		return VERDICT_OK;
	return str_eqz(state, "connecting") ? VERDICT_WARN : VERDICT_BAD;
}

static void
found_session(struct doctor *d, struct finding *f, const struct tenant *t,
	const char *name, struct str state, enum verdict v)
{
	const char *path = arena_printf(&d->arena, "/whatsapp/%s/start", name).p;

	found(d, f, v, "tenant %.*s is %.*s", STR_FMT(t->id), STR_FMT(state));
	found_mend(d, f,
		"curl -X POST -H \"X-Internal-Secret: $INTERNAL_SECRET\" %s  # then "
		"scan the code if it asks for one",
		url(d, doctor_gateway_url(d, t), path));
}

void
look_sessions(struct doctor *d, struct finding *f)
{
	size_t looked = 0, down = 0, silent = 0;

	for (size_t i = 0; i < d->tenant_count && looked < SESSIONS_MAX; i++) {
		const struct tenant *t = &d->tenants[i];

		if (!is_on_baileys(t))
			continue;
		looked++;
		const char *name = arena_printf(&d->arena, "%s%.*s",
			str_is_number(t->id) ? "business_" : "", STR_FMT(t->id))
					   .p;
		struct str state = state_of(d, t, name);
		if (!state.p)
			state = told_state(d, t);
		enum verdict v = judge_state(state);
		silent += v == VERDICT_UNKNOWN;
		down += v == VERDICT_BAD || v == VERDICT_WARN;
		if (v != VERDICT_OK && v != VERDICT_UNKNOWN && v > f->verdict)
			found_session(d, f, t, name, state, v);
	}
	if (down > 1)
		f->evidence = arena_printf(&d->arena, "%.*s (%zu are not connected)",
			STR_FMT(f->evidence), down);
	if (down == 0)
		found(d, f, VERDICT_OK, "%zu connected, of %zu nobody says",
			looked - silent, silent);
}

/* --- the AI ----------------------------------------------------------------------- */

struct provider {
	struct str base, key, model;
	const char *who; /* setting or tenant that names it */
};

static bool
asks_ai(const struct doctor *d, const struct tenant *t)
{
	if (t->ai_provider.n)
		return str_eqz(t->ai_provider, "openai");
	return strcmp(d->s->ai_provider, "openai") == 0;
}

/* Each server and key once. */
static size_t
add_provider(struct provider list[SERVERS_MAX], size_t n, struct provider p)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].base, p.base) && str_eq(list[i].key, p.key) &&
			str_eq(list[i].model, p.model))
			return n;
	if (n < SERVERS_MAX)
		list[n++] = p;
	return n;
}

static size_t
providers_of(struct doctor *d, struct provider list[SERVERS_MAX])
{
	const struct settings *s = d->s;
	struct provider ours = {str_of(s->openai_base_url), str_of(s->openai_api_key),
		str_of(s->openai_model), "OPENAI_BASE_URL"};
	size_t n = 0;

	if (strcmp(s->ai_provider, "openai") == 0)
		n = add_provider(list, n, ours);
	for (size_t i = 0; i < d->tenant_count; i++) {
		const struct tenant *t = &d->tenants[i];
		struct provider p = ours;

		if (!str_eqz(t->status, "active") || !asks_ai(d, t))
			continue;
		p.who = arena_printf(&d->arena, "tenant %.*s", STR_FMT(t->id)).p;
		if (t->ai_base_url.n)
			p.base = t->ai_base_url, p.key = t->ai_api_key;
		if (t->ai_api_key.n)
			p.key = t->ai_api_key;
		if (t->ai_model.n)
			p.model = t->ai_model;
		n = add_provider(list, n, p);
	}
	return n;
}

/* A server that lists its models without ours will refuse the question. */
static bool
has_model(const struct val *models, struct str model)
{
	const struct val *list = val_get(models, "data"), *m;

	for (size_t i = 0; (m = val_at(list, i)) != NULL; i++)
		if (str_eq(val_text(val_get(m, "id")), model))
			return true;
	return !val_at(list, 0);
}

static void
judge_provider(struct doctor *d, struct finding *f, const struct provider *p)
{
	const char *base = arena_z(&d->arena, p->base);
	const char *headers[] = {
		p->key.n ? api_header(&d->arena, "Authorization: Bearer ",
				   arena_z(&d->arena, p->key))
			 : NULL,
		NULL};
	struct ask_page page = {.method = "GET",
		.url = url(d, base, "/models"),
		.headers = headers,
		.timeout_ms = AI_MS};
	struct str shown = doctor_url_shown(d, base);

	if (!ask_http(&d->ask, &page)) {
		found(d, f, VERDICT_BAD, "%.*s (%s): %s", STR_FMT(shown), p->who,
			d->ask.words);
		return;
	}
	if (page.status == 401 || page.status == 403) {
		found(d, f, VERDICT_BAD, "%.*s (%s) refuses the key: HTTP %d%s",
			STR_FMT(shown), p->who, page.status,
			p->key.n ? "" : ", and none is set");
		found_mend(d, f,
			strncmp(p->who, "tenant", 6) == 0
				? "prosaas tenant set ID ai_api_key=@key.txt"
				: "export OPENAI_API_KEY=...  # of the workers, "
				  "then restart them");
		return;
	}
	if (page.status == 429 || page.status >= 500)
		found(d, f, page.status == 429 ? VERDICT_WARN : VERDICT_BAD,
			"%.*s (%s): HTTP %d", STR_FMT(shown), p->who, page.status);
	else if (!has_model(ask_json(&d->ask, page.text), p->model))
		found(d, f, VERDICT_BAD, "%.*s (%s) has no model %.*s", STR_FMT(shown),
			p->who, STR_FMT(p->model));
}

void
look_ai(struct doctor *d, struct finding *f)
{
	struct provider list[SERVERS_MAX];
	size_t n = providers_of(d, list);

	for (size_t i = 0; i < n && f->verdict != VERDICT_BAD; i++)
		judge_provider(d, f, &list[i]);
	if (f->verdict == VERDICT_OK)
		found(d, f, VERDICT_OK,
			n ? "%zu answer and take their key" : "nobody asks one", n);
}

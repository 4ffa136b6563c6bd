/* SPDX-License-Identifier: MIT */
/* gateways.c: checks of the Baileys gateways and of the sessions they keep. */

#include "codec/session.h"
#include "codec/tenant.h"
#include "codec/val.h"
#include "doctor/looks.h"
#include "doctor/page.h"
#include "store/store.h"

enum { SESSIONS_MAX = 100, SERVERS_MAX = 20 };

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
		bool fine = page_get(d, &page, page_url(d, urls[i], "/healthz"), NULL);

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
		if (!page_get(d, &page, page_url(d, urls[i], "/healthz"), NULL))
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

	if (!page_get(d, &page, page_url(d, doctor_gateway_url(d, t), path),
		    page_secret(d)))
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
	return val_text(ask_redis(&d->ask, "HGET", key, "state"));
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
		page_url(d, doctor_gateway_url(d, t), path));
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
		const char *name = arena_z(&d->arena, tenant_told(&d->arena, t->id));
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

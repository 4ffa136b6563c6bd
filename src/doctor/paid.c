/* SPDX-License-Identifier: MIT */
/* paid.c: checks of those we pay: AI providers and Meta's Cloud API.  What is asked is
 * free of charge and reaches no customer. */

#include "client/api.h"
#include "codec/val.h"
#include "doctor/looks.h"
#include "doctor/page.h"
#include "store/store.h"

enum { PAID_MS = 10000, SERVERS_MAX = 20 };

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
		.url = page_url(d, base, "/models"),
		.headers = headers,
		.timeout_ms = PAID_MS};
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

/* --- the Cloud API ----------------------------------------------------------- */

struct phone {
	struct str id, token, secret, verify;
};

static struct str
or_setting(struct str own, const char *setting)
{
	return own.n ? own : str_of(setting);
}

static struct phone
phone_of(const struct settings *s, const struct tenant *t)
{
	return (struct phone){
		or_setting(t->meta_phone_number_id, s->meta_wa_phone_number_id),
		or_setting(t->meta_access_token, s->meta_wa_access_token),
		or_setting(t->meta_app_secret, s->meta_wa_app_secret),
		or_setting(t->meta_verify_token, s->meta_wa_verify_token)};
}

/* What a tenant on it can't do without; NULL: it has all. */
static const char *
lack_of(const struct phone *p)
{
	return p->id.n == 0       ? "meta_phone_number_id"
	       : p->token.n == 0  ? "meta_access_token"
	       : p->secret.n == 0 ? "meta_app_secret"
	       : p->verify.n == 0 ? "meta_verify_token"
				  : NULL;
}

/* Asks what the phone is called. */
static bool
ask_phone(struct doctor *d, const struct phone *p, struct ask_page *page)
{
	const char *token = arena_z(&d->arena, p->token);
	const char *headers[] = {
		api_header(&d->arena, "Authorization: Bearer ", token), NULL};
	const char *path = arena_printf(&d->arena, "/%s/%.*s?fields=id",
		d->s->meta_wa_api_version, STR_FMT(p->id))
				   .p;

	*page = (struct ask_page){.method = "GET",
		.url = page_url(d, d->s->meta_wa_base_url, path),
		.headers = headers,
		.timeout_ms = PAID_MS};
	bool fine = ask_http(&d->ask, page);
	page->headers = NULL;
	return fine;
}

static void
judge_phone(struct doctor *d, struct finding *f, const struct tenant *t)
{
	struct phone p = phone_of(d->s, t);
	const char *lack = lack_of(&p);
	struct ask_page page;

	if (lack) {
		found(d, f, VERDICT_BAD, "tenant %.*s has no %s", STR_FMT(t->id), lack);
		found_mend(
			d, f, "prosaas tenant set %.*s %s=...", STR_FMT(t->id), lack);
		return;
	}
	if (!ask_phone(d, &p, &page)) {
		found(d, f, VERDICT_BAD, "%s: %s", d->s->meta_wa_base_url,
			d->ask.words);
		return;
	}
	if (page.status == 200)
		return;
	const struct val *error = val_get(ask_json(&d->ask, page.text), "error");
	found(d, f, VERDICT_BAD,
		"the token or the phone of tenant %.*s is refused: HTTP %d, error %lld",
		STR_FMT(t->id), page.status,
		(long long)val_int(val_get(error, "code"), 0));
	found_mend(d, f, "prosaas tenant set %.*s meta_access_token=@token.txt",
		STR_FMT(t->id));
}

void
look_cloud(struct doctor *d, struct finding *f)
{
	size_t n = 0;

	for (size_t i = 0; i < d->tenant_count && n < SERVERS_MAX; i++) {
		const struct tenant *t = &d->tenants[i];

		if (!str_eqz(t->status, "active") || !str_eqz(t->gateway, "meta"))
			continue;
		n++;
		judge_phone(d, f, t);
		if (f->verdict == VERDICT_BAD)
			return;
	}
	found(d, f, VERDICT_OK,
		n ? "%zu phones answer to their tokens" : "no tenant is on it", n);
}

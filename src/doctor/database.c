/* SPDX-License-Identifier: MIT */
/* database.c: checks of the database and of what stands in it. */
#include <stdio.h>

#include "base/seal.h"
#include "codec/tenant.h"
#include "doctor/looks.h"
#include "store/store.h"
#include "store/store_checkup.h"

/* A whole look takes a second a gigabyte, or ten from a slow disk. */
#define SOUND_MAX ((int64_t)1 << 30)

static const char *
url_of(struct doctor *d)
{
	return store_url(d->s, &d->arena);
}

void
look_database(struct doctor *d, struct finding *f)
{
	char err[256] = "";

	if (!d->store)
		d->store = store_open(NULL, url_of(d), err);
	if (!d->store)
		found(d, f, VERDICT_BAD, "%s", err);
	else
		found(d, f, VERDICT_OK,
			"%.*s, of a schema that this program works with",
			STR_FMT(doctor_url_shown(d, url_of(d))));
	if (!d->store && strstr(err, "a newer prosaas"))
		found_mend(d, f,
			"# install the newer prosaas again: a schema does not go back");
}

bool
fix_database(struct doctor *d, char words[256])
{
	char err[256] = "";
	int from, to;

	if (store_migrate(url_of(d), &from, &to, err) < 0) {
		snprintf(words, 256, "migrate: %s", err);
		return false;
	}
	snprintf(words, 256, "prosaas migrate: from schema version %d to %d", from, to);
	return true;
}

void
look_database_writable(struct doctor *d, struct finding *f)
{
	char err[256];

	if (checkup_write(url_of(d), err) < 0)
		found(d, f, VERDICT_BAD, "a commit fails: %s", err);
	else
		found(d, f, VERDICT_OK, "a commit succeeds");
}

void
look_database_sound(struct doctor *d, struct finding *f)
{
	const char *url = url_of(d);
	int64_t size = checkup_size(url);
	struct str wrong;
	char err[256];

	const char *path = strncmp(url, "sqlite:///", 10) == 0 ? url + 10 : url;
	struct str shown = doctor_bytes(d, (double)size);
	if (size > SOUND_MAX) {
		found(d, f, VERDICT_UNKNOWN,
			"%.*s take long to look through; by hand: sqlite3 %s 'PRAGMA "
			"quick_check'",
			STR_FMT(shown), path);
		return;
	}
	if (checkup_sound(url, &d->arena, &wrong, err) < 0)
		found(d, f, VERDICT_BAD, "quick_check: %s", err);
	else if (wrong.p)
		found(d, f, VERDICT_BAD, "quick_check: %.*s", STR_FMT(wrong));
	else
		found(d, f, VERDICT_OK, "quick_check of %.*s: ok", STR_FMT(shown));
	found_mend(d, f,
		"sqlite3 %s .recover | sqlite3 %s.recovered  # stop all roles first; "
		"or "
		"restore a backup",
		path, path);
}

void
look_duplicates(struct doctor *d, struct finding *f)
{
	struct checkup_rows rows = {0};
	char err[256];

	if (checkup_duplicates(url_of(d), &d->arena, &rows, err) < 0) {
		found(d, f, VERDICT_UNKNOWN, "%s", err);
		return;
	}
	if (rows.inbound == 0 && rows.replies == 0) {
		found(d, f, VERDICT_OK, "none in the newest %lld rows",
			(long long)rows.looked);
		return;
	}
	found(d, f, VERDICT_BAD,
		"%lld messages are there twice (one: row %lld), %lld turns have two "
		"replies "
		"(one: turn %lld); tenant %.*s",
		(long long)rows.inbound, (long long)rows.message,
		(long long)rows.replies, (long long)rows.turn, STR_FMT(rows.tenant));
}

/* --- tenants ---------------------------------------------------------------- */

/* What an active tenant lacks to answer anything; NULL: nothing. */
static const char *
lack_of(const struct doctor *d, const struct tenant *t)
{
	const char *provider = d->s->ai_provider;
	bool builtin = t->ai_provider.n ? str_eqz(t->ai_provider, "builtin")
					: strcmp(provider, "builtin") == 0;

	if (!str_eqz(t->status, "active"))
		return NULL;
	if (!builtin)
		return t->prompt.n ? NULL : "prompt";
	bool rules = t->rules.n > 0 && !str_eqz(t->rules, "[]");
	return rules || t->default_text.n ? NULL : "default_text";
}

/* Without a prompt the AI is not asked; without a built-in text nothing was meant to be
 * said, maybe. */
static void
look_for_lacks(struct doctor *d, struct finding *f)
{
	enum verdict worst = VERDICT_OK;
	size_t lacking = 0, active = 0;

	for (size_t i = 0; i < d->tenant_count; i++) {
		const struct tenant *t = &d->tenants[i];
		const char *lack = lack_of(d, t);

		active += str_eqz(t->status, "active");
		if (!lack)
			continue;
		lacking++;
		bool prompt = strcmp(lack, "prompt") == 0;
		enum verdict v = prompt ? VERDICT_BAD : VERDICT_WARN;
		if (lacking > 1 && v >= worst && worst == VERDICT_BAD)
			continue;
		worst = v > worst ? v : worst;
		found(d, f, worst, "tenant %.*s has no %s%s", STR_FMT(t->id), lack,
			prompt ? ": the AI is not asked" : " and no rules");
		found_mend(d, f, "prosaas tenant set %.*s %s=@%s.txt", STR_FMT(t->id),
			lack, lack);
	}
	if (lacking == 0)
		found(d, f, active ? VERDICT_OK : VERDICT_WARN,
			"%zu, of which %zu are active", d->tenant_count, active);
	else
		f->evidence = arena_printf(&d->arena, "%.*s (%zu of %zu like it)",
			STR_FMT(f->evidence), lacking, active);
}

void
look_tenants(struct doctor *d, struct finding *f)
{
	struct store_tenant_list list = {.op.arena = &d->arena};

	store_tenant_list(d->store, &list, NULL);
	if (store_run(d->store, &list.op) < 0) {
		found(d, f, VERDICT_UNKNOWN, "%s", list.op.words);
		return;
	}
	d->tenants = list.tenants;
	d->tenant_count = list.count;
	if (list.count == 0)
		found(d, f, VERDICT_BAD,
			"there are none: every message is a dead letter "
			"(unknown_tenant)");
	else
		look_for_lacks(d, f);
}

/* --- their secrets ---------------------------------------------------------- */

/* What is sealed in a list did not open. */
#define CLOSED_TEXT(value)   0
#define CLOSED_NUMBER(value) 0
#define CLOSED_REAL(value)   0
#define CLOSED_SECRET(value) seal_is(value)

static size_t
closed_count(const struct tenant *t)
{
#define ADD_(kind, name, help) +CLOSED_##kind(t->name)
	return 0 TENANT_FIELDS(ADD_);
#undef ADD_
}

void
look_secrets_key(struct doctor *d, struct finding *f)
{
	size_t tenants = 0, values = 0;
	struct str one = STR("");

	if (doctor_was(d, "tenants") == VERDICT_UNKNOWN) {
		found(d, f, VERDICT_UNKNOWN, "not looked at: see tenants");
		return;
	}
	for (size_t i = 0; i < d->tenant_count; i++) {
		size_t n = closed_count(&d->tenants[i]);

		if (n > 0)
			one = d->tenants[i].id;
		tenants += n > 0;
		values += n;
	}
	if (values == 0) {
		found(d, f, VERDICT_OK, "no secret of a tenant stays sealed");
		return;
	}
	found(d, f, VERDICT_BAD,
		seal_ready() ? "%zu values of %zu tenants are sealed with another "
			       "SECRETS_KEY (one: tenant %.*s)"
			     : "SECRETS_KEY is not set, and %zu values of %zu tenants "
			       "are sealed (one: tenant %.*s)",
		values, tenants, STR_FMT(one));
	if (seal_ready())
		found_mend(d, f,
			"SECRETS_KEY_PREVIOUS=OLD prosaas tenant seal  # OLD: the key "
			"they are sealed with; if it is lost: prosaas tenant set ID "
			"NAME=@file");
}

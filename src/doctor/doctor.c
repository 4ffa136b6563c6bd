/* SPDX-License-Identifier: MIT */
/* doctor.c: runs the checks in their order, and knows what follows from what. */
#include "doctor/doctor.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "client/api.h"
#include "role/home.h"
#include "store/store.h"

const char *const verdict_names[VERDICT_COUNT] = {"ok", "warn", "bad", "unknown"};
const char *const verdict_marks[VERDICT_COUNT] = {"ok", "WARN", "BAD", "unknown"};

/* --- the settings the roles have -------------------------------------------- */

/* What `all` made, when it is `all` that runs on DATA_DIR: its Redis, its secret, its
 * gateway (role/home.h, role/supervisor.c). */
static void
as_all_has_it(struct doctor *d)
{
	struct settings *s = &d->settings;
	struct arena *a = &d->arena;
	char url[HOME_URL_SIZE], text[HOME_SECRET_SIZE];

	if (s->redis_url || !home_redis(s, url))
		return;
	s->redis_url = arena_printf(a, "%s", url).p;
	if (!s->baileys_base_url)
		s->baileys_base_url = arena_printf(
			a, "http://127.0.0.1:%d", (int)s->fake_gateway_port)
					      .p;
	const char *path = arena_printf(a, "%s/" HOME_SECRET, s->data_dir).p;
	FILE *f = s->internal_secret ? NULL : fopen(path, "re");
	if (!f)
		return;
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	s->internal_secret = arena_z(a, str_trim((struct str){text, n}));
}

static const char *
api_of(struct doctor *d, const char *where)
{
	const struct settings *s = d->s;
	bool any = !s->host || strcmp(s->host, "0.0.0.0") == 0;

	if (where)
		return api_url(&d->arena, str_of(where), "");
	if (s->port == 0)
		return NULL;
	return arena_printf(
		&d->arena, "http://%s:%d", any ? "127.0.0.1" : s->host, (int)s->port)
		.p;
}

static const char *
cli_of(struct doctor *d)
{
	struct str path = str_of(d->s->redis_url);

	if (!str_starts(path, STR("unix://")))
		return "redis-cli -u \"$REDIS_URL\"";
	path.p += 7;
	path.n -= 7;
	struct str query = path;
	path = str_cut(&query, '?');
	if (str_starts(query, STR("db=")))
		return arena_printf(&d->arena, "redis-cli -s %.*s -n %.*s",
			STR_FMT(path), (int)query.n - 3, query.p + 3)
			.p;
	return arena_printf(&d->arena, "redis-cli -s %.*s", STR_FMT(path)).p;
}

void
doctor_open(struct doctor *d, const struct settings *s, const char *api_url)
{
	char err[256];

	*d = (struct doctor){.s = &d->settings, .settings = *s};
	assert(check_count <= CHECKS_MAX);
	arena_init(&d->arena);
	log_init("doctor", "error", false); /* what goes wrong is a finding */
	as_all_has_it(d);
	d->api_url = api_of(d, api_url);
	d->redis_cli = cli_of(d);
	const char *url = d->s->redis_url;
	ask_open(
		&d->ask, &d->arena, url && redis_url_check(url, err) == 0 ? url : NULL);
}

void
doctor_close(struct doctor *d)
{
	ask_close(&d->ask);
	if (d->store)
		store_close(d->store);
	arena_done(&d->arena);
}

/* --- looking ---------------------------------------------------------------- */

static struct finding *
finding_of(const struct doctor *d, struct str name)
{
	for (size_t i = 0; i < check_count; i++)
		if (str_eqz(name, checks[i].name))
			return (struct finding *)&d->findings[i];
	assert(!"a check of that name");
	return NULL;
}

enum verdict
doctor_was(const struct doctor *d, const char *name)
{
	return doctor_found(d, name)->verdict;
}

/* The row's command, with redis-cli as it reaches this Redis. */
static struct str
command_of(struct doctor *d, const char *mend)
{
	static const char word[] = "redis-cli ";
	struct str out = STR("");
	const char *at;

	while ((at = strstr(mend, word)) != NULL) {
		out = arena_printf(&d->arena, "%.*s%.*s%s ", STR_FMT(out),
			(int)(at - mend), mend, d->redis_cli);
		mend = at + sizeof(word) - 1;
	}
	return arena_printf(&d->arena, "%.*s%s", STR_FMT(out), mend);
}

/* The cause of a trouble is the first that is wrong itself of those it may have. */
static const char *
cause_of(const struct doctor *d, const struct check *c)
{
	struct str rest = str_of(c->after), name;

	while (str_next(&rest, &name)) {
		const struct finding *f = finding_of(d, name);

		if (f->verdict == VERDICT_BAD)
			return f->check->name;
	}
	return NULL;
}

static void
look(struct doctor *d, const struct check *c, struct finding *f)
{
	const struct finding *need = c->needs ? finding_of(d, str_of(c->needs)) : NULL;

	*f = (struct finding){.check = c, .mend = command_of(d, c->mend)};
	if (need && need->verdict != VERDICT_OK && need->verdict != VERDICT_WARN) {
		found(d, f, VERDICT_UNKNOWN, "not looked at: see %s", c->needs);
		f->follows = need->follows ? need->follows : c->needs;
		return;
	}
	c->look(d, f);
	if (f->verdict != VERDICT_OK && !f->follows)
		f->follows = cause_of(d, c);
}

void
doctor_look(struct doctor *d)
{
	d->info = STR("");
	d->work = NULL;
	for (size_t i = 0; i < check_count; i++)
		look(d, &checks[i], &d->findings[i]);
	/* A cause may stand after what it explains. */
	for (size_t i = 0; i < check_count; i++)
		if (d->findings[i].verdict != VERDICT_OK && !d->findings[i].follows)
			d->findings[i].follows = cause_of(d, &checks[i]);
}

const struct finding *
doctor_found(const struct doctor *d, const char *name)
{
	return finding_of(d, str_of(name));
}

void
doctor_mend(struct doctor *d, doctor_mended *tell, void *arg)
{
	char words[256];

	for (size_t i = 0; i < check_count; i++) {
		enum verdict v = d->findings[i].verdict;

		if (!checks[i].fix || (v != VERDICT_BAD && v != VERDICT_WARN))
			continue;
		bool fine = checks[i].fix(d, words);
		tell(arg, &checks[i], fine, words);
	}
}

size_t
doctor_count(const struct doctor *d, enum verdict v)
{
	size_t n = 0;

	for (size_t i = 0; i < check_count; i++)
		n += d->findings[i].verdict == v;
	return n;
}

int
doctor_status(const struct doctor *d)
{
	if (doctor_was(d, "redis") == VERDICT_BAD &&
		doctor_was(d, "database") == VERDICT_BAD)
		return 2;
	return doctor_count(d, VERDICT_BAD) > 0;
}

/* --- for checks ------------------------------------------------------------- */

void
found(struct doctor *d, struct finding *f, enum verdict v, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->verdict = v;
	f->evidence = arena_str(&d->arena, str_of(text));
}

void
found_mend(struct doctor *d, struct finding *f, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->mend = command_of(d, text);
}

struct str
doctor_info(const struct doctor *d, const char *field)
{
	struct str rest = d->info;

	while (rest.p) {
		struct str value = str_trim(str_cut(&rest, '\n'));
		struct str name = str_cut(&value, ':');

		if (value.p && str_eqz(name, field))
			return value;
	}
	return (struct str){0};
}

int64_t
doctor_info_number(const struct doctor *d, const char *field, int64_t otherwise)
{
	int64_t v;

	return str_int(doctor_info(d, field), &v) < 0 ? otherwise : v;
}

struct str
doctor_url_shown(struct doctor *d, const char *url)
{
	const char *scheme = strstr(url, "://");
	const char *at = scheme ? strrchr(scheme + 3, '@') : NULL;

	if (!at)
		return str_of(url);
	return arena_printf(&d->arena, "%.*s***%s", (int)(scheme + 3 - url), url, at);
}

struct str
doctor_bytes(struct doctor *d, double bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	size_t u = 0;

	while (bytes >= 1024 && u + 1 < ARRAY_LEN(units)) {
		bytes /= 1024;
		u++;
	}
	return arena_printf(&d->arena, u ? "%.1f %s" : "%.0f %s", bytes, units[u]);
}

const char *
doctor_gateway_url(struct doctor *d, const struct tenant *t)
{
	if (t->gateway_url.n)
		return arena_z(&d->arena, t->gateway_url);
	return d->s->baileys_base_url;
}

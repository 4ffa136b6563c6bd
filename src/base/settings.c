/* SPDX-License-Identifier: MIT */
/* settings.c: the settings table, read from the environment. */
#include "base/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

enum kind { TEXT, SECRET, NUMBER, REAL, WORD };

enum { SECRET_FILE_MAX = 4096 };

static const struct row {
	enum kind kind;
	size_t offset;
	const char *env, *def;
	double lo, hi;
	const char *words, *help;
} rows[] = {
#define SETTING_ROW_(kind, field, env, def, lo, hi, words, help) \
	{kind, offsetof(struct settings, field), env, def, lo, hi, words, help},
	SETTINGS(SETTING_ROW_)
#undef SETTING_ROW_
};

static const char *sources[ARRAY_LEN(rows)]; /* "environment", a file, "default" */

static void *
field_of(const struct settings *s, const struct row *r)
{
	return (char *)s + r->offset; /* const is the caller's promise */
}

static bool
is_word_of(const char *words, const char *value)
{
	struct str rest = str_of(words);

	while (rest.p)
		if (str_eqz(str_cut(&rest, '|'), value))
			return true;
	return false;
}

static int
parse_number(const struct row *r, const char *value, void *field)
{
	int64_t v;

	int err = str_int(str_trim(str_of(value)), &v);
	if (err < 0 || (double)v < r->lo || (double)v > r->hi)
		return -EINVAL;
	*(int64_t *)field = v;
	return 0;
}

static int
parse_real(const struct row *r, const char *value, void *field)
{
	char *end;
	double v = strtod(value, &end);

	if (end == value || *end || !(v >= r->lo && v <= r->hi))
		return -EINVAL;
	*(double *)field = v;
	return 0;
}

static int
parse(const struct row *r, const char *value, void *field)
{
	switch (r->kind) {
	case NUMBER:
		return parse_number(r, value, field);
	case REAL:
		return parse_real(r, value, field);
	case WORD:
		if (!is_word_of(r->words, value))
			return -EINVAL;
		break;
	case TEXT:
	case SECRET:
		break;
	}
	*(const char **)field = value;
	return 0;
}

static void
describe(const struct row *r, const char *value, char err[256])
{
	if (r->kind == WORD)
		snprintf(err, 256, "%s=%s: allowed are %s", r->env, value, r->words);
	else
		snprintf(err, 256, "%s=%s: allowed is a number from %g to %g", r->env,
			value, r->lo, r->hi);
}

/* Reads the file that NAME_FILE names; blanks around the secret are not part of
 * it.  The text is kept for the life of the process. */
static int
read_secret(const struct row *r, const char **ret, const char **ret_path, char err[256])
{
	char name[64], text[SECRET_FILE_MAX];

	snprintf(name, sizeof(name), "%s_FILE", r->env);
	const char *path = getenv(name);
	if (!path || !*path)
		return 0;

	FILE *f = fopen(path, "re");
	if (!f) {
		snprintf(err, 256, "%s=%s: %s", name, path, strerror(errno));
		return -EINVAL;
	}
	size_t n = fread(text, 1, sizeof(text), f);
	fclose(f);
	if (n == sizeof(text)) {
		snprintf(err, 256, "%s=%s: longer than %d bytes", name, path,
			SECRET_FILE_MAX - 1);
		return -EINVAL;
	}

	struct str s = str_trim((struct str){text, n});
	char *kept = xcalloc(1, s.n + 1);
	memcpy(kept, s.p, s.n);
	*ret = kept;
	*ret_path = path;
	return 0;
}

static int
load_row(struct settings *s, size_t i, char err[256])
{
	const struct row *r = &rows[i];
	const char *value = getenv(r->env);
	const char *path = NULL;

	sources[i] = "environment";
	if (value && !*value)
		value = NULL; /* NAME= is how compose files leave a setting unset */
	if (!value && r->kind == SECRET) {
		int bad = read_secret(r, &value, &path, err);
		if (bad < 0)
			return bad;
		sources[i] = path;
	}
	if (!value) {
		sources[i] = "default";
		value = r->def;
	}
	if (!value) {
		if (r->kind == NUMBER)
			*(int64_t *)field_of(s, r) = SETTING_UNSET;
		return 0;
	}

	int bad = parse(r, value, field_of(s, r));
	if (bad < 0)
		describe(r, value, err);
	return bad;
}

static void
add_own_queue(struct settings *s)
{
	static char *all; /* of the last load: tests load again */
	struct str names = str_of(s->rq_queues);
	size_t size = names.n + sizeof("," OWN_QUEUE);

	if (str_lists(names, STR(OWN_QUEUE)))
		return;
	all = xrealloc(all, size);
	snprintf(all, size, "%s," OWN_QUEUE, s->rq_queues);
	s->rq_queues = all;
}

int
settings_load(struct settings *s, char err[256])
{
	*s = (struct settings){0};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int bad = load_row(s, i, err);
		if (bad < 0)
			return bad;
	}
	add_own_queue(s);
	return 0;
}

/* A URL may carry a password: user:password@ is masked up to the @. */
static void
show_text(struct buf *out, const char *value)
{
	const char *scheme = strstr(value, "://");
	const char *at = scheme ? strchr(scheme + 3, '@') : NULL;

	if (at)
		buf_addf(out, "%.*s***%s", (int)(scheme + 3 - value), value, at);
	else
		buf_addz(out, value);
}

static void
show_value(struct buf *out, const struct settings *s, const struct row *r)
{
	void *field = field_of(s, r);
	const char *text =
		r->kind == NUMBER || r->kind == REAL ? NULL : *(const char **)field;

	if (r->kind == NUMBER && *(int64_t *)field != SETTING_UNSET)
		buf_addf(out, "%lld", (long long)*(int64_t *)field);
	else if (r->kind == REAL)
		buf_addf(out, "%g", *(double *)field);
	else if (text && r->kind == SECRET)
		buf_addz(out, "***");
	else if (text)
		show_text(out, text);
}

void
settings_show(const struct settings *s, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_addf(out, "%s=", rows[i].env);
		show_value(out, s, &rows[i]);
		buf_addf(out, "\n    # from %s. %s\n", sources[i], rows[i].help);
	}
}

static void
markdown_allowed(struct buf *out, const struct row *r)
{
	switch (r->kind) {
	case NUMBER:
		buf_addf(out, "%.0f to %.0f", r->lo, r->hi);
		break;
	case REAL:
		buf_addf(out, "%g to %g", r->lo, r->hi);
		break;
	case WORD:
		for (const char *p = r->words; *p; p++) {
			if (*p == '|')
				buf_addz(out, ", ");
			else
				buf_addc(out, *p);
		}
		break;
	case SECRET:
		buf_addf(out, "secret, also `%s_FILE`", r->env);
		break;
	case TEXT:
		buf_addz(out, "text");
		break;
	}
}

void
settings_markdown(struct buf *out)
{
	buf_addz(out,
		"# Settings\n\n"
		"Made from the settings table by `make docs`; edit "
		"`src/base/settings.h`, not this page.\n\n"
		"Each is an environment variable; an empty one counts as unset. A bad "
		"value stops the start with one line.\n"
		"`prosaas config` shows the values in force and where each came "
		"from.\n\n"
		"| name | default | allowed | |\n|---|---|---|---|\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_addf(out, "| %s | %s | ", rows[i].env,
			rows[i].def ? rows[i].def : "");
		markdown_allowed(out, &rows[i]);
		buf_addf(out, " | %s |\n", rows[i].help);
	}
}

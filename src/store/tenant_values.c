/* SPDX-License-Identifier: MIT */
/* tenant_values.c: what the properties of a tenant may be.
 *
 *   name=value ---> field_of ---> allowed_of ---> its check ---> the struct
 *
 * What a value may be stands in `allowed`; a text without a row there may be any.  An
 * empty text is absent: there is one way to be unset. */
#include "store/tenant_values.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hours.h"
#include "base/quiet.h"
#include "base/seal.h"
#include "base/zone.h"
#include "codec/phone.h"

enum { TEMPLATE_MAX = 512, LANGUAGE_MAX = 15 };

const struct tenant_field tenant_fields[] = {
#define FIELD_(kind, name, help) {TENANT_##kind, #name, offsetof(struct tenant, name)},
	TENANT_FIELDS(FIELD_)
#undef FIELD_
};

void *
tenant_value(struct tenant *t, const struct tenant_field *f)
{
	return (char *)t + f->offset;
}

static bool
is_url(struct sql *db, struct str s, char words[HOURS_WORDS])
{
	(void)db, (void)words;
	return s.n == 0 || str_starts(s, STR("http://")) ||
	       str_starts(s, STR("https://"));
}

static bool
is_country(struct sql *db, struct str s, char words[HOURS_WORDS])
{
	(void)db, (void)words;
	return s.n == 0 || phone_is_country(s);
}

static bool
is_quiet_hours(struct sql *db, struct str s, char words[HOURS_WORDS])
{
	struct quiet q;

	(void)db, (void)words;
	return s.n == 0 || quiet_parse(&q, s) == 0;
}

/* CASE, because AND promises no order and json_type() of what is no JSON fails. */
static bool
is_rules(struct sql *db, struct str s, char words[HOURS_WORDS])
{
	(void)words;
	int r = sql_row(db,
		"SELECT CASE WHEN NOT json_valid(?1) THEN 0"
		" WHEN json_type(?1) <> 'array' THEN 0"
		" ELSE NOT EXISTS (SELECT 1 FROM json_each(?1) AS rule"
		"  WHERE CASE WHEN rule.type <> 'object' THEN 1"
		"   ELSE json_type(rule.value, '$.match') IS NOT 'text'"
		"    OR json_type(rule.value, '$.reply') IS NOT 'text' END) END",
		SQL_TEXT(s));

	return r > 0 && sql_col_number(db, 0) == 1;
}

/* It goes into a header. */
static bool
is_key(struct sql *db, struct str s, char words[HOURS_WORDS])
{
	(void)db, (void)words;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

/* Of a name that Meta would approve. */
static bool
is_template(struct sql *db, struct str s, char words[HOURS_WORDS])
{
	(void)db, (void)words;
	for (size_t i = 0; i < s.n; i++)
		if (!islower((unsigned char)s.p[i]) &&
			!isdigit((unsigned char)s.p[i]) && s.p[i] != '_')
			return false;
	return s.n <= TEMPLATE_MAX;
}

static bool
is_language(struct sql *db, struct str s, char words[HOURS_WORDS])
{
	(void)db, (void)words;
	for (size_t i = 0; i < s.n; i++)
		if (!isalpha((unsigned char)s.p[i]) && s.p[i] != '_')
			return false;
	return s.n == 0 || (s.n >= 2 && s.n <= LANGUAGE_MAX);
}

/* It goes to Redis, too. */
static bool
is_sealable(struct sql *db, struct str s, char words[HOURS_WORDS])
{
	if (s.n == 0 || seal_ready())
		return is_key(db, s, words);
	snprintf(words, HOURS_WORDS, "SECRETS_KEY is not set, and it must be sealed");
	return false;
}

static bool
is_digits(struct sql *db, struct str s, char words[HOURS_WORDS])
{
	(void)db, (void)words;
	return s.n == 0 || str_is_number(s);
}

static bool
is_tools(struct sql *db, struct str s, char words[HOURS_WORDS])
{
	(void)words;
	if (s.n == 0)
		return true;
	int r = sql_row(db,
		"SELECT CASE WHEN NOT json_valid(?1) THEN 0"
		" WHEN json_type(?1) <> 'array' THEN 0"
		" ELSE NOT EXISTS (SELECT 1 FROM json_each(?1) AS tool"
		"  WHERE CASE WHEN tool.type <> 'object' THEN 1"
		"   ELSE json_type(tool.value, '$.name') IS NOT 'text'"
		"    OR tool.value ->> '$.name' GLOB '*[^a-zA-Z0-9_-]*'"
		"    OR length(tool.value ->> '$.name') NOT BETWEEN 1 AND 64"
		"    OR ifnull(json_type(tool.value, '$.description'), 'text') <> "
		"'text'"
		"    OR ifnull(json_type(tool.value, '$.parameters'), 'object') <> "
		"'object'"
		"    OR ifnull(tool.value ->> '$.url', '') NOT GLOB 'http*://*' END) "
		"END",
		SQL_TEXT(s));

	return r > 0 && sql_col_number(db, 0) == 1;
}

static bool
is_zone(struct sql *db, struct str s, char words[HOURS_WORDS])
{
	(void)db, (void)words;
	return zone_known(s);
}

static bool
is_hours(struct sql *db, struct str s, char words[HOURS_WORDS])
{
	struct hours h;

	(void)db;
	return s.n == 0 || hours_parse(&h, s, words) == 0;
}

static bool
is_number(struct sql *db, struct str s, char words[HOURS_WORDS])
{
	char phone[PHONE_SIZE];

	(void)db, (void)words;
	return s.n == 0 || phone_read(s, (struct str){NULL, 0}, phone) == 0;
}

/* words may say what is wrong, better than the row's help. */
typedef bool check_fn(struct sql *db, struct str s, char words[HOURS_WORDS]);

static const struct allowed {
	const char *name, *words, *help;
	int64_t lo, hi;  /* of a number */
	check_fn *check; /* of a text */
} allowed[] = {
	{"status", "active|paused", "active or paused"},
	{"country", NULL, "a country like IL or a calling code like 972, or empty",
		.check = is_country},
	{"gateway", "baileys|meta", "baileys or meta"},
	{"meta_phone_number_id", NULL, "digits, or empty", .check = is_digits},
	{"meta_access_token", NULL, "printable ASCII without blanks, or empty",
		.check = is_key},
	{"meta_app_secret", NULL, "printable ASCII without blanks, or empty",
		.check = is_sealable},
	{"meta_verify_token", NULL, "printable ASCII without blanks, or empty",
		.check = is_sealable},
	{"meta_template", NULL, "a template's name (a-z, 0-9, _), or empty",
		.check = is_template},
	{"meta_template_language", NULL, "a language code like en or pt_BR, or empty",
		.check = is_language},
	{"gateway_url", NULL, "a http:// or https:// URL, or empty", .check = is_url},
	{"ai_provider", "|builtin|openai", "builtin, openai or empty"},
	{"time_zone", NULL, "a time zone like Europe/Berlin, or empty",
		.check = is_zone},
	{"ai_base_url", NULL, "a http:// or https:// URL, or empty", .check = is_url},
	{"ai_api_key", NULL, "printable ASCII without blanks, or empty",
		.check = is_key},
	{"ai_temperature", NULL, "a number from 0 to 2, or -1", 0, 2},
	{"ai_input_tokens", NULL, "a whole number from 0 to 1000000", 0, 1000000},
	{"ai_history", NULL, "a whole number from 0 to 200, or -1", -1, 200},
	{"ai_daily_budget", NULL, "a number from 0 to 1000000", 0, 1000000},
	{"ai_max_tokens", NULL, "a whole number from 0 to 100000", 0, 100000},
	{"debounce_ms", NULL, "a whole number from 0 to 60000, or -1", -1, 60000},
	{"session_idle_min", NULL, "a whole number from 0 to 10080, or -1", -1, 10080},
	{"reply_part_chars", NULL, "a whole number from 0 to 60000, or -1", -1, 60000},
	{"human_pause_min", NULL, "a whole number from 0 to 10080, or -1", -1, 10080},
	{"retain_messages_days", NULL, "a whole number from 0 to 36500, or -1", -1,
		36500},
	{"retain_raw_days", NULL, "a whole number from 0 to 36500, or -1", -1, 36500},
	{"rules", NULL, "a JSON list of {\"match\":\"word\",\"reply\":\"text\"}",
		.check = is_rules},
	{"tools", NULL,
		"a JSON list of {\"name\",\"description\",\"parameters\",\"url\"}, or "
		"empty",
		.check = is_tools},
	{"quiet_hours", NULL, "two times of the day like 22:00-08:00, or empty",
		.check = is_quiet_hours},
	{"hours", NULL, "open days and times like Mon-Fri 09:00-18:00; Sat 10:00-14:00",
		.check = is_hours},
	{"groups", "never|mentioned", "never or mentioned"},
	{"own_number", NULL, "a phone with its country code, +972501234567, or empty",
		.check = is_number},
	{"ambiguous", "dead|resend", "dead or resend"},
};

static const struct allowed *
allowed_of(const struct tenant_field *f)
{
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		if (strcmp(allowed[i].name, f->name) == 0)
			return &allowed[i];
	return NULL;
}

static bool
is_word_of(const char *words, struct str value)
{
	struct str rest = str_of(words);

	while (rest.p)
		if (str_eq(str_cut(&rest, '|'), value))
			return true;
	return false;
}

static bool
set_text(struct sql *db, const struct tenant_field *f, struct str s,
	char words[HOURS_WORDS], struct str *ret)
{
	const struct allowed *a = allowed_of(f);

	if (f->kind == TENANT_SECRET && seal_is(s))
		return false;
	if (a && a->words && !is_word_of(a->words, s))
		return false;
	if (a && a->check && !a->check(db, s, words))
		return false;
	*ret = s.n > 0 ? s : (struct str){NULL, 0};
	return true;
}

static bool
set_number(const struct tenant_field *f, struct str s, int64_t *ret)
{
	const struct allowed *a = allowed_of(f);
	int64_t v;

	if (str_int(s, &v) < 0 || v < a->lo || v > a->hi)
		return false;
	*ret = v;
	return true;
}

static bool
set_real(struct arena *a, const struct tenant_field *f, struct str s, double *ret)
{
	const struct allowed *allow = allowed_of(f);
	bool unset_is_less = f->offset == offsetof(struct tenant, ai_temperature);
	char *end, *z = arena_z(a, s.p ? s : STR(""));
	double v = strtod(z, &end);

	if (end == z || *end)
		return false;
	if (!(v == -1 && unset_is_less) &&
		!(v >= (double)allow->lo && v <= (double)allow->hi))
		return false;
	*ret = v;
	return true;
}

static bool
set_value(struct sql *db, struct arena *a, struct tenant *t,
	const struct tenant_field *f, struct str s, char words[HOURS_WORDS])
{
	void *value = tenant_value(t, f);

	switch (f->kind) {
	case TENANT_TEXT:
	case TENANT_SECRET:
		return set_text(db, f, s, words, value);
	case TENANT_NUMBER:
		return set_number(f, s, value);
	case TENANT_REAL:
		return set_real(a, f, s, value);
	}
	return false;
}

static const struct tenant_field *
field_of(struct str name)
{
	for (size_t i = 0; i < TENANT_FIELD_COUNT; i++)
		if (str_eqz(name, tenant_fields[i].name))
			return &tenant_fields[i];
	return NULL;
}

int
tenant_printable(struct str s, size_t max)
{
	size_t n = 0;

	while (n < s.n && (unsigned char)s.p[n] >= ' ' && n < max)
		n++;
	while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
		n--;
	return (int)n;
}

/* There are more than fit into a line. */
static int
fail_name(struct store_op *op, struct str name)
{
	return store_fail(op, ERR_SHAPE,
		"no property %.*s; `prosaas tenant show ID` lists them",
		tenant_printable(name, 20), name.p);
}

static int
fail_value(struct store_op *op, const struct tenant_field *f, struct str value,
	const char *words)
{
	const struct allowed *a = allowed_of(f);

	if (words[0])
		return store_fail(op, ERR_SHAPE, "%s: %s", f->name, words);
	if (f->kind == TENANT_SECRET)
		value = STR("***");
	return store_fail(op, ERR_SHAPE, "%s=%.*s: allowed is %s", f->name,
		tenant_printable(value, 30), value.p, a ? a->help : "a number");
}

int
tenant_set(struct sql *db, struct store_tenant_put *put, struct tenant *t)
{
	for (size_t i = 0; i < put->count; i++) {
		struct str name = put->names[i], value = put->values[i];
		const struct tenant_field *f = field_of(name);
		char wrong[HOURS_WORDS] = "";

		if (!f)
			return fail_name(&put->op, name);
		if (!set_value(db, put->op.arena, t, f, value, wrong))
			return fail_value(&put->op, f, value, wrong);
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* store_tenants.c: the tenants table.
 *
 * Its columns come from TENANT_FIELDS: reading, writing and the names that a user
 * may set follow from the rows there.  What a value may be stands in `allowed`.  An
 * empty text is stored as NULL: there is one way to be unset.
 *
 * A SECRET is sealed (base/seal.h) where there is a SECRETS_KEY.  One that does not
 * open is an error for whoever would use it (tenant_find), and stays as it is for who
 * only lists or changes the tenant. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hours.h"
#include "base/quiet.h"
#include "base/seal.h"
#include "base/zone.h"
#include "codec/phone.h"
#include "store/store_priv.h"

enum kind { TEXT, SECRET, NUMBER, REAL };

enum { TEMPLATE_MAX = 512, LANGUAGE_MAX = 15 };

static const struct field {
	enum kind kind;
	const char *name;
	size_t offset;
} fields[] = {
#define FIELD_(kind, name, help) {kind, #name, offsetof(struct tenant, name)},
	TENANT_FIELDS(FIELD_)
#undef FIELD_
};

/* --- rows ----------------------------------------------------------------- */

#define COLUMN_(kind, name, help) ", " #name
#define SELECT_TENANTS \
	"SELECT id, created_us, prompt_version" TENANT_FIELDS(COLUMN_) " FROM tenants"

static void *
value_of(struct tenant *t, const struct field *f)
{
	return (char *)t + f->offset;
}

/* Whose secret, and which. */
static struct str
place_of(struct arena *a, const struct tenant *t, const struct field *f)
{
	return arena_printf(a, "%.*s|%s", STR_FMT(t->id), f->name);
}

/* 0, or ERR_SEALED, when all the rest is read. */
static int
read_tenant(struct sql *db, struct arena *a, struct tenant *t)
{
	int err = 0;

	t->id = sql_col_text(db, 0, a);
	t->created_us = sql_col_number(db, 1);
	t->prompt_version = sql_col_number(db, 2);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		void *value = value_of(t, &fields[i]);
		int column = (int)i + 3;

		switch (fields[i].kind) {
		case TEXT:
			*(struct str *)value = sql_col_text(db, column, a);
			break;
		case SECRET:
			*(struct str *)value = sql_col_text(db, column, a);
			if (seal_open(a, *(struct str *)value,
				    place_of(a, t, &fields[i]), value) < 0)
				err = ERR_SEALED;
			break;
		case NUMBER:
			*(int64_t *)value = sql_col_number(db, column);
			break;
		case REAL:
			*(double *)value = sql_col_real(db, column);
			break;
		}
	}
	return err;
}

int
tenant_find(struct sql *db, struct str id, struct arena *a, struct tenant *ret)
{
	int r = sql_row(db, SELECT_TENANTS " WHERE id = ?1", SQL_TEXT(id));
	int err = r > 0 ? read_tenant(db, a, ret) : 0;

	return err < 0 ? err : r;
}

static int
insert(struct sql *db, struct str id)
{
	return sql_do(db,
		"INSERT INTO tenants (id, name, created_us)"
		" VALUES (?1, 'Tenant ' || ?1, ?2) ON CONFLICT DO NOTHING",
		SQL_TEXT(id), SQL_NUMBER(clock_wall_us()));
}

static void
seal_secrets(struct arena *a, struct tenant *t)
{
	for (size_t i = 0; seal_ready() && i < ARRAY_LEN(fields); i++) {
		struct str *value = value_of(t, &fields[i]);

		if (fields[i].kind == SECRET)
			*value = seal_close(a, *value, place_of(a, t, &fields[i]));
	}
}

static int
update(struct sql *db, const struct tenant *t)
{
#define SQL_SECRET             SQL_TEXT
#define SET_(kind, name, help) #name " = ?, "
#define ARG_(kind, name, help) SQL_##kind(t->name),
	return sql_do(db,
		"UPDATE tenants SET " TENANT_FIELDS(SET_) "id = id WHERE id = ?",
		TENANT_FIELDS(ARG_) SQL_TEXT(t->id));
#undef ARG_
#undef SET_
#undef SQL_SECRET
}

/* --- values --------------------------------------------------------------- */

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
allowed_of(const struct field *f)
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
set_text(struct sql *db, const struct field *f, struct str s, char words[HOURS_WORDS],
	struct str *ret)
{
	const struct allowed *a = allowed_of(f);

	if (f->kind == SECRET && seal_is(s))
		return false;
	if (a && a->words && !is_word_of(a->words, s))
		return false;
	if (a && a->check && !a->check(db, s, words))
		return false;
	*ret = s.n > 0 ? s : (struct str){NULL, 0};
	return true;
}

static bool
set_number(const struct field *f, struct str s, int64_t *ret)
{
	const struct allowed *a = allowed_of(f);
	int64_t v;

	if (str_int(s, &v) < 0 || v < a->lo || v > a->hi)
		return false;
	*ret = v;
	return true;
}

static bool
set_real(struct arena *a, const struct field *f, struct str s, double *ret)
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
set_value(struct sql *db, struct arena *a, struct tenant *t, const struct field *f,
	struct str s, char words[HOURS_WORDS])
{
	void *value = value_of(t, f);

	switch (f->kind) {
	case TEXT:
	case SECRET:
		return set_text(db, f, s, words, value);
	case NUMBER:
		return set_number(f, s, value);
	case REAL:
		return set_real(a, f, s, value);
	}
	return false;
}

static const struct field *
field_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (str_eqz(name, fields[i].name))
			return &fields[i];
	return NULL;
}

/* How much of s fits into a line of words: at most max bytes, whole characters, and
 * nothing from a line end on. */
static int
printable(struct str s, size_t max)
{
	size_t n = 0;

	while (n < s.n && (unsigned char)s.p[n] >= ' ' && n < max)
		n++;
	while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
		n--;
	return (int)n;
}

static int
fail_id(struct store_op *op, int err, struct str id)
{
	return store_fail(op, err, "tenant %.*s: %s", printable(id, TENANT_ID_MAX),
		id.p, err_text(err));
}

int
tenant_must(struct sql *db, struct store_op *op, struct str id, struct tenant *ret)
{
	int r = tenant_find(db, id, op->arena, ret);

	if (r == 0)
		return fail_id(op, ERR_NOT_FOUND, id);
	if (r == ERR_SEALED)
		return fail_id(op, r, id);
	return r < 0 ? r : 0;
}

/* There are more than fit into a line. */
static int
fail_name(struct store_op *op, struct str name)
{
	return store_fail(op, ERR_SHAPE,
		"no property %.*s; `prosaas tenant show ID` lists them",
		printable(name, 20), name.p);
}

static int
fail_value(
	struct store_op *op, const struct field *f, struct str value, const char *words)
{
	const struct allowed *a = allowed_of(f);

	if (words[0])
		return store_fail(op, ERR_SHAPE, "%s: %s", f->name, words);
	if (f->kind == SECRET)
		value = STR("***");
	return store_fail(op, ERR_SHAPE, "%s=%.*s: allowed is %s", f->name,
		printable(value, 30), value.p, a ? a->help : "a number");
}

/* A phone is one tenant's: its messages are. */
static int
phone_is_free(struct sql *db, struct store_op *op, const struct tenant *t)
{
	int r = sql_row(db,
		"SELECT id FROM tenants WHERE meta_phone_number_id = ?1 AND id <> ?2",
		SQL_TEXT(t->meta_phone_number_id), SQL_TEXT(t->id));

	if (r <= 0)
		return r;
	return store_fail(op, ERR_EXISTS, "meta_phone_number_id is that of tenant %.*s",
		STR_FMT(sql_col_text(db, 0, op->arena)));
}

static int
set_all(struct sql *db, struct store_tenant_put *put, struct tenant *t)
{
	for (size_t i = 0; i < put->count; i++) {
		struct str name = put->names[i], value = put->values[i];
		const struct field *f = field_of(name);
		char wrong[HOURS_WORDS] = "";

		if (!f)
			return fail_name(&put->op, name);
		if (!set_value(db, put->op.arena, t, f, value, wrong))
			return fail_value(&put->op, f, value, wrong);
	}
	return 0;
}

static int
ask_caller(
	struct store_tenant_put *put, const struct tenant *was, const struct tenant *t)
{
	char words[256] = "", before[256];

	if (!put->check || put->check(put->check_arg, t, words) >= 0)
		return 0;
	if (put->check(put->check_arg, was, before) < 0)
		return 0;
	return store_fail(&put->op, ERR_SHAPE, "%s", words);
}

/* --- operations ----------------------------------------------------------- */

static int
get(struct store *s, struct store_op *op)
{
	struct store_tenant_get *g = container_of(op, struct store_tenant_get, op);

	return tenant_must(store_db(s), op, tenant_id(g->id), &g->found);
}

void
store_tenant_get(struct store *s, struct store_tenant_get *op, struct flow *f)
{
	store_start(s, &op->op, get, f);
}

static int
list(struct store *s, struct store_op *op)
{
	struct store_tenant_list *l = container_of(op, struct store_tenant_list, op);
	struct sql *db = store_db(s);

	int r = sql_row(db, "SELECT count(*) FROM tenants");
	if (r < 0)
		return r;
	size_t count = (size_t)sql_col_number(db, 0);

	l->tenants = arena_zalloc(op->arena, count * sizeof(*l->tenants));
	l->count = 0;
	r = sql_row(db, SELECT_TENANTS " ORDER BY length(id), id"); /* 9 before 10 */
	for (; r > 0 && l->count < count; r = sql_next(db))
		(void)read_tenant(db, op->arena, &l->tenants[l->count++]);
	return r;
}

void
store_tenant_list(struct store *s, struct store_tenant_list *op, struct flow *f)
{
	store_start(s, &op->op, list, f);
}

static int
put(struct store *s, struct store_op *op)
{
	struct store_tenant_put *p = container_of(op, struct store_tenant_put, op);
	struct sql *db = store_db(s);
	struct str id = tenant_id(p->id);
	struct tenant was, t = {0};

	if (!tenant_is_id(id))
		return store_fail(op, ERR_SHAPE,
			"a tenant's id is 1 to %d of A-Z a-z 0-9 _ -", TENANT_ID_MAX);
	if (p->create) {
		int added = insert(db, id);
		if (added <= 0)
			return added < 0 ? added : fail_id(op, ERR_EXISTS, id);
	}
	int r = tenant_must(db, op, id, &t);
	if (r == ERR_SEALED)
		r = 0;
	was = t;
	if (r >= 0)
		r = set_all(db, p, &t);
	if (r >= 0)
		r = ask_caller(p, &was, &t);
	if (r >= 0)
		r = phone_is_free(db, op, &t);
	if (r < 0)
		return r;
	seal_secrets(op->arena, &t);
	r = update(db, &t);
	return r < 0 ? r : prompt_number(db, id);
}

void
store_tenant_put(struct store *s, struct store_tenant_put *op, struct flow *f)
{
	store_start(s, &op->op, put, f);
}

/* Contacts and conversations go with the tenant (ON DELETE CASCADE). */
static int
drop(struct store *s, struct store_op *op)
{
	struct store_tenant_remove *rm =
		container_of(op, struct store_tenant_remove, op);
	struct sql *db = store_db(s);
	struct str id = tenant_id(rm->id);

	int r = sql_row(db, "SELECT 1 FROM messages WHERE tenant_id = ?1 LIMIT 1",
		SQL_TEXT(id));
	if (r > 0)
		return store_fail(op, ERR_EXISTS,
			"tenant %.*s has messages; pause it instead: status=paused",
			STR_FMT(id));
	if (r < 0)
		return r;
	r = sql_do(db, "DELETE FROM tenants WHERE id = ?1", SQL_TEXT(id));
	return r == 0 ? fail_id(op, ERR_NOT_FOUND, id) : r;
}

void
store_tenant_remove(struct store *s, struct store_tenant_remove *op, struct flow *f)
{
	store_start(s, &op->op, drop, f);
}

/* SPDX-License-Identifier: MIT */
/* crontab.c: what the scheduler queues by the clock.
 *
 *   read_file ---.
 *                +---> json_parse ---> read_entry (a row of `keys` for each key)
 *   built_in ----'
 *
 * What is built in comes last, so that an entry of the file stands in its place. */
#include "queue/crontab.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "base/zone.h"
#include "codec/json.h"
#include "codec/rqjob.h"
#include "codec/tenant.h"
#include "codec/val.h"

enum {
	FILE_MAX_BYTES = 1 << 20,
	NODES_MAX = 100000,
	ENTRIES_MAX = 1000, /* each is looked at once a second */
	WHY_SIZE = 256,
};

/* Our own work.  To add some: a row here and one in job/jobs.c. */
static const char built_in[] =
	"["
	"{\"name\":\"prosaas.sessions\",\"schedule\":\"@every 1m\","
	"\"function\":\"prosaas.sessions\",\"queue\":\"" OWN_QUEUE "\"},"
	"{\"name\":\"prosaas.outbox\",\"schedule\":\"@every 1m\","
	"\"function\":\"prosaas.outbox\",\"queue\":\"" OWN_QUEUE "\"},"
	"{\"name\":\"prosaas.retention\",\"schedule\":\"@every 1m\","
	"\"function\":\"prosaas.retention\",\"queue\":\"" OWN_QUEUE "\"},"
	"{\"name\":\"prosaas.directory\",\"schedule\":\"@every 1m\","
	"\"function\":\"prosaas.directory\",\"queue\":\"" OWN_QUEUE "\"}"
	"]";

struct reader {
	const struct settings *s;
	struct crontab *t;
	const char *source; /* of what is read, for the operator */
	bool built_in;
	char why[WHY_SIZE]; /* what is wrong with the value at hand */
};

/* --- values --------------------------------------------------------------- */

static int PRINTF(2, 3) wrong(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	return ERR_SHAPE;
}

static bool
is_made_of(struct str s, const char *more)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
			!(c >= '0' && c <= '9') && !(c && strchr(more, c)))
			return false;
	}
	return s.n > 0;
}

static int
read_name(struct reader *r, struct crontab_entry *e, const struct val *v)
{
	struct str name = val_text(v);

	if (!is_made_of(name, "._-") || name.n > 64)
		return wrong(r, "allowed are 1 to 64 of A-Z a-z 0-9 . _ -");
	for (const struct crontab_entry *other = r->t->entries; other < e; other++)
		if (str_eq(other->name, name))
			return wrong(r, "an entry before it has that name");
	e->name = name;
	return 0;
}

static int
read_schedule(struct reader *r, struct crontab_entry *e, const struct val *v)
{
	char err[128];

	if (!val_text(v).p)
		return wrong(r, "allowed is a text, like \"30 3 * * *\"");
	int bad = schedule_parse(&e->schedule, val_text(v), err);
	return bad < 0 ? wrong(r, "%s", err) : 0;
}

/* A zone is read once, by the first entry that names it. */
static int
read_timezone(struct reader *r, struct crontab_entry *e, const struct val *v)
{
	char err[128];

	e->zone_name = val_text(v);
	for (const struct crontab_entry *other = r->t->entries; other < e; other++) {
		if (str_eq(other->zone_name, e->zone_name)) {
			e->zone = other->zone;
			return 0;
		}
	}
	int bad = zone_load(&r->t->arena, e->zone_name, &e->zone, err);
	return bad < 0 ? wrong(r, "%s", err) : 0;
}

static int
read_function(struct reader *r, struct crontab_entry *e, const struct val *v)
{
	e->function = val_text(v);
	if (!is_made_of(e->function, "._") || e->function.n > 256)
		return wrong(r, "allowed is a dotted name, like \"jobs.clean_up\"");
	return 0;
}

static int
read_kwargs(struct reader *r, struct crontab_entry *e, const struct val *v)
{
	if (v->kind != VAL_DICT)
		return wrong(r, "allowed is an object");
	e->kwargs = v;
	return 0;
}

static int
read_queue(struct reader *r, struct crontab_entry *e, const struct val *v)
{
	e->queue = val_text(v);
	if (str_lists(str_of(r->s->rq_queues), e->queue))
		return 0;
	return wrong(r, "allowed are the queues of RQ_QUEUES, %s", r->s->rq_queues);
}

static int
read_missed(struct reader *r, struct crontab_entry *e, const struct val *v)
{
	e->once = str_eqz(val_text(v), "once");
	if (!e->once && !str_eqz(val_text(v), "skip"))
		return wrong(r, "allowed are skip, once");
	return 0;
}

static int
read_tenant(struct reader *r, struct crontab_entry *e, const struct val *v)
{
	e->tenant = tenant_id(val_text(v));
	if (!tenant_is_id(e->tenant))
		return wrong(
			r, "allowed are 1 to %d of A-Z a-z 0-9 _ -", TENANT_ID_MAX);
	return 0;
}

/* --- entries -------------------------------------------------------------- */

static const struct key {
	const char *name;
	int (*read)(struct reader *, struct crontab_entry *, const struct val *);
	const char *otherwise; /* NULL: must be there; "": nothing is read */
} keys[] = {
	{"name", read_name, NULL},
	{"schedule", read_schedule, NULL},
	{"timezone", read_timezone, "UTC"},
	{"function", read_function, NULL},
	{"kwargs", read_kwargs, ""},
	{"queue", read_queue, "maintenance"},
	{"missed", read_missed, "skip"},
	{"tenant", read_tenant, ""},
};

static const struct key *
key_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (str_eqz(name, keys[i].name))
			return &keys[i];
	return NULL;
}

/* Any value, as an operator would recognise it. */
static int
wrong_value(struct reader *r, const struct key *k, const struct val *v)
{
	char why[WHY_SIZE];
	struct buf shown;

	memcpy(why, r->why, sizeof(why));
	buf_init(&shown);
	val_json(&shown, v);
	struct str s = buf_str(&shown);
	wrong(r, "%s %.*s%s: %s", k->name, s.n < 40 ? (int)s.n : 40, s.p,
		s.n < 40 ? "" : "...", why);
	buf_done(&shown);
	return ERR_SHAPE;
}

static int
check_keys(struct reader *r, const struct val *entry)
{
	for (size_t i = 0; i < entry->count; i++) {
		struct str name = entry->items[2 * i]->text;
		const struct key *k = key_of(name);

		if (!k)
			return wrong(r,
				"unknown key \"%s\"; there are name, schedule, "
				"timezone, "
				"function, kwargs, queue, missed, tenant",
				log_safe(name));
		if (val_get(entry, k->name) != entry->items[2 * i + 1])
			return wrong(r, "%s stands there twice", k->name);
	}
	return 0;
}

static int
read_key(struct reader *r, struct crontab_entry *e, const struct key *k,
	const struct val *entry)
{
	struct val otherwise = {.kind = VAL_TEXT, .text = str_of(k->otherwise)};
	const struct val *v = val_get(entry, k->name);

	if (!v && !k->otherwise)
		return wrong(r, "%s is missing", k->name);
	if (!v && !*k->otherwise)
		return 0;
	if (!v)
		v = &otherwise;
	int bad = k->read(r, e, v);
	return bad < 0 ? wrong_value(r, k, v) : 0;
}

static void
write_data(struct reader *r, struct crontab_entry *e)
{
	static const struct val none = {.kind = VAL_DICT};
	struct buf data;

	buf_init(&data);
	rqjob_write(&data, strcmp(r->s->rq_serializer, "json") == 0, e->function,
		e->kwargs ? e->kwargs : &none);
	e->data = arena_str(&r->t->arena, buf_str(&data));
	buf_done(&data);
}

static int
read_entry(struct reader *r, struct crontab_entry *e, const struct val *entry)
{
	if (entry->kind != VAL_DICT)
		return wrong(r, "it is not an object");
	int bad = read_key(r, e, &keys[0], entry); /* the name, for what comes after */
	if (bad == 0)
		bad = check_keys(r, entry);
	for (size_t i = 1; bad == 0 && i < ARRAY_LEN(keys); i++)
		bad = read_key(r, e, &keys[i], entry);
	if (bad == 0)
		write_data(r, e);
	return bad;
}

static bool
is_replaced(const struct reader *r, const struct val *entry)
{
	struct str name = val_text(val_get(entry, "name"));

	for (size_t i = 0; r->built_in && i < r->t->count; i++)
		if (str_eq(r->t->entries[i].name, name))
			return true;
	return false;
}

static void
make_room(struct crontab *t, size_t more)
{
	struct crontab_entry *all =
		arena_zalloc(&t->arena, (t->count + more + 1) * sizeof(*all));

	if (t->count > 0)
		memcpy(all, t->entries, t->count * sizeof(*all));
	t->entries = all;
}

static int
read_entries(struct reader *r, const struct val *list, char err[512])
{
	struct crontab *t = r->t;

	make_room(t, list->count);
	for (size_t i = 0; i < list->count; i++) {
		struct crontab_entry *e = &t->entries[t->count];

		if (is_replaced(r, list->items[i]))
			continue;
		e->built_in = r->built_in;
		int bad = read_entry(r, e, list->items[i]);
		if (bad < 0) {
			snprintf(err, 512, "%s: entry %zu%s%.*s%s: %s", r->source,
				i + 1, e->name.p ? " (" : "", STR_FMT(e->name),
				e->name.p ? ")" : "", r->why);
			return bad;
		}
		t->count++;
	}
	return 0;
}

/* --- the file ------------------------------------------------------------- */

static int
read_file(const struct reader *r, struct buf *out, char err[512])
{
	FILE *f = fopen(r->s->cron_file, "re");

	if (!f) {
		int bad = -errno;
		snprintf(err, 512, "%s: %s", r->source, strerror(-bad));
		return bad;
	}
	size_t n = fread(buf_room(out, FILE_MAX_BYTES + 1), 1, FILE_MAX_BYTES + 1, f);
	bool failed = ferror(f);
	fclose(f);
	buf_grew(out, n);
	if (failed || n > FILE_MAX_BYTES) {
		snprintf(err, 512, "%s: %s", r->source,
			failed ? "can't be read" : "larger than 1 MiB");
		return failed ? -EIO : ERR_LIMIT;
	}
	return 0;
}

static int
read_table(struct reader *r, struct str text, char err[512])
{
	struct val *list;
	char why[128];

	int bad = json_parse(&r->t->arena, text, NODES_MAX, &list, why);
	if (bad < 0) {
		snprintf(err, 512, "%s: %s", r->source, why);
		return bad;
	}
	if (list->kind != VAL_LIST || list->count > ENTRIES_MAX) {
		snprintf(err, 512,
			"%s: it is not an array of at most %d "
			"entries",
			r->source, ENTRIES_MAX);
		return ERR_SHAPE;
	}
	return read_entries(r, list, err);
}

static int
read_cron_file(struct reader *r, char err[512])
{
	struct buf text;

	buf_init(&text);
	r->source = arena_printf(&r->t->arena, "CRON_FILE=%s", r->s->cron_file).p;
	int bad = read_file(r, &text, err);
	if (bad == 0)
		bad = read_table(r, arena_str(&r->t->arena, buf_str(&text)), err);
	buf_done(&text);
	return bad;
}

int
crontab_load(struct crontab *ret, const struct settings *s, char err[512])
{
	struct reader r = {.s = s, .t = ret};

	*ret = (struct crontab){0};
	arena_init(&ret->arena);
	int bad = s->cron_file ? read_cron_file(&r, err) : 0;
	if (bad == 0) {
		r.source = "built in";
		r.built_in = true;
		bad = read_table(&r, str_of(built_in), err);
	}
	if (bad < 0)
		crontab_done(ret);
	return bad;
}

void
crontab_done(struct crontab *t)
{
	arena_done(&t->arena);
	*t = (struct crontab){0};
}

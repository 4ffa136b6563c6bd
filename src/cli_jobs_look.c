/* SPDX-License-Identifier: MIT */
/* cli_jobs_look.c: prosaas jobs list|show.
 *
 * What customers wrote is shown by `show --raw` alone: a description that RQ made
 * ends before its arguments. */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "base/buf.h"
#include "cli_jobs_priv.h"
#include "cli_table.h"
#include "codec/rqjob.h"
#include "codec/val.h"

enum { LIST_DEFAULT = 50 };

/* RQ's own description is a call: module.function(arguments). */
static struct str
without_arguments(struct str description)
{
	return str_cut(&description, '(');
}

static void
print_json_line(struct buf *out)
{
	buf_addz(out, "}\n");
	fwrite(buf_str(out).p, 1, buf_len(out), stdout);
	buf_clear(out, buf_len(out));
}

static void
json_field(struct buf *out, const char *name, struct str text)
{
	buf_addf(out, "%c\"%s\":", buf_len(out) ? ',' : '{', name);
	json_quote(out, text);
}

/* --- list ----------------------------------------------------------------- */

static struct str
newest_of(const struct manage_row *r)
{
	return r->ended_at.n ? r->ended_at : r->created_at;
}

static int
by_newest(const void *pa, const void *pb)
{
	const struct jobs_found *a = pa, *b = pb;
	struct str at = newest_of(&a->row), bt = newest_of(&b->row);
	int order = memcmp(bt.p, at.p, at.n < bt.n ? at.n : bt.n);

	return order ? order : (a->order > b->order) - (a->order < b->order);
}

static void
list_json(const struct jobs *j, size_t count)
{
	struct buf out;

	buf_init(&out);
	for (size_t i = 0; i < count; i++) {
		const struct manage_row *r = &j->found[i].row;
		int64_t attempts = 0;

		json_field(&out, "id", r->id);
		json_field(&out, "queue", r->queue);
		json_field(&out, "status", r->status);
		json_field(&out, "tenant", r->tenant);
		json_field(&out, "reason", r->reason);
		if (str_int(r->attempts, &attempts) < 0)
			attempts = 0;
		buf_addf(&out, ",\"attempts\":%lld", (long long)attempts);
		json_field(&out, "created_at", r->created_at);
		json_field(&out, "ended_at", r->ended_at);
		json_field(&out, "description", without_arguments(r->description));
		print_json_line(&out);
	}
	buf_done(&out);
}

static void
list_table(const struct jobs *j, size_t count)
{
	static const char *const heads[] = {"ID", "QUEUE", "TENANT", "REASON",
		"ATTEMPTS", "ENDED", "DESCRIPTION", NULL};
	struct cli_table t;

	cli_table_init(&t, heads);
	for (size_t i = 0; i < count; i++) {
		const struct manage_row *r = &j->found[i].row;

		cli_table_add(&t, r->id);
		cli_table_add(&t, r->queue);
		cli_table_add(&t, r->tenant);
		cli_table_add(&t, r->reason);
		cli_table_add(&t, r->attempts);
		cli_table_add(&t, r->ended_at);
		cli_table_add(&t, without_arguments(r->description));
	}
	cli_table_print(&t);
}

int
jobs_list(void *into)
{
	struct jobs *j = into;
	int64_t limit = j->limit >= 0 ? j->limit : LIST_DEFAULT;

	if (cli_redis_open(&j->redis, j->s) < 0)
		return CLI_FAILED;
	int bad = jobs_find(j, j->status.p ? j->status.p : "failed", true, limit);
	cli_redis_close(&j->redis);
	if (bad < 0)
		return CLI_FAILED;
	if (j->count == 0) {
		jobs_say_none(j);
		return CLI_FAILED;
	}

	qsort(j->found, j->count, sizeof(*j->found), by_newest);
	size_t count = j->count < (size_t)limit ? j->count : (size_t)limit;
	if (j->json)
		list_json(j, count);
	else
		list_table(j, count);
	return CLI_DONE;
}

/* --- show ----------------------------------------------------------------- */

/* A job as script/show.lua tells it, copied. */
struct shown {
	struct jobs *j;
	bool found;
	size_t field_count, where_count;
	struct str *fields;   /* field, value, ... */
	struct str *arranged; /* likewise: those to print, in order */
	size_t arranged_count;
	struct str *where;
	int64_t ttl_s;
	struct str exc;
};

static struct str *
copy_texts(struct arena *a, const struct redisReply *list, size_t *ret_count)
{
	size_t n = list && list->type == REDIS_REPLY_ARRAY ? list->elements : 0;
	struct str *texts = arena_alloc(a, n * sizeof(*texts) + 1);

	for (size_t i = 0; i < n; i++)
		texts[i] = arena_str(a, redis_text(redis_at(list, i)));
	*ret_count = n;
	return texts;
}

static void
take_shown(void *arg, const struct redisReply *reply)
{
	struct shown *s = arg;
	struct arena *a = &s->j->arena;
	const struct redisReply *result = redis_at(reply, 3);

	s->found = redis_at(reply, 0) != NULL;
	s->fields = copy_texts(a, redis_at(reply, 0), &s->field_count);
	s->where = copy_texts(a, redis_at(reply, 1), &s->where_count);
	s->ttl_s = redis_int(redis_at(reply, 2), -1);
	for (size_t i = 0; redis_at(result, i + 1); i += 2)
		if (str_eqz(redis_text(redis_at(result, i)), "exc_string"))
			s->exc = arena_str(a, redis_text(redis_at(result, i + 1)));
}

static struct str
field(const struct shown *s, const char *name)
{
	for (size_t i = 0; i + 1 < s->field_count; i += 2)
		if (str_eqz(s->fields[i], name))
			return s->fields[i + 1];
	return (struct str){NULL, 0};
}

/* What a person looks for first, in that order. */
static const char *const first[] = {"status", "origin", "prosaas_tenant",
	"prosaas_reason", "prosaas_attempt", "prosaas_crashes", "retries_left",
	"created_at", "enqueued_at", "started_at", "ended_at", "worker_name"};

/* The fields that hold what customers wrote, or nothing for eyes. */
static const char *const hidden[] = {
	"data", "prosaas_raw", "meta", "result", "exc_info", "description"};

static bool
is_in(struct str name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eqz(name, names[i]))
			return true;
	return false;
}

/* Chooses and orders the fields to print; those without a value are left out. */
static void
arrange(struct shown *s)
{
	size_t n = 0;

	s->arranged =
		arena_alloc(&s->j->arena, s->field_count * sizeof(*s->arranged) + 1);
	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		struct str value = field(s, first[i]);

		if (value.n == 0)
			continue;
		s->arranged[n++] = str_of(first[i]);
		s->arranged[n++] = value;
	}
	for (size_t i = 0; i + 1 < s->field_count; i += 2) {
		struct str name = s->fields[i], value = s->fields[i + 1];

		if (value.n == 0 || is_in(name, first, ARRAY_LEN(first)) ||
			is_in(name, hidden, ARRAY_LEN(hidden)))
			continue;
		s->arranged[n++] = name;
		s->arranged[n++] = value;
	}
	s->arranged_count = n;
}

static struct str
label_of(struct str name)
{
	struct str ours = STR("prosaas_");

	if (str_eqz(name, "origin"))
		return STR("queue");
	return str_starts(name, ours) ? (struct str){name.p + ours.n, name.n - ours.n}
				      : name;
}

static struct str
text_of(struct arena *a, const struct val *v)
{
	struct buf json;

	buf_init(&json);
	val_json(&json, v);
	struct str text = arena_str(a, buf_str(&json));
	buf_done(&json);
	return text;
}

/* What is not a field, one after another: name and text. */
struct extra {
	const char *name;
	struct str text;
};

enum { EXTRAS_MAX = 8 };

/* Why it failed, what it calls, and with --raw with what. */
static size_t
extras(struct shown *s, struct extra out[EXTRAS_MAX])
{
	struct arena *a = &s->j->arena;
	struct rqjob_call call;
	char why[128];
	size_t n = 0;

	out[n++] = (struct extra){
		"description", without_arguments(field(s, "description"))};
	int bad = rqjob_parse(a, field(s, "data"), &call, why);
	if (bad < 0)
		out[n++] = (struct extra){"undecodable", arena_str(a, str_of(why))};
	else
		out[n++] = (struct extra){"function", call.func};
	if (s->exc.n && rqjob_exc_text(a, s->exc, &s->exc) == 0)
		out[n++] = (struct extra){"exception", s->exc};
	if (!s->j->raw)
		return n;
	if (bad == 0) {
		out[n++] = (struct extra){"args", text_of(a, call.args)};
		out[n++] = (struct extra){"kwargs", text_of(a, call.kwargs)};
	}
	if (field(s, "prosaas_raw").p)
		out[n++] = (struct extra){"raw", field(s, "prosaas_raw")};
	return n;
}

static void
show_json(const struct shown *s, const struct extra *more, size_t count)
{
	struct buf out;

	buf_init(&out);
	json_field(&out, "id", s->j->words.words[0]);
	for (size_t i = 0; i < s->arranged_count; i += 2) {
		buf_addc(&out, ',');
		json_quote(&out, label_of(s->arranged[i]));
		buf_addc(&out, ':');
		json_quote(&out, s->arranged[i + 1]);
	}
	buf_addf(&out, ",\"expires_in_seconds\":%lld,\"where\":[", (long long)s->ttl_s);
	for (size_t i = 0; i < s->where_count; i++) {
		if (i > 0)
			buf_addc(&out, ',');
		json_quote(&out, s->where[i]);
	}
	buf_addc(&out, ']');
	for (size_t i = 0; i < count; i++)
		json_field(&out, more[i].name, more[i].text);
	print_json_line(&out);
	buf_done(&out);
}

static void
line(struct str label, struct str text)
{
	cli_print_safe(stdout, label);
	printf(":%*s", label.n < 19 ? (int)(19 - label.n) : 1, "");
	cli_print_lines(stdout, text.n ? text : STR("-"));
	putchar('\n');
}

static void
show_lines(const struct shown *s, const struct extra *more, size_t count)
{
	line(STR("id"), s->j->words.words[0]);
	for (size_t i = 0; i < s->arranged_count; i += 2)
		line(label_of(s->arranged[i]), s->arranged[i + 1]);
	for (size_t i = 0; i < s->where_count; i++)
		line(STR("where"), s->where[i]);
	if (s->where_count == 0)
		line(STR("where"), STR("in no list and no registry"));
	if (s->ttl_s >= 0)
		printf("expires in:         %lld s\n", (long long)s->ttl_s);
	for (size_t i = 0; i < count; i++)
		line(str_of(more[i].name), more[i].text);
}

int
jobs_show(void *into)
{
	struct jobs *j = into;
	struct shown s = {.j = j};
	struct extra more[EXTRAS_MAX];

	if (cli_redis_open(&j->redis, j->s) < 0)
		return CLI_FAILED;
	manage_show(j->redis.redis, &j->redis.cmd, j->words.words[0], cli_redis_done);
	int bad = cli_redis_wait(&j->redis, take_shown, &s);
	cli_redis_close(&j->redis);
	if (bad == 0 && !s.found)
		fprintf(stderr, "prosaas: %.*s: no such job\n",
			STR_FMT(j->words.words[0]));
	if (bad < 0 || !s.found)
		return CLI_FAILED;

	arrange(&s);
	size_t count = extras(&s, more);
	if (j->json)
		show_json(&s, more, count);
	else
		show_lines(&s, more, count);
	return CLI_DONE;
}

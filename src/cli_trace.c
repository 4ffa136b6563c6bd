/* SPDX-License-Identifier: MIT */
/* cli_trace.c: prosaas trace: the life of one message, as a waterfall.
 *
 *   id ---> rows of its turns ---> lives ----.
 *      `--> jobs in Redis that no row names --'--> events in order ---> lines
 *
 * Times are those that were written down (docs/tracing.md): what did not happen, or was
 * not kept, has no line.  Never what anybody wrote, and no chat. */
#include "cli_trace.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "cli_redis.h"
#include "cli_store.h"
#include "cli_table.h"
#include "cli_words.h"
#include "codec/val.h"
#include "queue/registry.h"
#include "store/store_trace.h"

enum {
	EVENTS_OF_ROW = 8,
	BAR = 24,
	ID_MAX = 512, /* bytes; no id that anybody gives is longer */
};

struct event {
	const char *name;
	int64_t at_us;
	struct str message_id, job_id, trace, reason;
	int64_t part, attempts;
};

/* Of a turn; or of a job that has not written anything down. */
struct life {
	struct str tenant, state;
	int64_t turn_id, conversation_id; /* 0: of a job */
	struct event *events;
	size_t count;
};

struct trace {
	const struct settings *s;
	struct cli_words words; /* id */
	struct arena arena;
	struct cli_redis redis;
	struct store_trace found;
	bool json;
	int lives;
};

static int run(void *into);

static const struct cli_row rows[] = {
	{"", run, 1, 1, "ID [--json]",
		"The life of one message: when it was received, claimed, asked about, "
		"answered, sent\n"
		"and read.  ID: of the message, of its trace or of its job; of every "
		"tenant that has\n"
		"it.  What is not stored yet is shown by its job in Redis."},
};

static const struct cli_option options[] = {
	{"--json", CLI_FLAG, offsetof(struct trace, json)},
};

static const struct cli_command command = {
	"trace", rows, ARRAY_LEN(rows), options, ARRAY_LEN(options)};

/* --- a life ---------------------------------------------------------------- */

/* Keeps them in order of time; those at one time as they were added. */
static void
add(struct life *l, const char *name, int64_t at_us, struct event e)
{
	size_t at = l->count;

	if (at_us <= 0)
		return;
	e.name = name;
	e.at_us = at_us;
	for (; at > 0 && l->events[at - 1].at_us > at_us; at--)
		l->events[at] = l->events[at - 1];
	l->events[at] = e;
	l->count++;
}

static void
add_heard(struct life *l, const struct store_trace_row *r)
{
	struct event e = {.message_id = r->message_id};

	add(l, "received", r->queued_us,
		(struct event){.message_id = r->message_id,
			.job_id = r->job_id,
			.trace = r->trace});
	add(l, "claimed", r->claimed_us, e);
	add(l, "stored", r->created_us, e);
}

static void
add_said(struct life *l, const struct store_trace_row *r)
{
	struct event e = {.message_id = r->message_id.n ? r->message_id : r->key,
		.part = r->part};
	struct event posted = e, failed = e;

	posted.attempts = r->attempts;
	failed.reason = r->reason;
	add(l, "kept", r->created_us, e);
	add(l, "sending", r->posted_us, posted);
	add(l, "sent", r->sent_us, e);
	add(l, "delivered", r->delivered_us, e);
	add(l, "read", r->read_us, e);
	if (str_eqz(r->status, "failed"))
		add(l, "failed", r->updated_us, failed);
}

static void
add_row(struct life *l, const struct store_trace_row *r)
{
	if (str_eqz(r->source, "customer") || str_eqz(r->source, "human"))
		add_heard(l, r);
	else
		add_said(l, r);
}

/* --- lines ----------------------------------------------------------------- */

/* From the event before to this one, of all that the life took. */
static void
draw_bar(const struct life *l, size_t i, char bar[BAR + 1])
{
	int64_t from = l->events[0].at_us;
	int64_t all = l->events[l->count - 1].at_us - from;
	int64_t before = i > 0 ? l->events[i - 1].at_us - from : 0;
	int64_t now = l->events[i].at_us - from;

	for (int k = 0; k < BAR; k++) {
		int64_t at = all / BAR * k;

		bar[k] = all > 0 && at >= before && at < now ? '=' : ' ';
	}
	if (all > 0) {
		int64_t at = (int64_t)((double)now / (double)all * (BAR - 1));
		bar[at] = '|';
	}
	bar[BAR] = '\0';
}

static void
print_named(const char *name, struct str value)
{
	if (value.n == 0)
		return;
	printf(" %s=", name);
	cli_print_safe(stdout, value);
}

static void
print_event(const struct life *l, size_t i)
{
	const struct event *e = &l->events[i];
	char when[CLOCK_ISO_SIZE], bar[BAR + 1];

	clock_iso(when, e->at_us);
	draw_bar(l, i, bar);
	printf("  %s %12.1f ms [%s] %-9s", when,
		(double)(e->at_us - l->events[0].at_us) / 1000, bar, e->name);
	print_named("msg_id", e->message_id);
	if (e->part > 1)
		printf(" part=%lld", (long long)e->part);
	if (e->attempts > 1)
		printf(" attempts=%lld", (long long)e->attempts);
	print_named("job_id", e->job_id);
	print_named("trace", e->trace);
	print_named("reason", e->reason);
	putchar('\n');
}

static void
print_life(const struct life *l)
{
	fputs("tenant=", stdout);
	cli_print_safe(stdout, l->tenant);
	if (l->turn_id)
		printf(" turn=%lld conversation=%lld state=", (long long)l->turn_id,
			(long long)l->conversation_id);
	else
		fputs(" not stored yet, job is ", stdout);
	cli_print_safe(stdout, l->state);
	putchar('\n');
	for (size_t i = 0; i < l->count; i++)
		print_event(l, i);
}

/* What is absent is left out. */
static void
json_text(struct buf *b, const char *name, struct str v)
{
	if (v.n > 0)
		cli_json_text(b, name, v);
}

static void
json_event(struct buf *b, const struct event *e)
{
	char when[CLOCK_ISO_SIZE];

	clock_iso(when, e->at_us);
	buf_addf(b, "{\"event\":\"%s\",\"at\":\"%s\",\"at_us\":%lld", e->name, when,
		(long long)e->at_us);
	json_text(b, "message_id", e->message_id);
	json_text(b, "job_id", e->job_id);
	json_text(b, "trace", e->trace);
	json_text(b, "reason", e->reason);
	if (e->part)
		buf_addf(b, ",\"part\":%lld", (long long)e->part);
	if (e->attempts)
		buf_addf(b, ",\"attempts\":%lld", (long long)e->attempts);
	buf_addc(b, '}');
}

static void
print_json(const struct life *l)
{
	struct buf b;

	buf_init(&b);
	buf_addz(&b, "{\"tenant\":");
	json_quote(&b, l->tenant.p ? l->tenant : STR(""));
	cli_json_text(&b, "state", l->state);
	buf_addf(&b, ",\"stored\":%s", l->turn_id ? "true" : "false");
	if (l->turn_id)
		buf_addf(&b, ",\"turn_id\":%lld,\"conversation_id\":%lld",
			(long long)l->turn_id, (long long)l->conversation_id);
	buf_addz(&b, ",\"events\":[");
	for (size_t i = 0; i < l->count; i++) {
		buf_addz(&b, i > 0 ? "," : "");
		json_event(&b, &l->events[i]);
	}
	buf_addz(&b, "]}\n");
	cli_print_take(&b);
}

static void
show(struct trace *t, const struct life *l)
{
	t->lives++;
	if (t->json)
		print_json(l);
	else
		print_life(l);
}

/* --- where lives are written ------------------------------------------------ */

/* The turn of the row at `at`; returns where the next one's begin. */
static size_t
show_turn(struct trace *t, size_t at)
{
	const struct store_trace_row *first = &t->found.rows[at];
	size_t end = at;

	while (end < t->found.count && t->found.rows[end].turn_id == first->turn_id)
		end++;
	struct life l = {.tenant = first->tenant,
		.state = first->state,
		.turn_id = first->turn_id,
		.conversation_id = first->conversation_id};
	l.events = arena_zalloc(
		&t->arena, (2 + (end - at) * EVENTS_OF_ROW) * sizeof(*l.events));
	add(&l, "asked", first->asked_us, (struct event){0});
	add(&l, "answered", first->answered_us, (struct event){0});
	for (; at < end; at++)
		add_row(&l, &t->found.rows[at]);
	show(t, &l);
	return end;
}

static bool
is_stored(const struct trace *t, struct str job_id)
{
	for (size_t i = 0; i < t->found.count; i++)
		if (str_eq(t->found.rows[i].job_id, job_id))
			return true;
	return false;
}

static void
take_jobs(void *arg, const struct redisReply *reply)
{
	struct trace *t = arg;
	struct registry_traced j;

	for (size_t i = 0; registry_traced(reply, i, &j); i++) {
		struct event events[3];
		struct life l = {
			.tenant = j.tenant, .state = j.status, .events = events};
		bool ended =
			str_eqz(j.status, "finished") || str_eqz(j.status, "failed");

		if (is_stored(t, j.id))
			continue;
		add(&l, "received", j.queued_us,
			(struct event){.job_id = j.id, .trace = j.trace});
		add(&l, "claimed", j.started_us, (struct event){0});
		add(&l, "ended", ended ? j.ended_us : 0,
			(struct event){.reason = j.reason});
		show(t, &l);
	}
}

/* Without Redis what is stored is told all the same; it has said so. */
static bool
show_jobs(struct trace *t)
{
	if (cli_redis_open(&t->redis, t->s) < 0)
		return false;
	registry_trace(
		t->redis.redis, &t->redis.cmd, t->words.words[0], cli_redis_done);
	bool good = cli_redis_wait(&t->redis, take_jobs, t) == 0;
	cli_redis_close(&t->redis);
	return good;
}

/* --- the command ------------------------------------------------------------ */

static int
look(struct trace *t, struct store *store)
{
	t->found = (struct store_trace){.op.arena = &t->arena, .id = t->words.words[0]};
	store_trace(store, &t->found, NULL);
	if (store_run(store, &t->found.op) < 0)
		return cli_store_report(&t->found.op);
	for (size_t at = 0; at < t->found.count;)
		at = show_turn(t, at);
	if (t->found.more)
		fputs("prosaas: there is more, which is not shown\n", stderr);
	bool asked = show_jobs(t);
	if (t->lives > 0)
		return CLI_DONE;
	if (asked)
		fputs("prosaas: nothing is known of this id\n", stderr);
	return CLI_FAILED;
}

static int
run(void *into)
{
	struct trace *t = into;

	if (t->words.words[0].n > ID_MAX)
		return cli_usage(&command, rows, "that is no id");
	arena_init(&t->arena);
	struct store *store = cli_store_open(t->s, &t->arena);
	int status = look(t, store);
	store_close(store);
	arena_done(&t->arena);
	return status;
}

int
cli_trace(const struct settings *s, int argc, char **argv)
{
	static struct trace t; /* the words live as long as the process */
	int status;
	const struct cli_row *r =
		cli_words(&command, argc, argv, &t, &t.words, &status);

	t.s = s;
	return r ? r->run(&t) : status;
}

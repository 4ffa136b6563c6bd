/* SPDX-License-Identifier: MIT */
/* cli_tail.c: prosaas tail: what happens, message by message.
 *
 *   every half second: rows after the oldest that we follow ---> those that are new,
 * and those whose status is another ---> lines dead letters of Redis ---> lines
 *
 * The last FOLLOWED rows are looked at again and again, so that "sending", "sent" and
 * "read" show as they come; what changes later than that does not.  Never what a
 * message says; of a chat what log lines show of it. */
#include "cli_tail.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/settings.h"
#include "cli_redis.h"
#include "cli_store.h"
#include "cli_table.h"
#include "cli_words.h"
#include "codec/tenant.h"
#include "codec/val.h"
#include "queue/registry.h"
#include "store/store_tail.h"

enum {
	EVERY_MS = 500,
	FOLLOWED = 300,
	ROWS_MAX = 5000, /* of one look */
	CHAT_ROWS = 10000,
	LINES = 10,
	DEAD_MAX = 100, /* dead letters of a queue that are looked at */
};

struct followed {
	int64_t id;
	char status[16];
};

struct dead {
	struct str queue, id, ended;
};

struct tail {
	const struct settings *s;
	struct cli_words words;
	struct str tenant, chat;
	int64_t lines;
	bool json, once;

	struct store *store;
	struct cli_redis redis;
	struct redis_cmd cmd;
	struct arena arena;                 /* of one look */
	struct followed followed[FOLLOWED]; /* a ring */
	size_t held, next;
	int64_t newest;          /* of all, at the last look */
	struct arena dead_arena; /* of the dead letters of the last look: */
	struct dead *dead;       /* NULL before the first */
	size_t dead_count;
	bool looked, ended;
};

static int run(void *into);

static const struct cli_row rows[] = {
	{"", run, 0, 0, "[--tenant T] [--chat C] [--lines N] [--once] [--json]",
		"Follows what happens: each message in and out, each change of its "
		"status, each\n"
		"dead letter; the last 10 or N first.  C is a phone's digits or an "
		"address.  --once\n"
		"ends after those."},
};

static const struct cli_option options[] = {
	{"--tenant", CLI_TEXT, offsetof(struct tail, tenant)},
	{"--chat", CLI_TEXT, offsetof(struct tail, chat)},
	{"--lines", CLI_NUMBER, offsetof(struct tail, lines)},
	{"--once", CLI_FLAG, offsetof(struct tail, once)},
	{"--json", CLI_FLAG, offsetof(struct tail, json)},
};

static const struct cli_command command = {
	"tail", rows, ARRAY_LEN(rows), options, ARRAY_LEN(options)};

/* --- lines ----------------------------------------------------------------- */

/* One line of name=value, or a JSON object of the same. */
struct line {
	struct buf out;
	bool json;
};

static void
line_begin(struct line *l, bool json, struct str when, const char *event)
{
	l->json = json;
	buf_init(&l->out);
	if (json) {
		buf_addz(&l->out, "{\"ts\":");
		json_quote(&l->out, when);
		cli_json_text(&l->out, "event", str_of(event));
	} else {
		buf_addf(&l->out, "%.*s %-4s", STR_FMT(when), event);
	}
}

static void
line_text(struct line *l, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	if (l->json)
		cli_json_text(&l->out, name, value);
	else
		buf_addf(&l->out, " %s=%.*s", name, STR_FMT(value));
}

static void
line_number(struct line *l, const char *name, int64_t v)
{
	if (v != 0)
		buf_addf(&l->out, l->json ? ",\"%s\":%lld" : " %s=%lld", name,
			(long long)v);
}

static void
line_end(struct line *l)
{
	if (l->json)
		buf_addc(&l->out, '}');
	cli_print_safe(stdout, buf_str(&l->out));
	putchar('\n');
	buf_done(&l->out);
}

static void
print_row(const struct tail *t, const struct store_tail_row *r)
{
	char when[CLOCK_ISO_SIZE];
	struct line l;

	clock_iso(when, r->updated_us);
	line_begin(&l, t->json, str_of(when), r->direction.p[0] == 'i' ? "in" : "out");
	line_text(&l, "tenant", r->tenant);
	line_text(&l, "chat", str_of(log_chat(r->chat)));
	line_number(&l, "message", r->id);
	line_number(&l, "reply_to", r->reply_to);
	line_text(&l, "msg_id", str_of(log_safe(r->provider_message_id)));
	line_text(&l, "source", r->source);
	line_text(&l, "kind", r->kind);
	line_text(&l, "status", r->status);
	if (r->asked_us > 0 && r->sent_us > 0)
		line_number(&l, "took_ms", (r->sent_us - r->asked_us) / 1000);
	line_text(&l, "reason", r->reason);
	line_end(&l);
}

/* --- rows ------------------------------------------------------------------ */

static struct followed *
find(struct tail *t, int64_t id)
{
	for (size_t i = 0; i < t->held; i++)
		if (t->followed[i].id == id)
			return &t->followed[i];
	return NULL;
}

/* Is there something to tell of it?  Then it is told. */
static bool
is_news(struct tail *t, const struct store_tail_row *r)
{
	struct followed *f = find(t, r->id);

	if (f && str_eqz(r->status, f->status))
		return false;
	if (!f) {
		f = &t->followed[t->next];
		t->next = (t->next + 1) % FOLLOWED;
		t->held += t->held < FOLLOWED;
		f->id = r->id;
	}
	snprintf(f->status, sizeof(f->status), "%.*s", STR_FMT(r->status));
	return true;
}

static int64_t
oldest_followed(const struct tail *t)
{
	return t->held < FOLLOWED ? (t->held ? t->followed[0].id : 0)
				  : t->followed[t->next].id;
}

/* Where a look begins.  No index knows a chat, so of those behind what it showed first
 * only the newest are gone through again. */
static int64_t
after(const struct tail *t)
{
	int64_t id = t->held ? oldest_followed(t) - 1 : 0;
	int64_t near = t->newest - CHAT_ROWS;

	return t->chat.p && t->looked && id < near ? near : id;
}

static int64_t
most(const struct tail *t)
{
	if (t->looked)
		return ROWS_MAX;
	return t->lines > FOLLOWED ? t->lines : FOLLOWED;
}

static int
look_at_rows(struct tail *t)
{
	struct store_tail op = {.op.arena = &t->arena,
		.tenant = t->tenant,
		.chat = t->chat,
		.after_id = after(t),
		.limit = most(t)};

	store_tail(t->store, &op, NULL);
	if (store_run(t->store, &op.op) < 0)
		return cli_store_report(&op.op);
	t->newest = op.newest;
	for (size_t i = op.count; i-- > 0;)
		if (is_news(t, &op.rows[i]) && (t->looked || i < (size_t)t->lines))
			print_row(t, &op.rows[i]);
	return CLI_DONE;
}

/* --- dead letters ---------------------------------------------------------- */

static bool
dead_fits(const struct tail *t, struct str tenant)
{
	return !t->chat.p && (!t->tenant.p || str_eq(tenant, tenant_id(t->tenant)));
}

static void
print_dead(const struct tail *t, const struct redisReply *row)
{
	struct line l;

	line_begin(&l, t->json, redis_text(redis_at(row, 6)), "dead");
	line_text(&l, "tenant", redis_text(redis_at(row, 3)));
	line_text(&l, "job_id", redis_text(redis_at(row, 0)));
	line_text(&l, "queue", redis_text(redis_at(row, 1)));
	line_text(&l, "attempts", redis_text(redis_at(row, 7)));
	line_text(&l, "reason", redis_text(redis_at(row, 2)));
	line_end(&l);
}

/* A job that died again has another end. */
static bool
is_known(const struct tail *t, const struct dead *d)
{
	for (size_t i = 0; i < t->dead_count; i++)
		if (str_eq(t->dead[i].id, d->id) && str_eq(t->dead[i].ended, d->ended))
			return true;
	return false;
}

static size_t
known_of_queue(const struct tail *t, struct str queue)
{
	size_t n = 0;

	for (size_t i = 0; i < t->dead_count; i++)
		n += str_eq(t->dead[i].queue, queue);
	return n;
}

/* Those of one queue, the newest first.  News is what the last look had not; but where
 * it had all that one look takes, and some of these left since, older ones follow. */
static void
tell_dead(const struct tail *t, const struct redisReply *reply, const struct dead *dead,
	size_t from, size_t to)
{
	size_t oldest = to;

	if (known_of_queue(t, dead[from].queue) == DEAD_MAX)
		while (oldest > from && !is_known(t, &dead[oldest - 1]))
			oldest--;
	if (oldest == from)
		oldest = to; /* as many as that died at once */
	for (size_t i = oldest; i-- > from;)
		if (!is_known(t, &dead[i]) &&
			dead_fits(t, redis_text(redis_at(redis_at(reply, i), 3))))
			print_dead(t, redis_at(reply, i));
}

/* By what was there before and not by when it ended: that is by the clock of whoever
 * worked it. */
static void
take_dead(struct tail *t, const struct redisReply *reply)
{
	size_t count = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
	struct arena arena;

	arena_init(&arena);
	struct dead *dead = arena_alloc(&arena, (count + 1) * sizeof(*dead));
	for (size_t i = 0; i < count; i++) {
		const struct redisReply *row = redis_at(reply, i);

		dead[i] = (struct dead){arena_str(&arena, redis_text(redis_at(row, 1))),
			arena_str(&arena, redis_text(redis_at(row, 0))),
			arena_str(&arena, redis_text(redis_at(row, 6)))};
	}
	for (size_t from = 0, to; t->dead && from < count; from = to) {
		for (to = from; to < count && str_eq(dead[to].queue, dead[from].queue);)
			to++;
		tell_dead(t, reply, dead, from, to);
	}
	if (t->dead)
		arena_done(&t->dead_arena);
	t->dead_arena = arena;
	t->dead = dead;
	t->dead_count = count;
}

/* Without Redis for a while, messages are still followed. */
static void
on_dead(struct redis_cmd *cmd)
{
	struct tail *t = container_of(cmd, struct tail, cmd);

	if (cmd->err == 0)
		take_dead(t, cmd->reply);
	loop_quit(&t->redis.loop);
}

/* --- the command ----------------------------------------------------------- */

/* A person has seen enough; this comes when the loop runs. */
static void
on_stop(void *arg)
{
	struct tail *t = arg;

	t->ended = true;
	loop_quit(&t->redis.loop);
}

/* False when a signal came meanwhile. */
static bool
rest(const struct tail *t)
{
	return !t->ended && (poll(NULL, 0, EVERY_MS) == 0 || errno != EINTR);
}

static int
look(struct tail *t)
{
	arena_init(&t->arena);
	int status = look_at_rows(t);
	if (status == CLI_DONE) {
		registry_dead(
			t->redis.redis, &t->cmd, t->s->rq_queues, DEAD_MAX, on_dead);
		loop_run(&t->redis.loop);
	}
	arena_done(&t->arena);
	t->looked = true;
	fflush(stdout);
	return status;
}

static int
run(void *into)
{
	struct tail *t = into;
	int status;

	loop_on_stop(&t->redis.loop, on_stop, t);
	do
		status = look(t);
	while (status == CLI_DONE && !t->once && !ferror(stdout) && rest(t));
	return status;
}

int
cli_tail(const struct settings *s, int argc, char **argv)
{
	static struct tail t; /* the words live as long as the process */
	struct arena arena;
	int status;

	t.s = s;
	t.lines = LINES;
	const struct cli_row *r =
		cli_words(&command, argc, argv, &t, &t.words, &status);
	if (!r)
		return status;
	if (t.lines > ROWS_MAX)
		return cli_usage(&command, r, "--lines: at most 5000");
	arena_init(&arena);
	t.store = cli_store_open(s, &arena);
	status = cli_redis_open(&t.redis, s) < 0 ? CLI_FAILED : r->run(&t);
	store_close(t.store);
	arena_done(&arena);
	return status;
}
